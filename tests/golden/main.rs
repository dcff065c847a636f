//! Recorded events -> graph, without root: each `tests/golden/NAME/events.jsonl` gives `graph.json`, `flows.jsonl`
//! and `edges.txt` beside it, byte for byte, twice.
//!
//! `TIERZERO_BLESS=1` (or `cargo xtask golden --bless`) writes what came out instead of comparing it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "it says how many logs it compared")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tierzero_core::event::Event;
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::graph::{Delta, Snapshot};
use tierzero_core::pipeline::{Pipeline, Settings, Step};
use tierzero_core::subject::{AgentRules, Decided};
use tierzero_export::Options;
use tierzero_replay::LogReader;

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The golden logs, in order of name.
fn logs() -> Vec<PathBuf> {
    let mut logs = std::fs::read_dir(place())
        .unwrap()
        .map(|entry| entry.unwrap().path().join("events.jsonl"))
        .filter(|log| log.is_file())
        .collect::<Vec<_>>();
    logs.sort();
    logs
}

struct Replayed {
    graph: String,
    flows: String,
    edges: String,
}

fn replay(log: &Path) -> Replayed {
    // The key is of no weight: a recorded log holds fingerprints already.
    let fingerprinter = Fingerprinter::new([0; 32]);
    let mut pipeline = Pipeline::new(Settings {
        short_lived_s: 3600,
        payload_bytes: 16_384,
        agents: AgentRules { decided: Decided::InTheLog, ..AgentRules::default() },
        fingerprinter,
    });
    let mut flows = String::new();
    let mut keep = |step: Step| {
        for delta in step.deltas {
            if let Delta::Flow(flow) = delta {
                flows.push_str(&tierzero_export::lines::flow(&flow));
                if !flows.ends_with('\n') {
                    flows.push('\n');
                }
            }
        }
    };
    let mut last = None;
    for event in LogReader::open(log).unwrap() {
        let event: Event = event.unwrap();
        last = Some(event.at);
        keep(pipeline.step(event));
    }
    if let Some(at) = last {
        keep(pipeline.tick(at));
    }
    let snapshot = pipeline.snapshot();
    Replayed { graph: tierzero_export::json(&snapshot, &Options::default()), flows, edges: edges(&snapshot) }
}

/// One line an edge, for people who review a change.
fn edges(snapshot: &Snapshot) -> String {
    let name = |id| snapshot.workloads.iter().find(|it| it.id == id).map_or("?", |it| it.name.as_str());
    let mut lines = snapshot
        .edges
        .iter()
        .map(|edge| {
            let listener = snapshot.listeners.iter().find(|it| it.id == edge.listener).unwrap();
            let mut line = format!(
                "{} -> {} {}: {} (check {}, {} flows, {} served, {} refused, {} opaque)",
                name(edge.caller.clone()),
                name(listener.workload.clone()),
                serde_json::to_string(&listener.at).unwrap(),
                edge.verdict.as_str(),
                serde_json::to_string(&edge.check).unwrap().trim_matches('"'),
                edge.flows,
                edge.served,
                edge.refused,
                edge.opaque
            );
            for change in &edge.history {
                write!(line, "; was {}", change.from.as_str()).unwrap();
            }
            line
        })
        .collect::<Vec<_>>();
    lines.sort();
    lines.push(String::new());
    lines.join("\n")
}

#[test]
fn recorded_events_give_the_same_graph() {
    let bless = std::env::var_os("TIERZERO_BLESS").is_some();
    let logs = logs();
    let mut different = Vec::new();
    for log in &logs {
        let (once, twice) = (replay(log), replay(log));
        for (name, first, second) in [
            ("graph.json", &once.graph, &twice.graph),
            ("flows.jsonl", &once.flows, &twice.flows),
            ("edges.txt", &once.edges, &twice.edges),
        ] {
            assert_eq!(first, second, "{}: two replays differ in {name}", log.display());
            let expected = log.with_file_name(name);
            if bless {
                std::fs::write(&expected, first).unwrap();
            } else if std::fs::read_to_string(&expected).ok().as_ref() != Some(first) {
                different.push(expected.display().to_string());
            }
        }
    }
    println!("{} recorded logs", logs.len());
    assert!(!logs.is_empty(), "no golden log below {}", place().display());
    assert!(
        different.is_empty(),
        "not as recorded:\n  {}\nif that is meant: cargo xtask golden --bless, and review the difference",
        different.join("\n  ")
    );
}
