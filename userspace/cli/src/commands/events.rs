//! `tierzero events`.

use std::collections::HashMap;
use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tierzero_core::graph::{Edge, Flow, Snapshot};
use tierzero_core::id::EdgeId;
use tierzero_store::Store;

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::moment::Since;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, escape, words};
use crate::stored;

/// The log of one identity: each judged flow of a workload, a principal or an edge
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero events --identity helpdesk-agent         all that this workload called
  tierzero events --identity app_rw --since 1h      all that was called under a name
  tierzero events --identity e-3f2a                 one edge
  tierzero events --identity helpdesk-agent --json  one object a line

--identity takes the whole name of a workload or principal, or the beginning of an id (w-, e-, l-).
BY says how firm it is who called: process, the kernel named it; workload, its place alone is known;
addresses, both ends were joined by their addresses; unknown. It is never proof of for whom a process
that serves several acted.
The latest 1000 flows of an edge are kept; the line under the table says how many are no longer there.")]
pub(crate) struct Events {
    /// Whose: the name of a workload or principal, or the beginning of an id
    #[arg(long, value_name = "NAME|ID")]
    identity: String,
    /// Only flows that ended since: a duration back from now (30m, 2h, 7d) or a time (2026-11-23)
    #[arg(long, value_name = "DUR|TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// How firm it is who called.
fn attribution(flow: &Flow, edge: Option<&Edge>) -> &'static str {
    match (flow.caller.is_some(), flow.caller_pid) {
        (false, _) => "unknown",
        (true, _) if edge.is_some_and(|edge| edge.joined_inferred) => "addresses",
        (true, Some(_)) => "process",
        (true, None) => "workload",
    }
}

impl Events {
    /// Prints the log.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let store = stored::read_only(global)?;
        let snapshot =
            store.snapshot().map_err(|error| stored::failure("the graph can't be read", &error))?;
        let whose = self.whose(&snapshot)?;
        let (flows, gone) = self.flows(&store, &whose)?;
        let index = Index::new(&snapshot);
        let mut out = colour::stdout();
        if self.json {
            for flow in &flows {
                writeln!(out, "{}", line(flow, whose.edge(flow), &index))?;
            }
            out.flush()?;
            coverage::warn_of_unseen(&snapshot);
            if gone > 0 {
                colour::warn(&format!("not kept: {}", words::counted(gone, "older flow", "older flows")));
            }
            return Ok(());
        }
        write_table(&mut out, &flows, &whose, &index)?;
        let shown = words::counted(words::count(flows.len()), "flow", "flows");
        writeln!(out, "{shown} of {}; {gone} older not kept", escape::untrusted(&self.identity))?;
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }

    /// The edges that carry the identity, and whether by a name.
    fn whose<'s>(&self, snapshot: &'s Snapshot) -> Outcome<Whose<'s>> {
        let wanted = self.identity.trim();
        let id = |id: &str| wanted.len() > 2 && id.starts_with(wanted);
        let callers =
            snapshot.workloads.iter().filter(|workload| workload.name == wanted || id(workload.id.as_str()));
        let callers: Vec<_> = callers.map(|workload| &workload.id).collect();
        let of = |edges: Vec<&'s Edge>, name: Option<String>| Whose {
            edges: edges.into_iter().map(|edge| (&edge.id, edge)).collect(),
            name,
        };
        let edges = |keep: &dyn Fn(&Edge) -> bool| {
            snapshot.edges.iter().filter(|edge| keep(edge)).collect::<Vec<_>>()
        };
        let called = edges(&|edge| {
            callers.contains(&&edge.caller) || id(edge.id.as_str()) || id(edge.listener.as_str())
        });
        let named = edges(&|edge| edge.principals.iter().any(|it| it.principal.name == wanted));
        match (callers.is_empty() && called.is_empty(), named.is_empty()) {
            (false, _) => Ok(of(called, None)),
            (true, false) => Ok(of(named, Some(wanted.to_owned()))),
            (true, true) => Err(Failure::new(format!("nothing observed is called `{wanted}`"))
                .next("`tierzero workloads`, `tierzero principals` and `tierzero edges` show names and ids")),
        }
    }

    /// Its flows, oldest first, and how many are no longer kept.
    fn flows(&self, store: &Store, whose: &Whose<'_>) -> Outcome<(Vec<Flow>, u64)> {
        let from = self.since.map(|since| since.from(Timestamp::now()));
        let mut flows = Vec::new();
        let mut gone = 0_u64;
        for (id, edge) in &whose.edges {
            let kept = store
                .flows_of_edge(id, u32::MAX)
                .map_err(|error| stored::failure("the flows can't be read", &error))?;
            gone = gone.saturating_add(edge.flows.saturating_sub(words::count(kept.len())));
            flows.extend(kept);
        }
        flows.retain(|flow| {
            from.is_none_or(|from| flow.to >= from)
                && whose.name.as_ref().is_none_or(|name| {
                    flow.principals.iter().any(|sighting| sighting.principal.name == *name)
                })
        });
        flows.sort_by_key(|flow| (flow.from, flow.to, flow.number));
        Ok((flows, gone))
    }
}

/// What an identity stands for.
struct Whose<'s> {
    edges: HashMap<&'s EdgeId, &'s Edge>,
    /// The principal's name; the edges may carry flows under others.
    name: Option<String>,
}

impl<'s> Whose<'s> {
    fn edge(&self, flow: &Flow) -> Option<&'s Edge> {
        self.edges.get(flow.edge.as_ref()?).copied()
    }
}

fn names(flow: &Flow) -> String {
    let names: Vec<String> = flow
        .principals
        .iter()
        .map(|it| format!("{}{}", it.principal.name, if it.verified { "" } else { " (claimed)" }))
        .collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn write_table(
    out: &mut dyn std::io::Write,
    flows: &[Flow],
    whose: &Whose<'_>,
    index: &Index<'_>,
) -> Outcome {
    if flows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        Column::word("FROM (UTC)"),
        Column::name("CALLER"),
        Column::number("PID"),
        Column::name("LISTENER"),
        Column::word("VERDICT"),
        Column::word("SERVED"),
        Column::name("AS"),
        Column::word("BY"),
        Column::word("EDGE"),
    ]);
    for flow in flows {
        let caller =
            flow.caller.as_ref().map_or_else(|| flow.originator.clone(), |id| index.workload_name(id));
        let listener =
            flow.listener.as_ref().map_or_else(|| flow.responder.clone(), |id| index.listener_name(id));
        table.row(vec![
            Cell::new(words::short_moment(flow.from)),
            Cell::new(caller),
            Cell::new(flow.caller_pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string())),
            Cell::new(listener),
            Cell::styled(flow.verdict.as_str(), colour::of_verdict(flow.verdict)),
            Cell::new(words::served(flow.served)),
            Cell::new(names(flow)),
            Cell::new(attribution(flow, whose.edge(flow))),
            Cell::styled(flow.edge.as_ref().map_or("-", |id| index.short(id.as_str())), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

fn line(flow: &Flow, edge: Option<&Edge>, index: &Index<'_>) -> serde_json::Value {
    let principals: Vec<_> = flow
        .principals
        .iter()
        .map(|it| json!({"kind": words::principal_kind(it.principal.kind), "name": it.principal.name, "verified": it.verified}))
        .collect();
    json!({
        "type": "event",
        "from": flow.from.to_string(),
        "to": flow.to.to_string(),
        "caller": flow.caller.as_ref().map(|id| id.as_str()),
        "caller_name": flow.caller.as_ref().map(|id| index.workload_name(id)),
        "caller_pid": flow.caller_pid,
        "listener": flow.listener.as_ref().map(|id| id.as_str()),
        "listener_name": flow.listener.as_ref().map(|id| index.listener_name(id)),
        "originator": flow.originator,
        "responder": flow.responder,
        "protocol": flow.protocol,
        "application": flow.application,
        "verdict": flow.verdict.as_str(),
        "check": words::check(flow.check),
        "strength": flow.strength.map(words::strength),
        "served": match flow.served {
            tierzero_core::verdict::Served::Yes => "yes",
            tierzero_core::verdict::Served::No => "no",
            tierzero_core::verdict::Served::Unknown => "unknown",
        },
        "principals": principals,
        "attribution": attribution(flow, edge),
        "edge": flow.edge.as_ref().map(|id| id.as_str()),
    })
}
