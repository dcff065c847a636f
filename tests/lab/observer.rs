//! The real observer, started, listened to and stopped as an operator would.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use super::program::{Ended, Program, command, run};
use super::wait;

/// A running `tierzero observe`. Everything that it says goes into files below `outputs`.
#[derive(Debug)]
pub(crate) struct Observer {
    program: Program,
    /// Lines, and when each was read.
    lines: Arc<Mutex<Vec<(SystemTime, Value)>>>,
    reader: Option<std::thread::JoinHandle<Result<(), String>>>,
    errors: PathBuf,
}

impl Observer {
    /// Starts it with these options too and waits until it says that it is attached; `record` keeps the event log too.
    pub(crate) fn start(
        binary: &Path,
        outputs: &Path,
        record: bool,
        options: &[&str],
    ) -> Result<Self, String> {
        let place = |name: &str| outputs.join(name).display().to_string();
        let (database, log) = (place("graph.db"), place("events.jsonl"));
        let mut arguments = vec!["observe", "--json", "--db", &database];
        if record {
            arguments.extend(["--record", &log]);
        }
        arguments.extend(options);
        let errors = outputs.join("observe.stderr");
        let stderr =
            std::fs::File::create(&errors).map_err(|error| format!("{}: {error}", errors.display()))?;
        let mut observe = command(None, None, &binary.display().to_string(), &arguments);
        observe.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut program = Program::spawn("tierzero observe", &mut observe, Signal::INT)?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reader = program.stdout().map(|stream| {
            let (lines, copy) = (Arc::clone(&lines), outputs.join("observe.jsonl"));
            std::thread::spawn(move || keep(stream, &copy, &lines))
        });
        let mut observer = Self { program, lines, reader, errors };
        wait::until("`tierzero observe` to say that it is attached", wait::LIMIT, || {
            if let Some(status) = observer.program.ended()? {
                return Err(format!("`tierzero observe` ended with {status}: {}", observer.says().trim()));
            }
            observer.attached()
        })?;
        Ok(observer)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.timed_lines().into_iter().map(|(_, line)| line).collect()
    }

    /// The lines so far, and when each was read.
    pub(crate) fn timed_lines(&self) -> Vec<(SystemTime, Value)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it with SIGINT, as Ctrl-C would, and gives every line that it wrote.
    pub(crate) fn stop(mut self) -> Result<Vec<Value>, String> {
        let status = self.program.end(Duration::from_secs(60))?;
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "the reader of `observe --json` panicked".to_owned())??;
        }
        if !status.success() {
            return Err(format!("`tierzero observe` ended with {status}: {}", self.says().trim()));
        }
        Ok(self.lines())
    }

    fn says(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// The observer announces itself on stderr once its programs are attached and the snapshot is taken. Polling
    /// instead would be another observer than the one to test.
    fn attached(&self) -> Result<bool, String> {
        let says = self.says();
        let line = says.lines().find(|line| line.starts_with("observing "));
        match line {
            Some(line) if line.contains(" with eBPF ") => Ok(true),
            Some(line) => Err(format!("the observer runs without eBPF: {line}; {says}")),
            None => Ok(false),
        }
    }
}

/// Copies the lines into a file and keeps them parsed. A line that is no JSON object is an error.
fn keep(
    stream: impl std::io::Read,
    copy: &Path,
    lines: &Mutex<Vec<(SystemTime, Value)>>,
) -> Result<(), String> {
    let mut file = std::fs::File::create(copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| format!("`observe --json`: {error}"))?;
        let at = SystemTime::now();
        writeln!(file, "{line}").map_err(|error| format!("{}: {error}", copy.display()))?;
        let value: Value = serde_json::from_str(&line)
            .map_err(|error| format!("`observe --json` wrote no JSON: {error}"))?;
        lines.lock().unwrap_or_else(PoisonError::into_inner).push((at, value));
    }
    Ok(())
}

/// Everything else that the tool can say about one database, each answer a file in `outputs`; returns the names of
/// commands that this build does not have.
pub(crate) fn ask_everything(binary: &Path, outputs: &Path) -> Result<Vec<String>, String> {
    let database = outputs.join("graph.db").display().to_string();
    let graph = tell(binary, &["export", "--format", "json", "--db", &database], outputs, "graph.json")?
        .well("tierzero export --format json")?;
    let graph: Value =
        serde_json::from_str(&graph.stdout).map_err(|error| format!("the exported graph: {error}"))?;
    // What a scenario tells the observer, it tells the other commands too.
    let configuration = outputs.with_file_name("tierzero.toml");
    let named = configuration.display().to_string();
    let mut absent = Vec::new();
    let mut ask = |words: &[&str], file: &str, must: bool| -> Result<(), String> {
        let mut words = words.to_vec();
        words.extend(["--db", &database]);
        if configuration.exists() {
            words.extend(["--config", &named]);
        }
        let ended = tell(binary, &words, outputs, file)?;
        // Exit code 2 is usage: a command of a later capability.
        if ended.status.code() == Some(2) && !must {
            absent.push(
                words.iter().take_while(|word| **word != "--db").copied().collect::<Vec<_>>().join(" "),
            );
            return Ok(());
        }
        ended.well(&format!("tierzero {}", words.join(" "))).map(|_| ())
    };
    for format in ["csv", "dot", "graphml"] {
        ask(&["export", "--format", format], &format!("graph.{format}"), true)?;
        ask(&["export", "--format", format, "--redact"], &format!("redacted.{format}"), false)?;
    }
    ask(&["export", "--format", "json", "--redact"], "redacted.json", false)?;
    for table in ["edges", "listeners", "workloads"] {
        ask(&[table], &format!("{table}.txt"), true)?;
        ask(&[table, "--json"], &format!("{table}.json"), true)?;
    }
    for agent in graph.get("agents").and_then(Value::as_array).into_iter().flatten() {
        if let Some(name) = agent.get("name").and_then(Value::as_str) {
            ask(&["events", "--json", "--identity", name], &events_of(name), true)?;
        }
    }
    for later in ["agents", "principals", "findings", "paths", "doctor"] {
        ask(&[later], &format!("{later}.txt"), false)?;
    }
    for format in ["md", "html", "json"] {
        ask(&["report", "--format", format], &format!("report.{format}"), false)?;
    }
    for kind in ["edges", "listeners"] {
        for id in graph.get(kind).and_then(Value::as_array).into_iter().flatten() {
            if let Some(id) = id.get("id").and_then(Value::as_str) {
                ask(&["explain", id], &format!("explain-{id}.txt"), true)?;
            }
        }
    }
    Ok(absent)
}

/// The write-down about the lab alone: other programs of the host have edges of their own, which nobody can know
/// before. `log` is the part of the recording that concerns the lab.
pub(crate) fn report_of_lab(binary: &Path, outputs: &Path, log: &[u8]) -> Result<(), String> {
    let place = |name: &str| outputs.join(name).display().to_string();
    let (events, database) = (place("lab.jsonl"), place("lab.db"));
    std::fs::write(&events, log).map_err(|error| format!("{events}: {error}"))?;
    let configuration = outputs.with_file_name("tierzero.toml").display().to_string();
    let words = ["replay", &events, "--json", "--db", &database, "--config", &configuration];
    tell(binary, &words, outputs, "replay-lab.jsonl")?.well("tierzero replay of the lab alone")?;
    let words = ["report", "--format", "json", "--db", &database, "--config", &configuration];
    tell(binary, &words, outputs, "report-lab.json")?.well("tierzero report of the lab alone").map(|_| ())
}

/// The file that holds the log of one identity.
pub(crate) fn events_of(name: &str) -> String {
    let name: String = name.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
    format!("events-{name}.jsonl")
}

/// Replays the recorded log, twice; both must say the same bytes (requirements N7).
pub(crate) fn replay_twice(binary: &Path, outputs: &Path) -> Result<bool, String> {
    let log = outputs.join("events.jsonl").display().to_string();
    let words = ["replay", &log, "--json", "--db", ":memory:"];
    let first = tell(binary, &words, outputs, "replay.jsonl")?.well("tierzero replay")?;
    let second = tell(binary, &words, outputs, "replay-again.jsonl")?.well("tierzero replay")?;
    Ok(first.stdout == second.stdout)
}

fn tell(binary: &Path, words: &[&str], outputs: &Path, file: &str) -> Result<Ended, String> {
    let mut command = Command::new(binary);
    command.args(words).env("TERM", "dumb");
    let ended = run(command, "")?;
    for (suffix, text) in [("", &ended.stdout), (".stderr", &ended.stderr)] {
        let path = outputs.join(format!("{file}{suffix}"));
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ended)
}
