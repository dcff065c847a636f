//! Requests in flight into one workload, against the uses of its own connections.
//!
//! Events go into a queue and are counted in order of time once nothing can change them any more: an answer that
//! pauses may go on for [`PAUSE`], so a request's end is known only after that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::graph::Coincidence;

/// An answer that pauses longer is over as of when it paused.
pub(super) const PAUSE: SignedDuration = SignedDuration::from_secs(4);
/// What is older is counted: longer than [`PAUSE`], and than a flow waits to be placed.
pub(super) const SETTLED: SignedDuration = SignedDuration::from_secs(5);
/// Most edges into and out of one workload, and tools of one edge, that are followed.
const MOST_EDGES: usize = 64;
/// Most events that wait to be counted for one workload; beyond, the oldest are counted as they stand.
const MOST_MARKS: usize = 16_384;

#[derive(Debug)]
enum Mark {
    Begin { request: u64, edge: u32 },
    Named { request: u64, tool: String },
    Use { edge: u32 },
    End { request: u64 },
}

impl Mark {
    /// Order among marks of one moment: what was in flight at a moment was so when something was used then.
    fn rank(&self) -> u8 {
        match self {
            Self::Begin { .. } => 0,
            Self::Named { .. } => 1,
            Self::Use { .. } => 2,
            Self::End { .. } => 3,
        }
    }
}

/// Where a mark stands in the queue.
pub(super) type Place = (Timestamp, u8, u64);

#[derive(Debug)]
struct Flying {
    edge: u32,
    tool: Option<String>,
    /// Edges out that were counted for it already.
    counted: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Into {
    requests: u64,
    by_connection: u64,
    since: Timestamp,
    /// Time in which only it had requests in flight.
    alone_ns: u64,
    /// As they stood at its first request.
    idle_ns: u64,
    outside: BTreeMap<u32, u64>,
    tools: BTreeMap<String, Tool>,
}

#[derive(Debug, Default)]
struct Tool {
    calls: u64,
    alone_ns: u64,
    idle_ns: u64,
    outside: BTreeMap<u32, u64>,
    /// Calls during which an edge out was used.
    used: BTreeMap<u32, u64>,
}

#[derive(Debug, Default)]
struct OutOf {
    since: Timestamp,
    /// Uses while nothing was in flight.
    outside: u64,
    /// As they stood at its first use.
    idle_ns: u64,
    alone_ns: BTreeMap<u32, u64>,
}

#[derive(Debug, Default)]
struct Pair {
    n: u64,
    shared: u64,
    last: Timestamp,
}

/// What was counted for one edge in and one out.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) coincidence: Coincidence,
    pub(super) by_connection: u64,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) tools: Vec<(String, u64, Coincidence)>,
}

/// One workload that is called and calls.
#[derive(Debug, Default)]
pub(super) struct Through {
    marks: BTreeMap<Place, Mark>,
    next: u64,
    counted_to: Option<Timestamp>,
    flying: BTreeMap<u64, Flying>,
    idle_ns: u64,
    into: BTreeMap<u32, Into>,
    out_of: BTreeMap<u32, OutOf>,
    pairs: BTreeMap<(u32, u32), Pair>,
    lost: u64,
}

impl Through {
    fn mark(&mut self, at: Timestamp, mark: Mark) -> Place {
        // What comes later than it could still be counted in order counts as of now.
        let at = self.counted_to.map_or(at, |to| at.max(to));
        self.next += 1;
        let place = (at, mark.rank(), self.next);
        self.marks.insert(place, mark);
        if self.marks.len() > MOST_MARKS {
            let middle = self.marks.keys().nth(MOST_MARKS / 2).map(|(at, ..)| *at);
            if let Some(middle) = middle {
                self.count_to(middle);
            }
        }
        place
    }

    /// A request of `edge` began; gives its number.
    pub(super) fn begin(&mut self, edge: u32, at: Timestamp) -> u64 {
        let request = self.next + 1;
        self.mark(at, Mark::Begin { request, edge });
        request
    }

    /// It calls a tool.
    pub(super) fn named(&mut self, request: u64, tool: &str, at: Timestamp) {
        self.mark(at, Mark::Named { request, tool: tool.to_owned() });
    }

    /// It was answered; `before` is where an earlier end of it stands.
    pub(super) fn end(&mut self, request: u64, at: Timestamp, before: Option<Place>) -> Place {
        if let Some(before) = before {
            self.marks.remove(&before);
        }
        self.mark(at, Mark::End { request })
    }

    /// Requests of a connection can't be told apart any further.
    pub(super) fn by_connection(&mut self, edge: u32) {
        if let Some(into) = self.into.get_mut(&edge) {
            into.by_connection += 1;
        } else {
            self.into.entry(edge).or_default().by_connection += 1;
        }
    }

    /// An edge out was used.
    pub(super) fn used(&mut self, edge: u32, at: Timestamp) {
        self.mark(at, Mark::Use { edge });
    }

    /// Edges and tools that found no room since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Counts all that happened before `until`.
    pub(super) fn count_to(&mut self, until: Timestamp) {
        while let Some(entry) = self.marks.first_entry() {
            let at = entry.key().0;
            if at >= until {
                break;
            }
            let mark = entry.remove();
            self.pass(at);
            self.take(mark, at);
        }
        if self.counted_to.is_some() {
            self.pass(until);
        }
    }

    /// Time passes, with what is in flight.
    fn pass(&mut self, to: Timestamp) {
        let from = *self.counted_to.get_or_insert(to);
        if to <= from {
            return;
        }
        self.counted_to = Some(to);
        let passed = u64::try_from(to.duration_since(from).as_nanos()).unwrap_or(0);
        match self.alone() {
            None => {}
            Some(None) => self.idle_ns += passed,
            Some(Some(edge)) => {
                let mut flying = self.flying.values();
                let tool = match (flying.next(), flying.next()) {
                    (Some(only), None) => only.tool.as_ref(),
                    _ => None,
                };
                if let Some(into) = self.into.get_mut(&edge) {
                    into.alone_ns += passed;
                    if let Some(tool) = tool.and_then(|tool| into.tools.get_mut(tool)) {
                        tool.alone_ns += passed;
                    }
                }
            }
        }
    }

    /// The one edge that has requests in flight; `Some(None)` when there is none, `None` when there are several.
    fn alone(&self) -> Option<Option<u32>> {
        let mut flying = self.flying.values().map(|it| it.edge);
        let Some(first) = flying.next() else { return Some(None) };
        flying.all(|it| it == first).then_some(Some(first))
    }

    fn take(&mut self, mark: Mark, at: Timestamp) {
        match mark {
            Mark::Begin { request, edge } => {
                if !self.into.contains_key(&edge) && self.into.len() >= MOST_EDGES {
                    // It is in flight all the same, so that nobody else is taken to be alone.
                    self.lost += 1;
                }
                let outside = self.outside();
                if self.into.len() < MOST_EDGES || self.into.contains_key(&edge) {
                    let into = self.into.entry(edge).or_default();
                    if into.requests == 0 {
                        (into.since, into.idle_ns, into.outside) = (at, self.idle_ns, outside);
                    }
                    into.requests += 1;
                }
                self.flying.insert(request, Flying { edge, tool: None, counted: BTreeSet::new() });
            }
            Mark::Named { request, tool } => {
                let outside = self.outside();
                let Some(flying) = self.flying.get_mut(&request) else { return };
                let Some(into) = self.into.get_mut(&flying.edge) else { return };
                if !into.tools.contains_key(&tool) && into.tools.len() >= MOST_EDGES {
                    self.lost += 1;
                    return;
                }
                let idle_ns = self.idle_ns;
                let known = into.tools.entry(tool.clone()).or_insert_with(|| Tool {
                    idle_ns,
                    outside,
                    ..Tool::default()
                });
                known.calls += 1;
                flying.tool = Some(tool);
            }
            Mark::End { request } => {
                self.flying.remove(&request);
            }
            Mark::Use { edge } => self.take_use(edge, at),
        }
    }

    fn outside(&self) -> BTreeMap<u32, u64> {
        self.out_of.iter().map(|(edge, it)| (*edge, it.outside)).collect()
    }

    fn take_use(&mut self, edge: u32, at: Timestamp) {
        if !self.out_of.contains_key(&edge) {
            if self.out_of.len() >= MOST_EDGES {
                self.lost += 1;
                return;
            }
            let alone_ns = self.into.iter().map(|(edge, it)| (*edge, it.alone_ns)).collect();
            let new = OutOf { since: at, outside: 0, idle_ns: self.idle_ns, alone_ns };
            self.out_of.insert(edge, new);
        }
        match self.alone() {
            Some(None) => {
                if let Some(out_of) = self.out_of.get_mut(&edge) {
                    out_of.outside += 1;
                }
            }
            Some(Some(into)) => {
                let pair = self.pairs.entry((into, edge)).or_default();
                pair.last = at;
                let new = self.flying.values().any(|it| !it.counted.contains(&edge));
                if !new {
                    return;
                }
                pair.n += 1;
                // Calls that overlap are counted for none of them.
                if self.flying.len() == 1
                    && let Some(tool) = self.flying.values().next().and_then(|it| it.tool.as_ref())
                    && let Some(tool) = self.into.get_mut(&into).and_then(|it| it.tools.get_mut(tool))
                {
                    *tool.used.entry(edge).or_default() += 1;
                }
                for flying in self.flying.values_mut() {
                    flying.counted.insert(edge);
                }
            }
            None => {
                let several: BTreeSet<u32> = self.flying.values().map(|it| it.edge).collect();
                for into in several.into_iter().take(MOST_EDGES) {
                    let pair = self.pairs.entry((into, edge)).or_default();
                    (pair.shared, pair.last) = (pair.shared + 1, at);
                }
            }
        }
    }

    /// Pairs of edges that were used together.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.pairs.keys().copied()
    }

    /// What was counted for a pair.
    pub(super) fn counted(&self, pair: (u32, u32)) -> Option<Counted> {
        let (into, out_of) = (self.into.get(&pair.0)?, self.out_of.get(&pair.1)?);
        let known = self.pairs.get(&pair)?;
        let outside = |at_first: &BTreeMap<u32, u64>| {
            out_of.outside.saturating_sub(at_first.get(&pair.1).copied().unwrap_or(0))
        };
        let coincidence = Coincidence {
            n: known.n,
            outside: outside(&into.outside),
            shared: known.shared,
            in_flight_ns: into.alone_ns.saturating_sub(out_of.alone_ns.get(&pair.0).copied().unwrap_or(0)),
            idle_ns: self.idle_ns.saturating_sub(into.idle_ns.max(out_of.idle_ns)),
        };
        let tools = into
            .tools
            .iter()
            .filter_map(|(name, tool)| {
                let n = *tool.used.get(&pair.1)?;
                let coincidence = Coincidence {
                    n,
                    outside: outside(&tool.outside),
                    shared: 0,
                    in_flight_ns: tool.alone_ns,
                    idle_ns: self.idle_ns.saturating_sub(tool.idle_ns.max(out_of.idle_ns)),
                };
                Some((name.clone(), tool.calls, coincidence))
            })
            .collect();
        Some(Counted {
            coincidence,
            by_connection: into.by_connection,
            from: into.since.max(out_of.since),
            to: known.last,
            tools,
        })
    }
}
