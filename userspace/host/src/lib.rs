//! Reads this host and speaks in the events of the core: processes, cgroups, network namespaces, sockets, address
//! translation. It knows nothing of eBPF, of the sensor, or of what is made of the events.
//!
//! ```text
//! /proc/PID ───────▶ process, cgroup ──┐
//! /proc/PID/fd ────▶ holders ──────────┤
//! sock_diag ───────▶ diag (or text) ───┼─▶ snapshot ─▶ Event
//! setns + netlink ─▶ namespace ────────┘
//! ```
//!
//! Nothing here fails because something may not be read or vanished: what is systematically missing becomes a
//! named [`tierzero_core::event::Degradation`].

mod cgroup;
mod degraded;
mod describe;
mod diag;
mod enrich;
mod error;
mod holders;
mod host;
mod mounts;
mod namespace;
mod netlink;
mod poll;
mod process;
mod roles;
mod snapshot;
mod socket;
mod socket_file;
mod text;
mod tls_library;
mod translate;

pub use describe::describe;
pub use error::HostError;
pub use host::Host;
pub use poll::Poller;
pub use tls_library::TlsLibraries;
