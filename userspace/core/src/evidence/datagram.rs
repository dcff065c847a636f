//! One flow's datagrams: which protocol, and what each of them shows.
//!
//! A datagram stands for itself: there is no stream to put together, a lost one leaves a hole that nothing fills, and
//! some protocols never answer. A new protocol is one [`KnownDatagrams`] entry in the list of `evidence/mod.rs`.

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::dissector::{Next, Notes};
use super::observation::RuleRef;
use super::stream_rules::{
    MISSED_DATAGRAM, NO_PAYLOAD, ONE_SIDED, SPEAKS_DATAGRAMS, UNANSWERED, UNREADABLE, UNSUPPORTED,
};
use super::{DATAGRAM_DISSECTORS, Hidden, Observation, Protocol, Rule, Shown};
use crate::event::Role;
use crate::fingerprint::Fingerprinter;

/// Most datagrams kept until the other side spoke.
const HELD: usize = 16;
/// Most bytes kept of each.
const HELD_BYTES: usize = 4096;
/// Most observations of one flow.
const OBSERVATIONS: usize = 512;

/// One datagram as far as it was kept.
#[derive(Clone, Copy)]
pub(crate) struct Datagram<'a> {
    /// Its first bytes.
    pub(crate) bytes: &'a [u8],
    /// How long it was.
    pub(crate) length: u64,
}

/// One protocol whose datagrams can be recognised. Ports are never asked.
pub(crate) struct KnownDatagrams {
    /// Which.
    pub(crate) protocol: Protocol,
    /// True for what an originator may send first. Strict: parse as much of the datagram as is there.
    pub(crate) call: fn(&Datagram<'_>) -> bool,
    /// True for what a responder may send first.
    pub(crate) reply: fn(&Datagram<'_>) -> bool,
    /// True for a call that its protocol never answers (syslog, an SNMP trap), so that silence is no sign of anything.
    pub(crate) unanswered: fn(&Datagram<'_>) -> bool,
    /// Begins to read a flow.
    pub(crate) begin: fn() -> Box<dyn DatagramDissector>,
    /// Every rule by which it speaks.
    pub(crate) rules: &'static [&'static Rule],
}

impl fmt::Debug for KnownDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownDatagrams({})", self.protocol)
    }
}

/// Reads one flow of one protocol, datagram by datagram in the order of arrival.
pub(crate) trait DatagramDissector: fmt::Debug + Send {
    /// Reads one datagram. [`Next::Upgraded`] means nothing here and ends reading.
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next;

    /// The flow is over: what was offered and never answered is said. `whole` is false when datagrams are missing.
    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        let _ = (whole, notes);
    }
}

/// Recognises the protocol of one flow of datagrams, and runs its dissector.
#[derive(Debug)]
pub(crate) struct Datagrams {
    fingerprinter: Fingerprinter,
    state: State,
    /// Number of the next datagram of the originator and of the responder.
    next: [u64; 2],
    said: usize,
    now: Timestamp,
}

#[derive(Debug)]
enum State {
    /// Only one side spoke.
    Unknown { held: Vec<(Role, Zeroizing<Vec<u8>>, u64)> },
    /// Recognised.
    Reading { dissector: Box<dyn DatagramDissector> },
    /// Nothing further matters.
    Over,
}

impl Datagrams {
    /// Nothing was seen yet.
    pub(crate) fn new(fingerprinter: Fingerprinter) -> Self {
        Self {
            fingerprinter,
            state: State::Unknown { held: Vec::new() },
            next: [0, 0],
            said: 0,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// True when further datagrams can't change what is known.
    pub(crate) fn settled(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes datagram `number` of `from`; `length` is how long it was, `bytes` what was kept of it.
    pub(crate) fn take(
        &mut self,
        from: Role,
        number: u64,
        length: u64,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Observation>,
    ) {
        if self.settled() {
            return;
        }
        self.now = self.now.max(now);
        let [originator, responder] = &mut self.next;
        let next = match from {
            Role::Originator => originator,
            Role::Responder => responder,
        };
        if number < *next {
            return;
        }
        let missed = number > *next;
        *next = number.saturating_add(1);
        if missed {
            return self.end(Some((&MISSED_DATAGRAM, Hidden::Gap)), out);
        }
        self.datagram(from, &Datagram { bytes, length }, out);
    }

    fn datagram(&mut self, from: Role, datagram: &Datagram<'_>, out: &mut Vec<Observation>) {
        if let State::Unknown { held } = &mut self.state {
            let both = held.first().is_some_and(|(first, ..)| *first != from);
            let most = if both { datagram.bytes.len() } else { datagram.bytes.len().min(HELD_BYTES) };
            let kept = datagram.bytes.get(..most).unwrap_or_default();
            held.push((from, Zeroizing::new(kept.to_vec()), datagram.length));
            if both || held.len() >= HELD {
                self.begin(out);
            }
            return;
        }
        self.read(from, datagram, out);
    }

    /// Looks at the first datagrams of both sides, or at the originator's alone where its protocol never answers.
    fn begin(&mut self, out: &mut Vec<Observation>) {
        let State::Unknown { held } = &mut self.state else { return };
        let held = std::mem::take(held);
        let first = |role| {
            let (_, bytes, length) = held.iter().find(|(from, ..)| *from == role)?;
            Some(Datagram { bytes, length: *length })
        };
        let Some(call) = first(Role::Originator) else {
            return self.end(Some((&ONE_SIDED, Hidden::Unsupported)), out);
        };
        let reply = first(Role::Responder);
        let known = DATAGRAM_DISSECTORS.iter().find(|known| {
            (known.call)(&call)
                && reply.map_or_else(|| (known.unanswered)(&call), |reply| (known.reply)(&reply))
        });
        if known.is_none() && reply.is_none() && self.said_unanswered(&held, out) {
            self.state = State::Over;
            return;
        }
        let Some(known) = known else {
            let rule = if reply.is_some() { &UNSUPPORTED } else { &ONE_SIDED };
            return self.end(Some((rule, Hidden::Unsupported)), out);
        };
        self.say(&SPEAKS_DATAGRAMS, Shown::Speaks { protocol: known.protocol }, out);
        self.state = State::Reading { dissector: (known.begin)() };
        for (from, bytes, length) in &held {
            self.read(*from, &Datagram { bytes, length: *length }, out);
        }
    }

    /// Says what proof the originator presented that nobody answered; `false` if there is none, or if more than one
    /// protocol fits: half of a flow decides less than both halves.
    fn said_unanswered(
        &mut self,
        held: &[(Role, Zeroizing<Vec<u8>>, u64)],
        out: &mut Vec<Observation>,
    ) -> bool {
        let calls = || held.iter().map(|(_, bytes, length)| Datagram { bytes, length: *length });
        let mut fitting = DATAGRAM_DISSECTORS.iter().filter(|known| calls().any(|call| (known.call)(&call)));
        let (Some(known), None) = (fitting.next(), fitting.next()) else { return false };
        let (mut dissector, mut shown) = ((known.begin)(), Vec::new());
        let mut notes = Notes::new(&mut shown, &self.fingerprinter, self.now);
        for call in calls() {
            let Next::More = dissector.read(Role::Originator, &call, &mut notes) else { break };
        }
        dissector.finish(true, &mut notes);
        shown.retain(Observation::presents_proof);
        if shown.is_empty() {
            return false;
        }
        self.say(&UNANSWERED, Shown::Speaks { protocol: known.protocol }, out);
        let first = out.len();
        out.extend(shown);
        self.bound(first, out);
        true
    }

    fn read(&mut self, from: Role, datagram: &Datagram<'_>, out: &mut Vec<Observation>) {
        let State::Reading { dissector } = &mut self.state else { return };
        let first = out.len();
        let next = dissector.read(from, datagram, &mut Notes::new(out, &self.fingerprinter, self.now));
        self.bound(first, out);
        match next {
            Next::More => {}
            Next::Settled => self.state = State::Over,
            Next::Lost(why) => self.end(Some((&UNREADABLE, why)), out),
            Next::Upgraded(_) => self.end(Some((&UNREADABLE, Hidden::Unsupported)), out),
        }
    }

    /// The flow is over.
    pub(crate) fn finish(&mut self, out: &mut Vec<Observation>) {
        if let State::Unknown { held } = &self.state {
            if held.is_empty() {
                return self.end(Some((&NO_PAYLOAD, Hidden::NoPayload)), out);
            }
            self.begin(out);
        }
        if !self.settled() {
            self.end(None, out);
        }
    }

    fn end(&mut self, why: Option<(&'static Rule, Hidden)>, out: &mut Vec<Observation>) {
        if let State::Reading { mut dissector } = std::mem::replace(&mut self.state, State::Over) {
            let first = out.len();
            dissector.finish(why.is_none(), &mut Notes::new(out, &self.fingerprinter, self.now));
            self.bound(first, out);
        }
        if let Some((rule, why)) = why {
            self.say(rule, Shown::Hidden { why }, out);
        }
    }

    fn say(&mut self, rule: &'static Rule, shown: Shown, out: &mut Vec<Observation>) {
        self.said = self.said.saturating_add(1);
        out.push(Observation { rule: RuleRef(rule), shown });
    }

    /// Counts what was said since `first`, and drops what exceeds the bound of one flow.
    fn bound(&mut self, first: usize, out: &mut Vec<Observation>) {
        let left = OBSERVATIONS.saturating_sub(self.said);
        out.truncate(first.saturating_add(left).max(first));
        self.said = self.said.saturating_add(out.len().saturating_sub(first));
    }
}
