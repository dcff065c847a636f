//! The JSON lines of `observe --json` and `replay --json`: one object a line, `type` first, no newline at the end.

use std::collections::BTreeMap;

use serde::Serialize;
use tierzero_core::finding::Finding;
use tierzero_core::graph::{CoverageSummary, Edge, Flow, Snapshot};

use crate::edge_json::{EdgeJson, EvidenceJson};
use crate::finding_json::StreamedFinding;
use crate::graph_json::{CoverageJson, WindowJson};
use crate::statement::statement;
use crate::words::{Word, time};

#[derive(Serialize)]
struct FlowLine<'a> {
    r#type: &'static str,
    originator: &'a str,
    responder: &'a str,
    transport: &'static str,
    protocol: Option<&'a str>,
    check: &'static str,
    strength: Option<&'static str>,
    verdict: &'static str,
    served: &'static str,
    joined_late: bool,
    gap: bool,
    principals: Vec<&'a str>,
    evidence: Vec<EvidenceJson>,
    caller: Option<&'a str>,
    listener: Option<&'a str>,
    from: String,
    to: String,
    bytes_sent: u64,
    bytes_received: u64,
    // Beyond the contract:
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'a str>,
    flow: u64,
    edge: Option<&'a str>,
    caller_pid: Option<u32>,
    receiver_pid: Option<u32>,
    closed: bool,
}

#[derive(Serialize)]
struct Typed<T> {
    r#type: &'static str,
    #[serde(flatten)]
    value: T,
}

#[derive(Serialize)]
struct Summary {
    window: WindowJson,
    hosts: usize,
    workloads: usize,
    listeners: usize,
    edges: usize,
    flows: u64,
    by_verdict: BTreeMap<&'static str, u64>,
    coverage: CoverageJson,
    says: String,
}

/// A flow was judged, or its judgement changed; the last line with the same `flow` stands.
#[must_use]
pub fn flow(flow: &Flow) -> String {
    line(&FlowLine {
        r#type: "flow",
        originator: &flow.originator,
        responder: &flow.responder,
        transport: flow.transport.word(),
        protocol: flow.protocol.as_deref(),
        check: flow.check.word(),
        strength: flow.strength.map(Word::word),
        verdict: flow.verdict.word(),
        served: flow.served.word(),
        joined_late: flow.joined_late,
        gap: flow.gap,
        principals: flow.principals.iter().map(|sighting| sighting.principal.name.as_str()).collect(),
        evidence: flow.evidence.iter().map(EvidenceJson::from).collect(),
        caller: flow.caller.as_ref().map(|id| id.as_str()),
        listener: flow.listener.as_ref().map(|id| id.as_str()),
        from: time(flow.from),
        to: time(flow.to),
        bytes_sent: flow.bytes_sent,
        bytes_received: flow.bytes_received,
        application: flow.application.as_deref(),
        flow: flow.number,
        edge: flow.edge.as_ref().map(|id| id.as_str()),
        caller_pid: flow.caller_pid,
        receiver_pid: flow.receiver_pid,
        closed: flow.closed,
    })
}

/// An edge is new or changed. Fingerprints are left out, as in an export without them.
#[must_use]
pub fn edge(edge: &Edge) -> String {
    let mut value = EdgeJson::from(edge);
    value.credentials.iter_mut().for_each(|credential| credential.fingerprint = None);
    line(&Typed { r#type: "edge", value })
}

/// A finding is new or changed: its `finding_type` stands beside the line's own `type`. The state is what evidence
/// alone gives it; what operators decided is in `findings --json` and in the export.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let now = finding.turns.last().map_or(finding.last, |turn| turn.at.max(finding.last));
    line(&Typed { r#type: "finding", value: StreamedFinding::new(finding, now) })
}

/// Coverage changed.
#[must_use]
pub fn coverage(coverage: &CoverageSummary) -> String {
    line(&Typed { r#type: "coverage", value: CoverageJson::from(coverage) })
}

/// The last line of a run.
#[must_use]
pub fn summary(snapshot: &Snapshot) -> String {
    let mut by_verdict: BTreeMap<&'static str, u64> = BTreeMap::new();
    for edge in &snapshot.edges {
        *by_verdict.entry(edge.verdict.word()).or_default() += 1;
    }
    let value = Summary {
        window: WindowJson {
            from: snapshot.window.map(|(from, _)| time(from)),
            to: snapshot.window.map(|(_, to)| time(to)),
        },
        hosts: snapshot.hosts.len(),
        workloads: snapshot.workloads.len(),
        listeners: snapshot.listeners.len(),
        edges: snapshot.edges.len(),
        flows: snapshot.coverage.flows,
        by_verdict,
        coverage: CoverageJson::from(&snapshot.coverage),
        says: statement(snapshot),
    };
    line(&Typed { r#type: "summary", value })
}

fn line<T: Serialize>(value: &T) -> String {
    // Strings, numbers and lists alone: there is nothing in them that can't be written.
    serde_json::to_string(value).unwrap_or_default()
}
