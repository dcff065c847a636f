//! What a guest says, line by line, and the table of kernels and programs.

use std::collections::{BTreeMap, BTreeSet};

/// What one kernel did.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// `6.1`.
    pub(super) series: String,
    /// `uname -r`.
    pub(super) release: String,
    /// By name: state and reason.
    pub(super) programs: BTreeMap<String, (String, String)>,
    /// By name: instructions that the verifier walked, where the kernel says (from 5.16 on).
    pub(super) walked: BTreeMap<String, String>,
    /// Names of degradations, with what each loses.
    pub(super) degraded: BTreeMap<String, String>,
    /// By name: what was to be seen, and whether it was.
    pub(super) seen: BTreeMap<String, (bool, String)>,
    /// Runs of programs that the kernel skipped and counted, and the missing events that they account for.
    pub(super) skipped: Option<(String, String)>,
    /// Why the observer did not start at all.
    pub(super) error: Option<String>,
}

impl Report {
    /// Reads the lines of a guest: kind, then fields, separated by tabs.
    pub(super) fn read(series: &str, lines: &str) -> Result<Self, String> {
        let mut report = Self { series: series.to_owned(), ..Self::default() };
        for line in lines.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields.as_slice() {
                ["kernel", release] => (*release).clone_into(&mut report.release),
                ["program", name, _hook, state, walked, because] => {
                    report.walked.insert((*name).to_owned(), (*walked).to_owned());
                    report.programs.insert((*name).to_owned(), ((*state).to_owned(), (*because).to_owned()));
                }
                ["degraded", name, loses] => {
                    report.degraded.insert((*name).to_owned(), (*loses).to_owned());
                }
                ["seen", name, "yes", what] => {
                    report.seen.insert((*name).to_owned(), (true, (*what).to_owned()));
                }
                ["seen", name, "no", what] => {
                    report.seen.insert((*name).to_owned(), (false, (*what).to_owned()));
                }
                ["skipped", places, events] => {
                    report.skipped = Some(((*places).to_owned(), (*events).to_owned()));
                }
                ["error", says] => report.error = Some((*says).to_owned()),
                ["end"] => {}
                _ => return Err(format!("the guest wrote a line that is not known: {line:?}")),
            }
        }
        if report.release.is_empty() { Err("the guest named no kernel".to_owned()) } else { Ok(report) }
    }
}

/// Prints kernels as columns, programs, degradations and sights as lines.
pub(super) fn print(reports: &[Report], reasons: bool) {
    let names =
        |of: fn(&Report) -> Vec<&String>| -> BTreeSet<&String> { reports.iter().flat_map(of).collect() };
    let longest = reports
        .iter()
        .flat_map(|report| report.seen.keys().chain(report.programs.keys()).chain(report.degraded.keys()));
    let width = longest.map(|name| name.len() + 4).max().unwrap_or(16);
    let line = |name: &str, cell: &dyn Fn(&Report) -> String| {
        let cells: String = reports.iter().map(|report| format!("  {:16}", cell(report))).collect();
        println!("{name:width$}{}", cells.trim_end());
    };
    println!();
    line("", &|report| report.series.clone());
    line("release", &|report| report.release.chars().take(16).collect());
    println!("programs, with the instructions that the verifier walked where the kernel says");
    for name in names(|report| report.programs.keys().collect()) {
        line(&format!("  {name}"), &|report| {
            let walked = report.walked.get(name).map_or("", String::as_str);
            let state = report.programs.get(name).map_or("-", |(state, _)| state.as_str());
            format!("{state} {walked}").trim_end().to_owned()
        });
    }
    println!("loopback connections");
    for name in names(|report| report.seen.keys().collect()) {
        line(&format!("  {name}"), &|report| {
            report.seen.get(name).map_or("-", |(yes, _)| if *yes { "seen" } else { "NOT SEEN" }).to_owned()
        });
    }
    println!("degradations");
    for name in names(|report| report.degraded.keys().collect()) {
        line(&format!("  {name}"), &|report| {
            (if report.degraded.contains_key(name) { "named" } else { "-" }).to_owned()
        });
    }
    println!();
    for report in reports {
        for (name, (state, because)) in report.programs.iter().filter(|(_, (_, because))| !because.is_empty())
        {
            let because = because.replace("\\n", "\n      ");
            let short = because.lines().next_back().unwrap_or_default();
            println!("{} {name}: {state}: {}", report.series, if reasons { because.as_str() } else { short });
        }
        for (name, (_, what)) in report.seen.iter().filter(|(_, (yes, _))| !yes) {
            println!("{} {name} was not seen: {what}", report.series);
        }
        if let Some((places, events)) = &report.skipped {
            let events = if events.is_empty() { "no event that is looked for is missing" } else { events };
            println!("{} runs that the kernel skipped, and said so: {places}; {events}", report.series);
        }
        if let Some(says) = &report.error {
            println!("{} did not start: {}", report.series, says.replace("\\n", "\n      "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_read() {
        let lines = "kernel\t6.1.0\nprogram\ta\tcgroup/b\tattached\t120\t\nprogram\tc\tfexit/d\tload refused\t\twhy\\nnot\n\
                     degraded\tno-d\td is not seen\nseen\tv4\tyes\tboth\nseen\tv6\tno\tno responder\n\
                     skipped\tmissed-process-exit 2\tno exit of 7\nend\n";
        let report = Report::read("6.1", lines).unwrap();
        assert_eq!(report.programs["c"], ("load refused".to_owned(), "why\\nnot".to_owned()));
        assert_eq!(report.seen["v6"], (false, "no responder".to_owned()));
        assert_eq!(report.walked["a"], "120");
        assert_eq!(report.skipped, Some(("missed-process-exit 2".to_owned(), "no exit of 7".to_owned())));
        assert_eq!(report.degraded.len(), 1);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(Report::read("6.1", "kernel\t6.1\nnonsense\n").is_err());
        assert!(Report::read("6.1", "end\n").is_err());
    }
}
