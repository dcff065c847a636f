//! Where something listens.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::SocketFile;

/// Where a listener listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "transport", rename_all = "snake_case")]
pub enum ListenAddress {
    /// TCP address and port; an IPv4-mapped address is given as IPv4.
    Tcp {
        /// Bind address and port.
        address: SocketAddr,
    },
    /// UDP address and port.
    Udp {
        /// Bind address and port.
        address: SocketAddr,
    },
    /// Unix stream socket.
    Unix {
        /// Path, or `@name` in the abstract namespace.
        path: String,
        /// Owner and mode of the socket file, if read.
        file: Option<SocketFile>,
    },
}

impl std::fmt::Display for ListenAddress {
    /// `127.0.0.1:6379`, `[::]:53/udp`, `/run/x.sock`. A path is what its owner made it: escape it wherever it is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { address } => write!(f, "{address}"),
            Self::Udp { address } => write!(f, "{address}/udp"),
            Self::Unix { path, file: _ } => f.write_str(path),
        }
    }
}
