//! Runs the binary away from this machine's own files, and compares with what is expected.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary under test, in an empty directory of its own, with no colours and no terminal.
pub(crate) fn tierzero(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tierzero"));
    command
        .args(arguments)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .stdin(Stdio::null());
    command
}

/// What it said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// Runs it to its end.
pub(crate) fn said(home: &Path, arguments: &[&str]) -> Said {
    tierzero(home, arguments).output().expect("the binary can be run").into()
}

/// Runs it and expects success.
pub(crate) fn told(home: &Path, arguments: &[&str]) -> String {
    let Said { code, stdout, stderr } = said(home, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    stdout
}

/// Runs it and expects a failure with this exit code; gives stderr with the directory's own path taken out.
pub(crate) fn failed(home: &Path, code: i32, arguments: &[&str]) -> String {
    let said = said(home, arguments);
    assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.stderr);
    assert!(!said.stderr.contains("panicked") && !said.stderr.contains("RUST_BACKTRACE"), "{}", said.stderr);
    said.stderr.replace(&home.display().to_string(), "HOME")
}

/// Compares with a file of `tests/cli/expected`, or writes it.
pub(crate) fn expect(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli/expected").join(name);
    if std::env::var_os("TIERZERO_BLESS").is_some() {
        fs::write(&path, actual).expect("the expected text can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let line = expected.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
        panic!(
            "{name} differs from line {} on\nexpected: {:?}\nactual:   {:?}\n\nwhole actual text:\n{actual}",
            line + 1,
            expected.lines().nth(line),
            actual.lines().nth(line),
        );
    }
}
