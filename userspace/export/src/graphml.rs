//! GraphML (<http://graphml.graphdrawing.org/specification.html>) with typed keys.

use std::fmt::Write as _;

use tierzero_core::graph::{Edge, Listener, Snapshot, Workload};

use crate::csv::address;
use crate::statement::statement;
use crate::words::{Word, time};

/// Key, what it is for, its type.
const KEYS: [(&str, &str, &str); 35] = [
    ("schema", "graph", "string"),
    ("window_from", "graph", "string"),
    ("window_to", "graph", "string"),
    ("coverage", "graph", "string"),
    ("lost_events", "graph", "long"),
    ("kind", "node", "string"),
    ("label", "node", "string"),
    ("host", "node", "string"),
    ("exe", "node", "string"),
    ("unit", "node", "string"),
    ("container", "node", "string"),
    ("pod", "node", "string"),
    ("uid", "node", "long"),
    ("netns", "node", "string"),
    ("netns_name", "node", "string"),
    ("address", "node", "string"),
    ("protocol", "all", "string"),
    ("class", "node", "string"),
    ("first", "all", "string"),
    ("last", "all", "string"),
    ("relation", "edge", "string"),
    ("transport", "all", "string"),
    ("verdict", "edge", "string"),
    ("check", "edge", "string"),
    ("strength", "edge", "string"),
    ("flows", "edge", "long"),
    ("served", "edge", "long"),
    ("refused", "edge", "long"),
    ("opaque", "edge", "long"),
    ("late", "edge", "long"),
    ("inferred", "edge", "boolean"),
    ("ends", "edge", "string"),
    ("principals", "edge", "string"),
    ("bytes_sent", "edge", "long"),
    ("bytes_received", "edge", "long"),
];

/// Writing to a string can't fail; so results of `write!` are dropped here.
pub(crate) fn write(snapshot: &Snapshot) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
    );
    for (key, target, kind) in KEYS {
        let _ =
            writeln!(out, "  <key id=\"{key}\" for=\"{target}\" attr.name=\"{key}\" attr.type=\"{kind}\"/>");
    }
    out.push_str("  <graph id=\"tierzero\" edgedefault=\"directed\">\n");
    datum(&mut out, "schema", crate::graph_json::SCHEMA);
    if let Some((from, to)) = snapshot.window {
        datum(&mut out, "window_from", &time(from));
        datum(&mut out, "window_to", &time(to));
    }
    datum(&mut out, "coverage", &statement(snapshot));
    datum(&mut out, "lost_events", &snapshot.coverage.lost_events.to_string());
    snapshot.workloads.iter().for_each(|one| workload(&mut out, one));
    snapshot.listeners.iter().for_each(|one| listener(&mut out, one));
    snapshot.edges.iter().for_each(|one| edge(&mut out, one));
    out.push_str("  </graph>\n</graphml>\n");
    out
}

fn workload(out: &mut String, workload: &Workload) {
    let _ = writeln!(out, "    <node id=\"{}\">", escaped(workload.id.as_str()));
    datum(out, "kind", "workload");
    datum(out, "label", &workload.name);
    let texts = [
        ("host", workload.host.as_ref().map(ToString::to_string)),
        ("exe", workload.exe.clone()),
        ("unit", workload.unit.clone()),
        ("container", workload.container.clone()),
        ("pod", workload.pod.clone()),
        ("uid", workload.uid.map(|uid| uid.to_string())),
        ("netns", workload.netns.map(|netns| netns.0.to_string())),
        ("netns_name", workload.netns_name.clone()),
        ("first", Some(time(workload.first))),
        ("last", Some(time(workload.last))),
    ];
    optional(out, texts);
    out.push_str("    </node>\n");
}

fn listener(out: &mut String, listener: &Listener) {
    let id = escaped(listener.id.as_str());
    let _ = writeln!(out, "    <node id=\"{id}\">");
    datum(out, "kind", "listener");
    datum(out, "label", &address(&listener.at));
    let texts = [
        ("address", Some(address(&listener.at))),
        ("transport", Some(listener.transport().word().to_owned())),
        ("protocol", listener.protocol.clone()),
        ("class", Some(listener.class.word().to_owned())),
        ("first", Some(time(listener.first))),
        ("last", Some(time(listener.last))),
    ];
    optional(out, texts);
    out.push_str("    </node>\n");
    let workload = escaped(listener.workload.as_str());
    let _ = writeln!(out, "    <edge id=\"of-{id}\" source=\"{id}\" target=\"{workload}\">");
    datum(out, "relation", "listener of");
    out.push_str("    </edge>\n");
}

fn edge(out: &mut String, edge: &Edge) {
    let ids = [edge.id.as_str(), edge.caller.as_str(), edge.listener.as_str()].map(escaped);
    let [id, caller, listener] = &ids;
    let _ = writeln!(out, "    <edge id=\"{id}\" source=\"{caller}\" target=\"{listener}\">");
    datum(out, "relation", "calls");
    let principals: Vec<&str> =
        edge.principals.iter().map(|sighting| sighting.principal.name.as_str()).collect();
    let texts = [
        ("transport", Some(edge.transport.word().to_owned())),
        ("protocol", edge.protocol.clone()),
        ("verdict", Some(edge.verdict.word().to_owned())),
        ("check", Some(edge.check.word().to_owned())),
        ("strength", edge.strength.map(|strength| strength.word().to_owned())),
        ("flows", Some(edge.flows.to_string())),
        ("served", Some(edge.served.to_string())),
        ("refused", Some(edge.refused.to_string())),
        ("opaque", Some(edge.opaque.to_string())),
        ("late", Some(edge.joined_late.to_string())),
        ("inferred", Some(edge.joined_inferred.to_string())),
        ("ends", Some(edge.ends.word().to_owned())),
        ("principals", Some(principals.join("; "))),
        ("bytes_sent", Some(edge.bytes_sent.to_string())),
        ("bytes_received", Some(edge.bytes_received.to_string())),
        ("first", Some(time(edge.first))),
        ("last", Some(time(edge.last))),
    ];
    optional(out, texts);
    out.push_str("    </edge>\n");
}

fn optional<const N: usize>(out: &mut String, texts: [(&str, Option<String>); N]) {
    for (key, text) in texts {
        if let Some(text) = text {
            datum(out, key, &text);
        }
    }
}

fn datum(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "      <data key=\"{key}\">{}</data>", escaped(text));
}

/// For text and attribute values. Characters outside of XML 1.0's `Char` (section 2.2) can't be written at all, not
/// even as references: they become U+FFFD. Tab, line feed and carriage return are written as references, because a
/// reader would otherwise normalise them.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out
}
