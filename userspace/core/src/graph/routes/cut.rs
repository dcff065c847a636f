//! Cut set: the fewest edges whose removal leaves no agent a way to legacy.
//!
//! A way leads from an agent's tree to a location-trusted edge. The cut is a minimum cut of the graph of all edges
//! that lie on some way that respects time, each of capacity one (Menger; Ford and Fulkerson). Among equal cuts it is
//! the one nearest to legacy, where it is more often enough that the receiver demands proof.
//!
//! What is guaranteed: without these edges no agent has a way, so the cut is never too small. It can be larger than
//! needed, because two hops that each lie on some way in time may not follow each other in time, which a cut of
//! edges does not see; to find the fewest edges against time-respecting paths is NP-hard (Kempe, Kleinberg, Kumar:
//! "Connectivity and inference problems for temporal networks", 2002, for vertices). [`CompactCut::at_least`] says
//! how far off it can be: so many ways in time were found of which no two share an edge, and each needs an edge of
//! its own. Where it equals the number of edges, no smaller set exists.
//!
//! In two places an end of some counts as an end of all, so that the cut can be larger than needed there too: a backend
//! behind the proxy of a sealed wrap, as soon as the proxy can be reached by any listener but the front; and, where
//! there are several agents, a listener of an agent's own tree, which is no end for that agent itself.

use std::collections::HashMap;

use super::compact::{Arc, CompactGraph, NONE, TreeKind};
use super::flow::{ENDLESS, Network};
use super::reach::Reach;

/// Which ways a cut is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CutScope {
    /// Those of agents that are only suspected, too.
    pub suspected: bool,
    /// Only those that respect time; else all that the edges alone allow.
    pub in_time: bool,
    /// Most arcs looked at to count what single edges end.
    pub steps: u64,
}

impl Default for CutScope {
    fn default() -> Self {
        Self { suspected: true, in_time: true, steps: 1_000_000_000 }
    }
}

/// One edge of the cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactCutEdge {
    /// Place of the arc in the input.
    pub arc: u32,
    /// Agents that have a way over it.
    pub agents: u64,
    /// Pairs of an agent and a legacy listener with a way over it, in time; `None` where the steps did not suffice to
    /// count them. A pair with several ways counts at several edges.
    pub ways: Option<u64>,
    /// True where it need not be removed: it is enough that its receiver demands proof, as nothing behind it leads to
    /// legacy past the other edges of the cut.
    pub proof_suffices: bool,
}

/// A minimum cut.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompactCut {
    /// Its edges, in order of place in the input.
    pub edges: Vec<CompactCutEdge>,
    /// No set of fewer edges than this does it.
    pub at_least: u64,
    /// Agents that have a way to legacy.
    pub agents: u64,
    /// Pairs of an agent and a legacy listener with a way in time: what the cut as a whole ends.
    pub ways: u64,
}

/// Arcs that lie on a way, in order of number, and whether they end one.
struct Useful {
    arcs: Vec<(u32, bool)>,
}

impl Useful {
    fn ends(&self, arc: u32) -> bool {
        let at = self.arcs.binary_search_by_key(&arc, |it| it.0);
        at.is_ok_and(|at| self.arcs.get(at).is_some_and(|it| it.1))
    }
}

/// Counts different listeners.
struct Distinct {
    seen: Vec<u32>,
    round: u32,
    count: u64,
}

impl Distinct {
    fn new(listeners: usize) -> Self {
        Self { seen: vec![NONE; listeners], round: 0, count: 0 }
    }

    fn restart(&mut self) {
        self.round = self.round.wrapping_add(1) % NONE;
        self.count = 0;
    }

    fn add(&mut self, listener: u32) {
        if let Some(it) = self.seen.get_mut(listener as usize)
            && *it != self.round
        {
            *it = self.round;
            self.count += 1;
        }
    }
}

impl CompactGraph {
    /// The cut.
    #[must_use]
    pub fn cut(&self, scope: CutScope) -> CompactCut {
        let source = |group: u32| match self.kind(group) {
            TreeKind::No => false,
            TreeKind::Suspected => scope.suspected,
            TreeKind::Declared => true,
        };
        let useful = self.useful(scope, source);
        let groups = u32::try_from(self.groups()).unwrap_or(NONE - 2);
        let (from, sink) = (groups, groups + 1);
        let mut network = Network::default();
        for agent in self.agents().filter(|it| source(*it)) {
            network.add(from, agent, ENDLESS);
        }
        let mut numbers = Vec::with_capacity(useful.arcs.len());
        for (number, ends) in &useful.arcs {
            let Some(arc) = self.arc(*number) else { continue };
            numbers.push(network.add(arc.from, if *ends { sink } else { arc.to }, 1));
        }
        network.close(groups + 2);
        let value = network.maximum(from, sink);
        let side = network.sink_side(sink);
        let on = |node: u32| side.get(node as usize).copied().unwrap_or(false);
        let cut: Vec<u32> = useful
            .arcs
            .iter()
            .filter(|(number, ends)| {
                self.arc(*number).is_some_and(|arc| !on(arc.from) && (*ends || on(arc.to)))
            })
            .map(|(number, _)| *number)
            .collect();
        debug_assert_eq!(u64::try_from(cut.len()), Ok(value), "a cut is as large as the flow");
        let used: Vec<(u32, bool)> = useful
            .arcs
            .iter()
            .zip(&numbers)
            .filter(|(_, arc)| network.rest(**arc) == 0)
            .map(|(it, _)| *it)
            .collect();
        drop(network);
        let at_least = self.disjoint_ways(&used, scope, source);
        self.weigh(&cut, &useful, at_least, scope, source)
    }

    /// Arcs on ways from sources to ends: earliest arrival from the one side, latest departure from the other.
    fn useful(&self, scope: CutScope, source: impl Fn(u32) -> bool) -> Useful {
        // Who comes to another agent's tree begins there anew: what that agent reaches is its own.
        let pass = |arc: &Arc| arc.is_hop() && !source(arc.to);
        let mut reach = Reach::new(self);
        let mut around = vec![];
        let agents: Vec<(u32, u32)> = self.agents().filter(|it| source(*it)).map(|it| (it, 0)).collect();
        let arcs = self.all_arcs();
        let arrivals = if scope.in_time {
            reach.search(
                self,
                agents.iter().copied(),
                |_, arc| pass(arc),
                |_, arc, _| self.note_around(arc, &mut around),
            );
            reach.take_arrivals()
        } else {
            self.reached_ever(&agents, pass, |arc| self.note_around(arc, &mut around))
        };
        around.sort_unstable();
        around.dedup();
        let one = agents.len() == 1;
        let is_end = |arc: &Arc| {
            arc.is_trusted()
                && !(one && source(arc.to))
                && (!arc.sealed
                    || source(arc.from)
                    || around.binary_search(&(arc.from, arc.listener)).is_ok())
        };
        let departures = self.departures(scope.in_time, pass, is_end);
        let at = |times: &[u32], group: u32| times.get(group as usize).copied().unwrap_or(NONE);
        let mut useful = Vec::new();
        for (number, arc) in (0u32..).zip(arcs) {
            let come = at(&arrivals, arc.from);
            if come == NONE || !arc.is_hop() {
                continue;
            }
            let ends = is_end(arc);
            let Some(used) = (if scope.in_time { arc.after(come) } else { Some(0) }) else { continue };
            let leave = at(&departures, arc.to);
            if ends || pass(arc) && leave != NONE && (!scope.in_time || used <= leave) {
                useful.push((number, ends));
            }
        }
        Useful { arcs: useful }
    }

    /// Backends of sealed wraps whose proxy was reached by another listener than the front.
    fn note_around(&self, arc: &Arc, around: &mut Vec<(u32, u32)>) {
        if self.has_sealed(arc.to) {
            let backs = self.out(arc.to).filter(|(_, back)| back.sealed);
            around.extend(
                backs
                    .filter(|(_, back)| !self.is_inside_wrap(arc.to, arc.listener, back.listener))
                    .map(|(_, back)| (arc.to, back.listener)),
            );
        }
    }

    /// Groups reached when time is left aside: 0 where they are.
    fn reached_ever(
        &self,
        sources: &[(u32, u32)],
        pass: impl Fn(&Arc) -> bool,
        mut used: impl FnMut(&Arc),
    ) -> Vec<u32> {
        let mut reached = vec![NONE; self.groups()];
        let mut stack: Vec<u32> = sources.iter().map(|(group, _)| *group).collect();
        for group in &stack {
            if let Some(it) = reached.get_mut(*group as usize) {
                *it = 0;
            }
        }
        while let Some(group) = stack.pop() {
            for (_, arc) in self.out(group).filter(|(_, arc)| pass(arc)) {
                used(arc);
                if let Some(it) = reached.get_mut(arc.to as usize)
                    && *it == NONE
                {
                    *it = 0;
                    stack.push(arc.to);
                }
            }
        }
        reached
    }

    /// For each group the latest time at which a way to an end can still leave it; [`NONE`] where there is none.
    fn departures(
        &self,
        in_time: bool,
        pass: impl Fn(&Arc) -> bool,
        is_end: impl Fn(&Arc) -> bool,
    ) -> Vec<u32> {
        let mut into = vec![0_u32; self.groups() + 1];
        for arc in self.all_arcs() {
            if let Some(it) = into.get_mut(arc.to as usize + 1) {
                *it += 1;
            }
        }
        let mut sum = 0;
        for it in &mut into {
            sum += *it;
            *it = sum;
        }
        let mut next = into.clone();
        let mut order = vec![0_u32; self.all_arcs().len()];
        for (number, arc) in (0u32..).zip(self.all_arcs()) {
            if let Some(place) = next.get_mut(arc.to as usize) {
                if let Some(it) = order.get_mut(*place as usize) {
                    *it = number;
                }
                *place += 1;
            }
        }
        drop(next);
        let mut latest = vec![NONE; self.groups()];
        let mut heap = std::collections::BinaryHeap::new();
        let leaves = |latest: &mut Vec<u32>, group: u32, at: u32| {
            latest.get_mut(group as usize).is_some_and(|it| {
                let later = *it == NONE || at > *it;
                if later {
                    *it = at;
                }
                later
            })
        };
        for arc in self.all_arcs().iter().filter(|arc| is_end(arc)) {
            let at = if in_time { arc.last } else { 0 };
            if leaves(&mut latest, arc.from, at) {
                heap.push((at, arc.from));
            }
        }
        while let Some((at, group)) = heap.pop() {
            if latest.get(group as usize) != Some(&at) {
                continue;
            }
            let begin = into.get(group as usize).copied().unwrap_or(0);
            let end = into.get(group as usize + 1).copied().unwrap_or(0);
            let arcs = order.get(begin as usize..end as usize).unwrap_or_default();
            for arc in arcs.iter().filter_map(|it| self.arc(*it)).filter(|arc| pass(arc)) {
                let at = if in_time { at.min(arc.last) } else { 0 };
                if (!in_time || arc.first <= at) && leaves(&mut latest, arc.from, at) {
                    heap.push((at, arc.from));
                }
            }
        }
        latest
    }

    /// How many ways in time, no two of which share an edge, the flow's edges hold: walked greedily, so at least so
    /// many.
    fn disjoint_ways(&self, used: &[(u32, bool)], scope: CutScope, source: impl Fn(u32) -> bool) -> u64 {
        // `used` is in order of tail, as all arcs are.
        let mut open = vec![true; used.len()];
        let tail = |it: &(u32, bool)| self.arc(it.0).map_or(NONE, |arc| arc.from);
        let mut ways = 0;
        for agent in self.agents().filter(|it| source(*it)) {
            'ways: loop {
                let (mut group, mut at) = (agent, 0);
                loop {
                    let begin = used.partition_point(|it| tail(it) < group);
                    let out = used.iter().enumerate().skip(begin).take_while(|(_, it)| tail(it) == group);
                    let next = out
                        .filter(|(place, _)| open.get(*place) == Some(&true))
                        .filter_map(|(place, (number, ends))| {
                            let arc = self.arc(*number).filter(|arc| arc.to != agent)?;
                            let then = if scope.in_time { arc.after(at)? } else { 0 };
                            Some((!*ends, then, place, arc.to))
                        })
                        .min();
                    let Some((goes_on, then, place, to)) = next else {
                        if group == agent {
                            break 'ways;
                        }
                        // Stuck in time: the edges walked stay spent.
                        continue 'ways;
                    };
                    if let Some(it) = open.get_mut(place) {
                        *it = false;
                    }
                    if !goes_on {
                        ways += 1;
                        continue 'ways;
                    }
                    (group, at) = (to, then);
                }
            }
        }
        ways
    }

    /// Counts what the edges of the cut end.
    fn weigh(
        &self,
        cut: &[u32],
        useful: &Useful,
        at_least: u64,
        scope: CutScope,
        source: impl Fn(u32) -> bool,
    ) -> CompactCut {
        let mut edges: Vec<CompactCutEdge> = cut
            .iter()
            .map(|number| CompactCutEdge {
                arc: self.given(*number),
                agents: 0,
                ways: Some(0),
                proof_suffices: false,
            })
            .collect();
        let place: HashMap<u32, usize> = cut.iter().enumerate().map(|(place, it)| (*it, place)).collect();
        let ends = |number: u32| useful.ends(number);
        let mut reach = Reach::new(self);
        let mut behind = Reach::new(self);
        let mut listeners = Distinct::new(self.listeners());
        // Ways over an edge that ends none itself, by the time at which it is used.
        let mut known: HashMap<(u32, u32), Option<u64>> = HashMap::new();
        let mut out = CompactCut { at_least, ..CompactCut::default() };
        for agent in self.agents().filter(|it| source(*it)) {
            listeners.restart();
            let mut over: Vec<(usize, u32, u32)> = Vec::new();
            reach.search(
                self,
                [(agent, 0)],
                |_, arc| arc.is_hop() && arc.to != agent,
                |number, arc, at| {
                    if arc.is_trusted() && ends(number) {
                        listeners.add(arc.listener);
                    }
                    if let Some(place) = place.get(&number) {
                        over.push((*place, number, at));
                    }
                },
            );
            out.agents += u64::from(listeners.count > 0);
            out.ways += listeners.count;
            for (place, number, at) in over {
                let Some(edge) = edges.get_mut(place) else { continue };
                edge.agents += 1;
                let ways = if ends(number) {
                    Some(1)
                } else {
                    *known.entry((number, at)).or_insert_with(|| {
                        let head = self.arc(number).map_or(NONE, |it| it.to);
                        let pass = |_, arc: &Arc| arc.is_hop() && !source(arc.to);
                        listeners.restart();
                        behind.search(self, [(head, at)], pass, |number, arc, _| {
                            if ends(number) {
                                listeners.add(arc.listener);
                            }
                        });
                        (behind.steps <= scope.steps).then_some(listeners.count)
                    })
                };
                edge.ways = edge.ways.zip(ways).map(|(sum, ways)| sum + ways);
            }
        }
        for (edge, number) in edges.iter_mut().zip(cut) {
            let Some(arc) = self.arc(*number).filter(|_| ends(*number)) else { continue };
            let at = if scope.in_time { arc.first } else { 0 };
            let mut leads_on = false;
            let pass = |number, arc: &Arc| arc.is_hop() && !source(arc.to) && !place.contains_key(&number);
            behind.search(self, [(arc.to, at)], pass, |number, _, _| leads_on |= ends(number));
            edge.proof_suffices = !leads_on;
        }
        edges.sort_by_key(|it| it.arc);
        out.edges = edges;
        out
    }
}
