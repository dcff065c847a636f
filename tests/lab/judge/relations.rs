//! Ways through others, pairs of edges and proxies are those of the truth.

use std::collections::BTreeSet;

use super::super::graph;
use super::super::truth::{Path, Relay, Truth, Wrap};
use super::names::{Names, fits};
use super::{Judgement, Said};

pub(super) fn judge(truth: &Truth, said: &Said<'_>, names: &Names<'_>, judgement: &mut Judgement) {
    let wrong = &mut judgement.deviations;
    if let Some(should) = &truth.paths {
        paths(should, said, names, wrong);
    }
    if let Some(should) = &truth.relays {
        relays(should, said, names, wrong);
    }
    if let Some(should) = &truth.wraps {
        wraps(should, said, names, wrong);
    }
}

fn paths(should: &[Path], said: &Said<'_>, names: &Names<'_>, wrong: &mut Vec<String>) {
    let in_lab = |path: &&graph::Path| names.workload(&path.agent).1.is_some();
    let mut rest: Vec<&graph::Path> = said.graph.paths.iter().filter(in_lab).collect();
    let tell = |path: &graph::Path| {
        let hops: Vec<_> = path.hops.iter().map(|it| names.edge(it)).collect();
        format!(
            "{} of {} by {} ({}, {:?})",
            path.kind,
            names.workload(&path.agent).0,
            hops.join(", then "),
            path.verdict,
            path.strength
        )
    };
    for path in should {
        let is = |it: &&graph::Path| {
            it.kind == path.kind
                && names.workload(&it.agent).0 == path.agent
                && it.hops.iter().map(|hop| names.edge(hop)).eq(path.hops.iter().cloned())
        };
        let Some(place) = rest.iter().position(is) else {
            wrong.push(format!("no path {path:?}"));
            continue;
        };
        let found = rest.remove(place);
        let strength =
            path.strength.is_empty() || found.strength.as_ref().is_some_and(|it| path.strength.contains(it));
        if found.verdict != path.verdict || !strength {
            wrong.push(format!("{}, should be {path:?}", tell(found)));
        }
    }
    wrong.extend(rest.into_iter().map(|path| format!("path not in the truth: {}", tell(path))));
}

fn relays(should: &[Relay], said: &Said<'_>, names: &Names<'_>, wrong: &mut Vec<String>) {
    let mut told = BTreeSet::new();
    for relay in should {
        let ends = names.edge_id(&relay.inbound).zip(names.edge_id(&relay.outbound));
        let found =
            said.graph.relays.iter().find(|it| ends == Some((it.inbound.as_str(), it.outbound.as_str())));
        let Some(found) = found else {
            wrong.push(format!("no relay from {} to {}", relay.inbound, relay.outbound));
            continue;
        };
        told.insert((found.inbound.as_str(), found.outbound.as_str()));
        let n = found.coincidence.n.max(found.attributed);
        let tools = |name: &String| found.tools.iter().any(|it| it.tool == *name);
        if !relay.strength.contains(&found.strength)
            || relay.n.is_some_and(|should| !should.holds(n))
            || !relay.tools.iter().all(tools)
        {
            wrong.push(format!(
                "relay is {} (n {n}), tools {:?}, should be {relay:?}",
                found.strength, found.tools
            ));
        }
    }
    for relay in &said.graph.relays {
        if relay.strength != "reachable"
            && names.edge_in_lab(&relay.inbound)
            && !told.contains(&(relay.inbound.as_str(), relay.outbound.as_str()))
        {
            let (from, to) = (names.edge(&relay.inbound), names.edge(&relay.outbound));
            wrong.push(format!("{} relay not in the truth: {from}, then {to}", relay.strength));
        }
    }
}

fn wraps(should: &[Wrap], said: &Said<'_>, names: &Names<'_>, wrong: &mut Vec<String>) {
    let mut rest: Vec<_> = said.graph.wraps.iter().filter(|it| names.listener(&it.front).is_some()).collect();
    for wrap in should {
        let at = |id: &str, should: &str| names.listener(id).is_some_and(|it| fits(should, &it));
        let is = |it: &&graph::Wrap| at(&it.front, &wrap.front) && at(&it.backend, &wrap.backend);
        let Some(found) = rest.iter().position(is).map(|place| rest.remove(place)) else {
            wrong.push(format!("no wrap of {} by {}", wrap.backend, wrap.front));
            continue;
        };
        let sorted = |mut all: Vec<String>| {
            all.sort();
            all
        };
        let standing = sorted(found.standing_room.iter().map(|it| it.name.clone()).collect());
        let bypassed = sorted(found.bypassed_by.iter().map(|it| names.workload(it).0).collect());
        if found.state != wrap.state
            || wrap.standing_room.as_ref().is_some_and(|it| sorted(it.clone()) != standing)
            || sorted(wrap.bypassed_by.clone()) != bypassed
        {
            wrong.push(format!(
                "wrap is {}, beside it stand {standing:?}, bypassed by {bypassed:?}, should be {wrap:?}",
                found.state
            ));
        }
    }
    for wrap in rest {
        let (front, backend) = (names.listener(&wrap.front), names.listener(&wrap.backend));
        wrong.push(format!("{} wrap not in the truth: {front:?} before {backend:?}", wrap.state));
    }
}
