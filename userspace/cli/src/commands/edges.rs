//! `tierzero edges`.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tierzero_core::finding::{Mapping, claims_workloads, mapping};
use tierzero_core::graph::{Edge, Snapshot};

use super::filter::Filter;
use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, json, words};
use crate::{config, stored};

/// Who called whom, and what the receiver checked; worst first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero edges                              all of them
  tierzero edges --verdict location-trusted   served for where they sit
  tierzero edges --listener 6379 --since 1h   recent callers of a port
  tierzero edges --mapping unmapped           those that nobody has claimed
  tierzero edges --json | jq '.[].verdict'    for programs

FLOWS is served/all. Times are UTC. ID can be given to `tierzero explain`. An edge is mapped where
[[owner]] names the workloads at both ends, approved where [[named_caller]] names the caller.")]
pub(crate) struct Edges {
    #[command(flatten)]
    filter: Filter,
    /// Only edges that the configuration's lists claim so far, and no further
    #[arg(long, value_name = "STATE", value_enum)]
    mapping: Option<MappingWord>,
    /// One JSON array, each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

/// How far an edge is claimed, as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum MappingWord {
    /// An end has no owner, and no list names the caller
    Unmapped,
    /// The workloads at both ends have owners
    Mapped,
    /// The listener's list of named callers names the caller
    Approved,
}

impl MappingWord {
    fn mapping(self) -> Mapping {
        match self {
            Self::Unmapped => Mapping::Unmapped,
            Self::Mapped => Mapping::Mapped,
            Self::Approved => Mapping::Approved,
        }
    }
}

impl Edges {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut snapshot = stored::snapshot(global)?;
        let all = snapshot.edges.len();
        let config = config::load(global.config.as_deref())?;
        let mapping = mapping(&snapshot, &config.terms, &config.callers);
        let mut kept = self.filtered(&snapshot, Timestamp::now());
        if let Some(wanted) = self.mapping {
            kept.retain(|it| mapping.get(&it.id) == Some(&wanted.mapping()));
        }
        snapshot.edges = kept;
        let mut out = colour::stdout();
        if self.json {
            json::list(&mut out, &snapshot, json::List::Edges)?;
        } else {
            write_table(&mut out, &snapshot)?;
            if snapshot.edges.is_empty() && all > 0 {
                writeln!(
                    out,
                    "none of {} fits the filter",
                    words::counted(words::count(all), "edge", "edges")
                )?;
            } else if !self.filter.is_empty() || self.mapping.is_some() {
                writeln!(
                    out,
                    "{} of {} shown",
                    snapshot.edges.len(),
                    words::counted(words::count(all), "edge", "edges")
                )?;
            }
            if claims_workloads(&config.terms) || !config.callers.lists.is_empty() {
                let count = |wanted| mapping.values().filter(|it| **it == wanted).count();
                let (unmapped, mapped) = (count(Mapping::Unmapped), count(Mapping::Mapped));
                let edges = words::counted(words::count(all), "edge", "edges");
                let approved = count(Mapping::Approved);
                writeln!(out, "{edges}: {approved} approved, {mapped} mapped, {unmapped} unmapped")?;
            }
            coverage::footer(&mut out, &snapshot)?;
        }
        Ok(out.flush()?)
    }

    fn filtered(&self, snapshot: &Snapshot, now: Timestamp) -> Vec<Edge> {
        let index = Index::new(snapshot);
        let wanted = |edge: &&Edge| {
            let listener = index.listener(&edge.listener);
            self.filter.wants_verdict(edge.verdict)
                && self.filter.wants_moment(edge.last, now)
                && self.filter.wants_caller(index.workload(&edge.caller))
                && self.filter.wants_listener(
                    listener,
                    listener.and_then(|listener| index.workload(&listener.workload)),
                )
        };
        let mut edges: Vec<Edge> = snapshot.edges.iter().filter(wanted).cloned().collect();
        sort_edges(&mut edges, &index);
        edges
    }
}

/// Worst first.
pub(crate) fn sort(snapshot: &mut Snapshot) {
    let mut edges = std::mem::take(&mut snapshot.edges);
    sort_edges(&mut edges, &Index::new(snapshot));
    snapshot.edges = edges;
}

fn sort_edges(edges: &mut [Edge], index: &Index<'_>) {
    edges.sort_by_cached_key(|edge| {
        (edge.verdict.rank(), index.listener_name(&edge.listener), index.caller_name(edge), edge.id.clone())
    });
}

/// Writes the edges of a snapshot in their order, or what to do when there are none.
pub(crate) fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot) -> Outcome {
    if snapshot.edges.is_empty() {
        return Ok(());
    }
    let index = Index::new(snapshot);
    let mut table = Table::new(&[
        Column::word("VERDICT"),
        Column::name("CALLER"),
        Column::name("LISTENER"),
        Column::word("PROTOCOL"),
        Column::word("CHECK"),
        Column::number("FLOWS"),
        Column::word("LAST (UTC)"),
        Column::word("ID"),
    ]);
    for edge in &snapshot.edges {
        table.row(vec![
            Cell::styled(edge.verdict.as_str(), colour::of_verdict(edge.verdict)),
            Cell::new(index.caller_name(edge)),
            Cell::new(index.listener_name(&edge.listener)),
            Cell::new(edge.protocol.as_deref().unwrap_or("-")),
            Cell::new(words::check_and_strength(edge.verdict, edge.check, edge.strength)),
            Cell::new(format!("{}/{}", edge.served, edge.flows)),
            Cell::new(words::short_moment(edge.last)),
            Cell::styled(index.short(edge.id.as_str()), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}
