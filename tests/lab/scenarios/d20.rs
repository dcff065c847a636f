//! D20: a small estate, and the write-down about it: every number in it is one that servers' logs and answers gave.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::d06::{certificates, issue};
use super::d18::{ISSUE, SERVER};
use crate::lab::programs::{
    CURL, Cluster, NGINX, OPENSSL, POSTGRESQL, PYTHON, REDIS, REDIS_CLIENT, Redis, listens, nginx, postgres,
    quiet, server_certificate,
};
use crate::lab::scenario::{Lab, Need, Scenario, oracle};
use crate::lab::wait;

const NEEDS: &[Need] = {
    let [server, client] = POSTGRESQL;
    &[server, client, NGINX, OPENSSL, PYTHON, CURL, REDIS, REDIS_CLIENT]
};

pub(super) const SCENARIO: Scenario =
    Scenario { name: "d20", truth: include_str!("d20/truth.json"), needs: NEEDS, steps, also: None };

const RULES: &str = "host all report 10.77.30.0/24 trust\nhost all app_rw,etl 0.0.0.0/0 scram-sha-256\n";

/// Ten years.
const LONG_S: u64 = 3650 * 86_400;
/// After so many seconds without use a principal is dormant, in this scenario.
const DORMANT_S: u64 = 15;

/// Both services of the agent, first without proof and then with it; the token comes on standard input.
const AGENT: &str = "\
import http.client, ssl, sys
server, certificate, key = sys.argv[1:4]
token = sys.stdin.read().strip()
def ask(connection, fields):
    connection.request('GET', '/orders', headers=fields)
    status = connection.getresponse().status
    connection.close()
    return status
def order(own):
    context = ssl.create_default_context(cafile=server)
    if own:
        context.load_cert_chain(certificate, key)
    return ask(http.client.HTTPSConnection('10.77.30.2', 8443, timeout=20, context=context), {})
def call(fields):
    return ask(http.client.HTTPConnection('10.77.20.2', 8080, timeout=20), fields)
print(order(False), order(True), call({}), call({'Authorization': 'Bearer ' + token}))
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (right, other, value) = (lab.secret("MARK20A")?, lab.secret("MARK20B")?, lab.secret("MARK20C")?);
    let cluster = Cluster::make(
        lab,
        "postgresql",
        RULES,
        &[
            "CREATE ROLE report LOGIN;".to_owned(),
            format!("CREATE ROLE app_rw LOGIN PASSWORD '{right}';"),
            format!("CREATE ROLE etl LOGIN PASSWORD '{other}';"),
        ],
    )?;
    let (key, certificate) = server_certificate(lab, "10.77.30.2")?;
    let (authority, agent_key, agent_certificate) = certificates(lab)?;
    let (batch_key, batch_certificate) = issue(lab, "batch", LONG_S)?;
    let agent = lab.write("agent.py", AGENT, 0o644)?;
    let (server, token) = (lab.write("server.py", SERVER, 0o644)?, lab.write("issue.py", ISSUE, 0o644)?);
    let place = lab.directory().display().to_string();
    let (private, public) = (format!("{place}/private.pem"), format!("{place}/public.pem"));
    let words = [
        "/usr/bin/openssl",
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        &private,
    ];
    lab.run("mod", None, &words, &[], "")?.well("openssl genpkey")?;
    let words = ["/usr/bin/openssl", "pkey", "-in", &private, "-pubout", "-out", &public];
    lab.run("mod", None, &words, &[], "")?.well("openssl pkey")?;
    lab.write("api.key", "none\n", 0o644)?;
    let old = lab
        .run("mod", None, &["/usr/bin/date", "-u", "-d", "4 years ago", "+%F"], &[], "")?
        .well("date")?
        .stdout;
    let rules = format!(
        "[[agent]]\nname = 'agent-1'\nargv = 'agent\\.py'\n[limits]\ndormant_s = {DORMANT_S}\n\
         [[owner]]\nprincipal = 'app_rw'\nowner = 'Shop'\nconfirmed_on = '2026-06-01'\n\
         [[owner]]\nprincipal = 'etl'\nowner = 'Reporting'\nconfirmed_on = '{}'\n\
         [[owner]]\nprincipal = 'spiffe://lab/batch'\nowner = 'Shop'\nconfirmed_on = '2026-06-01'\n\
         [[owner]]\nprincipal = 'lab|agent-1'\nowner = 'Help desk'\nconfirmed_on = '2026-06-01'\n",
        old.trim()
    );
    let rules = lab.write("tierzero.toml", &rules, 0o644)?;
    let servers = format!(
        "  server {{\n    listen 10.77.30.2:8443 ssl;\n    ssl_protocols TLSv1.2;\n    ssl_certificate {certificate};\n    \
         ssl_certificate_key {key};\n    ssl_client_certificate {authority};\n    ssl_verify_client on;\n    \
         location / {{ default_type text/plain; return 200 'order'; }}\n  }}"
    );
    lab.observe_with(&["--config", &rules, "--tls-library"])?;
    let database = cluster.start(lab, "leg", Some("10.77.20.2"))?;
    let redis = Redis { name: "redis", address: "10.77.20.2", port: 6379, password: None, value: &value };
    let redis = redis.start(lab, "leg")?;
    let shop = nginx(lab, "mod", 8443, &servers)?;
    let mut api =
        lab.daemon("api", "leg", Some("daemon"), &["/usr/bin/python3", &server, &place], Signal::TERM)?;
    listens(&mut api, lab, "api", 8080)?;

    let psql = postgres("psql");
    let ask = |lab: &Lab, role: &str, user: &str, password: &str| {
        let words =
            [&psql, "-X", "-A", "-t", "-h", "10.77.20.2", "-U", user, "-d", "postgres", "-c", "SELECT 20"];
        let told = lab.run(role, None, &words, &[("PGPASSWORD", password)], "")?.well("psql")?.stdout;
        oracle(&format!("{user} is served in {role}"), told.trim() == "20")
    };
    ask(lab, "app", "etl", &other)?;
    // The one thing here that is a time: how long nobody uses it.
    let idle = Instant::now();
    wait::until("etl to be idle", wait::LIMIT, || Ok(idle.elapsed() > Duration::from_secs(DORMANT_S + 1)))?;
    ask(lab, "app", "app_rw", &right)?;
    ask(lab, "ops", "app_rw", &right)?;
    ask(lab, "mod", "report", "")?;
    let get = ["/usr/bin/redis-cli", "-h", "10.77.20.2", "GET", "k"];
    let told = lab.run("ops", None, &get, &[], "")?.well("redis-cli")?.stdout;
    oracle("the open Redis serves", told.trim() == value)?;
    let url = "https://10.77.30.2:8443/orders";
    let words = [
        "/usr/bin/curl",
        "-s",
        "-q",
        "--cacert",
        &certificate,
        "--cert",
        &batch_certificate,
        "--key",
        &batch_key,
        url,
    ];
    let told = lab.run("app", None, &words, &[], "")?.well("curl")?.stdout;
    oracle("batch is served for its certificate", told == "order")?;
    let words = ["/usr/bin/python3", &token, &private, "agent-1", "0", "60"];
    let token = lab.run("mod", None, &words, &[], "")?.well("issue.py")?.stdout;
    let words = ["/usr/bin/python3", &agent, &certificate, &agent_certificate, &agent_key];
    let told = lab.run("agt", None, &words, &[], &token)?.well("agent.py")?.stdout;
    oracle("the agent is refused without proof and served with it, twice", told.trim() == "400 200 401 200")?;
    quiet(&database, 5432)?;
    quiet(&redis, 6379)?;
    quiet(&shop, 8443)?;
    quiet(&api, 8080)?;
    lab.end()
}
