//! The memory: the graph, its witnesses and the times between runs, in one SQLite file. Nothing else knows SQL.
//!
//! **What a kill costs.** [`Store::apply`] returns after the commit is in the write-ahead log. `kill -9` of the
//! observer loses nothing that `apply` had returned for, because the log's bytes belong to the operating system by
//! then (`synchronous=NORMAL`, <https://www.sqlite.org/pragma.html#pragma_synchronous>). Loss of power may cost the
//! commits since the last checkpoint (at most about 4 MB of log, or the time since [`Store::begin_session`]); the
//! file stays sound either way. Syncing each commit would make the host's disks pay for our memory.
//!
//! **What is bounded.** Flows are witnesses, not an archive: the latest [`Limits::flows_per_edge`] of each edge are
//! kept and, after [`Store::retain`], at most [`Limits::flows`] in all and none older than asked. Hosts, workloads,
//! listeners and edges are the graph and are kept.
//!
//! **What is trusted.** Nothing in the file: a foreign, newer, damaged or unreadable file is an error of its own
//! kind with a hint, and no file is ever deleted or moved.
#![forbid(unsafe_code)]

mod apply;
mod decide;
mod error;
mod installation_key;
mod migrate;
mod open;
mod place;
mod read;
mod retain;
mod session;

pub use error::StoreError;
pub use place::Place;

use std::fs::File;

/// How many flows are kept as witnesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Latest flows kept of one edge. Flows that count for no edge are kept as if of one edge.
    pub flows_per_edge: u32,
    /// Flows kept in all; enforced by [`Store::retain`].
    pub flows: u32,
    /// Flows that one call of [`Store::retain`] deletes at most.
    pub removed_per_call: u32,
}

impl Default for Limits {
    /// 1000 of an edge, 50,000 in all (about 75 MB), 5,000 deleted a call.
    fn default() -> Self {
        Self { flows_per_edge: 1_000, flows: 50_000, removed_per_call: 5_000 }
    }
}

/// The stored graph.
#[derive(Debug)]
pub struct Store {
    connection: rusqlite::Connection,
    place: Place,
    limits: Limits,
    /// The running session and the lock that it holds, once begun.
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    number: i64,
    /// Held, not read: the kernel lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

impl Store {
    /// Where it is kept.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Changes how many flows are kept.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
}
