//! Datagrams are read as connections are: memcached over UDP serves whoever asks.

use rustix::process::Signal;

use crate::lab::programs::{MEMCACHED, PYTHON, listens};
use crate::lab::scenario::{Lab, Scenario, oracle};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "udp",
    truth: include_str!("udp/truth.json"),
    needs: &[MEMCACHED, PYTHON],
    steps,
    also: None,
};

/// One command in a datagram behind its frame header, and the answer.
const CALLER: &str = "\
import socket, sys
caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
caller.settimeout(20)
caller.connect(('10.77.20.2', 11211))
value = sys.stdin.read().encode()
for line in [b'set k 0 0 %d\\r\\n%s' % (len(value), value), b'get k']:
    caller.send(b'\\0\\1\\0\\0\\0\\1\\0\\0' + line + b'\\r\\n')
    print(caller.recv(2048)[8:].decode().strip())
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARKUDP")?;
    let caller = lab.write("caller.py", CALLER, 0o644)?;
    lab.observe()?;
    let words = ["/usr/bin/memcached", "-l", "10.77.20.2", "-p", "11211", "-U", "11211", "-m", "8"];
    let mut server = lab.daemon("memcached", "leg", Some("nobody"), &words, Signal::TERM)?;
    listens(&mut server, lab, "memcached", 11211)?;
    let words = ["/usr/bin/python3", &caller];
    let answers = lab.run("app", Some("nobody"), &words, &[], &value)?.well("caller.py")?.stdout;
    oracle("the value was stored and comes back", answers.contains("STORED") && answers.contains(&value))?;
    lab.until_said("the edge to be judged", |line| line["type"] == "edge" && line["transport"] == "udp")?;
    lab.end()
}
