//! Golden answers over a small recorded log.

use std::fs;
use std::path::Path;

use crate::logs;
use crate::run::{expect, failed, said, told};

/// A directory with the graph of the small log in `small.db`.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("small.tzlog"), logs::small()).unwrap();
    told(home.path(), &["--db", "small.db", "replay", "small.tzlog"]);
    home
}

fn ask(home: &Path, arguments: &[&str]) -> String {
    told(home, &[&["--db", "small.db"], arguments].concat())
}

/// The id of the only edge with this verdict.
fn edge(home: &Path, verdict: &str) -> String {
    let list = ask(home, &["edges", "--json", "--verdict", verdict]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    list[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn tables() {
    let home = home();
    let mut text = String::new();
    for arguments in [
        &["edges"][..],
        &["edges", "--verdict", "location-trusted"],
        &["edges", "--listener", "6380"],
        &["edges", "--since", "2100-01-01"],
        &["listeners"],
        &["workloads"],
        &["agents"],
        &["principals"],
        &["findings"],
        &["findings", "--type", "bridge-direct"],
        &["findings", "--severity", "high"],
        &["findings", "--agent", "nobody"],
        &["findings", "--state", "resolved,stale"],
        &["events", "--identity", &edge(home.path(), "location-trusted")],
    ] {
        text.push_str(&format!("$ tierzero {}\n{}\n", arguments.join(" "), ask(home.path(), arguments)));
    }
    expect("tables.txt", &text);
}

#[test]
fn a_finding_is_acknowledged_accepted_for_a_while_and_never_just_resolved() {
    let home = home();
    let list = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&ask(home.path(), &[&["findings", "--json"], arguments].concat())).unwrap()
    };
    let all = list(&[]);
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let state = || {
        let all = list(&[]);
        let it = all.as_array().unwrap().iter().find(|it| it["id"] == id.as_str()).unwrap();
        it["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "new");
    let told = ask(home.path(), &["finding", "ack", &id[..8]]);
    assert!(told.starts_with(&format!("{id}: new -> acknowledged, by ")), "{told}");
    assert_eq!(state(), "acknowledged");
    let accept = ["--owner", "ops", "--reason", "until the move"];
    let accepted = [&["finding", "accept", &id][..], &accept, &["--expires", "30d"]].concat();
    let told = ask(home.path(), &accepted);
    assert!(told.contains("acknowledged -> accepted-risk"), "{told}");
    assert_eq!(state(), "accepted-risk");
    let open = ask(home.path(), &["findings"]);
    assert!(!open.contains(&id[..8]), "{open}");
    assert!(ask(home.path(), &["findings", "--state", "accepted-risk"]).contains(&id[..8]));
    assert_eq!(list(&["--state", "accepted-risk"]).as_array().unwrap().len(), 1);
    assert_eq!(list(&["--since", "1h", "--state", "accepted-risk"]), serde_json::json!([]), "the log is old");
    let whole = ask(home.path(), &["explain", &id[..8]]);
    for part in ["accepted-risk until", "ops answers for it", "because until the move", "acknowledged (by "] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    assert!(ask(home.path(), &["findings", "--all"]).contains("accepted-risk"));
    for (wrong, why) in [
        (&["finding", "resolve", id.as_str()][..], "no evidence of its end was observed"),
        (&["finding", "ack", "f-zzz"], "no finding has an id that begins with"),
        (&["finding", "ack", "f-"], "give more of the id"),
    ] {
        let stderr = failed(home.path(), 1, &[&["--db", "small.db"], wrong].concat());
        assert!(stderr.contains(why), "{stderr}");
    }
    let past = [&["--db", "small.db", "finding", "accept", &id][..], &accept, &["--expires", "2020-01-31"]];
    let stderr = failed(home.path(), 2, &past.concat());
    assert!(stderr.contains("must be in the future"), "{stderr}");
}

#[test]
fn explanations() {
    let home = home();
    let mut text = String::new();
    for verdict in ["location-trusted", "secret-checked"] {
        text.push_str(&ask(home.path(), &["explain", &edge(home.path(), verdict)]));
        text.push('\n');
    }
    let id = edge(home.path(), "location-trusted");
    assert_eq!(
        ask(home.path(), &["explain", &id]),
        ask(home.path(), &["explain", &id[..12]]),
        "a prefix is enough"
    );
    let listeners: serde_json::Value =
        serde_json::from_str(&ask(home.path(), &["listeners", "--json", "--listener", "6380"])).unwrap();
    text.push_str(&ask(home.path(), &["explain", listeners[0]["id"].as_str().unwrap()]));
    let findings: serde_json::Value =
        serde_json::from_str(&ask(home.path(), &["findings", "--json"])).unwrap();
    for finding in findings.as_array().unwrap() {
        text.push('\n');
        text.push_str(&ask(home.path(), &["explain", finding["id"].as_str().unwrap()]));
    }
    expect("explanations.txt", &text);
}

#[test]
fn how_far_agents_reach() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("agents.tzlog"), logs::agents()).unwrap();
    told(home.path(), &["--db", "small.db", "replay", "agents.tzlog"]);
    let first = |list: &str| -> String {
        let list: serde_json::Value = serde_json::from_str(&ask(home.path(), &[list, "--json"])).unwrap();
        list[0]["id"].as_str().unwrap().to_owned()
    };
    let (path, finding) = (first("paths"), first("findings"));
    let mut text = String::new();
    for arguments in [
        &["agents"][..],
        &["paths"],
        &["paths", "--agent", "quiet"],
        &["paths", "--cut"],
        &["paths", "--cut", "--json"],
        &["paths", "--what-if", "host"],
        &["paths", "--what-if", "redis-cli", "--json"],
        &["explain", &path],
        &["findings"],
        &["explain", &finding],
    ] {
        text.push_str(&format!("$ tierzero {}\n{}\n", arguments.join(" "), ask(home.path(), arguments)));
    }
    expect("reach.txt", &text);
    let stderr = failed(home.path(), 1, &["--db", "small.db", "paths", "--what-if", "nowhere"]);
    assert!(stderr.contains("nothing was seen in a place called `nowhere`"), "{stderr}");
}

#[test]
fn the_write_down_in_each_format() {
    let home = home();
    for (format, file) in [("md", "report.md"), ("html", "report.html"), ("json", "report.json")] {
        let text = ask(home.path(), &["report", "--format", format]);
        ask(home.path(), &["report", "--format", format, "-o", file]);
        assert_eq!(fs::read_to_string(home.path().join(file)).unwrap(), text, "{format}");
        for word in ["unauthenticated", "compliant", "complete"] {
            assert!(!text.contains(word), "{format}: {word}");
        }
        if format == "md" {
            expect("report.md", &text);
        }
    }
}

#[test]
fn owners_of_the_configuration_stand_beside_principals() {
    let home = home();
    fs::write(
        home.path().join("owners.toml"),
        "[[owner]]\nprincipal = 'nobody'\nowner = 'Shop'\nconfirmed_on = '2020-01-01'\n",
    )
    .unwrap();
    let report = ask(home.path(), &["--config", "owners.toml", "report", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["answers"][2]["figures"]["owned"], 0, "the list names one whom nobody saw");
    assert_eq!(report["answers"][2]["not_seen"], serde_json::json!([]));
    assert_eq!(ask(home.path(), &["agents", "--json"]), "[]\n");
}

#[test]
fn the_log_of_an_identity_holds_its_flows_and_no_other() {
    let home = home();
    let edges: serde_json::Value = serde_json::from_str(&ask(home.path(), &["edges", "--json"])).unwrap();
    for edge in edges.as_array().unwrap() {
        let lines = ask(home.path(), &["events", "--json", "--identity", edge["id"].as_str().unwrap()]);
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(u64::try_from(lines.len()).unwrap(), edge["flows"].as_u64().unwrap());
        assert!(lines.iter().all(|line| line["edge"] == edge["id"] && line["caller"] == edge["caller"]));
    }
    assert_eq!(said(home.path(), &["--db", "small.db", "events", "--identity", "none-such"]).code, Some(1));
}

#[test]
fn exports() {
    let home = home();
    for (format, file) in [
        ("json", "graph.json"),
        ("csv", "edges.csv"),
        ("csv-nodes", "nodes.csv"),
        ("dot", "graph.dot"),
        ("graphml", "graph.graphml"),
    ] {
        let text = ask(home.path(), &["export", "--format", format]);
        expect(file, &text);
        ask(home.path(), &["export", "--format", format, "-o", file]);
        assert_eq!(fs::read_to_string(home.path().join(file)).unwrap(), text, "{format}");
    }
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let (first, second) = (home(), home());
    for arguments in [&["export", "--format", "json"][..], &["edges", "--json"], &["listeners"]] {
        assert_eq!(ask(first.path(), arguments), ask(second.path(), arguments), "{arguments:?}");
    }
    let lines = told(first.path(), &["replay", "--json", "small.tzlog"]);
    assert_eq!(lines, told(second.path(), &["replay", "--json", "small.tzlog"]));
}

#[test]
fn json_lines_end_in_a_summary() {
    let home = home();
    let lines = told(home.path(), &["replay", "--json", "small.tzlog"]);
    let types: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types.iter().filter(|one| *one == "summary").count(), 1);
    assert_eq!(types.last().map(String::as_str), Some("summary"));
    assert!(types.iter().any(|one| one == "flow") && types.iter().any(|one| one == "edge"), "{types:?}");
}

#[test]
fn nothing_printed_holds_a_control_character_from_outside() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("evil.tzlog"), logs::evil()).unwrap();
    told(home.path(), &["--db", "small.db", "replay", "evil.tzlog"]);
    let mut printed =
        ask(home.path(), &["edges"]) + &ask(home.path(), &["listeners"]) + &ask(home.path(), &["workloads"]);
    printed += &ask(home.path(), &["explain", &edge(home.path(), "location-trusted")]);
    printed += &told(home.path(), &["replay", "evil.tzlog"]);
    assert!(printed.contains("\\u{1b}[2J"), "the name is shown, escaped: {printed}");
    for character in printed.chars() {
        assert!(character == '\n' || !character.is_control(), "{character:?}");
        assert!(!('\u{202a}'..='\u{202e}').contains(&character), "{character:?}");
    }
}

#[test]
fn colours_only_where_asked_for() {
    let home = home();
    let mut command = crate::run::tierzero(home.path(), &["--db", "small.db", "edges"]);
    let coloured = String::from_utf8(command.env("CLICOLOR_FORCE", "1").output().unwrap().stdout).unwrap();
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let mut command = crate::run::tierzero(home.path(), &["--no-color", "--db", "small.db", "edges"]);
    let plain = String::from_utf8(command.env("CLICOLOR_FORCE", "1").output().unwrap().stdout).unwrap();
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert_eq!(plain, ask(home.path(), &["edges"]));
}

#[test]
fn a_narrow_terminal_is_respected() {
    let home = home();
    for columns in [80, 100, 140] {
        let mut command = crate::run::tierzero(home.path(), &["--db", "small.db", "edges"]);
        let text = command.env("COLUMNS", columns.to_string()).output().unwrap().stdout;
        let text = String::from_utf8(text).unwrap();
        let rows = text.lines().filter(|line| line.contains("e-"));
        for row in rows {
            assert!(row.chars().count() <= columns.max(100), "{columns}: {row}");
        }
    }
}

#[test]
fn doctor_answers_in_both_forms_and_never_fails() {
    let home = tempfile::tempdir().unwrap();
    let said_plain = said(home.path(), &["doctor"]);
    assert_eq!(said_plain.code, Some(0), "{}", said_plain.stderr);
    for part in ["Kernel", "Privileges", "Programs", "Not seen here", "Verdicts", "Next"] {
        assert!(said_plain.stdout.contains(part), "{part}: {}", said_plain.stdout);
    }
    let json: serde_json::Value = serde_json::from_str(&told(home.path(), &["doctor", "--json"])).unwrap();
    assert_eq!(json["schema"], "tierzero/doctor/1");
    assert_eq!(json["verdicts"].as_array().unwrap().len(), 7);
}
