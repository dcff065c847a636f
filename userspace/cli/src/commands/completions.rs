//! `tierzero completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::error::Outcome;
use crate::output::colour;

/// Print a completion script for your shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero completions bash > /etc/bash_completion.d/tierzero
  tierzero completions zsh  > \"${fpath[1]}/_tierzero\"
  tierzero completions fish > ~/.config/fish/completions/tierzero.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(&self) -> Outcome {
        use std::io::Write as _;
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "tierzero", &mut script);
        let mut out = colour::stdout();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}
