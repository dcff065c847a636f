//! D06: nginx demands a client certificate of a private authority. Four runs: TLS 1.2 and 1.3, each from outside and
//! with a look through the server's library.

use crate::lab::graph::Graph;
use crate::lab::program;
use crate::lab::programs::{CURL, NGINX, OPENSSL, PYTHON, nginx, quiet, server_certificate};
use crate::lab::scenario::{Lab, Scenario, oracle};
use serde_json::Value;

const NEEDS: &[crate::lab::scenario::Need] = &[NGINX, OPENSSL, PYTHON, CURL];

/// TLS 1.2, from outside: the handshake is in clear, what nginx answers is not.
pub(super) const TLS12: Scenario = Scenario {
    name: "d06-tls12",
    truth: include_str!("d06/tls12.json"),
    needs: NEEDS,
    steps: |lab| run(lab, "TLSv1.2", &[]),
    also: None,
};

/// TLS 1.3, from outside: nothing of it is in clear.
pub(super) const TLS13: Scenario = Scenario {
    name: "d06-tls13",
    truth: include_str!("d06/tls13.json"),
    needs: NEEDS,
    steps: |lab| run(lab, "TLSv1.3", &[]),
    also: None,
};

/// TLS 1.2 with a look through the server's library.
pub(super) const TLS12_LIBRARY: Scenario = Scenario {
    name: "d06-tls12-library",
    truth: include_str!("d06/tls12_library.json"),
    needs: NEEDS,
    steps: |lab| run(lab, "TLSv1.2", LIBRARY),
    also: Some(lifetime),
};

/// TLS 1.3 with a look through the server's library.
pub(super) const TLS13_LIBRARY: Scenario = Scenario {
    name: "d06-tls13-library",
    truth: include_str!("d06/tls13_library.json"),
    needs: NEEDS,
    steps: |lab| run(lab, "TLSv1.3", LIBRARY),
    also: Some(lifetime),
};

pub(super) const LIBRARY: &[&str] = &["--tls-library"];

/// Calls twice, the second time with the session of the first; the secret header comes on standard input.
const AGENT: &str = "\
import socket, ssl, sys
server, certificate, key = sys.argv[1:4]
secret = sys.stdin.read()
context = ssl.create_default_context(cafile=server)
context.load_cert_chain(certificate, key)
request = 'GET /orders HTTP/1.1\\r\\nHost: lab\\r\\nX-Lab: ' + secret + '\\r\\nConnection: close\\r\\n\\r\\n'
session = None
for turn in range(2):
    with socket.create_connection(('10.77.30.2', 8443), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname='10.77.30.2', session=session) as caller:
            caller.sendall(request.encode())
            answer = b''
            while piece := caller.recv(4096):
                answer += piece
            print(caller.version(), caller.session_reused, answer.split(b'\\r\\n')[0].decode(), answer[-64:].decode().split()[-1])
            session = caller.session
";

/// An authority of `openssl ca` that keeps nothing.
const AUTHORITY: &str = "\
[ca]
default_ca = lab
[lab]
database = DIRECTORY/index.txt
new_certs_dir = DIRECTORY
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = none
x509_extensions = agent
[any]
commonName = supplied
[agent]
subjectAltName = URI:spiffe://lab/agent-1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
[batch]
subjectAltName = URI:spiffe://lab/batch
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
[intern]
subjectAltName = URI:spiffe://lab/intern
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
";

/// Seconds for which the agent's certificate is good.
pub(super) const LIFETIME_S: u64 = 1800;

fn run(lab: &mut Lab, version: &str, options: &[&str]) -> Result<(), String> {
    let (page, header) = (lab.secret("MARK6A")?, lab.secret("MARK6B")?);
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let (authority, agent_key, agent_certificate) = certificates(lab)?;
    let agent = lab.write("agent.py", AGENT, 0o644)?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols {version};\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    ssl_client_certificate {authority};\n    ssl_verify_client on;\n    \
         ssl_session_tickets on;\n    location / {{ default_type text/plain; return 200 '{page}'; }}\n  }}"
    );
    lab.observe_with(options)?;
    let server = nginx(lab, "mod", 8443, &servers)?;
    let words = ["/usr/bin/python3", &agent, &certificate, &agent_certificate, &agent_key];
    let answer = lab.run("agt", None, &words, &[], &header)?.well("agent.py")?;
    let lines: Vec<&str> = answer.stdout.lines().collect();
    let served = |reused: &str| format!("{version} {reused} HTTP/1.1 200 OK {page}");
    oracle(
        &format!("the agent is served, then again with its session: {lines:?}"),
        lines == [served("False"), served("True")],
    )?;
    let url = "https://10.77.30.2:8443/orders";
    let words = ["/usr/bin/curl", "-s", "-S", "-q", "--cacert", &certificate, "-w", "%{http_code}", url];
    let answer = lab.run("ops", None, &words, &[], "")?.well("curl")?;
    oracle("without a certificate: 400 inside TLS", answer.stdout.ends_with("400"))?;
    oracle("and the page is not served", !answer.stdout.contains(&page))?;
    quiet(&server, 8443)?;
    lab.end()?;

    let path = lab.directory().join("nginx/access.log");
    let log = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let count = |code: &str| log.lines().filter(|line| line.contains(code)).count();
    oracle("nginx answered 200 twice and 400 once", count(" 200 ") == 2 && count(" 400 ") == 1)?;
    let words = ["x509", "-in", &agent_certificate, "-noout", "-ext", "subjectAltName"];
    let names = program::run(program::command(None, None, "openssl", &words), "")?.well("openssl x509")?;
    oracle("the certificate names the agent", names.stdout.contains("URI:spiffe://lab/agent-1"))
}

/// The authority's certificate, the agent's key, and the agent's certificate, good for half an hour.
pub(super) fn certificates(lab: &Lab) -> Result<(String, String, String), String> {
    let place = |name: &str| lab.directory().join(name).display().to_string();
    let (certificate, key) = (place("authority.pem"), place("authority.key"));
    let text = AUTHORITY.replace("DIRECTORY", &lab.directory().display().to_string());
    lab.write("authority.cnf", &text, 0o644)?;
    lab.write("index.txt", "", 0o644)?;
    let days = ["-x509", "-days", "2", "-subj", "/CN=lab authority", "-keyout", &key, "-out", &certificate];
    openssl(&[NEW_KEY, days.as_slice()].concat())?;
    let (key, certificate_of_agent) = issue(lab, "agent", LIFETIME_S)?;
    Ok((certificate, key, certificate_of_agent))
}

const NEW_KEY: &[&str] = &["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// Key and certificate, by the authority made before, of one that its configuration knows, good for so many seconds
/// (`openssl x509` counts in days).
pub(super) fn issue(lab: &Lab, whose: &str, seconds: u64) -> Result<(String, String), String> {
    let place = |end: &str| lab.directory().join(format!("{whose}.{end}")).display().to_string();
    let (request, key, certificate) = (place("csr"), place("key"), place("pem"));
    let subject = format!("/CN={whose}-1");
    openssl(&[NEW_KEY, ["-subj", &subject, "-keyout", &key, "-out", &request].as_slice()].concat())?;
    let now = clock(&["+%s"])?.parse::<u64>().map_err(|error| format!("date: {error}"))?;
    let moment = |at: u64| clock(&["-d", &format!("@{at}"), "+%Y%m%d%H%M%SZ"]);
    let (start, end) = (moment(now.saturating_sub(60))?, moment(now.saturating_sub(60) + seconds)?);
    let of = |name: &str| lab.directory().join(name).display().to_string();
    let (configuration, authority, authority_key) =
        (of("authority.cnf"), of("authority.pem"), of("authority.key"));
    let by = [
        "ca",
        "-batch",
        "-notext",
        "-config",
        &configuration,
        "-cert",
        &authority,
        "-keyfile",
        &authority_key,
    ];
    let what =
        ["-extensions", whose, "-startdate", &start, "-enddate", &end, "-in", &request, "-out", &certificate];
    openssl(&[by.as_slice(), what.as_slice()].concat())?;
    Ok((key, certificate))
}

fn openssl(words: &[&str]) -> Result<(), String> {
    let what = words.first().copied().unwrap_or_default();
    program::run(program::command(None, None, "openssl", words), "")?
        .well(&format!("openssl {what}"))
        .map(|_| ())
}

fn clock(words: &[&str]) -> Result<String, String> {
    let words: Vec<&str> = ["-u"].into_iter().chain(words.iter().copied()).collect();
    let ended = program::run(program::command(None, None, "date", &words), "")?.well("date")?;
    Ok(ended.stdout.trim().to_owned())
}

/// The agent's certificate is known with its lifetime.
fn lifetime(_counts: &[Value], _graph: &Graph, lines: &[Value]) -> Vec<String> {
    let wanted = Value::from(LIFETIME_S);
    if lines.iter().any(|line| holds(line, &wanted)) {
        Vec::new()
    } else {
        vec![format!("no certificate with a lifetime of {LIFETIME_S} s is told")]
    }
}

/// True for an X.509 credential with this lifetime anywhere in a line.
fn holds(value: &Value, lifetime: &Value) -> bool {
    match value {
        Value::Object(fields) => {
            let x509 = fields.get("kind").is_some_and(|kind| kind == "x509");
            (x509 && fields.get("lifetime_s") == Some(lifetime))
                || fields.values().any(|it| holds(it, lifetime))
        }
        Value::Array(all) => all.iter().any(|it| holds(it, lifetime)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
