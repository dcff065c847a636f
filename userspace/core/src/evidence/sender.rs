//! Who sent the first bytes that were seen of a flow, where nothing else tells.

use super::datagram::Datagram;
use super::dissector::Likeness;
use super::{DATAGRAM_DISSECTORS, DISSECTORS};
use crate::event::Role;

/// A line that means nothing.
const ANY_LINE: &[u8] = b"zz 1\r\n";

/// Who sent these first bytes of a stream, by the first protocol that knows them; `None` where none does, or where they
/// could be either's.
#[must_use]
pub fn sender_of_bytes(bytes: &[u8]) -> Option<Role> {
    // What is content with three bytes, or with any line, tells too little.
    let few = bytes.get(..3).unwrap_or(bytes);
    let like = |recognise: fn(&[u8]) -> Likeness| {
        recognise(bytes) == Likeness::Like
            && recognise(few) == Likeness::Unsure
            && recognise(ANY_LINE) != Likeness::Like
    };
    DISSECTORS.iter().map(|known| (like(known.call), like(known.reply))).find_map(one)?
}

/// The same of a first datagram, `bytes` of which were kept of `length`.
#[must_use]
pub fn sender_of_datagram(bytes: &[u8], length: u64) -> Option<Role> {
    let datagram = Datagram { bytes, length };
    DATAGRAM_DISSECTORS
        .iter()
        .map(|known| ((known.call)(&datagram), (known.reply)(&datagram)))
        .find_map(one)?
}

/// What one protocol says, whose word counts before that of the protocols after it; `None` where it knows the bytes not.
fn one((call, reply): (bool, bool)) -> Option<Option<Role>> {
    match (call, reply) {
        (true, false) => Some(Some(Role::Originator)),
        (false, true) => Some(Some(Role::Responder)),
        (true, true) => Some(None),
        (false, false) => None,
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
