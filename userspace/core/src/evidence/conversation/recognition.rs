//! Which protocol the first bytes of both directions are.

use super::{Conversation, State};
use crate::event::Role;
use crate::evidence::dissector::{Dissector, Input, Known, Likeness, Next, Notes};
use crate::evidence::opening::{reads_midway, stands_first};
use crate::evidence::stream::Stream;
use crate::evidence::stream_rules::{MIDWAY, OPENING, SPEAKS, UNANSWERED};
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
        let rule = if !self.late {
            &SPEAKS
        } else if stands_first(known.protocol, self.responder.stream.unread(u64::MAX)) {
            self.late = false;
            &OPENING
        } else if reads_midway(known.protocol) && self.opener == Some(Role::Originator) {
            // Had the responder spoken first, its bytes would answer something that was not seen.
            &MIDWAY
        } else {
            self.end(None, out);
            return false;
        };
        self.say(rule, Shown::Speaks { protocol: known.protocol }, out);
        true
    }

    /// Says what the originator's bytes show that nobody answered; `false` if that is nothing.
    pub(super) fn said_by_call_alone(&mut self, out: &mut Vec<Observation>) -> bool {
        let first = out.len();
        out.extend(DISSECTORS.iter().flat_map(|known| self.shown_alone(known)));
        self.bound(first, out);
        out.len() > first
    }

    /// What the originator's bytes show by this protocol as long as nobody answers.
    pub(super) fn shown_alone(&self, known: &Known) -> Vec<Observation> {
        let mut shown = Vec::new();
        let call = self.originator.stream.unread(u64::MAX);
        (known.call_alone)(call, &mut Notes::new(&mut shown, &self.fingerprinter, self.now));
        shown
    }

    /// Says what proof the originator presented that nobody answered; `false` if there is none. The first protocol of the
    /// list counts, which are in the order of how much they ask of the bytes.
    pub(super) fn said_unanswered(&mut self, out: &mut Vec<Observation>) -> bool {
        let call = self.originator.stream.unread(u64::MAX);
        let fits = |known: &&&'static Known| likeness(known.call, call) == Likeness::Like;
        let Some(known) = DISSECTORS.iter().find(fits) else { return false };
        let offers = self.offers(call, (known.begin)());
        if offers.is_empty() {
            return false;
        }
        self.say(&UNANSWERED, Shown::Speaks { protocol: known.protocol }, out);
        let first = out.len();
        out.extend(offers);
        self.bound(first, out);
        true
    }

    /// The proofs that a dissector finds in the originator's bytes alone.
    fn offers(&self, call: &[u8], mut dissector: Box<dyn Dissector>) -> Vec<Observation> {
        let mut stream = Stream::new(call.len());
        stream.append(call);
        let mut shown = Vec::new();
        let mut notes = Notes::new(&mut shown, &self.fingerprinter, self.now);
        let mut before = None;
        while before != Some(stream.next()) {
            before = Some(stream.next());
            match dissector.read(Role::Originator, &mut Input::new(&mut stream, u64::MAX), &mut notes) {
                Next::More => {}
                Next::Settled | Next::Lost(_) | Next::Upgraded(_) => break,
            }
        }
        dissector.finish(true, &mut notes);
        shown.retain(Observation::presents_proof);
        shown
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
