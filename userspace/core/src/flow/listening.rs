//! Which listener takes a connection to an address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use jiff::Timestamp;

use crate::event::{ListenAddress, SocketFile};
use crate::id::{EndKey, Netns, ProcessKey};

/// A place where somebody listens: all sockets bound there (SO_REUSEPORT) are one.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) at: ListenAddress,
    pub(crate) netns: Netns,
    sockets: Vec<EndKey>,
    pub(crate) processes: Vec<ProcessKey>,
    pub(crate) joined_late: bool,
    pub(crate) since: Timestamp,
    /// Number of the listener in the graph, once its workload is known.
    pub(crate) listener: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Ip { netns: Netns, udp: bool, address: SocketAddr },
    Path { path: String, netns: Netns },
}

/// All places where somebody listens, bounded.
#[derive(Debug)]
pub(crate) struct Listening {
    places: Vec<Place>,
    by_key: HashMap<Key, u32>,
    by_socket: HashMap<EndKey, u32>,
    unresolved: Vec<u32>,
    most: usize,
    lost: u64,
}

impl Listening {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            places: Vec::new(),
            by_key: HashMap::new(),
            by_socket: HashMap::new(),
            unresolved: Vec::new(),
            most,
            lost: 0,
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Place> {
        self.places.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Place> {
        self.places.get_mut(number as usize)
    }

    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Places whose listener is not yet in the graph.
    pub(crate) fn take_unresolved(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.unresolved)
    }

    /// Puts one back.
    pub(crate) fn still_unresolved(&mut self, place: u32) {
        self.unresolved.push(place);
    }

    /// A socket listens.
    pub(crate) fn opened(&mut self, listening: crate::event::Listening, at: Timestamp) -> Option<u32> {
        let crate::event::Listening { socket, at: address, netns, processes, joined_late } = listening;
        let key = Key::of(&address, netns);
        if let Some(number) = self.by_key.get(&key).copied() {
            let place = self.places.get_mut(number as usize)?;
            if !place.sockets.contains(&socket) {
                if place.sockets.is_empty() {
                    // Somebody else, or the same again, listens here now.
                    place.processes.clear();
                    place.listener = None;
                    place.joined_late = joined_late;
                    place.since = at;
                    self.unresolved.push(number);
                }
                place.sockets.push(socket);
                self.by_socket.insert(socket, number);
            }
            for process in processes {
                if !place.processes.contains(&process) && place.processes.len() < 64 {
                    place.processes.push(process);
                }
            }
            if let (ListenAddress::Unix { file, .. }, ListenAddress::Unix { file: new @ Some(_), .. }) =
                (&mut place.at, &address)
            {
                *file = *new;
            }
            return Some(number);
        }
        let Some(number) = u32::try_from(self.places.len()).ok().filter(|_| self.places.len() < self.most)
        else {
            self.lost += 1;
            return None;
        };
        self.unresolved.push(number);
        self.by_key.insert(key, number);
        self.by_socket.insert(socket, number);
        self.places.push(Place {
            at: address,
            netns,
            sockets: vec![socket],
            processes,
            joined_late,
            since: at,
            listener: None,
        });
        Some(number)
    }

    /// A listening socket is gone. The place is kept for flows that come late.
    pub(crate) fn closed(&mut self, socket: EndKey) {
        if let Some(number) = self.by_socket.remove(&socket)
            && let Some(place) = self.places.get_mut(number as usize)
        {
            place.sockets.retain(|it| *it != socket);
        }
    }

    /// The place that takes what arrives in `netns` at `address`: the most specific bind wins.
    pub(crate) fn find(&self, netns: Netns, address: SocketAddr, udp: bool) -> Option<u32> {
        let port = address.port();
        let any6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let any4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let ip = address.ip().to_canonical();
        // An IPv6 wildcard takes IPv4 too unless IPV6_V6ONLY is set, which then leaves no IPv4 connection to see.
        let tries =
            if ip.is_ipv4() { [Some(ip), Some(any4), Some(any6)] } else { [Some(ip), Some(any6), None] };
        tries.into_iter().flatten().find_map(|ip| {
            let key = Key::Ip { netns, udp, address: SocketAddr::new(ip, port) };
            self.by_key.get(&key).copied()
        })
    }

    /// The place of a Unix socket's name.
    pub(crate) fn find_path(&self, path: &str, netns: Netns) -> Option<u32> {
        self.by_key.get(&Key::path(path, netns)).copied()
    }

    /// Owner and mode of a Unix socket's file, if a place knows it.
    pub(crate) fn file(&self, path: &str, netns: Netns) -> Option<SocketFile> {
        match &self.get(self.find_path(path, netns)?)?.at {
            ListenAddress::Unix { file, .. } => *file,
            ListenAddress::Tcp { .. } | ListenAddress::Udp { .. } => None,
        }
    }
}

impl Key {
    fn of(at: &ListenAddress, netns: Netns) -> Self {
        let canonical = |it: &SocketAddr| SocketAddr::new(it.ip().to_canonical(), it.port());
        match at {
            ListenAddress::Tcp { address } => Self::Ip { netns, udp: false, address: canonical(address) },
            ListenAddress::Udp { address } => Self::Ip { netns, udp: true, address: canonical(address) },
            ListenAddress::Unix { path, file: _ } => Self::path(path, netns),
        }
    }

    /// An abstract name is scoped by its namespace, a path is not.
    fn path(path: &str, netns: Netns) -> Self {
        let netns = if path.starts_with('@') { netns } else { Netns::default() };
        Self::Path { path: path.to_owned(), netns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(table: &mut Listening, cookie: u64, netns: u32, address: &str) -> u32 {
        let at = ListenAddress::Tcp { address: address.parse().unwrap() };
        let listening = crate::event::Listening {
            socket: EndKey::Tcp { cookie },
            at,
            netns: Netns(netns),
            processes: vec![],
            joined_late: false,
        };
        table.opened(listening, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn the_most_specific_bind_wins_in_its_own_namespace() {
        let mut table = Listening::new(10);
        let any4 = listen(&mut table, 1, 1, "0.0.0.0:80");
        let exact = listen(&mut table, 2, 1, "10.0.0.1:80");
        let any6 = listen(&mut table, 3, 1, "[::]:81");
        let find = |netns, address: &str| table.find(Netns(netns), address.parse().unwrap(), false);
        assert_eq!(find(1, "10.0.0.1:80"), Some(exact));
        assert_eq!(find(1, "10.0.0.2:80"), Some(any4));
        assert_eq!(find(1, "10.0.0.2:81"), Some(any6));
        assert_eq!(find(1, "[fe80::1]:81"), Some(any6));
        assert_eq!(find(1, "[fe80::1]:80"), None);
        assert_eq!(find(2, "10.0.0.1:80"), None);
    }

    #[test]
    fn sockets_that_share_a_port_are_one_place_until_the_last_closes() {
        let mut table = Listening::new(10);
        let a = listen(&mut table, 1, 1, "0.0.0.0:80");
        assert_eq!(listen(&mut table, 2, 1, "0.0.0.0:80"), a);
        table.get_mut(a).unwrap().listener = Some(7);
        table.closed(EndKey::Tcp { cookie: 1 });
        listen(&mut table, 3, 1, "0.0.0.0:80");
        assert_eq!(table.get(a).unwrap().listener, Some(7));
        table.closed(EndKey::Tcp { cookie: 2 });
        table.closed(EndKey::Tcp { cookie: 3 });
        listen(&mut table, 4, 1, "0.0.0.0:80");
        assert_eq!(table.get(a).unwrap().listener, None, "whoever listens next is looked at anew");
    }
}
