//! The graph's values. Field names are those of the graph JSON, schema `tierzero/graph/1`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::agent_tree::AgentTree;
use super::holder::Holder;
use super::{Relay, Wrap};
use crate::drill::Drill;
use crate::event::{Degradation, HostDescription, ListenAddress, SocketFile};
use crate::evidence::{Credential, Level, Principal, Source};
use crate::finding::{Decision, Finding};
use crate::id::{EdgeId, HostId, ListenerId, Netns, WorkloadId};
use crate::verdict::{Check, Contrast, FlowClass, OperationContrast, Revision, Served, Strength, Verdict};

/// The host.
pub type Host = HostDescription;

/// What runs at one end of an edge: a service unit, a container, a program in a place, or a remote address.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// Stable id.
    pub id: WorkloadId,
    /// Host it runs on; `None` for a peer on another host.
    pub host: Option<HostId>,
    /// Short name: unit, container or program name; the address for a remote peer.
    pub name: String,
    /// Program path.
    pub exe: Option<String>,
    /// Redacted command line of the process seen first.
    pub argv: Vec<String>,
    /// systemd service unit.
    pub unit: Option<String>,
    /// Container id.
    pub container: Option<String>,
    /// Kubernetes pod uid.
    pub pod: Option<String>,
    /// User id.
    pub uid: Option<u32>,
    /// Network namespace.
    pub netns: Option<Netns>,
    /// Name of the network namespace, `host` for that of pid 1.
    pub netns_name: Option<String>,
    /// Whether it is an AI agent, as far as is known.
    pub agent: AgentStatus,
    /// Why it counts as an agent, or as part of one.
    #[serde(default)]
    pub agent_reasons: Vec<String>,
    /// The agent's own workload, where this one is a part of its tree that sits elsewhere.
    #[serde(default)]
    pub agent_root: Option<WorkloadId>,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
}

/// Agent status.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    /// No sign of one, or too few: that is no proof that it is none.
    No,
    /// The operator said so, by a rule that it fits.
    Declared,
    /// Descends from an agent's process by fork, across exec, within the boundaries of lineage.
    Inherited,
    /// Two or more independent signs were observed.
    Suspected,
}

/// Where a workload can be called.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Listener {
    /// Stable id.
    pub id: ListenerId,
    /// Who listens.
    pub workload: WorkloadId,
    /// Where.
    #[serde(flatten)]
    pub at: ListenAddress,
    /// Protocol, where evidence shows one.
    pub protocol: Option<String>,
    /// Class, by behaviour.
    pub class: ListenerClass,
    /// Why that class.
    pub reasons: Vec<String>,
    /// True when it was there before observation began.
    pub joined_late: bool,
    /// What it demanded, refused and served, over all of its callers.
    #[serde(default)]
    pub contrast: Contrast,
    /// The same by operation, where operations can be told apart.
    #[serde(default)]
    pub operations: Vec<OperationContrast>,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
}

/// Transport of a listener.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Unix stream.
    Unix,
}

/// Listener class, by behaviour, not age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenerClass {
    /// Served someone for where it sits.
    Legacy,
    /// Served; the worst is a shared secret.
    Transitional,
    /// Served; all identity-checked, and someone was refused.
    Modern,
    /// Everything else.
    Unknown,
}

/// One caller workload to one listener.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Edge {
    /// Stable id.
    pub id: EdgeId,
    /// Who calls.
    pub caller: WorkloadId,
    /// What is called.
    pub listener: ListenerId,
    /// Transport.
    pub transport: Transport,
    /// Protocol, where evidence shows one.
    pub protocol: Option<String>,
    /// The weakest served flow decides.
    pub verdict: Verdict,
    /// Check of the deciding flow.
    pub check: Check,
    /// Strength of the deciding flow.
    pub strength: Option<Strength>,
    /// Flows.
    pub flows: u64,
    /// Flows that were served.
    pub served: u64,
    /// Flows that were refused.
    pub refused: u64,
    /// Flows whose identity layer could not be read.
    pub opaque: u64,
    /// Flows by check; refused ones are not in it.
    pub by_check: BTreeMap<Check, u64>,
    /// Flows by what they come to, in order of class: `explain` shows these, and a restart goes on from them.
    #[serde(default)]
    pub groups: Vec<FlowGroup>,
    /// Names that the caller used.
    pub principals: Vec<PrincipalSighting>,
    /// Traces of credentials.
    pub credentials: Vec<CredentialSighting>,
    /// Which ends were seen on this host.
    pub ends: EdgeEnds,
    /// True when the ends were joined by addresses rather than seen as one connection.
    pub joined_inferred: bool,
    /// Flows that were open before observation began.
    pub joined_late: u64,
    /// First flow.
    pub first: Timestamp,
    /// Last flow.
    pub last: Timestamp,
    /// Payload bytes from caller to receiver, of closed flows.
    pub bytes_sent: u64,
    /// Payload bytes from receiver to caller, of closed flows.
    pub bytes_received: u64,
    /// Calling programs, most frequent first.
    pub processes: Vec<ProcessCount>,
    /// What the verdict stands on.
    pub evidence: Vec<EvidenceLine>,
    /// Earlier verdicts, oldest first.
    pub history: Vec<VerdictChange>,
}

/// Flows of one edge that come to the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FlowGroup {
    /// What each of them showed by itself.
    pub class: FlowClass,
    /// Check, in the light of the listener's other flows.
    pub check: Check,
    /// Strength, likewise.
    pub strength: Option<Strength>,
    /// Verdict, likewise.
    pub verdict: Verdict,
    /// How many.
    pub flows: u64,
}

/// A verdict that was revised.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VerdictChange {
    /// When.
    pub at: Timestamp,
    /// What it was until then.
    pub from: Verdict,
    /// What it became.
    pub to: Verdict,
    /// What made it so; `None` in a database of an older program.
    #[serde(default)]
    pub why: Option<Revision>,
    /// Check of the flow that decides since then.
    #[serde(default)]
    pub check: Option<Check>,
    /// Strength of that check.
    #[serde(default)]
    pub strength: Option<Strength>,
}

/// A name seen on an edge.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct PrincipalSighting {
    /// The name.
    #[serde(flatten)]
    pub principal: Principal,
    /// True when the receiver demanded and accepted proof of it.
    pub verified: bool,
}

/// A credential seen on an edge. Never its value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CredentialSighting {
    /// The credential, with the longest lifetime that it stated.
    #[serde(flatten)]
    pub credential: Credential,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
}

/// Which ends of an edge's flows were seen on this host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeEnds {
    /// Both.
    Both,
    /// The caller's only.
    CallerOnly,
    /// The receiver's only.
    ReceiverOnly,
}

/// A calling program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProcessCount {
    /// Program path.
    pub exe: String,
    /// Flows.
    pub count: u64,
}

/// One line of what a verdict stands on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct EvidenceLine {
    /// Rule id and version: `postgresql.scram-demanded/1`.
    pub rule: String,
    /// How firm.
    pub level: Level,
    /// Where seen.
    pub source: Source,
    /// What it shows.
    pub shows: String,
    /// What it does not show.
    pub limits: String,
}

/// One flow, judged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// Number of the flow in this run, from 1.
    pub number: u64,
    /// Originator: `address:port`, `[v6]:port`, or the caller's name for Unix sockets.
    pub originator: String,
    /// Responder: `address:port`, `[v6]:port`, or a path.
    pub responder: String,
    /// Transport.
    pub transport: Transport,
    /// Protocol, where evidence shows one.
    pub protocol: Option<String>,
    /// What is carried inside the protocol, where evidence shows it: `mcp`, `a2a`, `model-api`, ...
    #[serde(default)]
    pub application: Option<String>,
    /// Check.
    pub check: Check,
    /// Strength.
    pub strength: Option<Strength>,
    /// Verdict.
    pub verdict: Verdict,
    /// Served?
    pub served: Served,
    /// Open before observation began.
    pub joined_late: bool,
    /// Bytes are missing.
    pub gap: bool,
    /// Names used.
    pub principals: Vec<PrincipalSighting>,
    /// What the verdict stands on.
    pub evidence: Vec<EvidenceLine>,
    /// Caller.
    pub caller: Option<WorkloadId>,
    /// Calling process id and program, where known.
    pub caller_pid: Option<u32>,
    /// Listener.
    pub listener: Option<ListenerId>,
    /// Receiving process id, where known.
    pub receiver_pid: Option<u32>,
    /// The edge it counts for.
    pub edge: Option<EdgeId>,
    /// First event.
    pub from: Timestamp,
    /// Last event.
    pub to: Timestamp,
    /// Payload bytes sent by the originator.
    pub bytes_sent: u64,
    /// Payload bytes sent by the responder.
    pub bytes_received: u64,
    /// True when the flow is over.
    pub closed: bool,
}

/// What was not seen, summed up.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CoverageSummary {
    /// Events lost.
    pub lost_events: u64,
    /// Events lost, by place.
    pub lost_by_place: BTreeMap<String, u64>,
    /// Times in which nothing was seen.
    pub blind: Vec<DegradedInterval>,
    /// Named degradations.
    pub degraded: Vec<Degradation>,
    /// Flows.
    pub flows: u64,
    /// Flows whose identity layer could not be read.
    pub opaque_flows: u64,
    /// Flows for which no process was found at an end on this host.
    pub unattributed_flows: u64,
}

/// A time in which nothing was seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DegradedInterval {
    /// From.
    pub from: Timestamp,
    /// To.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
}

/// A change of the graph. Each carries the whole new value: the store writes it over the old one.
#[derive(Clone, PartialEq, Debug)]
pub enum Delta {
    /// The host.
    Host(Host),
    /// A workload is new or changed.
    Workload(Workload),
    /// A listener is new or changed.
    Listener(Listener),
    /// An edge is new or changed.
    Edge(Edge),
    /// A holder of credentials is new or changed.
    Holder(Holder),
    /// An agent's tree is new or changed.
    Agent(AgentTree),
    /// What a workload does with its connections while it is called is new or changed.
    Relay(Relay),
    /// A wrap is new or changed.
    Wrap(Wrap),
    /// A flow was judged, or its judgement changed. The last one stands.
    Flow(Flow),
    /// Coverage changed.
    Coverage(CoverageSummary),
    /// A finding is new or changed.
    Finding(Finding),
}

/// The whole graph at one moment, everything in order of id.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Snapshot {
    /// First and last moment observed.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Hosts.
    pub hosts: Vec<Host>,
    /// Coverage.
    pub coverage: CoverageSummary,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// Listeners.
    pub listeners: Vec<Listener>,
    /// Edges.
    pub edges: Vec<Edge>,
    /// Holders of credentials.
    pub holders: Vec<Holder>,
    /// Agents, in order of their workload's id.
    pub agents: Vec<AgentTree>,
    /// Edges in and out of one workload that were used together.
    pub relays: Vec<Relay>,
    /// Proxies in front of backends.
    pub wraps: Vec<Wrap>,
    /// Findings.
    pub findings: Vec<Finding>,
    /// What operators decided about them, in order of time.
    pub decisions: Vec<Decision>,
    /// Attempts that operators were handed, in order of time.
    pub drills: Vec<Drill>,
}

impl Listener {
    /// Its transport.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.at {
            ListenAddress::Tcp { .. } => Transport::Tcp,
            ListenAddress::Udp { .. } => Transport::Udp,
            ListenAddress::Unix { .. } => Transport::Unix,
        }
    }

    /// Owner and mode of its socket file, for Unix sockets.
    #[must_use]
    pub fn socket_file(&self) -> Option<SocketFile> {
        match &self.at {
            ListenAddress::Unix { file, .. } => *file,
            ListenAddress::Tcp { .. } | ListenAddress::Udp { .. } => None,
        }
    }
}
