//! 5,000 short connections by 50 short-lived processes over IPv4 and IPv6: each counted, at both ends, by process.

use std::collections::BTreeMap;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::lab::flows;
use crate::lab::graph::Graph;
use crate::lab::program::Program;
use crate::lab::programs::{listens, quiet};
use crate::lab::scenario::{Lab, Scenario, oracle};
use crate::lab::wait;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "show-5000",
    truth: include_str!("show_5000/truth.json"),
    needs: &[],
    steps,
    also: Some(also),
};

const PROCESSES: usize = 50;
const CALLS: u64 = 100;

fn steps(lab: &mut Lab) -> Result<(), String> {
    let load = crate::bench::load_program()?;
    let copy = lab.directory().join("load");
    std::fs::copy(&load, &copy).map_err(|error| format!("{}: {error}", load.display()))?;
    let load = copy.display().to_string();
    // A token that nobody asked for, in the command line and on the wire.
    let secret = lab.secret("MARK5000")?;
    lab.observe()?;
    let words = [load.as_str(), "serve", "10.77.20.2:7000", "[fd77::20:2]:7000"];
    let mut server = lab.daemon("load", "leg", None, &words, Signal::TERM)?;
    listens(&mut server, lab, "load", 7000)?;

    let calls = CALLS.to_string();
    let mut callers = Vec::new();
    for number in 0..PROCESSES {
        let address = if number % 2 == 0 { "10.77.20.2:7000" } else { "[fd77::20:2]:7000" };
        let name = format!("call-{number}");
        let output = lab.log(&name);
        let file =
            std::fs::File::create(&output).map_err(|error| format!("{}: {error}", output.display()))?;
        let mut words = vec![load.as_str(), "call", address, &calls];
        // Every other caller of each family presents the token; all are served alike.
        if number % 4 < 2 {
            words.extend(["--token", &secret]);
        }
        let mut command = lab.command("app", None, &words);
        command.stdin(Stdio::null()).stdout(file).stderr(Stdio::inherit());
        callers.push((name.clone(), Program::spawn(&name, &mut command, Signal::TERM)?));
    }
    for (name, caller) in &mut callers {
        let status = wait::value(&format!("{name} to end"), wait::LIMIT * 4, || caller.ended())?;
        oracle(&format!("{name} ended well"), status.success())?;
        let count: Value =
            serde_json::from_str(&lab.logged(name)?).map_err(|error| format!("{name}: {error}"))?;
        lab.counted(count);
    }
    quiet(&server, 7000)?;
    lab.end()?;
    let made: u64 = lab.counts().iter().filter_map(|count| count.get("calls").and_then(Value::as_u64)).sum();
    oracle("the clients counted 5,000 calls", made == CALLS * 50)?;
    let pid = serde_json::json!({ "server": server.pid() });
    lab.counted(pid);
    Ok(())
}

/// Every flow belongs to the right process at both ends, by the processes' own counts.
fn also(counts: &[Value], graph: &Graph, lines: &[Value]) -> Vec<String> {
    let own: BTreeMap<u64, u64> = counts
        .iter()
        .filter_map(|count| Some((count.get("pid")?.as_u64()?, count.get("calls")?.as_u64()?)))
        .collect();
    let server = counts.iter().find_map(|count| count.get("server").and_then(Value::as_u64));
    let mut wrong = Vec::new();
    let mut said: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut nobody_called, mut others_received) = (0_u64, 0_u64);
    for edge in &graph.edges {
        for line in flows::last_lines(lines, &edge.caller, &edge.listener) {
            let responder = flows::text(line, "responder").unwrap_or_default();
            if !["10.77.20.2:7000", "[fd77::20:2]:7000"].contains(&responder) {
                continue;
            }
            match line.get("caller_pid").and_then(Value::as_u64) {
                Some(pid) => *said.entry(pid).or_default() += 1,
                None => nobody_called += 1,
            }
            if line.get("receiver_pid").and_then(Value::as_u64) != server {
                others_received += 1;
            }
        }
    }
    if nobody_called > 0 {
        wrong.push(format!("{nobody_called} flows have no calling process"));
    }
    if others_received > 0 {
        wrong.push(format!("{others_received} flows do not have the server as receiving process"));
    }
    if said != own {
        let right = own.iter().filter(|(pid, count)| said.get(pid) == Some(count)).count();
        let total: u64 = said.values().sum();
        wrong.push(format!(
            "{right} of {} processes have the count that they made themselves; {total} flows are attributed",
            own.len()
        ));
    }
    wrong
}
