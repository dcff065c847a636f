//! Which edges somebody has claimed (requirements R03, 3.9), by the operator's own lists. An edge that nobody claimed is
//! not malicious by that.

use std::collections::HashMap;

use serde::Serialize;

use super::callers::shown;
use super::{CallerLists, Finding, FindingType, Subject};
use crate::graph::tier0::{Owned, Terms};
use crate::graph::{Edge, Listener, Snapshot, Workload};
use crate::id::{EdgeId, FindingId, ListenerId, WorkloadId};

/// How far an edge is claimed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mapping {
    /// An end has no owner, and no list names the caller.
    Unmapped,
    /// The workloads at both ends have owners.
    Mapped,
    /// The listener's list of named callers names all that was served on it.
    Approved,
}

impl Mapping {
    /// As shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unmapped => "unmapped",
            Self::Mapped => "mapped",
            Self::Approved => "approved",
        }
    }
}

/// Whether the operator's lists claim workloads at all: without, every edge is unmapped and no finding.
#[must_use]
pub fn claims_workloads(terms: &Terms) -> bool {
    terms.owners.iter().any(|it| matches!(it.of, Owned::Workload(_)))
}

/// How far one edge is claimed.
pub(crate) fn of_edge(
    edge: &Edge,
    caller: &Workload,
    listener: &Listener,
    owner: &Workload,
    (terms, lists): (&Terms, &CallerLists),
) -> Mapping {
    let listed = lists.of(listener, &owner.name).is_some_and(|list| {
        let (proved, placed) = shown(edge);
        proved.iter().all(|it| list.identities.contains(&it.name))
            && (!placed || list.workloads.contains(&caller.name))
    });
    let owned = |workload| terms.owner_of_workload(workload, None).owner.is_some();
    match (listed, owned(caller) && owned(owner)) {
        (true, _) => Mapping::Approved,
        (false, true) => Mapping::Mapped,
        (false, false) => Mapping::Unmapped,
    }
}

/// How far each edge is claimed.
#[must_use]
pub fn mapping(snapshot: &Snapshot, terms: &Terms, lists: &CallerLists) -> HashMap<EdgeId, Mapping> {
    let workloads: HashMap<&WorkloadId, &Workload> =
        snapshot.workloads.iter().map(|it| (&it.id, it)).collect();
    let listeners: HashMap<&ListenerId, &Listener> =
        snapshot.listeners.iter().map(|it| (&it.id, it)).collect();
    let of = |edge: &Edge| {
        let listener = *listeners.get(&edge.listener)?;
        let (caller, owner) = (*workloads.get(&edge.caller)?, *workloads.get(&listener.workload)?);
        Some((edge.id.clone(), of_edge(edge, caller, listener, owner, (terms, lists))))
    };
    snapshot.edges.iter().filter_map(of).collect()
}

/// Stored findings whose edge is claimed by now.
pub(crate) fn claimed_since(terms: &Terms, lists: &CallerLists, snapshot: &Snapshot) -> Vec<FindingId> {
    let standing = |it: &&Finding| it.kind == FindingType::UnmappedEdge && it.ended().is_none();
    let found: Vec<&Finding> = snapshot.findings.iter().filter(standing).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let now = mapping(snapshot, terms, lists);
    let claimed = |it: &&&Finding| {
        let Some(Subject::Edge(id)) = it.subjects.first() else { return false };
        now.get(id).is_some_and(|it| *it != Mapping::Unmapped)
    };
    found.iter().filter(claimed).map(|it| it.id.clone()).collect()
}
