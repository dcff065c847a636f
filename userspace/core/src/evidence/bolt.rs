//! Bolt, Neo4j's protocol: the scheme of a login, and whether the server took it and ran a query.
//!
//! Sources: neo4j.com "Bolt Protocol" (handshake with its manifest, message specification, server states) and
//! "PackStream". A message is sent in chunks of up to 65,535 bytes and ends with an empty one.

use std::collections::VecDeque;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::gss_token;
use super::packstream::{self, Login};
use super::sasl;
use super::token;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "bolt.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (scheme basic, or one of a plug-in)",
        "Whether the server checks them";
    TOKEN = "bolt.token-sent", v 1, Observed, Wire,
        "The caller sent a bearer token in clear",
        "Whether the server checks its signature";
    TICKET = "bolt.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket",
        "The name in the ticket is encrypted";
    ACCEPTED = "bolt.proof-accepted", v 1, Observed, Wire,
        "The server answered a login with success",
        "Whether it would have done so without: authentication can be switched off";
    UNKNOWN_PROOF = "bolt.unknown-proof-accepted", v 1, Observed, Wire,
        "The server went on after a proof that no rule knows",
        "What was proved is not known";
    SERVED = "bolt.query-served", v 1, Observed, Wire,
        "The server took a query or told the cluster's routes",
        "Which data the caller may see";
    REFUSED = "bolt.unauthorized", v 1, Observed, Wire,
        "The server refused the caller's identity, or that it gave none",
        "Which proof would have been enough";
    NOT_ALLOWED = "bolt.forbidden", v 1, Observed, Wire,
        "The server does not let this caller do what it asked for",
        "Whether it knows the caller by name";
    FAILED = "bolt.request-failed", v 1, Observed, Wire,
        "The server answered with another failure",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Bolt,
    call: |bytes| Likeness::starts_with(bytes, MAGIC),
    reply: |bytes| match bytes {
        // A version (a range of minor ones, minor, major), none, or the manifest.
        [0, 0, _, 0..=9, ..] | [0, 0, 1, 0xff, ..] => Likeness::Like,
        [] | [0] | [0, 0] | [0, 0, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Bolt::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const MAGIC: &[u8] = b"\x60\x60\xb0\x17";
/// How much of a chunk is read.
const CHUNK: usize = 12_288;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;
/// Requests.
const HELLO: u8 = 0x01;
const GOODBYE: u8 = 0x02;
const RUN: u8 = 0x10;
const BEGIN: u8 = 0x11;
const ROUTE: u8 = 0x66;
const LOGON: u8 = 0x6a;
/// Answers.
const SUCCESS: u8 = 0x70;
const RECORD: u8 = 0x71;
const IGNORED: u8 = 0x7e;
const FAILURE: u8 = 0x7f;

/// What a request wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// What the message offered: nothing, a proof, or one that no rule knows.
    Login(Option<Option<Proof>>),
    Query,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Bolt {
    /// The handshake's part of each side is passed.
    greeted: [bool; 2],
    /// The server sent its versions, and the caller must choose.
    manifest: bool,
    chose: bool,
    /// Inside a message whose first chunk was read.
    inside: [bool; 2],
    asked: VecDeque<Asked>,
    /// Some message carried a proof.
    proved: bool,
}

impl Bolt {
    /// Reads the handshake: how many bytes are passed over, or `None` while too few are there.
    fn greet(&mut self, from: Role, bytes: &[u8]) -> Option<usize> {
        if from == Role::Originator {
            bytes.get(..20)?;
            self.greeted = [true, false];
            return Some(20);
        }
        let version = bytes.get(..4)?;
        if version != [0, 0, 1, 0xff] {
            self.greeted = [true, true];
            self.chose = true;
            return Some(4);
        }
        // A count, as many versions, and capabilities; both numbers are varints.
        let count = usize::from(*bytes.get(4)?);
        let versions = count.checked_mul(4)?.checked_add(5)?;
        let more = bytes.get(versions..)?.iter().position(|byte| byte & 0x80 == 0)?;
        self.greeted = [true, true];
        self.manifest = true;
        versions.checked_add(more)?.checked_add(1)
    }

    fn login(&mut self, login: &Login<'_>, notes: &mut Notes<'_>) -> Option<Option<Proof>> {
        let offer: Option<(&'static Rule, Shown)> = match login.scheme {
            b"none" | b"" if login.credentials.is_empty() => return None,
            b"bearer" => token::bearer(login.credentials, notes).map(|found| {
                let (principal, credential) = (found.principal, Some(found.credential));
                let (proof, scope) = (found.proof, Scope::Connection);
                let rule: &'static Rule = &TOKEN;
                (rule, Shown::Offers { proof, scope, principal, credential })
            }),
            b"kerberos" => token::base64(login.credentials)
                .and_then(|ticket| gss_token::presented(&ticket))
                .map(|found| (&TICKET as &'static Rule, found.offer())),
            _ => Some(sasl::password_offer(&PASSWORD, login.principal, login.credentials, notes)),
        };
        let Some((rule, shown)) = offer else { return Some(None) };
        let Shown::Offers { proof, .. } = shown else { return Some(None) };
        self.proved |= proof != Proof::Claim;
        notes.say(rule, shown);
        Some(Some(proof))
    }

    fn call(&mut self, tag: u8, fields: &[u8], notes: &mut Notes<'_>) {
        let asked = match tag {
            GOODBYE => return,
            HELLO | LOGON => {
                Asked::Login(packstream::login(fields).and_then(|login| self.login(&login, notes)))
            }
            RUN | BEGIN | ROUTE => Asked::Query,
            _ => Asked::Other,
        };
        if self.asked.len() < UNANSWERED {
            self.asked.push_back(asked);
        }
    }

    fn reply(&mut self, tag: u8, fields: &[u8], notes: &mut Notes<'_>) -> Next {
        if tag == RECORD {
            return Next::More;
        }
        let Some(asked) = self.asked.pop_front() else { return Next::More };
        match (tag, asked) {
            (SUCCESS, Asked::Login(offered)) => match offered {
                Some(None) => {
                    notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                    return Next::Settled;
                }
                Some(Some(Proof::Claim)) | None => {}
                Some(Some(_)) => notes.say(&ACCEPTED, Shown::Accepts),
            },
            (SUCCESS, Asked::Query) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (FAILURE, _) => {
                let code = packstream::text(fields, b"code").unwrap_or_default();
                let is = |end: &[u8]| code.ends_with(end);
                let (rule, why): (&'static Rule, Refusal) = if is(b"Security.TokenExpired") {
                    (&REFUSED, Refusal::Expired)
                } else if is(b"Security.Unauthorized") {
                    (&REFUSED, if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing })
                } else if is(b"Security.Forbidden") {
                    (&NOT_ALLOWED, Refusal::NotAllowed)
                } else {
                    (&FAILED, Refusal::Other)
                };
                notes.say(rule, Shown::Refuses { why });
            }
            _ => {}
        }
        Next::More
    }
}

impl Dissector for Bolt {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let side = usize::from(from == Role::Responder);
        let bytes = input.bytes();
        if !self.greeted.get(side).copied().unwrap_or(true) {
            if from == Role::Responder && self.greeted == [false, false] {
                return Next::More;
            }
            let Some(count) = self.greet(from, bytes) else { return Next::More };
            input.read(count);
            return Next::More;
        }
        if self.greeted != [true, true]
            || from == Role::Responder && self.asked.is_empty() && self.inside.get(1) == Some(&false)
        {
            return Next::More;
        }
        if from == Role::Originator && !self.chose {
            // The chosen version and capabilities.
            let Some(more) = bytes.get(4..).and_then(|rest| rest.iter().position(|byte| byte & 0x80 == 0))
            else {
                return Next::More;
            };
            self.chose = true;
            input.read(more.saturating_add(5));
            return Next::More;
        }
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Next::More };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(inside) = self.inside.get_mut(side) else { return Next::More };
        if length == 0 || *inside {
            // The message's end, a sign of life, or a later part.
            *inside = length != 0;
            input.skip((length as u64).saturating_add(2));
            return Next::More;
        }
        let Some([structure, tag]) = rest.first_chunk::<2>().copied().filter(|_| length >= 2) else {
            return if length < 2 { Next::Lost(Hidden::Unsupported) } else { Next::More };
        };
        if structure & 0xf0 != 0xb0 {
            return Next::Lost(Hidden::Unsupported);
        }
        let read = matches!((from, tag), (Role::Originator, HELLO | LOGON) | (Role::Responder, FAILURE));
        let needed = if read { length.min(CHUNK) } else { 2 };
        let Some(fields) = rest.get(2..needed) else { return Next::More };
        *inside = true;
        let next = match from {
            Role::Originator => {
                self.call(tag, fields, notes);
                Next::More
            }
            Role::Responder if matches!(tag, SUCCESS | RECORD | IGNORED | FAILURE) => {
                self.reply(tag, fields, notes)
            }
            Role::Responder => Next::Lost(Hidden::Unsupported),
        };
        input.skip((length as u64).saturating_add(2));
        next
    }
}
