//! The graph as a snapshot, and the graph again from a stored one.

use super::{CoverageSummary, EdgeEntry, Graph, Snapshot};

impl Graph {
    /// The graph as it stands, everything in order of id.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut hosts = self.hosts.clone();
        let mut workloads = self.workloads.entries.iter().map(|it| it.value.clone()).collect::<Vec<_>>();
        let numbers = (0..self.listeners.entries.len()).filter_map(|it| u32::try_from(it).ok());
        let mut listeners = numbers.filter_map(|it| self.render_listener(it)).collect::<Vec<_>>();
        let mut edges = self.edges.entries.iter().map(|it| self.render_edge(it)).collect::<Vec<_>>();
        hosts.sort_by(|a, b| a.id.cmp(&b.id));
        workloads.sort_by(|a, b| a.id.cmp(&b.id));
        listeners.sort_by(|a, b| a.id.cmp(&b.id));
        edges.sort_by(|a, b| a.id.cmp(&b.id));
        let numbers = (0..self.holders.entries.len()).filter_map(|it| u32::try_from(it).ok());
        let mut holders = numbers.filter_map(|it| self.render_holder(it)).collect::<Vec<_>>();
        holders.sort_by(|a, b| a.id.cmp(&b.id));
        let coverage = self.coverage.clone();
        Snapshot {
            window: self.window,
            hosts,
            coverage,
            workloads,
            listeners,
            edges,
            holders,
            agents: self.agents.all(),
            relays: Vec::new(),
            wraps: Vec::new(),
            findings: Vec::new(),
            decisions: Vec::new(),
            drills: Vec::new(),
        }
    }

    /// Goes on from a stored graph. What was degraded then may not be now: it is reported anew.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) {
        let Snapshot { window, hosts, coverage, workloads, listeners, edges, holders, agents, .. } = snapshot;
        self.window = *window;
        self.hosts.clone_from(hosts);
        self.coverage = CoverageSummary { degraded: Vec::new(), ..coverage.clone() };
        for workload in workloads {
            self.workload(workload.clone());
        }
        for listener in listeners {
            let Some(owner) = self.workloads.find(&listener.workload) else { continue };
            let Some((number, _)) = self.listeners.number(listener.clone(), owner, self.most.listeners)
            else {
                self.lose("user-listener-table", 1);
                continue;
            };
            if let Some(owner) = self.workloads.get_mut(owner) {
                owner.listeners.push(number);
            }
        }
        for edge in edges {
            let ends = (self.workloads.find(&edge.caller), self.listeners.find(&edge.listener));
            let (Some(caller), Some(listener)) = ends else { continue };
            let entry = EdgeEntry::restored(edge, caller, listener);
            let verdict = entry.verdict();
            let Some(number) = self.edges.add(entry, self.most.edges) else {
                self.lose("user-edge-table", 1);
                continue;
            };
            if let Some(entry) = self.listeners.get_mut(listener) {
                entry.edges.push(number);
            }
            if let Some(verdict) = verdict {
                self.tally(listener, None, verdict);
            }
        }
        self.agents.restore(agents);
        for holder in holders {
            let Some(listener) = self.listeners.find(&holder.listener) else { continue };
            if !self.holders.restore(holder, listener) {
                self.lose("user-holder-table", 1);
            }
        }
        // What came from the store need not go back there.
        let mut known = Vec::new();
        self.take_soon(&mut known);
        self.class_anew();
    }
}
