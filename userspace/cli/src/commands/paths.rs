//! `tierzero paths`.

use std::io::Write as _;

use clap::Args;
use serde_json::json;
use tierzero_core::graph::routes::{
    Bridge, Containment, ContainmentState, CutScope, Hardness, Limits, Place, Routes,
};
use tierzero_core::graph::{Snapshot, Workload};
use tierzero_core::id::{BridgeId, EdgeId, WorkloadId};

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, escape, text, words};
use crate::stored;

/// How far agents reach: their ways to listeners that serve whoever stands in the right place; worst first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero paths                            every way of every agent, and what contains each
  tierzero paths --agent helpdesk-agent     those of one agent
  tierzero paths --what-if agt              what would serve an agent that stood in namespace agt
  tierzero paths --cut                      the fewest edges to remove, or to demand proof on
  tierzero explain b-3f2a                   one way, hop by hop

KIND: direct, the agent itself calls; lineage, a descendant does; transit, over somebody who calls;
tunnel, over somebody who passes bytes on unread; go-around, past the proxy in front; local, over a
Unix socket. HARD ends at a location-trusted edge; soft, at one that asks for a shared secret;
suspected, the agent may be none. STRENGTH of a transit: attributed, these very bytes or this very
worker; correlated, used while it was called more often than chance; reachable, both edges exist and
nothing more is known. A way is an exposure, not an intent.")]
pub(crate) struct Paths {
    /// Only those of agents whose name contains TEXT
    #[arg(long, value_name = "TEXT")]
    agent: Option<String>,
    /// What would serve an agent that stood in PLACE: a network namespace (name or number) or a workload
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["agent", "cut"])]
    what_if: Option<String>,
    /// The fewest edges whose removal leaves no agent a way to legacy
    #[arg(long, conflicts_with = "agent")]
    cut: bool,
    /// JSON: each way as in `export --format json`
    #[arg(long)]
    json: bool,
}

impl Paths {
    /// Prints the ways, the what-if or the cut set.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let snapshot = stored::snapshot(global)?;
        let routes = Routes::of(&snapshot);
        let index = Index::new(&snapshot);
        let mut out = colour::stdout();
        match &self.what_if {
            Some(place) => self.write_what_if(&mut out, &snapshot, &routes, &index, place)?,
            None if self.cut => self.write_cut(&mut out, &snapshot, &routes, &index)?,
            None => self.write_paths(&mut out, &snapshot, &routes, &index)?,
        }
        if self.json {
            out.flush()?;
            coverage::warn_of_unseen(&snapshot);
        } else {
            coverage::footer(&mut out, &snapshot)?;
        }
        Ok(out.flush()?)
    }

    fn write_paths(
        &self,
        out: &mut dyn std::io::Write,
        snapshot: &Snapshot,
        routes: &Routes<'_>,
        index: &Index<'_>,
    ) -> Outcome {
        let wanted = |id: &WorkloadId| {
            self.agent.as_ref().is_none_or(|text| index.workload_name(id).contains(text.as_str()))
        };
        if self.json {
            let (text, left_off) = tierzero_export::paths_json(snapshot, |it| wanted(&it.agent));
            write!(out, "{text}")?;
            if left_off {
                colour::warn("there are more ways than were looked for: the list is cut off");
            }
            return Ok(());
        }
        let (mut bridges, left_off) = routes.bridges(Limits::default());
        bridges.retain(|it| wanted(&it.agent));
        bridges.sort_by(|a, b| order(a).cmp(&order(b)));
        if !bridges.is_empty() {
            write_table(out, index, &bridges)?;
        }
        let ways = words::counted(words::count(bridges.len()), "way", "ways");
        writeln!(out, "{}{ways} seen", if left_off { "more than " } else { "" })?;
        let agents: Vec<Containment> =
            routes.containment().into_iter().filter(|it| wanted(&it.agent)).collect();
        for agent in &agents {
            writeln!(out)?;
            contained(out, index, agent)?;
        }
        if agents.is_empty() {
            writeln!(out, "no agent was declared, and none showed two independent signs")?;
        }
        Ok(())
    }

    fn write_what_if(
        &self,
        out: &mut dyn std::io::Write,
        snapshot: &Snapshot,
        routes: &Routes<'_>,
        index: &Index<'_>,
        place: &str,
    ) -> Outcome {
        let at = standing(snapshot, place.trim())?;
        let exposed = routes.exposed_to(at);
        if self.json {
            let rows: Vec<_> = exposed
                .iter()
                .map(|it| {
                    json!({
                        "listener": it.serves.listener.as_str(),
                        "witness": it.serves.witness.as_str(),
                        "check": it.serves.check,
                        "callers": it.serves.callers,
                        "seen_from_there": it.seen_from_there,
                    })
                })
                .collect();
            writeln!(out, "{:#}", serde_json::Value::from(rows))?;
            return Ok(());
        }
        let mut table = Table::new(&[
            Column::name("WOULD SERVE"),
            Column::word("LOOKED AT"),
            Column::number("CALLERS SERVED SO"),
            Column::name("REACH"),
            Column::word("SHOWN BY"),
        ]);
        for it in &exposed {
            table.row(vec![
                Cell::new(index.listener_name(&it.serves.listener)),
                Cell::new(words::check(it.serves.check)),
                Cell::new(it.serves.callers.to_string()),
                Cell::new(if it.seen_from_there { "called from there" } else { "by its address alone" }),
                Cell::styled(index.short(it.serves.witness.as_str()), colour::DIM),
            ]);
        }
        if !exposed.is_empty() {
            table.write(out, terminal_width())?;
        }
        let count = words::counted(words::count(exposed.len()), "listener", "listeners");
        writeln!(out, "at least {count} would serve an agent in {} without proof", escape::untrusted(place))?;
        text::sentence(
            out,
            "",
            "Inferred: each served somebody without proof, and its address, namespace or file mode lets this place \
             call it. Firewalls and what nobody called were not seen.",
        )?;
        Ok(())
    }

    fn write_cut(
        &self,
        out: &mut dyn std::io::Write,
        snapshot: &Snapshot,
        routes: &Routes<'_>,
        index: &Index<'_>,
    ) -> Outcome {
        let cut = routes.cut(CutScope::default());
        let edge = |id: &EdgeId| snapshot.edges.iter().find(|edge| edge.id == *id);
        if self.json {
            let edges: Vec<_> = cut
                .edges
                .iter()
                .map(|it| {
                    json!({
                        "edge": it.edge.as_str(), "agents": it.agents, "ways": it.ways,
                        "proof_suffices": it.proof_suffices, "flows": edge(&it.edge).map(|edge| edge.flows),
                    })
                })
                .collect();
            let whole =
                json!({"edges": edges, "at_least": cut.at_least, "agents": cut.agents, "ways": cut.ways});
            writeln!(out, "{whole:#}")?;
            return Ok(());
        }
        if cut.edges.is_empty() {
            let open =
                routes.containment().iter().filter(|it| it.state != ContainmentState::Contained).count();
            writeln!(out, "no way from an agent to legacy was seen, so there is none to cut")?;
            if open > 0 {
                let agents = words::counted(words::count(open), "agent is", "agents are");
                writeln!(out, "{agents} not proven to be contained: what could not be read may lead there")?;
            }
            return Ok(());
        }
        let mut table = Table::new(&[
            Column::name("CALLER"),
            Column::name("LISTENER"),
            Column::word("VERDICT"),
            Column::word("ENOUGH"),
            Column::number("AGENTS"),
            Column::number("WAYS"),
            Column::number("FLOWS IT CARRIES"),
            Column::word("EDGE"),
        ]);
        for it in &cut.edges {
            let Some(edge) = edge(&it.edge) else { continue };
            table.row(vec![
                Cell::new(index.caller_name(edge)),
                Cell::new(index.listener_name(&edge.listener)),
                Cell::styled(edge.verdict.as_str(), colour::of_verdict(edge.verdict)),
                Cell::new(if it.proof_suffices { "demand proof" } else { "remove" }),
                Cell::new(it.agents.to_string()),
                Cell::new(it.ways.map_or_else(|| "-".to_owned(), |ways| ways.to_string())),
                Cell::new(edge.flows.to_string()),
                Cell::styled(index.short(it.edge.as_str()), colour::DIM),
            ]);
        }
        table.write(out, terminal_width())?;
        let count = words::count(cut.edges.len());
        writeln!(
            out,
            "{} (no fewer than {}) {} all {} of {} to legacy",
            words::counted(count, "edge", "edges"),
            cut.at_least,
            if count == 1 { "ends" } else { "end" },
            words::counted(cut.ways, "way", "ways"),
            words::counted(cut.agents, "agent", "agents"),
        )?;
        text::sentence(
            out,
            "",
            "Of what was observed. That these edges can be cut without harm to what else they carry is not said.",
        )?;
        Ok(())
    }
}

/// Worst first: hard ones, the surest, the weakest.
fn order(bridge: &Bridge) -> (Hardness, std::cmp::Reverse<u8>, u8, &BridgeId) {
    // A way of one hop is as sure as an attributed one.
    let strength = bridge.strength.map_or(3, |it| it as u8);
    (bridge.hardness, std::cmp::Reverse(strength), bridge.verdict.rank(), &bridge.id)
}

fn write_table(out: &mut dyn std::io::Write, index: &Index<'_>, bridges: &[Bridge]) -> Outcome {
    let mut table = Table::new(&[
        Column::word("HOW HARD"),
        Column::word("KIND"),
        Column::name("AGENT"),
        Column::name("REACHES"),
        Column::number("HOPS"),
        Column::word("WEAKEST HOP"),
        Column::word("STRENGTH"),
        Column::number("COUNT"),
        Column::word("LAST (UTC)"),
        Column::word("ID"),
    ]);
    for bridge in bridges {
        table.row(vec![
            Cell::new(bridge.hardness.as_str()),
            Cell::new(bridge.kind.as_str()),
            Cell::new(index.workload_name(&bridge.agent)),
            Cell::new(index.listener_name(&bridge.listener)),
            Cell::new(bridge.path.len().to_string()),
            Cell::styled(bridge.verdict.as_str(), colour::of_verdict(bridge.verdict)),
            Cell::new(bridge.strength.map_or("-", |it| it.as_str())),
            Cell::new(bridge.count.to_string()),
            Cell::new(words::short_moment(bridge.last)),
            Cell::styled(index.short(bridge.id.as_str()), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

/// `NAME: bridged`, and why.
fn contained(out: &mut dyn std::io::Write, index: &Index<'_>, agent: &Containment) -> Outcome {
    let style = match agent.state {
        ContainmentState::Bridged => colour::ERROR,
        ContainmentState::NotProven => colour::WARNING,
        ContainmentState::Contained => colour::GOOD,
    };
    let name = index.workload_name(&agent.agent);
    writeln!(out, "{}: {style}{}{style:#}", escape::untrusted(&name), words::containment(agent.state))?;
    for why in &agent.why {
        text::sentence(out, "- ", why)?;
    }
    Ok(())
}

/// The place that a name means: a network namespace, or where a workload stands.
fn standing(snapshot: &Snapshot, name: &str) -> Outcome<Place> {
    let here = || snapshot.workloads.iter().filter(|it| it.host.is_some());
    let by_netns = |it: &&Workload| {
        it.netns_name.as_deref() == Some(name) || it.netns.is_some_and(|netns| netns.0.to_string() == name)
    };
    let by_name = |it: &&Workload| it.name == name || (name.len() >= 3 && it.id.as_str().starts_with(name));
    let place = match here().find(by_netns) {
        Some(it) => it.netns.map(|netns| Place { netns, uid: None }),
        None => {
            let mut stands = here().filter(by_name).filter_map(|it| Some((it.netns?, it.uid)));
            let first = stands.next();
            if let Some(other) = first.and_then(|first| stands.find(|it| *it != first)) {
                let (netns, uid) = other;
                let uid = uid.map_or_else(String::new, |uid| format!(", user {uid}"));
                return Err(Failure::new(format!("`{}` stands in several places", escape::untrusted(name)))
                    .because(format!("another of that name is in network namespace {}{uid}", netns.0))
                    .next("give the id of a workload, or the namespace; `tierzero workloads` shows them"));
            }
            first.map(|(netns, uid)| Place { netns, uid })
        }
    };
    place.ok_or_else(|| {
        Failure::new(format!("nothing was seen in a place called `{name}`"))
            .because("a place is a network namespace, by name or number, or where a workload stands")
            .next("`tierzero workloads --json` shows the namespaces and names")
    })
}
