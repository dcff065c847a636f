//! What a run saw, and what it did not.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use tierzero_core::verdict::Verdict;

use crate::error::Outcome;
use crate::live::Board;
use crate::output::{colour, coverage, escape, words};
use crate::place::Db;

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Summary {
    /// How long it ran.
    pub(crate) running: Duration,
    /// From.
    pub(crate) from: Timestamp,
    /// To.
    pub(crate) to: Timestamp,
    /// Events that it took.
    pub(crate) events: u64,
    /// File in which the graph is kept, if it is.
    pub(crate) kept_in: Option<String>,
}

impl Summary {
    /// Prints it for people.
    pub(crate) fn print(&self, board: &Board) -> Outcome {
        let mut out = colour::stdout();
        let Self { running, from, to, events, kept_in } = self;
        let host = board.host.as_ref().map_or("an unnamed host", |host| host.name.as_str());
        writeln!(
            out,
            "observed {} for {}: {} to {}, {}",
            escape::untrusted(host),
            words::duration(running.as_secs()),
            words::moment(*from),
            words::moment(*to),
            words::counted(*events, "event", "events"),
        )?;
        let verdicts: Vec<String> = Verdict::ALL
            .into_iter()
            .map(|verdict| (verdict, board.edges_with(verdict)))
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| {
                let style = colour::of_verdict(verdict);
                format!("{count} {style}{}{style:#}", verdict.as_str())
            })
            .collect();
        let (edges, listeners, workloads) = board.counts();
        let by_verdict =
            if verdicts.is_empty() { String::new() } else { format!(": {}", verdicts.join(", ")) };
        writeln!(out, "  edges     {edges}{by_verdict}")?;
        writeln!(
            out,
            "  ends      {}, {}",
            words::counted(workloads, "workload", "workloads"),
            words::counted(listeners, "listener", "listeners")
        )?;
        let (seen, unseen) = coverage::sentence(&board.coverage);
        writeln!(out, "  flows     {seen}")?;
        let nothing = "no loss, no blind time known";
        writeln!(out, "  not seen  {}", if unseen.is_empty() { nothing } else { &unseen })?;
        for one in &board.coverage.degraded {
            writeln!(out, "  degraded  {}: {}", escape::untrusted(&one.name), escape::untrusted(&one.loses))?;
        }
        if let Some(place) = kept_in {
            writeln!(out, "  kept in   {}", escape::untrusted(place))?;
            let worst = Verdict::ALL.into_iter().find(|verdict| board.edges_with(*verdict) > 0);
            if let Some(worst) = worst {
                let named = if *place == Db::or_default(None).shown() {
                    String::new()
                } else {
                    format!("--db {place} ")
                };
                writeln!(
                    out,
                    "  next      tierzero {}edges --verdict {}",
                    escape::untrusted(&named),
                    worst.as_str()
                )?;
            }
        }
        Ok(out.flush()?)
    }
}
