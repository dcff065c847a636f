//! What a viewer needs to know of the graph: counts, names, and what is new. Fed by changes that are stored.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tierzero_core::finding::Finding;
use tierzero_core::graph::{CoverageSummary, Delta, Edge, Host, Listener, Snapshot, Workload};
use tierzero_core::id::{EdgeId, FindingId, ListenerId, WorkloadId};
use tierzero_core::verdict::Verdict;

use crate::output::words;

/// News kept for the live view: more than any terminal has lines.
const KEPT: usize = 512;
/// A new edge that is opaque is told after so long: mostly its first flow is still being read.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Something worth a line: a new edge, or another verdict on a known one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct News {
    /// When its last flow was.
    pub(crate) at: Timestamp,
    /// Which edge.
    pub(crate) edge: EdgeId,
    /// Who calls.
    pub(crate) caller: String,
    /// Who is called; empty where the listener's workload is not known.
    pub(crate) receiver: String,
    /// Where.
    pub(crate) place: String,
    /// Protocol, `-` where none was recognised.
    pub(crate) protocol: String,
    /// The verdict now.
    pub(crate) verdict: Verdict,
    /// The verdict before, for a known edge.
    pub(crate) was: Option<Verdict>,
    /// Why, in few words.
    pub(crate) why: String,
}

/// What a viewer knows.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) host: Option<Host>,
    pub(crate) coverage: CoverageSummary,
    /// Newest first.
    pub(crate) news: VecDeque<News>,
    workloads: HashMap<WorkloadId, String>,
    /// Whose, and where.
    listeners: HashMap<ListenerId, (WorkloadId, String)>,
    edges: HashMap<EdgeId, Verdict>,
    /// Findings that evidence has not ended, and how many turns were told.
    findings: BTreeMap<FindingId, (Finding, usize)>,
    /// Findings that are new or took a turn, since they were last taken.
    told: Vec<Finding>,
    /// New edges that are opaque so far, and since when.
    undecided: BTreeMap<EdgeId, (Instant, News)>,
}

impl Board {
    /// With what was known before; none of it is news.
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let mut board = Self { coverage: snapshot.coverage.clone(), ..Self::default() };
        board.host = snapshot.hosts.first().cloned();
        snapshot.workloads.iter().for_each(|workload| board.workload(workload));
        snapshot.listeners.iter().for_each(|listener| board.listener(listener));
        let known = snapshot.findings.iter().map(|it| (it.id.clone(), (it.clone(), it.turns.len())));
        board.findings.extend(known);
        board.edges.extend(snapshot.edges.iter().map(|edge| (edge.id.clone(), edge.verdict)));
        board
    }

    /// Takes a batch of changes; returns the news in it, oldest first.
    pub(crate) fn take(&mut self, deltas: &[Delta], now: Instant) -> Vec<News> {
        // Names first: a batch may hold an edge before the workload that it names.
        let mut last: HashMap<&EdgeId, &Edge> = HashMap::new();
        for delta in deltas {
            match delta {
                Delta::Host(host) => self.host = Some(host.clone()),
                Delta::Workload(workload) => self.workload(workload),
                Delta::Listener(listener) => self.listener(listener),
                Delta::Edge(edge) => {
                    last.insert(&edge.id, edge);
                }
                Delta::Coverage(coverage) => self.coverage = coverage.clone(),
                Delta::Finding(finding) => self.finding(finding),
                Delta::Flow(_) | Delta::Holder(_) | Delta::Agent(_) | Delta::Relay(_) | Delta::Wrap(_) => {}
            }
        }
        let mut edges: Vec<&Edge> = last.into_values().collect();
        edges.sort_by(|a, b| (a.last, &a.id).cmp(&(b.last, &b.id)));
        let changed: Vec<News> = edges.into_iter().filter_map(|edge| self.edge(edge)).collect();
        let mut news = self.decided(now);
        for one in changed {
            let waited = self.undecided.remove(&one.edge);
            if waited.is_some() {
                // It was never told to be opaque.
                news.push(News { was: None, ..one });
            } else if one.was.is_none() && one.verdict == Verdict::Opaque {
                self.undecided.insert(one.edge.clone(), (now, one));
            } else {
                news.push(one);
            }
        }
        self.tell(&news);
        news
    }

    /// Findings that are new or took a turn since the last call, in the order of their coming.
    pub(crate) fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.told)
    }

    /// Findings that evidence has not ended, the gravest and latest first.
    pub(crate) fn findings(&self) -> Vec<&Finding> {
        let mut open: Vec<_> =
            self.findings.values().map(|(finding, _)| finding).filter(|it| it.ended().is_none()).collect();
        open.sort_by(|a, b| (b.severity, b.last, &b.id).cmp(&(a.severity, a.last, &a.id)));
        open
    }

    fn finding(&mut self, finding: &Finding) {
        let turns = finding.turns.len();
        let before = self.findings.insert(finding.id.clone(), (finding.clone(), turns));
        if before.is_none_or(|(_, told)| told != turns) {
            self.told.push(finding.clone());
        }
    }

    /// New edges that stayed opaque for long enough; all of them at the end, when `now` is `None`.
    pub(crate) fn ripe(&mut self, now: Option<Instant>) -> Vec<News> {
        let news = match now {
            Some(now) => self.decided(now),
            None => std::mem::take(&mut self.undecided).into_values().map(|(_, news)| news).collect(),
        };
        self.tell(&news);
        news
    }

    fn decided(&mut self, now: Instant) -> Vec<News> {
        self.undecided
            .extract_if(.., |_, (since, _)| now.duration_since(*since) >= PATIENCE)
            .map(|(_, (_, news))| news)
            .collect()
    }

    fn tell(&mut self, news: &[News]) {
        for one in news {
            self.news.push_front(one.clone());
        }
        self.news.truncate(KEPT);
    }

    /// How many edges have this verdict.
    pub(crate) fn edges_with(&self, verdict: Verdict) -> u64 {
        words::count(self.edges.values().filter(|of| **of == verdict).count())
    }

    /// How many edges, listeners and workloads are known.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (
            words::count(self.edges.len()),
            words::count(self.listeners.len()),
            words::count(self.workloads.len()),
        )
    }

    fn workload(&mut self, workload: &Workload) {
        if self.workloads.get(&workload.id) != Some(&workload.name) {
            self.workloads.insert(workload.id.clone(), workload.name.clone());
        }
    }

    fn listener(&mut self, listener: &Listener) {
        let whose = (listener.workload.clone(), listener.at.to_string());
        self.listeners.insert(listener.id.clone(), whose);
    }

    fn edge(&mut self, edge: &Edge) -> Option<News> {
        let was = self.edges.insert(edge.id.clone(), edge.verdict);
        if was == Some(edge.verdict) {
            return None;
        }
        let (receiver, place) = match self.listeners.get(&edge.listener) {
            Some((whose, place)) => (self.workloads.get(whose).cloned().unwrap_or_default(), place.clone()),
            None => (String::new(), edge.listener.to_string()),
        };
        Some(News {
            at: edge.last,
            edge: edge.id.clone(),
            caller: self.workloads.get(&edge.caller).cloned().unwrap_or_else(|| edge.caller.to_string()),
            receiver,
            place,
            protocol: edge.protocol.clone().unwrap_or_else(|| "-".to_owned()),
            verdict: edge.verdict,
            was,
            why: words::why(edge.verdict, edge.check, edge.strength),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(verdict: &str) -> Delta {
        let edge = serde_json::from_value(serde_json::json!({
            "id": "e-1", "caller": "w-1", "listener": "l-1", "transport": "tcp", "protocol": null,
            "verdict": verdict, "check": "none", "strength": null, "flows": 1, "served": 1, "refused": 0,
            "opaque": 0, "by_check": {}, "principals": [], "credentials": [], "ends": "both",
            "joined_inferred": false, "joined_late": 0, "first": "2026-11-23T13:00:00Z",
            "last": "2026-11-23T13:00:00Z", "bytes_sent": 0, "bytes_received": 0, "processes": [],
            "evidence": [], "history": []
        }));
        Delta::Edge(edge.unwrap())
    }

    fn told(news: &[News]) -> Vec<(Verdict, Option<Verdict>)> {
        news.iter().map(|one| (one.verdict, one.was)).collect()
    }

    #[test]
    fn a_flow_that_is_still_being_read_is_told_once_with_its_verdict() {
        let (mut board, start) = (Board::default(), Instant::now());
        assert_eq!(told(&board.take(&[edge("opaque")], start)), []);
        assert_eq!(told(&board.take(&[edge("secret-checked")], start)), [(Verdict::SecretChecked, None)]);
        assert_eq!(told(&board.take(&[edge("secret-checked")], start)), []);
        let weaker = board.take(&[edge("location-trusted")], start);
        assert_eq!(told(&weaker), [(Verdict::LocationTrusted, Some(Verdict::SecretChecked))]);
    }

    #[test]
    fn what_stays_opaque_is_told_too() {
        let (mut board, start) = (Board::default(), Instant::now());
        board.take(&[edge("opaque")], start);
        assert_eq!(board.edges_with(Verdict::Opaque), 1, "it is counted at once");
        assert_eq!(told(&board.ripe(Some(start))), []);
        assert_eq!(told(&board.ripe(Some(start + PATIENCE))), [(Verdict::Opaque, None)]);
        assert_eq!(told(&board.ripe(None)), []);
        let mut board = Board::default();
        board.take(&[edge("opaque")], start);
        assert_eq!(told(&board.ripe(None)), [(Verdict::Opaque, None)], "the end waits for nothing");
    }
}
