//! Marker secrets: unique strings that no output of the observer may contain, in any usual spelling.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

/// One secret and what it is for.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    name: String,
    secret: String,
}

impl Marker {
    /// A new secret, never seen before. Letters and digits only, so that a spelling differs only by encoding.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let mut random = [0_u8; 9];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut random))
            .map_err(|error| format!("/dev/urandom: {error}"))?;
        let tail: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.to_owned(), secret: format!("{name}x{tail}Z") })
    }

    /// The secret itself.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The spellings under which it could leak.
    fn spellings(&self) -> Vec<(&'static str, Vec<u8>)> {
        let bytes = self.secret.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // A fingerprint without a key would be these digits; the observer prints 16 of them.
        let digest: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let wide: Vec<u8> = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
        let numbers = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
        let mut all = vec![
            ("as it is", bytes.to_vec()),
            ("hex", hex.clone().into_bytes()),
            ("upper-case hex", hex.to_uppercase().into_bytes()),
            ("reversed", bytes.iter().rev().copied().collect()),
            ("UTF-16", wide),
            ("byte numbers", numbers.join(",").into_bytes()),
            ("unkeyed SHA-256", digest.into_bytes()),
        ];
        for shift in 0..3 {
            all.push(("base64", base64_core(bytes, shift)));
        }
        // The secret without its ends: a cut or an escape at either end must not hide it.
        let inner = bytes.get(6..bytes.len().saturating_sub(2)).unwrap_or(bytes);
        all.push(("in part", inner.to_vec()));
        all
    }

    /// Each leak in `bytes`, as a sentence that does not repeat the secret.
    pub(crate) fn leaks(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        self.spellings()
            .into_iter()
            .filter(|(_, needle)| contains(bytes, needle))
            .map(|(spelling, _)| format!("{place} contains {} ({spelling})", self.name))
            .collect()
    }
}

/// The part of a base64 text (RFC 4648 section 4) that does not depend on what stands around `bytes`, which begin
/// `shift` bytes after a group of three.
fn base64_core(bytes: &[u8], shift: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let skip = (3 - shift) % 3;
    let mut out = Vec::new();
    for group in bytes.get(skip..).unwrap_or_default().chunks_exact(3) {
        let number = group.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        for place in [18, 12, 6, 0] {
            out.extend(ALPHABET.get(number >> place & 63));
        }
    }
    out
}

/// True when `needle` is in `bytes`.
fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(needle) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// Every leak in every file below `directory`.
pub(crate) fn search(markers: &[Marker], directory: &Path) -> Result<Vec<String>, String> {
    let mut leaks = Vec::new();
    for_each_file(directory, &mut |name, bytes| {
        leaks.extend(markers.iter().flat_map(|marker| marker.leaks(name, bytes)));
    })?;
    leaks.sort();
    Ok(leaks)
}

/// Every output in which a word stands that must not. A recording and a database hold names of others: they are no
/// statements.
pub(crate) fn words(forbidden: &[String], directory: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for_each_file(directory, &mut |name, bytes| {
        if name.starts_with("events.jsonl") || name.starts_with("graph.db") || name == "run.json" {
            return;
        }
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        let stands: Vec<&str> = text.split(|it: char| !it.is_alphanumeric()).collect();
        found.extend(
            forbidden
                .iter()
                .filter(|word| stands.contains(&word.to_lowercase().as_str()))
                .map(|word| format!("{name} says `{word}`")),
        );
    })?;
    found.sort();
    Ok(found)
}

fn for_each_file(directory: &Path, see: &mut impl FnMut(&str, &[u8])) -> Result<(), String> {
    let mut todo = vec![directory.to_path_buf()];
    while let Some(place) = todo.pop() {
        let entries = std::fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            see(&path.strip_prefix(directory).unwrap_or(&path).display().to_string(), &bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker { name: "MARK".to_owned(), secret: "MARKx00112233445566778Z".to_owned() }
    }

    #[test]
    fn every_spelling_is_found_and_others_are_not() {
        let marker = marker();
        assert!(marker.leaks("here", b"nothing of the kind").is_empty());
        for (spelling, text) in [
            ("as it is", "user:MARKx00112233445566778Z@host"),
            ("hex", "4d41524b7830303131323233333434353536363737385a"),
            ("reversed", "Z87766554433221100xKRAM"),
            ("in part", "0112233445566778"),
        ] {
            let found = marker.leaks("here", text.as_bytes());
            assert!(found.iter().any(|leak| leak.ends_with(&format!("({spelling})"))), "{text}: {found:?}");
        }
    }

    #[test]
    fn base64_is_found_at_each_alignment() {
        // Made with coreutils: printf 'u:MARKx00112233445566778Z' | base64, and with one and three letters before.
        for text in [
            "dTpNQVJLeDAwMTEyMjMzNDQ1NTY2Nzc4Wg==",
            "Ok1BUkt4MDAxMTIyMzM0NDU1NjY3NzhaIQ==",
            "YWJjTUFSS3gwMDExMjIzMzQ0NTU2Njc3OFo=",
        ] {
            let found = marker().leaks("here", text.as_bytes());
            assert!(found.iter().any(|leak| leak.contains("base64")), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_leak_report_does_not_leak() {
        let marker = marker();
        let report = marker.leaks("here", marker.secret().as_bytes()).join(" ");
        assert!(!report.contains(marker.secret()));
    }
}
