//! Walks from one first hop to all ends behind it, the fewest hops first.
//!
//! Round k holds what is reached by k hops and earlier than by fewer. A walk by relations goes from edge to edge, one
//! by mere reachability from group to group; either looks at a place again only when it is reached earlier in time.

use std::collections::HashMap;

use super::HopStrength;
use super::compact::{Arc, CompactGraph, NONE};
use crate::graph::ListenerClass;
use crate::verdict::Verdict;

/// What ends a bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ends {
    /// A location-trusted edge.
    Hard,
    /// A secret-checked edge to a listener that is not modern, behind hops that were all checked.
    Soft,
}

impl Ends {
    /// What an arc ends, if it ends anything.
    pub(super) fn of(graph: &CompactGraph, arc: &Arc) -> Option<Self> {
        match arc.verdict {
            Verdict::LocationTrusted => Some(Self::Hard),
            Verdict::SecretChecked => graph
                .listener(arc.listener)
                .is_none_or(|it| it.class != ListenerClass::Modern)
                .then_some(Self::Soft),
            Verdict::Refused
            | Verdict::Opaque
            | Verdict::Unproven
            | Verdict::IdentityChecked
            | Verdict::Public => None,
        }
    }

    fn pass(self, arc: &Arc) -> bool {
        match self {
            Self::Hard => arc.is_hop(),
            Self::Soft => arc.verdict.comforts(),
        }
    }
}

/// An end that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// The arc that ends the walk.
    pub(super) last: u32,
    /// Label of the arc in front of it.
    before: u32,
    pub(super) ends: Ends,
    pub(super) strength: HopStrength,
}

#[derive(Clone, Copy, Debug)]
struct Label {
    arc: u32,
    before: u32,
    at: u32,
}

/// The walk and its memory.
#[derive(Debug)]
pub(super) struct Walk {
    labels: Vec<Label>,
    frontier: Vec<u32>,
    next: Vec<u32>,
    /// Label by which each group is reached.
    reached: Vec<u32>,
    touched: Vec<u32>,
    /// Time at which each arc is reached, in a walk by relations.
    arcs: HashMap<u32, u32>,
    /// For each listener the number of the walk that found it last.
    found: Vec<u32>,
    number: u32,
    first: u32,
    home: u32,
    /// Arcs looked at since the beginning.
    pub(super) steps: u64,
    /// True when the limit of steps ended a walk.
    pub(super) cut_off: bool,
}

impl Walk {
    pub(super) fn new(graph: &CompactGraph) -> Self {
        Self {
            labels: Vec::new(),
            frontier: Vec::new(),
            next: Vec::new(),
            reached: vec![NONE; graph.groups()],
            touched: Vec::new(),
            arcs: HashMap::new(),
            found: vec![NONE; graph.listeners()],
            number: 0,
            first: NONE,
            home: NONE,
            steps: 0,
            cut_off: false,
        }
    }

    /// Walks from here on begin with this hop. It is no end of them: it is a bridge of its own, if any.
    pub(super) fn begin(&mut self, graph: &CompactGraph, first: u32) {
        self.number = self.number.wrapping_add(1) % NONE;
        self.first = first;
        let Some(arc) = graph.arc(first) else { return };
        self.home = arc.from;
        if Ends::of(graph, arc).is_some() {
            self.mark(arc.listener);
        }
    }

    /// Marks a listener as found; false when it was already.
    fn mark(&mut self, listener: u32) -> bool {
        match self.found.get_mut(listener as usize) {
            Some(it) if *it != self.number => {
                *it = self.number;
                true
            }
            Some(_) | None => false,
        }
    }

    fn restart(&mut self, graph: &CompactGraph) {
        self.labels.clear();
        self.frontier.clear();
        self.next.clear();
        let at = graph.arc(self.first).map_or(NONE, |it| it.first);
        self.labels.push(Label { arc: self.first, before: NONE, at });
        self.frontier.push(0);
    }

    /// The arcs of a walk, the first hop first.
    pub(super) fn path(&self, found: Found) -> Vec<u32> {
        let mut path = vec![found.last];
        let mut label = found.before;
        while let Some(it) = self.labels.get(label as usize) {
            path.push(it.arc);
            label = it.before;
        }
        path.reverse();
        path
    }

    fn add(&mut self, label: Label) -> u32 {
        let number = u32::try_from(self.labels.len()).unwrap_or(NONE);
        self.labels.push(label);
        number
    }

    /// Whether `arc`, used after the hop `before`, ends a walk.
    fn is_end(graph: &CompactGraph, ends: Ends, before: &Arc, arc: &Arc) -> bool {
        Ends::of(graph, arc) == Some(ends)
            && !(arc.sealed && graph.is_inside_wrap(arc.from, before.listener, arc.listener))
    }

    /// Walks by relations that are at least this strong.
    pub(super) fn by_relays(
        &mut self,
        graph: &CompactGraph,
        ends: Ends,
        strength: HopStrength,
        keep: &mut impl FnMut(&Self, Found) -> bool,
    ) {
        if graph.relays_of(self.first).next().is_none() {
            return;
        }
        self.restart(graph);
        self.arcs.clear();
        while !self.frontier.is_empty() {
            let frontier = std::mem::take(&mut self.frontier);
            for number in &frontier {
                let Some(label) = self.labels.get(*number as usize).copied() else { continue };
                let Some(before) = graph.arc(label.arc) else { continue };
                for relay in graph.relays_of(label.arc).filter(|it| it.strength >= strength) {
                    self.steps += 1;
                    let Some(arc) = graph.arc(relay.outbound) else { continue };
                    if !ends.pass(arc) || arc.to == self.home {
                        continue;
                    }
                    let Some(at) = arc.after(label.at) else { continue };
                    if Self::is_end(graph, ends, before, arc) && self.mark(arc.listener) {
                        let found = Found { last: relay.outbound, before: *number, ends, strength };
                        if !keep(self, found) {
                            return;
                        }
                    }
                    if self.arcs.get(&relay.outbound).is_none_or(|known| at < *known) {
                        self.arcs.insert(relay.outbound, at);
                        let label = self.add(Label { arc: relay.outbound, before: *number, at });
                        self.next.push(label);
                    }
                }
            }
            std::mem::swap(&mut self.frontier, &mut self.next);
            self.next.clear();
        }
    }

    /// Walks by all edges that fit in time.
    pub(super) fn by_any(
        &mut self,
        graph: &CompactGraph,
        ends: Ends,
        most_steps: u64,
        keep: &mut impl FnMut(&Self, Found) -> bool,
    ) {
        self.restart(graph);
        for group in self.touched.drain(..) {
            if let Some(it) = self.reached.get_mut(group as usize) {
                *it = NONE;
            }
        }
        if let Some(first) = graph.arc(self.first) {
            self.reach(first.to, 0);
        }
        while !self.frontier.is_empty() {
            let mut frontier = std::mem::take(&mut self.frontier);
            // What the round before reached twice counts once; what this round reaches comes after it.
            frontier.retain(|it| {
                let arc = self.labels.get(*it as usize).and_then(|label| graph.arc(label.arc));
                arc.is_some_and(|arc| self.reached.get(arc.to as usize) == Some(it))
            });
            for number in &frontier {
                let Some(label) = self.labels.get(*number as usize).copied() else { continue };
                let Some(before) = graph.arc(label.arc) else { continue };
                for (next, arc) in graph.out(before.to) {
                    self.steps += 1;
                    if !ends.pass(arc) || arc.to == self.home {
                        continue;
                    }
                    let Some(at) = arc.after(label.at) else { continue };
                    if Self::is_end(graph, ends, before, arc)
                        && !self.keep(next, *number, ends, arc.listener, keep)
                    {
                        return;
                    }
                    let known =
                        self.reached.get(arc.to as usize).and_then(|it| self.labels.get(*it as usize));
                    let earlier = known.is_none_or(|known| at < known.at);
                    let label = Label { arc: next, before: *number, at };
                    if graph.has_sealed(arc.to) && !self.beside(graph, ends, label, keep) {
                        return;
                    }
                    if earlier {
                        let label = self.add(label);
                        self.reach(arc.to, label);
                        self.next.push(label);
                    }
                }
                if self.steps > most_steps {
                    self.cut_off = true;
                    return;
                }
            }
            std::mem::swap(&mut self.frontier, &mut self.next);
            self.next.clear();
        }
    }

    fn reach(&mut self, group: u32, label: u32) {
        if let Some(it) = self.reached.get_mut(group as usize) {
            if *it == NONE {
                self.touched.push(group);
            }
            *it = label;
        }
    }

    fn keep(
        &mut self,
        last: u32,
        before: u32,
        ends: Ends,
        listener: u32,
        keep: &mut impl FnMut(&Self, Found) -> bool,
    ) -> bool {
        let found = Found { last, before, ends, strength: HopStrength::Reachable };
        !self.mark(listener) || keep(self, found)
    }

    /// The proxy of a sealed wrap is reached. Only one way to a group is kept, and that may be the one by the front;
    /// by any other way what is behind the proxy is an end.
    fn beside(
        &mut self,
        graph: &CompactGraph,
        ends: Ends,
        label: Label,
        keep: &mut impl FnMut(&Self, Found) -> bool,
    ) -> bool {
        let Some(before) = graph.arc(label.arc) else { return true };
        for (last, arc) in graph.out(before.to).filter(|(_, arc)| arc.sealed) {
            self.steps += 1;
            if ends.pass(arc)
                && arc.to != self.home
                && arc.after(label.at).is_some()
                && Self::is_end(graph, ends, before, arc)
            {
                let before = self.add(label);
                if !self.keep(last, before, ends, arc.listener, keep) {
                    return false;
                }
            }
        }
        true
    }
}
