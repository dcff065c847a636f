//! How many instructions the verifier walks for each program, on kernels that were looked at. A change that makes a
//! program much harder to verify is seen in review before an old kernel refuses it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::process::{is_root, output, top};

/// First line of the golden file.
const HEAD: &str = "kernel\tprogram\tinstructions";

fn golden() -> PathBuf {
    top().join("tests/golden/verifier.tsv")
}

/// (kernel series, program) to instructions.
type Counts = BTreeMap<(String, String), u32>;

pub(crate) fn run(bless: bool) -> Outcome {
    if !is_root() {
        println!("skipped: loading programs needs root");
        return Ok(());
    }
    let series = series()?;
    let says = output(
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--package", "tierzero-sensor", "--example", "verifier"])
            .current_dir(top()),
    )?;
    let mut now = Counts::new();
    for line in says.lines() {
        let (program, count) = line.split_once('\t').ok_or_else(|| format!("not a count: `{line}`"))?;
        let count = count.parse().map_err(|_| format!("not a count: `{line}`"))?;
        now.insert((series.clone(), program.to_owned()), count);
    }
    let text = fs::read_to_string(golden()).unwrap_or_else(|_| HEAD.to_owned());
    let mut known = parse(&text)?;
    let before: Counts = known.iter().filter(|((kernel, _), _)| *kernel == series).map(clone).collect();
    if bless {
        known.retain(|(kernel, _), _| *kernel != series);
        known.extend(now);
        let lines: Vec<String> =
            known.iter().map(|((kernel, program), count)| format!("{kernel}\t{program}\t{count}")).collect();
        fs::create_dir_all(golden().parent().unwrap_or(&golden())).map_err(|error| error.to_string())?;
        return fs::write(golden(), format!("{HEAD}\n{}\n", lines.join("\n")))
            .map_err(|error| error.to_string());
    }
    if before.is_empty() {
        println!("skipped: no verified counts are kept for kernel {series}");
        return Ok(());
    }
    let mut differ = Vec::new();
    for (key, count) in &now {
        let then = before.get(key).copied();
        println!(
            "{:16} {count:8}{}",
            key.1,
            then.map_or_else(|| " new".to_owned(), |then| change(then, *count))
        );
        if then != Some(*count) {
            differ.push(key.1.as_str());
        }
    }
    differ.extend(before.keys().filter(|key| !now.contains_key(*key)).map(|key| key.1.as_str()));
    if differ.is_empty() {
        return Ok(());
    }
    Err(format!(
        "other counts for {}: look at them, then `cargo xtask ebpf --verify-counts --bless`",
        differ.join(", ")
    ))
}

fn clone(entry: (&(String, String), &u32)) -> ((String, String), u32) {
    (entry.0.clone(), *entry.1)
}

fn change(then: u32, now: u32) -> String {
    if then == now { String::new() } else { format!(" was {then}") }
}

fn parse(text: &str) -> Result<Counts, String> {
    text.lines()
        .skip(1)
        .map(|line| {
            let bad = || format!("tests/golden/verifier.tsv: `{line}` is not kernel, program, instructions");
            let mut fields = line.split('\t');
            let (Some(kernel), Some(program), Some(count), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return Err(bad());
            };
            Ok(((kernel.to_owned(), program.to_owned()), count.parse().map_err(|_| bad())?))
        })
        .collect()
}

/// The running kernel's series, `6.18` of `6.18.44-x`: the verifier does not change within one.
fn series() -> Result<String, String> {
    let release = output(Command::new("uname").arg("-r"))?;
    let mut parts = release.trim().split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) => Ok(format!("{major}.{minor}")),
        _ => Err(format!("unexpected kernel release `{}`", release.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_bad_ones_named() {
        let counts = parse("kernel\tprogram\tinstructions\n6.1\tclose\t12\n").unwrap();
        assert_eq!(counts.get(&("6.1".to_owned(), "close".to_owned())), Some(&12));
        assert!(parse("kernel\tprogram\tinstructions\n6.1 close 12\n").unwrap_err().contains("6.1 close 12"));
    }
}
