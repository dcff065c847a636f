//! What holds of more than one edge: agents, findings, ways through others, proxies.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Number;

/// An agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    /// Name.
    pub(crate) name: String,
    /// `declared` or `suspected`.
    pub(crate) status: String,
    /// Least number of reasons.
    #[serde(default)]
    pub(crate) reasons: usize,
    /// Words that must stand in some reason.
    #[serde(default)]
    pub(crate) reasons_name: Vec<String>,
    /// Descendants that began.
    pub(crate) born: Option<Number>,
    /// Descendants that ended.
    pub(crate) ended: Option<Number>,
    /// Flows of the agent and its descendants.
    pub(crate) flows: Option<Number>,
    /// Most flows in one second.
    pub(crate) peak_per_s: Option<Number>,
    /// Programs that ran in its tree; others may be there too.
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    /// `contained`, `bridged` or `not-proven`.
    pub(crate) containment: Option<String>,
    /// Listeners that it reaches, by class; absent classes are zero.
    pub(crate) reached: Option<BTreeMap<String, u64>>,
}

/// A program in an agent's tree.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// Script, or path of the program; one `*` stands for anything.
    pub(crate) program: String,
    /// `declared`, `suspected` or `inherited`.
    pub(crate) status: String,
}

/// A finding. Subjects are told as texts, in which one `*` stands for anything: a workload by its name, or as
/// `NAME in ROLE`; a listener as `ROLE tcp ADDRESS:PORT` or `ROLE unix PATH`; an edge by its name in this truth; a
/// principal by its name; the host as `host`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    /// Type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Severity.
    pub(crate) severity: Option<String>,
    /// What it is about; empty: not judged.
    #[serde(default)]
    pub(crate) subjects: Vec<String>,
    /// How often.
    pub(crate) count: Option<Number>,
    /// State.
    pub(crate) state: Option<String>,
}

/// A way of an agent to a listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Path {
    /// Name of the agent.
    pub(crate) agent: String,
    /// Kind of bridge.
    pub(crate) kind: String,
    /// Edges by their names in this truth, first to last.
    pub(crate) hops: Vec<String>,
    /// Strengths that are right; empty: not judged.
    #[serde(default)]
    pub(crate) strength: Vec<String>,
    /// Verdict of the whole.
    pub(crate) verdict: String,
}

/// Two edges of one workload that were used together. What is not here may only be `reachable`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relay {
    /// Edge in, by its name in this truth.
    pub(crate) inbound: String,
    /// Edge out.
    pub(crate) outbound: String,
    /// Strengths that are right.
    pub(crate) strength: Vec<String>,
    /// Requests that show it.
    pub(crate) n: Option<Number>,
    /// Names of tools that called it, others may be there too.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
}

/// A proxy in front of a backend; both listeners as texts, as subjects of findings are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wrap {
    /// Where the proxy is called.
    pub(crate) front: String,
    /// What is behind it.
    pub(crate) backend: String,
    /// `sealed`, `leaky` or `bypassed`.
    pub(crate) state: String,
    /// Names of those who stand where the backend would serve them, in any order; absent: not judged.
    pub(crate) standing_room: Option<Vec<String>>,
    /// Names of workloads that it served beside the proxy.
    #[serde(default)]
    pub(crate) bypassed_by: Vec<String>,
}

/// What `events --identity` says of an agent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// Name of the agent.
    pub(crate) identity: String,
    /// Exactly so many rows.
    pub(crate) rows: u64,
}

/// The write-down.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    /// Figures of its answers, by the answer's name and the figure's.
    pub(crate) figures: BTreeMap<String, BTreeMap<String, u64>>,
    /// The floor under each listener, which is told as a text, as subjects of findings are.
    pub(crate) floors: BTreeMap<String, String>,
}
