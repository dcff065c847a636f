//! Review formats: pure functions of a graph snapshot. The same snapshot gives the same bytes.
//!
//! Every format carries the window and the [`statement`] of what was not seen, in the place that the format has for
//! it: fields of the JSON, attributes of the GraphML graph, the label of the DOT graph, columns of the CSV lines.
//! Names come from outside: each format escapes by its own rules, and no name can end a string, a line, a cell or
//! an element early.
#![forbid(unsafe_code)]

mod agent_json;
mod csv;
pub mod diff;
mod dot;
mod edge_json;
mod finding_json;
mod graph_json;
mod graphml;
mod holder_json;
pub mod lines;
mod path_json;
pub mod policy;
mod read;
mod redact;
mod relay_json;
mod report_document;
mod report_html;
mod report_json;
mod report_markdown;
mod report_tables;
mod statement;
pub mod visible;
mod words;

use std::borrow::Cow;

use jiff::SignedDuration;
use tierzero_core::graph::tier0::{Terms, Tier0};
use tierzero_core::graph::{Holder, Snapshot};

pub use finding_json::STALE_AFTER;
pub use path_json::paths_json;
pub use read::ReadError;
pub use statement::statement;

/// The JSON Schema (draft 2020-12) of what [`json`] writes.
pub const GRAPH_SCHEMA: &str = include_str!("../schema/graph-1.schema.json");

/// What an export may show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Are names replaced?
    pub redaction: Redaction,
    /// Are keyed fingerprints of credentials written? Off unless asked for; never with redaction.
    pub fingerprints: bool,
    /// After how much silence a finding is marked stale.
    pub stale_after: SignedDuration,
}

impl Default for Options {
    fn default() -> Self {
        Self { redaction: Redaction::Off, fingerprints: false, stale_after: STALE_AFTER }
    }
}

/// Are names, addresses, paths and principals replaced by pseudonyms?
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// No.
    #[default]
    Off,
    /// Yes, under this key: the same name gives the same pseudonym in each export of this installation, and without
    /// the key no name can be found by trying.
    Keyed([u8; 32]),
}

impl std::fmt::Debug for Redaction {
    /// Never prints the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Keyed(_) => "Keyed",
        })
    }
}

/// The whole graph, schema `tierzero/graph/1`.
#[must_use]
pub fn json(snapshot: &Snapshot, options: &Options) -> String {
    graph_json::write(&shown(snapshot, options), options.stale_after)
}

/// Reads what [`json`] wrote.
///
/// What the schema leaves out (command lines, flow groups, the listeners' contrast) comes back empty.
///
/// # Errors
/// [`ReadError`] when the text is not of this schema.
pub fn read_json(text: &str) -> Result<Snapshot, ReadError> {
    read::read(text)
}

/// One line for each edge, RFC 4180, with a header line.
#[must_use]
pub fn csv_edges(snapshot: &Snapshot, options: &Options) -> String {
    csv::edges(&shown(snapshot, options))
}

/// One line for each workload and each listener, RFC 4180, with a header line.
#[must_use]
pub fn csv_nodes(snapshot: &Snapshot, options: &Options) -> String {
    csv::nodes(&shown(snapshot, options))
}

/// Graphviz: one cluster for each place (host, network namespace), edges coloured by verdict, with a legend.
#[must_use]
pub fn dot(snapshot: &Snapshot, options: &Options) -> String {
    dot::write(&shown(snapshot, options))
}

/// GraphML with typed keys.
#[must_use]
pub fn graphml(snapshot: &Snapshot, options: &Options) -> String {
    graphml::write(&shown(snapshot, options))
}

/// The Tier-0 write-down as CommonMark with GitHub's tables.
#[must_use]
pub fn report_markdown(snapshot: &Snapshot, terms: &Terms) -> String {
    report_markdown::write(&report_document::document(snapshot, &Tier0::of(snapshot, terms)))
}

/// The Tier-0 write-down as one HTML page that loads nothing and runs nothing.
#[must_use]
pub fn report_html(snapshot: &Snapshot, terms: &Terms) -> String {
    report_html::write(&report_document::document(snapshot, &Tier0::of(snapshot, terms)))
}

/// The Tier-0 write-down for programs, schema `tierzero/report/1`.
#[must_use]
pub fn report_json(snapshot: &Snapshot, terms: &Terms) -> String {
    report_json::report(snapshot, &Tier0::of(snapshot, terms))
}

/// The observed principals for programs: the report's list, one element a line.
#[must_use]
pub fn principals_json(snapshot: &Snapshot, terms: &Terms) -> String {
    report_json::principals(snapshot, terms)
}

/// The snapshot as far as it may be shown. Every format starts from this.
fn shown<'a>(snapshot: &'a Snapshot, options: &Options) -> Cow<'a, Snapshot> {
    if let Redaction::Keyed(key) = options.redaction {
        return Cow::Owned(redact::redact(snapshot, key));
    }
    if options.fingerprints {
        return Cow::Borrowed(snapshot);
    }
    let mut snapshot = snapshot.clone();
    let credentials = snapshot.edges.iter_mut().flat_map(|edge| &mut edge.credentials);
    credentials.for_each(|shown| shown.credential.fingerprint = None);
    snapshot.holders = snapshot.holders.into_iter().map(Holder::without_fingerprints).collect();
    snapshot.relays.iter_mut().for_each(|relay| relay.passed_through.clear());
    Cow::Owned(snapshot)
}
