//! Two rings, one order: records wait until no older one can still come.

use tierzero_core::wire::{self, Clock, Decoded};

/// A record read at its time may have been stamped by another processor just before; it is handed over within this.
const SLACK_NS: u64 = 2_000_000;

/// Decoded records that wait for their turn.
#[derive(Default)]
pub(crate) struct Waiting {
    /// With the time since boot.
    records: Vec<(u64, Decoded)>,
}

impl Waiting {
    /// Decodes a record and lets it wait; returns its time.
    pub(crate) fn push(&mut self, record: &[u8], clock: &Clock) -> u64 {
        let at = wire::time(record).unwrap_or(0);
        self.records.push((at, wire::decode(record, clock)));
        at
    }

    /// Takes out, in order, what happened before `now` (since boot) less the slack.
    pub(crate) fn ripe(&mut self, now: u64) -> impl Iterator<Item = Decoded> {
        let until = now.saturating_sub(SLACK_NS);
        self.take(until)
    }

    /// Takes out everything, in order.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = Decoded> {
        self.take(u64::MAX)
    }

    fn take(&mut self, until: u64) -> impl Iterator<Item = Decoded> {
        self.records.sort_by_key(|(at, _)| *at);
        let count = self.records.partition_point(|(at, _)| *at <= until);
        let later = self.records.split_off(count);
        std::mem::replace(&mut self.records, later).into_iter().map(|(_, decoded)| decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at: u64) -> Vec<u8> {
        [&999_u32.to_ne_bytes()[..], &tierzero_maps::ABI.to_ne_bytes(), &at.to_ne_bytes()].concat()
    }

    #[test]
    fn older_first_and_nothing_before_its_turn() {
        let clock = Clock { offset_ns: 0 };
        let mut waiting = Waiting::default();
        for at in [5_000_000, 3_000_000, 9_000_000] {
            assert_eq!(waiting.push(&record(at), &clock), at);
        }
        assert_eq!(waiting.ripe(8_000_000).count(), 2);
        assert_eq!(waiting.ripe(8_000_000).count(), 0);
        assert_eq!(waiting.all().count(), 1);
    }
}
