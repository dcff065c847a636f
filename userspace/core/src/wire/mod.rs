//! Kernel records as bytes become events.
//!
//! Decoding is total: any bytes give a value, an unknown kind is a value, nothing panics. Records of another
//! `tierzero_maps::ABI` are recognised and not read further.

mod cursor;
mod payload;
mod process;
mod socket;
mod unix;

use jiff::Timestamp;
use tierzero_maps::{ABI, kind};

use crate::event::{Addresses, Event};
use crate::id::EndKey;
use crate::wire::cursor::Cursor;

/// How the kernel's boot clock relates to the wall clock: fixed when observation starts, so that order is kept when
/// someone sets the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Wall clock minus boot clock, nanoseconds.
    pub offset_ns: i64,
}

impl Clock {
    /// Wall time of a moment given in nanoseconds since boot. A moment that no calendar holds becomes the earliest or
    /// latest one that it does.
    #[must_use]
    pub fn wall(&self, boot_ns: u64) -> Timestamp {
        let ns = i128::from(boot_ns) + i128::from(self.offset_ns);
        Timestamp::from_nanosecond(ns).unwrap_or(if ns < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

/// What a record was.
#[derive(Debug)]
pub enum Decoded {
    /// An event.
    Event(Event),
    /// A responder's end is established; early payload of the same addresses belongs to it.
    Responder {
        /// The event.
        event: Event,
        /// The end that it is about.
        end: EndKey,
        /// Its addresses.
        ends: Addresses,
        /// TCP sequence number of the first byte it receives.
        received_base: u32,
    },
    /// Payload that came before its connection had a socket.
    Early(EarlyPayload),
    /// A record of another layout version.
    Foreign {
        /// Version of the writer.
        abi: u32,
    },
    /// A kind that this decoder does not know.
    Unknown {
        /// The kind.
        kind: u32,
    },
    /// A record that is too short for its kind, or holds a value that can't be.
    Malformed {
        /// The kind; 0 where not even a header was there.
        kind: u32,
    },
}

/// Payload that reached a listening socket with the third segment of a handshake.
#[derive(Clone, PartialEq)]
pub struct EarlyPayload {
    /// When.
    pub at: Timestamp,
    /// Where, seen from the responder; the network namespace is not known.
    pub ends: Addresses,
    /// TCP sequence number of the first byte.
    pub sequence: u32,
    /// How many bytes were there.
    pub length: u64,
    /// The bytes that were kept.
    pub bytes: bytes::Bytes,
}

impl std::fmt::Debug for EarlyPayload {
    /// Prints the length only: payload never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, ends, sequence, length, bytes } = self;
        write!(f, "EarlyPayload({at}, {ends:?}, sequence {sequence}, {} of {length} bytes)", bytes.len())
    }
}

/// Nanoseconds since boot at which a record was made; `None` where not even a header is there.
#[must_use]
pub fn time(record: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(record);
    cursor.u32()?;
    cursor.u32()?;
    cursor.u64()
}

/// Decodes one record.
#[must_use]
pub fn decode(record: &[u8], clock: &Clock) -> Decoded {
    let mut cursor = Cursor::new(record);
    let Some((kind, abi, at)) = header(&mut cursor) else {
        return Decoded::Malformed { kind: 0 };
    };
    if abi != ABI {
        return Decoded::Foreign { abi };
    }
    let at = clock.wall(at);
    let decoded = match kind {
        kind::LISTEN | kind::CONNECT | kind::ESTABLISHED | kind::CONNECT_FAILED | kind::ACCEPT => {
            socket::decode(kind, at, &mut cursor)
        }
        kind::RELEASE | kind::LISTENER_CLOSED => socket::release(kind, at, &mut cursor),
        kind::DATAGRAMS => socket::datagrams(at, &mut cursor),
        kind::FORK | kind::EXEC | kind::EXIT => process::decode(kind, at, &mut cursor),
        kind::PAYLOAD | kind::UNIX_PAYLOAD => payload::stream(kind, at, &mut cursor),
        kind::TLS_PAYLOAD => payload::inside(at, &mut cursor),
        kind::TLS_CALLER => payload::caller(at, &mut cursor),
        kind::EARLY_PAYLOAD | kind::DATAGRAM_PAYLOAD => payload::addressed(kind, at, &mut cursor),
        kind::UNIX_CONNECT | kind::UNIX_ACCEPT | kind::UNIX_PEER_CREDENTIALS | kind::UNIX_RELEASE => {
            unix::decode(kind, at, &mut cursor)
        }
        _ => return Decoded::Unknown { kind },
    };
    decoded.unwrap_or(Decoded::Malformed { kind })
}

fn header(cursor: &mut Cursor<'_>) -> Option<(u32, u32, u64)> {
    Some((cursor.u32()?, cursor.u32()?, cursor.u64()?))
}

#[cfg(test)]
mod tests;
