//! BER elements, read where they stand, with bounded lengths.
//!
//! Own code and not a parser library's: those want a whole message, and of a search's answer only the first bytes are
//! kept. Sources: X.690 sections 8.1.2 and 8.1.3; RFC 4511 section 5.1 (definite lengths, one-byte tags).

/// The head of an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// Its tag.
    pub(crate) tag: u8,
    /// Bytes of the head itself.
    pub(crate) head: usize,
    /// Bytes of its content.
    pub(crate) length: usize,
}

/// What stands where a head is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// Too few bytes.
    More,
    /// No head, or one of a form that is not used here.
    Broken,
    /// A head.
    Head(Head),
}

/// Reads a head: a one-byte tag and a definite length of at most four bytes.
pub(crate) fn head(bytes: &[u8]) -> Found {
    let (Some(tag), Some(first)) = (bytes.first().copied(), bytes.get(1).copied()) else {
        return Found::More;
    };
    if tag & 0x1f == 0x1f {
        return Found::Broken;
    }
    if first < 0x80 {
        return Found::Head(Head { tag, head: 2, length: usize::from(first) });
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Found::Broken;
    }
    let Some(digits) = bytes.get(2..count.saturating_add(2)) else { return Found::More };
    let length = digits.iter().fold(0_u32, |length, byte| (length << 8) | u32::from(*byte));
    match usize::try_from(length) {
        Ok(length) if length <= 0x7fff_ffff => {
            Found::Head(Head { tag, head: count.saturating_add(2), length })
        }
        Ok(_) | Err(_) => Found::Broken,
    }
}

/// The elements of a content, one after the other, for as long as they are whole.
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Found::Head(head) = head(self.0) else { return None };
        let end = head.head.checked_add(head.length)?;
        let content = self.0.get(head.head..end)?;
        self.0 = self.0.get(end..)?;
        Some((head.tag, content))
    }
}

/// The elements of a content of which only the first bytes may be there: the last one may be cut.
pub(crate) struct Started<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Started<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Found::Head(head) = head(self.0) else { return None };
        let content = self.0.get(head.head..)?;
        let (content, rest) = content.split_at(head.length.min(content.len()));
        self.0 = rest;
        Some((head.tag, content))
    }
}

/// An INTEGER's value, if it is at most eight bytes long.
pub(crate) fn integer(content: &[u8]) -> Option<i64> {
    let first = content.first().filter(|_| content.len() <= 8)?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(content.iter().fold(sign, |value, byte| (value << 8) | i64::from(*byte)))
}

/// An INTEGER's or ENUMERATED's value, if it is not negative and at most four bytes long.
pub(crate) fn number(content: &[u8]) -> Option<u32> {
    if content.is_empty() || content.len() > 4 || content.first()? & 0x80 != 0 {
        return None;
    }
    Some(content.iter().fold(0, |value, byte| (value << 8) | u32::from(*byte)))
}
