//! Routes over generated graphs, against what trying everything gives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

use std::collections::BTreeMap;

use tierzero_core::graph::routes::{
    ArcInput, BridgeKind, CompactGraph, ContainmentState, CutScope, Hardness, Input, Limits, ListenerInput,
    NodeInput, RelayInput, TreeKind, WrapInput,
};
use tierzero_core::graph::{HopStrength, ListenerClass};
use tierzero_core::verdict::Verdict;

/// xorshift64*: the same graphs on every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        u32::try_from(high).unwrap() % most
    }
}

fn node(own: u32, kind: TreeKind) -> NodeInput {
    NodeInput { root: own, kind, here: true }
}

fn arc(caller: u32, listener: u32, verdict: Verdict, first: i64, last: i64) -> ArcInput {
    ArcInput { caller, listener, verdict, local: false, own: 1, descendants: 0, first, last }
}

/// A listener a node, with the same number; the first nodes are agents.
fn input(nodes: u32, agents: u32) -> Input {
    let kind = |number| if number < agents { TreeKind::Declared } else { TreeKind::No };
    Input {
        nodes: (0..nodes).map(|it| node(it, kind(it))).collect(),
        listeners: (0..nodes).map(|owner| ListenerInput { owner, class: ListenerClass::Modern }).collect(),
        ..Input::default()
    }
}

/// Without `in_time` everything is used all the time, and no agent is location-trusted: then a cut is exact.
fn small(seeded: &mut Seeded, in_time: bool) -> Input {
    let (nodes, agents) = (4 + seeded.below(4), 1 + seeded.below(2));
    let mut input = input(nodes, agents);
    for number in 0..7 + seeded.below(7) {
        let caller = if number < 3 { seeded.below(agents) } else { seeded.below(nodes) };
        let listener = if number < 3 { agents + seeded.below(nodes - agents) } else { seeded.below(nodes) };
        let verdict = match seeded.below(16) {
            0..=5 if in_time || listener >= agents => Verdict::LocationTrusted,
            6 => Verdict::Refused,
            7 => Verdict::Public,
            8 => Verdict::Opaque,
            _ => Verdict::IdentityChecked,
        };
        let first = if in_time { i64::from(seeded.below(6)) } else { 0 };
        let last = if in_time { first + i64::from(seeded.below(4)) } else { 9 };
        input.arcs.push(arc(caller, listener, verdict, first, last));
    }
    let arcs = u32::try_from(input.arcs.len()).unwrap();
    for _ in 0..seeded.below(24) {
        let strength = [HopStrength::Attributed, HopStrength::Correlated, HopStrength::Reachable]
            [seeded.below(3) as usize];
        let inbound = seeded.below(arcs);
        let between = input.arcs[inbound as usize].listener;
        let out: Vec<u32> = (0..arcs).filter(|it| input.arcs[*it as usize].caller == between).collect();
        if !out.is_empty() {
            let outbound = out[seeded.below(u32::try_from(out.len()).unwrap()) as usize];
            input.relays.push(RelayInput { inbound, outbound, strength, tunnel: false, n: 3 });
        }
    }
    input
}

fn is_agent(input: &Input, node: u32) -> bool {
    input.nodes[node as usize].kind != TreeKind::No
}

/// Listeners with a way from `agent` when the arcs of `without` are gone: rounds until nothing is reached earlier.
fn reached(input: &Input, agent: u32, without: u32) -> Vec<u32> {
    let mut at = vec![i64::MAX; input.nodes.len()];
    at[agent as usize] = i64::MIN;
    let mut ends = Vec::new();
    loop {
        let mut changed = false;
        for (number, arc) in input.arcs.iter().enumerate() {
            let come = at[arc.caller as usize];
            let hop = !matches!(arc.verdict, Verdict::Refused | Verdict::Public);
            if without >> number & 1 == 1 || !hop || come == i64::MAX || come > arc.last {
                continue;
            }
            let to = input.listeners[arc.listener as usize].owner;
            if to == arc.caller || to == agent {
                continue;
            }
            if arc.verdict == Verdict::LocationTrusted {
                ends.push(arc.listener);
            }
            let then = come.max(arc.first);
            changed |= then < at[to as usize];
            at[to as usize] = at[to as usize].min(then);
        }
        if !changed {
            ends.sort_unstable();
            ends.dedup();
            return ends;
        }
    }
}

fn no_way(input: &Input, without: u32) -> bool {
    (0..u32::try_from(input.nodes.len()).unwrap())
        .filter(|it| is_agent(input, *it))
        .all(|agent| reached(input, agent, without).is_empty())
}

fn fewest(input: &Input) -> u32 {
    let arcs = u32::try_from(input.arcs.len()).unwrap();
    let sets = |size| (0..1_u32 << arcs).filter(move |it| it.count_ones() == size);
    (0..=arcs).find(|size| sets(*size).any(|without| no_way(input, without))).unwrap()
}

#[test]
fn the_cut_is_what_trying_every_set_of_edges_gives() {
    let mut seeded = Seeded(0x7161_2026);
    let (mut sum, mut none) = (0, 0);
    for _ in 0..1000 {
        let input = small(&mut seeded, false);
        let cut = CompactGraph::build(&input).cut(CutScope::default());
        let without = cut.edges.iter().fold(0, |set, it| set | 1 << it.arc);
        assert!(no_way(&input, without), "{input:?}");
        let size = u32::try_from(cut.edges.len()).unwrap();
        assert_eq!(size, fewest(&input), "{input:?}");
        assert_eq!(cut.at_least, u64::from(size), "{input:?}");
        // Where proof suffices the edge stays, and ends nothing.
        let mut proved = input.clone();
        for it in cut.edges.iter().filter(|it| it.proof_suffices) {
            proved.arcs[it.arc as usize].verdict = Verdict::IdentityChecked;
        }
        let rest = cut.edges.iter().filter(|it| !it.proof_suffices).fold(0, |set, it| set | 1 << it.arc);
        assert!(no_way(&proved, rest), "{input:?}");
        sum += size;
        none += u32::from(size == 0);
    }
    assert!(sum > 1500 && none < 200, "{sum} {none}: these graphs try too little");
}

#[test]
fn in_time_the_cut_is_never_too_small_and_says_how_far_off_it_can_be() {
    let mut seeded = Seeded(0x7162_2026);
    let (mut larger, mut exact) = (0, 0);
    for _ in 0..1000 {
        let input = small(&mut seeded, true);
        let cut = CompactGraph::build(&input).cut(CutScope::default());
        let without = cut.edges.iter().fold(0, |set, it| set | 1 << it.arc);
        assert!(no_way(&input, without), "{input:?}");
        let (size, fewest) = (cut.edges.len() as u64, u64::from(fewest(&input)));
        assert!(cut.at_least <= fewest && fewest <= size, "{input:?}");
        larger += u32::from(fewest < size);
        exact += u32::from(cut.at_least == size);
        let ways = (0..2_u32).filter(|it| is_agent(&input, *it)).map(|it| reached(&input, it, 0).len());
        assert_eq!(cut.ways, ways.sum::<usize>() as u64, "{input:?}");
    }
    assert!(
        larger < 100 && exact > 800,
        "larger than needed in {larger} of 1000, shown to be exact in {exact}"
    );
}

/// For each agent, first hop and listener the best path by trying all: strongest, then fewest hops.
fn best_paths(input: &Input) -> BTreeMap<(u32, u32, u32), (HopStrength, usize)> {
    let mut best = BTreeMap::new();
    for (number, first) in (0u32..).zip(&input.arcs) {
        let hop = !matches!(first.verdict, Verdict::Refused | Verdict::Public);
        if is_agent(input, first.caller) && hop && first.listener != first.caller {
            let mut path = vec![number];
            go_on(input, &mut path, first.first, HopStrength::Attributed, &mut best);
        }
    }
    best
}

fn go_on(
    input: &Input,
    path: &mut Vec<u32>,
    at: i64,
    strength: HopStrength,
    best: &mut BTreeMap<(u32, u32, u32), (HopStrength, usize)>,
) {
    let (first, last) = (input.arcs[path[0] as usize], input.arcs[path[path.len() - 1] as usize]);
    for (number, arc) in (0u32..).zip(&input.arcs) {
        let hop = !matches!(arc.verdict, Verdict::Refused | Verdict::Public);
        if arc.caller != last.listener || !hop || arc.listener == arc.caller || path.contains(&number) {
            continue;
        }
        if arc.listener == first.caller || at > arc.last {
            continue;
        }
        let relays =
            input.relays.iter().filter(|it| (it.inbound, it.outbound) == (path[path.len() - 1], number));
        let relation = relays.map(|it| it.strength).max().unwrap_or(HopStrength::Reachable);
        let strength = strength.min(relation);
        let own = first.verdict == Verdict::LocationTrusted && first.listener == arc.listener;
        if arc.verdict == Verdict::LocationTrusted && !own {
            let known =
                best.entry((first.caller, path[0], arc.listener)).or_insert((strength, path.len() + 1));
            if (strength, std::cmp::Reverse(path.len() + 1)) > (known.0, std::cmp::Reverse(known.1)) {
                *known = (strength, path.len() + 1);
            }
        }
        path.push(number);
        go_on(input, path, at.max(arc.first), strength, best);
        path.pop();
    }
}

#[test]
fn transits_are_the_strongest_and_shortest_that_trying_every_path_gives() {
    let mut seeded = Seeded(0x7163_2026);
    let mut strengths = [0; 3];
    for _ in 0..1000 {
        let input = small(&mut seeded, true);
        let graph = CompactGraph::build(&input);
        let found = graph.bridges(Limits::default());
        let mut transits = BTreeMap::new();
        for bridge in &found.list {
            let path = found.path(bridge);
            assert_eq!(bridge.verdict, Verdict::LocationTrusted);
            let mut at = i64::MIN;
            for number in path {
                let arc = input.arcs[*number as usize];
                assert!(at <= arc.last, "{path:?} goes back in time: {input:?}");
                at = at.max(arc.first);
            }
            if let Some(strength) = bridge.strength {
                strengths[strength as usize] += 1;
                let known = transits.insert((bridge.agent, path[0], bridge.listener), (strength, path.len()));
                assert_eq!(known, None);
            }
        }
        assert_eq!(transits, best_paths(&input), "{input:?}");
        for it in graph.containment() {
            let ways = reached(&input, it.agent, 0);
            assert_eq!(it.hard_direct + it.hard_transit > 0, !ways.is_empty(), "{input:?}");
            assert_eq!(it.state(true) == ContainmentState::Bridged, !ways.is_empty());
            let strongest =
                found.list.iter().filter(|b| b.agent == it.agent).filter_map(|b| b.strength).max();
            if strongest > Some(HopStrength::Reachable) {
                assert_eq!(it.transit_strength, strongest);
            }
        }
    }
    assert!(strengths.iter().all(|it| *it > 100), "{strengths:?}: these graphs try too little");
}

/// Kinds and hardness of what is found.
fn kinds(input: &Input) -> Vec<(BridgeKind, Hardness, u32, u64)> {
    let found = CompactGraph::build(input).bridges(Limits::default());
    found.list.iter().map(|it| (it.kind, it.hardness, it.listener, it.count)).collect()
}

fn state(input: &Input) -> ContainmentState {
    CompactGraph::build(input).containment()[0].state(true)
}

#[test]
fn own_calls_and_those_of_descendants_are_two_bridges() {
    let mut input = input(3, 1);
    input.nodes[1] = NodeInput { root: 0, kind: TreeKind::Declared, here: true };
    input.arcs = vec![
        ArcInput { own: 3, descendants: 200, ..arc(0, 2, Verdict::LocationTrusted, 0, 1) },
        arc(1, 2, Verdict::LocationTrusted, 0, 1),
        arc(0, 1, Verdict::LocationTrusted, 0, 1),
    ];
    let hard = Hardness::Hard;
    assert_eq!(
        kinds(&input),
        [
            (BridgeKind::Direct, hard, 2, 3),
            (BridgeKind::Lineage, hard, 2, 200),
            (BridgeKind::Lineage, hard, 2, 1)
        ]
    );
    assert_eq!(state(&input), ContainmentState::Bridged);
    input.arcs[0].local = true;
    assert_eq!(kinds(&input)[1], (BridgeKind::Local, hard, 2, 203));
}

#[test]
fn a_suspected_agent_has_suspected_bridges_only() {
    let mut input = input(2, 0);
    input.nodes[0].kind = TreeKind::Suspected;
    input.arcs = vec![arc(0, 1, Verdict::LocationTrusted, 0, 1)];
    assert_eq!(kinds(&input), [(BridgeKind::Direct, Hardness::Suspected, 1, 1)]);
    let cut = |suspected| CompactGraph::build(&input).cut(CutScope { suspected, ..CutScope::default() });
    assert_eq!((cut(true).edges.len(), cut(false).edges.len()), (1, 0));
}

#[test]
fn a_shared_secret_is_a_soft_bridge_unless_the_listener_is_modern() {
    let mut input = input(3, 1);
    input.arcs = vec![arc(0, 1, Verdict::SecretChecked, 0, 1), arc(1, 2, Verdict::SecretChecked, 0, 1)];
    assert_eq!(kinds(&input), []);
    assert_eq!(state(&input), ContainmentState::Contained);
    input.listeners[1].class = ListenerClass::Transitional;
    input.listeners[2].class = ListenerClass::Transitional;
    let soft = Hardness::Soft;
    assert_eq!(kinds(&input), [(BridgeKind::Direct, soft, 1, 1), (BridgeKind::Transit, soft, 2, 0)]);
    assert_eq!(state(&input), ContainmentState::Bridged);
    assert!(CompactGraph::build(&input).cut(CutScope::default()).edges.is_empty());
    // Behind an opaque hop nothing is known to be checked.
    input.arcs[0].verdict = Verdict::Opaque;
    assert_eq!(kinds(&input), []);
    assert_eq!(state(&input), ContainmentState::NotProven);
}

#[test]
fn public_edges_are_no_way_but_leave_a_doubt() {
    let mut input = input(4, 1);
    input.arcs = vec![
        arc(0, 1, Verdict::Public, 0, 1),
        arc(1, 2, Verdict::LocationTrusted, 0, 1),
        arc(0, 3, Verdict::IdentityChecked, 0, 1),
    ];
    assert_eq!(kinds(&input), []);
    assert_eq!(state(&input), ContainmentState::NotProven);
    input.arcs[1].verdict = Verdict::Public;
    assert_eq!(state(&input), ContainmentState::Contained);
    assert_eq!(CompactGraph::build(&input).containment()[0].state(false), ContainmentState::NotProven);
    input.nodes[3].here = false;
    assert_eq!(state(&input), ContainmentState::NotProven);
}

#[test]
fn who_was_served_nothing_is_not_contained() {
    assert_eq!(state(&input(2, 1)), ContainmentState::NotProven);
}

#[test]
fn behind_a_sealed_front_its_check_counts() {
    // The agent, the proxy with listeners 1 and 3, the backend.
    let mut input = input(3, 1);
    input.listeners.push(ListenerInput { owner: 1, class: ListenerClass::Modern });
    input.arcs = vec![arc(0, 1, Verdict::IdentityChecked, 0, 1), arc(1, 2, Verdict::LocationTrusted, 0, 1)];
    input.listeners[2].class = ListenerClass::Legacy;
    input.wraps = vec![WrapInput { proxy: 1, front: 1, backend: 2, sealed: true }];
    assert_eq!(kinds(&input), []);
    assert_eq!(state(&input), ContainmentState::Contained);
    assert!(CompactGraph::build(&input).cut(CutScope::default()).edges.is_empty());
    // Leaky: the backend's own verdict governs.
    input.wraps[0].sealed = false;
    assert_eq!(kinds(&input), [(BridgeKind::Transit, Hardness::Hard, 2, 0)]);
    assert_eq!(state(&input), ContainmentState::Bridged);
    // Sealed, but the proxy can be reached by another listener than the front.
    input.wraps[0].sealed = true;
    input.arcs.push(arc(0, 3, Verdict::IdentityChecked, 0, 1));
    assert_eq!(kinds(&input), [(BridgeKind::Transit, Hardness::Hard, 2, 0)]);
    assert_eq!(state(&input), ContainmentState::Bridged);
    assert_eq!(CompactGraph::build(&input).cut(CutScope::default()).edges.len(), 1);
    // Around the proxy.
    input.arcs.push(arc(0, 2, Verdict::LocationTrusted, 0, 1));
    assert!(kinds(&input).contains(&(BridgeKind::GoAround, Hardness::Hard, 2, 1)));
}

#[test]
fn a_relay_of_bytes_is_a_tunnel() {
    let mut input = input(3, 1);
    input.arcs = vec![arc(0, 1, Verdict::Opaque, 0, 1), arc(1, 2, Verdict::LocationTrusted, 0, 1)];
    let strength = HopStrength::Attributed;
    input.relays = vec![RelayInput { inbound: 0, outbound: 1, strength, tunnel: true, n: 7 }];
    assert_eq!(kinds(&input), [(BridgeKind::Tunnel, Hardness::Hard, 2, 7)]);
}

#[test]
fn limits_are_said() {
    let mut input = input(4, 1);
    input.arcs = (1..4).map(|it| arc(0, it, Verdict::LocationTrusted, 0, 1)).collect();
    let found = CompactGraph::build(&input).bridges(Limits { bridges: 2, steps: 100 });
    assert_eq!((found.list.len(), found.left_off), (2, true));
}

#[test]
fn numbers_that_point_nowhere_are_passed_over() {
    let mut input = input(2, 1);
    input.arcs = vec![arc(0, 9, Verdict::LocationTrusted, 0, 1), arc(7, 1, Verdict::LocationTrusted, 5, 1)];
    input.relays =
        vec![RelayInput { inbound: 8, outbound: 0, strength: HopStrength::Attributed, tunnel: false, n: 1 }];
    input.wraps = vec![WrapInput { proxy: 9, front: 8, backend: 7, sealed: true }];
    input.nodes[0].root = 12;
    assert_eq!(kinds(&input), []);
    assert!(CompactGraph::build(&Input::default()).cut(CutScope::default()).edges.is_empty());
}
