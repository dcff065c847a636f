//! What can go wrong for good. Everything else is a [`tierzero_core::event::Degradation`].

use std::io;

/// The host can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// /proc is not there or is no procfs.
    #[error("/proc can't be read: {0}")]
    NoProc(#[source] io::Error),
}

impl HostError {
    /// What the operator can do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoProc(_) => {
                "mount it (mount -t proc proc /proc), or start the container with the host's /proc"
            }
        }
    }
}
