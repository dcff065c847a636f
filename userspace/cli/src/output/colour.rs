//! Colours, and the two streams they go to. Colour never carries meaning alone: the word is always there.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};
use tierzero_core::finding::Severity;
use tierzero_core::graph::ListenerClass;
use tierzero_core::verdict::Verdict;

/// Errors.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// Warnings, loss, degradation.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();
/// What can be skipped by the eye.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// No style.
pub(crate) const PLAIN: Style = Style::new();

/// The style of a verdict's word.
pub(crate) fn of_verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::LocationTrusted => AnsiColor::Red.on_default().effects(Effects::BOLD),
        Verdict::Opaque => AnsiColor::Magenta.on_default(),
        Verdict::Unproven => AnsiColor::Yellow.on_default(),
        Verdict::SecretChecked => AnsiColor::Cyan.on_default(),
        Verdict::IdentityChecked => GOOD,
        Verdict::Public | Verdict::Refused => DIM,
    }
}

/// The style of a finding's severity.
pub(crate) fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::High => AnsiColor::Red.on_default().effects(Effects::BOLD),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low => PLAIN,
    }
}

/// The style of a class's word.
pub(crate) fn of_class(class: ListenerClass) -> Style {
    match class {
        ListenerClass::Legacy => of_verdict(Verdict::LocationTrusted),
        ListenerClass::Transitional => of_verdict(Verdict::SecretChecked),
        ListenerClass::Modern => of_verdict(Verdict::IdentityChecked),
        ListenerClass::Unknown => PLAIN,
    }
}

/// Colours for help pages.
pub(crate) const HELP: clap::builder::Styles = clap::builder::Styles::styled()
    .header(HEADING)
    .usage(HEADING)
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

/// Standard output; drops colours where nobody sees them (`NO_COLOR`, a pipe, `--no-color`).
pub(crate) fn stdout() -> io::BufWriter<anstream::AutoStream<io::StdoutLock<'static>>> {
    io::BufWriter::new(anstream::AutoStream::auto(io::stdout().lock()))
}

/// One line to standard error. If even that fails there is nobody left to tell.
pub(crate) fn stderr_line(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// A warning to standard error.
pub(crate) fn warn(text: &str) {
    stderr_line(&format!("{WARNING}warning:{WARNING:#} {text}"));
}
