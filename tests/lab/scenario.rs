//! What a scenario works with: the network, a directory, the observer, its secrets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::graph::Graph;
use super::marker::Marker;
use super::memory;
use super::network::Network;
use super::observer::Observer;
use super::program::{self, Ended, Program};
use super::wait;
use rustix::process::Signal;

/// One scenario: what happens, the truth about it, and what can't be said in the truth's words.
pub(crate) struct Scenario {
    /// Name.
    pub(crate) name: &'static str,
    /// Its `truth.json`.
    pub(crate) truth: &'static str,
    /// Programs that it runs, from [`super::programs`].
    pub(crate) needs: &'static [Need],
    /// What happens. It starts and stops the observer itself and asserts its oracles.
    pub(crate) steps: fn(&mut Lab) -> Result<(), String>,
    /// Judges what only this scenario has; a sentence for each thing that is wrong.
    pub(crate) also: Option<Also>,
}

impl Scenario {
    /// True for its name, and for the part of it before a hyphen: `d06` is every run of d06.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.split_once('-').is_some_and(|(start, _)| start == name)
    }
}

/// A program and the Debian package that has it.
pub(crate) type Need = (&'static str, &'static str);

/// Takes what the lab's own clients counted, the graph, and the lines of `observe --json`.
pub(crate) type Also = fn(&[Value], &Graph, &[Value]) -> Vec<String>;

/// One run of one scenario.
pub(crate) struct Lab {
    network: Network,
    directory: PathBuf,
    tierzero: Option<PathBuf>,
    observer: Option<Observer>,
    lines: Vec<Value>,
    /// Markers that the observer's memory still held at its end.
    held: Vec<String>,
    markers: Vec<Marker>,
    counts: Vec<Value>,
    /// How long a scenario in which nothing happens lasts.
    pub(crate) idle: Duration,
}

impl Lab {
    /// An empty lab in an empty directory; without the tool only the steps and their oracles run.
    pub(crate) fn new(
        network: Network,
        directory: PathBuf,
        tierzero: Option<PathBuf>,
    ) -> Result<Self, String> {
        let lab = Self {
            network,
            directory,
            tierzero,
            observer: None,
            lines: Vec::new(),
            held: Vec::new(),
            markers: Vec::new(),
            counts: Vec::new(),
            idle: Duration::ZERO,
        };
        make_directory(&lab.outputs(), 0o700)?;
        // Other users' programs must be able to reach their own files in it.
        permit(&lab.directory, 0o755)?;
        Ok(lab)
    }

    /// Where the programs of the scenario keep their files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where everything that the tool says is kept.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.directory.join("outputs")
    }

    /// The network.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Markers that the observer's memory still held when all that was observed was over.
    pub(crate) fn held(&self) -> &[String] {
        &self.held
    }

    /// The secrets so far.
    pub(crate) fn markers(&self) -> &[Marker] {
        &self.markers
    }

    /// What the lab's own clients counted.
    pub(crate) fn counts(&self) -> &[Value] {
        &self.counts
    }

    /// Keeps a count that a client made itself.
    pub(crate) fn counted(&mut self, count: Value) {
        self.counts.push(count);
    }

    /// A new secret.
    pub(crate) fn secret(&mut self, name: &str) -> Result<String, String> {
        let marker = Marker::new(name)?;
        let secret = marker.secret().to_owned();
        self.markers.push(marker);
        Ok(secret)
    }

    /// Starts the observer in the host's namespace and waits until it is attached.
    pub(crate) fn observe(&mut self) -> Result<(), String> {
        self.observe_with(&[])
    }

    /// The same, with options.
    pub(crate) fn observe_with(&mut self, options: &[&str]) -> Result<(), String> {
        if let Some(tierzero) = &self.tierzero {
            self.observer = Some(Observer::start(tierzero, &self.outputs(), true, options)?);
        }
        Ok(())
    }

    /// Stops the observer: what happens afterwards is for oracles only.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        if let Some(observer) = self.observer.take() {
            self.held = memory::leaks(observer.pid(), &self.markers)?;
            self.lines = observer.stop()?;
        }
        Ok(())
    }

    /// Runs another command of the tool on the database that the observer is writing.
    pub(crate) fn ask_beside(&self, verb: &str) -> Result<(), String> {
        let Some(tierzero) = &self.tierzero else { return Ok(()) };
        let database = self.outputs().join("graph.db").display().to_string();
        let words = [verb, "--db", &database];
        program::run(program::command(None, None, &tierzero.display().to_string(), &words), "")?
            .well(&format!("tierzero {verb} beside the observer"))?;
        Ok(())
    }

    /// What another command of the tool says of the database, and with the configuration that the scenario wrote; `None`
    /// without the tool.
    pub(crate) fn tell(&self, words: &[&str]) -> Result<Option<String>, String> {
        let Some(tierzero) = &self.tierzero else { return Ok(None) };
        let database = self.outputs().join("graph.db").display().to_string();
        let configuration = self.directory.join("tierzero.toml");
        let named = configuration.display().to_string();
        let mut all = [words, &["--db", &database]].concat();
        if configuration.exists() {
            all.extend(["--config", &named]);
        }
        let command = program::command(None, None, &tierzero.display().to_string(), &all);
        let ended = program::run(command, "")?.well(&format!("tierzero {}", words.join(" ")))?;
        Ok(Some(ended.stdout))
    }

    /// Ends the observer, if there is one, and keeps what it recorded under another name, so that another run can go
    /// on with the same database.
    pub(crate) fn end_run(&mut self, name: &str) -> Result<(), String> {
        self.end()?;
        for file in ["events.jsonl", "observe.jsonl"].iter().filter(|_| self.tierzero.is_some()) {
            let (from, to) = (self.outputs().join(file), self.outputs().join(format!("{name}-{file}")));
            std::fs::rename(&from, &to).map_err(|error| format!("{}: {error}", from.display()))?;
        }
        Ok(())
    }

    /// Waits until the observer has said something.
    pub(crate) fn until_said(&self, what: &str, said: impl Fn(&Value) -> bool) -> Result<(), String> {
        match &self.observer {
            Some(observer) => wait::until(what, wait::LIMIT, || Ok(observer.lines().iter().any(&said))),
            None => Ok(()),
        }
    }

    /// Asks for the graph while the observer runs, until it shows something; `None` without an observer.
    pub(crate) fn until_graph<T>(
        &self,
        what: &str,
        shows: impl Fn(&Graph) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let (Some(tierzero), Some(_)) = (&self.tierzero, &self.observer) else { return Ok(None) };
        let database = self.outputs().join("graph.db").display().to_string();
        let words = ["export", "--format", "json", "--db", &database];
        wait::value(what, wait::LIMIT, || {
            // Each question is a process; the observer writes several times a second.
            std::thread::sleep(Duration::from_millis(300));
            let command = program::command(None, None, &tierzero.display().to_string(), &words);
            let ended = program::run(command, "")?.well("tierzero export beside the observer")?;
            let graph: Graph = serde_json::from_str(&ended.stdout)
                .map_err(|error| format!("the graph beside the observer: {error}"))?;
            Ok(shows(&graph))
        })
        .map(Some)
    }

    /// What the observer said from start to end.
    pub(crate) fn lines(&self) -> &[Value] {
        &self.lines
    }

    /// Runs a program to its end in a role's namespace.
    pub(crate) fn run(
        &self,
        role: &str,
        user: Option<&str>,
        words: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Result<Ended, String> {
        let mut command = self.command(role, user, words);
        command.envs(environment.iter().copied());
        program::run(command, input)
    }

    /// A command in a role's namespace.
    pub(crate) fn command(&self, role: &str, user: Option<&str>, words: &[&str]) -> std::process::Command {
        let (first, rest) = words.split_first().unwrap_or((&"false", &[]));
        program::command(Some(&self.network.path(role)), user, first, rest)
    }

    /// Starts a daemon in a role's namespace; its output goes to `NAME.log` in the scenario's directory.
    pub(crate) fn daemon(
        &self,
        name: &str,
        role: &str,
        user: Option<&str>,
        words: &[&str],
        stop: Signal,
    ) -> Result<Program, String> {
        Program::daemon(name, self.command(role, user, words), &self.log(name), stop)
    }

    /// The log of a daemon.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    /// What a daemon has logged so far.
    pub(crate) fn logged(&self, name: &str) -> Result<String, String> {
        let path = self.log(name);
        std::fs::read(&path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Writes a file of the scenario.
    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) -> Result<String, String> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        permit(&path, mode)?;
        Ok(path.display().to_string())
    }
}

/// Makes a directory with a mode.
pub(crate) fn make_directory(path: &Path, mode: u32) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    permit(path, mode)
}

fn permit(path: &Path, mode: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// An oracle: what must be so without asking the tool.
pub(crate) fn oracle(says: &str, holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("the oracle of the scenario does not hold: {says}")) }
}
