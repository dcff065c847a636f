//! Where an HTTP message's body ends (RFC 9112 sections 6 and 7): bodies are passed over, never kept.

use super::dissector::Input;

/// What is left of a message's body.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Body {
    /// Nothing: a head comes next.
    #[default]
    None,
    /// The line with a chunk's size comes next.
    ChunkSize,
    /// The line end after a chunk comes next.
    ChunkEnd,
    /// Trailer fields up to an empty line.
    Trailer,
}

/// What a head says about its body.
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Nothing.
    Unsaid,
    /// Two things at once, or no number.
    Bad,
}

pub(crate) fn framing(fields: &[httparse::Header<'_>]) -> Framing {
    let mut length = None;
    for field in fields {
        if field.name.eq_ignore_ascii_case("transfer-encoding") {
            let last = field.value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            return if last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                Framing::Chunked
            } else {
                Framing::Bad
            };
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(field.value).unwrap_or_default().trim();
            match text.parse::<u64>() {
                Ok(number) if length.is_none_or(|known| known == number) && number < 1 << 48 => {
                    length = Some(number)
                }
                Ok(_) | Err(_) => return Framing::Bad,
            }
        }
    }
    length.map_or(Framing::Unsaid, Framing::Length)
}

impl Body {
    /// Moves past the body; `Some(true)` at the next head, `Some(false)` while it is not reached, `None` when the
    /// bytes are no chunks.
    pub(crate) fn pass(&mut self, input: &mut Input<'_>) -> Option<bool> {
        loop {
            let bytes = input.bytes();
            let line = bytes.iter().position(|byte| *byte == b'\n');
            match *self {
                Self::None => return Some(true),
                Self::ChunkSize => {
                    let Some(end) = line.filter(|end| *end < 1024) else {
                        return if bytes.len() < 1024 { Some(false) } else { None };
                    };
                    let text = bytes.get(..end).unwrap_or_default();
                    let digits = text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                    let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                    if digits.starts_with(b"+") || size >= 1 << 48 {
                        return None;
                    }
                    input.read(end.saturating_add(1));
                    input.skip(size);
                    *self = if size == 0 { Self::Trailer } else { Self::ChunkEnd };
                }
                Self::ChunkEnd => {
                    let Some(end) = line else { return if bytes.len() < 2 { Some(false) } else { None } };
                    if end > 1 {
                        return None;
                    }
                    input.read(end.saturating_add(1));
                    *self = Self::ChunkSize;
                }
                Self::Trailer => {
                    let Some(end) = line else { return Some(false) };
                    let empty = bytes.get(..end).unwrap_or_default().trim_ascii().is_empty();
                    input.read(end.saturating_add(1));
                    if empty {
                        *self = Self::None;
                    }
                }
            }
        }
    }
}
