//! A graph with one of everything.

use tierzero_core::evidence::{Principal, PrincipalKind};
use tierzero_core::graph::{CoverageSummary, DegradedInterval, Snapshot, Workload};
use tierzero_core::id::WorkloadId;
use tierzero_core::verdict::Verdict;

use crate::graph_values;
pub(crate) use crate::graph_values::{
    accepted, agent, at, drill, edge, finding, flow, holder, host, listener, relay, unix_listener, workload,
    wrap,
};

/// What was not seen, with a time in which nothing ran.
pub(crate) fn coverage() -> CoverageSummary {
    CoverageSummary {
        blind: vec![DegradedInterval { from: at(4), to: at(5), reason: "not running".to_owned() }],
        ..graph_values::coverage()
    }
}

/// One of everything, in order of id.
pub(crate) fn snapshot() -> Snapshot {
    let (caller, receiver) = (workload("caller-1"), workload("redis"));
    let peer = Workload {
        host: None,
        exe: None,
        uid: None,
        netns: None,
        netns_name: None,
        ..workload("198.51.100.7")
    };
    let mut snapshot = Snapshot {
        window: Some((at(0), at(10))),
        hosts: vec![host()],
        coverage: coverage(),
        listeners: vec![listener(&receiver), unix_listener(&receiver)],
        agents: vec![agent(&caller)],
        findings: vec![finding()],
        decisions: vec![accepted()],
        drills: vec![drill()],
        workloads: vec![caller, receiver, peer],
        edges: (1..=7).map(|number| edge(number, number)).collect(),
        holders: vec![
            holder(None),
            holder(Some(Principal { kind: PrincipalKind::User, name: "<b>\"n".to_owned() })),
        ],
        relays: vec![relay()],
        wraps: vec![wrap(&[("w-1", "sleep")])],
    };
    let verdicts = [
        Verdict::Refused,
        Verdict::LocationTrusted,
        Verdict::Opaque,
        Verdict::Unproven,
        Verdict::SecretChecked,
        Verdict::IdentityChecked,
        Verdict::Public,
    ];
    for (edge, verdict) in snapshot.edges.iter_mut().zip(verdicts) {
        edge.verdict = verdict;
        edge.caller = WorkloadId::derive(&["caller-1"]);
    }
    snapshot.workloads.sort_by(|a, b| a.id.cmp(&b.id));
    snapshot.listeners.sort_by(|a, b| a.id.cmp(&b.id));
    snapshot.edges.sort_by(|a, b| a.id.cmp(&b.id));
    snapshot.holders.sort_by(|a, b| a.id.cmp(&b.id));
    snapshot
}
