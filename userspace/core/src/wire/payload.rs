//! Payload records: the bytes are copied once, out of the ring, and go on to the evidence stage only.

use jiff::Timestamp;
use tierzero_maps::kind;

use super::cursor::Cursor;
use super::{Decoded, EarlyPayload};
use crate::event::{Event, Payload, TlsCaller, What, wiped};
use crate::id::EndKey;

/// `SSL_VERIFY_PEER` and `SSL_VERIFY_POST_HANDSHAKE` (SSL_set_verify(3)).
const VERIFY_PEER: u32 = 1;
const VERIFY_POST_HANDSHAKE: u32 = 8;

/// What a payload record says about its bytes.
struct Head {
    cookie: u64,
    offset: u64,
    length: u32,
    captured: usize,
    sent: bool,
}

fn head(cursor: &mut Cursor<'_>) -> Option<Head> {
    let (cookie, offset) = (cursor.u64()?, cursor.u64()?);
    let (length, captured) = (cursor.u32()?, cursor.u32()?);
    let sent = cursor.u32()? == kind::SENT;
    cursor.u32()?;
    if captured > length {
        return None;
    }
    Some(Head { cookie, offset, length, captured: usize::try_from(captured).ok()?, sent })
}

/// A `tierzero_maps::record::Payload` of what is inside TLS, and its bytes.
pub(super) fn inside(at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let Head { cookie, offset, length, captured, sent } = head(cursor)?;
    let bytes = wiped(cursor.bytes(captured)?.to_vec());
    let end = EndKey::Tcp { cookie };
    let payload = Payload { end, ends: None, sent, offset, length: u64::from(length), bytes };
    Some(Decoded::Event(Event { at, what: What::Inside(payload) }))
}

/// A `tierzero_maps::record::TlsCaller` and its certificate.
pub(super) fn caller(at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let end = EndKey::Tcp { cookie: cursor.u64()? };
    let (mode, verify_result) = (cursor.u32()?, cursor.u32()?);
    let held = cursor.u32()? != 0;
    let (length, captured) = (cursor.u32()?, cursor.u32()?);
    let refused = cursor.u32()? != 0;
    let bytes = cursor.bytes(usize::try_from(captured).ok()?)?;
    let whole = if length == captured { bytes } else { &[] };
    let certificate = held.then(|| wiped(whole.to_vec()));
    let asked = mode & VERIFY_PEER != 0 && mode & VERIFY_POST_HANDSHAKE == 0;
    let caller = TlsCaller { end, asked, verify_result, certificate, refused };
    Some(Decoded::Event(Event { at, what: What::TlsCaller(caller) }))
}

/// A `tierzero_maps::record::Payload` and its bytes.
pub(super) fn stream(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let Head { cookie, offset, length, captured, sent } = head(cursor)?;
    let bytes = wiped(cursor.bytes(captured)?.to_vec());
    let end =
        if kind == kind::UNIX_PAYLOAD { EndKey::Unix { socket: cookie } } else { EndKey::Tcp { cookie } };
    let payload = Payload { end, ends: None, sent, offset, length: u64::from(length), bytes };
    Some(Decoded::Event(Event { at, what: What::Payload(payload) }))
}

/// A `tierzero_maps::record::AddressedPayload` and its bytes.
pub(super) fn addressed(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let Head { cookie, offset, length, captured, sent } = head(cursor)?;
    let ends = cursor.addresses()?;
    let bytes = wiped(cursor.bytes(captured)?.to_vec());
    let length = u64::from(length);
    if kind == kind::EARLY_PAYLOAD {
        let sequence = u32::try_from(offset).ok()?;
        return Some(Decoded::Early(EarlyPayload { at, ends, sequence, length, bytes }));
    }
    let end = EndKey::Udp { cookie, peer: ends.remote };
    let payload = Payload { end, ends: Some(ends), sent, offset, length, bytes };
    Some(Decoded::Event(Event { at, what: What::Payload(payload) }))
}
