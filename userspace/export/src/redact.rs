//! Names, addresses, paths and principals replaced by keyed pseudonyms.
//!
//! What stays: kinds, verdicts, counts, times, ports, user id 0, loopback and unspecified addresses, the texts of
//! rules, the kernel release. What goes without a pseudonym: fingerprints, command lines, other user ids, what the
//! system said about a degradation.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use tierzero_core::drill::{Drill, DrillOutcome};
use tierzero_core::event::{Degradation, ListenAddress, SocketFile};
use tierzero_core::evidence::Principal;
use tierzero_core::finding::{Decision, Finding, FoundOn, Subject, Verb};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::graph::{
    AgentMember, AgentTree, CoverageSummary, Edge, Holder, Host, Listener, PrincipalSighting, ProcessCount,
    Relay, Snapshot, Stander, StandingRoom, ToolUse, Workload, Wrap,
};
use tierzero_core::id::{
    DrillId, EdgeId, FindingId, HolderId, HostId, ListenerId, RelayId, WorkloadId, WrapId,
};

pub(crate) fn redact(snapshot: &Snapshot, key: [u8; 32]) -> Snapshot {
    let names = Pseudonyms(Fingerprinter::new(key));
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
        findings,
        decisions,
        drills,
    } = snapshot;
    let mut redacted = Snapshot {
        window: *window,
        hosts: hosts.iter().map(|host| names.host(host)).collect(),
        coverage: names.coverage(coverage),
        workloads: workloads.iter().map(|workload| names.workload(workload)).collect(),
        listeners: listeners.iter().map(|listener| names.listener(listener)).collect(),
        edges: edges.iter().map(|edge| names.edge(edge)).collect(),
        holders: holders.iter().map(|holder| names.holder(holder)).collect(),
        agents: agents.iter().map(|agent| names.agent(agent)).collect(),
        relays: relays.iter().map(|relay| names.relay(relay)).collect(),
        wraps: wraps.iter().map(|wrap| names.wrap(wrap)).collect(),
        findings: findings.iter().map(|finding| names.finding(finding)).collect(),
        decisions: decisions.iter().map(|decision| names.decision(decision)).collect(),
        drills: drills.iter().map(|drill| names.drill(drill)).collect(),
    };
    // Ids are pseudonyms as well (they are digests of names), so the order of ids is another one now.
    redacted.hosts.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.workloads.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.listeners.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.edges.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.holders.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.agents.sort_by(|a, b| a.root.cmp(&b.root));
    redacted.relays.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.wraps.sort_by(|a, b| a.id.cmp(&b.id));
    redacted.findings.sort_by(|a, b| a.id.cmp(&b.id));
    redacted
}

/// Reasons without what they name: they are written `sign: what was seen`.
fn names_nothing(reasons: &[String]) -> Vec<String> {
    reasons.iter().map(|it| it.split_once(": ").map_or(it.as_str(), |(sign, _)| sign).to_owned()).collect()
}

struct Pseudonyms(Fingerprinter);

impl Pseudonyms {
    /// `kind-` and 16 hex digits.
    fn of(&self, kind: &str, name: &str) -> String {
        format!("{kind}-{}", self.0.of(&format!("redact {kind}"), name.as_bytes()))
    }

    fn option(&self, kind: &str, name: Option<&String>) -> Option<String> {
        name.map(|name| self.of(kind, name))
    }

    fn host(&self, host: &Host) -> Host {
        let Host { id, name, kernel, boot_id } = host;
        Host {
            id: self.host_id(id),
            name: self.of("host", name),
            kernel: kernel.clone(),
            boot_id: self.of("boot", boot_id),
        }
    }

    fn host_id(&self, id: &HostId) -> HostId {
        HostId::from_stored(&self.of("h", id.as_str()))
    }

    fn workload_id(&self, id: &WorkloadId) -> WorkloadId {
        WorkloadId::from_stored(&self.of("w", id.as_str()))
    }

    fn listener_id(&self, id: &ListenerId) -> ListenerId {
        ListenerId::from_stored(&self.of("l", id.as_str()))
    }

    fn finding(&self, finding: &Finding) -> Finding {
        let Finding { id, kind, severity, subjects, count, first, last, edges, callers, says: _, turns } =
            finding;
        let mut edges: Vec<_> = edges
            .iter()
            .map(|it| FoundOn { edge: EdgeId::from_stored(&self.of("e", it.edge.as_str())), count: it.count })
            .collect();
        edges.sort_by(|a, b| a.edge.cmp(&b.edge));
        Finding {
            id: FindingId::from_stored(&self.of("f", id.as_str())),
            kind: *kind,
            severity: *severity,
            subjects: subjects.iter().map(|it| self.subject(it)).collect(),
            count: *count,
            first: *first,
            last: *last,
            edges,
            callers: callers.clone(),
            // With names; without them the type says as much.
            says: kind.says().to_owned(),
            turns: turns.clone(),
        }
    }

    fn subject(&self, subject: &Subject) -> Subject {
        match subject {
            Subject::Workload(id) => Subject::Workload(self.workload_id(id)),
            Subject::Listener(id) => Subject::Listener(self.listener_id(id)),
            Subject::Edge(id) => Subject::Edge(EdgeId::from_stored(&self.of("e", id.as_str()))),
            Subject::Principal(id) => Subject::Principal(HolderId::from_stored(&self.of("p", id.as_str()))),
            Subject::Host(id) => Subject::Host(self.host_id(id)),
        }
    }

    fn decision(&self, decision: &Decision) -> Decision {
        let Decision { finding, at, by, verb } = decision;
        Decision {
            finding: FindingId::from_stored(&self.of("f", finding.as_str())),
            at: *at,
            by: self.of("operator", by),
            verb: match verb {
                Verb::Accept { owner, reason: _, expires } => {
                    Verb::Accept { owner: self.of("owner", owner), reason: String::new(), expires: *expires }
                }
                Verb::Acknowledge | Verb::Resolve => verb.clone(),
            },
        }
    }

    fn drill(&self, drill: &Drill) -> Drill {
        let Drill { id, attack, edge, listener, caller, program, prepared, by, outcome } = drill;
        Drill {
            id: DrillId::from_stored(&self.of("d", id.as_str())),
            attack: *attack,
            edge: EdgeId::from_stored(&self.of("e", edge.as_str())),
            listener: self.listener_id(listener),
            caller: self.workload_id(caller),
            program: program.clone(),
            prepared: *prepared,
            by: self.of("operator", by),
            outcome: outcome.clone().map(|it| DrillOutcome { by: self.of("operator", &it.by), ..it }),
        }
    }

    fn coverage(&self, coverage: &CoverageSummary) -> CoverageSummary {
        let mut coverage = coverage.clone();
        for Degradation { because, .. } in &mut coverage.degraded {
            because.clear();
        }
        coverage
    }

    fn workload(&self, workload: &Workload) -> Workload {
        // Every field is named, so that a new one is decided on here.
        Workload {
            id: self.workload_id(&workload.id),
            host: workload.host.as_ref().map(|host| self.host_id(host)),
            name: self.of("workload", &workload.name),
            exe: self.option("exe", workload.exe.as_ref()),
            argv: Vec::new(),
            unit: self.option("unit", workload.unit.as_ref()),
            container: self.option("container", workload.container.as_ref()),
            pod: self.option("pod", workload.pod.as_ref()),
            uid: workload.uid.filter(|uid| *uid == 0),
            netns: workload.netns,
            netns_name: workload
                .netns_name
                .as_ref()
                .map(|name| if name == "host" { name.clone() } else { self.of("netns", name) }),
            agent: workload.agent,
            agent_reasons: names_nothing(&workload.agent_reasons),
            agent_root: workload.agent_root.as_ref().map(|root| self.workload_id(root)),
            first: workload.first,
            last: workload.last,
        }
    }

    fn agent(&self, agent: &AgentTree) -> AgentTree {
        let AgentTree { root, name, reasons, members, .. } = agent;
        AgentTree {
            root: self.workload_id(root),
            name: self.of("workload", name),
            reasons: names_nothing(reasons),
            members: members
                .iter()
                .map(|AgentMember { program, status, count }| AgentMember {
                    program: self.of("exe", program),
                    status: *status,
                    count: *count,
                })
                .collect(),
            // Counts, times and kinds.
            ..agent.clone()
        }
    }

    fn listener(&self, listener: &Listener) -> Listener {
        Listener {
            id: self.listener_id(&listener.id),
            workload: self.workload_id(&listener.workload),
            at: match &listener.at {
                ListenAddress::Tcp { address } => ListenAddress::Tcp { address: self.address(*address) },
                ListenAddress::Udp { address } => ListenAddress::Udp { address: self.address(*address) },
                ListenAddress::Unix { path, file } => {
                    let prefix = if path.starts_with('@') { "@" } else { "/" };
                    ListenAddress::Unix {
                        path: format!("{prefix}{}", self.of("path", path)),
                        file: file.map(|SocketFile { mode, uid: _, gid: _ }| SocketFile {
                            mode,
                            uid: 0,
                            gid: 0,
                        }),
                    }
                }
            },
            ..listener.clone()
        }
    }

    /// Addresses of the documentation prefix 2001:db8::/32 (RFC 3849): `2001:db8:4::` for what was IPv4, `:6::` for
    /// what was IPv6, with 64 keyed bits. Ports stay.
    fn address(&self, address: SocketAddr) -> SocketAddr {
        let ip = address.ip();
        if ip.is_loopback() || ip.is_unspecified() {
            return address;
        }
        let digits = self.0.of("redact address", ip.to_string().as_bytes());
        let bits = u64::from_str_radix(digits.as_str(), 16).unwrap_or_default();
        let family: u128 = if ip.is_ipv4() { 4 } else { 6 };
        let redacted = (0x2001_0db8_u128 << 96) | (family << 80) | u128::from(bits);
        SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(redacted)), address.port())
    }

    fn principal(&self, Principal { kind, name }: &Principal) -> Principal {
        Principal { kind: *kind, name: self.of("principal", name) }
    }

    fn relay(&self, relay: &Relay) -> Relay {
        let mut tools: Vec<_> = relay
            .tools
            .iter()
            .map(|tool| ToolUse { tool: self.of("tool", &tool.tool), ..tool.clone() })
            .collect();
        tools.sort_by(|a, b| a.tool.cmp(&b.tool));
        Relay {
            id: RelayId::from_stored(&self.of("r", relay.id.as_str())),
            workload: self.workload_id(&relay.workload),
            inbound: EdgeId::from_stored(&self.of("e", relay.inbound.as_str())),
            outbound: EdgeId::from_stored(&self.of("e", relay.outbound.as_str())),
            passed_through: Vec::new(),
            tools,
            ..relay.clone()
        }
    }

    fn wrap(&self, wrap: &Wrap) -> Wrap {
        let mut bypassed_by: Vec<_> = wrap.bypassed_by.iter().map(|id| self.workload_id(id)).collect();
        bypassed_by.sort();
        let mut workloads: Vec<_> = wrap
            .standing_room
            .workloads
            .iter()
            .map(|it| Stander {
                workload: self.workload_id(&it.workload),
                name: self.of("workload", &it.name),
            })
            .collect();
        workloads.sort();
        Wrap {
            id: WrapId::from_stored(&self.of("x", wrap.id.as_str())),
            proxy: self.workload_id(&wrap.proxy),
            front: self.listener_id(&wrap.front),
            backend: self.listener_id(&wrap.backend),
            standing_room: StandingRoom { workloads, ..wrap.standing_room.clone() },
            bypassed_by,
            ..wrap.clone()
        }
    }

    fn holder(&self, holder: &Holder) -> Holder {
        let mut callers: Vec<_> = holder.callers.iter().map(|id| self.workload_id(id)).collect();
        callers.sort();
        let mut redacted = Holder {
            id: HolderId::from_stored(&self.of("p", holder.id.as_str())),
            listener: self.listener_id(&holder.listener),
            principal: holder.principal.as_ref().map(|principal| self.principal(principal)),
            callers,
            ..holder.clone().without_fingerprints()
        };
        for held in &mut redacted.credentials {
            held.credential.subject = self.option("subject", held.credential.subject.as_ref());
        }
        redacted
    }

    fn edge(&self, edge: &Edge) -> Edge {
        let mut principals: Vec<PrincipalSighting> = edge
            .principals
            .iter()
            .map(|PrincipalSighting { principal, verified }| PrincipalSighting {
                principal: self.principal(principal),
                verified: *verified,
            })
            .collect();
        principals.sort();
        Edge {
            id: EdgeId::from_stored(&self.of("e", edge.id.as_str())),
            caller: self.workload_id(&edge.caller),
            listener: self.listener_id(&edge.listener),
            principals,
            credentials: edge
                .credentials
                .iter()
                .cloned()
                .map(|mut shown| {
                    shown.credential.fingerprint = None;
                    shown.credential.subject = self.option("subject", shown.credential.subject.as_ref());
                    shown
                })
                .collect(),
            processes: edge
                .processes
                .iter()
                .map(|ProcessCount { exe, count }| ProcessCount { exe: self.of("exe", exe), count: *count })
                .collect(),
            ..edge.clone()
        }
    }
}
