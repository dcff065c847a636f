//! One handshake of SSL 3.0 to TLS 1.2, or of DTLS 1.0 and 1.2: everything up to ChangeCipherSpec is in clear.
//!
//! Sources: RFC 5246 section 7.4, RFC 6101 (SSL 3.0), RFC 4279 (pre-shared keys), RFC 5054 (SRP), RFC 2712 (Kerberos).

use tls_parser::{TlsCipherAu, TlsCipherKx, TlsCipherSuite};

use super::certificate::{self, Leaf};
use super::dissector::{Next, Notes};
use super::tls_record::{
    ALERT, APPLICATION, CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, HANDSHAKE,
    Happened, NEW_SESSION_TICKET, SERVER_HELLO_DONE, issuers, vector16, vector24,
};
use super::tls_rules::*;
use super::{
    Credential, CredentialKind, Hidden, Principal, PrincipalKind, Proof, Refusal, Rule, Scope, Shown,
};
use crate::event::Role;
use crate::fingerprint::Fingerprint;

/// Kinds of fingerprints of what a session is resumed with.
pub(crate) const TICKET: &str = "tls-ticket";
/// See [`TICKET`].
pub(crate) const SESSION: &str = "tls-session";
/// Longest life of a session whose receiver says nothing about it (RFC 5246 section F.1.4).
const SESSION_LIFETIME_S: u64 = 86_400;
/// Most sessions that one handshake gives.
const GIVEN: usize = 2;
/// Most certificates of a chain that are looked at.
const CHAIN: usize = 8;

/// On what the key exchange rests, by the cipher suite.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Rests {
    /// On the receiver's certificate; the caller's is another matter.
    #[default]
    Certificate,
    /// On nothing: neither side is known to the other.
    Nothing,
    /// On a key that both hold.
    SharedKey,
    /// On a password that the caller knows (SRP).
    Password,
    /// On a Kerberos ticket.
    Ticket,
}

impl Rests {
    fn of(suite: u16) -> Self {
        let Some(suite) = TlsCipherSuite::from_id(suite) else { return Self::Certificate };
        match (&suite.kx, &suite.au) {
            (TlsCipherKx::Psk, _) | (_, TlsCipherAu::Psk) => Self::SharedKey,
            (TlsCipherKx::Srp, _) => Self::Password,
            (TlsCipherKx::Krb5, _) => Self::Ticket,
            (
                TlsCipherKx::Dh
                | TlsCipherKx::Dhe
                | TlsCipherKx::Ecdh
                | TlsCipherKx::Ecdhe
                | TlsCipherKx::Aecdh,
                TlsCipherAu::Null,
            ) => Self::Nothing,
            _ => Self::Certificate,
        }
    }
}

/// What the caller's client key exchange or certificate came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offered {
    /// A certificate and its proof.
    Certificate,
    /// What the key exchange itself rests on.
    KeyExchange,
}

/// A handshake, from its ServerHello on.
#[derive(Default, Debug)]
pub(crate) struct Handshake12 {
    /// Before TLS 1.2 a CertificateRequest had no list of algorithms.
    legacy_request: bool,
    rests: Rests,
    /// The SRP user of the ClientHello.
    user: Option<Principal>,
    done: bool,
    requested: bool,
    /// Distinguished names of the request, if the list was readable.
    issuers: Option<Vec<Vec<u8>>>,
    /// The client's certificate, until its proof, and whether the receiver had named an issuer of its chain.
    certificate: Option<(Option<Leaf>, Credential, bool)>,
    declined: bool,
    offered: Option<Offered>,
    /// Sessions that the caller offered to resume.
    sessions: Vec<Fingerprint>,
    /// Sessions that the receiver gives, and their lifetimes in seconds.
    given: Vec<(Fingerprint, u64)>,
    resumed: bool,
}

impl Handshake12 {
    /// Begins after the ServerHello that chose `suite` and gave the session `given`; `user` is the SRP user of the
    /// ClientHello, `sessions` are those that it offered to resume.
    pub(crate) fn new(
        legacy_request: bool,
        suite: u16,
        user: Option<Principal>,
        sessions: Vec<Fingerprint>,
        given: Option<Fingerprint>,
    ) -> Self {
        let given = given.map(|session| (session, SESSION_LIFETIME_S)).into_iter().collect();
        Self { legacy_request, rests: Rests::of(suite), user, sessions, given, ..Self::default() }
    }

    /// What one thing on the record layer shows. `finished` is true once both sides switched to encryption.
    pub(crate) fn happened(
        &mut self,
        from: Role,
        happened: Happened,
        finished: bool,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
        match (from, happened) {
            (Role::Responder, Happened::Message(SERVER_HELLO_DONE, _)) => self.done(notes),
            (Role::Responder, Happened::Message(CERTIFICATE_REQUEST, body)) => {
                self.requested = true;
                self.issuers = issuers(&body, self.legacy_request);
                notes.say(&DEMANDED_12, Shown::Demands { proof: Proof::Key });
            }
            (Role::Originator, Happened::Message(CERTIFICATE, body)) if self.requested => {
                self.certificate(&body, notes)
            }
            (Role::Originator, Happened::Message(CLIENT_KEY_EXCHANGE, body)) => {
                self.key_exchange(&body, notes)
            }
            (Role::Originator, Happened::Message(CERTIFICATE_VERIFY, _)) => self.proved(notes),
            // SSL 3.0: "no certificate" in place of an empty list (RFC 6101 section 5.6.6).
            (Role::Originator, Happened::Alert { description: 41, .. }) if self.requested => {
                self.decline(notes)
            }
            (Role::Responder, Happened::Message(NEW_SESSION_TICKET, body)) => self.ticket(&body, notes),
            // Both sides will prove that they know the session, the receiver first.
            (Role::Responder, Happened::ChangeCipher) if !self.done => self.resumed = true,
            (Role::Responder, Happened::Encrypted(APPLICATION, _)) if self.resumed && finished => {
                self.went_on(notes);
                return Some(Next::Settled);
            }
            (_, Happened::Encrypted(ALERT, _)) if self.resumed => {
                self.finish(notes);
                return Some(Next::Settled);
            }
            // The responder's Finished, the first thing that it encrypts, after the originator's.
            (Role::Responder, Happened::Encrypted(HANDSHAKE, _)) if finished && !self.resumed => {
                self.finished(notes);
                return Some(Next::Settled);
            }
            (Role::Responder, Happened::Alert { fatal: true, description }) => {
                self.refused(description, notes);
                return Some(Next::Settled);
            }
            (Role::Originator, Happened::Alert { fatal: true, .. }) => {
                notes.say(&INSIDE_12, Shown::Hidden { why: Hidden::Tls12 });
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
        None
    }

    /// The flow ends before the handshake did.
    pub(crate) fn finish(&self, notes: &mut Notes<'_>) {
        if self.resumed {
            notes.say(&RESUMED_12, Shown::Hidden { why: Hidden::Resumed });
        } else {
            notes.say(&INSIDE_12, Shown::Hidden { why: Hidden::Tls12 });
        }
    }

    /// The receiver's NewSessionTicket (RFC 5077 section 3.3).
    fn ticket(&mut self, body: &[u8], notes: &Notes<'_>) {
        let Some((hint, ticket)) = body.split_first_chunk() else { return };
        let Some((ticket, _)) = vector16(ticket).filter(|(ticket, _)| !ticket.is_empty()) else { return };
        if self.given.len() < GIVEN {
            let lifetime_s = match u32::from_be_bytes(*hint) {
                0 => SESSION_LIFETIME_S,
                hint => u64::from(hint),
            };
            self.given.push((notes.fingerprint(TICKET, ticket), lifetime_s));
        }
    }

    /// After the caller proved that it knows the session, the receiver sent more than an alert.
    fn went_on(&mut self, notes: &mut Notes<'_>) {
        if self.sessions.is_empty() {
            notes.say(&RESUMED_12, Shown::Hidden { why: Hidden::Resumed });
            return;
        }
        // An id that was only repeated is none that the receiver gave: with a ticket, the caller makes it up.
        self.given.retain(|(session, _)| !self.sessions.contains(session));
        notes.say(&RESUMED_12, Shown::Resumes { sessions: std::mem::take(&mut self.sessions) });
        self.keep(notes);
        notes.say(&INSIDE_12, Shown::Hidden { why: Hidden::Tls12 });
        self.say_version(notes);
    }

    fn keep(&mut self, notes: &mut Notes<'_>) {
        for (session, lifetime_s) in std::mem::take(&mut self.given) {
            notes.say(&KEPT_12, Shown::Keeps { session, lifetime_s });
        }
    }

    /// The responder's ServerHelloDone: this is no resumed session.
    fn done(&mut self, notes: &mut Notes<'_>) {
        self.done = true;
        match self.rests {
            Rests::Certificate | Rests::Nothing => {}
            Rests::SharedKey => notes.say(&SHARED_KEY_12, Shown::Demands { proof: Proof::Secret }),
            Rests::Password => notes.say(&SRP_12, Shown::Demands { proof: Proof::Secret }),
            Rests::Ticket => notes.say(&KERBEROS_12, Shown::Demands { proof: Proof::Key }),
        }
    }

    /// The client's ClientKeyExchange.
    fn key_exchange(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        if !self.done {
            return;
        }
        let scope = Scope::Connection;
        let (rule, offer): (&'static Rule, Shown) = match self.rests {
            Rests::Certificate | Rests::Nothing => return,
            Rests::SharedKey => {
                let name = vector16(body).map(|(name, _)| name).filter(|name| !name.is_empty());
                let principal = name.map(|name| Principal::bounded(PrincipalKind::User, name));
                let offer = Shown::Offers { proof: Proof::Secret, scope, principal, credential: None };
                (&SHARED_KEY_12, offer)
            }
            Rests::Password => {
                let principal = self.user.take();
                (&SRP_12, Shown::Offers { proof: Proof::Secret, scope, principal, credential: None })
            }
            Rests::Ticket => {
                let credential = Some(trace(CredentialKind::Ticket));
                let offer = Shown::Offers { proof: Proof::Key, scope, principal: None, credential };
                (&KERBEROS_12, offer)
            }
        };
        notes.say(rule, offer);
        self.offered = Some(Offered::KeyExchange);
    }

    /// The client's Certificate message.
    fn certificate(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        if body.is_empty() {
            // Too long to keep: something was sent, and nothing of it is known.
            self.certificate = Some((None, trace(CredentialKind::X509), false));
            return;
        }
        let Some((list, _)) = vector24(body) else { return };
        let Some((der, _)) = vector24(list).filter(|(der, _)| !der.is_empty()) else {
            return self.decline(notes);
        };
        let leaf = certificate::leaf(der);
        // A chain counts as expected when any of its issuers was named: the leaf's may be an intermediate.
        let issuers = self.issuers.as_deref().unwrap_or_default();
        let named = chain(list).any(|issuer| issuers.contains(&issuer));
        let credential = certificate::credential(der, leaf.as_ref(), notes);
        self.certificate = Some((leaf, credential, named));
    }

    fn decline(&mut self, notes: &mut Notes<'_>) {
        self.declined = true;
        notes.say(&DECLINED_12, Shown::Declines);
    }

    /// The client's CertificateVerify: it holds the key of the certificate it sent.
    fn proved(&mut self, notes: &mut Notes<'_>) {
        let Some((leaf, credential, named)) = self.certificate.take() else { return };
        self.offered = Some(Offered::Certificate);
        let rule: &'static Rule = if self.issuers.as_ref().is_none_or(Vec::is_empty) {
            &NO_LIST_12
        } else if named {
            &LISTED_12
        } else {
            &UNLISTED_12
        };
        let principal = leaf.and_then(|leaf| leaf.principal);
        let credential = Some(credential);
        notes.say(rule, Shown::Offers { proof: Proof::Key, scope: Scope::Connection, principal, credential });
    }

    /// The receiver's Finished: it verified the caller's, and whatever else it wanted to before it finished.
    fn finished(&mut self, notes: &mut Notes<'_>) {
        match self.offered {
            // Servers finish the handshake of a certificate that they then refuse inside (nginx, `ssl_verify_client`).
            Some(Offered::Certificate) => notes.say(&ACCEPTED_12, Shown::Admits { expected: false }),
            Some(Offered::KeyExchange) => notes.say(&KEY_EXCHANGE_12, Shown::Admits { expected: true }),
            None => {}
        }
        if self.offered.is_some() {
            self.keep(notes);
        }
        let rule: &'static Rule = match self.rests {
            Rests::Nothing => &ANONYMOUS_12,
            Rests::Certificate if !self.requested => &NOT_ASKED_12,
            Rests::Certificate | Rests::SharedKey | Rests::Password | Rests::Ticket => &INSIDE_12,
        };
        notes.say(rule, Shown::Hidden { why: Hidden::Tls12 });
        self.say_version(notes);
    }

    /// Says that the version is old, if it is; last, since what counts is what was seen before it.
    fn say_version(&self, notes: &mut Notes<'_>) {
        if self.legacy_request {
            notes.say(&OLD_VERSION, Shown::Hidden { why: Hidden::Tls12 });
        }
    }

    /// The receiver's fatal alert before its Finished (RFC 5246 section 7.2.2).
    fn refused(&self, description: u8, notes: &mut Notes<'_>) {
        let (rule, why): (&'static Rule, Refusal) = match (self.offered, self.declined, description) {
            // handshake_failure, no_certificate and bad_certificate stand for a missing one, before 1.3 said so itself.
            (None, true, 40..=42 | 49 | 116) => (&REFUSED, Refusal::ProofMissing),
            (Some(Offered::Certificate), _, 49) => (&REFUSED, Refusal::NotAllowed),
            (Some(Offered::Certificate), _, 45) => (&REFUSED, Refusal::Expired),
            (Some(Offered::Certificate), _, 40..=46 | 48 | 51) => (&REFUSED, Refusal::ProofWrong),
            // bad_record_mac, decrypt_error, unknown_psk_identity: the keys do not agree.
            (Some(Offered::KeyExchange), _, 20 | 40 | 51 | 115) => (&KEY_REFUSED, Refusal::ProofWrong),
            (None | Some(_), _, _) => (&FAILED, Refusal::Other),
        };
        notes.say(rule, Shown::Refuses { why });
        notes.say(&INSIDE_12, Shown::Hidden { why: Hidden::Tls12 });
    }
}

/// The issuers of a certificate list, the leaf's first.
fn chain(mut list: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(move || {
        let (der, rest) = vector24(list)?;
        list = rest;
        certificate::leaf(der).map(|leaf| leaf.issuer)
    })
    .take(CHAIN)
}

/// A credential of which nothing is readable.
fn trace(kind: CredentialKind) -> Credential {
    Credential::of(kind)
}
