//! TCP sequence numbers as offsets of a stream.

/// Stream offset of a 32-bit sequence distance, nearest to where the stream stands (RFC 9293 section 3.4);
/// `None` when it lies before the first byte.
pub(super) fn unwrapped(near: u64, distance: u32) -> Option<u64> {
    const TURN: u64 = 1 << 32;
    let base = near & !(TURN - 1);
    let candidate = base + u64::from(distance);
    if candidate > near + TURN / 2 {
        candidate.checked_sub(TURN)
    } else if near > candidate + TURN / 2 {
        Some(candidate + TURN)
    } else {
        Some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_the_stream_over_the_turn_of_the_sequence_number() {
        assert_eq!(unwrapped(0, 0), Some(0));
        assert_eq!(unwrapped(0, 100), Some(100));
        assert_eq!(unwrapped(0, u32::MAX), None); // one byte before the first
        assert_eq!(unwrapped((1 << 32) - 1, 5), Some((1 << 32) + 5));
        assert_eq!(unwrapped((1 << 32) + 5, u32::MAX), Some((1 << 32) - 1));
    }
}
