//! `tierzero replay`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use tierzero_core::event::Event;
use tierzero_core::pipeline::{Pipeline, Step};
use tierzero_core::subject::{AgentRules, Decided};
use tierzero_replay::{Recording, ReplayError};
use tierzero_store::Store;

use super::edges;
use crate::arguments::Global;
use crate::config::{self, Config};
use crate::error::{Failure, Outcome};
use crate::observe::{self, Summary, Viewer};
use crate::output::colour;
use crate::place::Db;
use crate::stored;

/// Changes are stored in batches of this many.
const BATCH: usize = 4096;
/// The progress bar hears of it each so many events.
const PROGRESS: u64 = 1024;

/// Run recorded event logs and packet captures through the same judgement
///
/// Reads what `tierzero observe --record FILE` wrote, and pcap and pcapng files (Ethernet, VLAN, raw IP, Linux cooked,
/// loopback). The same file gives the same graph, byte for byte. A capture knows addresses only: no process, no Unix
/// socket. Who is an agent is as the log says it was decided, or, with --config, as the rules there say. The result is
/// printed and forgotten unless --db names a file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero replay morning.tzlog                    the edges of a recorded log
  tierzero replay --json morning.tzlog             one JSON object a line: flows, edges, coverage, summary
  tierzero replay span-port.pcapng                 who called whom, as a capture shows it
  tierzero replay --db review.db mon.tzlog tue.tzlog
                                                   keep the graph of two logs, then: tierzero --db review.db edges")]
pub(crate) struct Replay {
    /// Recorded event logs or captures, in this order
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

impl Replay {
    /// Replays.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut config = config::load(global.config.as_deref())?;
        if global.config.is_none() {
            // What a log says was decided stands, whatever this machine's own rules would say.
            config.agents = AgentRules { decided: Decided::InTheLog, ..AgentRules::default() };
        }
        let db = global.db.clone().unwrap_or(Db::Memory);
        // Every log is looked at before the first one changes the database.
        let logs: Vec<(&Path, Recording)> =
            self.files.iter().map(|path| Ok((path.as_path(), open(path)?))).collect::<Outcome<_>>()?;
        let mut store = stored::writable(&db)?;
        let mut viewer = Viewer::lines(self.json);
        let mut counted = Counted::default();
        for (path, log) in logs {
            replay(path, log, &config, &mut store, &mut viewer, &mut counted)?;
        }
        let mut snapshot =
            store.snapshot().map_err(|error| stored::failure("the replayed graph can't be read", &error))?;
        let from = counted.from.unwrap_or(Timestamp::UNIX_EPOCH);
        let to = counted.to.unwrap_or(from);
        let summary = Summary {
            running: to.duration_since(from).unsigned_abs(),
            from,
            to,
            events: counted.events,
            kept_in: db.file().map(|path| path.display().to_string()),
        };
        if self.json {
            return viewer.end(&summary, &snapshot);
        }
        edges::sort(&mut snapshot);
        let mut out = colour::stdout();
        edges::write_table(&mut out, &snapshot)?;
        if !snapshot.edges.is_empty() {
            writeln!(out)?;
        }
        out.flush()?;
        drop(out);
        viewer.end(&summary, &snapshot)
    }
}

/// What was replayed.
#[derive(Debug, Default)]
struct Counted {
    events: u64,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

fn open(path: &Path) -> Outcome<Recording> {
    Recording::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &ReplayError) -> Failure {
    Failure::new("the file can't be replayed").at_file(path).caused_by(error).next(error.hint())
}

/// One log is one session: sockets and processes of one run mean nothing in another.
fn replay(
    path: &Path,
    mut log: Recording,
    config: &Config,
    store: &mut Store,
    viewer: &mut Viewer,
    counted: &mut Counted,
) -> Outcome {
    let failed = |error| stored::failure("the replayed graph can't be stored", &error);
    let bar = bar(&log);
    let mut pipeline: Option<Pipeline> = None;
    let mut deltas = Vec::new();
    let mut last = Timestamp::MIN;
    while let Some(event) = log.next() {
        let event: Event = event.map_err(|error| unreadable(path, &error))?;
        let pipeline = match &mut pipeline {
            Some(pipeline) => pipeline,
            none => {
                // The time of the first event, not of now: a replay gives the same graph whenever it runs.
                store.begin_session(event.at).map_err(failed)?;
                counted.from.get_or_insert(event.at);
                none.insert(continued(config, store)?)
            }
        };
        last = last.max(event.at);
        counted.events += 1;
        let Step { deltas: new, recordable: _ } = pipeline.step(event);
        deltas.extend(new);
        if deltas.len() >= BATCH {
            keep(store, viewer, &mut deltas)?;
        }
        if counted.events.is_multiple_of(PROGRESS) {
            bar.set_position(log.bytes_read());
        }
    }
    bar.finish_and_clear();
    if let Some(pipeline) = &mut pipeline {
        let Step { deltas: new, recordable: _ } = pipeline.tick(last);
        deltas.extend(new);
        keep(store, viewer, &mut deltas)?;
        store.end_session(last).map_err(failed)?;
        counted.to = counted.to.max(Some(last));
    }
    if let Some(cut) = log.truncated() {
        colour::warn(&format!(
            "{} ends within line {}: what was recorded after it is not there; everything before it was used",
            crate::output::escape::untrusted(&path.display().to_string()),
            cut.line
        ));
    }
    Ok(())
}

fn continued(config: &Config, store: &mut Store) -> Outcome<Pipeline> {
    let failed = |error| stored::failure("the database can't be used", &error);
    let key = store.installation_key().map_err(failed)?;
    let mut pipeline = Pipeline::new(observe::settings(config, key));
    pipeline.find_by(config.rules());
    pipeline.name_callers(config.callers.clone());
    pipeline.label(config.labels.clone());
    pipeline.own_by(config.terms.clone());
    pipeline.restore(&store.snapshot().map_err(failed)?);
    Ok(pipeline)
}

fn keep(store: &mut Store, viewer: &mut Viewer, deltas: &mut Vec<tierzero_core::graph::Delta>) -> Outcome {
    store.apply(deltas).map_err(|error| stored::failure("the replayed graph can't be stored", &error))?;
    viewer.take(deltas)?;
    deltas.clear();
    Ok(())
}

/// On a terminal only.
fn bar(log: &Recording) -> ProgressBar {
    let (Some(total), true) = (log.bytes_total(), std::io::stderr().is_terminal()) else {
        return ProgressBar::hidden();
    };
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} % {bytes}/{total_bytes}, {eta} to go");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
