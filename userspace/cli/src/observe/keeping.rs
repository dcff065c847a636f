//! Changes on their way into the store: one transaction a batch, shown and recorded only after it is durable.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Event, What};
use tierzero_core::graph::Delta;
use tierzero_store::{Store, StoreError};

/// A batch is written when it is this old,
pub(crate) const LONGEST: Duration = Duration::from_millis(250);
/// or has this many changes.
const LARGEST: usize = 4096;
/// After a failure the store is tried again this much later.
const RETRY: Duration = Duration::from_secs(10);
/// Flows kept in memory while the store can't be written; older ones are dropped and counted.
const FLOWS_WAITING: usize = 20_000;
/// Events kept for the record while the store can't be written.
const EVENTS_WAITING: usize = 100_000;
/// Changes are thinned out when there are this many, or twice as many as were left the last time.
const THIN_OUT: usize = 2 * FLOWS_WAITING;

/// The store with what is not in it yet.
#[derive(Debug)]
pub(crate) struct Keeping {
    store: Store,
    deltas: Vec<Delta>,
    events: Vec<Event>,
    recording: bool,
    begun: Instant,
    trouble: Option<Trouble>,
    dropped: u64,
    thin_out_at: usize,
}

/// The store can't be written at present.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// What it said.
    pub(crate) says: String,
    /// What to do.
    pub(crate) hint: String,
    /// When it is tried again.
    retry: Instant,
}

/// What was made durable.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Changes, in order.
    pub(crate) deltas: Vec<Delta>,
    /// Events for the record, in order.
    pub(crate) events: Vec<Event>,
}

impl Keeping {
    /// Keeps changes in a store in which a session was begun.
    pub(crate) fn new(store: Store, recording: bool) -> Self {
        Self {
            store,
            deltas: Vec::new(),
            events: Vec::new(),
            recording,
            begun: Instant::now(),
            trouble: None,
            dropped: 0,
            thin_out_at: THIN_OUT,
        }
    }

    /// Takes what a step of the pipeline gave.
    pub(crate) fn take(&mut self, deltas: Vec<Delta>, recordable: Vec<Event>) {
        if self.deltas.is_empty() && self.events.is_empty() {
            self.begun = Instant::now();
        }
        if self.deltas.is_empty() {
            self.deltas = deltas;
        } else {
            self.deltas.extend(deltas);
        }
        if self.recording {
            self.events.extend(recordable);
        }
    }

    /// Is it time to write?
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        if let Some(trouble) = &self.trouble {
            return now >= trouble.retry
                || self.deltas.len() > self.thin_out_at
                || self.events.len() > EVENTS_WAITING;
        }
        self.deltas.len() >= LARGEST
            || (now.duration_since(self.begun) >= LONGEST
                && !(self.deltas.is_empty() && self.events.is_empty()))
    }

    /// Writes everything; what comes back is durable. `Ok(None)` while the store can't be written.
    pub(crate) fn write(&mut self, now: Instant) -> Option<Kept> {
        if self.trouble.as_ref().is_some_and(|trouble| now < trouble.retry) {
            self.compact();
            return None;
        }
        match self.store.apply(&self.deltas) {
            Ok(()) => {
                self.trouble = None;
                self.begun = now;
                Some(Kept {
                    deltas: std::mem::take(&mut self.deltas),
                    events: std::mem::take(&mut self.events),
                })
            }
            Err(error) => {
                self.compact();
                self.trouble =
                    Some(Trouble { says: error.to_string(), hint: error.hint(), retry: now + RETRY });
                None
            }
        }
    }

    /// Tries once more, now: observation ends.
    pub(crate) fn write_last(&mut self) -> Option<Kept> {
        if let Some(trouble) = &mut self.trouble {
            trouble.retry = Instant::now();
        }
        self.write(Instant::now())
    }

    /// Why the store can't be written, if it can't.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Changes that wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.deltas.len()
    }

    /// Flows that could not wait any longer.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Says that observation goes on though nothing changed.
    pub(crate) fn touch(&mut self, at: Timestamp) {
        if self.trouble.is_none() {
            let touched = self.store.touch_session(at);
            self.note(touched);
        }
    }

    /// Forgets flows that ended before `older_than`, and those beyond the store's own limit.
    pub(crate) fn retain(&mut self, older_than: Timestamp) {
        if self.trouble.is_none() {
            let retained = self.store.retain(older_than).map(|_| ());
            self.note(retained);
        }
    }

    /// Ends the session in order.
    pub(crate) fn end(mut self, at: Timestamp) -> Result<(), StoreError> {
        self.store.end_session(at)
    }

    fn note(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            self.trouble =
                Some(Trouble { says: error.to_string(), hint: error.hint(), retry: Instant::now() + RETRY });
        }
    }

    /// Of several values for one thing the last stands; of flows the latest stay.
    fn compact(&mut self) {
        let mut last: HashMap<String, usize> = HashMap::with_capacity(self.deltas.len());
        for (index, delta) in self.deltas.iter().enumerate() {
            last.insert(name_of(delta), index);
        }
        let flows = last.keys().filter(|name| name.starts_with("flow ")).count();
        let mut surplus = flows.saturating_sub(FLOWS_WAITING);
        self.dropped = self.dropped.saturating_add(u64::try_from(surplus).unwrap_or(u64::MAX));
        let deltas = std::mem::take(&mut self.deltas);
        self.deltas = deltas
            .into_iter()
            .enumerate()
            .filter(|(index, delta)| last.get(&name_of(delta)) == Some(index))
            .map(|(_, delta)| delta)
            .filter(|delta| {
                let drop = surplus > 0 && matches!(delta, Delta::Flow(_));
                surplus -= usize::from(drop);
                !drop
            })
            .collect();
        self.thin_out_at = THIN_OUT.max(self.deltas.len().saturating_mul(2));
        self.shorten_record();
    }

    /// The older half of a record that waited too long gives way to one event that says so.
    fn shorten_record(&mut self) {
        if self.events.len() <= EVENTS_WAITING {
            return;
        }
        let half = self.events.len() / 2;
        let gone = self.events.drain(..half).next();
        let count = u64::try_from(half).unwrap_or(u64::MAX);
        self.dropped = self.dropped.saturating_add(count);
        if let Some(Event { at, what: _ }) = gone {
            let what = What::Coverage(Coverage::Lost { place: "record".to_owned(), count });
            self.events.insert(0, Event { at, what });
        }
    }
}

fn name_of(delta: &Delta) -> String {
    match delta {
        Delta::Host(host) => host.id.to_string(),
        Delta::Workload(workload) => workload.id.to_string(),
        Delta::Listener(listener) => listener.id.to_string(),
        Delta::Edge(edge) => edge.id.to_string(),
        Delta::Holder(holder) => holder.id.to_string(),
        Delta::Agent(agent) => format!("agent {}", agent.root),
        Delta::Relay(relay) => relay.id.to_string(),
        Delta::Wrap(wrap) => wrap.id.to_string(),
        Delta::Flow(flow) => format!("flow {}", flow.number),
        Delta::Finding(finding) => finding.id.to_string(),
        Delta::Coverage(_) => "coverage".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierzero_core::graph::CoverageSummary;
    use tierzero_store::Place;

    fn at() -> Timestamp {
        "2026-11-23T13:00:00Z".parse().unwrap()
    }

    fn coverage(flows: u64) -> Delta {
        Delta::Coverage(CoverageSummary { flows, ..CoverageSummary::default() })
    }

    fn started() -> Event {
        Event { at: at(), what: What::Started }
    }

    /// A store without a session takes nothing: the same as one that can't be written.
    fn unwritable(recording: bool) -> Keeping {
        Keeping::new(Store::open(Place::Memory).unwrap(), recording)
    }

    #[test]
    fn what_is_written_comes_back_in_order_and_only_once() {
        let mut store = Store::open(Place::Memory).unwrap();
        store.begin_session(at()).unwrap();
        let mut keeping = Keeping::new(store, true);
        keeping.take(vec![coverage(1)], vec![started()]);
        keeping.take(vec![coverage(2)], vec![]);
        let kept = keeping.write(Instant::now()).unwrap();
        assert_eq!((kept.deltas, kept.events), (vec![coverage(1), coverage(2)], vec![started()]));
        assert!(keeping.write(Instant::now()).unwrap().deltas.is_empty());
        assert!(keeping.trouble().is_none());
    }

    #[test]
    fn while_nothing_can_be_written_the_last_value_waits_and_nothing_is_reported() {
        let mut keeping = unwritable(false);
        let now = Instant::now();
        keeping.take((0..100).map(coverage).collect(), vec![started()]);
        assert!(keeping.write(now).is_none());
        assert_eq!(keeping.waiting(), 1, "of several values the last stands");
        assert!(keeping.trouble().is_some());
        assert!(!keeping.is_due(now), "it is not tried again at once");
        assert!(keeping.is_due(now + RETRY));
        assert!(keeping.write_last().is_none());
        assert_eq!(keeping.waiting(), 1);
    }

    #[test]
    fn a_record_that_waits_too_long_says_what_is_missing() {
        let mut keeping = unwritable(true);
        keeping.take(vec![coverage(1)], vec![started(); EVENTS_WAITING + 1]);
        assert!(keeping.write(Instant::now()).is_none());
        assert_eq!(keeping.dropped(), 50_000);
        assert!(matches!(
            &keeping.events.first().unwrap().what,
            What::Coverage(Coverage::Lost { place, count: 50_000 }) if place == "record"
        ));
    }
}
