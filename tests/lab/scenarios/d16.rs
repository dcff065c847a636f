//! D16: an agent starts 200 short children that call an open Redis; another script of the same user in the same place
//! starts 50.

use rustix::process::Signal;
use serde_json::Value;

use crate::lab::graph::Graph;
use crate::lab::program::Program;
use crate::lab::programs::{PYTHON, REDIS, REDIS_CLIENT, Redis, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "d16",
    truth: include_str!("d16/truth.json"),
    needs: &[REDIS, REDIS_CLIENT, PYTHON],
    steps,
    also: Some(also),
};

/// Starts children evenly within two seconds, waits for them, and prints when it started each and how many were
/// served.
const STARTS: &str = "\
import json, subprocess, sys, time
count, children, starts = int(sys.argv[1]), [], []
for number in range(count):
    starts.append(time.time())
    children.append(subprocess.Popen(['/usr/bin/redis-cli', '-h', '10.77.20.2', 'GET', 'k'],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
    time.sleep(max(0, starts[0] + (number + 1) * 2 / count - time.time()))
served = sum(sys.argv[2].encode() in child.communicate()[0] for child in children)
print(json.dumps({'served': served, 'starts': starts}))
";

fn steps(lab: &mut Lab) -> Result<(), String> {
    let value = lab.secret("MARK16")?;
    let agent = lab.write("agent.py", STARTS, 0o644)?;
    let other = lab.write("nightly.py", STARTS, 0o644)?;
    let rules = "[[agent]]\nname = \"helpdesk-agent\"\nargv = \"agent\\\\.py\"\n";
    let rules = lab.write("tierzero.toml", rules, 0o644)?;
    lab.observe_with(&["--config", &rules])?;
    let redis = Redis { name: "redis", address: "0.0.0.0", port: 6379, password: None, value: &value };
    let server = redis.start(lab, "leg")?;
    // The value stands in the environment of nobody and in no file: each script is told what to look for.
    let part = value.get(..8).unwrap_or_default().to_owned();
    let mut running: Vec<(&str, Program)> = Vec::new();
    for (name, script, count) in [("agent", &agent, "200"), ("nightly", &other, "50")] {
        let words = ["/usr/bin/python3", script.as_str(), count, part.as_str()];
        running.push((name, lab.daemon(name, "agt", None, &words, Signal::TERM)?));
    }
    for (name, program) in &mut running {
        let status = wait::value(&format!("{name} to end"), wait::LIMIT * 4, || program.ended())?;
        oracle(&format!("{name} ended well"), status.success())?;
    }
    quiet(&server, 6379)?;
    lab.end()?;
    for (name, count) in [("agent", 200), ("nightly", 50)] {
        let told: Value =
            serde_json::from_str(&lab.logged(name)?).map_err(|error| format!("{name}: {error}"))?;
        oracle(
            &format!("{name}: {count} children were served"),
            told.get("served").and_then(Value::as_u64) == Some(count),
        )?;
        if name == "agent" {
            lab.counted(told);
        }
    }
    let accepted = lab.logged("redis")?.matches("Accepted 10.77.10.2:").count();
    oracle(&format!("Redis took 250 connections, not {accepted}"), accepted == 250)
}

/// The fastest second is that of the agent's own clock, within one second and a twentieth; nobody is unattributed.
fn also(counts: &[Value], graph: &Graph, _lines: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    if graph.coverage.unattributed_flows > 0 {
        wrong.push(format!("{} flows are unattributed", graph.coverage.unattributed_flows));
    }
    let starts = counts.iter().filter_map(|it| it.get("starts")?.as_array()).flatten();
    let mut seconds = std::collections::BTreeMap::<i64, u64>::new();
    for start in starts {
        let text = start.to_string();
        let second = text.split('.').next().and_then(|it| it.parse().ok()).unwrap_or_default();
        *seconds.entry(second).or_default() += 1;
    }
    let peak = seconds.values().copied().max().unwrap_or_default();
    let Some(agent) = graph.agents.iter().find(|it| it.name == "helpdesk-agent") else {
        wrong.push("no agent, no rate".to_owned());
        return wrong;
    };
    let said = agent.rate.peak_per_s;
    if said.abs_diff(peak) > peak / 20 {
        wrong.push(format!("the peak is {said} a second, should be {peak} within a twentieth"));
    }
    let at = agent.rate.peak_at.as_deref().and_then(|it| it.parse::<jiff::Timestamp>().ok());
    let near = at.is_some_and(|at| {
        let near = (at.as_second() - 1)..=(at.as_second() + 1);
        seconds.iter().any(|(second, count)| near.contains(second) && *count + peak / 20 >= peak)
    });
    if !near {
        wrong.push(format!("the peak was not at {:?}: {seconds:?}", agent.rate.peak_at));
    }
    wrong
}
