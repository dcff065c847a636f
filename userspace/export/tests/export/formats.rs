//! Every format against one known graph: what it holds, in which order, and what it leaves out.

use std::collections::BTreeSet;

use serde_json::Value;
use tierzero_core::graph::Snapshot;
use tierzero_core::verdict::Contrast;
use tierzero_export::{
    GRAPH_SCHEMA, Options, ReadError, Redaction, STALE_AFTER, csv_edges, csv_nodes, dot, graphml, json,
    lines, read_json, statement,
};

use crate::graph::{at, coverage, edge, flow, snapshot};

const PLAIN: Options = Options { redaction: Redaction::Off, fingerprints: false, stale_after: STALE_AFTER };
const ALL: Options = Options { redaction: Redaction::Off, fingerprints: true, stale_after: STALE_AFTER };
const REDACTED: Options =
    Options { redaction: Redaction::Keyed([9; 32]), fingerprints: true, stale_after: STALE_AFTER };

pub(crate) fn every_format(snapshot: &Snapshot, options: &Options) -> [String; 5] {
    [json, csv_edges, csv_nodes, dot, graphml].map(|format| format(snapshot, options))
}

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&serde_json::from_str(GRAPH_SCHEMA).unwrap()).unwrap()
}

#[test]
fn the_json_is_of_its_schema_full_empty_and_redacted() {
    let schema = schema();
    for options in [PLAIN, ALL, REDACTED] {
        for snapshot in [snapshot(), Snapshot::default()] {
            let value: Value = serde_json::from_str(&json(&snapshot, &options)).unwrap();
            let errors: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }
    // The schema does refuse: each of these changes is noticed.
    let good: Value = serde_json::from_str(&json(&snapshot(), &ALL)).unwrap();
    let breaks: [(&str, Value); 7] = [
        ("/schema", "tierzero/graph/2".into()),
        ("/edges/0/verdict", "secure".into()),
        ("/edges/0/strength", "strong".into()),
        ("/edges/0/first", "2026-01-01T00:00:00Z".into()),
        ("/edges/0/flows", Value::from(-1)),
        ("/workloads/0/netns", Value::from(1)),
        ("/listeners/0/class", Value::Null),
    ];
    for (place, value) in breaks {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        assert!(!schema.is_valid(&bad), "{place}");
    }
}

#[test]
fn the_json_read_back_is_the_same_graph() {
    let mut expected = snapshot();
    assert_eq!(read_json(&json(&expected, &ALL)).unwrap().edges, expected.edges);
    // What the schema leaves out comes back empty; all else as it was.
    expected.workloads.iter_mut().for_each(|workload| workload.argv.clear());
    expected.listeners.iter_mut().for_each(|listener| listener.contrast = Contrast::default());
    assert_eq!(read_json(&json(&expected, &ALL)).unwrap(), expected);
    let text = json(&expected, &ALL);
    assert_eq!(json(&read_json(&text).unwrap(), &ALL), text);
}

#[test]
fn the_fields_of_the_contract_come_in_its_order() {
    let text = json(&snapshot(), &ALL);
    let order = |within: &str, fields: &[&str]| {
        let mut from = text.find(within).unwrap();
        for field in fields {
            let key = format!("\"{field}\":");
            from += text[from..]
                .find(&key)
                .unwrap_or_else(|| panic!("{within}: {field} is missing or too early"));
        }
    };
    order(
        "{",
        &[
            "schema",
            "window",
            "hosts",
            "coverage",
            "workloads",
            "listeners",
            "edges",
            "wraps",
            "paths",
            "agents",
            "findings",
        ],
    );
    order("\"coverage\"", &["lost_events", "blind", "degraded", "flows", "opaque_flows"]);
    order(
        "\"workloads\"",
        &[
            "id",
            "host",
            "name",
            "exe",
            "unit",
            "container",
            "pod",
            "uid",
            "netns",
            "agent",
            "agent_reasons",
            "agent_root",
            "owner",
        ],
    );
    order("\"listeners\"", &["id", "workload", "transport", "protocol", "class", "reasons"]);
    order(
        "\"edges\"",
        &[
            "id",
            "caller",
            "listener",
            "transport",
            "protocol",
            "verdict",
            "check",
            "strength",
            "flows",
            "served",
            "refused",
            "opaque",
            "by_check",
            "none",
            "address",
            "claimed",
            "secret",
            "token",
            "key",
            "kernel",
            "opaque",
            "public",
            "principals",
            "credentials",
            "kind",
            "fingerprint",
            "lifetime_s",
            "first",
            "last",
            "ends",
            "joined_late",
            "first",
            "last",
            "bytes_sent",
            "bytes_received",
            "processes",
            "exe",
            "count",
            "evidence",
            "rule",
            "level",
            "source",
            "shows",
            "limits",
        ],
    );
}

#[test]
fn something_else_is_not_read_as_a_graph() {
    assert!(matches!(read_json("{}"), Err(ReadError::Shape(_))));
    assert!(matches!(read_json("{\"schema\":\"tierzero/graph/2\"}"), Err(ReadError::Schema(_))));
    let text = json(&snapshot(), &ALL);
    let wrong = text.replace("\"identity-checked\"", "\"trustworthy\"");
    assert!(matches!(read_json(&wrong), Err(ReadError::Value { field: "verdict", .. })));
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    for options in [PLAIN, ALL, REDACTED] {
        assert_eq!(every_format(&snapshot(), &options), every_format(&snapshot(), &options));
    }
}

#[test]
fn fingerprints_only_on_request_and_never_with_redaction() {
    let fingerprint = edge(1, 1).credentials[0].credential.fingerprint.clone().unwrap();
    assert!(json(&snapshot(), &ALL).contains(fingerprint.as_str()));
    for options in [PLAIN, REDACTED] {
        for text in every_format(&snapshot(), &options) {
            assert!(!text.contains(fingerprint.as_str()));
        }
    }
    assert!(!lines::edge(&edge(1, 1)).contains(fingerprint.as_str()));
}

#[test]
fn redaction_leaves_no_name_and_keeps_the_shape() {
    let mut plain = snapshot();
    // Distinct strings that nothing else in an export contains.
    plain.hosts[0].name = "NAME0".to_owned();
    plain.hosts[0].boot_id = "NAME1".to_owned();
    for workload in &mut plain.workloads {
        workload.name = format!("NAME2{}", workload.name);
        workload.exe = Some("/opt/NAME3".to_owned());
        workload.unit = Some("NAME4.service".to_owned());
        workload.container = Some("NAME5".to_owned());
        workload.pod = Some("NAME6".to_owned());
        workload.netns_name = Some("NAME7".to_owned());
        workload.argv = vec!["NAME8".to_owned()];
    }
    for edge in &mut plain.edges {
        edge.principals[0].principal.name = "NAME9".to_owned();
        edge.processes[0].exe = "/opt/NAME10".to_owned();
    }
    for (listener, at) in plain.listeners.iter_mut().zip(["tcp", "unix"]) {
        listener.at = if at == "tcp" {
            tierzero_core::event::ListenAddress::Tcp { address: "10.77.66.55:6379".parse().unwrap() }
        } else {
            tierzero_core::event::ListenAddress::Unix { path: "/run/NAME11".to_owned(), file: None }
        };
    }
    plain.coverage.degraded[0].because = "NAME12".to_owned();
    assert!(json(&plain, &PLAIN).contains("NAME0") && json(&plain, &PLAIN).contains("10.77.66.55"));

    for (text, plainly) in every_format(&plain, &REDACTED).iter().zip(every_format(&plain, &PLAIN)) {
        assert!(plainly.contains("NAME") || plainly.contains("10.77.66.55"));
        assert!(!text.contains("NAME") && !text.contains("10.77.66.55"), "{text}");
        for id in plain.edges.iter().map(|edge| edge.id.as_str()) {
            assert!(!text.contains(id), "ids are digests of names");
        }
    }
    let redacted = read_json(&json(&plain, &REDACTED)).unwrap();
    let workloads: BTreeSet<_> = redacted.workloads.iter().map(|workload| workload.id.clone()).collect();
    let listeners: BTreeSet<_> = redacted.listeners.iter().map(|listener| listener.id.clone()).collect();
    assert_eq!(workloads.len(), plain.workloads.len());
    let joined = |snapshot: &Snapshot| {
        snapshot
            .edges
            .iter()
            .filter(|edge| snapshot.workloads.iter().any(|workload| workload.id == edge.caller))
            .count()
    };
    assert_eq!(joined(&redacted), joined(&plain));
    assert!(redacted.listeners.iter().all(|listener| workloads.contains(&listener.workload)));
    assert_eq!(
        redacted.edges.iter().filter(|edge| listeners.contains(&edge.listener)).count(),
        plain.edges.len()
    );
    // Another key, other pseudonyms.
    let other =
        Options { redaction: Redaction::Keyed([8; 32]), fingerprints: false, stale_after: STALE_AFTER };
    assert_ne!(json(&plain, &other), json(&plain, &REDACTED));
    assert_eq!(
        format!("{REDACTED:?}"),
        "Options { redaction: Keyed, fingerprints: true, stale_after: 720h }"
    );
}

#[test]
fn each_format_carries_window_and_coverage() {
    let snapshot = snapshot();
    let says = statement(&snapshot);
    assert_eq!(
        says,
        "As seen from 2026-09-21T14:13:20.123456789Z to 2026-09-21T14:13:30.123456789Z: at least 12 flows, 2 of them \
         opaque, 1 without a process at an end on this host; 3 events lost; blind: 2026-09-21T14:13:24.123456789Z to \
         2026-09-21T14:13:25.123456789Z (not running); degraded: no-unix-payload."
    );
    for text in [csv_edges, csv_nodes, dot, graphml].map(|format| format(&snapshot, &PLAIN)) {
        assert!(text.contains(&says), "{text}");
    }
    assert!(statement(&Snapshot::default()).starts_with("Nothing was observed yet"));
}

#[test]
fn lines_are_one_line_and_hold_the_contracts_fields() {
    let one = edge(1, 1);
    let line: Value = serde_json::from_str(&lines::flow(&flow(7, Some(&one), at(5)))).unwrap();
    for field in [
        "type",
        "originator",
        "responder",
        "transport",
        "protocol",
        "check",
        "strength",
        "verdict",
        "served",
        "joined_late",
        "gap",
        "principals",
        "evidence",
        "caller",
        "listener",
        "from",
        "to",
        "bytes_sent",
        "bytes_received",
    ] {
        assert!(line.get(field).is_some(), "{field}");
    }
    assert_eq!(line["type"], "flow");
    assert_eq!(line["originator"], "[::1]:40000");
    assert_eq!(line["served"], "yes");
    assert_eq!(line["strength"], Value::Null);
    for (text, kind) in [
        (lines::flow(&flow(7, None, at(5))), "flow"),
        (lines::edge(&one), "edge"),
        (lines::coverage(&coverage()), "coverage"),
        (lines::summary(&snapshot()), "summary"),
        (lines::summary(&Snapshot::default()), "summary"),
    ] {
        assert!(!text.contains('\n') && text.starts_with(&format!("{{\"type\":\"{kind}\",")), "{text}");
    }
    let edge_line: Value = serde_json::from_str(&lines::edge(&one)).unwrap();
    assert_eq!(edge_line["principals"], serde_json::json!([one.principals[0].principal.name]));
    let summary: Value = serde_json::from_str(&lines::summary(&snapshot())).unwrap();
    assert_eq!(summary["by_verdict"]["location-trusted"], 1);
    assert_eq!(summary["edges"], 7);
}

#[test]
fn a_spreadsheet_runs_nothing() {
    let mut snapshot = snapshot();
    for (workload, name) in snapshot.workloads.iter_mut().zip(["=cmd|' /C calc'!A0", "@SUM(1)", "\t=1"]) {
        workload.name = name.to_owned();
        workload.exe = Some("+1+1".to_owned());
    }
    for text in [csv_edges(&snapshot, &PLAIN), csv_nodes(&snapshot, &PLAIN)] {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for record in reader.records() {
            for cell in &record.unwrap() {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            }
        }
        assert!(text.contains("'=cmd|") || text.contains("'@SUM") || text.contains("'\t=1"));
    }
}
