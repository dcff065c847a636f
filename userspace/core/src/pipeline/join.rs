//! Findings about several edges at once: ways of agents through others, wraps that can be gone around, credentials
//! that are handed on.
//!
//! They are looked for at whole seconds of the events' clock, and only after something changed that may matter. Not at
//! ticks: a log that is replayed has other ticks, and has to give the same findings.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Pipeline;
use super::relay_count::SETTLED;
use crate::event::{Event, What};
use crate::finding::{FindingType, Severity, Sign, Subject, place};
use crate::graph::routes::{Bridge, BridgeKind, Hardness, Limits, Routes};
use crate::graph::{AgentStatus, Edge, HopStrength, Listener, Relay, Snapshot, Workload, Wrap, WrapState};
use crate::id::{EdgeId, EndKey, FindingId, ListenerId, WorkloadId};
use crate::verdict::Verdict;

/// One second between looks for each so many edges: a look costs as much as the graph is large.
const EDGES_A_SECOND: usize = 5_000;
/// What one look may cost at most; what it leaves off ends no finding.
const LIMITS: Limits = Limits { bridges: 10_000, steps: 20_000_000 };

/// When to look next.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// Whole seconds at which something has to be looked for.
    due: BTreeSet<Timestamp>,
}

/// What one look finds, by finding, each with the moment of its last evidence.
type Signs = BTreeMap<FindingId, (Sign, Timestamp)>;

impl Pipeline {
    /// Looks as often as was due up to `now`. Returns true when it did.
    pub(super) fn join_to(&mut self, now: Timestamp) -> bool {
        let mut looked = false;
        while let Some(due) = self.join.due.first().copied().filter(|due| *due <= now) {
            self.join.due.pop_first();
            self.count_relays_to(due.checked_sub(SETTLED).unwrap_or(Timestamp::MIN));
            self.look_whole();
            looked = true;
        }
        looked
    }

    /// As [`Pipeline::join_to`], where no event says how late it is: the moment goes into the log, so that a replay
    /// looks at the same point.
    pub(super) fn join_in_silence(&mut self, now: Timestamp, recordable: &mut Vec<Event>) {
        if self.join_to(now) && recordable.is_empty() {
            self.clock = self.clock.max(now);
            let end = EndKey::Capture { flow: 0, udp: false };
            recordable.push(Event { at: now, what: What::Observed { end, observations: Vec::new() } });
        }
    }

    /// Something changed in this step that such findings depend on: when to look.
    pub(super) fn plan_join(&mut self) {
        let shape = self.graph.take_shape_changed();
        let moved = self.relays.take_moved();
        if !(shape || moved) {
            return;
        }
        let pace = i64::try_from(1 + self.graph.edges.entries.len() / EDGES_A_SECOND).unwrap_or(i64::MAX);
        let next = |at: Timestamp| {
            let second = at.as_second().div_euclid(pace).saturating_add(1).saturating_mul(pace);
            Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
        };
        self.join.due.insert(next(self.clock));
        if moved {
            // By then it is counted how the uses of now belong to requests.
            self.join.due.insert(next(self.clock.checked_add(SETTLED).unwrap_or(Timestamp::MAX)));
        }
    }

    /// Looks at the graph as it stands.
    pub(super) fn look_whole(&mut self) {
        let any_agent = self.graph.workloads.entries.iter().any(|it| it.value.agent != AgentStatus::No);
        let (relays, wraps) = (self.relays_shown(), self.wraps_shown());
        let known = self.watch.book.any_of(&[FindingType::BridgeTransit, FindingType::BridgeTunnel]);
        if relays.is_empty() && wraps.is_empty() && !any_agent && !known {
            return;
        }
        let whole = Snapshot { relays, wraps, ..self.graph.snapshot() };
        let mut signs = Signs::new();
        for wrap in &whole.wraps {
            around(&whole, wrap, &mut signs);
        }
        for relay in &whole.relays {
            handed_on(&whole, relay, &mut signs);
        }
        let (bridges, left_off) = Routes::of(&whole).bridges(LIMITS);
        for bridge in &bridges {
            through_others(&whole, bridge, &mut signs);
        }
        let most = self.watch.rules.most;
        let mut there = BTreeSet::new();
        for (id, (sign, at)) in signs {
            let end = match sign.subjects.as_slice() {
                [_, Subject::Listener(last)] if is_way(sign.kind) => self.watch.book.asked_since(last),
                _ => None,
            };
            there.insert(id.clone());
            match end {
                Some(end) => {
                    let why = "who serves at its end was since seen to ask each of its callers for proof";
                    self.watch.book.end(&id, end, why);
                }
                None => self.watch.book.whole(sign, at, most),
            }
        }
        if !left_off {
            self.watch.book.end_others(
                is_way,
                &there,
                self.clock,
                "no way of the agent is seen to lead there any more",
            );
        }
    }
}

/// True for the findings about ways through others, which end with the way.
fn is_way(kind: FindingType) -> bool {
    matches!(kind, FindingType::BridgeTransit | FindingType::BridgeTunnel)
}

/// A way of an agent through others to a listener that asks nothing, or for a shared secret.
fn through_others(whole: &Snapshot, bridge: &Bridge, signs: &mut Signs) {
    let (kind, how) = match bridge.kind {
        BridgeKind::Transit => (FindingType::BridgeTransit, "through others"),
        BridgeKind::Tunnel => (FindingType::BridgeTunnel, "through a relay of bytes"),
        // The edge itself shows these.
        BridgeKind::Direct | BridgeKind::Lineage | BridgeKind::GoAround | BridgeKind::Local => return,
    };
    let strength = bridge.strength.unwrap_or(HopStrength::Reachable);
    let severity = match bridge.hardness {
        Hardness::Suspected => Severity::Low,
        Hardness::Hard if strength > HopStrength::Reachable => Severity::High,
        Hardness::Hard => Severity::Medium,
        Hardness::Soft => Severity::Medium,
    };
    let Some(last) = bridge.path.last().and_then(|it| edge(whole, it)) else { return };
    // A way that ends at a shared secret is another finding, and not that of an agent which shows one itself.
    let (kind, end, cause) = match last.verdict {
        Verdict::LocationTrusted => (kind, "with no proof of identity observed", None),
        Verdict::SecretChecked => (FindingType::BridgeSecret, "for a shared secret", Some(how.to_owned())),
        Verdict::Refused
        | Verdict::Opaque
        | Verdict::Unproven
        | Verdict::IdentityChecked
        | Verdict::Public => return,
    };
    let (Some(agent), Some(at)) = (workload(whole, &bridge.agent), listener(whole, &bridge.listener)) else {
        return;
    };
    let hops: Vec<&str> = bridge
        .path
        .iter()
        .filter_map(|it| edge(whole, it))
        .filter_map(|it| listener(whole, &it.listener))
        .filter_map(|it| workload(whole, &it.workload))
        .map(|it| it.name.as_str())
        .collect();
    let says = format!(
        "agent {} reaches {} {how}: {}; {} at least, and the last hop was served {end}",
        agent.name,
        place(&at.at),
        hops.join(", then "),
        strength.as_str()
    );
    let subjects = vec![Subject::Workload(agent.id.clone()), Subject::Listener(at.id.clone())];
    let (count, class) = (bridge.count.max(1), None);
    put(signs, Sign { kind, severity, subjects, cause, count, class, says }, bridge.last);
}

/// A backend that asks nothing, behind a front that asks, and room for others or others served.
fn around(whole: &Snapshot, wrap: &Wrap, signs: &mut Signs) {
    let (Some(front), Some(backend), Some(proxy)) =
        (listener(whole, &wrap.front), listener(whole, &wrap.backend), workload(whole, &wrap.proxy))
    else {
        return;
    };
    // Only a check in front of none can be gone around.
    if !whole.edges.iter().any(|it| it.listener == front.id && it.verdict.comforts()) {
        return;
    }
    let trusts = |caller: &WorkloadId| {
        whole
            .edges
            .iter()
            .filter(|it| it.listener == backend.id)
            .find(|it| it.caller == *caller && it.verdict == Verdict::LocationTrusted)
    };
    let Some(inside) = trusts(&proxy.id) else { return };
    let (behind, before) = (place(&backend.at), place(&front.at));
    let subjects = vec![Subject::Listener(backend.id.clone()), Subject::Listener(front.id.clone())];
    let room = wrap.standing_room.workloads.len() as u64 + wrap.standing_room.more;
    let (kind, severity, count, at, says) = match wrap.state {
        WrapState::Sealed => return,
        WrapState::Bypassed => {
            let served: Vec<_> = wrap.bypassed_by.iter().filter_map(trusts).collect();
            let (Some(at), count) = (served.iter().map(|it| it.last).max(), served.len() as u64) else {
                return;
            };
            let says = format!(
                "{behind} served {count} other workload(s) with no proof of identity observed, around {} at {before}",
                proxy.name
            );
            (FindingType::WrapBypass, Severity::High, count, at, says)
        }
        WrapState::Leaky if room > 0 => {
            let says = format!(
                "at least {room} other workload(s) stand where {behind} would serve them without {} at {before}",
                proxy.name
            );
            (FindingType::WrapLeaky, Severity::Medium, room, inside.last, says)
        }
        // That observation had gaps is a finding of its own.
        WrapState::Leaky => return,
    };
    put(signs, Sign { kind, severity, subjects, cause: None, count, class: None, says }, at);
}

/// A credential that came in and was shown again further on.
fn handed_on(whole: &Snapshot, relay: &Relay, signs: &mut Signs) {
    // A relay of bytes reads nothing: who stands at its end is the one that was called.
    if relay.passed == 0 || relay.attributed > 0 {
        return;
    }
    let (Some(by), Some(out)) = (workload(whole, &relay.workload), edge(whole, &relay.outbound)) else {
        return;
    };
    let Some(to) = listener(whole, &out.listener) else { return };
    // A proxy's backend is the one that its front's callers mean.
    if whole.wraps.iter().any(|it| it.proxy == by.id && it.backend == to.id) {
        return;
    }
    let says = format!(
        "{} shows {} {} credential(s) that it was itself called with",
        by.name,
        place(&to.at),
        relay.passed
    );
    let severity = if by.agent == AgentStatus::Suspected { Severity::Low } else { Severity::Medium };
    let subjects = vec![Subject::Workload(by.id.clone()), Subject::Listener(to.id.clone())];
    let (kind, count) = (FindingType::TokenPassthrough, relay.passed);
    put(signs, Sign { kind, severity, subjects, cause: None, count, class: None, says }, out.last);
}

/// Of several with the same cause the heaviest stands, and of those the one that was seen most often.
fn put(signs: &mut Signs, sign: Sign, at: Timestamp) {
    let known = signs.entry(sign.id()).or_insert_with(|| (sign.clone(), at));
    if (sign.severity, sign.count) > (known.0.severity, known.0.count) {
        *known = (sign, at);
    }
}

fn edge<'a>(whole: &'a Snapshot, id: &EdgeId) -> Option<&'a Edge> {
    whole.edges.binary_search_by(|it| it.id.cmp(id)).ok().and_then(|at| whole.edges.get(at))
}

fn listener<'a>(whole: &'a Snapshot, id: &ListenerId) -> Option<&'a Listener> {
    whole.listeners.binary_search_by(|it| it.id.cmp(id)).ok().and_then(|at| whole.listeners.get(at))
}

fn workload<'a>(whole: &'a Snapshot, id: &WorkloadId) -> Option<&'a Workload> {
    whole.workloads.binary_search_by(|it| it.id.cmp(id)).ok().and_then(|at| whole.workloads.get(at))
}
