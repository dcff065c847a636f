//! Containment: whether all that an agent was seen to reach lies in the modern world.
//!
//! `contained` is said only where nothing speaks against it; what speaks against it without being a bridge makes it
//! `not-proven`. A transit that is merely reachable is a bridge too: who has one is never called contained, though
//! what goes through it was not shown.

use serde::{Deserialize, Serialize};

use super::HopStrength;
use super::compact::{Arc, CompactGraph, NONE, TreeKind};
use super::reach::Reach;
use super::walk::{Ends, Walk};
use crate::graph::ListenerClass;
use crate::verdict::Verdict;

/// What an agent's containment comes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainmentState {
    /// As observed, within the window and its coverage.
    Contained,
    /// It has a bridge.
    Bridged,
    /// Neither can be said.
    NotProven,
}

impl ContainmentState {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contained => "contained",
            Self::Bridged => "bridged",
            Self::NotProven => "not-proven",
        }
    }
}

/// Listeners that an agent's tree reached, directly or through others, by class. Those reached by public edges only,
/// and those behind the proxy of a sealed wrap, are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Reached {
    /// Modern.
    pub modern: u64,
    /// Transitional.
    pub transitional: u64,
    /// Legacy.
    pub legacy: u64,
    /// Of unknown class.
    pub opaque: u64,
}

/// What one agent's tree reaches, in counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CompactContainment {
    /// Workload at the root of the tree.
    pub agent: u32,
    /// Listeners, by class.
    pub reached: Reached,
    /// Edges at which a hard bridge ends, called by the tree itself.
    pub hard_direct: u64,
    /// The same, called by others on its way.
    pub hard_transit: u64,
    /// Strongest relation by which one of these is reached; `None` where there is no transit.
    pub transit_strength: Option<HopStrength>,
    /// Edges at which a soft bridge ends.
    pub soft: u64,
    /// Opaque edges on its ways.
    pub opaque_edges: u64,
    /// Unproven edges on its ways.
    pub unproven_edges: u64,
    /// Listeners on other hosts.
    pub elsewhere: u64,
    /// Listeners that are legacy, but not by the edges on its ways.
    pub legacy_otherwise: u64,
    /// True where a way to a location-trusted edge leads over a public one.
    pub public_way: bool,
}

impl CompactContainment {
    /// True when there is a bridge of any hardness and strength.
    #[must_use]
    pub fn is_bridged(&self) -> bool {
        self.hard_direct + self.hard_transit + self.soft > 0
    }

    /// What it comes to; `covered` is false where loss, blindness or calls of unknown processes leave room for more.
    #[must_use]
    pub fn state(&self, covered: bool) -> ContainmentState {
        let Reached { modern, transitional, legacy, opaque } = self.reached;
        let doubts = [
            opaque,
            transitional,
            legacy,
            self.opaque_edges,
            self.unproven_edges,
            self.elsewhere,
            self.legacy_otherwise,
            u64::from(self.public_way),
        ];
        if self.is_bridged() {
            ContainmentState::Bridged
        } else if covered && modern > 0 && doubts.iter().all(|it| *it == 0) {
            ContainmentState::Contained
        } else {
            ContainmentState::NotProven
        }
    }
}

/// What was found for one agent, and the memory of it.
#[derive(Debug)]
struct Tally {
    /// For each listener the number of the agent that reached it last.
    seen: Vec<u32>,
    behind: Vec<u32>,
    number: u32,
}

impl CompactGraph {
    /// What each agent's tree reaches, in order of the trees' first workloads. One search an agent.
    #[must_use]
    pub fn containment(&self) -> Vec<CompactContainment> {
        let mut reach = Reach::new(self);
        let mut walk = Walk::new(self);
        let mut tally =
            Tally { seen: vec![NONE; self.listeners()], behind: vec![NONE; self.listeners()], number: 0 };
        let mut out: Vec<CompactContainment> =
            self.agents().map(|agent| self.contained(agent, &mut reach, &mut walk, &mut tally)).collect();
        out.sort_by_key(|it| it.agent);
        out
    }

    fn contained(
        &self,
        agent: u32,
        reach: &mut Reach,
        walk: &mut Walk,
        tally: &mut Tally,
    ) -> CompactContainment {
        tally.number = tally.number.wrapping_add(1) % NONE;
        let mut it = CompactContainment { agent: self.root(agent), ..CompactContainment::default() };
        let mut soft_ends = false;
        self.ways(agent, reach, |arc, ends| {
            match ends {
                Some(Ends::Hard) if arc.from == agent => it.hard_direct += 1,
                Some(Ends::Hard) => it.hard_transit += 1,
                Some(Ends::Soft) if arc.from == agent => it.soft += 1,
                Some(Ends::Soft) => soft_ends = true,
                None => {}
            }
            match arc.verdict {
                Verdict::Opaque => it.opaque_edges += 1,
                Verdict::Unproven => it.unproven_edges += 1,
                Verdict::LocationTrusted
                | Verdict::SecretChecked
                | Verdict::IdentityChecked
                | Verdict::Public
                | Verdict::Refused => {}
            }
            self.count_listener(arc, ends, tally, &mut it);
        });
        if soft_ends {
            // A soft bridge is checked at every hop.
            let pass = |_, arc: &Arc| arc.verdict.comforts() && arc.to != agent;
            reach.search(self, [(agent, 0)], pass, |_, arc, _| {
                it.soft += u64::from(arc.from != agent && Ends::of(self, arc) == Some(Ends::Soft));
            });
        }
        if it.hard_transit > 0 {
            it.transit_strength = Some(self.strongest_transit(agent, walk));
        }
        if !it.is_bridged() {
            reach.search(
                self,
                [(agent, 0)],
                |_, arc| arc.to != agent,
                |_, arc, _| {
                    it.public_way |= arc.is_trusted() && !arc.sealed;
                },
            );
        }
        it
    }

    /// Shows each arc on a way of an agent's tree, once, and what it ends. A sealed wrap's backend ends nothing for
    /// who came in by its front, and is shown only where there is another way in.
    pub(super) fn ways(&self, agent: u32, reach: &mut Reach, mut show: impl FnMut(&Arc, Option<Ends>)) {
        let mut behind: Vec<u32> = Vec::new();
        // Ways into proxies of sealed wraps: proxy, listener, time.
        let mut into: Vec<(u32, u32, u32)> = Vec::new();
        reach.search(
            self,
            [(agent, 0)],
            |_, arc| arc.is_hop() && arc.to != agent,
            |number, arc, at| {
                if self.has_sealed(arc.to) {
                    into.push((arc.to, arc.listener, at));
                }
                if arc.sealed && arc.from != agent {
                    behind.push(number);
                } else {
                    show(arc, Ends::of(self, arc));
                }
            },
        );
        for arc in behind.iter().filter_map(|it| self.arc(*it)) {
            let around = into.iter().any(|(proxy, front, at)| {
                *proxy == arc.from
                    && arc.after(*at).is_some()
                    && !self.is_inside_wrap(*proxy, *front, arc.listener)
            });
            if around {
                show(arc, Ends::of(self, arc));
            }
        }
    }

    fn count_listener(&self, arc: &Arc, ends: Option<Ends>, tally: &mut Tally, it: &mut CompactContainment) {
        let Some(listener) = self.listener(arc.listener) else { return };
        let Some(seen) = tally.seen.get_mut(arc.listener as usize) else { return };
        let new = *seen != tally.number;
        *seen = tally.number;
        let Some(hard) = tally.behind.get_mut(arc.listener as usize) else { return };
        let was_hard = *hard == tally.number;
        if ends == Some(Ends::Hard) {
            *hard = tally.number;
        }
        let is_legacy = listener.class == ListenerClass::Legacy;
        if new {
            match listener.class {
                ListenerClass::Modern => it.reached.modern += 1,
                ListenerClass::Transitional => it.reached.transitional += 1,
                ListenerClass::Legacy => it.reached.legacy += 1,
                ListenerClass::Unknown => it.reached.opaque += 1,
            }
            it.elsewhere += u64::from(!self.is_here(listener.owner));
            it.legacy_otherwise += u64::from(is_legacy && ends != Some(Ends::Hard));
        } else if is_legacy && ends == Some(Ends::Hard) && !was_hard {
            it.legacy_otherwise = it.legacy_otherwise.saturating_sub(1);
        }
    }

    fn strongest_transit(&self, agent: u32, walk: &mut Walk) -> HopStrength {
        for strength in [HopStrength::Attributed, HopStrength::Correlated] {
            for (number, _) in self.out(agent).filter(|(_, arc)| arc.is_hop()) {
                let mut any = false;
                walk.begin(self, number);
                walk.by_relays(self, Ends::Hard, strength, &mut |_, _| {
                    any = true;
                    false
                });
                if any {
                    return strength;
                }
            }
        }
        HopStrength::Reachable
    }

    /// True for an agent that is only suspected to be one, by the number of its first workload.
    #[must_use]
    pub fn is_suspected(&self, node: u32) -> bool {
        self.group_of(node).is_some_and(|group| self.kind(group) == TreeKind::Suspected)
    }
}
