//! User CPU of the observer process, for each event and each connection.

use serde_json::{Value, json};

use super::figures::{each, number};
use super::ground::Ground;
use super::{Settings, need_root};

const CALLS: u32 = 20_000;

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    need_root()?;
    let ground = Ground::prepare("cpu", 1)?;
    let observer = ground.observe(&settings.tierzero, true)?;
    let before = cpu_ms(observer.pid())?;
    let nanoseconds = ground.call(0, CALLS)?;
    let pid = observer.pid();
    let last = settled(pid)?;
    let lines = observer.stop()?;
    let events = ground.recorded()?;
    let (user, system) = (last.0 - before.0, last.1 - before.1);
    let wall_ms = nanoseconds / 1_000_000;
    let calls = u64::from(CALLS);
    let per = |part: f64, whole: u64| part * 1000.0 / number(whole.max(1));
    println!(
        "  {CALLS} short connections in {wall_ms} ms of the client's time; {events} events, recorded too"
    );
    println!(
        "  {:<10} {:>12} {:>18} {:>14} {:>20}",
        "", "ms", "us/connection", "us/event", "share of client time"
    );
    let mut rows = serde_json::Map::new();
    for (name, ms) in [("user", user), ("system", system)] {
        println!(
            "  {name:<10} {ms:>12.0} {:>18.2} {:>14.2} {:>19.1}%",
            per(ms, calls),
            per(ms, events),
            ms * 100.0 / number(wall_ms.max(1))
        );
        rows.insert(
            name.to_owned(),
            json!({ "ms": ms, "us_per_connection": per(ms, calls), "us_per_event": per(ms, events) }),
        );
    }
    println!(
        "  {:.1} events and {:.1} JSON lines a connection; CPU time is counted in steps of 10 ms",
        each(events, calls),
        each(u64::try_from(lines.len()).unwrap_or(0), calls)
    );
    Ok(json!({ "connections": CALLS, "events": events, "client_ms": wall_ms, "cpu": rows }))
}

/// User and system time of a process so far in milliseconds: fields 14 and 15 of /proc/PID/stat, in clock ticks of
/// 10 ms (proc_pid_stat(5); USER_HZ is 100 on every Linux that this runs on).
fn cpu_ms(pid: u32) -> Result<(f64, f64), String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The program's name may hold anything, so counting starts behind its last bracket, at field 3.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| {
        rest.split_whitespace().nth(number - 3).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok((number(field(14)) * 10.0, number(field(15)) * 10.0))
}

/// The figures once the observer has caught up: unchanged for ten looks in a row.
fn settled(pid: u32) -> Result<(f64, f64), String> {
    let mut last = cpu_ms(pid)?;
    let mut same = 0;
    while same < 10 {
        crate::lab::stop::check()?;
        std::thread::sleep(std::time::Duration::from_millis(50));
        let now = cpu_ms(pid)?;
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}
