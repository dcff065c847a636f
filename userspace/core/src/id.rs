//! Names of things that stay the same over restarts, and names of kernel objects that live as long as the boot.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

macro_rules! stable_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Derives the id from the parts that identify the thing. The same parts give the same id on every run.
            #[must_use]
            pub fn derive(parts: &[&str]) -> Self {
                Self(format!(concat!($prefix, "{}"), short_digest($prefix, parts)))
            }

            /// Takes an id as stored or typed; no check of its form is needed because an unknown id finds nothing.
            #[must_use]
            pub fn from_stored(text: &str) -> Self {
                Self(text.to_owned())
            }

            /// The id as text, for example `w-3f2a90bc11d2e47a`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

stable_id!(
    /// A host: derived from its machine id, never the machine id itself (machine-id(5) asks for that).
    HostId, "h-");
stable_id!(
    /// A workload: what runs at one end of an edge.
    WorkloadId, "w-");
stable_id!(
    /// A listener: where a workload can be called.
    ListenerId, "l-");
stable_id!(
    /// An edge: one caller workload to one listener.
    EdgeId, "e-");
stable_id!(
    /// A holder of credentials: a name, or a nameless caller, at one listener.
    HolderId, "p-");
stable_id!(
    /// A finding: its type and its cause.
    FindingId, "f-");
stable_id!(
    /// A drill: an attempt that an operator was handed.
    DrillId, "d-");
stable_id!(
    /// A relay: one edge into a workload and one out of it.
    RelayId, "r-");
stable_id!(
    /// A bridge: an agent, how it gets there, over which first edge, and the listener at the end.
    BridgeId, "b-");
stable_id!(
    /// A wrap: a proxy's listener in front of a backend's.
    WrapId, "x-");

/// 64 bits of SHA-256 over length-prefixed parts: 16 hex digits. At 1,000,000 ids the chance that any two collide
/// is about 3 in 10^8.
fn short_digest(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A process of this boot. A pid alone is reused; a pid with its start time is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Thread group id as the initial pid namespace numbers it.
    pub pid: u32,
    /// Start after boot in clock ticks of 10 ms: `task_struct::start_boottime` as /proc/PID/stat field 22 shows it
    /// (fs/proc/array.c, `nsec_to_clock_t`), so that kernel records and /proc agree.
    pub start_ticks: u64,
}

impl ProcessKey {
    /// From the kernel's `start_boottime` in nanoseconds.
    #[must_use]
    pub fn from_boot_ns(pid: u32, start_boottime_ns: u64) -> Self {
        Self { pid, start_ticks: start_boottime_ns / 10_000_000 }
    }
}

/// One end of a flow as the kernel names it. Unique while the host is up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKey {
    /// A TCP socket, by its socket cookie (`sock_gen_cookie`; sock_diag shows the same number).
    Tcp {
        /// Socket cookie.
        cookie: u64,
    },
    /// A UDP socket and one of its peers.
    Udp {
        /// Socket cookie.
        cookie: u64,
        /// The peer of this flow.
        peer: std::net::SocketAddr,
    },
    /// A Unix stream socket, by a number that is unique while the socket lives.
    Unix {
        /// Socket number: the inode where it came from a snapshot, else one made by the sensor.
        socket: u64,
    },
    /// Both ends of a flow read from a capture file: there is no socket.
    Capture {
        /// Number of the flow in its file.
        flow: u64,
        /// True for UDP.
        #[serde(default)]
        udp: bool,
    },
}

impl EndKey {
    /// True for an end of a UDP flow.
    #[must_use]
    pub fn is_udp(self) -> bool {
        matches!(self, Self::Udp { .. } | Self::Capture { udp: true, .. })
    }
}

/// A network namespace, by its inode number (`/proc/PID/ns/net`). Reused after the namespace ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Netns(pub u32);
