//! What the receiver checked: observations of a flow become its check, strength and verdict; flows become the edge's.
//!
//! The meanings are those of the requirements' sections 3.3, 3.4 and 7. False comfort is the worst error: when in
//! doubt, `opaque` or `unproven`.

use serde::{Deserialize, Serialize};

mod attack;
mod class;
mod contrast;
mod explain;
mod inherited;
mod ledger;
mod names;
mod operations;
mod presented;
mod revision;
pub mod rules;
mod setting;
mod standing;

pub use attack::{Attack, Cell, Ends, Friction, Front, Resistance, Standing, grid, path_grid};
pub use class::{FlowClass, Judgement, Late, Outcome};
pub use contrast::{Contrast, KindContrast, ProofKind};
pub use explain::{not_seen, what_would_change};
pub use inherited::Inherited;
pub use ledger::Ledger;
pub use names::NameUsed;
pub use operations::{Contrasting, Contrasts, OperationContrast, Operations};
pub use presented::{Decision, Presented};
pub use revision::Revision;
pub use rules::{
    EDGE_RULES, EdgeRule, FLOW_RULES, FlowRule, RULE_TABLE_VERSION, edge_rule, edge_verdict, judge,
};
pub use setting::{Reach, Setting};

/// What the receiver did about the caller's identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// Served, with no proof of identity on the wire.
    None,
    /// Served because of the source address.
    Address,
    /// The caller named itself; nothing proves it.
    Claimed,
    /// Password, key string, long-lived bearer.
    Secret,
    /// Bearer with a lifetime within the short-lived limit.
    Token,
    /// Private-key or Kerberos proof.
    Key,
    /// The kernel's word.
    Kernel,
    /// Can't tell.
    Opaque,
    /// Anonymous by design of the operation.
    Public,
}

/// How sure it is that the receiver insists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// An operator says so.
    Declared,
    /// The caller volunteered it; no sign that anybody looks.
    Presented,
    /// The receiver asked on this flow, then served.
    Demanded,
    /// This listener refused someone who lacked the proof.
    Enforced,
}

/// Flow and edge verdicts, weakest first by [`Verdict::rank`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every try was refused.
    Refused,
    /// Served for no reason other than where the caller sits.
    LocationTrusted,
    /// Can't tell.
    Opaque,
    /// A credential was presented and nothing shows that it is looked at.
    Unproven,
    /// A shared secret was checked.
    SecretChecked,
    /// A key, short-lived token or the kernel's word was checked.
    IdentityChecked,
    /// Anonymous by design.
    Public,
}

impl Verdict {
    /// All, in the order of [`Verdict::rank`].
    pub const ALL: [Self; 7] = [
        Self::LocationTrusted,
        Self::Opaque,
        Self::Unproven,
        Self::SecretChecked,
        Self::IdentityChecked,
        Self::Public,
        Self::Refused,
    ];

    /// Order in which a flow decides over its edge, the weakest first: `location-trusted` 0 to `identity-checked` 4
    /// (requirements 3.4); `public` 5 and `refused` 6 decide only where nothing else was seen.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::LocationTrusted => 0,
            Self::Opaque => 1,
            Self::Unproven => 2,
            Self::SecretChecked => 3,
            Self::IdentityChecked => 4,
            Self::Public => 5,
            Self::Refused => 6,
        }
    }

    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::LocationTrusted => "location-trusted",
            Self::Opaque => "opaque",
            Self::Unproven => "unproven",
            Self::SecretChecked => "secret-checked",
            Self::IdentityChecked => "identity-checked",
            Self::Public => "public",
        }
    }

    /// True when the word tells a reader that a check was seen: where a mistake would be false comfort.
    #[must_use]
    pub fn comforts(self) -> bool {
        matches!(self, Self::SecretChecked | Self::IdentityChecked)
    }
}

/// Whether the receiver granted service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Served {
    /// Yes.
    Yes,
    /// No: refused, or never established.
    No,
    /// Not visible.
    Unknown,
}
