//! Who is at each end: processes, network namespaces, workloads. Values only; what was read comes in as events.

pub mod agent;
pub mod namespaces;
pub mod processes;
pub mod redact;
pub mod workload;

pub use agent::{AgentRule, AgentRules, Decided};
pub use namespaces::Namespaces;
pub use processes::{Image, Known, Processes};
