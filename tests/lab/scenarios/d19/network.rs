//! The network tier: an agent is kept in a cgroup from an open Redis by an address. That is no proof of who it is.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::lab::graph::Graph;
use crate::lab::programs::{NFT, PYTHON, REDIS, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

pub(in super::super) const NETWORK: Scenario = Scenario {
    name: "d19-network",
    truth: include_str!("network.json"),
    needs: &[REDIS, PYTHON, NFT],
    steps,
    also: Some(also),
};

/// Asks a Redis for `k`, with a password where one stands on its standard input, and prints the answer or the error.
const AGENT: &str = "\
import errno, socket, sys
secret = sys.stdin.read()
try:
    with socket.create_connection(('10.77.20.2', int(sys.argv[1])), timeout=20) as caller:
        if secret:
            caller.sendall(b'*2\\r\\n$4\\r\\nAUTH\\r\\n$%d\\r\\n%s\\r\\n' % (len(secret), secret.encode()))
            caller.recv(4096)
        caller.sendall(b'*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n')
        print(caller.recv(4096).decode())
except OSError as error:
    print(errno.errorcode.get(error.errno, error))
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let (password, value) = (lab.secret("MARK19B")?, lab.secret("MARK19C")?);
    let agent = lab.write("agent.py", AGENT, 0o644)?;
    let cgroup = Cgroup::make()?;
    let rule = format!("[[agent]]\nname = 'helper'\ncgroup = '/{}'\n", cgroup.name);
    let configuration = lab.write("tierzero.toml", &rule, 0o644)?;
    let call = |lab: &Lab, inside: bool, port: &str, secret: &str| -> Result<String, String> {
        let join = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", cgroup.path.display());
        let program = ["/usr/bin/python3", &agent, port];
        let words = if inside {
            [["/bin/sh", "-c", &join, "sh"].as_slice(), &program].concat()
        } else {
            program.to_vec()
        };
        Ok(lab.run("agt", None, &words, &[], secret)?.well("agent.py")?.stdout)
    };

    lab.observe_with(&["--config", &configuration])?;
    let open = Redis { name: "open", address: "10.77.20.2", port: 6379, password: None, value: &value };
    let asking = Redis { name: "asking", port: 6380, password: Some(&password), ..open };
    let (open, asking) = (open.start(lab, "leg")?, asking.start(lab, "leg")?);
    oracle("the open Redis serves the agent", call(lab, true, "6379", "")?.contains(&value))?;
    oracle("the other serves it for its password", call(lab, true, "6380", &password)?.contains(&value))?;
    quiet(&open, 6379)?;
    quiet(&asking, 6380)?;
    lab.until_said("the bridge", |line| line.get("finding").is_some_and(|it| it == "bridge-direct"))?;

    let words = ["policy", "--for", "nft", "--agent", "helper", "--cgroup", &cgroup.name];
    wait::until("a proposal that knows both calls", wait::LIMIT, || {
        let text = lab.tell(&words)?;
        Ok(text.is_none_or(|it| it.contains("dport 6380 accept") && it.contains("10.77.20.2:6379")))
    })?;
    let rules = lab.tell(&words)?;
    let level = cgroup.name.split('/').count();
    let by_hand = format!(
        "table inet by_hand {{ chain calls {{ type filter hook output priority filter; \
         socket cgroupv2 level {level} \"{}{}\" ip daddr 10.77.20.2 tcp dport 6379 reject with icmpx admin-prohibited; }} }}",
        cgroup.root, cgroup.name
    );
    let file = lab.write("rules.nft", rules.as_deref().unwrap_or(&by_hand), 0o644)?;
    lab.run("agt", None, &["/usr/sbin/nft", "-f", &file], &[], "")?.well("nft -f")?;
    lab.counted(json!({ "policy": rules }));

    oracle(
        "the open Redis is out of the agent's reach",
        call(lab, true, "6379", "")?.trim() == "EHOSTUNREACH",
    )?;
    oracle("the other still serves it", call(lab, true, "6380", &password)?.contains(&value))?;
    oracle(
        "who stands beside the agent is served as before",
        call(lab, false, "6379", "")?.contains(&value),
    )?;
    quiet(&open, 6379)?;
    quiet(&asking, 6380)?;
    lab.end()
}

/// An empty cgroup of this run, removed at its end.
struct Cgroup {
    path: PathBuf,
    /// Below the root of cgroup2.
    name: String,
    /// That root, below where nft looks, with a slash at its end.
    root: String,
}

impl Cgroup {
    fn make() -> Result<Self, String> {
        let mounts = "/proc/self/mountinfo";
        let text = std::fs::read_to_string(mounts).map_err(|error| format!("{mounts}: {error}"))?;
        let root = text.lines().find_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            after.starts_with("cgroup2 ").then(|| before.split(' ').nth(4)).flatten()
        });
        let name = format!("tz-lab-{}", std::process::id());
        let root = root.ok_or("cgroup2 is not mounted")?;
        let path = Path::new(root).join(&name);
        std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let root = root.strip_prefix("/sys/fs/cgroup").unwrap_or_default().trim_matches('/');
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        Ok(Self { path, name, root })
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

/// The proposal tells addresses from identities, and what it would refuse.
fn also(counts: &[Value], _graph: &Graph, _lines: &[Value]) -> Vec<String> {
    let policy = counts.iter().find_map(|it| it.get("policy")?.as_str()).unwrap_or_default();
    let says = [
        "each rule names an address, so it is itself location trust",
        "served until now, location-trusted, and refused by these rules: redis-server at 10.77.20.2:6379",
        "names an address: 10.77.20.2:6380 was unproven",
    ];
    let missing = says.iter().filter(|it| !policy.contains(**it));
    missing.map(|it| format!("the proposal does not say: {it}")).collect()
}
