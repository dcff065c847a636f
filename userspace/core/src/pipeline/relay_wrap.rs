//! Which connection into a workload goes on as which connection out of it: by bytes, and one by one in time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// Most open connections of one workload each way, and closed ones that still wait for their counterpart.
const MOST: usize = 1_024;
const MOST_CLOSED: usize = 64;
/// Fewest bytes, both ways together, by which two connections are known to carry the same.
const LEAST_BYTES: u64 = 32;
/// How long after the one the other of two connections with the same bytes may end.
const TOGETHER: SignedDuration = SignedDuration::from_secs(2);
/// What a TLS handshake, or rewritten header fields, add to a connection at most; an eighth of the rest is for records.
const AROUND: u64 = 24 * 1024;

/// How a connection was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// Payload bytes from the caller and to it, where counted.
    pub(super) bytes: Option<(u64, u64)>,
}

/// What a connection's end showed, as pairs of an edge in and an edge out.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// The same bytes came in and went out.
    pub(super) same_bytes: Vec<(u32, u32)>,
    /// A connection in went on as one backend's connections, and fits in time and bytes.
    pub(super) wrapped: Vec<(u32, u32)>,
}

#[derive(Debug)]
struct In {
    edge: u32,
    first: Timestamp,
    /// Closed connections out that were opened while it alone was open: their bytes, by edge.
    outs: BTreeMap<u32, (u64, u64)>,
    /// Some of their bytes are not known.
    uncounted: bool,
    ended: Option<(Ended, Option<String>)>,
}

impl In {
    fn was_open(&self, at: Timestamp) -> bool {
        self.first <= at && self.ended.as_ref().is_none_or(|(it, _)| at <= it.last)
    }
}

#[derive(Debug, Default)]
struct Place {
    ins: BTreeMap<u64, In>,
    /// Open connections out, and when each was opened.
    outs: BTreeMap<u64, Timestamp>,
    opened: BTreeSet<(Timestamp, u64)>,
    closed_in: VecDeque<(u32, Ended)>,
    closed_out: VecDeque<(u32, Ended)>,
    protocols: BTreeMap<u32, String>,
}

/// Connections of workloads that are called and call.
#[derive(Debug, Default)]
pub(super) struct Wraps {
    places: BTreeMap<u32, Place>,
    pub(super) found: BTreeMap<(u32, u32), super::relay_stand::Found>,
    /// Somebody new stands behind a wrap, since it was last asked.
    pub(super) standing_changed: bool,
}

impl Wraps {
    pub(super) fn opened_in(&mut self, workload: u32, number: u64, edge: u32, first: Timestamp) {
        let place = self.places.entry(workload).or_default();
        if place.ins.len() < MOST {
            let new = In { edge, first, outs: BTreeMap::new(), uncounted: false, ended: None };
            place.ins.insert(number, new);
        }
    }

    pub(super) fn opened_out(&mut self, workload: u32, number: u64, first: Timestamp) {
        let place = self.places.entry(workload).or_default();
        if place.outs.len() < MOST && place.ins.len() < MOST {
            place.outs.insert(number, first);
            place.opened.insert((first, number));
        }
    }

    /// A connection ended; `inward` when it came in.
    pub(super) fn closed(
        &mut self,
        workload: u32,
        number: u64,
        (edge, inward): (u32, bool),
        ended: Ended,
        protocol: Option<String>,
    ) -> Closed {
        let mut closed = Closed::default();
        let Some(place) = self.places.get_mut(&workload) else { return closed };
        if let Some(protocol) = &protocol
            && (place.protocols.len() < MOST || place.protocols.contains_key(&edge))
        {
            place.protocols.insert(edge, protocol.clone());
        }
        if inward {
            if let Some(it) = place.ins.get_mut(&number) {
                it.ended = Some((ended, protocol));
            }
        } else if let Some(first) = place.outs.remove(&number) {
            place.opened.remove(&(first, number));
            place.belongs(edge, first, ended.bytes);
        }
        closed.wrapped = place.take_whole();
        place.compare(edge, inward, ended, &mut closed);
        closed
    }
}

impl Place {
    /// A connection out has closed: it belongs to the connection in that alone was open when it was opened. That is
    /// asked only now because the end of an earlier one is told later than the next one's beginning.
    fn belongs(&mut self, edge: u32, first: Timestamp, bytes: Option<(u64, u64)>) {
        let mut open = self.ins.values_mut().filter(|it| it.was_open(first));
        let (Some(it), None) = (open.next(), open.next()) else { return };
        let sum = it.outs.entry(edge).or_default();
        match bytes {
            Some((sent, received)) => {
                *sum = (sum.0.saturating_add(sent), sum.1.saturating_add(received));
            }
            None => it.uncounted = true,
        }
    }

    /// Takes out closed connections in to which no open one out can belong any more, and says as what they went on.
    fn take_whole(&mut self) -> Vec<(u32, u32)> {
        let waits = |it: &In, last: Timestamp| {
            it.first <= last && self.opened.range((it.first, 0)..=(last, u64::MAX)).next().is_some()
        };
        let whole: Vec<u64> = self
            .ins
            .iter()
            .filter(|(_, it)| it.ended.as_ref().is_some_and(|(ended, _)| !waits(it, ended.last)))
            .map(|(number, _)| *number)
            .collect();
        let taken: Vec<In> = whole.iter().filter_map(|number| self.ins.remove(number)).collect();
        taken.iter().filter_map(|it| Some((it.edge, self.goes_on(it)?))).collect()
    }

    /// The edge out as which a connection in went on, if it fits.
    fn goes_on(&self, it: &In) -> Option<u32> {
        let ((Ended { bytes: Some(front), .. }, protocol), 1, false) =
            (it.ended.as_ref()?, it.outs.len(), it.uncounted)
        else {
            return None;
        };
        let (edge, back) = it.outs.first_key_value()?;
        let behind = self.protocols.get(edge);
        let most = |bytes: u64| bytes.saturating_add(bytes / 8).saturating_add(AROUND);
        let fits = match (protocol.as_deref(), behind.map(String::as_str)) {
            // What is inside is at most as much as what is outside.
            (Some("tls"), inside) if inside != Some("tls") => {
                back.0 <= front.0 && back.1 <= front.1 && front.0 <= most(back.0) && front.1 <= most(back.1)
            }
            (Some(one), Some(other)) if one == other => {
                let near = |a: u64, b: u64| a <= most(b) && b <= most(a);
                near(front.0, back.0) && near(front.1, back.1)
            }
            _ => front == back,
        };
        (fits && back.0.saturating_add(back.1) > 0).then_some(*edge)
    }

    /// Looks for the connection of the other direction that carried the same bytes.
    fn compare(&mut self, edge: u32, inward: bool, ended: Ended, closed: &mut Closed) {
        if ended.bytes.is_none_or(|(sent, received)| sent.saturating_add(received) < LEAST_BYTES) {
            return;
        }
        let own = if inward { &mut self.closed_in } else { &mut self.closed_out };
        if own.len() >= MOST_CLOSED {
            own.pop_front();
        }
        own.push_back((edge, ended));
        let same = |into: &Ended, out: &Ended| {
            into.bytes == out.bytes
                && into.first <= out.first
                && out.first <= into.last
                && into.last.duration_since(out.last).abs() <= TOGETHER
        };
        let outs: Vec<(u32, Ended)> = self.closed_out.drain(..).collect();
        for (out_edge, out) in outs {
            let fitting: Vec<u32> =
                self.closed_in.iter().filter(|(_, it)| same(it, &out)).map(|(edge, _)| *edge).collect();
            // Where connections of several callers fit, it is nobody's.
            match fitting.first() {
                Some(first) if fitting.iter().all(|it| it == first) => {
                    closed.same_bytes.push((*first, out_edge));
                    if let Some(index) = self.closed_in.iter().position(|(_, it)| same(it, &out)) {
                        self.closed_in.remove(index);
                    }
                }
                _ => self.closed_out.push_back((out_edge, out)),
            }
        }
    }
}
