//! GIOP, CORBA's protocol: requests, their security context (CSIv2), and how they were answered.
//!
//! Sources: OMG CORBA 3.3 part 2 sections 9.3 (CDR), 9.4 (messages), 10.2 (security attribute service, GSSUP).

use std::collections::VecDeque;

use super::ber::{self, Found};
use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::giop_reading::{Cdr, Established, Message, established, reply_head, request_head};
use super::gss_token;
use super::sasl;
use super::told::Told;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "giop.password-sent", v 1, Observed, Wire,
        "A request carried a user name and a password in clear (GSSUP)",
        "Whether the receiver looks at them";
    TICKET = "giop.token-sent", v 1, Observed, Wire,
        "A request carried a GSS-API token of the caller",
        "What of it the receiver checked";
    NAMED = "giop.identity-asserted", v 1, Observed, Wire,
        "A request names the principal for whom it is made; the caller vouches for the name",
        "Nothing in the request proves it";
    ACCEPTED = "giop.context-accepted", v 1, Observed, Wire,
        "The receiver completed the security context that the request asked for, or served the request that carried it",
        "Which part of the context it looked at";
    REFUSED = "giop.context-refused", v 1, Observed, Wire,
        "The receiver refused the security context",
        "Which part of the proof was wrong";
    DENIED = "giop.no-permission", v 1, Observed, Wire,
        "The receiver answered with the exception NO_PERMISSION",
        "Whether it knows the caller by name";
    FAILED = "giop.request-failed", v 1, Observed, Wire,
        "The receiver answered with another system exception",
        "Nothing is said about what it checks";
    SERVED = "giop.request-served", v 1, Observed, Wire,
        "The receiver answered a request with its result",
        "Whether the result went to everyone";
    PUBLIC = "giop.lookup-served", v 1, Observed, Wire,
        "The receiver answered where an object is or what it is",
        "Nothing is said about what else it serves";
    UNKNOWN_PROOF = "giop.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver served a request whose security context no rule knows",
        "What was proved is not known";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Giop,
    call: likeness,
    reply: likeness,
    begin: || Box::new(Giop::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Magic and major version.
fn likeness(bytes: &[u8]) -> Likeness {
    Likeness::starts_with(bytes, b"GIOP\x01")
}

/// Length of a message's header, and how much of a message is read.
const HEADER: usize = 12;
const MESSAGE: usize = 8192;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;
/// Types of messages.
const REQUEST: u8 = 0;
const REPLY: u8 = 1;
const LOCATE_REQUEST: u8 = 3;
const LOCATE_REPLY: u8 = 4;
/// Operations that ask where or what an object is.
const LOOKUPS: &[&[u8]] = &[b"resolve", b"resolve_str", b"get", b"_get_NameService", b"resolve_any"];

/// A request without an answer.
#[derive(Debug)]
struct Asked {
    id: u32,
    operation: Operation,
    offered: Offered,
}

/// What a request carried of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offered {
    Nothing,
    Name,
    Proof,
    Unknown,
}

/// One flow.
#[derive(Default, Debug)]
struct Giop {
    asked: VecDeque<Asked>,
    told: Told,
    /// The context that was established stays for the connection.
    proved: bool,
}

/// Name and password of a GSSUP token (object identifier 2.23.130.1.1.1).
fn password(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let Found::Head(head) = ber::head(token) else { return None };
    let content = token.get(head.head..)?.strip_prefix(b"\x06\x06\x67\x81\x02\x01\x01\x01")?;
    let mut cdr = Cdr::encapsulated(content)?;
    Some((cdr.octets()?, cdr.octets()?))
}

impl Giop {
    fn offer(&mut self, context: &Established<'_>, notes: &mut Notes<'_>) -> Offered {
        let mut offered = Offered::Nothing;
        if let Some(name) = context.identity {
            self.told.once(&NAMED, sasl::name_offer(exported(name)), notes);
            offered = Offered::Name;
        }
        if context.token.is_empty() {
            return offered;
        }
        let offer: Option<(&'static Rule, Shown)> = match password(context.token) {
            Some((user, password)) => Some(sasl::password_offer(&PASSWORD, user, password, notes)),
            None => gss_token::presented(context.token).map(|found| {
                let rule: &'static Rule = &TICKET;
                (rule, found.offer())
            }),
        };
        let Some((rule, shown)) = offer else { return Offered::Unknown };
        let proves = matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
        self.told.once(rule, shown, notes);
        if proves { Offered::Proof } else { Offered::Name }
    }

    fn call(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Option<()> {
        if message.kind == LOCATE_REQUEST {
            let id = Cdr::of(message).number()?;
            self.push(Asked { id, operation: Operation::Public, offered: Offered::Nothing });
            return Some(());
        }
        let head = request_head(message)?;
        let offered = match head.security.map(established) {
            None | Some(Some(None)) => Offered::Nothing,
            Some(Some(Some(context))) => self.offer(&context, notes),
            Some(None) => Offered::Unknown,
        };
        let lookup = head.operation.first() == Some(&b'_') || LOOKUPS.contains(&head.operation);
        let operation = if lookup { Operation::Public } else { Operation::Service };
        if head.answered {
            self.push(Asked { id: head.id, operation, offered });
        }
        Some(())
    }

    fn push(&mut self, asked: Asked) {
        if self.asked.len() >= UNANSWERED {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    fn reply(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Option<()> {
        let head = reply_head(message)?;
        let at = self.asked.iter().position(|asked| asked.id == head.id)?;
        let asked = self.asked.remove(at)?;
        let verdict = head.security.and_then(|context| Cdr::encapsulated(context)?.short());
        // ContextError (4); its reply carries NO_PERMISSION as well.
        if verdict == Some(4) {
            let proved = asked.offered == Offered::Proof;
            let why = if proved { Refusal::ProofWrong } else { Refusal::NotAllowed };
            self.told.once(&REFUSED, Shown::Refuses { why }, notes);
            return Some(());
        }
        if asked.offered == Offered::Unknown && head.status < 2 {
            self.told.once(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported }, notes);
            return Some(());
        }
        let (operation, located) = (asked.operation, message.kind == LOCATE_REPLY);
        match head.status {
            2 if !located && head.exception.windows(13).any(|part| part == b"NO_PERMISSION") => {
                let known = asked.offered == Offered::Proof || self.proved;
                let why = if known { Refusal::NotAllowed } else { Refusal::ProofMissing };
                self.told.once(&DENIED, Shown::Refuses { why }, notes);
            }
            2 if !located => self.told.once(&FAILED, Shown::Refuses { why: Refusal::Other }, notes),
            0 | 1 if operation == Operation::Service => {
                if asked.offered == Offered::Proof {
                    self.proved = true;
                    self.told.once(&ACCEPTED, Shown::Accepts, notes);
                }
                self.told.once(&SERVED, Shown::Serves { operation }, notes);
            }
            _ => self.told.once(&PUBLIC, Shown::Serves { operation: Operation::Public }, notes),
        }
        Some(())
    }
}

/// The name inside a GSS-API exported name (RFC 2743 section 3.2), or all of it.
fn exported(name: &[u8]) -> &[u8] {
    let inner = || {
        let mut cursor = Cursor(name.strip_prefix(b"\x04\x01")?);
        let mechanism = u16::from_be_bytes(cursor.array()?);
        cursor.take(usize::from(mechanism))?;
        let length = u32::from_be_bytes(cursor.array()?);
        cursor.take(usize::try_from(length).ok()?)
    };
    inner().unwrap_or(name)
}

impl Dissector for Giop {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else { return Next::More };
        let [b'G', b'I', b'O', b'P', 1, minor, flags, kind, a, b, c, d] = *header else {
            return Next::Lost(Hidden::Unsupported);
        };
        let little = flags & 1 != 0;
        let digits = [a, b, c, d];
        let size = if little { u32::from_le_bytes(digits) } else { u32::from_be_bytes(digits) };
        let answers = matches!(kind, REPLY | LOCATE_REPLY);
        if from == Role::Responder && answers && self.asked.is_empty() {
            return Next::More;
        }
        let end = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(HEADER);
        let asks = matches!(kind, REQUEST | LOCATE_REQUEST) && from == Role::Originator;
        let needed = if asks || answers { end.min(MESSAGE) } else { HEADER };
        let Some(whole) = bytes.get(..needed) else { return Next::More };
        let message = Message { minor, little, kind, bytes: whole };
        match from {
            Role::Originator if asks => {
                // A request that is not understood may carry a proof: what comes of it is not judged.
                if self.call(&message, notes).is_none() {
                    return Next::Lost(Hidden::Unsupported);
                }
            }
            Role::Responder if answers => {
                let _ = self.reply(&message, notes);
            }
            Role::Originator | Role::Responder => {}
        }
        input.skip(end as u64);
        Next::More
    }
}
