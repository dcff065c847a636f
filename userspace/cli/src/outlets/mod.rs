//! Findings on their way to people: the journal, and a webhook. Each has a thread and a bounded queue of its own, so
//! that a receiver that is slow or gone neither slows observation nor stops it; what it did not get is counted.

mod journal;
mod outlet;
mod webhook;

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Event, What};
use tierzero_core::finding::Finding;
use tierzero_core::graph::Delta;

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
}

impl Outlets {
    /// Starts the threads.
    pub(crate) fn start(journal: Option<Journal>, webhook: Option<Webhook>) -> Outcome<Self> {
        let mut all = Vec::new();
        if let Some(journal) = journal {
            all.push(Outlet::start(journal)?);
        }
        if let Some(webhook) = webhook {
            all.push(Outlet::start(webhook)?);
        }
        Ok(Self { all })
    }

    /// Takes what is stored; never waits.
    pub(crate) fn take(&self, deltas: &[Delta]) {
        if self.all.is_empty() {
            return;
        }
        for delta in deltas {
            if let Delta::Finding(finding) = delta {
                self.all.iter().for_each(|outlet| outlet.take(finding));
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
    use tierzero_core::finding::{Finding, FindingType, Severity};
    use tierzero_core::id::FindingId;

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
