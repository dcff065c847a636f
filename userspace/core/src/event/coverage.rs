//! What is not seen, as events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is not seen. Loss and blindness travel the same pipe as events and reach every report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "coverage", rename_all = "snake_case")]
pub enum Coverage {
    /// Events that a full buffer or table dropped since the last such event, by place.
    Lost {
        /// Where: a name of `tierzero_maps::place`.
        place: String,
        /// How many.
        count: u64,
    },
    /// A time in which nothing was seen.
    Blind {
        /// From.
        from: Timestamp,
        /// To.
        to: Timestamp,
        /// Why.
        reason: String,
    },
    /// Something this kernel, these privileges or this configuration does not allow.
    Degraded(Degradation),
}

/// A named degradation: what is not there, what is therefore not seen, what to do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Degradation {
    /// Short name, stable: `no-ebpf`, `no-unix-payload`, ...
    pub name: String,
    /// What is therefore not seen, in one sentence.
    pub loses: String,
    /// What the kernel or system said, if it said anything.
    pub because: String,
    /// What the operator can do, in one sentence; empty where nothing can be done.
    pub remedy: String,
}
