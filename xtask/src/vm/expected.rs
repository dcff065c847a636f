//! What each kernel is expected to do: tests/vm/expected.tsv, one line for each kernel and program or sight.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::report::Report;
use crate::process;

/// By series, kind and name: the state.
pub(super) type Expected = BTreeMap<(String, String, String), String>;

const HEAD: &str = "# series\tkind\tname\tstate. Written by `cargo xtask vm --bless`: read what changes before it is committed.\n";

fn path() -> PathBuf {
    process::top().join("tests/vm/expected.tsv")
}

/// Reads the table.
pub(super) fn read() -> Result<Expected, String> {
    let path = path();
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Expected, String> {
    let mut expected = Expected::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [series, kind, name, state] = fields.as_slice() else {
            return Err(format!("tests/vm/expected.tsv:{}: not four fields separated by tabs", number + 1));
        };
        let key = ((*series).to_owned(), (*kind).to_owned(), (*name).to_owned());
        expected.insert(key, (*state).to_owned());
    }
    Ok(expected)
}

/// The same facts of one report, as the table has them.
fn facts(report: &Report) -> Expected {
    let key = |kind: &str, name: &String| (report.series.clone(), kind.to_owned(), name.clone());
    let programs = report.programs.iter().map(|(name, (state, _))| (key("program", name), state.clone()));
    let sight = |yes: bool| (if yes { "seen" } else { "not seen" }).to_owned();
    let seen = report.seen.iter().map(|(name, (yes, _))| (key("sight", name), sight(*yes)));
    let degraded = report.degraded.keys().map(|name| (key("degradation", name), "named".to_owned()));
    programs.chain(seen).chain(degraded).collect()
}

/// Writes what the booted kernels do; the lines of the others stay.
pub(super) fn write(reports: &[Report]) -> Result<(), String> {
    let mut expected = read().unwrap_or_default();
    for report in reports {
        expected.retain(|(series, _, _), _| *series != report.series);
        expected.extend(facts(report));
    }
    let mut text = HEAD.to_owned();
    for ((series, kind, name), state) in &expected {
        let _ = writeln!(text, "{series}\t{kind}\t{name}\t{state}");
    }
    let path = path();
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Nothing better can come: an expectation that says less is only old.
fn good(state: &str) -> bool {
    state == "attached" || state == "seen"
}

/// What is worse than expected, and what must hold on every kernel whatever is expected.
pub(super) fn judge(expected: &Expected, report: &Report) -> Vec<String> {
    let mut failures = Vec::new();
    let mut fail = |says: String| failures.push(format!("{}: {says}", report.series));
    if let Some(says) = &report.error {
        fail(format!("the observer did not start: {}", says.split("\\n").last().unwrap_or_default()));
    }
    if report.programs.is_empty() || !report.programs.values().any(|(state, _)| state == "attached") {
        fail("no program is attached at all".to_owned());
    }
    for name in ["tcp4 both processes", "tcp6 both processes"] {
        if !report.seen.get(name).is_some_and(|(yes, _)| *yes) {
            fail(format!("{name}: not seen, and every kernel must see it"));
        }
    }
    for (name, (state, because)) in &report.programs {
        if state != "attached" && because.is_empty() {
            fail(format!("{name} is {state} without a reason"));
        }
    }
    let refused = report.programs.values().any(|(state, _)| state != "attached");
    if refused && report.degraded.is_empty() {
        fail("a program is not attached, and no degradation is named".to_owned());
    }
    if report.seen.values().any(|(yes, _)| !yes) && report.degraded.is_empty() {
        fail("something was not seen, and no degradation is named".to_owned());
    }
    let facts = facts(report);
    for ((series, kind, name), state) in
        expected.iter().filter(|((series, _, _), _)| *series == report.series)
    {
        let now = facts.get(&(series.clone(), kind.clone(), name.clone()));
        if now != Some(state) && !now.is_some_and(|now| good(now)) {
            let now = now.map_or("not there", String::as_str);
            fail(format!("{kind} {name}: {now}, expected {state} (meant? `cargo xtask vm --bless`)"));
        }
    }
    if !expected.keys().any(|(series, _, _)| *series == report.series) {
        fail("nothing is written in tests/vm/expected.tsv (`cargo xtask vm --bless`)".to_owned());
        return failures;
    }
    // What is new must be read once, unless it is good.
    for ((_, kind, name), state) in
        facts.iter().filter(|(key, state)| !expected.contains_key(*key) && !good(state))
    {
        fail(format!(
            "{kind} {name} is {state}, and not in tests/vm/expected.tsv (`cargo xtask vm --bless`)"
        ));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(v6: &str, state: &str) -> Report {
        let lines = format!(
            "kernel\t6.1.0\nprogram\ta\thook\tattached\t7\t\nprogram\tb\thook\t{state}\t\twhy\ndegraded\tno-b\tb\n\
             seen\ttcp4 both processes\tyes\t\nseen\ttcp6 both processes\t{v6}\t\nend\n"
        );
        Report::read("6.1", &lines).unwrap()
    }

    fn table(report: &Report) -> Expected {
        facts(report)
    }

    #[test]
    fn what_is_as_expected_passes() {
        let now = report("yes", "load refused");
        assert!(judge(&table(&now), &now).is_empty());
    }

    #[test]
    fn a_program_that_is_refused_where_it_loaded_fails() {
        let before = table(&report("yes", "attached"));
        assert!(
            judge(&before, &report("yes", "load refused"))[0]
                .contains("program b: load refused, expected attached")
        );
    }

    #[test]
    fn what_is_better_than_expected_passes_and_a_new_refusal_does_not() {
        let before = table(&report("yes", "load refused"));
        assert!(judge(&before, &report("yes", "attached")).is_empty());
        let mut unread = before;
        unread.retain(|(_, _, name), _| name != "b");
        assert!(
            judge(&unread, &report("yes", "load refused"))[0]
                .contains("program b is load refused, and not in")
        );
    }

    #[test]
    fn a_connection_that_is_not_seen_fails_even_where_it_is_expected() {
        let now = report("no", "attached");
        assert!(judge(&table(&now), &now)[0].contains("tcp6 both processes"));
    }

    #[test]
    fn an_object_that_does_not_load_fails() {
        let now = Report::read("6.1", "kernel\t6.1.0\nerror\tno BTF\nend\n").unwrap();
        assert!(judge(&Expected::new(), &now).len() >= 3);
    }

    #[test]
    fn a_refusal_without_a_named_degradation_fails() {
        let mut now = report("yes", "load refused");
        let before = table(&now);
        now.degraded.clear();
        assert!(judge(&before, &now).iter().any(|says| says.contains("no degradation is named")));
    }

    #[test]
    fn blindness_without_a_named_degradation_fails() {
        let lines = "kernel\t6.1.0\nprogram\ta\thook\tattached\t7\t\nseen\ttcp4 both processes\tyes\t\n\
                     seen\ttcp6 both processes\tyes\t\nseen\tunix both processes\tno\twhy\nend\n";
        let now = Report::read("6.1", lines).unwrap();
        assert_eq!(judge(&facts(&now), &now).len(), 1);
        assert_eq!(judge(&Expected::new(), &now).len(), 2);
    }

    #[test]
    fn a_table_that_is_broken_is_an_error() {
        assert!(parse("6.1\tprogram\ta\n").is_err());
        assert_eq!(parse("# a\n6.1\tprogram\ta\tattached\n").unwrap().len(), 1);
    }
}
