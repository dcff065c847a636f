//! Slowdown: each figure is a ratio of two runs that follow each other, off and on.

use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::figures::{Spread, number};
use super::ground::Ground;
use super::{Settings, need_root};
use crate::lab::observer::Observer;
use crate::lab::program::{Program, command};
use crate::lab::wait;

/// Calls before a settled run, and in it.
const BEFORE: u32 = 1000;
const SETTLED: u32 = 4000;
/// Ports that nobody has called before, and calls to each: every call still teaches something.
const FRESH: u16 = 80;
const CALLS: u32 = 10;

/// What is switched on for the second half of a pair.
enum Tool {
    Nothing,
    Tierzero,
    Tcplife,
    Bpftrace,
}

const TOOLS: [(&str, Tool); 4] = [
    ("nothing (noise)", Tool::Nothing),
    ("tierzero observe", Tool::Tierzero),
    ("bcc tcplife", Tool::Tcplife),
    ("bpftrace count", Tool::Bpftrace),
];

/// What runs beside the load; ends when dropped.
enum Beside {
    Nothing,
    Observer(Observer),
    Other(Program),
}

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    need_root()?;
    let ground = Ground::prepare("slow", FRESH + 1)?;
    let mut rows = Vec::new();
    println!(
        "  short connections: connect, request, response, close on loopback; {} pairs A B A B,",
        settings.pairs
    );
    println!("  time with the tool over time without it: median (lowest to highest)");
    println!(
        "  settled: after {BEFORE} calls of the same edge; learning: {CALLS} calls to each of {FRESH} new edges"
    );
    println!("  {:<18} {:>26} {:>26} {:>14}", "tool", "settled", "learning", "bare us/call");
    for (name, tool) in &TOOLS {
        match pairs(&ground, settings, tool) {
            Ok(row) => {
                let show =
                    |spread: Option<Spread>| spread.map_or_else(String::new, |spread| spread.to_string());
                println!(
                    "  {name:<18} {:>26} {:>26} {:>14.1}",
                    show(row.settled),
                    show(row.learning),
                    row.bare_us
                );
                rows.push(json!({
                    "tool": name, "settled": row.settled, "learning": row.learning,
                    "bare_us_per_call": row.bare_us, "pairs": settings.pairs,
                }));
            }
            Err(says) if matches!(tool, Tool::Tierzero | Tool::Nothing) => return Err(says),
            Err(says) => {
                println!("  {name:<18} skipped: {says}");
                rows.push(json!({ "tool": name, "skipped": says }));
            }
        }
    }
    Ok(json!({ "unit": "ratio of wall time", "tools": rows }))
}

struct Row {
    settled: Option<Spread>,
    learning: Option<Spread>,
    /// Median without the tool: an absolute, so only beside the ratio.
    bare_us: f64,
}

fn pairs(ground: &Ground, settings: &Settings, tool: &Tool) -> Result<Row, String> {
    let (mut settled, mut learning, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..settings.pairs {
        let off = measured(ground)?;
        let beside = start(ground, settings, tool)?;
        let on = measured(ground)?;
        beside.end()?;
        settled.push(number(on.0) / number(off.0));
        learning.push(number(on.1) / number(off.1));
        bare.push(number(off.0) / f64::from(SETTLED) / 1000.0);
    }
    let bare_us = Spread::of(&bare).map_or(0.0, |spread| spread.median);
    Ok(Row { settled: Spread::of(&settled), learning: Spread::of(&learning), bare_us })
}

/// Nanoseconds settled and learning. The new edges come first: for an observer that has just started, all are new.
fn measured(ground: &Ground) -> Result<(u64, u64), String> {
    let learning = ground.call_each(CALLS)?;
    ground.call(0, BEFORE)?;
    Ok((ground.call(0, SETTLED)?, learning))
}

fn start(ground: &Ground, settings: &Settings, tool: &Tool) -> Result<Beside, String> {
    match tool {
        Tool::Nothing => Ok(Beside::Nothing),
        Tool::Tierzero => Ok(Beside::Observer(ground.observe(&settings.tierzero, false)?)),
        Tool::Tcplife => other("/usr/sbin/tcplife-bpfcc", &[], "LADDR", "package bpfcc-tools"),
        Tool::Bpftrace => {
            let program = "tracepoint:sock:inet_sock_set_state { @[args->newstate] = count(); }";
            other("/usr/bin/bpftrace", &["-e", program], "Attaching", "package bpftrace")
        }
    }
}

/// Starts another tool and waits until it says that it is attached.
fn other(program: &str, words: &[&str], ready: &str, package: &str) -> Result<Beside, String> {
    if !PathBuf::from(program).exists() {
        return Err(format!("{program} is not installed ({package})"));
    }
    // Both print to a pipe only when a buffer is full: script(1)'s terminal is what makes them speak at once.
    let log = std::env::temp_dir().join(format!("tz-bench-{}-other.log", std::process::id()));
    let line =
        std::iter::once(program).chain(words.iter().copied()).map(quoted).collect::<Vec<_>>().join(" ");
    let path = log.display().to_string();
    let mut command = command(None, None, "script", &["-q", "-f", "-c", &format!("exec {line}"), &path]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut program = Program::spawn(program, &mut command, Signal::TERM)?;
    let said = wait::until("the other tool to attach", wait::LIMIT, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if let Some(status) = program.ended()? {
            let last = text
                .lines()
                .rfind(|line| !line.starts_with("Script") && !line.trim().is_empty())
                .unwrap_or_default()
                .to_owned();
            return Err(format!("it ended with {status}: {last}"));
        }
        Ok(text.contains(ready))
    });
    let _ = std::fs::remove_file(&log);
    said.map(|()| Beside::Other(program))
}

fn quoted(word: &str) -> String {
    format!("'{word}'")
}

impl Beside {
    fn end(self) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Observer(observer) => observer.stop().map(|_| ()),
            Self::Other(program) => {
                drop(program);
                Ok(())
            }
        }
    }
}
