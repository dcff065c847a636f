//! Who is at each end: processes, lineage, workloads. Values only.

pub mod redact;
