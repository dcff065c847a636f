//! Who sent the first bytes that were seen of a flow, where nothing else tells.

use super::datagram::Datagram;
use super::dissector::Likeness;
use super::{DATAGRAM_DISSECTORS, DISSECTORS};
use crate::event::Role;

/// Who sent these first bytes of a stream: the side as which alone a known protocol has it; `None` where none does, or
/// where they could be either's.
#[must_use]
pub fn sender_of_bytes(bytes: &[u8]) -> Option<Role> {
    // What is content with fewer bytes would be content with too much.
    let few = bytes.get(..3).unwrap_or(bytes);
    let like = |recognise: fn(&[u8]) -> Likeness| {
        recognise(bytes) == Likeness::Like && recognise(few) == Likeness::Unsure
    };
    one(DISSECTORS.iter().any(|known| like(known.call)), DISSECTORS.iter().any(|known| like(known.reply)))
}

/// The same of a first datagram, `bytes` of which were kept of `length`.
#[must_use]
pub fn sender_of_datagram(bytes: &[u8], length: u64) -> Option<Role> {
    let datagram = Datagram { bytes, length };
    one(
        DATAGRAM_DISSECTORS.iter().any(|known| (known.call)(&datagram)),
        DATAGRAM_DISSECTORS.iter().any(|known| (known.reply)(&datagram)),
    )
}

fn one(call: bool, reply: bool) -> Option<Role> {
    match (call, reply) {
        (true, false) => Some(Role::Originator),
        (false, true) => Some(Role::Responder),
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, sender_of_bytes, sender_of_datagram};

    #[test]
    fn only_what_one_side_alone_says_tells() {
        assert_eq!(sender_of_bytes(b"GET / HTTP/1.1\r\n"), Some(Role::Originator));
        assert_eq!(sender_of_bytes(b"HTTP/1.1 200 OK\r\n"), Some(Role::Responder));
        assert_eq!(sender_of_bytes(b"@RSYNCD: 31.0\n"), None);
        assert_eq!(sender_of_bytes(b"x"), None);
        let reply = b"\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(sender_of_datagram(reply, 24), Some(Role::Responder));
        assert_eq!(sender_of_datagram(b"", 0), None);
    }
}
