//! What operators decided about findings: rows that are added, never changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::FindingId;

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// About which finding.
    pub finding: FindingId,
    /// When.
    pub at: Timestamp,
    /// Who: the account that ran the command.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub verb: Verb,
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Verb {
    /// Somebody looks at it.
    Acknowledge,
    /// The risk is taken, by whom, why and until when.
    Accept {
        /// Who answers for it.
        owner: String,
        /// Why.
        reason: String,
        /// Until when.
        expires: Timestamp,
    },
    /// It is over. Without positive evidence this changes nothing: a statement resolves no finding.
    Resolve,
}

impl Verb {
    /// As the command is called.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledge => "ack",
            Self::Accept { .. } => "accept",
            Self::Resolve => "resolve",
        }
    }
}
