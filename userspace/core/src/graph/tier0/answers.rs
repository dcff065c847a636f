//! The answers, in sentences with their figures.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, AgentCalls, AgentIdentity, Terms};
use crate::graph::routes::{ContainmentState, CutScope, Limits, Reached, Routes};
use crate::graph::{AgentStatus, Edge, Expiry, ListenerClass, Snapshot};
use crate::verdict::{Check, Outcome, Verdict};

/// One answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Stable name.
    pub name: &'static str,
    /// The question.
    pub question: &'static str,
    /// The answer in a sentence, with its numbers and no name of the world's making.
    pub value: String,
    /// The same numbers by name.
    pub figures: BTreeMap<&'static str, u64>,
    /// Ids of edges and listeners that it rests on, in order.
    pub evidence: Vec<String>,
    /// What was not seen.
    pub not_seen: Vec<String>,
}

/// All of them.
pub(super) fn all(
    snapshot: &Snapshot,
    terms: &Terms,
    accounts: &[Account],
    agents: &[AgentCalls],
) -> Vec<Answer> {
    let mut answers = vec![
        credentials(terms, accounts),
        principals(snapshot, accounts),
        owners(terms, accounts),
        receivers(snapshot),
        reach(snapshot, agents),
    ];
    let limits = limits_of_view(snapshot);
    for answer in &mut answers {
        answer.not_seen.extend(limits.iter().cloned());
    }
    answers
}

fn credentials(terms: &Terms, accounts: &[Account]) -> Answer {
    let verified: Vec<&Account> =
        accounts.iter().filter(|account| account.admitted && account.verified).collect();
    let count = |wanted: &dyn Fn(&Account) -> bool| number(verified.iter().filter(|it| wanted(it)).count());
    let short = count(&|it| it.short_lived);
    let refreshed = count(&|it| it.refreshed);
    let enforced = count(&|it| it.expiry == Expiry::Enforced);
    let expired_taken = count(&|it| it.expiry == Expiry::Accepted);
    let cancelled = count(&|it| it.cancelled);
    let rotated = count(&|it| it.rotated);
    let all = number(verified.len());
    let cancel = match cancelled {
        0 => "cancelling one was not seen".to_owned(),
        _ => format!("a credential that had been taken was refused before its end for {cancelled}"),
    };
    let mut not_seen = Vec::new();
    if cancelled == 0 {
        not_seen.push(
            "a credential that was still good being refused: whether one can be cancelled is open".to_owned(),
        );
    }
    if enforced == 0 {
        not_seen.push("an expired credential being refused: whether an end is looked at is open".to_owned());
    }
    Answer {
        name: "credentials",
        question: "Can you hand out and cancel short-lived credentials for a non-human identity today, or only rotate \
                   long-lived ones?",
        value: format!(
            "Short-lived ({} s or less) for {short} of {all} verified principals; refresh seen for {refreshed}, an \
             expired one refused for {enforced}{}{}; {cancel}.",
            terms.short_lived_s,
            unless_none(expired_taken, "an expired one taken for"),
            unless_none(rotated, "a secret without an end rotated for"),
        ),
        figures: BTreeMap::from([
            ("verified", all),
            ("short_lived", short),
            ("refresh_seen", refreshed),
            ("expiry_enforced", enforced),
            ("expired_accepted", expired_taken),
            ("rotated", rotated),
            ("cancelled", cancelled),
        ]),
        evidence: edges_of(&verified),
        not_seen,
    }
}

fn principals(snapshot: &Snapshot, accounts: &[Account]) -> Answer {
    let used: Vec<&Account> = accounts.iter().filter(|account| account.admitted).collect();
    let refused = number(accounts.len().saturating_sub(used.len()));
    let verified = number(used.iter().filter(|account| account.verified).count());
    let all = number(used.len());
    let anonymous: BTreeSet<&str> = snapshot
        .edges
        .iter()
        .filter(|edge| serves_nameless(edge))
        .map(|edge| edge.listener.as_str())
        .collect();
    let nameless = number(
        snapshot
            .holders
            .iter()
            .filter(|holder| holder.principal.is_none() && !holder.credentials.is_empty())
            .count(),
    );
    let shared = number(used.iter().filter(|account| account.shared()).count());
    let dormant = number(used.iter().filter(|account| account.dormant).count());
    let open = number(anonymous.len());
    let mut evidence = edges_of(&used);
    evidence.extend(anonymous.into_iter().map(str::to_owned));
    Answer {
        name: "principals",
        question: "Do you know how many service accounts you have?",
        value: format!(
            "At least {all} principals: {verified} verified, {} claimed; {open} {} served callers that gave no name; \
             shared by several workloads: {shared}; dormant: {dormant}.",
            all.saturating_sub(verified),
            if open == 1 { "listener" } else { "listeners" },
        ),
        figures: BTreeMap::from([
            ("principals", all),
            ("verified", verified),
            ("claimed", all.saturating_sub(verified)),
            ("anonymous_listeners", open),
            ("credentials_without_a_name", nameless),
            ("refused_names", refused),
            ("shared", shared),
            ("dormant", dormant),
        ]),
        evidence,
        not_seen: vec![
            "accounts that nobody used in this window, and names inside layers that could not be read"
                .to_owned(),
        ],
    }
}

fn owners(terms: &Terms, accounts: &[Account]) -> Answer {
    let used: Vec<&Account> = accounts.iter().filter(|account| account.admitted).collect();
    let count = |wanted: &dyn Fn(&Account) -> bool| number(used.iter().filter(|it| wanted(it)).count());
    let known = count(&|it| it.owner.owner.is_some());
    let stale = count(&|it| it.owner.stale);
    let undated = count(&|it| it.owner.owner.is_some() && it.owner.confirmed_on.is_none());
    let gone = count(&|it| it.owner.used_after_gone.is_some());
    let all = number(used.len());
    let mut not_seen = Vec::new();
    if terms.owners.is_empty() {
        not_seen.push(
            "a list of owners: the configuration names none, and an owner is never inferred".to_owned(),
        );
    }
    Answer {
        name: "owners",
        question: "Do you know who owns each one?",
        value: format!(
            "Owners known for {known} of {all} principals; {stale} of them last confirmed more than {} days ago{}{}.",
            terms.owner_stale_days,
            unless_none(undated, "without a date of confirmation:"),
            unless_none(gone, "used after the day from which it was meant to be gone:"),
        ),
        figures: BTreeMap::from([
            ("principals", all),
            ("owned", known),
            ("stale", stale),
            ("undated", undated),
            ("used_after_gone", gone),
        ]),
        evidence: edges_of(&used),
        not_seen,
    }
}

fn receivers(snapshot: &Snapshot) -> Answer {
    let of = |verdict| number(snapshot.edges.iter().filter(|edge| edge.verdict == verdict).count());
    let class = |class| number(snapshot.listeners.iter().filter(|listener| listener.class == class).count());
    let all = number(snapshot.edges.len());
    let identity = of(Verdict::IdentityChecked);
    let secret = of(Verdict::SecretChecked);
    let trusted = of(Verdict::LocationTrusted);
    let (opaque, unproven) = (of(Verdict::Opaque), of(Verdict::Unproven));
    let (legacy, transitional) = (class(ListenerClass::Legacy), class(ListenerClass::Transitional));
    let (modern, unknown) = (class(ListenerClass::Modern), class(ListenerClass::Unknown));
    let evidence = snapshot
        .edges
        .iter()
        .filter(|edge| edge.verdict == Verdict::LocationTrusted || edge.verdict.comforts())
        .map(|edge| edge.id.to_string())
        .collect();
    let mut not_seen = Vec::new();
    if opaque + unproven > 0 {
        not_seen.push(format!("what the receivers of {} of {all} edges ask for", opaque + unproven));
    }
    if unknown > 0 {
        not_seen.push(format!("enough of {unknown} listeners to put them in a class"));
    }
    Answer {
        name: "receivers",
        question: "Is any part of your environment checking trust at the receiving end, or is it all still trusting \
                   the network?",
        value: format!(
            "Of {all} edges {identity} identity-checked, {secret} secret-checked, {trusted} location-trusted, \
             {opaque} opaque{}{}{}; listeners: {legacy} legacy, {transitional} transitional, {modern} modern, \
             {unknown} unknown.",
            unless_none(unproven, "unproven:"),
            unless_none(of(Verdict::Public), "public:"),
            unless_none(of(Verdict::Refused), "refused:"),
        ),
        figures: BTreeMap::from([
            ("edges", all),
            ("identity_checked", identity),
            ("secret_checked", secret),
            ("location_trusted", trusted),
            ("unproven", unproven),
            ("opaque", opaque),
            ("public", of(Verdict::Public)),
            ("refused", of(Verdict::Refused)),
            ("legacy", legacy),
            ("transitional", transitional),
            ("modern", modern),
            ("unknown", unknown),
        ]),
        evidence,
        not_seen,
    }
}

/// Ways through others count: an agent that was itself served for proof alone may still be bridged.
fn reach(snapshot: &Snapshot, agents: &[AgentCalls]) -> Answer {
    let routes = Routes::of(snapshot);
    let containment = routes.containment();
    let state = |wanted| number(containment.iter().filter(|it| it.state == wanted).count());
    let (bridged, contained) = (state(ContainmentState::Bridged), state(ContainmentState::Contained));
    let sum = |of: &dyn Fn(&Reached) -> u64| containment.iter().map(|it| of(&it.reached)).sum::<u64>();
    let (bridges, more_ways) = routes.bridges(Limits::default());
    let weakest = bridges.iter().map(|it| it.verdict).min_by_key(|it| it.rank());
    let cut = routes.cut(CutScope::default());
    let count = |wanted: &dyn Fn(&AgentCalls) -> bool| number(agents.iter().filter(|it| wanted(it)).count());
    let all = number(agents.len());
    // Of an agent whose tree is not known nothing is proven.
    let not_proven = all.saturating_sub(bridged + contained);
    let suspected = count(&|it| it.status == AgentStatus::Suspected);
    let open = count(&|it| it.weakest == Some(Verdict::LocationTrusted));
    let opaque = count(&|it| matches!(it.weakest, Some(Verdict::Opaque | Verdict::Unproven)));
    let distinct = count(&|it| it.identity == AgentIdentity::Distinct);
    let legacy = agents.iter().map(|it| it.called.legacy).sum::<u64>();
    let value = match all {
        0 => "No agent was declared, and none showed two independent signs, in this window.".to_owned(),
        _ => format!(
            "Of {all} agents ({} declared, {suspected} suspected) {bridged} were seen to have a way, of their own or \
             through others, to what serves without a proof of identity or for a shared secret{}; {contained} were \
             contained as observed, {not_proven} are not proven to be either. They reached {} legacy, {} transitional, \
             {} modern and {} unknown listeners; {open} were themselves served where no proof of identity decides, \
             {opaque} where nothing can be said. {} {distinct} showed a verified name that nobody else used.",
            all.saturating_sub(suspected),
            weakest.map_or_else(String::new, |it| format!(" (the weakest hop: {})", it.as_str())),
            sum(&|it| it.legacy),
            sum(&|it| it.transitional),
            sum(&|it| it.modern),
            sum(&|it| it.opaque),
            match cut.edges.len() {
                0 => "No way to legacy was seen that could be cut.".to_owned(),
                edges => format!(
                    "{edges} edges (no fewer than {}), removed or made to ask for proof, end every way to legacy that \
                     was seen.",
                    cut.at_least
                ),
            },
        ),
    };
    let mut evidence: BTreeSet<String> =
        agents.iter().flat_map(|agent| &agent.edges).map(ToString::to_string).collect();
    evidence.extend(bridges.iter().flat_map(|it| &it.path).map(ToString::to_string));
    evidence.extend(cut.edges.iter().map(|it| it.edge.to_string()));
    let mut not_seen = vec![
        "agents that nobody declared and that showed fewer than two signs; what a called workload went on to call \
         on another host"
            .to_owned(),
        "what a program says to a tool through a pipe (the Model Context Protocol on standard input and output): \
         it is no sign of an agent here"
            .to_owned(),
    ];
    if more_ways {
        not_seen.push("ways beyond the limit of those that are listed".to_owned());
    }
    Answer {
        name: "agents",
        question: "How far does each agent reach?",
        value,
        figures: BTreeMap::from([
            ("agents", all),
            ("suspected", suspected),
            ("bridged", bridged),
            ("contained", contained),
            ("not_proven", not_proven),
            ("ways", number(bridges.len())),
            ("cut_edges", number(cut.edges.len())),
            ("cut_at_least", cut.at_least),
            ("served_without_proof", open),
            ("not_readable", opaque),
            ("legacy_called", legacy),
            ("distinct_identity", distinct),
        ]),
        evidence: evidence.into_iter().collect(),
        not_seen,
    }
}

/// `, WHAT COUNT`, or nothing where there is none.
fn unless_none(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!(", {what} {count}") }
}

/// Somebody was served on it who named nobody and proved nothing. Where names were used on it, it is not known which
/// of its flows went without: none is counted.
fn serves_nameless(edge: &Edge) -> bool {
    if !edge.principals.is_empty() {
        return false;
    }
    let nameless = |check| matches!(check, Check::None | Check::Address);
    edge.groups.iter().any(|group| group.class.outcome == Outcome::Served && nameless(group.check))
        || (edge.groups.is_empty() && edge.verdict == Verdict::LocationTrusted && nameless(edge.check))
}

/// What the whole window leaves out.
fn limits_of_view(snapshot: &Snapshot) -> Vec<String> {
    let coverage = &snapshot.coverage;
    let mut limits = Vec::new();
    if coverage.lost_events > 0 {
        limits.push(format!("{} lost events", coverage.lost_events));
    }
    if coverage.opaque_flows > 0 {
        limits.push(format!("the identity layer of {} of {} flows", coverage.opaque_flows, coverage.flows));
    }
    if !coverage.blind.is_empty() {
        limits.push(format!("{} intervals in which nothing was observed", coverage.blind.len()));
    }
    limits
}

fn edges_of(accounts: &[&Account]) -> Vec<String> {
    let ids: BTreeSet<String> =
        accounts.iter().flat_map(|account| &account.edges).map(ToString::to_string).collect();
    ids.into_iter().collect()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
