//! CoAP without DTLS: requests that carry no proof, and how they were answered.
//!
//! Sources: RFC 7252 sections 3 (message format), 5.9 (codes) and 12.1; RFC 8613 (OSCORE), RFC 6690 (discovery).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::told::Told;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "coap.request-served", v 1, Observed, Wire,
        "The receiver answered a request with success, and the protocol carried no proof",
        "What the request's own payload proves";
    PUBLIC = "coap.discovery-served", v 1, Observed, Wire,
        "The receiver told its resources, or answered an empty message, as it does for anyone",
        "Nothing is said about the resources themselves";
    DENIED = "coap.unauthorized", v 1, Observed, Wire,
        "The receiver answered 4.01: it wants the caller's proof",
        "Which proof would have been enough";
    FORBIDDEN = "coap.forbidden", v 1, Observed, Wire,
        "The receiver answered 4.03",
        "Whether the caller or the request was the reason";
    FAILED = "coap.request-failed", v 1, Observed, Wire,
        "The receiver answered with another error",
        "Nothing is said about what it checks";
    PROTECTED = "coap.object-security", v 1, Observed, Wire,
        "The request is protected by keys that both sides share (OSCORE); what it asks for is encrypted",
        "Who else has the keys";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Coap,
    call: |datagram| Message::read(datagram).is_some_and(|it| it.code >> 5 == 0),
    reply: |datagram| Message::read(datagram).is_some_and(|it| it.code == 0 || it.code >> 5 != 0),
    unanswered: |_| false,
    begin: || Box::new(Coap::default()),
    rules: RULES,
};

/// Options: a path's segment, and OSCORE.
const PATH: u32 = 11;
const OSCORE: u32 = 9;
/// Tokens of requests that wait for their answer.
const UNANSWERED: usize = 32;

/// A message, as far as it decides.
struct Message<'a> {
    code: u8,
    token: &'a [u8],
    discovers: bool,
    protected: bool,
}

impl<'a> Message<'a> {
    /// Version 1, a token of up to eight bytes, a known code, and options in order up to the payload.
    fn read(datagram: &Datagram<'a>) -> Option<Self> {
        let mut cursor = Cursor(datagram.bytes);
        let [first, code, _, _] = cursor.array()?;
        let (kind, length) = (first >> 4 & 3, usize::from(first & 0x0f));
        if first >> 6 != 1
            || length > 8
            || !matches!(code, 0..=7 | 0x41..=0x45 | 0x5f | 0x80..=0x8f | 0xa0..=0xa5)
        {
            return None;
        }
        let token = cursor.take(length)?;
        // Only acknowledgements and resets, and pings, are empty.
        if code == 0 {
            return (length == 0 && cursor.0.is_empty() && kind != 1).then_some(Self {
                code,
                token,
                discovers: true,
                protected: false,
            });
        }
        let (mut number, mut discovers, mut protected) = (0_u32, false, false);
        while let Some(byte) = cursor.byte() {
            if byte == 0xff {
                return (!cursor.0.is_empty()).then_some(Self { code, token, discovers, protected });
            }
            let mut extended = |nibble: u8| match nibble {
                13 => cursor.byte().map(|more| u32::from(more).saturating_add(13)),
                14 => cursor.array().map(|more| u32::from(u16::from_be_bytes(more)).saturating_add(269)),
                15 => None,
                small => Some(u32::from(small)),
            };
            let (delta, length) = (extended(byte >> 4)?, extended(byte & 0x0f)?);
            number = number.saturating_add(delta);
            // The highest registered number is 2053.
            if number > 2100 {
                return None;
            }
            let value = cursor.take(usize::try_from(length).ok()?)?;
            discovers |= number == PATH && value == b".well-known";
            protected |= number == OSCORE;
        }
        Some(Self { code, token, discovers, protected })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Coap {
    /// Tokens of requests without an answer, and what they ask for.
    asked: Vec<(Vec<u8>, Operation)>,
    told: Told,
}

impl DatagramDissector for Coap {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(message) = Message::read(datagram) else { return Next::Lost(Hidden::Unsupported) };
        if message.protected {
            notes.say(&PROTECTED, Shown::Hidden { why: Hidden::Encrypted });
            return Next::Settled;
        }
        if message.code == 0 || from == Role::Originator && message.code >> 5 != 0 {
            return Next::More;
        }
        if from == Role::Originator {
            let operation = if message.discovers { Operation::Public } else { Operation::Service };
            if self.asked.len() < UNANSWERED {
                self.asked.push((message.token.to_vec(), operation));
            }
            return Next::More;
        }
        let Some(at) = self.asked.iter().position(|(token, _)| token == message.token) else {
            return Next::More;
        };
        let (_, operation) = self.asked.remove(at);
        match (message.code, operation) {
            (0x40..=0x5f, Operation::Service) => self.told.once(&SERVED, Shown::Serves { operation }, notes),
            (0x40..=0x5f, Operation::Public) => self.told.once(&PUBLIC, Shown::Serves { operation }, notes),
            (0x81, _) => self.told.once(&DENIED, Shown::Refuses { why: Refusal::ProofMissing }, notes),
            (0x83, _) => self.told.once(&FORBIDDEN, Shown::Refuses { why: Refusal::Other }, notes),
            _ => self.told.once(&FAILED, Shown::Refuses { why: Refusal::Other }, notes),
        }
        Next::More
    }
}
