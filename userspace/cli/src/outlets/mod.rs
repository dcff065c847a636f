//! Findings on their way to people: the journal, and a webhook. Each has a thread and a bounded queue of its own, so
//! that a receiver that is slow or gone neither slows observation nor stops it; what it did not get is counted.

mod journal;
mod outlet;
mod webhook;

use std::collections::HashMap;

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Event, What};
use tierzero_core::finding::{Finding, Severity, Turn};
use tierzero_core::graph::Delta;
use tierzero_core::id::FindingId;

use crate::error::Outcome;
use crate::output::colour;
use outlet::Outlet;

pub(crate) use journal::{Journal, SOCKET as JOURNAL_SOCKET, is_stderr as journal_is_stderr};
pub(crate) use webhook::{Webhook, WebhookAddress, token};

/// What became of sending one finding.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Sent {
    /// It arrived.
    Taken,
    /// It will never be taken: why, without anything secret.
    Refused(String),
    /// It may be taken later: why, without anything secret.
    Later(String),
}

/// Where findings can be sent to.
trait Receiver: Send {
    /// Its name, as counted and told.
    const NAME: &'static str;

    /// Sends one finding; within a bounded time.
    fn send(&mut self, finding: &Finding) -> Sent;
}

/// Every outlet that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Outlets {
    all: Vec<Outlet>,
    told: HashMap<FindingId, (Severity, Option<Turn>)>,
}

impl Outlets {
    /// Starts the threads. `before` is what is known already: none of it is news.
    pub(crate) fn start(
        journal: Option<Journal>,
        webhook: Option<Webhook>,
        before: &[Finding],
    ) -> Outcome<Self> {
        let mut all = Vec::new();
        if let Some(journal) = journal {
            all.push(Outlet::start(journal)?);
        }
        if let Some(webhook) = webhook {
            all.push(Outlet::start(webhook)?);
        }
        let mut outlets = Self { all, told: HashMap::new() };
        before.iter().for_each(|finding| {
            outlets.is_news(finding);
        });
        Ok(outlets)
    }

    /// Takes what is stored and hands on what is news; never waits.
    pub(crate) fn take(&mut self, deltas: &[Delta]) {
        if self.all.is_empty() {
            return;
        }
        for delta in deltas {
            if let Delta::Finding(finding) = delta
                && self.is_news(finding)
            {
                self.all.iter().for_each(|outlet| outlet.take(finding));
            }
        }
    }

    /// A finding is news when it is new, weighs otherwise, or was given a turn; not when it was only counted further.
    /// Sending that would be counted in turn: the calls of the webhook are seen too.
    fn is_news(&mut self, finding: &Finding) -> bool {
        let now = (finding.severity, finding.turns.last().cloned());
        match self.told.get_mut(&finding.id) {
            Some(told) if *told == now => false,
            Some(told) => {
                *told = now;
                true
            }
            None => {
                self.told.insert(finding.id.clone(), now);
                true
            }
        }
    }

    /// What is not delivered, in one sentence, while there is something.
    pub(crate) fn trouble(&self) -> Option<String> {
        let told: Vec<String> = self.all.iter().filter_map(Outlet::trouble).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// The first time that a finding does not get through an outlet it is degraded: part of every coverage from then
    /// on, with the record and the store.
    pub(crate) fn say_undelivered(&mut self, events: &mut Vec<Event>) {
        for outlet in &mut self.all {
            if let Some(degradation) = outlet.degraded() {
                let at = Timestamp::now();
                events.push(Event { at, what: What::Coverage(Coverage::Degraded(degradation)) });
            }
        }
    }

    /// Ends the threads, after a last attempt, and says what did not get through.
    pub(crate) fn end(self) {
        for outlet in self.all {
            if let Some(says) = outlet.end() {
                colour::warn(&format!("not delivered: {says}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tierzero_core::finding::{Finding, FindingType, Severity, TurnKind};
    use tierzero_core::id::FindingId;

    #[test]
    fn only_news_is_handed_on() {
        let mut known = finding(1);
        let mut outlets = super::Outlets::start(None, None, &[known.clone()]).unwrap();
        known.count += 1;
        assert!(!outlets.is_news(&known), "it was only counted further");
        assert!(outlets.is_news(&finding(2)) && !outlets.is_news(&finding(2)));
        for _ in 0..100 {
            known.turn(known.last, TurnKind::Weaker, format!("another agent, {}", known.count));
            known.count += 1;
            assert!(outlets.is_news(&known));
            assert!(!outlets.is_news(&known));
        }
        known.severity = Severity::Medium;
        assert!(outlets.is_news(&known));
    }

    /// A finding with this number in its id.
    pub(super) fn finding(number: u32) -> Finding {
        let at = "2026-11-24T01:02:03Z".parse().unwrap();
        Finding {
            id: FindingId::from_stored(&format!("f-{number:016x}")),
            kind: FindingType::BridgeDirect,
            severity: Severity::High,
            subjects: Vec::new(),
            count: 1,
            first: at,
            last: at,
            edges: Vec::new(),
            callers: std::collections::BTreeSet::new(),
            says: "the agent helpdesk was served by redis".to_owned(),
            turns: Vec::new(),
        }
    }
}
