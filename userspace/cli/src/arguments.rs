//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    agents, callers, completions, diff, doctor, drill, edges, events, explain, export, findings, listeners,
    man, observe, paths, policy, principals, replay, report, snapshot, workloads,
};
use crate::output::colour;
use crate::place::Db;

const FIRST_STEPS: &str = "\
First steps:
  tierzero doctor               what this kernel and these privileges allow
  sudo tierzero observe         watch this host; q or Ctrl-C ends it
  sudo tierzero edges           who called whom, worst first
  sudo tierzero explain e-3f2a  why an edge was judged so, and what would change it
  sudo tierzero report          the write-down: what is checked at all, and by whom

Exit codes: 0 done; 1 failed, with a hint; 2 wrong usage; 3 a gate failed.";

const MORE: &str = "\
First steps:
  tierzero doctor               what this kernel and these privileges allow
  sudo tierzero observe         watch this host; q or Ctrl-C ends it
  sudo tierzero edges           who called whom, worst first
  sudo tierzero explain e-3f2a  why an edge was judged so, and what would change it
  sudo tierzero report          the write-down: what is checked at all, and by whom

Verdicts, worst first:
  location-trusted  served; where the caller sits was enough, no proof of identity was observed
  opaque            the layer that would carry an identity could not be read: nothing is said
  unproven          something was presented; nothing shows that the receiver looks at it
  secret-checked    a shared secret was asked for and accepted
  identity-checked  a key, a short-lived token or the kernel's word was asked for and accepted
  public            anonymous by design of the protocol
  refused           every try was refused

Every answer is as seen from this host, in the time observed, with what was lost or not visible beside it.

Exit codes: 0 done; 1 failed, with a hint; 2 wrong usage; 3 a gate failed.
Environment: NO_COLOR turns colours off; XDG_STATE_HOME moves the default database of users other than root;
TIERZERO_CORE_DUMPS=1 lets the kernel write core dumps of this program, which it is kept from otherwise, as its memory
holds what callers presented until that is judged.";

/// See who calls whom on this host, and whether the receiver asked who was calling.
///
/// tierzero watches connections in the kernel (TCP, UDP, Unix sockets), reads the first bytes of both directions,
/// and judges for each caller and listener what the receiver demanded before it served. It only observes: it never
/// blocks, changes or sends anything, and keeps no payload and no secret, only keyed fingerprints.
#[derive(Parser, Debug)]
#[command(
    name = "tierzero",
    version,
    styles = colour::HELP,
    after_help = FIRST_STEPS,
    after_long_help = MORE,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// Where the graph is kept; `:memory:` keeps nothing
    ///
    /// Default: /var/lib/tierzero/tierzero.db for root, $XDG_STATE_HOME/tierzero/tierzero.db
    /// (~/.local/state/tierzero/tierzero.db) for others.
    #[arg(long, global = true, value_name = "FILE", value_parser = Db::parse)]
    pub(crate) db: Option<Db>,
    /// Configuration (TOML); default /etc/tierzero/tierzero.toml, which may be absent
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say on stderr what is done; -vv says more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// No colours, even on a terminal
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Observe(observe::Observe),
    Edges(edges::Edges),
    Listeners(listeners::Listeners),
    Workloads(workloads::Workloads),
    Agents(agents::Agents),
    Principals(principals::Principals),
    Callers(callers::Callers),
    Policy(policy::Policy),
    Events(events::Events),
    Paths(paths::Paths),
    Findings(findings::Findings),
    Finding(findings::Decide),
    Drill(drill::Drills),
    Explain(explain::Explain),
    Report(report::Report),
    Export(export::Export),
    Snapshot(snapshot::Freeze),
    Diff(diff::Compare),
    Replay(replay::Replay),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Global {
    /// The database that was named, or the default one.
    pub(crate) fn db(&self) -> Db {
        Db::or_default(self.db.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
