//! What-if: what would serve an agent that stood somewhere, by where its listeners can be called from.

use std::collections::{HashMap, HashSet};

use super::{Routes, WouldServe};
use crate::event::ListenAddress;
use crate::graph::{Listener, Snapshot, Workload};
use crate::id::{ListenerId, Netns, WorkloadId};
use crate::verdict::Verdict;

/// Where somebody may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// In which network namespace.
    pub netns: Netns,
    /// As which user; `None`: as anyone.
    pub uid: Option<u32>,
}

/// A listener that would serve who stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exposed {
    /// Which, and what shows it.
    pub serves: WouldServe,
    /// True where somebody in that place was seen to be served by it or to be answered by it. Else its address alone
    /// says so: what the network in between lets through was not seen.
    pub seen_from_there: bool,
}

impl Routes<'_> {
    /// What would serve without proof who stands at `place`, in the snapshot's order.
    #[must_use]
    pub fn exposed_to(&self, place: Place) -> Vec<Exposed> {
        let snapshot: &Snapshot = self.snapshot();
        let workloads: HashMap<&WorkloadId, &Workload> =
            snapshot.workloads.iter().map(|it| (&it.id, it)).collect();
        let there = |id: &WorkloadId| workloads.get(id).is_some_and(|it| it.netns == Some(place.netns));
        let called: HashSet<&ListenerId> = snapshot
            .edges
            .iter()
            .filter(|edge| edge.verdict != Verdict::Refused && there(&edge.caller))
            .map(|edge| &edge.listener)
            .collect();
        let reaches = |listener: &Listener| {
            let own = workloads.get(&listener.workload).and_then(|it| it.netns);
            can_call(place, &listener.at, own)
        };
        self.what_if(reaches)
            .into_iter()
            .map(|serves| Exposed { seen_from_there: called.contains(&serves.listener), serves })
            .collect()
    }
}

/// Whether the address of a listener in namespace `own` can be called from a place. A Unix socket's file needs write
/// permission (unix(7)); a group is not asked for, and a mode that was not read keeps nobody out.
fn can_call(place: Place, at: &ListenAddress, own: Option<Netns>) -> bool {
    match at {
        ListenAddress::Tcp { address } | ListenAddress::Udp { address } => {
            !address.ip().is_loopback() || own == Some(place.netns)
        }
        ListenAddress::Unix { path, .. } if path.starts_with('@') => own == Some(place.netns),
        ListenAddress::Unix { file, .. } => match (file, place.uid) {
            (None, _) | (_, None | Some(0)) => true,
            (Some(file), Some(uid)) => file.mode & 0o022 != 0 || (file.mode & 0o200 != 0 && uid == file.uid),
        },
    }
}
