//! Values to store.

use tierzero_core::graph::{Delta, Edge};

use crate::graph_values;
pub(crate) use crate::graph_values::{
    accepted, agent, at, coverage, drill, finding, flow, holder, host, listener, unix_listener, workload,
};

/// An edge whose credential says no end.
pub(crate) fn edge(caller: u64, flows: u64) -> Edge {
    let mut edge = graph_values::edge(caller, flows);
    for shown in &mut edge.credentials {
        shown.credential.not_after = None;
    }
    edge
}

/// One of everything.
pub(crate) fn graph() -> Vec<Delta> {
    let (caller, receiver) = (workload("caller-1"), workload("redis"));
    vec![
        Delta::Host(host()),
        Delta::Listener(listener(&receiver)),
        Delta::Listener(unix_listener(&receiver)),
        Delta::Workload(caller),
        Delta::Workload(receiver),
        Delta::Edge(edge(1, 1)),
        Delta::Holder(holder(None)),
        Delta::Agent(agent(&workload("redis"))),
        Delta::Relay(graph_values::relay()),
        Delta::Wrap(graph_values::wrap(&[])),
        Delta::Flow(flow(1, Some(&edge(1, 1)), at(5))),
        Delta::Finding(finding()),
        Delta::Coverage(coverage()),
        Delta::Edge(edge(1, 2)),
    ]
}
