//! Unix sockets get a new number with every connection.
//!
//! The kernel side names a socket by a number made of its address, and the kernel uses addresses again at once. A
//! connect is the moment at which both its ends are new, and it is the first that is told about them.

use std::collections::HashMap;

use tierzero_core::event::What;
use tierzero_core::id::EndKey;

/// Numbers made here have this bit, numbers that come from a socket listing (inodes) do not.
const OURS: u64 = 1 << 63;
/// Names kept before the older ones are forgotten.
const MOST: usize = 32_768;

/// Numbers of the kernel side to numbers that are used once.
#[derive(Default)]
pub(crate) struct UnixNames {
    /// The newer names, and the ones before them.
    now: HashMap<u64, u64>,
    before: HashMap<u64, u64>,
    made: u64,
}

impl UnixNames {
    /// Gives every Unix end in an event its own number.
    pub(crate) fn rename(&mut self, what: &mut What) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the kernel side tells of Unix ends in these only"
        )]
        match what {
            What::UnixConnected { end, peer, .. } => {
                self.fresh(end);
                if let Some(peer) = peer {
                    self.fresh(peer);
                }
            }
            What::Accepted { end, .. }
            | What::PeerCredentialsRead { end, .. }
            | What::Released { end, .. } => {
                self.known(end);
            }
            What::Payload(payload) => self.known(&mut payload.end),
            _ => {}
        }
    }

    fn fresh(&mut self, end: &mut EndKey) {
        let EndKey::Unix { socket } = end else { return };
        if self.now.len() >= MOST {
            self.before = std::mem::take(&mut self.now);
        }
        self.made += 1;
        self.now.insert(*socket, OURS | self.made);
        *socket = OURS | self.made;
    }

    fn known(&mut self, end: &mut EndKey) {
        let EndKey::Unix { socket } = end else { return };
        match self.now.get(socket).or_else(|| self.before.get(socket)) {
            Some(name) => *socket = *name,
            None => self.fresh(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use tierzero_core::id::{Netns, ProcessKey};

    use super::*;

    const PROCESS: ProcessKey = ProcessKey { pid: 1, start_ticks: 1 };

    fn connect(names: &mut UnixNames, socket: u64, peer: u64) -> (EndKey, EndKey) {
        let mut what = What::UnixConnected {
            end: EndKey::Unix { socket },
            peer: Some(EndKey::Unix { socket: peer }),
            process: PROCESS,
            path: String::new(),
            netns: Netns(1),
            listener_pid: None,
            file: None,
        };
        names.rename(&mut what);
        let What::UnixConnected { end, peer, .. } = what else { unreachable!() };
        (end, peer.unwrap())
    }

    #[test]
    fn an_address_that_is_used_again_is_another_socket() {
        let mut names = UnixNames::default();
        let (first, first_peer) = connect(&mut names, 7, 8);
        let mut accepted = What::Accepted { end: EndKey::Unix { socket: 8 }, process: PROCESS, ends: None };
        names.rename(&mut accepted);
        assert!(matches!(accepted, What::Accepted { end, .. } if end == first_peer));
        let (second, second_peer) = connect(&mut names, 7, 8);
        assert_eq!(
            [first, first_peer, second, second_peer].iter().collect::<std::collections::HashSet<_>>().len(),
            4
        );
        let mut tcp = What::Released {
            end: EndKey::Tcp { cookie: 7 },
            process: None,
            bytes_sent: None,
            bytes_received: None,
        };
        names.rename(&mut tcp);
        assert!(matches!(tcp, What::Released { end: EndKey::Tcp { cookie: 7 }, .. }));
    }
}
