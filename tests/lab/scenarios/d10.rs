//! D10: friction is no check. memcached on an odd port behind a rate limit serves whoever is patient.

use rustix::process::Signal;

use crate::lab::programs::{MEMCACHED, NFT, PYTHON, listens, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d10",
    truth: include_str!("d10/truth.json"),
    needs: &[MEMCACHED, NFT, PYTHON],
    steps,
    also: None,
};

const PORT: u16 = 31211;
/// Says what to whom: `set VALUE`, `get`, or `hurry COUNT`.
const CALLER: &str = "\
import socket, sys
def call(line, limit):
    with socket.create_connection(('10.77.20.2', 31211), timeout=limit) as caller:
        caller.sendall(line)
        return caller.recv(4096).decode()
if sys.argv[1] == 'set':
    print(call(b'set k 0 0 %d\\r\\n%s\\r\\n' % (len(sys.argv[2]), sys.argv[2].encode()), 20))
elif sys.argv[1] == 'get':
    print(call(b'get k\\r\\n', 20))
else:
    served = 0
    for _ in range(int(sys.argv[2])):
        try:
            served += 'VALUE' in call(b'get k\\r\\n', 0.1)
        except TimeoutError:
            pass
    print(served)
";
/// New connections over five a second are dropped.
const LIMIT: &str = "\
table inet lab {
  chain calls {
    type filter hook input priority 0;
    tcp dport 31211 ct state new limit rate over 5/second burst 5 packets drop
  }
}
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARK10")?;
    let caller = lab.write("caller.py", CALLER, 0o644)?;
    let rules = lab.write("limit.nft", LIMIT, 0o644)?;
    let port = PORT.to_string();
    let words = ["/usr/bin/memcached", "-l", "10.77.20.2", "-p", &port, "-U", "0", "-m", "8"];
    let mut server = lab.daemon("memcached", "leg", Some("nobody"), &words, Signal::TERM)?;
    listens(&mut server, lab, "memcached", PORT)?;
    let call = |lab: &Lab, role: &str, words: &[&str]| {
        let all: Vec<&str> =
            ["/usr/bin/python3", caller.as_str()].into_iter().chain(words.iter().copied()).collect();
        lab.run(role, Some("nobody"), &all, &[], "")?.well("caller.py")
    };
    call(lab, "leg", &["set", &value])?;
    quiet(&server, PORT)?;
    lab.run("leg", None, &["/usr/sbin/nft", "-f", &rules], &[], "")?.well("nft")?;
    lab.observe()?;
    let patient = call(lab, "app", &["get"])?;
    oracle("the patient caller gets the value", patient.stdout.contains(&value))?;
    let hasty = call(lab, "ops", &["hurry", "20"])?;
    let served: u32 = hasty.stdout.trim().parse().map_err(|error| format!("caller.py: {error}"))?;
    oracle("some of the hasty attempts are dropped, some are served", (1..20).contains(&served))?;
    quiet(&server, PORT)?;
    lab.end()?;
    let again = call(lab, "ops", &["get"])?;
    oracle("whoever waits is served", again.stdout.contains(&value))
}
