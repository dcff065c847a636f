//! D14: an agent that stays where callers prove themselves, for a minute. Beside it stands an open Redis that it never
//! calls: nothing may be found about the agent.

use rustix::process::Signal;

use super::d06::certificates;
use super::d11::{KEY, NAME};
use crate::lab::programs::{
    CURL, NATS, NGINX, OPENSSL, PYTHON, REDIS, REDIS_CLIENT, Redis, listens, nginx, quiet, server_certificate,
};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d14",
    truth: include_str!("d14/truth.json"),
    needs: &[NGINX, NATS, OPENSSL, PYTHON, CURL, REDIS, REDIS_CLIENT],
    steps,
    also: None,
};

/// Calls both services for a minute and a second, and prints how often each served.
const AGENT: &str = "\
import base64, json, socket, ssl, subprocess, sys, tempfile, time
server, certificate, key, seed, name = sys.argv[1:6]
context = ssl.create_default_context(cafile=server)
context.load_cert_chain(certificate, key)
def order():
    with socket.create_connection(('10.77.30.2', 8443), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname='10.77.30.2') as caller:
            caller.sendall(b'GET /orders HTTP/1.1\\r\\nHost: lab\\r\\nConnection: close\\r\\n\\r\\n')
            answer = b''
            while piece := caller.recv(4096):
                answer += piece
            return answer.startswith(b'HTTP/1.1 200 ')
def publish():
    with socket.create_connection(('10.77.20.2', 4222), timeout=20) as caller:
        lines = caller.makefile('rb')
        greeting = json.loads(lines.readline().split(b' ', 1)[1])
        with tempfile.NamedTemporaryFile() as nonce:
            nonce.write(greeting['nonce'].encode())
            nonce.flush()
            sign = ['/usr/bin/openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', seed, '-in', nonce.name]
            proof = subprocess.run(sign, check=True, capture_output=True).stdout
        options = {'verbose': False, 'pedantic': False, 'lang': 'lab', 'version': '1', 'protocol': 1, 'nkey': name,
                   'sig': base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}
        caller.sendall(b'CONNECT ' + json.dumps(options).encode() + b'\\r\\nPUB lab 2\\r\\nhi\\r\\nPING\\r\\n')
        return lines.readline().strip() == b'PONG'
begin, orders, published = time.monotonic(), 0, 0
while time.monotonic() < begin + 61:
    orders += order()
    published += publish()
    time.sleep(max(0, begin + 3 * orders - time.monotonic()))
print(orders, published)
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARK14")?;
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let (authority, agent_key, agent_certificate) = certificates(lab)?;
    let (agent, seed) = (lab.write("agent.py", AGENT, 0o644)?, lab.write("seed.pem", KEY, 0o600)?);
    let rules = "[[agent]]\nname = \"helpdesk-agent\"\nargv = \"agent\\\\.py\"\n";
    let rules = lab.write("tierzero.toml", rules, 0o644)?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols TLSv1.3;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    ssl_client_certificate {authority};\n    ssl_verify_client on;\n    \
         location / {{ default_type text/plain; return 200 'order'; }}\n  }}"
    );
    lab.observe_with(&["--config", &rules, "--tls-library"])?;
    let shop = nginx(lab, "mod", 8443, &servers)?;
    let text = format!(
        "host: 10.77.20.2\nport: 4222\nserver_name: nkey\nauthorization {{ users: [ {{ nkey: {NAME} }} ] }}\n"
    );
    let file = lab.write("nats.conf", &text, 0o644)?;
    let mut nats =
        lab.daemon("nats", "leg", Some("bin"), &["/usr/sbin/nats-server", "-c", &file], Signal::INT)?;
    listens(&mut nats, lab, "nats", 4222)?;
    let redis = Redis { name: "redis", address: "10.77.20.2", port: 6379, password: None, value: &value };
    let redis = redis.start(lab, "leg")?;

    let words = ["/usr/bin/python3", &agent, &certificate, &agent_certificate, &agent_key, &seed, NAME];
    let mut running = lab.daemon("agent", "agt", None, &words, Signal::TERM)?;
    let get = ["/usr/bin/redis-cli", "-h", "10.77.20.2", "GET", "k"];
    let told = lab.run("app", None, &get, &[], "")?.well("redis-cli")?.stdout;
    oracle("the open Redis serves app", told.trim() == value)?;
    let url = "https://10.77.30.2:8443/orders";
    let words =
        ["/usr/bin/curl", "-s", "-q", "--cacert", &certificate, "-o", "/dev/null", "-w", "%{http_code}", url];
    let told = lab.run("ops", None, &words, &[], "")?.well("curl")?.stdout;
    oracle("without a certificate: 400 inside TLS", told == "400")?;
    let nobody = "import socket\nwith socket.create_connection(('10.77.20.2', 4222), timeout=20) as caller:\n    \
                  lines = caller.makefile('rb')\n    lines.readline()\n    caller.sendall(b'CONNECT {}\\r\\nPING\\r\\n')\n    \
                  print(lines.readline().decode())\n";
    let told = lab.run("ops", None, &["/usr/bin/python3", "-c", nobody], &[], "")?.well("python3")?.stdout;
    oracle("without a key NATS refuses", told.contains("Authorization Violation"))?;
    let status = wait::value("the agent's minute", wait::LIMIT * 4, || running.ended())?;
    oracle("the agent ended well", status.success())?;
    let told = lab.logged("agent")?;
    let counts: Vec<u32> = told.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    oracle(
        &format!("both services served the agent for a minute, as often: {told}"),
        matches!(counts.as_slice(), [orders, published] if orders == published && *orders >= 20),
    )?;
    quiet(&shop, 8443)?;
    quiet(&nats, 4222)?;
    quiet(&redis, 6379)?;
    lab.end()
}
