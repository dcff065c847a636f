//! Heads of messages as HTTP has them, for the protocols that took them over: a line, fields, an empty line.
//!
//! Sources: RFC 3261 section 7 (SIP), RFC 2326 section 4 (RTSP), RFC 5322 section 2.2 (fields and folding).

use super::dissector::{Input, Likeness, Notes};
use super::http_credential::{self, Offer};
use super::resp::Read;
use super::text_line::byte_after;

/// Longest head.
const HEAD: usize = 12_288;
/// Longest first line.
const LINE: usize = 2048;
/// Most fields.
const FIELDS: usize = 96;

/// A head that is there as a whole.
pub(crate) struct Head<'a> {
    /// Its first line.
    pub(crate) line: &'a [u8],
    fields: Vec<httparse::Header<'a>>,
    /// Bytes up to the body.
    pub(crate) length: usize,
}

/// Where the first empty line of `bytes` ends, whose first `from` bytes hold no end of one.
fn empty_line(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let end = byte_after(bytes, from, b'\n')?;
        // What comes last before it: a line's end, or something that fills the line. No byte is passed twice.
        let blank = |byte: &&u8| **byte != b'\n' && byte.is_ascii_whitespace();
        let before = bytes.get(..end)?.iter().rev().find(|byte| !blank(byte));
        if before.is_none_or(|byte| *byte == b'\n') {
            return Some(end);
        }
        from = end.checked_add(1)?;
    }
}

impl<'a> Head<'a> {
    /// True when the whole head is there, or no head can be.
    pub(crate) fn has_ended(input: &mut Input<'_>) -> bool {
        input.find(HEAD, empty_line).is_some() || input.bytes().len() >= HEAD
    }

    /// Reads the head at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut head = Self { line: &[], fields: Vec::new(), length: 0 };
        let window = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
        // Where the field that is being read began.
        let (mut start, mut at) = (0, 0);
        loop {
            let Some(end) = window.get(at..).unwrap_or_default().iter().position(|byte| *byte == b'\n')
            else {
                return if bytes.len() >= HEAD { Read::Broken } else { Read::More };
            };
            let end = at.saturating_add(end);
            let next = end.saturating_add(1);
            let empty = window.get(at..end).unwrap_or_default().trim_ascii().is_empty();
            let folds = !empty && matches!(window.get(next), Some(b' ' | b'\t'));
            if !empty && window.get(next).is_none() {
                return if bytes.len() >= HEAD { Read::Broken } else { Read::More };
            }
            if !folds {
                let text = window.get(start..end).unwrap_or_default();
                if head.line.is_empty() {
                    head.line = text.trim_ascii_end();
                    if empty {
                        return Read::Broken;
                    }
                } else if empty {
                    head.length = next;
                    return Read::Got(head);
                } else if head.fields.len() < FIELDS {
                    head.fields.extend(field(text));
                }
                start = next;
            }
            at = next;
        }
    }

    /// The first field of this name; SIP has short names too (RFC 3261 section 7.3.3).
    pub(crate) fn field(&self, long: &str, short: &str) -> Option<&'a [u8]> {
        let is = |name: &str| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short);
        self.fields.iter().find(|field| is(field.name)).map(|field| field.value)
    }

    /// Bytes of the body.
    pub(crate) fn body(&self) -> u64 {
        let text = self.field("Content-Length", "l").and_then(|value| std::str::from_utf8(value).ok());
        text.and_then(|text| text.parse::<u32>().ok()).map_or(0, u64::from)
    }

    /// The proofs that its fields carry.
    pub(crate) fn offers(&self, notes: &Notes<'_>) -> Vec<Offer> {
        let wanted = |name: &str| {
            name.eq_ignore_ascii_case("Authorization") || name.eq_ignore_ascii_case("Proxy-Authorization")
        };
        // A Digest without an answer only names the user, so that the challenge can be chosen.
        let fields: Vec<httparse::Header<'_>> = self
            .fields
            .iter()
            .filter(|field| wanted(field.name) && !contains(field.value, b"response=\"\""))
            .copied()
            .collect();
        http_credential::offers("", &fields, notes)
    }

    /// Status of an answer whose version begins like this: `SIP/2.0 200 OK`.
    pub(crate) fn status(&self, version: &[u8]) -> Option<u16> {
        let rest = self.line.strip_prefix(version)?;
        let space = rest.iter().position(|byte| *byte == b' ')?;
        let digits = rest.get(space.checked_add(1)?..space.checked_add(4)?)?;
        std::str::from_utf8(digits).ok()?.parse().ok().filter(|code| (100..700).contains(code))
    }

    /// Method of a request.
    pub(crate) fn method(&self) -> &'a [u8] {
        let end = self.line.iter().position(|byte| *byte == b' ').unwrap_or(0);
        self.line.get(..end).unwrap_or_default()
    }

    /// True when the receiver says that the answer was right once and its challenge has aged (RFC 7616 section 3.3).
    pub(crate) fn is_stale(&self) -> bool {
        self.fields.iter().any(|field| {
            let value = field.value.to_ascii_lowercase();
            field.name.to_ascii_lowercase().ends_with("-authenticate")
                && (contains(&value, b"stale=true") || contains(&value, b"stale=\"true\""))
        })
    }
}

fn field(text: &[u8]) -> Option<httparse::Header<'_>> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (name, value) = text.split_at_checked(colon)?;
    let name = std::str::from_utf8(name).ok()?.trim();
    Some(httparse::Header { name, value: value.get(1..)?.trim_ascii() })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Compares with a request line: one of `methods`, a target, and ` version` at the line's end.
pub(crate) fn request_likeness(bytes: &[u8], methods: &[&str], version: &[u8]) -> Likeness {
    let end = bytes.iter().take(32).position(|byte| *byte == b' ');
    let word = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let known = |method: &&&str| match end {
        Some(_) => method.as_bytes() == word,
        None => method.as_bytes().starts_with(word),
    };
    if methods.iter().find(known).is_none() {
        return Likeness::Unlike;
    }
    match bytes.iter().take(LINE).position(|byte| *byte == b'\n') {
        Some(line) => {
            let line = bytes.get(..line).unwrap_or_default().trim_ascii_end();
            let ends = line.strip_suffix(version).is_some_and(|rest| rest.ends_with(b" "));
            if ends { Likeness::Like } else { Likeness::Unlike }
        }
        None if bytes.len() < LINE => Likeness::Unsure,
        None => Likeness::Unlike,
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::Stream;
    use super::*;

    #[test]
    fn a_head_has_ended_exactly_when_it_can_be_read_however_it_comes() {
        let long = [&b"OPTIONS * SIP/2.0\r\nVia: "[..], &[b'a'; HEAD]].concat();
        let texts = [
            &b"OPTIONS * SIP/2.0\r\nVia: a\r\n b\r\n\r\nbody\n\n"[..],
            b"OPTIONS * SIP/2.0\nl: 3\n \t\nabc",
            b" \r\nOPTIONS",
            b"\nOPTIONS",
            b"OPTIONS",
            &long,
        ];
        for (text, step) in texts.iter().flat_map(|text| [1, 3, 7].map(|step| (text, step))) {
            let mut stream = Stream::new(2 * HEAD);
            for piece in text.chunks(step) {
                stream.append(piece);
                let ended = Head::has_ended(&mut Input::new(&mut stream, u64::MAX));
                assert_eq!(ended, !matches!(Head::read(stream.unread(u64::MAX)), Read::More));
            }
        }
    }

    #[test]
    fn what_was_looked_through_is_not_looked_through_again() {
        let mut stream = Stream::new(HEAD);
        let mut looked = 0;
        for _ in 0..1000 {
            stream.append(b"a");
            let found = Input::new(&mut stream, u64::MAX).find(HEAD, |bytes, from| {
                looked += bytes.len().saturating_sub(from);
                byte_after(bytes, from, b'\n')
            });
            assert_eq!(found, None);
        }
        assert_eq!(looked, 1000);
    }
}
