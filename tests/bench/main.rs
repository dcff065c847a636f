//! The measurements as a program; `cargo xtask bench` builds the tool and runs this.
#![allow(clippy::print_stderr, reason = "a developer command talks to the terminal")]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match tierzero_tests::bench::run(&tierzero_tests::bench::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(says) => {
            eprintln!("error: {says}");
            ExitCode::FAILURE
        }
    }
}
