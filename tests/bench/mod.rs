//! What observing costs, in figures that are only printed beside what they are compared with. Nothing here asserts a
//! time: `cargo xtask bench` prints tables and writes the same as JSON.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer command talks to the terminal")]

use std::path::{Path, PathBuf};

use serde_json::Value;

mod capture;
mod estate;
mod figures;
mod ground;
mod kernel;
mod latency;
mod memory;
mod pipeline;
mod processor;
mod receivers;
mod replay;
mod routes;
mod slowdown;
mod talks;

use crate::lab::stop;

/// Names and what each measures, in the order in which they run.
const ALL: [(&str, &str, Measure); 8] = [
    (
        "slowdown",
        "slowdown of short connections, observer on against off, other tools beside it",
        slowdown::run,
    ),
    ("kernel", "nanoseconds a connection in the kernel, by program", kernel::run),
    ("processor", "user CPU of the observer for each event and connection", processor::run),
    ("latency", "first served byte of a new bridge to its finding, by each way out", latency::run),
    ("pipeline", "events a second through the pure pipeline", pipeline::run),
    ("replay", "seconds to replay a capture of 200 MiB, beside tshark on the same file", replay::run),
    ("routes", "bridges, containment and cut set of a million edges, beside networkx", routes::run),
    ("memory", "resident memory idle and with 10,000 open connections", memory::run),
];

type Measure = fn(&Settings) -> Result<Value, String>;

/// What observing costs.
#[derive(clap::Parser, Debug)]
#[command(name = "cargo xtask bench")]
pub struct Arguments {
    /// Which measurements; all when none is named.
    names: Vec<String>,
    /// List the measurements and end.
    #[arg(long)]
    list: bool,
    /// Pairs of a measurement that compares.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    pairs: u32,
    /// Replay this capture instead of a generated one.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// The tool to measure.
    #[arg(long, env = "TIERZERO_BIN", value_name = "FILE")]
    tierzero: Option<PathBuf>,
}

/// What every measurement needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The tool.
    pub(crate) tierzero: PathBuf,
    /// Pairs.
    pub(crate) pairs: u32,
    /// The capture to replay, where one was named.
    pub(crate) capture: Option<PathBuf>,
}

/// Runs the measurements one after the other.
///
/// # Errors
/// When one of them could not be made. No figure is an error.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    if arguments.list {
        for (name, says, _) in ALL {
            println!("{name:<10} {says}");
        }
        return Ok(());
    }
    if let Some(unknown) = arguments.names.iter().find(|name| !ALL.iter().any(|(known, ..)| known == name)) {
        return Err(format!("there is no measurement `{unknown}`; `--list` names them"));
    }
    let tierzero = arguments.tierzero.as_ref().ok_or("name the tool with --tierzero or TIERZERO_BIN")?;
    let tierzero =
        std::fs::canonicalize(tierzero).map_err(|error| format!("{}: {error}", tierzero.display()))?;
    let settings = Settings { tierzero, pairs: arguments.pairs, capture: arguments.capture.clone() };
    stop::watch()?;
    let place = results()?;
    let mut failed = Vec::new();
    for (name, says, measure) in ALL {
        if !arguments.names.is_empty() && !arguments.names.iter().any(|wanted| wanted == name) {
            continue;
        }
        stop::check()?;
        println!("\n{name}: {says}");
        match measure(&settings) {
            Ok(figures) => keep(&place, name, &figures)?,
            Err(says) => {
                println!("  not measured: {says}");
                failed.push(name);
            }
        }
    }
    println!("\nthe figures as JSON: {}", place.display());
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", "))) }
}

fn keep(place: &Path, name: &str, figures: &Value) -> Result<(), String> {
    let path = place.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(figures).map_err(|error| format!("{name}: {error}"))?;
    std::fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

/// `bench` in the target directory, two above this program.
pub(crate) fn results() -> Result<PathBuf, String> {
    let own = own_program()?;
    let target = own.parent().and_then(Path::parent).ok_or("this program lies in no target directory")?;
    let place = target.join("bench");
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(place)
}

/// The load program, which cargo puts beside this one.
pub(crate) fn load_program() -> Result<PathBuf, String> {
    let load = own_program()?.with_file_name("tierzero-load");
    if load.exists() { Ok(load) } else { Err(format!("{} was not built", load.display())) }
}

fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("own path: {error}"))
}

/// Only root can load eBPF and make namespaces.
pub(crate) fn need_root() -> Result<(), String> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err("skipped: needs root".to_owned()) }
}
