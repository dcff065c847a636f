//! D05: Redis asks for a password, and the password lies in a file.

use crate::lab::programs::{PYTHON, REDIS, REDIS_CLIENT, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, make_directory, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d05",
    truth: include_str!("d05/truth.json"),
    needs: &[REDIS, REDIS_CLIENT, PYTHON],
    steps,
    also: None,
};

/// Tries without, reads the password, tries with.
const AGENT: &str = "\
import socket, sys
secret = open(sys.argv[1]).read().strip().split('=', 1)[1]
def ask(caller, *words):
    line = b'*%d\\r\\n' % len(words)
    for word in words:
        line += b'$%d\\r\\n%s\\r\\n' % (len(word), word.encode())
    caller.sendall(line)
    print(caller.recv(4096).decode().strip())
with socket.create_connection(('10.77.20.2', 6379), timeout=20) as caller:
    ask(caller, 'PING')
    ask(caller, 'AUTH', secret)
    ask(caller, 'GET', 'k')
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (password, value) = (lab.secret("MARK5A")?, lab.secret("MARK5B")?);
    let agent = lab.write("agent.py", AGENT, 0o644)?;
    make_directory(&lab.directory().join("legacy"), 0o755)?;
    let file = lab.write("legacy/app.conf", &format!("password={password}\n"), 0o644)?;
    lab.observe()?;
    let redis =
        Redis { name: "redis", address: "10.77.20.2", port: 6379, password: Some(&password), value: &value };
    let server = redis.start(lab, "leg")?;
    let answer = lab.run("agt", None, &["/usr/bin/python3", &agent, &file], &[], "")?.well("agent.py")?;
    let replies: Vec<&str> = answer.stdout.lines().collect();
    oracle("without a password: NOAUTH", replies.first().is_some_and(|reply| reply.starts_with("-NOAUTH")))?;
    oracle("with the password: OK", replies.get(1) == Some(&"+OK"))?;
    oracle("then served", answer.stdout.contains(&value))?;
    quiet(&server, 6379)?;
    lab.end()?;

    let accepted = lab.logged("redis")?.matches("Accepted 10.77.10.2:").count();
    oracle("Redis took exactly one connection from the agent's place", accepted == 1)?;
    let words = ["/usr/bin/redis-cli", "-h", "10.77.20.2", "GET", "k"];
    let other = lab.run("agt", None, &words, &[], "")?;
    oracle("nobody is served without the password", other.stdout.contains("NOAUTH"))
}
