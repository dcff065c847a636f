//! One edge or listener, told from its evidence.

use std::io::{self, Write};

use tierzero_core::graph::{
    CredentialSighting, Edge, Flow, Listener, PrincipalSighting, Snapshot, VerdictChange, Workload,
};
use tierzero_core::verdict::{self, Check, Strength, Verdict};

use super::index::Index;
use super::table::{Cell, Column, Table, terminal_width};
use super::text::{heading, sentence};
use super::words::{self, counted};
use super::{colour, escape, holding};

/// Tells about an edge.
pub(crate) fn edge(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    index: &Index<'_>,
    edge: &Edge,
    flows: &[Flow],
) -> io::Result<()> {
    let style = colour::of_verdict(edge.verdict);
    writeln!(out, "{} {style}{}{style:#}", edge.id, edge.verdict.as_str())?;
    named(out, "caller", &index.caller_name(edge), index.workload(&edge.caller))?;
    let listener = index.listener(&edge.listener);
    let receiver = listener.and_then(|listener| index.workload(&listener.workload));
    named(out, "receiver", &index.listener_name(&edge.listener), receiver)?;
    let protocol = edge.protocol.as_deref().unwrap_or("no protocol recognised");
    let joined = if edge.joined_inferred { ", joined by addresses" } else { "" };
    field(
        out,
        "over",
        &format!(
            "{}, {protocol}; ends seen: {}{joined}",
            words::transport(edge.transport),
            words::ends(edge.ends)
        ),
    )?;
    field(out, "seen", &format!("{} to {}", words::moment(edge.first), words::moment(edge.last)))?;
    writeln!(out)?;
    sentence(out, "", words::verdict_meaning(edge.verdict))?;

    heading(out, "What happened")?;
    field(out, "demanded", demanded(edge))?;
    field(out, "offered", &offered(edge))?;
    field(out, "decided", &decided(edge))?;
    let by_check: Vec<String> = edge
        .by_check
        .iter()
        .map(|(check, count)| format!("{} {}", counted(*count, "flow", "flows"), words::check(*check)))
        .collect();
    if !by_check.is_empty() {
        field(out, "by check", &by_check.join(", "))?;
    }
    field(
        out,
        "bytes",
        &format!(
            "{} sent, {} received, of flows that are over",
            words::bytes(edge.bytes_sent),
            words::bytes(edge.bytes_received)
        ),
    )?;

    evidence(out, edge)?;
    processes(out, edge)?;
    credentials(out, edge)?;
    let holders = snapshot.holders.iter().filter(|holder| holder.listener == edge.listener);
    holding::tell(out, index, holders, Some(&edge.caller))?;

    heading(out, "What was not seen")?;
    for line in not_seen(edge) {
        sentence(out, "- ", &line)?;
    }
    heading(out, "What would change it")?;
    sentence(out, "", verdict::what_would_change(edge.verdict, edge.check, edge.strength))?;
    history(out, edge)?;
    latest(out, flows)
}

/// Tells about a listener.
pub(crate) fn listener(
    out: &mut dyn Write,
    snapshot: &Snapshot,
    index: &Index<'_>,
    listener: &Listener,
) -> io::Result<()> {
    let style = colour::of_class(listener.class);
    writeln!(out, "{} {style}{}{style:#}", listener.id, words::class(listener.class))?;
    named(out, "receiver", &index.listener_name(&listener.id), index.workload(&listener.workload))?;
    field(
        out,
        "over",
        &format!(
            "{}, {}",
            words::transport(listener.transport()),
            listener.protocol.as_deref().unwrap_or("no protocol recognised")
        ),
    )?;
    if let Some(file) = listener.socket_file() {
        field(out, "file", &format!("mode {:04o}, uid {}, gid {}", file.mode, file.uid, file.gid))?;
    }
    field(out, "seen", &format!("{} to {}", words::moment(listener.first), words::moment(listener.last)))?;
    if listener.joined_late {
        field(out, "note", "was there before observation began")?;
    }
    heading(out, "Why this class")?;
    if listener.reasons.is_empty() {
        sentence(out, "", "Nothing observed speaks for another class.")?;
    }
    for reason in &listener.reasons {
        sentence(out, "- ", reason)?;
    }
    let edges: Vec<&Edge> = snapshot.edges.iter().filter(|edge| edge.listener == listener.id).collect();
    heading(out, "What it did")?;
    let sum = |of: fn(&Edge) -> u64| edges.iter().map(|edge| of(edge)).sum::<u64>();
    let asked = edges.iter().filter(|edge| is_demanded(edge)).count();
    field(
        out,
        "demanded",
        &format!("proof from {asked} of {}", counted(words::count(edges.len()), "caller", "callers")),
    )?;
    field(
        out,
        "served",
        &format!("{} of {}", sum(|edge| edge.served), counted(sum(|edge| edge.flows), "flow", "flows")),
    )?;
    field(out, "refused", &counted(sum(|edge| edge.refused), "flow", "flows"))?;
    field(out, "opaque", &counted(sum(|edge| edge.opaque), "flow", "flows"))?;
    heading(out, "Who called it")?;
    if edges.is_empty() {
        return sentence(out, "", "Nobody was seen to call it in the time observed.");
    }
    let mut sorted = edges;
    sorted.sort_by_key(|edge| (edge.verdict.rank(), edge.id.clone()));
    let mut table = Table::new(&[
        Column::word("VERDICT"),
        Column::name("CALLER"),
        Column::word("CHECK"),
        Column::number("FLOWS"),
        Column::word("ID"),
    ]);
    for edge in sorted {
        table.row(vec![
            Cell::styled(edge.verdict.as_str(), colour::of_verdict(edge.verdict)),
            Cell::new(index.caller_name(edge)),
            Cell::new(words::check_and_strength(edge.verdict, edge.check, edge.strength)),
            Cell::new(format!("{}/{}", edge.served, edge.flows)),
            Cell::styled(index.short(edge.id.as_str()), colour::DIM),
        ]);
    }
    table.write(out, terminal_width())?;
    let holders = snapshot.holders.iter().filter(|holder| holder.listener == listener.id);
    holding::tell(out, index, holders, None)
}

fn is_demanded(edge: &Edge) -> bool {
    matches!(edge.strength, Some(Strength::Demanded | Strength::Enforced)) || edge.refused > 0
}

fn demanded(edge: &Edge) -> &'static str {
    match (edge.strength, edge.check) {
        (Some(Strength::Enforced), _) => {
            "proof was asked for, and this listener refused someone who lacked it"
        }
        (Some(Strength::Demanded), _) => {
            "proof was asked for before service; nobody was seen to be refused for lack of it"
        }
        (Some(Strength::Presented), _) => "nothing was seen to be asked for; the caller volunteered",
        (Some(Strength::Declared), _) => "an operator says so; not observed",
        (None, Check::Opaque) => "can't be told: that layer was not readable",
        (None, Check::Public) => "nothing, by design of the protocol",
        (
            None,
            Check::None
            | Check::Address
            | Check::Claimed
            | Check::Secret
            | Check::Token
            | Check::Key
            | Check::Kernel,
        ) => {
            if edge.verdict == Verdict::Refused {
                "see the refusals below"
            } else {
                "no demand for proof was observed"
            }
        }
    }
}

fn offered(edge: &Edge) -> String {
    let mut offers: Vec<String> = edge.principals.iter().map(principal).collect();
    offers.extend(edge.credentials.iter().map(|shown| {
        let kind = serde_json::to_value(shown.credential.kind).ok();
        kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or("credential").to_owned()
    }));
    offers.dedup();
    match (offers.is_empty(), edge.check) {
        (false, _) => offers.join(", "),
        (true, Check::Opaque) => "can't be told".to_owned(),
        (true, _) => "nothing was observed".to_owned(),
    }
}

fn principal(sighting: &PrincipalSighting) -> String {
    let PrincipalSighting { principal, verified } = sighting;
    let how = if *verified { "proof accepted" } else { "claimed" };
    format!("{} ({how})", principal.name)
}

fn decided(edge: &Edge) -> String {
    let Edge { flows, served, refused, opaque, .. } = edge;
    let other = flows.saturating_sub(served.saturating_add(*refused));
    let mut parts = vec![format!("served {served} of {}", counted(*flows, "flow", "flows"))];
    if *refused > 0 {
        parts.push(format!("refused {refused}"));
    }
    if other > 0 {
        parts.push(format!("not visible {other}"));
    }
    if *opaque > 0 {
        parts.push(format!("opaque {opaque}"));
    }
    parts.join(", ")
}

fn evidence(out: &mut dyn Write, edge: &Edge) -> io::Result<()> {
    heading(out, "What it stands on")?;
    if edge.evidence.is_empty() {
        sentence(out, "", "No rule of evidence applied.")?;
    }
    if let Some(rule) = verdict::edge_rule(edge.verdict) {
        writeln!(out, "  {}/{} (rule of judgement)", rule.id, rule.version)?;
        sentence(out, "    says:   ", rule.says)?;
    }
    rules(out, edge)
}

/// The rules of evidence behind an edge: what each shows, and what it does not.
pub(super) fn rules(out: &mut dyn Write, edge: &Edge) -> io::Result<()> {
    for line in &edge.evidence {
        let (level, source) = (word_of(line.level), word_of(line.source));
        writeln!(out, "  {} ({level}, {source})", escape::untrusted(&line.rule))?;
        sentence(out, "    shows:  ", &line.shows)?;
        sentence(out, "    limits: ", &line.limits)?;
    }
    Ok(())
}

fn word_of(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn processes(out: &mut dyn Write, edge: &Edge) -> io::Result<()> {
    if edge.processes.is_empty() {
        return Ok(());
    }
    heading(out, "By which programs")?;
    edge.processes.iter().try_for_each(|process| {
        writeln!(out, "  {} ({})", escape::untrusted(&process.exe), counted(process.count, "flow", "flows"))
    })
}

fn credentials(out: &mut dyn Write, edge: &Edge) -> io::Result<()> {
    if edge.credentials.is_empty() {
        return Ok(());
    }
    heading(out, "Credentials (never their values)")?;
    for CredentialSighting { credential, first, last } in &edge.credentials {
        let mut parts = vec![word_of(credential.kind)];
        if let Some(fingerprint) = &credential.fingerprint {
            parts.push(format!("fingerprint {fingerprint}"));
        }
        parts.push(match credential.lifetime_s {
            Some(seconds) => format!("lives {} by its own words", words::duration(seconds)),
            None => "says no lifetime".to_owned(),
        });
        if let Some(end) = credential.not_after {
            parts.push(format!("ends {}", words::moment(end)));
        }
        if let Some(subject) = &credential.subject {
            parts.push(format!("names {subject}"));
        }
        if credential.cleartext {
            parts.push("readable on the wire: whoever sees it can use it again".to_owned());
        }
        parts.push(format!("{} to {}", words::moment(*first), words::moment(*last)));
        sentence(out, "- ", &parts.join("; "))?;
    }
    Ok(())
}

/// What was not seen of an edge, a sentence each.
pub(super) fn not_seen(edge: &Edge) -> Vec<String> {
    let mut lines = vec![verdict::not_seen(edge.verdict, edge.check, edge.strength).to_owned()];
    if edge.opaque > 0 {
        lines.push(format!(
            "The identity layer of {} could not be read.",
            counted(edge.opaque, "flow", "flows")
        ));
    }
    if edge.joined_late > 0 {
        lines.push(format!(
            "The beginning of {}: open before observation began.",
            counted(edge.joined_late, "flow", "flows")
        ));
    }
    match edge.ends {
        tierzero_core::graph::EdgeEnds::Both => {}
        tierzero_core::graph::EdgeEnds::CallerOnly => {
            lines.push("The receiver's end: it is not on this host, or was not seen here.".to_owned());
        }
        tierzero_core::graph::EdgeEnds::ReceiverOnly => {
            lines.push("The caller's end: it is not on this host, or was not seen here.".to_owned());
        }
    }
    if edge.joined_inferred {
        lines.push("That both ends are one connection: they were joined by their addresses.".to_owned());
    }
    lines.push("Other callers, other times, and what a shared process did for whom.".to_owned());
    lines
}

fn history(out: &mut dyn Write, edge: &Edge) -> io::Result<()> {
    if edge.history.is_empty() {
        return Ok(());
    }
    heading(out, "How it changed")?;
    edge.history.iter().try_for_each(|change| {
        let VerdictChange { at, from, to, why, check, strength } = change;
        let stands = check.map_or_else(String::new, |check| {
            format!(" ({})", words::check_and_strength(*to, check, *strength))
        });
        writeln!(out, "  {}  {} -> {}{stands}", words::moment(*at), from.as_str(), to.as_str())?;
        why.map_or(Ok(()), |why| sentence(out, "    because ", why.says()))
    })
}

fn latest(out: &mut dyn Write, flows: &[Flow]) -> io::Result<()> {
    if flows.is_empty() {
        return Ok(());
    }
    heading(out, "Latest flows")?;
    let mut table = Table::new(&[
        Column::word("  FROM (UTC)"),
        Column::name("ORIGINATOR"),
        Column::number("PID"),
        Column::name("RESPONDER"),
        Column::word("CHECK"),
        Column::word("SERVED"),
        Column::word("NOTE"),
    ]);
    for flow in flows {
        let mut notes = Vec::new();
        notes.extend(flow.joined_late.then_some("joined late"));
        notes.extend(flow.gap.then_some("bytes missing"));
        table.row(vec![
            Cell::new(format!("  {}", words::short_moment(flow.from))),
            Cell::new(&flow.originator),
            Cell::new(flow.caller_pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string())),
            Cell::new(&flow.responder),
            Cell::new(words::check_and_strength(flow.verdict, flow.check, flow.strength)),
            Cell::new(words::served(flow.served)),
            Cell::new(notes.join(", ")),
        ]);
    }
    table.write(out, terminal_width())
}

/// A named line.
pub(super) fn field(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    let style = colour::DIM;
    writeln!(out, "  {style}{name:<9}{style:#} {}", escape::untrusted(value))
}

/// A workload in its role, with program and account.
pub(super) fn named(
    out: &mut dyn Write,
    role: &str,
    name: &str,
    workload: Option<&Workload>,
) -> io::Result<()> {
    let Some(workload) = workload else { return field(out, role, name) };
    let mut about: Vec<String> = Vec::new();
    about.extend(workload.exe.clone());
    about.push(words::runs_as(workload));
    field(out, role, &format!("{name} ({})", about.join(", ")))
}
