//! Pure core of tierzero: events in, a judged graph out.
//!
//! ```text
//! Event ─▶ flow (which connection, which ends) ─▶ evidence (what the bytes show)
//!       ─▶ verdict (what the receiver checked) ─▶ graph (callers, listeners, edges) ─▶ Delta
//! ```
//!
//! No clock, file, socket, thread or environment is read here: time arrives with each event. The same events give
//! the same graph, byte for byte. Read [`pipeline`] first.
#![forbid(unsafe_code)]

pub mod drill;
pub mod event;
pub mod evidence;
pub mod finding;
pub mod fingerprint;
pub mod flow;
pub mod graph;
pub mod id;
pub mod pipeline;
pub mod subject;
pub mod verdict;
pub mod wire;
