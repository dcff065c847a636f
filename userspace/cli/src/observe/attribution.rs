//! Accepted connections whose process no hook has named: asked of /proc after a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tierzero_core::event::{Event, Role, What};
use tierzero_core::id::EndKey;

/// A hook has this long to name the process.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than this are not remembered: walking /proc for them would cost more than it tells.
const REMEMBERED: usize = 4096;
/// Asked for in one walk.
const ASKED: usize = 512;

/// Receiver ends that wait for a process.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    waiting: HashMap<u64, Instant>,
}

impl Attribution {
    /// Looks at an event as it passes.
    pub(crate) fn look(&mut self, event: &Event, now: Instant) {
        if let What::Established { end: EndKey::Tcp { cookie }, role: Role::Responder, ends: _ } = &event.what
        {
            if self.waiting.len() < REMEMBERED {
                self.waiting.insert(*cookie, now);
            }
        } else if let What::Accepted { end: EndKey::Tcp { cookie }, .. }
        | What::Released { end: EndKey::Tcp { cookie }, .. } = &event.what
        {
            self.waiting.remove(cookie);
        }
    }

    /// Sockets that waited long enough. Each is named once.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<u64> {
        let overdue = self.waiting.iter().filter(|(_, since)| now.duration_since(**since) >= PATIENCE);
        let cookies: Vec<u64> = overdue.map(|(cookie, _)| *cookie).take(ASKED).collect();
        for cookie in &cookies {
            self.waiting.remove(cookie);
        }
        cookies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierzero_core::event::Addresses;
    use tierzero_core::id::{Netns, ProcessKey};

    fn event(what: What) -> Event {
        Event { at: "2026-11-23T13:00:00Z".parse().unwrap(), what }
    }

    fn established(cookie: u64, role: Role) -> Event {
        let address = "127.0.0.1:1".parse().unwrap();
        let ends = Addresses { local: address, remote: address, netns: Netns(1) };
        event(What::Established { end: EndKey::Tcp { cookie }, role, ends })
    }

    #[test]
    fn only_receivers_that_nobody_took_are_asked_for_and_only_once() {
        let mut attribution = Attribution::default();
        let start = Instant::now();
        attribution.look(&established(1, Role::Responder), start);
        attribution.look(&established(2, Role::Responder), start);
        attribution.look(&established(3, Role::Originator), start);
        let process = ProcessKey { pid: 1, start_ticks: 1 };
        attribution
            .look(&event(What::Accepted { end: EndKey::Tcp { cookie: 2 }, process, ends: None }), start);
        assert!(attribution.overdue(start).is_empty());
        assert_eq!(attribution.overdue(start + PATIENCE), [1]);
        assert!(attribution.overdue(start + PATIENCE).is_empty());
    }
}
