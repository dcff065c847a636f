//! Apache Thrift: calls of anyone who can reach the service, unless a call or a SASL layer carries proof.
//!
//! Sources: Apache Thrift "Binary protocol encoding", "Compact protocol encoding", "Framed transport", and
//! `TSaslTransport` (status byte and length).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl::Exchange;
use super::sasl_ending::Ending;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "thrift.call-served", v 1, Observed, Wire,
        "The receiver answered a call, in a protocol that carries no proof of identity of its own",
        "The arguments were not read: a credential may have been among them";
    LOGIN = "thrift.login-call", v 1, Observed, Wire,
        "The caller made a call whose name says that it logs in",
        "What it carried was not read";
    SENT = "thrift.one-way-call", v 1, Observed, Wire,
        "The caller made a call that is never answered",
        "Whether the receiver took it";
    REFUSED = "thrift.call-failed", v 1, Observed, Wire,
        "The receiver answered with an exception of the protocol",
        "Nothing is said about what it checks";
    DEMANDED = "thrift.proof-demanded", v 1, Observed, Wire,
        "The receiver took part in an exchange of proof (SASL) before any call",
        "Not which mechanisms it takes";
    ACCEPTED = "thrift.proof-accepted", v 1, Observed, Wire,
        "The receiver said that the exchange of proof is complete",
        "Not what the caller may call";
    OPENED = "thrift.session-opened", v 1, Observed, Wire,
        "The receiver went on to calls after the exchange of proof",
        "What is called may be wrapped";
    UNKNOWN_PROOF = "thrift.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    WRONG = "thrift.proof-refused", v 1, Observed, Wire,
        "The receiver ended the exchange of proof with an error",
        "Not which proof would have been right";
}

/// How calls are recognised and read, with and without frames, in the binary and the compact encoding.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Thrift,
    call: |bytes| likeness(bytes, &[1, 4]),
    reply: |bytes| likeness(bytes, &[2, 3]),
    begin: || Box::new(Thrift::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How calls behind SASL are recognised and read; its rules are those above.
pub(crate) static KNOWN_SASL: Known = Known {
    protocol: Protocol::Thrift,
    call: |bytes| negotiation(bytes, true),
    reply: |bytes| negotiation(bytes, false),
    begin: || Box::new(Sasl::default()),
    call_alone: nothing_alone,
    rules: &[],
};

/// Longest name of a call.
const NAME: usize = 128;
/// Longer than any frame.
const FRAME: u32 = 1 << 26;

/// A message's head: its type (1 call, 2 reply, 3 exception, 4 one way), its name, and bytes before its content.
#[derive(PartialEq, Eq, Debug)]
enum Head<'a> {
    Short,
    Wrong,
    Found { kind: u8, name: &'a [u8] },
}

/// Reads the head of a message without frame.
fn head(bytes: &[u8]) -> Head<'_> {
    match bytes {
        [] | [0x80] => Head::Short,
        // 0x8001 is version 1; a byte that means nothing; the type.
        [0x80, 1, rest @ ..] => match rest {
            [] => Head::Short,
            [_] => Head::Short,
            [_, kind @ 1..=4, rest @ ..] => {
                let mut cursor = Cursor(rest);
                let Some(length) = cursor.array().map(u32::from_be_bytes) else {
                    let zeros = rest.iter().take(3).all(|byte| *byte == 0);
                    return if zeros { Head::Short } else { Head::Wrong };
                };
                name(&mut cursor, length, *kind)
            }
            [_, ..] => Head::Wrong,
        },
        [0x82] => Head::Short,
        // Version 1 in the low five bits, the type in the high three; a sequence number and a length as varints.
        [0x82, second, rest @ ..] if second & 0x1f == 1 && matches!(second >> 5, 1..=4) => {
            let mut cursor = Cursor(rest);
            let (Some(_), Some(length)) = (varint(&mut cursor), varint(&mut cursor)) else {
                return if rest.len() < 10 { Head::Short } else { Head::Wrong };
            };
            name(&mut cursor, length, second >> 5)
        }
        [_, ..] => Head::Wrong,
    }
}

fn name<'a>(cursor: &mut Cursor<'a>, length: u32, kind: u8) -> Head<'a> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let start = cursor.0.get(..length.min(cursor.0.len())).unwrap_or_default();
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-' | b'/');
    if !(1..=NAME).contains(&length) || !start.iter().all(letter) {
        return Head::Wrong;
    }
    cursor.take(length).map_or(Head::Short, |name| Head::Found { kind, name })
}

fn varint(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0_u32, 7, 14, 21, 28] {
        let byte = cursor.byte()?;
        value |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The length of the frame at the start of `bytes`, if this is one: a length never begins as a message does.
fn frame(bytes: &[u8]) -> Option<Option<u32>> {
    match bytes.first()? {
        0x80 | 0x82 => None,
        _ => Some(bytes.first_chunk().map(|length| u32::from_be_bytes(*length))),
    }
}

fn likeness(bytes: &[u8], kinds: &[u8]) -> Likeness {
    let message = match frame(bytes) {
        None => bytes,
        Some(None) if matches!(bytes.first(), Some(0..=3)) => return Likeness::Unsure,
        Some(Some(16..FRAME)) => bytes.get(4..).unwrap_or_default(),
        Some(_) => return Likeness::Unlike,
    };
    match head(message) {
        Head::Short => Likeness::Unsure,
        Head::Found { kind, .. } if kinds.contains(&kind) => Likeness::Like,
        Head::Found { .. } | Head::Wrong => Likeness::Unlike,
    }
}

/// One flow of calls.
#[derive(Default, Debug)]
struct Thrift {
    asked: bool,
    /// The last call was answered by an exception and was not passed over yet.
    refused: bool,
}

/// Most bytes of a message without frame whose end is looked for.
const MESSAGE: usize = 8192;
/// Deepest nesting of a value.
const DEPTH: u8 = 8;

/// Passes over a message in the binary encoding without frame; `None` while its end is not there.
fn pass(message: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(message.get(..message.len().min(MESSAGE)).unwrap_or_default());
    cursor.take(4)?;
    let length = u32::from_be_bytes(cursor.array()?);
    cursor.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    cursor.take(4)?;
    pass_value(&mut cursor, 12, DEPTH)?;
    Some(message.len().min(MESSAGE).saturating_sub(cursor.0.len()))
}

/// Passes over a value of this type.
fn pass_value(cursor: &mut Cursor<'_>, kind: u8, depth: u8) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let count = |cursor: &mut Cursor<'_>| cursor.array().map(u32::from_be_bytes);
    match kind {
        2 | 3 => cursor.take(1).map(|_| ()),
        6 => cursor.take(2).map(|_| ()),
        8 => cursor.take(4).map(|_| ()),
        4 | 10 => cursor.take(8).map(|_| ()),
        11 => {
            let length = count(cursor)?;
            cursor.take(usize::try_from(length).unwrap_or(usize::MAX)).map(|_| ())
        }
        12 => loop {
            match cursor.byte()? {
                0 => return Some(()),
                kind => {
                    cursor.take(2)?;
                    pass_value(cursor, kind, depth)?;
                }
            }
        },
        13 => {
            let [key, value] = cursor.array()?;
            for _ in 0..count(cursor)? {
                pass_value(cursor, key, depth)?;
                pass_value(cursor, value, depth)?;
            }
            Some(())
        }
        14 | 15 => {
            let kind = cursor.byte()?;
            for _ in 0..count(cursor)? {
                pass_value(cursor, kind, depth)?;
            }
            Some(())
        }
        _ => None,
    }
}

impl Dissector for Thrift {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Originator && self.asked && !self.refused || from == Role::Responder && !self.asked {
            // What follows a call waits until that is answered.
            return Next::More;
        }
        let (length, message) = match frame(bytes) {
            None => (pass(bytes), bytes),
            Some(None) => return Next::More,
            Some(Some(length)) => {
                let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(4);
                (Some(end), bytes.get(4..).unwrap_or_default())
            }
        };
        let (kind, name) = match head(message) {
            Head::Short => return Next::More,
            Head::Wrong => return Next::Lost(Hidden::Unsupported),
            Head::Found { kind, name } => (kind, name.to_ascii_lowercase()),
        };
        match (from, kind) {
            (Role::Originator, 1) if self.refused => {
                let Some(length) = length else {
                    return if bytes.len() < MESSAGE { Next::More } else { Next::Settled };
                };
                (self.asked, self.refused) = (false, false);
                input.skip(length as u64);
            }
            (Role::Originator, 1) => {
                self.asked = true;
                let logs_in = [&b"login"[..], b"authenticate", b"opensession", b"auth"];
                if logs_in.iter().any(|word| name.ends_with(word)) {
                    notes.say(&LOGIN, Shown::Hidden { why: Hidden::Unsupported });
                }
            }
            (Role::Originator, 4) => {
                notes.say(&SENT, Shown::SendsOneWay);
                return Next::Settled;
            }
            (Role::Responder, 2) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            // An exception of the protocol: the receiver may not know this call, and serve the next.
            (Role::Responder, 3) if !self.refused => {
                let Some(length) = length else {
                    return if bytes.len() < MESSAGE { Next::More } else { Next::Settled };
                };
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                self.refused = true;
                input.skip(length as u64);
            }
            (Role::Responder, 3) => {}
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }
}

/// Longest message of a negotiation.
const TOKEN: u32 = 65_536;

/// Status 1 START or 2 OK, and a length; the caller begins with the mechanism's name.
fn negotiation(bytes: &[u8], call: bool) -> Likeness {
    let plausible = |status: u8| if call { status == 1 } else { (2..=5).contains(&status) };
    match bytes {
        [] => Likeness::Unsure,
        [status, ..] if !plausible(*status) => Likeness::Unlike,
        [_, a, ..] if *a != 0 => Likeness::Unlike,
        [_, _, b, ..] if *b != 0 => Likeness::Unlike,
        [_, _, _, c, d, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*c, *d]));
            let start = rest.get(..rest.len().min(length)).unwrap_or_default();
            let letter =
                |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
            if call && (!(3..=20).contains(&length) || !start.iter().all(letter)) {
                Likeness::Unlike
            } else if call && start.len() < length {
                Likeness::Unsure
            } else {
                Likeness::Like
            }
        }
        [_, ..] => Likeness::Unsure,
    }
}

static ENDING: Ending =
    Ending { demanded: &DEMANDED, accepted: &ACCEPTED, unknown: &UNKNOWN_PROOF, opened: &OPENED };

/// One flow that begins with SASL.
#[derive(Default, Debug)]
struct Sasl {
    exchange: Option<Exchange>,
}

impl Sasl {
    fn decided(&self, well: bool, notes: &mut Notes<'_>) -> Next {
        let offer = self.exchange.as_ref().and_then(|exchange| exchange.offer(notes));
        let proved = ENDING.say(offer, well, notes);
        if !well {
            let why = if proved { Refusal::ProofWrong } else { Refusal::Other };
            notes.say(&WRONG, Shown::Refuses { why });
        }
        Next::Settled
    }
}

impl Dissector for Sasl {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Responder && self.exchange.is_none() {
            return Next::More;
        }
        let Some([status, length @ ..]) = bytes.first_chunk::<5>() else { return Next::More };
        let (status, length) = (*status, u32::from_be_bytes(*length));
        if length > TOKEN || !(1..=5).contains(&status) {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(5);
        let Some(content) = bytes.get(5..end) else { return Next::More };
        match (from, status, &mut self.exchange) {
            (Role::Originator, 1, exchange @ None) => *exchange = Some(Exchange::new(content)),
            // OK and COMPLETE of the caller carry its responses.
            (Role::Originator, 2 | 5, Some(exchange)) => exchange.push(content),
            (Role::Responder, 5, _) => return self.decided(true, notes),
            (Role::Responder, 3 | 4, _) => return self.decided(false, notes),
            (Role::Responder, 2, _) | (Role::Originator, 3 | 4, _) => {}
            _ => return Next::Lost(Hidden::Unsupported),
        }
        input.read(end);
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.exchange.as_ref().and_then(|exchange| exchange.offer(notes)) {
            notes.say(rule, shown);
        }
    }
}
