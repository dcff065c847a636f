//! Pulsar's binary protocol: what a client presents in CONNECT, and what its broker then serves.
//!
//! Source: Apache Pulsar `PulsarApi.proto` (BaseCommand, CommandConnect, CommandAuthResponse, ServerError) and
//! pulsar.apache.org "Pulsar binary protocol specification" (framing).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::protobuf;
use super::sasl::{self, Exchange};
use super::token;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "pulsar.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (method basic)",
        "Whether the broker looks at them";
    TOKEN = "pulsar.token-sent", v 1, Observed, Wire,
        "The caller sent a bearer token in clear (method token, oidc, athenz)",
        "Whether the broker checks it";
    CHALLENGED = "pulsar.challenge", v 1, Observed, Wire,
        "The broker asked the caller for a proof, or for a fresh one",
        "What it does with the answer";
    ACCEPTED = "pulsar.proof-accepted", v 1, Observed, Wire,
        "The broker answered CONNECT with CONNECTED after a proof was sent",
        "Whether it would have answered so without";
    UNKNOWN_PROOF = "pulsar.unknown-proof-accepted", v 1, Observed, Wire,
        "The broker went on after a proof that no rule knows",
        "What was proved is not known";
    SERVED = "pulsar.command-served", v 1, Observed, Wire,
        "The broker served a command (a lookup, a producer, a message)",
        "Which topics the caller may use";
    REFUSED = "pulsar.authentication-failed", v 1, Observed, Wire,
        "The broker refused the caller's identity, or that it gave none",
        "Which proof would have been enough";
    NOT_ALLOWED = "pulsar.authorization-failed", v 1, Observed, Wire,
        "The broker does not let this caller do what it asked for",
        "Whether it knows the caller by name";
    FAILED = "pulsar.command-failed", v 1, Observed, Wire,
        "The broker refused a command for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Pulsar,
    call: |bytes| likeness(bytes, &[&[8, 2, 0x12]]),
    reply: |bytes| likeness(bytes, &[&[8, 3, 0x1a], &[8, 14, 0x72], &[8, 36, 0xa2, 2]]),
    begin: || Box::new(Pulsar::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Largest command that is read whole; the payload of messages is passed over.
const COMMAND: usize = 12_288;
/// Types of BaseCommand.
const CONNECT: u64 = 2;
const CONNECTED: u64 = 3;
const ERROR: u64 = 14;
const PING: u64 = 18;
const PONG: u64 = 19;
const METADATA_RESPONSE: u64 = 22;
const LOOKUP_RESPONSE: u64 = 24;
const AUTH_CHALLENGE: u64 = 36;
const AUTH_RESPONSE: u64 = 37;
/// Values of ServerError.
const AUTHENTICATION_ERROR: u64 = 3;
const AUTHORIZATION_ERROR: u64 = 4;

/// Two sizes of which the second is four less, and the first fields of a command.
fn likeness(bytes: &[u8], commands: &[&[u8]]) -> Likeness {
    let Some((sizes, command)) = bytes.split_first_chunk::<8>() else {
        return match bytes {
            [] | [0] | [0, 0] | [0, 0, _] | [0, 0, _, _] | [0, 0, _, _, 0] | [0, 0, _, _, 0, 0] => {
                Likeness::Unsure
            }
            [0, 0, _, _, 0, 0, _] => Likeness::Unsure,
            _ => Likeness::Unlike,
        };
    };
    let [a, b, c, d, e, f, g, h] = *sizes;
    let (total, size) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    if total > 0xffff || size.checked_add(4) != Some(total) {
        return Likeness::Unlike;
    }
    super::text_line::any(
        &commands.iter().map(|start| Likeness::starts_with(command, start)).collect::<Vec<_>>(),
    )
}

/// One flow.
#[derive(Default, Debug)]
struct Pulsar {
    asked: bool,
    challenged: bool,
    exchange: Option<Exchange>,
    /// What the caller's proof is, once it is known; `None` inside when no rule knows it.
    offered: Option<Option<Proof>>,
}

impl Pulsar {
    fn present(&mut self, method: &[u8], sent: &[u8], notes: &mut Notes<'_>) {
        let offer: Option<(&'static Rule, Shown)> = match method {
            b"" | b"none" => return,
            b"basic" => {
                let colon = sent.iter().position(|byte| *byte == b':').unwrap_or(sent.len());
                let password = sent.get(colon.saturating_add(1)..).unwrap_or_default();
                Some(sasl::password_offer(&PASSWORD, sent.get(..colon).unwrap_or_default(), password, notes))
            }
            // The certificate was shown below, if there is a layer below.
            b"tls" => Some((&sasl::CLAIM, sasl::name_offer(b""))),
            b"sasl" => {
                let exchange = self.exchange.get_or_insert_with(|| Exchange::new(b"GSSAPI"));
                exchange.push(sent);
                exchange.offer(notes)
            }
            b"athenz" => Some((&TOKEN, role_token(sent, notes))),
            _ => token::bearer(sent, notes).map(|found| {
                let (principal, credential) = (found.principal, Some(found.credential));
                (
                    &TOKEN,
                    Shown::Offers { proof: found.proof, scope: Scope::Connection, principal, credential },
                )
            }),
        };
        let Some((rule, shown)) = offer else {
            self.offered = Some(None);
            return;
        };
        if let Shown::Offers { proof, .. } = &shown {
            self.offered = Some(Some(*proof));
        }
        notes.say(rule, shown);
    }

    fn call(&mut self, kind: u64, command: &[u8], notes: &mut Notes<'_>) {
        if kind == CONNECT && !self.asked {
            self.asked = true;
            let connect = protobuf::bytes(command, CONNECT).unwrap_or_default();
            let method = protobuf::bytes(connect, 5).unwrap_or_default();
            self.present(method, protobuf::bytes(connect, 3).unwrap_or_default(), notes);
        } else if kind == AUTH_RESPONSE {
            let answer =
                protobuf::bytes(command, AUTH_RESPONSE).and_then(|answer| protobuf::bytes(answer, 2));
            let answer = answer.unwrap_or_default();
            let method = protobuf::bytes(answer, 1).unwrap_or_default();
            // A fresh proof on an open connection changes nothing of what was seen.
            if self.challenged && self.exchange.is_some() {
                self.present(method, protobuf::bytes(answer, 2).unwrap_or_default(), notes);
            }
        }
    }

    fn error(&self, code: u64, notes: &mut Notes<'_>) {
        let proved = matches!(self.offered, Some(proof) if proof != Some(Proof::Claim));
        let (rule, why): (&'static Rule, Refusal) = match code {
            AUTHENTICATION_ERROR => {
                (&REFUSED, if proved { Refusal::ProofWrong } else { Refusal::ProofMissing })
            }
            AUTHORIZATION_ERROR => (&NOT_ALLOWED, Refusal::NotAllowed),
            _ => (&FAILED, Refusal::Other),
        };
        notes.say(rule, Shown::Refuses { why });
    }

    fn reply(&mut self, kind: u64, command: &[u8], notes: &mut Notes<'_>) -> Next {
        let inner = protobuf::bytes(command, kind).unwrap_or_default();
        let served = match kind {
            CONNECTED => {
                match self.offered {
                    Some(None) => {
                        notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                        return Next::Settled;
                    }
                    Some(Some(Proof::Claim)) | None => {}
                    Some(Some(_)) => notes.say(&ACCEPTED, Shown::Accepts),
                }
                false
            }
            ERROR => {
                self.error(protobuf::number(inner, 2).unwrap_or(0), notes);
                false
            }
            AUTH_CHALLENGE => {
                if !std::mem::replace(&mut self.challenged, true) {
                    notes.say(&CHALLENGED, Shown::Demands { proof: Proof::Secret });
                }
                false
            }
            PING | PONG => false,
            METADATA_RESPONSE if protobuf::number(inner, 3) == Some(1) => {
                self.error(protobuf::number(inner, 4).unwrap_or(0), notes);
                false
            }
            LOOKUP_RESPONSE if protobuf::number(inner, 3) == Some(2) => {
                self.error(protobuf::number(inner, 6).unwrap_or(0), notes);
                false
            }
            _ => true,
        };
        if served {
            notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            return Next::Settled;
        }
        Next::More
    }
}

/// Athenz' role token: text with its expiry (`;e=`), signed by the issuer.
fn role_token(sent: &[u8], notes: &Notes<'_>) -> Shown {
    let text = |name: &[u8]| sent.split(|byte| *byte == b';').find_map(|part| part.strip_prefix(name));
    let seconds = |name| text(name).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
    let lifetime_s = seconds(b"e=").zip(seconds(b"t=")).map(|(end, start)| end.saturating_sub(start));
    let fingerprint = notes.fingerprint("bearer", sent);
    let credential = Credential { lifetime_s, ..Credential::clear(CredentialKind::Bearer, fingerprint) };
    let proof = if lifetime_s.is_some() { Proof::Token } else { Proof::Secret };
    Shown::Offers { proof, scope: Scope::Connection, principal: None, credential: Some(credential) }
}

impl Dissector for Pulsar {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let Some((sizes, rest)) = input.bytes().split_first_chunk::<8>() else { return Next::More };
        let [a, b, c, d, e, f, g, h] = *sizes;
        let (total, size) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        let whole = usize::try_from(size).unwrap_or(usize::MAX);
        if whole > COMMAND || size.checked_add(4).is_none_or(|least| least > total) {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(command) = rest.get(..whole) else { return Next::More };
        let Some(kind) = protobuf::number(command, 1) else { return Next::Lost(Hidden::Unsupported) };
        let next = match from {
            Role::Originator => {
                self.call(kind, command, notes);
                Next::More
            }
            Role::Responder => self.reply(kind, command, notes),
        };
        input.skip(u64::from(total).saturating_add(4));
        next
    }
}
