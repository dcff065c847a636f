//! D04: an open Redis, called by an agent; an idle process stands in the same place.

use rustix::process::Signal;

use crate::lab::programs::{PYTHON, REDIS, REDIS_CLIENT, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d04",
    truth: include_str!("d04/truth.json"),
    needs: &[REDIS, REDIS_CLIENT, PYTHON],
    steps,
    also: None,
};

/// Asks for `k` and prints the answer.
const AGENT: &str = "\
import socket
with socket.create_connection(('10.77.20.2', 6379), timeout=20) as caller:
    caller.sendall(b'*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n')
    print(caller.recv(4096).decode())
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARK4")?;
    let agent = lab.write("agent.py", AGENT, 0o644)?;
    lab.observe()?;
    let redis = Redis { name: "redis", address: "0.0.0.0", port: 6379, password: None, value: &value };
    let server = redis.start(lab, "leg")?;
    let idle = lab.daemon("idle", "agt", None, &["/usr/bin/sleep", "600"], Signal::TERM)?;
    let answer = lab.run("agt", None, &["/usr/bin/python3", &agent], &[], "")?.well("agent.py")?;
    oracle("the agent is served", answer.stdout.contains(&value))?;
    quiet(&server, 6379)?;
    lab.end()?;

    let from_agent = lab.logged("redis")?.matches("Accepted 10.77.10.2:").count();
    oracle("Redis took exactly one connection from the agent's place", from_agent == 1)?;
    let words = ["/usr/bin/redis-cli", "-h", "10.77.20.2", "GET", "k"];
    let other = lab.run("agt", None, &words, &[], "")?.well("redis-cli in the agent's place")?;
    oracle("another process in the agent's place is served too", other.stdout.contains(&value))?;
    drop(idle);
    Ok(())
}
