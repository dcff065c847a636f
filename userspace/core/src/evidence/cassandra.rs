//! Cassandra's native protocol, versions 3 to 5: whether the authenticator asked for anything.
//!
//! Sources: the native protocol specifications v3, v4 and v5 (2 frame header, 4.1 STARTUP, AUTH_RESPONSE, 4.2 ERROR,
//! READY, AUTHENTICATE, AUTH_CHALLENGE, AUTH_SUCCESS; v5 2.2 segments after the answer to STARTUP).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl::Exchange;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    OPTIONS_TOLD = "cassandra.options-told", v 1, Observed, Wire,
        "The receiver told what it supports, which it tells anyone before authentication",
        "Whether it serves anything else without proof";
    READY = "cassandra.ready", v 1, Observed, Wire,
        "The receiver was ready for queries right after STARTUP, without asking who calls",
        "Whether it looked at the caller's address; what a role named elsewhere may do";
    DEMANDED = "cassandra.authentication-demanded", v 1, Observed, Wire,
        "The receiver asked for authentication and named its authenticator",
        "Which names it would accept";
    ACCEPTED = "cassandra.proof-accepted", v 1, Observed, Wire,
        "The receiver answered what was offered with AUTH_SUCCESS",
        "What the role may do";
    SERVED = "cassandra.session-opened", v 1, Observed, Wire,
        "The receiver opened the session after authentication",
        "What the role may do";
    REFUSED = "cassandra.credentials-refused", v 1, Observed, Wire,
        "The receiver refused the caller with the error for bad credentials",
        "Whether the name or the proof was wrong";
    FAILED = "cassandra.error", v 1, Observed, Wire,
        "The receiver ended the start of the session with another error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Cassandra,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Cassandra::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const ERROR: u8 = 0;
const STARTUP: u8 = 1;
const IS_READY: u8 = 2;
const AUTHENTICATE: u8 = 3;
const OPTIONS: u8 = 5;
const SUPPORTED: u8 = 6;
const AUTH_CHALLENGE: u8 = 14;
const AUTH_RESPONSE: u8 = 15;
const AUTH_SUCCESS: u8 = 16;
/// Largest frame (`native_transport_max_frame_size` is 256 MiB by its oldest default).
const FRAME: u32 = 0x1000_0000;
/// Largest frame that is read whole before the session is open.
const WHOLE: usize = 32_768;
/// Header of a frame: version, flags, stream, opcode, length.
const HEADER: usize = 9;
/// Header and trailer of a segment without compression.
const SEGMENT: usize = 6;
const TRAILER: usize = 4;
/// Segments of version 5 begin with this version.
const SEGMENTED: u8 = 5;

fn call_likeness(bytes: &[u8]) -> Likeness {
    let [version, rest @ ..] = bytes else { return Likeness::Unsure };
    let flags = rest.first().is_none_or(|flags| *flags < 0x20);
    let opcode = rest.get(3).copied();
    if !(3..=5).contains(version) || !flags || opcode.is_some_and(|it| it != STARTUP && it != OPTIONS) {
        return Likeness::Unlike;
    }
    let Some(length) = bytes.get(5..HEADER).and_then(|it| Cursor(it).array()).map(u32::from_be_bytes) else {
        return Likeness::Unsure;
    };
    if opcode == Some(OPTIONS) {
        return if length == 0 { Likeness::Like } else { Likeness::Unlike };
    }
    // A map of strings: how many, and the first key, which has letters.
    match *bytes.get(HEADER..).unwrap_or_default() {
        _ if !(8..=4096).contains(&length) => Likeness::Unlike,
        [0, 1..=64, 0, 1..=64, b'A'..=b'Z', ..] => Likeness::Like,
        [] | [0] | [0, 1..=64] | [0, 1..=64, 0] | [0, 1..=64, 0, 1..=64] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    let known = |opcode: &u8| [ERROR, IS_READY, AUTHENTICATE, SUPPORTED].contains(opcode);
    match bytes {
        [0x83..=0x85, 0..0x20, _, _, opcode, ..] if known(opcode) => Likeness::Like,
        [0x83..=0x85] | [0x83..=0x85, 0..0x20] | [0x83..=0x85, 0..0x20, _] | [0x83..=0x85, 0..0x20, _, _] => {
            Likeness::Unsure
        }
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Cassandra {
    /// Calls that wait for an answer.
    waiting: u32,
    /// Messages are inside of segments from here on, by direction.
    segmented: bool,
    exchange: Option<Exchange>,
    demanded: bool,
    offered: bool,
}

/// One message: flags, opcode, body; and how many bytes it takes.
struct Message<'a> {
    flags: u8,
    opcode: u8,
    body: &'a [u8],
    length: usize,
}

impl Cassandra {
    /// The next message, out of its segment if it is in one.
    fn message<'a>(&self, bytes: &'a [u8]) -> Option<Result<Message<'a>, Next>> {
        let lost = || Some(Err(Next::Lost(Hidden::Unsupported)));
        let mut cursor = Cursor(bytes);
        let mut around = 0;
        if self.segmented {
            let [low, middle, high, ..] = *cursor.take(SEGMENT)? else { return None };
            let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high & 1) << 16;
            // A message over several segments, or several in one, is too much before the session is open.
            if high & 2 == 0 || !(HEADER..=WHOLE).contains(&length) {
                return lost();
            }
            around = SEGMENT.saturating_add(TRAILER);
            cursor = Cursor(cursor.take(length)?);
            bytes.get(length.saturating_add(around).saturating_sub(1))?;
        }
        let [version, flags, _, _, opcode] = cursor.array()?;
        let length = u32::from_be_bytes(cursor.array()?);
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        if !(3..=5).contains(&(version & 0x7f)) || length > FRAME || whole > WHOLE {
            return lost();
        }
        let body = match cursor.take(whole) {
            Some(body) => body,
            None if self.segmented => return lost(),
            None => return None,
        };
        let length = HEADER.saturating_add(whole).saturating_add(around);
        Some(Ok(Message { flags, opcode, body, length }))
    }

    fn call(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        self.waiting = self.waiting.saturating_add(1);
        if message.opcode != AUTH_RESPONSE {
            return Next::More;
        }
        let mut cursor = Cursor(message.body);
        let length = cursor.array().map(u32::from_be_bytes).and_then(|length| usize::try_from(length).ok());
        // A compressed token could be anything.
        let Some(token) = length.and_then(|it| cursor.take(it)).filter(|_| message.flags & 1 == 0) else {
            return Next::Lost(Hidden::Unsupported);
        };
        match &mut self.exchange {
            // Some authenticators want the mechanism's name first.
            None if matches!(token, b"PLAIN" | b"GSSAPI") => self.exchange = Some(Exchange::new(token)),
            None => self.exchange.insert(Exchange::new(b"PLAIN")).push(token),
            Some(exchange) => exchange.push(token),
        }
        if !self.offered
            && let Some((rule, offer)) = self.exchange.as_ref().and_then(|exchange| exchange.offer(notes))
        {
            self.offered = true;
            notes.say(rule, offer);
        }
        Next::More
    }

    fn reply(&mut self, version: u8, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        self.waiting = self.waiting.saturating_sub(1);
        match message.opcode {
            SUPPORTED => {
                notes.say(&OPTIONS_TOLD, Shown::Serves { operation: Operation::Public });
                return Next::More;
            }
            IS_READY if !self.demanded => {
                notes.say(&READY, Shown::Serves { operation: Operation::Service });
            }
            AUTHENTICATE => {
                self.demanded = true;
                self.segmented = version == SEGMENTED;
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                return Next::More;
            }
            AUTH_CHALLENGE if self.demanded => return Next::More,
            AUTH_SUCCESS if self.offered => {
                notes.say(&ACCEPTED, Shown::Accepts);
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            }
            ERROR if message.body.starts_with(&[0, 0, 1, 0]) => {
                let why = if self.offered { Refusal::ProofWrong } else { Refusal::ProofMissing };
                notes.say(&REFUSED, Shown::Refuses { why });
            }
            ERROR => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                return Next::More;
            }
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::Settled
    }
}

impl Dissector for Cassandra {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // Whether a segment comes next is known once the call is answered.
        if (from == Role::Originator) == (self.waiting > 0) {
            return Next::More;
        }
        let bytes = input.bytes();
        let version = bytes.first().copied().unwrap_or_default() & 0x7f;
        let message = match self.message(bytes) {
            None => return Next::More,
            Some(Err(next)) => return next,
            Some(Ok(message)) => message,
        };
        let length = message.length;
        let next = match from {
            Role::Originator => self.call(&message, notes),
            Role::Responder => self.reply(version, &message, notes),
        };
        input.read(length);
        next
    }
}
