//! The listeners of the graph, their contrast and their class.

use std::collections::HashMap;

use jiff::Timestamp;

use super::changes::Changes;
use super::{Listener, ListenerClass};
use crate::event::ListenAddress;
use crate::id::{ListenerId, WorkloadId};
use crate::verdict::{Contrast, Contrasts, Verdict};

/// A listener and what belongs to it.
#[derive(Debug)]
pub(crate) struct ListenerEntry {
    pub(crate) value: Listener,
    /// Number of its workload.
    pub(crate) workload: u32,
    /// Numbers of the edges to it.
    pub(crate) edges: Vec<u32>,
    /// Edges to it by verdict, at the verdict's rank.
    pub(crate) tally: [u32; 7],
}

/// All listeners.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub(crate) entries: Vec<ListenerEntry>,
    by_id: HashMap<ListenerId, u32>,
    pub(crate) changes: Changes,
}

impl Listeners {
    pub(crate) fn get(&self, number: u32) -> Option<&ListenerEntry> {
        self.entries.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut ListenerEntry> {
        self.entries.get_mut(number as usize)
    }

    pub(crate) fn find(&self, id: &ListenerId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn contrast(&self, number: u32) -> Contrast {
        self.get(number).map_or_else(Contrast::default, |it| it.value.contrast)
    }

    /// What it did, over all and by operation.
    pub(crate) fn contrasts(&self, number: u32) -> Contrasts {
        self.get(number).map_or_else(Contrasts::default, |it| Contrasts {
            whole: it.value.contrast,
            operations: it.value.operations.clone(),
        })
    }

    /// The number of a listener, which is added if it is new, and whether it is; `None` when there is no room.
    pub(crate) fn number(&mut self, listener: Listener, workload: u32, most: usize) -> Option<(u32, bool)> {
        if let Some(number) = self.by_id.get(&listener.id).copied() {
            if let Some(known) = self.entries.get_mut(number as usize) {
                if known.value.at != listener.at && listener.socket_file().is_some() {
                    known.value.at = listener.at;
                }
                known.value.last = known.value.last.max(listener.last);
                self.changes.soon(number);
            }
            return Some((number, false));
        }
        let number = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < most)?;
        self.by_id.insert(listener.id.clone(), number);
        self.entries.push(ListenerEntry { value: listener, workload, edges: Vec::new(), tally: [0; 7] });
        self.changes.now(number);
        Some((number, true))
    }

    /// It was called.
    pub(crate) fn touch(&mut self, number: u32, at: Timestamp, protocol: Option<&'static str>) {
        if let Some(known) = self.entries.get_mut(number as usize) {
            if known.value.last < at {
                known.value.last = at;
                self.changes.soon(number);
            }
            if let Some(protocol) = protocol
                && known.value.protocol.as_deref() != Some(protocol)
                && protocol != "tls"
            {
                known.value.protocol = Some(protocol.to_owned());
                self.changes.soon(number);
            } else if known.value.protocol.is_none() && protocol.is_some() {
                known.value.protocol = protocol.map(str::to_owned);
                self.changes.soon(number);
            }
        }
    }
}

impl ListenerEntry {
    /// How many edges to it have this verdict.
    pub(crate) fn tally_of(&self, verdict: Verdict) -> u32 {
        self.tally.get(usize::from(verdict.rank())).copied().unwrap_or(0)
    }

    /// Class and reasons by behaviour (requirements 3.5). `sibling_legacy`: another listener of the same workload is
    /// location-trusted.
    pub(crate) fn class(&self, sibling_legacy: bool) -> (ListenerClass, Vec<String>) {
        let count = |verdict| self.tally_of(verdict);
        let trusted = count(Verdict::LocationTrusted);
        let (opaque, unproven) = (count(Verdict::Opaque), count(Verdict::Unproven));
        let (secret, identity) = (count(Verdict::SecretChecked), count(Verdict::IdentityChecked));
        let refused_someone = self.value.contrast.refused_someone();
        let mut reasons = Vec::new();
        let mut because = |n: u32, what: &str| {
            if n > 0 {
                reasons.push(format!("{n} of its edges {} {what}", if n == 1 { "is" } else { "are" }));
            }
        };
        because(trusted, "location-trusted");
        because(opaque, "opaque");
        because(unproven, "unproven");
        because(secret, "secret-checked");
        because(identity, "identity-checked");
        let class = if trusted > 0 {
            ListenerClass::Legacy
        } else if opaque + unproven > 0 {
            ListenerClass::Unknown
        } else if secret > 0 {
            ListenerClass::Transitional
        } else if identity > 0 && refused_someone && !sibling_legacy {
            ListenerClass::Modern
        } else {
            ListenerClass::Unknown
        };
        if identity > 0 && class == ListenerClass::Unknown && opaque + unproven == 0 {
            reasons.push(if sibling_legacy {
                "another listener of the same workload is location-trusted".to_owned()
            } else {
                "no refusal of a caller without proof was observed".to_owned()
            });
        }
        if reasons.is_empty() {
            reasons.push("no served flow was observed".to_owned());
        }
        (class, reasons)
    }
}

/// The stable id of a listener: where it listens, in which namespace, of which workload.
pub(crate) fn listener_id(workload: &WorkloadId, at: &ListenAddress, netns: &str) -> ListenerId {
    match at {
        ListenAddress::Tcp { address } => {
            ListenerId::derive(&[workload.as_str(), "tcp", &address.to_string(), netns])
        }
        ListenAddress::Udp { address } => {
            ListenerId::derive(&[workload.as_str(), "udp", &address.to_string(), netns])
        }
        ListenAddress::Unix { path, file: _ } => {
            // An abstract name is scoped by its namespace, a path is not.
            let scope = if path.starts_with('@') { netns } else { "" };
            ListenerId::derive(&[workload.as_str(), "unix", path, scope])
        }
    }
}

/// A listener that was just found.
pub(crate) fn new_listener(
    workload: &WorkloadId,
    at: ListenAddress,
    netns: &str,
    joined_late: bool,
    now: Timestamp,
) -> Listener {
    Listener {
        id: listener_id(workload, &at, netns),
        workload: workload.clone(),
        at,
        protocol: None,
        class: ListenerClass::Unknown,
        reasons: vec!["no served flow was observed".to_owned()],
        joined_late,
        contrast: Contrast::default(),
        operations: Vec::new(),
        first: now,
        last: now,
    }
}
