//! The write-down for programs, schema `tierzero/report/1`.

use std::collections::BTreeMap;

use serde::Serialize;
use tierzero_core::graph::Snapshot;
use tierzero_core::graph::tier0::{
    Account, AgentCalls, ByClass, EdgeGrid, FloorReadout, Terms, Tier0, accounts,
};
use tierzero_core::graph::{Expiry, Lifetime};
use tierzero_core::verdict::Verdict;

use crate::graph_json::{CoverageJson, HostJson, WindowJson};
use crate::statement;
use crate::words::{Word, time};

#[derive(Serialize)]
struct ReportJson<'a> {
    schema: &'static str,
    window: WindowJson,
    hosts: Vec<HostJson>,
    coverage: CoverageJson,
    statement: String,
    answers: Vec<AnswerJson<'a>>,
    agents: Vec<AgentJson<'a>>,
    principals: Vec<AccountJson<'a>>,
    floors: Vec<FloorJson<'a>>,
    attacks: Vec<GridJson<'a>>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    name: &'a str,
    question: &'a str,
    value: &'a str,
    figures: &'a BTreeMap<&'static str, u64>,
    evidence: &'a [String],
    not_seen: &'a [String],
}

#[derive(Serialize)]
struct AgentJson<'a> {
    root: &'a str,
    name: &'a str,
    status: &'static str,
    /// `distinct`, `shared` or `not-seen`.
    identity: &'static str,
    /// Listeners that its tree itself called, by class.
    called: ByClassJson,
    weakest: Option<&'static str>,
    edges: Vec<&'a str>,
}

#[derive(Serialize)]
struct ByClassJson {
    modern: u64,
    transitional: u64,
    legacy: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct AccountJson<'a> {
    kind: &'static str,
    name: &'a str,
    /// The workload whose account it is, for roles and users.
    realm: Option<&'a str>,
    verified: bool,
    admitted: bool,
    shared: bool,
    dormant: bool,
    callers: Vec<&'a str>,
    listeners: Vec<&'a str>,
    edges: Vec<&'a str>,
    first: String,
    last: String,
    lifetime: &'static str,
    short_lived: bool,
    refresh_seen: bool,
    expiry: &'static str,
    cancel_seen: bool,
    rotated: bool,
    owner: Option<&'a str>,
    owner_confirmed_on: Option<String>,
    owner_stale: bool,
    used_after_gone: Option<String>,
}

#[derive(Serialize)]
struct FloorJson<'a> {
    listener: &'a str,
    floor: &'static str,
    because: Vec<BecauseJson<'a>>,
    missing: &'a [String],
}

#[derive(Serialize)]
struct BecauseJson<'a> {
    says: &'a str,
    edges: Vec<&'a str>,
}

#[derive(Serialize)]
struct GridJson<'a> {
    edge: &'a str,
    cells: Vec<CellJson<'a>>,
}

#[derive(Serialize)]
struct CellJson<'a> {
    attack: &'static str,
    name: &'static str,
    result: &'static str,
    because: &'a str,
    impossible_after_s: Option<u64>,
}

pub(crate) fn report(snapshot: &Snapshot, tier0: &Tier0) -> String {
    let Tier0 { as_of: _, answers, agents, accounts, floors, exposure } = tier0;
    let window = snapshot.window;
    let report = ReportJson {
        schema: "tierzero/report/1",
        window: WindowJson { from: window.map(|(from, _)| time(from)), to: window.map(|(_, to)| time(to)) },
        hosts: snapshot.hosts.iter().map(HostJson::from).collect(),
        coverage: (&snapshot.coverage).into(),
        statement: statement(snapshot),
        answers: answers
            .iter()
            .map(|answer| AnswerJson {
                name: answer.name,
                question: answer.question,
                value: &answer.value,
                figures: &answer.figures,
                evidence: &answer.evidence,
                not_seen: &answer.not_seen,
            })
            .collect(),
        agents: agents.iter().map(AgentJson::from).collect(),
        principals: accounts.iter().map(AccountJson::from).collect(),
        floors: floors.iter().map(FloorJson::from).collect(),
        attacks: exposure.iter().map(GridJson::from).collect(),
    };
    // Strings, numbers and lists alone: there is nothing in it that can't be written.
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

pub(crate) fn principals(snapshot: &Snapshot, terms: &Terms) -> String {
    let accounts = accounts(snapshot, terms);
    let lines: Vec<String> = accounts
        .iter()
        .map(|account| serde_json::to_string(&AccountJson::from(account)).unwrap_or_default())
        .collect();
    if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) }
}

impl<'a> From<&'a AgentCalls> for AgentJson<'a> {
    fn from(agent: &'a AgentCalls) -> Self {
        let AgentCalls { root, name, status, identity, called, edges, weakest } = agent;
        let ByClass { modern, transitional, legacy, unknown } = *called;
        Self {
            root: root.as_str(),
            name,
            status: status.word(),
            identity: identity.as_str(),
            called: ByClassJson { modern, transitional, legacy, unknown },
            weakest: weakest.map(Verdict::as_str),
            edges: edges.iter().map(|id| id.as_str()).collect(),
        }
    }
}

impl<'a> From<&'a Account> for AccountJson<'a> {
    fn from(account: &'a Account) -> Self {
        let Account {
            principal,
            realm,
            verified,
            admitted,
            callers,
            listeners,
            edges,
            first,
            last,
            lifetime,
            short_lived,
            refreshed,
            expiry,
            cancelled,
            rotated,
            dormant,
            owner,
        } = account;
        Self {
            kind: principal.kind.word(),
            name: &principal.name,
            realm: realm.as_ref().map(|id| id.as_str()),
            verified: *verified,
            admitted: *admitted,
            shared: account.shared(),
            dormant: *dormant,
            callers: callers.iter().map(|id| id.as_str()).collect(),
            listeners: listeners.iter().map(|id| id.as_str()).collect(),
            edges: edges.iter().map(|id| id.as_str()).collect(),
            first: time(*first),
            last: time(*last),
            lifetime: Lifetime::word(*lifetime),
            short_lived: *short_lived,
            refresh_seen: *refreshed,
            expiry: Expiry::word(*expiry),
            cancel_seen: *cancelled,
            rotated: *rotated,
            owner: owner.owner.as_deref(),
            owner_confirmed_on: owner.confirmed_on.map(|day| day.to_string()),
            owner_stale: owner.stale,
            used_after_gone: owner.used_after_gone.map(|day| day.to_string()),
        }
    }
}

impl<'a> From<&'a FloorReadout> for FloorJson<'a> {
    fn from(readout: &'a FloorReadout) -> Self {
        let FloorReadout { listener, floor, because, missing } = readout;
        Self {
            listener: listener.as_str(),
            floor: floor.as_str(),
            because: because
                .iter()
                .map(|(says, edges)| BecauseJson {
                    says,
                    edges: edges.iter().map(|id| id.as_str()).collect(),
                })
                .collect(),
            missing,
        }
    }
}

impl<'a> From<&'a EdgeGrid> for GridJson<'a> {
    fn from(grid: &'a EdgeGrid) -> Self {
        let EdgeGrid { edge, cells } = grid;
        Self {
            edge: edge.as_str(),
            cells: cells
                .iter()
                .map(|cell| CellJson {
                    attack: cell.attack.code(),
                    name: cell.attack.as_str(),
                    result: cell.resistance.as_str(),
                    because: &cell.because,
                    impossible_after_s: cell.impossible_after_s,
                })
                .collect(),
        }
    }
}
