//! Paths of agents in the graph JSON. They follow from the rest of the graph and are not read back.

use serde::{Deserialize, Serialize};
use tierzero_core::graph::Snapshot;
use tierzero_core::graph::routes::{Bridge, Limits, Routes};

use crate::words::{Word, time};

#[derive(Serialize, Deserialize)]
pub(crate) struct PathJson {
    /// Id of the agent's workload.
    agent: String,
    hops: Vec<String>,
    verdict: String,
    strength: Option<String>,
    kind: String,
    // Beyond the contract:
    #[serde(default)]
    id: String,
    #[serde(default)]
    hardness: String,
    #[serde(default)]
    listener: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    descendants: u64,
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
}

impl From<&Bridge> for PathJson {
    fn from(bridge: &Bridge) -> Self {
        let Bridge {
            id,
            agent,
            kind,
            hardness,
            strength,
            listener,
            path,
            verdict,
            count,
            descendants,
            first,
            last,
        } = bridge;
        Self {
            agent: agent.to_string(),
            hops: path.iter().map(ToString::to_string).collect(),
            verdict: verdict.word().to_owned(),
            strength: strength.map(|it| it.word().to_owned()),
            kind: kind.word().to_owned(),
            id: id.to_string(),
            hardness: hardness.word().to_owned(),
            listener: listener.to_string(),
            count: *count,
            descendants: *descendants,
            first: time(*first),
            last: time(*last),
        }
    }
}

pub(crate) fn all(routes: &Routes<'_>) -> Vec<PathJson> {
    let (mut bridges, _) = routes.bridges(Limits::default());
    bridges.sort_by(|a, b| a.id.cmp(&b.id));
    bridges.iter().map(PathJson::from).collect()
}

/// The paths of a snapshot's agents as a JSON array, each as in the graph JSON, and whether a limit cut the list off.
#[must_use]
pub fn paths_json(snapshot: &Snapshot, wanted: impl Fn(&Bridge) -> bool) -> (String, bool) {
    let (bridges, left_off) = Routes::of(snapshot).bridges(Limits::default());
    let paths: Vec<PathJson> = bridges.iter().filter(|it| wanted(it)).map(PathJson::from).collect();
    // Strings, numbers and lists alone: nothing that can't be written.
    let mut text = serde_json::to_string_pretty(&paths).unwrap_or_default();
    text.push('\n');
    (text, left_off)
}
