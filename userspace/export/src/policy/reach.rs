//! One agent, and what it called: what every rule of the network tier is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use tierzero_core::event::ListenAddress;
use tierzero_core::graph::{AgentStatus, Listener, Snapshot, Workload};
use tierzero_core::id::{ListenerId, WorkloadId};
use tierzero_core::verdict::Verdict;

use crate::visible::untrusted;
use crate::words::Word as _;

/// One agent.
pub(super) struct Reach<'a> {
    /// Its root.
    pub(super) agent: &'a Workload,
    /// Parts of its tree that sit elsewhere.
    elsewhere: BTreeSet<&'a str>,
    /// What it called over the network and was served, with the weakest verdict.
    pub(super) calls: BTreeMap<Call, (Verdict, &'a str)>,
    /// Unix sockets that served it.
    sockets: BTreeSet<&'a str>,
}

/// A place on the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Call {
    /// Datagrams, or a stream.
    pub(super) udp: bool,
    /// Where; a port at the unspecified address is that port at any address.
    pub(super) at: SocketAddr,
}

/// The agents that are wanted, with what they called.
pub(super) fn all<'a>(snapshot: &'a Snapshot, wanted: &dyn Fn(&Workload) -> bool) -> Vec<Reach<'a>> {
    let listener = |id: &ListenerId| snapshot.listeners.iter().find(|it| it.id == *id);
    let workload = |id: &WorkloadId| snapshot.workloads.iter().find(|it| it.id == *id);
    let is_root = |it: &&Workload| it.agent != AgentStatus::No && it.agent_root.is_none() && wanted(it);
    let of = |agent: &'a Workload| {
        let mut reach =
            Reach { agent, elsewhere: BTreeSet::new(), calls: BTreeMap::new(), sockets: BTreeSet::new() };
        let members = snapshot.workloads.iter().filter(|it| it.agent_root.as_ref() == Some(&agent.id));
        reach.elsewhere.extend(members.map(|it| it.name.as_str()));
        let served = |it: &&tierzero_core::graph::Edge| it.caller == agent.id && it.served + it.opaque > 0;
        for edge in snapshot.edges.iter().filter(served) {
            let Some(Listener { at, workload: owner, .. }) = listener(&edge.listener) else { continue };
            let name = workload(owner).map_or("", |it| it.name.as_str());
            let (udp, at) = match at {
                ListenAddress::Tcp { address } => (false, *address),
                ListenAddress::Udp { address } => (true, *address),
                ListenAddress::Unix { path, file: _ } => {
                    reach.sockets.insert(path);
                    continue;
                }
            };
            let call = reach.calls.entry(Call { udp, at }).or_insert((edge.verdict, name));
            if weakness(edge.verdict) < weakness(call.0) {
                *call = (edge.verdict, name);
            }
        }
        reach
    };
    snapshot.workloads.iter().filter(is_root).map(of).filter(|it| !it.calls.is_empty()).collect()
}

fn weakness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::LocationTrusted => 0,
        Verdict::Opaque | Verdict::Unproven => 1,
        Verdict::SecretChecked | Verdict::IdentityChecked | Verdict::Public | Verdict::Refused => 2,
    }
}

/// Whether a rule lets a call through: not where the place alone was enough.
pub(super) fn passes(verdict: Verdict) -> bool {
    weakness(verdict) > 0
}

impl Reach<'_> {
    /// Whom the rules are about, and what they would change.
    pub(super) fn comments(&self) -> String {
        let mut text = format!("# agent {}, by what was seen\n", untrusted(&self.agent.name));
        for (call, (verdict, name)) in self.calls.iter().filter(|(_, (verdict, _))| !passes(*verdict)) {
            let _ = writeln!(
                text,
                "# served until now, {}, and refused by these rules: {} at {call}",
                verdict.word(),
                untrusted(name)
            );
        }
        for name in &self.elsewhere {
            let _ = writeln!(text, "# of its tree and not reached by these rules: {}", untrusted(name));
        }
        for path in &self.sockets {
            let _ = writeln!(text, "# a Unix socket, not reached by these rules: {}", untrusted(path));
        }
        text
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.at, if self.udp { "/udp" } else { "" })
    }
}
