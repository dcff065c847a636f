//! `tierzero callers`.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::Args;
use tierzero_core::finding::{Caller, callers};
use tierzero_core::graph::Snapshot;
use tierzero_core::id::ListenerId;

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, words};
use crate::{config, stored};

/// Who was served by each listener: names that were proved there, and callers of whom only their place is known
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero callers                                  all of them, by listener
  tierzero callers --listener :8443                 at listeners whose name contains a text
  tierzero callers --freeze >> /etc/tierzero/tierzero.toml
                                                    make a list of them; then start observe again

LISTED: yes or no, by [[named_caller]] in the configuration; -, the listener has no list. Who is
served and is not listed is the finding unlisted-caller: it ends when that caller is seen refused.
A list that is learnt is what happened, attacks included: read it before you use it. Who did not
call in the time observed is not on it. A name is an identity only where the listener demanded proof
of it and took it; a workload or an address says where a caller sits, and that proves nothing.")]
pub(crate) struct Callers {
    /// Only listeners whose place, workload or id contains TEXT
    #[arg(long, value_name = "TEXT")]
    listener: Option<String>,
    /// Print [[named_caller]] sections of the configuration that name them all
    #[arg(long)]
    freeze: bool,
    /// One JSON array
    #[arg(long, conflicts_with = "freeze")]
    json: bool,
}

impl Callers {
    /// Prints the table, the JSON or the lists.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let lists = config::load(global.config.as_deref())?.callers;
        let snapshot = stored::snapshot(global)?;
        let index = Index::new(&snapshot);
        let wanted = |id: &ListenerId| {
            let fits = |text: &String| id.as_str().contains(text) || index.listener_name(id).contains(text);
            self.listener.as_ref().is_none_or(fits)
        };
        let mut found = callers(&snapshot, &lists);
        found.retain(|it| wanted(&it.listener));
        let unread = unread(&snapshot, wanted);
        let mut out = colour::stdout();
        if self.json {
            let text = serde_json::to_string_pretty(&found)
                .map_err(|error| Failure::new("the callers can't be written as JSON").because(error))?;
            writeln!(out, "{text}")?;
            out.flush()?;
            warn_of_unread(unread);
            coverage::warn_of_unseen(&snapshot);
            return Ok(());
        }
        if self.freeze {
            write!(out, "{}", frozen(&snapshot, &index, &found, unread))?;
            out.flush()?;
            warn_of_unread(unread);
            coverage::warn_of_unseen(&snapshot);
            return Ok(());
        }
        if !found.is_empty() {
            write_table(&mut out, &index, &found)?;
        }
        writeln!(out, "at least {}", words::counted(words::count(found.len()), "caller", "callers"))?;
        if unread > 0 {
            let flows = words::counted(unread, "flow", "flows");
            writeln!(out, "not seen: who called in {flows} whose identity layer could not be read")?;
        }
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }
}

/// Flows at these listeners whose caller could not be read.
fn unread(snapshot: &Snapshot, wanted: impl Fn(&ListenerId) -> bool) -> u64 {
    snapshot.edges.iter().filter(|it| wanted(&it.listener)).map(|it| it.opaque).sum()
}

fn warn_of_unread(unread: u64) {
    if unread > 0 {
        let flows = words::counted(unread, "flow", "flows");
        colour::warn(&format!("not seen: who called in {flows} whose identity layer could not be read"));
    }
}

fn write_table(out: &mut dyn std::io::Write, index: &Index<'_>, found: &[Caller]) -> Outcome {
    let mut table = Table::new(&[
        Column::word("LISTED"),
        Column::name("CALLER"),
        Column::word("KNOWN BY"),
        Column::name("FROM"),
        Column::name("LISTENER"),
        Column::number("SERVED"),
        Column::word("LAST (UTC)"),
    ]);
    for it in found {
        let listed = match it.listed {
            Some(true) => Cell::styled("yes", colour::GOOD),
            Some(false) => Cell::styled("no", colour::WARNING),
            None => Cell::new("-"),
        };
        let workloads: Vec<String> = it.workloads.iter().map(|id| index.workload_name(id)).collect();
        let (name, by) = match &it.identity {
            Some(principal) => (principal.name.clone(), words::principal_kind(principal.kind)),
            None => (workloads.join(", "), "place only"),
        };
        table.row(vec![
            listed,
            Cell::new(name),
            Cell::new(by),
            Cell::new(workloads.join(", ")),
            Cell::new(index.listener_name(&it.listener)),
            Cell::new(it.served.to_string()),
            Cell::new(words::short_moment(it.last)),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

/// The lists as sections of the configuration.
fn frozen(snapshot: &Snapshot, index: &Index<'_>, found: &[Caller], unread: u64) -> String {
    let mut text = String::new();
    let window = snapshot.window.map_or_else(
        || "nothing was observed yet".to_owned(),
        |(from, to)| format!("observed from {} to {}", words::moment(from), words::moment(to)),
    );
    let _ = writeln!(
        text,
        "# Named callers, learnt from what was {window}.\n\
         # It is what happened, attacks included: read it before you use it.\n\
         # Who did not call in that time is not here. Lost events: {}; flows whose caller could not be read: {unread}.",
        snapshot.coverage.lost_events
    );
    let mut rest = found;
    while let Some(first) = rest.first() {
        let (here, others) =
            rest.split_at(rest.iter().take_while(|it| it.listener == first.listener).count());
        rest = others;
        let _ = writeln!(
            text,
            "\n# {}\n[[named_caller]]\nlistener = {}",
            quoted(&index.listener_name(&first.listener)),
            quoted(first.listener.as_str())
        );
        let names: Vec<String> =
            here.iter().filter_map(|it| it.identity.as_ref()).map(|it| quoted(&it.name)).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "callers = [{}]", names.join(", "));
        }
        let seats = here.iter().filter(|it| it.identity.is_none());
        let seats: Vec<String> =
            seats.flat_map(|it| &it.workloads).map(|id| quoted(&index.workload_name(id))).collect();
        if !seats.is_empty() {
            let _ = writeln!(
                text,
                "# where callers sit, who proved no name:\nworkloads = [{}]",
                seats.join(", ")
            );
        }
        for claimed in here.iter().flat_map(|it| &it.claimed) {
            let _ = writeln!(text, "# claimed, no proof of it was observed: {}", quoted(claimed));
        }
    }
    text
}

/// A TOML basic string on one line. What a terminal could take for a command is written as its number.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ if letter.is_alphanumeric() => quoted.push(letter),
            _ => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn names_from_outside_stay_on_their_line() {
        for name in [
            "a\"b\\c",
            "x\n[[agent]]\nname = 'y'",
            "\u{1b}[2J",
            "\u{202e}drowssap",
            "spiffe://lab/ä",
            "\u{7f}\u{9b}",
        ] {
            let text = format!("it = {}", quoted(name));
            assert_eq!(text.lines().count(), 1);
            assert!(text.chars().all(|it| !it.is_control() && it != '\u{202e}'), "{text}");
            let read: toml::Table = text.parse().unwrap();
            assert_eq!(read.get("it").and_then(toml::Value::as_str), Some(name));
        }
    }
}
