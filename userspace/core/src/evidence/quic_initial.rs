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
    salt: [u32; 5],
    label: &'static str,
    initial: u8,
    retry: u8,
}

impl Version {
    const fn new(number: u32, salt: [u32; 5], label: &'static str, initial: u8, retry: u8) -> Self {
        Self { number, salt, label, initial, retry }
    }
}

/// RFC 9001 section 5.2, RFC 9369 section 3.3, and draft-ietf-quic-tls-29 section 5.2, which is still seen.
pub(crate) static VERSIONS: [Version; 3] = [
    Version::new(1, [0x3876_2cf7, 0xf559_34b3, 0x4d17_9ae6, 0xa4c8_0cad, 0xccbb_7f0a], "quic", 0, 3),
    Version::new(
        0x6b33_43cf,
        [0x0ded_e3de, 0xf700_a6db, 0x8193_81be, 0x6e26_9dcb, 0xf9bd_2ed9],
        "quicv2",
        1,
        0,
    ),
    Version::new(
        0xff00_001d,
        [0xafbf_ec28, 0x9993_d24c, 0x9e97_86f1, 0x9c61_11e0, 0x4390_a899],
        "quic",
        0,
        3,
    ),
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
        let initial =
            Hkdf::<Sha256>::new(Some(version.salt.map(u32::to_be_bytes).as_flattened()), destination);
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
