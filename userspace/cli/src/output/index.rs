//! A snapshot with its names at hand.

use std::collections::HashMap;

use tierzero_core::graph::{Edge, Listener, Snapshot, Workload};
use tierzero_core::id::{ListenerId, WorkloadId};

use super::words;

/// Ids are printed at least this long: `e-` and six digits.
const SHORTEST_ID: usize = 8;

/// Who and what the ids of a snapshot stand for.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    workloads: HashMap<&'a WorkloadId, &'a Workload>,
    listeners: HashMap<&'a ListenerId, &'a Listener>,
    id_length: usize,
}

impl<'a> Index<'a> {
    /// Of a snapshot.
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut ids: Vec<&str> = Vec::new();
        ids.extend(snapshot.workloads.iter().map(|workload| workload.id.as_str()));
        ids.extend(snapshot.listeners.iter().map(|listener| listener.id.as_str()));
        ids.extend(snapshot.edges.iter().map(|edge| edge.id.as_str()));
        ids.extend(snapshot.findings.iter().map(|finding| finding.id.as_str()));
        ids.sort_unstable();
        Self {
            workloads: snapshot.workloads.iter().map(|workload| (&workload.id, workload)).collect(),
            listeners: snapshot.listeners.iter().map(|listener| (&listener.id, listener)).collect(),
            id_length: unique_length(&ids),
        }
    }

    /// The workload of an id.
    pub(crate) fn workload(&self, id: &WorkloadId) -> Option<&'a Workload> {
        self.workloads.get(id).copied()
    }

    /// The listener of an id.
    pub(crate) fn listener(&self, id: &ListenerId) -> Option<&'a Listener> {
        self.listeners.get(id).copied()
    }

    /// Who calls.
    pub(crate) fn caller_name(&self, edge: &Edge) -> String {
        self.workload_name(&edge.caller)
    }

    /// Name of a workload.
    pub(crate) fn workload_name(&self, id: &WorkloadId) -> String {
        self.workload(id).map_or_else(|| id.to_string(), |workload| workload.name.clone())
    }

    /// What is called, with the name of who listens.
    pub(crate) fn listener_name(&self, id: &ListenerId) -> String {
        match self.listener(id) {
            Some(listener) => words::listener(listener, self.workload(&listener.workload)),
            None => id.to_string(),
        }
    }

    /// The shortest beginning of an id that names nothing else in the snapshot.
    pub(crate) fn short<'i>(&self, id: &'i str) -> &'i str {
        id.get(..self.id_length).unwrap_or(id)
    }
}

/// How long ids must be printed so that no two of them begin alike. `ids` in order.
fn unique_length(ids: &[&str]) -> usize {
    let shared = |pair: &[&str]| match pair {
        [a, b] => a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count() + 1,
        _ => 0,
    };
    ids.windows(2).map(shared).max().unwrap_or(0).max(SHORTEST_ID)
}

#[cfg(test)]
mod tests {
    use super::unique_length;

    #[test]
    fn short_ids_stay_unique() {
        assert_eq!(unique_length(&[]), 8);
        assert_eq!(unique_length(&["e-0000000000000000", "e-ffffffffffffffff"]), 8);
        assert_eq!(unique_length(&["e-0123456700000000", "e-0123456711111111"]), 11);
    }
}
