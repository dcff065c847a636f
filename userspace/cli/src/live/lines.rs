//! Lines for a pipe: plain ones for people, JSON for programs. Each batch is flushed: a pipe sees it at once.

use std::io::{self, Write};

use tierzero_core::finding::Finding;
use tierzero_core::graph::{Delta, Snapshot};

use super::board::News;
use crate::error::Outcome;
use crate::output::{colour, escape, words};

/// One line for each new edge and each verdict that changed.
pub(crate) struct PlainLines;

impl PlainLines {
    /// Prints news.
    pub(crate) fn print(&self, news: &[News]) -> Outcome {
        if news.is_empty() {
            return Ok(());
        }
        let mut out = colour::stdout();
        news.iter().try_for_each(|one| line(&mut out, one))?;
        Ok(out.flush()?)
    }
}

fn line(out: &mut dyn Write, news: &News) -> io::Result<()> {
    let News { at, edge, caller, receiver, place, protocol, verdict, was, why } = news;
    let (style, dim) = (colour::of_verdict(*verdict), colour::DIM);
    let (caller, receiver, place) =
        (escape::untrusted(caller), escape::untrusted(receiver), escape::untrusted(place));
    let receiver = if receiver.is_empty() { String::new() } else { format!("{receiver} ") };
    let protocol =
        if protocol == "-" { String::new() } else { format!(" ({})", escape::untrusted(protocol)) };
    let was = was.map(|was| format!(", was {}", was.as_str())).unwrap_or_default();
    writeln!(
        out,
        "{} {style}{:<16}{style:#} {caller} -> {receiver}{place}{protocol}: {why}{was} {dim}{edge}{dim:#}",
        words::moment(*at),
        verdict.as_str(),
    )
}

impl PlainLines {
    /// Prints findings: new ones, and those that evidence gave a turn.
    pub(crate) fn print_findings(&self, findings: &[Finding]) -> Outcome {
        if findings.is_empty() {
            return Ok(());
        }
        let mut out = colour::stdout();
        for finding in findings {
            let Finding { id, kind, severity, last, says, turns, .. } = finding;
            let (style, dim) = (colour::of_severity(*severity), colour::DIM);
            let turn = turns.last().map(|turn| format!(" ({})", turn.why)).unwrap_or_default();
            writeln!(
                out,
                "{} {style}{:<16}{style:#} {}, {}{turn} {dim}{id}{dim:#}",
                words::moment(*last),
                kind.as_str(),
                severity.as_str(),
                escape::untrusted(says),
            )?;
        }
        Ok(out.flush()?)
    }
}

/// One JSON object a line.
pub(crate) struct JsonLines;

impl JsonLines {
    /// Prints a batch of changes.
    pub(crate) fn print(&self, deltas: &[Delta]) -> Outcome {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for delta in deltas {
            let line = match delta {
                Delta::Flow(flow) => tierzero_export::lines::flow(flow),
                Delta::Edge(edge) => tierzero_export::lines::edge(edge),
                Delta::Finding(finding) => tierzero_export::lines::finding(finding),
                Delta::Coverage(coverage) => tierzero_export::lines::coverage(coverage),
                // Their ids are in flows and edges; `export` has the rest.
                Delta::Host(_)
                | Delta::Workload(_)
                | Delta::Listener(_)
                | Delta::Holder(_)
                | Delta::Agent(_)
                | Delta::Relay(_)
                | Delta::Wrap(_) => continue,
            };
            writeln!(out, "{line}")?;
        }
        Ok(out.flush()?)
    }

    /// Prints the last line.
    pub(crate) fn end(&self, summary: &Snapshot) -> Outcome {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", tierzero_export::lines::summary(summary))?;
        Ok(out.flush()?)
    }
}
