//! PostgreSQL frontend/backend protocol 3, and whatever else speaks it.
//!
//! Source: PostgreSQL documentation, chapters "Message Flow", "Message Formats" and "Error and Notice Message Fields";
//! src/backend/libpq/auth.c for which error comes from which check.

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes};
use super::postgresql_rules::*;
use super::token;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Postgresql,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Postgresql::default()),
    call_alone: cancel_alone,
    rules: RULES,
};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// MAX_STARTUP_PACKET_LENGTH of src/include/libpq/pqcomm.h.
const STARTUP: u32 = 10_000;
/// Longest message that is read as a whole; PG_MAX_AUTH_TOKEN_LENGTH is 65535, but no verdict needs all of one.
const MESSAGE: u32 = 65_536;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

fn call_likeness(bytes: &[u8]) -> Likeness {
    let length = match u32_at(bytes, 0) {
        Some(length) => length,
        None if bytes.iter().take(2).all(|byte| *byte == 0) => return Likeness::Unsure,
        None => return Likeness::Unlike,
    };
    let Some(code) = u32_at(bytes, 4) else {
        return if (8..=STARTUP).contains(&length) { Likeness::Unsure } else { Likeness::Unlike };
    };
    match (code, length) {
        (SSL_REQUEST | GSS_REQUEST, 8) | (CANCEL_REQUEST, 16..=280) => Likeness::Like,
        // Version 3.x, and the first parameter's name begins.
        (0x0003_0000..=0x0003_ffff, 9..=STARTUP) => match bytes.get(8) {
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => Likeness::Like,
            Some(_) => Likeness::Unlike,
            None => Likeness::Unsure,
        },
        (_, _) => Likeness::Unlike,
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    let length = u32_at(bytes, 1);
    match bytes.first() {
        // The answer to SSLRequest or GSSENCRequest is one byte.
        Some(b'S' | b'N' | b'G') => Likeness::Like,
        Some(b'R' | b'E' | b'v') => match length {
            Some(8..=MESSAGE) => Likeness::Like,
            Some(_) => Likeness::Unlike,
            None => Likeness::Unsure,
        },
        Some(_) => Likeness::Unlike,
        None => Likeness::Unsure,
    }
}

fn cancel_alone(call: &[u8], notes: &mut Notes<'_>) {
    let length = u32_at(call, 0).and_then(|length| usize::try_from(length).ok());
    if u32_at(call, 4) == Some(CANCEL_REQUEST) && length == Some(call.len()) {
        notes.say(&super::stream_rules::SPEAKS, Shown::Speaks { protocol: Protocol::Postgresql });
        notes.say(&CANCEL, Shown::Serves { operation: Operation::Public });
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Postgresql {
    phase: Phase,
    role: Option<Principal>,
    /// What the receiver asked for last.
    demanded: Option<Demand>,
    offered: bool,
    accepted: bool,
}

/// Where the flow stands.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The caller's next packet has no type byte.
    #[default]
    Startup,
    /// The caller asked for encryption; one byte answers.
    EncryptionAsked,
    /// Startup was sent: typed messages both ways.
    Authentication,
    /// A cancel request was sent.
    Cancelled,
}

/// What was asked, and so what the caller's next `p` message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Demand {
    Cleartext,
    Md5,
    /// The mechanism is named in the caller's first answer.
    Sasl,
    /// SCRAM was chosen: the next answer holds the proof.
    Scram,
    Ticket,
    /// Answered; whatever follows belongs to the same exchange.
    Answered,
}

impl Postgresql {
    fn caller(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            let bytes = input.bytes();
            match self.phase {
                Phase::Startup => {
                    let (Some(length), Some(code)) = (u32_at(bytes, 0), u32_at(bytes, 4)) else {
                        return Next::More;
                    };
                    if !(8..=STARTUP).contains(&length) {
                        return Next::Lost(Hidden::Unsupported);
                    }
                    let Some(packet) = bytes.get(8..length as usize) else { return Next::More };
                    match code {
                        SSL_REQUEST | GSS_REQUEST => self.phase = Phase::EncryptionAsked,
                        CANCEL_REQUEST => self.phase = Phase::Cancelled,
                        0x0003_0000..=0x0003_ffff => {
                            self.role = startup_user(packet);
                            self.phase = Phase::Authentication;
                        }
                        _ => return Next::Lost(Hidden::Unsupported),
                    }
                    input.skip(u64::from(length));
                }
                // Nothing is read before the receiver answered.
                Phase::EncryptionAsked => return Next::More,
                Phase::Cancelled => return Next::Settled,
                Phase::Authentication => {
                    let (Some(kind), Some(length)) = (bytes.first().copied(), u32_at(bytes, 1)) else {
                        return Next::More;
                    };
                    if length < 4 {
                        return Next::Lost(Hidden::Unsupported);
                    }
                    let end = u64::from(length).saturating_add(1);
                    if kind == b'p' && length <= MESSAGE {
                        // The receiver's question decides what this is: it must be read first.
                        if self.demanded.is_none() {
                            return Next::More;
                        }
                        let Some(body) = bytes.get(5..usize::try_from(end).unwrap_or(usize::MAX)) else {
                            return Next::More;
                        };
                        let body = Zeroizing::new(body.to_vec());
                        self.answer(&body, notes);
                    }
                    input.skip(end);
                }
            }
        }
    }

    /// The caller's `p` message.
    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        let kind =
            |kind, fingerprint, cleartext| Credential { fingerprint, cleartext, ..Credential::of(kind) };
        match self.demanded {
            Some(Demand::Cleartext) => {
                let password = body.split(|byte| *byte == 0).next().unwrap_or_default();
                let credential =
                    kind(CredentialKind::Password, Some(notes.fingerprint("password", password)), true);
                self.offer(&CLEARTEXT_SENT, Proof::Secret, credential, notes);
            }
            Some(Demand::Md5 | Demand::Scram) => {
                let credential = kind(CredentialKind::Password, None, false);
                self.offer(&CHALLENGE_ANSWERED, Proof::Secret, credential, notes);
            }
            Some(Demand::Sasl) => {
                let mechanism = body.split(|byte| *byte == 0).next().unwrap_or_default();
                if mechanism == b"OAUTHBEARER" {
                    if let Some(sent) = oauth_token(body).and_then(|text| token::bearer(text, notes)) {
                        let principal = sent.principal.or_else(|| self.role.clone());
                        self.offered = true;
                        self.demanded = Some(Demand::Answered);
                        notes.say(
                            &TOKEN_SENT,
                            Shown::Offers {
                                proof: sent.proof,
                                scope: Scope::Connection,
                                principal,
                                credential: Some(sent.credential),
                            },
                        );
                    }
                } else {
                    self.demanded = Some(Demand::Scram);
                }
            }
            Some(Demand::Ticket) => {
                let ntlm = body.windows(8).any(|part| part == b"NTLMSSP\0");
                let proof = if ntlm { Proof::Secret } else { Proof::Key };
                self.offer(&TICKET_SENT, proof, kind(CredentialKind::Ticket, None, false), notes);
            }
            Some(Demand::Answered) | None => {}
        }
    }

    fn offer(&mut self, rule: &'static Rule, proof: Proof, credential: Credential, notes: &mut Notes<'_>) {
        self.offered = true;
        self.demanded = Some(Demand::Answered);
        let principal = self.role.clone();
        notes.say(
            rule,
            Shown::Offers { proof, scope: Scope::Connection, principal, credential: Some(credential) },
        );
    }

    fn receiver(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            let bytes = input.bytes();
            let Some(kind) = bytes.first().copied() else { return Next::More };
            match self.phase {
                // It answers nothing yet.
                Phase::Startup => return Next::More,
                Phase::Cancelled => return Next::Settled,
                Phase::EncryptionAsked if kind != b'E' => {
                    input.skip(1);
                    self.phase = Phase::Startup;
                    match kind {
                        b'S' => return Next::Upgraded(super::tls::begin()),
                        b'G' => {
                            notes.say(&ENCRYPTED, Shown::Hidden { why: Hidden::Encrypted });
                            return Next::Settled;
                        }
                        b'N' => continue,
                        _ => return Next::Lost(Hidden::Unsupported),
                    }
                }
                Phase::EncryptionAsked | Phase::Authentication => {}
            }
            let Some(length) = u32_at(bytes, 1) else { return Next::More };
            if length < 4 || !kind.is_ascii_alphabetic() {
                return Next::Lost(Hidden::Unsupported);
            }
            let end = u64::from(length).saturating_add(1);
            if matches!(kind, b'R' | b'E') {
                if length > MESSAGE {
                    return Next::Lost(Hidden::Unsupported);
                }
                let Some(body) = bytes.get(5..usize::try_from(end).unwrap_or(usize::MAX)) else {
                    return Next::More;
                };
                if kind == b'E' {
                    self.refusal(body, notes);
                } else if !self.authentication(body, notes) {
                    return Next::Lost(Hidden::Unsupported);
                }
            }
            input.skip(end);
            match kind {
                b'Z' if self.accepted => {
                    notes.say(&READY, Shown::Serves { operation: Operation::Service });
                    return Next::Settled;
                }
                // Nothing but parameters, keys and notices may come before ReadyForQuery.
                b'R' | b'S' | b'K' | b'N' | b'v' => {}
                b'E' => return Next::Settled,
                _ => return Next::Lost(Hidden::Unsupported),
            }
        }
    }

    /// An `R` message; `false` when it is none that the protocol knows.
    fn authentication(&mut self, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let (rule, proof, demand): (&'static Rule, Proof, Demand) = match u32_at(body, 0) {
            Some(0) => {
                self.accepted = true;
                if self.demanded.is_some() {
                    notes.say(&ACCEPTED, Shown::Accepts);
                } else {
                    notes.say(
                        &CLAIMED,
                        Shown::Offers {
                            proof: Proof::Claim,
                            scope: Scope::Connection,
                            principal: self.role.clone(),
                            credential: None,
                        },
                    );
                }
                return true;
            }
            Some(3) => (&CLEARTEXT_DEMANDED, Proof::Secret, Demand::Cleartext),
            Some(5) => (&MD5_DEMANDED, Proof::Secret, Demand::Md5),
            Some(10) => {
                let mechanisms = body.get(4..).unwrap_or_default();
                let scram = mechanisms.split(|byte| *byte == 0).any(|name| name.starts_with(b"SCRAM-"));
                let bearer = mechanisms.split(|byte| *byte == 0).any(|name| name == b"OAUTHBEARER");
                if bearer && !scram {
                    (&TOKEN_DEMANDED, Proof::Token, Demand::Sasl)
                } else {
                    (&SASL_DEMANDED, Proof::Secret, Demand::Sasl)
                }
            }
            Some(2 | 7 | 9) => (&TICKET_DEMANDED, Proof::Key, Demand::Ticket),
            // Continuations of an exchange that was already reported.
            Some(8 | 11 | 12) => return true,
            Some(_) | None => return false,
        };
        self.demanded = Some(demand);
        notes.say(rule, Shown::Demands { proof });
        true
    }

    fn refusal(&self, body: &[u8], notes: &mut Notes<'_>) {
        let field = |kind: u8| {
            let mut fields = body.split(|byte| *byte == 0);
            fields
                .find(|field| field.first() == Some(&kind))
                .and_then(|field| field.get(1..))
                .unwrap_or_default()
        };
        let (rule, why): (&'static Rule, Refusal) = match field(b'C') {
            b"28P01" => {
                (&PASSWORD_WRONG, if self.offered { Refusal::ProofWrong } else { Refusal::ProofMissing })
            }
            // The text is translated, the routine's name is not (src/backend/libpq/auth.c, utils/init/miscinit.c).
            b"28000" => match field(b'R') {
                b"ClientAuthentication" => (&NO_ENTRY, Refusal::Place),
                b"InitializeSessionUserId" => (&ROLE_REFUSED, Refusal::NotAllowed),
                b"auth_failed" if self.offered => (&PROOF_REFUSED, Refusal::ProofWrong),
                b"auth_failed" => (&PROOF_REFUSED, Refusal::ProofMissing),
                _ if self.offered => (&PROOF_REFUSED, Refusal::ProofWrong),
                _ => (&NO_ENTRY, Refusal::Place),
            },
            b"42501" => (&ROLE_REFUSED, Refusal::NotAllowed),
            code if code.starts_with(b"28") => (&PROOF_REFUSED, Refusal::Other),
            _ => (&SESSION_REFUSED, Refusal::Other),
        };
        notes.say(rule, Shown::Refuses { why });
    }
}

/// The `user` parameter of a startup packet.
fn startup_user(packet: &[u8]) -> Option<Principal> {
    let mut parts = packet.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        if name == b"user" {
            return Some(Principal::bounded(PrincipalKind::Role, value));
        }
        if name.is_empty() {
            break;
        }
    }
    None
}

/// The token of `n,,^Aauth=Bearer TOKEN^A^A` (RFC 7628 section 3.1).
fn oauth_token(body: &[u8]) -> Option<&[u8]> {
    let part = body.split(|byte| *byte == 1).find(|part| part.starts_with(b"auth="))?;
    let value = part.get(5..)?;
    let (scheme, token) = value.split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

impl Dissector for Postgresql {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.caller(input, notes),
            Role::Responder => self.receiver(input, notes),
        }
    }
}
