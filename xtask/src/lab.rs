//! `cargo xtask lab`: builds the tool and the lab, then runs the lab.

use std::process::Command;

use crate::Outcome;
use crate::process::{own, run as run_command, top};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Scenarios by name, and the lab's options: `cargo xtask lab -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    run_built("tierzero-lab", &arguments.arguments)
}

/// Builds the tool and the programs of the tests as users get them, and runs one of these on the tool.
pub(crate) fn run_built(program: &str, arguments: &[String]) -> Outcome {
    let mut build = Command::new("cargo");
    build.current_dir(top()).args(["build", "--release", "-p", "tierzero", "-p", "tierzero-tests"]);
    run_command(&mut build)?;
    // This program lies in a sibling of the directory into which cargo has just built.
    let own = own()?;
    let target = own.parent().and_then(std::path::Path::parent).ok_or("own path has no target directory")?;
    let built = target.join("release");
    let mut command = Command::new(built.join(program));
    command.current_dir(top()).args(arguments).env("TIERZERO_BIN", built.join("tierzero"));
    run_command(&mut command)
}
