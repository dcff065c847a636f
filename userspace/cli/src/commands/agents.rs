//! `tierzero agents`.

use std::collections::HashMap;
use std::io::Write as _;

use clap::Args;
use tierzero_core::graph::routes::{ContainmentState, Routes};
use tierzero_core::graph::tier0::{AgentCalls, ByClass, accounts, agent_calls};
use tierzero_core::graph::{AgentStatus, ListenerClass, Snapshot};
use tierzero_core::id::WorkloadId;

use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, json, words};
use crate::{config, stored};

/// The AI agents that were declared or suspected, what their trees called, and how fast
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero agents                             all of them
  tierzero agents --json | jq '.[].members'   the programs of each tree
  tierzero events --identity AGENT            each call of one of them

STATUS: declared, by [[agent]] in the configuration; suspected, two or more independent signs were seen.
A suspected agent may be none, and what is not listed may be one: what is said through a pipe (MCP on
standard input and output) is not seen. LISTENERS counts those that the agent and its descendants
called themselves, by class; what lies behind them, and why an agent is contained, bridged or not
proven to be either, is in `tierzero paths`. IDENTITY: distinct, a receiver proved a name that nobody
else was seen to use; shared, others use it too; not-seen, no name was proved.")]
pub(crate) struct Agents {
    /// One JSON array, each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

impl Agents {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let snapshot = stored::snapshot(global)?;
        let mut out = colour::stdout();
        if self.json {
            return json::list(&mut out, &snapshot, json::List::Agents);
        }
        let terms = config::load(global.config.as_deref())?.terms;
        let calls = agent_calls(&snapshot, &accounts(&snapshot, &terms));
        write_table(&mut out, &snapshot, &calls)?;
        if calls.is_empty() {
            writeln!(out, "no agent was declared, and none showed two independent signs")?;
        }
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }
}

fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot, calls: &[AgentCalls]) -> Outcome {
    if calls.is_empty() {
        return Ok(());
    }
    let index = Index::new(snapshot);
    let contained: HashMap<WorkloadId, ContainmentState> =
        Routes::of(snapshot).containment().into_iter().map(|it| (it.agent, it.state)).collect();
    let trees: HashMap<&WorkloadId, _> = snapshot.agents.iter().map(|tree| (&tree.root, tree)).collect();
    let mut table = Table::new(&[
        Column::word("STATUS"),
        Column::name("AGENT"),
        Column::word("CONTAINMENT"),
        Column::number("FLOWS"),
        Column::number("PEAK/S"),
        Column::name("LISTENERS"),
        Column::word("WEAKEST"),
        Column::word("IDENTITY"),
        Column::name("WHY"),
        Column::word("ID"),
    ]);
    for agent in calls {
        let tree = trees.get(&agent.root);
        let status = match agent.status {
            AgentStatus::Declared => "declared",
            AgentStatus::Suspected => "suspected",
            AgentStatus::Inherited => "inherited",
            AgentStatus::No => "no",
        };
        let weakest = match agent.weakest {
            Some(verdict) => Cell::styled(verdict.as_str(), colour::of_verdict(verdict)),
            None => Cell::new("-"),
        };
        table.row(vec![
            Cell::new(status),
            Cell::new(&agent.name),
            Cell::new(contained.get(&agent.root).map_or("-", |state| words::containment(*state))),
            Cell::new(tree.map_or(0, |tree| tree.flows).to_string()),
            Cell::new(tree.map_or(0, |tree| tree.peak_per_s).to_string()),
            Cell::new(by_class(agent.called)),
            weakest,
            Cell::new(agent.identity.as_str()),
            Cell::new(tree.map_or_else(String::new, |tree| tree.reasons.join("; "))),
            Cell::styled(index.short(agent.root.as_str()), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

/// `1 legacy, 2 modern`, worst first.
fn by_class(called: ByClass) -> String {
    let ByClass { modern, transitional, legacy, unknown } = called;
    let counts: Vec<String> = [
        (legacy, words::class(ListenerClass::Legacy)),
        (unknown, words::class(ListenerClass::Unknown)),
        (transitional, words::class(ListenerClass::Transitional)),
        (modern, words::class(ListenerClass::Modern)),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, class)| format!("{count} {class}"))
    .collect();
    if counts.is_empty() { "none seen".to_owned() } else { counts.join(", ") }
}
