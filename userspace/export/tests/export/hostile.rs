//! Names from outside: any characters, in every place that takes a name.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tierzero_core::event::ListenAddress;
use tierzero_core::graph::Snapshot;
use tierzero_export::{Options, csv_edges, csv_nodes, dot, graphml, json, read_json};

use crate::graph::snapshot;

fn named(name: &str) -> Snapshot {
    let mut snapshot = snapshot();
    let text = name.to_owned();
    for host in &mut snapshot.hosts {
        host.name.clone_from(&text);
    }
    for workload in &mut snapshot.workloads {
        workload.name.clone_from(&text);
        workload.exe = Some(text.clone());
        workload.unit = Some(text.clone());
        workload.netns_name = Some(text.clone());
        workload.argv.clear();
    }
    for listener in &mut snapshot.listeners {
        if let ListenAddress::Unix { path, .. } = &mut listener.at {
            path.clone_from(&text);
        }
        listener.protocol = Some(text.clone());
        listener.reasons = vec![text.clone()];
    }
    for edge in &mut snapshot.edges {
        edge.principals[0].principal.name.clone_from(&text);
        edge.processes[0].exe.clone_from(&text);
        edge.evidence[0].shows.clone_from(&text);
    }
    snapshot.coverage.degraded[0].name.clone_from(&text);
    snapshot.coverage.blind[0].reason.clone_from(&text);
    snapshot
}

/// Reads DOT as far as the language's strings go (<https://graphviz.org/doc/info/lang.html>): every brace and bracket
/// outside of a string is closed, every string ends, and how many statements there are.
fn dot_statements(text: &str) -> Result<usize, String> {
    let mut open = Vec::new();
    let mut statements = 0;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => loop {
                match characters.next() {
                    None => return Err("a string has no end".to_owned()),
                    Some('\\') => drop(characters.next()),
                    Some('"') => break,
                    Some(control) if control.is_control() => return Err(format!("{control:?} in a string")),
                    Some(_) => {}
                }
            },
            '{' | '[' => open.push(character),
            '}' if open.pop() != Some('{') => return Err("} without {".to_owned()),
            ']' if open.pop() != Some('[') => return Err("] without [".to_owned()),
            ';' => statements += 1,
            _ => {}
        }
    }
    if open.is_empty() { Ok(statements) } else { Err(format!("{open:?} is not closed")) }
}

fn check(name: &str) {
    let options = Options { fingerprints: true, ..Options::default() };
    let snapshot = named(name);
    let plain = named("plain");

    assert_eq!(read_json(&json(&snapshot, &options)).unwrap(), snapshot);

    let xml = graphml(&snapshot, &options);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let nodes =
        |document: &roxmltree::Document<'_>| document.descendants().filter(|node| node.is_element()).count();
    assert_eq!(nodes(&document), nodes(&roxmltree::Document::parse(&graphml(&plain, &options)).unwrap()));
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
    let expected: String = name.chars().map(|c| if allowed(c) { c } else { '\u{FFFD}' }).collect();
    let label = document
        .descendants()
        .find(|node| node.attribute("key") == Some("exe"))
        .and_then(|node| node.text())
        .unwrap_or_default();
    assert_eq!(label, expected);

    let (hostile, tame) = (dot_statements(&dot(&snapshot, &options)), dot_statements(&dot(&plain, &options)));
    assert_eq!(hostile, tame, "{name:?}");

    for format in [csv_edges, csv_nodes] {
        let rows = |snapshot: &Snapshot| -> Vec<Vec<String>> {
            csv::ReaderBuilder::new()
                .from_reader(format(snapshot, &options).as_bytes())
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect()
        };
        let (hostile, tame) = (rows(&snapshot), rows(&plain));
        assert_eq!(hostile.len(), tame.len());
        for (hostile, tame) in hostile.iter().flatten().zip(tame.iter().flatten()) {
            assert!(
                hostile == tame || hostile.trim_start_matches('\'').contains(name.trim_start_matches('\''))
            );
        }
    }
}

#[test]
fn known_tricks() {
    for name in [
        "",
        "\"",
        "\\",
        "\\\"",
        "\"];}",
        "]]>",
        "<!--",
        "&amp;",
        "&#0;",
        "\u{0}",
        "\u{1b}[2J",
        "\r\n",
        "a,b\r\nc",
        "'",
        "'=1",
        "\u{FFFE}",
        "\u{FFFF}",
        "\u{202E}",
        "\u{85}",
        "\u{7f}",
        "\u{10FFFF}",
        "--",
        "\\N",
        "\\",
        "</data>",
        "\t",
    ] {
        check(name);
    }
}

/// Graphviz itself, where it is installed.
#[test]
fn graphviz_reads_it() {
    let Ok(mut child) = Command::new("dot")
        .arg("-Tcanon")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        eprintln!("skipped: graphviz is not installed");
        return;
    };
    let text = dot(&named("\"];} \\N <b> & \u{1b}\r\n"), &Options::default());
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_name_leaves_every_format_well_formed(name in proptest::collection::vec(any::<char>(), 0..24)) {
        check(&name.into_iter().collect::<String>());
    }

    #[test]
    fn any_syntax_in_a_name_leaves_every_format_well_formed(name in "[\"\\\\<>&'{}\\[\\];,=+@\\-\u{0}-\u{1f}\u{7f}-\u{9f}]{0,12}") {
        check(&name);
    }

    #[test]
    fn reading_never_panics(text in "[\\PC]{0,80}", place in any::<prop::sample::Index>(), with in any::<char>()) {
        let _ = read_json(&text);
        let mut good: Vec<char> = json(&snapshot(), &Options::default()).chars().collect();
        let place = place.index(good.len());
        good[place] = with;
        let _ = read_json(&good.into_iter().collect::<String>());
    }
}
