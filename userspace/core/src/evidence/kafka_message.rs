//! Kafka's frames: headers, and the few fields that decide.
//!
//! Source: kafka.apache.org "Kafka protocol guide" (request and response headers, flexible versions by KIP-482).

use super::cursor::Cursor;

/// Produce.
pub(crate) const PRODUCE: u16 = 0;
/// ApiVersions.
pub(crate) const API_VERSIONS: u16 = 18;
/// SaslHandshake.
pub(crate) const SASL_HANDSHAKE: u16 = 17;
/// SaslAuthenticate.
pub(crate) const SASL_AUTHENTICATE: u16 = 36;
const FETCH: u16 = 1;
const CONTROLLED_SHUTDOWN: u16 = 7;

/// The start of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// What is asked for.
    pub(crate) key: u16,
    /// In which version.
    pub(crate) version: u16,
    /// Comes back in the response.
    pub(crate) correlation: u32,
}

impl Request {
    /// Reads the header, the bytes after the frame's length; what is left of `cursor` is the body.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let request = Self {
            key: u16::from_be_bytes(cursor.array()?),
            version: u16::from_be_bytes(cursor.array()?),
            correlation: u32::from_be_bytes(cursor.array()?),
        };
        // ControlledShutdown 0 alone has no client id, but the broker's in four bytes.
        if request.key != CONTROLLED_SHUTDOWN || request.version > 0 || cursor.0.len() != 4 {
            string(cursor)?;
            if request.is_flexible() {
                tags(cursor)?;
            }
        }
        Some(request)
    }

    /// True where the header ends with tagged fields and strings are compact, of the requests that are looked into.
    fn is_flexible(self) -> bool {
        let first = match self.key {
            // Metadata is 3, then OffsetCommit, OffsetFetch, FindCoordinator, the group requests, InitProducerId.
            PRODUCE | 3 => 9,
            FETCH => 12,
            8 => 8,
            9 | 11 => 6,
            10 => 3,
            12..=14 => 4,
            22 | SASL_AUTHENTICATE => 2,
            // SaslHandshake never is; of ApiVersions and the others the body is not looked at.
            _ => u16::MAX,
        };
        self.version >= first
    }

    /// `acks` of Produce: 0 wants no answer.
    pub(crate) fn wants_no_answer(self, mut body: Cursor<'_>) -> bool {
        self.key == PRODUCE && self.acks(&mut body) == Some([0, 0])
    }

    fn acks(self, body: &mut Cursor<'_>) -> Option<[u8; 2]> {
        // From version 3 on, the transaction's id comes first.
        if self.version >= 3 {
            if self.is_flexible() {
                compact(body)?
            } else {
                string(body)?
            };
        }
        body.array()
    }

    /// The token of SaslAuthenticate.
    pub(crate) fn token<'a>(self, cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
        if self.is_flexible() { compact(cursor) } else { bytes(cursor) }
    }

    /// The first error of the response to this request, where this program knows the place; 0 is none. `body` is what
    /// follows the correlation id.
    pub(crate) fn error(self, body: &mut Cursor<'_>) -> Option<u16> {
        if self.is_flexible() {
            tags(body)?;
        }
        let throttled_from = match self.key {
            FETCH => 1,
            8 | 9 => 3,
            10 | 12..=14 => 1,
            11 => 2,
            22 => 0,
            _ => u16::MAX,
        };
        if self.version >= throttled_from {
            body.array::<4>()?;
        }
        match self.key {
            PRODUCE | 8 => self.partition_error(body),
            FETCH if self.version < 7 => self.partition_error(body),
            FETCH | CONTROLLED_SHUTDOWN | 10..=14 | SASL_HANDSHAKE | 22 | SASL_AUTHENTICATE
                // FindCoordinator 4 answers for several at once.
                if self.key != 10 || self.version < 4 =>
            {
                Some(u16::from_be_bytes(body.array()?))
            }
            _ => Some(0),
        }
    }

    /// The error of the first partition of the first topic.
    fn partition_error(self, body: &mut Cursor<'_>) -> Option<u16> {
        let flexible = self.is_flexible();
        let count = |cursor: &mut Cursor<'_>| {
            if flexible { varint(cursor)?.checked_sub(1) } else { Some(u32::from_be_bytes(cursor.array()?)) }
        };
        if count(body)? == 0 {
            return Some(0);
        }
        if flexible {
            compact(body)?
        } else {
            string(body)?
        };
        if count(body)? == 0 {
            return Some(0);
        }
        body.array::<4>()?;
        Some(u16::from_be_bytes(body.array()?))
    }

    /// The token in the response to SaslAuthenticate, after its error.
    pub(crate) fn answer<'a>(self, cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
        if self.is_flexible() {
            compact(cursor)?;
            compact(cursor)
        } else {
            string(cursor)?;
            bytes(cursor)
        }
    }
}

/// A string of 16-bit length; -1 is none, and empty here.
pub(crate) fn string<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match i16::from_be_bytes(cursor.array()?) {
        -1 => Some(&[]),
        length => cursor.take(usize::try_from(length).ok()?),
    }
}

/// Bytes of 32-bit length; -1 is none, and empty here.
fn bytes<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match i32::from_be_bytes(cursor.array()?) {
        -1 => Some(&[]),
        length => cursor.take(usize::try_from(length).ok()?),
    }
}

/// A string or bytes whose length is a varint, one more than it is; 0 is none, and empty here.
fn compact<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = varint(cursor)?.saturating_sub(1);
    cursor.take(usize::try_from(length).ok()?)
}

/// Passes over tagged fields.
fn tags(cursor: &mut Cursor<'_>) -> Option<()> {
    for _ in 0..varint(cursor)?.min(16) {
        varint(cursor)?;
        let length = varint(cursor)?;
        cursor.take(usize::try_from(length).ok()?)?;
    }
    Some(())
}

/// An unsigned varint of at most five bytes.
fn varint(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = cursor.byte()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
