//! TLS 1.2 and older after their handshake: a second one can be seen, and nothing of what it asks.
//!
//! Sources: RFC 5246 section 7.4.1.1 (HelloRequest), RFC 5746. Record types stay in clear, so handshake records after
//! Finished are a renegotiation; servers ask for a certificate by it once they know what is wanted.

use super::dissector::{Next, Notes};
use super::tls_record::{ALERT, APPLICATION, HANDSHAKE, Happened};
use super::tls_rules::{LATE_CERTIFICATE_12, RENEGOTIATED_12};
use super::{Credential, CredentialKind, Hidden, Proof, Scope, Shown};
use crate::event::Role;

/// Records of application data after which no renegotiation is looked for.
const RECORDS: u32 = 16;
/// Bytes of the caller's handshake records, its hello left out, that no flight without a certificate reaches: a key
/// exchange by RSA of 4096 bits takes 514 and Finished 16, each with its record's code and padding.
const CERTIFICATE: u32 = 900;

/// What is watched.
#[derive(Default, Debug)]
pub(crate) struct Watch {
    records: u32,
    said: bool,
    /// Of the caller's second handshake: its records, and their bytes without the first one's.
    hellos: u32,
    bytes: u32,
}

impl Watch {
    /// What one record shows; the end of the watch where nothing more is looked for.
    pub(crate) fn happened(
        &mut self,
        from: Role,
        happened: &Happened,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
        match (from, happened) {
            (_, Happened::Encrypted(HANDSHAKE, length)) => {
                if !std::mem::replace(&mut self.said, true) {
                    notes.say(&RENEGOTIATED_12, Shown::Hidden { why: Hidden::Tls12 });
                }
                if from == Role::Originator {
                    if self.hellos > 0 {
                        self.bytes = self.bytes.saturating_add(u32::from(*length));
                    }
                    self.hellos = self.hellos.saturating_add(1);
                }
                if self.bytes < CERTIFICATE {
                    return None;
                }
                notes.say(&LATE_CERTIFICATE_12, Shown::Demands { proof: Proof::Key });
                let credential = Credential::of(CredentialKind::X509);
                let (scope, credential) = (Scope::Connection, Some(credential));
                let offer = Shown::Offers { proof: Proof::Key, scope, principal: None, credential };
                notes.say(&LATE_CERTIFICATE_12, offer);
                Some(Next::Settled)
            }
            (_, Happened::Encrypted(APPLICATION, _)) => {
                self.records = self.records.saturating_add(1);
                (self.records >= RECORDS).then_some(Next::Settled)
            }
            (_, Happened::Encrypted(ALERT, _) | Happened::Alert { .. }) => Some(Next::Settled),
            (_, Happened::Message(..) | Happened::ChangeCipher | Happened::Encrypted(..)) => None,
        }
    }
}
