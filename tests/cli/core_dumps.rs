//! No core dump of the program is written, and the switch that allows one does.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::run::tierzero;

/// Starts a command in a shell that allows core dumps, waits until `ready` holds of its process, and ends it by SIGQUIT.
fn quit(home: &Path, command: &Command, ready: impl Fn(u32) -> bool) -> ExitStatus {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -S -c unlimited; exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(home).stdin(Stdio::null()).stderr(Stdio::null());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let mut child = shell.spawn().unwrap();
    let begin = Instant::now();
    while !ready(child.id()) && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(Command::new("/bin/kill").args(["-QUIT", &pid]).status().unwrap().success());
    child.wait().unwrap()
}

/// True once the process has the FIFO's name in its arguments and waits for somebody to write.
fn waits(pid: u32) -> bool {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    read("comm").starts_with("tierzero") && read("stat").contains(") S ")
}

#[test]
fn the_kernel_writes_no_core_dump_unless_it_is_let() {
    let home = tempfile::tempdir().unwrap();
    let mut sleeps = Command::new("/bin/sleep");
    sleeps.arg("60");
    let asleep =
        |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.starts_with("sleep"));
    if !quit(home.path(), &sleeps, asleep).core_dumped() {
        // As where core_pattern is empty or the hard limit is 0: nothing can be shown here.
        println!("skipped: this system writes no core dumps at all");
        return;
    }
    // A log that nobody writes: the program waits when it opens it.
    let pipe = home.path().join("log");
    assert!(Command::new("/usr/bin/mkfifo").arg(&pipe).status().unwrap().success());
    let mut replay = tierzero(home.path(), &["replay", "log"]);
    let ended = quit(home.path(), &replay, waits);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(3), false));
    let ended = quit(home.path(), replay.env("TIERZERO_CORE_DUMPS", "1"), waits);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(3), true));
}
