//! What was not seen: the lines under every table. No answer goes out without them.

use std::io::{self, Write};

use tierzero_core::graph::{CoverageSummary, Snapshot};

use super::words::{counted, duration};
use super::{colour, escape, words};

/// `as seen from HOST, from .. to ..; lost 0; 3 flows opaque; ...`, then one line for each degradation.
pub(crate) fn footer(out: &mut dyn Write, snapshot: &Snapshot) -> io::Result<()> {
    let (dim, warning) = (colour::DIM, colour::WARNING);
    let hosts: Vec<_> = snapshot.hosts.iter().map(|host| escape::untrusted(&host.name)).collect();
    let host = if hosts.is_empty() { "no host yet".into() } else { hosts.join(", ") };
    let window = match snapshot.window {
        Some((from, to)) => format!("{} to {}", words::moment(from), words::moment(to)),
        None => "nothing observed yet".to_owned(),
    };
    let (seen, unseen) = sentence(&snapshot.coverage);
    writeln!(out, "{dim}as seen from {host}, {window}; {seen}{dim:#}")?;
    if !unseen.is_empty() {
        writeln!(out, "{warning}not seen: {unseen}{warning:#}")?;
    }
    for degraded in &snapshot.coverage.degraded {
        writeln!(
            out,
            "{warning}degraded: {}{warning:#}: {}",
            escape::untrusted(&degraded.name),
            escape::untrusted(&degraded.loses)
        )?;
    }
    Ok(())
}

/// The same on stderr, when there is something that was not seen.
pub(crate) fn warn_of_unseen(snapshot: &Snapshot) {
    let (_, unseen) = sentence(&snapshot.coverage);
    if !unseen.is_empty() {
        colour::warn(&format!("not seen: {unseen}"));
    }
    for degraded in &snapshot.coverage.degraded {
        let (name, loses) = (escape::untrusted(&degraded.name), escape::untrusted(&degraded.loses));
        colour::warn(&format!("degraded: {name}: {loses}"));
    }
}

/// What was seen, and what was not, as two lists of phrases.
pub(crate) fn sentence(coverage: &CoverageSummary) -> (String, String) {
    let CoverageSummary {
        lost_events,
        lost_by_place,
        blind,
        degraded: _,
        flows,
        opaque_flows,
        unattributed_flows,
    } = coverage;
    let mut seen = vec![counted(*flows, "flow", "flows"), format!("lost {lost_events}")];
    if *opaque_flows > 0 {
        seen.push(counted(*opaque_flows, "flow opaque", "flows opaque"));
    }
    let mut unseen = Vec::new();
    if *lost_events > 0 {
        let places: Vec<String> = lost_by_place
            .iter()
            .map(|(place, count)| format!("{count} at {}", escape::untrusted(place)))
            .collect();
        unseen.push(format!(
            "{} ({})",
            counted(*lost_events, "event lost", "events lost"),
            places.join(", ")
        ));
    }
    if !blind.is_empty() {
        unseen.push(format!("blind for {}", duration(blind_seconds(coverage))));
    }
    if *unattributed_flows > 0 {
        unseen.push(format!("the process of {}", counted(*unattributed_flows, "flow", "flows")));
    }
    (seen.join("; "), unseen.join("; "))
}

/// Seconds in which nothing was seen; intervals of less than a second count as one.
pub(crate) fn blind_seconds(coverage: &CoverageSummary) -> u64 {
    coverage
        .blind
        .iter()
        .map(|interval| {
            let seconds = interval.to.duration_since(interval.from).as_secs_f64().ceil();
            if seconds > 0.0 { seconds } else { 0.0 }
        })
        .fold(0, |sum, seconds| sum + whole(seconds))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; `as` saturates")]
fn whole(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tierzero_core::graph::DegradedInterval;

    #[test]
    fn a_full_view_says_so_without_boasting() {
        let coverage = CoverageSummary { flows: 1, ..CoverageSummary::default() };
        assert_eq!(sentence(&coverage), ("1 flow; lost 0".to_owned(), String::new()));
    }

    #[test]
    fn loss_and_blindness_are_named() {
        let coverage = CoverageSummary {
            flows: 9,
            lost_events: 5,
            lost_by_place: BTreeMap::from([("control-ring".to_owned(), 5)]),
            blind: vec![DegradedInterval {
                from: "2026-11-23T13:00:00Z".parse().unwrap(),
                to: "2026-11-23T13:00:02.5Z".parse().unwrap(),
                reason: "restart".to_owned(),
            }],
            unattributed_flows: 2,
            ..CoverageSummary::default()
        };
        let (seen, unseen) = sentence(&coverage);
        assert_eq!(seen, "9 flows; lost 5");
        assert_eq!(unseen, "5 events lost (5 at control-ring); blind for 3 s; the process of 2 flows");
    }
}
