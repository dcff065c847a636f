//! Kerberos: what callers prove to the key distribution centre before it hands out tickets.
//!
//! Sources: RFC 4120 sections 3.1 (AS exchange), 3.3 (TGS exchange), 7.2 (transports) and 7.5.9 (error codes), RFC 4556
//! section 3.1.3 and 3.2.1 (errors of PKINIT), RFC 6113 section 5 (FAST), RFC 8062 section 4 (anonymous).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::kerberos_message::{self as message, Carried, LOOKED, Message};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "kerberos.proof-demanded", v 1, Observed, Wire,
        "The key distribution centre refused a ticket until the caller proves that it holds its key (25)",
        "Not whether it demands the same for every name";
    CHALLENGED = "kerberos.more-demanded", v 1, Observed, Wire,
        "The key distribution centre asked for a further step of the proof (91)",
        "Not whether it demands the same for every name";
    TIMESTAMP = "kerberos.key-proof-sent", v 1, Observed, Wire,
        "The caller sent a time or a challenge's answer that is encrypted under its long-term key",
        "The key may be made from a password that can be guessed from what was sent";
    CERTIFICATE = "kerberos.certificate-proof-sent", v 1, Observed, Wire,
        "The caller signed its request with the key of a certificate (PKINIT)",
        "Which certificates the receiver trusts";
    ARMOUR = "kerberos.armoured-proof-sent", v 1, Observed, Wire,
        "The caller sealed its request under a ticket's key and proved that it holds it (FAST)",
        "The armour may be another principal's, even an anonymous one's; what else was proved is sealed";
    TICKET = "kerberos.ticket-sent", v 1, Observed, Wire,
        "The caller sent its ticket and a proof that it holds the ticket's key",
        "How the ticket was got";
    CLAIMED = "kerberos.name-claimed", v 1, Observed, Wire,
        "The caller named a principal and sent no proof",
        "Not whether the receiver asks for one";
    ACCEPTED = "kerberos.proof-accepted", v 1, Observed, Wire,
        "The key distribution centre answered the proof with a ticket",
        "Not whether it would have given one without";
    GRANTED = "kerberos.ticket-granted", v 1, Observed, Wire,
        "The key distribution centre handed out a ticket",
        "The answer is sealed under the named principal's key: whoever asked without proof has got something to guess at, not the session key";
    ANONYMOUS = "kerberos.anonymous-ticket-granted", v 1, Observed, Wire,
        "The key distribution centre handed out a ticket for nobody, which it gives anyone (RFC 8062)",
        "Not what the ticket opens";
    WRONG = "kerberos.proof-refused", v 1, Observed, Wire,
        "The key distribution centre refused the proof",
        "Not whether key, ticket or certificate was wrong, beyond what the code says";
    NOT_ALLOWED = "kerberos.not-allowed", v 1, Observed, Wire,
        "The key distribution centre's policy does not allow this caller what it asked for",
        "Not whether another name would be allowed";
    FAILED = "kerberos.request-failed", v 1, Observed, Wire,
        "The key distribution centre refused for a reason that is not the caller's proof",
        "Nothing is said about the proof";
}

/// Longest message over TCP that is believed.
const LONGEST: u32 = 1 << 20;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 16;

/// How a flow over TCP is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Kerberos,
    call: |bytes| framed(bytes, message::call),
    reply: |bytes| framed(bytes, message::reply),
    begin: || Box::new(Kerberos::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a flow over UDP is recognised and read. The rules stand with TCP's.
pub(crate) static DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Kerberos,
    call: |datagram| matches!(message_of(datagram), Some(Message::Asks { .. })),
    reply: |datagram| matches!(message_of(datagram), Some(Message::Grants { .. } | Message::Fails { .. })),
    unanswered: |_| false,
    begin: || Box::new(Kerberos::default()),
    rules: &[],
};

fn message_of(datagram: &Datagram<'_>) -> Option<Message> {
    let length = usize::try_from(datagram.length).ok()?;
    let like = |of: fn(&[u8], Option<usize>) -> Likeness| of(datagram.bytes, Some(length)) == Likeness::Like;
    if like(message::call) || like(message::reply) { message::read(datagram.bytes) } else { None }
}

/// A message behind its length in four bytes, whose highest bit is kept free (RFC 4120 section 7.2.2).
pub(super) fn framed(bytes: &[u8], of: fn(&[u8], Option<usize>) -> Likeness) -> Likeness {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        let high = bytes.first().is_some_and(|byte| *byte != 0);
        return if high { Likeness::Unlike } else { Likeness::Unsure };
    };
    let length = u32::from_be_bytes(*length);
    if length > LONGEST { Likeness::Unlike } else { of(rest, usize::try_from(length).ok()) }
}

/// The start of a message behind its length, and the bytes of both; `Ok(None)` while too little is there.
pub(super) fn unframed(bytes: &[u8]) -> Result<Option<(&[u8], u64)>, Hidden> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length);
    if length > LONGEST {
        return Err(Hidden::Unsupported);
    }
    let needed = usize::try_from(length).unwrap_or(usize::MAX).min(LOOKED);
    Ok(rest.get(..needed).map(|start| (start, u64::from(length).saturating_add(4))))
}

/// A request that was not answered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Asked {
    ticket_granting: bool,
    carried: Option<Carried>,
    anonymous: bool,
    name: Vec<u8>,
}

impl Asked {
    /// Says what was presented, under the name that the answer gives, if it gives one.
    fn say(&self, answered: &[u8], notes: &mut Notes<'_>) {
        let name = if answered.is_empty() { self.name.as_slice() } else { answered };
        let principal = (!name.is_empty()).then(|| Principal::bounded(PrincipalKind::User, name));
        let (rule, proof, kind): (&'static Rule, _, _) = match self.carried {
            None if principal.is_none() => return,
            None => (&CLAIMED, Proof::Claim, None),
            Some(_) if self.anonymous => (&CLAIMED, Proof::Claim, None),
            Some(Carried::Timestamp) => (&TIMESTAMP, Proof::Key, None),
            Some(Carried::Certificate) => (&CERTIFICATE, Proof::Key, Some(CredentialKind::X509)),
            Some(Carried::Armour) => (&ARMOUR, Proof::Key, Some(CredentialKind::Ticket)),
            Some(Carried::Ticket) => (&TICKET, Proof::Key, Some(CredentialKind::Ticket)),
        };
        let credential = kind.map(Credential::of);
        notes.say(rule, Shown::Offers { proof, scope: Scope::Request, principal, credential });
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Kerberos {
    unanswered: Vec<Asked>,
}

impl Kerberos {
    fn take(&mut self, from: Role, message: Message, notes: &mut Notes<'_>) -> Next {
        match (from, message) {
            (Role::Originator, Message::Asks { ticket_granting, carried, anonymous, name }) => {
                let asked = Asked { ticket_granting, carried, anonymous, name };
                // A datagram that was sent again asks for nothing new.
                if !self.unanswered.contains(&asked) {
                    if self.unanswered.len() >= UNANSWERED {
                        return Next::Lost(Hidden::Truncated);
                    }
                    self.unanswered.push(asked);
                }
            }
            (Role::Responder, Message::Grants { ticket_granting, name }) => {
                // Of several that may be meant, the one that proves least.
                let may = |asked: &Asked| asked.ticket_granting == ticket_granting;
                if let Some(asked) = self.answered(may, false) {
                    granted(&asked, &name, notes);
                }
            }
            (Role::Responder, Message::Fails { code }) => {
                if let Some(asked) = self.answered(|_| true, code != 25) {
                    failed(&asked, code, notes);
                }
            }
            (Role::Originator | Role::Responder, _) => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }

    /// Takes out the request that was answered.
    fn answered(&mut self, may: impl Fn(&Asked) -> bool, proved: bool) -> Option<Asked> {
        let candidates = self.unanswered.iter().enumerate().filter(|(_, asked)| may(asked));
        let (at, _) = candidates.min_by_key(|(_, asked)| asked.carried.is_some() != proved)?;
        Some(self.unanswered.remove(at))
    }

    fn end(&mut self, notes: &mut Notes<'_>) {
        for asked in self.unanswered.drain(..) {
            asked.say(b"", notes);
        }
    }
}

fn granted(asked: &Asked, name: &[u8], notes: &mut Notes<'_>) {
    if asked.anonymous {
        notes.say(&ANONYMOUS, Shown::Serves { operation: Operation::Public });
        return;
    }
    asked.say(name, notes);
    if asked.carried.is_some() {
        notes.say(&ACCEPTED, Shown::Accepts);
    }
    notes.say(&GRANTED, Shown::Serves { operation: Operation::Service });
}

/// Error codes of RFC 4120 section 7.5.9 and RFC 4556 section 3.1.3.
fn failed(asked: &Asked, code: i64, notes: &mut Notes<'_>) {
    asked.say(b"", notes);
    match code {
        25 => {
            notes.say(&DEMANDED, Shown::Demands { proof: Proof::Key });
            notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
        }
        91 => notes.say(&CHALLENGED, Shown::Demands { proof: Proof::Key }),
        // Pre-authentication failed; integrity, expiry, mismatch, modified, key version, no key; PKINIT's.
        24 | 31..=36 | 41 | 44 | 45 | 62 | 64 | 70..=75 if asked.carried.is_some() => {
            notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
        }
        // Policy, revoked client, no longer or not yet valid client.
        12 | 18 | 21 => notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed }),
        _ => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
    }
}

impl Dissector for Kerberos {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && self.unanswered.is_empty() {
            return Next::More;
        }
        let (message, total) = match unframed(input.bytes()) {
            Ok(None) => return Next::More,
            Ok(Some((start, total))) => (message::read(start), total),
            Err(why) => return Next::Lost(why),
        };
        input.skip(total);
        match message {
            Some(message) => self.take(from, message, notes),
            None => Next::Lost(Hidden::Unsupported),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.end(notes);
    }
}

impl DatagramDissector for Kerberos {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        match message_of(datagram) {
            Some(message) => self.take(from, message, notes),
            None => Next::Lost(Hidden::Unsupported),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.end(notes);
    }
}
