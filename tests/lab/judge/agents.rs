//! Agents in lab namespaces are those of the truth and no others.

use super::super::graph;
use super::super::truth::{Agent, Truth};
use super::names::fits;
use super::{Book, Judgement, Said};

pub(super) fn judge(truth: &Truth, said: &Said<'_>, book: &Book<'_>, judgement: &mut Judgement) {
    let Some(should) = &truth.agents else { return };
    let mut rest: Vec<_> =
        said.graph.agents.iter().filter(|agent| book.role(&agent.root).is_some()).collect();
    for agent in should {
        let found = rest.iter().position(|it| it.name == agent.name && it.status == agent.status);
        match found.map(|place| rest.remove(place)) {
            Some(found) => judgement
                .deviations
                .extend(differences(agent, found).map(|what| format!("agent {}: {what}", agent.name))),
            None => judgement.deviations.push(format!("no {} agent {}", agent.status, agent.name)),
        }
    }
    for agent in rest {
        let says = format!("not an agent: {} {} {:?}", agent.status, agent.name, agent.reasons);
        judgement.deviations.push(says);
    }
}

fn differences(should: &Agent, is: &graph::Agent) -> impl Iterator<Item = String> {
    let mut wrong = Vec::new();
    let named = |words: &String| is.reasons.iter().any(|it| it.contains(words.as_str()));
    if is.reasons.len() < should.reasons || !should.reasons_name.iter().all(named) {
        wrong.push(format!("reasons are {:?}", is.reasons));
    }
    for (what, is, should) in [
        ("born", is.born, should.born),
        ("ended", is.ended, should.ended),
        ("flows", is.flows, should.flows),
        ("peak a second", is.rate.peak_per_s, should.peak_per_s),
    ] {
        if should.is_some_and(|should| !should.holds(is)) {
            wrong.push(format!("{what} is {is}, should be {should:?}"));
        }
    }
    for member in &should.members {
        if !is.members.iter().any(|it| fits(&member.program, &it.program) && it.status == member.status) {
            wrong.push(format!("no {} member {}: {:?}", member.status, member.program, is.members));
        }
    }
    if should.containment.is_some() && should.containment != is.containment {
        wrong.push(format!("containment is {:?}, should be {:?}", is.containment, should.containment));
    }
    if let Some(should) = &should.reached {
        let is: std::collections::BTreeMap<_, _> = is
            .reached
            .iter()
            .flatten()
            .filter(|(_, count)| **count > 0)
            .map(|(class, count)| (class.clone(), *count))
            .collect();
        if is != *should {
            wrong.push(format!("it reaches {is:?}, should be {should:?}"));
        }
    }
    wrong.into_iter()
}
