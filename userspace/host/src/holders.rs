//! Which processes hold which sockets, by /proc/PID/fd.

use std::collections::HashMap;
use std::fs;
use std::io;

use tierzero_core::id::ProcessKey;

use crate::process::bracketed;

/// Sockets by inode, with the processes that have them open.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    by_inode: HashMap<u64, Vec<ProcessKey>>,
    /// Processes whose descriptors may not be read.
    pub(crate) hidden: usize,
}

impl Holders {
    /// Looks at every descriptor of `processes`.
    pub(crate) fn read(processes: impl Iterator<Item = ProcessKey>) -> Self {
        let mut holders = Self::default();
        for process in processes {
            holders.add(process);
        }
        for held in holders.by_inode.values_mut() {
            held.sort_unstable();
            held.dedup();
        }
        holders
    }

    fn add(&mut self, process: ProcessKey) {
        let folder = format!("/proc/{}/fd", process.pid);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.hidden += usize::from(error.kind() == io::ErrorKind::PermissionDenied);
                return;
            }
        };
        for entry in entries.flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            if let Some(inode) = target.to_str().and_then(|target| bracketed(target, "socket")) {
                self.by_inode.entry(inode).or_default().push(process);
            }
        }
    }

    /// Who holds this socket. Nobody holds inode 0: the socket waits for accept(2), or was closed.
    pub(crate) fn of(&self, inode: u64) -> Vec<ProcessKey> {
        if inode == 0 { Vec::new() } else { self.by_inode.get(&inode).cloned().unwrap_or_default() }
    }
}
