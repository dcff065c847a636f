//! The small corpora that are committed: one text file for each target, an input a line in hexadecimal, smallest first.
//!
//! They come from the conversations of the tests and from fuzzing, never from a capture that others made.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::process::run as run_program;

/// Most bytes of input kept for one target: what a reviewer can still scroll past.
const MOST_BYTES: usize = 4096;
/// Longest input kept: a long one says little that two short ones don't.
const LONGEST: usize = 512;

/// Writes the kept inputs of `target` as files into `corpus`.
pub(super) fn unpack(home: &Path, target: &str, corpus: &Path) -> Result<(), String> {
    let file = home.join("kept").join(format!("{target}.txt"));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    for (number, line) in text.lines().enumerate() {
        let bytes = bytes(line).ok_or_else(|| {
            format!("{}:{}: not pairs of hexadecimal digits", file.display(), number.saturating_add(1))
        })?;
        std::fs::write(corpus.join(format!("kept-{number:03}")), bytes)
            .map_err(|error| format!("{}: {error}", corpus.display()))?;
    }
    Ok(())
}

/// Reduces `corpus` to inputs that each reach something new, and keeps the smallest of these.
pub(super) fn pack(home: &Path, target: &str, program: &Path, corpus: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", corpus.display());
    let least = corpus.with_extension("least");
    if least.exists() {
        std::fs::remove_dir_all(&least).map_err(failed)?;
    }
    std::fs::create_dir_all(&least).map_err(failed)?;
    run_program(
        Command::new(program)
            .current_dir(home)
            .args([format!("-max_len={LONGEST}").as_str(), "-merge=1", "-verbosity=0"])
            .args([&least, corpus]),
    )?;
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&least).map_err(failed)? {
        inputs.push(std::fs::read(entry.map_err(failed)?.path()).map_err(failed)?);
    }
    std::fs::remove_dir_all(&least).map_err(failed)?;
    let folder = home.join("kept");
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let file = folder.join(format!("{target}.txt"));
    std::fs::write(&file, text(inputs)).map_err(|error| format!("{}: {error}", file.display()))
}

/// The smallest inputs as lines.
fn text(mut inputs: Vec<Vec<u8>>) -> String {
    inputs.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    let (mut text, mut held) = (String::new(), 0_usize);
    for input in inputs.iter().filter(|input| (1..=LONGEST).contains(&input.len())) {
        held = held.saturating_add(input.len());
        if held > MOST_BYTES {
            break;
        }
        for byte in input {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

/// The bytes of a line.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    line.len().is_multiple_of(2).then(|| line.as_bytes().chunks(2).map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_small_ordered_and_read_back() {
        let inputs = vec![vec![9; 3], vec![], vec![7; LONGEST + 1], vec![1, 255]];
        let kept = text(inputs);
        assert_eq!(kept, "01ff\n090909\n");
        assert_eq!(
            kept.lines().map(|line| bytes(line).unwrap()).collect::<Vec<_>>(),
            [vec![1, 255], vec![9; 3]]
        );
        assert_eq!(text(vec![vec![1; LONGEST]; 40]).lines().count(), MOST_BYTES / LONGEST);
        assert_eq!((bytes("0"), bytes("0g")), (None, None));
    }
}
