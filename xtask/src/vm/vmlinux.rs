//! The kernel inside a bzImage (Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").

use std::path::Path;
use std::process::{Command, Stdio};

/// Number of 512-byte sectors of the setup code, 0 meaning 4.
const SETUP_SECTS: usize = 0x1f1;
/// `HdrS`.
const MAGIC: usize = 0x202;
/// Offset of the compressed kernel from the end of the setup code, protocol 2.08 and later.
const PAYLOAD_OFFSET: usize = 0x248;
/// Its length, with the four bytes of its uncompressed length that follow it.
const PAYLOAD_LENGTH: usize = 0x24c;

/// First bytes of a compressed stream, the program that reads it, and whether the length follows the stream.
const COMPRESSIONS: [(&[u8], &[&str]); 4] = [
    (&[0x1f, 0x8b], &["gzip", "-dc"]),
    (&[0xfd, b'7', b'z', b'X', b'Z'], &["xz", "-dc", "--single-stream"]),
    (&[0x28, 0xb5, 0x2f, 0xfd], &["zstd", "-dcq"]),
    (&[0x02, 0x21, 0x4c, 0x18], &["lz4", "-dcq"]),
];

/// Decompresses the kernel of a bzImage into an ELF file's bytes; `place` takes what is needed in between.
pub(super) fn extract(image: &[u8], place: &Path) -> Result<Vec<u8>, String> {
    let payload = payload(image)?;
    let (_, program) =
        COMPRESSIONS.iter().find(|(magic, _)| payload.starts_with(magic)).ok_or_else(|| {
            format!("the kernel is compressed in a way that is not known: {:x?}", payload.get(..4))
        })?;
    let compressed = place.join("payload");
    std::fs::write(&compressed, payload)
        .map_err(|error| format!("cannot write {}: {error}", compressed.display()))?;
    let [name, arguments @ ..] = *program else { return Err("no program".to_owned()) };
    let file = std::fs::File::open(&compressed)
        .map_err(|error| format!("cannot open {}: {error}", compressed.display()))?;
    let ended = Command::new(name).args(arguments).stdin(Stdio::from(file)).output();
    let kernel = ended
        .map_err(|error| format!("`{name}` could not be started ({error}); install xz-utils, zstd, lz4"))?;
    let _ = std::fs::remove_file(&compressed);
    if kernel.stdout.starts_with(b"\x7fELF") {
        return Ok(kernel.stdout);
    }
    let says = String::from_utf8_lossy(&kernel.stderr);
    Err(format!("`{}` gave no kernel: {}", program.join(" "), says.trim()))
}

fn payload(image: &[u8]) -> Result<&[u8], String> {
    let broken = || "not a bzImage with boot protocol 2.08".to_owned();
    if image.get(MAGIC..MAGIC + 4) != Some(b"HdrS".as_slice()) {
        return Err(broken());
    }
    let number = |at: usize| -> Option<usize> {
        let bytes = image.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let sectors = image.get(SETUP_SECTS).map(|count| if *count == 0 { 4 } else { usize::from(*count) });
    let from = sectors.ok_or_else(broken)?.saturating_add(1).saturating_mul(512);
    let from = from.saturating_add(number(PAYLOAD_OFFSET).ok_or_else(broken)?);
    let length = number(PAYLOAD_LENGTH).ok_or_else(broken)?;
    let payload = image.get(from..from.saturating_add(length)).ok_or_else(broken)?;
    // gzip ends with that length by itself; behind the others it was put by the kernel's build.
    if payload.starts_with(&[0x1f, 0x8b]) {
        Ok(payload)
    } else {
        payload.get(..length.saturating_sub(4)).ok_or_else(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bzImage of one setup sector around these bytes.
    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024];
        image[SETUP_SECTS] = 1;
        image[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        image[PAYLOAD_OFFSET] = 16;
        image[PAYLOAD_LENGTH] = u8::try_from(payload.len()).unwrap();
        image.extend([0; 16]);
        image.extend(payload);
        image
    }

    #[test]
    fn the_payload_is_found_without_its_length() {
        assert_eq!(
            payload(&image(b"\x28\xb5\x2f\xfdabcd\x01\x02\x03\x04")).unwrap(),
            b"\x28\xb5\x2f\xfdabcd"
        );
        assert_eq!(payload(&image(b"\x1f\x8babcd")).unwrap(), b"\x1f\x8babcd");
    }

    #[test]
    fn what_is_no_kernel_is_an_error() {
        assert!(payload(b"MZ").is_err());
        assert!(payload(&image(b"abcd")[..1030]).is_err());
        assert!(extract(&image(b"abcdefgh"), Path::new("/nowhere")).unwrap_err().contains("not known"));
    }
}
