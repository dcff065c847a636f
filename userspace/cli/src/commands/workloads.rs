//! `tierzero workloads`.

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use tierzero_core::graph::{Edge, Snapshot, Workload};
use tierzero_core::id::WorkloadId;

use super::filter::Filter;
use super::listeners::by_verdict;
use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, json, words};
use crate::stored;

/// What runs at the ends of edges: services, containers, programs, remote addresses; worst callers first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero workloads                             all of them
  tierzero workloads --caller curl               one by name, program, unit or container
  tierzero workloads --listener 5432             callers of a listener, and who runs it
  tierzero workloads --json | jq '.[].exe'       for programs

CALLS counts edges by verdict. Times are UTC.")]
pub(crate) struct Workloads {
    #[command(flatten)]
    filter: Filter,
    /// One JSON array, each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

impl Workloads {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut snapshot = stored::snapshot(global)?;
        let all = snapshot.workloads.len();
        let edges = std::mem::take(&mut snapshot.edges);
        let full = Snapshot { edges, ..snapshot };
        let shown = Snapshot { workloads: self.filtered(&full, Timestamp::now()), ..full };
        let mut out = colour::stdout();
        if self.json {
            json::list(&mut out, &shown, json::List::Workloads)?;
        } else {
            write_table(&mut out, &shown)?;
            if !self.filter.is_empty() {
                let all = words::counted(words::count(all), "workload", "workloads");
                writeln!(out, "{} of {all} shown", shown.workloads.len())?;
            }
            coverage::footer(&mut out, &shown)?;
        }
        Ok(out.flush()?)
    }

    fn filtered(&self, snapshot: &Snapshot, now: Timestamp) -> Vec<Workload> {
        let index = Index::new(snapshot);
        let calls = |id: &WorkloadId| {
            snapshot.edges.iter().filter(move |edge| edge.caller == *id).collect::<Vec<_>>()
        };
        let worst = |edges: &[&Edge]| edges.iter().map(|edge| edge.verdict.rank()).min();
        let wanted = |workload: &&Workload| {
            let edges = calls(&workload.id);
            let verdict_fits = self.filter.wants_no_verdict()
                || edges.iter().any(|edge| self.filter.wants_verdict(edge.verdict));
            let owns = snapshot
                .listeners
                .iter()
                .filter(|listener| listener.workload == workload.id)
                .any(|listener| self.filter.wants_listener(Some(listener), Some(workload)));
            let reaches = edges.iter().filter_map(|edge| index.listener(&edge.listener)).any(|listener| {
                self.filter.wants_listener(Some(listener), index.workload(&listener.workload))
            });
            verdict_fits
                && self.filter.wants_moment(workload.last, now)
                && self.filter.wants_caller(Some(workload))
                && (self.filter.wants_listener(None, None) || owns || reaches)
        };
        let mut workloads: Vec<Workload> = snapshot.workloads.iter().filter(wanted).cloned().collect();
        workloads.sort_by_cached_key(|workload| {
            let worst = worst(&calls(&workload.id)).unwrap_or(u8::MAX);
            (worst, workload.name.clone(), workload.id.clone())
        });
        workloads
    }
}

fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot) -> Outcome {
    if snapshot.workloads.is_empty() {
        return Ok(());
    }
    let index = Index::new(snapshot);
    let mut table = Table::new(&[
        Column::name("WORKLOAD"),
        Column::name("PROGRAM"),
        Column::name("RUNS AS"),
        Column::name("CALLS"),
        Column::number("LISTENS"),
        Column::word("LAST (UTC)"),
        Column::word("ID"),
    ]);
    for workload in &snapshot.workloads {
        let edges: Vec<&Edge> = snapshot.edges.iter().filter(|edge| edge.caller == workload.id).collect();
        let listens = snapshot.listeners.iter().filter(|listener| listener.workload == workload.id).count();
        table.row(vec![
            Cell::new(&workload.name),
            Cell::new(workload.exe.as_deref().unwrap_or("-")),
            Cell::new(words::runs_as(workload)),
            Cell::new(by_verdict(&edges)),
            Cell::new(listens.to_string()),
            Cell::new(words::short_moment(workload.last)),
            Cell::styled(index.short(workload.id.as_str()), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}
