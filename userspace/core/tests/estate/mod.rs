//! A small estate: a database with three roles, an open cache, a proxy that asks for certificates, an API that takes
//! short tokens; seven edges, six principals, an owners' list with a gap and an old line.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tierzero_core::event::ListenAddress;
use tierzero_core::evidence::{Credential, CredentialKind, Principal, PrincipalKind};
use tierzero_core::graph::tier0::{Owned, OwnerRule, Terms};
use tierzero_core::graph::{
    AgentTree, CoverageSummary, CredentialLife, CredentialSighting, Edge, FlowGroup, HeldCredential, Holder,
    Lifetime, Listener, ListenerClass, PrincipalSighting, Snapshot, Workload,
};
use tierzero_core::id::{EdgeId, ListenerId, WorkloadId};
use tierzero_core::verdict::{Check, Contrast, FlowClass, KindContrast, Outcome, Strength, Verdict};

use crate::graph_values::{agent as agent_tree, at, edge, host, listener, workload};

const DAY: i64 = 86_400;

fn name(kind: PrincipalKind, name: &str) -> Principal {
    Principal { kind, name: name.to_owned() }
}

fn listens(
    workload: &Workload,
    port: u16,
    protocol: &str,
    class: ListenerClass,
    refused: KindContrast,
) -> Listener {
    Listener {
        id: ListenerId::derive(&[&workload.name, "estate"]),
        at: ListenAddress::Tcp { address: ([10, 0, 0, 1], port).into() },
        protocol: Some(protocol.to_owned()),
        class,
        contrast: Contrast { secret: refused, key: refused, ..Contrast::default() },
        ..listener(workload)
    }
}

fn calls(
    caller: &str,
    to: &Listener,
    (verdict, check, strength): (Verdict, Check, Option<Strength>),
    principal: Option<(Principal, bool)>,
) -> Edge {
    let class = FlowClass { asked: strength.is_some(), ..FlowClass::new(Outcome::Served, check) };
    Edge {
        id: EdgeId::derive(&[caller, to.id.as_str()]),
        caller: WorkloadId::derive(&[caller]),
        listener: to.id.clone(),
        protocol: to.protocol.clone(),
        verdict,
        check,
        strength,
        opaque: 0,
        joined_late: 0,
        by_check: BTreeMap::from([(check, 5)]),
        groups: vec![FlowGroup { class, check, strength, verdict, flows: 5 }],
        principals: principal
            .map(|(principal, verified)| PrincipalSighting { principal, verified })
            .into_iter()
            .collect(),
        credentials: Vec::<CredentialSighting>::new(),
        history: Vec::new(),
        ..edge(1, 5)
    }
}

fn holds(
    callers: &[&str],
    at_listener: &Listener,
    principal: &Principal,
    last: Timestamp,
    (kind, lifetime_s, enforced): (CredentialKind, Option<u64>, bool),
) -> Holder {
    let mut callers: Vec<WorkloadId> = callers.iter().map(|name| WorkloadId::derive(&[name])).collect();
    callers.sort();
    let first = callers.first().unwrap().clone();
    let mut holder = Holder::new(at_listener.id.clone(), Some(principal.clone()), &first, at(0));
    holder.callers = callers;
    holder.last = last;
    holder.verified = true;
    holder.credentials = vec![HeldCredential {
        credential: Credential { lifetime_s, ..Credential::of(kind) },
        first: at(0),
        last,
        accepted_first: Some(at(0)),
        accepted_last: Some(last),
        refused_first: None,
        refused_last: None,
        refused_past_end: None,
        said_expired: None,
        accepted_past_end: None,
        refused_before_end: None,
        followed_forgotten: false,
    }];
    holder.life = CredentialLife {
        lifetime: Lifetime::of(kind, lifetime_s),
        refreshed: u64::from(enforced),
        expiry_enforced: enforced.then(|| at(50)),
        ..CredentialLife::default()
    };
    holder
}

/// The estate, seen for ten days.
pub(crate) fn estate() -> Snapshot {
    let names = ["app1", "app2", "reporter", "batch", "agent-1", "postgres", "redis-server", "nginx", "api"];
    let mut workloads = names.map(workload).to_vec();
    let of = |name: &str| workloads.iter().find(|workload| workload.name == name).unwrap().clone();
    let refused = KindContrast { refused_missing: 1, ..KindContrast::default() };
    let quiet = KindContrast::default();
    let pg = listens(&of("postgres"), 5432, "postgresql", ListenerClass::Legacy, quiet);
    let redis = listens(&of("redis-server"), 6379, "redis", ListenerClass::Legacy, quiet);
    let nginx = listens(&of("nginx"), 8443, "http", ListenerClass::Modern, refused);
    let api = listens(&of("api"), 8080, "http", ListenerClass::Modern, refused);
    let secret = (Verdict::SecretChecked, Check::Secret, Some(Strength::Demanded));
    let key = (Verdict::IdentityChecked, Check::Key, Some(Strength::Enforced));
    let token = (Verdict::IdentityChecked, Check::Token, Some(Strength::Enforced));
    let claimed = (Verdict::LocationTrusted, Check::Claimed, None);
    let none = (Verdict::LocationTrusted, Check::None, None);
    let [app_rw, etl, report] = ["app_rw", "etl", "report"].map(|it| name(PrincipalKind::Role, it));
    let [batch, agent] = ["O=Lab,CN=batch", "CN=agent-1,O=Lab"].map(|it| name(PrincipalKind::Subject, it));
    let jwt = name(PrincipalKind::JwtSubject, "https://idp.lab|agent-1");
    let mut app1 = calls("app1", &pg, secret, Some((app_rw.clone(), true)));
    app1.principals.push(PrincipalSighting { principal: etl.clone(), verified: true });
    let mut edges = vec![
        app1,
        calls("app2", &pg, secret, Some((app_rw.clone(), true))),
        calls("reporter", &pg, claimed, Some((report.clone(), false))),
        calls("app2", &redis, none, None),
        calls("batch", &nginx, key, Some((batch.clone(), true))),
        calls("agent-1", &nginx, key, Some((agent.clone(), true))),
        calls("agent-1", &api, token, Some((jwt.clone(), true))),
    ];
    let end = at(10 * DAY);
    let mut reporting = holds(&["reporter"], &pg, &report, end, (CredentialKind::Password, None, false));
    reporting.verified = false;
    reporting.credentials.clear();
    reporting.life = CredentialLife::default();
    let mut holders = vec![
        holds(&["app1", "app2"], &pg, &app_rw, end, (CredentialKind::Password, None, false)),
        holds(&["app1"], &pg, &etl, at(60), (CredentialKind::Password, None, false)),
        reporting,
        holds(&["batch"], &nginx, &batch, end, (CredentialKind::X509, Some(3650 * 86_400), false)),
        holds(&["agent-1"], &nginx, &agent, end, (CredentialKind::X509, Some(1800), false)),
        holds(&["agent-1"], &api, &jwt, end, (CredentialKind::Jwt, Some(60), true)),
    ];
    let mut listeners = vec![pg, redis, nginx, api];
    workloads.sort_by(|a, b| a.id.cmp(&b.id));
    listeners.sort_by(|a, b| a.id.cmp(&b.id));
    edges.sort_by(|a, b| a.id.cmp(&b.id));
    holders.sort_by(|a, b| a.id.cmp(&b.id));
    let root = workload("agent-1");
    Snapshot {
        agents: vec![AgentTree { name: root.name.clone(), ..agent_tree(&root) }],
        window: Some((at(0), end)),
        hosts: vec![host()],
        coverage: CoverageSummary { flows: 35, ..CoverageSummary::default() },
        workloads,
        listeners,
        edges,
        holders,
        ..Snapshot::default()
    }
}

/// Four owners of six; one was last confirmed four years before.
pub(crate) fn terms() -> Terms {
    let owns = |name: &str, owner: &str, confirmed_on: &str| OwnerRule {
        of: Owned::Principal(name.to_owned()),
        owner: owner.to_owned(),
        confirmed_on: Some(confirmed_on.parse().unwrap()),
        gone_on: None,
    };
    Terms {
        owners: vec![
            owns("app_rw", "Shop", "2026-09-01"),
            owns("etl", "BI", "2022-09-01"),
            owns("batch", "Ops", "2026-08-01"),
            owns("jwt-subject:agent-1", "Helpdesk", "2026-08-01"),
        ],
        dormant_s: 86_400,
        ..Terms::default()
    }
}
