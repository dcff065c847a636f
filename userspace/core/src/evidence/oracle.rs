//! Oracle Net (TNS): commands to the listener, and how a session's user was proved.
//!
//! Sources: Oracle "Net Services Administrator's Guide" and "Error Messages" (ORA-01017, ORA-28000); the packet types,
//! header forms and key names that open-source drivers document (python-oracledb's thin mode: 32-bit lengths from
//! version 315 on; keys AUTH_SESSKEY, AUTH_PASSWORD, AUTH_TOKEN, AUTH_VERSION_STRING). The encoding of numbers between
//! the keys varies with the client; the keys don't.

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::oracle_rules::{
    ACCEPTED, CLAIMED, COMMANDED, DEMANDED, MISSING, NOT_ALLOWED, PASSWORD, PINGED, REFUSED, RULES, SERVED,
    WRONG,
};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::OracleTns,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Oracle::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const MESSAGE: u8 = 6;
const RESEND: u8 = 11;
const HEADER: usize = 8;
/// From this version on, lengths have 32 bits once the connection is accepted.
const LARGE: u16 = 315;
/// How much of a packet is looked at.
const LOOKED_AT: usize = 4096;
/// Starts the negotiation of Oracle's own authentication, encryption and integrity.
const NEGOTIATES: &[u8] = &[0xde, 0xad, 0xbe, 0xef];

/// Length, no checksum, type 1, flags, no checksum, version 3xx.
fn call_likeness(bytes: &[u8]) -> Likeness {
    match *bytes {
        [_] | [_, _] => Likeness::Unsure,
        [0..=0x20, _, 0, 0, CONNECT, _, 0, 0, 1, _, ..] => Likeness::Like,
        [0..=0x20, _, ref rest @ ..] if rest.len() < 8 => {
            let expect = [Some(0), Some(0), Some(CONNECT), None, Some(0), Some(0), Some(1)];
            let agree =
                rest.iter().zip(expect).all(|(byte, expect)| expect.is_none_or(|expect| expect == *byte));
            if agree { Likeness::Unsure } else { Likeness::Unlike }
        }
        _ => Likeness::Unlike,
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    match *bytes {
        [_, _, 0, 0, ACCEPT | REFUSE | REDIRECT | RESEND, ..] => Likeness::Like,
        [_] | [_, _] | [_, _, 0] | [_, _, 0, 0] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Oracle {
    /// The receiver has the word.
    asked: bool,
    /// A packet of the connect descriptor is still to come, in the old form.
    overflows: bool,
    accepted: bool,
    large: bool,
    command: Option<Command>,
    name: Option<Shown>,
    challenged: bool,
    offered: bool,
}

/// A packet: its type, what is looked at of it, and how long it is.
struct Packet<'a> {
    kind: u8,
    body: &'a [u8],
    length: u32,
}

/// What the listener itself is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command {
    Ping,
    Other,
}

/// Where `part` begins.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    find(bytes, part).is_some()
}

/// The user's name stands before the first key and the lengths of it.
fn user(body: &[u8]) -> &[u8] {
    let before = find(body, b"AUTH_").and_then(|at| body.get(..at)).unwrap_or_default();
    // One byte of length, before it the same number in one of two encodings.
    let name = match before {
        [name @ .., _, 0, 0, 0, _] | [name @ .., 1, _, _] => name,
        _ => return &[],
    };
    let printable = name.iter().rev().take(128).take_while(|byte| byte.is_ascii_graphic()).count();
    name.get(name.len().saturating_sub(printable)..).unwrap_or_default()
}

/// What Oracle's own negotiation ended with.
struct Negotiated {
    encrypted: bool,
    /// Another proof than the password's is agreed upon.
    adapter: bool,
}

/// Magic, length, version, number of services, error; each service: number, number of fields, error; each field:
/// length, type, value.
fn negotiated(body: &[u8]) -> Option<Negotiated> {
    let mut cursor = Cursor(body);
    cursor.take(10)?;
    let services = u16::from_be_bytes(cursor.array()?);
    cursor.byte()?;
    let mut found = Negotiated { encrypted: false, adapter: false };
    for _ in 0..services.min(8) {
        let (service, fields) = (u16::from_be_bytes(cursor.array()?), u16::from_be_bytes(cursor.array()?));
        cursor.array::<4>()?;
        for _ in 0..fields.min(16) {
            let (length, kind) = (u16::from_be_bytes(cursor.array()?), u16::from_be_bytes(cursor.array()?));
            let value = cursor.take(usize::from(length))?;
            // The encryption that was chosen, 0 for none; the status of the authentication service.
            found.encrypted |= service == 2 && kind == 2 && value.iter().any(|byte| *byte != 0);
            found.adapter |= service == 1 && kind == 6 && value == [0xfa, 0xff];
        }
    }
    Some(found)
}

impl Oracle {
    /// The next packet.
    fn packet<'a>(bytes: &'a [u8], large: bool) -> Option<Result<Packet<'a>, Next>> {
        let mut cursor = Cursor(bytes.get(..HEADER)?);
        let length = if large {
            u32::from_be_bytes(cursor.array()?)
        } else {
            let length = u16::from_be_bytes(cursor.array()?);
            cursor.array::<2>()?;
            u32::from(length)
        };
        let kind = cursor.byte()?;
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        if whole < HEADER || kind == 0 || kind > 20 {
            return Some(Err(Next::Lost(Hidden::Unsupported)));
        }
        // The message's type decides how much is looked at: versions and data types are long and decide nothing.
        let dull = if kind == MESSAGE && whole >= HEADER.saturating_add(3) {
            matches!(bytes.get(HEADER.saturating_add(2))?, 1 | 2)
        } else {
            false
        };
        let most = if dull { HEADER } else { LOOKED_AT };
        let body = bytes.get(..whole.min(most))?.get(HEADER..).unwrap_or_default();
        Some(Ok(Packet { kind, body, length }))
    }

    fn call(&mut self, kind: u8, body: &[u8], notes: &mut Notes<'_>) -> Next {
        if std::mem::take(&mut self.overflows) {
            self.connect_text(body);
            self.asked = true;
            return Next::More;
        }
        match kind {
            CONNECT if !self.accepted => {
                // Length and place of the descriptor, which may come in a packet of its own.
                let mut cursor = Cursor(body);
                let length = cursor.take(16).and_then(|_| cursor.array()).map(u16::from_be_bytes);
                let Some(length) = length else { return Next::Lost(Hidden::Unsupported) };
                self.overflows = usize::from(length) > body.len();
                self.asked = !self.overflows;
                self.connect_text(body);
            }
            MESSAGE => self.message(body.get(2..).unwrap_or_default(), notes),
            _ => {}
        }
        Next::More
    }

    fn connect_text(&mut self, text: &[u8]) {
        let text = text.to_ascii_uppercase();
        if let Some(at) = find(&text, b"(COMMAND=") {
            let ping = text.get(at.saturating_add(9)..).is_some_and(|name| name.starts_with(b"PING"));
            self.command = Some(if ping { Command::Ping } else { Command::Other });
        }
    }

    /// A message of the caller: the two calls of a logon.
    fn message(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        self.asked = true;
        if has(body, b"AUTH_PASSWORD") || has(body, b"AUTH_TOKEN") {
            let known = has(body, b"AUTH_PASSWORD");
            self.offered = known;
            if known {
                let name = user(body);
                notes.say(&PASSWORD, sasl::challenge_offer(name));
            }
            self.name = None;
        } else if has(body, b"AUTH_TERMINAL") || has(body, b"AUTH_PROGRAM_NM") || has(body, b"AUTH_MACHINE") {
            self.name = Some(sasl::name_offer(user(body)));
        }
    }

    fn reply(&mut self, kind: u8, body: &[u8], notes: &mut Notes<'_>) -> Next {
        match kind {
            RESEND => {}
            ACCEPT => {
                self.accepted = true;
                let version = Cursor(body).array().map(u16::from_be_bytes).unwrap_or_default();
                self.large = version >= LARGE;
                // A command is answered by what follows.
                self.asked = self.command.is_some();
                return Next::More;
            }
            REDIRECT => {
                notes.say(&PINGED, Shown::Serves { operation: Operation::Public });
                return Next::Settled;
            }
            REFUSE if self.command == Some(Command::Ping) && has(body, b"(ERR=0)") => {
                notes.say(&PINGED, Shown::Serves { operation: Operation::Public });
                return Next::Settled;
            }
            REFUSE => {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                return Next::Settled;
            }
            MESSAGE => return self.answer(body.get(2..).unwrap_or_default(), notes),
            _ => return Next::More,
        }
        self.asked = false;
        Next::More
    }

    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Next {
        if let Some(command) = self.command {
            if command == Command::Ping {
                notes.say(&PINGED, Shown::Serves { operation: Operation::Public });
            } else {
                notes.say(&COMMANDED, Shown::Serves { operation: Operation::Service });
            }
            return Next::Settled;
        }
        self.asked = false;
        if body.starts_with(NEGOTIATES) {
            return match negotiated(body) {
                Some(Negotiated { encrypted: false, adapter: false }) => Next::More,
                Some(Negotiated { encrypted: true, .. }) => Next::Lost(Hidden::Encrypted),
                Some(_) | None => Next::Lost(Hidden::Unsupported),
            };
        }
        let opened = [&b"AUTH_VERSION_STRING"[..], b"AUTH_SVR_RESPONSE", b"AUTH_SESSION_ID"];
        if opened.iter().any(|key| has(body, key)) {
            return self.opened(notes);
        }
        if has(body, b"AUTH_SESSKEY") {
            self.challenged = true;
            notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
        } else if (self.offered || self.name.is_some())
            && let Some(at) = find(body, b"ORA-")
        {
            let code = body.get(at.saturating_add(4)..).and_then(|rest| rest.get(..5)).unwrap_or_default();
            let (rule, why): (&'static Rule, Refusal) = match code {
                b"01017" => (&WRONG, Refusal::ProofWrong),
                b"01005" => (&MISSING, Refusal::ProofMissing),
                b"28000" | b"28001" | b"28009" | b"01045" | b"01035" => (&NOT_ALLOWED, Refusal::NotAllowed),
                _ => (&REFUSED, Refusal::Other),
            };
            notes.say(rule, Shown::Refuses { why });
            return Next::Settled;
        }
        Next::More
    }

    fn opened(&mut self, notes: &mut Notes<'_>) -> Next {
        if self.offered {
            notes.say(&ACCEPTED, Shown::Accepts);
        } else if let Some(name) = self.name.take().filter(|_| !self.challenged) {
            notes.say(&CLAIMED, name);
        } else {
            // Opened by a proof that is not read.
            return Next::Lost(Hidden::Unsupported);
        }
        notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }
}

impl Dissector for Oracle {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // The form of the caller's packets is known once the connection is accepted.
        let waits = match from {
            Role::Originator => self.asked && !self.accepted,
            Role::Responder => !self.asked,
        };
        if waits {
            return Next::More;
        }
        let large = self.large && !(from == Role::Originator && self.overflows);
        let Packet { kind, body, length } = match Self::packet(input.bytes(), large) {
            None => return Next::More,
            Some(Err(next)) => return next,
            Some(Ok(found)) => found,
        };
        let next = match from {
            Role::Originator => self.call(kind, body, notes),
            Role::Responder => self.reply(kind, body, notes),
        };
        input.skip(u64::from(length));
        next
    }
}
