//! What goes through a workload that is called and calls: requests in flight into it, connections out of it, bytes
//! that come in and go out again, and proxies in front of backends.
//!
//! How the times are known: from who speaks on a connection (payload, up to what is captured of each connection) and
//! from when connections are opened and closed. Once a connection is past what is captured, it counts as in flight
//! until it is closed. That is never evidence for it, and keeps others from being taken to be alone.

mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::Pipeline;
use super::relay_count::{PAUSE, Place, SETTLED, Through};
use super::relay_wrap::{Ended, Wraps};
use crate::event::{Event, Role, What};
use crate::evidence::{Application, Observation, Shown};
use crate::flow::state::Attached;
use crate::graph::{Delta, HopStrength, Relay, ToolUse, Transport};
use crate::id::EndKey;

/// Most workloads whose relations are counted.
const MOST_WORKLOADS: usize = 4_096;
/// A pause within an answer after which it is worth saying that it goes on.
const BREATH: SignedDuration = SignedDuration::from_millis(1);
/// The first request on a connection that was opened no longer ago is one use with it.
const OPENING: SignedDuration = SignedDuration::from_secs(1);

/// A connection into a workload that also calls.
#[derive(Debug)]
struct Inbound {
    through: u32,
    edge: u32,
    /// Its latest request, and when that began.
    request: Option<(u64, Timestamp)>,
    answered: Option<(Timestamp, Place)>,
    /// Nothing further of it is heard.
    unheard: bool,
}

/// A connection out of a workload that is also called.
#[derive(Debug)]
struct Outbound {
    through: u32,
    edge: u32,
    opened: Timestamp,
    asked: bool,
}

/// All that is counted.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// Workloads that call, and that are called.
    calls: HashSet<u32>,
    called: HashSet<u32>,
    through: HashMap<u32, Through>,
    inbound: HashMap<u64, Inbound>,
    outbound: HashMap<u64, Outbound>,
    /// Flows that were placed in this step.
    placed: Vec<u32>,
    pub(super) wraps: Wraps,
    attributed: BTreeMap<(u32, u32), u64>,
    /// Rows of earlier runs, by their edges.
    earlier: BTreeMap<(u32, u32), Relay>,
    told: HashMap<(u32, u32), Relay>,
    /// Something came into or went out of a workload that is called and calls, since it was last asked.
    moved: bool,
}

impl Relays {
    /// A flow was placed.
    pub(super) fn placed(&mut self, slot: u32) {
        self.placed.push(slot);
    }

    /// Whether anything went on that relations between edges depend on, since the last call.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.wraps.standing_changed) | std::mem::take(&mut self.moved)
    }

    fn passes(&self, workload: u32) -> bool {
        self.calls.contains(&workload) && self.called.contains(&workload)
    }
}

impl Pipeline {
    /// Somebody spoke on a connection. Gives the event that says so in a recorded log, where it matters.
    pub(super) fn turn(
        &mut self,
        slot: u32,
        end: EndKey,
        from: Role,
        reach: u64,
        at: Timestamp,
        recordable: &mut Vec<Event>,
    ) {
        let most = self.settings.payload_bytes as u64;
        let Some(flow) = self.flows.get_mut(slot) else { return };
        if flow.transport == Transport::Udp || flow.spoke.is_some_and(|it| it.last) {
            return;
        }
        let last = reach >= most;
        let goes_on = flow.spoke.is_some_and(|it| {
            it.who == from && (from == Role::Originator || at.duration_since(it.at) < BREATH)
        });
        if goes_on && !last {
            return;
        }
        flow.spoke = Some(crate::flow::state::Spoke { who: from, at, last });
        let number = flow.number;
        let sent = flow.role_of(end) == Some(from);
        if self.relays.inbound.contains_key(&number) || self.relays.outbound.contains_key(&number) {
            self.spoke(slot, from, last, at);
            recordable.push(Event { at, what: What::Spoke { end, sent, last } });
        }
    }

    /// Somebody spoke on a connection of a workload that is called and calls.
    pub(super) fn spoke(&mut self, slot: u32, from: Role, last: bool, at: Timestamp) {
        let Some(flow) = self.flows.get(slot) else { return };
        let number = flow.number;
        if let Some(outbound) = self.relays.outbound.get_mut(&number)
            && from == Role::Originator
        {
            self.relays.moved = true;
            let first = !std::mem::replace(&mut outbound.asked, true);
            if !(first && at.duration_since(outbound.opened) < OPENING)
                && let Some(through) = self.relays.through.get_mut(&outbound.through)
            {
                through.used(outbound.edge, at);
            }
        }
        let Some(inbound) = self.relays.inbound.get_mut(&number) else { return };
        let Some(through) = self.relays.through.get_mut(&inbound.through) else { return };
        if last && !inbound.unheard {
            inbound.unheard = true;
            through.by_connection(inbound.edge);
            if inbound.request.is_none() || inbound.answered.is_some() {
                inbound.request = Some((through.begin(inbound.edge, at), at));
                inbound.answered = None;
            }
        }
        if inbound.unheard {
            return;
        }
        match (from, inbound.request, inbound.answered) {
            (Role::Originator, None, _) | (Role::Originator, Some(_), Some(_)) => {
                inbound.request = Some((through.begin(inbound.edge, at), at));
                inbound.answered = None;
            }
            (Role::Responder, Some((request, _)), before) => {
                // After a pause it is no longer the answer to that request.
                if before.is_none_or(|(since, _)| at.duration_since(since) <= PAUSE) {
                    let place = through.end(request, at, before.map(|(_, place)| place));
                    inbound.answered = Some((at, place));
                }
            }
            (Role::Originator, Some(_), None) | (Role::Responder, None, _) => {}
        }
    }

    /// A request that calls a tool of the Model Context Protocol.
    pub(super) fn call_named(&mut self, slot: u32, observations: &[Observation]) {
        let Some(number) = self.flows.get(slot).map(|flow| flow.number) else { return };
        let Some(inbound) = self.relays.inbound.get(&number) else { return };
        let (Some((request, begun)), Some(through)) =
            (inbound.request, self.relays.through.get_mut(&inbound.through))
        else {
            return;
        };
        for observation in observations {
            if let Shown::Carries { application: Application::Mcp, call: Some(call) } = &observation.shown
                && let Some(tool) = call.strip_prefix("tools/call ")
            {
                // What is asked may be known only with the answer: it was asked when the request began.
                through.named(request, tool, begun);
            }
        }
    }

    /// Flows that were placed in this step: those into and out of a workload that is called and calls are followed.
    pub(super) fn relate(&mut self, at: Timestamp, recordable: &mut Vec<Event>) {
        if self.relays.placed.is_empty() {
            return;
        }
        for slot in std::mem::take(&mut self.relays.placed) {
            let Some((caller, receiver)) = self.sides(slot) else { continue };
            let before = (self.relays.passes(caller), self.relays.passes(receiver));
            self.relays.calls.insert(caller);
            self.relays.called.insert(receiver);
            let after = (self.relays.passes(caller), self.relays.passes(receiver));
            // Those that were there before come first: a connection out may belong to one of them.
            for (workload, new) in [(caller, before.0 != after.0), (receiver, before.1 != after.1)] {
                if new {
                    for other in self.flows.all() {
                        if self.sides(other).is_some_and(|(a, b)| a == workload || b == workload) {
                            self.follow(other, at, recordable);
                        }
                    }
                }
            }
            self.follow(slot, at, recordable);
            self.wrap_placed(slot);
        }
    }

    /// Caller and receiver of a placed flow, where both are workloads and not the same.
    fn sides(&self, slot: u32) -> Option<(u32, u32)> {
        let Attached { caller, listener, .. } = self.flows.get(slot)?.attached?;
        let receiver = self.graph.listeners.get(listener)?.workload;
        (caller != receiver).then_some((caller, receiver))
    }

    /// True for a workload that is a program seen here, not an address or an unknown process.
    fn is_seen(&self, workload: u32) -> bool {
        self.graph.workloads.get(workload).is_some_and(|it| {
            let it = &it.value;
            it.host.is_some() && (it.exe.is_some() || it.unit.is_some() || it.container.is_some())
        })
    }

    fn follow(&mut self, slot: u32, at: Timestamp, recordable: &mut Vec<Event>) {
        let Some((caller, receiver)) = self.sides(slot) else { return };
        let Some(flow) = self.flows.get(slot) else { return };
        let Some(edge) = flow.attached.map(|it| it.edge) else { return };
        let (number, first, spoke) = (flow.number, flow.first, flow.spoke);
        let end = flow.heard_at.and_then(|role| flow.end(role)).map(|end| (end.key, flow.role_of(end.key)));
        if flow.never_open.is_some() || flow.over {
            return;
        }
        if self.relays.passes(receiver)
            && self.is_seen(receiver)
            && !self.relays.inbound.contains_key(&number)
            && self.through(receiver)
        {
            let new = Inbound { through: receiver, edge, request: None, answered: None, unheard: false };
            self.relays.inbound.insert(number, new);
            self.relays.moved = true;
            self.relays.wraps.opened_in(receiver, number, edge, first);
            // A request that was under way when it came to matter.
            if let (Some(spoke), Some((end, role))) = (spoke, end)
                && (spoke.who == Role::Originator || spoke.last)
            {
                self.spoke(slot, Role::Originator, spoke.last, at);
                let sent = role == Some(Role::Originator);
                recordable.push(Event { at, what: What::Spoke { end, sent, last: spoke.last } });
            }
        }
        if self.relays.passes(caller)
            && self.is_seen(caller)
            && !self.relays.outbound.contains_key(&number)
            && self.through(caller)
        {
            let opened = Outbound { through: caller, edge, opened: first, asked: spoke.is_some() };
            self.relays.outbound.insert(number, opened);
            self.relays.moved = true;
            self.relays.wraps.opened_out(caller, number, first);
            let late = self.flows.get(slot).is_some_and(|flow| flow.joined_late);
            if !late && let Some(through) = self.relays.through.get_mut(&caller) {
                // A flow that was placed at once is used now: what it may belong to is known as of now as well.
                let when = if at.duration_since(first) < OPENING { at } else { first };
                through.used(edge, when);
            }
        }
    }

    fn through(&mut self, workload: u32) -> bool {
        let room = self.relays.through.len() < MOST_WORKLOADS;
        if room || self.relays.through.contains_key(&workload) {
            self.relays.through.entry(workload).or_default();
            return true;
        }
        self.graph.lose("user-relay-table", 1);
        false
    }

    /// A flow is over: what was in flight on it is so no more.
    pub(super) fn relay_over(&mut self, slot: u32, at: Timestamp) {
        let Some(flow) = self.flows.get(slot) else { return };
        let (number, first, last, bytes) = (flow.number, flow.first, flow.last, flow.bytes());
        let opened = flow.never_open.is_none() && !flow.joined_late;
        // One that was placed only now was used all the same.
        if opened
            && let Some(edge) = flow.attached.map(|it| it.edge)
            && let Some((caller, receiver)) = self.sides(slot)
            && !self.relays.outbound.contains_key(&number)
        {
            self.relays.calls.insert(caller);
            self.relays.called.insert(receiver);
            if self.relays.passes(caller)
                && self.is_seen(caller)
                && let Some(through) = self.relays.through.get_mut(&caller)
            {
                through.used(edge, first);
            }
        }
        let ended = Ended {
            first,
            last,
            bytes: match bytes {
                (Some(sent), Some(received)) => Some((sent, received)),
                _ => None,
            },
        };
        self.relays.moved |=
            self.relays.inbound.contains_key(&number) || self.relays.outbound.contains_key(&number);
        if let Some(inbound) = self.relays.inbound.remove(&number) {
            if let (Some((request, _)), None, Some(through)) =
                (inbound.request, inbound.answered, self.relays.through.get_mut(&inbound.through))
            {
                through.end(request, last, None);
            }
            self.ended(inbound.through, number, inbound.edge, true, ended, at);
        }
        if let Some(outbound) = self.relays.outbound.remove(&number) {
            self.ended(outbound.through, number, outbound.edge, false, ended, at);
        }
    }

    fn ended(&mut self, workload: u32, number: u64, edge: u32, inward: bool, ended: Ended, at: Timestamp) {
        let protocol = self.graph.edges.get(edge).and_then(|it| it.known_protocol());
        let protocol = protocol.map(str::to_owned);
        let closed = self.relays.wraps.closed(workload, number, (edge, inward), ended, protocol);
        for pair in closed.same_bytes {
            *self.relays.attributed.entry(pair).or_default() += 1;
        }
        for (front, back) in closed.wrapped {
            let listener = |edge: u32| self.graph.edges.get(edge).map(|it| it.listener);
            if let (Some(front), Some(back)) = (listener(front), listener(back)) {
                self.wrap_matched(workload, front, back, at);
            }
        }
    }
}
