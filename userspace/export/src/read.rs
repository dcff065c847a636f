//! A graph JSON read back: what another program or an older run wrote is checked as it comes in.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tierzero_core::event::{Degradation, ListenAddress, SocketFile};
use tierzero_core::evidence::{Credential, Principal};
use tierzero_core::fingerprint::Fingerprint;
use tierzero_core::graph::{
    CoverageSummary, CredentialSighting, DegradedInterval, Edge, EvidenceLine, Host, Listener,
    PrincipalSighting, ProcessCount, Snapshot, VerdictChange, Workload,
};
use tierzero_core::id::{EdgeId, HostId, ListenerId, Netns, WorkloadId};
use tierzero_core::verdict::Contrast;

use crate::agent_json;
use crate::edge_json::{CredentialJson, EdgeJson, EvidenceJson};
use crate::finding_json::FindingJson;
use crate::graph_json::{CoverageJson, GraphJson, HostJson, ListenerJson, SCHEMA, WorkloadJson};
use crate::words::Word;
use crate::{holder_json, relay_json};

/// Why a text is not a graph of schema `tierzero/graph/1`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no JSON, or a field is missing or of another type.
    #[error("not a graph of schema {SCHEMA}: {0}")]
    Shape(#[from] serde_json::Error),
    /// Its schema is another one.
    #[error("its schema is `{0}`, not {SCHEMA}")]
    Schema(String),
    /// A field holds what it can't.
    #[error("`{value}` is no {field}")]
    Value {
        /// Which kind of field.
        field: &'static str,
        /// What it holds, as written there: escape it where it is printed.
        value: String,
    },
}

pub(crate) fn read(text: &str) -> Result<Snapshot, ReadError> {
    #[derive(serde::Deserialize)]
    struct Any {
        schema: String,
    }
    let Any { schema } = serde_json::from_str(text)?;
    if schema != SCHEMA {
        return Err(ReadError::Schema(schema));
    }
    let graph: GraphJson = serde_json::from_str(text)?;
    let window = match (&graph.window.from, &graph.window.to) {
        (Some(from), Some(to)) => Some((moment(from)?, moment(to)?)),
        _ => None,
    };
    let read = graph.findings.into_iter().map(FindingJson::read).collect::<Result<Vec<_>, _>>()?;
    let (findings, decisions): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let mut decisions: Vec<_> = decisions.into_iter().flatten().collect();
    decisions.sort_by_key(|it| it.at);
    Ok(Snapshot {
        window,
        hosts: graph.hosts.into_iter().map(host).collect(),
        coverage: coverage(graph.coverage)?,
        workloads: graph.workloads.into_iter().map(workload).collect::<Result<_, _>>()?,
        listeners: graph.listeners.into_iter().map(listener).collect::<Result<_, _>>()?,
        edges: graph.edges.into_iter().map(edge).collect::<Result<_, _>>()?,
        holders: graph.principals.into_iter().map(holder_json::read).collect::<Result<_, _>>()?,
        agents: graph.agents.into_iter().map(agent_json::read).collect::<Result<_, _>>()?,
        relays: graph.relays,
        wraps: graph.wraps.into_iter().map(relay_json::read).collect::<Result<_, _>>()?,
        findings,
        decisions,
        drills: graph.drills,
    })
}

fn wrong(field: &'static str, value: &str) -> ReadError {
    ReadError::Value { field, value: value.to_owned() }
}

pub(crate) fn moment(text: &str) -> Result<Timestamp, ReadError> {
    text.parse().map_err(|_| wrong("time", text))
}

pub(crate) fn word<W: Word>(field: &'static str, text: &str) -> Result<W, ReadError> {
    W::from_word(text).ok_or_else(|| wrong(field, text))
}

fn parsed<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, ReadError> {
    text.parse().map_err(|_| wrong(field, text))
}

fn host(host: HostJson) -> Host {
    let HostJson { id, name, kernel, boot_id } = host;
    Host { id: HostId::from_stored(&id), name, kernel, boot_id }
}

fn coverage(coverage: CoverageJson) -> Result<CoverageSummary, ReadError> {
    Ok(CoverageSummary {
        lost_events: coverage.lost_events,
        lost_by_place: coverage.lost_by_place,
        blind: coverage
            .blind
            .into_iter()
            .map(|blind| {
                Ok(DegradedInterval {
                    from: moment(&blind.from)?,
                    to: moment(&blind.to)?,
                    reason: blind.reason,
                })
            })
            .collect::<Result<_, ReadError>>()?,
        degraded: coverage
            .degradations
            .into_iter()
            .map(|degradation| Degradation {
                name: degradation.name,
                loses: degradation.loses,
                because: degradation.because,
                remedy: degradation.remedy,
            })
            .collect(),
        flows: coverage.flows,
        opaque_flows: coverage.opaque_flows,
        unattributed_flows: coverage.unattributed_flows,
    })
}

fn workload(workload: WorkloadJson) -> Result<Workload, ReadError> {
    Ok(Workload {
        id: WorkloadId::from_stored(&workload.id),
        host: workload.host.as_deref().map(HostId::from_stored),
        name: workload.name,
        exe: workload.exe,
        argv: Vec::new(),
        unit: workload.unit,
        container: workload.container,
        pod: workload.pod,
        uid: workload.uid,
        netns: workload.netns.map(|netns| parsed("network namespace", &netns)).transpose()?.map(Netns),
        netns_name: workload.netns_name,
        agent: word("agent status", &workload.agent)?,
        agent_reasons: workload.agent_reasons,
        agent_root: workload.agent_root.as_deref().map(WorkloadId::from_stored),
        first: moment(&workload.first)?,
        last: moment(&workload.last)?,
    })
}

fn listener(listener: ListenerJson) -> Result<Listener, ReadError> {
    let internet = || -> Result<SocketAddr, ReadError> {
        let address = listener.address.as_deref().ok_or_else(|| wrong("address", ""))?;
        let port = listener.port.ok_or_else(|| wrong("port", ""))?;
        Ok(SocketAddr::new(parsed::<IpAddr>("address", address)?, port))
    };
    let at = match listener.transport.as_str() {
        "tcp" => ListenAddress::Tcp { address: internet()? },
        "udp" => ListenAddress::Udp { address: internet()? },
        "unix" => ListenAddress::Unix {
            path: listener.path.clone().ok_or_else(|| wrong("path", ""))?,
            file: listener
                .socket_file
                .as_ref()
                .map(|file| {
                    let mode =
                        u32::from_str_radix(&file.mode, 8).map_err(|_| wrong("file mode", &file.mode))?;
                    Ok::<_, ReadError>(SocketFile { mode, uid: file.uid, gid: file.gid })
                })
                .transpose()?,
        },
        other => return Err(wrong("transport", other)),
    };
    Ok(Listener {
        id: ListenerId::from_stored(&listener.id),
        workload: WorkloadId::from_stored(&listener.workload),
        at,
        protocol: listener.protocol,
        class: word("listener class", &listener.class)?,
        reasons: listener.reasons,
        joined_late: listener.joined_late,
        contrast: Contrast::default(),
        operations: Vec::new(),
        first: moment(&listener.first)?,
        last: moment(&listener.last)?,
    })
}

fn edge(edge: EdgeJson) -> Result<Edge, ReadError> {
    Ok(Edge {
        id: EdgeId::from_stored(&edge.id),
        caller: WorkloadId::from_stored(&edge.caller),
        listener: ListenerId::from_stored(&edge.listener),
        transport: word("transport", &edge.transport)?,
        protocol: edge.protocol,
        verdict: word("verdict", &edge.verdict)?,
        check: word("check", &edge.check)?,
        strength: edge.strength.map(|strength| word("strength", &strength)).transpose()?,
        flows: edge.flows,
        served: edge.served,
        refused: edge.refused,
        opaque: edge.opaque,
        by_check: edge
            .by_check
            .0
            .into_iter()
            .filter(|(_, flows)| *flows > 0)
            .map(|(check, flows)| Ok((word("check", &check)?, flows)))
            .collect::<Result<_, ReadError>>()?,
        groups: Vec::new(),
        principals: edge
            .principal_sightings
            .into_iter()
            .map(|sighting| {
                let kind = word("kind of principal", &sighting.kind)?;
                Ok(PrincipalSighting {
                    principal: Principal { kind, name: sighting.name },
                    verified: sighting.verified,
                })
            })
            .collect::<Result<_, ReadError>>()?,
        credentials: edge.credentials.into_iter().map(credential).collect::<Result<_, _>>()?,
        ends: word("word for the ends seen", &edge.ends)?,
        joined_inferred: edge.joined_inferred,
        joined_late: edge.joined_late,
        first: moment(&edge.first)?,
        last: moment(&edge.last)?,
        bytes_sent: edge.bytes_sent,
        bytes_received: edge.bytes_received,
        processes: edge
            .processes
            .into_iter()
            .map(|process| ProcessCount { exe: process.exe, count: process.count })
            .collect(),
        evidence: edge.evidence.into_iter().map(evidence).collect::<Result<_, _>>()?,
        history: edge
            .history
            .into_iter()
            .map(|change| {
                Ok(VerdictChange {
                    at: moment(&change.at)?,
                    from: word("verdict", &change.from)?,
                    to: word("verdict", &change.to)?,
                    why: change.why.map(|why| word("reason of a revision", &why)).transpose()?,
                    check: change.check.map(|check| word("check", &check)).transpose()?,
                    strength: change.strength.map(|strength| word("strength", &strength)).transpose()?,
                })
            })
            .collect::<Result<_, ReadError>>()?,
    })
}

fn credential(credential: CredentialJson) -> Result<CredentialSighting, ReadError> {
    Ok(CredentialSighting {
        credential: Credential {
            kind: word("kind of credential", &credential.kind)?,
            fingerprint: credential.fingerprint.map(transparent::<Fingerprint>).transpose()?,
            lifetime_s: credential.lifetime_s,
            not_before: credential.not_before.as_deref().map(moment).transpose()?,
            not_after: credential.not_after.as_deref().map(moment).transpose()?,
            subject: credential.subject,
            cleartext: credential.cleartext,
        },
        first: moment(&credential.first)?,
        last: moment(&credential.last)?,
    })
}

fn evidence(line: EvidenceJson) -> Result<EvidenceLine, ReadError> {
    Ok(EvidenceLine {
        level: word("level of evidence", &line.level)?,
        source: word("source of evidence", &line.source)?,
        rule: line.rule,
        shows: line.shows,
        limits: line.limits,
    })
}

/// A core value that is written as one string.
pub(crate) fn transparent<T: DeserializeOwned>(text: String) -> Result<T, ReadError> {
    Ok(serde_json::from_value(serde_json::Value::String(text))?)
}
