//! One handshake of TLS 1.3, as far as its record lengths tell.
//!
//! Source: RFC 8446. The lengths are judged in [`super::tls13`].

use super::dissector::{Next, Notes};
use super::tls_record::{APPLICATION, Happened};
use super::tls_rules::*;
use super::tls13::{self, Flight, Outcome, Shape};
use super::{Credential, CredentialKind, Hidden, Proof, Refusal, Rule, Scope, Shown};
use crate::event::Role;

/// A handshake of TLS 1.3.
#[derive(Default, Debug)]
pub(crate) struct Handshake13 {
    suite: u16,
    resumed: bool,
    early_data: bool,
    post_handshake_auth: bool,
    client_alert: bool,
    client: Vec<u16>,
    server: Vec<u16>,
    server_after: Vec<u16>,
    flight: Option<Flight>,
}

impl Handshake13 {
    /// Begins after the ServerHello that chose `suite`.
    pub(crate) fn new(suite: u16, resumed: bool, early_data: bool, post_handshake_auth: bool) -> Self {
        Self { suite, resumed, early_data, post_handshake_auth, ..Self::default() }
    }

    /// The flow is over: no further record will come.
    pub(crate) fn finish(&mut self, notes: &mut Notes<'_>) {
        // Without any record of the client's second flight, the ServerHello has already said all there is.
        if !self.client.is_empty() || self.client_alert {
            self.judge(true, notes);
        }
    }

    /// How many of the client's records, those of an alert's length left out, the handshake took; `None` while that
    /// is not known.
    pub(crate) fn own_records(&self) -> Option<u32> {
        match self.flight? {
            Flight::NotAsked | Flight::Resumed => Some(1),
            Flight::Declined => Some(2),
            Flight::CertificateSent => Some(3),
            Flight::FailedAtClient | Flight::Undecided => None,
        }
    }

    fn shape(&self) -> Shape<'_> {
        Shape {
            suite: self.suite,
            resumed: self.resumed,
            early_data: self.early_data,
            client_alert: self.client_alert,
            client: &self.client,
            server: &self.server,
            server_after: &self.server_after,
        }
    }

    /// What one record of either side shows.
    pub(crate) fn happened(
        &mut self,
        from: Role,
        happened: &Happened,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
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
                    if self.post_handshake_auth { &NOT_ASKED_SO_FAR_13 } else { &NOT_ASKED_13 };
                notes.say(rule, Shown::Hidden { why: Hidden::Tls13 });
            }
            Flight::Declined => {
                notes.say(&DECLINED_13, Shown::Demands { proof: Proof::Key });
                notes.say(&DECLINED_13, Shown::Declines);
            }
            Flight::CertificateSent => {
                notes.say(&SENT_13, Shown::Demands { proof: Proof::Key });
                let credential = Credential::of(CredentialKind::X509);
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
