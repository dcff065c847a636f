//! The conversations of the tests as seeds for the fuzz targets: `cargo xtask fuzz --seeds` asks for them.

use std::path::PathBuf;

use tierzero_core::event::Role;

use super::Turn;

/// The folder that gets them; nothing is written where it is not set.
const FOLDER: &str = "TIERZERO_SEEDS";
/// Longest turn that two bytes of header can tell, a little less.
const TURN: usize = 1200;
/// Longest seed; longer conversations teach a fuzzer nothing that shorter ones don't.
const LONGEST: usize = 4096;

/// Turns as the fuzz targets read them: two bytes (who, and how long), then the bytes.
fn written(turns: &[Turn]) -> Vec<u8> {
    let mut out = Vec::new();
    for (from, bytes) in turns {
        for piece in bytes.chunks(TURN) {
            let length = u8::try_from(piece.len() & 7).unwrap_or(0);
            let eights = u8::try_from(piece.len() >> 3).unwrap_or(0);
            // The first byte counts eights and says who; the second holds what is left, and eights beyond 127.
            let (high, low) =
                if eights > 127 { (127, length + ((eights - 127) << 3)) } else { (eights, length) };
            out.extend([high << 1 | u8::from(*from == Role::Responder), low]);
            out.extend_from_slice(piece);
        }
    }
    out
}

/// Keeps a conversation, by `kind` and the test it comes from.
pub(super) fn keep(kind: &str, turns: &[Turn]) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let seed = written(turns);
    let own = std::env::current_exe().unwrap();
    let name = own.file_stem().unwrap().to_string_lossy();
    let subject =
        name.rsplit_once('-').map_or(&*name, |(subject, _)| subject).trim_start_matches("evidence_");
    if seed.is_empty() || seed.len() > LONGEST {
        return;
    }
    let place = PathBuf::from(folder).join(kind).join(subject);
    std::fs::create_dir_all(&place).unwrap();
    // FNV-1a: the same conversation has the same name.
    let sum = seed
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    std::fs::write(place.join(format!("{sum:016x}")), seed).unwrap();
}
