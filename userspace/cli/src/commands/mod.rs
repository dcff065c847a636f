//! One file per verb.

pub(crate) mod agents;
pub(crate) mod callers;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod edges;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod export;
mod filter;
pub(crate) mod findings;
pub(crate) mod listeners;
pub(crate) mod man;
pub(crate) mod observe;
pub(crate) mod paths;
pub(crate) mod policy;
pub(crate) mod principals;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod snapshot;
pub(crate) mod workloads;

use crate::arguments::{Arguments, Command};
use crate::error::Outcome;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { global, command } = arguments;
    match command {
        Command::Observe(observe) => observe.run(&global),
        Command::Edges(edges) => edges.run(&global),
        Command::Listeners(listeners) => listeners.run(&global),
        Command::Workloads(workloads) => workloads.run(&global),
        Command::Agents(agents) => agents.run(&global),
        Command::Principals(principals) => principals.run(&global),
        Command::Callers(callers) => callers.run(&global),
        Command::Policy(policy) => policy.run(&global),
        Command::Events(events) => events.run(&global),
        Command::Paths(paths) => paths.run(&global),
        Command::Findings(findings) => findings.run(&global),
        Command::Finding(decide) => decide.run(&global),
        Command::Drill(drills) => drills.run(&global),
        Command::Explain(explain) => explain.run(&global),
        Command::Report(report) => report.run(&global),
        Command::Export(export) => export.run(&global),
        Command::Snapshot(freeze) => freeze.run(&global),
        Command::Diff(compare) => compare.run(&global),
        Command::Replay(replay) => replay.run(&global),
        Command::Doctor(doctor) => doctor.run(&global),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}
