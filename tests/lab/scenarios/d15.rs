//! D15: a Redis that asks nothing, behind a stunnel that asks for a certificate. First nobody can go around it, then
//! somebody could, then somebody does.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::d06;
use crate::lab::graph::Graph;
use crate::lab::program;
use crate::lab::programs::{OPENSSL, PYTHON, REDIS, REDIS_CLIENT, Redis, listens, quiet, server_certificate};
use crate::lab::scenario::{Lab, Need, Scenario, oracle};
use crate::lab::wait;

const STUNNEL: Need = ("/usr/bin/stunnel4", "stunnel4");

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d15",
    truth: include_str!("d15/truth.json"),
    needs: &[REDIS, REDIS_CLIENT, STUNNEL, OPENSSL, PYTHON],
    steps,
    also: Some(also),
};

/// Calls five times; with a third and a fourth argument it shows that certificate.
const CALLER: &str = "\
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
if len(sys.argv) > 3:
    context.load_cert_chain(sys.argv[2], sys.argv[3])
for turn in range(5):
    with socket.create_connection(('10.77.20.2', 6380), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname='10.77.20.2') as caller:
            caller.sendall(b'*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n')
            print(caller.recv(4096).decode().split()[-1], flush=True)
";
/// Does nothing, until a line says what to run.
const SERVICE: &str = "read line; exec $line";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARK15")?;
    let (key, certificate) = server_certificate(lab, "10.77.20.2")?;
    let (authority, ..) = d06::certificates(lab)?;
    let (app_key, app_certificate) = d06::issue(lab, "batch", 1800)?;
    let configuration = format!(
        "foreground = yes\npid =\n[redis]\naccept = 10.77.20.2:6380\nconnect = 127.0.0.1:6379\ncert = {certificate}\n\
         key = {key}\nCAfile = {authority}\nverifyChain = yes\n"
    );
    let configuration = lab.write("stunnel.conf", &configuration, 0o644)?;
    let caller = lab.write("caller.py", CALLER, 0o644)?;
    lab.observe_with(&["--tls-library"])?;
    let redis = Redis { name: "redis", address: "127.0.0.1", port: 6379, password: None, value: &value };
    let server = redis.start(lab, "leg")?;
    let words = ["/usr/bin/stunnel4", &configuration];
    let mut stunnel = lab.daemon("stunnel", "leg", None, &words, Signal::TERM)?;
    listens(&mut stunnel, lab, "stunnel", 6380)?;

    let words = ["/usr/bin/python3", &caller, &certificate, &app_certificate, &app_key];
    let answer = lab.run("app", None, &words, &[], "")?.well("caller.py")?;
    oracle("five calls are served", answer.stdout.matches(value.as_str()).count() == 5)?;
    quiet(&server, 6379)?;
    state(lab, "sealed")?;

    let mut command = lab.command("leg", Some("nobody"), &["/bin/sh", "-c", SERVICE]);
    let log = lab.log("service");
    let file = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut service = program::Program::spawn(
        "service",
        command.stdin(std::process::Stdio::piped()).stdout(file),
        Signal::TERM,
    )?;
    state(lab, "leaky")?;
    lab.until_said("the leaky wrap", |line| line.get("finding").is_some_and(|it| it == "wrap-leaky"))?;

    let mut line = service.stdin().ok_or("the service has no input")?;
    std::io::Write::write_all(&mut line, b"/usr/bin/redis-cli GET k\n").map_err(|error| error.to_string())?;
    drop(line);
    let status = wait::value("the service to end", wait::LIMIT, || service.ended())?;
    oracle(
        "the service is served beside stunnel",
        status.success() && lab.logged("service")?.contains(&value),
    )?;
    quiet(&server, 6379)?;
    state(lab, "bypassed")?;
    lab.end()?;

    let words = ["/usr/bin/python3", &caller, &certificate];
    let none = lab.run("app", None, &words, &[], "")?;
    oracle("without a certificate nobody is served", !none.stdout.contains(&value))?;
    let log = lab.logged("redis")?;
    oracle("Redis took six connections from its loopback", log.matches("Accepted 127.0.0.1:").count() == 6)
}

/// Waits until the only wrap has a state, and keeps it.
fn state(lab: &mut Lab, wanted: &str) -> Result<(), String> {
    let wrap = lab.until_graph(&format!("a {wanted} wrap"), |graph| {
        let wrap = graph.wraps.iter().find(|it| it.state == wanted)?;
        Some(json!({ "state": wrap.state, "standing": wrap.standing_room.len() }))
    })?;
    wrap.into_iter().for_each(|it| lab.counted(it));
    Ok(())
}

/// The three states came one after the other.
fn also(counts: &[Value], _graph: &Graph, _lines: &[Value]) -> Vec<String> {
    let states: Vec<_> = counts.iter().filter_map(|it| it.get("state")?.as_str()).collect();
    if states == ["sealed", "leaky", "bypassed"] {
        Vec::new()
    } else {
        vec![format!("the wrap was {states:?}")]
    }
}
