//! A proxy in front of a backend, and whether anyone can go around it.

use serde::{Deserialize, Serialize};

use super::StandingRoom;
use crate::id::{ListenerId, WorkloadId, WrapId};

/// Fewest connections in front that went on to the backend one by one before a workload counts as its wrap.
pub const LEAST_CONNECTIONS: u64 = 3;

/// Whether a wrap can be gone around, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrapState {
    /// As observed: nobody else was served by the backend, and no other observed workload stands where it could be.
    Sealed,
    /// Someone else stands where the backend would serve it, or observation had gaps.
    Leaky,
    /// Someone else was served.
    Bypassed,
}

impl WrapState {
    /// As written in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Leaky => "leaky",
            Self::Bypassed => "bypassed",
        }
    }
}

/// A workload that accepts on a front listener and hands each connection on to a backend.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Wrap {
    /// Stable id.
    pub id: WrapId,
    /// Who stands in front.
    pub proxy: WorkloadId,
    /// Where it is called.
    pub front: ListenerId,
    /// What is behind it.
    pub backend: ListenerId,
    /// Whether it can be gone around. Only while it is `sealed` does the front's check count for what is behind.
    pub state: WrapState,
    /// Why that state, with what was not seen.
    pub why: String,
    /// Connections in front that went on to the backend, one by one, and fit in time and bytes.
    pub matched: u64,
    /// Who stands where the backend would serve it.
    pub standing_room: StandingRoom,
    /// Workloads other than the proxy that the backend served, in order of id.
    pub bypassed_by: Vec<WorkloadId>,
}

impl Wrap {
    /// Id of the wrap of a backend behind a front.
    #[must_use]
    pub fn id_of(front: &ListenerId, backend: &ListenerId) -> WrapId {
        WrapId::derive(&[front.as_str(), backend.as_str()])
    }

    /// True while the front's check counts for what is behind.
    #[must_use]
    pub fn front_counts(&self) -> bool {
        self.state == WrapState::Sealed
    }
}
