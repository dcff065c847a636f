//! Where measurements run: loopback of a namespace of their own, one server on many ports, clients that time
//! themselves.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::load_program;
use crate::lab::network::Network;
use crate::lab::observer::Observer;
use crate::lab::program::{Program, command, listening};
use crate::lab::wait;

/// First port of the server.
const FIRST: u16 = 7000;
/// The role whose loopback is used.
const ROLE: &str = "app";

/// A server that runs, and a directory for whatever the observer writes.
pub(crate) struct Ground {
    // Dropped in this order: first the server, then the namespace that it runs in.
    server: Program,
    netns: PathBuf,
    load: String,
    directory: PathBuf,
    ports: u16,
    _network: Network,
}

impl Ground {
    /// Builds it, with a server on `ports` ports.
    pub(crate) fn prepare(name: &str, ports: u16) -> Result<Self, String> {
        let run = format!("{}-{name}", std::process::id());
        let network = Network::build(&run)?;
        let netns = network.path(ROLE);
        let directory = std::env::temp_dir().join(format!("tz-bench-{run}"));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let load = load_program()?.display().to_string();
        let addresses: Vec<String> = (0..ports).map(|n| format!("127.0.0.1:{}", FIRST + n)).collect();
        let mut words = vec!["serve"];
        words.extend(addresses.iter().map(String::as_str));
        let serve = command(Some(&netns), None, &load, &words);
        let server = Program::daemon("the server", serve, &directory.join("server.log"), Signal::TERM)?;
        wait::until("the server to listen", wait::LIMIT, || {
            Ok(listening(server.pid()).len() >= usize::from(ports))
        })?;
        Ok(Self { server, netns, load, directory, ports, _network: network })
    }

    /// The observer, attached; `record` keeps the event log too.
    pub(crate) fn observe(&self, tierzero: &Path, record: bool) -> Result<Observer, String> {
        // Each observer begins with an empty graph.
        for name in ["graph.db", "graph.db-wal", "graph.db-shm", "events.jsonl"] {
            let _ = std::fs::remove_file(self.directory.join(name));
        }
        Observer::start(tierzero, &self.directory, record, &[])
    }

    /// How many events the observer has recorded: the log's lines but its header.
    pub(crate) fn recorded(&self) -> Result<u64, String> {
        let path = self.directory.join("events.jsonl");
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        u64::try_from(lines.saturating_sub(1)).map_err(|error| error.to_string())
    }

    /// Connects, asks, reads, closes `calls` times on one port; nanoseconds by the client's own clock.
    pub(crate) fn call(&self, port: u16, calls: u32) -> Result<u64, String> {
        let ended = crate::lab::program::run(
            command(
                Some(&self.netns),
                None,
                &self.load,
                &["call", &format!("127.0.0.1:{}", FIRST + port), &calls.to_string()],
            ),
            "",
        )?
        .well("the client")?;
        nanoseconds(&ended.stdout)
    }

    /// A few calls on each port: every port is an edge that nobody has judged yet. Nanoseconds over all.
    pub(crate) fn call_each(&self, calls: u32) -> Result<u64, String> {
        (0..self.ports).map(|port| self.call(port, calls)).sum()
    }

    /// Opens connections and keeps them until it is dropped.
    pub(crate) fn hold(&self, count: u32) -> Result<Program, String> {
        let output = self.directory.join("hold.log");
        let file =
            std::fs::File::create(&output).map_err(|error| format!("{}: {error}", output.display()))?;
        let address = format!("127.0.0.1:{FIRST}");
        let mut hold = command(Some(&self.netns), None, &self.load, &["hold", &address, &count.to_string()]);
        hold.stdin(Stdio::piped()).stdout(file).stderr(Stdio::inherit());
        let mut program = Program::spawn("the holding client", &mut hold, Signal::TERM)?;
        wait::until("the connections to be open", Duration::from_secs(120), || {
            if let Some(status) = program.ended()? {
                return Err(format!("the holding client ended with {status}"));
            }
            Ok(std::fs::read_to_string(&output).is_ok_and(|text| text.ends_with('\n')))
        })?;
        Ok(program)
    }

    /// How many connections are open at the server.
    pub(crate) fn open(&self) -> usize {
        crate::lab::program::connected(self.server.pid(), FIRST)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn nanoseconds(report: &str) -> Result<u64, String> {
    let report: Value = serde_json::from_str(report).map_err(|error| format!("the client said: {error}"))?;
    report.get("nanoseconds").and_then(Value::as_u64).ok_or_else(|| "the client said no time".to_owned())
}
