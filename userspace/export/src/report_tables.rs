//! The tables behind page one of the write-down.

use std::collections::HashMap;

use tierzero_core::graph::tier0::{Account, ByClass, Floor, Tier0};
use tierzero_core::graph::{Edge, Expiry, Lifetime, Snapshot};
use tierzero_core::id::EdgeId;
use tierzero_core::verdict::{Attack, Resistance, Verdict};

use crate::report_document::{Block, Kind, MOST_IDS, Names, Span, joined};
use crate::words::Word;

/// Rows of one table; the JSON has all.
const MOST_ROWS: usize = 400;

/// All of them, in the order in which an engineer walks.
pub(crate) fn all(blocks: &mut Vec<Block>, names: &Names<'_>, snapshot: &Snapshot, tier0: &Tier0) {
    agents(blocks, tier0);
    principals(blocks, names, tier0);
    floors(blocks, names, tier0);
    edges(blocks, names, snapshot);
    attempts(blocks, names, snapshot, tier0);
}

fn agents(blocks: &mut Vec<Block>, tier0: &Tier0) {
    if tier0.agents.is_empty() {
        return;
    }
    blocks.push(Block::Heading(2, "Agents and what they called themselves".to_owned()));
    blocks.push(Block::Text(vec![Span::words(
        "Calls of the agent and of all that descends from it. Identity: distinct, a receiver proved a name that nobody \
         else was seen to use; shared, others use it too.",
    )]));
    let rows = tier0.agents.iter().take(MOST_ROWS).map(|agent| {
        let ByClass { modern, transitional, legacy, unknown } = agent.called;
        vec![
            vec![Span::name(&*agent.name)],
            vec![Span::words(agent.status.word())],
            vec![Span::words(agent.identity.as_str())],
            vec![Span::words(format!(
                "{legacy} legacy, {unknown} unknown, {transitional} transitional, {modern} modern"
            ))],
            vec![agent.weakest.map_or_else(|| Span::words("-"), verdict)],
            ids(agent.edges.iter().take(MOST_IDS).map(EdgeId::as_str)),
        ]
    });
    table(
        blocks,
        vec!["Agent", "Status", "Identity", "Listeners called", "Weakest verdict", "Edges"],
        rows.collect(),
        tier0.agents.len(),
    );
}

fn principals(blocks: &mut Vec<Block>, names: &Names<'_>, tier0: &Tier0) {
    blocks.push(Block::Heading(2, "Principals observed".to_owned()));
    if tier0.accounts.is_empty() {
        blocks.push(Block::Text(vec![Span::words(
            "No caller named itself in this window, as far as was seen.",
        )]));
        return;
    }
    blocks.push(Block::Text(vec![Span::words(
        "Verified: a receiver demanded and accepted proof of the name. Claimed: the caller said so. An owner is the \
         operator's word, never inferred.",
    )]));
    let rows = tier0.accounts.iter().take(MOST_ROWS).map(|account| {
        vec![
            vec![Span::name(&*account.principal.name)],
            vec![Span::words(account.principal.kind.word())],
            vec![proof(account)],
            names.workloads(account.callers.iter()),
            names.places(account.listeners.iter()),
            vec![Span::words(lasts(account.lifetime))],
            vec![Span::words(end_seen(account))],
            owner(account),
            vec![Span::words(notes(account))],
            ids(account.edges.iter().map(EdgeId::as_str)),
        ]
    });
    table(
        blocks,
        vec!["Name", "Kind", "Proof", "Used by", "Where", "Lifetime", "End", "Owner", "Notes", "Edges"],
        rows.collect(),
        tier0.accounts.len(),
    );
}

fn proof(account: &Account) -> Span {
    match (account.admitted, account.verified) {
        (false, _) => Span::words("refused"),
        (true, true) => Span::new(Kind::Good, "verified"),
        (true, false) => Span::new(Kind::Bad, "claimed"),
    }
}

/// The band of a lifetime in words.
fn lasts(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Nothing => "no credential shown",
        Lifetime::QuarterHour => "15 minutes or less",
        Lifetime::Hour => "an hour or less",
        Lifetime::Day => "a day or less",
        Lifetime::Unknown => "not readable",
        Lifetime::Longer => "longer than a day",
        Lifetime::Endless => "no end of its own",
    }
}

/// What was seen of the end of an account's credentials.
fn end_seen(account: &Account) -> String {
    let mut seen = Vec::new();
    match account.expiry {
        Expiry::Accepted => seen.push("an expired one was taken"),
        Expiry::Enforced => seen.push("an expired one was refused"),
        Expiry::NotSeen => {}
    }
    if account.refreshed {
        seen.push("refresh seen");
    }
    if account.rotated {
        seen.push("rotated, not expiring");
    }
    if account.cancelled {
        seen.push("one refused before its end");
    }
    if seen.is_empty() { "not seen".to_owned() } else { seen.join(", ") }
}

fn owner(account: &Account) -> Vec<Span> {
    let Some(owner) = &account.owner.owner else { return vec![Span::new(Kind::Doubtful, "none named")] };
    let mut spans = vec![Span::name(&**owner)];
    match account.owner.confirmed_on {
        Some(day) if account.owner.stale => {
            spans.push(Span::words(", "));
            spans.push(Span::new(Kind::Doubtful, format!("stale: {day}")));
        }
        Some(day) => spans.push(Span::words(format!(", {day}"))),
        None => spans.push(Span::words(", no date")),
    }
    spans
}

/// What stands out about an account.
fn notes(account: &Account) -> String {
    let mut notes = Vec::new();
    if account.shared() {
        notes.push("shared".to_owned());
    }
    if account.dormant {
        notes.push("dormant".to_owned());
    }
    if let Some(day) = account.owner.used_after_gone {
        notes.push(format!("meant to be gone since {day}"));
    }
    if notes.is_empty() { "-".to_owned() } else { notes.join(", ") }
}

fn floors(blocks: &mut Vec<Block>, names: &Names<'_>, tier0: &Tier0) {
    blocks.push(Block::Heading(2, "The floor under each listener".to_owned()));
    if tier0.floors.is_empty() {
        blocks.push(Block::Text(vec![Span::words(
            "No listener was called in this window, as far as was seen.",
        )]));
        return;
    }
    blocks.push(Block::Text(vec![Span::words(
        "Signs as seen, the lowest first; what is not listed as missing may still be missing. These are the listeners \
         that would serve an agent as they serve the callers they have.",
    )]));
    let rows = tier0.floors.iter().take(MOST_ROWS).map(|readout| {
        let floor = match readout.floor {
            Floor::Tier0Gap => Kind::Bad,
            Floor::NotShown => Kind::Doubtful,
            Floor::FoundationSigns | Floor::EnterpriseSigns => Kind::Good,
        };
        let mut because = Vec::new();
        for (says, edges) in &readout.because {
            if !because.is_empty() {
                because.push(Span::words("; "));
            }
            because.push(Span::words(format!("{says}: ")));
            because.extend(ids(edges.iter().map(EdgeId::as_str)));
        }
        let missing = if readout.missing.is_empty() { "-".to_owned() } else { readout.missing.join("; ") };
        vec![
            vec![Span::new(floor, readout.floor.as_str())],
            names.place(&readout.listener),
            because,
            vec![Span::words(missing)],
            vec![Span::new(Kind::Anchor, readout.listener.as_str())],
        ]
    });
    table(
        blocks,
        vec!["Floor", "Listener", "Because", "Not shown", "Id"],
        rows.collect(),
        tier0.floors.len(),
    );
}

fn edges(blocks: &mut Vec<Block>, names: &Names<'_>, snapshot: &Snapshot) {
    blocks.push(Block::Heading(2, "Edges by verdict".to_owned()));
    let mut edges: Vec<&Edge> = snapshot.edges.iter().collect();
    edges.sort_by(|a, b| a.verdict.rank().cmp(&b.verdict.rank()).then_with(|| a.id.cmp(&b.id)));
    let all = edges.len();
    let rows = edges.into_iter().take(MOST_ROWS).map(|edge| {
        let strength = edge.strength.map_or(String::new(), |strength| format!(", {}", strength.word()));
        let check = if edge.verdict == Verdict::Refused {
            "-".to_owned()
        } else {
            format!("{}{strength}", edge.check.word())
        };
        vec![
            vec![verdict(edge.verdict)],
            vec![names.workload(&edge.caller)],
            names.place(&edge.listener),
            vec![Span::name(edge.protocol.as_deref().unwrap_or("-"))],
            vec![Span::words(check)],
            vec![Span::words(format!("{}/{}", edge.served, edge.flows))],
            vec![Span::new(Kind::Anchor, edge.id.as_str())],
        ]
    });
    table(
        blocks,
        vec!["Verdict", "Caller", "Listener", "Protocol", "Check", "Served/flows", "Id"],
        rows.collect(),
        all,
    );
}

fn verdict(verdict: Verdict) -> Span {
    let kind = match verdict {
        Verdict::LocationTrusted => Kind::Bad,
        Verdict::Opaque | Verdict::Unproven | Verdict::SecretChecked => Kind::Doubtful,
        Verdict::IdentityChecked => Kind::Good,
        Verdict::Public | Verdict::Refused => Kind::Words,
    };
    Span::new(kind, verdict.word())
}

fn attempts(blocks: &mut Vec<Block>, names: &Names<'_>, snapshot: &Snapshot, tier0: &Tier0) {
    blocks.push(Block::Heading(2, "Impossible, or just annoying?".to_owned()));
    blocks.push(Block::Text(vec![Span::words(
        "Five attempts on each edge that served. Impossible needs a refusal that was seen or a structural reason; \
         friction is annoying at most; a prompt is no control and is not counted. A1 stand-in: another process in the \
         same place, without a credential. A2 replay: what was on the wire or in a file, from elsewhere. A3 go-around: \
         the backend without the proxy. A4 grind: unlimited cheap tries. A5 outlive: the credential works after its \
         purpose ended.",
    )]));
    let estate = Attack::ALL.into_iter().enumerate().map(|(index, attack)| {
        let count = |wanted: Resistance| {
            let found = tier0
                .exposure
                .iter()
                .filter(|grid| grid.cells.get(index).is_some_and(|cell| cell.resistance == wanted));
            vec![Span::words(found.count().to_string())]
        };
        vec![
            vec![Span::words(format!("{} {}", attack.code(), attack.as_str()))],
            count(Resistance::Absent),
            count(Resistance::Annoying),
            count(Resistance::Unproven),
            count(Resistance::Impossible),
        ]
    });
    let columns = vec!["Attempt", "absent", "annoying", "unproven", "impossible"];
    blocks.push(Block::Table { columns, rows: estate.collect() });
    let edges: HashMap<_, &Edge> = snapshot.edges.iter().map(|edge| (&edge.id, edge)).collect();
    let rows = tier0.exposure.iter().take(MOST_ROWS).map(|grid| {
        let mut row = vec![match edges.get(&grid.edge) {
            Some(edge) => {
                let mut spans = vec![names.workload(&edge.caller), Span::words(" calls ")];
                spans.extend(names.place(&edge.listener));
                spans
            }
            None => Vec::new(),
        }];
        row.extend(grid.cells.iter().map(|cell| {
            let kind = match cell.resistance {
                Resistance::Absent => Kind::Bad,
                Resistance::Annoying | Resistance::Unproven => Kind::Doubtful,
                Resistance::Impossible => Kind::Good,
            };
            vec![Span::new(kind, cell.resistance.as_str()), Span::words(format!(": {}", cell.because))]
        }));
        row.push(vec![Span::new(Kind::Link, grid.edge.as_str())]);
        row
    });
    table(
        blocks,
        vec!["Edge", "A1 stand-in", "A2 replay", "A3 go-around", "A4 grind", "A5 outlive", "Id"],
        rows.collect(),
        tier0.exposure.len(),
    );
}

fn ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Span> {
    joined(ids.map(|id| vec![Span::new(Kind::Link, id)]))
}

fn table(blocks: &mut Vec<Block>, columns: Vec<&'static str>, rows: Vec<Vec<Vec<Span>>>, all: usize) {
    let shown = rows.len();
    if shown == 0 {
        blocks.push(Block::Text(vec![Span::words("None in this window, as far as was seen.")]));
        return;
    }
    blocks.push(Block::Table { columns, rows });
    if all > shown {
        let text = format!("{} more are left out here; --format json has all.", all.saturating_sub(shown));
        blocks.push(Block::Text(vec![Span::words(text)]));
    }
}
