//! What a responder's TLS library tells: whom it holds for the caller, and what is inside.

use jiff::Timestamp;

use super::Pipeline;
use crate::event::{Event, Payload, Role, TlsCaller, What};
use crate::evidence::{Conversation, Observation, tls_library};
use crate::flow::state::Inside;

impl Pipeline {
    /// What the library holds about the caller. Told again when it changes.
    pub(super) fn caller_told(&mut self, at: Timestamp, told: TlsCaller, recordable: &mut Vec<Event>) {
        let end = told.end;
        let Some(slot) = self.flows.of_end(end) else {
            if !self.flows.has_ended(end) {
                self.flows.keep_early(end, at, What::TlsCaller(told));
            }
            return;
        };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        // What a caller's own library holds says nothing about what the receiver checks.
        if flow.role_of(end) != Some(Role::Responder) || flow.joined_late {
            return;
        }
        if matches!(flow.inside, Inside::Untold) {
            let fingerprinter = self.settings.fingerprinter.clone();
            let conversation = Conversation::new(self.settings.payload_bytes, fingerprinter);
            flow.inside = Inside::Heard(Box::new(conversation));
        }
        let observations = tls_library::shown(&told, &self.settings.fingerprinter);
        self.tell(slot, end, at, observations, recordable);
    }

    /// Bytes inside TLS, at the responder's end.
    pub(super) fn hear_inside(&mut self, at: Timestamp, payload: Payload, recordable: &mut Vec<Event>) {
        let end = payload.end;
        let Some(slot) = self.flows.of_end(end) else {
            if !self.flows.has_ended(end) {
                self.flows.keep_early(end, at, What::Inside(payload));
            }
            return;
        };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let Inside::Heard(conversation) = &mut flow.inside else { return };
        let from = if payload.sent { Role::Responder } else { Role::Originator };
        let mut observations = Vec::new();
        conversation.payload(from, payload.offset, payload.length, &payload.bytes, at, &mut observations);
        if conversation.settled() {
            flow.inside = Inside::Over;
        }
        let observations = observations.into_iter().map(Observation::inside).collect();
        self.tell(slot, end, at, observations, recordable);
    }

    /// The flow is over: what is inside and undecided is said as such.
    pub(super) fn finish_inside(&mut self, slot: u32, at: Timestamp, recordable: &mut Vec<Event>) {
        let Some(flow) = self.flows.get_mut(slot) else { return };
        let Inside::Heard(mut conversation) = std::mem::replace(&mut flow.inside, Inside::Over) else {
            return;
        };
        let Some(end) = flow.end(Role::Responder).map(|end| end.key) else { return };
        let mut observations = Vec::new();
        conversation.finish(&mut observations);
        let observations = observations.into_iter().map(Observation::inside).collect();
        self.tell(slot, end, at, observations, recordable);
    }
}
