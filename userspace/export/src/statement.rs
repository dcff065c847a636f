//! What was not seen, in one sentence.

use tierzero_core::graph::Snapshot;

use crate::words::time;

/// The window and everything that lies in it unseen. "At least" is meant: what was lost, blind or degraded can only
/// add to the graph.
#[must_use]
pub fn statement(snapshot: &Snapshot) -> String {
    let coverage = &snapshot.coverage;
    let window = match snapshot.window {
        Some((from, to)) => format!("As seen from {} to {}", time(from), time(to)),
        None => "Nothing was observed yet".to_owned(),
    };
    let blind: Vec<String> = coverage
        .blind
        .iter()
        .map(|blind| format!("{} to {} ({})", time(blind.from), time(blind.to), blind.reason))
        .collect();
    let degraded: Vec<&str> = coverage.degraded.iter().map(|degradation| degradation.name.as_str()).collect();
    format!(
        "{window}: at least {} flows, {} of them opaque, {} without a process at an end on this host; {} events lost; \
         blind: {}; degraded: {}.",
        coverage.flows,
        coverage.opaque_flows,
        coverage.unattributed_flows,
        coverage.lost_events,
        if blind.is_empty() { "at no known time".to_owned() } else { blind.join(", ") },
        if degraded.is_empty() { "in no known way".to_owned() } else { degraded.join(", ") },
    )
}
