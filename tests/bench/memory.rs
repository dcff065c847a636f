//! Resident memory of the observer: idle, with ten thousand open connections, and after they are gone.

use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{each, number};
use super::ground::Ground;
use super::{Settings, need_root};
use crate::lab::wait;

const CONNECTIONS: u32 = 10_000;

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    need_root()?;
    let ground = Ground::prepare("mem", 1)?;
    let observer = ground.observe(&settings.tierzero, false)?;
    ground.call(0, 1)?;
    let idle = resident_kib(observer.pid())?;
    let client = ground.hold(CONNECTIONS)?;
    let open = ground.open();
    let held = highest(observer.pid())?;
    drop(client);
    wait::until("the connections to close", Duration::from_secs(60), || Ok(ground.open() == 0))?;
    let after = highest(observer.pid())?;
    observer.stop()?;
    println!("  {:<34} {:>14} {:>18}", "observer", "resident MiB", "KiB/connection");
    let mut rows = Vec::new();
    for (name, kib, connections) in [
        ("idle, one connection seen", idle, 0),
        ("with open connections", held, u64::from(CONNECTIONS)),
        ("after they are closed", after, 0),
    ] {
        let each = if connections == 0 { 0.0 } else { each(kib.saturating_sub(idle), connections) };
        println!("  {name:<34} {:>14.1} {each:>18.2}", number(kib) / 1024.0);
        rows.push(json!({ "state": name, "resident_kib": kib, "kib_per_connection": each }));
    }
    println!("  {open} connections were open at the server; a connection has two ends here, both observed");
    Ok(json!({ "connections": open, "states": rows }))
}

/// VmRSS of /proc/PID/status in KiB (proc_pid_status(5)).
fn resident_kib(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| format!("{path} has no VmRSS"))
}

/// The highest of what is resident until it has not grown for two seconds.
fn highest(pid: u32) -> Result<u64, String> {
    let mut highest = resident_kib(pid)?;
    let mut same = 0;
    while same < 40 {
        crate::lab::stop::check()?;
        std::thread::sleep(Duration::from_millis(50));
        let now = resident_kib(pid)?;
        same = if now <= highest { same + 1 } else { 0 };
        highest = highest.max(now);
    }
    Ok(highest)
}
