//! Java RMI: what was called on which kind of object, the credentials of a JMX login, and the answer.
//!
//! JRMP has no lengths around a call or a return: one call waits for its return, which tells where each ends.
//! Sources: Java Remote Method Invocation specification section 10 (wire protocol), Java Object Serialization
//! specification section 6.4 (stream grammar), JSR 160 (`RMIServer.newClient`).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::told::Told;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "java-rmi.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear to a JMX server (newClient)",
        "Whether the server checks them";
    ACCEPTED = "java-rmi.proof-not-refused", v 1, Observed, Wire,
        "The JMX server opened a session after a password was sent",
        "Whether it would have done so without";
    OPENED = "java-rmi.session-opened", v 1, Observed, Wire,
        "The JMX server opened a session (newClient)",
        "What the session lets the caller do";
    REFUSED = "java-rmi.session-refused", v 1, Observed, Wire,
        "The JMX server answered a login with a security exception",
        "Which part of the proof was wrong";
    UNKNOWN_PROOF = "java-rmi.unknown-proof-accepted", v 1, Observed, Wire,
        "The JMX server opened a session after credentials of a form that no rule knows",
        "What was proved is not known";
    SERVED = "java-rmi.call-served", v 1, Observed, Wire,
        "The receiver answered a call with its result, and the protocol carries no proof of who calls",
        "What the call's own arguments prove";
    CHANGED = "java-rmi.registry-changed", v 1, Observed, Wire,
        "The registry took a change of its names",
        "Whether it looked at the caller's address";
    LOOKED_UP = "java-rmi.lookup-served", v 1, Observed, Wire,
        "The registry or the collector of garbage answered, as it does for anyone",
        "Nothing is said about the objects themselves";
    FAILED = "java-rmi.call-failed", v 1, Observed, Wire,
        "The receiver answered a call with an exception",
        "Nothing is said about what it checks, unless the exception is about access";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::JavaRmi,
    call: |bytes| match bytes {
        [b'J', b'R', b'M', b'I', 0, 1 | 2, 0x4b..=0x4d, ..] => Likeness::Like,
        [b'J', b'R', b'M', b'I', 0, 1 | 2] => Likeness::Unsure,
        _ => Likeness::starts_with(bytes, b"JRMI\0").and(Likeness::Unsure),
    },
    reply: |bytes| match bytes {
        // An acknowledgement with a name, or at once an answer.
        [0x4e, 0, ..] | [0x51, 0xac, ..] | [0x53, ..] => Likeness::Like,
        [] | [0x4e | 0x51] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Rmi::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Messages.
const CALL: u8 = 0x50;
const RETURN: u8 = 0x51;
const PING: u8 = 0x52;
const PONG: u8 = 0x53;
const COLLECTED: u8 = 0x54;
/// Sub-protocol in which the receiver acknowledges nothing.
const SINGLE: u8 = 0x4c;
/// Start of a serialization stream, and a block of `n` bytes.
const CALL_START: &[u8] = b"\x50\xac\xed\x00\x05\x77\x22";
const RETURN_START: &[u8] = b"\x51\xac\xed\x00\x05\x77\x0f";
/// `javax.management.remote.rmi.RMIServer.newClient(Object)` as the hash of its signature.
const NEW_CLIENT: i64 = -1_089_742_558_549_201_240;
/// An array of strings (its class's description), before the count of its elements.
const STRINGS: &[u8] =
    b"\x75\x72\x00\x13[Ljava.lang.String;\xad\xd2\x56\xe7\xe9\x1d\x7b\x47\x02\x00\x00\x78\x70";

/// What the receiver has to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// Its name, or a ping.
    Greeting,
    Ping,
    /// A call of the registry or the collector that changes nothing.
    Lookup,
    Change,
    Other,
    /// A JMX login: with a password, with nothing, or with what is not known.
    Login(Login),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Login {
    Password,
    Nothing,
    Unknown,
}

/// One flow.
#[derive(Default, Debug)]
struct Rmi {
    begun: bool,
    /// The caller's own name is still to come.
    names_itself: bool,
    asked: Option<Asked>,
    told: Told,
}

/// Object, operation and hash of a call.
struct Target {
    object: i64,
    operation: i32,
    hash: i64,
}

fn target(block: &[u8]) -> Option<Target> {
    let mut cursor = Cursor(block);
    let object = i64::from_be_bytes(cursor.array()?);
    cursor.take(14)?;
    Some(Target {
        object,
        operation: i32::from_be_bytes(cursor.array()?),
        hash: i64::from_be_bytes(cursor.array()?),
    })
}

/// The credentials of a JMX login; `None` while they are not all there.
fn credentials<'a>(cursor: &mut Cursor<'a>) -> Option<Option<(&'a [u8], &'a [u8])>> {
    let text = |cursor: &mut Cursor<'a>| {
        let [kind, high, low] = cursor.array()?;
        let text = cursor.take(usize::from(u16::from_be_bytes([high, low])))?;
        Some((kind == 0x74).then_some(text))
    };
    let start = cursor.take(STRINGS.len().min(cursor.0.len()))?;
    if !STRINGS.starts_with(start) {
        return Some(None);
    }
    if start.len() < STRINGS.len() {
        return None;
    }
    if cursor.array::<4>()? != [0, 0, 0, 2] {
        return Some(None);
    }
    let Some(user) = text(cursor)? else { return Some(None) };
    let password = text(cursor)?;
    Some(password.map(|password| (user, password)))
}

/// The class of the exception that a return holds after its block; `None` while it is not all there.
fn exception(rest: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor(rest);
    // A new object of a class that is described here.
    if cursor.array()? != *b"\x73\x72" {
        return Some(&[]);
    }
    let length = u16::from_be_bytes(cursor.array()?);
    cursor.take(usize::from(length))
}

impl Rmi {
    /// Reads one message of the caller: how many bytes of it are passed over.
    fn call(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
        if !self.begun {
            let sub = *bytes.get(6)?;
            self.begun = true;
            self.names_itself = sub != SINGLE;
            self.asked = (sub != SINGLE).then_some(Asked::Greeting);
            return Some(7);
        }
        if self.names_itself {
            let length = bytes.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)))?;
            let end = length.checked_add(6)?;
            bytes.get(..end)?;
            self.names_itself = false;
            return Some(end);
        }
        match *bytes.first()? {
            PING => {
                self.asked = Some(Asked::Ping);
                Some(1)
            }
            COLLECTED => Some(15),
            CALL => {
                let block = bytes.get(CALL_START.len()..)?.get(..34)?;
                let target = target(block)?;
                let end = CALL_START.len().checked_add(34)?;
                self.asked = Some(match (target.object, target.operation) {
                    // The registry: bind, list, lookup, rebind, unbind; then the activator, which starts objects.
                    (0, 1 | 2) | (2, _) => Asked::Lookup,
                    (0, _) => Asked::Change,
                    _ if target.hash == NEW_CLIENT => {
                        let mut cursor = Cursor(bytes.get(end..)?);
                        let login = self.login(&mut cursor, notes)?;
                        self.asked = Some(Asked::Login(login));
                        return Some(end);
                    }
                    _ => Asked::Other,
                });
                Some(end)
            }
            _ => Some(0),
        }
    }

    fn login(&self, cursor: &mut Cursor<'_>, notes: &mut Notes<'_>) -> Option<Login> {
        if cursor.0.first()? == &0x70 {
            return Some(Login::Nothing);
        }
        let Some((user, password)) = credentials(cursor)? else { return Some(Login::Unknown) };
        let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
        let proves = matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
        notes.say(rule, shown);
        Some(if proves { Login::Password } else { Login::Nothing })
    }

    /// A return without exception.
    fn returned(&mut self, asked: Asked, notes: &mut Notes<'_>) {
        let service = Shown::Serves { operation: Operation::Service };
        match asked {
            Asked::Greeting | Asked::Ping => {}
            Asked::Lookup => {
                self.told.once(&LOOKED_UP, Shown::Serves { operation: Operation::Public }, notes);
            }
            Asked::Change => self.told.once(&CHANGED, service, notes),
            Asked::Other => self.told.once(&SERVED, service, notes),
            Asked::Login(Login::Unknown) => {
                self.told.once(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported }, notes);
            }
            Asked::Login(login) => {
                if login == Login::Password {
                    self.told.once(&ACCEPTED, Shown::Accepts, notes);
                }
                self.told.once(&OPENED, service, notes);
            }
        }
    }

    /// A return with an exception of this class.
    fn threw(&mut self, asked: Asked, class: &[u8], notes: &mut Notes<'_>) {
        let denied = class.ends_with(b"SecurityException") || class.ends_with(b"AccessException");
        let why = match asked {
            Asked::Login(Login::Nothing) if denied => Refusal::ProofMissing,
            Asked::Login(_) if denied => Refusal::ProofWrong,
            Asked::Greeting | Asked::Ping | Asked::Lookup | Asked::Change | Asked::Other if denied => {
                Refusal::NotAllowed
            }
            Asked::Greeting
            | Asked::Ping
            | Asked::Lookup
            | Asked::Change
            | Asked::Other
            | Asked::Login(_) => Refusal::Other,
        };
        let rule = if denied && matches!(asked, Asked::Login(_)) { &REFUSED } else { &FAILED };
        self.told.once(rule, Shown::Refuses { why }, notes);
    }

    fn reply(&mut self, asked: Asked, bytes: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
        match (asked, bytes.first()?) {
            (Asked::Greeting, 0x4e) => {
                let length = usize::from(u16::from_be_bytes(*bytes.get(1..)?.first_chunk()?));
                self.asked = None;
                length.checked_add(7)
            }
            (Asked::Ping, &PONG) => {
                self.told.once(&LOOKED_UP, Shown::Serves { operation: Operation::Public }, notes);
                self.asked = None;
                Some(1)
            }
            (_, &RETURN) => {
                let block = bytes.get(RETURN_START.len()..)?.get(..15)?;
                let end = RETURN_START.len().checked_add(15)?;
                if block.first() == Some(&1) {
                    self.returned(asked, notes);
                } else {
                    let class = exception(bytes.get(end..)?)?;
                    self.threw(asked, class, notes);
                }
                self.asked = None;
                Some(end)
            }
            _ => Some(0),
        }
    }
}

impl Dissector for Rmi {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if bytes.is_empty() {
            return Next::More;
        }
        let start = bytes.get(..bytes.len().min(RETURN_START.len())).unwrap_or_default();
        let moved = match (from, self.asked) {
            // What comes while a call waits is the rest of its arguments.
            (Role::Originator, Some(asked)) if asked != Asked::Greeting => Some(bytes.len()),
            (Role::Originator, _)
                if bytes.first() == Some(&CALL)
                    && !CALL_START.starts_with(start)
                    && self.begun
                    && !self.names_itself =>
            {
                None
            }
            (Role::Originator, _) => match self.call(bytes, notes) {
                Some(0) => None,
                Some(count) => Some(count),
                None => return Next::More,
            },
            // What comes while nothing is asked is the rest of a result.
            (Role::Responder, None) if self.begun => Some(bytes.len()),
            (Role::Responder, None) => return Next::More,
            (Role::Responder, Some(_))
                if bytes.first() == Some(&RETURN) && !RETURN_START.starts_with(start) =>
            {
                None
            }
            (Role::Responder, Some(asked)) => match self.reply(asked, bytes, notes) {
                Some(0) => None,
                Some(count) => Some(count),
                None => return Next::More,
            },
        };
        match moved {
            Some(count) => input.read(count),
            None => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }
}
