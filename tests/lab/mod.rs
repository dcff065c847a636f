//! The lab: real programs in network namespaces, watched by the real observer, scored against the truth.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer command talks to the terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

mod flows;
mod graph;
mod judge;
mod marker;
mod memory;
pub(crate) mod network;
pub(crate) mod observer;
pub(crate) mod program;
mod programs;
mod record;
mod scenario;
mod scenarios;
pub(crate) mod stop;
mod table;
mod truth;
pub(crate) mod wait;

use graph::Graph;
use judge::{Said, judge};
use scenario::{Lab, Scenario};
use truth::Truth;

/// Real programs, the real observer, and the truth.
#[derive(clap::Parser, Debug)]
#[command(name = "cargo xtask lab")]
pub struct Arguments {
    /// Scenarios to run, by name or by the part of it before a hyphen; all when none is given.
    scenarios: Vec<String>,
    /// Keep each scenario's directory (configuration, logs, everything the tool said) and print where it is.
    #[arg(long)]
    keep: bool,
    /// Keep each run's event log, reduced to the lab, as a golden test.
    #[arg(long)]
    record_golden: bool,
    /// List the scenarios and end.
    #[arg(long)]
    list: bool,
    /// Judge again what a run with --keep left in this directory, instead of running; needs one scenario, no root.
    #[arg(long, value_name = "DIRECTORY")]
    judge: Option<PathBuf>,
    /// Run the steps and ask their oracles without any observer: shows that the scenario itself is sound.
    #[arg(long, conflicts_with_all = ["judge", "record_golden"])]
    oracles_only: bool,
    /// Seconds that the scenario `idle` observes a host on which the lab does nothing.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle: u64,
    /// The tool to test.
    #[arg(long, env = "TIERZERO_BIN", value_name = "FILE")]
    tierzero: Option<PathBuf>,
}

/// Runs the scenarios; an error names how many failed.
///
/// # Errors
/// When a scenario does not pass, or the lab can't be built.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let all = scenarios::all();
    if arguments.list {
        for scenario in &all {
            println!("{:<10} {}", scenario.name, Truth::read(scenario.truth)?.says);
        }
        return Ok(());
    }
    let chosen: Vec<&Scenario> = all
        .iter()
        .filter(|scenario| {
            arguments.scenarios.is_empty() || arguments.scenarios.iter().any(|name| scenario.is_called(name))
        })
        .collect();
    if let Some(unknown) =
        arguments.scenarios.iter().find(|name| !all.iter().any(|scenario| scenario.is_called(name)))
    {
        let names: Vec<_> = all.iter().map(|scenario| scenario.name).collect();
        return Err(format!("there is no scenario `{unknown}`; there are {}", names.join(", ")));
    }
    if let Some(directory) = &arguments.judge {
        let [scenario] = chosen.as_slice() else {
            return Err("--judge needs exactly one scenario".to_owned());
        };
        return again(scenario, directory);
    }
    let tierzero = match &arguments.tierzero {
        _ if arguments.oracles_only => None,
        Some(path) => {
            Some(std::fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => return Err("name the tool to test with --tierzero or TIERZERO_BIN".to_owned()),
    };
    if !rustix::process::geteuid().is_root() {
        return Err("the lab makes network namespaces and loads eBPF: run it as root".to_owned());
    }
    stop::watch()?;
    let mut rows = Vec::new();
    for (number, scenario) in chosen.iter().enumerate() {
        stop::check()?;
        eprintln!("{} ...", scenario.name);
        rows.push(one(scenario, number, tierzero.as_deref(), arguments));
    }
    table::print(&rows);
    let skipped = rows.iter().filter(|row| row.skipped.is_some()).count();
    if skipped > 0 {
        eprintln!("{skipped} of {} scenarios were skipped", rows.len());
    }
    let failed = rows.iter().filter(|row| !row.passed()).count();
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} scenarios failed", rows.len())) }
}

fn one(scenario: &Scenario, number: usize, tierzero: Option<&Path>, arguments: &Arguments) -> table::Row {
    let mut row = table::Row::new(scenario.name);
    let missing: Vec<&str> = scenario
        .needs
        .iter()
        .filter(|(program, _)| !Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        row.judgement = Some(Err(format!("not run: apt-get install {}", missing.join(" "))));
        return row;
    }
    let run = format!("{}-{number}", std::process::id());
    let directory =
        Directory { path: std::env::temp_dir().join(format!("tz-lab-{run}")), keep: arguments.keep };
    let judged = network::Network::build(&run)
        .and_then(|network| Lab::new(network, directory.path.clone(), tierzero.map(Path::to_path_buf)))
        .and_then(|mut lab| {
            lab.idle = std::time::Duration::from_secs(arguments.idle);
            (scenario.steps)(&mut lab)?;
            let roles = lab.network().inodes()?;
            let Some(tierzero) = tierzero else { return Ok(()) };
            after(scenario, &lab, tierzero, roles, &mut row, arguments)
        });
    if let Err(says) = judged {
        match says.strip_prefix(programs::SKIP) {
            Some(why) => row.skipped = Some(why.to_owned()),
            None => row.judgement = Some(Err(says)),
        }
    }
    if directory.keep {
        row.notes.push(format!("kept in {}", directory.path.display()));
    }
    row
}

/// Scenarios whose secrets are in no command line. Where one is, memory in which the observer read it is given back as it
/// is, and a core dump may hold it for a while: that is only noted.
const SENT_ONLY: &[&str] = &["d05", "udp"];

/// Asks the tool for everything it can say, looks for leaks, and judges.
fn after(
    scenario: &Scenario,
    lab: &Lab,
    tierzero: &Path,
    roles: BTreeMap<String, String>,
    row: &mut table::Row,
    arguments: &Arguments,
) -> Result<(), String> {
    let outputs = lab.outputs();
    let absent = observer::ask_everything(tierzero, &outputs)?;
    if !absent.is_empty() {
        row.notes.push(format!("this build has no {}", absent.join(", ")));
    }
    if !observer::replay_twice(tierzero, &outputs)? {
        row.wrong.push("the recorded log replayed twice gave different bytes".to_owned());
    }
    row.leaks = marker::search(lab.markers(), &outputs)?;
    let held = if SENT_ONLY.contains(&scenario.name) { &mut row.leaks } else { &mut row.notes };
    held.extend_from_slice(lab.held());
    if Truth::read(scenario.truth)?.report.is_some() {
        observer::report_of_lab(tierzero, &outputs, &record::of_lab(&outputs, &roles)?.0)?;
    }
    let run = Run { observer: tierzero.display().to_string(), roles, counts: lab.counts().to_vec() };
    run.write(&outputs)?;
    weigh(scenario, &outputs, lab.lines(), &run, row)?;
    if arguments.record_golden {
        row.notes.push(record::golden(lab, scenario.name, &run.roles)?);
    }
    Ok(())
}

/// Judges what stands in a directory of outputs.
fn weigh(
    scenario: &Scenario,
    outputs: &Path,
    lines: &[Value],
    run: &Run,
    row: &mut table::Row,
) -> Result<(), String> {
    let truth = Truth::read(scenario.truth)?;
    if truth.scenario != scenario.name {
        return Err(format!("the truth of {} is about {}", scenario.name, truth.scenario));
    }
    let graph = read_graph(outputs)?;
    row.lost = graph.coverage.lost_events;
    if row.lost > 0 {
        row.wrong.push(format!("{} events were lost", row.lost));
    }
    let parsed = |name: &str| {
        serde_json::from_str::<Value>(&read(&outputs.join(name))?).map_err(|error| format!("{name}: {error}"))
    };
    let mut report = parsed("report.json")?;
    if truth.report.is_some() {
        // Its numbers are those of the lab, its ids those of the graph.
        let of_lab = parsed("report-lab.json")?;
        if let (Some(all), Some(answers)) = (report.as_object_mut(), of_lab.get("answers")) {
            all.insert("answers".to_owned(), answers.clone());
        }
    }
    let said = Said { graph: &graph, lines, roles: &run.roles, report: &report, observer: &run.observer };
    row.judgement = Some(Ok(judge(&truth, &said)));
    for log in &truth.events {
        let rows = read(&outputs.join(observer::events_of(&log.identity)))?.lines().count();
        if u64::try_from(rows).ok() != Some(log.rows) {
            row.wrong.push(format!("the log of {} has {rows} rows, should have {}", log.identity, log.rows));
        }
    }
    row.wrong.extend(marker::words(&truth.forbidden_words, outputs)?);
    if let Some(also) = scenario.also {
        row.wrong.extend(also(&run.counts, &graph, lines));
    }
    Ok(())
}

/// Judges once more what a run with `--keep` left behind.
fn again(scenario: &Scenario, directory: &Path) -> Result<(), String> {
    let outputs = directory.join("outputs");
    let mut row = table::Row::new(scenario.name);
    let lines = read(&outputs.join("observe.jsonl"))?
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("observe.jsonl: {error}")))
        .collect::<Result<Vec<Value>, String>>()?;
    weigh(scenario, &outputs, &lines, &Run::read(&outputs)?, &mut row)?;
    let passed = row.passed();
    table::print(&[row]);
    if passed { Ok(()) } else { Err(format!("{} failed", scenario.name)) }
}

/// What must be known of a run to judge it again.
#[derive(serde::Deserialize, serde::Serialize)]
struct Run {
    /// Program path of the observer.
    observer: String,
    /// Role of each namespace, by inode number.
    roles: BTreeMap<String, String>,
    /// What the lab's own clients counted.
    counts: Vec<Value>,
}

impl Run {
    fn write(&self, outputs: &Path) -> Result<(), String> {
        let text = serde_json::to_string(self).map_err(|error| format!("run.json: {error}"))?;
        let path = outputs.join("run.json");
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read(outputs: &Path) -> Result<Self, String> {
        serde_json::from_str(&read(&outputs.join("run.json"))?).map_err(|error| format!("run.json: {error}"))
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_graph(outputs: &Path) -> Result<Graph, String> {
    let text = read(&outputs.join("graph.json"))?;
    let graph: Graph = serde_json::from_str(&text).map_err(|error| format!("the exported graph: {error}"))?;
    if graph.schema == "tierzero/graph/1" {
        Ok(graph)
    } else {
        Err(format!("the exported graph has schema {}", graph.schema))
    }
}

/// A directory that goes with the scenario.
struct Directory {
    path: PathBuf,
    keep: bool,
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
