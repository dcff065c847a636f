//! Every help page in one file, so that a change of any is seen.

use std::fmt::Write as _;

use crate::run::{expect, told};

const COMMANDS: [&str; 22] = [
    "observe",
    "edges",
    "listeners",
    "workloads",
    "agents",
    "principals",
    "callers",
    "policy",
    "events",
    "paths",
    "findings",
    "finding",
    "drill",
    "explain",
    "report",
    "export",
    "snapshot",
    "diff",
    "replay",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_page() {
    let home = tempfile::tempdir().unwrap();
    let mut pages = String::new();
    let mut page = |arguments: &[&str]| {
        let text = told(home.path(), arguments);
        let _ = writeln!(pages, "$ tierzero {}\n{text}", arguments.join(" "));
    };
    page(&["-h"]);
    page(&["--help"]);
    for command in COMMANDS {
        page(&[command, "--help"]);
    }
    expect("help.txt", &pages);
}

#[test]
fn no_command_is_missing_here() {
    let home = tempfile::tempdir().unwrap();
    let page = told(home.path(), &["-h"]);
    let listed: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, COMMANDS);
}

#[test]
fn no_forbidden_word_is_printed() {
    let pages =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cli/expected/help.txt"));
    let pages = pages.unwrap().to_lowercase();
    for word in ["secure", "compliant", "unauthenticated", "complete view", "zero trust score", "ai-powered"]
    {
        assert!(!pages.contains(word), "{word}");
    }
}

#[test]
fn completions_for_each_shell_name_every_command() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = told(home.path(), &["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_takes_its_completions() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("tierzero.bash");
    std::fs::write(&script, told(home.path(), &["completions", "bash"])).unwrap();
    match std::process::Command::new("bash").arg("-n").arg(&script).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("skipped: bash can't be run: {error}"),
    }
}

#[test]
fn a_manual_page_for_each_command() {
    let home = tempfile::tempdir().unwrap();
    told(home.path(), &["man", "pages"]);
    for name in
        ["tierzero".to_owned()].into_iter().chain(COMMANDS.map(|command| format!("tierzero-{command}")))
    {
        let page = std::fs::read_to_string(home.path().join(format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".TH"), "{name}");
    }
    assert!(told(home.path(), &["man"]).contains("CONFIGURATION"));
}
