//! Alert latency: how long after the first byte that an agent is served does the finding stand on the stream, in the
//! journal, and at the webhook; the last two are played here.
//!
//! One agent in one namespace, one server in another that speaks the Redis protocol on as many ports as there are
//! bridges: each port is a listener, and so a bridge, of its own. Both clocks are the host's real-time clock.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::figures::number;
use super::receivers::Receiver;
use super::{Settings, load_program, need_root};
use crate::lab::network::Network;
use crate::lab::observer::Observer;
use crate::lab::program::{self, Program, command, listening};
use crate::lab::wait;

/// Bridges.
const BRIDGES: u16 = 200;
/// First port of the server.
const FIRST: u16 = 7000;
/// Milliseconds between two: prime, so that they meet every phase of whatever the observer does in intervals.
const PAUSE: &str = "37";
/// What is wanted at the 95th percentile, in milliseconds; only printed beside the figure.
const WANTED: f64 = 1000.0;

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    need_root()?;
    let run = format!("{}-latency", std::process::id());
    let network = Network::build(&run)?;
    let directory = std::env::temp_dir().join(format!("tz-bench-{run}"));
    std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let measured = measure(settings, &network, &directory);
    let _ = std::fs::remove_dir_all(&directory);
    let measured = measured?;
    println!("  {BRIDGES} bridges of one agent to as many listeners, one every {PAUSE} ms; milliseconds");
    println!(
        "  {:<10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}   wanted: p95 of at most {WANTED:.0}",
        "way", "min", "p50", "p90", "p95", "p99", "max"
    );
    let ways: Vec<Value> = measured
        .into_iter()
        .map(|(way, mut each)| {
            each.sort_by(f64::total_cmp);
            let at = |percent: usize| {
                let rank = (each.len() * percent).div_ceil(100).max(1);
                each.get(rank - 1).copied().unwrap_or(f64::NAN)
            };
            let [min, p50, p90, p95, p99, max] = [0, 50, 90, 95, 99, 100].map(at);
            println!("  {way:<10} {min:>8.1} {p50:>8.1} {p90:>8.1} {p95:>8.1} {p99:>8.1} {max:>8.1}");
            json!({ "way": way, "min": min, "p50": p50, "p90": p90, "p95": p95, "p99": p99, "max": max, "each": each })
        })
        .collect();
    Ok(json!({
        "unit": "milliseconds from the first served byte to the finding", "bridges": BRIDGES,
        "wanted_p95": WANTED, "ways": ways,
    }))
}

/// Latencies by way, in milliseconds.
type Latencies = Vec<(&'static str, Vec<f64>)>;

fn measure(settings: &Settings, network: &Network, directory: &std::path::Path) -> Result<Latencies, String> {
    let load = load_program()?.display().to_string();
    let config = directory.join("tierzero.toml");
    let (webhook, url) = Receiver::webhook()?;
    let (journal, socket) = Receiver::journal(directory)?;
    let rules = format!(
        "[[agent]]\nname = \"bench-agent\"\nargv = \"tierzero-load gets \"\n[webhook]\nurl = \"{url}\"\n"
    );
    std::fs::write(&config, rules).map_err(|error| format!("{}: {error}", config.display()))?;
    let config = config.display().to_string();
    let observer = Observer::start(
        &settings.tierzero,
        directory,
        false,
        &["--config", &config, &format!("--journal={}", socket.display())],
    )?;
    let addresses: Vec<String> = (0..BRIDGES).map(|n| format!("10.77.20.2:{}", FIRST + n)).collect();
    let words = |first: &[&'static str]| -> Vec<String> {
        first.iter().map(|word| (*word).to_owned()).chain(addresses.iter().cloned()).collect()
    };
    let (serve, get) = (words(&["redis"]), words(&["gets", PAUSE]));
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    let get: Vec<&str> = get.iter().map(String::as_str).collect();
    let log = directory.join("server.log");
    let server = command(Some(&network.path("leg")), None, &load, &serve);
    let server = Program::daemon("the server", server, &log, Signal::TERM)?;
    wait::until("the server to listen", wait::LIMIT, || {
        Ok(listening(server.pid()).len() >= usize::from(BRIDGES))
    })?;
    program::run(command(Some(&network.path("agt")), None, &load, &get), "")?.well("the agent")?;
    let wanted = usize::from(BRIDGES);
    let all = || {
        let lines = observer.timed_lines();
        [("stream", lines.clone()), ("journal", journal.arrived()), ("webhook", webhook.arrived())]
            .map(|(way, findings)| (way, found(&lines, &findings)))
    };
    // What did not come is told below, by name.
    let _ = wait::until("a finding for each bridge", Duration::from_secs(20), || {
        Ok(all().iter().all(|(_, found)| found.len() >= wanted))
    });
    let arrived = all();
    observer.stop()?;
    drop(server);
    let served = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    arrived.into_iter().map(|(way, arrived)| Ok((way, latencies(way, &served, &arrived)?))).collect()
}

/// Milliseconds from each line of the server to the finding about its port.
fn latencies(way: &str, served: &str, arrived: &BTreeMap<String, u64>) -> Result<Vec<f64>, String> {
    let mut latencies = Vec::new();
    let mut missing = Vec::new();
    for line in served.lines() {
        let (port, at) = line.split_once(' ').ok_or_else(|| format!("the server said: {line}"))?;
        let at: u64 = at.parse().map_err(|error| format!("the server said: {line}: {error}"))?;
        match arrived.get(port) {
            Some(arrived) => latencies.push(number(arrived.saturating_sub(at)) / 1e6),
            None => missing.push(port),
        }
    }
    if latencies.len() == usize::from(BRIDGES) {
        return Ok(latencies);
    }
    let (found, missing) = (latencies.len(), missing.join(", "));
    Err(format!("{way}: {found} of {BRIDGES} bridges were found; not those at {missing}"))
}

/// When the first finding of a bridge to each port had arrived, in nanoseconds of the real-time clock. The stream's
/// flows say which port a listener has.
fn found(lines: &[(SystemTime, Value)], findings: &[(SystemTime, Value)]) -> BTreeMap<String, u64> {
    let text = |line: &Value, key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut ports: BTreeMap<String, String> = BTreeMap::new();
    for (_, line) in lines {
        if let (Some(listener), Some(responder)) = (text(line, "listener"), text(line, "responder"))
            && let Some((_, port)) = responder.rsplit_once(':')
        {
            ports.insert(listener, port.to_owned());
        }
    }
    let mut found = BTreeMap::new();
    for (at, line) in findings {
        if text(line, "finding").as_deref() != Some("bridge-direct") {
            continue;
        }
        let subjects = line.get("subjects").and_then(Value::as_array).into_iter().flatten();
        let at =
            at.duration_since(UNIX_EPOCH).map_or(0, |at| u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
        for port in subjects.filter_map(Value::as_str).filter_map(|id| ports.get(id)) {
            found.entry(port.clone()).or_insert(at);
        }
    }
    found
}
