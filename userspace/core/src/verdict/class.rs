//! What one flow comes to, before what other flows on the same listener showed is brought to bear.

use serde::{Deserialize, Serialize};

use super::{Check, Operations, Served, Strength, Verdict};

/// How a flow ended, or how it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The receiver granted service.
    Served,
    /// The network or the receiver refused.
    Refused,
    /// Whether it was served can't be seen.
    Unknown,
    /// The receiver finished a handshake that rests on the caller's proof; what it served then can't be seen.
    Admitted,
    /// Nothing was asked: never answered, or opened and closed without a byte.
    Idle,
}

/// Whether observation began after the flow did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// No: seen from the start.
    No,
    /// Yes, and it is still open.
    Open,
    /// Yes, and it is over: it yields to what was seen from the start since.
    Over,
}

/// One flow in the few words that its verdict needs. Flows of one class are counted, not kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FlowClass {
    /// How it ended.
    pub outcome: Outcome,
    /// Check of its weakest served operation; `opaque` where that is not known.
    pub check: Check,
    /// True when the receiver asked for that proof on this very flow.
    pub asked: bool,
    /// Joined late?
    pub late: Late,
    /// Operations for which it volunteered its proof, where the protocol tells them apart.
    #[serde(default, skip_serializing_if = "Operations::is_empty")]
    pub operations: Operations,
    /// True when the calling process descends from an agent's root process, and is not that one itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descendant: bool,
}

impl FlowClass {
    /// Seen from the start; nothing asked.
    #[must_use]
    pub fn new(outcome: Outcome, check: Check) -> Self {
        Self {
            outcome,
            check,
            asked: false,
            late: Late::No,
            operations: Operations::default(),
            descendant: false,
        }
    }

    /// Joined late: nothing can be said about it, whatever is seen of it now.
    #[must_use]
    pub fn joined_late(late: Late) -> Self {
        Self { late, ..Self::new(Outcome::Unknown, Check::Opaque) }
    }

    /// Whether the receiver granted service.
    #[must_use]
    pub fn served(self) -> Served {
        match self.outcome {
            Outcome::Served => Served::Yes,
            Outcome::Refused | Outcome::Idle => Served::No,
            Outcome::Unknown | Outcome::Admitted => Served::Unknown,
        }
    }

    /// True for a flow that got service with nothing that proves who called.
    #[must_use]
    pub fn served_without_proof(self) -> bool {
        self.outcome == Outcome::Served && matches!(self.check, Check::None | Check::Address | Check::Claimed)
    }
}

/// What a flow of a class means on its listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Check.
    pub check: Check,
    /// Strength, where there is something to be strong.
    pub strength: Option<Strength>,
    /// Verdict.
    pub verdict: Verdict,
}
