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
pub fn signed_segment(from: Role) -> Observation {
    match from {
        Role::Originator => Observation {
            rule: RuleRef(&SIGNED),
            shown: Shown::Offers {
                proof: Proof::Secret,
                scope: Scope::Connection,
                principal: None,
                credential: Some(Credential::of(CredentialKind::Signature)),
            },
        },
        Role::Responder => {
            Observation { rule: RuleRef(&DEMANDED), shown: Shown::Demands { proof: Proof::Secret } }
        }
    }
}
