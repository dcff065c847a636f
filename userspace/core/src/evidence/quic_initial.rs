//! QUIC's Initial packets, which anyone who sees them can open: their keys come from a connection id.
//!
//! Sources: RFC 9000 sections 16 (numbers), 17.2 (long headers) and 19 (frames), RFC 9001 section 5 (keys, header
//! protection), RFC 9369 section 3 (version 2).

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt};
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::cursor::Cursor;
use crate::event::Role;

/// Bytes of a tag, and of a sample for header protection.
const TAG: usize = 16;
/// Longest connection id (RFC 9000 section 17.2).
const ID: u8 = 20;

/// A version of QUIC: its number, the salt of its keys, the start of its labels, and its packet types.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) number: u32,
    salt: [u8; 20],
    label: &'static str,
    initial: u8,
    retry: u8,
}

/// RFC 9001 section 5.2, RFC 9369 section 3.3, and draft-ietf-quic-tls-29 section 5.2, which is still seen.
pub(crate) static VERSIONS: [Version; 3] = [
    Version {
        number: 1,
        salt: [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
            0xcc, 0xbb, 0x7f, 0x0a,
        ],
        label: "quic",
        initial: 0,
        retry: 3,
    },
    Version {
        number: 0x6b33_43cf,
        salt: [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
            0xf9, 0xbd, 0x2e, 0xd9,
        ],
        label: "quicv2",
        initial: 1,
        retry: 0,
    },
    Version {
        number: 0xff00_001d,
        salt: [
            0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
            0x43, 0x90, 0xa8, 0x99,
        ],
        label: "quic",
        initial: 0,
        retry: 3,
    },
];

/// Kinds of packets with a long header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Carries the first messages of the handshake.
    Initial,
    /// Asks the caller to begin again with a token.
    Retry,
    /// 0-RTT or Handshake: under keys that nobody else has.
    Sealed,
}

/// One packet with a long header, of which the datagram may hold several.
pub(crate) struct Packet<'a> {
    /// Its version.
    pub(crate) version: &'static Version,
    /// What kind.
    pub(crate) kind: Kind,
    /// The connection id of whoever receives it.
    pub(crate) destination: &'a [u8],
    /// The packet, as far as it is there.
    bytes: &'a [u8],
    /// Where its number begins.
    number: usize,
    /// Its length in the datagram.
    pub(crate) length: usize,
}

impl<'a> Packet<'a> {
    /// Reads the packet at the start of `bytes`.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let first = cursor.byte().filter(|first| first & 0xc0 == 0xc0)?;
        let number = u32::from_be_bytes(cursor.array()?);
        let version = VERSIONS.iter().find(|version| version.number == number)?;
        let destination = id(&mut cursor)?;
        id(&mut cursor)?;
        let kind = match first >> 4 & 3 {
            kind if kind == version.initial => Kind::Initial,
            kind if kind == version.retry => Kind::Retry,
            _ => Kind::Sealed,
        };
        if kind == Kind::Retry {
            return Some(Self { version, kind, destination, bytes, number: 0, length: bytes.len() });
        }
        if kind == Kind::Initial {
            let token = usize::try_from(varint(&mut cursor)?).ok()?;
            cursor.take(token)?;
        }
        let rest = usize::try_from(varint(&mut cursor)?).ok()?;
        let number = bytes.len().saturating_sub(cursor.0.len());
        Some(Self { version, kind, destination, bytes, number, length: number.checked_add(rest)? })
    }

    /// The frames of an Initial packet, when `keys` open it and all of it is there.
    pub(crate) fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        let sample_at = self.number.checked_add(4)?;
        let sample = self.bytes.get(sample_at..sample_at.checked_add(TAG)?)?;
        let mut mask = Array::<u8, _>::try_from(sample).ok()?;
        Aes128::new_from_slice(&keys.header).ok()?.encrypt_block(&mut mask);
        let mut mask = mask.iter().copied();
        let first = self.bytes.first()? ^ (mask.next()? & 0x0f);
        let width = usize::from(first & 3).saturating_add(1);
        let content_at = self.number.checked_add(width)?;
        let mut header = self.bytes.get(..content_at)?.to_vec();
        *header.first_mut()? = first;
        let mut nonce = keys.nonce;
        for (byte, mask) in header.get_mut(self.number..)?.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        let number = header.get(self.number..)?.iter().rev();
        for (byte, number) in nonce.iter_mut().rev().zip(number) {
            *byte ^= number;
        }
        let payload = Payload { msg: self.bytes.get(content_at..self.length)?, aad: &header };
        Aes128Gcm::new_from_slice(&keys.packet).ok()?.decrypt(&nonce.into(), payload).ok()
    }
}

fn id<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.byte().filter(|length| *length <= ID)?;
    cursor.take(usize::from(length))
}

/// A number of variable length (RFC 9000 section 16).
pub(crate) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.byte()?;
    let rest = (1_usize << (first >> 6)).checked_sub(1)?;
    let start = u64::from(first & 0x3f);
    Some(cursor.take(rest)?.iter().fold(start, |value, byte| value << 8 | u64::from(*byte)))
}

/// The keys of one side's Initial packets. They are public, and kept only while the handshake begins.
#[derive(Debug)]
pub(crate) struct Keys {
    packet: [u8; 16],
    nonce: [u8; 12],
    header: [u8; 16],
}

impl Keys {
    /// Of the side `from`, on a connection whose caller first wrote to `destination`.
    pub(crate) fn of(version: &Version, destination: &[u8], from: Role) -> Option<Self> {
        let initial = Hkdf::<Sha256>::new(Some(&version.salt), destination);
        let mut secret = [0; 32];
        let side = if from == Role::Originator { "client in" } else { "server in" };
        expand(&initial, side, &mut secret)?;
        let side = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let mut keys = Self { packet: [0; 16], nonce: [0; 12], header: [0; 16] };
        expand(&side, &format!("{} key", version.label), &mut keys.packet)?;
        expand(&side, &format!("{} iv", version.label), &mut keys.nonce)?;
        expand(&side, &format!("{} hp", version.label), &mut keys.header)?;
        Some(keys)
    }
}

/// HKDF-Expand-Label without context (RFC 8446 section 7.1).
fn expand(secret: &Hkdf<Sha256>, label: &str, out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = u8::try_from(label.len().checked_add(6)?).ok()?;
    let info = [&length[..], &[label_length], b"tls13 ", label.as_bytes(), &[0]].concat();
    secret.expand(&info, out).ok()
}
