//! What each agent's tree itself called, and under which identity. What lies behind is for the routes to say.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Account;
use crate::graph::{AgentStatus, AgentTree, ListenerClass, Snapshot};
use crate::id::{EdgeId, WorkloadId};
use crate::verdict::Verdict;

/// Whether what one agent does can be told from what others do, by a name that a receiver proved.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AgentIdentity {
    /// No verified name was seen.
    NotSeen,
    /// Only under names that others use too.
    Shared,
    /// At least one verified name that nobody else was seen to use.
    Distinct,
}

impl AgentIdentity {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSeen => "not-seen",
            Self::Shared => "shared",
            Self::Distinct => "distinct",
        }
    }
}

/// Listeners by class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByClass {
    /// Modern.
    pub modern: u64,
    /// Transitional.
    pub transitional: u64,
    /// Legacy.
    pub legacy: u64,
    /// Unknown.
    pub unknown: u64,
}

/// One agent's own calls.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentCalls {
    /// Its workload.
    pub root: WorkloadId,
    /// Its name.
    pub name: String,
    /// Declared or suspected.
    pub status: AgentStatus,
    /// How it can be told apart.
    pub identity: AgentIdentity,
    /// Listeners that its tree called and was not always refused by.
    pub called: ByClass,
    /// Edges of its tree, in order of id.
    pub edges: Vec<EdgeId>,
    /// The weakest verdict among them; `None` when it called nobody.
    pub weakest: Option<Verdict>,
}

/// Of every agent of a snapshot, in the snapshot's order.
#[must_use]
pub fn agent_calls(snapshot: &Snapshot, accounts: &[Account]) -> Vec<AgentCalls> {
    let classes: HashMap<_, ListenerClass> =
        snapshot.listeners.iter().map(|listener| (&listener.id, listener.class)).collect();
    let of = |tree: &AgentTree| {
        let member = |workload: &&crate::graph::Workload| {
            workload.id == tree.root || workload.agent_root.as_ref() == Some(&tree.root)
        };
        let members: HashSet<&WorkloadId> =
            snapshot.workloads.iter().filter(member).map(|workload| &workload.id).collect();
        let edges: Vec<_> = snapshot.edges.iter().filter(|edge| members.contains(&edge.caller)).collect();
        let reached: BTreeSet<_> =
            edges.iter().filter(|edge| edge.verdict != Verdict::Refused).map(|edge| &edge.listener).collect();
        let mut called = ByClass::default();
        for listener in reached {
            match classes.get(listener) {
                Some(ListenerClass::Modern) => called.modern += 1,
                Some(ListenerClass::Transitional) => called.transitional += 1,
                Some(ListenerClass::Legacy) => called.legacy += 1,
                Some(ListenerClass::Unknown) | None => called.unknown += 1,
            }
        }
        let identity = accounts
            .iter()
            .filter(|account| account.verified && account.callers.iter().any(|id| members.contains(id)))
            .map(|account| match account.callers.iter().all(|id| members.contains(id)) {
                true => AgentIdentity::Distinct,
                false => AgentIdentity::Shared,
            })
            .max()
            .unwrap_or(AgentIdentity::NotSeen);
        AgentCalls {
            root: tree.root.clone(),
            name: tree.name.clone(),
            status: tree.status,
            identity,
            called,
            weakest: edges.iter().map(|edge| edge.verdict).min_by_key(|verdict| verdict.rank()),
            edges: edges.iter().map(|edge| edge.id.clone()).collect(),
        }
    };
    snapshot.agents.iter().map(of).collect()
}
