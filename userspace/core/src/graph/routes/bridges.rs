//! Bridges: ways of an agent's tree to a listener that serves it, or those on the way, for no reason other than
//! where they sit.
//!
//! There can be exponentially many paths, so they are not listed. What is given is one bridge for each agent,
//! target listener, kind and first hop, with the strongest path as its witness and among those one of the fewest
//! hops. Removing the witness's edges does not end a bridge that has other paths: that is what the cut set is for.

use serde::{Deserialize, Serialize};

use super::HopStrength;
use super::compact::{Arc, CompactGraph, NONE, RelayInput, TreeKind};
use super::walk::{Ends, Found, Walk};
use crate::verdict::Verdict;

/// Kind of a bridge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BridgeKind {
    /// The agent's own process calls.
    Direct,
    /// A descendant of the agent calls.
    Lineage,
    /// The agent calls someone who calls.
    Transit,
    /// The same, and one of those in between passes bytes on unread.
    Tunnel,
    /// The agent or a descendant calls the backend of a wrap, around its proxy.
    GoAround,
    /// The agent or a descendant calls a Unix socket.
    Local,
}

impl BridgeKind {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Lineage => "lineage",
            Self::Transit => "transit",
            Self::Tunnel => "tunnel",
            Self::GoAround => "go-around",
            Self::Local => "local",
        }
    }
}

/// How hard a bridge is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hardness {
    /// The last edge is location-trusted.
    Hard,
    /// Every hop is checked, the last one by a shared secret only, and its listener is not modern.
    Soft,
    /// Of either sort, but the agent is only suspected to be one.
    Suspected,
}

impl Hardness {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Suspected => "suspected",
        }
    }
}

/// How much is looked for at most. What is beyond is not silently missing: [`Bridges::left_off`] says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bridges.
    pub bridges: usize,
    /// Arcs looked at by the searches.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bridges: 100_000, steps: 2_000_000_000 }
    }
}

/// A bridge in numbers of the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CompactBridge {
    /// Workload at the root of the agent's tree.
    pub agent: u32,
    /// Kind.
    pub kind: BridgeKind,
    /// How hard.
    pub hardness: Hardness,
    /// Weakest relation between the hops of a transit; `None` for one hop.
    pub strength: Option<HopStrength>,
    /// Listener at its end.
    pub listener: u32,
    /// Weakest hop.
    pub verdict: Verdict,
    /// Flows that come to the verdict; of a transit the uses that showed the weakest relation, 0 where it is only
    /// reachable.
    pub count: u64,
    /// How many of these flows are of descendants.
    pub descendants: u64,
    begin: u32,
    hops: u32,
}

/// All bridges of a graph, in order of agent, listener, kind and first hop.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bridges {
    /// They.
    pub list: Vec<CompactBridge>,
    /// True when a limit was reached: there are at least these.
    pub left_off: bool,
    hops: Vec<u32>,
}

impl Bridges {
    /// The witness: places of its arcs in the input.
    #[must_use]
    pub fn path(&self, bridge: &CompactBridge) -> &[u32] {
        let begin = bridge.begin as usize;
        self.hops.get(begin..begin + bridge.hops as usize).unwrap_or_default()
    }

    fn push(&mut self, bridge: CompactBridge, path: impl IntoIterator<Item = u32>, limits: Limits) -> bool {
        if self.list.len() >= limits.bridges {
            self.left_off = true;
            return false;
        }
        let Ok(begin) = u32::try_from(self.hops.len()) else {
            self.left_off = true;
            return false;
        };
        self.hops.extend(path);
        let hops = u32::try_from(self.hops.len()).unwrap_or(NONE).saturating_sub(begin);
        self.list.push(CompactBridge { begin, hops, ..bridge });
        true
    }
}

impl CompactGraph {
    /// All bridges. Those of one hop are found first, so that a limit cuts off transits only.
    #[must_use]
    pub fn bridges(&self, limits: Limits) -> Bridges {
        let mut found = Bridges::default();
        for agent in self.agents() {
            for (number, arc) in self.out(agent) {
                self.of_one_hop(agent, number, arc, &mut found, limits);
            }
        }
        let mut walk = Walk::new(self);
        'agents: for agent in self.agents() {
            for (number, arc) in self.out(agent) {
                if !arc.is_hop() {
                    continue;
                }
                if found.left_off || walk.steps > limits.steps {
                    found.left_off = true;
                    break 'agents;
                }
                self.transits(agent, number, arc, &mut walk, &mut found, limits);
            }
        }
        let Bridges { list, hops, .. } = &mut found;
        let first = |it: &CompactBridge| hops.get(it.begin as usize).copied();
        list.sort_by_key(|it| (it.agent, it.listener, it.kind, first(it)));
        found
    }

    fn hardness(&self, agent: u32, hard: bool) -> Hardness {
        match self.kind(agent) {
            TreeKind::Suspected => Hardness::Suspected,
            TreeKind::No | TreeKind::Declared if hard => Hardness::Hard,
            TreeKind::No | TreeKind::Declared => Hardness::Soft,
        }
    }

    fn of_one_hop(&self, agent: u32, number: u32, arc: &Arc, found: &mut Bridges, limits: Limits) {
        let Some(ends) = Ends::of(self, arc) else { return };
        let (own, descendants) = self.counts(number);
        let (own, descendants) = (u64::from(own), u64::from(descendants));
        let bridge = |kind, count, descendants| CompactBridge {
            agent: self.root(agent),
            kind,
            hardness: self.hardness(agent, ends == Ends::Hard),
            strength: None,
            listener: arc.listener,
            verdict: arc.verdict,
            count,
            descendants,
            begin: 0,
            hops: 0,
        };
        let mut push = |bridge| found.push(bridge, [self.given(number)], limits);
        if self.goes_around(agent, arc.listener) {
            push(bridge(BridgeKind::GoAround, own + descendants, descendants));
        } else if arc.local {
            push(bridge(BridgeKind::Local, own + descendants, descendants));
        } else {
            let by_member = self.is_by_member(number);
            if !by_member && (own > 0 || descendants == 0) {
                push(bridge(BridgeKind::Direct, own, 0));
            }
            if by_member || descendants > 0 {
                push(bridge(BridgeKind::Lineage, descendants, descendants));
            }
        }
    }

    fn transits(
        &self,
        agent: u32,
        number: u32,
        arc: &Arc,
        walk: &mut Walk,
        found: &mut Bridges,
        limits: Limits,
    ) {
        walk.begin(self, number);
        let mut keep = |walk: &Walk, at: Found| {
            let path = walk.path(at);
            let relays = path.windows(2).filter_map(|pair| match pair {
                [inbound, outbound] => Some(self.strongest_relay(*inbound, *outbound)),
                _ => None,
            });
            let tunnel = relays.clone().flatten().any(|it| it.tunnel);
            let uses = if at.strength > HopStrength::Reachable {
                relays.map(|it| it.map_or(0, |it| it.n)).min().unwrap_or(0)
            } else {
                0
            };
            let bridge = CompactBridge {
                agent: self.root(agent),
                kind: if tunnel { BridgeKind::Tunnel } else { BridgeKind::Transit },
                hardness: self.hardness(agent, at.ends == Ends::Hard),
                strength: Some(at.strength),
                listener: self.arc(at.last).map_or(NONE, |it| it.listener),
                verdict: self.weakest(&path),
                count: uses,
                descendants: 0,
                begin: 0,
                hops: 0,
            };
            found.push(bridge, path.iter().map(|it| self.given(*it)), limits)
        };
        for ends in [Ends::Hard, Ends::Soft] {
            if ends == Ends::Soft && !arc.verdict.comforts() {
                continue;
            }
            for strength in [HopStrength::Attributed, HopStrength::Correlated] {
                walk.by_relays(self, ends, strength, &mut keep);
            }
            walk.by_any(self, ends, limits.steps, &mut keep);
        }
        if walk.cut_off {
            found.left_off = true;
        }
    }

    pub(super) fn strongest_relay(&self, inbound: u32, outbound: u32) -> Option<&RelayInput> {
        self.relays_of(inbound).filter(|it| it.outbound == outbound).max_by_key(|it| it.strength)
    }

    /// The weakest hop. What lies behind the proxy of a sealed wrap counts as the front does.
    fn weakest(&self, path: &[u32]) -> Verdict {
        let mut weakest = Verdict::Public;
        let mut before: Option<&Arc> = None;
        for arc in path.iter().filter_map(|it| self.arc(*it)) {
            let inside = before.is_some_and(|front| {
                arc.sealed && self.is_inside_wrap(arc.from, front.listener, arc.listener)
            });
            if !inside && arc.verdict.rank() < weakest.rank() {
                weakest = arc.verdict;
            }
            before = Some(arc);
        }
        weakest
    }
}
