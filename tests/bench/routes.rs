//! Bridges, containment and cut set of a graph of a million edges, beside networkx on the same graph.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tierzero_core::graph::routes::{CompactGraph, ContainmentState, CutScope, Input, Limits};
use tierzero_core::verdict::Verdict;

use super::estate::{Size, generate};
use super::figures::number;
use super::{Settings, results};

const SIZE: Size = Size { workloads: 100_000, edges: 1_000_000, agents: 1000 };
const SEED: u64 = 20_261_124;
/// Agents that networkx searches from: all would take fifty times as long.
const ASKED: u32 = 20;
/// Seconds after which networkx is stopped.
const PATIENCE: u64 = 900;

pub(super) fn run(_: &Settings) -> Result<Value, String> {
    let input = generate(SIZE, SEED);
    println!(
        "  {} workloads, {} edges, {} agents; generated, seed {SEED}",
        input.nodes.len(),
        input.arcs.len(),
        SIZE.agents
    );
    println!("  {:<34} {:>10} {:>14}", "", "seconds", "peak MiB more");
    let mut rows = Vec::new();
    let graph = timed("compact graph", &mut rows, || CompactGraph::build(&input))?;
    let limits = Limits { bridges: 20_000_000, steps: 20_000_000_000 };
    let bridges = timed("all bridges", &mut rows, || graph.bridges(limits))?;
    let one_hop = bridges.list.iter().filter(|it| it.strength.is_none()).count();
    let (all, left_off) = (bridges.list.len(), bridges.left_off);
    drop(bridges);
    let contained = timed("containment of all agents", &mut rows, || graph.containment())?;
    let cut = timed("cut set, in time, what it ends", &mut rows, || graph.cut(CutScope::default()))?;
    let ever = CutScope { in_time: false, ..CutScope::default() };
    let ever = timed("cut set, time left aside", &mut rows, || graph.cut(ever))?;
    let of = |state| contained.iter().filter(|it| it.state(true) == state).count();
    let suffices = cut.edges.iter().filter(|it| it.proof_suffices).count();
    println!("  {all} bridges, {one_hop} of one hop{}", if left_off { ", and more" } else { "" });
    println!(
        "  {} agents bridged, {} contained, {} not proven",
        of(ContainmentState::Bridged),
        of(ContainmentState::Contained),
        of(ContainmentState::NotProven)
    );
    println!(
        "  cut of {} edges (at least {}; proof suffices at {suffices}) ends {} ways of {} agents",
        cut.edges.len(),
        cut.at_least,
        cut.ways,
        cut.agents,
    );
    println!("  cut of {} edges with time left aside", ever.edges.len());
    let ours: Vec<u64> = (0..ASKED)
        .filter_map(|agent| contained.iter().find(|it| it.agent == agent))
        .map(|it| it.hard_direct + it.hard_transit)
        .collect();
    let beside = networkx(&input, &ours, ever.edges.len())?;
    Ok(json!({
        "workloads": SIZE.workloads, "edges": SIZE.edges, "agents": SIZE.agents, "seed": SEED, "steps": rows,
        "bridges": all, "left_off": left_off, "cut": cut.edges.len(), "cut_at_least": cut.at_least,
        "proof_suffices": suffices, "ways": cut.ways, "cut_time_aside": ever.edges.len(), "networkx": beside,
    }))
}

/// Runs one step; prints and keeps its seconds and by how much the peak of resident memory grew.
fn timed<T>(name: &str, rows: &mut Vec<Value>, step: impl FnOnce() -> T) -> Result<T, String> {
    crate::lab::stop::check()?;
    // Resets VmHWM to what is resident now (proc_pid_clear_refs(5)).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_kib()?;
    let begin = Instant::now();
    let made = step();
    let seconds = begin.elapsed().as_secs_f64();
    let mib = number(peak_kib()?.saturating_sub(before)) / 1024.0;
    println!("  {name:<34} {seconds:>10.3} {mib:>14.1}");
    rows.push(json!({ "step": name, "seconds": seconds, "peak_mib_more": mib }));
    Ok(made)
}

/// VmHWM of this process in KiB (proc_pid_status(5)).
fn peak_kib() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| "/proc/self/status has no VmHWM".to_owned())
}

/// The same by networkx, where it is installed: what it finds has to be the same.
fn networkx(input: &Input, ends: &[u64], cut: usize) -> Result<Value, String> {
    let mut look = Command::new("python3");
    look.args(["-c", "import networkx"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !look.status().is_ok_and(|status| status.success()) {
        println!("  networkx: skipped, it is not installed (apt-get install python3-networkx)");
        return Ok(json!({ "skipped": "not installed" }));
    }
    let path = results()?.join("routes.tmp");
    write(input, &path)?;
    let limit = PATIENCE.to_string();
    let mut child = Command::new("timeout")
        .args([limit.as_str(), "python3", "-c", include_str!("routes.py")])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("timeout: {error}"))?;
    let lines = child.stdout.take().map(BufReader::new).ok_or("no output")?.lines();
    let mut rows = Vec::new();
    for line in lines.map_while(Result::ok) {
        let row: Value = serde_json::from_str(&line).map_err(|error| format!("networkx: {error}"))?;
        let step = row.get("step").and_then(Value::as_str).unwrap_or_default();
        let same = match step {
            "containment" => row.get("ends") == Some(&json!(ends)),
            "cut" => row.get("edges").and_then(Value::as_u64) == u64::try_from(cut).ok(),
            _ => true,
        };
        let seconds = row.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
        let mib = row.get("mib").and_then(Value::as_u64).unwrap_or(0);
        let what = if step == "containment" { format!("{step} of {ASKED} agents") } else { step.to_owned() };
        println!("  networkx: {what:<24} {seconds:>10.3} {mib:>14} in all");
        if !same {
            return Err(format!("networkx finds something else: {line}"));
        }
        rows.push(row);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() {
        println!("  the same containment and the same size of the cut, time left aside");
    } else {
        println!("  networkx ended after {} of 3 steps: {status}; its limit is {PATIENCE} s", rows.len());
    }
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(json!({ "steps": rows, "asked": ASKED, "ended": status.to_string() }))
}

/// Writes the graph of groups: members of an agent's tree go by its root.
fn write(input: &Input, path: &Path) -> Result<(), String> {
    let mut text = String::new();
    for agent in 0..SIZE.agents {
        let _ = writeln!(text, "a {agent}");
    }
    for agent in 0..ASKED.min(SIZE.agents) {
        let _ = writeln!(text, "q {agent}");
    }
    let group = |node: u32| input.nodes.get(node as usize).map_or(node, |it| it.root);
    for arc in &input.arcs {
        if matches!(arc.verdict, Verdict::Refused | Verdict::Public) {
            continue;
        }
        let (from, to) = (group(arc.caller), group(arc.listener));
        if from != to {
            let trusted = u8::from(arc.verdict == Verdict::LocationTrusted);
            let _ = writeln!(text, "e {from} {to} {trusted} {} {}", arc.first, arc.last);
        }
    }
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
