//! Who stands where a listener would treat it as it treats its callers.

use serde::{Deserialize, Serialize};

use crate::id::WorkloadId;

/// Most workloads named for one listener; more are counted.
pub const MOST_NAMED: usize = 32;

/// What bounds the room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandingScope {
    /// The loopback of one network namespace.
    Loopback,
    /// Its network namespace, and those from which a connection to it was seen to arrive.
    #[default]
    Network,
    /// The file mode of a Unix socket.
    SocketFile,
    /// An abstract Unix name: its network namespace.
    AbstractName,
}

impl StandingScope {
    /// As written in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Network => "network",
            Self::SocketFile => "socket-file",
            Self::AbstractName => "abstract-name",
        }
    }
}

/// A workload that stands there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Stander {
    /// Which.
    pub workload: WorkloadId,
    /// Its name: it need not be in the graph, as it may never have called anyone.
    pub name: String,
}

/// Other observed workloads placed so that they would get the same trust. It is computed from the bind address,
/// namespaces and file modes, not tried; firewalls, mount namespaces and supplementary groups are not seen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StandingRoom {
    /// What bounds it.
    pub scope: StandingScope,
    /// Who stands there, in order of id, at most [`MOST_NAMED`]. A process that lived at some time since the listener
    /// was first seen stands there; the listener's own workload, its wrap and the observer don't count.
    pub workloads: Vec<Stander>,
    /// How many more.
    pub more: u64,
}

impl StandingRoom {
    /// True when nobody was observed there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workloads.is_empty() && self.more == 0
    }
}
