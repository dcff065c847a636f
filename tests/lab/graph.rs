//! The exported graph as an outsider reads it: by the contract's field names, nothing of the tool's own types.

use serde::Deserialize;
use std::collections::BTreeMap;

/// `tierzero/graph/1`, the parts that are judged.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Graph {
    pub(crate) schema: String,
    pub(crate) coverage: Coverage,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) edges: Vec<Edge>,
    #[serde(default)]
    pub(crate) principals: Vec<Holder>,
    #[serde(default)]
    pub(crate) agents: Vec<Agent>,
    #[serde(default)]
    pub(crate) findings: Vec<Finding>,
    #[serde(default)]
    pub(crate) paths: Vec<Path>,
    #[serde(default)]
    pub(crate) relays: Vec<Relay>,
    #[serde(default)]
    pub(crate) wraps: Vec<Wrap>,
}

/// A finding.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Finding {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) state: String,
    /// Ids.
    pub(crate) subjects: Vec<String>,
    pub(crate) count: u64,
    pub(crate) says: String,
}

/// A way of an agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Path {
    /// Id of the agent's workload.
    pub(crate) agent: String,
    /// Ids of edges.
    pub(crate) hops: Vec<String>,
    pub(crate) verdict: String,
    pub(crate) strength: Option<String>,
    pub(crate) kind: String,
}

/// An edge in and an edge out that were used together.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Relay {
    pub(crate) inbound: String,
    pub(crate) outbound: String,
    pub(crate) strength: String,
    pub(crate) coincidence: Coincidence,
    pub(crate) attributed: u64,
    #[serde(default)]
    pub(crate) tools: Vec<Tool>,
}

/// How often.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Coincidence {
    pub(crate) n: u64,
}

/// A tool that was called.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tool {
    pub(crate) tool: String,
}

/// A proxy in front of a backend.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Wrap {
    pub(crate) front: String,
    pub(crate) backend: String,
    pub(crate) state: String,
    pub(crate) standing_room: Vec<Stander>,
    #[serde(default)]
    pub(crate) bypassed_by: Vec<String>,
}

/// Who stands where a backend would serve it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stander {
    pub(crate) name: String,
}

/// What was not seen.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Coverage {
    pub(crate) lost_events: u64,
    #[serde(default)]
    pub(crate) unattributed_flows: u64,
}

/// An agent and what belongs to it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) root: String,
    pub(crate) born: u64,
    pub(crate) ended: u64,
    pub(crate) flows: u64,
    pub(crate) rate: Rate,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    pub(crate) containment: Option<String>,
    pub(crate) reached: Option<BTreeMap<String, u64>>,
}

/// A program of an agent's tree.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) program: String,
    pub(crate) status: String,
}

/// How fast it called.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rate {
    pub(crate) peak_per_s: u64,
    pub(crate) peak_at: Option<String>,
}

/// What runs somewhere.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workload {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) exe: Option<String>,
    /// Inode number.
    pub(crate) netns: Option<String>,
}

/// Where it can be called.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listener {
    pub(crate) id: String,
    pub(crate) workload: Option<String>,
    pub(crate) transport: String,
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) class: String,
}

/// One caller to one listener.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Edge {
    pub(crate) id: String,
    pub(crate) caller: String,
    pub(crate) listener: String,
    pub(crate) protocol: Option<String>,
    pub(crate) verdict: String,
    pub(crate) check: Option<String>,
    pub(crate) strength: Option<String>,
    pub(crate) flows: u64,
    pub(crate) served: u64,
    pub(crate) refused: u64,
    #[serde(default)]
    pub(crate) by_check: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) principal_sightings: Vec<Principal>,
    #[serde(default)]
    pub(crate) joined_late: u64,
    #[serde(default)]
    pub(crate) ends: String,
    #[serde(default)]
    pub(crate) history: Vec<Change>,
    #[serde(default)]
    pub(crate) evidence: Vec<Evidence>,
}

/// A name on an edge, and whether the receiver demanded and accepted proof of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Principal {
    pub(crate) name: String,
    pub(crate) verified: bool,
}

/// A revised verdict.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Change {
    pub(crate) from: String,
    pub(crate) why: Option<String>,
}

/// Who shows credentials to a listener, and how long what he shows lasts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Holder {
    pub(crate) id: String,
    pub(crate) listener: String,
    pub(crate) principal: Option<Name>,
    pub(crate) verified: bool,
    pub(crate) callers: Vec<String>,
    pub(crate) lifetime: String,
    pub(crate) refreshed: u64,
    pub(crate) expiry: String,
    pub(crate) cancelled: Option<String>,
    pub(crate) rotated: Option<Rotation>,
    pub(crate) credentials: Vec<Held>,
}

/// A name.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Name {
    pub(crate) name: String,
}

/// One secret took another's place.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rotation {
    pub(crate) old_refused: Option<String>,
}

/// One credential.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Held {
    pub(crate) kind: String,
    pub(crate) lifetime_s: Option<u64>,
    pub(crate) cleartext: bool,
}

/// One line of evidence.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) rule: String,
    pub(crate) level: String,
}
