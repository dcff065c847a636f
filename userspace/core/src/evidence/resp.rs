//! RESP, the Redis serialization protocol, versions 2 and 3: reading without keeping.
//!
//! Source: redis.io "Redis serialization protocol specification".

use super::dissector::{Input, Likeness};

/// Longest line that is looked at; longer ones are not RESP as servers send it.
const LINE: usize = 4096;

/// A line at the start of `bytes`: its content and its length with the line end. `None` while it is incomplete.
pub(crate) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let content = bytes.get(..end)?;
    Some((content.strip_suffix(b"\r").unwrap_or(content), end.saturating_add(1)))
}

/// A line that ends within the first `most` bytes, so that what is found does not depend on how much is there.
pub(crate) fn line_within(bytes: &[u8], most: usize) -> Read<(&[u8], usize)> {
    match line(bytes.get(..most.min(bytes.len())).unwrap_or_default()) {
        Some(found) => Read::Got(found),
        None if bytes.len() < most => Read::More,
        None => Read::Broken,
    }
}

/// A decimal number of at most 18 digits with an optional minus sign.
pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.len() > 19 || text.starts_with('+') {
        return None;
    }
    text.parse().ok()
}

/// Does this look like the start of a server's reply?
pub(crate) fn reply_likeness(bytes: &[u8]) -> Likeness {
    let Some((kind, _)) = bytes.split_first() else { return Likeness::Unsure };
    if !b"+-:$*_,#!=(%~>|".contains(kind) {
        return Likeness::Unlike;
    }
    match line_within(bytes, LINE) {
        Read::More if printable(bytes.get(1..).unwrap_or_default()) => Likeness::Unsure,
        Read::More | Read::Broken => Likeness::Unlike,
        Read::Got((content, _)) if header(content).is_some() => Likeness::Like,
        Read::Got(_) => Likeness::Unlike,
    }
}

fn printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\t' | 0x80..))
}

/// What the first line of a value says about the rest of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Header {
    /// The line was all.
    Line,
    /// So many bytes and a line end follow.
    Bulk(u64),
    /// So many values follow.
    Values(u64),
    /// So many values follow that only annotate the next one.
    Attributes(u64),
}

/// Reads the first line of a value.
fn header(content: &[u8]) -> Option<Header> {
    let (kind, rest) = content.split_first()?;
    let count = || {
        number(rest).filter(|count| (-1..=1 << 40).contains(count)).map(|count| count.max(0).unsigned_abs())
    };
    match kind {
        b'+' | b'-' => printable(rest).then_some(Header::Line),
        b':' => number(rest).map(|_| Header::Line),
        b'_' => rest.is_empty().then_some(Header::Line),
        b'#' => matches!(rest, b"t" | b"f").then_some(Header::Line),
        b',' | b'(' => printable(rest).then_some(Header::Line),
        b'$' | b'!' | b'=' if rest == b"-1" => Some(Header::Line),
        b'$' | b'!' | b'=' => count().map(Header::Bulk),
        b'*' | b'~' | b'>' => count().map(Header::Values),
        b'%' => count().map(|pairs| Header::Values(pairs.saturating_mul(2))),
        b'|' => count().map(|pairs| Header::Attributes(pairs.saturating_mul(2))),
        _ => None,
    }
}

/// A reply's first line, as far as a verdict needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// Anything but an error.
    Value,
    /// An error and its text, which the server wrote.
    Error(String),
    /// An out-of-band message, which answers nothing.
    Push,
}

/// What one look at the input gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Read<T> {
    /// Not all there yet.
    More,
    /// Not RESP.
    Broken,
    /// This.
    Got(T),
}

/// Reads replies one after another: says what each is at its first line and skips the rest.
#[derive(Default, Debug)]
pub(crate) struct Replies {
    /// Values still to be skipped before the next reply begins.
    inside: u64,
}

impl Replies {
    /// Skips what is left of the reply before, so that the next one stands at the start. `false` while it can't.
    pub(crate) fn at_next(&mut self, input: &mut Input<'_>) -> Read<()> {
        while self.inside > 0 {
            match Self::value(input) {
                Read::Got((header, _)) => self.enter(header),
                Read::More => return Read::More,
                Read::Broken => return Read::Broken,
            }
        }
        if input.bytes().is_empty() { Read::More } else { Read::Got(()) }
    }

    /// Reads the first line of the reply that stands at the start.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Read<Reply> {
        loop {
            match self.at_next(input) {
                Read::Got(()) => {}
                Read::More => return Read::More,
                Read::Broken => return Read::Broken,
            }
            let push = input.bytes().first() == Some(&b'>');
            match Self::value(input) {
                Read::Got((header, error)) => {
                    let annotation = matches!(header, Header::Attributes(_));
                    self.inside = 1;
                    self.enter(header);
                    if annotation {
                        // The reply itself follows the annotation.
                        self.inside = self.inside.saturating_sub(1);
                        continue;
                    }
                    return Read::Got(match error {
                        Some(text) => Reply::Error(text),
                        None if push => Reply::Push,
                        None => Reply::Value,
                    });
                }
                Read::More => return Read::More,
                Read::Broken => return Read::Broken,
            }
        }
    }

    fn enter(&mut self, header: Header) {
        self.inside = match header {
            Header::Line | Header::Bulk(_) => self.inside.saturating_sub(1),
            Header::Values(count) => self.inside.saturating_sub(1).saturating_add(count),
            Header::Attributes(count) => self.inside.saturating_add(count),
        };
    }

    /// Reads one value's first line and moves past its bytes (not past the values it contains).
    fn value(input: &mut Input<'_>) -> Read<(Header, Option<String>)> {
        let bytes = input.bytes();
        let (content, length) = match line_within(bytes, LINE) {
            Read::Got(found) => found,
            Read::More => return Read::More,
            Read::Broken => return Read::Broken,
        };
        let Some(header) = header(content) else { return Read::Broken };
        let error = match content.split_first() {
            Some((b'-', text)) => Some(
                String::from_utf8_lossy(text.get(..text.len().min(160)).unwrap_or_default()).into_owned(),
            ),
            Some((b'!', _)) => Some(String::new()),
            Some(_) | None => None,
        };
        input.read(length);
        if let Header::Bulk(count) = header {
            input.skip(count.saturating_add(2));
        }
        Read::Got((header, error))
    }
}
