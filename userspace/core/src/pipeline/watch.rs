//! Where findings are looked for: on every edge, listener and holder that changed, in the step in which it did.

use jiff::{SignedDuration, Timestamp};

use super::Pipeline;
use crate::evidence::PrincipalKind;
use crate::finding::{
    Behind, Book, CallerLists, Carries, FindingType, Mapping, Rests, Rules, Seen, Severity, Sign, Subject,
    claimed_since, claims_workloads, listed_since, look, of_edge, owned_since, ownership, place, proved,
    refused,
};
use crate::fingerprint::{Fingerprint, Fingerprinter};
use crate::graph::tier0::Terms;
use crate::graph::{AgentStatus, CoverageSummary, Delta, Edge, Holder, Labels, Snapshot, ToLookAt};
use crate::id::{FindingId, HolderId, ListenerId, WorkloadId};

use std::collections::HashMap;

/// Passwords that anyone would try first: vendors' defaults (MITRE ATT&CK T1078.001) and the read and write
/// communities of SNMP (RFC 1157 section 4.1.6.1 leaves them open; agents ship with these).
const WELL_KNOWN: &[&str] = &[
    "",
    "public",
    "private",
    "guest",
    "admin",
    "password",
    "changeme",
    "default",
    "root",
    "test",
    "postgres",
    "mysql",
    "redis",
    "mongo",
    "rabbitmq",
    "minioadmin",
    "123456",
    "12345678",
    "secret",
];

/// What is kept to find with.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rules: Rules,
    pub(super) book: Book,
    lists: CallerLists,
    /// Stored findings about callers that were put on a list since.
    listed: Vec<FindingId>,
    terms: Terms,
    /// Stored findings about names that were given an owner since.
    owned: Vec<FindingId>,
    /// The list of owners claims workloads: edges that it does not claim are found.
    claims: bool,
    /// Stored findings about edges that were claimed since.
    claimed: Vec<FindingId>,
    well_known: Vec<Fingerprint>,
    carries: HashMap<ListenerId, Carries>,
    /// Names that may become dormant: when each was last seen, and where.
    names: HashMap<HolderId, (Timestamp, Sign)>,
    look_again: Timestamp,
    /// What the coverage said when this run began: what was not seen then was told then.
    blind_before: (u64, usize),
    /// How much of it the finding tells.
    blind_told: u64,
}

impl Watch {
    pub(super) fn new(fingerprinter: &Fingerprinter) -> Self {
        let well_known = WELL_KNOWN.iter().map(|it| fingerprinter.of("password", it.as_bytes())).collect();
        Self {
            rules: Rules::default(),
            book: Book::default(),
            lists: CallerLists::default(),
            listed: Vec::new(),
            terms: Terms::default(),
            owned: Vec::new(),
            claims: false,
            claimed: Vec::new(),
            well_known,
            carries: HashMap::new(),
            names: HashMap::new(),
            look_again: Timestamp::MIN,
            blind_before: (0, 0),
            blind_told: 0,
        }
    }
}

impl Pipeline {
    /// Sets the rules of findings. To be called before the first step.
    pub fn find_by(&mut self, rules: Rules) {
        self.watch.rules = rules;
    }

    /// Who owns what. To be called before a stored graph is restored and before the first step.
    pub fn own_by(&mut self, terms: Terms) {
        self.watch.claims = claims_workloads(&terms);
        self.watch.terms = terms;
    }

    /// What the operator calls listeners. To be called before a stored graph is restored and before the first step.
    pub fn label(&mut self, labels: Labels) {
        self.graph.labels = labels;
    }

    /// Names callers of listeners. To be called before a stored graph is restored and before the first step.
    pub fn name_callers(&mut self, lists: CallerLists) {
        self.watch.lists = lists;
    }

    /// Goes on from stored findings; the graph was restored already.
    pub(super) fn restore_findings(&mut self, snapshot: &Snapshot) {
        self.watch.book.restore(&snapshot.findings);
        for listener in &snapshot.listeners {
            self.watch.book.listener(listener);
        }
        for finding in snapshot.findings.iter().filter(|it| it.kind == FindingType::AgentOpen) {
            if let Some(Subject::Listener(listener)) = finding.subjects.first() {
                self.watch.carries.entry(listener.clone()).or_default().mcp = true;
            }
        }
        for edge in &snapshot.edges {
            self.watch_edge(edge);
        }
        for holder in &snapshot.holders {
            self.watch_holder(holder);
        }
        self.watch.blind_before = blind(&snapshot.coverage);
        self.watch.book.restored(&snapshot.findings);
        self.watch.listed = listed_since(&self.watch.lists, snapshot);
        self.watch.owned = owned_since(&self.watch.terms, snapshot);
        self.watch.claimed = claimed_since(&self.watch.terms, &self.watch.lists, snapshot);
    }

    /// All findings, in order of id.
    pub(super) fn findings(&self) -> Vec<crate::finding::Finding> {
        self.watch.book.all()
    }

    /// Looks at what changed in this step. New findings and turns of known ones are handed out at once; with `all`,
    /// those that were only counted further too.
    pub(super) fn watch(&mut self, all: bool, deltas: &mut Vec<Delta>) {
        for flow in &self.changed_flows {
            if let (Some(listener), Some(application)) = (&flow.listener, &flow.application) {
                let (mcp, model) = (application == "mcp", application == "model-api");
                if mcp || model {
                    let carries = self.watch.carries.entry(listener.clone()).or_default();
                    carries.mcp |= mcp;
                    carries.model |= model;
                }
            }
        }
        self.watch_named();
        self.watch_silence();
        let ToLookAt { listeners, edges, holders } = self.graph.take_to_look_at();
        for listener in listeners {
            if let Some(listener) = self.graph.listeners.get(listener) {
                self.watch.book.listener(&listener.value);
            }
        }
        for edge in edges {
            if let Some(edge) = self.graph.edge(edge) {
                self.watch_edge(&edge);
            }
        }
        for holder in holders {
            if let Some(holder) = self.graph.render_holder(holder) {
                self.watch_holder(&holder);
            }
        }
        self.watch_coverage();
        deltas.extend(self.watch.book.take_changed(all).into_iter().map(Delta::Finding));
        let lost = self.watch.book.take_lost();
        self.graph.lose("user-finding-table", lost);
    }

    /// Callers that are not on a list, and were refused or put on it since.
    fn watch_named(&mut self) {
        if !self.watch.lists.lists.is_empty() {
            for flow in &self.changed_flows {
                for id in refused(flow) {
                    self.watch.book.refused(&id, flow.to);
                }
            }
        }
        for id in std::mem::take(&mut self.watch.listed) {
            self.watch.book.end(&id, self.clock, "the operator put the caller on the listener's list");
        }
        for id in std::mem::take(&mut self.watch.owned) {
            self.watch.book.end(&id, self.clock, "the operator named an owner");
        }
        for id in std::mem::take(&mut self.watch.claimed) {
            self.watch.book.end(&id, self.clock, "the operator's lists name who owns it, or the caller");
        }
    }

    fn watch_edge(&mut self, edge: &Edge) {
        let workload = |id: &WorkloadId| {
            let number = self.graph.workloads.find(id)?;
            self.graph.workloads.get(number).map(|it| &it.value)
        };
        let listener = self.graph.listeners.find(&edge.listener).and_then(|it| self.graph.listeners.get(it));
        let Some(listener) = listener.map(|it| &it.value) else { return };
        let (Some(caller), Some(owner)) = (workload(&edge.caller), workload(&listener.workload)) else {
            return;
        };
        let carries = self.watch.carries.get(&edge.listener).copied().unwrap_or_default();
        let root = caller.agent_root.as_ref().and_then(workload).unwrap_or(caller);
        let agent = (caller.agent != AgentStatus::No).then_some(Behind {
            root,
            suspected: [caller.agent, root.agent].contains(&AgentStatus::Suspected),
            elsewhere: caller.agent == AgentStatus::Inherited,
        });
        let (well_known, list) = (&self.watch.well_known, self.watch.lists.of(listener, &owner.name));
        let seen = Seen { edge, caller, listener, owner, carries, agent, list, well_known };
        let rests = Rests {
            edge: &edge.id,
            listener: &edge.listener,
            proved: proved(edge),
            claims: edge.principals.iter().any(|it| !it.verified),
            at: edge.last,
        };
        let mut signs = look(&seen);
        let by = (&self.watch.terms, &self.watch.lists);
        if self.watch.claims && of_edge(edge, caller, listener, owner, by) == Mapping::Unmapped {
            let says = format!(
                "nobody has claimed the edge from {} to {} at {}",
                caller.name,
                owner.name,
                place(&listener.at)
            );
            signs.push(Sign {
                kind: FindingType::UnmappedEdge,
                severity: Severity::Low,
                subjects: vec![Subject::Edge(edge.id.clone())],
                cause: None,
                count: edge.flows,
                class: None,
                says,
            });
        }
        self.watch.book.edge(&rests, signs, self.watch.rules.most);
    }

    fn watch_holder(&mut self, holder: &Holder) {
        let listener =
            self.graph.listeners.find(&holder.listener).and_then(|it| self.graph.listeners.get(it));
        let place = listener.map(|it| place(&it.value.at)).unwrap_or_default();
        let who = match &holder.principal {
            Some(principal) => principal.name.clone(),
            None => "a caller without a name".to_owned(),
        };
        let sign = |kind, severity, count, says: String| Sign {
            kind,
            severity,
            subjects: vec![Subject::Principal(holder.id.clone()), Subject::Listener(holder.listener.clone())],
            cause: None,
            count,
            class: None,
            says,
        };
        let most = self.watch.rules.most;
        if let Some(sign) = ownership(&self.watch.terms, holder, &place) {
            self.watch.book.whole(sign, holder.last, most);
        }
        if let Some(rotation) = &holder.life.rotated {
            let says = format!(
                "a secret without an end that {who} uses at {place} took another's place: the old one was last taken {}, the new one first {}",
                rotation.old_last, rotation.new_first
            );
            let sign = sign(FindingType::RotatedNotExpiring, Severity::Low, 1, says);
            self.watch.book.whole(sign, rotation.new_first, most);
        }
        let limit = u64::try_from(self.watch.rules.static_after.as_secs()).unwrap_or(u64::MAX);
        if let Some(seconds) = holder.life.same_secret_s.filter(|it| *it > limit) {
            let days = seconds / 86_400;
            let says = format!("{who} used one secret without an end at {place} for {days} days at least");
            let sign = sign(FindingType::StaticSecret, Severity::Low, days, says);
            self.watch.book.whole(sign, holder.last, most);
        }
        let named = holder.principal.as_ref().is_some_and(|it| it.kind != PrincipalKind::Uid);
        if named && holder.verified {
            let says = format!("{who} proved itself at {place} once, and was not seen there for long");
            let sign = sign(FindingType::DormantPrincipal, Severity::Low, 1, says);
            self.watch.book.used(&sign, holder.last);
            self.watch.names.insert(holder.id.clone(), (holder.last, sign));
            let due = later(holder.last, self.watch.rules.dormant_after);
            self.watch.look_again = self.watch.look_again.min(due);
        }
    }

    /// Silence alone: looked at when the first name may have become dormant, by the events' clock.
    fn watch_silence(&mut self) {
        if self.clock <= self.watch.look_again {
            return;
        }
        let (after, now, most) = (self.watch.rules.dormant_after, self.clock, self.watch.rules.most);
        let mut next = Timestamp::MAX;
        let mut dormant = Vec::new();
        self.watch.names.retain(|_, (last, sign)| {
            let due = later(*last, after);
            if due < now {
                dormant.push((due, sign.clone()));
                return false;
            }
            next = next.min(due);
            true
        });
        dormant.sort_by(|a, b| (a.0, &a.1.subjects).cmp(&(b.0, &b.1.subjects)));
        for (due, sign) in dormant {
            self.watch.book.whole(sign, due, most);
        }
        self.watch.look_again = next;
    }

    fn watch_coverage(&mut self) {
        let (lost, intervals) = blind(&self.graph.coverage);
        let (lost_before, intervals_before) = self.watch.blind_before;
        let lost = lost.saturating_sub(lost_before);
        let intervals = intervals.saturating_sub(intervals_before) as u64;
        if lost + intervals == self.watch.blind_told {
            return;
        }
        self.watch.blind_told = lost + intervals;
        let says = format!(
            "at least {lost} events were lost and {intervals} times passed in which nothing was seen: what is said to be absent may not be"
        );
        let sign = Sign {
            kind: FindingType::ObserverBlind,
            severity: Severity::Medium,
            subjects: vec![Subject::Host(self.host.clone())],
            cause: None,
            count: lost + intervals,
            class: None,
            says,
        };
        self.watch.book.whole(sign, self.clock, self.watch.rules.most);
    }
}

/// What was not seen: events, and times.
fn blind(coverage: &CoverageSummary) -> (u64, usize) {
    (coverage.lost_events, coverage.blind.len())
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
