//! An agent in the graph JSON.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tierzero_core::graph::routes::{Containment, Reached, Routes};
use tierzero_core::graph::{AgentMember, AgentTree, Crossing};
use tierzero_core::id::WorkloadId;

use crate::read::{ReadError, moment, word};
use crate::words::{Word, time};

#[derive(Serialize, Deserialize)]
pub(crate) struct AgentJson {
    name: String,
    status: String,
    reasons: Vec<String>,
    /// Id of the agent's workload.
    root: String,
    members: Vec<MemberJson>,
    /// Of what the agent was seen to reach; derived from the graph, not read back.
    #[serde(default)]
    containment: Option<String>,
    #[serde(default)]
    why: Vec<String>,
    #[serde(default)]
    reached: Option<ReachedJson>,
    rate: RateJson,
    instances: u64,
    born: u64,
    ended: u64,
    median_life_ms: Option<u64>,
    crossings: Vec<CrossingJson>,
    flows: u64,
    first: String,
    last: String,
}

/// Listeners by class.
#[derive(Serialize, Deserialize)]
struct ReachedJson {
    modern: u64,
    transitional: u64,
    legacy: u64,
    opaque: u64,
}

#[derive(Serialize, Deserialize)]
struct MemberJson {
    program: String,
    status: String,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct RateJson {
    /// Most flows that began within one second.
    peak_per_s: u64,
    peak_at: Option<String>,
    /// Most distinct listeners called within one minute.
    listeners_per_min: u64,
    listeners_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CrossingJson {
    boundary: String,
    count: u64,
}

/// All agents, with what follows from the graph.
pub(crate) fn all(agents: &[AgentTree], routes: &Routes<'_>) -> Vec<AgentJson> {
    let containment = routes.containment();
    let of: HashMap<_, _> = containment.iter().map(|it| (&it.agent, it)).collect();
    agents.iter().map(|tree| AgentJson::new(tree, of.get(&tree.root).copied())).collect()
}

impl AgentJson {
    fn new(tree: &AgentTree, containment: Option<&Containment>) -> Self {
        let AgentTree {
            root,
            name,
            status,
            reasons,
            instances,
            members,
            born,
            ended,
            median_life_ms,
            crossings,
            flows,
            peak_per_s,
            peak_at,
            listeners_per_min,
            listeners_at,
            first,
            last,
        } = tree;
        Self {
            name: name.clone(),
            status: status.word().to_owned(),
            reasons: reasons.clone(),
            root: root.to_string(),
            members: members
                .iter()
                .map(|AgentMember { program, status, count }| MemberJson {
                    program: program.clone(),
                    status: status.word().to_owned(),
                    count: *count,
                })
                .collect(),
            containment: containment.map(|it| it.state.word().to_owned()),
            why: containment.map(|it| it.why.clone()).unwrap_or_default(),
            reached: containment.map(|it| {
                let Reached { modern, transitional, legacy, opaque } = it.reached;
                ReachedJson { modern, transitional, legacy, opaque }
            }),
            rate: RateJson {
                peak_per_s: *peak_per_s,
                peak_at: peak_at.map(time),
                listeners_per_min: *listeners_per_min,
                listeners_at: listeners_at.map(time),
            },
            instances: *instances,
            born: *born,
            ended: *ended,
            median_life_ms: *median_life_ms,
            crossings: crossings
                .iter()
                .map(|Crossing { boundary, count }| CrossingJson {
                    boundary: boundary.word().to_owned(),
                    count: *count,
                })
                .collect(),
            flows: *flows,
            first: time(*first),
            last: time(*last),
        }
    }
}

pub(crate) fn read(agent: AgentJson) -> Result<AgentTree, ReadError> {
    Ok(AgentTree {
        root: WorkloadId::from_stored(&agent.root),
        name: agent.name,
        status: word("agent status", &agent.status)?,
        reasons: agent.reasons,
        instances: agent.instances,
        members: agent
            .members
            .into_iter()
            .map(|MemberJson { program, status, count }| {
                Ok(AgentMember { program, status: word("agent status", &status)?, count })
            })
            .collect::<Result<_, ReadError>>()?,
        born: agent.born,
        ended: agent.ended,
        median_life_ms: agent.median_life_ms,
        crossings: agent
            .crossings
            .into_iter()
            .map(|CrossingJson { boundary, count }| {
                Ok(Crossing { boundary: word("boundary of lineage", &boundary)?, count })
            })
            .collect::<Result<_, ReadError>>()?,
        flows: agent.flows,
        peak_per_s: agent.rate.peak_per_s,
        peak_at: agent.rate.peak_at.as_deref().map(moment).transpose()?,
        listeners_per_min: agent.rate.listeners_per_min,
        listeners_at: agent.rate.listeners_at.as_deref().map(moment).transpose()?,
        first: moment(&agent.first)?,
        last: moment(&agent.last)?,
    })
}
