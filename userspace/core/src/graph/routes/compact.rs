//! The graph as numbers: what every search here runs on.
//!
//! One node a workload, one arc an edge: from the caller to the owner of the listener. 28 bytes an arc and 9 bytes a
//! node, so that a million edges fit in the memory of a small host.

use super::HopStrength;
use crate::graph::ListenerClass;
use crate::verdict::Verdict;

/// No node, no arc, no time.
pub(super) const NONE: u32 = u32::MAX;

/// Whether a node belongs to an agent's tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TreeKind {
    /// No.
    #[default]
    No,
    /// Of an agent that is only suspected to be one.
    Suspected,
    /// Of a declared agent.
    Declared,
}

/// One workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeInput {
    /// Number of the workload at the root of its agent's tree; its own number where it is the root or no agent.
    pub root: u32,
    /// Of what kind of agent that root is.
    pub kind: TreeKind,
    /// False for a peer on another host: what it calls is not seen.
    pub here: bool,
}

/// One listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenerInput {
    /// Number of its owner.
    pub owner: u32,
    /// Class.
    pub class: ListenerClass,
}

/// One edge on which something was served, or may have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArcInput {
    /// Number of the calling workload.
    pub caller: u32,
    /// Number of the listener.
    pub listener: u32,
    /// Verdict; an edge that is `refused` is no way to anywhere and is passed over.
    pub verdict: Verdict,
    /// True for a Unix socket.
    pub local: bool,
    /// Flows that come to the verdict, of the calling workload's own process.
    pub own: u32,
    /// Flows that come to the verdict, of descendants of an agent.
    pub descendants: u32,
    /// First use, in any unit that all arcs share.
    pub first: i64,
    /// Last use.
    pub last: i64,
}

/// Outbound use of a workload that was seen to go with inbound use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RelayInput {
    /// Number of the edge to the intermediary.
    pub inbound: u32,
    /// Number of the edge from the intermediary.
    pub outbound: u32,
    /// How firm.
    pub strength: HopStrength,
    /// True where the intermediary passes bytes on unread: a tunnel.
    pub tunnel: bool,
    /// How many uses showed it.
    pub n: u64,
}

/// A proxy in front of a backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrapInput {
    /// Number of the proxy's workload.
    pub proxy: u32,
    /// Number of the listener in front.
    pub front: u32,
    /// Number of the listener behind.
    pub backend: u32,
    /// True while nothing went around it and nothing stands where it could.
    pub sealed: bool,
}

/// What a compact graph is built from. Numbers are places in these lists; what points outside of them is passed over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Input {
    /// Workloads.
    pub nodes: Vec<NodeInput>,
    /// Listeners.
    pub listeners: Vec<ListenerInput>,
    /// Edges.
    pub arcs: Vec<ArcInput>,
    /// Relations through intermediaries.
    pub relays: Vec<RelayInput>,
    /// Proxies in front of backends.
    pub wraps: Vec<WrapInput>,
}

/// An arc between two groups. A group is an agent's tree, or a workload that is in none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) listener: u32,
    /// Rank of the first and of the last use among all times.
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) verdict: Verdict,
    pub(super) local: bool,
    /// From the proxy of a sealed wrap to its backend.
    pub(super) sealed: bool,
}

impl Arc {
    /// When it was used by a caller that was reached at `at`; `None` when it was not used again.
    pub(super) fn after(&self, at: u32) -> Option<u32> {
        let used = at.max(self.first);
        (used <= self.last).then_some(used)
    }

    /// Whether it can be a hop: what was asked over a public edge is anonymous by design, so it carries nobody's
    /// authority.
    pub(super) fn is_hop(&self) -> bool {
        self.verdict != Verdict::Public
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.verdict == Verdict::LocationTrusted
    }
}

/// The compact graph. Arcs lie in order of the group they go out from, then in the order in which they were given.
#[derive(Debug, Default)]
pub struct CompactGraph {
    here: Vec<bool>,
    group_of: Vec<u32>,
    /// Workload at the root of each group.
    roots: Vec<u32>,
    /// Kind of each group.
    group_kinds: Vec<TreeKind>,
    /// Where the arcs of each group begin; one more than there are groups.
    begin: Vec<u32>,
    arcs: Vec<Arc>,
    /// For each arc: its place in the input, and its counts.
    given: Vec<u32>,
    counts: Vec<(u32, u32)>,
    /// True where the caller is a member of an agent's tree that is a workload of its own.
    by_member: Vec<bool>,
    listeners: Vec<ListenerInput>,
    /// In order of inbound arc. Numbers are those of arcs here.
    relays: Vec<RelayInput>,
    /// Sealed wraps as (group of the proxy, front listener, backend listener), sorted.
    sealed: Vec<(u32, u32, u32)>,
    /// Wraps of any state as (backend listener, group of the proxy), sorted.
    backends: Vec<(u32, u32)>,
}

impl CompactGraph {
    /// Builds it.
    #[must_use]
    pub fn build(input: &Input) -> Self {
        let Input { nodes, listeners, arcs, relays, wraps } = input;
        let mut graph = Self { listeners: listeners.clone(), ..Self::default() };
        graph.number_groups(nodes);
        graph.take_wraps(wraps);
        let place = graph.take_arcs(arcs);
        graph.take_relays(relays, &place);
        graph
    }

    fn number_groups(&mut self, nodes: &[NodeInput]) {
        let mut numbered = vec![NONE; nodes.len()];
        for (number, node) in (0u32..).zip(nodes) {
            let root = if node.kind == TreeKind::No { number } else { node.root };
            let root = if (root as usize) < nodes.len() { root } else { number };
            let known = numbered.get(root as usize).copied().unwrap_or(NONE);
            let group = if known == NONE {
                let new = u32::try_from(self.roots.len()).unwrap_or(NONE);
                self.roots.push(root);
                self.group_kinds.push(node.kind);
                if let Some(it) = numbered.get_mut(root as usize) {
                    *it = new;
                }
                new
            } else {
                if let Some(kind) = self.group_kinds.get_mut(known as usize) {
                    *kind = (*kind).max(node.kind);
                }
                known
            };
            self.group_of.push(group);
            self.here.push(node.here);
        }
    }

    fn take_wraps(&mut self, wraps: &[WrapInput]) {
        for WrapInput { proxy, front, backend, sealed } in wraps.iter().copied() {
            let Some(group) = self.group_of(proxy) else { continue };
            self.backends.push((backend, group));
            if sealed {
                self.sealed.push((group, front, backend));
            }
        }
        self.backends.sort_unstable();
        self.backends.dedup();
        self.sealed.sort_unstable();
        self.sealed.dedup();
    }

    /// Groups at the ends of an arc that leads anywhere.
    fn ends(&self, arc: &ArcInput) -> Option<(u32, u32)> {
        let from = self.group_of(arc.caller)?;
        let to = self.group_of(self.listener(arc.listener)?.owner)?;
        (arc.verdict != Verdict::Refused && from != to).then_some((from, to))
    }

    /// Returns for each arc of the input its number here.
    fn take_arcs(&mut self, arcs: &[ArcInput]) -> Vec<u32> {
        let mut times: Vec<i64> = arcs.iter().flat_map(|arc| [arc.first, arc.last.max(arc.first)]).collect();
        times.sort_unstable();
        times.dedup();
        let rank = |time: i64| u32::try_from(times.partition_point(|it| *it < time)).unwrap_or(NONE - 1);
        let mut order: Vec<(u32, u32)> = (0u32..)
            .zip(arcs)
            .filter_map(|(given, arc)| self.ends(arc).map(|(from, _)| (from, given)))
            .collect();
        order.sort_unstable();
        let mut place = vec![NONE; arcs.len()];
        let mut built = Vec::with_capacity(order.len());
        let mut begin = Vec::with_capacity(self.roots.len() + 1);
        for (number, (from, given)) in (0u32..).zip(&order) {
            while begin.len() <= *from as usize {
                begin.push(number);
            }
            let Some(arc) = arcs.get(*given as usize) else { continue };
            let Some((_, to)) = self.ends(arc) else { continue };
            let sealed = self
                .sealed
                .iter()
                .skip(self.sealed.partition_point(|(proxy, ..)| proxy < from))
                .take_while(|(proxy, ..)| proxy == from)
                .any(|(_, _, backend)| *backend == arc.listener);
            built.push(Arc {
                from: *from,
                to,
                listener: arc.listener,
                first: rank(arc.first),
                last: rank(arc.last.max(arc.first)),
                verdict: arc.verdict,
                local: arc.local,
                sealed,
            });
            self.given.push(*given);
            self.counts.push((arc.own, arc.descendants));
            self.by_member.push(self.roots.get(*from as usize) != Some(&arc.caller));
            if let Some(it) = place.get_mut(*given as usize) {
                *it = number;
            }
        }
        let end = u32::try_from(built.len()).unwrap_or(NONE);
        begin.resize(self.roots.len() + 1, end);
        self.begin = begin;
        self.arcs = built;
        place
    }

    fn take_relays(&mut self, relays: &[RelayInput], place: &[u32]) {
        let at = |given: u32| place.get(given as usize).copied().filter(|it| *it != NONE);
        for relay in relays {
            let (Some(inbound), Some(outbound)) = (at(relay.inbound), at(relay.outbound)) else { continue };
            let joined = self.arc(inbound).zip(self.arc(outbound)).is_some_and(|(a, b)| a.to == b.from);
            if joined && relay.strength > HopStrength::Reachable {
                self.relays.push(RelayInput { inbound, outbound, ..*relay });
            }
        }
        self.relays.sort_unstable();
        self.relays.dedup_by_key(|it| (it.inbound, it.outbound, it.strength));
    }

    /// Workloads.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.group_of.len()
    }

    /// Arcs, without those that were refused or stay inside one agent's tree.
    #[must_use]
    pub fn arcs(&self) -> usize {
        self.arcs.len()
    }

    pub(super) fn groups(&self) -> usize {
        self.roots.len()
    }

    pub(super) fn group_of(&self, node: u32) -> Option<u32> {
        self.group_of.get(node as usize).copied()
    }

    /// False for a peer on another host.
    pub(super) fn is_here(&self, node: u32) -> bool {
        self.here.get(node as usize).copied().unwrap_or(false)
    }

    pub(super) fn root(&self, group: u32) -> u32 {
        self.roots.get(group as usize).copied().unwrap_or(NONE)
    }

    /// Workload at the root of the agent's tree that a workload belongs to; `None` where it belongs to none.
    pub(super) fn root_of(&self, node: u32) -> Option<u32> {
        let group = self.group_of(node)?;
        (self.kind(group) != TreeKind::No).then(|| self.root(group))
    }

    pub(super) fn kind(&self, group: u32) -> TreeKind {
        self.group_kinds.get(group as usize).copied().unwrap_or_default()
    }

    /// Groups that are agents' trees, in order of number.
    pub(super) fn agents(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.group_kinds).filter(|(_, kind)| **kind != TreeKind::No).map(|(group, _)| group)
    }

    pub(super) fn all_arcs(&self) -> &[Arc] {
        &self.arcs
    }

    pub(super) fn arc(&self, number: u32) -> Option<&Arc> {
        self.arcs.get(number as usize)
    }

    /// The arcs out of a group, with their numbers.
    pub(super) fn out(&self, group: u32) -> impl Iterator<Item = (u32, &Arc)> + '_ {
        let begin = self.begin.get(group as usize).copied().unwrap_or(0);
        let end = self.begin.get(group as usize + 1).copied().unwrap_or(0);
        (begin..end).zip(self.arcs.get(begin as usize..end as usize).unwrap_or_default())
    }

    /// Place of an arc in the input.
    pub(super) fn given(&self, arc: u32) -> u32 {
        self.given.get(arc as usize).copied().unwrap_or(NONE)
    }

    /// Flows that come to the verdict: of the root itself, of descendants.
    pub(super) fn counts(&self, arc: u32) -> (u32, u32) {
        let (own, descendants) = self.counts.get(arc as usize).copied().unwrap_or_default();
        if self.by_member.get(arc as usize) == Some(&true) {
            (0, own.saturating_add(descendants))
        } else {
            (own, descendants)
        }
    }

    /// True where the caller is not the root of the tree but a member that is a workload of its own.
    pub(super) fn is_by_member(&self, arc: u32) -> bool {
        self.by_member.get(arc as usize).copied().unwrap_or(false)
    }

    pub(super) fn listener(&self, number: u32) -> Option<&ListenerInput> {
        self.listeners.get(number as usize)
    }

    pub(super) fn listeners(&self) -> usize {
        self.listeners.len()
    }

    /// What goes on from an inbound arc, by relations that were observed.
    pub(super) fn relays_of(&self, inbound: u32) -> impl Iterator<Item = &RelayInput> + '_ {
        let begin = self.relays.partition_point(|it| it.inbound < inbound);
        self.relays.iter().skip(begin).take_while(move |it| it.inbound == inbound)
    }

    /// True where one wrap has this front and this backend, and is sealed: who came in by the front is checked there.
    pub(super) fn is_inside_wrap(&self, proxy: u32, front: u32, backend: u32) -> bool {
        self.sealed.binary_search(&(proxy, front, backend)).is_ok()
    }

    /// True for the proxy of a sealed wrap.
    pub(super) fn has_sealed(&self, group: u32) -> bool {
        if self.sealed.is_empty() {
            return false;
        }
        let at = self.sealed.partition_point(|(proxy, ..)| *proxy < group);
        self.sealed.get(at).is_some_and(|(proxy, ..)| *proxy == group)
    }

    /// True where a call from `group` to this listener goes around a wrap.
    pub(super) fn goes_around(&self, group: u32, listener: u32) -> bool {
        let begin = self.backends.partition_point(|(backend, _)| *backend < listener);
        let mut proxies = self.backends.iter().skip(begin).take_while(|(backend, _)| *backend == listener);
        let mut wrapped = false;
        let own = proxies.any(|(_, proxy)| {
            wrapped = true;
            *proxy == group
        });
        wrapped && !own
    }
}
