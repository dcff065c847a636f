//! Who calls whom: workloads, listeners, edges.
//!
//! The values here are what the store keeps and the exports show; [`crate::pipeline`] makes them.

mod model;

pub use model::{
    AgentStatus, CoverageSummary, CredentialSighting, DegradedInterval, Delta, Edge, EdgeEnds, EvidenceLine,
    Flow, FlowGroup, Host, Listener, ListenerClass, PrincipalSighting, ProcessCount, Snapshot, Transport, VerdictChange,
    Workload,
};
