//! The graph JSON, schema `tierzero/graph/1`: these types are the contract's fields, in the contract's order, with
//! what was added to it after them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tierzero_core::drill::Drill;
use tierzero_core::event::{Degradation, ListenAddress};
use tierzero_core::graph::routes::Routes;
use tierzero_core::graph::{CoverageSummary, Host, Listener, Relay, Snapshot, Workload};

use crate::agent_json::{self, AgentJson};
use crate::edge_json::EdgeJson;
use crate::finding_json::{self, FindingJson};
use crate::holder_json::HolderJson;
use crate::path_json::{self, PathJson};
use crate::relay_json::WrapJson;
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
    #[serde(default)]
    pub(crate) wraps: Vec<WrapJson>,
    paths: Vec<PathJson>,
    pub(crate) agents: Vec<AgentJson>,
    pub(crate) findings: Vec<FindingJson>,
    /// Who shows credentials to which listener. Absent in a graph of an older program.
    #[serde(default)]
    pub(crate) principals: Vec<HolderJson>,
    /// Edges in and out of one workload that were used together. Absent in a graph of an older program.
    #[serde(default)]
    pub(crate) relays: Vec<Relay>,
    #[serde(default)]
    pub(crate) drills: Vec<Drill>,
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
    pub(crate) agent_reasons: Vec<String>,
    pub(crate) agent_root: Option<String>,
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

pub(crate) fn write(snapshot: &Snapshot, stale_after: SignedDuration) -> String {
    let Snapshot {
        window,
        hosts,
        coverage,
        workloads,
        listeners,
        edges,
        holders,
        agents,
        relays,
        wraps,
        findings: _,
        decisions: _,
        drills,
    } = snapshot;
    let routes = Routes::of(snapshot);
    let graph = GraphJson {
        schema: SCHEMA.to_owned(),
        window: WindowJson { from: window.map(|(from, _)| time(from)), to: window.map(|(_, to)| time(to)) },
        hosts: hosts.iter().map(HostJson::from).collect(),
        coverage: coverage.into(),
        workloads: workloads.iter().map(WorkloadJson::from).collect(),
        listeners: listeners.iter().map(ListenerJson::from).collect(),
        edges: edges.iter().map(EdgeJson::from).collect(),
        wraps: wraps.iter().map(WrapJson::from).collect(),
        paths: path_json::all(&routes),
        agents: agent_json::all(agents, &routes),
        findings: finding_json::all(snapshot, stale_after),
        principals: holders.iter().map(HolderJson::from).collect(),
        relays: relays.clone(),
        drills: drills.clone(),
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
            agent_reasons,
            agent_root,
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
            agent_reasons: agent_reasons.clone(),
            agent_root: agent_root.as_ref().map(ToString::to_string),
            owner: None,
            first: time(*first),
            last: time(*last),
        }
    }
}

impl From<&Listener> for ListenerJson {
    fn from(listener: &Listener) -> Self {
        let Listener {
            id,
            workload,
            at,
            protocol,
            class,
            reasons,
            joined_late,
            contrast: _,
            operations: _,
            first,
            last,
        } = listener;
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
