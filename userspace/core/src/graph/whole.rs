//! The graph as it grows: workloads, listeners and edges by number, and what of it has to be handed out.

mod listener_class;
mod stored;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::edges::{EdgeEntry, Edges};
use super::holders::{Holders, Sign};
use super::listeners::{Listeners, new_listener};
use super::workloads::Workloads;
use super::{Agents, CoverageSummary, Delta, EdgeEnds, Holder, Host, Labels, Snapshot, Transport, Workload};
use crate::event::ListenAddress;
use crate::evidence::Principal;
use crate::fingerprint::Fingerprint;
use crate::verdict::{
    Check, Contrast, Contrasts, FlowClass, OperationContrast, Operations, Presented, Revision, Verdict,
};

/// Most of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) workloads: usize,
    pub(crate) listeners: usize,
    pub(crate) edges: usize,
}

/// A flow that begins to count for an edge.
#[derive(Debug)]
pub(crate) struct Called<'a> {
    pub(crate) caller: u32,
    pub(crate) listener: u32,
    pub(crate) transport: Transport,
    pub(crate) ends: EdgeEnds,
    pub(crate) inferred: bool,
    pub(crate) late: bool,
    pub(crate) exe: Option<&'a str>,
    pub(crate) from: Timestamp,
}

/// Edges, listeners and holders that changed in what findings depend on. A step decides it, never a tick: a log that is
/// replayed has other ticks.
#[derive(Debug, Default)]
pub(crate) struct ToLookAt {
    pub(crate) listeners: BTreeSet<u32>,
    pub(crate) edges: BTreeSet<u32>,
    pub(crate) holders: BTreeSet<u32>,
}

/// The whole graph.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) hosts: Vec<Host>,
    pub(crate) workloads: Workloads,
    pub(crate) listeners: Listeners,
    pub(crate) edges: Edges,
    holders: Holders,
    pub(crate) agents: Agents,
    short_lived_s: u64,
    pub(crate) labels: Labels,
    pub(crate) coverage: CoverageSummary,
    window: Option<(Timestamp, Timestamp)>,
    most: Most,
    /// What findings have to be looked for on at the end of this step, by number.
    to_look_at: ToLookAt,
    /// An edge, its verdict or an agent's status is new.
    shape_changed: bool,
    host_changed: bool,
    coverage_now: bool,
    coverage_soon: bool,
}

impl Graph {
    pub(crate) fn new(most: Most, short_lived_s: u64) -> Self {
        Self {
            hosts: Vec::new(),
            workloads: Workloads::default(),
            listeners: Listeners::default(),
            edges: Edges::default(),
            holders: Holders::default(),
            agents: Agents::default(),
            short_lived_s,
            labels: Labels::default(),
            coverage: CoverageSummary::default(),
            window: None,
            most,
            to_look_at: ToLookAt::default(),
            shape_changed: false,
            host_changed: false,
            coverage_now: false,
            coverage_soon: false,
        }
    }

    /// Something was observed at `at`.
    pub(crate) fn seen_at(&mut self, at: Timestamp) {
        self.window = Some(self.window.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
    }

    pub(crate) fn host(&mut self, host: Host) {
        match self.hosts.iter_mut().find(|it| it.id == host.id) {
            Some(known) => *known = host,
            None => self.hosts.push(host),
        }
        self.host_changed = true;
    }

    pub(crate) fn lose(&mut self, place: &str, count: u64) {
        if count > 0 {
            self.coverage.lose(place, count);
            self.coverage_soon = true;
        }
    }

    pub(crate) fn coverage_changed(&mut self, at_once: bool) {
        self.coverage_now |= at_once;
        self.coverage_soon = true;
    }

    /// The number of a workload; counts as lost when there is no room.
    pub(crate) fn workload(&mut self, workload: Workload) -> Option<u32> {
        let agent = |graph: &Self, number: u32| graph.workloads.get(number).map(|it| it.value.agent);
        let before = self.workloads.find(&workload.id).and_then(|number| agent(self, number));
        let number = self.workloads.number(workload, self.most.workloads);
        match number {
            None => self.lose("user-workload-table", 1),
            // What it called before counts as an agent's now.
            Some(number) if before.is_some() && before != agent(self, number) => {
                self.to_look_at.edges.extend(self.edges.of(number));
                self.shape_changed = true;
            }
            Some(_) => {}
        }
        number
    }

    /// The number of the listener of `workload` at `at`.
    pub(crate) fn listener(
        &mut self,
        workload: u32,
        at: ListenAddress,
        netns: &str,
        joined_late: bool,
        now: Timestamp,
    ) -> Option<u32> {
        let owner = &self.workloads.get(workload)?.value.id;
        let listener = new_listener(owner, at, netns, joined_late, now);
        let Some((number, new)) = self.listeners.number(listener, workload, self.most.listeners) else {
            self.lose("user-listener-table", 1);
            return None;
        };
        if new && let Some(owner) = self.workloads.get_mut(workload) {
            owner.listeners.push(number);
        }
        Some(number)
    }

    /// A flow begins to count; gives the number of its edge.
    pub(crate) fn begin(&mut self, called: &Called<'_>) -> Option<u32> {
        let Called { caller, listener, transport, ends, inferred, late, exe, from } = *called;
        let number = match self.edges.between(caller, listener) {
            Some(number) => number,
            None => self.add_edge(called)?,
        };
        self.edges.get_mut(number)?.begin(from, ends, inferred, late, exe);
        self.edges.changes.soon(number);
        self.workloads.touch(caller, from);
        self.listeners.touch(listener, from, None);
        let owner = self.listeners.get(listener)?.workload;
        self.workloads.touch(owner, from);
        let _ = transport;
        Some(number)
    }

    fn add_edge(&mut self, called: &Called<'_>) -> Option<u32> {
        let caller = &self.workloads.get(called.caller)?.value.id;
        let listener = &self.listeners.get(called.listener)?.value.id;
        let entry = EdgeEntry::new(
            (called.caller, caller),
            (called.listener, listener),
            called.transport,
            called.ends,
            called.from,
        );
        let Some(number) = self.edges.add(entry, self.most.edges) else {
            self.lose("user-edge-table", 1);
            return None;
        };
        self.listeners.get_mut(called.listener)?.edges.push(number);
        self.shape_changed = true;
        Some(number)
    }

    /// A flow that counted as `old` counts as `new`.
    pub(crate) fn reclass(&mut self, edge: u32, old: Option<FlowClass>, new: FlowClass, at: Timestamp) {
        let Some(entry) = self.edges.get_mut(edge) else { return };
        let listener = entry.listener;
        let changed = entry.reclass(old, new);
        self.to_look_at.edges.insert(edge);
        self.edges.changes.soon(edge);
        if new.served_without_proof() && !old.is_some_and(FlowClass::served_without_proof) {
            let showed = Contrast { served_without_proof: 1, ..Contrast::default() };
            if self.contrast(listener, &showed, at) {
                return;
            }
        }
        if changed {
            self.judge(edge, at, Revision::Flow);
        }
    }

    /// Adds what a flow showed about the listener; all of its edges are judged anew where that matters. Returns true
    /// when it did.
    pub(crate) fn contrast(&mut self, listener: u32, showed: &Contrast, at: Timestamp) -> bool {
        let Some(entry) = self.listeners.get_mut(listener) else { return false };
        let before = entry.value.contrast;
        entry.value.contrast.add(showed);
        let matters = before.signs() != entry.value.contrast.signs();
        let why = Revision::between(&before, &entry.value.contrast).unwrap_or(Revision::Flow);
        let edges = if matters { entry.edges.clone() } else { Vec::new() };
        self.listeners.changes.soon(listener);
        self.to_look_at.listeners.insert(listener);
        if matters {
            for edge in edges {
                self.to_look_at.edges.insert(edge);
                self.judge(edge, at, why);
                self.edges.changes.soon(edge);
            }
            self.listeners.changes.now(listener);
        }
        matters
    }

    /// Adds what a flow showed about single operations of the listener.
    pub(crate) fn operations(&mut self, listener: u32, showed: &[OperationContrast], at: Timestamp) {
        let Some(entry) = self.listeners.get_mut(listener) else { return };
        let known = &mut entry.value.operations;
        let mut why = None;
        for OperationContrast { operation, contrast } in showed {
            let index = Contrasts::index(known, operation);
            let Some(it) = known.get_mut(index) else { continue };
            let before = it.contrast;
            it.contrast.add(contrast);
            why = why.or_else(|| Revision::between(&before, &it.contrast));
        }
        let edges = if why.is_some() { entry.edges.clone() } else { Vec::new() };
        self.listeners.changes.soon(listener);
        self.to_look_at.listeners.insert(listener);
        for edge in edges {
            self.to_look_at.edges.insert(edge);
            self.judge(edge, at, why.unwrap_or(Revision::Flow));
            self.edges.changes.soon(edge);
        }
    }

    /// The class with the operations of `listener` for which the flow volunteered its proof.
    pub(crate) fn with_operations<'a>(
        &mut self,
        (edge, listener): (u32, u32),
        class: FlowClass,
        (operations, others): (impl Iterator<Item = &'a Fingerprint>, bool),
    ) -> FlowClass {
        let Some(entry) = self.listeners.get_mut(listener) else { return class };
        let mut marked = Contrasts::mark(&mut entry.value.operations, operations);
        if others {
            marked.insert_other();
        }
        let class = FlowClass { operations: marked, ..class };
        let full = self.edges.get(edge).is_some_and(|edge| edge.has_no_room_for(class));
        if full && !marked.is_empty() { FlowClass { operations: Operations::OTHER, ..class } } else { class }
    }

    fn judge(&mut self, edge: u32, at: Timestamp, why: Revision) {
        let Some(entry) = self.edges.get_mut(edge) else { return };
        let listener = entry.listener;
        let contrast = self.listeners.contrasts(listener);
        let Some(entry) = self.edges.get_mut(edge) else { return };
        let Some((before, now)) = entry.judge(&contrast, at, why) else { return };
        self.edges.changes.now(edge);
        self.shape_changed = true;
        self.tally(listener, before, now);
    }

    fn tally(&mut self, listener: u32, before: Option<Verdict>, now: Verdict) {
        let Some(entry) = self.listeners.get_mut(listener) else { return };
        let was_legacy = entry.tally_of(Verdict::LocationTrusted) > 0;
        if let Some(before) = before
            && let Some(count) = entry.tally.get_mut(usize::from(before.rank()))
        {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = entry.tally.get_mut(usize::from(now.rank())) {
            *count += 1;
        }
        let is_legacy = entry.tally_of(Verdict::LocationTrusted) > 0;
        let workload = entry.workload;
        self.listeners.changes.now(listener);
        if was_legacy != is_legacy {
            let siblings = self.workloads.get(workload).map(|it| it.listeners.clone()).unwrap_or_default();
            for sibling in siblings {
                self.listeners.changes.soon(sibling);
            }
        }
    }

    /// Whether an edge, its verdict or an agent's status is new, since the last call.
    pub(crate) fn take_shape_changed(&mut self) -> bool {
        std::mem::take(&mut self.shape_changed)
    }

    /// Changes that have to go out at the end of a step.
    pub(crate) fn take_now(&mut self, out: &mut Vec<Delta>) {
        if std::mem::take(&mut self.host_changed) {
            out.extend(self.hosts.iter().cloned().map(Delta::Host));
        }
        if std::mem::take(&mut self.coverage_now) {
            self.coverage_soon = false;
            out.push(Delta::Coverage(self.coverage.clone()));
        }
        let (workloads, listeners, edges) = (
            self.workloads.changes.take_now(),
            self.listeners.changes.take_now(),
            self.edges.changes.take_now(),
        );
        self.hand_out(&workloads, &listeners, &edges, &[], out);
    }

    /// Changes that could wait.
    pub(crate) fn take_soon(&mut self, out: &mut Vec<Delta>) {
        self.take_now(out);
        let (workloads, listeners, edges) = (
            self.workloads.changes.take_soon(),
            self.listeners.changes.take_soon(),
            self.edges.changes.take_soon(),
        );
        let holders = self.holders.changes.take_soon();
        self.hand_out(&workloads, &listeners, &edges, &holders, out);
        out.extend(self.agents.take_changed().into_iter().map(Delta::Agent));
        if std::mem::take(&mut self.coverage_soon) {
            out.push(Delta::Coverage(self.coverage.clone()));
        }
    }

    fn hand_out(
        &self,
        workloads: &[u32],
        listeners: &[u32],
        edges: &[u32],
        holders: &[u32],
        out: &mut Vec<Delta>,
    ) {
        out.extend(
            workloads
                .iter()
                .filter_map(|it| self.workloads.get(*it))
                .map(|it| Delta::Workload(it.value.clone())),
        );
        out.extend(listeners.iter().filter_map(|it| self.render_listener(*it)).map(Delta::Listener));
        out.extend(
            edges.iter().filter_map(|it| self.edges.get(*it)).map(|it| self.render_edge(it)).map(Delta::Edge),
        );
        out.extend(holders.iter().filter_map(|it| self.render_holder(*it)).map(Delta::Holder));
    }

    /// A holder as it stands.
    pub(crate) fn render_holder(&self, number: u32) -> Option<Holder> {
        let entry = self.holders.get(number)?;
        Some(entry.render(&self.listeners.contrast(entry.listener), self.short_lived_s))
    }

    /// The names that a flow used and what proof was accepted for them, and the credentials that were presented.
    pub(crate) fn hold<'a>(
        &mut self,
        (caller, listener): (u32, u32),
        names: impl Iterator<Item = (&'a Principal, Option<(Check, bool)>)>,
        presented: &[Presented],
        at: Timestamp,
    ) {
        let (Some(caller), Some(to)) = (self.workloads.get(caller), self.listeners.get(listener)) else {
            return;
        };
        let sign = Sign { listener: (listener, &to.value.id), principal: None, caller: &caller.value.id, at };
        let mut lost = 0;
        for (principal, accepted) in names {
            let known = self.holders.name(Sign { principal: Some(principal), ..sign }, accepted);
            lost += u64::from(!known);
        }
        for it in presented {
            let sign = Sign { principal: it.principal.as_ref(), at: it.at, ..sign };
            lost += u64::from(!self.holders.present(sign, it, self.short_lived_s));
        }
        self.lose("user-holder-table", lost);
    }

    /// What findings have to be looked for on.
    pub(crate) fn take_to_look_at(&mut self) -> ToLookAt {
        self.to_look_at.holders = self.holders.take_touched();
        std::mem::take(&mut self.to_look_at)
    }

    /// An edge as it stands.
    pub(crate) fn edge(&self, number: u32) -> Option<super::Edge> {
        self.edges.get(number).map(|it| self.render_edge(it))
    }

    fn render_edge(&self, entry: &EdgeEntry) -> super::Edge {
        entry.render(&self.listeners.contrasts(entry.listener))
    }
}
