//! Who calls whom: workloads, listeners, edges.
//!
//! The values here are what the store keeps and the exports show; [`crate::pipeline`] makes them.

mod agent_tree;
mod agents;
mod changes;
mod coverage;
mod edges;
mod holder;
mod holders;
mod labels;
mod life;
mod listeners;
mod model;
mod relay;
pub mod routes;
mod standing;
pub mod tier0;
mod whole;
mod workloads;
mod wrap;

pub use agent_tree::{AgentMember, AgentTree, Boundary, Crossing};
pub use holder::{HeldCredential, Holder, MOST_CREDENTIALS};
pub use labels::{Label, Labels};
pub use life::{CredentialLife, Expiry, Lifetime, Rotation};
pub use model::{
    AgentStatus, CoverageSummary, CredentialSighting, DegradedInterval, Delta, Edge, EdgeEnds, EvidenceLine,
    Flow, FlowGroup, Host, Listener, ListenerClass, PrincipalSighting, ProcessCount, Snapshot, Transport,
    VerdictChange, Workload,
};
pub use relay::{Coincidence, HopStrength, LEAST_REQUESTS, Relay, SIGNIFICANCE, ToolUse};
pub use standing::{MOST_NAMED, Stander, StandingRoom, StandingScope};
pub use wrap::{LEAST_CONNECTIONS, Wrap, WrapState};

pub(crate) use agents::{Agents, Seat};
pub(crate) use edges::{Closing, evidence_line};
pub(crate) use whole::{Called, Graph, Most, ToLookAt};
