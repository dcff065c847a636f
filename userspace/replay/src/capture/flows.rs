//! Packets of a capture become the events that the kernel would have told: opened, established, payload, over.

use std::collections::HashMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use tierzero_core::event::{Addresses, ConnectFailure, Count, Event, Payload, Role, What, wiped};
use tierzero_core::evidence::{sender_of_bytes, sender_of_datagram, tcp};
use tierzero_core::id::{EndKey, Netns};

use super::asked::Asked;
use super::packet::{Carries, Packet};
use super::ports::{self, Kind};
use super::sequence::unwrapped;

/// Flows followed at the same time. A capture with more loses the newest, and says how many.
const MAX_FLOWS: usize = 500_000;
/// Datagrams whose payload is handed on, for each direction of a flow.
const MAX_DATAGRAMS: u64 = 64;
/// A UDP flow that was silent this long is over: the next datagram opens another. Well before the pipeline gives it up.
const UDP_IDLE_S: i64 = 20;
/// How long it is remembered who began a UDP flow that is over.
const UDP_REMEMBERED_S: i64 = 180;
/// The datagrams of a UDP flow that goes on are counted this often.
const UDP_COUNTED_S: i64 = 5;

/// Both ends of a flow, the smaller first, so that both directions find the same entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    udp: bool,
    low: SocketAddr,
    high: SocketAddr,
}

/// One flow.
struct Flow {
    number: u64,
    originator: SocketAddr,
    responder: SocketAddr,
    last: Timestamp,
    /// When its datagrams were counted last.
    counted_at: Timestamp,
    state: State,
    /// Originator's direction, responder's direction.
    directions: [Direction; 2],
}

enum State {
    /// It was open when the capture began, and carried nothing since.
    Late,
    /// A SYN was seen.
    Opening,
    /// The handshake was seen, or it was open when the capture began.
    Open,
    /// Reset, or finished in both directions.
    Over,
    /// Datagrams have no state.
    Datagrams,
}

#[derive(Default)]
struct Direction {
    /// Sequence number of the first payload byte.
    first: Option<u32>,
    /// Offset after the furthest byte seen.
    next: u64,
    finished: bool,
    /// Segments of this direction are signed.
    signed: bool,
    count: Count,
}

/// Follows the flows of one capture.
#[derive(Default)]
pub(super) struct Flows {
    flows: HashMap<Ends, Flow>,
    asked: Asked,
    numbers: u64,
    /// Packets of flows for which there was no room.
    pub(super) overflowed: u64,
}

impl Flows {
    /// Takes one packet and says what it means.
    pub(super) fn packet(&mut self, at: Timestamp, packet: Packet, out: &mut Vec<Event>) {
        let Packet { source, destination, carries, .. } = packet;
        let udp = matches!(carries, Carries::Udp);
        let ends = Ends { udp, low: source.min(destination), high: source.max(destination) };
        if self.flows.len() >= MAX_FLOWS && !self.flows.contains_key(&ends) {
            self.overflowed += 1;
            return;
        }
        let known = self.flows.get(&ends);
        match carries {
            Carries::Udp => {
                let silence = known.map_or(i64::MAX, |flow| at.duration_since(flow.last).as_secs().abs());
                if silence > UDP_IDLE_S {
                    let back = match known {
                        Some(it) => silence <= UDP_REMEMBERED_S && it.originator == destination,
                        None => self.answers(at, &packet),
                    };
                    self.finish(ends, out);
                    let (from, to) = if back { (destination, source) } else { (source, destination) };
                    let flow = self.open(from, to, at, State::Datagrams);
                    self.flows.insert(ends, flow);
                }
                if let Some(flow) = self.flows.get_mut(&ends) {
                    if source == flow.originator {
                        self.asked.note(at, source, destination);
                    } else {
                        self.asked.answered(source, destination);
                    }
                    flow.datagram(at, packet, out);
                }
            }
            Carries::Tcp { sequence, acknowledged, syn, fin, rst, signed } => {
                let opens = syn && known.is_none_or(|flow| flow.reopened_by(source, sequence, acknowledged));
                if opens || known.is_none() {
                    if rst && known.is_none() {
                        return; // a reset of a connection that the capture does not hold says nothing
                    }
                    self.finish(ends, out);
                    let flow = self.begin(at, source, destination, sequence, acknowledged, syn, out);
                    self.flows.insert(ends, flow);
                }
                if let Some(flow) = self.flows.get_mut(&ends) {
                    let Packet { payload, length, .. } = packet;
                    let segment = Segment { sequence, acknowledged, syn, fin, rst, signed, payload, length };
                    flow.segment(at, source, segment, out);
                }
            }
        }
    }

    /// True when the first datagram that was captured of a flow is an answer: never one to a service's port; else by
    /// its bytes, by what was asked before, or because it comes from a service's port.
    fn answers(&self, at: Timestamp, packet: &Packet) -> bool {
        let Packet { source, destination, .. } = *packet;
        let service = |port| ports::kind(port) == Kind::Service;
        match (service(source.port()), service(destination.port())) {
            (false, true) => false,
            (from, to) => match sender_of_datagram(&packet.payload, packet.length as u64) {
                Some(sender) => sender == Role::Responder,
                None if self.asked.is_answer(at, source, destination) => true,
                None => from && !to && ports::kind(destination.port()) != Kind::Reserved,
            },
        }
    }

    /// The capture is over: what is still open is said to be so far as it was seen.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        let mut left: Vec<Flow> = self.flows.drain().map(|(_, flow)| flow).collect();
        left.sort_by_key(|flow| flow.number);
        for flow in left {
            flow.finish(out);
        }
    }

    fn finish(&mut self, ends: Ends, out: &mut Vec<Event>) {
        if let Some(flow) = self.flows.remove(&ends) {
            flow.finish(out);
        }
    }

    fn open(&mut self, originator: SocketAddr, responder: SocketAddr, at: Timestamp, state: State) -> Flow {
        self.numbers += 1;
        Flow {
            number: self.numbers,
            originator,
            responder,
            last: at,
            counted_at: at,
            state,
            directions: <[Direction; 2]>::default(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one segment")]
    fn begin(
        &mut self,
        at: Timestamp,
        source: SocketAddr,
        destination: SocketAddr,
        sequence: u32,
        acknowledged: Option<u32>,
        syn: bool,
        out: &mut Vec<Event>,
    ) -> Flow {
        match (syn, acknowledged) {
            (true, None) => {
                let flow = self.open(source, destination, at, State::Opening);
                let ends = flow.addresses();
                out.push(Event { at, what: What::Connecting { end: flow.end(), ends, process: None } });
                flow
            }
            // The SYN itself is missing, but its answer tells both first sequence numbers.
            (true, Some(acknowledged)) => {
                let mut flow = self.open(destination, source, at, State::Opening);
                flow.directions[0].first = Some(acknowledged);
                let ends = flow.addresses();
                out.push(Event { at, what: What::Connecting { end: flow.end(), ends, process: None } });
                flow
            }
            (false, _) => {
                let (originator, responder) = ports::late_roles(source, destination);
                let mut flow = self.open(originator, responder, at, State::Late);
                let own = usize::from(source != originator);
                if let Some(direction) = flow.directions.get_mut(own) {
                    direction.first = Some(sequence);
                }
                if let (Some(acknowledged), Some(direction)) =
                    (acknowledged, flow.directions.get_mut(1 - own))
                {
                    direction.first = Some(acknowledged);
                }
                flow
            }
        }
    }
}

/// One TCP segment as seen by its flow.
struct Segment {
    sequence: u32,
    acknowledged: Option<u32>,
    syn: bool,
    fin: bool,
    rst: bool,
    signed: bool,
    payload: Vec<u8>,
    length: usize,
}

impl Flow {
    fn end(&self) -> EndKey {
        EndKey::Capture { flow: self.number, udp: matches!(self.state, State::Datagrams) }
    }

    fn addresses(&self) -> Addresses {
        Addresses { local: self.originator, remote: self.responder, netns: Netns(0) }
    }

    /// The other side called.
    fn turn(&mut self) {
        std::mem::swap(&mut self.originator, &mut self.responder);
        self.directions.reverse();
    }

    fn already_open(&mut self, at: Timestamp, out: &mut Vec<Event>) {
        self.state = State::Open;
        let what = What::AlreadyOpen {
            end: self.end(),
            role: Some(Role::Originator),
            ends: self.addresses(),
            processes: Vec::new(),
        };
        out.push(Event { at, what });
    }

    /// True when a SYN begins another connection between the same ends.
    fn reopened_by(&self, source: SocketAddr, sequence: u32, acknowledged: Option<u32>) -> bool {
        if acknowledged.is_some() {
            return matches!(self.state, State::Over);
        }
        let first = if source == self.originator { self.directions[0].first } else { None };
        first != Some(sequence.wrapping_add(1))
    }

    fn segment(&mut self, at: Timestamp, source: SocketAddr, segment: Segment, out: &mut Vec<Event>) {
        let Segment { sequence, acknowledged, syn, fin, rst, signed, payload, length } = segment;
        self.last = at;
        let originator = source == self.originator;
        let own = usize::from(!originator);
        if syn && let Some(direction) = self.directions.get_mut(own) {
            direction.first = Some(sequence.wrapping_add(1));
        }
        if matches!(self.state, State::Late) && (length > 0 || rst || fin) {
            // A service's port tells more than bytes from who knows where of a stream.
            let told = ports::tell(self.originator.port(), self.responder.port());
            let guessed = if originator { Role::Originator } else { Role::Responder };
            if !told && sender_of_bytes(&payload).is_some_and(|sender| sender != guessed) {
                self.turn();
            }
            self.already_open(at, out);
        }
        let originator = source == self.originator;
        let own = usize::from(!originator);
        if matches!(self.state, State::Opening) {
            if rst && !originator {
                self.state = State::Over;
                out.push(Event {
                    at,
                    what: What::ConnectFailed { end: self.end(), why: ConnectFailure::Refused },
                });
                return;
            }
            // The originator's own acknowledgement, or the responder's SYN with one, ends the handshake.
            if (!originator && syn && acknowledged.is_some())
                || (originator && !syn && acknowledged.is_some())
            {
                self.state = State::Open;
                let what =
                    What::Established { end: self.end(), role: Role::Originator, ends: self.addresses() };
                out.push(Event { at, what });
            }
        }
        if matches!(self.state, State::Over) {
            return;
        }
        if signed
            && let Some(direction) = self.directions.get_mut(own)
            && !direction.signed
        {
            direction.signed = true;
            let from = if originator { Role::Originator } else { Role::Responder };
            let observations = tcp::signed_segment(from);
            out.push(Event { at, what: What::Observed { end: self.end(), observations } });
        }
        let start = sequence.wrapping_add(u32::from(syn));
        if length > 0 && !rst {
            self.payload(at, own, start, payload, length, out);
        }
        if let Some(direction) = self.directions.get_mut(own) {
            direction.finished |= fin;
        }
        if rst || self.directions.iter().all(|direction| direction.finished) {
            self.state = State::Over;
            self.released(at, out);
        }
    }

    fn payload(
        &mut self,
        at: Timestamp,
        own: usize,
        start: u32,
        mut payload: Vec<u8>,
        length: usize,
        out: &mut Vec<Event>,
    ) {
        let end = self.end();
        let ends = self.addresses();
        let Some(direction) = self.directions.get_mut(own) else { return };
        let first = *direction.first.get_or_insert(start);
        let Some(offset) = unwrapped(direction.next, start.wrapping_sub(first)) else {
            // Starts before the first byte of the stream: a keep-alive probe (RFC 9293 section 3.8.4), or an older
            // segment of a connection that was joined late. Cut what lies before.
            let before = first.wrapping_sub(start) as usize;
            if before >= payload.len() {
                return;
            }
            payload.drain(..before);
            let rest = length - before;
            return self.payload(at, own, first, payload, rest, out);
        };
        direction.count.packets += 1;
        let reach = offset + length as u64;
        direction.count.bytes += reach.saturating_sub(direction.next.max(offset));
        direction.next = direction.next.max(reach);
        let payload = Payload {
            end,
            ends: Some(ends),
            sent: own == 0,
            offset,
            length: length as u64,
            bytes: wiped(payload),
        };
        out.push(Event { at, what: What::Payload(payload) });
    }

    fn datagram(&mut self, at: Timestamp, packet: Packet, out: &mut Vec<Event>) {
        let Packet { source, payload, length, .. } = packet;
        self.last = at;
        let own = usize::from(source != self.originator);
        let end = self.end();
        let ends = self.addresses();
        let Some(direction) = self.directions.get_mut(own) else { return };
        let number = direction.count.packets;
        direction.count.packets += 1;
        direction.count.bytes += length as u64;
        if number == 0 || at.duration_since(self.counted_at).as_secs() >= UDP_COUNTED_S {
            self.counted_at = at;
            self.counted(at, out);
        }
        if number < MAX_DATAGRAMS {
            let payload = Payload {
                end,
                ends: Some(ends),
                sent: own == 0,
                offset: number,
                length: length as u64,
                bytes: wiped(payload),
            };
            out.push(Event { at, what: What::Payload(payload) });
        }
    }

    /// Says the datagrams counted so far.
    fn counted(&self, at: Timestamp, out: &mut Vec<Event>) {
        let [sent, received] = &self.directions;
        let what = What::Datagrams {
            end: self.end(),
            ends: self.addresses(),
            originator: true,
            process: None,
            sent: sent.count,
            received: received.count,
        };
        out.push(Event { at, what });
    }

    fn released(&self, at: Timestamp, out: &mut Vec<Event>) {
        let [sent, received] = &self.directions;
        let what = What::Released {
            end: self.end(),
            process: None,
            bytes_sent: Some(sent.count.bytes),
            bytes_received: Some(received.count.bytes),
        };
        out.push(Event { at, what });
    }

    fn finish(mut self, out: &mut Vec<Event>) {
        match self.state {
            State::Over => {}
            State::Late => {
                self.already_open(self.last, out);
                self.released(self.last, out);
            }
            State::Opening => {
                let what = What::ConnectFailed { end: self.end(), why: ConnectFailure::TimedOut };
                out.push(Event { at: self.last, what });
            }
            State::Open => self.released(self.last, out),
            State::Datagrams => {
                self.counted(self.last, out);
                self.released(self.last, out);
            }
        }
    }
}
