//! `tierzero observe`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::arguments::Global;
use crate::error::Outcome;
use crate::{config, moment, observe, outlets};

/// Watch this host: who calls whom, and whether the receiver asked who was calling
///
/// Attaches to the kernel, reads what was there before, and keeps the graph in the database until q, Ctrl-C, SIGTERM
/// or --for ends it. A terminal gets a live view; a pipe gets one line for each new or changed edge, or one JSON
/// object a line with --json. Nothing is printed before it is stored. Without root, or where the kernel refuses,
/// socket tables are polled instead, and what that misses is said.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sudo tierzero observe                              live view until q or Ctrl-C
  sudo tierzero observe --for 10m                    ten minutes, then a summary
  sudo tierzero observe --record morning.tzlog       also keep a log for `tierzero replay`
  sudo tierzero observe --tls-library                judge what is inside TLS too, where OpenSSL or GnuTLS serves it
  sudo tierzero observe --json | jq -c 'select(.verdict == \"location-trusted\")'
  sudo tierzero observe --journal                    then: journalctl -f TIERZERO_SEVERITY=high
  tierzero --db :memory: observe --for 30s           keep nothing

Durations: 30s, 5m, 1h30m, 2d; a number alone counts seconds.")]
pub(crate) struct Observe {
    /// End after this long (30s, 5m, 1h30m, 2d)
    #[arg(long = "for", value_name = "DUR", value_parser = moment::duration)]
    duration: Option<Duration>,
    /// Also record events for `tierzero replay`: facts and fingerprints, no payload; must not exist yet
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Also look inside TLS at receivers that use a shared library of OpenSSL or GnuTLS; slows their reads and writes by
    /// some microseconds each
    #[arg(long)]
    tls_library: bool,
    /// Also send findings to the journal, with fields such as TIERZERO_TYPE; done without asking where stderr is the
    /// journal, as in a systemd unit
    #[arg(long, value_name = "SOCKET", num_args = 0..=1, require_equals = true,
        default_missing_value = outlets::JOURNAL_SOCKET)]
    journal: Option<PathBuf>,
    /// One JSON object a line: flows, edges, findings, coverage, and a summary at the end
    #[arg(long)]
    json: bool,
}

impl Observe {
    /// Observes.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut config = config::load(global.config.as_deref())?;
        config.tls_library |= self.tls_library;
        observe::run(&observe::Wish {
            config,
            db: global.db(),
            duration: self.duration,
            record: self.record.clone(),
            json: self.json,
            journal: self.journal.clone(),
        })
    }
}
