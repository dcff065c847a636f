//! Which protocol the first bytes of both directions are.

use super::{Conversation, State};
use crate::evidence::dissector::{Known, Likeness};
use crate::evidence::opening::stands_first;
use crate::evidence::stream_rules::{OPENING, SPEAKS};
use crate::evidence::{DISSECTORS, Hidden, Observation, Shown};

impl Conversation {
    /// Looks at the first bytes of both directions. The list's order decides, and only among those that are sure, so
    /// that the result does not depend on when one looks.
    pub(super) fn recognise(&mut self, out: &mut Vec<Observation>) {
        let (call, reply) = (self.originator.stream.unread(u64::MAX), self.responder.stream.unread(u64::MAX));
        for known in DISSECTORS {
            match likeness(known.call, call).and(likeness(known.reply, reply)) {
                Likeness::Unlike => {}
                Likeness::Unsure => return,
                Likeness::Like => {
                    if self.names(known, out) {
                        self.state = State::Reading { dissector: (known.begin)() };
                        self.replay(out);
                    }
                    return;
                }
            }
        }
        self.end(Some(Hidden::Unsupported), out);
    }

    /// The flow is over: what could still have become another protocol no longer can.
    pub(super) fn recognise_at_end(&mut self, out: &mut Vec<Observation>) {
        let (call, reply) = (self.originator.stream.unread(u64::MAX), self.responder.stream.unread(u64::MAX));
        let known = DISSECTORS
            .iter()
            .find(|known| likeness(known.call, call).and(likeness(known.reply, reply)) == Likeness::Like);
        if let Some(known) = known
            && self.names(known, out)
        {
            self.state = State::Reading { dissector: (known.begin)() };
            self.replay(out);
        }
    }

    /// Both directions parse: says so. `false` when the beginning may be missing, which ends reading.
    fn names(&mut self, known: &'static Known, out: &mut Vec<Observation>) -> bool {
        if self.late && !stands_first(known.protocol, self.responder.stream.unread(u64::MAX)) {
            self.end(None, out);
            return false;
        }
        let rule = if self.late { &OPENING } else { &SPEAKS };
        self.late = false;
        self.say(rule, Shown::Speaks { protocol: known.protocol }, out);
        true
    }

    /// Once the responder's first bytes are there: does the protocol that was read so far hold? `false` ends it.
    pub(super) fn confirm(&mut self, out: &mut Vec<Observation>) -> bool {
        let State::Tentative { known, .. } = &self.state else { return true };
        let known: &'static Known = known;
        match likeness(known.reply, self.responder.stream.unread(u64::MAX)) {
            Likeness::Unsure => true,
            Likeness::Unlike => {
                self.end(Some(Hidden::Unsupported), out);
                false
            }
            Likeness::Like => {
                if !self.names(known, out) {
                    return false;
                }
                if let State::Tentative { dissector, held, .. } =
                    std::mem::replace(&mut self.state, State::Over)
                {
                    let first = out.len();
                    out.extend(held);
                    self.state = State::Reading { dissector };
                    self.bound(first, out);
                }
                true
            }
        }
    }
}

/// A direction that has not spoken may still be anything.
pub(super) fn likeness(of: fn(&[u8]) -> Likeness, bytes: &[u8]) -> Likeness {
    if bytes.is_empty() { Likeness::Unsure } else { of(bytes) }
}
