//! The class of a listener: by its behaviour, its siblings' and what the operator calls it.

use super::Graph;
use crate::graph::Listener;
use crate::verdict::Verdict;

impl Graph {
    /// Labels of the operator may have changed since the graph was stored.
    pub(super) fn class_anew(&mut self) {
        for number in (0..self.listeners.entries.len()).filter_map(|it| u32::try_from(it).ok()) {
            let stored = self.listeners.get(number).map(|it| (it.value.class, it.value.reasons.clone()));
            if self.render_listener(number).map(|it| (it.class, it.reasons)) != stored {
                self.listeners.changes.now(number);
            }
        }
    }

    /// A listener as it stands: class and reasons by its behaviour and the operator's labels.
    pub(super) fn render_listener(&self, number: u32) -> Option<Listener> {
        let entry = self.listeners.get(number)?;
        let owner = self.workloads.get(entry.workload);
        let siblings = owner.map(|it| it.listeners.as_slice()).unwrap_or_default();
        let sibling_legacy = siblings
            .iter()
            .filter(|it| **it != number)
            .any(|it| self.listeners.get(*it).is_some_and(|it| it.tally_of(Verdict::LocationTrusted) > 0));
        let by_behaviour = entry.class(sibling_legacy);
        let open_questions =
            sibling_legacy || [Verdict::Opaque, Verdict::Unproven].iter().any(|it| entry.tally_of(*it) > 0);
        let (class, reasons) = match owner {
            Some(owner) => self.labels.weigh(&entry.value, &owner.value, by_behaviour, open_questions),
            None => by_behaviour,
        };
        Some(Listener { class, reasons, ..entry.value.clone() })
    }
}
