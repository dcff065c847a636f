//! AMQP 1.0: the SASL layer, or its absence, before the connection was opened.
//!
//! Sources: OASIS AMQP 1.0 part 1 (types: 1.2 described types, 1.6 encodings), part 2 (2.2 version negotiation, 2.3
//! frames, 2.7 performatives), part 5 (5.2 TLS, 5.3 SASL); OASIS "AMQP Claims-based Security" (the `$cbs` node).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl::Exchange;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "amqp10.authentication-demanded", v 1, Observed, Wire,
        "The receiver named the SASL mechanisms that it takes, and none of them is anonymous",
        "Which names it would accept";
    ACCEPTED = "amqp10.proof-accepted", v 1, Observed, Wire,
        "The receiver ended the SASL exchange with the outcome ok",
        "What the name may do";
    OPENED = "amqp10.connection-opened", v 1, Observed, Wire,
        "The receiver opened the connection",
        "Which nodes the caller may use";
    ATTACHED = "amqp10.link-served", v 1, Observed, Wire,
        "The receiver attached a link and went on with it for a caller that proved nothing",
        "Whether it looked at the caller's address";
    DETACHED = "amqp10.link-refused", v 1, Observed, Wire,
        "The receiver detached the link, or closed, for want of a right",
        "Whether a proof would have been enough";
    REFUSED = "amqp10.proof-refused", v 1, Observed, Wire,
        "The receiver ended the SASL exchange with an authentication error",
        "Whether the name or the proof was wrong";
    FAILED = "amqp10.refused", v 1, Observed, Wire,
        "The receiver closed, or wants another layer or version first",
        "Nothing further is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Amqp,
    call: header_likeness,
    reply: header_likeness,
    begin: || Box::new(Amqp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// `AMQP`, a layer, version 1.0.0.
fn header_likeness(bytes: &[u8]) -> Likeness {
    match Likeness::starts_with(bytes, b"AMQP") {
        Likeness::Like => {}
        other @ (Likeness::Unlike | Likeness::Unsure) => return other,
    }
    match bytes.get(4..).unwrap_or_default() {
        [PLAIN | TLS | SASL, 1, 0, 0, ..] => Likeness::Like,
        [] | [PLAIN | TLS | SASL] | [PLAIN | TLS | SASL, 1] | [PLAIN | TLS | SASL, 1, 0] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

const PLAIN: u8 = 0;
const TLS: u8 = 2;
const SASL: u8 = 3;
/// Largest frame that is read whole.
const FRAME: usize = 65_536;
/// Descriptors (2.7, 5.3.3).
const OPEN: u64 = 0x10;
const ATTACH: u64 = 0x12;
const FLOW: u64 = 0x13;
const DISPOSITION: u64 = 0x15;
const DETACH: u64 = 0x16;
const CLOSE: u64 = 0x18;
const MECHANISMS: u64 = 0x40;
const INIT: u64 = 0x41;
const RESPONSE: u64 = 0x43;
const OUTCOME: u64 = 0x44;

/// One flow.
#[derive(Default, Debug)]
struct Amqp {
    /// The layer that each side's header named; none where frames follow one.
    wanted: [Option<u8>; 2],
    /// The layer whose frames follow.
    layer: Option<u8>,
    anonymous: bool,
    mechanisms: bool,
    exchange: Option<Exchange>,
    offered: bool,
    proved: bool,
    opened: bool,
    /// The caller attached a link.
    attaches: bool,
    attached: bool,
    /// The caller's frames that the receiver has to answer first.
    asked: bool,
}

/// What a frame's body begins with: the descriptor, and the fields of its list.
fn performative<'a>(body: &'a [u8]) -> Option<(u64, Cursor<'a>)> {
    let mut cursor = Cursor(body);
    if cursor.byte()? != 0 {
        return None;
    }
    let descriptor = match cursor.byte()? {
        0x53 => u64::from(cursor.byte()?),
        0x80 => u64::from_be_bytes(cursor.array()?),
        _ => return None,
    };
    match cursor.byte()? {
        0x45 => Some((descriptor, Cursor(&[]))),
        0xc0 => {
            cursor.take(2)?;
            Some((descriptor, cursor))
        }
        0xd0 => {
            cursor.take(8)?;
            Some((descriptor, cursor))
        }
        _ => None,
    }
}

/// A symbol, string or binary; empty for null.
fn bytes<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = match cursor.byte()? {
        0x40 => 0,
        0xa0 | 0xa1 | 0xa3 => usize::from(cursor.byte()?),
        0xb0 | 0xb1 | 0xb3 => usize::try_from(u32::from_be_bytes(cursor.array()?)).ok()?,
        _ => return None,
    };
    cursor.take(length)
}

/// True when one symbol, or an array of symbols, holds this name.
fn names(fields: &[u8], name: &[u8]) -> bool {
    fields.windows(name.len()).any(|window| window == name)
}

impl Amqp {
    fn header(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some((header, _)) = input.bytes().split_first_chunk::<8>() else { return Next::More };
        let [b'A', b'M', b'Q', b'P', layer @ (PLAIN | TLS | SASL), 1, 0, 0] = *header else {
            return Next::Lost(Hidden::Unsupported);
        };
        let [caller, receiver] = &mut self.wanted;
        match from {
            Role::Originator => *caller = Some(layer),
            Role::Responder => *receiver = Some(layer),
        }
        input.read(8);
        let [Some(caller), Some(receiver)] = self.wanted else { return Next::More };
        self.wanted = [None, None];
        if caller != receiver {
            notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            return Next::Settled;
        }
        if caller == TLS {
            return Next::Upgraded(super::tls::begin());
        }
        self.layer = Some(caller);
        Next::More
    }

    fn call(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let (descriptor, mut fields) = performative(body)?;
        match descriptor {
            INIT => {
                let mechanism = bytes(&mut fields)?;
                let mut exchange = Exchange::new(mechanism);
                if !self.anonymous {
                    let key = exchange.is(b"EXTERNAL") || exchange.is(b"GSSAPI");
                    let proof = if key { Proof::Key } else { Proof::Secret };
                    notes.say(&DEMANDED, Shown::Demands { proof });
                }
                let bearer = mechanism == b"MSSBCBS";
                exchange.push(bytes(&mut fields).unwrap_or_default());
                self.exchange = Some(if bearer { Exchange::new(b"ANONYMOUS") } else { exchange });
                self.offer(notes);
                self.asked = true;
            }
            RESPONSE => {
                self.exchange.as_mut()?.push(bytes(&mut fields)?);
                self.offer(notes);
                self.asked = true;
            }
            // Claims-based security proves the caller later, by messages that are not read.
            ATTACH if names(fields.0, b"$cbs") => return Some(Next::Lost(Hidden::Unsupported)),
            ATTACH => self.attaches = true,
            _ => {}
        }
        Some(Next::More)
    }

    fn offer(&mut self, notes: &mut Notes<'_>) {
        if !self.offered
            && let Some((rule, offer)) = self.exchange.as_ref().and_then(|exchange| exchange.offer(notes))
        {
            self.offered = true;
            self.proved = offer.proof().is_some();
            notes.say(rule, offer);
        }
    }

    fn reply(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let (descriptor, mut fields) = performative(body)?;
        match descriptor {
            MECHANISMS => {
                self.mechanisms = true;
                self.anonymous = names(fields.0, b"ANONYMOUS") || names(fields.0, b"MSSBCBS");
            }
            OUTCOME => {
                let (0x50, code) = (fields.byte()?, fields.byte()?) else { return None };
                match code {
                    // Accepted by a mechanism that is not known: what it proved is not either.
                    0 if !self.offered => return Some(Next::Lost(Hidden::Unsupported)),
                    0 => {
                        notes.say(&ACCEPTED, Shown::Accepts);
                        self.layer = None;
                    }
                    1 => {
                        let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                        notes.say(&REFUSED, Shown::Refuses { why });
                        return Some(Next::Settled);
                    }
                    _ => {
                        notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                        return Some(Next::Settled);
                    }
                }
            }
            OPEN if self.proved => {
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            OPEN => self.opened = true,
            // A link that is refused is attached first, and detached at once.
            ATTACH => self.attached = true,
            FLOW..=DISPOSITION if self.attached => {
                notes.say(&ATTACHED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            DETACH..=CLOSE => {
                if names(fields.0, b"amqp:unauthorized-access") {
                    notes.say(&DETACHED, Shown::Refuses { why: Refusal::NotAllowed });
                } else {
                    notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                }
                return Some(Next::Settled);
            }
            _ => {}
        }
        Some(Next::More)
    }
}

impl Dissector for Amqp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(layer) = self.layer else { return self.side(from, input, notes) };
        let waits = match (from, layer) {
            (Role::Originator, SASL) => self.asked || !self.mechanisms,
            (Role::Responder, SASL) => !self.asked && self.mechanisms,
            // An attach is answered after it was asked for.
            (Role::Responder, _) => self.opened && !self.attaches,
            (Role::Originator, _) => false,
        };
        if waits {
            return Next::More;
        }
        let bytes = input.bytes();
        let mut cursor = Cursor(bytes);
        let Some(length) = cursor.array().map(u32::from_be_bytes) else { return Next::More };
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        if !(8..=FRAME).contains(&whole) {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(frame) = bytes.get(..whole) else { return Next::More };
        let start = frame.get(4).map_or(8, |words| usize::from(*words).saturating_mul(4));
        let body = frame.get(start..).unwrap_or_default();
        // A frame without a body is a heartbeat.
        let next = match from {
            _ if body.is_empty() => Some(Next::More),
            Role::Originator => self.call(body, notes),
            Role::Responder => {
                self.asked = false;
                self.reply(body, notes)
            }
        };
        input.read(whole);
        next.unwrap_or(Next::Lost(Hidden::Unsupported))
    }
}

impl Amqp {
    /// Headers: each side's once, the receiver's after the caller's.
    fn side(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let [caller, _] = self.wanted;
        if (from == Role::Originator) == caller.is_some() {
            return Next::More;
        }
        self.header(from, input, notes)
    }
}
