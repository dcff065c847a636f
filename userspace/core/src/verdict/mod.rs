//! What the receiver checked: observations of a flow become its check, strength and verdict; flows become the edge's.
//!
//! The meanings are those of the requirements' sections 3.3, 3.4 and 7. False comfort is the worst error: when in
//! doubt, `opaque` or `unproven`.

use serde::{Deserialize, Serialize};

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
