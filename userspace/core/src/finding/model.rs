//! A finding, as the observer keeps it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FindingType, Severity};
use crate::id::{EdgeId, FindingId, HolderId, HostId, ListenerId, WorkloadId};

/// Most edges named in one finding; its count goes on.
pub const MOST_EDGES: usize = 64;
/// Most turns kept of one finding: the latest.
pub const MOST_TURNS: usize = 64;

/// Where a caller sits, seen from the listener. Another class among a finding's callers is a material change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallerClass {
    /// In the listener's own network namespace.
    SameNamespace,
    /// In another namespace of this host.
    OtherNamespace,
    /// On another host.
    OtherHost,
    /// An agent, wherever it sits.
    Agent,
    /// Not known.
    Unknown,
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A workload.
    Workload(WorkloadId),
    /// A listener.
    Listener(ListenerId),
    /// An edge.
    Edge(EdgeId),
    /// A name at a listener, or a nameless caller's credentials.
    Principal(HolderId),
    /// The host that observes.
    Host(HostId),
}

impl Subject {
    /// Its id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Workload(id) => id.as_str(),
            Self::Listener(id) => id.as_str(),
            Self::Edge(id) => id.as_str(),
            Self::Principal(id) => id.as_str(),
            Self::Host(id) => id.as_str(),
        }
    }
}

/// One finding: one cause, counted. Written by the observer from evidence alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id: of the type and the cause, so that it is the same after a restart.
    pub id: FindingId,
    /// Type.
    #[serde(rename = "type")]
    pub kind: FindingType,
    /// Severity as of the evidence.
    pub severity: Severity,
    /// What it is about, the cause first.
    pub subjects: Vec<Subject>,
    /// How often: flows, or what `says` counts.
    pub count: u64,
    /// First evidence.
    pub first: Timestamp,
    /// Last evidence.
    pub last: Timestamp,
    /// Edges it rests on, in order of id; at most [`MOST_EDGES`].
    pub edges: Vec<FoundOn>,
    /// Classes of the callers behind it.
    pub callers: BTreeSet<CallerClass>,
    /// In one sentence, with names.
    pub says: String,
    /// What evidence did to it since, oldest first; at most [`MOST_TURNS`].
    pub turns: Vec<Turn>,
}

/// What one edge adds to a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundOn {
    /// Edge.
    pub edge: EdgeId,
    /// How often.
    pub count: u64,
}

/// A turn that evidence gave to a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Turn {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: TurnKind,
    /// Why, in one sentence.
    pub why: String,
}

/// Kinds of turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TurnKind {
    /// The evidence became materially weaker: a weaker verdict, another class of caller, another agent.
    Weaker,
    /// Positive evidence ended it. Silence never does.
    Ended,
    /// It was seen again after its end.
    Again,
}

impl Finding {
    /// When positive evidence ended it, and why, if that stands.
    #[must_use]
    pub fn ended(&self) -> Option<&Turn> {
        let decisive = |turn: &&Turn| turn.kind != TurnKind::Weaker;
        self.turns.iter().rfind(decisive).filter(|turn| turn.kind == TurnKind::Ended)
    }

    /// Evidence gave it a turn.
    pub fn turn(&mut self, at: Timestamp, kind: TurnKind, why: impl Into<String>) {
        if self.turns.len() >= MOST_TURNS {
            self.turns.remove(0);
        }
        self.turns.push(Turn { at, kind, why: why.into() });
    }
}
