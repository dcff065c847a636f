//! Tags and texts of a document in XML that is never whole, one direction of a stream.
//!
//! Own code and not a parser library's: what a text held must be wiped, and a document may end anywhere. Sources:
//! XML 1.0 sections 2.4, 2.5, 2.7, 3.1 and 4.6; RFC 6120 section 11.1, which forbids the rest of XML.

use zeroize::Zeroizing;

use super::dissector::{Input, Likeness};
use super::resp::Read;

/// Longest tag.
const TAG: usize = 4096;
/// Most bytes of a text that are kept.
const TEXT: usize = 12_288;
/// Longest start of a document before its first element.
const PROLOGUE: usize = 256;

/// A tag: an element's start, its end, or both.
pub(crate) struct Tag {
    /// What stands between `<` and `>`.
    inside: Zeroizing<Vec<u8>>,
    /// Bytes of the whole tag.
    pub(crate) length: usize,
}

impl Tag {
    /// True for the end of an element.
    pub(crate) fn closes(&self) -> bool {
        self.inside.first() == Some(&b'/')
    }

    /// True for an element without content.
    pub(crate) fn is_empty(&self) -> bool {
        self.inside.last() == Some(&b'/')
    }

    /// The element's name with its prefix.
    pub(crate) fn name(&self) -> &[u8] {
        let inside = self.inside.strip_prefix(b"/").unwrap_or(&self.inside);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
        inside.split(ends).next().unwrap_or_default()
    }

    /// The value of an attribute, as it is written.
    pub(crate) fn attribute(&self, name: &str) -> Option<&[u8]> {
        let mut rest = self.inside.get(self.name().len()..).unwrap_or_default();
        loop {
            let equals = rest.iter().position(|byte| *byte == b'=')?;
            let (key, after) = rest.split_at_checked(equals)?;
            let after = after.get(1..)?.trim_ascii_start();
            let quote = *after.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
            let value = after.get(1..)?;
            let end = value.iter().position(|byte| *byte == quote)?;
            if key.trim_ascii() == name.as_bytes() {
                return value.get(..end);
            }
            rest = value.get(end.saturating_add(1)..)?;
        }
    }

    /// True when the attribute has this value.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.attribute(name) == Some(value.as_bytes())
    }
}

/// The text of an element that is being read; what exceeds the bound is left out.
pub(crate) struct Text(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Text {
    /// Prints its length only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl Default for Text {
    /// One allocation, so that nothing is left behind by growing.
    fn default() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(TEXT)))
    }
}

impl Text {
    fn push(&mut self, bytes: &[u8]) {
        let room = TEXT.saturating_sub(self.0.len());
        self.0.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    /// The text without white space at its ends, and with its references undone.
    pub(crate) fn plain(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.0.len()));
        let mut rest = self.0.trim_ascii();
        while let Some((first, after)) = rest.split_first() {
            let known = REFERENCES.iter().find(|(name, _)| rest.starts_with(name));
            let (byte, length) = known.map_or((*first, 1), |(name, byte)| (*byte, name.len()));
            plain.push(byte);
            rest = rest.get(length..).unwrap_or(after);
        }
        plain
    }
}

/// The references that XML 1.0 section 4.6 predefines.
const REFERENCES: [(&[u8], u8); 5] =
    [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\'')];

/// Passes over text, into `kept` if that is wanted, and finds the next tag, which is left unread.
pub(crate) fn next(input: &mut Input<'_>, mut kept: Option<&mut Text>) -> Read<Tag> {
    loop {
        let bytes = input.bytes();
        let text = bytes.iter().position(|byte| *byte == b'<').unwrap_or(bytes.len());
        if text > 0 {
            if let Some(kept) = &mut kept {
                kept.push(bytes.get(..text).unwrap_or_default());
            }
            input.read(text);
            continue;
        }
        let window = bytes.get(..bytes.len().min(TAG)).unwrap_or_default();
        let unfinished = || if window.len() < TAG { Read::More } else { Read::Broken };
        // Declarations are passed over; comments, sections and definitions have no place in a stream.
        match window {
            [] | [_] => return Read::More,
            [_, b'!', ..] => return Read::Broken,
            [_, b'?', ..] => {
                let Some(end) = window.windows(2).position(|end| end == b"?>") else { return unfinished() };
                input.read(end.saturating_add(2));
            }
            [_, inside @ ..] => {
                let mut quote = None;
                let end = inside.iter().position(|byte| {
                    match (quote, *byte) {
                        (None, b'"' | b'\'') => quote = Some(*byte),
                        (Some(open), byte) if open == byte => quote = None,
                        _ => {}
                    }
                    quote.is_none() && *byte == b'>'
                });
                let Some(end) = end else { return unfinished() };
                let inside = Zeroizing::new(inside.get(..end).unwrap_or_default().to_vec());
                return Read::Got(Tag { inside, length: end.saturating_add(2) });
            }
        }
    }
}

/// Compares with a document whose first element is `name`: a declaration and white space may stand before it.
pub(crate) fn begins_with(bytes: &[u8], name: &str) -> Likeness {
    let window = bytes.get(..bytes.len().min(PROLOGUE)).unwrap_or_default();
    let unfinished = || if window.len() < PROLOGUE { Likeness::Unsure } else { Likeness::Unlike };
    let mut rest = window;
    match Likeness::starts_with(rest, b"<?xml ") {
        Likeness::Like => match rest.windows(2).position(|end| end == b"?>") {
            Some(end) => rest = rest.get(end.saturating_add(2)..).unwrap_or_default().trim_ascii_start(),
            None => return unfinished(),
        },
        Likeness::Unsure if rest.len() > 1 => return Likeness::Unsure,
        Likeness::Unsure | Likeness::Unlike => {}
    }
    match (rest.first(), rest.get(1..)) {
        (Some(b'<'), Some(inside)) => match Likeness::starts_with(inside, name.as_bytes()) {
            Likeness::Like => match inside.get(name.len()) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => Likeness::Like,
                Some(_) => Likeness::Unlike,
                None => unfinished(),
            },
            Likeness::Unsure => unfinished(),
            Likeness::Unlike => Likeness::Unlike,
        },
        (Some(_), _) => Likeness::Unlike,
        (None, _) => unfinished(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]
mod tests {
    use super::super::stream::Stream;
    use super::*;

    #[test]
    fn attributes_are_found_whatever_their_quotes() {
        let mut stream = Stream::new(256);
        stream.append(b"<?xml version='1.0'?> text <a:b c = 'x>y' d=\"it's\" e=''/>");
        let end = stream.edge();
        let mut input = Input::new(&mut stream, end);
        let mut text = Text::default();
        let Read::Got(tag) = next(&mut input, Some(&mut text)) else { panic!() };
        assert_eq!(text.plain().as_slice(), b"text");
        assert_eq!((tag.name(), tag.is_empty(), tag.closes()), (&b"a:b"[..], true, false));
        assert_eq!(tag.attribute("c").unwrap(), b"x>y");
        assert!(tag.has("d", "it's") && tag.has("e", ""));
        assert!(tag.attribute("x").is_none() && tag.attribute("b").is_none());
    }

    #[test]
    fn references_are_undone_once() {
        let mut text = Text::default();
        text.push(b" &amp;lt;&lt;&quot;&apos;&gt;&#65;& ");
        assert_eq!(text.plain().as_slice(), b"&lt;<\"'>&#65;&");
    }

    #[test]
    fn a_document_begins_with_its_declaration_or_not() {
        use Likeness::{Like, Unlike, Unsure};
        for (bytes, likeness) in [
            (&b"<?xml version='1.0'?>\n<s:s "[..], Like),
            (b"<s:s\n", Like),
            (b"<", Unsure),
            (b"<?xm", Unsure),
            (b"<?xml version='1.0'?>", Unsure),
            (b"<s:", Unsure),
            (b"<34>x", Unlike),
            (b"<s:str ", Unlike),
            (b" <s:s ", Unlike),
        ] {
            assert_eq!(begins_with(bytes, "s:s"), likeness, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
