//! `tierzero listeners`.

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use tierzero_core::graph::{Edge, Listener, Snapshot};
use tierzero_core::verdict::Verdict;

use super::filter::Filter;
use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, json, words};
use crate::stored;

/// Where workloads can be called, and how each listener behaved; worst first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero listeners                            all of them, called or not
  tierzero listeners --verdict location-trusted those that served someone for where it sits
  tierzero listeners --caller cron              those that cron called
  tierzero listeners --json | jq '.[].class'    for programs

CLASS is by behaviour, not age: legacy served someone for where it sits; transitional asked for a shared
secret at worst; modern asked all it served for identity and refused someone; unknown is everything else.
CALLERS counts edges by verdict. Times are UTC.")]
pub(crate) struct Listeners {
    #[command(flatten)]
    filter: Filter,
    /// One JSON array, each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

impl Listeners {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut snapshot = stored::snapshot(global)?;
        let all = snapshot.listeners.len();
        snapshot.listeners = self.filtered(&snapshot, Timestamp::now());
        let mut out = colour::stdout();
        if self.json {
            json::list(&mut out, &snapshot, json::List::Listeners)?;
        } else {
            write_table(&mut out, &snapshot)?;
            if !self.filter.is_empty() {
                let all = words::counted(words::count(all), "listener", "listeners");
                writeln!(out, "{} of {all} shown", snapshot.listeners.len())?;
            }
            coverage::footer(&mut out, &snapshot)?;
        }
        Ok(out.flush()?)
    }

    fn filtered(&self, snapshot: &Snapshot, now: Timestamp) -> Vec<Listener> {
        let index = Index::new(snapshot);
        let called = |listener: &Listener| {
            let mut edges = snapshot.edges.iter().filter(|edge| edge.listener == listener.id).peekable();
            // A listener that nobody called has no verdict and no caller to fit.
            if edges.peek().is_none() {
                return self.filter.wants_caller(None) && self.filter.wants_no_verdict();
            }
            edges.any(|edge| {
                self.filter.wants_verdict(edge.verdict)
                    && self.filter.wants_caller(index.workload(&edge.caller))
            })
        };
        let wanted = |listener: &&Listener| {
            self.filter.wants_moment(listener.last, now)
                && self.filter.wants_listener(Some(listener), index.workload(&listener.workload))
                && called(listener)
        };
        let mut listeners: Vec<Listener> = snapshot.listeners.iter().filter(wanted).cloned().collect();
        listeners.sort_by_cached_key(|listener| {
            (words::class_worst_first(listener.class), index.listener_name(&listener.id), listener.id.clone())
        });
        listeners
    }
}

fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot) -> Outcome {
    if snapshot.listeners.is_empty() {
        return Ok(());
    }
    let index = Index::new(snapshot);
    let mut table = Table::new(&[
        Column::word("CLASS"),
        Column::name("WORKLOAD"),
        Column::name("ADDRESS"),
        Column::word("PROTOCOL"),
        Column::name("CALLERS"),
        Column::word("LAST (UTC)"),
        Column::word("ID"),
    ]);
    for listener in &snapshot.listeners {
        let edges: Vec<&Edge> = snapshot.edges.iter().filter(|edge| edge.listener == listener.id).collect();
        table.row(vec![
            Cell::styled(words::class(listener.class), colour::of_class(listener.class)),
            Cell::new(index.workload_name(&listener.workload)),
            Cell::new(listener.at.to_string()),
            Cell::new(listener.protocol.as_deref().unwrap_or("-")),
            Cell::new(by_verdict(&edges)),
            Cell::new(words::short_moment(listener.last)),
            Cell::styled(index.short(listener.id.as_str()), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

/// `2 location-trusted, 1 refused`, worst first.
pub(crate) fn by_verdict(edges: &[&Edge]) -> String {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, edges.iter().filter(|edge| edge.verdict == verdict).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.as_str()))
        .collect();
    if counts.is_empty() { "none seen".to_owned() } else { counts.join(", ") }
}
