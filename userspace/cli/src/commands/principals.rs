//! `tierzero principals`.

use std::io::Write as _;

use clap::Args;
use tierzero_core::graph::tier0::{Account, Tier0, accounts};
use tierzero_core::graph::{Expiry, Lifetime, Snapshot};

use crate::arguments::Global;
use crate::error::Outcome;
use crate::output::index::Index;
use crate::output::table::{Cell, Column, Table, terminal_width};
use crate::output::{colour, coverage, words};
use crate::{config, stored};

/// Who callers say they are: names observed, who proved them, how long what they show lasts, who owns them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierzero principals                            all of them, claimed ones first
  tierzero principals --name app_rw              those whose name contains a text
  tierzero principals --json | jq '.[] | select(.owner == null)'

PROOF: verified, a receiver demanded and accepted proof of the name; claimed, the caller said so; refused,
every use seen was refused. LIFETIME is that of the longest-lived credential, by its own words.
OWNER comes from [[owner]] in the configuration and is never inferred. Times are UTC.
Every count is at least: a name that nobody used, or that could not be read, is not here.")]
pub(crate) struct Principals {
    /// Only names that contain TEXT
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// One JSON array, each element as in `report --format json`
    #[arg(long, conflicts_with = "name")]
    json: bool,
}

impl Principals {
    /// Prints the table.
    pub(crate) fn run(&self, global: &Global) -> Outcome {
        let terms = config::load(global.config.as_deref())?.terms;
        let snapshot = stored::snapshot(global)?;
        let mut out = colour::stdout();
        if self.json {
            write!(out, "{}", tierzero_export::principals_json(&snapshot, &terms))?;
            out.flush()?;
            coverage::warn_of_unseen(&snapshot);
            return Ok(());
        }
        let all = accounts(&snapshot, &terms);
        let wanted = |account: &&Account| {
            self.name.as_ref().is_none_or(|name| account.principal.name.contains(name.as_str()))
        };
        let shown: Vec<&Account> = all.iter().filter(wanted).collect();
        write_table(&mut out, &snapshot, &shown)?;
        if self.name.is_some() {
            let all = words::counted(words::count(all.len()), "principal", "principals");
            writeln!(out, "{} of {all} shown", shown.len())?;
        } else {
            for answer in Tier0::of(&snapshot, &terms).answers {
                if matches!(answer.name, "principals" | "owners") {
                    writeln!(out, "{}", answer.value)?;
                }
            }
        }
        coverage::footer(&mut out, &snapshot)?;
        Ok(out.flush()?)
    }
}

fn write_table(out: &mut dyn std::io::Write, snapshot: &Snapshot, accounts: &[&Account]) -> Outcome {
    if accounts.is_empty() {
        return Ok(());
    }
    let index = Index::new(snapshot);
    let mut table = Table::new(&[
        Column::word("PROOF"),
        Column::name("NAME"),
        Column::word("KIND"),
        Column::name("USED BY"),
        Column::name("WHERE"),
        Column::word("LIFETIME"),
        Column::word("END"),
        Column::name("OWNER"),
        Column::name("NOTES"),
        Column::word("LAST (UTC)"),
    ]);
    for account in accounts {
        let (proof, style) = match (account.admitted, account.verified) {
            (false, _) => ("refused", colour::DIM),
            (true, true) => ("verified", colour::GOOD),
            (true, false) => ("claimed", colour::WARNING),
        };
        let callers: Vec<String> = account.callers.iter().map(|id| index.workload_name(id)).collect();
        let places: Vec<String> = account.listeners.iter().map(|id| index.listener_name(id)).collect();
        table.row(vec![
            Cell::styled(proof, style),
            Cell::new(&account.principal.name),
            Cell::new(words::principal_kind(account.principal.kind)),
            Cell::new(callers.join(", ")),
            Cell::new(places.join(", ")),
            Cell::new(lifetime(account.lifetime)),
            Cell::new(end(account)),
            Cell::new(owner(account)),
            Cell::new(notes(account)),
            Cell::new(words::short_moment(account.last)),
        ]);
    }
    Ok(table.write(out, terminal_width())?)
}

fn lifetime(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Nothing => "-",
        Lifetime::QuarterHour => "<= 15 min",
        Lifetime::Hour => "<= 1 h",
        Lifetime::Day => "<= 24 h",
        Lifetime::Unknown => "not readable",
        Lifetime::Longer => "> 24 h",
        Lifetime::Endless => "no end",
    }
}

fn end(account: &Account) -> String {
    let expiry = match account.expiry {
        Expiry::Accepted => "expired taken",
        Expiry::Enforced => "enforced",
        Expiry::NotSeen => "not seen",
    };
    let also =
        [(account.refreshed, "refreshed"), (account.rotated, "rotated"), (account.cancelled, "cancelled")];
    let also = also.into_iter().filter_map(|(seen, word)| seen.then_some(word));
    std::iter::once(expiry).chain(also).collect::<Vec<_>>().join(", ")
}

fn owner(account: &Account) -> String {
    let ownership = &account.owner;
    let Some(owner) = &ownership.owner else { return "-".to_owned() };
    match ownership.confirmed_on {
        Some(day) if ownership.stale => format!("{owner} (stale: {day})"),
        Some(day) => format!("{owner} ({day})"),
        None => format!("{owner} (no date)"),
    }
}

fn notes(account: &Account) -> String {
    let gone = account.owner.used_after_gone.map(|day| format!("meant to be gone since {day}"));
    let mut notes: Vec<String> = Vec::new();
    notes.extend(account.shared().then(|| "shared".to_owned()));
    notes.extend(account.dormant.then(|| "dormant".to_owned()));
    notes.extend(gone);
    if notes.is_empty() { "-".to_owned() } else { notes.join(", ") }
}
