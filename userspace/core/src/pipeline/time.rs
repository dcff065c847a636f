//! What waited long enough: decided in the order of the moments at which it was due, not of the calls.

use jiff::{SignedDuration, Timestamp};

use super::Pipeline;
use crate::event::{Event, What};
use crate::evidence::kernel;
use crate::flow::state::FlowState;
use crate::graph::{Closing, Transport};

/// How long a flow waits for its other end, its processes or its translation before it is placed as it stands.
const GRACE: SignedDuration = SignedDuration::from_secs(2);
/// How long an ended flow waits for payload and events that come late.
const LINGER: SignedDuration = SignedDuration::from_millis(500);
/// How long a UDP flow may be silent before it is over.
const UDP_IDLE: SignedDuration = SignedDuration::from_secs(30);
/// How long an event waits for its end to be announced.
const EARLY: SignedDuration = SignedDuration::from_secs(5);

/// A flow that waits, since when, and its number, so that another flow in the same slot is not mistaken for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    due: Timestamp,
    slot: u32,
    number: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Queue {
    Young,
    Closing,
    Quiet,
}

impl Pipeline {
    pub(super) fn wait_young(&mut self, slot: u32, at: Timestamp) {
        if let Some(flow) = self.flows.get(slot) {
            let number = flow.number;
            self.young.push_back(Waiting { due: later(at, GRACE), slot, number });
            if flow.transport == Transport::Udp {
                self.quiet.push_back(Waiting { due: later(at, UDP_IDLE), slot, number });
            }
        }
    }

    pub(super) fn wait_closing(&mut self, slot: u32, at: Timestamp) {
        if let Some(flow) = self.flows.get_mut(slot)
            && !flow.closing
        {
            flow.closing = true;
            self.closing.push_back(Waiting { due: later(at, LINGER), slot, number: flow.number });
        }
    }

    /// Decides all that was due before `now`.
    pub(super) fn let_pass(&mut self, now: Timestamp, recordable: &mut Vec<Event>) -> bool {
        let mut passed = false;
        while let Some(queue) = self.next_due(now) {
            passed = true;
            match queue {
                Queue::Young => self.grown(),
                Queue::Closing => self.closed(recordable),
                Queue::Quiet => self.quiet(recordable),
            }
        }
        if passed {
            self.flows.forget_early(earlier(now, EARLY));
        }
        passed
    }

    /// As [`Pipeline::let_pass`], when no event says how late it is: if anything was decided, the moment goes into
    /// the log, so that a replay decides it at the same point.
    pub(super) fn let_time_alone_pass(&mut self, now: Timestamp, recordable: &mut Vec<Event>) {
        let Some(queue) = self.next_due(now) else { return };
        let front = match queue {
            Queue::Young => self.young.front(),
            Queue::Closing => self.closing.front(),
            Queue::Quiet => self.quiet.front(),
        };
        let end = front
            .and_then(|it| self.flows.get(it.slot))
            .and_then(|flow| flow.originator.as_ref().or(flow.responder.as_ref()))
            .map_or(crate::id::EndKey::Capture { flow: 0, udp: false }, |end| end.key);
        self.clock = self.clock.max(now);
        self.let_pass(now, recordable);
        recordable.push(Event { at: now, what: What::Observed { end, observations: Vec::new() } });
    }

    /// The queue whose first is due first, if that is before `now`. At `now` itself nothing is due: what such a
    /// decision recorded bears its own moment and must still find the flow when it is replayed.
    fn next_due(&self, now: Timestamp) -> Option<Queue> {
        [(Queue::Young, &self.young), (Queue::Closing, &self.closing), (Queue::Quiet, &self.quiet)]
            .into_iter()
            .filter_map(|(queue, waiting)| Some((waiting.front()?.due, queue)))
            .filter(|(due, _)| *due < now)
            .min_by_key(|(due, _)| *due)
            .map(|(_, queue)| queue)
    }

    fn grown(&mut self) {
        let Some(Waiting { due, slot, number }) = self.young.pop_front() else { return };
        if let Some(flow) = self.flows.get_mut(slot)
            && flow.number == number
        {
            flow.waited = true;
            self.settle(slot, due);
        }
    }

    fn closed(&mut self, recordable: &mut Vec<Event>) {
        let Some(Waiting { due, slot, number }) = self.closing.pop_front() else { return };
        if self.flows.get(slot).is_some_and(|flow| flow.number == number) {
            self.finish(slot, due, true, recordable);
        }
    }

    fn quiet(&mut self, recordable: &mut Vec<Event>) {
        let Some(Waiting { due, slot, number }) = self.quiet.pop_front() else { return };
        let Some(flow) = self.flows.get(slot).filter(|flow| flow.number == number) else { return };
        let idle_until = later(flow.last, UDP_IDLE);
        if idle_until > due {
            // Kept in order of due time: a flow that went on is looked at one whole period later.
            self.quiet.push_back(Waiting { due: later(due, UDP_IDLE), slot, number });
        } else {
            self.finish(slot, due, true, recordable);
        }
    }

    /// All flows end here: observation stops, or began anew.
    pub(super) fn finish_all(&mut self, at: Timestamp, recordable: &mut Vec<Event>) {
        for slot in self.flows.all() {
            self.finish(slot, at, false, recordable);
        }
        self.young.clear();
        self.closing.clear();
        self.quiet.clear();
    }

    /// A full table gives up the flows that were quiet longest.
    pub(super) fn make_room(&mut self, at: Timestamp, recordable: &mut Vec<Event>) {
        if self.flows.is_full() {
            let stale = self.flows.stalest();
            self.graph.lose("user-flow-table", stale.len() as u64);
            for slot in stale {
                self.finish(slot, at, false, recordable);
            }
        }
    }

    /// A flow is over (`closed`), or given up: what is undecided is said as such, and the flow is forgotten.
    pub(super) fn finish(&mut self, slot: u32, at: Timestamp, closed: bool, recordable: &mut Vec<Event>) {
        self.finish_hearing(slot, at, recordable);
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.over = true;
        if flow.ledger.is_none() && flow.never_open.is_none() {
            let rule = if flow.joined_late { &kernel::JOINED_LATE } else { &kernel::NO_PAYLOAD };
            flow.ledger.get_or_insert_default().cite(rule);
        }
        self.settle(slot, at);
        if let Some(flow) = self.flows.get(slot) {
            self.count_closing(flow.attached.map(|it| it.edge), &closing(flow), flow.last);
        }
        self.relay_over(slot, at);
        self.show_flow(slot, closed);
        self.flows.remove(slot);
    }

    fn count_closing(&mut self, edge: Option<u32>, closing: &Closing, at: Timestamp) {
        if let Some(edge) = edge
            && let Some(entry) = self.graph.edges.get_mut(edge)
        {
            entry.progress(at, closing);
            self.graph.edges.changes.soon(edge);
        }
    }
}

fn closing(flow: &FlowState) -> Closing {
    let (sent, received) = flow.bytes();
    Closing { bytes_sent: sent.unwrap_or(0), bytes_received: received.unwrap_or(0) }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
