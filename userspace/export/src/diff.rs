//! What changed between two graphs, as written by [`crate::json`]. What the second did not see is not said to be gone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tierzero_core::graph::ListenerClass;
use tierzero_core::graph::routes::ContainmentState;
use tierzero_core::verdict::Verdict;

/// The text is no graph of schema `tierzero/graph/1`.
#[derive(Debug, thiserror::Error)]
#[error("this is no graph of schema tierzero/graph/1")]
pub struct NotAGraph(#[source] Option<serde_json::Error>);

/// What changed, and how far the two can be compared.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Diff {
    /// `tierzero/diff/1`.
    pub schema: &'static str,
    /// View of the first graph.
    pub before: View,
    /// View of the second.
    pub after: View,
    /// Why a difference may be one of the view and not of the world, a sentence each.
    pub unequal: Vec<String>,
    /// The changes: by what they are about, then by name.
    pub changes: Vec<Change>,
}

/// How much one graph saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct View {
    /// First and last moment observed.
    pub window: Window,
    /// Events lost.
    pub lost_events: u64,
    /// Times in which nothing was seen.
    pub blind_intervals: u64,
    /// Names of degradations, in order.
    pub degraded: BTreeSet<String>,
    /// Flows.
    pub flows: u64,
    /// Flows whose identity layer could not be read.
    pub opaque_flows: u64,
}

/// From when to when, as written in the graph; empty when nothing was observed yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Window {
    /// From.
    pub from: Option<String>,
    /// To.
    pub to: Option<String>,
}

/// What a change is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// A finding: its state.
    Finding,
    /// An agent: its containment.
    Agent,
    /// A proxy in front of a backend: its state.
    Wrap,
    /// An edge: its verdict.
    Edge,
    /// A listener: its class.
    Listener,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The first graph has none of that id.
    New,
    /// It says something else.
    Changed,
    /// The second graph has none of that id: it was not seen, which does not make it gone.
    NotSeen,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// What it is about.
    pub about: About,
    /// What became of it.
    pub how: How,
    /// True where less is checked than before, or where something new is not checked.
    pub weaker: bool,
    /// Id.
    pub id: String,
    /// Name, from outside: escape it wherever it is printed.
    pub name: String,
    /// What the first graph says.
    pub before: Option<String>,
    /// What the second says.
    pub after: Option<String>,
}

/// A rule that a difference can break.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Gate {
    /// No edge is new.
    NewEdge,
    /// No edge is location-trusted that was not.
    NewLocationTrusted,
    /// No edge has a weaker verdict than before.
    WeakerVerdict,
    /// No listener is legacy that was not.
    NewLegacy,
    /// No agent is bridged that was not, and no bridge was found.
    NewBridge,
    /// No finding is new or reopened.
    NewFinding,
    /// The second graph saw as well as the first.
    Coverage,
}

impl Gate {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::NewEdge,
        Self::NewLocationTrusted,
        Self::WeakerVerdict,
        Self::NewLegacy,
        Self::NewBridge,
        Self::NewFinding,
        Self::Coverage,
    ];

    /// As typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewEdge => "no-new-edge",
            Self::NewLocationTrusted => "no-new-location-trusted",
            Self::WeakerVerdict => "no-weaker-verdict",
            Self::NewLegacy => "no-new-legacy",
            Self::NewBridge => "no-new-bridge",
            Self::NewFinding => "no-new-finding",
            Self::Coverage => "no-worse-coverage",
        }
    }

    /// How often `diff` breaks it.
    #[must_use]
    pub fn broken_by(self, diff: &Diff) -> usize {
        let Diff { before, after, .. } = diff;
        if self == Self::Coverage {
            let worse = [
                after.lost_events > before.lost_events,
                after.blind_intervals > before.blind_intervals,
                !after.degraded.is_subset(&before.degraded),
            ];
            return worse.into_iter().filter(|it| *it).count();
        }
        diff.changes.iter().filter(|it| self.is_broken_by(it)).count()
    }

    fn is_broken_by(self, change: &Change) -> bool {
        let became = |word: &str| change.after.as_deref() == Some(word);
        match self {
            Self::NewEdge => change.about == About::Edge && change.how == How::New,
            Self::NewLocationTrusted => {
                change.about == About::Edge && became(Verdict::LocationTrusted.as_str())
            }
            Self::WeakerVerdict => change.about == About::Edge && change.how == How::Changed && change.weaker,
            Self::NewLegacy => change.about == About::Listener && became("legacy"),
            Self::NewBridge => match change.about {
                About::Agent => became(ContainmentState::Bridged.as_str()),
                About::Finding => change.weaker && change.name.starts_with("bridge-"),
                About::Wrap | About::Edge | About::Listener => false,
            },
            Self::NewFinding => change.about == About::Finding && change.weaker,
            Self::Coverage => false,
        }
    }
}

impl std::str::FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|it| it.as_str()).collect();
            format!("expected one of {}", known.join(", "))
        })
    }
}

#[derive(Deserialize)]
struct Graph {
    schema: String,
    #[serde(default)]
    window: Option<Window>,
    coverage: Coverage,
    workloads: Vec<WorkloadRow>,
    listeners: Vec<ListenerRow>,
    edges: Vec<EdgeRow>,
    #[serde(default)]
    wraps: Vec<WrapRow>,
    #[serde(default)]
    agents: Vec<AgentRow>,
    #[serde(default)]
    findings: Vec<FindingRow>,
}

#[derive(Deserialize)]
struct Coverage {
    lost_events: u64,
    blind: Vec<serde::de::IgnoredAny>,
    degraded: Vec<serde_json::Value>,
    flows: u64,
    opaque_flows: u64,
}

#[derive(Deserialize)]
struct WorkloadRow {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct ListenerRow {
    id: String,
    workload: String,
    address: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    class: ListenerClass,
}

#[derive(Deserialize)]
struct EdgeRow {
    id: String,
    caller: String,
    listener: String,
    verdict: Verdict,
}

#[derive(Deserialize)]
struct WrapRow {
    front: String,
    backend: String,
    state: String,
}

#[derive(Deserialize)]
struct AgentRow {
    name: String,
    root: String,
    containment: ContainmentState,
}

#[derive(Deserialize)]
struct FindingRow {
    id: String,
    r#type: String,
    state: String,
    says: String,
}

/// One thing that can change: what it says, and how weak that is (the lower the weaker).
#[derive(Clone, PartialEq, Eq)]
struct Said {
    name: String,
    word: String,
    rank: u8,
}

type Things = BTreeMap<(About, String), Said>;

/// What changed from `before` to `after`, both texts of [`crate::json`].
///
/// # Errors
/// Says which text is no graph: `Err((true, _))` for the first.
pub fn diff(before: &str, after: &str) -> Result<Diff, (bool, NotAGraph)> {
    let (before, after) = (read(before).map_err(|it| (true, it))?, read(after).map_err(|it| (false, it))?);
    let (was, is) = (things(&before), things(&after));
    let (before, after) = (view(before), view(after));
    let mut changes = Vec::new();
    for ((about, id), now) in &is {
        let then = was.get(&(*about, id.clone()));
        let how = match then {
            None => How::New,
            Some(then) if then.word != now.word => How::Changed,
            Some(_) => continue,
        };
        let new_rank = if *about == About::Finding { u8::MAX } else { UNCHECKED };
        changes.push(Change {
            about: *about,
            how,
            weaker: now.rank < then.map_or(new_rank, |then| then.rank),
            id: id.clone(),
            name: now.name.clone(),
            before: then.map(|then| then.word.clone()),
            after: Some(now.word.clone()),
        });
    }
    for ((about, id), then) in was.iter().filter(|(key, _)| !is.contains_key(*key)) {
        changes.push(Change {
            about: *about,
            how: How::NotSeen,
            weaker: false,
            id: id.clone(),
            name: then.name.clone(),
            before: Some(then.word.clone()),
            after: None,
        });
    }
    changes.sort_by(|a, b| (a.about, &a.name, &a.id).cmp(&(b.about, &b.name, &b.id)));
    Ok(Diff { schema: "tierzero/diff/1", unequal: unequal(&before, &after), before, after, changes })
}

/// What is new counts as weaker below this rank: a new edge that is checked weakens nothing.
const UNCHECKED: u8 = 3;

fn read(text: &str) -> Result<Graph, NotAGraph> {
    let graph: Graph = serde_json::from_str(text).map_err(|error| NotAGraph(Some(error)))?;
    if graph.schema == "tierzero/graph/1" { Ok(graph) } else { Err(NotAGraph(None)) }
}

fn things(graph: &Graph) -> Things {
    let workloads: BTreeMap<&str, &str> =
        graph.workloads.iter().map(|it| (it.id.as_str(), it.name.as_str())).collect();
    let workload = |id: &str| workloads.get(id).copied().unwrap_or(id).to_owned();
    let place = |it: &ListenerRow| match (&it.address, it.port, &it.path) {
        (Some(address), Some(port), _) if address.contains(':') => format!("[{address}]:{port}"),
        (Some(address), Some(port), _) => format!("{address}:{port}"),
        (_, _, Some(path)) => path.clone(),
        (_, _, None) => it.id.clone(),
    };
    let listeners: BTreeMap<&str, String> = graph
        .listeners
        .iter()
        .map(|it| (it.id.as_str(), format!("{} {}", workload(&it.workload), place(it))))
        .collect();
    let listener = |id: &str| listeners.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let mut things = Things::new();
    let mut put = |about, id: String, name: String, word: &str, rank| {
        things.insert((about, id), Said { name, word: word.to_owned(), rank });
    };
    for it in &graph.edges {
        let name = format!("{} to {}", workload(&it.caller), listener(&it.listener));
        put(About::Edge, it.id.clone(), name, it.verdict.as_str(), it.verdict.rank());
    }
    for it in &graph.listeners {
        let (word, rank) = match it.class {
            ListenerClass::Legacy => ("legacy", 0),
            ListenerClass::Unknown => ("unknown", 1),
            ListenerClass::Transitional => ("transitional", 3),
            ListenerClass::Modern => ("modern", 4),
        };
        put(About::Listener, it.id.clone(), listener(&it.id), word, rank);
    }
    for it in &graph.agents {
        let rank = match it.containment {
            ContainmentState::Bridged => 0,
            ContainmentState::NotProven => 1,
            ContainmentState::Contained => 4,
        };
        put(About::Agent, it.root.clone(), it.name.clone(), it.containment.as_str(), rank);
    }
    for it in &graph.wraps {
        let rank = match it.state.as_str() {
            "bypassed" => 0,
            "leaky" => 1,
            _ => 4,
        };
        let name = format!("{} in front of {}", listener(&it.front), listener(&it.backend));
        put(About::Wrap, format!("{}>{}", it.front, it.backend), name, &it.state, rank);
    }
    for it in &graph.findings {
        let rank = match it.state.as_str() {
            "new" | "reopened" => 0,
            "acknowledged" => 1,
            "accepted-risk" => 2,
            _ => u8::MAX,
        };
        put(About::Finding, it.id.clone(), format!("{}: {}", it.r#type, it.says), &it.state, rank);
    }
    things
}

fn view(graph: Graph) -> View {
    let Coverage { lost_events, blind, degraded, flows, opaque_flows } = graph.coverage;
    let name = |it: &serde_json::Value| {
        let name = it.as_str().or_else(|| it.get("name").and_then(serde_json::Value::as_str));
        name.unwrap_or("unnamed").to_owned()
    };
    View {
        window: graph.window.unwrap_or_default(),
        lost_events,
        blind_intervals: blind.len() as u64,
        degraded: degraded.iter().map(name).collect(),
        flows,
        opaque_flows,
    }
}

fn unequal(before: &View, after: &View) -> Vec<String> {
    let mut says = Vec::new();
    let mut differ = |what: &str, a: u64, b: u64| {
        if a != b {
            says.push(format!("{what}: {a} before, {b} after"));
        }
    };
    differ("lost events", before.lost_events, after.lost_events);
    differ("times in which nothing was seen", before.blind_intervals, after.blind_intervals);
    differ("flows that could not be read", before.opaque_flows, after.opaque_flows);
    let list = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        a.difference(b).map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    for (when, names) in [
        ("before", list(&before.degraded, &after.degraded)),
        ("after", list(&after.degraded, &before.degraded)),
    ] {
        if !names.is_empty() {
            says.push(format!("degraded only {when}: {names}"));
        }
    }
    says
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]
mod tests {
    use serde_json::{Value, json};

    use super::{About, Gate, How, diff};

    fn graph(edges: &[(&str, &str)], lost: u64) -> Value {
        let edges: Vec<Value> = edges
            .iter()
            .map(|(id, verdict)| json!({"id": id, "caller": "w-1", "listener": "l-1", "verdict": verdict}))
            .collect();
        json!({
            "schema": "tierzero/graph/1", "window": {"from": "a", "to": "b"},
            "coverage": {"lost_events": lost, "blind": [], "degraded": [], "flows": 1, "opaque_flows": 0},
            "workloads": [{"id": "w-1", "name": "app"}, {"id": "w-2", "name": "redis"}],
            "listeners": [{"id": "l-1", "workload": "w-2", "address": "::1", "port": 6379, "class": "legacy"}],
            "edges": edges, "wraps": [],
            "agents": [{"name": "helpdesk", "root": "w-1", "containment": if lost > 0 { "not-proven" } else { "contained" }}],
            "findings": [],
        })
    }

    fn told(before: &Value, after: &Value) -> super::Diff {
        diff(&before.to_string(), &after.to_string()).unwrap()
    }

    #[test]
    fn a_graph_does_not_differ_from_itself() {
        let it = graph(&[("e-1", "opaque")], 0);
        let diff = told(&it, &it);
        assert!(diff.changes.is_empty() && diff.unequal.is_empty());
        assert!(Gate::ALL.iter().all(|gate| gate.broken_by(&diff) == 0));
    }

    #[test]
    fn new_weaker_and_unseen_are_told_apart() {
        let before = graph(&[("e-1", "identity-checked"), ("e-2", "secret-checked"), ("e-3", "opaque")], 0);
        let after = graph(&[("e-1", "location-trusted"), ("e-3", "opaque"), ("e-4", "identity-checked")], 0);
        let diff = told(&before, &after);
        let of = |id: &str| diff.changes.iter().find(|it| it.id == id).unwrap();
        assert_eq!(diff.changes.len(), 3);
        assert_eq!((of("e-1").how, of("e-1").weaker, of("e-1").about), (How::Changed, true, About::Edge));
        assert_eq!((of("e-2").how, of("e-2").weaker), (How::NotSeen, false));
        assert_eq!((of("e-4").how, of("e-4").weaker), (How::New, false));
        assert_eq!(of("e-1").name, "app to redis [::1]:6379");
        let broken: Vec<_> =
            Gate::ALL.iter().filter(|it| it.broken_by(&diff) > 0).map(|it| it.as_str()).collect();
        assert_eq!(broken, ["no-new-edge", "no-new-location-trusted", "no-weaker-verdict"]);
    }

    #[test]
    fn unequal_views_are_said() {
        let diff = told(&graph(&[], 0), &graph(&[], 4));
        assert_eq!(diff.unequal, ["lost events: 0 before, 4 after"]);
        assert_eq!((Gate::Coverage.broken_by(&diff), diff.changes.len()), (1, 1));
        assert!(diff.changes[0].weaker);
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let good = graph(&[], 0).to_string();
        assert!(diff("{}", &good).is_err_and(|(first, _)| first));
        assert!(diff(&good, &good.replace("graph/1", "graph/9")).is_err_and(|(first, _)| !first));
    }
}
