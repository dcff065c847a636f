//! What forbids to say that an agent is contained, whatever edges were seen.

use std::collections::HashMap;

use crate::graph::{Edge, Snapshot, Workload};
use crate::id::{Netns, WorkloadId};
use crate::verdict::Verdict;

/// Degradations after which verdicts are opaque, or findings do not arrive elsewhere, but no edge is missing.
const LEAVES_EDGES: [&str; 2] = ["tls-library", "undelivered-"];

/// Sockets were not read in the namespaces of some processes. What such a process calls later is seen all the same, so
/// that it is a doubt only where somebody in the graph stands in a place that is not known.
const UNREAD_PLACES: &str = "netns-unknown";

/// Loss, blindness and calls of unknown processes.
#[derive(Debug)]
pub(super) struct Coverage<'a> {
    lost: u64,
    blind: usize,
    degraded: Vec<&'a str>,
    /// Edges that processes called which were not identified, by network namespace.
    unknown: HashMap<Option<Netns>, u64>,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let coverage = &snapshot.coverage;
        let unknown: HashMap<&WorkloadId, Option<Netns>> =
            snapshot.workloads.iter().filter(|it| is_unknown(it)).map(|it| (&it.id, it.netns)).collect();
        let mut by_namespace = HashMap::new();
        let serves = |it: &&Edge| !matches!(it.verdict, Verdict::Refused | Verdict::Public);
        for edge in snapshot.edges.iter().filter(serves) {
            if let Some(netns) = unknown.get(&edge.caller) {
                *by_namespace.entry(*netns).or_insert(0) += 1;
            }
        }
        let placed = snapshot.workloads.iter().all(|it| it.host.is_none() || it.netns.is_some());
        Self {
            lost: coverage.lost_events,
            blind: coverage.blind.len(),
            degraded: coverage
                .degraded
                .iter()
                .map(|it| it.name.as_str())
                .filter(|it| !(placed && *it == UNREAD_PLACES))
                .filter(|it| !LEAVES_EDGES.iter().any(|name| it.starts_with(name)))
                .collect(),
            unknown: by_namespace,
        }
    }

    /// What there is for an agent's tree, in sentences.
    pub(super) fn doubts(&self, members: &[&Workload]) -> Vec<String> {
        let Self { lost, blind, degraded, unknown } = self;
        let mut doubts = Vec::new();
        if *lost > 0 {
            doubts.push(format!("{lost} event(s) were lost in the window"));
        }
        if *blind > 0 {
            doubts.push(format!("nothing was seen in {blind} interval(s) of the window"));
        }
        if !degraded.is_empty() {
            doubts.push(format!("observation was degraded: {}", degraded.join(", ")));
        }
        let mut places: Vec<Option<Netns>> = members.iter().map(|it| it.netns).collect();
        places.sort_unstable();
        places.dedup();
        let calls: u64 = places.iter().filter_map(|it| unknown.get(it)).sum();
        if calls > 0 {
            doubts.push(format!("{calls} edge(s) from its network namespace have no known caller"));
        }
        doubts
    }
}

/// A workload of this host of which nothing but the network namespace is known.
fn is_unknown(workload: &Workload) -> bool {
    let Workload { host, exe, unit, container, uid, .. } = workload;
    host.is_some() && exe.is_none() && unit.is_none() && container.is_none() && uid.is_none()
}
