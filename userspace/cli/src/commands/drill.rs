//! `tierzero drill`.

use std::io::Write as _;
use std::net::IpAddr;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use tierzero_core::drill::{Drill, DrillOutcome, NoAttempt, NoOutcome, attempt, outcome};
use tierzero_core::graph::Snapshot;
use tierzero_core::id::DrillId;
use tierzero_core::verdict::Attack;

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, escape, words};
use crate::{operator, stored};

/// Most flows that are looked through for an attempt: as many as are kept.
const MOST_FLOWS: u32 = 50_000;

/// Prepare an attempt for an operator to make, and keep what was seen of it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero drill prepare A1 e-3f2a    a call from the caller's place, without a credential
  tierzero drill record d-90bc        after it was made: what the receiver did
  tierzero drill list                 all of them

tierzero makes no attempt itself. `prepare` prints one command line for root, for the program that
speaks the listener's protocol, and asks it for as little as shows whether it is served. Run it while
`tierzero observe` runs, on systems that you may test. `record` looks for it among the flows seen
since: by program, place and listener. What came of it stands in the grid of the edge, in `explain`
and in the report, with its date.

A1 stand-in: another process in the same place, without a credential. A2 replay: the caller's
credential, from elsewhere. A3 go-around: the backend, without its proxy. A5 outlive: a credential
whose purpose has ended. A4 grind is not prepared: tries in number are a load.")]
pub(crate) struct Drills {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print the exact attempt and keep that it was handed out
    Prepare {
        /// A1, A2, A3 or A5
        #[arg(value_parser = attack)]
        attack: Attack,
        /// Id of the edge whose path is tried, or its beginning
        edge: String,
        /// Where to call a listener that is bound to every address
        #[arg(long, value_name = "IP")]
        address: Option<IpAddr>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look for the attempt among the flows seen since, and keep what the receiver did
    Record {
        /// Id of the drill, or its beginning
        id: String,
    },
    /// All drills, latest first
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
}

fn attack(text: &str) -> Result<Attack, String> {
    let named = |it: &&Attack| it.code().eq_ignore_ascii_case(text) || it.as_str() == text;
    Attack::ALL.iter().find(named).copied().ok_or_else(|| "expected A1, A2, A3 or A5".to_owned())
}

impl Drills {
    /// Prepares, records or lists.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        match &self.what {
            What::Prepare { attack, edge, address, json } => prepare(global, *attack, edge, *address, *json),
            What::Record { id } => record(global, id),
            What::List { json } => list(global, *json),
        }
    }
}

fn prepare(global: &Global, attack: Attack, edge: &str, address: Option<IpAddr>, json: bool) -> Outcome {
    let snapshot = stored::snapshot(global)?;
    let edge = the_one(snapshot.edges.iter(), |it| it.id.as_str(), edge, "edge", "tierzero edges")?;
    let attempt = attempt(&snapshot, edge, attack, address).map_err(|why| {
        let next = match why {
            NoAttempt::Address => "name one with --address",
            NoAttempt::Load => "A1, A2, A3 and A5 are",
            NoAttempt::NoBackend => "`tierzero report` lists the proxies that were seen",
            NoAttempt::Protocol(_) | NoAttempt::Place | NoAttempt::Name => {
                "make the attempt by hand: what the receiver does is judged all the same"
            }
        };
        Failure::new(format!("{} is not prepared", attack.code())).because(why).next(next)
    })?;
    let (prepared, by) = (Timestamp::now(), operator::name());
    let drill = Drill {
        id: DrillId::derive(&[attack.code(), edge.id.as_str(), &prepared.to_string()]),
        attack,
        edge: edge.id.clone(),
        listener: attempt.listener.clone(),
        caller: edge.caller.clone(),
        program: attempt.program.to_owned(),
        prepared,
        by,
        outcome: None,
    };
    keep(global, &drill)?;
    let mut out = colour::stdout();
    if json {
        let text = serde_json::json!({
            "id": drill.id, "attack": attack.code(), "edge": drill.edge, "listener": drill.listener,
            "place": attempt.place, "credential": attempt.credential, "command": attempt.command,
        });
        writeln!(out, "{text}")?;
        return Ok(out.flush()?);
    }
    let index = Index::new(&snapshot);
    let whom = escape::untrusted(&index.listener_name(&drill.listener)).into_owned();
    writeln!(
        out,
        "{} {} {} at {whom}, {}",
        drill.id,
        attack.code(),
        attack.as_str(),
        escape::untrusted(&attempt.place)
    )?;
    if let Some(credential) = attempt.credential {
        writeln!(out, "\nPut into the variable CREDENTIAL: {credential}.")?;
    }
    writeln!(out, "\n{}\n", attempt.command)?;
    writeln!(out, "Run it as root while `tierzero observe` runs, then: tierzero drill record {}", drill.id)?;
    Ok(out.flush()?)
}

fn record(global: &Global, id: &str) -> Outcome {
    let store = stored::read_only(global)?;
    let failed = |error| stored::failure("the drill can't be looked up", &error);
    let snapshot = store.snapshot().map_err(failed)?;
    let drill = the_one(snapshot.drills.iter(), |it| it.id.as_str(), id, "drill", "tierzero drill list")?;
    let flows = store.flows_since(drill.prepared, MOST_FLOWS).map_err(failed)?;
    drop(store);
    let found = outcome(drill, &snapshot, &flows, &operator::name()).map_err(|why| match why {
        NoOutcome::NotSeen => Failure::new(format!("no attempt of {} was seen", drill.id))
            .because(format!(
                "since {} nothing called that listener with {} from there",
                words::moment(drill.prepared),
                drill.program
            ))
            .next("make it while `tierzero observe` runs, then record again"),
        NoOutcome::NotRead => Failure::new(format!("what came of {} can't be told", drill.id))
            .because("a flow of it is not over, or what the receiver answered could not be read")
            .next("where TLS hides the answer, `observe --tls-library` may show it"),
    })?;
    let drill = Drill { outcome: Some(found.clone()), ..drill.clone() };
    keep(global, &drill)?;
    let mut out = colour::stdout();
    let DrillOutcome { at, result, flows, by: _ } = found;
    let flows = words::counted(flows, "flow", "flows");
    writeln!(
        out,
        "{} {}: {} at {}, in {flows}; `tierzero explain {}` has it in its grid",
        drill.id,
        drill.attack.code(),
        result.as_str(),
        words::moment(at),
        drill.edge
    )?;
    Ok(out.flush()?)
}

fn list(global: &Global, json: bool) -> Outcome {
    let snapshot = stored::snapshot(global)?;
    let mut out = colour::stdout();
    if json {
        let text = serde_json::to_string_pretty(&snapshot.drills)
            .map_err(|error| Failure::new("the drills can't be written as JSON").because(error))?;
        writeln!(out, "{text}")?;
        return Ok(out.flush()?);
    }
    if !snapshot.drills.is_empty() {
        write_table(&mut out, &snapshot)?;
    }
    writeln!(out, "{}", words::counted(words::count(snapshot.drills.len()), "drill", "drills"))?;
    coverage::footer(&mut out, &snapshot)?;
    Ok(out.flush()?)
}

fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot) -> Outcome {
    let index = Index::new(snapshot);
    let mut table = Table::new(&[
        Column::word("ATTACK"),
        Column::name("LISTENER"),
        Column::name("CALLER"),
        Column::word("PREPARED (UTC)"),
        Column::word("OUTCOME"),
        Column::word("EDGE"),
        Column::word("ID"),
    ]);
    for it in snapshot.drills.iter().rev() {
        let outcome = it.outcome.as_ref().map_or("not recorded", |it| it.result.as_str());
        table.row(vec![
            Cell::new(format!("{} {}", it.attack.code(), it.attack.as_str())),
            Cell::new(index.listener_name(&it.listener)),
            Cell::new(index.workload_name(&it.caller)),
            Cell::new(words::short_moment(it.prepared)),
            Cell::new(outcome),
            Cell::styled(index.short(it.edge.as_str()), colour::DIM),
            Cell::new(it.id.as_str()),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

fn keep(global: &Global, drill: &Drill) -> Outcome {
    stored::writable(&global.db())?
        .keep_drill(drill)
        .map_err(|error| stored::failure("the drill can't be stored", &error))
}

/// The thing whose id begins so.
fn the_one<'s, T>(
    all: impl Iterator<Item = &'s T>,
    id_of: impl Fn(&T) -> &str,
    id: &str,
    what: &str,
    shows: &str,
) -> Outcome<&'s T> {
    let id = id.trim();
    let mut fits = all.filter(|it| id_of(it).starts_with(id));
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(format!("no {what} has an id that begins with `{id}`"))
            .next(format!("`{shows}` shows the ids"))),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("several ids begin with `{id}`")).next("give more of the id"))
        }
    }
}
