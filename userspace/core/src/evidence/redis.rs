//! Redis and its kin (Valkey, KeyDB, Dragonfly): which commands were answered, and after which proof.
//!
//! Sources: redis.io "Redis serialization protocol specification", "AUTH", "HELLO", "ACL"; the error texts as
//! redis-server 7 sends them.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::redis_request::{self, Request};
use super::resp::{self, Read, Replies, Reply};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope,
    Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "redis.authentication-required", v 1, Observed, Wire,
        "The receiver answered NOAUTH: it wants a password before this command",
        "Not whether it wants one before every command";
    PASSWORD = "redis.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear (AUTH, or HELLO with AUTH)",
        "Whether the receiver looks at it: a default user without a password accepts any";
    ACCEPTED = "redis.password-accepted", v 1, Observed, Wire,
        "The receiver answered AUTH or HELLO with AUTH by its accept code",
        "A user configured as nopass accepts any password";
    WRONG = "redis.password-refused", v 1, Observed, Wire,
        "The receiver refused the password (WRONGPASS)",
        "Not whether it serves those who send none";
    NO_PASSWORD_SET = "redis.no-password-configured", v 1, Observed, Wire,
        "The receiver itself said that its default user has no password",
        "Other users may have one";
    NOT_ALLOWED = "redis.not-allowed", v 1, Observed, Wire,
        "The receiver knows the caller's user and does not let it do this (NOPERM)",
        "Not what else that user may do";
    PLACE_REFUSED = "redis.protected-mode", v 1, Observed, Wire,
        "The receiver refused because of where the caller is (DENIED, protected mode)",
        "Callers on the receiver's own host are still served without a password";
    SERVED = "redis.command-served", v 1, Observed, Wire,
        "A command was answered without an error, in a protocol read from its first byte",
        "Not what the reply held; not whether other commands would be answered";
    SERVED_PUBLIC = "redis.description-served", v 1, Observed, Wire,
        "The receiver described its commands or took the client library's name",
        "No data was read or changed by it";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Redis,
    call: redis_request::likeness,
    reply: resp::reply_likeness,
    begin: || Box::new(Redis::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Most runs of unanswered commands.
const UNANSWERED: usize = 512;
/// Replies that are watched for a late AUTH after the first service.
const WATCHED: u32 = 64;
/// Offers that are reported one by one.
const OFFERS: u32 = 64;

/// One flow.
#[derive(Default, Debug)]
struct Redis {
    request: Request,
    replies: Replies,
    /// Unanswered commands, in order, runs of the same kind counted.
    unanswered: VecDeque<(Asked, u32)>,
    /// What was already said since the caller's last proof.
    said: Said,
    offers: u32,
    answered_after_service: u32,
}

/// What is not repeated until the caller proves something new.
#[derive(Default, Debug)]
struct Said {
    served: bool,
    public: bool,
    missing: bool,
    not_allowed: bool,
}

/// A command, as far as its reply is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    /// AUTH or HELLO with AUTH.
    Proof(Option<Principal>, Credential),
    /// Allowed to everybody by the protocol: HELLO, QUIT, RESET.
    Greeting,
    /// Describes the server or the client, reads no data.
    Description,
    /// Anything else.
    Service,
    /// Anything else after whose reply commands and replies no longer pair up (a refused one still pairs).
    Stream,
}

/// What a request asks, told by its name and, for AUTH and HELLO, its arguments.
fn asked(arguments: &[Zeroizing<Vec<u8>>], notes: &Notes<'_>) -> Option<Asked> {
    let is = |index: usize, word: &str| {
        arguments.get(index).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
    };
    let proof = |user: Option<&Zeroizing<Vec<u8>>>, password: &Zeroizing<Vec<u8>>| {
        Asked::Proof(
            user.map(|name| Principal::bounded(PrincipalKind::User, name)),
            Credential::clear(CredentialKind::Password, notes.fingerprint("password", password)),
        )
    };
    arguments.first()?;
    if is(0, "AUTH") {
        return Some(match arguments {
            [_, password] => proof(None, password),
            [_, user, password] => proof(Some(user), password),
            _ => Asked::Greeting,
        });
    }
    if is(0, "HELLO") {
        let position = (1..arguments.len()).find(|index| is(*index, "AUTH"));
        return Some(match position.and_then(|at| Some((arguments.get(at + 1)?, arguments.get(at + 2)?))) {
            Some((user, password)) => proof(Some(user), password),
            None => Asked::Greeting,
        });
    }
    Some(if is(0, "QUIT") || is(0, "RESET") {
        Asked::Greeting
    } else if is(0, "COMMAND") || is(0, "CLIENT") && is(1, "SETINFO") {
        Asked::Description
    } else if ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"]
        .iter()
        .any(|word| is(0, word))
        || is(0, "CLIENT") && is(1, "REPLY")
    {
        Asked::Stream
    } else {
        Asked::Service
    })
}

impl Redis {
    fn requests(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            match self.request.next(input) {
                Read::More => return Next::More,
                Read::Broken => return Next::Lost(Hidden::Unsupported),
                Read::Got(arguments) => {
                    let Some(asked) = asked(&arguments, notes) else { continue };
                    let full = self.unanswered.len() >= UNANSWERED;
                    match self.unanswered.back_mut() {
                        Some((last, count)) if *last == asked => *count = count.saturating_add(1),
                        Some(_) | None if full => return Next::Lost(Hidden::Truncated),
                        Some(_) | None => self.unanswered.push_back((asked, 1)),
                    }
                }
            }
        }
    }

    fn answers(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            match self.replies.at_next(input) {
                Read::More => return Next::More,
                Read::Broken => return Next::Lost(Hidden::Unsupported),
                Read::Got(()) => {}
            }
            // A server sends pushes, and the refusal of protected mode, unasked; anything else answers a command.
            let unasked = [&b">"[..], b"-DENIED", b"-ERR max number of clients"];
            if self.unanswered.is_empty()
                && unasked.iter().all(|start| Likeness::starts_with(input.bytes(), start) == Likeness::Unlike)
            {
                return Next::More;
            }
            let reply = match self.replies.next(input) {
                Read::More => return Next::More,
                Read::Broken => return Next::Lost(Hidden::Unsupported),
                Read::Got(Reply::Push) => continue,
                Read::Got(reply) => reply,
            };
            let asked = self.answered();
            if self.judge(asked, &reply, notes) {
                return Next::Settled;
            }
        }
    }

    /// The command that the next reply answers.
    fn answered(&mut self) -> Option<Asked> {
        let (asked, count) = self.unanswered.front_mut()?;
        if *count > 1 {
            *count = count.saturating_sub(1);
            return Some(asked.clone());
        }
        self.unanswered.pop_front().map(|(asked, _)| asked)
    }

    /// Says what a reply shows; `true` once nothing further matters.
    fn judge(&mut self, asked: Option<Asked>, reply: &Reply, notes: &mut Notes<'_>) -> bool {
        let refused = match reply {
            Reply::Error(text) => Some(text.as_str()),
            Reply::Value | Reply::Push => None,
        };
        let (proof, operation, pairs) = match asked {
            Some(Asked::Proof(principal, credential)) => (Some((principal, credential)), None, true),
            Some(Asked::Description) => (None, Some(Operation::Public), true),
            Some(Asked::Service) => (None, Some(Operation::Service), true),
            Some(Asked::Stream) => (None, Some(Operation::Service), false),
            Some(Asked::Greeting) | None => (None, None, true),
        };
        if let Some((principal, credential)) = proof {
            self.offers = self.offers.saturating_add(1);
            if self.offers > OFFERS && refused.is_some() {
                return false;
            }
            let offer = Shown::secret(Scope::Connection, principal, credential);
            notes.say(&PASSWORD, offer);
            match refused {
                None => {
                    notes.say(&ACCEPTED, Shown::Accepts);
                    self.said = Said::default();
                    self.answered_after_service = 0;
                }
                Some(text) if says_no_password(text) => notes.say(&NO_PASSWORD_SET, Shown::Ignores),
                Some(text) if text.starts_with("WRONGPASS") || text.starts_with("ERR invalid password") => {
                    notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                }
                Some(text) => self.refuse(text, notes),
            }
            return false;
        }
        match (refused, operation) {
            (Some(text), _) => self.refuse(text, notes),
            (None, Some(Operation::Service)) => {
                if !std::mem::replace(&mut self.said.served, true) {
                    notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                }
                self.answered_after_service = self.answered_after_service.saturating_add(1);
                return !pairs || self.answered_after_service >= WATCHED;
            }
            (None, Some(Operation::Public)) => {
                if !std::mem::replace(&mut self.said.public, true) {
                    notes.say(&SERVED_PUBLIC, Shown::Serves { operation: Operation::Public });
                }
            }
            (None, None) => {}
        }
        false
    }

    fn refuse(&mut self, text: &str, notes: &mut Notes<'_>) {
        if text.starts_with("NOAUTH") {
            if !std::mem::replace(&mut self.said.missing, true) {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
            }
        } else if text.starts_with("DENIED") {
            notes.say(&PLACE_REFUSED, Shown::Refuses { why: Refusal::Place });
        } else if text.starts_with("NOPERM") && !std::mem::replace(&mut self.said.not_allowed, true) {
            notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed });
        }
    }
}

/// Redis 6 and later, and before.
fn says_no_password(text: &str) -> bool {
    text.contains("without any password configured") || text.contains("no password is set")
}

impl Dissector for Redis {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.requests(input, notes),
            Role::Responder => self.answers(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        for (asked, _) in self.unanswered.drain(..) {
            if let Asked::Proof(principal, credential) = asked {
                let offer = Shown::secret(Scope::Connection, principal, credential);
                notes.say(&PASSWORD, offer);
            }
        }
    }
}
