//! `tierzero diff`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use tierzero_export::Options;
use tierzero_export::diff::{About, Change, Diff, Gate, How, View, diff};

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, escape, words};
use crate::stored;

/// What changed between two snapshots, or since one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero diff monday.json                  from then to what is kept now
  tierzero diff monday.json friday.json
  tierzero diff main.json pull-request.json --gate no-new-location-trusted,no-weaker-verdict

HOW: new, the first has none of it; changed; not seen, the second has none of it, which does not make
it gone. WEAKER: less is checked than before, or what is new is not checked.
Where the two did not see equally well, that is said first: such a difference may be one of the view.

Gates: no-new-edge, no-new-location-trusted, no-weaker-verdict, no-new-legacy, no-new-bridge,
no-new-finding, no-worse-coverage. A gate that does not hold ends with exit code 3.")]
pub(crate) struct Compare {
    /// The first graph: a file of `snapshot` or `export --format json`
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The second; what is kept now without it
    #[arg(value_name = "B")]
    after: Option<PathBuf>,
    /// Fail with exit code 3 when one of these rules does not hold
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    gate: Vec<Gate>,
    /// One JSON object, schema tierzero/diff/1
    #[arg(long)]
    json: bool,
}

impl Compare {
    /// Prints the changes; fails when a gate does.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let before = read(&self.before)?;
        let after = match &self.after {
            Some(path) => read(path)?,
            None => tierzero_export::json(&stored::snapshot(global)?, &Options::default()),
        };
        let told = diff(&before, &after).map_err(|(first, error)| {
            let path = if first { Some(&self.before) } else { self.after.as_ref() };
            let failure = Failure::new("the graphs can't be compared").caused_by(&error);
            let failure = path.map(|it| it.as_path()).into_iter().fold(failure, Failure::at_file);
            failure.next("`tierzero snapshot -o FILE` writes one")
        })?;
        let mut out = colour::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
        } else {
            write_text(&mut out, &told)?;
        }
        out.flush()?;
        let broken: Vec<String> = self
            .gate
            .iter()
            .map(|gate| (gate, gate.broken_by(&told)))
            .filter(|(_, times)| *times > 0)
            .map(|(gate, times)| format!("{} ({times})", gate.as_str()))
            .collect();
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::gate(format!("a gate failed: {}", broken.join(", ")))
            .next("`tierzero explain ID` says why an edge or a finding is so"))
    }
}

fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new("a graph can't be read")
            .at_file(path)
            .because(error)
            .next("name a file that `tierzero snapshot -o FILE` wrote")
    })
}

fn write_text(out: &mut dyn std::io::Write, told: &Diff) -> Outcome {
    if !told.changes.is_empty() {
        let mut table = Table::new(&[
            Column::word("HOW"),
            Column::word("WEAKER"),
            Column::word("WHAT"),
            Column::name("NAME"),
            Column::word("BEFORE"),
            Column::word("AFTER"),
            Column::word("ID"),
        ]);
        told.changes.iter().for_each(|it| table.row(row(it)));
        table.write(out, terminal_width())?;
    }
    let changes = words::counted(words::count(told.changes.len()), "change", "changes");
    let weaker = told.changes.iter().filter(|it| it.weaker).count();
    writeln!(out, "{changes}, {weaker} of them weaker")?;
    for (when, view) in [("before", &told.before), ("after", &told.after)] {
        writeln!(out, "{}{when}: {}{:#}", colour::DIM, seen(view), colour::DIM)?;
    }
    for says in &told.unequal {
        let (warning, says) = (colour::WARNING, escape::untrusted(says));
        writeln!(out, "{warning}the views differ: {says}{warning:#}")?;
    }
    Ok(())
}

fn row(it: &Change) -> Vec<Cell> {
    let how = match it.how {
        How::New => "new",
        How::Changed => "changed",
        How::NotSeen => "not seen",
    };
    let about = match it.about {
        About::Finding => "finding",
        About::Agent => "agent",
        About::Wrap => "wrap",
        About::Edge => "edge",
        About::Listener => "listener",
    };
    let weaker = if it.weaker { Cell::styled("yes", colour::WARNING) } else { Cell::new("-") };
    let said = |text: &Option<String>| Cell::new(text.clone().unwrap_or_else(|| "-".to_owned()));
    vec![
        Cell::new(how),
        weaker,
        Cell::new(about),
        Cell::new(&it.name),
        said(&it.before),
        said(&it.after),
        Cell::styled(&it.id, colour::DIM),
    ]
}

fn seen(view: &View) -> String {
    let moment = |at: &Option<String>| escape::untrusted(at.as_deref().unwrap_or("?")).into_owned();
    let (from, to) = (moment(&view.window.from), moment(&view.window.to));
    let flows = words::counted(view.flows, "flow", "flows");
    format!("{from} to {to}; {flows}, {} opaque; lost {}", view.opaque_flows, view.lost_events)
}
