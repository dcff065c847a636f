//! One direction of a flow: segments in any order in, contiguous bytes out.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use zeroize::{Zeroize, Zeroizing};

use super::Hidden;

/// Most segments that wait behind a hole.
const WAITING_SEGMENTS: usize = 64;
/// Most ranges that are remembered as cut.
const CUT_RANGES: usize = 32;

/// The bytes of one direction that were not read yet. Everything it held is wiped.
#[derive(Default)]
pub(crate) struct Stream {
    limit: usize,
    /// Offset of the first unread byte.
    next: u64,
    /// Contiguous bytes from `next`.
    ready: Zeroizing<Vec<u8>>,
    /// Segments behind a hole, by offset.
    waiting: BTreeMap<u64, Zeroizing<Vec<u8>>>,
    waiting_bytes: usize,
    /// Ranges that a cut record left out, start to end.
    cut: BTreeMap<u64, u64>,
    /// Since when a hole has been open.
    hole_since: Option<Timestamp>,
    /// Up to which offset the end of a message was looked for, and is not.
    searched: u64,
}

impl fmt::Debug for Stream {
    /// Prints lengths only: payload never reaches a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({} ready at {}, {} waiting)", self.ready.len(), self.next, self.waiting_bytes)
    }
}

impl Stream {
    /// An empty stream that holds at most `limit` bytes in order and as many behind a hole.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Offset of the first unread byte.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Offset behind the last byte in order.
    pub(crate) fn edge(&self) -> u64 {
        self.next.saturating_add(self.ready.len() as u64)
    }

    /// The unread bytes before offset `end`.
    pub(crate) fn unread(&self, end: u64) -> &[u8] {
        let visible =
            usize::try_from(end.saturating_sub(self.next)).unwrap_or(usize::MAX).min(self.ready.len());
        self.ready.get(..visible).unwrap_or_default()
    }

    /// How many of the unread bytes were looked through for the end of a message, in vain.
    pub(crate) fn searched(&self) -> usize {
        usize::try_from(self.searched.saturating_sub(self.next)).unwrap_or(usize::MAX)
    }

    /// The first `count` unread bytes don't hold the end of a message.
    pub(crate) fn set_searched(&mut self, count: usize) {
        self.searched = self.next.saturating_add(count as u64);
    }

    /// How many more bytes fit in order.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.ready.len())
    }

    /// Appends bytes at the edge; the caller saw to it that there is room.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let needed = self.ready.len().saturating_add(bytes.len());
        if needed > self.ready.capacity() {
            // A growing Vec would leave its old bytes in freed memory; the old buffer is wiped when it is dropped.
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            larger.extend_from_slice(&self.ready);
            self.ready = larger;
        }
        self.ready.extend_from_slice(bytes);
    }

    /// Moves past `count` bytes, whether they are there yet or not, and wipes those that are.
    pub(crate) fn skip(&mut self, count: u64) {
        self.next = self.next.saturating_add(count);
        let here = usize::try_from(count).unwrap_or(usize::MAX).min(self.ready.len());
        let left = self.ready.len().saturating_sub(here);
        self.ready.copy_within(here.., 0);
        if let Some(tail) = self.ready.get_mut(left..) {
            tail.zeroize();
        }
        self.ready.truncate(left);
        while let Some(first) = self.cut.first_entry() {
            if *first.get() > self.next {
                break;
            }
            first.remove();
        }
    }

    /// Keeps a segment that lies behind a hole. `false` when there is no room for it.
    pub(crate) fn keep(&mut self, offset: u64, bytes: &[u8], now: Timestamp) -> bool {
        self.hole_since.get_or_insert(now);
        if self.waiting.get(&offset).is_some_and(|kept| kept.len() >= bytes.len()) {
            return true;
        }
        if self.waiting.len() >= WAITING_SEGMENTS
            || self.waiting_bytes.saturating_add(bytes.len()) > self.limit
        {
            return false;
        }
        if let Some(shorter) = self.waiting.insert(offset, Zeroizing::new(bytes.to_vec())) {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(shorter.len());
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        true
    }

    /// A kept segment that is no longer behind a hole.
    pub(crate) fn take_reached(&mut self) -> Option<(u64, Zeroizing<Vec<u8>>)> {
        let first = self.waiting.first_entry()?;
        if *first.key() > self.next.saturating_add(self.ready.len() as u64) {
            return None;
        }
        let (offset, bytes) = first.remove_entry();
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes.len());
        if self.waiting.is_empty() {
            self.hole_since = None;
        }
        Some((offset, bytes))
    }

    /// Remembers that the bytes from `start` to `end` were there and were not kept.
    pub(crate) fn mark_cut(&mut self, start: u64, end: u64) {
        if end <= start || end <= self.next || self.cut.len() >= CUT_RANGES {
            return;
        }
        let known = self.cut.entry(start).or_insert(end);
        *known = (*known).max(end);
    }

    /// True when the byte at the edge was cut off and nothing that waits has it.
    pub(crate) fn is_cut(&self) -> bool {
        let edge = self.edge();
        self.cut.range(..=edge).any(|(_, end)| *end > edge)
    }

    /// Since when a hole has been open, if one is.
    pub(crate) fn hole_since(&self) -> Option<Timestamp> {
        self.hole_since
    }

    /// Wipes everything.
    pub(crate) fn wipe(&mut self) {
        *self = Self::new(self.limit);
    }
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Direction {
    /// Its bytes.
    pub(crate) stream: Stream,
    /// Up to where the dissector may look.
    pub(crate) visible: u64,
    /// Why nothing more of it can be read.
    pub(crate) lost: Option<Hidden>,
    /// True once any byte was there.
    pub(crate) spoke: bool,
}

impl Direction {
    /// Nothing of it was seen yet.
    pub(crate) fn new(limit: usize) -> Self {
        Self { stream: Stream::new(limit), visible: 0, lost: None, spoke: false }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where it fails")]
mod tests {
    use super::*;

    #[test]
    fn skipping_past_the_edge_drops_what_comes_before() {
        let mut stream = Stream::new(16);
        stream.append(b"abcdef");
        stream.skip(2);
        assert_eq!(stream.unread(u64::MAX), b"cdef");
        stream.skip(10);
        assert_eq!((stream.next(), stream.edge(), stream.unread(u64::MAX)), (12, 12, &b""[..]));
    }

    #[test]
    fn segments_behind_a_hole_wait_and_are_bounded() {
        let mut stream = Stream::new(8);
        assert!(stream.keep(4, b"efgh", Timestamp::UNIX_EPOCH));
        assert!(stream.keep(4, b"ef", Timestamp::UNIX_EPOCH), "a repeat takes no room");
        assert!(!stream.keep(9, b"jklmn", Timestamp::UNIX_EPOCH));
        assert!(stream.take_reached().is_none());
        stream.append(b"abcd");
        assert_eq!(stream.take_reached().unwrap().1.as_slice(), b"efgh");
        assert!(stream.hole_since().is_none());
    }

    #[test]
    fn a_cut_matters_only_where_reading_stands() {
        let mut stream = Stream::new(8);
        stream.mark_cut(4, 9);
        assert!(!stream.is_cut());
        stream.append(b"abcd");
        assert!(stream.is_cut());
        stream.skip(9);
        assert!(!stream.is_cut());
    }
}
