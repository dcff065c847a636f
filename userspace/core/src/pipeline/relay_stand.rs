//! Whether a wrap can be gone around: who else was served behind it, and who stands where it could be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Pipeline;
use crate::event::{ListenAddress, SocketFile};
use crate::graph::{
    Delta, LEAST_CONNECTIONS, MOST_NAMED, Stander, StandingRoom, StandingScope, Wrap, WrapState,
};
use crate::id::{Netns, ProcessKey, WorkloadId};
use crate::subject::workload;

/// Most workloads that are told apart in one standing room.
const MOST_STANDING: usize = 4_096;
/// Name of the observer's program, whose processes don't count.
const OBSERVER: &str = "tierzero";

/// A workload that hands connections on.
#[derive(Debug)]
pub(super) struct Found {
    proxy: u32,
    matched: u64,
    standing: BTreeMap<WorkloadId, String>,
    told: Option<Wrap>,
}

/// Where one stands to be treated alike.
#[derive(Debug)]
struct Room {
    scope: StandingScope,
    /// Anyone in these namespaces; `None` where namespaces don't matter.
    netns: Option<BTreeSet<Netns>>,
    /// Whoever may write to this file; a file that could not be read keeps nobody out.
    file: Option<SocketFile>,
}

impl Room {
    fn holds(&self, netns: Netns, uid: u32, gid: u32) -> bool {
        let near = self.netns.as_ref().is_none_or(|it| it.contains(&netns));
        let may = self.file.is_none_or(|file| match file.mode {
            mode if mode & 0o002 != 0 => true,
            mode => mode & 0o200 != 0 && uid == file.uid || mode & 0o020 != 0 && gid == file.gid,
        });
        // No file mode stops root: it is no more in one such room than in any other.
        near && may && (self.scope != StandingScope::SocketFile || uid != 0)
    }
}

impl Pipeline {
    /// A connection went through `proxy`, from its front to a backend.
    pub(super) fn wrap_matched(&mut self, proxy: u32, front: u32, backend: u32, at: Timestamp) {
        let none = || Found { proxy, matched: 0, standing: BTreeMap::new(), told: None };
        let found = self.relays.wraps.found.entry((front, backend)).or_insert_with(none);
        found.matched += 1;
        if found.matched == LEAST_CONNECTIONS {
            self.look_around((front, backend), at);
        }
    }

    /// A flow was placed: who calls a backend from elsewhere shows from where it can be called.
    pub(super) fn wrap_placed(&mut self, slot: u32) {
        let Some(backend) = self.flows.get(slot).and_then(|flow| flow.attached).map(|it| it.listener) else {
            return;
        };
        let concerned: Vec<_> =
            self.relays.wraps.found.keys().filter(|it| it.1 == backend).copied().collect();
        for key in concerned {
            self.look_around(key, self.clock);
        }
    }

    /// A process began, or is another program now.
    pub(super) fn stands(&mut self, process: ProcessKey) {
        if self.relays.wraps.found.is_empty() {
            return;
        }
        let keys: Vec<_> = self.relays.wraps.found.keys().copied().collect();
        for key in keys {
            self.place_in_room(key, std::iter::once(process));
        }
    }

    fn look_around(&mut self, key: (u32, u32), at: Timestamp) {
        let since = self.graph.listeners.get(key.1).map_or(at, |it| it.value.first);
        let lived: Vec<ProcessKey> = self.processes.lived_since(since);
        self.place_in_room(key, lived.into_iter());
    }

    fn room(&self, backend: u32) -> Option<Room> {
        let entry = self.graph.listeners.get(backend)?;
        let own = self.graph.workloads.get(entry.workload)?.value.netns?;
        let only = |netns| Some(BTreeSet::from([netns]));
        Some(match &entry.value.at {
            ListenAddress::Tcp { address } | ListenAddress::Udp { address } if address.ip().is_loopback() => {
                Room { scope: StandingScope::Loopback, netns: only(own), file: None }
            }
            ListenAddress::Tcp { .. } | ListenAddress::Udp { .. } => {
                let callers = entry
                    .edges
                    .iter()
                    .filter_map(|it| self.graph.edges.get(*it))
                    .filter_map(|it| self.graph.workloads.get(it.caller)?.value.netns);
                let netns = callers.chain(std::iter::once(own)).collect();
                Room { scope: StandingScope::Network, netns: Some(netns), file: None }
            }
            ListenAddress::Unix { path, .. } if path.starts_with('@') => {
                Room { scope: StandingScope::AbstractName, netns: only(own), file: None }
            }
            ListenAddress::Unix { file, .. } => {
                Room { scope: StandingScope::SocketFile, netns: None, file: *file }
            }
        })
    }

    fn place_in_room(&mut self, key: (u32, u32), processes: impl Iterator<Item = ProcessKey>) {
        let Some(room) = self.room(key.1) else { return };
        let owner = self.graph.listeners.get(key.1).map(|it| it.workload);
        let Some(proxy) = self.relays.wraps.found.get(&key).map(|it| it.proxy) else { return };
        let own: Vec<WorkloadId> = [Some(proxy), owner]
            .into_iter()
            .flatten()
            .filter_map(|it| self.graph.workloads.get(it))
            .map(|it| it.value.id.clone())
            .collect();
        let mut new = Vec::new();
        for key in processes {
            let Some(known) = self.processes.get(key) else { continue };
            let program = known.image.exe.as_deref();
            // A kernel thread has neither a program nor arguments.
            if !room.holds(known.netns, known.uid, known.gid)
                || program.is_none() && known.image.argv.is_empty()
                || program.and_then(|it| it.rsplit('/').next()) == Some(OBSERVER)
            {
                continue;
            }
            let placed = known.workload.filter(|(_, generation)| *generation == self.generation);
            let (id, name) = match placed.and_then(|(number, _)| self.graph.workloads.get(number)) {
                Some(it) => (it.value.id.clone(), it.value.name.clone()),
                None => {
                    let place = self.processes.place(known);
                    let of = workload::Local {
                        host: &self.host,
                        image: &known.image,
                        place: place.as_deref(),
                        uid: known.uid,
                        netns: known.netns,
                    };
                    let it = workload::local(&of, &self.namespaces, self.clock);
                    (it.id, it.name)
                }
            };
            if !own.contains(&id) {
                new.push((id, name));
            }
        }
        if let Some(found) = self.relays.wraps.found.get_mut(&key) {
            for (id, name) in new {
                if found.standing.len() < MOST_STANDING && found.standing.insert(id, name).is_none() {
                    self.relays.wraps.standing_changed = true;
                }
            }
        }
    }

    /// Wraps that changed since they were last handed out.
    pub(super) fn wrap_deltas(&mut self, out: &mut Vec<Delta>) {
        let keys: Vec<_> = self.relays.wraps.found.keys().copied().collect();
        for key in keys {
            let Some(wrap) = self.wrap(key) else { continue };
            if let Some(found) = self.relays.wraps.found.get_mut(&key)
                && found.told.as_ref() != Some(&wrap)
            {
                found.told = Some(wrap.clone());
                out.push(Delta::Wrap(wrap));
            }
        }
    }

    /// All wraps, in order of id.
    pub(super) fn wraps_shown(&self) -> Vec<Wrap> {
        let mut wraps: Vec<Wrap> = self.relays.wraps.found.keys().filter_map(|key| self.wrap(*key)).collect();
        wraps.sort_by(|a, b| a.id.cmp(&b.id));
        wraps
    }

    fn wrap(&self, key: (u32, u32)) -> Option<Wrap> {
        let found = self.relays.wraps.found.get(&key).filter(|it| it.matched >= LEAST_CONNECTIONS)?;
        let (front, backend) = (self.graph.listeners.get(key.0)?, self.graph.listeners.get(key.1)?);
        let proxy = &self.graph.workloads.get(found.proxy)?.value.id;
        let room = self.room(key.1);
        let named = found.standing.iter().take(MOST_NAMED);
        let standing_room = StandingRoom {
            scope: room.as_ref().map(|it| it.scope).unwrap_or_default(),
            workloads: named
                .map(|(workload, name)| Stander { workload: workload.clone(), name: name.clone() })
                .collect(),
            more: found.standing.len().saturating_sub(MOST_NAMED) as u64,
        };
        let mut bypassed_by: Vec<WorkloadId> = backend
            .edges
            .iter()
            .filter_map(|it| self.graph.edges.get(*it))
            .filter(|it| it.caller != found.proxy && it.is_served())
            .filter_map(|it| self.graph.workloads.get(it.caller))
            .map(|it| it.value.id.clone())
            .collect();
        bypassed_by.sort();
        let coverage = &self.graph.coverage;
        let lost = coverage.lost_events > 0 || !coverage.blind.is_empty();
        let (state, why) = if !bypassed_by.is_empty() {
            let count = bypassed_by.len();
            (WrapState::Bypassed, format!("the backend served {count} other workload(s) directly"))
        } else if !standing_room.is_empty() {
            let count = found.standing.len();
            let why = format!(
                "at least {count} other workload(s) stand where the backend would serve them; none was seen to be served"
            );
            (WrapState::Leaky, why)
        } else if room.is_none() {
            (WrapState::Leaky, "it is not known who could call the backend".to_owned())
        } else if lost {
            (WrapState::Leaky, "nobody else was seen there, but observation had gaps".to_owned())
        } else {
            let why = "as observed: no other workload was served by the backend or stood where it could be; \
                       the observer itself does not count";
            (WrapState::Sealed, why.to_owned())
        };
        Some(Wrap {
            id: Wrap::id_of(&front.value.id, &backend.value.id),
            proxy: proxy.clone(),
            front: front.value.id.clone(),
            backend: backend.value.id.clone(),
            state,
            why,
            matched: found.matched,
            standing_room,
            bypassed_by,
        })
    }

    /// Wraps of an earlier run go on from what they were.
    pub(super) fn restore_wraps(&mut self, wraps: &[Wrap]) {
        for wrap in wraps {
            let ends = (
                self.graph.listeners.find(&wrap.front),
                self.graph.listeners.find(&wrap.backend),
                self.graph.workloads.find(&wrap.proxy),
            );
            if let (Some(front), Some(backend), Some(proxy)) = ends {
                let standing = wrap.standing_room.workloads.iter();
                let found = Found {
                    proxy,
                    matched: wrap.matched,
                    standing: standing.map(|it| (it.workload.clone(), it.name.clone())).collect(),
                    told: Some(wrap.clone()),
                };
                self.relays.wraps.found.insert((front, backend), found);
            }
        }
    }
}
