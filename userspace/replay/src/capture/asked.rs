//! Datagrams whose answers come from elsewhere: from every host that a broadcast reached, or from another port of the
//! host that was asked (TFTP, RFC 1350 section 4).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

/// Askers remembered at the same time; beyond that all are forgotten.
const MOST: usize = 65_536;
/// How long an answer may take, in seconds.
const PATIENCE_S: i64 = 20;

/// Who asked whom lately and was not answered by the one that was asked.
#[derive(Default)]
pub(super) struct Asked {
    by: HashMap<SocketAddr, (SocketAddr, Timestamp)>,
}

impl Asked {
    /// The originator of a flow sent a datagram.
    pub(super) fn note(&mut self, at: Timestamp, from: SocketAddr, to: SocketAddr) {
        if self.by.len() >= MOST && !self.by.contains_key(&from) {
            self.by.clear();
        }
        self.by.insert(from, (to, at));
    }

    /// The responder of a flow sent a datagram.
    pub(super) fn answered(&mut self, from: SocketAddr, to: SocketAddr) {
        if self.by.get(&to).is_some_and(|(asked, _)| *asked == from) {
            self.by.remove(&to);
        }
    }

    /// True when the first datagram of a flow answers what its receiver asked elsewhere.
    pub(super) fn is_answer(&self, at: Timestamp, from: SocketAddr, to: SocketAddr) -> bool {
        self.by.get(&to).is_some_and(|(asked, when)| {
            let lately = at.duration_since(*when).as_secs().abs() <= PATIENCE_S;
            // Peers that all use one port call each other.
            let all = reaches_many(asked.ip()) && asked.port() == from.port() && from.port() != to.port();
            lately && (all || asked.ip() == from.ip() && asked.port() != from.port())
        })
    }
}

/// Multicast, the limited broadcast, and what looks like a network's: the last byte of most masks is all ones.
fn reaches_many(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_multicast() || v4.octets().last() == Some(&255),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}
