//! One flow's bytes, both directions, turned into observations and wiped.

use jiff::{SignedDuration, Timestamp};

mod recognition;

use recognition::likeness;

use super::datagram::Datagrams;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes};
use super::observation::RuleRef;
use super::stream::Direction;
use super::stream_rules::{GAP, NO_PAYLOAD, ONE_SIDED, TRUNCATED, UNREADABLE, UNSUPPORTED};
use super::{DISSECTORS, Hidden, Observation, Rule, Shown};
use crate::event::Role;
use crate::fingerprint::Fingerprinter;

/// How long a hole may stay open before it counts as a gap.
const HOLE_PATIENCE: SignedDuration = SignedDuration::from_secs(5);
/// Least limit that lets every recogniser see what it needs.
const LEAST_LIMIT: usize = 512;
/// Most turns that two sides take before their protocol is known.
const TURNS: usize = 256;
/// Most observations of one flow.
const OBSERVATIONS: usize = 512;

/// Reassembles both directions of one flow, recognises the protocol, and runs its dissector.
#[derive(Debug)]
pub struct Conversation {
    fingerprinter: Fingerprinter,
    originator: Direction,
    responder: Direction,
    /// Who sent up to where, in order of arrival, until the protocol is known.
    turns: Vec<(Role, u64)>,
    state: State,
    said: usize,
    now: Timestamp,
    datagrams: Option<Datagrams>,
    late: bool,
    /// Who spoke first, of those bytes that were seen.
    opener: Option<Role>,
}

/// What is known of the protocol.
#[derive(Debug)]
enum State {
    /// Not recognised yet.
    Unknown,
    /// The originator's bytes had to be read before the responder spoke; what they show is held back.
    Tentative { known: &'static Known, dissector: Box<dyn Dissector>, held: Vec<Observation> },
    /// Both directions parse.
    Reading { dissector: Box<dyn Dissector> },
    /// Nothing further matters.
    Over,
}

impl Conversation {
    /// A conversation that keeps at most `limit_bytes` of each direction at any time (at least 512), and as many
    /// behind a hole.
    #[must_use]
    pub fn new(limit_bytes: usize, fingerprinter: Fingerprinter) -> Self {
        let limit = limit_bytes.max(LEAST_LIMIT);
        Self {
            fingerprinter,
            originator: Direction::new(limit),
            responder: Direction::new(limit),
            turns: Vec::new(),
            state: State::Unknown,
            said: 0,
            now: Timestamp::UNIX_EPOCH,
            datagrams: None,
            late: false,
            opener: None,
        }
    }

    /// A conversation on a connection whose beginning was not seen: it shows nothing, unless its first bytes can only
    /// be a connection's first, or each request of its protocol stands for itself.
    #[must_use]
    pub fn late(limit_bytes: usize, fingerprinter: Fingerprinter) -> Self {
        Self { late: true, ..Self::new(limit_bytes, fingerprinter) }
    }

    /// A conversation of datagrams, whose offsets number the datagrams.
    #[must_use]
    pub fn datagrams(fingerprinter: Fingerprinter) -> Self {
        Self { datagrams: Some(Datagrams::new(fingerprinter.clone())), ..Self::new(0, fingerprinter) }
    }

    /// Takes `bytes` sent by `from`, found at `offset` of that direction's stream; `length` is how many bytes were
    /// there (more than `bytes.len()` where the record was cut). Segments may overlap, repeat and come out of order.
    pub fn payload(
        &mut self,
        from: Role,
        offset: u64,
        length: u64,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Observation>,
    ) {
        if let Some(datagrams) = &mut self.datagrams {
            return datagrams.take(from, offset, length, bytes, now, out);
        }
        if self.settled() {
            return;
        }
        self.now = self.now.max(now);
        if length > 0 || !bytes.is_empty() {
            self.direction(from).spoke = true;
        }
        if self.direction(from).lost.is_none() {
            let kept = offset.saturating_add(bytes.len() as u64);
            self.direction(from).stream.mark_cut(kept, offset.saturating_add(length));
            self.segment(from, offset, bytes, out);
            self.drain(from, out);
        }
        for role in [Role::Originator, Role::Responder] {
            self.lose_patience(role, out);
            self.drain(role, out);
        }
    }

    /// The flow is over, or waited long enough: what is still undecided is said as such.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        if let Some(datagrams) = &mut self.datagrams {
            return datagrams.finish(out);
        }
        if self.settled() {
            return;
        }
        let mut why = None;
        for role in [Role::Originator, Role::Responder] {
            if self.settled() {
                return;
            }
            let stream = &self.direction(role).stream;
            let stuck = if stream.is_cut() {
                Some(Hidden::Truncated)
            } else {
                stream.hole_since().map(|_| Hidden::Gap)
            };
            if let Some(reason) = stuck {
                self.stuck(role, reason, out);
                self.drain(role, out);
            }
            why = why.or(self.direction(role).lost);
        }
        if why.is_none() && matches!(self.state, State::Unknown) {
            self.recognise_at_end(out);
        }
        if !self.settled() {
            self.end(why, out);
        }
    }

    /// True when further payload can't change what is known.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.datagrams.as_ref().map_or_else(|| matches!(self.state, State::Over), Datagrams::settled)
    }

    fn direction(&mut self, role: Role) -> &mut Direction {
        match role {
            Role::Originator => &mut self.originator,
            Role::Responder => &mut self.responder,
        }
    }

    /// Takes the part of a segment that continues the stream, piece by piece; keeps it if there is a hole before it.
    fn segment(&mut self, from: Role, offset: u64, bytes: &[u8], out: &mut Vec<Observation>) {
        let now = self.now;
        let stream = &mut self.direction(from).stream;
        if offset > stream.edge() {
            if !stream.keep(offset, bytes, now) {
                self.stuck(from, Hidden::Gap, out);
                // Reading may have moved past the hole; if not, the direction is lost and this is not kept.
                let stream = &mut self.direction(from).stream;
                if offset > stream.edge() {
                    let _ = stream.keep(offset, bytes, now);
                    return;
                }
            } else {
                return;
            }
        }
        let mut at = offset;
        let mut rest = bytes;
        loop {
            if self.settled() || self.direction(from).lost.is_some() {
                return;
            }
            let stream = &mut self.direction(from).stream;
            let old = usize::try_from(stream.edge().saturating_sub(at)).unwrap_or(usize::MAX);
            let Some(new) = rest.get(old..).filter(|new| !new.is_empty()) else { break };
            at = at.saturating_add(old as u64);
            let room = stream.room();
            if room == 0 {
                self.stuck(from, Hidden::Truncated, out);
                rest = new;
                continue;
            }
            let (piece, later) = new.split_at_checked(room).unwrap_or((new, &[]));
            stream.append(piece);
            at = at.saturating_add(piece.len() as u64);
            rest = later;
            self.arrived(from, out);
        }
        if self.direction(from).stream.is_cut() {
            self.stuck(from, Hidden::Truncated, out);
        }
    }

    /// Takes the segments that are no longer behind a hole.
    fn drain(&mut self, from: Role, out: &mut Vec<Observation>) {
        while !self.settled()
            && self.direction(from).lost.is_none()
            && let Some((start, segment)) = self.direction(from).stream.take_reached()
        {
            self.segment(from, start, &segment, out);
        }
    }

    /// A hole that stays open too long is a gap.
    fn lose_patience(&mut self, role: Role, out: &mut Vec<Observation>) {
        let now = self.now;
        if self.settled() || self.direction(role).lost.is_some() {
            return;
        }
        if let Some(since) = self.direction(role).stream.hole_since()
            && now.duration_since(since) > HOLE_PATIENCE
        {
            self.stuck(role, Hidden::Gap, out);
        }
    }

    /// New bytes stand at the edge of one direction.
    fn arrived(&mut self, from: Role, out: &mut Vec<Observation>) {
        let edge = self.direction(from).stream.edge();
        self.opener.get_or_insert(from);
        match &self.state {
            State::Unknown => {
                match self.turns.last_mut() {
                    Some((role, end)) if *role == from => *end = edge,
                    Some(_) | None => self.turns.push((from, edge)),
                }
                if self.turns.len() > TURNS {
                    self.end(Some(Hidden::Unsupported), out);
                } else {
                    self.recognise(out);
                }
            }
            State::Tentative { .. } | State::Reading { .. } => {
                self.direction(from).visible = edge;
                self.read(from, out);
            }
            State::Over => {}
        }
    }

    /// Gives the dissector what arrived before it was there, in the order in which it arrived.
    fn replay(&mut self, out: &mut Vec<Observation>) {
        for (role, end) in std::mem::take(&mut self.turns) {
            self.direction(role).visible = end;
            self.read(role, out);
        }
    }

    /// One direction can't go on as it is: its buffer is full, or the next byte will never come.
    fn stuck(&mut self, role: Role, why: Hidden, out: &mut Vec<Observation>) {
        if matches!(self.state, State::Unknown) && role == Role::Originator {
            let call = self.originator.stream.unread(u64::MAX);
            let like = |known: &&&'static Known| likeness(known.call, call) == Likeness::Like;
            // A protocol without answers comes first: the others can't be it as long as nobody answers.
            let alone = DISSECTORS.iter().filter(like).find(|known| !self.shown_alone(known).is_empty());
            if let Some(known) = alone.or_else(|| DISSECTORS.iter().find(like)) {
                self.state = State::Tentative { known, dissector: (known.begin)(), held: Vec::new() };
                let before = self.originator.stream.next();
                self.replay(out);
                if self.settled() || self.originator.stream.next() > before && !self.is_stuck(role, why) {
                    return;
                }
            }
        }
        // The last word on a message of which only the start is there.
        if matches!(self.state, State::Reading { .. } | State::Tentative { .. })
            && self.read_message(role, true, out)
            && !self.is_stuck(role, why)
        {
            self.read(role, out);
            return;
        }
        if self.settled() {
            return;
        }
        self.direction(role).lost = Some(why);
        // The responder's replies decide: without them nothing more is learnt. Without the originator's bytes,
        // replies to what it sent before still are.
        if role == Role::Responder || matches!(self.state, State::Unknown) {
            self.end(Some(why), out);
        }
    }

    /// True when the reason for which a direction stood still is still there.
    fn is_stuck(&mut self, role: Role, why: Hidden) -> bool {
        let stream = &self.direction(role).stream;
        match why {
            Hidden::Truncated => stream.room() == 0 || stream.is_cut(),
            Hidden::Gap => stream.hole_since().is_some(),
            Hidden::Tls12
            | Hidden::Tls13
            | Hidden::Resumed
            | Hidden::AgreedKey
            | Hidden::Encrypted
            | Hidden::Unsupported
            | Hidden::JoinedLate
            | Hidden::NoPayload => true,
        }
    }

    /// Lets the dissector read one direction message by message. After each, the other direction may go on with what
    /// it had left unread, as it would have if the messages had come in segments of their own.
    fn read(&mut self, from: Role, out: &mut Vec<Observation>) {
        while self.read_message(from, false, out) {
            while self.read_message(from.other(), false, out) {}
        }
    }

    /// Lets the dissector read one message; `true` if it moved on. `stuck` when nothing more comes where it stands.
    fn read_message(&mut self, role: Role, stuck: bool, out: &mut Vec<Observation>) -> bool {
        if !self.confirm(out) {
            return false;
        }
        let direction = match role {
            Role::Originator => &mut self.originator,
            Role::Responder => &mut self.responder,
        };
        let before = direction.stream.next();
        let end = direction.visible;
        let mut input = if stuck {
            Input::stuck(&mut direction.stream, end)
        } else {
            Input::new(&mut direction.stream, end)
        };
        let first = out.len();
        let next = match &mut self.state {
            State::Reading { dissector } => {
                dissector.read(role, &mut input, &mut Notes::new(out, &self.fingerprinter, self.now))
            }
            // Nothing of the responder is read before both directions are known to parse.
            State::Tentative { .. } if role == Role::Responder => Next::More,
            State::Tentative { dissector, held, .. } => {
                dissector.read(role, &mut input, &mut Notes::new(held, &self.fingerprinter, self.now))
            }
            State::Unknown | State::Over => return false,
        };
        let moved = direction.stream.next() > before;
        self.bound(first, out);
        match next {
            Next::More => return moved,
            Next::Settled => {
                // Its last word is said: only a tentative reading still ends as undecided.
                if matches!(self.state, State::Reading { .. }) {
                    self.state = State::Over;
                }
                self.end(None, out);
            }
            Next::Lost(why) => self.end(Some(why), out),
            Next::Upgraded(inner) => {
                if let State::Reading { dissector } | State::Tentative { dissector, .. } = &mut self.state {
                    *dissector = inner;
                }
                // It looks for other ends of messages.
                self.originator.stream.set_searched(0);
                self.responder.stream.set_searched(0);
                // The inner layer looks at what is there at once.
                return true;
            }
        }
        false
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

    /// Ends reading, says what is undecided and why, and wipes everything.
    fn end(&mut self, why: Option<Hidden>, out: &mut Vec<Observation>) {
        let mut rule = match why {
            None => None,
            Some(Hidden::Gap) => Some((&GAP, Hidden::Gap)),
            Some(Hidden::Truncated) => Some((&TRUNCATED, Hidden::Truncated)),
            Some(why) if matches!(self.state, State::Reading { .. }) => Some((&UNREADABLE, why)),
            Some(_) => Some((&UNSUPPORTED, Hidden::Unsupported)),
        };
        let mut mute = self.late;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Reading { mut dissector } => {
                mute = dissector.has_decided();
                let first = out.len();
                dissector
                    .finish(why.is_none() && !self.late, &mut Notes::new(out, &self.fingerprinter, self.now));
                self.bound(first, out);
            }
            // Protocols without answers: where the bytes that were kept end decides nothing.
            State::Unknown | State::Tentative { .. }
                if why == Some(Hidden::Truncated)
                    && !self.responder.spoke
                    && !self.late
                    && self.said_by_call_alone(out) =>
            {
                rule = None;
            }
            State::Unknown | State::Tentative { .. } if rule.is_none() && self.late => {
                if !self.responder.spoke && self.originator.spoke {
                    self.said_unanswered(out);
                }
            }
            State::Unknown | State::Tentative { .. } if rule.is_none() => {
                rule = match (self.originator.spoke, self.responder.spoke) {
                    (false, false) => Some((&NO_PAYLOAD, Hidden::NoPayload)),
                    (true, false) if self.said_by_call_alone(out) || self.said_unanswered(out) => None,
                    (true, false) | (false, true) => Some((&ONE_SIDED, Hidden::Unsupported)),
                    (true, true) => Some((&UNSUPPORTED, Hidden::Unsupported)),
                };
            }
            State::Unknown | State::Tentative { .. } | State::Over => {}
        }
        if let Some((rule, why)) = rule.filter(|_| !mute) {
            self.say(rule, Shown::Hidden { why }, out);
        }
        self.originator.stream.wipe();
        self.responder.stream.wipe();
        self.turns = Vec::new();
    }
}
