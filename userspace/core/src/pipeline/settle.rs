//! A flow finds its edge, and counts there as what it comes to.

use jiff::Timestamp;

use super::Pipeline;
use crate::event::Role;
use crate::evidence::{Principal, PrincipalKind, kernel};
use crate::flow::state::{Attached, FlowState};
use crate::graph::{Called, EdgeEnds, Flow, PrincipalSighting, Transport, evidence_line};
use crate::id::ProcessKey;
use crate::verdict::{Check, FlowClass, Judgement, Late, Outcome, Strength, judge};

impl Pipeline {
    /// Looks at a flow anew after anything about it changed.
    pub(super) fn settle(&mut self, slot: u32, at: Timestamp) {
        let Some(flow) = self.flows.get(slot) else { return };
        if flow.attached.is_none() && !flow.unplaced && self.is_ready(flow) && self.attach(slot, at).is_none()
        {
            // No room, and counted as such.
            if let Some(flow) = self.flows.get_mut(slot) {
                flow.unplaced = true;
            }
        }
        let Some(flow) = self.flows.get(slot) else { return };
        let (Some(attached), Some(class)) = (flow.attached, flow.class()) else { return };
        let class = FlowClass { descendant: attached.descendant, ..class };
        let class = self.by_operation(slot, attached, class);
        let Some(flow) = self.flows.get(slot) else { return };
        if !is_decisive(flow, class) || attached.class == Some(class) && !flow.over {
            return;
        }
        let changed = attached.class != Some(class);
        self.tell_edge(slot, attached, at);
        self.tell_holders(slot, at);
        if !changed {
            return;
        }
        if let Some(flow) = self.flows.get_mut(slot)
            && let Some(attached) = &mut flow.attached
        {
            attached.class = Some(class);
        }
        self.graph.reclass(attached.edge, attached.class, class, at);
        self.look_for_model(slot, class);
        let opaque = |class: FlowClass| class.check == Check::Opaque && class.outcome == Outcome::Unknown;
        let coverage = &mut self.graph.coverage.opaque_flows;
        match (attached.class.is_some_and(opaque), opaque(class)) {
            (false, true) => *coverage += 1,
            (true, false) => *coverage = coverage.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
        self.graph.coverage_changed(false);
        if self.flows.get(slot).is_some_and(|flow| !flow.over) {
            self.show_flow(slot, false);
        }
    }

    /// The class of a flow, with the operations for which it volunteered its proof.
    fn by_operation(&mut self, slot: u32, attached: Attached, class: FlowClass) -> FlowClass {
        let Some(flow) = self.flows.get(slot) else { return class };
        let proved = class.outcome == Outcome::Served
            && matches!(class.check, Check::Secret | Check::Token | Check::Key)
            && flow.unix.is_none();
        match &flow.ledger {
            Some(ledger) if proved => {
                let place = (attached.edge, attached.listener);
                self.graph.with_operations(place, class, ledger.volunteered())
            }
            Some(_) | None => class,
        }
    }

    /// True when both ends are known as well as they will be, or there is no time left to wait.
    fn is_ready(&self, flow: &FlowState) -> bool {
        let known = |key: Option<ProcessKey>| key.is_some_and(|key| self.processes.get(key).is_some());
        if flow.waited || flow.over {
            return true;
        }
        let caller = flow.originator.as_ref().is_some_and(|end| known(end.process));
        let receiver = match &flow.responder {
            Some(end) if known(end.process) => true,
            Some(end) => end.at.is_some_and(|at| {
                let udp = flow.transport == Transport::Udp;
                let place =
                    self.listening.find(at.netns, at.local, udp).and_then(|it| self.listening.get(it));
                place.is_some_and(|it| {
                    it.listener.is_some() || it.processes.iter().any(|key| known(Some(*key)))
                })
            }),
            None => false,
        };
        match (caller, receiver) {
            (true, true) => true,
            // The other host's end will never be seen. Where a caller leaves, a translation may still say otherwise.
            (false, true) => flow.originator.is_none() && self.leaves_host(flow),
            (true | false, false) => false,
        }
    }

    fn attach(&mut self, slot: u32, at: Timestamp) -> Option<()> {
        let (caller, receiver) = (self.caller(slot, at)?, self.receiver(slot, at)?);
        let flow = self.flows.get(slot)?;
        let ends = match (&flow.originator, &flow.responder) {
            (Some(_), None) => EdgeEnds::CallerOnly,
            (None, Some(_)) => EdgeEnds::ReceiverOnly,
            (Some(_), Some(_)) | (None, None) => EdgeEnds::Both,
        };
        let image = flow
            .originator
            .as_ref()
            .and_then(|end| end.process)
            .and_then(|key| self.processes.get(key))
            .map(|it| it.image.clone());
        let called = Called {
            caller: caller.number,
            listener: receiver.number,
            transport: flow.transport,
            ends,
            inferred: flow.inferred,
            late: flow.joined_late,
            exe: image.as_ref().and_then(|it| it.exe.as_deref()),
            from: flow.first,
        };
        let process = flow.originator.as_ref().and_then(|end| end.process);
        let from = flow.first;
        let member = process.and_then(|key| self.processes.get(key)).and_then(|it| it.member);
        let edge = self.graph.begin(&called)?;
        if let Some(member) = member {
            self.graph.agents.called(member.tree, receiver.number, from);
        }
        let coverage = &mut self.graph.coverage;
        coverage.flows += 1;
        coverage.unattributed_flows += u64::from(caller.unattributed || receiver.unattributed);
        self.graph.coverage_changed(false);
        let flow = self.flows.get_mut(slot)?;
        flow.attached = Some(Attached {
            edge,
            listener: receiver.number,
            caller: caller.number,
            descendant: member.is_some_and(|it| !it.root),
            class: None,
        });
        let owed = flow.owed.take();
        self.relays.placed(slot);
        if let Some(owed) = owed {
            self.graph.contrast(receiver.number, &owed, at);
        }
        Some(())
    }

    /// Credentials that were presented, and what became of them, go to their holders.
    pub(super) fn tell_holders(&mut self, slot: u32, at: Timestamp) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let Some(Attached { listener, caller, .. }) = flow.attached else { return };
        let operations = match &mut flow.ledger {
            Some(ledger) if flow.unix.is_none() => ledger.take_operations(),
            Some(_) | None => Vec::new(),
        };
        let presented = flow.ledger.as_mut().map(|ledger| ledger.take_presented()).unwrap_or_default();
        if !operations.is_empty() {
            self.graph.operations(listener, &operations, at);
        }
        if !presented.is_empty() {
            self.graph.hold((caller, listener), std::iter::empty(), &presented, at);
        }
    }

    /// Names, credentials and evidence of a flow go to its edge.
    fn tell_edge(&mut self, slot: u32, attached: Attached, at: Timestamp) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        cite_kernel(flow);
        let Some(flow) = self.flows.get(slot) else { return };
        let vouched = self.vouched_for(flow);
        let Some(edge) = self.graph.edges.get_mut(attached.edge) else { return };
        if let Some(principal) = &vouched {
            // The kernel's word is demanded by definition: see `Contrast::strength`.
            edge.name(principal, Some((Check::Kernel, true)));
        }
        let names: Vec<_> = match &flow.ledger {
            Some(ledger) => ledger.names().iter().map(|name| (&name.principal, name.accepted)).collect(),
            None => Vec::new(),
        };
        let vouched = vouched.as_ref().map(|principal| (principal, Some((Check::Kernel, true))));
        let held = names.iter().copied().chain(vouched);
        self.graph.hold((attached.caller, attached.listener), held, &[], at);
        let Some(edge) = self.graph.edges.get_mut(attached.edge) else { return };
        let Some(ledger) = &flow.ledger else { return };
        edge.cite(ledger.rules());
        for (principal, accepted) in names {
            edge.name(principal, accepted);
        }
        for credential in ledger.credentials() {
            edge.credential(credential, at);
        }
        let protocol = ledger.protocol().map(crate::evidence::Protocol::as_str);
        if let Some(protocol) = protocol {
            edge.protocol(protocol);
        }
        let lost = std::mem::take(&mut edge.lost);
        self.graph.lose("user-edge-details", lost);
        self.graph.listeners.touch(attached.listener, at, protocol);
        self.graph.edges.changes.soon(attached.edge);
    }

    /// The uid that the kernel vouched for.
    fn vouched_for(&self, flow: &FlowState) -> Option<Principal> {
        let recorded = flow.ledger.as_ref().and_then(|it| it.vouched()).map(|(uid, _)| uid);
        let caller =
            flow.originator.as_ref().and_then(|end| end.process).and_then(|key| self.processes.get(key));
        let uid = match flow.setting().vouched {
            Some(_) => recorded.or(caller.map(|it| it.uid)),
            None => recorded,
        }?;
        Some(Principal { kind: PrincipalKind::Uid, name: uid.to_string() })
    }

    /// The flow as it stands goes out with this step.
    pub(super) fn show_flow(&mut self, slot: u32, closed: bool) {
        let Some(flow) = self.flows.get(slot) else { return };
        let attached = flow.attached;
        let contrasts = attached.map(|it| self.graph.listeners.contrasts(it.listener)).unwrap_or_default();
        let class = flow.class().unwrap_or(FlowClass::new(Outcome::Unknown, Check::Opaque));
        let class = attached.map_or(class, |attached| {
            self.by_operation(slot, attached, FlowClass { descendant: attached.descendant, ..class })
        });
        let Some(flow) = self.flows.get(slot) else { return };
        let (Judgement { check, strength, verdict }, _) = judge(class, &contrasts);
        let contrast = contrasts.whole;
        // The verdict stays `opaque`; beside it the flow says which check the sizes suggest, by a rule marked `inferred`.
        let inferred = flow.ledger.as_ref().and_then(|it| it.inferred()).filter(|_| check == Check::Opaque);
        let check = inferred.unwrap_or(check);
        let mut principals = Vec::new();
        let mut evidence = Vec::new();
        if let Some(ledger) = &flow.ledger {
            principals.extend(ledger.names().iter().map(|name| {
                PrincipalSighting {
                    principal: name.principal.clone(),
                    verified: name
                        .accepted
                        .and_then(|(check, asked)| contrast.strength(check, asked))
                        .is_some_and(|it| it >= Strength::Demanded),
                }
            }));
            evidence.extend(ledger.rules().iter().map(|rule| evidence_line(rule)));
        }
        if let Some(principal) = self.vouched_for(flow) {
            principals.push(PrincipalSighting { principal, verified: true });
        }
        principals.sort_unstable();
        principals.dedup();
        let (sent, received) = flow.bytes();
        let shown = Flow {
            number: flow.number,
            originator: self.address_text(flow, Role::Originator),
            responder: self.address_text(flow, Role::Responder),
            transport: flow.transport,
            protocol: flow.ledger.as_ref().and_then(|it| it.protocol()).map(|it| it.as_str().to_owned()),
            application: flow
                .ledger
                .as_ref()
                .and_then(|it| it.application())
                .map(|it| it.as_str().to_owned()),
            check,
            strength,
            verdict,
            served: class.served(),
            joined_late: class.late != Late::No,
            gap: flow.ledger.as_ref().is_some_and(|it| it.gap()),
            principals,
            evidence,
            caller: flow
                .attached
                .and_then(|it| self.graph.workloads.get(it.caller))
                .map(|it| it.value.id.clone()),
            caller_pid: flow.originator.as_ref().and_then(|end| end.process).map(|it| it.pid),
            listener: flow
                .attached
                .and_then(|it| self.graph.listeners.get(it.listener))
                .map(|it| it.value.id.clone()),
            receiver_pid: flow.responder.as_ref().and_then(|end| end.process).map(|it| it.pid),
            edge: flow.attached.and_then(|it| self.graph.edges.get(it.edge)).map(|it| it.id().clone()),
            from: flow.first,
            to: flow.last,
            bytes_sent: sent.unwrap_or(0),
            bytes_received: received.unwrap_or(0),
            closed,
        };
        // The last judgement within a step stands.
        match self.changed_flows.iter_mut().find(|it| it.number == shown.number) {
            Some(known) => *known = shown,
            None => self.changed_flows.push(shown),
        }
    }

    /// An end as text: its address, as its own side saw it where that side was seen.
    fn address_text(&self, flow: &FlowState, role: Role) -> String {
        if let Some(call) = &flow.unix {
            return match role {
                Role::Originator => flow
                    .attached
                    .and_then(|it| self.graph.workloads.get(it.caller))
                    .map_or_else(String::new, |it| it.value.name.clone()),
                Role::Responder => call.path.clone(),
            };
        }
        let own = flow.end(role).and_then(|end| end.at).map(|at| at.local);
        let other = flow.end(role.other()).and_then(|end| end.at).map(|at| at.remote);
        own.or(other).map_or_else(String::new, |it| it.to_string())
    }
}

/// Whether what a flow comes to counts already. Service over TCP does at once; what may still turn out otherwise
/// (a first refusal before the right password, a Unix receiver that has yet to look) waits.
fn is_decisive(flow: &FlowState, class: FlowClass) -> bool {
    flow.over
        || flow.waited
        || class.late != Late::No
        || matches!(class.outcome, Outcome::Served | Outcome::Admitted) && flow.transport != Transport::Unix
}

/// What the kernel shows has its rules too.
fn cite_kernel(flow: &mut FlowState) {
    if flow.joined_late {
        flow.ledger.get_or_insert_default().cite(&kernel::JOINED_LATE);
    }
    if flow.unix.as_ref().is_some_and(|unix| unix.single_user()) && !flow.looked {
        flow.ledger.get_or_insert_default().cite(&kernel::SINGLE_UID_SOCKET);
    }
}
