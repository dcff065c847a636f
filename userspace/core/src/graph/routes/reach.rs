//! Earliest arrival: which groups can be reached by hops of which none was used before the one in front of it.
//!
//! An arc was used some time in [first, last]; what comes in at t can go out by an arc whose last use is not before
//! t. The earliest arrival is never worse than a later one, so one time a group is all that has to be kept
//! (Xuan, Ferreira, Jarry: "Computing shortest, fastest, and foremost journeys in dynamic networks", 2003).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::compact::{Arc, CompactGraph, NONE};

/// The search and its memory, which is used again from search to search.
#[derive(Debug)]
pub(super) struct Reach {
    arrival: Vec<u32>,
    touched: Vec<u32>,
    /// Reached at the time under way.
    now: Vec<u32>,
    later: BinaryHeap<Reverse<(u32, u32)>>,
    /// Arcs looked at since the beginning.
    pub(super) steps: u64,
}

impl Reach {
    pub(super) fn new(graph: &CompactGraph) -> Self {
        Self {
            arrival: vec![NONE; graph.groups()],
            touched: Vec::new(),
            now: Vec::new(),
            later: BinaryHeap::new(),
            steps: 0,
        }
    }

    /// Earliest arrival at a group in the last search.
    pub(super) fn at(&self, group: u32) -> Option<u32> {
        self.arrival.get(group as usize).copied().filter(|it| *it != NONE)
    }

    /// Earliest arrivals, by group: [`NONE`] where there is none.
    pub(super) fn take_arrivals(&mut self) -> Vec<u32> {
        self.touched.clear();
        let fresh = vec![NONE; self.arrival.len()];
        std::mem::replace(&mut self.arrival, fresh)
    }

    /// Searches from `sources` at their times, by arcs that `pass`. Each arc that could be used is shown once to
    /// `used`, with the earliest time of its use.
    pub(super) fn search(
        &mut self,
        graph: &CompactGraph,
        sources: impl IntoIterator<Item = (u32, u32)>,
        pass: impl Fn(u32, &Arc) -> bool,
        mut used: impl FnMut(u32, &Arc, u32),
    ) {
        for group in self.touched.drain(..) {
            if let Some(it) = self.arrival.get_mut(group as usize) {
                *it = NONE;
            }
        }
        for (group, at) in sources {
            self.arrive(group, at);
        }
        while let Some(Reverse((at, group))) = self.later.pop() {
            if self.at(group) != Some(at) {
                continue;
            }
            self.now.push(group);
            // What is reached without waiting needs no heap.
            while let Some(group) = self.now.pop() {
                for (number, arc) in graph.out(group) {
                    self.steps += 1;
                    if !pass(number, arc) {
                        continue;
                    }
                    let Some(then) = arc.after(at) else { continue };
                    used(number, arc, then);
                    let Some(known) = self.arrival.get_mut(arc.to as usize) else { continue };
                    if then >= *known {
                        continue;
                    }
                    if *known == NONE {
                        self.touched.push(arc.to);
                    }
                    *known = then;
                    if then == at {
                        self.now.push(arc.to);
                    } else {
                        self.later.push(Reverse((then, arc.to)));
                    }
                }
            }
        }
    }

    fn arrive(&mut self, group: u32, at: u32) {
        let Some(known) = self.arrival.get_mut(group as usize) else { return };
        if at < *known {
            if *known == NONE {
                self.touched.push(group);
            }
            *known = at;
            self.later.push(Reverse((at, group)));
        }
    }
}
