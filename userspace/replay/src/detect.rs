//! What a file is, by its content.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::ReplayError;
use crate::header::FAMILY;

/// What a file looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A recorded event log.
    EventLog,
    /// A packet capture, libpcap format.
    Pcap,
    /// A packet capture, pcapng format.
    Pcapng,
    /// Nothing at all.
    Empty,
    /// Something else.
    Unknown,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EventLog => "a recorded event log",
            Self::Pcap => "a packet capture (pcap)",
            Self::Pcapng => "a packet capture (pcapng)",
            Self::Empty => "an empty file",
            Self::Unknown => "something else",
        })
    }
}

/// Bytes of the beginning that are enough to tell.
const BEGINNING: u64 = 512;

/// What the file at `path` is.
///
/// # Errors
/// [`ReplayError::File`] when it can't be read.
pub fn detect(path: &Path) -> Result<Kind, ReplayError> {
    let failed = |source| ReplayError::File { doing: format!("reading {}", path.display()), source };
    let mut beginning = Vec::new();
    File::open(path).map_err(failed)?.take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
    Ok(detect_content(&beginning))
}

/// What a file with this beginning is; 512 bytes are enough.
#[must_use]
pub fn detect_content(beginning: &[u8]) -> Kind {
    // draft-ietf-opsawg-pcap section 4 (both byte orders, micro- and nanoseconds), draft-ietf-opsawg-pcapng 4.1.
    match beginning {
        [] => Kind::Empty,
        [0xA1, 0xB2, 0xC3, 0xD4, ..] | [0xD4, 0xC3, 0xB2, 0xA1, ..] => Kind::Pcap,
        [0xA1, 0xB2, 0x3C, 0x4D, ..] | [0x4D, 0x3C, 0xB2, 0xA1, ..] => Kind::Pcap,
        [0x0A, 0x0D, 0x0D, 0x0A, ..] => Kind::Pcapng,
        _ if names_our_schema(beginning) => Kind::EventLog,
        _ => Kind::Unknown,
    }
}

/// `{ "schema" : "tierzero/events/...`, with any white space between.
fn names_our_schema(beginning: &[u8]) -> bool {
    let start = [r#"{"schema":""#, FAMILY].concat();
    let mut tight = beginning.iter().filter(|byte| !byte.is_ascii_whitespace());
    start.bytes().all(|expected| tight.next() == Some(&expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_not_names() {
        let cases: [(&[u8], Kind); 9] = [
            (b"", Kind::Empty),
            (b"{\"schema\":\"tierzero/events/1\",\"tool\":\"0.1.0\"}\n", Kind::EventLog),
            (b" { \"schema\" : \"tierzero/events/9\"", Kind::EventLog),
            (b"{\"schema\":\"tierzero/graph/1\"}", Kind::Unknown),
            (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", Kind::Pcap),
            (b"\xa1\xb2\x3c\x4d", Kind::Pcap),
            (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", Kind::Pcapng),
            (b"\xd4\xc3\xb2", Kind::Unknown),
            (b"SQLite format 3\0", Kind::Unknown),
        ];
        for (beginning, kind) in cases {
            assert_eq!(detect_content(beginning), kind, "{beginning:?}");
        }
    }
}
