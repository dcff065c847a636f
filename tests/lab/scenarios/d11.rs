//! D11: NATS three ways: open, with a token, with a key that signs the server's challenge.

use rustix::process::Signal;

use crate::lab::programs::{NATS, OPENSSL, PYTHON, listens, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d11",
    truth: include_str!("d11/truth.json"),
    needs: &[NATS, OPENSSL, PYTHON],
    steps,
    also: None,
};

/// `PORT nothing`, `PORT token` with it on standard input, `PORT nkey KEY.pem PUBLIC`: connects, publishes, and prints the last answer.
const CALLER: &str = "\
import base64, json, socket, subprocess, sys, tempfile
port, how = int(sys.argv[1]), sys.argv[2]
with socket.create_connection(('10.77.20.2', port), timeout=20) as caller:
    lines = caller.makefile('rb')
    greeting = json.loads(lines.readline().split(b' ', 1)[1])
    options = {'verbose': False, 'pedantic': False, 'lang': 'lab', 'version': '1', 'protocol': 1}
    if how == 'token':
        options['auth_token'] = sys.stdin.read()
    if how == 'nkey':
        with tempfile.NamedTemporaryFile() as nonce:
            nonce.write(greeting['nonce'].encode())
            nonce.flush()
            sign = ['/usr/bin/openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', sys.argv[3], '-in', nonce.name]
            proof = subprocess.run(sign, check=True, capture_output=True).stdout
        options['nkey'] = sys.argv[4]
        options['sig'] = base64.urlsafe_b64encode(proof).rstrip(b'=').decode()
    caller.sendall(b'CONNECT ' + json.dumps(options).encode() + b'\\r\\nPUB lab 2\\r\\nhi\\r\\nPING\\r\\n')
    print(lines.readline().decode().strip())
";
/// The first key of RFC 8032 section 7.1, as a file, and its public part as NATS writes it: base32 of a prefix, 32
/// bytes and a CRC-16.
pub(super) const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
pub(super) const NAME: &str = "UDLVVGABQKYQVN6VJP7NHSLEA45A5YLS6PNKMIZFV4BBU2HXA5IRUVAL";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let token = lab.secret("MARK11")?;
    let (caller, key) = (lab.write("caller.py", CALLER, 0o644)?, lab.write("key.pem", KEY, 0o600)?);
    lab.observe()?;
    let mut servers = Vec::new();
    // Each under a user of its own: a service that trusts its callers' place would count against its neighbours.
    for (role, user, port, rules) in [
        ("open", "nobody", 4222, String::new()),
        ("token", "daemon", 4223, format!("authorization {{ token: \"{token}\" }}\n")),
        ("nkey", "bin", 4224, format!("authorization {{ users: [ {{ nkey: {NAME} }} ] }}\n")),
    ] {
        let text = format!("host: 10.77.20.2\nport: {port}\nserver_name: {role}\n{rules}");
        let file = lab.write(&format!("{role}.conf"), &text, 0o644)?;
        let words = ["/usr/sbin/nats-server", "-c", &file];
        let mut server = lab.daemon(role, "leg", Some(user), &words, Signal::INT)?;
        listens(&mut server, lab, role, port)?;
        servers.push((server, port));
    }
    let call = |lab: &Lab, role: &str, words: &[&str], input: &str| {
        let all: Vec<&str> =
            ["/usr/bin/python3", caller.as_str()].into_iter().chain(words.iter().copied()).collect();
        Ok::<_, String>(lab.run(role, None, &all, &[], input)?.well("caller.py")?.stdout.trim().to_owned())
    };
    oracle("the open one serves", call(lab, "app", &["4222", "nothing"], "")? == "PONG")?;
    oracle("the token is accepted", call(lab, "app", &["4223", "token"], &token)? == "PONG")?;
    oracle("the key is accepted", call(lab, "app", &["4224", "nkey", &key, NAME], "")? == "PONG")?;
    for port in ["4223", "4224"] {
        let answer = call(lab, "ops", &[port, "nothing"], "")?;
        oracle("without proof it is refused", answer.contains("Authorization Violation"))?;
    }
    for (server, port) in &servers {
        quiet(server, *port)?;
    }
    lab.end()
}
