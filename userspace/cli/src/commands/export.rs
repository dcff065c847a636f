//! `tierzero export`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tierzero_core::graph::Snapshot;
use tierzero_export::{Options, Redaction};

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::{config, stored};

/// Formats as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// The whole graph, schema tierzero/graph/1
    Json,
    /// One edge a line
    Csv,
    /// One workload or listener a line
    CsvNodes,
    /// Graphviz, clustered by where workloads run
    Dot,
    /// GraphML for Gephi, yEd, NetworkX
    Graphml,
}

/// Write the graph for review, in the same order each time
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero export --format json -o graph.json
  tierzero export --format dot | dot -Tsvg > graph.svg
  tierzero export --format csv --redact -o edges.csv    to be handed on

A file is moved to its place when it is whole; an earlier one is replaced.
Every format says what was not seen. No format ever holds payload or a secret.")]
pub(crate) struct Export {
    /// Which format
    #[arg(long, value_enum)]
    format: Format,
    /// File to write, readable by its owner alone; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace names, addresses, paths and principals by pseudonyms, the same in each export of this installation
    #[arg(long)]
    redact: bool,
    /// Write the keyed fingerprints of credentials too
    #[arg(long, conflicts_with = "redact")]
    fingerprints: bool,
}

impl Export {
    /// Writes it.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut store = stored::read_only(global)?;
        let failed = |error| stored::failure("the graph can't be exported", &error);
        let snapshot = store.snapshot().map_err(failed)?;
        let redaction = match self.redact {
            true => Redaction::Keyed(store.installation_key().map_err(failed)?),
            false => Redaction::Off,
        };
        let stale_after = config::load(global.config.as_deref())?.stale_after;
        let text = self.text(&snapshot, &Options { redaction, fingerprints: self.fingerprints, stale_after });
        put(self.output.as_deref(), &text)
    }

    fn text(&self, snapshot: &Snapshot, options: &Options) -> String {
        match self.format {
            Format::Json => tierzero_export::json(snapshot, options),
            Format::Csv => tierzero_export::csv_edges(snapshot, options),
            Format::CsvNodes => tierzero_export::csv_nodes(snapshot, options),
            Format::Dot => tierzero_export::dot(snapshot, options),
            Format::Graphml => tierzero_export::graphml(snapshot, options),
        }
    }
}

/// Writes a text to a file, or to standard output.
pub(super) fn put(output: Option<&Path>, text: &str) -> Outcome {
    let Some(path) = output else {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    };
    write_whole(path, text.as_bytes()).map_err(|error| {
        Failure::new("the file can't be written")
            .at_file(path)
            .because(error)
            .next("name a file in a directory that you may write to, with room on its disk")
    })
}

/// Half a file is never seen under the name that was asked for.
fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let is_special = std::fs::metadata(path).is_ok_and(|there| !there.is_file());
    if is_special {
        // /dev/stdout, a named pipe: nothing to move to.
        return OpenOptions::new().write(true).open(path)?.write_all(content);
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.part", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}
