//! Payload that leaves nothing behind.

use bytes::Bytes;
use zeroize::Zeroizing;

/// Payload whose memory is overwritten with zeros once nobody holds it any more, so that no core dump finds it.
#[must_use]
pub fn wiped(payload: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(payload))
}
