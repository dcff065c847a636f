//! The graph JSON, schema `tierzero/graph/1`: these types are the contract's fields, in the contract's order, with
//! what was added to it after them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tierzero_core::event::{Degradation, ListenAddress};
use tierzero_core::graph::{CoverageSummary, Edge, EvidenceLine, Host, Listener, Snapshot, Workload};

use crate::words::{Word, time};

pub(crate) const SCHEMA: &str = "tierzero/graph/1";

#[derive(Serialize, Deserialize)]
pub(crate) struct GraphJson {
    pub(crate) schema: String,
    pub(crate) window: WindowJson,
    pub(crate) hosts: Vec<HostJson>,
    pub(crate) coverage: CoverageJson,
    pub(crate) workloads: Vec<WorkloadJson>,
    pub(crate) listeners: Vec<ListenerJson>,
    pub(crate) edges: Vec<EdgeJson>,
    // Filled by capabilities that are not there yet; their place is kept.
    wraps: Vec<serde_json::Value>,
    paths: Vec<serde_json::Value>,
    agents: Vec<serde_json::Value>,
    findings: Vec<serde_json::Value>,
}

/// Both null when nothing was observed.
#[derive(Serialize, Deserialize)]
pub(crate) struct WindowJson {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct HostJson {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kernel: String,
    pub(crate) boot_id: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct CoverageJson {
    pub(crate) lost_events: u64,
    pub(crate) blind: Vec<BlindJson>,
    /// Names of the degradations; the whole of each is in `degradations`.
    pub(crate) degraded: Vec<String>,
    pub(crate) flows: u64,
    pub(crate) opaque_flows: u64,
    pub(crate) unattributed_flows: u64,
    pub(crate) lost_by_place: BTreeMap<String, u64>,
    pub(crate) degradations: Vec<DegradationJson>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BlindJson {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) reason: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DegradationJson {
    pub(crate) name: String,
    pub(crate) loses: String,
    pub(crate) because: String,
    pub(crate) remedy: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct WorkloadJson {
    pub(crate) id: String,
    pub(crate) host: Option<String>,
    pub(crate) name: String,
    pub(crate) exe: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) container: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) uid: Option<u32>,
    pub(crate) netns: Option<String>,
    pub(crate) netns_name: Option<String>,
    pub(crate) agent: String,
    agent_reasons: Vec<String>,
    agent_root: Option<String>,
    owner: Option<String>,
    pub(crate) first: String,
    pub(crate) last: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ListenerJson {
    pub(crate) id: String,
    pub(crate) workload: String,
    pub(crate) transport: String,
    /// TCP and UDP: the address, IPv6 without brackets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) port: Option<u16>,
    /// Unix: the path, or `@name`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) path: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) class: String,
    pub(crate) reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) socket_file: Option<SocketFileJson>,
    pub(crate) joined_late: bool,
    pub(crate) first: String,
    pub(crate) last: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SocketFileJson {
    /// Octal digits, as ls and chmod use them.
    pub(crate) mode: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EdgeJson {
    pub(crate) id: String,
    pub(crate) caller: String,
    pub(crate) listener: String,
    pub(crate) transport: String,
    pub(crate) protocol: Option<String>,
    pub(crate) verdict: String,
    pub(crate) check: String,
    pub(crate) strength: Option<String>,
    pub(crate) flows: u64,
    pub(crate) served: u64,
    pub(crate) refused: u64,
    pub(crate) opaque: u64,
    pub(crate) by_check: ByCheckJson,
    /// Names alone; with kind and proof in `principal_sightings`.
    pub(crate) principals: Vec<String>,
    pub(crate) credentials: Vec<CredentialJson>,
    pub(crate) ends: String,
    pub(crate) joined_late: u64,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    pub(crate) processes: Vec<ProcessJson>,
    pub(crate) evidence: Vec<EvidenceJson>,
    pub(crate) joined_inferred: bool,
    pub(crate) principal_sightings: Vec<PrincipalJson>,
    pub(crate) history: Vec<VerdictChangeJson>,
}

/// Every check, also those with no flow, so that the shape is always the same.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ByCheckJson(#[serde(with = "in_order")] pub(crate) Vec<(String, u64)>);

#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialJson {
    pub(crate) kind: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) lifetime_s: Option<u64>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) cleartext: bool,
    #[serde(default)]
    pub(crate) not_before: Option<String>,
    #[serde(default)]
    pub(crate) not_after: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ProcessJson {
    pub(crate) exe: String,
    pub(crate) count: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EvidenceJson {
    pub(crate) rule: String,
    pub(crate) level: String,
    pub(crate) source: String,
    pub(crate) shows: String,
    pub(crate) limits: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PrincipalJson {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) verified: bool,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct VerdictChangeJson {
    pub(crate) at: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A JSON object whose members keep the order in which they are given.
mod in_order {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        members: &[(String, u64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, u64)>, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

pub(crate) fn write(snapshot: &Snapshot) -> String {
    let Snapshot { window, hosts, coverage, workloads, listeners, edges } = snapshot;
    let graph = GraphJson {
        schema: SCHEMA.to_owned(),
        window: WindowJson { from: window.map(|(from, _)| time(from)), to: window.map(|(_, to)| time(to)) },
        hosts: hosts.iter().map(HostJson::from).collect(),
        coverage: coverage.into(),
        workloads: workloads.iter().map(WorkloadJson::from).collect(),
        listeners: listeners.iter().map(ListenerJson::from).collect(),
        edges: edges.iter().map(EdgeJson::from).collect(),
        wraps: Vec::new(),
        paths: Vec::new(),
        agents: Vec::new(),
        findings: Vec::new(),
    };
    // These types hold strings, numbers and lists alone: there is nothing in them that can't be written.
    let mut text = serde_json::to_string_pretty(&graph).unwrap_or_default();
    text.push('\n');
    text
}

impl From<&Host> for HostJson {
    fn from(host: &Host) -> Self {
        let Host { id, name, kernel, boot_id } = host;
        Self { id: id.to_string(), name: name.clone(), kernel: kernel.clone(), boot_id: boot_id.clone() }
    }
}

impl From<&CoverageSummary> for CoverageJson {
    fn from(coverage: &CoverageSummary) -> Self {
        let CoverageSummary {
            lost_events,
            lost_by_place,
            blind,
            degraded,
            flows,
            opaque_flows,
            unattributed_flows,
        } = coverage;
        Self {
            lost_events: *lost_events,
            blind: blind
                .iter()
                .map(|blind| BlindJson {
                    from: time(blind.from),
                    to: time(blind.to),
                    reason: blind.reason.clone(),
                })
                .collect(),
            degraded: degraded.iter().map(|degradation| degradation.name.clone()).collect(),
            flows: *flows,
            opaque_flows: *opaque_flows,
            unattributed_flows: *unattributed_flows,
            lost_by_place: lost_by_place.clone(),
            degradations: degraded
                .iter()
                .map(|Degradation { name, loses, because, remedy }| DegradationJson {
                    name: name.clone(),
                    loses: loses.clone(),
                    because: because.clone(),
                    remedy: remedy.clone(),
                })
                .collect(),
        }
    }
}

impl From<&Workload> for WorkloadJson {
    fn from(workload: &Workload) -> Self {
        // The command line stays here: redaction of secrets in it is a best effort, and reviewers don't need it.
        let Workload {
            id,
            host,
            name,
            exe,
            argv: _,
            unit,
            container,
            pod,
            uid,
            netns,
            netns_name,
            agent,
            first,
            last,
        } = workload;
        Self {
            id: id.to_string(),
            host: host.as_ref().map(ToString::to_string),
            name: name.clone(),
            exe: exe.clone(),
            unit: unit.clone(),
            container: container.clone(),
            pod: pod.clone(),
            uid: *uid,
            netns: netns.map(|netns| netns.0.to_string()),
            netns_name: netns_name.clone(),
            agent: agent.word().to_owned(),
            agent_reasons: Vec::new(),
            agent_root: None,
            owner: None,
            first: time(*first),
            last: time(*last),
        }
    }
}

impl From<&Listener> for ListenerJson {
    fn from(listener: &Listener) -> Self {
        let Listener { id, workload, at, protocol, class, reasons, joined_late, contrast: _, first, last } =
            listener;
        let (address, path) = match at {
            ListenAddress::Tcp { address } | ListenAddress::Udp { address } => (Some(*address), None),
            ListenAddress::Unix { path, file: _ } => (None, Some(path.clone())),
        };
        Self {
            id: id.to_string(),
            workload: workload.to_string(),
            transport: listener.transport().word().to_owned(),
            address: address.map(|address| address.ip().to_string()),
            port: address.map(|address| address.port()),
            path,
            protocol: protocol.clone(),
            class: class.word().to_owned(),
            reasons: reasons.clone(),
            socket_file: listener.socket_file().map(|file| SocketFileJson {
                mode: format!("{:04o}", file.mode),
                uid: file.uid,
                gid: file.gid,
            }),
            joined_late: *joined_late,
            first: time(*first),
            last: time(*last),
        }
    }
}

impl From<&EvidenceLine> for EvidenceJson {
    fn from(line: &EvidenceLine) -> Self {
        let EvidenceLine { rule, level, source, shows, limits } = line;
        Self {
            rule: rule.clone(),
            level: level.word().to_owned(),
            source: source.word().to_owned(),
            shows: shows.clone(),
            limits: limits.clone(),
        }
    }
}

impl From<&Edge> for EdgeJson {
    fn from(edge: &Edge) -> Self {
        let by_check = tierzero_core::verdict::Check::ALL
            .iter()
            .map(|check| (check.word().to_owned(), edge.by_check.get(check).copied().unwrap_or_default()))
            .collect();
        let principals = &edge.principals;
        Self {
            id: edge.id.to_string(),
            caller: edge.caller.to_string(),
            listener: edge.listener.to_string(),
            transport: edge.transport.word().to_owned(),
            protocol: edge.protocol.clone(),
            verdict: edge.verdict.word().to_owned(),
            check: edge.check.word().to_owned(),
            strength: edge.strength.map(|strength| strength.word().to_owned()),
            flows: edge.flows,
            served: edge.served,
            refused: edge.refused,
            opaque: edge.opaque,
            by_check: ByCheckJson(by_check),
            principals: principals.iter().map(|sighting| sighting.principal.name.clone()).collect(),
            credentials: edge
                .credentials
                .iter()
                .map(|credential| CredentialJson {
                    kind: credential.kind.word().to_owned(),
                    fingerprint: credential.fingerprint.as_ref().map(ToString::to_string),
                    lifetime_s: credential.lifetime_s,
                    first: time(credential.first),
                    last: time(credential.last),
                    cleartext: credential.cleartext,
                    not_before: credential.not_before.map(time),
                    not_after: credential.not_after.map(time),
                })
                .collect(),
            ends: edge.ends.word().to_owned(),
            joined_late: edge.joined_late,
            first: time(edge.first),
            last: time(edge.last),
            bytes_sent: edge.bytes_sent,
            bytes_received: edge.bytes_received,
            processes: edge
                .processes
                .iter()
                .map(|process| ProcessJson { exe: process.exe.clone(), count: process.count })
                .collect(),
            evidence: edge.evidence.iter().map(EvidenceJson::from).collect(),
            joined_inferred: edge.joined_inferred,
            principal_sightings: principals
                .iter()
                .map(|sighting| PrincipalJson {
                    kind: sighting.principal.kind.word().to_owned(),
                    name: sighting.principal.name.clone(),
                    verified: sighting.verified,
                })
                .collect(),
            history: edge
                .history
                .iter()
                .map(|change| VerdictChangeJson {
                    at: time(change.at),
                    from: change.from.word().to_owned(),
                    to: change.to.word().to_owned(),
                })
                .collect(),
        }
    }
}
