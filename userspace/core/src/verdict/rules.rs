//! The rule table: check and strength of a flow give its verdict, the weakest flow gives the edge's.
//!
//! Rules are data with an id and a version; `explain` prints them, and a change of meaning raises the version.

use super::{Check, Contrasting, FlowClass, Judgement, Late, Outcome, Strength, Verdict};

/// Version of the table as a whole; raised with any rule in it.
pub const RULE_TABLE_VERSION: u16 = 4;

/// One row: flows with this outcome, one of these checks and one of these strengths have this verdict.
#[derive(PartialEq, Eq, Debug)]
pub struct FlowRule {
    /// Stable id.
    pub id: &'static str,
    /// Raised when the meaning changes.
    pub version: u16,
    /// Outcome of the flow.
    pub outcome: Outcome,
    /// Any of these checks.
    pub checks: &'static [Check],
    /// Any of these strengths; empty where strength does not matter.
    pub strengths: &'static [Strength],
    /// `Some(x)`: only where the listener did (or did not) serve anybody without proof.
    pub served_without_proof: Option<bool>,
    /// What it comes to.
    pub verdict: Verdict,
    /// In one sentence.
    pub says: &'static str,
}

const ANY: &[Check] = &[
    Check::None,
    Check::Address,
    Check::Claimed,
    Check::Secret,
    Check::Token,
    Check::Key,
    Check::Kernel,
    Check::Opaque,
    Check::Public,
];
const WEAK: &[Strength] = &[Strength::Declared, Strength::Presented];
const FIRM: &[Strength] = &[Strength::Demanded, Strength::Enforced];

/// The flow rules. The first that matches decides; the last matches everything.
pub const FLOW_RULES: &[FlowRule] = &[
    FlowRule {
        id: "flow.refused",
        version: 1,
        outcome: Outcome::Refused,
        checks: ANY,
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Refused,
        says: "The network or the receiver refused the flow.",
    },
    FlowRule {
        id: "flow.no-proof",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::None, Check::Address, Check::Claimed],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::LocationTrusted,
        says: "The receiver served, and no proof of the caller's identity was observed.",
    },
    FlowRule {
        id: "flow.decorative-credential",
        version: 2,
        outcome: Outcome::Served,
        checks: &[Check::Secret, Check::Token, Check::Key],
        strengths: WEAK,
        served_without_proof: Some(true),
        verdict: Verdict::LocationTrusted,
        says: "The caller volunteered a credential, and the listener served the same to others without any.",
    },
    FlowRule {
        id: "flow.presented",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::Secret, Check::Token, Check::Key],
        strengths: WEAK,
        served_without_proof: Some(false),
        verdict: Verdict::Unproven,
        says: "The caller presented a credential, and nothing shows that the receiver looks at it.",
    },
    FlowRule {
        id: "flow.secret",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::Secret],
        strengths: FIRM,
        served_without_proof: None,
        verdict: Verdict::SecretChecked,
        says: "The receiver asked for a shared secret, or refused others who lacked it, and then served.",
    },
    FlowRule {
        id: "flow.identity",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::Token, Check::Key],
        strengths: FIRM,
        served_without_proof: None,
        verdict: Verdict::IdentityChecked,
        says: "The receiver asked for a key or short-lived token, or refused others who lacked it, and then served.",
    },
    FlowRule {
        id: "flow.kernel",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::Kernel],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::IdentityChecked,
        says: "The kernel vouched for the caller: the receiver read its credentials, or the socket file lets just one user write.",
    },
    FlowRule {
        id: "flow.kernel-unread",
        version: 1,
        outcome: Outcome::Unknown,
        checks: &[Check::Kernel],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::IdentityChecked,
        says: "The kernel vouched for the caller; what was said on the connection could not be read.",
    },
    FlowRule {
        id: "flow.one-way",
        version: 1,
        outcome: Outcome::Unknown,
        checks: &[Check::None, Check::Claimed],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::LocationTrusted,
        says: "The protocol has no answers: whoever can reach the receiver may send, and no acceptance can be observed.",
    },
    FlowRule {
        id: "flow.presented-undecided",
        version: 1,
        outcome: Outcome::Unknown,
        checks: &[Check::Secret, Check::Token, Check::Key],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Unproven,
        says: "The caller presented a credential, and no decision on it was seen.",
    },
    FlowRule {
        id: "flow.admitted",
        version: 1,
        outcome: Outcome::Admitted,
        checks: &[Check::Token, Check::Key],
        strengths: FIRM,
        served_without_proof: None,
        verdict: Verdict::IdentityChecked,
        says: "The receiver asked for a key, the caller proved that it holds one, and the receiver finished the handshake; what it served then is inside.",
    },
    FlowRule {
        id: "flow.admitted-by-secret",
        version: 1,
        outcome: Outcome::Admitted,
        checks: &[Check::Secret],
        strengths: FIRM,
        served_without_proof: None,
        verdict: Verdict::SecretChecked,
        says: "The handshake rests on a secret that both sides hold, and the receiver finished it; what it served then is inside.",
    },
    FlowRule {
        id: "flow.admitted-presented",
        version: 1,
        outcome: Outcome::Admitted,
        checks: &[Check::Secret, Check::Token, Check::Key],
        strengths: WEAK,
        served_without_proof: None,
        verdict: Verdict::Unproven,
        says: "The caller proved that it holds a key, and nothing shows whether the receiver knows that key's owner.",
    },
    FlowRule {
        id: "flow.admitted-unread",
        version: 1,
        outcome: Outcome::Admitted,
        checks: ANY,
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Opaque,
        says: "The receiver finished a handshake; what it checked could not be read.",
    },
    FlowRule {
        id: "flow.public",
        version: 1,
        outcome: Outcome::Served,
        checks: &[Check::Public],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Public,
        says: "Every operation served is anonymous by design of its protocol.",
    },
    FlowRule {
        id: "flow.public-unanswered",
        version: 1,
        outcome: Outcome::Unknown,
        checks: &[Check::Public],
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Public,
        says: "What was asked for is anonymous by design of its protocol; no answer was seen.",
    },
    FlowRule {
        id: "flow.nothing-asked",
        version: 1,
        outcome: Outcome::Idle,
        checks: ANY,
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Opaque,
        says: "Nothing was asked and nothing answered: silence is neither service nor refusal.",
    },
    FlowRule {
        id: "flow.opaque",
        version: 1,
        outcome: Outcome::Unknown,
        checks: ANY,
        strengths: &[],
        served_without_proof: None,
        verdict: Verdict::Opaque,
        says: "The layer that would carry the caller's identity could not be read from the first byte on.",
    },
];

/// The rule that decides about flows of `class` on a listener with this contrast, and what it gives.
#[must_use]
pub fn judge(class: FlowClass, contrast: &impl Contrasting) -> (Judgement, Option<&'static FlowRule>) {
    let contrast = contrast.about(class);
    let check = match (class.outcome, class.check) {
        // The same request served to one place and refused to another: the address decides (requirements 3.3).
        (Outcome::Served, Check::None) if contrast.refused_place > 0 => Check::Address,
        (_, check) => check,
    };
    let strength = contrast.strength(check, class.asked);
    let without_proof = contrast.served_without_proof > 0;
    let rule = FLOW_RULES.iter().find(|rule| {
        rule.outcome == class.outcome
            && rule.checks.contains(&check)
            && (rule.strengths.is_empty() || strength.is_some_and(|it| rule.strengths.contains(&it)))
            && rule.served_without_proof.is_none_or(|wanted| wanted == without_proof)
    });
    // A class that no rule names (served, yet opaque) can't be told: opaque.
    let verdict = rule.map_or(Verdict::Opaque, |rule| rule.verdict);
    (Judgement { check, strength, verdict }, rule)
}

/// One row of the edge rules, in the order of requirements 3.4 and decision 10.
#[derive(PartialEq, Eq, Debug)]
pub struct EdgeRule {
    /// Stable id.
    pub id: &'static str,
    /// Raised when the meaning changes.
    pub version: u16,
    /// What it gives.
    pub verdict: Verdict,
    /// When, in one sentence.
    pub says: &'static str,
}

/// The edge rules. The first that matches decides.
pub const EDGE_RULES: &[EdgeRule] = &[
    EdgeRule {
        id: "edge.refused",
        version: 1,
        verdict: Verdict::Refused,
        says: "There was at least one flow, and every flow was refused.",
    },
    EdgeRule {
        id: "edge.location-trusted",
        version: 1,
        verdict: Verdict::LocationTrusted,
        says: "At least one flow was served with no proof of identity, or with a credential that this listener does not need.",
    },
    EdgeRule {
        id: "edge.opaque",
        version: 1,
        verdict: Verdict::Opaque,
        says: "Else at least one flow could not be read.",
    },
    EdgeRule {
        id: "edge.unproven",
        version: 1,
        verdict: Verdict::Unproven,
        says: "Else at least one flow presented a credential that nothing shows to be looked at.",
    },
    EdgeRule {
        id: "edge.secret-checked",
        version: 1,
        verdict: Verdict::SecretChecked,
        says: "Else at least one flow stood on a shared secret that the receiver asked for or insists on.",
    },
    EdgeRule {
        id: "edge.identity-checked",
        version: 1,
        verdict: Verdict::IdentityChecked,
        says: "Else every served flow stood on a key, a short-lived token or the kernel's word.",
    },
    EdgeRule {
        id: "edge.public",
        version: 1,
        verdict: Verdict::Public,
        says: "Every served flow was anonymous by design of its protocol.",
    },
];

/// The edge rule that gives this verdict.
#[must_use]
pub fn edge_rule(verdict: Verdict) -> Option<&'static EdgeRule> {
    EDGE_RULES.iter().find(|rule| rule.verdict == verdict)
}

/// The verdict of an edge with these flows on a listener with this contrast; `None` while no flow was judged.
///
/// Flows that asked nothing decide only where there is nothing else, public ones only beside refused and idle ones.
/// A flow that was joined late and is over yields to any flow that was seen from the start and served: the
/// connection that could not be judged is gone, its successor was judged.
#[must_use]
pub fn edge_verdict(
    flows: impl Iterator<Item = (FlowClass, u64)> + Clone,
    contrast: &impl Contrasting,
) -> Option<Judgement> {
    let judged = flows.filter(|(_, count)| *count > 0).map(|(class, _)| (class, judge(class, contrast).0));
    let succeeded = judged.clone().any(|(class, it)| {
        class.late == Late::No
            && (class.outcome == Outcome::Served && it.verdict != Verdict::Public
                || class.outcome == Outcome::Admitted && it.verdict.comforts())
    });
    judged
        .filter(|(class, _)| !(succeeded && class.late == Late::Over))
        .min_by_key(|(class, it)| (weight(*class, it), it.verdict.rank(), it.check, it.strength))
        .map(|(_, it)| it)
}

/// Which flows decide before which: those that show something, then public ones, then those that asked nothing,
/// then refused ones.
fn weight(class: FlowClass, it: &Judgement) -> u8 {
    match (class.outcome, it.verdict) {
        (Outcome::Refused, _) => 3,
        (Outcome::Idle, _) => 2,
        (_, Verdict::Public) => 1,
        (Outcome::Served | Outcome::Unknown | Outcome::Admitted, _) => 0,
    }
}
