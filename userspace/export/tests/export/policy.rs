//! Proposals of rules: golden texts, names that try to break out, and what the programs they are for say of them.

use std::process::Command;

use proptest::prelude::*;
use tierzero_core::event::ListenAddress;
use tierzero_core::evidence::{Principal, PrincipalKind};
use tierzero_core::finding::{CallerList, CallerLists};
use tierzero_core::graph::{AgentStatus, Snapshot};
use tierzero_export::policy::{Enforcer, Wanted, policy};

use crate::estate::estate;
use crate::report::expect;

const NAMES: [(Enforcer, &str); 5] = [
    (Enforcer::Nginx, "policy.nginx"),
    (Enforcer::Envoy, "policy.envoy"),
    (Enforcer::PgHba, "policy.pg_hba"),
    (Enforcer::Nft, "policy.nft"),
    (Enforcer::Systemd, "policy.systemd"),
];

/// The estate, with names in certificates, an agent that also called an open cache, and a list for the proxy.
fn named() -> (Snapshot, CallerLists) {
    let mut snapshot = estate();
    rename(&mut snapshot, "CN=agent-1,O=Lab", "spiffe://lab/agent-1", Some("O=Lab,CN=agent-1"));
    rename(&mut snapshot, "O=Lab,CN=batch", "spiffe://lab/batch", Some("CN=batch,O=Lab"));
    let of = |name: &str| snapshot.workloads.iter().find(|it| it.name == name).unwrap().id.clone();
    let (agent, other) = (of("agent-1"), of("app2"));
    let redis =
        snapshot.listeners.iter().find(|it| it.protocol.as_deref() == Some("redis")).unwrap().id.clone();
    let mut open =
        snapshot.edges.iter().find(|it| it.caller == other && it.listener == redis).unwrap().clone();
    open.caller = agent.clone();
    open.id = tierzero_core::id::EdgeId::derive(&["agent-1", "redis"]);
    snapshot.edges.push(open);
    snapshot.workloads.iter_mut().find(|it| it.id == agent).unwrap().agent = AgentStatus::Declared;
    let lists = CallerLists {
        lists: vec![CallerList {
            listener: "10.0.0.1:8443".to_owned(),
            identities: ["spiffe://lab/agent-1", "spiffe://lab/new"].map(str::to_owned).into(),
            ..CallerList::default()
        }],
    };
    (snapshot, lists)
}

/// Gives a certificate's name another text, wherever it stands.
fn rename(snapshot: &mut Snapshot, from: &str, to: &str, subject: Option<&str>) {
    let new = Principal { kind: PrincipalKind::SpiffeId, name: to.to_owned() };
    let sightings = snapshot.edges.iter_mut().flat_map(|it| &mut it.principals);
    sightings.filter(|it| it.principal.name == from).for_each(|it| it.principal = new.clone());
    for holder in &mut snapshot.holders {
        if holder.principal.as_ref().is_some_and(|it| it.name == from) {
            holder.principal = Some(new.clone());
            let credentials = holder.credentials.iter_mut();
            credentials.for_each(|it| it.credential.subject = subject.map(str::to_owned));
        }
    }
}

fn proposal(snapshot: &Snapshot, lists: &CallerLists, enforcer: Enforcer) -> String {
    let cgroup = |_: &_| Some("system.slice/agent-1.service".to_owned());
    policy(
        snapshot,
        lists,
        enforcer,
        &Wanted { listener: &|_| true, agent: &|_| true, cgroup: &cgroup, cgroup_root: "" },
    )
}

#[test]
fn golden() {
    let (snapshot, lists) = named();
    for (enforcer, name) in NAMES {
        expect(name, &proposal(&snapshot, &lists, enforcer));
    }
}

#[test]
fn nothing_seen_proposes_nothing() {
    for (enforcer, name) in NAMES {
        let text = proposal(&Snapshot::default(), &CallerLists::default(), enforcer);
        assert!(rules(&text).is_empty(), "{name}: {text}");
    }
}

#[test]
fn a_subject_that_another_caller_has_too_names_nobody() {
    let (mut snapshot, lists) = named();
    for holder in &mut snapshot.holders {
        holder.credentials.iter_mut().for_each(|it| it.credential.subject = Some("CN=same".to_owned()));
    }
    let text = proposal(&snapshot, &lists, Enforcer::Nginx);
    assert!(text.contains("has the same subject as") && !text.contains("CN=same"), "{text}");
}

/// Lines that are no comments and not empty.
fn rules(text: &str) -> Vec<&str> {
    text.lines().filter(|it| !it.trim_start().starts_with('#') && !it.trim().is_empty()).collect()
}

proptest! {
    /// Whatever a name is, it adds no line, and changes no rule but its own.
    #[test]
    fn no_name_breaks_out(name in "(\\PC|[\n\r\"\\\\#;{}$\u{1b}\u{202e}]){1,24}") {
        let (usual, lists) = named();
        let mut snapshot = usual.clone();
        rename(&mut snapshot, "spiffe://lab/batch", &name, Some(&name));
        for workload in &mut snapshot.workloads {
            workload.name = format!("{}{name}", workload.name);
            workload.unit = workload.unit.as_ref().map(|_| name.clone());
        }
        for edge in &mut snapshot.edges {
            let roles = edge.principals.iter_mut().filter(|it| it.principal.kind == PrincipalKind::Role);
            roles.for_each(|it| it.principal.name = name.clone());
        }
        for listener in &mut snapshot.listeners {
            if listener.protocol.as_deref() == Some("http") && listener.at.to_string().ends_with("8080") {
                listener.at = ListenAddress::Unix { path: name.clone(), file: None };
            }
        }
        for (enforcer, what) in NAMES {
            let text = proposal(&snapshot, &lists, enforcer);
            prop_assert!(!text.contains(['\r', '\u{1b}', '\u{202e}']), "{what}: {text:?}");
            let (is, was) = (text.clone(), proposal(&usual, &lists, enforcer));
            prop_assert!(rules(&is).len() <= rules(&was).len(), "{what}: {is}");
        }
    }
}

/// Runs a checker; `None`, and said, where it is not installed.
fn checked(program: &str, words: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(words).output() {
        Ok(output) => Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())),
        Err(_) => {
            eprintln!("skipped: {program} is not installed");
            None
        }
    }
}

#[test]
fn nginx_reads_its_proposal() {
    let (snapshot, lists) = named();
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().display();
    let text = proposal(&snapshot, &lists, Enforcer::Nginx);
    // As the comment says: the condition goes into the server.
    let condition = text.lines().find_map(|it| it.strip_prefix("#     ")).unwrap();
    let configuration = format!(
        "pid {directory}/pid;\nerror_log {directory}/log;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {directory}/a;\nproxy_temp_path {directory}/b;\nfastcgi_temp_path {directory}/c;\n\
         uwsgi_temp_path {directory}/d;\nscgi_temp_path {directory}/e;\n{text}\nserver {{ listen 127.0.0.1:1; {condition} }}\n}}\n"
    );
    let file = place.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let words = ["-t", "-q", "-e", "stderr", "-c", file.to_str().unwrap()];
    if let Some((well, says)) = checked("/usr/sbin/nginx", &words) {
        assert!(well, "{says}");
    }
}

#[test]
fn systemd_reads_its_proposal() {
    let (snapshot, lists) = named();
    let place = tempfile::tempdir().unwrap();
    let text = proposal(&snapshot, &lists, Enforcer::Systemd);
    let unit = place.path().join("agent-1.service");
    std::fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
    std::fs::create_dir(place.path().join("agent-1.service.d")).unwrap();
    std::fs::write(place.path().join("agent-1.service.d/50-tierzero.conf"), &text).unwrap();
    let words = ["verify", "--man=no", "--recursive-errors=no", unit.to_str().unwrap()];
    if let Some((_, says)) = checked("systemd-analyze", &words) {
        assert!(!says.contains("50-tierzero.conf"), "{says}");
    }
}
