//! `cargo xtask ci`: everything that must hold before a change goes in, each step timed, skipped only aloud.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, process};

mod install;
mod steps;

use steps::{STEPS, Step};

/// What property tests draw from while the gate runs them.
const PROPERTY_SEED: &str = "20261123";

/// Options of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// First install what the steps need: Debian packages and cargo tools (needs root).
    #[arg(long)]
    install: bool,
    /// Run these steps only.
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    only: Vec<String>,
    /// Leave these steps out.
    #[arg(long, value_delimiter = ',', value_name = "STEP")]
    skip: Vec<String>,
    /// Name the steps and what they run, and run nothing.
    #[arg(long)]
    list: bool,
    /// Check the dependencies against the advisory database instead (reaches the network beyond the registries).
    #[arg(long)]
    advisories: bool,
}

/// How a step ended.
enum Ending {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Runs the steps; the last line of output counts them.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { install, only, skip, list, advisories } = arguments;
    for name in only.iter().chain(&skip) {
        if name != "install" && !STEPS.iter().any(|step| step.name == name) {
            return Err(format!("there is no step `{name}`; `cargo xtask ci --list` names them"));
        }
    }
    if list {
        for Step { name, says, .. } in &STEPS {
            println!("{name:8} {says}");
        }
        return Ok(());
    }
    if advisories {
        return process::run(
            Command::new("cargo").args(["deny", "check", "advisories"]).current_dir(process::top()),
        );
    }
    let mut endings: Vec<(&str, Duration, Ending)> = Vec::new();
    if install {
        headline("install", "Debian packages and cargo tools");
        let start = Instant::now();
        let ending = install::install().map_or_else(Ending::Failed, |()| Ending::Passed);
        let took = start.elapsed();
        say("install", &ending, took);
        endings.push(("install", took, ending));
    }
    for step in &STEPS {
        let wanted = only.is_empty() || only.iter().any(|name| name == step.name);
        if !wanted || skip.iter().any(|name| name == step.name) {
            continue;
        }
        headline(step.name, step.says);
        let start = Instant::now();
        let ending = one(step);
        let took = start.elapsed();
        say(step.name, &ending, took);
        endings.push((step.name, took, ending));
    }
    summary(&endings)
}

/// How a step ended, as soon as it did.
fn say(name: &str, ending: &Ending, took: Duration) {
    let took = took.as_secs_f64();
    match ending {
        Ending::Passed => println!("--- {name} passed in {took:.1} s"),
        Ending::Failed(says) => println!("--- {name} FAILED after {took:.1} s: {says}"),
        Ending::Skipped(why) => println!("--- {name} SKIPPED: {why}"),
    }
}

fn one(step: &Step) -> Ending {
    if let Some(why) = (step.missing)() {
        return Ending::Skipped(why);
    }
    for command in (step.commands)() {
        if let Err(says) = within(step.limit_s, &command) {
            return Ending::Failed(says);
        }
    }
    Ending::Passed
}

/// Runs one command line from the top of the repository, and ends it when it takes longer than it may.
fn within(limit_s: u32, words: &[String]) -> Result<(), String> {
    println!("$ {}", words.join(" "));
    let mut command = Command::new("timeout");
    // The gate gives one answer for one commit; whoever looks for more runs `cargo test`, which draws anew each time.
    command.env("PROPTEST_RNG_SEED", PROPERTY_SEED);
    // In the foreground, so that Ctrl-C reaches it.
    command.args(["--foreground", "--kill-after=10", &limit_s.to_string()]).args(words);
    command.current_dir(process::top()).stdin(Stdio::null());
    process::run_keeping_end(&mut command).map_err(|(says, end)| match words {
        [first, second, ..] if says.contains("124") => {
            format!("`{first} {second}` took longer than {limit_s} s{end}")
        }
        _ => format!("{}{end}", says.replace("`timeout`", &format!("`{}`", words.join(" ")))),
    })
}

fn headline(name: &str, says: &str) {
    println!("\n=== {name}: {says}");
}

fn summary(endings: &[(&str, Duration, Ending)]) -> Outcome {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    println!("\n=== summary");
    for (name, took, ending) in endings {
        let (word, why) = match ending {
            Ending::Passed => {
                passed += 1;
                ("passed", "")
            }
            Ending::Failed(says) => {
                failed += 1;
                ("FAILED", says.as_str())
            }
            Ending::Skipped(why) => {
                skipped += 1;
                ("SKIPPED", why.as_str())
            }
        };
        println!("{name:8} {word:8} {:>7.1} s  {why}", took.as_secs_f64());
    }
    let total: Duration = endings.iter().map(|(_, took, _)| *took).sum();
    println!("{:8} {:8} {:>7.1} s", "total", "", total.as_secs_f64());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    // The count is the last line: nothing is said after it.
    if failed == 0 { Ok(()) } else { Err(String::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_runs_exactly_what_the_readme_says() {
        let read = |path: &str| std::fs::read_to_string(process::top().join(path)).unwrap();
        let script = read(".ci/run");
        let command = script.lines().find(|line| line.contains("cargo xtask ci")).unwrap();
        assert!(
            read("README.md").lines().any(|line| line.trim() == command.trim()),
            "README.md has no line `{command}`"
        );
    }

    #[test]
    fn a_command_that_fails_or_takes_too_long_is_an_error() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(within(5, &words("true")).is_ok());
        assert!(within(5, &words("false")).unwrap_err().contains("`false` ended with"));
        assert!(within(1, &words("sleep 5")).unwrap_err().contains("longer than 1 s"));
    }

    #[test]
    fn one_failure_fails_the_run_without_a_word_after_the_count() {
        let took = Duration::ZERO;
        assert!(
            summary(&[("a", took, Ending::Passed), ("b", took, Ending::Skipped("why".to_owned()))]).is_ok()
        );
        assert_eq!(summary(&[("a", took, Ending::Failed("b".to_owned()))]), Err(String::new()));
    }

    #[test]
    fn a_step_that_does_not_exist_is_named() {
        let arguments = |only: &str| Arguments {
            install: false,
            only: vec![only.to_owned()],
            skip: vec![],
            list: true,
            advisories: false,
        };
        assert!(run(arguments("nothing")).unwrap_err().contains("`nothing`"));
        assert!(run(arguments("fmt")).is_ok());
    }
}
