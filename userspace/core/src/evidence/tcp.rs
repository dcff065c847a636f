//! What TCP's own header shows: segments that are signed under a shared key.

use super::dissector::rules;
use super::observation::RuleRef;
use super::{Credential, CredentialKind, Observation, Proof, Scope, Shown};
use crate::event::Role;

rules! {
    pub table;
    SIGNED = "tcp.segments-signed", v 1, Observed, Wire,
        "The caller signs its segments under a shared key (TCP-MD5, TCP-AO); the key itself is not visible",
        "Whether the receiver has the key: without it TCP drops the segments";
    DEMANDED = "tcp.signature-demanded", v 1, Observed, Wire,
        "The receiver signs its segments too: its TCP has a key for this caller and drops what is not signed",
        "Whether callers from other addresses need one";
}

/// What a segment with the option of RFC 2385 (TCP-MD5) or RFC 5925 (TCP-AO) shows, sent by `from`.
#[must_use]
pub fn signed_segment(from: Role) -> Vec<Observation> {
    let of = |rule, shown| Observation { rule: RuleRef(rule), shown };
    match from {
        Role::Originator => vec![of(
            &SIGNED,
            Shown::Offers {
                proof: Proof::Secret,
                scope: Scope::Connection,
                principal: None,
                credential: Some(Credential::of(CredentialKind::Signature)),
            },
        )],
        // It answers only what its TCP found signed (RFC 2385 section 2.0, RFC 5925 section 7.5).
        Role::Responder => vec![
            of(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            of(&DEMANDED, Shown::Admits { expected: true }),
        ],
    }
}
