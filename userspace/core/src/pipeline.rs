//! The page to read first: one event in, changes of the graph out.

use jiff::Timestamp;

use crate::event::Event;
use crate::fingerprint::Fingerprinter;
use crate::graph::{Delta, Snapshot};

/// Settings of the pipeline.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest lifetime in seconds that still counts as short-lived.
    pub short_lived_s: u64,
    /// Payload bytes kept for one direction of one flow until it is judged.
    pub payload_bytes: usize,
    /// Key for fingerprints of credentials.
    pub fingerprinter: Fingerprinter,
}

/// What one step gave.
#[derive(Debug, Default)]
pub struct Step {
    /// Changes of the graph, in order.
    pub deltas: Vec<Delta>,
    /// What may be recorded of it, in order: payload is replaced by what it showed, and what silence or the end of
    /// a flow decided is there too. A log of these, replayed, gives the same graph.
    pub recordable: Vec<Event>,
}

/// The whole of the core behind one call.
#[derive(Debug)]
pub struct Pipeline {
    settings: Settings,
}

impl Pipeline {
    /// An empty pipeline.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Continues from a stored graph: edges keep their counts, ids and history.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let _ = (&self.settings, snapshot);
    }

    /// Takes one event.
    pub fn step(&mut self, event: Event) -> Step {
        Step { deltas: Vec::new(), recordable: vec![event] }
    }

    /// Lets time pass: decides what waited long enough, forgets what is over.
    pub fn tick(&mut self, now: Timestamp) -> Step {
        let _ = now;
        Step::default()
    }

    /// The graph as it stands.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }
}
