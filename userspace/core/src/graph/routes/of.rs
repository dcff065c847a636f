//! Routes of a snapshot: the compact graph's answers with the names of things put back.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compact::{
    ArcInput, CompactGraph, Input, ListenerInput, NONE, NodeInput, RelayInput, TreeKind, WrapInput,
};
use super::containment::{CompactContainment, ContainmentState, Reached};
use super::cut::CutScope;
use super::doubts::Coverage;
use super::{BridgeKind, Hardness, HopStrength, Limits};
use crate::graph::{AgentStatus, Edge, Listener, Relay, Snapshot, Transport, Workload};
use crate::id::{BridgeId, EdgeId, ListenerId, WorkloadId};
use crate::verdict::{Check, Outcome, Verdict};

/// Programs that pass bytes on unread, whoever sends them.
const BYTE_RELAYS: &[&str] = &[
    "sshd",
    "sshd-session",
    "ssh",
    "dropbear",
    "socat",
    "nc",
    "nc.openbsd",
    "nc.traditional",
    "ncat",
    "microsocks",
];

/// Protocols that carry other connections.
const TUNNEL_PROTOCOLS: &[&str] = &["ssh", "socks"];

/// A way of an agent's tree to a listener that serves for no reason other than where the caller sits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bridge {
    /// Stable id.
    pub id: BridgeId,
    /// The agent's own workload.
    pub agent: WorkloadId,
    /// Kind.
    pub kind: BridgeKind,
    /// How hard.
    pub hardness: Hardness,
    /// Weakest relation between the hops of a transit; `None` for one hop.
    pub strength: Option<HopStrength>,
    /// Listener at its end.
    pub listener: ListenerId,
    /// The strongest path, and of those one of the fewest hops. There may be more.
    pub path: Vec<EdgeId>,
    /// Weakest hop.
    pub verdict: Verdict,
    /// Flows that come to the verdict; of a transit the uses that showed the weakest relation, 0 where it is merely
    /// reachable.
    pub count: u64,
    /// How many of these flows are of descendants of the agent.
    pub descendants: u64,
    /// When the whole path had been used first.
    pub first: Timestamp,
    /// Last use of its last edge.
    pub last: Timestamp,
}

/// How far one agent was seen to reach.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Containment {
    /// The agent's own workload.
    pub agent: WorkloadId,
    /// Declared or suspected.
    pub status: AgentStatus,
    /// Workloads of its tree, its own first.
    pub members: Vec<WorkloadId>,
    /// Contained, bridged or not proven.
    pub state: ContainmentState,
    /// Why, in sentences.
    pub why: Vec<String>,
    /// Listeners that it reached, by class.
    pub reached: Reached,
    /// Strongest relation of its hard transits, where it has any.
    pub transit_strength: Option<HopStrength>,
}

/// One edge of the cut set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CutEdge {
    /// Which.
    pub edge: EdgeId,
    /// Agents that have a way over it.
    pub agents: u64,
    /// Pairs of an agent and a legacy listener with a way over it; `None` where that was too much to count.
    pub ways: Option<u64>,
    /// True where it is enough that its receiver demands proof.
    pub proof_suffices: bool,
}

/// The fewest edges whose removal leaves no agent a way to legacy, as far as was observed. That cutting them is safe
/// for what they carry is not said.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cut {
    /// They.
    pub edges: Vec<CutEdge>,
    /// No fewer edges than this can do it. Where it is less than there are edges, fewer may do, because hops need not
    /// follow each other in time.
    pub at_least: u64,
    /// Agents that have a way to legacy.
    pub agents: u64,
    /// Pairs of an agent and a legacy listener with a way: what the cut ends in all.
    pub ways: u64,
}

/// A listener that would serve who stands somewhere, by inference: it served others there without proof.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WouldServe {
    /// Which.
    pub listener: ListenerId,
    /// The edge that shows it.
    pub witness: EdgeId,
    /// What it looked at there. With `address` who stands elsewhere may be refused.
    pub check: Check,
    /// Callers that it serves so.
    pub callers: u64,
}

/// The graph that reach is computed on.
#[derive(Debug)]
pub struct Routes<'a> {
    snapshot: &'a Snapshot,
    graph: CompactGraph,
}

impl<'a> Routes<'a> {
    /// Of a snapshot.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, graph: CompactGraph::build(&input(snapshot)) }
    }

    pub(super) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// The graph in numbers: places of workloads, listeners and edges in the snapshot.
    #[must_use]
    pub fn compact(&self) -> &CompactGraph {
        &self.graph
    }

    /// All bridges up to `limits`, in order of the agents' places in the snapshot; true when there are more.
    #[must_use]
    pub fn bridges(&self, limits: Limits) -> (Vec<Bridge>, bool) {
        let found = self.graph.bridges(limits);
        let named = found.list.iter().filter_map(|it| {
            let path: Vec<&Edge> = found.path(it).iter().filter_map(|it| self.edge(*it)).collect();
            let agent = self.workload(it.agent)?.id.clone();
            let listener = self.listener(it.listener)?.id.clone();
            let first = path.first()?.id.as_str();
            Some(Bridge {
                id: BridgeId::derive(&[agent.as_str(), it.kind.as_str(), first, listener.as_str()]),
                agent,
                kind: it.kind,
                hardness: it.hardness,
                strength: it.strength,
                listener,
                verdict: it.verdict,
                count: it.count,
                descendants: it.descendants,
                first: path.iter().map(|it| it.first).max()?,
                last: path.last()?.last,
                path: path.iter().map(|it| it.id.clone()).collect(),
            })
        });
        (named.collect(), found.left_off)
    }

    /// How far each agent was seen to reach.
    #[must_use]
    pub fn containment(&self) -> Vec<Containment> {
        let coverage = Coverage::of(self.snapshot);
        let mut members: HashMap<u32, Vec<&Workload>> = HashMap::new();
        for (number, workload) in (0u32..).zip(&self.snapshot.workloads) {
            if let Some(root) = self.graph.root_of(number) {
                members.entry(root).or_default().push(workload);
            }
        }
        let mut out = Vec::new();
        for it in self.graph.containment() {
            let Some(root) = self.workload(it.agent) else { continue };
            let mut members = members.remove(&it.agent).unwrap_or_default();
            members.sort_by_key(|member| member.id != root.id);
            let doubts = coverage.doubts(&members);
            let state = it.state(doubts.is_empty());
            out.push(Containment {
                agent: root.id.clone(),
                status: root.agent,
                state,
                why: why(&it, state).chain(doubts).collect(),
                members: members.iter().map(|it| it.id.clone()).collect(),
                reached: it.reached,
                transit_strength: it.transit_strength,
            });
        }
        out
    }

    /// The cut set.
    #[must_use]
    pub fn cut(&self, scope: CutScope) -> Cut {
        let cut = self.graph.cut(scope);
        let edges = cut.edges.iter().filter_map(|it| {
            Some(CutEdge {
                edge: self.edge(it.arc)?.id.clone(),
                agents: it.agents,
                ways: it.ways,
                proof_suffices: it.proof_suffices,
            })
        });
        Cut { edges: edges.collect(), at_least: cut.at_least, agents: cut.agents, ways: cut.ways }
    }

    /// What would serve without proof who stands where `standing` says that a listener can be reached from.
    #[must_use]
    pub fn what_if(&self, standing: impl Fn(&Listener) -> bool) -> Vec<WouldServe> {
        let mut shown: HashMap<&ListenerId, (u64, &Edge)> = HashMap::new();
        for edge in self.snapshot.edges.iter().filter(|it| it.verdict == Verdict::LocationTrusted) {
            let known = shown.entry(&edge.listener).or_insert((0, edge));
            known.0 += 1;
            // Where nothing was looked at says more than where an address was.
            let better = |it: &Edge| (it.check != Check::Address, it.served);
            if better(edge) > better(known.1) {
                known.1 = edge;
            }
        }
        let listeners = self.snapshot.listeners.iter().filter(|it| standing(it));
        listeners
            .filter_map(|it| {
                let (callers, edge) = shown.get(&it.id)?;
                Some(WouldServe {
                    listener: it.id.clone(),
                    witness: edge.id.clone(),
                    check: edge.check,
                    callers: *callers,
                })
            })
            .collect()
    }

    fn workload(&self, number: u32) -> Option<&'a Workload> {
        self.snapshot.workloads.get(number as usize)
    }

    fn listener(&self, number: u32) -> Option<&'a Listener> {
        self.snapshot.listeners.get(number as usize)
    }

    fn edge(&self, number: u32) -> Option<&'a Edge> {
        self.snapshot.edges.get(number as usize)
    }
}

/// Why a containment is what it is, without what coverage adds.
fn why(it: &CompactContainment, state: ContainmentState) -> impl Iterator<Item = String> + use<> {
    let strength = it.transit_strength.map_or("", HopStrength::as_str);
    let Reached { modern, transitional, legacy, opaque } = it.reached;
    let lines = [
        (it.hard_direct, "location-trusted edge(s) called by the agent or its descendants".to_owned()),
        (
            it.hard_transit,
            format!("location-trusted edge(s) called by others on its way, {strength} at best"),
        ),
        (it.soft, "edge(s) to a listener that is not modern, checked by a shared secret only".to_owned()),
        (it.opaque_edges, "opaque edge(s) on its way".to_owned()),
        (it.unproven_edges, "unproven edge(s) on its way".to_owned()),
        (opaque, "listener(s) of unknown class on its way".to_owned()),
        (it.elsewhere, "listener(s) on other hosts: what these call is not seen".to_owned()),
        (it.legacy_otherwise, "legacy listener(s) reached by edges on which it was checked".to_owned()),
        (u64::from(it.public_way), "public edge(s) to someone who calls a location-trusted edge".to_owned()),
    ];
    let contained = (state == ContainmentState::Contained)
        .then(|| format!("all {modern} listener(s) that it was seen to reach, in this window, are modern"));
    let nothing = (modern + transitional + legacy + opaque == 0)
        .then(|| "it was not seen to be served by any listener that was seen here".to_owned());
    let lines = lines.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    lines.chain(nothing).chain(contained)
}

/// The input of the compact graph; numbers are places in the snapshot.
fn input(snapshot: &Snapshot) -> Input {
    let number = |place: usize| u32::try_from(place).unwrap_or(NONE);
    let workloads: HashMap<&WorkloadId, u32> =
        snapshot.workloads.iter().enumerate().map(|(at, it)| (&it.id, number(at))).collect();
    let listeners: HashMap<&ListenerId, u32> =
        snapshot.listeners.iter().enumerate().map(|(at, it)| (&it.id, number(at))).collect();
    let edges: HashMap<&EdgeId, u32> =
        snapshot.edges.iter().enumerate().map(|(at, it)| (&it.id, number(at))).collect();
    let workload = |id: &WorkloadId| workloads.get(id).copied().unwrap_or(NONE);
    let listener = |id: &ListenerId| listeners.get(id).copied().unwrap_or(NONE);
    let edge = |id: &EdgeId| edges.get(id).copied().unwrap_or(NONE);
    let nodes = (0u32..).zip(&snapshot.workloads).map(|(own, it)| {
        let root = it.agent_root.as_ref().and_then(|root| workloads.get(root).copied()).unwrap_or(own);
        let status = snapshot.workloads.get(root as usize).map_or(it.agent, |root| root.agent);
        let kind = match (it.agent, status) {
            (AgentStatus::No, _) => TreeKind::No,
            (_, AgentStatus::Suspected) => TreeKind::Suspected,
            (_, AgentStatus::No | AgentStatus::Declared | AgentStatus::Inherited) => TreeKind::Declared,
        };
        NodeInput { root, kind, here: it.host.is_some() }
    });
    let arcs = snapshot.edges.iter().map(|it| {
        let (own, descendants) = counts(it);
        ArcInput {
            caller: workload(&it.caller),
            listener: listener(&it.listener),
            verdict: if leads_somewhere(it) { it.verdict } else { Verdict::Refused },
            local: it.transport == Transport::Unix,
            own,
            descendants,
            first: nanoseconds(it.first),
            last: nanoseconds(it.last),
        }
    });
    let relays = snapshot.relays.iter().map(|it| RelayInput {
        inbound: edge(&it.inbound),
        outbound: edge(&it.outbound),
        strength: it.strength,
        tunnel: it.strength == HopStrength::Attributed && is_tunnel(snapshot, it, &workloads, &edges),
        n: it.attributed.max(it.coincidence.n),
    });
    let wraps = snapshot.wraps.iter().map(|it| WrapInput {
        proxy: workload(&it.proxy),
        front: listener(&it.front),
        backend: listener(&it.backend),
        sealed: it.front_counts(),
    });
    Input {
        nodes: nodes.collect(),
        listeners: snapshot
            .listeners
            .iter()
            .map(|it| ListenerInput { owner: workload(&it.workload), class: it.class })
            .collect(),
        arcs: arcs.collect(),
        relays: relays.collect(),
        wraps: wraps.collect(),
    }
}

/// False where every flow was refused or asked nothing: that shows no way to anywhere. A flow that was not judged yet
/// may have been served.
fn leads_somewhere(edge: &Edge) -> bool {
    edge.groups.is_empty()
        || edge.groups.iter().any(|it| !matches!(it.class.outcome, Outcome::Refused | Outcome::Idle))
}

/// Flows that come to the edge's verdict: of the caller itself, of descendants.
fn counts(edge: &Edge) -> (u32, u32) {
    let sum = |descendant: bool| {
        let groups = edge.groups.iter();
        let of = groups.filter(|it| it.verdict == edge.verdict && it.class.descendant == descendant);
        u32::try_from(of.map(|it| it.flows).sum::<u64>()).unwrap_or(u32::MAX)
    };
    (sum(false), sum(true))
}

/// True where the workload in between passes bytes on unread: by its program, or because the protocol that comes in
/// carries other connections.
fn is_tunnel(
    snapshot: &Snapshot,
    relay: &Relay,
    workloads: &HashMap<&WorkloadId, u32>,
    edges: &HashMap<&EdgeId, u32>,
) -> bool {
    let between = workloads.get(&relay.workload).and_then(|it| snapshot.workloads.get(*it as usize));
    let program = between.and_then(|it| it.exe.as_deref()).map(|it| it.rsplit('/').next().unwrap_or(it));
    let inbound = edges.get(&relay.inbound).and_then(|it| snapshot.edges.get(*it as usize));
    let protocol = inbound.and_then(|it| it.protocol.as_deref());
    program.is_some_and(|it| BYTE_RELAYS.contains(&it))
        || protocol.is_some_and(|it| TUNNEL_PROTOCOLS.contains(&it))
}

fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX })
}
