//! The host, behind one value.

use std::fs;
use std::net::IpAddr;

use jiff::Timestamp;
use tierzero_core::event::{Degradation, Event};

use crate::error::HostError;
use crate::mounts::Cgroup2;
use crate::snapshot::Picture;

/// This host, with what is remembered of it between questions.
#[derive(Debug)]
pub struct Host {
    cgroup2: Option<Cgroup2>,
    addresses: Vec<IpAddr>,
}

impl Host {
    /// Opens the host.
    ///
    /// # Errors
    /// /proc is not there.
    pub fn new() -> Result<Self, HostError> {
        fs::metadata("/proc/self/stat").map_err(HostError::NoProc)?;
        Ok(Self { cgroup2: Cgroup2::find(), addresses: Vec::new() })
    }

    /// All processes, network namespaces with their addresses, listeners, and connections already open, from every
    /// network namespace of the host; and what of it could not be read.
    pub fn snapshot(&mut self, now: Timestamp) -> (Vec<Event>, Vec<Degradation>) {
        if let Some(cgroup2) = &self.cgroup2 {
            cgroup2.forget();
        }
        let picture = Picture::take(self.cgroup2.as_ref());
        self.addresses = picture.addresses();
        let events = picture.events(now);
        (events, picture.degraded.into_iter().collect())
    }

    /// All addresses of all network namespaces, as of the last snapshot.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }
}
