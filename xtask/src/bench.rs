//! `cargo xtask bench`: builds the tool and the measurements, then measures.

use crate::Outcome;
use crate::lab::run_built;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measurements by name, and their options: `cargo xtask bench -- --help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    run_built("tierzero-bench", &arguments.arguments)
}
