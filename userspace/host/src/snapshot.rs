//! Everything that was there before observation began, as events.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use tierzero_core::event::{Addresses, Degradation, Event, ListenAddress, Listening, Process, What};
use tierzero_core::id::{EndKey, Netns, ProcessKey};

use crate::cgroup;
use crate::degraded;
use crate::holders::Holders;
use crate::mounts::Cgroup2;
use crate::namespace::{self, Namespace, View};
use crate::process::{self, Found};
use crate::roles::Listeners;
use crate::socket::{InetSocket, State, UnixSocket};
use crate::socket_file;

/// The peer of a UDP socket that has none: the same for both address families, as in live records.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// All of the host at one moment.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) processes: BTreeMap<ProcessKey, Process>,
    /// cgroup2 paths by id.
    pub(crate) cgroups: BTreeMap<u64, String>,
    pub(crate) namespaces: Vec<(Namespace, View)>,
    pub(crate) holders: Holders,
    pub(crate) degraded: BTreeSet<Degradation>,
}

impl Picture {
    /// Reads the host.
    pub(crate) fn take(cgroup2: Option<&Cgroup2>) -> Self {
        let mut picture = Self::default();
        picture.read_processes(cgroup2);
        let mut closed = 0_usize;
        let homes = picture.processes.values().map(|process| (process.netns, process.key.pid));
        for namespace in namespace::find(homes) {
            match namespace.view() {
                Ok(view) => picture.namespaces.push((namespace, view)),
                // One that ended meanwhile is not missing.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(_) => closed = closed.saturating_add(1),
            }
        }
        picture.holders = Holders::read(picture.processes.keys().copied());
        picture.degraded = degraded::of(&picture, closed, cgroup2.is_some());
        picture
    }

    /// Every process but kernel threads, with its parent, and the cgroups they are in.
    fn read_processes(&mut self, cgroup2: Option<&Cgroup2>) {
        let mut parents = HashMap::new();
        let mut keys = HashMap::new();
        for pid in process::all() {
            let Some(Found { process, stat, unified }) = process::read(pid, cgroup2) else { continue };
            keys.insert(pid, process.key);
            if !stat.is_kernel_thread() {
                parents.insert(process.key, stat.parent);
                self.cgroups.insert(process.cgroup, unified.unwrap_or_default());
                self.processes.insert(process.key, process);
            }
        }
        for (key, process) in &mut self.processes {
            process.parent = parents.get(key).and_then(|parent| keys.get(parent)).copied();
        }
    }

    /// Listeners and caller ports, for TCP.
    pub(crate) fn tcp_listeners(&self) -> Listeners {
        self.listeners(|view| &view.tables.tcp, State::Listen)
    }

    /// Bound UDP sockets.
    pub(crate) fn udp_listeners(&self) -> Listeners {
        self.listeners(|view| &view.tables.udp, State::Unconnected)
    }

    fn listeners(&self, sockets: fn(&View) -> &Vec<InetSocket>, state: State) -> Listeners {
        let mut listeners = Listeners::default();
        for (namespace, view) in &self.namespaces {
            let (low, high) = view.ephemeral;
            let bound = sockets(view)
                .iter()
                .filter(|socket| socket.state == state)
                .filter(|socket| state == State::Listen || !is_caller_port(socket, low, high));
            listeners.add(namespace.netns, view, bound);
        }
        listeners
    }

    /// The picture as events: places first, then who, then what they listen on, then what is open.
    pub(crate) fn events(&self, now: Timestamp) -> Vec<Event> {
        let mut all = Vec::new();
        all.extend(self.namespaces.iter().map(|(namespace, view)| seen(namespace, &view.addresses)));
        all.extend(self.cgroups.iter().filter_map(|(&cgroup, path)| named(cgroup, path)));
        all.extend(self.processes.values().map(|process| What::ProcessSeen { process: process.clone() }));
        for (namespace, view) in &self.namespaces {
            all.extend(
                view.tables.tcp.iter().filter_map(|socket| self.tcp_listening(namespace.netns, socket)),
            );
            all.extend(
                view.tables.udp.iter().filter_map(|socket| self.udp_listening(namespace.netns, view, socket)),
            );
            all.extend(
                view.tables.unix.iter().filter_map(|socket| self.unix_listening(namespace.netns, socket)),
            );
        }
        let (tcp, udp) = (self.tcp_listeners(), self.udp_listeners());
        for (namespace, view) in &self.namespaces {
            let netns = namespace.netns;
            all.extend(view.tables.tcp.iter().filter_map(|socket| self.tcp_open(netns, socket, &tcp)));
            all.extend(view.tables.udp.iter().filter_map(|socket| self.udp_open(netns, socket, &udp)));
        }
        all.extend(self.unix_open());
        all.into_iter().map(|what| Event { at: now, what }).collect()
    }

    fn tcp_listening(&self, netns: Netns, socket: &InetSocket) -> Option<What> {
        (socket.state == State::Listen).then(|| {
            What::Listening(Listening {
                socket: EndKey::Tcp { cookie: socket.cookie },
                at: ListenAddress::Tcp { address: socket.local },
                netns,
                processes: self.holders.of(socket.inode),
                joined_late: true,
            })
        })
    }

    /// A bound UDP socket that is not connected. One that is bound to every address at a caller's port is taken
    /// for a caller that used sendto(2) without bind(2): the kernel keeps no mark that would tell.
    fn udp_listening(&self, netns: Netns, view: &View, socket: &InetSocket) -> Option<What> {
        let (low, high) = view.ephemeral;
        (socket.state == State::Unconnected && !is_caller_port(socket, low, high)).then(|| {
            What::Listening(Listening {
                socket: EndKey::Udp { cookie: socket.cookie, peer: NOBODY },
                at: ListenAddress::Udp { address: socket.local },
                netns,
                processes: self.holders.of(socket.inode),
                joined_late: true,
            })
        })
    }

    fn unix_listening(&self, netns: Netns, socket: &UnixSocket) -> Option<What> {
        let path = socket.path.as_ref().filter(|_| socket.state == State::Listen)?;
        let processes = self.holders.of(socket.inode);
        let file = processes.first().and_then(|process| socket_file::read(process.pid, path));
        Some(What::Listening(Listening {
            socket: EndKey::Unix { socket: socket.inode },
            at: ListenAddress::Unix { path: path.clone(), file },
            netns,
            processes,
            joined_late: true,
        }))
    }

    fn tcp_open(&self, netns: Netns, socket: &InetSocket, listeners: &Listeners) -> Option<What> {
        let end = EndKey::Tcp { cookie: socket.cookie };
        self.open(end, netns, socket, listeners)
    }

    fn udp_open(&self, netns: Netns, socket: &InetSocket, listeners: &Listeners) -> Option<What> {
        let end = EndKey::Udp { cookie: socket.cookie, peer: socket.remote };
        self.open(end, netns, socket, listeners)
    }

    fn open(&self, end: EndKey, netns: Netns, socket: &InetSocket, listeners: &Listeners) -> Option<What> {
        (socket.state == State::Established).then(|| What::AlreadyOpen {
            end,
            role: listeners.role(netns, socket.local, socket.remote),
            ends: Addresses { local: socket.local, remote: socket.remote, netns },
            processes: self.holders.of(socket.inode),
        })
    }

    /// Unix connections with both ends known. An accepted socket carries its listener's name (unix(7)), its peer
    /// usually none: so the named end is the responder's. Pairs of socketpair(2) have no name and are no calls.
    /// The two ends may live in different namespaces: a socket file is reachable from any.
    pub(crate) fn unix_open(&self) -> Vec<What> {
        let mut open: HashMap<u64, (Netns, &UnixSocket)> = HashMap::new();
        let mut listening: HashMap<&str, Vec<&UnixSocket>> = HashMap::new();
        for (namespace, view) in &self.namespaces {
            for socket in &view.tables.unix {
                match (&socket.path, socket.state) {
                    (Some(path), State::Listen) => listening.entry(path).or_default().push(socket),
                    (_, State::Established) => {
                        open.insert(socket.inode, (namespace.netns, socket));
                    }
                    (_, State::Listen | State::Unconnected) => {}
                }
            }
        }
        let mut found: Vec<(u64, What)> = Vec::new();
        for (&inode, &(netns, socket)) in &open {
            let (Some(path), Some(peer)) = (&socket.path, socket.peer) else { continue };
            let named_peer = open.get(&peer).and_then(|(_, peer)| peer.path.as_deref());
            let listeners = listening.get(path.as_str());
            // Two named ends: the one whose name is listened on was called.
            if named_peer.is_some_and(|other| listeners.is_none() || listening.contains_key(other)) {
                continue;
            }
            let receivers = self.holders.of(inode);
            let owner = receivers.first().copied().or_else(|| {
                listeners
                    .and_then(|sockets| sockets.first())
                    .and_then(|one| self.holders.of(one.inode).first().copied())
            });
            let what = What::UnixAlreadyOpen {
                end: EndKey::Unix { socket: peer },
                peer: EndKey::Unix { socket: inode },
                callers: self.holders.of(peer),
                receivers,
                path: path.clone(),
                netns,
                file: owner.and_then(|process| socket_file::read(process.pid, path)),
            };
            found.push((inode, what));
        }
        found.sort_unstable_by_key(|(inode, _)| *inode);
        found.into_iter().map(|(_, what)| what).collect()
    }
}

fn is_caller_port(socket: &InetSocket, low: u16, high: u16) -> bool {
    socket.local.ip().is_unspecified() && (low..=high).contains(&socket.local.port())
}

/// The namespace as an event.
pub(crate) fn seen(namespace: &Namespace, addresses: &[IpAddr]) -> What {
    What::NetnsSeen { netns: namespace.netns, name: namespace.name.clone(), addresses: addresses.to_vec() }
}

/// The cgroup as an event, where its path says who runs in it.
pub(crate) fn named(cgroup: u64, path: &str) -> Option<What> {
    let place = cgroup::place(path);
    let telling = place.unit.is_some() || place.container.is_some() || place.pod.is_some();
    (cgroup != 0 && telling).then_some(What::CgroupNamed { cgroup, place })
}
