//! MySQL's X protocol: the mechanism of a login, and whether a session or only a capability was given.
//!
//! Source: MySQL Internals "X Protocol" (frames, Mysqlx.Connection, Mysqlx.Session, mechanisms MYSQL41, PLAIN and
//! SHA256_MEMORY, error codes).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::protobuf;
use super::sasl::{self, Exchange};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "mysqlx.challenge", v 1, Observed, Wire,
        "The receiver asked for an answer to its challenge",
        "What it does with the answer";
    CHALLENGE = "mysqlx.challenge-answered", v 1, Observed, Wire,
        "The caller answered a challenge by a digest of its password (MYSQL41, SHA256_MEMORY)",
        "The password itself is not visible; whether it is empty";
    ACCEPTED = "mysqlx.proof-accepted", v 1, Observed, Wire,
        "The receiver ended the login with AuthenticateOk after a proof",
        "What the account may do";
    UNKNOWN_PROOF = "mysqlx.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver ended the login with AuthenticateOk after a mechanism that no rule knows",
        "What was proved is not known";
    OPENED = "mysqlx.session-opened", v 1, Observed, Wire,
        "The receiver opened a session",
        "What the account may do";
    REFUSED = "mysqlx.access-denied", v 1, Observed, Wire,
        "The receiver refused the account or its proof",
        "Which of both was wrong";
    FAILED = "mysqlx.refused", v 1, Observed, Wire,
        "The receiver answered with another error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Mysqlx,
    call: |bytes| match bytes {
        [1, 0, 0, 0, 1, ..] | [_, 0, 0, 0, 2 | 4, 0x0a, ..] => Likeness::Like,
        [] | [_] | [_, 0] | [_, 0, 0] | [_, 0, 0, 0] | [_, 0, 0, 0, 2 | 4] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    reply: |bytes| match bytes {
        // A notice, capabilities, an error, a challenge; or a bare Ok.
        [_, _, 0, 0, 1 | 11, 8, ..] | [_, _, 0, 0, 2 | 3, 0x0a, ..] | [_, 0, 0, 0, 0 | 4, ..] => {
            Likeness::Like
        }
        [] | [_] | [_, _] | [_, _, 0] | [_, _, 0, 0] | [_, _, 0, 0, 1 | 2 | 3 | 11] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Mysqlx::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Largest message of a login.
const MESSAGE: usize = 12_288;
/// Messages of the caller.
const CAPABILITIES_SET: u8 = 2;
const AUTHENTICATE_START: u8 = 4;
const AUTHENTICATE_CONTINUE: u8 = 5;
/// Messages of the receiver.
const OK: u8 = 0;
const ERROR: u8 = 1;
const CONTINUE: u8 = 3;
const AUTHENTICATE_OK: u8 = 4;

/// One flow.
#[derive(Default, Debug)]
struct Mysqlx {
    /// The caller asked for TLS.
    encrypts: bool,
    /// A message that waits for its answer was sent.
    asked: bool,
    digest: bool,
    proved: bool,
    claimed: bool,
}

impl Mysqlx {
    fn say(&mut self, rule: &'static Rule, shown: Shown, notes: &mut Notes<'_>) {
        let claims = matches!(&shown, Shown::Offers { proof: Proof::Claim, .. });
        (self.claimed, self.proved) = (claims, !claims);
        notes.say(rule, shown);
    }

    fn call(&mut self, kind: u8, message: &[u8], notes: &mut Notes<'_>) {
        match kind {
            // The name stands in the first capability's first field.
            CAPABILITIES_SET => self.encrypts = message.windows(3).any(|part| part == b"tls"),
            AUTHENTICATE_START => {
                (self.proved, self.claimed) = (false, false);
                let mechanism = protobuf::bytes(message, 1).unwrap_or_default();
                self.digest = matches!(mechanism, b"MYSQL41" | b"SHA256_MEMORY");
                if mechanism == b"PLAIN" {
                    let mut exchange = Exchange::new(mechanism);
                    let data = protobuf::bytes(message, 2).or_else(|| protobuf::bytes(message, 3));
                    exchange.push(data.unwrap_or_default());
                    if let Some((rule, shown)) = exchange.offer(notes) {
                        self.say(rule, shown, notes);
                    }
                }
            }
            // Schema, user and digest, with a zero between them; no digest for an empty password.
            AUTHENTICATE_CONTINUE if self.digest && !self.proved && !self.claimed => {
                let answer = protobuf::bytes(message, 1).unwrap_or_default();
                let mut parts = answer.splitn(3, |byte| *byte == 0);
                let (_, user, digest) = (parts.next(), parts.next(), parts.next());
                let user = user.unwrap_or_default();
                let digest = digest.unwrap_or_default();
                if digest.iter().all(|byte| *byte == 0) {
                    self.say(&sasl::CLAIM, sasl::name_offer(user), notes);
                } else {
                    self.say(&CHALLENGE, sasl::challenge_offer(user), notes);
                }
            }
            _ => {}
        }
    }

    fn reply(&mut self, kind: u8, message: &[u8], notes: &mut Notes<'_>) -> Next {
        match kind {
            OK if self.encrypts => return Next::Upgraded(super::tls::begin()),
            CONTINUE => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            AUTHENTICATE_OK => {
                if !self.proved && !self.claimed {
                    notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                    return Next::Settled;
                }
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            ERROR => {
                self.encrypts = false;
                if protobuf::number(message, 2) == Some(1045) {
                    let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                    notes.say(&REFUSED, Shown::Refuses { why });
                } else {
                    notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                }
            }
            _ => {}
        }
        Next::More
    }
}

impl Dissector for Mysqlx {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some((length, rest)) = input.bytes().split_first_chunk::<4>() else { return Next::More };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some(kind) = rest.first().copied() else { return Next::More };
        if !(1..=MESSAGE).contains(&length) || kind > 64 {
            return Next::Lost(Hidden::Unsupported);
        }
        // A notice may come first; what answers waits for what it answers, and one answer comes at a time.
        let answers = from == Role::Responder && matches!(kind, OK | ERROR | 2 | CONTINUE | AUTHENTICATE_OK);
        let asks = from == Role::Originator;
        if answers && !self.asked || asks && self.asked {
            return Next::More;
        }
        let Some(message) = rest.get(1..length) else { return Next::More };
        if asks {
            self.call(kind, message, notes);
            self.asked = true;
        }
        let next = if answers {
            self.asked = false;
            self.reply(kind, message, notes)
        } else {
            Next::More
        };
        input.read(length.saturating_add(4));
        next
    }
}
