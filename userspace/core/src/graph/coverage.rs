//! What was not seen, summed up.

use super::{CoverageSummary, DegradedInterval};
use crate::event::Coverage;

/// Most blind intervals and degradations kept; beyond, the newest interval swallows its predecessor.
const MOST: usize = 256;

impl CoverageSummary {
    /// Takes what the outside reports.
    pub(crate) fn take(&mut self, coverage: Coverage) {
        match coverage {
            Coverage::Lost { place, count } => self.lose(&place, count),
            Coverage::Blind { from, to, reason } => {
                if self.blind.len() >= MOST
                    && let Some(last) = self.blind.last_mut()
                {
                    last.from = last.from.min(from);
                    last.to = last.to.max(to);
                } else {
                    self.blind.push(DegradedInterval { from, to, reason });
                }
            }
            Coverage::Degraded(degradation) => {
                if self.degraded.len() < MOST
                    && let Err(at) = self.degraded.binary_search(&degradation)
                {
                    self.degraded.insert(at, degradation);
                }
            }
        }
    }

    /// Counts what found no room, by place.
    pub(crate) fn lose(&mut self, place: &str, count: u64) {
        if count == 0 {
            return;
        }
        self.lost_events = self.lost_events.saturating_add(count);
        let room = self.lost_by_place.len() < MOST || self.lost_by_place.contains_key(place);
        let place = if room { place } else { "other" };
        let known = self.lost_by_place.entry(place.to_owned()).or_default();
        *known = known.saturating_add(count);
    }
}
