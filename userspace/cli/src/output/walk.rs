//! A path of an agent, hop by hop, and what stands against five attempts on it.

use std::collections::BTreeSet;
use std::io::{self, Write};

use tierzero_core::graph::routes::Bridge;
use tierzero_core::graph::tier0::{Terms, exposure};
use tierzero_core::graph::{Edge, Snapshot};
use tierzero_core::id::{EdgeId, ListenerId, WorkloadId};
use tierzero_core::verdict::{Cell, Resistance, path_grid};

use super::index::Index;
use super::text::{heading, sentence};
use super::words;
use super::{colour, escape};

/// Tells about a path of an agent.
pub(crate) fn path(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    index: &Index<'_>,
    bridge: &Bridge,
    terms: &Terms,
) -> io::Result<()> {
    let style = colour::of_verdict(bridge.verdict);
    writeln!(
        out,
        "{} {} {} {style}{}{style:#}",
        bridge.id,
        bridge.hardness.as_str(),
        bridge.kind.as_str(),
        bridge.verdict.as_str()
    )?;
    let (agent, listener) = (index.workload_name(&bridge.agent), index.listener_name(&bridge.listener));
    sentence(out, "", &format!("{agent} reaches {listener}"))?;
    let seen = format!(
        "the whole way was used first at {}, its last hop last at {}",
        words::moment(bridge.first),
        words::moment(bridge.last)
    );
    sentence(out, "", &seen)?;

    heading(out, "Hop by hop")?;
    for (at, id) in bridge.path.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| bridge.path.get(before));
        if let Some(before) = before {
            sentence(out, "  ", &relation(snapshot, before, id))?;
        }
        hop(out, snapshot, index, id)?;
    }

    heading(out, "What stands against five attempts")?;
    let grids = exposure(snapshot, terms);
    let cells: Vec<_> = bridge
        .path
        .iter()
        .filter_map(|id| grids.iter().find(|grid| grid.edge == *id))
        .map(|grid| &grid.cells)
        .collect();
    match path_grid(&cells) {
        Some(cells) => attempts(out, &cells)?,
        None => sentence(out, "", "no hop served anybody: there is nothing to judge")?,
    }

    heading(out, "What was not seen")?;
    sentence(
        out,
        "- ",
        "what the callers meant, and whether one request caused the other, unless a hop says attributed",
    )?;
    sentence(
        out,
        "- ",
        "other ways between the same ends: this is the strongest and shortest that was seen",
    )?;
    writeln!(out)
}

/// What stands against five attempts on one edge.
pub(crate) fn edge_grid(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    id: &EdgeId,
    terms: &Terms,
) -> io::Result<()> {
    let grids = exposure(snapshot, terms);
    let Some(grid) = grids.iter().find(|grid| grid.edge == *id) else { return Ok(()) };
    heading(out, "What stands against five attempts")?;
    attempts(out, &grid.cells)
}

fn attempts(out: &mut dyn Write, cells: &[Cell]) -> io::Result<()> {
    for cell in cells {
        let style = match cell.resistance {
            Resistance::Absent => colour::ERROR,
            Resistance::Annoying => colour::WARNING,
            Resistance::Unproven => colour::PLAIN,
            Resistance::Impossible => colour::GOOD,
        };
        let (code, name) = (cell.attack.code(), cell.attack.as_str());
        writeln!(out, "  {code} {name:<10} {style}{}{style:#}", cell.resistance.as_str())?;
        sentence(out, "   ", &cell.because)?;
    }
    Ok(())
}

fn hop(out: &mut dyn Write, snapshot: &Snapshot, index: &Index<'_>, id: &EdgeId) -> io::Result<()> {
    let Some(edge) = snapshot.edges.iter().find(|edge| edge.id == *id) else {
        return sentence(out, "- ", &format!("{id}, which is no longer kept"));
    };
    let style = colour::of_verdict(edge.verdict);
    let Edge { verdict, check, strength, .. } = edge;
    writeln!(out, "  {id} {style}{}{style:#}", verdict.as_str(),)?;
    let ends = format!("{} -> {}", index.caller_name(edge), index.listener_name(&edge.listener));
    writeln!(out, "    {}: {}", escape::untrusted(&ends), words::why(*verdict, *check, *strength))
}

/// How firm it is that what goes out at a workload follows from what came in.
fn relation(snapshot: &Snapshot, inbound: &EdgeId, outbound: &EdgeId) -> String {
    let relay = snapshot.relays.iter().find(|it| it.inbound == *inbound && it.outbound == *outbound);
    let how = match relay {
        Some(relay) => format!(
            "then, {}: used during {} requests and {} times outside of any; attributed {}; {} to {}",
            relay.strength.as_str(),
            relay.coincidence.n,
            relay.coincidence.outside,
            relay.attributed,
            words::moment(relay.from),
            words::moment(relay.to),
        ),
        None => "then, reachable: both edges exist, and nothing more is known".to_owned(),
    };
    match collapse(snapshot, inbound, outbound) {
        Some((callers, names)) => {
            format!("{how}; at least {callers} proved names in, {names} out: who called is not handed on")
        }
        None => how,
    }
}

/// How many names were proved to whoever hands on, and how many it proves further on, where those are fewer. Pools do
/// that by design.
fn collapse(snapshot: &Snapshot, inbound: &EdgeId, outbound: &EdgeId) -> Option<(usize, usize)> {
    let edge = |id: &EdgeId| snapshot.edges.iter().find(|it| it.id == *id);
    let proved = |listener: &ListenerId, caller: Option<&WorkloadId>| {
        let edges = snapshot.edges.iter().filter(|it| it.listener == *listener);
        let own = edges.filter(|it| caller.is_none_or(|caller| it.caller == *caller));
        let names = own.flat_map(|it| &it.principals).filter(|it| it.verified).map(|it| &it.principal);
        names.collect::<BTreeSet<_>>().len()
    };
    let (inbound, outbound) = (edge(inbound)?, edge(outbound)?);
    let callers = proved(&inbound.listener, None);
    let names = proved(&outbound.listener, Some(&outbound.caller));
    (callers > names && callers > 1).then_some((callers, names))
}
