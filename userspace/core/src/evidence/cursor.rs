//! Reads fields off the front of a message that is there as a whole; every read is checked.

/// What of a message was not read yet.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// The next `N` bytes, for the integer types' `from_*_bytes`.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The bytes before the next `end`, which is passed over; `None` where there is no `end`.
    pub(crate) fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let length = self.0.iter().position(|byte| *byte == end)?;
        let found = self.take(length)?;
        self.byte()?;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn reads_stop_at_the_end() {
        let mut cursor = Cursor(b"\x01\x02name\0rest");
        assert_eq!(cursor.byte(), Some(1));
        assert_eq!(cursor.array::<9000>(), None);
        assert_eq!(cursor.array(), Some([2]));
        assert_eq!(cursor.until(0), Some(&b"name"[..]));
        assert_eq!(cursor.until(0), None);
        assert_eq!((cursor.take(5), cursor.take(4)), (None, Some(&b"rest"[..])));
    }
}
