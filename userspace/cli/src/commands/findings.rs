//! `tierzero findings` and `tierzero finding`.

use std::io::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use tierzero_core::finding::{Decision, Finding, FindingType, Life, Severity, State, Subject, Verb, life};
use tierzero_core::graph::{AgentStatus, Snapshot};
use tierzero_core::id::WorkloadId;
use tierzero_export::STALE_AFTER;

use crate::arguments::Global;
use crate::commands::filter::fits_workload;
use crate::error::{Failure, Outcome};
use crate::moment::{Since, duration, moment};
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, escape, found, json, words};
use crate::{config, operator, stored};

/// What should be known, one finding for each cause, gravest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero findings                       those that ask for attention
  tierzero findings --all                 accepted and resolved ones too
  tierzero findings --state accepted-risk risks that somebody took
  tierzero findings --severity high --since 24h
  tierzero findings --agent helpdesk      what one agent is behind
  tierzero findings --json | jq '.[].says' all of them, for programs
  tierzero explain f-3f2a                 one of them, walked back to its evidence

Silence resolves nothing: a finding without evidence for 30 days ([limits] stale_s) is marked
stale. Times are UTC.")]
pub(crate) struct Findings {
    /// Accepted and resolved ones too
    #[arg(long)]
    all: bool,
    /// Only those in this state (repeat, or separate by commas)
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    state: Vec<StateWord>,
    /// Only those of this severity or graver
    #[arg(long, value_name = "SEVERITY", value_enum)]
    severity: Option<SeverityWord>,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<FindingType>,
    /// Only those behind which an agent stands whose id begins with TEXT, or whose name, program or unit contains it
    #[arg(long, value_name = "TEXT")]
    agent: Option<String>,
    /// Only what was seen since: a duration back from now (30m, 2h, 7d) or a time (2026-11-23, 2026-11-23T13:05:33Z)
    #[arg(long, value_name = "DUR|TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// One JSON array of all in every state, or those asked for; each element as in `export --format json`
    #[arg(long)]
    json: bool,
}

/// States as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum StateWord {
    New,
    Acknowledged,
    AcceptedRisk,
    Resolved,
    Reopened,
    /// No evidence for long; the state itself stays.
    Stale,
}

impl StateWord {
    fn fits(self, life: &Life) -> bool {
        match self {
            Self::New => matches!(life.state, State::New { .. }),
            Self::Acknowledged => life.state == State::Acknowledged,
            Self::AcceptedRisk => matches!(life.state, State::AcceptedRisk { .. }),
            Self::Resolved => life.state == State::Resolved,
            Self::Reopened => life.state == State::Reopened,
            Self::Stale => life.stale,
        }
    }
}

/// Severities as typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum SeverityWord {
    Low,
    Medium,
    High,
}

impl SeverityWord {
    fn severity(self) -> Severity {
        match self {
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
        }
    }
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
        let stale_after = config::load(global.config.as_deref())?.stale_after;
        let now = Timestamp::now();
        let lives: Vec<Life> =
            snapshot.findings.iter().map(|it| found::life_at(it, &snapshot, now, stale_after)).collect();
        let known = lives.len();
        let wanted: Vec<bool> = snapshot
            .findings
            .iter()
            .zip(&lives)
            .map(|(finding, life)| self.wants(&snapshot, finding, life, now))
            .collect();
        let mut keep = wanted.iter();
        let mut out = colour::stdout();
        if self.json {
            snapshot.findings.retain(|_| keep.next().is_some_and(|keep| *keep));
            json::findings(&mut out, &snapshot, stale_after)?;
            return Ok(out.flush()?);
        }
        let mut rows: Vec<(&Finding, Life)> = snapshot.findings.iter().zip(lives).collect();
        // A state that was asked for is shown whether or not it asks for attention.
        let closed_too = self.all || !self.state.is_empty();
        rows.retain(|(_, life)| {
            keep.next().is_some_and(|keep| *keep) && (closed_too || life.state.is_open())
        });
        rows.sort_by(|(a, _), (b, _)| (b.severity, b.last, &a.id).cmp(&(a.severity, a.last, &b.id)));
        if !rows.is_empty() {
            write_table(&mut out, &rows, &Index::new(&snapshot))?;
        }
        let known = words::counted(words::count(known), "finding", "findings");
        writeln!(out, "{} of {known} shown", rows.len())?;
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }

    /// Is this finding asked for?
    fn wants(&self, snapshot: &Snapshot, finding: &Finding, life: &Life, now: Timestamp) -> bool {
        let Self { all: _, state, severity, kind, agent, since, json: _ } = self;
        (state.is_empty() || state.iter().any(|word| word.fits(life)))
            && severity.is_none_or(|word| finding.severity >= word.severity())
            && kind.is_none_or(|kind| finding.kind == kind)
            && agent.as_ref().is_none_or(|text| is_behind(snapshot, text, finding))
            && since.is_none_or(|since| finding.last >= since.from(now))
    }
}

/// Does an agent of this name stand behind the finding: as what it is about, or as who called?
fn is_behind(snapshot: &Snapshot, text: &str, finding: &Finding) -> bool {
    let callers = snapshot
        .edges
        .iter()
        .filter(|edge| {
            finding.edges.iter().any(|it| it.edge == edge.id)
                || finding.subjects.iter().any(|it| matches!(it, Subject::Edge(id) if *id == edge.id))
        })
        .map(|edge| &edge.caller);
    let about = finding.subjects.iter().filter_map(|it| match it {
        Subject::Workload(id) => Some(id),
        Subject::Listener(_) | Subject::Edge(_) | Subject::Principal(_) | Subject::Host(_) => None,
    });
    let named = |id: &WorkloadId| {
        snapshot
            .workloads
            .iter()
            .any(|it| it.id == *id && it.agent != AgentStatus::No && fits_workload(text, it))
    };
    callers.chain(about).any(|id| {
        let root = snapshot.workloads.iter().find(|it| it.id == *id).and_then(|it| it.agent_root.as_ref());
        named(id) || root.is_some_and(named)
    })
}

fn write_table(out: &mut dyn std::io::Write, rows: &[(&Finding, Life)], index: &Index<'_>) -> Outcome {
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
            Cell::styled(index.short(finding.id.as_str()), colour::DIM),
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
        let finding = the_one(&snapshot, id.trim())?;
        let at = Timestamp::now();
        let before = life(finding, &snapshot.decisions, at, STALE_AFTER).state;
        if verb == Verb::Resolve && before != State::Resolved {
            return Err(Failure::new(format!(
                "{} is not resolved: no evidence of its end was observed",
                finding.id
            ))
            .because(found::ends(finding.kind))
            .next("provoke that evidence while tierzero observes, or take the risk with `finding accept`"));
        }
        if before == State::Resolved && verb != Verb::Resolve {
            return Err(Failure::new(format!("{} is resolved: there is nothing to decide", finding.id))
                .next("`tierzero findings --all` shows it; it opens again by itself if it is seen again"));
        }
        let by = operator::name();
        let decision = Decision { finding: finding.id.clone(), at, by: by.clone(), verb };
        stored::writable(&global.db())?
            .decide(&decision)
            .map_err(|error| stored::failure("the decision can't be stored", &error))?;
        let mut decisions = snapshot.decisions.clone();
        decisions.push(decision);
        let after = life(finding, &decisions, at, STALE_AFTER).state;
        let mut out = colour::stdout();
        writeln!(
            out,
            "{}: {} -> {}, by {} at {}; {}",
            finding.id,
            before.as_str(),
            after.as_str(),
            escape::untrusted(&by),
            words::moment(at),
            escape::untrusted(&finding.says)
        )?;
        Ok(out.flush()?)
    }
}

/// The finding whose id begins so.
fn the_one<'s>(snapshot: &'s Snapshot, id: &str) -> Outcome<&'s Finding> {
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
