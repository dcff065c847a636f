//! Payload becomes observations, observations become the flow's account.

use jiff::Timestamp;

use super::Pipeline;
use crate::event::{Event, Payload, What};
use crate::evidence::{self, Conversation, LINKED_12, Observation, Shown};
use crate::graph::Transport;
use crate::id::EndKey;
use crate::verdict::Contrast;

impl Pipeline {
    /// Payload of one end. One end's is enough: the other end's says the same.
    pub(super) fn hear(&mut self, at: Timestamp, payload: Payload, recordable: &mut Vec<Event>) {
        let end = payload.end;
        let Some(slot) = self.flows.of_end(end) else {
            if !self.flows.has_ended(end) {
                self.flows.keep_early(end, at, What::Payload(payload));
            }
            return;
        };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let Some(role) = flow.role_of(end) else { return };
        if *flow.heard_at.get_or_insert(role) != role {
            return;
        }
        let from = if payload.sent { role } else { role.other() };
        self.turn(slot, end, from, payload.offset.saturating_add(payload.length), at, recordable);
        let Some(flow) = self.flows.get_mut(slot) else { return };
        if flow.heard_enough {
            return;
        }
        let (udp, late) = (flow.transport == Transport::Udp, flow.joined_late);
        let conversation = flow.conversation.get_or_insert_with(|| {
            let fingerprinter = self.settings.fingerprinter.clone();
            Box::new(if udp {
                Conversation::datagrams(fingerprinter)
            } else if late {
                Conversation::late(self.settings.payload_bytes, fingerprinter)
            } else {
                Conversation::new(self.settings.payload_bytes, fingerprinter)
            })
        });
        let mut observations = Vec::new();
        conversation.payload(from, payload.offset, payload.length, &payload.bytes, at, &mut observations);
        if conversation.settled() {
            flow.conversation = None;
            flow.heard_enough = true;
        }
        self.tell(slot, end, at, observations, recordable);
    }

    /// The flow is over: what its bytes left undecided is said as such.
    pub(super) fn finish_hearing(&mut self, slot: u32, at: Timestamp, recordable: &mut Vec<Event>) {
        self.finish_outside(slot, at, recordable);
        self.finish_inside(slot, at, recordable);
    }

    fn finish_outside(&mut self, slot: u32, at: Timestamp, recordable: &mut Vec<Event>) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let Some(mut conversation) = flow.conversation.take() else { return };
        let heard_at = flow.heard_at.and_then(|role| flow.end(role)).map(|end| end.key);
        let mut observations = Vec::new();
        conversation.finish(&mut observations);
        if let Some(end) = heard_at {
            self.tell(slot, end, at, observations, recordable);
        }
    }

    /// Takes what was shown at an end of a flow, and lets it be recorded.
    pub(super) fn tell(
        &mut self,
        slot: u32,
        end: EndKey,
        at: Timestamp,
        observations: Vec<Observation>,
        recordable: &mut Vec<Event>,
    ) {
        if !observations.is_empty() {
            self.observe(slot, at, &observations);
            recordable.push(Event { at, what: What::Observed { end, observations } });
        }
    }

    /// Takes what was shown on a flow, in order.
    pub(super) fn observe(&mut self, slot: u32, at: Timestamp, observations: &[Observation]) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        if flow.joined_late && observations.iter().any(evidence::shows_beginning) {
            flow.joined_late = false;
        }
        if observations.is_empty() {
            return;
        }
        // Payload itself leaves no mark on the flow's times: a replay has only what it showed.
        flow.shown_at(at);
        let late = flow.joined_late;
        let ledger = flow.ledger.get_or_insert_default();
        ledger.joined_late(late);
        ledger.happens_at(at);
        let mut showed = Contrast::default();
        let listener = flow.attached.map(|it| it.listener);
        for observation in observations {
            match (&observation.shown, listener) {
                (Shown::Resumes { sessions }, Some(listener)) => {
                    if let Some(inherited) = self.sessions.find(sessions, at, listener) {
                        ledger.cite(observation.rule.0);
                        ledger.inherit(inherited, &LINKED_12);
                        continue;
                    }
                }
                (Shown::Keeps { session, lifetime_s }, Some(listener)) => {
                    if let Some(inherited) = ledger.inheritance() {
                        self.sessions.keep(session, at, *lifetime_s, listener, inherited);
                    }
                }
                _ => {}
            }
            ledger.observe(observation, self.settings.short_lived_s, &mut showed);
        }
        if showed != Contrast::default() {
            match flow.attached {
                Some(attached) => {
                    self.graph.contrast(attached.listener, &showed, at);
                }
                None => flow.owed.get_or_insert_default().add(&showed),
            }
        }
        self.call_named(slot, observations);
        self.look_for_mcp(slot, observations);
        self.look_for_endpoint(slot, observations);
        self.settle(slot, at);
        self.tell_holders(slot, at);
    }
}
