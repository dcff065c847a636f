//! `cargo xtask fuzz`: builds the fuzz targets with coverage and runs them for a while.
//!
//! Stable Rust is enough: the compiler's coverage instrumentation is switched on by codegen flags, and libFuzzer is
//! compiled from its own crate by the C++ compiler. No sanitizer: `core` holds no unsafe code.

mod kept;
mod tally;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Outcome;
use crate::process::{run as run_program, target as target_folder, top};

/// Instrumentation that libFuzzer reads, as cargo-fuzz sets it.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Set apart from the host's build scripts by naming the target, or they would be instrumented too.
const TARGET: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };

/// What an input may take: seconds, memory, and how long one may be.
const LIMITS: &[&str] = &["-timeout=10", "-rss_limit_mb=1024", "-max_len=8192"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this target; without it, each in turn.
    target: Option<String>,
    /// Seconds for each target.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// This many inputs for each target instead, always the same ones: a gate must not fail by chance.
    #[arg(long, conflicts_with = "seconds")]
    runs: Option<u32>,
    /// Begin with the conversations of the tests: run these and keep what they say as seeds of the targets.
    #[arg(long, conflicts_with_all = ["runs", "input"])]
    seeds: bool,
    /// Instead of fuzzing, reduce what was found and commit the smallest part of it: writes tests/fuzz/kept.
    #[arg(long, conflicts_with_all = ["runs", "input"])]
    keep: bool,
    /// Instead, give each target in turn what it is still owed (5 or 15 minutes of processor time) for at most this
    /// many minutes, on every processor, and add that to tests/fuzz/tally.tsv.
    #[arg(long, value_name = "MINUTES", conflicts_with_all = ["target", "seconds", "runs", "keep", "input"])]
    owed: Option<u32>,
    /// Run this saved input again instead of fuzzing.
    #[arg(long, requires = "target")]
    input: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { target, seconds, runs, seeds, keep, owed, input } = arguments;
    let home = top().join("tests/fuzz");
    let known = targets(&home)?;
    let chosen = match target {
        None => known,
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => return Err(format!("no fuzz target `{name}`; there are: {}", known.join(", "))),
    };
    if seeds {
        sow(&home, &chosen)?;
    }
    build(&home)?;
    if let Some(minutes) = owed {
        return tally::pay(&home, &chosen, Duration::from_secs(u64::from(minutes).saturating_mul(60)));
    }
    for name in chosen {
        let (program, corpus, artifacts) = places(&home, &name)?;
        let mut command = Command::new(&program);
        command.current_dir(&home);
        if let Some(input) = &input {
            run_program(command.arg(std::path::absolute(input).map_err(|error| error.to_string())?))?;
            continue;
        }
        if keep {
            kept::pack(&home, &name, &program, &corpus)?;
            continue;
        }
        match runs {
            // Nothing found is kept, or the next run would begin elsewhere.
            Some(runs) => {
                println!("fuzz {name}: {runs} inputs");
                let fresh = target_folder().join("fuzz-kept").join(&name);
                if fresh.exists() {
                    std::fs::remove_dir_all(&fresh)
                        .map_err(|error| format!("{}: {error}", fresh.display()))?;
                }
                std::fs::create_dir_all(&fresh).map_err(|error| format!("{}: {error}", fresh.display()))?;
                kept::unpack(&home, &name, &fresh)?;
                command.arg(fresh).args([
                    format!("-runs={runs}"),
                    "-seed=1".to_owned(),
                    "-verbosity=0".to_owned(),
                ]);
            }
            None => {
                println!("fuzz {name}: {seconds} s");
                kept::unpack(&home, &name, &corpus)?;
                command
                    .arg(corpus)
                    .args([format!("-max_total_time={seconds}"), "-print_final_stats=1".to_owned()]);
            }
        }
        command.arg(format!("-artifact_prefix={}/", artifacts.display())).args(LIMITS);
        // A gate of a hundred targets says what failed; what libFuzzer recommends to go on with is for who goes on.
        let ended = if runs.is_some() {
            crate::process::output(&mut command).map(|_| ())
        } else {
            run_program(&mut command)
        };
        ended.map_err(|says| {
            format!("{says}; the input is in {}: run it again with --input", artifacts.display())
        })?;
    }
    Ok(())
}

/// Runs the tests of the dissectors, which write their conversations, and gives each target those of its name, marked as
/// whole; `conversation` and `datagrams` get all.
fn sow(home: &Path, chosen: &[String]) -> Outcome {
    let folder = target_folder().join("fuzz-seeds");
    run_program(
        Command::new("cargo")
            .args(["test", "--quiet", "-p", "tierzero-core", "--tests"])
            .current_dir(top())
            .env("TIERZERO_SEEDS", &folder),
    )?;
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for kind in ["streams", "datagrams"] {
        for subject in std::fs::read_dir(folder.join(kind)).map_err(failed)? {
            let subject = subject.map_err(failed)?;
            let name = subject.file_name().to_string_lossy().into_owned();
            let general = if kind == "streams" { "conversation" } else { "datagrams" };
            let special = if kind == "streams" { name.clone() } else { format!("{name}_datagrams") };
            for seed in std::fs::read_dir(subject.path()).map_err(failed)? {
                let seed = seed.map_err(failed)?;
                let bytes = std::fs::read(seed.path()).map_err(failed)?;
                let whole = [&[0xff, 0xff][..], &bytes].concat();
                for (wanted, bytes) in [(general, &bytes), (&name, &whole), (&special, &whole)] {
                    if chosen.iter().any(|one| one == wanted) {
                        let place = home.join("corpus").join(wanted);
                        std::fs::create_dir_all(&place).map_err(failed)?;
                        std::fs::write(place.join(seed.file_name()), bytes).map_err(failed)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// A target's program, and its folders of inputs and of failures, which are made.
fn places(home: &Path, target: &str) -> Result<(PathBuf, PathBuf, PathBuf), String> {
    let program = home.join("target").join(TARGET).join("release").join(target);
    let (corpus, artifacts) = (home.join("corpus").join(target), home.join("artifacts").join(target));
    for directory in [&corpus, &artifacts] {
        std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    Ok((program, corpus, artifacts))
}

/// The names of the files in `targets/`.
fn targets(home: &Path) -> Result<Vec<String>, String> {
    let directory = home.join("targets");
    let entries =
        std::fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn build(home: &Path) -> Outcome {
    run_program(
        Command::new("cargo")
            .args(["build", "--release", "--bins", "--target", TARGET, "--manifest-path"])
            .arg(home.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", home.join("target"))
            .env("RUSTFLAGS", FLAGS.join(" ")),
    )
}
