//! One finding, told from its evidence.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use tierzero_core::finding::{Finding, FindingType, Life, MOST_EDGES, State, Subject, Who, life};
use tierzero_core::graph::{Edge, Snapshot};
use tierzero_core::verdict;

use super::explanation::{field, named, not_seen, rules};
use super::index::Index;
use super::text::{heading, sentence};
use super::words::{self, counted};
use super::{colour, escape};

/// Most edges that are told of.
const SHOWN: usize = 8;

/// Tells about a finding, as of `now`.
pub(crate) fn tell(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    index: &Index<'_>,
    finding: &Finding,
    now: Timestamp,
    stale_after: SignedDuration,
) -> io::Result<()> {
    let Finding {
        id,
        kind,
        severity,
        subjects,
        count,
        first,
        last,
        edges: rests,
        callers: _,
        says,
        turns: _,
    } = finding;
    let life = life_at(finding, snapshot, now, stale_after);
    let style = colour::of_severity(*severity);
    let stale = if life.stale { ", stale" } else { "" };
    writeln!(
        out,
        "{id} {style}{}{style:#}, severity {}, {}{stale}",
        kind.as_str(),
        severity.as_str(),
        state(&life.state)
    )?;
    sentence(out, "", &format!("{says}."))?;
    writeln!(out)?;
    field(out, "counted", &format!("{count}, {} to {}", words::moment(*first), words::moment(*last)))?;
    for one in subjects {
        subject(out, snapshot, index, one)?;
    }

    heading(out, "By which rule")?;
    writeln!(out, "  {}", kind.rule())?;
    sentence(out, "    says:   ", kind.says())?;
    heading(out, "Where it stands in the frameworks")?;
    for (framework, references) in kind.anchors().by_framework() {
        let version = if framework.version.is_empty() { "" } else { " " };
        let name = format!("{}{version}{}", framework.name, framework.version);
        sentence(out, "- ", &format!("{name}: {}", references.join(", ")))?;
    }

    let edges = behind(snapshot, finding);
    heading(out, "What it stands on")?;
    if edges.is_empty() {
        sentence(out, "", "No edge of the graph: its sentence above says what was counted.")?;
    }
    for (edge, count) in edges.iter().take(SHOWN) {
        let style = colour::of_verdict(edge.verdict);
        let (caller, listener) = (index.caller_name(edge), index.listener_name(&edge.listener));
        let how_often = count.map_or_else(String::new, |count| format!(", counted {count}"));
        writeln!(
            out,
            "  {} {style}{}{style:#} {} -> {}{how_often}",
            index.short(edge.id.as_str()),
            edge.verdict.as_str(),
            escape::untrusted(&caller),
            escape::untrusted(&listener),
        )?;
        rules(out, edge)?;
    }
    if edges.len() > SHOWN {
        sentence(out, "- ", &format!("and {} more edges", edges.len().saturating_sub(SHOWN)))?;
    }

    heading(out, "What was not seen")?;
    let mut lines: Vec<String> = Vec::new();
    let mut add = |line: String| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    };
    edges.iter().flat_map(|(edge, _)| not_seen(edge)).for_each(&mut add);
    if rests.len() >= MOST_EDGES {
        add(format!("Which further edges it rests on: no more than {MOST_EDGES} are named."));
    }
    let gone = rests.iter().filter(|it| !edges.iter().any(|(edge, _)| edge.id == it.edge)).count();
    if gone > 0 {
        add(format!(
            "{} that it rested on: forgotten by the retention time.",
            counted(words::count(gone), "edge", "edges")
        ));
    }
    if lines.is_empty() {
        lines.push("Whatever lies outside the window and the coverage below.".to_owned());
    }
    lines.iter().try_for_each(|line| sentence(out, "- ", line))?;

    heading(out, "What would change it")?;
    sentence(out, "- ", &ends(*kind))?;
    let mut told: Vec<&str> = Vec::new();
    for (edge, _) in edges.iter().take(SHOWN) {
        let would = verdict::what_would_change(edge.verdict, edge.check, edge.strength);
        if !told.contains(&would) {
            told.push(would);
            sentence(out, "- ", would)?;
        }
    }
    sentence(out, "- ", "Silence does not: without evidence for 30 days it is stale, and stays.")?;

    heading(out, "Its history")?;
    for change in &life.transitions {
        let by = match &change.who {
            Who::Observer => "by evidence".to_owned(),
            Who::Operator(name) => format!("by {name}"),
            Who::Time => "by time".to_owned(),
        };
        let (at, to) = (words::moment(change.at), state(&change.to));
        writeln!(out, "  {at}  {} ({})", escape::untrusted(&to), escape::untrusted(&by))?;
        if !change.why.is_empty() {
            sentence(out, "    because ", &change.why)?;
        }
    }
    Ok(())
}

/// Its state at `now`. Time in which nobody observed is no silence: it makes nothing stale.
pub(crate) fn life_at(
    finding: &Finding,
    snapshot: &Snapshot,
    now: Timestamp,
    stale_after: SignedDuration,
) -> Life {
    let unobserved = snapshot.window.map_or(SignedDuration::ZERO, |(_, to)| now.duration_since(to));
    let stale_after = stale_after.saturating_add(unobserved.max(SignedDuration::ZERO));
    life(finding, &snapshot.decisions, now, stale_after)
}

/// What ends a finding of this type, in one sentence.
pub(crate) fn ends(kind: FindingType) -> String {
    let when = kind.ends_when();
    match when.strip_prefix("no observation") {
        Some(rest) => format!("No observation{rest}."),
        None => format!("It ends when {when}."),
    }
}

/// The edges that it rests on or is about, with how often each was counted.
fn behind<'s>(snapshot: &'s Snapshot, finding: &Finding) -> Vec<(&'s Edge, Option<u64>)> {
    snapshot
        .edges
        .iter()
        .filter_map(|edge| {
            let counted = finding.edges.iter().find(|it| it.edge == edge.id).map(|it| it.count);
            let about = finding.subjects.iter().any(|it| matches!(it, Subject::Edge(id) if *id == edge.id));
            (about || counted.is_some()).then_some((edge, counted))
        })
        .collect()
}

fn state(state: &State) -> String {
    match state {
        State::New { expired: true } => "new (an accepted risk ran out)".to_owned(),
        State::AcceptedRisk { owner, reason: _, expires } => {
            format!("accepted-risk until {}, {owner} answers for it", words::moment(*expires))
        }
        State::New { expired: false } | State::Acknowledged | State::Resolved | State::Reopened => {
            state.as_str().to_owned()
        }
    }
}

fn subject(out: &mut dyn Write, snapshot: &Snapshot, index: &Index<'_>, subject: &Subject) -> io::Result<()> {
    match subject {
        Subject::Workload(id) => named(out, "workload", &index.workload_name(id), index.workload(id)),
        Subject::Listener(id) => {
            let owner = index.listener(id).and_then(|listener| index.workload(&listener.workload));
            named(out, "listener", &index.listener_name(id), owner)
        }
        Subject::Edge(id) => field(out, "edge", id.as_str()),
        Subject::Principal(id) => {
            let holder = snapshot.holders.iter().find(|it| it.id == *id);
            let principal = holder.and_then(|holder| holder.principal.as_ref());
            field(out, "principal", principal.map_or("a caller without a name", |it| it.name.as_str()))
        }
        Subject::Host(id) => {
            let host = snapshot.hosts.iter().find(|it| it.id == *id);
            field(out, "host", host.map_or(id.as_str(), |it| it.name.as_str()))
        }
    }
}
