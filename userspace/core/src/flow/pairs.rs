//! Finding the other end: flows by the pair of addresses they run between.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::event::Addresses;
use crate::id::Netns;

/// A pair of addresses without direction. Loopback and own addresses mean something only within their namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Pair {
    low: SocketAddr,
    high: SocketAddr,
    scope: Netns,
    udp: bool,
}

impl Pair {
    pub(crate) fn new(a: SocketAddr, b: SocketAddr, netns: Netns, udp: bool) -> Self {
        let inside = a.ip() == b.ip() || a.ip().is_loopback() || b.ip().is_loopback();
        let scope = if inside { netns } else { Netns::default() };
        Self { low: a.min(b), high: a.max(b), scope, udp }
    }

    pub(crate) fn of(ends: &Addresses, udp: bool) -> Self {
        Self::new(ends.local, ends.remote, ends.netns, udp)
    }
}

/// Flows by pair; almost always one.
#[derive(Debug)]
enum Slot {
    One(u32),
    More(Vec<u32>),
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    slots: HashMap<Pair, Slot>,
}

impl Pairs {
    pub(crate) fn add(&mut self, pair: Pair, flow: u32) {
        match self.slots.get_mut(&pair) {
            None => {
                self.slots.insert(pair, Slot::One(flow));
            }
            Some(Slot::One(known)) if *known == flow => {}
            Some(slot @ Slot::One(_)) => {
                if let Slot::One(known) = *slot {
                    *slot = Slot::More(vec![known, flow]);
                }
            }
            Some(Slot::More(flows)) => {
                if !flows.contains(&flow) {
                    flows.push(flow);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, pair: Pair, flow: u32) {
        let empty = match self.slots.get_mut(&pair) {
            None => false,
            Some(Slot::One(known)) => *known == flow,
            Some(Slot::More(flows)) => {
                flows.retain(|it| *it != flow);
                flows.is_empty()
            }
        };
        if empty {
            self.slots.remove(&pair);
        }
    }

    /// The flows between a pair, oldest first.
    pub(crate) fn get(&self, pair: Pair) -> &[u32] {
        match self.slots.get(&pair) {
            None => &[],
            Some(Slot::One(flow)) => std::slice::from_ref(flow),
            Some(Slot::More(flows)) => flows,
        }
    }
}

/// Address translations: from what the originator sees to what the responder sees, and back. Bounded; the oldest go
/// first.
#[derive(Debug)]
pub(crate) struct Translations {
    reply: HashMap<Pair, (SocketAddr, SocketAddr)>,
    original: HashMap<Pair, (SocketAddr, SocketAddr)>,
    order: std::collections::VecDeque<(Pair, Pair)>,
    most: usize,
}

impl Translations {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            reply: HashMap::new(),
            original: HashMap::new(),
            order: std::collections::VecDeque::new(),
            most,
        }
    }

    /// `original` is (source, destination) as the originator sends, `reply` as the responder answers. Gives the pair
    /// at each end.
    pub(crate) fn add(
        &mut self,
        netns: Netns,
        udp: bool,
        original: (SocketAddr, SocketAddr),
        reply: (SocketAddr, SocketAddr),
    ) -> (Pair, Pair) {
        let near = Pair::new(original.0, original.1, netns, udp);
        let far = Pair::new(reply.0, reply.1, netns, udp);
        if near == far {
            return (near, far);
        }
        if self.reply.insert(near, reply).is_none() {
            self.order.push_back((near, far));
        }
        self.original.insert(far, original);
        while self.order.len() > self.most {
            if let Some((near, far)) = self.order.pop_front() {
                self.reply.remove(&near);
                self.original.remove(&far);
            }
        }
        (near, far)
    }

    /// The pair at the responder's end for what an originator sees at its own, and where it arrives.
    pub(crate) fn far(&self, near: Pair, netns: Netns) -> Option<(Pair, SocketAddr)> {
        let reply = self.reply.get(&near)?;
        Some((Pair::new(reply.0, reply.1, netns, near.udp), reply.0))
    }

    /// The pair at the originator's end for what a responder sees at its own, and who it really is.
    pub(crate) fn near(&self, far: Pair, netns: Netns) -> Option<(Pair, SocketAddr)> {
        let original = self.original.get(&far)?;
        Some((Pair::new(original.0, original.1, netns, far.udp), original.0))
    }
}
