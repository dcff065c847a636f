//! One flow's bytes, both directions, turned into observations and wiped.

use jiff::Timestamp;

use super::Observation;
use crate::event::Role;
use crate::fingerprint::Fingerprinter;

/// Reassembles both directions of one flow, recognises the protocol, and runs its dissector.
#[derive(Debug)]
pub struct Conversation {
    _fingerprinter: Fingerprinter,
}

impl Conversation {
    /// A conversation that keeps at most `limit_bytes` of each direction at any time.
    #[must_use]
    pub fn new(limit_bytes: usize, fingerprinter: Fingerprinter) -> Self {
        let _ = limit_bytes;
        Self { _fingerprinter: fingerprinter }
    }

    /// Takes `bytes` sent by `from`, found at `offset` of that direction's stream; `length` is how many bytes were
    /// there (more than `bytes.len()` where the record was cut). Segments may overlap, repeat and come out of order.
    pub fn payload(
        &mut self,
        from: Role,
        offset: u64,
        length: u64,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Observation>,
    ) {
        let _ = (from, offset, length, bytes, now, out);
    }

    /// The flow is over, or waited long enough: what is still undecided is said as such.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        let _ = out;
    }

    /// True when further payload can't change what is known.
    #[must_use]
    pub fn settled(&self) -> bool {
        false
    }
}
