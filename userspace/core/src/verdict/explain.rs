//! What `explain` says beside the evidence: what was not seen, and what would change the verdict.

use super::{Check, Strength, Verdict};

/// What would change the verdict of an edge, in one sentence.
#[must_use]
pub fn what_would_change(verdict: Verdict, check: Check, strength: Option<Strength>) -> &'static str {
    match (verdict, check, strength) {
        (Verdict::Refused, _, _) => {
            "A flow that is served: then the verdict is that of the proof, if any, that it stood on."
        }
        (Verdict::LocationTrusted, Check::None, _) => {
            "The receiver demanding proof of identity from this caller and refusing without it; flows already served stay counted."
        }
        (Verdict::LocationTrusted, Check::Address, _) => {
            "The receiver demanding proof of identity instead of judging the address it is called from."
        }
        (Verdict::LocationTrusted, Check::Claimed, _) => {
            "The receiver demanding proof of the name that the caller gives; a name alone proves nothing."
        }
        (Verdict::LocationTrusted, Check::Secret | Check::Token | Check::Key, _) => {
            "The listener refusing callers without a credential; at present it serves them, so this one's is decoration."
        }
        (Verdict::LocationTrusted, Check::Kernel | Check::Opaque | Check::Public, _) => {
            "The receiver demanding proof of identity from every caller."
        }
        (Verdict::Opaque, _, _) => {
            "A flow seen from its first byte in a protocol that can be read; reconnecting is enough where the connection was joined late."
        }
        (Verdict::Unproven, _, _) => {
            "A refusal of anyone without this proof makes it checked; service to anyone without proof makes it decoration."
        }
        (Verdict::SecretChecked, _, Some(Strength::Enforced)) => {
            "A key, a short-lived token or the kernel's word in place of the shared secret raises it; one flow served without proof lowers it."
        }
        (Verdict::SecretChecked, _, _) => {
            "A refusal of anyone without the secret makes it enforced; one flow served after declining the challenge lowers it."
        }
        (Verdict::IdentityChecked, Check::Kernel, _) => {
            "A socket file that more users may write, without the receiver reading who calls, lowers it."
        }
        (Verdict::IdentityChecked, _, Some(Strength::Enforced)) => {
            "One flow served without proof, or one that can't be read, lowers it."
        }
        (Verdict::IdentityChecked, _, _) => {
            "A refusal of anyone without the proof makes it enforced; one flow served after declining it lowers it."
        }
        (Verdict::Public, _, _) => {
            "One served operation that is not anonymous by design: then that operation's proof, if any, decides."
        }
    }
}

/// What was not seen, in one sentence: the limit that goes with every such verdict.
#[must_use]
pub fn not_seen(verdict: Verdict, check: Check, strength: Option<Strength>) -> &'static str {
    match (verdict, check, strength) {
        (Verdict::Refused, _, _) => {
            "Whether the same caller would be served with another proof, or from another place."
        }
        (Verdict::LocationTrusted, Check::Secret | Check::Token | Check::Key, _) => {
            "Any refusal of a caller without proof on this listener."
        }
        (Verdict::LocationTrusted, _, _) => {
            "Any proof of the caller's identity; whether the receiver looks at the address is visible only where it refused another."
        }
        (Verdict::Opaque, _, _) => {
            "What the receiver asked for, what the caller presented, and whether it was served."
        }
        (Verdict::Unproven, _, _) => {
            "Any sign that the receiver looks at the credential: no challenge and no refusal."
        }
        (Verdict::SecretChecked | Verdict::IdentityChecked, Check::Kernel, _) => {
            "What the receiver does with the kernel's word, and who else runs as the same user."
        }
        (Verdict::SecretChecked | Verdict::IdentityChecked, _, Some(Strength::Enforced)) => {
            "Who else holds the same credential, and whether it can be cancelled."
        }
        (Verdict::SecretChecked | Verdict::IdentityChecked, _, _) => {
            "A refusal of a caller without proof on this listener."
        }
        (Verdict::Public, _, _) => "Any operation that is not anonymous by design.",
    }
}
