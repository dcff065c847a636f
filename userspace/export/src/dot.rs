//! Graphviz DOT.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tierzero_core::graph::{Edge, Listener, Snapshot, Workload};
use tierzero_core::verdict::Verdict;

use crate::csv::address;
use crate::statement::statement;
use crate::words::Word;

/// Colour and line of an edge; the line differs as well, for those who don't see the colour.
fn look(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::LocationTrusted => ("#c0392b", "bold"),
        Verdict::Opaque => ("#7f8c8d", "dashed"),
        Verdict::Unproven => ("#d35400", "solid"),
        Verdict::SecretChecked => ("#b7950b", "solid"),
        Verdict::IdentityChecked => ("#1e8449", "solid"),
        Verdict::Public => ("#2471a3", "solid"),
        Verdict::Refused => ("#34495e", "dotted"),
    }
}

/// Writing to a string can't fail; so results of `write!` are dropped here.
pub(crate) fn write(snapshot: &Snapshot) -> String {
    let mut out = String::from("digraph tierzero {\n");
    let _ = writeln!(
        out,
        "  graph [rankdir=LR, labelloc=b, fontname=\"sans-serif\", label={}];",
        quoted(&statement(snapshot))
    );
    out.push_str(
        "  node [fontname=\"sans-serif\", fontsize=10];\n  edge [fontname=\"sans-serif\", fontsize=9];\n",
    );
    let mut listeners: BTreeMap<&str, Vec<&Listener>> = BTreeMap::new();
    for listener in &snapshot.listeners {
        listeners.entry(listener.workload.as_str()).or_default().push(listener);
    }
    for (number, (place, workloads)) in places(snapshot).iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(place));
        for workload in workloads {
            let own = listeners.get(workload.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            node(&mut out, workload, own);
        }
        out.push_str("  }\n");
    }
    for edge in &snapshot.edges {
        arrow(&mut out, edge);
    }
    legend(&mut out);
    out.push_str("}\n");
    out
}

/// Where workloads run: host and network namespace; peers on other hosts are one place.
fn places(snapshot: &Snapshot) -> BTreeMap<String, Vec<&Workload>> {
    let hosts: BTreeMap<&str, &str> =
        snapshot.hosts.iter().map(|host| (host.id.as_str(), host.name.as_str())).collect();
    let mut places: BTreeMap<String, Vec<&Workload>> = BTreeMap::new();
    for workload in &snapshot.workloads {
        let place = match &workload.host {
            None => "other hosts".to_owned(),
            Some(id) => {
                let host = hosts.get(id.as_str()).copied().unwrap_or(id.as_str());
                match (&workload.netns_name, workload.netns) {
                    (Some(name), _) if name == "host" => host.to_owned(),
                    (Some(name), _) => format!("{host}, network namespace {name}"),
                    (None, Some(netns)) => format!("{host}, network namespace {}", netns.0),
                    (None, None) => host.to_owned(),
                }
            }
        };
        places.entry(place).or_default().push(workload);
    }
    places
}

fn node(out: &mut String, workload: &Workload, listeners: &[&Listener]) {
    let exe = workload.exe.as_deref().unwrap_or_default();
    let label = if exe.is_empty() { workload.name.clone() } else { format!("{}\n{exe}", workload.name) };
    let id = quoted(workload.id.as_str());
    let _ = writeln!(out, "    {id} [shape=box, label={}];", quoted(&label));
    for listener in listeners {
        let at = format!("{} {}", listener.transport().word(), address(&listener.at));
        let label = match &listener.protocol {
            Some(protocol) => format!("{at}\n{protocol}, {}", listener.class.word()),
            None => format!("{at}\n{}", listener.class.word()),
        };
        let listener = quoted(listener.id.as_str());
        let _ = writeln!(out, "    {listener} [shape=ellipse, label={}];", quoted(&label));
        let _ = writeln!(out, "    {listener} -> {id} [style=dotted, arrowhead=none];");
    }
}

fn arrow(out: &mut String, edge: &Edge) {
    let (colour, style) = look(edge.verdict);
    let label = format!(
        "{}\n{} served, {} refused, {} opaque",
        edge.verdict.word(),
        edge.served,
        edge.refused,
        edge.opaque
    );
    let _ = writeln!(
        out,
        "  {} -> {} [color=\"{colour}\", fontcolor=\"{colour}\", style={style}, label={}, tooltip={}];",
        quoted(edge.caller.as_str()),
        quoted(edge.listener.as_str()),
        quoted(&label),
        quoted(edge.id.as_str()),
    );
}

fn legend(out: &mut String) {
    out.push_str("  subgraph cluster_legend {\n    label=\"what the receiver checked\";\n");
    for verdict in <Verdict as Word>::ALL {
        let (colour, style) = look(*verdict);
        let word = verdict.word();
        let _ = writeln!(out, "    \"legend from {word}\" [shape=point];");
        let _ = writeln!(out, "    \"legend to {word}\" [shape=plaintext, label=\"{word}\"];");
        let _ = writeln!(
            out,
            "    \"legend from {word}\" -> \"legend to {word}\" [color=\"{colour}\", style={style}];"
        );
    }
    out.push_str("  }\n");
}

/// A quoted string of the DOT language: `"` and `\` are escaped (the latter also keeps label escapes like `\N` out),
/// a line feed becomes `\n`, other control characters and NUL become U+FFFD.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Graphviz reads HTML entities in labels.
            '&' => out.push_str("&amp;"),
            control if control.is_control() => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
