//! Without eBPF: looks at the host again and again, and tells the difference as events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use tierzero_core::event::{Degradation, Event, Role, What};
use tierzero_core::id::{EndKey, Netns, ProcessKey};

use crate::Host;

/// Polls the socket tables. What comes and goes between two polls is not seen.
#[derive(Debug)]
pub struct Poller {
    host: Host,
    /// What the last poll showed; `None` before the first.
    last: Option<Shown>,
}

/// One poll, by what each event is about.
#[derive(Debug, Default)]
struct Shown {
    processes: BTreeSet<ProcessKey>,
    namespaces: BTreeMap<Netns, Vec<IpAddr>>,
    cgroups: BTreeSet<u64>,
    listeners: BTreeSet<EndKey>,
    /// Open ends, with the process that held each.
    ends: BTreeMap<EndKey, Option<ProcessKey>>,
}

impl Poller {
    /// Polls this host.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, last: None }
    }

    /// Appends what changed since the last poll, or all there is on the first one. One poll costs as much as a
    /// snapshot: every second is reasonable.
    pub fn poll(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let events = self.host.picture().events(now);
        let shown = Shown::of(&events);
        match self.last.replace(shown) {
            None => out.extend(events),
            Some(last) => {
                if let Some(shown) = &self.last {
                    last.difference(shown, events, now, out);
                }
            }
        }
        self.host.translations(now, out);
    }

    /// What polling does not see. Tell it before the first poll.
    #[must_use]
    pub fn degradation() -> Degradation {
        Degradation {
            name: "polling".to_owned(),
            loses: "connections and processes that begin and end between two polls, refused connections, \
                    unconnected UDP, and every payload: each flow that is seen stays opaque"
                .to_owned(),
            because: "socket tables are polled because no eBPF program is attached".to_owned(),
            remedy: "run `tierzero doctor` to see what keeps eBPF from loading".to_owned(),
        }
    }
}

impl Shown {
    fn of(events: &[Event]) -> Self {
        let mut shown = Self::default();
        for event in events {
            if let What::ProcessSeen { process } = &event.what {
                shown.processes.insert(process.key);
            } else if let What::NetnsSeen { netns, addresses, .. } = &event.what {
                shown.namespaces.insert(*netns, addresses.clone());
            } else if let What::CgroupNamed { cgroup, .. } = &event.what {
                shown.cgroups.insert(*cgroup);
            } else if let What::Listening(listening) = &event.what {
                shown.listeners.insert(listening.socket);
            } else if let What::AlreadyOpen { end, processes, .. } = &event.what {
                shown.ends.insert(*end, processes.first().copied());
            } else if let What::UnixAlreadyOpen { end, peer, callers, receivers, .. } = &event.what {
                shown.ends.insert(*end, callers.first().copied());
                shown.ends.insert(*peer, receivers.first().copied());
            }
        }
        shown
    }

    /// `self` was shown last, `next` is shown now by `events`.
    fn difference(&self, next: &Self, events: Vec<Event>, now: Timestamp, out: &mut Vec<Event>) {
        let mut tell = |what| out.push(Event { at: now, what });
        for (&end, &process) in self.ends.iter().filter(|(end, _)| !next.ends.contains_key(end)) {
            tell(What::Released { end, process, bytes_sent: None, bytes_received: None });
        }
        for &socket in self.listeners.difference(&next.listeners) {
            tell(What::ListenerClosed { socket });
        }
        for event in events {
            self.tell_new(event.what, &mut tell);
        }
        for &process in self.processes.difference(&next.processes) {
            tell(What::Exited { process });
        }
    }

    /// Tells one thing that is there now, if it was not there before.
    fn tell_new(&self, what: What, tell: &mut impl FnMut(What)) {
        if let What::ProcessSeen { process } = &what {
            if !self.processes.contains(&process.key) {
                tell(what);
            }
        } else if let What::NetnsSeen { netns, addresses, .. } = &what {
            if self.namespaces.get(netns) != Some(addresses) {
                tell(what);
            }
        } else if let What::CgroupNamed { cgroup, .. } = &what {
            if !self.cgroups.contains(cgroup) {
                tell(what);
            }
        } else if let What::Listening(mut listening) = what {
            if !self.listeners.contains(&listening.socket) {
                listening.joined_late = false;
                tell(What::Listening(listening));
            }
        } else if let What::AlreadyOpen { end, role, ends, processes } = what {
            if self.ends.contains_key(&end) {
                return;
            }
            let process = processes.first().copied();
            match role {
                Some(Role::Originator) => {
                    tell(What::Connecting { end, ends, process });
                    tell(What::Established { end, role: Role::Originator, ends });
                }
                Some(Role::Responder) => {
                    tell(What::Established { end, role: Role::Responder, ends });
                    if let Some(process) = process {
                        tell(What::Accepted { end, process, ends: Some(ends) });
                    }
                }
                None => tell(What::AlreadyOpen { end, role, ends, processes }),
            }
        } else if let What::UnixAlreadyOpen { end, .. } = &what
            && !self.ends.contains_key(end)
        {
            // Told as already open although it is new: who had called listen(2) was not seen.
            tell(what);
        }
    }
}
