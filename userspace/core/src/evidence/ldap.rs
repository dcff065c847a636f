//! LDAP: who bound by what, and what was served to whom.
//!
//! Sources: RFC 4511 (messages, result codes, StartTLS), RFC 4513 section 5.1 (anonymous, unauthenticated and named
//! binds), RFC 4512 section 5.1 (root entry), MS-ADTS 5.1.1.1.3 (Sicily binds).

use std::collections::VecDeque;

use super::ber::{self, Elements, Found};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::ldap_rules as rule;
use super::sasl::{self, Exchange};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ldap,
    call: |bytes| likeness(bytes, &[0x60, 0x63, 0x66, 0x68, 0x4a, 0x6c, 0x6e, 0x77]),
    reply: |bytes| likeness(bytes, &[0x61, 0x64, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x73, 0x78]),
    begin: || Box::new(Ldap::default()),
    call_alone: nothing_alone,
    rules: rule::RULES,
};

/// Longest bind or extended request that is read; tickets with many groups are long.
const READ: usize = 65_536;
/// First bytes of a message that are looked at, where it is not read whole.
const LOOKED: usize = 512;
/// Most operations that wait for their result.
const UNANSWERED: usize = 256;
/// Results that are watched for a later bind after the first service.
const WATCHED: u32 = 256;
/// Binds that are reported one by one.
const BINDS: u32 = 64;
/// Object identifier of StartTLS.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// A message: SEQUENCE, a message id, and one of these operations.
pub(super) fn likeness(bytes: &[u8], operations: &[u8]) -> Likeness {
    if bytes.first().is_some_and(|tag| *tag != 0x30) {
        return Likeness::Unlike;
    }
    let outer = match ber::head(bytes) {
        Found::More => return Likeness::Unsure,
        Found::Broken => return Likeness::Unlike,
        Found::Head(head) => head,
    };
    let inner = bytes.get(outer.head..).unwrap_or_default();
    match ber::head(inner) {
        Found::Head(id) if id.tag == 0x02 && (1..=4).contains(&id.length) => {
            match inner.get(id.head.saturating_add(id.length)) {
                Some(operation) if operations.contains(operation) => Likeness::Like,
                Some(_) => Likeness::Unlike,
                None => Likeness::Unsure,
            }
        }
        Found::More if inner.first().is_none_or(|tag| *tag == 0x02) => Likeness::Unsure,
        Found::Head(_) | Found::More | Found::Broken => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Ldap {
    unanswered: VecDeque<(u32, Asked)>,
    exchange: Option<Exchange>,
    /// A mechanism that may seal what follows was accepted.
    may_seal: bool,
    /// The last bind failed, so that nobody is bound (RFC 4511 section 4.2.1).
    unbound: bool,
    said: Said,
    binds: u32,
    results_after_service: u32,
}

/// What is not repeated until the caller binds anew.
#[derive(Default, Debug)]
struct Said {
    served: bool,
    public: bool,
    missing: bool,
    not_allowed: bool,
}

/// An operation, as far as its result is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    /// A simple bind and what it offers.
    Simple(&'static Rule, Shown),
    /// A step of the exchange.
    Step,
    /// A step whose success accepts nothing (Sicily's first two).
    Prelude,
    Tls,
    RootEntry,
    Search,
    Change,
    Other,
}

/// A message: its id, its operation's tag, and the operation's content as far as it is there.
pub(super) struct Message<'a> {
    pub(super) id: u32,
    pub(super) operation: u8,
    pub(super) content: &'a [u8],
    /// Bytes of all of it.
    pub(super) total: u64,
}

/// What stands at the start of the unread bytes.
pub(super) enum Read<'a> {
    More,
    Broken,
    Got(Message<'a>),
}

/// Reads a message's head and the first bytes of its content; `whole` says for which operations all of it is needed.
pub(super) fn message(bytes: &[u8], whole: fn(u8) -> bool) -> Read<'_> {
    let outer = match ber::head(bytes) {
        Found::More => return Read::More,
        Found::Head(head) if head.tag == 0x30 => head,
        Found::Head(_) | Found::Broken => return Read::Broken,
    };
    let end = outer.head.saturating_add(outer.length);
    let total = end as u64;
    let seen = bytes.get(outer.head..bytes.len().min(end)).unwrap_or_default();
    let needed = outer.length.min(LOOKED);
    let all_there = seen.len() >= outer.length;
    let Some((0x02, id)) = Elements(seen).next() else {
        return if seen.len() >= needed { Read::Broken } else { Read::More };
    };
    let Some(id_number) = ber::number(id) else { return Read::Broken };
    let rest = seen.get(id.len().saturating_add(2)..).unwrap_or_default();
    let operation = match ber::head(rest) {
        Found::More => return if all_there { Read::Broken } else { Read::More },
        Found::Broken => return Read::Broken,
        Found::Head(head) => head,
    };
    if whole(operation.tag) {
        if outer.length > READ {
            return Read::Broken;
        }
        if !all_there {
            return Read::More;
        }
    } else if seen.len() < needed {
        return Read::More;
    }
    let stop = operation.head.saturating_add(operation.length).min(rest.len());
    let content = rest.get(operation.head..stop).unwrap_or_default();
    Read::Got(Message { id: id_number, operation: operation.tag, content, total })
}

impl Ldap {
    fn request(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // What follows StartTLS, and a bind, depends on the result.
        let waits =
            |asked: &Asked| matches!(asked, Asked::Tls | Asked::Simple(..) | Asked::Step | Asked::Prelude);
        if self.unanswered.back().is_some_and(|(_, asked)| waits(asked)) {
            return Next::More;
        }
        if self.may_seal && input.bytes().first() == Some(&0) {
            notes.say(&rule::SEALED, Shown::Hidden { why: Hidden::Encrypted });
            return Next::Settled;
        }
        let message = match message(input.bytes(), |operation| matches!(operation, 0x60 | 0x77)) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(message) => message,
        };
        let (id, total) = (message.id, message.total);
        let asked = match message.operation {
            0x60 => self.bind(message.content, notes),
            0x77 if matches!(Elements(message.content).next(), Some((0x80, START_TLS))) => Asked::Tls,
            0x63 if is_root_entry(message.content) => Asked::RootEntry,
            0x63 => Asked::Search,
            0x66 | 0x68 | 0x4a | 0x6c | 0x6e => Asked::Change,
            // Unbind and abandon have no result.
            0x42 | 0x50 => {
                input.skip(total);
                return Next::More;
            }
            _ => Asked::Other,
        };
        input.skip(total);
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        self.unanswered.push_back((id, asked));
        Next::More
    }

    /// A bind request: version, name, and a proof.
    fn bind(&mut self, content: &[u8], notes: &Notes<'_>) -> Asked {
        let mut parts = Elements(content);
        let (_, name, proof) = (parts.next(), parts.next(), parts.next());
        let (Some((0x04, name)), Some((tag, proof))) = (name, proof) else { return Asked::Step };
        match tag {
            0x80 if proof.is_empty() => {
                self.exchange = None;
                let by = if name.is_empty() { &rule::ANONYMOUS } else { &rule::CLAIMED };
                Asked::Simple(by, sasl::name_offer(name))
            }
            0x80 => {
                self.exchange = None;
                let (by, shown) = sasl::password_offer(&rule::PASSWORD, name, proof, notes);
                Asked::Simple(by, shown)
            }
            0xa3 => {
                let mut parts = Elements(proof);
                let mechanism = parts.next().map_or(&[][..], |(_, mechanism)| mechanism);
                let exchange = match self.exchange.take().filter(|known| known.is(mechanism)) {
                    Some(known) => self.exchange.insert(known),
                    None => self.exchange.insert(Exchange::new(mechanism)),
                };
                if let Some((_, credentials)) = parts.next() {
                    exchange.push(credentials);
                }
                Asked::Step
            }
            0x89 | 0x8a => Asked::Prelude,
            0x8b => {
                let exchange = self.exchange.insert(Exchange::new(b"NTLM"));
                exchange.push(proof);
                Asked::Step
            }
            _ => {
                self.exchange = None;
                Asked::Step
            }
        }
    }

    fn result(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.may_seal && input.bytes().first() == Some(&0) {
            notes.say(&rule::SEALED, Shown::Hidden { why: Hidden::Encrypted });
            return Next::Settled;
        }
        let message = match message(input.bytes(), |_| false) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(message) => message,
        };
        let (id, operation, total) = (message.id, message.operation, message.total);
        let Some(at) = self.unanswered.iter().position(|(known, _)| *known == id) else {
            // An unsolicited notice has the id 0; anything else answers nothing yet.
            if id == 0 {
                input.skip(total);
            }
            return Next::More;
        };
        let code = match Elements(message.content).next() {
            Some((0x0a, code)) => ber::number(code),
            Some(_) | None => None,
        };
        input.skip(total);
        // Entries, references and intermediate answers come before the result.
        if matches!(operation, 0x64 | 0x73 | 0x79) {
            if operation == 0x64 {
                let asked = self.unanswered.get(at).map(|(_, asked)| asked.clone());
                return self.entry(asked.as_ref(), notes);
            }
            return Next::More;
        }
        let Some((_, asked)) = self.unanswered.remove(at) else { return Next::More };
        let Some(code) = code else { return Next::Lost(Hidden::Unsupported) };
        self.judge(asked, code, notes)
    }

    /// An entry was sent.
    fn entry(&mut self, asked: Option<&Asked>, notes: &mut Notes<'_>) -> Next {
        match asked {
            Some(Asked::RootEntry) => {
                if !std::mem::replace(&mut self.said.public, true) {
                    notes.say(&rule::SERVED_PUBLIC, Shown::Serves { operation: Operation::Public });
                }
                Next::More
            }
            Some(_) => self.served(notes),
            None => Next::More,
        }
    }

    fn served(&mut self, notes: &mut Notes<'_>) -> Next {
        if std::mem::take(&mut self.unbound) {
            notes.say(&rule::UNBOUND, sasl::name_offer(b""));
        }
        if !std::mem::replace(&mut self.said.served, true) {
            notes.say(&rule::SERVED, Shown::Serves { operation: Operation::Service });
        }
        self.results_after_service = self.results_after_service.saturating_add(1);
        if self.results_after_service >= WATCHED { Next::Settled } else { Next::More }
    }

    fn judge(&mut self, asked: Asked, code: u32, notes: &mut Notes<'_>) -> Next {
        let offer = match asked {
            Asked::Simple(by, shown) => Some((by, shown)),
            // saslBindInProgress: the exchange goes on.
            Asked::Step if code == 14 => return Next::More,
            Asked::Step => {
                let exchange = self.exchange.take();
                self.may_seal |= code == 0 && exchange.as_ref().is_some_and(Exchange::may_wrap);
                exchange.and_then(|exchange| exchange.offer(notes))
            }
            Asked::Prelude => return Next::More,
            Asked::Tls if code == 0 => return Next::Upgraded(super::tls::begin()),
            // compareFalse and compareTrue answer the question.
            Asked::Change if matches!(code, 0 | 5 | 6) => return self.served(notes),
            Asked::Search if code == 0 => return self.served(notes),
            Asked::Tls | Asked::RootEntry | Asked::Search | Asked::Change | Asked::Other => {
                self.refused(code, notes);
                return Next::More;
            }
        };
        self.binds = self.binds.saturating_add(1);
        if self.binds > BINDS && code != 0 {
            return Next::More;
        }
        let proved = offer.as_ref().is_some_and(|(_, shown)| shown.proof().is_some());
        if code == 0 {
            (self.said, self.results_after_service) = (Said::default(), 0);
            let Some((by, shown)) = offer else {
                notes.say(&rule::UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                return Next::Settled;
            };
            self.unbound = false;
            notes.say(by, shown);
            if proved {
                notes.say(&rule::ACCEPTED, Shown::Accepts);
                notes.say(&rule::SESSION, Shown::Serves { operation: Operation::Service });
            } else if by.id == rule::ANONYMOUS.id {
                notes.say(&rule::ANONYMOUS_BOUND, Shown::Serves { operation: Operation::Public });
            } else if by.id == rule::CLAIMED.id {
                notes.say(&rule::NAME_BOUND, Shown::Serves { operation: Operation::Service });
            }
            return Next::More;
        }
        if let Some((by, shown)) = offer {
            notes.say(by, shown);
        }
        if code == 49 && proved {
            notes.say(&rule::WRONG, Shown::Refuses { why: Refusal::ProofWrong });
        } else if matches!(code, 8 | 48 | 53) && !proved {
            self.missing(notes);
        } else {
            notes.say(&rule::BIND_REFUSED, Shown::Refuses { why: Refusal::Other });
        }
        (self.said, self.unbound) = (Said::default(), true);
        Next::More
    }

    /// Results that are about the caller: operationsError as Active Directory uses it, strongerAuthRequired,
    /// insufficientAccessRights.
    fn refused(&mut self, code: u32, notes: &mut Notes<'_>) {
        match code {
            1 | 8 if !self.said.served => self.missing(notes),
            50 if !std::mem::replace(&mut self.said.not_allowed, true) => {
                notes.say(&rule::NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed });
            }
            _ => {}
        }
    }

    fn missing(&mut self, notes: &mut Notes<'_>) {
        if !std::mem::replace(&mut self.said.missing, true) {
            notes.say(&rule::DEMANDED, Shown::Demands { proof: Proof::Secret });
            notes.say(&rule::DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
        }
    }
}

/// A search of the empty name alone.
pub(super) fn is_root_entry(content: &[u8]) -> bool {
    let mut parts = Elements(content);
    matches!((parts.next(), parts.next()), (Some((0x04, [])), Some((0x0a, [0]))))
}

impl Dissector for Ldap {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.request(input, notes),
            Role::Responder => self.result(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let exchange = self.exchange.take().and_then(|exchange| exchange.offer(notes));
        let simple = self.unanswered.drain(..).filter_map(|(_, asked)| match asked {
            Asked::Simple(by, shown) => Some((by, shown)),
            Asked::Step
            | Asked::Prelude
            | Asked::Tls
            | Asked::RootEntry
            | Asked::Search
            | Asked::Change
            | Asked::Other => None,
        });
        for (by, shown) in simple.chain(exchange) {
            notes.say(by, shown);
        }
    }
}
