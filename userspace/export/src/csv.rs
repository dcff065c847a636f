//! CSV by RFC 4180, safe to open in a spreadsheet.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, tab or carriage return would run as a formula there; it gets an
//! apostrophe before it. Window and coverage are columns of each line, because CSV has no place for a comment.

use std::collections::BTreeMap;

use tierzero_core::event::ListenAddress;
use tierzero_core::graph::{Edge, Listener, Snapshot, Workload};

use crate::statement::statement;
use crate::words::{Word, time};

const EDGE_COLUMNS: [&str; 28] = [
    "id",
    "caller",
    "caller_name",
    "caller_exe",
    "caller_host",
    "listener",
    "listener_name",
    "listener_exe",
    "listener_address",
    "transport",
    "protocol",
    "verdict",
    "check",
    "strength",
    "flows",
    "served",
    "refused",
    "opaque",
    "joined_late",
    "ends",
    "principals",
    "bytes_sent",
    "bytes_received",
    "first",
    "last",
    "window_from",
    "window_to",
    "coverage",
];

const NODE_COLUMNS: [&str; 20] = [
    "id",
    "kind",
    "workload",
    "host",
    "name",
    "exe",
    "unit",
    "container",
    "pod",
    "uid",
    "netns",
    "netns_name",
    "address",
    "protocol",
    "class",
    "first",
    "last",
    "window_from",
    "window_to",
    "coverage",
];

pub(crate) fn edges(snapshot: &Snapshot) -> String {
    let workloads = workloads(snapshot);
    let listeners: BTreeMap<&str, &Listener> =
        snapshot.listeners.iter().map(|listener| (listener.id.as_str(), listener)).collect();
    let end = end_of_line(snapshot);
    let mut lines = Lines::new(&EDGE_COLUMNS);
    for edge in &snapshot.edges {
        let caller = workloads.get(edge.caller.as_str()).copied();
        let listener = listeners.get(edge.listener.as_str()).copied();
        let receiver = listener.and_then(|listener| workloads.get(listener.workload.as_str()).copied());
        lines.push(edge_cells(edge, caller, listener, receiver).into_iter().chain(end.clone()));
    }
    lines.finish()
}

fn edge_cells(
    edge: &Edge,
    caller: Option<&Workload>,
    listener: Option<&Listener>,
    receiver: Option<&Workload>,
) -> Vec<String> {
    let name =
        |workload: Option<&Workload>| workload.map(|workload| workload.name.clone()).unwrap_or_default();
    let exe =
        |workload: Option<&Workload>| workload.and_then(|workload| workload.exe.clone()).unwrap_or_default();
    let principals: Vec<&str> =
        edge.principals.iter().map(|sighting| sighting.principal.name.as_str()).collect();
    vec![
        edge.id.to_string(),
        edge.caller.to_string(),
        name(caller),
        exe(caller),
        caller.and_then(|caller| caller.host.as_ref()).map(ToString::to_string).unwrap_or_default(),
        edge.listener.to_string(),
        name(receiver),
        exe(receiver),
        listener.map(|listener| address(&listener.at)).unwrap_or_default(),
        edge.transport.word().to_owned(),
        edge.protocol.clone().unwrap_or_default(),
        edge.verdict.word().to_owned(),
        edge.check.word().to_owned(),
        edge.strength.map(|strength| strength.word().to_owned()).unwrap_or_default(),
        edge.flows.to_string(),
        edge.served.to_string(),
        edge.refused.to_string(),
        edge.opaque.to_string(),
        edge.joined_late.to_string(),
        edge.ends.word().to_owned(),
        principals.join("; "),
        edge.bytes_sent.to_string(),
        edge.bytes_received.to_string(),
        time(edge.first),
        time(edge.last),
    ]
}

pub(crate) fn nodes(snapshot: &Snapshot) -> String {
    let workloads = workloads(snapshot);
    let end = end_of_line(snapshot);
    let mut lines = Lines::new(&NODE_COLUMNS);
    for workload in &snapshot.workloads {
        let cells = node_cells(workload.id.as_str(), "workload", workload, None);
        lines.push(cells.into_iter().chain(end.clone()));
    }
    for listener in &snapshot.listeners {
        let Some(workload) = workloads.get(listener.workload.as_str()) else { continue };
        let cells = node_cells(listener.id.as_str(), "listener", workload, Some(listener));
        lines.push(cells.into_iter().chain(end.clone()));
    }
    lines.finish()
}

/// A listener's line also says whose it is.
fn node_cells(id: &str, kind: &str, workload: &Workload, listener: Option<&Listener>) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (first, last) =
        listener.map_or((workload.first, workload.last), |listener| (listener.first, listener.last));
    vec![
        id.to_owned(),
        kind.to_owned(),
        workload.id.to_string(),
        workload.host.as_ref().map(ToString::to_string).unwrap_or_default(),
        workload.name.clone(),
        text(&workload.exe),
        text(&workload.unit),
        text(&workload.container),
        text(&workload.pod),
        workload.uid.map(|uid| uid.to_string()).unwrap_or_default(),
        workload.netns.map(|netns| netns.0.to_string()).unwrap_or_default(),
        text(&workload.netns_name),
        listener.map(|listener| address(&listener.at)).unwrap_or_default(),
        listener.and_then(|listener| listener.protocol.clone()).unwrap_or_default(),
        listener.map(|listener| listener.class.word().to_owned()).unwrap_or_default(),
        time(first),
        time(last),
    ]
}

/// Window and coverage.
fn end_of_line(snapshot: &Snapshot) -> [String; 3] {
    let (from, to) = snapshot.window.map(|(from, to)| (time(from), time(to))).unwrap_or_default();
    [from, to, statement(snapshot)]
}

fn workloads(snapshot: &Snapshot) -> BTreeMap<&str, &Workload> {
    snapshot.workloads.iter().map(|workload| (workload.id.as_str(), workload)).collect()
}

/// `address:port`, `[v6]:port`, or a path.
pub(crate) fn address(at: &ListenAddress) -> String {
    match at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => address.to_string(),
        ListenAddress::Unix { path, file: _ } => path.clone(),
    }
}

struct Lines {
    writer: ::csv::Writer<Vec<u8>>,
}

impl Lines {
    fn new(columns: &[&str]) -> Self {
        let writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
        let mut lines = Self { writer };
        lines.push(columns.iter().map(|column| (*column).to_owned()));
        lines
    }

    fn push(&mut self, cells: impl Iterator<Item = String>) {
        // Memory takes every write, and each line has as many cells as the header: neither error can come.
        let _ = self.writer.write_record(cells.map(guarded));
    }

    fn finish(self) -> String {
        self.writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
