//! Sessions that receivers gave, and what the handshakes that made them rested on.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::fingerprint::Fingerprint;
use crate::verdict::Inherited;

/// Most sessions that are kept; the oldest goes first.
const MOST: usize = 16_384;
/// Longest time in seconds that a session is kept, whatever its receiver said: seven days (RFC 8446 section 4.6.1).
const LONGEST_S: u64 = 604_800;

/// One session.
#[derive(Debug)]
struct Session {
    until: Timestamp,
    listener: u32,
    inherited: Inherited,
}

/// Sessions by their trace.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<Fingerprint, Session>,
    order: VecDeque<Fingerprint>,
}

impl Sessions {
    /// `listener` gave a session.
    pub(super) fn keep(
        &mut self,
        trace: &Fingerprint,
        at: Timestamp,
        lifetime_s: u64,
        listener: u32,
        inherited: Inherited,
    ) {
        let lifetime_s = i64::try_from(lifetime_s.min(LONGEST_S)).unwrap_or_default();
        let Ok(until) = at.checked_add(SignedDuration::from_secs(lifetime_s)) else { return };
        if self.known.insert(trace.clone(), Session { until, listener, inherited }).is_none() {
            self.order.push_back(trace.clone());
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// What a session stands for that `listener` itself gave and whose time is not over.
    pub(super) fn find(&self, traces: &[Fingerprint], at: Timestamp, listener: u32) -> Option<&Inherited> {
        traces
            .iter()
            .filter_map(|trace| self.known.get(trace))
            .find(|session| session.listener == listener && at <= session.until)
            .map(|session| &session.inherited)
    }
}
