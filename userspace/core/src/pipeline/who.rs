//! Who is at each end of a flow: a workload for the caller, a listener for the receiver.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use super::Pipeline;
use crate::event::ListenAddress;
use crate::flow::state::FlowState;
use crate::graph::Transport;
use crate::id::{Netns, ProcessKey};
use crate::subject::workload;

/// A caller or receiver, by number, and whether it is a local one whose process is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) unattributed: bool,
}

impl Pipeline {
    /// The workload of a process; `None` when the process is not known (yet).
    pub(super) fn workload_of(&mut self, key: ProcessKey, at: Timestamp) -> Option<u32> {
        let known = self.processes.get(key)?;
        if let Some((number, generation)) = known.workload
            && generation == self.generation
        {
            return Some(number);
        }
        if let Some(member) = known.member {
            let number = self.member_workload(key, member, at)?;
            if let Some(known) = self.processes.get_mut(key) {
                known.workload = Some((number, self.generation));
            }
            return Some(number);
        }
        let place = self.processes.place(known);
        let of = workload::Local {
            host: &self.host,
            image: &known.image,
            place: place.as_deref(),
            uid: known.uid,
            netns: known.netns,
        };
        let workload = workload::local(&of, &self.namespaces, at);
        let number = self.graph.workload(workload)?;
        if let Some(known) = self.processes.get_mut(key) {
            known.workload = Some((number, self.generation));
        }
        Some(number)
    }

    fn unattributed(&mut self, netns: Netns, at: Timestamp) -> Option<Found> {
        let number = match self.unknown.get(&netns).copied() {
            Some(number) => number,
            None => {
                let workload = workload::unattributed(&self.host, netns, &self.namespaces, at);
                let number = self.graph.workload(workload)?;
                self.unknown.insert(netns, number);
                number
            }
        };
        Some(Found { number, unattributed: true })
    }

    fn remote(&mut self, address: IpAddr, at: Timestamp) -> Option<Found> {
        let number = match self.remotes.get(&address).copied() {
            Some(number) => number,
            None => {
                let number = self.graph.workload(workload::remote(address, at))?;
                self.remotes.insert(address, number);
                number
            }
        };
        Some(Found { number, unattributed: false })
    }

    /// Who called.
    pub(super) fn caller(&mut self, slot: u32, at: Timestamp) -> Option<Found> {
        let flow = self.flows.get(slot)?;
        let udp = flow.transport == Transport::Udp;
        if let Some(end) = &flow.originator {
            let (process, place) = (end.process, end.at);
            let unix_netns = flow.unix.as_ref().map(|it| it.netns);
            if let Some(number) = process.and_then(|key| self.workload_of(key, at)) {
                return Some(Found { number, unattributed: false });
            }
            let netns = place.map(|it| it.netns).or(unix_netns).unwrap_or_default();
            return self.unattributed(netns, at);
        }
        let Some(seen) = flow.responder.as_ref().and_then(|end| end.at) else {
            let netns = flow.unix.as_ref().map(|it| it.netns).unwrap_or_default();
            return self.unattributed(netns, at);
        };
        let source = self.flows.untranslated(&seen, udp).unwrap_or(seen.remote);
        let here = self.namespaces.holders(source.ip(), seen.netns).next();
        match here {
            Some(netns) => self.unattributed(netns, at),
            None => self.remote(source.ip(), at),
        }
    }

    /// What was called: the listener's number.
    pub(super) fn receiver(&mut self, slot: u32, at: Timestamp) -> Option<Found> {
        let flow = self.flows.get(slot)?;
        if flow.transport == Transport::Unix {
            return self.unix_receiver(slot, at);
        }
        let udp = flow.transport == Transport::Udp;
        let late = flow.joined_late;
        let process = flow.responder.as_ref().and_then(|end| end.process);
        let seen = flow.originator.as_ref().and_then(|end| end.at);
        let candidates = self.destinations(flow);
        for (netns, address) in candidates.iter().copied() {
            if let Some(place) = self.listening.find(netns, address, udp)
                && let Some(number) = self.listener_at(place, process, at)
            {
                return Some(Found { number, unattributed: false });
            }
        }
        let (netns, address) = match candidates.first().copied() {
            Some(there) => there,
            None => {
                let seen = seen?;
                let there = self.flows.translated(&seen, udp).unwrap_or(seen.remote);
                let owner = self.remote(there.ip(), at)?;
                return self.made_listener(owner, Netns::default(), there, udp, late, at);
            }
        };
        let owner = match process.and_then(|key| self.workload_of(key, at)) {
            Some(number) => Found { number, unattributed: false },
            None => self.unattributed(netns, at)?,
        };
        self.made_listener(owner, netns, address, udp, late, at)
    }

    /// Where on this host a flow may arrive.
    fn destinations(&self, flow: &FlowState) -> Vec<(Netns, SocketAddr)> {
        if let Some(at) = flow.responder.as_ref().and_then(|end| end.at) {
            return vec![(at.netns, at.local)];
        }
        let Some(at) = flow.originator.as_ref().and_then(|end| end.at) else { return Vec::new() };
        let there = self.flows.translated(&at, flow.transport == Transport::Udp).unwrap_or(at.remote);
        self.namespaces.holders(there.ip(), at.netns).map(|netns| (netns, there)).collect()
    }

    /// True when a flow's other end is on another host, as far as addresses tell.
    pub(super) fn leaves_host(&self, flow: &FlowState) -> bool {
        match (&flow.originator, &flow.responder) {
            (None, Some(end)) => end.at.is_some_and(|at| {
                let source =
                    self.flows.untranslated(&at, flow.transport == Transport::Udp).unwrap_or(at.remote);
                self.namespaces.holders(source.ip(), at.netns).next().is_none()
            }),
            (Some(_), None) => flow.transport != Transport::Unix && self.destinations(flow).is_empty(),
            (Some(_), Some(_)) | (None, None) => false,
        }
    }

    fn made_listener(
        &mut self,
        owner: Found,
        netns: Netns,
        address: SocketAddr,
        udp: bool,
        late: bool,
        at: Timestamp,
    ) -> Option<Found> {
        let key = (owner.number, netns, address, udp);
        let number = match self.made.get(&key).copied() {
            Some(number) => number,
            None => {
                let place = if udp { ListenAddress::Udp { address } } else { ListenAddress::Tcp { address } };
                let label = self.namespaces.label(netns);
                let number = self.graph.listener(owner.number, place, &label, late, at)?;
                self.made.insert(key, number);
                number
            }
        };
        Some(Found { number, unattributed: owner.unattributed })
    }

    /// The listener of a place, once it is known whose it is: of its processes the oldest, as a master listens for
    /// its workers, but not pid 1, which only holds sockets for others; else `hint`, who accepted.
    pub(super) fn listener_at(&mut self, place: u32, hint: Option<ProcessKey>, at: Timestamp) -> Option<u32> {
        let found = self.listening.get(place)?;
        if let Some(number) = found.listener {
            return Some(number);
        }
        let mut holders = found.processes.clone();
        holders.sort_by_key(|key| (key.pid == 1, key.start_ticks, key.pid));
        let (address, netns, late, since) = (found.at.clone(), found.netns, found.joined_late, found.since);
        let owner = holders.into_iter().chain(hint).find_map(|key| self.workload_of(key, at))?;
        let label = self.namespaces.label(netns);
        let number = self.graph.listener(owner, address, &label, late, since)?;
        if let Some(found) = self.listening.get_mut(place) {
            found.listener = Some(number);
        }
        Some(number)
    }

    /// Listeners that nobody called are shown too, once it is known whose they are; with `all`, the rest as those of
    /// an unknown process.
    pub(super) fn resolve_listeners(&mut self, at: Timestamp, all: bool) {
        for place in self.listening.take_unresolved() {
            if self.listener_at(place, None, at).is_some() {
                continue;
            }
            let Some(found) = self.listening.get(place) else { continue };
            let (address, netns, late, since) =
                (found.at.clone(), found.netns, found.joined_late, found.since);
            if !all {
                self.listening.still_unresolved(place);
            } else if let Some(owner) = self.unattributed(netns, at) {
                let label = self.namespaces.label(netns);
                self.graph.listener(owner.number, address, &label, late, since);
            }
        }
    }

    fn unix_receiver(&mut self, slot: u32, at: Timestamp) -> Option<Found> {
        let flow = self.flows.get(slot)?;
        let late = flow.joined_late;
        let process = flow.responder.as_ref().and_then(|end| end.process);
        let call = flow.unix.as_ref()?;
        let (path, netns, file) = (call.path.clone(), call.netns, call.file);
        let listener_pid = call.listener_pid.and_then(|pid| self.processes.newest(pid));
        if let Some(place) = self.listening.find_path(&path, netns)
            && let Some(number) = self.listener_at(place, process.or(listener_pid), at)
        {
            return Some(Found { number, unattributed: false });
        }
        let known = [listener_pid, process].into_iter().flatten().find_map(|key| self.workload_of(key, at));
        let owner = match known {
            Some(number) => Found { number, unattributed: false },
            None => self.unattributed(netns, at)?,
        };
        let label = self.namespaces.label(netns);
        let number =
            self.graph.listener(owner.number, ListenAddress::Unix { path, file }, &label, late, at)?;
        Some(Found { number, unattributed: owner.unattributed })
    }
}
