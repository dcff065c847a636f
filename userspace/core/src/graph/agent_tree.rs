//! An agent and what belongs to it: its processes, where their lineage ends, how fast it calls.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AgentStatus;
use crate::id::WorkloadId;

/// An agent's tree: its root processes and all that descends from them, until a boundary.
///
/// Everything counts what was observed, so each number is "at least".
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentTree {
    /// The agent's workload: that of its root processes.
    pub root: WorkloadId,
    /// Name: the rule's for a declared agent, the workload's for a suspected one.
    pub name: String,
    /// Declared or suspected.
    pub status: AgentStatus,
    /// Why it counts as an agent.
    pub reasons: Vec<String>,
    /// Root processes seen.
    pub instances: u64,
    /// Programs that ran in the tree, the most frequent first.
    pub members: Vec<AgentMember>,
    /// Descendants that began: forks by members of the tree.
    pub born: u64,
    /// Descendants that ended.
    pub ended: u64,
    /// Median life of the latest ended descendants (at most 1,024), in milliseconds.
    pub median_life_ms: Option<u64>,
    /// Where lineage ended, by kind of boundary: what was started beyond it is not of the tree.
    pub crossings: Vec<Crossing>,
    /// Flows whose caller was of the tree.
    pub flows: u64,
    /// Most flows that began within one second of the wall clock.
    pub peak_per_s: u64,
    /// The second in which that was.
    pub peak_at: Option<Timestamp>,
    /// Most distinct listeners called within one minute of the wall clock.
    pub listeners_per_min: u64,
    /// The minute in which that was.
    pub listeners_at: Option<Timestamp>,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
}

/// A program of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgentMember {
    /// Script, or path of the program.
    pub program: String,
    /// Declared or suspected for roots, inherited for descendants.
    pub status: AgentStatus,
    /// Processes that ran it last.
    pub count: u64,
}

/// How often lineage ended at one kind of boundary.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crossing {
    /// What ended it.
    pub boundary: Boundary,
    /// How often.
    pub count: u64,
}

/// What ends lineage: whatever it starts runs on behalf of something else than its parent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Boundary {
    /// A systemd unit: one that was started (systemctl, systemd-run), or in which a descendant was found.
    Systemd,
    /// sudo.
    Sudo,
    /// su or runuser.
    Su,
    /// doas.
    Doas,
    /// pkexec.
    Pkexec,
    /// cron, or a crontab that was changed.
    Cron,
    /// at or batch.
    At,
}

impl Boundary {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
            Self::Pkexec => "pkexec",
            Self::Cron => "cron",
            Self::At => "at",
        }
    }
}
