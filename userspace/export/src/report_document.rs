//! The Tier-0 write-down as headings, sentences and tables, before any format.
//!
//! Page one answers the questions; behind it stand the tables that an engineer walks. Names from outside stand in
//! [`Span`]s of their own, so that each format can fence them in.

use std::collections::HashMap;

use tierzero_core::graph::tier0::Tier0;
use tierzero_core::graph::{Listener, Snapshot, Workload};
use tierzero_core::id::{ListenerId, WorkloadId};

use crate::report_tables;
use crate::words::time;

/// Ids named under one answer; its table has all.
pub(crate) const MOST_IDS: usize = 8;

/// One document.
pub(crate) struct Document {
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// One part of it.
pub(crate) enum Block {
    /// A heading, 2 to 3.
    Heading(u8, String),
    /// The answer to a question.
    Answer(String),
    /// A sentence.
    Text(Vec<Span>),
    /// Sentences that stand together.
    Points(Vec<Vec<Span>>),
    /// A table.
    Table { columns: Vec<&'static str>, rows: Vec<Vec<Vec<Span>>> },
    /// The end of page one.
    PageEnd,
}

/// A piece of a line.
#[derive(Clone)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

/// What a piece is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This program's own words.
    Words,
    /// A name from outside.
    Name,
    /// An id, shown where it is defined: `tierzero explain` opens it.
    Anchor,
    /// An id that is defined elsewhere in the document.
    Link,
    /// A word that stands for something bad, doubtful or good.
    Bad,
    /// As above.
    Doubtful,
    /// As above.
    Good,
}

impl Span {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { text: text.into(), kind }
    }
    pub(crate) fn words(text: impl Into<String>) -> Self {
        Self::new(Kind::Words, text)
    }
    pub(crate) fn name(text: impl Into<String>) -> Self {
        Self::new(Kind::Name, text)
    }
}

/// Names of a snapshot at hand.
pub(crate) struct Names<'a> {
    workloads: HashMap<&'a WorkloadId, &'a Workload>,
    listeners: HashMap<&'a ListenerId, &'a Listener>,
}

impl<'a> Names<'a> {
    pub(crate) fn workload(&self, id: &WorkloadId) -> Span {
        match self.workloads.get(id) {
            Some(workload) => Span::name(&*workload.name),
            None => Span::new(Kind::Words, id.to_string()),
        }
    }

    pub(crate) fn place(&self, id: &ListenerId) -> Vec<Span> {
        let Some(listener) = self.listeners.get(id) else { return vec![Span::words(id.to_string())] };
        vec![self.workload(&listener.workload), Span::words(" at "), Span::name(listener.at.to_string())]
    }

    pub(crate) fn workloads(&self, ids: impl Iterator<Item = &'a WorkloadId>) -> Vec<Span> {
        joined(ids.map(|id| vec![self.workload(id)]))
    }

    pub(crate) fn places(&self, ids: impl Iterator<Item = &'a ListenerId>) -> Vec<Span> {
        joined(ids.map(|id| self.place(id)))
    }
}

pub(crate) fn joined(lists: impl Iterator<Item = Vec<Span>>) -> Vec<Span> {
    let mut spans = Vec::new();
    for list in lists {
        if !spans.is_empty() {
            spans.push(Span::words(", "));
        }
        spans.extend(list);
    }
    spans
}

/// The whole of it.
pub(crate) fn document(snapshot: &Snapshot, tier0: &Tier0) -> Document {
    let names = Names {
        workloads: snapshot.workloads.iter().map(|workload| (&workload.id, workload)).collect(),
        listeners: snapshot.listeners.iter().map(|listener| (&listener.id, listener)).collect(),
    };
    let mut blocks = Vec::new();
    let mut from = vec![Span::words("Host: ")];
    from.extend(joined(snapshot.hosts.iter().map(|host| vec![Span::name(&*host.name)])));
    let window = match snapshot.window {
        Some((from, to)) => format!(". Window: {} to {}.", time(from), time(to)),
        None => ". Nothing was observed yet.".to_owned(),
    };
    from.push(Span::words(window));
    blocks.push(Block::Text(from));
    blocks.push(Block::Text(vec![Span::words(
        "What follows is what was observed in this window from this host: every count is \"at least\". It is an \
         exposure, not an accusation, and no certificate of anything.",
    )]));
    blocks.push(Block::Text(coverage(snapshot)));
    page_one(&mut blocks, tier0);
    blocks.push(Block::PageEnd);
    report_tables::all(&mut blocks, &names, snapshot, tier0);
    limits(&mut blocks, snapshot);
    Document { title: "Tier-0 write-down".to_owned(), blocks }
}

/// What lies in the window unseen.
fn coverage(snapshot: &Snapshot) -> Vec<Span> {
    let coverage = &snapshot.coverage;
    let mut spans = vec![Span::words(format!(
        "Coverage: at least {} flows, {} of them opaque, {} without a process at an end on this host; {} events lost; \
         blind: ",
        coverage.flows, coverage.opaque_flows, coverage.unattributed_flows, coverage.lost_events
    ))];
    let blind = coverage.blind.iter().map(|blind| {
        vec![
            Span::words(format!("{} to {} (", time(blind.from), time(blind.to))),
            Span::name(&*blind.reason),
            Span::words(")"),
        ]
    });
    let none = |spans: Vec<Span>, otherwise: &str| match spans.is_empty() {
        true => vec![Span::words(otherwise)],
        false => spans,
    };
    spans.extend(none(joined(blind), "at no known time"));
    spans.push(Span::words("; degraded: "));
    let degraded = coverage.degraded.iter().map(|degraded| vec![Span::name(&*degraded.name)]);
    spans.extend(none(joined(degraded), "in no known way"));
    spans.push(Span::words("."));
    spans
}

fn page_one(blocks: &mut Vec<Block>, tier0: &Tier0) {
    for (index, answer) in tier0.answers.iter().enumerate() {
        blocks.push(Block::Heading(2, format!("{}. {}", index.saturating_add(1), answer.question)));
        blocks.push(Block::Answer(answer.value.clone()));
        let mut points = Vec::new();
        if !answer.evidence.is_empty() {
            let mut rests = vec![Span::words("Rests on: ")];
            let shown = answer.evidence.iter().take(MOST_IDS);
            rests.extend(joined(shown.map(|id| vec![Span::new(Kind::Link, &**id)])));
            if answer.evidence.len() > MOST_IDS {
                let more = answer.evidence.len().saturating_sub(MOST_IDS);
                rests.push(Span::words(format!(" and {more} more in the tables")));
            }
            points.push(rests);
        }
        if !answer.not_seen.is_empty() {
            points.push(vec![Span::words(format!("Not seen: {}.", answer.not_seen.join("; ")))]);
        }
        blocks.push(Block::Points(points));
    }
}

fn limits(blocks: &mut Vec<Block>, snapshot: &Snapshot) {
    blocks.push(Block::Heading(2, "What this can't show".to_owned()));
    let mut points: Vec<Vec<Span>> = [
        "The inside of other hosts, and calls that never touch this one.",
        "Who holds the same secret elsewhere, and whether a key sits in hardware.",
        "What a process that serves several did for whom, and what a principal may do once it is let in.",
        "Intent. A bridge is an exposure.",
    ]
    .into_iter()
    .map(|says| vec![Span::words(says)])
    .collect();
    for degraded in &snapshot.coverage.degraded {
        points.push(vec![
            Span::words("In this window: "),
            Span::name(&*degraded.name),
            Span::words(": "),
            Span::name(&*degraded.loses),
        ]);
    }
    blocks.push(Block::Points(points));
    blocks.push(Block::Text(vec![Span::words(
        "Each id is opened by tierzero explain ID: what was demanded, offered and decided, by which rule, and what \
         would change it.",
    )]));
}
