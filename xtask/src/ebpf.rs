//! `cargo xtask ebpf`: being written.

use crate::Outcome;

#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: Arguments) -> Outcome {
    Err("`ebpf` is being written".to_owned())
}
