//! `tierzero findings` and `tierzero finding`.

use std::io::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use tierzero_core::finding::{Decision, Finding, FindingType, Life, State, Verb, life};
use tierzero_core::graph::Snapshot;
use tierzero_export::STALE_AFTER;

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::moment::{duration, moment};
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, escape, json, words};
use crate::stored;

/// What should be known, one finding for each cause, gravest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero findings                       those that ask for attention
  tierzero findings --all                 accepted and resolved ones too
  tierzero findings --type location-trust those of one type
  tierzero findings --json | jq '.[].says' all of them, for programs

Silence resolves nothing: a finding without evidence for 30 days is marked stale. Times are UTC.")]
pub(crate) struct Findings {
    /// Accepted and resolved ones too
    #[arg(long)]
    all: bool,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<FindingType>,
    /// One JSON array of all, each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

fn kind(text: &str) -> Result<FindingType, String> {
    text.parse().map_err(|()| {
        let known: Vec<_> = FindingType::ALL.iter().map(|it| it.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

impl Findings {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let mut snapshot = stored::snapshot(global)?;
        snapshot.findings.retain(|it| self.kind.is_none_or(|kind| it.kind == kind));
        let mut out = colour::stdout();
        if self.json {
            json::list(&mut out, &snapshot, json::List::Findings)?;
            return Ok(out.flush()?);
        }
        let now = Timestamp::now();
        let mut rows: Vec<(&Finding, Life)> = snapshot
            .findings
            .iter()
            .map(|it| (it, life(it, &snapshot.decisions, now, STALE_AFTER)))
            .collect();
        let known = rows.len();
        rows.retain(|(_, life)| self.all || life.state.is_open());
        rows.sort_by(|(a, _), (b, _)| (b.severity, b.last, &a.id).cmp(&(a.severity, a.last, &b.id)));
        if !rows.is_empty() {
            write_table(&mut out, &rows)?;
        }
        let known = words::counted(words::count(known), "finding", "findings");
        writeln!(out, "{} of {known} shown", rows.len())?;
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }
}

fn write_table(out: &mut dyn std::io::Write, rows: &[(&Finding, Life)]) -> Outcome {
    let mut table = Table::new(&[
        Column::word("SEVERITY"),
        Column::word("TYPE"),
        Column::word("STATE"),
        Column::number("COUNT"),
        Column::name("SAYS"),
        Column::word("LAST (UTC)"),
        Column::word("ID"),
    ]);
    for (finding, life) in rows {
        let mut state = life.state.as_str().to_owned();
        if life.state == (State::New { expired: true }) {
            state.push_str(" (expired)");
        }
        if life.stale {
            state.push_str(", stale");
        }
        table.row(vec![
            Cell::styled(finding.severity.as_str(), colour::of_severity(finding.severity)),
            Cell::new(finding.kind.as_str()),
            Cell::new(state),
            Cell::new(finding.count.to_string()),
            Cell::new(finding.says.as_str()),
            Cell::new(words::short_moment(finding.last)),
            Cell::styled(finding.id.as_str(), colour::DIM),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

/// Decide about one finding: acknowledge it, accept its risk, or confirm its end
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero finding ack f-3f2a
  tierzero finding accept f-3f2a --owner ops --reason 'until the move' --expires 30d
  tierzero finding resolve f-3f2a

Decisions are added to the database with who and when, beside a running observer. Nothing but evidence resolves a
finding; weaker evidence and the end of an accepted risk open it again.")]
pub(crate) struct Decide {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Somebody looks at it
    Ack {
        /// Id of the finding, or its beginning
        id: String,
    },
    /// The risk is taken for a while
    Accept {
        /// Id of the finding, or its beginning
        id: String,
        /// Who answers for it
        #[arg(long)]
        owner: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Until when: 30d, or 2027-01-31
        #[arg(long, value_parser = expiry)]
        expires: Timestamp,
    },
    /// It is over: refused without positive evidence
    Resolve {
        /// Id of the finding, or its beginning
        id: String,
    },
}

/// A moment to come: so long from now, or a day or time in UTC.
fn expiry(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now();
    let at = match moment(text) {
        Some(at) => at,
        None => now
            .checked_add(
                duration(text).map_err(|_| "expected a duration (30d) or a day (2027-01-31)".to_owned())?,
            )
            .map_err(|_| "too far away".to_owned())?,
    };
    if at > now { Ok(at) } else { Err("must be in the future".to_owned()) }
}

impl Decide {
    /// Adds the decision.
    pub(crate) fn run(self, global: &Global) -> Outcome {
        let snapshot = stored::snapshot(global)?;
        let (id, verb) = match self.what {
            What::Ack { id } => (id, Verb::Acknowledge),
            What::Accept { id, owner, reason, expires } => (id, Verb::Accept { owner, reason, expires }),
            What::Resolve { id } => (id, Verb::Resolve),
        };
        let finding = found(&snapshot, id.trim())?;
        let at = Timestamp::now();
        let before = life(finding, &snapshot.decisions, at, STALE_AFTER).state;
        if verb == Verb::Resolve && before != State::Resolved {
            return Err(Failure::new(format!(
                "{} is not resolved: no evidence of its end was observed",
                finding.id
            ))
            .because(format!("it ends when {}", finding.kind.ends_when()))
            .next("provoke that evidence while tierzero observes, or take the risk with `finding accept`"));
        }
        if before == State::Resolved && verb != Verb::Resolve {
            return Err(Failure::new(format!("{} is resolved: there is nothing to decide", finding.id))
                .next("`tierzero findings --all` shows it; it opens again by itself if it is seen again"));
        }
        let by = std::env::var("SUDO_USER")
            .or_else(|_| std::env::var("USER"))
            .unwrap_or_else(|_| "unknown".into());
        let decision = Decision { finding: finding.id.clone(), at, by, verb };
        stored::writable(&global.db())?
            .decide(&decision)
            .map_err(|error| stored::failure("the decision can't be stored", &error))?;
        let mut decisions = snapshot.decisions.clone();
        decisions.push(decision);
        let after = life(finding, &decisions, at, STALE_AFTER).state;
        let mut out = colour::stdout();
        writeln!(
            out,
            "{}: {} -> {}; {}",
            finding.id,
            before.as_str(),
            after.as_str(),
            escape::untrusted(&finding.says)
        )?;
        Ok(out.flush()?)
    }
}

fn found<'s>(snapshot: &'s Snapshot, id: &str) -> Outcome<&'s Finding> {
    let mut fits = snapshot.findings.iter().filter(|it| it.id.as_str().starts_with(id));
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(format!("no finding has an id that begins with `{id}`"))
            .next("`tierzero findings --all` shows the ids")),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("several ids begin with `{id}`")).next("give more of the id"))
        }
    }
}
