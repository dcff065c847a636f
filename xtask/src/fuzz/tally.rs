//! How long each target has been fuzzed in all: `tests/fuzz/tally.tsv`, so that work of an hour here and an hour there
//! adds up, and a claim about it can be read.
//!
//! Counted is processor time, not the clock's: a fuzzer that waits for a busy machine tries nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process;

/// Targets that many hosts would meet: these are owed [`MANY_MIN`], the others [`FEW_MIN`].
const WIDESPREAD: &[&str] = &[
    "amqp",
    "cassandra",
    "cldap",
    "conversation",
    "datagrams",
    "dns",
    "dns_datagrams",
    "drda",
    "ftp",
    "http",
    "http2",
    "imap",
    "kafka",
    "kerberos",
    "ldap",
    "memcached",
    "mongodb",
    "mqtt",
    "mysql",
    "nats",
    "ntp",
    "onc_rpc",
    "oracle",
    "pop3",
    "postgresql",
    "proxy_protocol",
    "public_datagrams",
    "quic",
    "reassembly",
    "redis",
    "rlogin",
    "rsh",
    "rsync",
    "smb",
    "smtp",
    "snmp",
    "ssh",
    "tds",
    "telnet",
    "tls",
    "vnc",
    "wire",
];
const MANY_MIN: u32 = 15;
const FEW_MIN: u32 = 5;
/// Processor time that a target gets in one turn: short, so that all advance alike and little is lost by a stop.
const TURN_S: f64 = 60.0;
/// Linux counts a process' time in hundredths of a second for programs (`USER_HZ`, proc_pid_stat(5)).
const TICKS_IN_A_SECOND: f64 = 100.0;
const HEADER: &str = "# target\towed_min\tprocessor_s\tinputs\n";

/// One target's line.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    target: String,
    processor_s: f64,
    inputs: u64,
}

impl Line {
    fn owed_min(&self) -> u32 {
        if WIDESPREAD.contains(&self.target.as_str()) { MANY_MIN } else { FEW_MIN }
    }

    /// Which part of what it is owed it has had.
    fn part(&self) -> f64 {
        self.processor_s / (f64::from(self.owed_min()) * 60.0)
    }
}

/// What several turns at once share.
struct Tally {
    file: PathBuf,
    lines: Vec<Line>,
    /// Targets that have their turn now.
    running: Vec<String>,
    failures: Vec<String>,
}

/// Gives turns to the targets, the one that has had the least of what it is owed first, until none is owed any more,
/// `limit` is over, or a target fails.
pub(super) fn pay(home: &Path, known: &[String], limit: Duration) -> Result<(), String> {
    let file = home.join("tally.tsv");
    let read = match std::fs::read_to_string(&file) {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    let lines = known
        .iter()
        .map(|name| {
            read.iter().find(|line| line.target == *name).cloned().unwrap_or_else(|| Line {
                target: name.clone(),
                processor_s: 0.0,
                inputs: 0,
            })
        })
        .collect();
    let tally = Mutex::new(Tally { file, lines, running: Vec::new(), failures: Vec::new() });
    let end = Instant::now() + limit;
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while Instant::now() < end {
                    let Some((target, seconds)) = next(&tally) else { break };
                    let ended = turn(home, &target, seconds, end);
                    note(&tally, &target, ended);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let had: f64 = tally.lines.iter().map(|line| line.processor_s).sum();
    let open = tally.lines.iter().filter(|line| line.part() < 1.0).count();
    println!(
        "{:.0} minutes of processor in all; {open} of {} targets are owed more",
        had / 60.0,
        known.len()
    );
    if tally.failures.is_empty() { Ok(()) } else { Err(tally.failures.join("; ")) }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose turn it is, and for how many seconds of processor time.
fn next(tally: &Mutex<Tally>) -> Option<(String, f64)> {
    let mut tally = lock(tally);
    if !tally.failures.is_empty() {
        return None;
    }
    let line = tally
        .lines
        .iter()
        .filter(|line| line.part() < 1.0 && !tally.running.contains(&line.target))
        .min_by(|a, b| a.part().total_cmp(&b.part()))?
        .clone();
    tally.running.push(line.target.clone());
    let left = f64::from(line.owed_min()) * 60.0 - line.processor_s;
    Some((line.target, left.min(TURN_S)))
}

/// Writes down what a turn came to.
fn note(tally: &Mutex<Tally>, target: &str, ended: Result<(f64, u64), String>) {
    let mut tally = lock(tally);
    tally.running.retain(|one| one != target);
    match ended {
        Ok((seconds, inputs)) => {
            println!("fuzz {target}: {seconds:.0} s of processor, {inputs} inputs");
            for line in tally.lines.iter_mut().filter(|line| line.target == target) {
                line.processor_s += seconds;
                line.inputs = line.inputs.saturating_add(inputs);
            }
        }
        Err(says) => tally.failures.push(says),
    }
    if let Err(error) = std::fs::write(&tally.file, text(&tally.lines)) {
        let says = format!("{}: {error}", tally.file.display());
        tally.failures.push(says);
    }
}

/// Lets one target run until it has used `seconds` of processor time or `end` has come: what it used, and its inputs.
fn turn(home: &Path, target: &str, seconds: f64, end: Instant) -> Result<(f64, u64), String> {
    let (program, corpus, artifacts) = super::places(home, target)?;
    super::kept::unpack(home, target, &corpus)?;
    let says = artifacts.join("last.log");
    let log = std::fs::File::create(&says).map_err(|error| format!("{}: {error}", says.display()))?;
    let mut child = Command::new(&program)
        .current_dir(home)
        .arg(&corpus)
        .args(super::LIMITS)
        .args(["-verbosity=0", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let mut used = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("{target}: {error}"))? {
            break status;
        }
        used = processor_s(&child).unwrap_or(used);
        if used >= seconds || Instant::now() >= end {
            // libFuzzer then says what it did, and ends with 72.
            process::output(Command::new("kill").args(["-INT", &child.id().to_string()]))?;
            break child.wait().map_err(|error| format!("{target}: {error}"))?;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let log = std::fs::read(&says)
        .map_err(|error| format!("{}: {error}", says.display()))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())?;
    if status.code() != Some(72) {
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        return Err(format!(
            "fuzz {target} ended with {status}: {}; the input is in {}: run it again with --input",
            last.into_iter().rev().collect::<Vec<_>>().join(" | "),
            artifacts.display()
        ));
    }
    Ok((used, inputs(&log)))
}

/// Processor time that a running process has used (fields 14 and 15 of /proc/PID/stat).
fn processor_s(child: &Child) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    // The name, in parentheses, may hold blanks.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
    Some(f64::from(ticks) / TICKS_IN_A_SECOND)
}

/// How many inputs libFuzzer says that it tried.
fn inputs(log: &str) -> u64 {
    log.lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .filter_map(|number| number.trim().parse().ok())
        .next_back()
        .unwrap_or_default()
}

fn text(lines: &[Line]) -> String {
    let mut text = HEADER.to_owned();
    for line in lines {
        let _ =
            writeln!(text, "{}\t{}\t{:.0}\t{}", line.target, line.owed_min(), line.processor_s, line.inputs);
    }
    text
}

fn parse(text: &str) -> Result<Vec<Line>, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split('\t');
            let target = fields.next().unwrap_or_default().to_owned();
            let processor_s = fields.nth(1).and_then(|field| field.parse().ok());
            let inputs = fields.next().and_then(|field| field.parse().ok());
            match (processor_s, inputs) {
                (Some(processor_s), Some(inputs)) => Ok(Line { target, processor_s, inputs }),
                _ => Err(format!("tests/fuzz/tally.tsv: `{line}` is not a line of it")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_back_and_the_poorest_is_next() {
        let line =
            |target: &str, processor_s, inputs| Line { target: target.to_owned(), processor_s, inputs };
        let lines = vec![line("afp", 150.0, 9), line("tls", 300.0, 7)];
        assert_eq!(text(&lines), format!("{HEADER}afp\t5\t150\t9\ntls\t15\t300\t7\n"));
        assert_eq!(parse(&text(&lines)).unwrap(), lines);
        parse("afp\t5\tmuch\t9\n").unwrap_err();
        let tally =
            Mutex::new(Tally { file: PathBuf::new(), lines, running: Vec::new(), failures: Vec::new() });
        assert_eq!(next(&tally), Some(("tls".to_owned(), TURN_S)));
        assert_eq!(next(&tally), Some(("afp".to_owned(), TURN_S)));
        assert_eq!(next(&tally), None);
    }

    #[test]
    fn what_the_fuzzer_says_of_itself_is_read() {
        assert_eq!(inputs("a\nstat::number_of_executed_units: 1234\nstat::x: 2\n"), 1234);
        assert_eq!(inputs(""), 0);
    }
}
