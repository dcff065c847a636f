//! The kernel's side of observation: probes what this kernel allows, loads and attaches the eBPF programs, reads
//! their rings, counts what was lost. The only crate that knows aya.
//!
//! ```text
//! programs ──CONTROL──▶ ring ─┐
//!          ──PAYLOAD──▶ ring ─┴▶ decode (core::wire) ▶ order by time ▶ join early payload ▶ events
//! ```

mod accessor;
mod btf;
mod cgroup;
mod clock;
mod early;
mod error;
mod library;
mod missed;
mod object;
mod offsets;
mod order;
mod program;
mod report;
mod ring;
mod sensor;
mod tracefs;
mod unix_names;

pub use error::SensorError;
pub use library::{LibraryReport, library_outlook};
pub use report::{ProgramCost, ProgramReport, ProgramState, probe, verified_instructions};
pub use sensor::{Options, Sensor};
