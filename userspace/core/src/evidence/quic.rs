//! QUIC: TLS 1.3 over datagrams, of which only the first message of each side can be read.
//!
//! Sources: RFC 9000, RFC 9001, RFC 9369; RFC 8446 sections 4.1 (hellos) and 4.2.11 (pre_shared_key).

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::quic_initial::{Keys, Kind, Packet, VERSIONS, varint};
use super::tls_record::{CLIENT_HELLO, SERVER_HELLO, extensions};
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SEALED = "quic.handshake-sealed", v 1, Observed, Wire,
        "The caller began a QUIC connection; whether the receiver asked for a certificate, and all that follows, is encrypted",
        "Sizes of packets say nothing about certificates, for they are padded";
    RESUMED = "quic.session-resumed", v 1, Observed, Wire,
        "The receiver took up a session that the caller offered to resume",
        "By what the caller proved itself when that session began";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Quic,
    call: begins,
    reply: answers,
    unanswered: |_| false,
    begin: || Box::new(Quic::default()),
    rules: RULES,
};

/// Least length of a datagram that begins a connection (RFC 9000 section 14.1).
const FIRST: u64 = 1200;
/// Least length of the connection id that a caller invents (RFC 9000 section 7.2).
const INVENTED: usize = 8;
/// Most bytes of a hello that are put together.
const HELLO: usize = 16_384;
/// `pre_shared_key` (RFC 8446 section 4.2).
const PRE_SHARED_KEY: u16 = 41;

/// A packet with a long header of a known version, or a choice of versions (RFC 9000 section 17.2).
fn answers(datagram: &Datagram<'_>) -> bool {
    let [first, version @ ..] = datagram.bytes else { return false };
    let Some(number) = version.first_chunk().map(|number| u32::from_be_bytes(*number)) else { return false };
    first & 0x80 != 0 && (number == 0 || VERSIONS.iter().any(|version| version.number == number))
}

/// An Initial packet that its own connection id opens; where the record was cut, its header must do.
fn begins(datagram: &Datagram<'_>) -> bool {
    let Some(packet) = Packet::read(datagram.bytes) else { return false };
    let fits = packet.kind == Kind::Initial
        && datagram.length >= FIRST
        && packet.destination.len() >= INVENTED
        && packet.length as u64 <= datagram.length;
    let whole = packet.length <= datagram.bytes.len();
    fits && (!whole
        || Keys::of(packet.version, packet.destination, Role::Originator)
            .is_some_and(|keys| packet.open(&keys).is_some()))
}

/// One flow.
#[derive(Default, Debug)]
struct Quic {
    /// The caller's keys and the receiver's.
    keys: Option<(Keys, Keys)>,
    caller: Hello,
    receiver: Hello,
    /// The caller offered to resume a session.
    offered: bool,
}

/// A side's first message, put together from its pieces.
#[derive(Default, Debug)]
struct Hello {
    pieces: Vec<(usize, Vec<u8>)>,
}

impl Hello {
    /// Takes the CRYPTO frames of one packet (RFC 9000 section 19.6); what is no other frame of an Initial ends it.
    fn take(&mut self, frames: &[u8]) -> Option<()> {
        let mut cursor = Cursor(frames);
        while let Some(kind) = cursor.byte() {
            match kind {
                0 | 1 => {}
                2 | 3 => {
                    varint(&mut cursor)?;
                    varint(&mut cursor)?;
                    let ranges = varint(&mut cursor)?;
                    let numbers = ranges.checked_mul(2)?.checked_add(if kind == 3 { 4 } else { 1 })?;
                    for _ in 0..numbers {
                        varint(&mut cursor)?;
                    }
                }
                6 => {
                    let offset = usize::try_from(varint(&mut cursor)?).ok()?;
                    let length = usize::try_from(varint(&mut cursor)?).ok()?;
                    let piece = cursor.take(length)?;
                    if offset.checked_add(length)? <= HELLO && self.pieces.len() < 64 {
                        self.pieces.push((offset, piece.to_vec()));
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// The bytes from the first on, without holes.
    fn joined(&self) -> Vec<u8> {
        let mut pieces: Vec<&(usize, Vec<u8>)> = self.pieces.iter().collect();
        pieces.sort_by_key(|(offset, _)| *offset);
        let mut whole = Vec::new();
        for (offset, piece) in pieces {
            let Some(old) = whole.len().checked_sub(*offset) else { break };
            whole.extend_from_slice(piece.get(old..).unwrap_or_default());
        }
        whole
    }

    /// The message of this type, once all of it is there: what follows its four bytes of header.
    fn message(&self, kind: u8) -> Option<Vec<u8>> {
        let whole = self.joined();
        let [found, a, b, c, rest @ ..] = whole.as_slice() else { return None };
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
        (*found == kind).then(|| rest.get(..length).map(<[u8]>::to_vec)).flatten()
    }
}

impl Quic {
    /// Opens what can be opened of one datagram.
    fn packets(&mut self, from: Role, mut bytes: &[u8]) {
        while let Some(packet) = Packet::read(bytes) {
            if packet.kind == Kind::Retry {
                // The caller begins again, with the id that the receiver chose (RFC 9001 section 5.2).
                (self.keys, self.caller) = (None, Hello::default());
                return;
            }
            if packet.kind == Kind::Initial {
                if self.keys.is_none() && from == Role::Originator {
                    let of = |side| Keys::of(packet.version, packet.destination, side);
                    self.keys = of(Role::Originator).zip(of(Role::Responder));
                }
                if let Some((callers, receivers)) = &self.keys {
                    let (keys, hello) = match from {
                        Role::Originator => (callers, &mut self.caller),
                        Role::Responder => (receivers, &mut self.receiver),
                    };
                    let _ = packet.open(keys).and_then(|frames| hello.take(&frames));
                }
            }
            bytes = bytes.get(packet.length..).unwrap_or_default();
        }
    }

    /// True when both hellos resume a session; `None` while the receiver's is not there.
    fn resumed(&mut self) -> Option<bool> {
        if let Some(hello) = self.caller.message(CLIENT_HELLO)
            && let Ok((_, hello)) = parse_tls_handshake_client_hello(&hello)
        {
            self.offered = resumes(hello.ext);
        }
        let hello = self.receiver.message(SERVER_HELLO)?;
        let taken = parse_tls_handshake_server_hello(&hello).is_ok_and(|(_, hello)| resumes(hello.ext));
        Some(self.offered && taken)
    }
}

fn resumes(list: Option<&[u8]>) -> bool {
    extensions(list.unwrap_or_default()).any(|(kind, _)| kind == PRE_SHARED_KEY)
}

impl DatagramDissector for Quic {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        self.packets(from, datagram.bytes);
        match self.resumed() {
            Some(true) => notes.say(&RESUMED, Shown::Hidden { why: Hidden::Resumed }),
            Some(false) => notes.say(&SEALED, Shown::Hidden { why: Hidden::Tls13 }),
            None => return Next::More,
        }
        Next::Settled
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        notes.say(&SEALED, Shown::Hidden { why: Hidden::Tls13 });
    }
}
