//! `tierzero snapshot`.

use std::path::PathBuf;

use clap::Args;
use tierzero_export::Options;

use super::export::put;
use crate::arguments::Global;
use crate::error::Outcome;
use crate::stored;

/// Freeze the graph as it is now, to compare with later
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero snapshot -o monday.json
  tierzero diff monday.json            what changed since

It is the graph of `export --format json`, with its window and what was not seen.")]
pub(crate) struct Freeze {
    /// File to write, readable by its owner alone; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Freeze {
    /// Writes it.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let snapshot = stored::snapshot(global)?;
        put(self.output.as_deref(), &tierzero_export::json(&snapshot, &Options::default()))
    }
}
