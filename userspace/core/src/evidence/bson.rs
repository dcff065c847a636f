//! BSON documents, walked without being built.
//!
//! Source: bsonspec.org, version 1.1.

use super::cursor::Cursor;

/// One element of a document.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Type byte.
    kind: u8,
    /// Name.
    pub(crate) key: &'a [u8],
    /// Value as encoded.
    value: &'a [u8],
}

/// The elements of a document, up to the first that does not parse.
pub(crate) struct Elements<'a>(Cursor<'a>);

/// The elements of the document that `bytes` begins with, as far as it is there.
pub(crate) fn elements(bytes: &[u8]) -> Elements<'_> {
    let mut fields = Cursor(bytes);
    let length = fields.array().map(u32::from_le_bytes).and_then(|length| usize::try_from(length).ok());
    let rest = length.and_then(|length| bytes.get(4..length.min(bytes.len()))).unwrap_or_default();
    Elements(Cursor(rest))
}

/// The element of that name at the top of the document.
pub(crate) fn find<'a>(bytes: &'a [u8], key: &[u8]) -> Option<Element<'a>> {
    elements(bytes).find(|element| element.key == key)
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let kind = self.0.byte().filter(|kind| *kind != 0)?;
        let key = self.0.until(0)?;
        let head = self.0.0;
        let counted = |more: u64| {
            let length = Cursor(head).array().map(u32::from_le_bytes)?;
            u64::from(length).checked_add(more)
        };
        let length = match kind {
            0x06 | 0x0a | 0x7f | 0xff => Some(0),
            0x08 => Some(1),
            0x10 => Some(4),
            0x01 | 0x09 | 0x11 | 0x12 => Some(8),
            0x07 => Some(12),
            0x13 => Some(16),
            0x02 | 0x0d | 0x0e => counted(4),
            0x03 | 0x04 | 0x0f => counted(0),
            0x05 => counted(5),
            0x0c => counted(16),
            0x0b => {
                let mut texts = self.0;
                texts.until(0)?;
                texts.until(0)?;
                u64::try_from(head.len().saturating_sub(texts.0.len())).ok()
            }
            _ => None,
        }?;
        let value = self.0.take(usize::try_from(length).ok()?)?;
        Some(Element { kind, key, value })
    }
}

impl<'a> Element<'a> {
    /// A string's bytes without the closing zero, or a binary's.
    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        match self.kind {
            0x02 | 0x0e => self.value.get(4..)?.split_last().map(|(_, text)| text),
            0x05 => self.value.get(5..),
            _ => None,
        }
    }

    /// An embedded document.
    pub(crate) fn document(&self) -> Option<&'a [u8]> {
        (self.kind == 0x03).then_some(self.value)
    }

    /// A number or truth value, cut to whole.
    pub(crate) fn number(&self) -> Option<i64> {
        let mut value = Cursor(self.value);
        match self.kind {
            0x08 => value.byte().map(i64::from),
            0x10 => value.array().map(i32::from_le_bytes).map(i64::from),
            0x12 => value.array().map(i64::from_le_bytes),
            // `ok` comes as a double that is 0 or 1; nothing else that is looked at does.
            0x01 => value.array().map(f64::from_le_bytes).map(|value| i64::from(value >= 1.0)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{elements, find};

    #[test]
    fn documents_are_walked_as_far_as_they_go() {
        let document =
            b"\x2d\0\0\0\x10a\0\x01\0\0\0\x02name\0\x03\0\0\0ab\0\x08t\0\x01\x01ok\0\0\0\0\0\0\0\xf0\x3f\0";
        assert_eq!(elements(document).count(), 4);
        assert_eq!(find(document, b"name").and_then(|found| found.bytes()), Some(&b"ab"[..]));
        assert_eq!(find(document, b"ok").and_then(|found| found.number()), Some(1));
        for end in 0..document.len() {
            assert!(elements(document.get(..end).unwrap_or_default()).count() <= 4);
        }
        assert_eq!(elements(b"\xff\xff\xff\xff\x02a\0\xff\xff\xff\xffxx").count(), 0);
    }
}
