//! Values of a graph, for the tests of what is made from one: hosts, workloads, listeners, edges, flows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tierzero_core::drill::{Drill, DrillOutcome, DrillResult};
use tierzero_core::event::{Degradation, ListenAddress, SocketFile};
use tierzero_core::evidence::{Credential, CredentialKind, Level, Principal, PrincipalKind, Source};
use tierzero_core::finding::{
    CallerClass, Decision, Finding, FindingType, FoundOn, Severity, Subject, TurnKind, Verb,
};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::graph::{
    AgentMember, AgentStatus, AgentTree, Boundary, Coincidence, CoverageSummary, CredentialLife,
    CredentialSighting, Crossing, Edge, EdgeEnds, EvidenceLine, Flow, HeldCredential, Holder, HopStrength,
    Host, Lifetime, Listener, ListenerClass, PrincipalSighting, ProcessCount, Relay, Rotation, Stander,
    StandingRoom, StandingScope, ToolUse, Transport, VerdictChange, Workload, Wrap, WrapState,
};
use tierzero_core::id::{DrillId, EdgeId, FindingId, HostId, ListenerId, Netns, WorkloadId};
use tierzero_core::verdict::{Attack, Check, Contrast, Revision, Served, Strength, Verdict};

/// A moment, `second` seconds and a bit after a fixed start.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + second, 123_456_789).unwrap()
}

pub(crate) fn host() -> Host {
    Host {
        id: HostId::derive(&["machine"]),
        name: "db-1".to_owned(),
        kernel: "6.18.0".to_owned(),
        boot_id: "8c2c5f6e-0000-4000-8000-000000000000".to_owned(),
    }
}

pub(crate) fn workload(name: &str) -> Workload {
    Workload {
        id: WorkloadId::derive(&[name]),
        host: Some(host().id),
        name: name.to_owned(),
        exe: Some(format!("/usr/bin/{name}")),
        argv: vec![name.to_owned(), "--quiet".to_owned()],
        unit: Some(format!("{name}.service")),
        container: None,
        pod: None,
        uid: Some(999),
        netns: Some(Netns(u32::MAX)),
        netns_name: Some("host".to_owned()),
        agent: AgentStatus::No,
        agent_reasons: Vec::new(),
        agent_root: None,
        first: at(0),
        last: at(9),
    }
}

/// A finding that rests on one edge, came back once, and names what should not leave the host.
pub(crate) fn finding() -> Finding {
    let (caller, receiver) = (workload("caller-1"), workload("redis"));
    let mut finding = Finding {
        id: FindingId::derive(&["bridge-direct", "caller-1"]),
        kind: FindingType::BridgeDirect,
        severity: Severity::High,
        subjects: vec![Subject::Workload(caller.id), Subject::Listener(listener(&receiver).id)],
        count: 3,
        first: at(1),
        last: at(6),
        edges: vec![FoundOn { edge: edge(1, 1).id, count: 3 }],
        callers: [CallerClass::Agent].into(),
        says: "agent caller-1 was served by redis".to_owned(),
        turns: Vec::new(),
    };
    finding.turn(at(4), TurnKind::Ended, "it was asked for proof");
    finding.turn(at(6), TurnKind::Again, "it was seen again");
    finding
}

/// A decision about it.
pub(crate) fn accepted() -> Decision {
    Decision {
        finding: finding().id,
        at: at(7),
        by: "root".to_owned(),
        verb: Verb::Accept {
            owner: "ops".to_owned(),
            reason: "until the move".to_owned(),
            expires: at(1_000),
        },
    }
}

/// A drill that was refused.
pub(crate) fn drill() -> Drill {
    Drill {
        id: DrillId::derive(&["caller-1"]),
        attack: Attack::StandIn,
        edge: edge(1, 1).id,
        listener: listener(&workload("redis")).id,
        caller: WorkloadId::derive(&["caller-1"]),
        program: "redis-cli".to_owned(),
        prepared: at(2),
        by: "marker".to_owned(),
        outcome: Some(DrillOutcome {
            at: at(3),
            by: "marker".to_owned(),
            result: DrillResult::Refused,
            flows: 1,
        }),
    }
}

/// An agent's tree.
pub(crate) fn agent(root: &Workload) -> AgentTree {
    AgentTree {
        root: root.id.clone(),
        name: "helpdesk-agent".to_owned(),
        status: AgentStatus::Declared,
        reasons: vec!["declared: argv agent.py".to_owned()],
        instances: 1,
        members: vec![AgentMember {
            program: "/usr/bin/redis-cli".to_owned(),
            status: AgentStatus::Inherited,
            count: 200,
        }],
        born: 200,
        ended: 199,
        median_life_ms: Some(5),
        crossings: vec![Crossing { boundary: Boundary::Sudo, count: 1 }],
        flows: 200,
        peak_per_s: 101,
        peak_at: Some(at(3)),
        listeners_per_min: 2,
        listeners_at: None,
        first: at(0),
        last: at(9),
    }
}

pub(crate) fn listener(workload: &Workload) -> Listener {
    Listener {
        id: ListenerId::derive(&[&workload.name, "tcp"]),
        workload: workload.id.clone(),
        at: ListenAddress::Tcp { address: "[::1]:6379".parse().unwrap() },
        protocol: Some("redis".to_owned()),
        class: ListenerClass::Legacy,
        reasons: vec!["served without proof".to_owned()],
        joined_late: true,
        contrast: Contrast::default(),
        operations: Vec::new(),
        first: at(0),
        last: at(9),
    }
}

pub(crate) fn unix_listener(workload: &Workload) -> Listener {
    Listener {
        id: ListenerId::derive(&[&workload.name, "unix"]),
        at: ListenAddress::Unix {
            path: "@abstract\u{1}".to_owned(),
            file: Some(SocketFile { mode: 0o660, uid: 1, gid: 2 }),
        },
        ..listener(workload)
    }
}

pub(crate) fn evidence() -> EvidenceLine {
    EvidenceLine {
        rule: "redis.served/1".to_owned(),
        level: Level::Observed,
        source: Source::Wire,
        shows: "The receiver ran a command.".to_owned(),
        limits: "Other commands may need more.".to_owned(),
    }
}

/// The edge of caller number `caller`; `flows` makes versions of it that differ.
pub(crate) fn edge(caller: u64, flows: u64) -> Edge {
    let name = format!("caller-{caller}");
    let receiver = workload("redis");
    Edge {
        id: EdgeId::derive(&[&name]),
        caller: WorkloadId::derive(&[&name]),
        listener: listener(&receiver).id,
        transport: Transport::Tcp,
        protocol: Some("redis".to_owned()),
        verdict: Verdict::LocationTrusted,
        check: Check::None,
        strength: Some(Strength::Presented),
        flows,
        served: flows,
        refused: 0,
        opaque: 1,
        by_check: BTreeMap::from([(Check::None, flows), (Check::Opaque, 1)]),
        groups: Vec::new(),
        principals: vec![PrincipalSighting {
            principal: Principal { kind: PrincipalKind::User, name: "n\"ä\u{0}".to_owned() },
            verified: false,
        }],
        credentials: vec![CredentialSighting {
            credential: Credential {
                kind: CredentialKind::ApiKey,
                fingerprint: Some(Fingerprinter::new([7; 32]).of("api-key", b"marker")),
                lifetime_s: Some(u64::MAX >> 1),
                not_before: Some(at(1)),
                not_after: Some(at(2)),
                subject: Some("CN=caller-1,O=marker".to_owned()),
                cleartext: true,
            },
            first: at(1),
            last: at(2),
        }],
        ends: EdgeEnds::Both,
        joined_inferred: false,
        joined_late: 1,
        first: at(0),
        last: at(9),
        bytes_sent: 1 << 40,
        bytes_received: 0,
        processes: vec![ProcessCount { exe: format!("/usr/bin/{name}"), count: flows }],
        evidence: vec![evidence()],
        history: vec![VerdictChange {
            at: at(3),
            from: Verdict::Opaque,
            to: Verdict::LocationTrusted,
            why: Some(Revision::Flow),
            check: Some(Check::None),
            strength: None,
        }],
    }
}

pub(crate) fn flow(number: u64, edge: Option<&Edge>, to: Timestamp) -> Flow {
    Flow {
        number,
        originator: "[::1]:40000".to_owned(),
        responder: "[::1]:6379".to_owned(),
        transport: Transport::Tcp,
        application: None,
        protocol: Some("redis".to_owned()),
        check: Check::None,
        strength: None,
        verdict: Verdict::LocationTrusted,
        served: Served::Yes,
        joined_late: false,
        gap: false,
        principals: Vec::new(),
        evidence: vec![evidence()],
        caller: edge.map(|edge| edge.caller.clone()),
        caller_pid: Some(4711),
        listener: edge.map(|edge| edge.listener.clone()),
        receiver_pid: None,
        edge: edge.map(|edge| edge.id.clone()),
        from: at(0),
        to,
        bytes_sent: 17,
        bytes_received: 5,
        closed: true,
    }
}

pub(crate) fn coverage() -> CoverageSummary {
    CoverageSummary {
        lost_events: 3,
        lost_by_place: BTreeMap::from([("ring".to_owned(), 3)]),
        degraded: vec![Degradation {
            name: "no-unix-payload".to_owned(),
            loses: "Unix payload is not seen.".to_owned(),
            because: String::new(),
            remedy: String::new(),
        }],
        flows: 12,
        opaque_flows: 2,
        unattributed_flows: 1,
        ..CoverageSummary::default()
    }
}

/// A holder with one of everything.
pub(crate) fn holder(principal: Option<Principal>) -> Holder {
    let moment = Some(at(3));
    let fingerprint = Some(Fingerprinter::new([7; 32]).of("api-key", b"marker"));
    let mut holder =
        Holder::new(listener(&workload("redis")).id, principal, &WorkloadId::derive(&["caller-1"]), at(0));
    holder.credentials = vec![HeldCredential {
        credential: Credential {
            kind: CredentialKind::Jwt,
            fingerprint: fingerprint.clone(),
            lifetime_s: Some(60),
            not_before: Some(at(1)),
            not_after: Some(at(2)),
            subject: None,
            cleartext: true,
        },
        first: at(1),
        last: at(9),
        accepted_first: moment,
        accepted_last: moment,
        refused_first: moment,
        refused_last: moment,
        refused_past_end: moment,
        said_expired: None,
        accepted_past_end: moment,
        refused_before_end: None,
        followed_forgotten: false,
    }];
    holder.life = CredentialLife {
        lifetime: Lifetime::QuarterHour,
        refreshed: 2,
        refreshed_last: moment,
        expiry_enforced: moment,
        expired_accepted: None,
        cancelled: moment,
        rotated: Some(Rotation {
            kind: CredentialKind::ApiKey,
            old: fingerprint.clone(),
            new: fingerprint,
            old_last: at(1),
            new_first: at(2),
            old_refused: moment,
        }),
        same_secret_s: Some(86_400),
    };
    holder
}

/// A relay with a tool.
pub(crate) fn relay() -> Relay {
    let (inbound, outbound) = (edge(1, 1).id, edge(2, 2).id);
    let coincidence = Coincidence { n: 20, outside: 1, shared: 2, in_flight_ns: 5, idle_ns: 95 };
    Relay {
        id: Relay::id_of(&inbound, &outbound),
        workload: workload("redis").id,
        inbound,
        outbound,
        strength: HopStrength::Correlated,
        coincidence,
        attributed: 0,
        by_connection: 1,
        from: at(1),
        to: at(9),
        passed_through: Vec::new(),
        passed: 1,
        identities_in: 3,
        identities_out: 1,
        tools: vec![ToolUse { tool: "lookup<b>".to_owned(), calls: 20, coincidence }],
    }
}

/// A wrap with these in its standing room.
pub(crate) fn wrap(standing: &[(&str, &str)]) -> Wrap {
    let (proxy, backend) = (workload("stunnel4"), workload("redis"));
    let (front, backend) = (listener(&proxy).id, listener(&backend).id);
    Wrap {
        id: Wrap::id_of(&front, &backend),
        proxy: proxy.id,
        front,
        backend,
        state: if standing.is_empty() { WrapState::Sealed } else { WrapState::Leaky },
        why: "as observed".to_owned(),
        matched: 5,
        standing_room: StandingRoom {
            scope: StandingScope::Loopback,
            workloads: standing
                .iter()
                .map(|(id, name)| Stander { workload: WorkloadId::from_stored(id), name: (*name).to_owned() })
                .collect(),
            more: 0,
        },
        bypassed_by: Vec::new(),
    }
}
