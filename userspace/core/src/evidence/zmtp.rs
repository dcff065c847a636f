//! ZMTP 3, the protocol of ZeroMQ: the mechanism that both sides name, and how it ended.
//!
//! Sources: ZeroMQ RFC 23 and 37 (ZMTP 3.0, 3.1: greeting, commands, NULL), RFC 24 (PLAIN), RFC 25 and 26 (CURVE).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "zmtp.proof-demanded", v 1, Observed, Wire,
        "The receiver's greeting names a mechanism that proves the caller (PLAIN, CURVE)",
        "Which names or keys it would accept";
    PASSWORD = "zmtp.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (PLAIN)",
        "Whether the receiver looks at them";
    KEY = "zmtp.key-used", v 1, Observed, Wire,
        "The caller proved its long-term key (CURVE INITIATE)",
        "Whether the receiver knows that key, or takes any";
    ACCEPTED = "zmtp.proof-accepted", v 1, Observed, Wire,
        "The receiver went on after the caller's proof (WELCOME, READY)",
        "Whether it would have gone on without a known one";
    OPENED = "zmtp.connection-opened", v 1, Observed, Wire,
        "The receiver was ready for messages (READY)",
        "Whether it looked at the caller's address";
    REFUSED = "zmtp.refused", v 1, Observed, Wire,
        "The receiver answered with ERROR",
        "Whether the name, the proof or the place was wrong";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Zmtp,
    call: likeness,
    reply: likeness,
    begin: || Box::new(Zmtp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Signature, version, mechanism, role, filler.
const GREETING: usize = 64;
/// Largest command that is read.
const COMMAND: usize = 4096;

/// FF, eight bytes of padding, 7F, version 3.
fn likeness(bytes: &[u8]) -> Likeness {
    let expect = |at: usize, byte: u8| match at {
        0 => byte == 0xff,
        1..=7 => byte == 0,
        8 => byte <= 1,
        9 => byte == 0x7f,
        _ => byte == 3,
    };
    if !bytes.iter().take(11).enumerate().all(|(at, byte)| expect(at, *byte)) {
        Likeness::Unlike
    } else if bytes.len() < 11 {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Zmtp {
    caller: Option<Mechanism>,
    receiver: Option<Mechanism>,
    /// The caller has said something that the receiver answers.
    asked: bool,
    offered: bool,
    accepted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mechanism {
    Null,
    Plain,
    Curve,
}

fn mechanism(greeting: &[u8]) -> Option<Mechanism> {
    let name = greeting.get(12..32)?;
    match name.split(|byte| *byte == 0).next()? {
        b"NULL" => Some(Mechanism::Null),
        b"PLAIN" => Some(Mechanism::Plain),
        b"CURVE" => Some(Mechanism::Curve),
        _ => None,
    }
}

impl Zmtp {
    fn greeting(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(greeting) = input.bytes().get(..GREETING) else { return Next::More };
        // GSSAPI and others.
        let Some(mechanism) = mechanism(greeting) else { return Next::Lost(Hidden::Unsupported) };
        match from {
            Role::Originator => self.caller = Some(mechanism),
            Role::Responder => self.receiver = Some(mechanism),
        }
        input.read(GREETING);
        let (Some(caller), Some(receiver)) = (self.caller, self.receiver) else { return Next::More };
        match receiver {
            Mechanism::Null => {}
            Mechanism::Plain => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            Mechanism::Curve => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Key }),
        }
        // Both must name the same; the connection is closed otherwise.
        if caller == receiver { Next::More } else { Next::Settled }
    }

    fn call(&mut self, name: &[u8], body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        self.asked = true;
        let mut cursor = Cursor(body);
        let mut short = || {
            let length = cursor.byte()?;
            cursor.take(usize::from(length))
        };
        match name {
            b"HELLO" if self.receiver == Some(Mechanism::Plain) => {
                let (user, password) = (short()?, short()?);
                let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
                self.offered = true;
                notes.say(rule, shown);
            }
            b"INITIATE" if self.receiver == Some(Mechanism::Curve) => {
                let credential = Credential::of(CredentialKind::Signature);
                self.offered = true;
                let shown = Shown::Offers {
                    proof: Proof::Key,
                    scope: Scope::Connection,
                    principal: None,
                    credential: Some(credential),
                };
                notes.say(&KEY, shown);
            }
            _ => {}
        }
        Some(())
    }

    fn reply(&mut self, name: &[u8], notes: &mut Notes<'_>) -> Next {
        match name {
            b"READY" | b"WELCOME" => {
                if self.offered && !std::mem::replace(&mut self.accepted, true) {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                if name == b"WELCOME" {
                    self.asked = false;
                    return Next::More;
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
            }
            b"ERROR" => {
                let why = if self.offered { Refusal::ProofWrong } else { Refusal::Other };
                notes.say(&REFUSED, Shown::Refuses { why });
            }
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::Settled
    }
}

impl Dissector for Zmtp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let greeted = match from {
            Role::Originator => self.caller.is_some(),
            Role::Responder => self.receiver.is_some(),
        };
        if !greeted {
            return self.greeting(from, input, notes);
        }
        // Commands come after both greetings, and the receiver's after the caller's.
        if self.caller.is_none() || self.receiver.is_none() || self.asked != (from == Role::Responder) {
            return Next::More;
        }
        let bytes = input.bytes();
        let (length, start) = match *bytes {
            // A command: its length in one byte, or in eight.
            [0x04, length, ..] => (usize::from(length), 2),
            [0x06, 0, 0, 0, 0, 0, 0, high, low, ..] => {
                (usize::from(u16::from_be_bytes([high, low])), 9_usize)
            }
            [0x04] | [] => return Next::More,
            [0x06, ..] if bytes.len() < 9 => return Next::More,
            _ => return Next::Lost(Hidden::Unsupported),
        };
        if length > COMMAND {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = start.saturating_add(length);
        let Some(command) = bytes.get(start..end) else { return Next::More };
        let mut cursor = Cursor(command);
        let name = cursor.byte().and_then(|length| cursor.take(usize::from(length))).unwrap_or_default();
        let next = match from {
            Role::Originator => {
                self.call(name, cursor.0, notes).map_or(Next::Lost(Hidden::Unsupported), |()| Next::More)
            }
            Role::Responder => self.reply(name, notes),
        };
        input.read(end);
        next
    }
}
