//! `cargo xtask golden`: recorded event logs against the graphs that they gave when last reviewed.

use std::process::Command;

use crate::Outcome;
use crate::process::{run as run_program, top};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write what comes out now as what is expected; review the difference before you commit it.
    #[arg(long)]
    bless: bool,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(top()).args([
        "test",
        "-q",
        "-p",
        "tierzero-tests",
        "--test",
        "golden",
        "--",
        "--nocapture",
    ]);
    if arguments.bless {
        command.env("TIERZERO_BLESS", "1");
    } else {
        command.env_remove("TIERZERO_BLESS");
    }
    run_program(&mut command)?;
    if arguments.bless {
        println!("blessed; what changed: git diff --stat tests/golden");
    }
    Ok(())
}
