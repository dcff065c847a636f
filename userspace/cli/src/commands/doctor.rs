//! `tierzero doctor`.

use clap::Args;

use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::colour;
use crate::{diagnosis, place};

/// What this kernel and these privileges allow, what is therefore not seen, what each verdict loses
///
/// Loads and attaches every program once and takes it off again; nothing stays. Ends with 0 whatever it finds: what
/// is not there is a finding, not a failure.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero doctor              without root: says what root would add
  sudo tierzero doctor         tries every program on this kernel
  tierzero doctor --json       for programs and bug reports")]
pub(crate) struct Doctor {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks and tells.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        use std::io::Write as _;
        let diagnosis = diagnosis::Diagnosis::make(global, place::is_root());
        let mut out = colour::stdout();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &diagnosis)?;
            writeln!(out)?;
        } else {
            diagnosis.write(&mut out)?;
        }
        Ok(out.flush()?)
    }
}
