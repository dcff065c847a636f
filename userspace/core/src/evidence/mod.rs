//! Bytes of both directions become facts: what was demanded, offered, decided, served, refused.
//!
//! One file per protocol. A dissector is port-independent, bounded, total, and keeps no payload: what it read is
//! wiped, and only keyed fingerprints of credentials survive. Demand, offer and decision stay three facts; the
//! [`crate::verdict`] stage alone says what they mean together.

pub mod conversation;
pub mod observation;

pub use conversation::Conversation;
pub use observation::{
    Credential, CredentialKind, Hidden, Level, Observation, Operation, Principal, PrincipalKind, Proof,
    Protocol, Refusal, Rule, Scope, Shown, Source,
};

/// Every rule of evidence that this program knows.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    std::iter::empty()
}
