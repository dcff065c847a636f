//! Running real programs inside a namespace, under a user, and ending exactly those.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::wait;

/// A command that runs `program` in a network namespace (by the file that holds it open) as a user.
///
/// nsenter(1) and setpriv(1) replace themselves by the next program, so the process that calls and listens is the
/// real one. The environment is empty but for what is set here; the kernel ends the program when the lab dies.
pub(crate) fn command(
    netns: Option<&Path>,
    user: Option<&str>,
    program: &str,
    arguments: &[&str],
) -> Command {
    let mut words = Vec::new();
    if let Some(netns) = netns {
        words.push("nsenter".to_owned());
        words.push(format!("--net={}", netns.display()));
        words.push("--".to_owned());
    }
    words.extend(["setpriv", "--pdeathsig", "KILL"].map(str::to_owned));
    if let Some(user) = user {
        words.push(format!("--reuid={user}"));
        words.push(format!("--regid={}", group_of(user)));
        words.push("--clear-groups".to_owned());
    }
    words.push("--".to_owned());
    words.push(program.to_owned());
    words.extend(arguments.iter().map(|word| (*word).to_owned()));
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").env("HOME", "/nonexistent");
    command
}

/// The group of a user of the lab: Debian calls that of `nobody` otherwise.
pub(crate) fn group_of(user: &str) -> &str {
    if user == "nobody" { "nogroup" } else { user }
}

/// How a program that ran to its end ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit status.
    pub(crate) status: ExitStatus,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ended {
    /// Itself, if it ended with 0.
    pub(crate) fn well(self, what: &str) -> Result<Self, String> {
        if self.status.success() {
            Ok(self)
        } else {
            Err(format!("{what} ended with {}: {}", self.status, self.stderr.trim()))
        }
    }

    /// Itself, if it failed: for attempts that must be refused.
    pub(crate) fn badly(self, what: &str) -> Result<Self, String> {
        if self.status.success() {
            Err(format!("{what} should have been refused and was not: {}", self.stdout.trim()))
        } else {
            Ok(self)
        }
    }
}

/// Runs a command to its end with something on its standard input.
pub(crate) fn run(mut command: Command, input: &str) -> Result<Ended, String> {
    let mut program = Program::spawn(
        "command",
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        Signal::TERM,
    )?;
    let child = &mut program.child;
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading is no error of this run.
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = wait::value("a command", wait::LIMIT, || program.ended())?;
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    Ok(Ended { status, stdout: text(stdout), stderr: text(stderr) })
}

fn reader(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A program that runs until it is dropped. It leads a process group of its own: the terminal's SIGINT reaches the
/// lab only, and its children end with it.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    stop: Signal,
    ended: Option<ExitStatus>,
}

impl Program {
    /// Starts it; `stop` is the signal that asks it to end.
    pub(crate) fn spawn(name: &str, command: &mut Command, stop: Signal) -> Result<Self, String> {
        use std::os::unix::process::CommandExt;
        let child = command
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{name} ({:?}) could not be started: {error}", command.get_program()))?;
        Ok(Self { name: name.to_owned(), child, stop, ended: None })
    }

    /// Starts a daemon: no input, both outputs into `log`.
    pub(crate) fn daemon(name: &str, mut command: Command, log: &Path, stop: Signal) -> Result<Self, String> {
        let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let copy = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        Self::spawn(name, command.stdin(Stdio::null()).stdout(file).stderr(copy), stop)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Takes its standard input.
    pub(crate) fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes its standard output.
    pub(crate) fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().map_err(|error| format!("{}: {error}", self.name))?;
        }
        Ok(self.ended)
    }

    /// Asks it to end and waits for that.
    pub(crate) fn end(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        self.signal(self.stop);
        let name = self.name.clone();
        wait::value(&format!("the end of {name}"), limit, || self.ended())
    }

    /// Sends it a signal, if it has not ended.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.ended.is_none()
            && let Some(pid) = pid(self.child.id())
        {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(self.stop);
        let begin = std::time::Instant::now();
        while self.ended.is_none() && begin.elapsed() < Duration::from_secs(5) {
            self.ended = self.child.try_wait().ok().flatten();
            std::thread::sleep(Duration::from_millis(5));
        }
        // The group holds what the program left behind; it is ours as long as the leader was our child.
        if let Some(pid) = pid(self.child.id()) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

/// States of TCP sockets as /proc/PID/net/tcp numbers them (include/net/tcp_states.h).
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// Ports on which anything in the namespace of process `pid` listens, read from a file: asking by a connection would
/// itself be an edge.
pub(crate) fn listening(pid: u32) -> Vec<u16> {
    sockets(pid).into_iter().filter(|(_, state)| state == LISTEN).map(|(port, _)| port).collect()
}

/// How many TCP sockets in the namespace of process `pid` are connected at local port `port`.
pub(crate) fn connected(pid: u32, port: u16) -> usize {
    sockets(pid).into_iter().filter(|(local, state)| state == ESTABLISHED && *local == port).count()
}

/// Local port and state of each TCP socket; none when the process is gone.
fn sockets(pid: u32) -> Vec<(u16, String)> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let mut words = line.split_whitespace().skip(1);
            let port = words.next().and_then(|local| local.rsplit(':').next());
            let state = words.nth(1);
            if let (Some(port), Some(state)) = (port.and_then(|hex| u16::from_str_radix(hex, 16).ok()), state)
            {
                found.push((port, state.to_owned()));
            }
        }
    }
    found
}

/// True when a socket listens at `path`, as /proc/PID/net/unix shows it: flags with `__SO_ACCEPTCON`
/// (include/linux/net.h, 1 << 16).
pub(crate) fn listening_at(pid: u32, path: &Path) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap_or_default();
    let wanted = path.to_string_lossy();
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(7) == Some(&&*wanted)
            && words.get(3).and_then(|hex| u32::from_str_radix(hex, 16).ok()) == Some(0x10000)
    })
}
