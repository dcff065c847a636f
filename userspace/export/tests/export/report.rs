//! The write-down in its three formats: golden texts, names that try to break out, words that may not stand in it.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tierzero_core::event::ListenAddress;
use tierzero_core::graph::tier0::Terms;
use tierzero_core::graph::{DegradedInterval, Snapshot};
use tierzero_export::{principals_json, report_html, report_json, report_markdown};

use crate::estate::{estate, terms};
use crate::graph::{at, snapshot};

type Format = fn(&Snapshot, &Terms) -> String;

const FORMATS: [(&str, Format); 3] =
    [("report.md", report_markdown), ("report.html", report_html), ("report.json", report_json)];

/// Compares with the file, or writes it when `TIERZERO_BLESS` is set.
pub(crate) fn expect(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/export/expected").join(name);
    if std::env::var_os("TIERZERO_BLESS").is_some() {
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let line = expected.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
    assert!(
        expected == actual,
        "{name} differs from line {}: expected {:?}, actual {:?}",
        line + 1,
        expected.lines().nth(line),
        actual.lines().nth(line)
    );
}

#[test]
fn golden() {
    for (name, format) in FORMATS {
        expect(name, &format(&estate(), &terms()));
    }
}

#[test]
fn window_and_coverage_stand_on_page_one() {
    let mut snapshot = estate();
    snapshot.coverage.lost_events = 7;
    snapshot.coverage.blind =
        vec![DegradedInterval { from: at(4), to: at(5), reason: "not running".to_owned() }];
    for (name, format) in FORMATS {
        let text = format(&snapshot, &terms());
        let page = text.split("Principals observed").next().unwrap();
        assert!(page.contains("7 events lost") && page.contains("not running"), "{name}");
        assert!(page.contains("2026-09-21T14:13:20.123456789Z"), "{name}: no window");
    }
}

#[test]
fn no_word_that_praises_or_promises() {
    for snapshot in [estate(), Snapshot::default()] {
        for (name, format) in FORMATS {
            let text = format(&snapshot, &terms()).to_lowercase();
            // "Content-Security-Policy" is the name of a header.
            let text = text.replace("content-security-policy", "");
            for word in
                ["secure", "complian", "complete", "unauthenticated", "zero trust score", "ai-powered"]
            {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}

#[test]
fn the_page_loads_and_runs_nothing_and_its_links_lead_somewhere() {
    let page = report_html(&estate(), &terms());
    for forbidden in ["<script", "javascript:", "http:", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let targets: Vec<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!targets.is_empty());
    for target in targets {
        assert_eq!(page.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
    }
}

#[test]
fn every_id_of_an_answer_is_in_the_graph() {
    let snapshot = estate();
    let report: serde_json::Value = serde_json::from_str(&report_json(&snapshot, &terms())).unwrap();
    for answer in report["answers"].as_array().unwrap() {
        for id in answer["evidence"].as_array().unwrap() {
            let id = id.as_str().unwrap();
            let known = snapshot.edges.iter().any(|edge| edge.id.as_str() == id)
                || snapshot.listeners.iter().any(|listener| listener.id.as_str() == id);
            assert!(known, "{id}");
        }
    }
}

#[test]
fn no_fingerprint_is_written() {
    for (name, format) in FORMATS {
        let text = format(&snapshot(), &terms());
        let fingerprint = snapshot().edges[0].credentials[0].credential.fingerprint.clone().unwrap();
        assert!(!text.contains(fingerprint.as_str()), "{name}");
    }
    assert_eq!(principals_json(&Snapshot::default(), &terms()), "[]\n");
}

/// The estate with one name everywhere a name can stand.
fn named(text: &str) -> Snapshot {
    let mut snapshot = snapshot();
    let text = text.to_owned();
    snapshot.hosts.iter_mut().for_each(|host| host.name.clone_from(&text));
    snapshot.workloads.iter_mut().for_each(|workload| workload.name.clone_from(&text));
    for listener in &mut snapshot.listeners {
        listener.protocol = Some(text.clone());
        if let ListenAddress::Unix { path, .. } = &mut listener.at {
            path.clone_from(&text);
        }
    }
    for edge in &mut snapshot.edges {
        edge.protocol = Some(text.clone());
        edge.principals[0].principal.name.clone_from(&text);
    }
    for holder in &mut snapshot.holders {
        if let Some(principal) = &mut holder.principal {
            principal.name.clone_from(&text);
        }
    }
    snapshot.coverage.blind[0].reason.clone_from(&text);
    snapshot.coverage.degraded[0].name.clone_from(&text);
    snapshot.coverage.degraded[0].loses.clone_from(&text);
    snapshot
}

/// How many of each element, and rows of how many cells: what a name must not change.
fn shape(page: &str) -> Vec<usize> {
    ["<tr>", "<td>", "<p", "<li>", "<h2>", "<code", "</code>", "<table", "<a ", "<script", "<img", "<style"]
        .iter()
        .map(|tag| page.matches(tag).count())
        .collect()
}

/// Bars of each table row that stand outside of a code span and are not escaped.
fn bars(markdown: &str) -> Vec<usize> {
    let rows = markdown.lines().filter(|line| line.starts_with('|'));
    rows.map(|row| row.replace("\\|", "").matches('|').count()).collect()
}

fn check(text: &str) {
    let (plain, named) = (named("plain"), named(text));
    assert_eq!(shape(&report_html(&named, &terms())), shape(&report_html(&plain, &terms())), "{text:?}");
    let (markdown, usual) = (report_markdown(&named, &terms()), report_markdown(&plain, &terms()));
    assert_eq!(bars(&markdown), bars(&usual), "{text:?}");
    assert_eq!(markdown.lines().count(), usual.lines().count(), "{text:?}");
    let json: serde_json::Value = serde_json::from_str(&report_json(&named, &terms())).unwrap();
    assert_eq!(json["hosts"][0]["name"], text);
    let lines = principals_json(&named, &terms());
    assert!(serde_json::from_str::<serde_json::Value>(&lines).is_ok());
}

#[test]
fn no_name_breaks_out() {
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a|b||c\\|d",
        "```\n# heading\n",
        "`|`",
        "](javascript:alert(1))",
        "\u{202e}gpj.exe\u{1b}[31m",
        "line\r\nline\u{2028}",
        "&lt;&#39;",
        "\\",
        "",
    ] {
        check(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_at_all_breaks_out(text in "[|`<>&\"'\\\\\\[\\]()#\\n a-c\u{202e}]{0,12}") {
        check(&text);
    }
}
