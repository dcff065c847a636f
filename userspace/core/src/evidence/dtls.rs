//! DTLS 1.0 to 1.3: the handshake of TLS in datagrams, alone, between STUN messages, or behind a CAPWAP preamble.
//!
//! Sources: RFC 6347 (1.0 and 1.2), RFC 9147 (1.3), RFC 7983 (what else comes on the same port), RFC 5415 section 4.2.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes};
use super::tls_record::{
    ALERT, APPLICATION, CHANGE_CIPHER_SPEC, CLIENT_HELLO, HANDSHAKE, Happened, RECORD, SERVER_HELLO, wanted,
};
use super::tls_session::Session;
use super::{Hidden, Protocol};
use crate::event::Role;

/// How datagrams of this protocol are recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dtls,
    call: |datagram| opens(datagram, &[CLIENT_HELLO]),
    reply: |datagram| opens(datagram, &[SERVER_HELLO, HELLO_VERIFY_REQUEST]) || alerts(datagram),
    unanswered: |_| false,
    begin: || Box::new(Dtls::default()),
    rules: &[],
};

const HELLO_VERIFY_REQUEST: u8 = 3;
/// Longest handshake message that is put together.
const MESSAGE: usize = 24 * 1024;
/// Most handshake messages under way at once.
const UNDER_WAY: usize = 12;
/// Most datagrams that are read before the handshake is over.
const DATAGRAMS: u16 = 512;

/// One record: type, epoch, content as far as it is there, and its whole length.
struct Record<'a> {
    kind: u8,
    epoch: u16,
    content: &'a [u8],
    length: u16,
}

/// Takes the next record; `None` where there is none.
fn record<'a>(rest: &mut Cursor<'a>) -> Option<Record<'a>> {
    let kind = rest.byte()?;
    let [high, low] = rest.array()?;
    // 0x0100 is what OpenSSL once sent for DTLS 1.0.
    let version = matches!([high, low], [0xfe, 0xfc | 0xfd | 0xff] | [1, 0]);
    let epoch = u16::from_be_bytes(rest.array()?);
    rest.take(6)?;
    let length = u16::from_be_bytes(rest.array()?);
    if !version || !(CHANGE_CIPHER_SPEC..=APPLICATION).contains(&kind) || length > RECORD {
        return None;
    }
    let content = rest.take(usize::from(length).min(rest.0.len()))?;
    Some(Record { kind, epoch, content, length })
}

/// The records of a datagram, without CAPWAP's preamble of type 1.
fn records<'a>(datagram: &Datagram<'a>) -> Cursor<'a> {
    Cursor(datagram.bytes.strip_prefix(&[1, 0, 0, 0]).unwrap_or(datagram.bytes))
}

/// One fragment of a handshake message (RFC 6347 section 4.2.2).
struct Fragment<'a> {
    kind: u8,
    total: usize,
    number: u16,
    start: usize,
    bytes: &'a [u8],
}

fn fragment<'a>(rest: &mut Cursor<'a>) -> Option<Fragment<'a>> {
    let kind = rest.byte()?;
    let mut length = || {
        let [high, middle, low] = rest.array()?;
        usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()
    };
    let total = length()?;
    let number = u16::from_be_bytes(rest.array()?);
    let mut length = || {
        let [high, middle, low] = rest.array()?;
        usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()
    };
    let (start, own) = (length()?, length()?);
    if start.checked_add(own)? > total {
        return None;
    }
    Some(Fragment { kind, total, number, start, bytes: rest.take(own)? })
}

/// True for a datagram that begins with one of these handshake messages in clear.
fn opens(datagram: &Datagram<'_>, messages: &[u8]) -> bool {
    let Some(Record { kind: HANDSHAKE, epoch: 0, content, .. }) = record(&mut records(datagram)) else {
        return false;
    };
    fragment(&mut Cursor(content)).is_some_and(|first| messages.contains(&first.kind) && first.start == 0)
}

/// True for an alert in clear.
fn alerts(datagram: &Datagram<'_>) -> bool {
    let first = record(&mut records(datagram));
    first.is_some_and(|first| {
        first.kind == ALERT && first.epoch == 0 && matches!(first.content, [1 | 2, _]) && first.length == 2
    })
}

/// One direction.
#[derive(Default)]
struct Side {
    encrypted: bool,
    /// Number of the handshake message that comes next.
    next: u16,
    /// Messages that are not whole, or came early: type, length, and the bytes from the start on.
    under_way: BTreeMap<u16, (u8, usize, Zeroizing<Vec<u8>>)>,
}

impl std::fmt::Debug for Side {
    /// Prints no bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Side({}, encrypted: {}, {} under way)", self.next, self.encrypted, self.under_way.len())
    }
}

impl Side {
    /// Takes one fragment. What is there already, or leaves a hole, is passed over: it will be sent again.
    fn take(&mut self, fragment: &Fragment<'_>, begins: bool) {
        if begins {
            self.next = fragment.number;
            self.under_way.clear();
        }
        let far = fragment.number.wrapping_sub(self.next);
        if usize::from(far) >= UNDER_WAY || fragment.total > MESSAGE {
            return;
        }
        let empty = || (fragment.kind, fragment.total, Zeroizing::default());
        let (kind, total, bytes) = self.under_way.entry(fragment.number).or_insert_with(empty);
        if *kind != fragment.kind || *total != fragment.total {
            return;
        }
        let old = bytes.len().checked_sub(fragment.start);
        if let Some(new) = old.and_then(|old| fragment.bytes.get(old..)) {
            if bytes.capacity() < *total {
                let mut longer = Zeroizing::new(Vec::with_capacity(*total));
                longer.extend_from_slice(bytes);
                *bytes = longer;
            }
            bytes.extend_from_slice(new);
        }
    }

    /// The next message, once it is whole.
    fn whole(&mut self) -> Option<(u8, Zeroizing<Vec<u8>>)> {
        let (_, total, bytes) = self.under_way.get(&self.next)?;
        if bytes.len() < *total {
            return None;
        }
        let (kind, _, bytes) = self.under_way.remove(&self.next)?;
        self.next = self.next.wrapping_add(1);
        Some((kind, bytes))
    }
}

/// One flow.
#[derive(Default, Debug)]
pub(crate) struct Dtls {
    client: Side,
    server: Side,
    session: Session,
    datagrams: u16,
}

impl Dtls {
    fn side(&mut self, from: Role) -> &mut Side {
        match from {
            Role::Originator => &mut self.client,
            Role::Responder => &mut self.server,
        }
    }

    fn record(&mut self, from: Role, record: &Record<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        if record.epoch > 0 {
            return self.happened(from, Happened::Encrypted(record.kind, record.length), notes);
        }
        match record.kind {
            CHANGE_CIPHER_SPEC => {
                if self.session.changes_cipher() {
                    self.side(from).encrypted = true;
                }
                self.happened(from, Happened::ChangeCipher, notes)
            }
            ALERT => {
                let [level, description] = record.content else { return None };
                let happened = Happened::Alert { fatal: *level == 2, description: *description };
                self.happened(from, happened, notes)
            }
            HANDSHAKE => {
                let mut rest = Cursor(record.content);
                while let Some(fragment) = fragment(&mut rest) {
                    let hello = matches!(fragment.kind, CLIENT_HELLO | SERVER_HELLO | HELLO_VERIFY_REQUEST);
                    if fragment.kind == CLIENT_HELLO && from == Role::Responder && self.session.undecided() {
                        // The one that was called opens the handshake: what the caller proves is not looked at.
                        return Some(Next::Lost(Hidden::Encrypted));
                    }
                    let begins = hello && fragment.start == 0 && self.session.undecided();
                    self.side(from).take(&fragment, begins);
                    while let Some((kind, body)) = self.side(from).whole() {
                        if let Some(next) = self.message(from, kind, body, notes) {
                            return Some(next);
                        }
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn message(
        &mut self,
        from: Role,
        kind: u8,
        body: Zeroizing<Vec<u8>>,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
        let body = match kind {
            CLIENT_HELLO => as_tls(without_cookie(&body)?),
            SERVER_HELLO => as_tls(body),
            _ if wanted(kind, from == Role::Originator) => body,
            _ => Zeroizing::default(),
        };
        self.happened(from, Happened::Message(kind, body), notes)
    }

    fn happened(&mut self, from: Role, happened: Happened, notes: &mut Notes<'_>) -> Option<Next> {
        let finished = self.client.encrypted && self.server.encrypted;
        self.session.happened(from, happened, finished, notes)
    }
}

/// A hello with the TLS version that its DTLS version is (RFC 6347 section 1): 1.2 is 1.2, older ones are 1.1.
fn as_tls(mut hello: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if let [high, low, ..] = hello.as_mut_slice() {
        (*high, *low) = (3, if (*high, *low) == (0xfe, 0xfd) { 3 } else { 2 });
    }
    hello
}

/// A ClientHello as TLS has it: version, random, session id, and what comes after the cookie.
fn without_cookie(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = Cursor(body);
    rest.take(34)?;
    let session = usize::from(rest.byte()?);
    rest.take(session)?;
    let head = body.get(..session.checked_add(35)?)?;
    let cookie = usize::from(rest.byte()?);
    rest.take(cookie)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(body.len()));
    plain.extend_from_slice(head);
    plain.extend_from_slice(rest.0);
    Some(plain)
}

impl DatagramDissector for Dtls {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        self.datagrams = self.datagrams.saturating_add(1);
        if self.datagrams > DATAGRAMS {
            return Next::Lost(Hidden::Encrypted);
        }
        let mut rest = records(datagram);
        while let Some(record) = record(&mut rest) {
            let cut = record.content.len() < usize::from(record.length);
            if cut && record.epoch == 0 {
                return Next::Lost(if (datagram.bytes.len() as u64) < datagram.length {
                    Hidden::Truncated
                } else {
                    Hidden::Encrypted
                });
            }
            if let Some(next) = self.record(from, &record, notes) {
                return next;
            }
        }
        Next::More
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.session.finish(whole, notes);
    }
}
