//! `tierzero report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::export::put;
use crate::arguments::Global;
use crate::error::Outcome;
use crate::{config, stored};

/// Formats as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Markdown
    Md,
    /// One page that loads nothing and runs nothing
    Html,
    /// For programs, schema tierzero/report/1
    Json,
}

/// Write down your Tier 0: the questions that come before any agent, answered from what was observed
///
/// Page one: short-lived credentials or rotation alone, how many principals, who owns them, what is checked at the
/// receiving end; each with its numbers, the ids it rests on, and what was not seen. Behind it the tables: principals,
/// the floor under each listener, edges by verdict, and for each edge which of five attempts is impossible or just
/// annoying.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero report                             Markdown, to read or to paste
  tierzero report --format html -o tier0.html one page without scripts
  tierzero report --format json | jq '.answers[].value'

It speaks of the window that was observed, as of its end. Owners come from [[owner]] in the configuration.
Every id in it can be given to `tierzero explain`.")]
pub(crate) struct Report {
    /// Which format
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// File to write, readable by its owner alone; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Report {
    /// Writes it.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let terms = config::load(global.config.as_deref())?.terms;
        let snapshot = stored::snapshot(global)?;
        let text = match self.format {
            Format::Md => tierzero_export::report_markdown(&snapshot, &terms),
            Format::Html => tierzero_export::report_html(&snapshot, &terms),
            Format::Json => tierzero_export::report_json(&snapshot, &terms),
        };
        put(self.output.as_deref(), &text)
    }
}
