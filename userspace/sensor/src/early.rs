//! Payload that reached a listener before the connection had a socket is joined to the connection by its addresses.

use std::collections::HashMap;
use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use tierzero_core::event::{Addresses, Event, Payload, What};
use tierzero_core::id::EndKey;
use tierzero_core::wire::EarlyPayload;

/// Most payloads that wait at once.
const MOST: usize = 4096;
/// The connection comes into being with the very same segment, so that a second is long.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Early payload that waits for its connection.
#[derive(Default)]
pub(crate) struct Early {
    waiting: HashMap<(SocketAddr, SocketAddr), EarlyPayload>,
    /// Payloads that never found their connection, since last asked.
    lost: u64,
}

impl Early {
    /// Lets payload wait. A segment that was sent again replaces the first.
    pub(crate) fn keep(&mut self, early: EarlyPayload) {
        if self.waiting.len() >= MOST {
            self.forget(early.at);
        }
        if self.waiting.len() >= MOST {
            self.lost += 1;
            return;
        }
        self.waiting.insert((early.ends.local, early.ends.remote), early);
    }

    /// The payload that belongs to a connection that was just established.
    pub(crate) fn join(&mut self, end: EndKey, ends: &Addresses, base: u32, at: Timestamp) -> Option<Event> {
        let early = self.waiting.remove(&(ends.local, ends.remote))?;
        let EarlyPayload { at: _, ends: _, sequence, length, bytes } = early;
        let offset = u64::from(sequence.wrapping_sub(base));
        // Another connection of the same addresses would begin at another sequence number.
        if offset > u64::from(u16::MAX) {
            self.lost += 1;
            return None;
        }
        let payload = Payload { end, ends: None, sent: false, offset, length, bytes };
        Some(Event { at, what: What::Payload(payload) })
    }

    /// Forgets what waited too long.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let before = self.waiting.len();
        self.waiting.retain(|_, early| now.duration_since(early.at) < PATIENCE);
        self.lost += u64::try_from(before - self.waiting.len()).unwrap_or(0);
    }

    /// How many were lost since last asked.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}
