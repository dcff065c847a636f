//! How much a finding weighs.

use serde::{Deserialize, Serialize};

/// Severity, the lightest first (requirements 3.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known. All that stands on a suspected agent is no more than this.
    Low,
    /// To be planned for.
    Medium,
    /// To be looked at now.
    High,
}

impl Severity {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
