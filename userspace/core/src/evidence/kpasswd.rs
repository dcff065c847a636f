//! Kerberos' change of passwords: a ticket with a proof of its key, and a sealed request.
//!
//! Source: RFC 3244 section 2 (request, reply, result codes).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::kerberos::{framed, unframed};
use super::kerberos_message::{AP_REQ, ERROR, likeness};
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    TICKET = "kpasswd.ticket-sent", v 1, Observed, Wire,
        "The caller sent a ticket and a proof that it holds the ticket's key",
        "The name in the ticket is encrypted";
    ACCEPTED = "kpasswd.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the proof with its own (AP-REP)",
        "Not whether the caller may change the password that it asked to change";
    ANSWERED = "kpasswd.request-answered", v 1, Observed, Wire,
        "The receiver answered the sealed request",
        "Whether the password was changed is sealed too";
    REFUSED = "kpasswd.request-refused", v 1, Observed, Wire,
        "The receiver answered with an error in clear",
        "Not whether ticket, proof or request was wrong";
}

/// How a flow over TCP is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Kpasswd,
    call: |bytes| framed(bytes, call),
    reply: |bytes| framed(bytes, reply),
    begin: || Box::new(Kpasswd::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a flow over UDP is recognised and read. The rules stand with TCP's.
pub(crate) static DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Kpasswd,
    call: |datagram| like(datagram, call),
    reply: |datagram| like(datagram, reply),
    unanswered: |_| false,
    begin: || Box::new(Kpasswd::default()),
    rules: &[],
};

/// AP-REP (RFC 4120 section 5.10).
const AP_REP: u8 = 0x6f;
/// Length, version, length of the ticket's part.
const HEADER: usize = 6;

fn like(datagram: &Datagram<'_>, of: fn(&[u8], Option<usize>) -> Likeness) -> bool {
    of(datagram.bytes, usize::try_from(datagram.length).ok()) == Likeness::Like
}

fn call(bytes: &[u8], length: Option<usize>) -> Likeness {
    either(bytes, length, &[AP_REQ])
}

/// The error may stand without the reply's header, as an error of the key distribution centre does.
fn reply(bytes: &[u8], length: Option<usize>) -> Likeness {
    if bytes.first() == Some(&ERROR) {
        likeness(bytes, &[ERROR], length)
    } else {
        either(bytes, length, &[AP_REP])
    }
}

/// Length, version 1 or (of a request that sets another's password) 0xff80, length of what follows: the ticket's part,
/// or nothing and an error.
fn either(bytes: &[u8], length: Option<usize>, tags: &[u8]) -> Likeness {
    let u16_at = |at: usize| {
        let pair = [*bytes.get(at)?, *bytes.get(at.saturating_add(1))?];
        Some(usize::from(u16::from_be_bytes(pair)))
    };
    if u16_at(0).is_some_and(|own| length.is_some_and(|length| own != length))
        || u16_at(2).is_some_and(|version| !matches!(version, 1 | 0xff80))
    {
        return Likeness::Unlike;
    }
    let Some(part) = u16_at(4) else { return Likeness::Unsure };
    let rest = bytes.get(HEADER..).unwrap_or_default();
    match part {
        0 if tags.contains(&AP_REP) => likeness(rest, &[ERROR], None),
        0 => Likeness::Unlike,
        _ => likeness(rest, tags, Some(part)),
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Kpasswd {
    asked: bool,
}

impl Kpasswd {
    fn take(&mut self, from: Role, bytes: &[u8], notes: &mut Notes<'_>) -> Next {
        let is = |of: fn(&[u8], Option<usize>) -> Likeness| of(bytes, None) == Likeness::Like;
        match from {
            Role::Originator if is(call) => self.asked = true,
            Role::Responder if is(reply) => {
                if std::mem::take(&mut self.asked) {
                    offer(notes);
                    if bytes.first() != Some(&ERROR) && bytes.get(HEADER) == Some(&AP_REP) {
                        notes.say(&ACCEPTED, Shown::Accepts);
                        notes.say(&ANSWERED, Shown::Serves { operation: Operation::Service });
                    } else {
                        notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                    }
                }
            }
            Role::Originator | Role::Responder => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }

    fn end(&mut self, notes: &mut Notes<'_>) {
        if std::mem::take(&mut self.asked) {
            offer(notes);
        }
    }
}

fn offer(notes: &mut Notes<'_>) {
    let credential = Credential::of(CredentialKind::Ticket);
    let shown = Shown::Offers {
        proof: Proof::Key,
        scope: Scope::Request,
        principal: None,
        credential: Some(credential),
    };
    notes.say(&TICKET, shown);
}

impl Dissector for Kpasswd {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // Question and answer take turns.
        if self.asked != (from == Role::Responder) {
            return Next::More;
        }
        let (next, total) = match unframed(input.bytes()) {
            Ok(None) => return Next::More,
            Ok(Some((start, total))) => (self.take(from, start, notes), total),
            Err(why) => return Next::Lost(why),
        };
        input.skip(total);
        next
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.end(notes);
    }
}

impl DatagramDissector for Kpasswd {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        self.take(from, datagram.bytes, notes)
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.end(notes);
    }
}
