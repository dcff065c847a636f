//! D19: who may call is learnt, then written down. Somebody else comes with a good certificate, is served and found;
//! once nginx refuses him by name, that is over.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::d06;
use crate::lab::graph::Graph;
use crate::lab::program;
use crate::lab::programs::{CURL, NGINX, OPENSSL, PYTHON, nginx, quiet, server_certificate};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

mod network;

pub(super) use network::NETWORK;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d19",
    truth: include_str!("d19/truth.json"),
    needs: &[NGINX, OPENSSL, PYTHON, CURL],
    steps,
    also: Some(also),
};

/// Calls once, with a certificate where one is named.
const CALLER: &str = "\
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
if sys.argv[2:]:
    context.load_cert_chain(sys.argv[2], sys.argv[3])
with socket.create_connection(('10.77.30.2', 8443), timeout=20) as plain:
    with context.wrap_socket(plain, server_hostname='10.77.30.2') as caller:
        caller.sendall(b'GET /orders HTTP/1.1\\r\\nHost: lab\\r\\nConnection: close\\r\\n\\r\\n')
        answer = b''
        while piece := caller.recv(4096):
            answer += piece
        print(answer.split(b'\\r\\n')[0].decode())
";

/// What an operator without the tool would write: nginx knows a caller by the subject of his certificate.
const RULE: &str = "if ($ssl_client_s_dn !~ \"^CN=(agent|batch)-1$\") { return 403; }";

/// After so much silence the finding is stale, in seconds: shorter than its risk is accepted for.
const STALE_S: u64 = 30;

fn steps(lab: &mut Lab) -> Result<(), String> {
    let page = lab.secret("MARK19")?;
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let (authority, agent_key, agent) = d06::certificates(lab)?;
    let (batch_key, batch) = d06::issue(lab, "batch", d06::LIFETIME_S)?;
    let (intern_key, intern) = d06::issue(lab, "intern", d06::LIFETIME_S)?;
    let caller = lab.write("caller.py", CALLER, 0o644)?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols TLSv1.2;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    ssl_client_certificate {authority};\n    ssl_verify_client on;\n    \
         location / {{ default_type text/plain; return 200 '{page}'; }}\n  }}"
    );
    let call = |lab: &Lab, role: &str, of: &str, with: &str| -> Result<String, String> {
        let words = ["/usr/bin/python3", &caller, &certificate, of, with];
        Ok(lab.run(role, None, &words, &[], "")?.well("caller.py")?.stdout)
    };
    let served = |answer: &str| answer.starts_with("HTTP/1.1 200");

    let learnt = lab.directory().join("learnt.json").display().to_string();
    lab.observe_with(d06::LIBRARY)?;
    let server = nginx(lab, "mod", 8443, &servers)?;
    oracle("the agent is served", served(&call(lab, "agt", &agent, &agent_key)?))?;
    oracle("batch is served", served(&call(lab, "app", &batch, &batch_key)?))?;
    quiet(&server, 8443)?;
    lab.end_run("learn")?;
    if let Some(list) = lab.tell(&["callers", "--freeze", "--listener", ":8443"])? {
        lab.counted(json!({ "list": list }));
        lab.tell(&["snapshot", "-o", &learnt])?;
        lab.write("tierzero.toml", &format!("{list}\n[limits]\nstale_s = {STALE_S}\n"), 0o644)?;
    }

    let configuration = lab.directory().join("tierzero.toml").display().to_string();
    lab.observe_with(&[d06::LIBRARY, &["--config", &configuration]].concat())?;
    oracle("the agent is served", served(&call(lab, "agt", &agent, &agent_key)?))?;
    oracle("the intern is served", served(&call(lab, "ops", &intern, &intern_key)?))?;
    lab.until_said("the caller who is not listed", |line| {
        line.get("finding").is_some_and(|it| it == "unlisted-caller")
    })?;
    let mut states = vec![state(lab, |_| true)?];
    if let Some(id) = states.iter().flatten().find_map(|it| it.get("id")?.as_str()).map(str::to_owned) {
        lab.tell(&["finding", "ack", &id])?;
        states.push(state(lab, |_| true)?);
        let accept = ["--owner", "ops", "--reason", "looked at", "--expires", "60s"];
        lab.tell(&[["finding", "accept", &id].as_slice(), &accept].concat())?;
        states.push(state(lab, |_| true)?);
        states.push(state(lab, |it| it.get("expired") == Some(&Value::Bool(true)))?);
    }

    let proposal = lab.tell(&["policy", "--for", "nginx", "--listener", ":8443"])?;
    let (map, rule) = match &proposal {
        // As its comment says: the condition goes into the server.
        Some(text) => {
            let condition = text.lines().find_map(|it| it.strip_prefix("#     "));
            (text.as_str(), condition.ok_or("the proposal does not say what goes into the server")?)
        }
        None => ("", RULE),
    };
    let place = lab.directory().join("nginx.conf");
    let text = std::fs::read_to_string(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let text = text.replace("  server {", &format!("{map}\n  server {{"));
    lab.write("nginx.conf", &text.replace("    location /", &format!("    {rule}\n    location /")), 0o644)?;
    server.signal(Signal::HUP);
    // A worker of the old configuration may still take a call.
    wait::until("nginx to refuse the intern", wait::LIMIT, || {
        Ok(call(lab, "ops", &intern, &intern_key)?.starts_with("HTTP/1.1 403"))
    })?;
    stand_in(lab)?;
    oracle("the agent is still served", served(&call(lab, "agt", &agent, &agent_key)?))?;
    quiet(&server, 8443)?;
    states.push(state(lab, |it| it.get("state").is_some_and(|it| it == "resolved"))?);
    for it in states.into_iter().flatten() {
        lab.counted(
            json!({ "state": it.get("state"), "expired": it.get("expired"), "stale": it.get("stale") }),
        );
    }
    lab.counted(json!({ "policy": proposal }));
    lab.end()?;
    if let Some(text) = lab.tell(&["diff", &learnt, "--json"])? {
        let diff: Value = serde_json::from_str(&text).map_err(|error| format!("diff --json: {error}"))?;
        lab.counted(json!({ "diff": diff.get("changes") }));
    }
    if let Some(text) = lab.tell(&["report", "--format", "json"])? {
        let report: Value = serde_json::from_str(&text).map_err(|error| format!("report: {error}"))?;
        lab.counted(json!({ "attacks": report.get("attacks") }));
    }
    Ok(())
}

/// Somebody in the agent's place calls without a certificate: the attempt is the tool's, it is made here.
fn stand_in(lab: &mut Lab) -> Result<(), String> {
    let by_hand = ["/usr/bin/curl", "-q", "-sS", "-k", "-w", "%{http_code}\\n", "https://10.77.30.2:8443/"];
    let edge = lab.until_graph("the agent's edge", |graph| {
        let agent = |id: &String| {
            graph
                .workloads
                .iter()
                .any(|it| it.id == *id && it.exe.as_deref().is_some_and(|it| it.contains("python3")))
        };
        let place = lab.network().inodes().ok()?;
        let in_place = |id: &String| {
            let netns = graph.workloads.iter().find(|it| it.id == *id).and_then(|it| it.netns.as_ref());
            netns.and_then(|it| place.get(it)).is_some_and(|role| role == "agt")
        };
        graph.edges.iter().find(|it| agent(&it.caller) && in_place(&it.caller)).map(|it| it.id.clone())
    })?;
    let Some(edge) = edge else {
        let answer = lab.run("agt", None, &by_hand, &[], "")?.well("curl")?.stdout;
        return oracle("without a certificate: 400 inside TLS", answer.contains("400"));
    };
    let text = lab.tell(&["drill", "prepare", "A1", &edge, "--json"])?.unwrap_or_default();
    let drill: Value = serde_json::from_str(&text).map_err(|error| format!("drill prepare: {error}"))?;
    let word = |name: &str| drill.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = ["-c", &word("command")];
    let answer = program::run(program::command(None, None, "/bin/sh", &words), "")?.well("the drill")?.stdout;
    oracle("without a certificate: 400 inside TLS", answer.contains("400"))?;
    let recorded = wait::value("the outcome of the drill", wait::LIMIT, || {
        Ok(lab.tell(&["drill", "record", &word("id")]).unwrap_or_default())
    })?;
    lab.counted(json!({ "drill": recorded }));
    Ok(())
}

/// The finding about the caller, once it is as `wanted`; `None` without the tool.
fn state(lab: &Lab, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>, String> {
    wait::value("the state of the finding", Duration::from_secs(90), || {
        let Some(text) = lab.tell(&["findings", "--json"])? else { return Ok(Some(None)) };
        let all: Vec<Value> =
            serde_json::from_str(&text).map_err(|error| format!("findings --json: {error}"))?;
        let found = all.into_iter().find(|it| it.get("type").is_some_and(|it| it == "unlisted-caller"));
        std::thread::sleep(Duration::from_millis(200));
        Ok(found.filter(|it| wanted(it)).map(Some))
    })
}

/// The list named both, and the finding went through its states.
fn also(counts: &[Value], graph: &Graph, _lines: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let list = counts.iter().find_map(|it| it.get("list")?.as_str()).unwrap_or_default();
    for name in ["spiffe://lab/agent-1", "spiffe://lab/batch"] {
        if !list.contains(name) {
            wrong.push(format!("the list that was learnt does not name {name}"));
        }
    }
    // Other programs of the host have changes of their own.
    let changes = counts.iter().find_map(|it| it.get("diff")?.as_array()).into_iter().flatten();
    let here =
        changes.filter(|it| it.get("name").is_some_and(|it| it.to_string().contains("10.77.30.2:8443")));
    let said: Vec<_> = here.map(|it| format!("{} {}", it["about"], it["how"]).replace('"', "")).collect();
    if said != ["finding new", "edge new", "edge new", "listener changed"] {
        wrong.push(format!("from what was learnt to the end these changes are told: {said:?}"));
    }
    let states: Vec<_> = counts.iter().filter_map(|it| it.get("state")?.as_str()).collect();
    if states != ["new", "acknowledged", "accepted-risk", "new", "resolved"] {
        wrong.push(format!("the finding was {states:?}"));
    }
    let flags = |name: &str| -> Vec<bool> {
        counts
            .iter()
            .filter(|it| it.get("state").is_some())
            .map(|it| it.get(name) == Some(&Value::Bool(true)))
            .collect()
    };
    // Silence marks it and resolves nothing.
    if (flags("stale"), flags("expired"))
        != (vec![false, false, false, true, false], vec![false, false, false, true, false])
    {
        wrong.push(format!("it was stale {:?} and expired {:?}", flags("stale"), flags("expired")));
    }
    let policy = counts.iter().find_map(|it| it.get("policy")?.as_str()).unwrap_or_default();
    for says in [
        "names an identity: spiffe://lab/agent-1",
        "not on the list, and refused by these rules: spiffe://lab/intern",
    ] {
        if !policy.contains(says) {
            wrong.push(format!("the proposal does not say: {says}"));
        }
    }
    wrong.extend(proved(counts, graph));
    wrong
}

/// Standing in for a caller is impossible, by a refusal that was seen, and at the agent's edge by the drill.
fn proved(counts: &[Value], graph: &Graph) -> Option<String> {
    let here = graph.listeners.iter().find(|it| it.port == Some(8443))?;
    let edges: Vec<&str> =
        graph.edges.iter().filter(|it| it.listener == here.id).map(|it| it.id.as_str()).collect();
    let grids = counts.iter().find_map(|it| it.get("attacks")?.as_array()).into_iter().flatten();
    let grids: Vec<&Value> = grids
        .filter(|it| it.get("edge").and_then(Value::as_str).is_some_and(|it| edges.contains(&it)))
        .collect();
    let impossible = |grid: &&Value| {
        let cell = grid.pointer("/cells/0").unwrap_or(&Value::Null);
        cell["attack"] == "A1"
            && cell["result"] == "impossible"
            && cell["because"].as_str().is_some_and(|it| it.contains("refused"))
    };
    let drilled = grids.iter().filter(|it| it.to_string().contains("proved by the drill of 20")).count();
    let recorded = counts.iter().find_map(|it| it.get("drill")?.as_str()).unwrap_or_default();
    // The one who was refused alone has no grid.
    let well = grids.len() == edges.len() - 1 && grids.iter().all(impossible) && drilled == 1;
    (!well || !recorded.contains(" A1: refused at ")).then(|| format!("{recorded}; A1 at nginx: {grids:?}"))
}
