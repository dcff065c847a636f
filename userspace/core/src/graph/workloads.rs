//! The workloads of the graph, numbered in the order in which they appeared.

use std::collections::HashMap;

use jiff::Timestamp;

use super::changes::Changes;
use super::{AgentStatus, Workload};
use crate::id::WorkloadId;

/// A workload and what belongs to it.
#[derive(Debug)]
pub(crate) struct WorkloadEntry {
    pub(crate) value: Workload,
    /// Numbers of its listeners.
    pub(crate) listeners: Vec<u32>,
}

/// All workloads.
#[derive(Debug, Default)]
pub(crate) struct Workloads {
    pub(crate) entries: Vec<WorkloadEntry>,
    by_id: HashMap<WorkloadId, u32>,
    pub(crate) changes: Changes,
}

impl Workloads {
    pub(crate) fn get(&self, number: u32) -> Option<&WorkloadEntry> {
        self.entries.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut WorkloadEntry> {
        self.entries.get_mut(number as usize)
    }

    /// The number of a workload, which is added if it is new; `None` when there is no room.
    pub(crate) fn number(&mut self, workload: Workload, most: usize) -> Option<u32> {
        if let Some(number) = self.by_id.get(&workload.id).copied() {
            if let Some(known) = self.entries.get_mut(number as usize) {
                known.value.renew(workload);
                self.changes.soon(number);
            }
            return Some(number);
        }
        let number = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < most)?;
        self.by_id.insert(workload.id.clone(), number);
        self.entries.push(WorkloadEntry { value: workload, listeners: Vec::new() });
        self.changes.now(number);
        Some(number)
    }

    pub(crate) fn find(&self, id: &WorkloadId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// It was seen at work.
    pub(crate) fn touch(&mut self, number: u32, at: Timestamp) {
        if let Some(known) = self.entries.get_mut(number as usize)
            && known.value.last < at
        {
            known.value.last = at;
            self.changes.soon(number);
        }
    }
}

impl Workload {
    /// Takes over what a later look says: a namespace may be numbered anew after a restart, a name be found.
    fn renew(&mut self, later: Self) {
        let Self { id: _, host: _, name: _, exe, argv, unit: _, container: _, pod, uid: _, .. } = later;
        self.exe = self.exe.take().or(exe);
        if self.argv.is_empty() {
            self.argv = argv;
        }
        if later.agent != AgentStatus::No {
            self.agent = later.agent;
            for reason in later.agent_reasons {
                if !self.agent_reasons.contains(&reason) {
                    self.agent_reasons.push(reason);
                }
            }
            self.agent_root = later.agent_root.or_else(|| self.agent_root.take());
        }
        self.pod = self.pod.take().or(pod);
        self.netns = later.netns.or(self.netns);
        self.netns_name = later.netns_name.or_else(|| self.netns_name.take());
        self.last = self.last.max(later.last);
    }
}
