//! Running other programs, and where the repository is.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else `target` at the top.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), PathBuf::from)
}

/// This program's own file. Building the workspace replaces the file under the running program, and Linux then calls
/// the old one `... (deleted)` (proc(5)); the new one at the same place does the same.
pub(crate) fn own() -> Result<PathBuf, String> {
    let path = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    Ok(path.to_string_lossy().strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from))
}

/// Runs a program to its end; an error names the program and how it ended.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("`{name}` could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{name}` ended with {status}")) }
}

/// Lines of a failed program that are said again where the failure is summed up.
const KEPT_LINES: usize = 15;

/// As [`run`], and everything passes through here line by line, so that an error can carry the last lines: who reads
/// only the end of a long log must find the reason there.
pub(crate) fn run_keeping_end(command: &mut Command) -> Result<(), (String, String)> {
    let failed = |error: std::io::Error| (format!("no pipe: {error}"), String::new());
    let name = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command
        .spawn()
        .map_err(|error| (format!("`{name}` could not be started: {error}"), String::new()))?;
    // The command still holds the writing end, and the reader would wait for it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let kept = Arc::new(Mutex::new(VecDeque::new()));
    let keeps = Arc::clone(&kept);
    let reading = std::thread::spawn(move || {
        let mut lines = BufReader::new(reader);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            println!("{text}");
            let mut kept = keeps.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(text);
            line.clear();
        }
    });
    let status = child.wait().map_err(failed)?;
    // What a program left running may hold the pipe for ever.
    for _ in 0..20 {
        if reading.is_finished() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    if status.success() {
        return Ok(());
    }
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let end = kept.iter().map(|line| format!("\n    | {line}")).collect();
    Err((format!("`{name}` ended with {status}"), end))
}

/// What a program writes to standard output; the error carries the end of what it wrote to standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.output().map_err(|error| format!("`{name}` could not be started: {error}"))?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let says = String::from_utf8_lossy(&ended.stderr);
    let last: Vec<&str> = says.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("`{name}` ended with {}: {}", ended.status, last.join(" | ")))
}

/// Whether a program is there and answers to these arguments without an error.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(top())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}
