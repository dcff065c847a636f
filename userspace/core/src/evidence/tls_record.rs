//! The record layer of TLS: records, and the handshake messages that lie across them.
//!
//! Sources: RFC 5246 section 6.2 and 7.4, RFC 8446 section 4 and 5.

use zeroize::Zeroizing;

use super::dissector::Input;

/// Longest record: 2^14 and what the oldest versions may add (RFC 5246 section 6.2.3).
pub(crate) const RECORD: u16 = 16_384 + 2048;
/// Longest handshake message that is kept until it is whole.
const MESSAGE: usize = 24 * 1024;

pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION: u8 = 23;

pub(crate) const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;
pub(crate) const NEW_SESSION_TICKET: u8 = 4;
pub(crate) const CERTIFICATE: u8 = 11;
pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
pub(crate) const SERVER_HELLO_DONE: u8 = 14;
pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;

/// One direction's records.
#[derive(Default)]
pub(crate) struct Side {
    /// Type of the record that is being read, and how much of it is left.
    record: Option<(u8, u64)>,
    /// True once a record began.
    pub(crate) began: bool,
    /// True after ChangeCipherSpec: the rest is encrypted, whatever its type.
    pub(crate) encrypted: bool,
    /// The handshake message that is not whole yet.
    message: Zeroizing<Vec<u8>>,
    /// Bytes of a message that nobody needs.
    unwanted: u64,
}

impl std::fmt::Debug for Side {
    /// Prints lengths only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Side({:?}, encrypted: {}, {} kept)", self.record, self.encrypted, self.message.len())
    }
}

/// What happened on the record layer.
pub(crate) enum Happened {
    /// A handshake message in clear: its type and body (empty where nobody needs it).
    Message(u8, Zeroizing<Vec<u8>>),
    /// ChangeCipherSpec.
    ChangeCipher,
    /// An alert in clear.
    Alert {
        /// True when it ends the connection.
        fatal: bool,
        /// RFC 8446 section 6.
        description: u8,
    },
    /// An encrypted record: its outer type and length.
    Encrypted(u8, u16),
}

impl Side {
    /// The next thing that happened; `Ok(None)` while more bytes are needed, `Err` when this is no TLS.
    pub(crate) fn next(
        &mut self,
        input: &mut Input<'_>,
        own_certificate: bool,
    ) -> Result<Option<Happened>, ()> {
        loop {
            let bytes = input.bytes();
            let Some((kind, left)) = self.record else {
                let [kind, major, minor, high, low, ..] = bytes else { return Ok(None) };
                let (kind, length) = (*kind, u16::from_be_bytes([*high, *low]));
                if !(CHANGE_CIPHER_SPEC..=APPLICATION + 1).contains(&kind)
                    || *major != 3
                    || *minor > 4
                    || length > RECORD
                {
                    return Err(());
                }
                self.began = true;
                if kind == APPLICATION || self.encrypted && kind != CHANGE_CIPHER_SPEC {
                    input.skip(5 + u64::from(length));
                    return Ok(Some(Happened::Encrypted(kind, length)));
                }
                input.skip(5);
                self.record = Some((kind, u64::from(length)));
                continue;
            };
            if left == 0 {
                self.record = None;
                continue;
            }
            match kind {
                CHANGE_CIPHER_SPEC => {
                    input.skip(left);
                    self.record = None;
                    return Ok(Some(Happened::ChangeCipher));
                }
                ALERT => {
                    let [level, description, ..] = bytes else { return Ok(None) };
                    let happened = Happened::Alert { fatal: *level == 2, description: *description };
                    input.skip(left);
                    self.record = None;
                    return Ok(Some(happened));
                }
                HANDSHAKE => {
                    if bytes.is_empty() {
                        return Ok(None);
                    }
                    let part = bytes.get(..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let (read, happened) = self.handshake(part.unwrap_or_default(), own_certificate);
                    input.skip(read);
                    self.record = Some((kind, left.saturating_sub(read)));
                    if happened.is_some() {
                        return Ok(happened);
                    }
                }
                _ => {
                    input.skip(left);
                    self.record = None;
                }
            }
        }
    }

    /// Reads handshake bytes up to the end of one message.
    fn handshake(&mut self, bytes: &[u8], own_certificate: bool) -> (u64, Option<Happened>) {
        if self.unwanted > 0 {
            let read = self.unwanted.min(bytes.len() as u64);
            self.unwanted = self.unwanted.saturating_sub(read);
            return (read, None);
        }
        let whole = match self.message.as_slice() {
            [kind, high, middle, low, ..] => {
                let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
                if !wanted(*kind, own_certificate) || length > MESSAGE {
                    let kind = *kind;
                    self.unwanted = length as u64;
                    self.message = Zeroizing::default();
                    return (0, Some(Happened::Message(kind, Zeroizing::default())));
                }
                length.saturating_add(4)
            }
            _ => 4,
        };
        let missing = whole.saturating_sub(self.message.len());
        let part = bytes.get(..missing.min(bytes.len())).unwrap_or_default();
        let mut longer = Zeroizing::new(Vec::with_capacity(whole));
        if self.message.capacity() >= whole {
            longer = std::mem::take(&mut self.message);
        } else {
            longer.extend_from_slice(&self.message);
        }
        longer.extend_from_slice(part);
        self.message = longer;
        let read = part.len() as u64;
        if self.message.len() < whole || whole == 4 && !matches!(self.message.as_slice(), [_, 0, 0, 0]) {
            return (read, None);
        }
        let kind = self.message.first().copied().unwrap_or_default();
        let body = Zeroizing::new(self.message.get(4..).unwrap_or_default().to_vec());
        self.message = Zeroizing::default();
        (read, Some(Happened::Message(kind, body)))
    }
}

/// True for messages whose content is looked at; `client` for those of the one that calls.
pub(crate) fn wanted(kind: u8, client: bool) -> bool {
    matches!(kind, CLIENT_HELLO | SERVER_HELLO | CERTIFICATE_REQUEST)
        || matches!(kind, CERTIFICATE | CLIENT_KEY_EXCHANGE) && client
        || kind == NEW_SESSION_TICKET && !client
}

/// The extensions of a hello: type and content.
pub(crate) fn extensions(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [t1, t2, l1, l2, rest @ ..] = bytes else { return None };
        let (content, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*l1, *l2])))?;
        bytes = rest;
        Some((u16::from_be_bytes([*t1, *t2]), content))
    })
}

/// A vector with a length of two bytes, and what follows it.
pub(crate) fn vector16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [high, low, rest @ ..] = bytes else { return None };
    rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
}

/// A vector with a length of three bytes, and what follows it.
pub(crate) fn vector24(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [high, middle, low, rest @ ..] = bytes else { return None };
    rest.split_at_checked(u32::from_be_bytes([0, *high, *middle, *low]) as usize)
}

/// The distinguished names of a CertificateRequest (RFC 5246 section 7.4.4; before 1.2 without algorithms).
pub(crate) fn issuers(body: &[u8], legacy: bool) -> Option<Vec<Vec<u8>>> {
    let (types, rest) = body.split_first()?;
    let mut rest = rest.get(usize::from(*types)..)?;
    if !legacy {
        (_, rest) = vector16(rest)?;
    }
    let (mut names, _) = vector16(rest)?;
    let mut found = Vec::new();
    while let Some((name, rest)) = vector16(names) {
        found.push(name.to_vec());
        names = rest;
    }
    Some(found)
}
