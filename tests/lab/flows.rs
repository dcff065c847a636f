//! Flow lines of `observe --json`: the last line of a flow stands.

use std::collections::BTreeMap;

use serde_json::Value;

use super::truth::Group;

/// Every flow line, in order.
pub(crate) fn lines(all: &[Value]) -> impl Iterator<Item = &Value> {
    all.iter().filter(|line| text(line, "type") == Some("flow"))
}

/// A field that is text.
pub(crate) fn text<'a>(line: &'a Value, field: &str) -> Option<&'a str> {
    line.get(field).and_then(Value::as_str)
}

/// True for a line about a flow of this caller to this listener.
pub(crate) fn of(line: &Value, caller: &str, listener: &str) -> bool {
    text(line, "caller") == Some(caller) && text(line, "listener") == Some(listener)
}

/// The last line of each flow of one edge.
pub(crate) fn last_lines<'a>(all: &'a [Value], caller: &str, listener: &str) -> Vec<&'a Value> {
    let mut last: BTreeMap<String, &Value> = BTreeMap::new();
    for line in lines(all) {
        last.insert(key(line), line);
    }
    last.into_values().filter(|line| of(line, caller, listener)).collect()
}

/// What makes a flow one flow: its number in the run where the line has one, else its ends and its begin.
fn key(line: &Value) -> String {
    match line.get("number").and_then(Value::as_u64) {
        Some(number) => format!("number {number}"),
        None => ["originator", "responder", "transport", "from"]
            .map(|field| text(line, field).unwrap_or_default())
            .join(" "),
    }
}

/// True when a flow has everything that the group asks for.
pub(crate) fn belongs(line: &Value, group: &Group) -> bool {
    let Group { count: _, principal, check, strength, verdict, joined_late } = group;
    let same = |field: &str, wanted: &Option<String>| {
        wanted.as_deref().is_none_or(|wanted| text(line, field) == Some(wanted))
    };
    same("check", check)
        && same("strength", strength)
        && same("verdict", verdict)
        && joined_late.is_none_or(|late| line.get("joined_late").and_then(Value::as_bool) == Some(late))
        && principal.as_deref().is_none_or(|wanted| {
            line.get("principals")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .any(|principal| principal.as_str().or_else(|| text(principal, "name")) == Some(wanted))
        })
}
