//! Nanoseconds that the programs spend in the kernel, as the kernel counts them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tierzero_sensor::{Options, ProgramCost, Sensor};

use super::figures::{each, number};
use super::ground::Ground;
use super::{Settings, need_root};

const CALLS: u32 = 5000;
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// What the counting itself charges to a run of an empty program: measured once on kernel 6.18, so the net column is
/// an estimate on any other machine.
const EMPTY_NS: f64 = 62.0;

pub(super) fn run(_: &Settings) -> Result<Value, String> {
    need_root()?;
    let ground = Ground::prepare("kern", 1)?;
    let counting = Counting::on()?;
    let enough = AtomicBool::new(false);
    // The sensor alone, drained by a thread: what user space does later is measured elsewhere.
    let costs = std::thread::scope(|scope| {
        let (ready, started) = std::sync::mpsc::channel();
        let enough = &enough;
        let sensor = scope.spawn(move || drained(&ready, enough));
        let called = match started.recv() {
            Ok(()) => ground.call(0, CALLS).map(|_| ()),
            Err(_) => Ok(()), // The sensor's own error says more.
        };
        enough.store(true, Ordering::Relaxed);
        let costs = sensor.join().map_err(|_| "the sensor's thread panicked".to_owned())?;
        called.and(costs)
    })?;
    drop(counting);
    Ok(table(costs))
}

fn drained(ready: &std::sync::mpsc::Sender<()>, enough: &AtomicBool) -> Result<Vec<ProgramCost>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let (mut sensor, _) = Sensor::start(Options::default()).map_err(|error| error.to_string())?;
        ready.send(()).map_err(|_| "nobody waits".to_owned())?;
        let mut events = Vec::new();
        while !enough.load(Ordering::Relaxed) {
            sensor.next(&mut events).await.map_err(|error| error.to_string())?;
            events.clear();
        }
        Ok(sensor.cost())
    })
}

fn table(mut costs: Vec<ProgramCost>) -> Value {
    costs.sort_by_key(|cost| std::cmp::Reverse(cost.nanoseconds));
    println!(
        "  {CALLS} short connections on loopback, both ends observed; what else ran meanwhile is in it too"
    );
    println!(
        "  net: less {EMPTY_NS} ns a run, which counting charges to an empty program (measured on kernel 6.18)"
    );
    println!(
        "  {:<28} {:>14} {:>12} {:>12} {:>16}",
        "program", "runs/connection", "ns/run", "net ns/run", "net ns/connection"
    );
    let calls = u64::from(CALLS);
    let mut rows = Vec::new();
    let mut total = 0.0;
    for cost in costs.iter().filter(|cost| cost.runs > 0) {
        let run = each(cost.nanoseconds, cost.runs);
        let net = (run - EMPTY_NS).max(0.0);
        let connection = net * number(cost.runs) / number(calls);
        total += connection;
        println!(
            "  {:<28} {:>14.2} {run:>12.0} {net:>12.0} {connection:>16.0}",
            cost.name,
            each(cost.runs, calls)
        );
        rows.push(json!({
            "program": cost.name, "runs_per_connection": each(cost.runs, calls), "ns_per_run": run,
            "net_ns_per_run": net, "net_ns_per_connection": connection,
        }));
    }
    println!("  {:<28} {:>14} {:>12} {:>12} {total:>16.0}", "all", "", "", "");
    json!({ "connections": CALLS, "empty_ns_per_run": EMPTY_NS, "programs": rows, "net_ns_per_connection": total })
}

/// The kernel's counting, switched on, and back to what it was when dropped.
struct Counting {
    before: String,
}

impl Counting {
    fn on() -> Result<Self, String> {
        let before = std::fs::read_to_string(SWITCH).map_err(|error| format!("{SWITCH}: {error}"))?;
        std::fs::write(SWITCH, "1").map_err(|error| format!("{SWITCH}: {error}"))?;
        Ok(Self { before })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = std::fs::write(SWITCH, self.before.trim());
    }
}
