//! `cargo xtask vm`: old and new Debian kernels under emulation, and what the observer can do on each.
//!
//! Times inside are emulation (TCG) and mean nothing.

use std::time::Instant;

use crate::{Outcome, process};

mod expected;
mod image;
mod kernels;
mod machine;
mod report;
mod vmlinux;

use kernels::{Kernel, SERIES, Series};
use report::Report;

/// Options of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Boot this series only (5.10, 6.1, ...); may be given several times.
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<String>,
    /// Name the series that can be booted, with the newest package of each, and boot none.
    #[arg(long)]
    list: bool,
    /// Look for newer packages, instead of booting what was fetched before.
    #[arg(long)]
    update: bool,
    /// Write what the kernels do now to tests/vm/expected.tsv.
    #[arg(long)]
    bless: bool,
    /// Also print the whole verifier or system message of every refusal.
    #[arg(long)]
    reasons: bool,
}

/// Boots the kernels one after another, and compares what loads with what is expected to.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { kernel: wanted, list, update, bless, reasons } = arguments;
    let series = chosen(&wanted)?;
    if list {
        return kernels::list();
    }
    let start = Instant::now();
    let guest = image::guest()?;
    println!("guest built in {:.1} s", start.elapsed().as_secs_f64());
    let expected = expected::read()?;
    let mut reports = Vec::new();
    let (mut failures, mut unfetched) = (Vec::new(), Vec::new());
    for series in series {
        let start = Instant::now();
        let Kernel { package, vmlinux } = match kernels::fetch(series, update) {
            Ok(kernel) => kernel,
            // The others are worth booting all the same: an archive moves its oldest releases away.
            Err(says) => {
                println!("{:5} SKIPPED, it could not be fetched: {says}", series.name);
                unfetched.push(format!("{}: {says}", series.name));
                continue;
            }
        };
        let fetched = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let place = process::target().join("vm").join(series.name);
        let initrd = image::initramfs(&guest, &place)?;
        let boot =
            || machine::boot(&vmlinux, &initrd, &place).and_then(|lines| Report::read(series.name, &lines));
        let mut ended = boot();
        // What a kernel can do does not change from one boot to the next; what an emulated one gets done in time does.
        let worse = unexpected(&ended, &expected);
        if !worse.is_empty() && !bless {
            println!(
                "{:5} the first boot was not as expected, and is repeated:\n  {}",
                series.name,
                worse.join("\n  ")
            );
            ended = boot();
        }
        println!(
            "{:5} {package}: fetched in {fetched:.1} s, ran in {:.1} s",
            series.name,
            start.elapsed().as_secs_f64()
        );
        match ended {
            Ok(report) => reports.push(report),
            Err(says) => failures.push(format!("{}: {says}", series.name)),
        }
    }
    report::print(&reports, reasons);
    let expected = if bless {
        expected::write(&reports)?;
        expected::read()?
    } else {
        expected
    };
    for report in &reports {
        failures.extend(expected::judge(&expected, report));
    }
    // Who asked for a series by name, or got none at all, learnt nothing.
    if !wanted.is_empty() || reports.is_empty() {
        failures.append(&mut unfetched);
    }
    if failures.is_empty() {
        println!(
            "{} kernels do what tests/vm/expected.tsv says, {} were skipped",
            reports.len(),
            unfetched.len()
        );
        return Ok(());
    }
    Err(format!("the kernel matrix fails:\n  {}", failures.join("\n  ")))
}

fn unexpected(ended: &Result<Report, String>, expected: &expected::Expected) -> Vec<String> {
    match ended {
        Ok(report) => expected::judge(expected, report),
        Err(says) => vec![says.clone()],
    }
}

fn chosen(wanted: &[String]) -> Result<Vec<&'static Series>, String> {
    if wanted.is_empty() {
        return Ok(SERIES.iter().filter(|series| series.usual).collect());
    }
    let find = |name: &String| {
        let known: Vec<&str> = SERIES.iter().map(|series| series.name).collect();
        let found = SERIES.iter().find(|series| series.name == name);
        found.ok_or_else(|| format!("series `{name}` is not known; these are: {}", known.join(", ")))
    };
    wanted.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_kernels_are_an_old_a_middle_and_a_new_one() {
        let names: Vec<_> = chosen(&[]).unwrap().iter().map(|series| series.name).collect();
        assert_eq!(names, ["5.10", "6.1", "7.3"]);
        assert!(chosen(&["2.6".to_owned()]).is_err());
    }
}
