//! Which end of an open connection called: told from the listeners of the host, where they tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use tierzero_core::event::Role;
use tierzero_core::id::Netns;

use crate::namespace::View;
use crate::socket::InetSocket;

/// Listeners of one transport, in every namespace.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    bound: BTreeSet<(Netns, SocketAddr)>,
    any: BTreeSet<(Netns, u16)>,
    homes: BTreeMap<IpAddr, Vec<Netns>>,
    ephemeral: BTreeMap<Netns, (u16, u16)>,
}

impl Listeners {
    /// Takes note of one namespace: its addresses, its caller ports, its listeners.
    pub(crate) fn add<'a>(
        &mut self,
        netns: Netns,
        view: &View,
        sockets: impl Iterator<Item = &'a InetSocket>,
    ) {
        self.ephemeral.insert(netns, view.ephemeral);
        for &address in view.addresses.iter().filter(|address| !address.is_loopback()) {
            self.homes.entry(address).or_default().push(netns);
        }
        for socket in sockets {
            self.bound.insert((netns, socket.local));
            if socket.local.ip().is_unspecified() {
                self.any.insert((netns, socket.local.port()));
            }
        }
    }

    /// True when a socket in `netns` listens at that address, by itself or by a wildcard.
    fn has(&self, netns: Netns, at: SocketAddr) -> bool {
        self.bound.contains(&(netns, at)) || self.any.contains(&(netns, at.port()))
    }

    /// True when `port` is one that the kernel gives to callers in `netns`.
    pub(crate) fn is_ephemeral(&self, netns: Netns, port: u16) -> bool {
        self.ephemeral.get(&netns).is_some_and(|&(low, high)| (low..=high).contains(&port))
    }

    /// The role of the end at `local`, or `None` where nothing proves it.
    pub(crate) fn role(&self, netns: Netns, local: SocketAddr, remote: SocketAddr) -> Option<Role> {
        let here = self.has(netns, local);
        let there = if remote.ip().is_loopback() || remote.ip() == local.ip() {
            self.has(netns, remote)
        } else {
            self.homes.get(&remote.ip()).is_some_and(|homes| homes.iter().any(|&home| self.has(home, remote)))
        };
        match (here, there) {
            (true, false) => Some(Role::Responder),
            (false, true) => Some(Role::Originator),
            // Both ends' ports are listened on: nothing tells.
            (true, true) => None,
            (false, false) => {
                let caller =
                    self.is_ephemeral(netns, local.port()) && !self.is_ephemeral(netns, remote.port());
                caller.then_some(Role::Originator)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::State;

    fn listeners(rooms: &[(u32, &str, &[&str])]) -> Listeners {
        let mut all = Listeners::default();
        for (netns, address, bound) in rooms {
            let view = View {
                addresses: vec![address.parse().unwrap(), "127.0.0.1".parse().unwrap()],
                ephemeral: (32768, 60999),
                ..View::default()
            };
            let sockets: Vec<InetSocket> = bound
                .iter()
                .map(|at| InetSocket {
                    cookie: 1,
                    inode: 1,
                    state: State::Listen,
                    local: at.parse().unwrap(),
                    remote: "0.0.0.0:0".parse().unwrap(),
                })
                .collect();
            all.add(Netns(*netns), &view, sockets.iter());
        }
        all
    }

    #[track_caller]
    fn check(netns: u32, local: &str, remote: &str, role: Option<Role>) {
        let all = listeners(&[
            (1, "10.0.0.1", &["0.0.0.0:80", "127.0.0.1:6379", "10.0.0.1:40000"]),
            (2, "10.0.0.2", &["[::]:5432"]),
        ]);
        assert_eq!(all.role(Netns(netns), local.parse().unwrap(), remote.parse().unwrap()), role);
    }

    #[test]
    fn a_listener_tells_who_was_called() {
        check(1, "10.0.0.1:80", "192.0.2.7:50000", Some(Role::Responder));
        check(1, "127.0.0.1:6379", "127.0.0.1:50000", Some(Role::Responder));
        check(1, "127.0.0.1:50000", "127.0.0.1:6379", Some(Role::Originator));
        // The listener at 40000 tells although that is a caller's port.
        check(1, "10.0.0.1:40000", "192.0.2.7:80", Some(Role::Responder));
        check(1, "10.0.0.1:50000", "10.0.0.2:5432", Some(Role::Originator));
        check(2, "10.0.0.2:5432", "10.0.0.1:50000", Some(Role::Responder));
    }

    #[test]
    fn without_a_listener_only_a_callers_port_tells() {
        check(1, "10.0.0.1:50000", "192.0.2.7:443", Some(Role::Originator));
        check(1, "10.0.0.1:50000", "192.0.2.7:50001", None);
        check(1, "10.0.0.1:7000", "192.0.2.7:443", None);
        // Loopback of another namespace is another place.
        check(2, "127.0.0.1:7000", "127.0.0.1:6379", None);
        // Both ends listened on: a program that calls from its own service port.
        check(1, "10.0.0.1:80", "10.0.0.2:5432", None);
    }
}
