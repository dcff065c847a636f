//! Events one by one: what each changes before anything is judged.

use jiff::Timestamp;

use super::Pipeline;
use super::unix::{EACCES, ECONNREFUSED, EPERM};
use crate::event::{Addresses, ConnectFailure, Coverage, Event, Role, What};
use crate::flow::state::{NeverOpen, UnixCall};
use crate::id::{EndKey, ProcessKey};

impl Pipeline {
    /// Takes one event, and says what of it may be recorded.
    pub(super) fn take(&mut self, event: Event, recordable: &mut Vec<Event>) {
        let at = event.at;
        match event.what {
            What::Payload(payload) => self.hear(at, payload, recordable),
            What::Inside(payload) => self.hear_inside(at, payload, recordable),
            What::TlsCaller(told) => self.caller_told(at, told, recordable),
            What::Started | What::Stopped => {
                self.finish_all(at, recordable);
                self.resolve_listeners(at, true);
                self.settle_all_agents(at);
                recordable.push(event);
            }
            What::Host(_)
            | What::Coverage(_)
            | What::Forked { .. }
            | What::Executed { .. }
            | What::Exited { .. }
            | What::ProcessSeen { .. }
            | What::CgroupNamed { .. }
            | What::NetnsSeen { .. } => {
                self.take_subject(at, &event.what);
                recordable.push(event);
            }
            What::AgentSign { .. } => self.recorded_sign(event, recordable),
            What::Listening(_)
            | What::ListenerClosed { .. }
            | What::Connecting { .. }
            | What::Established { .. }
            | What::ConnectFailed { .. }
            | What::Accepted { .. }
            | What::Released { .. }
            | What::AlreadyOpen { .. }
            | What::Datagrams { .. }
            | What::UnixConnected { .. }
            | What::UnixAlreadyOpen { .. }
            | What::UnixRefused { .. }
            | What::PeerCredentialsRead { .. }
            | What::Translated { .. }
            | What::Spoke { .. }
            | What::Observed { .. } => {
                // Room is made before, what the event sets free comes after, so that a replay meets the same order.
                if self.may_begin_a_flow(&event.what) {
                    self.make_room(at, recordable);
                }
                let mut after = Vec::new();
                self.take_flow(at, &event.what, &mut after);
                recordable.push(event);
                recordable.append(&mut after);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`take` sorted the events, exhaustively")]
    fn take_subject(&mut self, at: Timestamp, what: &What) {
        match what {
            What::Host(host) => {
                self.host = host.id.clone();
                self.generation += 1;
                self.unknown.clear();
                self.made.clear();
                self.graph.host(host.clone());
            }
            What::Coverage(coverage) => {
                let at_once = !matches!(coverage, Coverage::Lost { .. });
                self.graph.coverage.take(coverage.clone());
                self.graph.coverage_changed(at_once);
            }
            What::Forked { process } => {
                self.began(process, at);
                self.stands(process.key);
            }
            What::Executed { process, .. } => {
                self.processes.executed(process.clone());
                self.showed(process.key, true, at);
                self.stands(process.key);
                self.resolve_listeners(at, false);
            }
            What::ProcessSeen { process } => {
                self.processes.seen(process.clone());
                self.showed(process.key, false, at);
                self.stands(process.key);
                self.resolve_listeners(at, false);
            }
            What::Exited { process } => self.exited(*process, at),
            What::CgroupNamed { cgroup, place } => {
                self.processes.name_cgroup(*cgroup, place.clone());
                self.generation += 1;
                self.look_for_rules();
            }
            What::NetnsSeen { netns, name, addresses } => {
                let renamed = self.namespaces.seen(*netns, name.clone(), addresses.clone());
                if renamed {
                    self.generation += 1;
                    self.unknown.remove(netns);
                    self.made.clear();
                    self.look_for_rules();
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`take` sorted the events, exhaustively")]
    fn take_flow(&mut self, at: Timestamp, what: &What, after: &mut Vec<Event>) {
        match what {
            What::Listening(listening) => {
                self.listening.opened(listening.clone(), at);
                self.resolve_listeners(at, false);
            }
            What::ListenerClosed { socket } => self.listening.closed(*socket),
            What::Connecting { end, ends, process } => {
                self.end(*end, Role::Originator, ends, *process, at, after);
            }
            What::Established { end, role, ends } => {
                if let Some(slot) = self.end(*end, *role, ends, None, at, after)
                    && let Some(flow) = self.flows.get_mut(slot)
                    && flow.joined_late
                    && flow.attached.is_none()
                {
                    // The handshake was seen after all: the snapshot only came first.
                    flow.joined_late = false;
                }
            }
            What::ConnectFailed { end, why } => self.connect_failed(*end, *why, at),
            What::Accepted { end, process, ends } => {
                self.accepted(*end, *process, ends.as_ref(), at, what, after)
            }
            What::Released { end, process, bytes_sent, bytes_received } => {
                self.released(*end, *process, (*bytes_sent, *bytes_received), at);
            }
            What::AlreadyOpen { end, role, ends, processes } => {
                self.already_open(*end, *role, ends, processes, at, after);
            }
            What::Datagrams { end, ends, originator, process, sent, received } => {
                let role = if *originator { Role::Originator } else { Role::Responder };
                if let Some(slot) = self.end(*end, role, ends, *process, at, after)
                    && let Some(flow) = self.flows.get_mut(slot)
                {
                    if let Some(end) = flow.end_mut(*end) {
                        end.sent = end.sent.max(Some(sent.bytes));
                        end.received = end.received.max(Some(received.bytes));
                    }
                    flow.seen_at(at);
                }
            }
            What::UnixConnected { end, peer, process, path, netns, listener_pid, file } => {
                let call =
                    UnixCall { path: path.clone(), netns: *netns, file: *file, listener_pid: *listener_pid };
                self.unix_connected(*end, *peer, *process, call, at, after);
            }
            What::UnixAlreadyOpen { end, peer, callers, receivers, path, netns, file } => {
                let call = UnixCall { path: path.clone(), netns: *netns, file: *file, listener_pid: None };
                self.unix_already_open((*end, *peer), (callers.first(), receivers.first()), call, at);
            }
            What::UnixRefused { process, path, netns, errno } => {
                self.unix_refused(*process, path, *netns, *errno, at, after);
            }
            What::PeerCredentialsRead { end, process, by } => {
                self.credentials_read(*end, *process, *by, at, what)
            }
            What::Translated { netns, protocol, original, reply } => {
                if matches!(protocol, 6 | 17) {
                    let (near, far) = self.flows.translate(*netns, *protocol == 17, *original, *reply);
                    self.join_translated(near, far, at, after);
                }
            }
            What::Spoke { end, sent, last } => {
                if let Some(slot) = self.flows.of_end(*end)
                    && let Some(role) = self.flows.get(slot).and_then(|flow| flow.role_of(*end))
                {
                    self.spoke(slot, if *sent { role } else { role.other() }, *last, at);
                }
            }
            What::Observed { end, observations } => match self.flows.of_end(*end) {
                Some(slot) => self.observe(slot, at, observations),
                None if observations.is_empty() || self.flows.has_ended(*end) => {}
                None => self.flows.keep_early(*end, at, what.clone()),
            },
            _ => {}
        }
    }

    /// True when an event may need a place in the flow table.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other event speaks of a flow that is there")]
    fn may_begin_a_flow(&self, what: &What) -> bool {
        match what {
            What::Connecting { end, .. }
            | What::Established { end, .. }
            | What::Accepted { end, .. }
            | What::AlreadyOpen { end, .. }
            | What::Datagrams { end, .. }
            | What::UnixConnected { end, .. }
            | What::UnixAlreadyOpen { end, .. } => self.flows.of_end(*end).is_none(),
            What::UnixRefused { .. } => true,
            _ => false,
        }
    }

    /// An end of a TCP or UDP flow was announced.
    fn end(
        &mut self,
        key: EndKey,
        role: Role,
        ends: &Addresses,
        process: Option<ProcessKey>,
        at: Timestamp,
        after: &mut Vec<Event>,
    ) -> Option<u32> {
        if self.flows.has_ended(key) {
            return None;
        }
        let known = self.flows.of_end(key);
        let slot = self.flows.end(key, role, *ends, at)?;
        let flow = self.flows.get_mut(slot)?;
        flow.seen_at(at);
        let young = flow.first == at && flow.end(role.other()).is_none();
        if let Some(end) = flow.end_mut(key)
            && end.process.is_none()
        {
            end.process = process;
        }
        if known.is_none() {
            if young {
                self.wait_young(slot, at);
            }
            self.take_early(key, after);
        }
        self.settle(slot, at);
        Some(slot)
    }

    /// What came before its end was announced is taken now.
    pub(super) fn take_early(&mut self, key: EndKey, after: &mut Vec<Event>) {
        for (at, what) in self.flows.take_early(key) {
            #[expect(clippy::wildcard_enum_match_arm, reason = "the others are facts about a flow")]
            match what {
                What::Payload(payload) => self.hear(at, payload, after),
                What::Inside(payload) => self.hear_inside(at, payload, after),
                What::TlsCaller(told) => self.caller_told(at, told, after),
                what => self.take_flow(at, &what, after),
            }
        }
    }

    fn connect_failed(&mut self, key: EndKey, why: ConnectFailure, at: Timestamp) {
        let Some(slot) = self.flows.of_end(key) else { return };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.seen_at(at);
        flow.never_open = Some(match why {
            ConnectFailure::Refused | ConnectFailure::Other(EACCES | EPERM | ECONNREFUSED) => {
                NeverOpen::Refused
            }
            ConnectFailure::TimedOut | ConnectFailure::Abandoned | ConnectFailure::Other(_) => {
                NeverOpen::Unanswered
            }
        });
        self.wait_closing(slot, at);
    }

    fn accepted(
        &mut self,
        key: EndKey,
        process: ProcessKey,
        ends: Option<&Addresses>,
        at: Timestamp,
        what: &What,
        after: &mut Vec<Event>,
    ) {
        if let Some(slot) = self.flows.of_end(key) {
            if let Some(flow) = self.flows.get_mut(slot) {
                flow.seen_at(at);
                if let Some(end) = flow.end_mut(key) {
                    end.process = Some(process);
                }
            }
            self.settle(slot, at);
        } else if let (Some(ends), EndKey::Tcp { .. }) = (ends, key) {
            self.end(key, Role::Responder, ends, Some(process), at, after);
        } else if !self.flows.has_ended(key) {
            self.flows.keep_early(key, at, what.clone());
        }
    }

    fn released(
        &mut self,
        key: EndKey,
        process: Option<ProcessKey>,
        (sent, received): (Option<u64>, Option<u64>),
        at: Timestamp,
    ) {
        let Some(slot) = self.flows.of_end(key) else { return };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.seen_at(at);
        let role = flow.role_of(key);
        if let Some(end) = flow.end_mut(key) {
            end.released = true;
            end.sent = sent.or(end.sent);
            end.received = received.or(end.received);
            if role == Some(Role::Responder) && end.process.is_none() {
                end.process = process;
            }
        }
        let all = [&flow.originator, &flow.responder].into_iter().flatten().all(|end| end.released);
        self.settle(slot, at);
        if all {
            self.wait_closing(slot, at);
        }
    }

    fn already_open(
        &mut self,
        key: EndKey,
        role: Option<Role>,
        ends: &Addresses,
        processes: &[ProcessKey],
        at: Timestamp,
        after: &mut Vec<Event>,
    ) {
        let process = processes.first().copied();
        if let Some(slot) = self.flows.of_end(key) {
            // Seen live before the snapshot got to it: one flow, and from its start.
            if let Some(end) = self.flows.get_mut(slot).and_then(|flow| flow.end_mut(key)) {
                end.process = end.process.or(process);
            }
            self.settle(slot, at);
            return;
        }
        let udp = key.is_udp();
        let role = role.unwrap_or_else(|| {
            // A listener with the same local address makes it the responder's end; else it is taken as the caller's.
            let listens = self.listening.find(ends.netns, ends.local, udp).is_some();
            if listens { Role::Responder } else { Role::Originator }
        });
        let other_was_live = |slot: u32, it: &Self| {
            it.flows.get(slot).is_some_and(|flow| flow.end(role.other()).is_some() && !flow.joined_late)
        };
        if let Some(slot) = self.end(key, role, ends, process, at, after)
            && !other_was_live(slot, self)
            && let Some(flow) = self.flows.get_mut(slot)
        {
            flow.joined_late = true;
            self.settle(slot, at);
        }
    }

    /// A translation shows that two flows are one.
    fn join_translated(
        &mut self,
        near: crate::flow::pairs::Pair,
        far: crate::flow::pairs::Pair,
        at: Timestamp,
        after: &mut Vec<Event>,
    ) {
        let Some((caller, receiver)) = self.flows.split_by(near, far) else { return };
        // What already counts for an edge stays there: an edge is never taken back.
        let counted = |slot: u32| self.flows.get(slot).is_none_or(|flow| flow.attached.is_some());
        if counted(caller) || counted(receiver) {
            return;
        }
        self.finish_hearing(caller, at, after);
        let Some(taken) = self.flows.merge(receiver, caller) else { return };
        if let Some(flow) = self.flows.get_mut(receiver) {
            flow.originator = taken.originator;
            flow.first = flow.first.min(taken.first);
            flow.last = flow.last.max(taken.last);
            flow.waited |= taken.waited;
            if flow.ledger.is_none() && flow.conversation.is_none() {
                flow.ledger = taken.ledger;
                flow.owed = taken.owed;
                flow.heard_at = taken.heard_at;
                flow.heard_enough = taken.heard_at.is_some();
            }
        }
        self.settle(receiver, at);
        let all = self.flows.get(receiver).is_some_and(|flow| {
            [&flow.originator, &flow.responder].into_iter().flatten().all(|end| end.released)
        });
        if all {
            self.wait_closing(receiver, at);
        }
    }
}
