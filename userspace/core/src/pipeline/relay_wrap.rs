//! Which connection into a workload goes on as which connection out of it: by bytes, and one by one in time.

use std::collections::{BTreeMap, VecDeque};

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
    /// Connections out that were opened while it alone was open, by edge: bytes of the closed ones.
    outs: BTreeMap<u32, (u64, u64)>,
    /// How many of them are open.
    open: u32,
    /// Some of their bytes are not known.
    uncounted: bool,
    ended: Option<(Ended, Option<String>)>,
}

#[derive(Debug, Default)]
struct Place {
    ins: BTreeMap<u64, In>,
    outs: BTreeMap<u64, Option<u64>>,
    closed_in: VecDeque<(u32, Ended)>,
    closed_out: VecDeque<(u32, Ended)>,
    protocols: BTreeMap<u32, String>,
}

/// Connections of workloads that are called and call.
#[derive(Debug, Default)]
pub(super) struct Wraps {
    places: BTreeMap<u32, Place>,
    pub(super) found: BTreeMap<(u32, u32), super::relay_stand::Found>,
}

impl Wraps {
    pub(super) fn opened_in(&mut self, workload: u32, number: u64, edge: u32, first: Timestamp) {
        let place = self.places.entry(workload).or_default();
        if place.ins.len() < MOST {
            let new = In { edge, first, outs: BTreeMap::new(), open: 0, uncounted: false, ended: None };
            place.ins.insert(number, new);
        }
    }

    pub(super) fn opened_out(&mut self, workload: u32, number: u64, edge: u32, first: Timestamp) {
        let place = self.places.entry(workload).or_default();
        if place.outs.len() >= MOST || place.ins.len() >= MOST {
            return;
        }
        let mut open = place.ins.iter_mut().filter(|(_, it)| it.ended.is_none());
        let partner = match (open.next(), open.next()) {
            (Some((of, it)), None) if it.first <= first => {
                it.open += 1;
                it.outs.entry(edge).or_default();
                Some(*of)
            }
            _ => None,
        };
        place.outs.insert(number, partner);
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
        let front = if inward {
            if let Some(it) = place.ins.get_mut(&number) {
                it.ended = Some((ended, protocol));
            }
            Some(number)
        } else {
            let partner = place.outs.remove(&number).flatten();
            if let Some(it) = partner.and_then(|of| place.ins.get_mut(&of)) {
                it.open = it.open.saturating_sub(1);
                match (it.outs.get_mut(&edge), ended.bytes) {
                    (Some(sum), Some((sent, received))) => {
                        *sum = (sum.0.saturating_add(sent), sum.1.saturating_add(received));
                    }
                    _ => it.uncounted = true,
                }
            }
            partner
        };
        if let Some(number) = front
            && place.ins.get(&number).is_some_and(|it| it.ended.is_some() && it.open == 0)
            && let Some(it) = place.ins.remove(&number)
            && let Some(back) = place.goes_on(&it)
        {
            closed.wrapped.push((it.edge, back));
        }
        place.compare(edge, inward, ended, &mut closed);
        closed
    }
}

impl Place {
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
