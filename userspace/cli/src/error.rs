//! What went wrong, where, and what to do next. The only way in which this program fails.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::output::{colour, escape};

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Exit code 1: it was asked rightly and failed.
    Failed,
    /// Exit code 2: it was asked wrongly.
    Usage,
    /// Exit code 3: what was asked for is so, and a rule forbids it.
    GateFailed,
    /// Nobody reads our output any more (`tierzero edges | head`): end quietly with 0.
    ReaderGone,
}

/// A failure that a person reads.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    what: String,
    place: Option<String>,
    because: Vec<String>,
    next: Option<String>,
}

/// What every command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Something failed.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, what: what.into(), place: None, because: Vec::new(), next: None }
    }

    /// The question was wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, ..Self::new(what) }
    }

    /// A gate failed.
    pub(crate) fn gate(what: impl Into<String>) -> Self {
        Self { kind: Kind::GateFailed, ..Self::new(what) }
    }

    /// Where it went wrong: a file, a line, a key.
    #[must_use]
    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Where it went wrong, when that is a file.
    #[must_use]
    pub(crate) fn at_file(self, path: &Path) -> Self {
        self.at(path.display().to_string())
    }

    /// What the system or a library said.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl fmt::Display) -> Self {
        self.because.push(cause.to_string());
        self
    }

    /// What an error and all its sources said; a source that its parent already quotes is left out.
    #[must_use]
    pub(crate) fn caused_by(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.because.iter().any(|said| said.contains(&text)) {
                self.because.push(text);
            }
            next = error.source();
        }
        self
    }

    /// What to do next, one sentence.
    #[must_use]
    pub(crate) fn next(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.next = Some(hint);
        }
        self
    }

    /// In one line, for a list of findings.
    pub(crate) fn brief(&self) -> String {
        let mut text = self.what.clone();
        for part in self.place.iter().chain(&self.because) {
            text.push_str(": ");
            text.push_str(&part.lines().map(str::trim).collect::<Vec<_>>().join(" "));
        }
        text
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Failed => ExitCode::from(1),
            Kind::Usage => ExitCode::from(2),
            Kind::GateFailed => ExitCode::from(3),
            Kind::ReaderGone => ExitCode::SUCCESS,
        }
    }

    /// Prints it to stderr: what, where, because, next.
    pub(crate) fn print(&self) {
        if self.kind == Kind::ReaderGone {
            return;
        }
        colour::stderr_line(&self.render());
    }

    fn render(&self) -> String {
        let Self { kind: _, what, place, because, next } = self;
        let (bad, dim) = (colour::ERROR, colour::DIM);
        let mut text = format!("{bad}error:{bad:#} {}", escape::lines(what));
        if let Some(place) = place {
            let _ = write!(text, "\n  {dim}where:{dim:#}   {}", escape::untrusted(place));
        }
        for cause in because {
            let _ = write!(text, "\n  {dim}because:{dim:#} {}", indented(&escape::lines(cause)));
        }
        if let Some(next) = next {
            let _ = write!(text, "\n  {dim}next:{dim:#}    {}", indented(&escape::lines(next)));
        }
        text
    }
}

impl From<io::Error> for Failure {
    /// An error in writing our own output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { kind: Kind::ReaderGone, ..Self::new("nobody reads the output") };
        }
        let failure = Self::new("the output could not be written").because(&error);
        if error.kind() == io::ErrorKind::StorageFull {
            failure.next("make room on the disk that the output goes to")
        } else {
            failure
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            Some(kind) => io::Error::from(kind).into(),
            None => Self::new("the answer could not be written as JSON").because(error),
        }
    }
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n           ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_where_why_and_next() {
        let failure = Failure::new("cannot read the log")
            .at("a\u{1b}[2Jb.tzlog")
            .because("line one\nline two")
            .next("try another");
        let text = anstream::adapter::strip_str(&failure.render()).to_string();
        assert_eq!(
            text,
            "error: cannot read the log\n  where:   a\\u{1b}[2Jb.tzlog\n  because: line one\n           line two\n  next:    try another"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure_to_talk_about() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.kind, Kind::ReaderGone);
    }
}
