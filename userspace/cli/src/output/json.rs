//! JSON for programs: one array, each element as in the export.

use std::collections::HashMap;
use std::io::Write;

use jiff::SignedDuration;
use serde_json::Value;
use tierzero_core::graph::Snapshot;
use tierzero_export::Options;

use super::coverage;
use crate::error::Outcome;

/// Which list of the graph.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    /// `edges`.
    Edges,
    /// `listeners`.
    Listeners,
    /// `workloads`.
    Workloads,
    /// `agents`, in the graph's order.
    Agents,
}

/// Writes one list of the graph in the snapshot's order, one element a line, each as `export --format json` has it;
/// what was not seen goes to stderr, so that it can't be missed.
pub(crate) fn list(out: &mut dyn Write, snapshot: &Snapshot, list: List) -> Outcome {
    let (name, order): (&str, Vec<&str>) = match list {
        List::Edges => ("edges", snapshot.edges.iter().map(|edge| edge.id.as_str()).collect()),
        List::Listeners => {
            ("listeners", snapshot.listeners.iter().map(|listener| listener.id.as_str()).collect())
        }
        List::Workloads => {
            ("workloads", snapshot.workloads.iter().map(|workload| workload.id.as_str()).collect())
        }
        List::Agents => ("agents", snapshot.agents.iter().map(|agent| agent.root.as_str()).collect()),
    };
    elements_of(out, snapshot, name, &order, &Options::default())
}

/// The findings, stale after so much silence; otherwise as [`list`].
pub(crate) fn findings(out: &mut dyn Write, snapshot: &Snapshot, stale_after: SignedDuration) -> Outcome {
    let order: Vec<&str> = snapshot.findings.iter().map(|it| it.id.as_str()).collect();
    elements_of(out, snapshot, "findings", &order, &Options { stale_after, ..Options::default() })
}

fn elements_of(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    name: &str,
    order: &[&str],
    options: &Options,
) -> Outcome {
    let whole: Value = serde_json::from_str(&tierzero_export::json(snapshot, options))?;
    let elements = whole.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // An agent goes by the workload at its root.
    let key = if name == "agents" { "root" } else { "id" };
    let by_id: HashMap<&str, &Value> =
        elements.iter().filter_map(|element| Some((element.get(key)?.as_str()?, element))).collect();
    let mut separator = "[\n";
    for element in order.iter().filter_map(|id| by_id.get(id)) {
        write!(out, "{separator}{element}")?;
        separator = ",\n";
    }
    writeln!(out, "{}", if separator == ",\n" { "\n]" } else { "[]" })?;
    out.flush()?;
    coverage::warn_of_unseen(snapshot);
    Ok(())
}
