//! TLS up to 1.3: what the handshake shows about the caller. What is inside stays unknown, and so does service.
//!
//! Sources: RFC 5246 (1.2), RFC 8446 (1.3). Record lengths of 1.3 are judged in [`super::tls13`].

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::certificate::{self, Leaf};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::tls_record::{
    ALERT, APPLICATION, CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, HANDSHAKE,
    Happened, RECORD, SERVER_HELLO, SERVER_HELLO_DONE, Side, extensions, issuers, vector24,
};
use super::tls_rules::*;
use super::tls13::{self, Flight, Outcome, Shape};
use super::{Credential, CredentialKind, Hidden, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Tls,
    call: call_likeness,
    reply: reply_likeness,
    begin,
    call_alone: nothing_alone,
    rules: RULES,
};

/// Begins to read TLS, from the first byte of a flow or after an upgrade.
pub(crate) fn begin() -> Box<dyn Dissector> {
    Box::new(Tls::default())
}

/// Random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// A record of this type and major version 3, and the message type where there is one.
fn first_record(bytes: &[u8], kind: u8, message: Option<u8>) -> Likeness {
    match bytes {
        [] => Likeness::Unsure,
        [first, ..] if *first != kind => Likeness::Unlike,
        [_, major, ..] if *major != 3 => Likeness::Unlike,
        [_, _, minor, ..] if *minor > 4 => Likeness::Unlike,
        [_, _, _, high, low, ..] if !(2..=RECORD).contains(&u16::from_be_bytes([*high, *low])) => {
            Likeness::Unlike
        }
        [_, _, _, _, _, first, ..] => match message {
            Some(wanted) if *first != wanted => Likeness::Unlike,
            Some(_) | None => Likeness::Like,
        },
        [_, ..] => Likeness::Unsure,
    }
}

fn call_likeness(bytes: &[u8]) -> Likeness {
    first_record(bytes, HANDSHAKE, Some(CLIENT_HELLO))
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    match bytes.first() {
        Some(&ALERT) => first_record(bytes, ALERT, None),
        Some(_) | None => first_record(bytes, HANDSHAKE, Some(SERVER_HELLO)),
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Tls {
    client: Side,
    server: Side,
    /// What the last ClientHello offered.
    hello: Option<Offered>,
    version: Version,
}

/// Extensions of a ClientHello.
#[derive(Default, Clone, Copy, Debug)]
struct Offered {
    early_data: bool,
    post_handshake_auth: bool,
}

#[derive(Default, Debug)]
enum Version {
    #[default]
    Unknown,
    Old(Old),
    New(New),
}

/// A handshake up to TLS 1.2.
#[derive(Default, Debug)]
struct Old {
    legacy_request: bool,
    done: bool,
    requested: bool,
    /// Distinguished names of the request, if the list was readable.
    issuers: Option<Vec<Vec<u8>>>,
    /// The client's certificate, until its proof.
    certificate: Option<(Option<Leaf>, Credential)>,
    declined: bool,
    offered: bool,
}

/// A handshake of TLS 1.3.
#[derive(Default, Debug)]
struct New {
    suite: u16,
    resumed: bool,
    offered: Offered,
    client_alert: bool,
    client: Vec<u16>,
    server: Vec<u16>,
    server_after: Vec<u16>,
    flight: Option<Flight>,
}

impl Tls {
    fn hello(&mut self, body: &[u8]) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_client_hello(body) else { return false };
        let present: Vec<u16> = extensions(hello.ext.unwrap_or_default()).map(|(kind, _)| kind).collect();
        self.hello =
            Some(Offered { early_data: present.contains(&42), post_handshake_auth: present.contains(&49) });
        true
    }

    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_server_hello(body) else { return false };
        let list = hello.ext.unwrap_or_default();
        let new = extensions(list).any(|(kind, content)| kind == 43 && content == [3, 4]);
        if hello.random == HELLO_RETRY {
            // The handshake begins again with a second ClientHello.
            return true;
        }
        if new {
            notes.say(&INSIDE_13, Shown::Hidden { why: Hidden::Tls13 });
            let resumed = extensions(list).any(|(kind, _)| kind == 41);
            if resumed {
                notes.say(&RESUMED_13, Shown::Hidden { why: Hidden::Resumed });
            }
            let offered = self.hello.unwrap_or_default();
            self.version = Version::New(New { suite: hello.cipher.0, resumed, offered, ..New::default() });
        } else {
            notes.say(&INSIDE_12, Shown::Hidden { why: Hidden::Tls12 });
            self.version = Version::Old(Old { legacy_request: hello.version.0 < 0x0303, ..Old::default() });
        }
        true
    }

    /// What one thing on the record layer means; `None` to go on.
    fn happened(&mut self, from: Role, happened: Happened, notes: &mut Notes<'_>) -> Option<Next> {
        if let Happened::Message(CLIENT_HELLO, body) = &happened
            && from == Role::Originator
            && matches!(self.version, Version::Unknown)
        {
            return if self.hello(body) { None } else { Some(Next::Lost(Hidden::Encrypted)) };
        }
        if let Happened::Message(SERVER_HELLO, body) = &happened
            && from == Role::Responder
            && matches!(self.version, Version::Unknown)
        {
            return if self.answer(body, notes) { None } else { Some(Next::Lost(Hidden::Encrypted)) };
        }
        match &mut self.version {
            Version::Unknown => match happened {
                Happened::Alert { fatal: true, .. } => {
                    if from == Role::Responder {
                        notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                    }
                    Some(Next::Settled)
                }
                // Early data before the ServerHello, and ChangeCipherSpec for old middleboxes, mean nothing here.
                Happened::Message(..)
                | Happened::ChangeCipher
                | Happened::Encrypted(..)
                | Happened::Alert { .. } => None,
            },
            Version::Old(old) => {
                old.happened(from, happened, self.server.encrypted && self.client.encrypted, notes)
            }
            Version::New(new) => new.happened(from, &happened, notes),
        }
    }
}

impl Old {
    fn happened(
        &mut self,
        from: Role,
        happened: Happened,
        finished: bool,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
        match (from, happened) {
            (Role::Responder, Happened::Message(SERVER_HELLO_DONE, _)) => self.done = true,
            (Role::Responder, Happened::Message(CERTIFICATE_REQUEST, body)) => {
                self.requested = true;
                self.issuers = issuers(&body, self.legacy_request);
                notes.say(&DEMANDED_12, Shown::Demands { proof: Proof::Key });
            }
            (Role::Originator, Happened::Message(CERTIFICATE, body)) if self.requested => {
                self.certificate(&body, notes)
            }
            (Role::Originator, Happened::Message(CERTIFICATE_VERIFY, _)) => self.proved(notes),
            (Role::Responder, Happened::ChangeCipher) if !self.done => {
                notes.say(&RESUMED_12, Shown::Hidden { why: Hidden::Resumed });
                return Some(Next::Settled);
            }
            // The responder's Finished, the first thing that it encrypts, after the originator's.
            (Role::Responder, Happened::Encrypted(HANDSHAKE, _)) if finished => {
                if self.offered {
                    notes.say(&ACCEPTED_12, Shown::Accepts);
                } else if !self.requested {
                    notes.say(&NOT_ASKED_12, Shown::Hidden { why: Hidden::Tls12 });
                }
                return Some(Next::Settled);
            }
            (Role::Responder, Happened::Alert { fatal: true, description }) => {
                let (rule, why): (&'static Rule, Refusal) = match (self.declined, self.offered, description) {
                    (_, _, 49) => (&REFUSED, Refusal::NotAllowed),
                    (true, _, _) => (&REFUSED, Refusal::ProofMissing),
                    (_, true, _) => (&REFUSED, Refusal::ProofWrong),
                    (false, false, _) => (&FAILED, Refusal::Other),
                };
                notes.say(rule, Shown::Refuses { why });
                return Some(Next::Settled);
            }
            (Role::Originator, Happened::Alert { fatal: true, .. }) => return Some(Next::Settled),
            (
                _,
                Happened::Message(..)
                | Happened::ChangeCipher
                | Happened::Encrypted(..)
                | Happened::Alert { .. },
            ) => {}
        }
        None
    }

    /// The client's Certificate message.
    fn certificate(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        if body.is_empty() {
            // Too long to keep: something was sent, and nothing of it is known.
            let credential = Credential {
                kind: CredentialKind::X509,
                fingerprint: None,
                lifetime_s: None,
                cleartext: false,
            };
            self.certificate = Some((None, credential));
            return;
        }
        let Some((list, _)) = vector24(body) else { return };
        let Some((der, _)) = vector24(list).filter(|(der, _)| !der.is_empty()) else {
            self.declined = true;
            notes.say(&DECLINED_12, Shown::Declines);
            return;
        };
        let leaf = certificate::leaf(der);
        let credential = Credential {
            kind: CredentialKind::X509,
            fingerprint: Some(notes.fingerprint("x509", der)),
            lifetime_s: leaf.as_ref().and_then(|leaf| leaf.lifetime_s),
            cleartext: false,
        };
        self.certificate = Some((leaf, credential));
    }

    /// The client's CertificateVerify: it holds the key of the certificate it sent.
    fn proved(&mut self, notes: &mut Notes<'_>) {
        let Some((leaf, credential)) = self.certificate.take() else { return };
        self.offered = true;
        let named = self.issuers.as_deref().unwrap_or_default();
        let rule: &'static Rule = match &leaf {
            _ if named.is_empty() => &NO_LIST_12,
            Some(leaf) if named.contains(&leaf.issuer) => &LISTED_12,
            Some(_) | None => &UNLISTED_12,
        };
        let principal = leaf.and_then(|leaf| leaf.principal);
        let credential = Some(credential);
        notes.say(rule, Shown::Offers { proof: Proof::Key, scope: Scope::Connection, principal, credential });
    }
}

impl New {
    fn shape(&self) -> Shape<'_> {
        Shape {
            suite: self.suite,
            resumed: self.resumed,
            early_data: self.offered.early_data,
            client_alert: self.client_alert,
            client: &self.client,
            server: &self.server,
            server_after: &self.server_after,
        }
    }

    fn happened(&mut self, from: Role, happened: &Happened, notes: &mut Notes<'_>) -> Option<Next> {
        match (from, happened) {
            (Role::Originator, Happened::Encrypted(APPLICATION, length)) => push(&mut self.client, *length),
            (Role::Responder, Happened::Encrypted(APPLICATION, length)) if self.client.is_empty() => {
                push(&mut self.server, *length);
            }
            (Role::Responder, Happened::Encrypted(APPLICATION, length)) => {
                push(&mut self.server_after, *length)
            }
            (Role::Originator, Happened::Alert { .. }) => self.client_alert = true,
            (Role::Responder, Happened::Alert { fatal: true, .. }) => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                return Some(Next::Settled);
            }
            (
                _,
                Happened::Message(..)
                | Happened::ChangeCipher
                | Happened::Encrypted(..)
                | Happened::Alert { .. },
            ) => {}
        }
        self.judge(false, notes).then_some(Next::Settled)
    }

    /// Says what the lengths show so far; `true` once nothing more can be learnt from them.
    fn judge(&mut self, last: bool, notes: &mut Notes<'_>) -> bool {
        let outcome = tls13::outcome(&self.shape(), last);
        let went_on = outcome == Outcome::WentOn;
        if self.flight.is_none() {
            let Some(flight) = tls13::flight(&self.shape(), last || went_on) else { return false };
            self.flight = Some(flight);
            self.say_flight(flight, notes);
        }
        let answered = match self.flight {
            Some(Flight::Declined) => Some(Refusal::ProofMissing),
            Some(Flight::CertificateSent) => Some(Refusal::ProofWrong),
            Some(Flight::NotAsked | Flight::Resumed | Flight::FailedAtClient | Flight::Undecided) | None => {
                None
            }
        };
        match (outcome, answered) {
            (_, None) => true,
            (Outcome::Unknown, Some(_)) => false,
            (Outcome::WentOn, Some(Refusal::ProofWrong)) => {
                notes.say(&WENT_ON_13, Shown::Accepts);
                true
            }
            (Outcome::WentOn, Some(_)) => true,
            (Outcome::Refused, Some(why)) => {
                notes.say(&REFUSED_13, Shown::Refuses { why });
                true
            }
        }
    }

    fn say_flight(&self, flight: Flight, notes: &mut Notes<'_>) {
        match flight {
            Flight::NotAsked => {
                let rule: &'static Rule =
                    if self.offered.post_handshake_auth { &NOT_ASKED_SO_FAR_13 } else { &NOT_ASKED_13 };
                notes.say(rule, Shown::Hidden { why: Hidden::Tls13 });
            }
            Flight::Declined => {
                notes.say(&DECLINED_13, Shown::Demands { proof: Proof::Key });
                notes.say(&DECLINED_13, Shown::Declines);
            }
            Flight::CertificateSent => {
                notes.say(&SENT_13, Shown::Demands { proof: Proof::Key });
                let credential = Credential {
                    kind: CredentialKind::X509,
                    fingerprint: None,
                    lifetime_s: None,
                    cleartext: false,
                };
                notes.say(
                    &SENT_13,
                    Shown::Offers {
                        proof: Proof::Key,
                        scope: Scope::Connection,
                        principal: None,
                        credential: Some(credential),
                    },
                );
            }
            // Said by the ServerHello.
            Flight::Resumed | Flight::FailedAtClient => {}
            Flight::Undecided => notes.say(&UNDECIDED_13, Shown::Hidden { why: Hidden::Tls13 }),
        }
    }
}

/// Keeps as many lengths as any rule looks at.
fn push(lengths: &mut Vec<u16>, length: u16) {
    if lengths.len() < tls13::MOST_RECORDS {
        lengths.push(length);
    }
}

impl Dissector for Tls {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            if from == Role::Responder && self.hello.is_none() {
                return Next::More;
            }
            let new = matches!(self.version, Version::New(_));
            let side = match from {
                Role::Originator => &mut self.client,
                Role::Responder => &mut self.server,
            };
            let happened = match side.next(input, from == Role::Originator) {
                Ok(Some(happened)) => happened,
                Ok(None) => return Next::More,
                Err(()) => return Next::Lost(Hidden::Encrypted),
            };
            // In TLS 1.3 ChangeCipherSpec means nothing (RFC 8446 section 5); before, it ends the plaintext.
            if matches!(happened, Happened::ChangeCipher) && !new && matches!(self.version, Version::Old(_)) {
                side.encrypted = true;
            }
            if let Some(next) = self.happened(from, happened, notes) {
                return next;
            }
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if let Version::New(new) = &mut self.version {
            // Without any record of the client's second flight, the ServerHello has already said all there is.
            if whole && (!new.client.is_empty() || new.client_alert) {
                new.judge(true, notes);
            }
        }
    }
}
