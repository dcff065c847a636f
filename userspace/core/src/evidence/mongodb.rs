//! MongoDB wire protocol: OP_MSG and OP_QUERY, and who authenticated before what was served.
//!
//! Sources: MongoDB manual, "MongoDB Wire Protocol"; specifications "Authentication" (SCRAM, speculativeAuthenticate,
//! MONGODB-CR, MONGODB-AWS, MONGODB-OIDC) and "Compression" (handshake and authentication are never compressed).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::bson;
use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::mongodb_rules::*;
use super::token;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Mongodb,
    call: |bytes| likeness(bytes, &[2004, 2010, 2013]),
    reply: |bytes| likeness(bytes, &[1, 2011, 2013]),
    begin: || Box::new(Mongodb::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const HEADER: usize = 16;
/// maxMessageSizeBytes.
const MESSAGE: usize = 48_000_000;
/// Longest first message: its length leaves the fourth byte zero, so that four bytes decide as all would.
const FIRST: usize = 0x00ff_ffff;
/// Longest message that is read as a whole; no refusal is longer.
const WHOLE: usize = 8192;
/// What is read of a longer one: enough for the command's name.
const START: usize = 256;
/// Most commands that wait for an answer.
const UNANSWERED: usize = 256;

/// Commands that every caller may use, by the manual: they describe the server and the connection.
const PUBLIC: &[&str] = &[
    "hello",
    "ismaster",
    "ping",
    "buildinfo",
    "connectionstatus",
    "getnonce",
    "whatsmyuri",
    "getlasterror",
    "logout",
    "endsessions",
    "listcommands",
    "availablequeryoptions",
    "_isself",
    "features",
    "isdbgrid",
];

struct Head {
    length: usize,
    id: u32,
    answers: u32,
    code: u32,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor(bytes.get(..HEADER)?);
        let mut next = || fields.array().map(u32::from_le_bytes);
        Some(Self { length: usize::try_from(next()?).ok()?, id: next()?, answers: next()?, code: next()? })
    }
}

fn likeness(bytes: &[u8], codes: &[u32]) -> Likeness {
    match Head::of(bytes) {
        Some(head) if codes.contains(&head.code) && (HEADER..=FIRST).contains(&head.length) => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None if bytes.get(3).is_some_and(|high| *high != 0) => Likeness::Unlike,
        None => Likeness::Unsure,
    }
}

/// What was asked and is not answered yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    /// Described by everybody's right.
    Public,
    Service,
    /// A step of authentication.
    Proof,
    /// The server's description, with a first step of authentication in it.
    Speculative,
}

/// How the caller authenticates.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Mechanism {
    #[default]
    None,
    Scram,
    Plain,
    Ticket,
    Cloud,
    Token,
    Unknown,
}

/// One flow.
#[derive(Default, Debug)]
struct Mongodb {
    unanswered: VecDeque<(u32, Asked)>,
    mechanism: Mechanism,
    user: Option<Principal>,
    /// What the caller presented, until the receiver judges it.
    offer: Option<(&'static Rule, Shown)>,
    authenticated: bool,
    described: bool,
}

/// The document of a message, and for OP_QUERY whether it is a command.
fn document(code: u32, message: &[u8]) -> Option<(&[u8], bool)> {
    let mut fields = Cursor(message.get(HEADER..)?);
    fields.take(4)?;
    match code {
        2013 => {
            // Sections of kind 1 hold documents to be inserted; the command is in the one of kind 0.
            while let Some(kind) = fields.byte() {
                if kind == 0 {
                    return Some((fields.0, true));
                }
                let length = Cursor(fields.0).array().map(u32::from_le_bytes)?;
                fields.take(usize::try_from(length).ok().filter(|length| *length >= 4)?)?;
            }
            None
        }
        2004 => {
            let command = fields.until(0)?.ends_with(b".$cmd");
            fields.take(8)?;
            let query = bson::find(fields.0, b"$query").and_then(|found| found.document());
            Some((query.unwrap_or(fields.0), command))
        }
        1 => {
            fields.take(16)?;
            Some((fields.0, true))
        }
        _ => None,
    }
}

impl Mongodb {
    fn request(&mut self, head: &Head, message: &[u8], notes: &Notes<'_>) -> Next {
        let asked = match (head.code, document(head.code, message)) {
            (2004, Some((_, false))) | (2005, _) => Asked::Service,
            (2004 | 2013, Some((document, true))) => {
                let name = bson::elements(document).next().map(|first| first.key).unwrap_or_default();
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                match name.as_str() {
                    "saslstart" | "saslcontinue" | "authenticate" => {
                        self.prove(&name, document, notes);
                        Asked::Proof
                    }
                    name if PUBLIC.contains(&name) => {
                        match bson::find(document, b"speculativeAuthenticate")
                            .and_then(|found| found.document())
                        {
                            Some(inner) => {
                                self.prove("saslstart", inner, notes);
                                Asked::Speculative
                            }
                            None => Asked::Public,
                        }
                    }
                    _ => Asked::Service,
                }
            }
            // Insert, update, delete, killing cursors: no answer.
            (2001 | 2002 | 2006 | 2007, _) => return Next::More,
            (_, _) => return Next::Lost(Hidden::Unsupported),
        };
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        self.unanswered.push_back((head.id, asked));
        Next::More
    }

    /// A step of authentication.
    fn prove(&mut self, step: &str, document: &[u8], notes: &Notes<'_>) {
        let text = |key: &[u8]| bson::find(document, key).and_then(|found| found.bytes());
        let name = |name: &[u8]| Some(Principal::bounded(PrincipalKind::User, name));
        let payload = text(b"payload").unwrap_or_default();
        if step != "saslcontinue" {
            let mechanism = text(b"mechanism");
            self.user = text(b"user").and_then(name);
            self.offer = None;
            self.mechanism = match mechanism {
                Some(b"SCRAM-SHA-1" | b"SCRAM-SHA-256" | b"MONGODB-CR") => Mechanism::Scram,
                None if step == "authenticate" => Mechanism::Scram,
                Some(b"PLAIN") => Mechanism::Plain,
                Some(b"GSSAPI") => Mechanism::Ticket,
                Some(b"MONGODB-AWS") => Mechanism::Cloud,
                Some(b"MONGODB-OIDC") => Mechanism::Token,
                Some(_) | None => Mechanism::Unknown,
            };
            if self.mechanism == Mechanism::Scram && step == "saslstart" {
                // client-first-message: n,,n=NAME,r=NONCE
                self.user = payload
                    .split(|byte| *byte == b',')
                    .find_map(|part| part.strip_prefix(b"n="))
                    .and_then(name);
                return;
            }
        }
        let secret = Credential::of;
        let (rule, proof, credential): (&'static Rule, Proof, _) = match self.mechanism {
            // The last message of the exchange is empty.
            Mechanism::Scram if step == "saslcontinue" && payload.is_empty() => return,
            Mechanism::Scram => (&CHALLENGE_ANSWERED, Proof::Secret, secret(CredentialKind::Password)),
            Mechanism::Plain => {
                let mut parts = Cursor(payload);
                let user = parts.until(0).and_then(|_| parts.until(0)).unwrap_or_default();
                if parts.0.is_empty() {
                    return;
                }
                self.user = name(user);
                let credential = Credential {
                    fingerprint: Some(notes.fingerprint("password", parts.0)),
                    cleartext: true,
                    ..secret(CredentialKind::Password)
                };
                (&PASSWORD, Proof::Secret, credential)
            }
            Mechanism::Ticket => (&TICKET, Proof::Key, secret(CredentialKind::Ticket)),
            Mechanism::Cloud if step == "saslstart" => return,
            Mechanism::Cloud => (&SIGNED, Proof::Secret, secret(CredentialKind::Signature)),
            Mechanism::Token => {
                let jwt = bson::find(payload, b"jwt").and_then(|found| found.bytes());
                let Some(sent) = jwt.and_then(|jwt| token::bearer(jwt, notes)) else { return };
                self.user = sent.principal;
                (&TOKEN, sent.proof, sent.credential)
            }
            Mechanism::None | Mechanism::Unknown => return,
        };
        let offer = Shown::Offers {
            proof,
            scope: Scope::Connection,
            principal: self.user.clone(),
            credential: Some(credential),
        };
        self.offer = Some((rule, offer));
    }

    fn answer(&mut self, head: &Head, message: &[u8], notes: &mut Notes<'_>) -> Next {
        let Some(at) = self.unanswered.iter().position(|(id, _)| *id == head.answers) else {
            // A further part of a streamed description.
            return Next::More;
        };
        let Some((_, asked)) = self.unanswered.remove(at) else { return Next::More };
        if head.length > WHOLE && asked == Asked::Service && matches!(head.code, 1 | 2013) {
            notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            return Next::Settled;
        }
        let Some((document, _)) = document(head.code, message) else {
            return Next::Lost(Hidden::Unsupported);
        };
        let number = |document, key: &[u8]| bson::find(document, key).and_then(|found| found.number());
        let text = [&b"errmsg"[..], b"$err"]
            .iter()
            .find_map(|key| bson::find(document, key)?.bytes())
            .map(|text| String::from_utf8_lossy(text).to_ascii_lowercase());
        // OP_REPLY's flag 2 is QueryFailure; a reply with documents and no `ok` answers a query of old.
        let failed = head.code == 1 && message.get(HEADER).is_some_and(|flags| flags & 2 != 0);
        let ok = number(document, b"ok").map_or(head.code == 1, |ok| ok == 1) && !failed;
        if !ok {
            let unauthorized = number(document, b"code") == Some(13)
                || text.is_some_and(|text| {
                    ["not authorized", "unauthorized", "need to login"]
                        .iter()
                        .any(|start| text.starts_with(start))
                });
            match asked {
                Asked::Proof if self.mechanism == Mechanism::Unknown => {
                    return Next::Lost(Hidden::Unsupported);
                }
                Asked::Proof => {
                    self.say_offer(notes);
                    notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                }
                _ if unauthorized && self.authenticated => {
                    notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed });
                }
                _ if unauthorized => {
                    notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                    notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
                }
                Asked::Public | Asked::Service | Asked::Speculative => {}
            }
            return Next::More;
        }
        let inner = match asked {
            Asked::Speculative => {
                self.describe(notes);
                bson::find(document, b"speculativeAuthenticate").and_then(|found| found.document())
            }
            Asked::Proof => Some(document),
            Asked::Public => {
                self.describe(notes);
                None
            }
            Asked::Service => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
        };
        // `authenticate` is over with its first answer; an SASL exchange says when it is.
        let Some(inner) = inner else { return Next::More };
        let done = number(inner, b"done").map_or(asked == Asked::Proof, |done| done == 1);
        if done {
            if !self.say_offer(notes) && !self.authenticated {
                return Next::Lost(Hidden::Unsupported);
            }
            notes.say(&ACCEPTED, Shown::Accepts);
            self.authenticated = true;
        }
        Next::More
    }

    fn describe(&mut self, notes: &mut Notes<'_>) {
        if !std::mem::replace(&mut self.described, true) {
            notes.say(&MONITORED, Shown::Serves { operation: Operation::Public });
        }
    }

    /// Says what was presented; `false` when that was nothing.
    fn say_offer(&mut self, notes: &mut Notes<'_>) -> bool {
        let Some((rule, offer)) = self.offer.take() else { return false };
        notes.say(rule, offer);
        true
    }
}

impl Dissector for Mongodb {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(head) = Head::of(input.bytes()) else { return Next::More };
        if !(HEADER..=MESSAGE).contains(&head.length) {
            return Next::Lost(Hidden::Unsupported);
        }
        // A responder's message that answers nothing yet stays.
        if from == Role::Responder && self.unanswered.is_empty() && !self.described && !self.authenticated {
            return Next::More;
        }
        let wanted = if head.length > WHOLE { START } else { head.length };
        let Some(message) = input.bytes().get(..wanted).map(|part| Zeroizing::new(part.to_vec())) else {
            return Next::More;
        };
        input.skip(head.length as u64);
        match from {
            Role::Originator => self.request(&head, &message, notes),
            Role::Responder => self.answer(&head, &message, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.say_offer(notes);
    }
}
