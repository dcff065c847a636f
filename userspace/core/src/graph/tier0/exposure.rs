//! The five attempts on each edge of a snapshot.

use std::collections::HashMap;

use super::Terms;
use crate::drill::weigh;
use crate::event::ListenAddress;
use crate::graph::{Edge, Expiry, Holder, Lifetime, Listener, Snapshot, Workload, WrapState};
use crate::id::{EdgeId, ListenerId, WorkloadId};
use crate::verdict::{Cell, Check, Contrast, Ends, Friction, Front, Resistance, Standing, grid};

/// The grid of one edge.
#[derive(Clone, PartialEq, Debug)]
pub struct EdgeGrid {
    /// The edge: `explain` walks it back to its evidence.
    pub edge: EdgeId,
    /// `A1` to `A5`.
    pub cells: [Cell; 5],
}

/// Of every edge that somebody was served on, the one with most that is absent first, then by id.
#[must_use]
pub fn exposure(snapshot: &Snapshot, terms: &Terms) -> Vec<EdgeGrid> {
    let listeners: HashMap<&ListenerId, &Listener> =
        snapshot.listeners.iter().map(|listener| (&listener.id, listener)).collect();
    let workloads: HashMap<&WorkloadId, &Workload> =
        snapshot.workloads.iter().map(|workload| (&workload.id, workload)).collect();
    let mut users: HashMap<_, u64> = HashMap::new();
    for workload in snapshot.workloads.iter().filter(|workload| workload.uid.is_some()) {
        *users.entry((&workload.host, workload.uid)).or_default() += 1;
    }
    let mut holders: HashMap<(&WorkloadId, &ListenerId), Vec<&Holder>> = HashMap::new();
    for holder in &snapshot.holders {
        for caller in &holder.callers {
            holders.entry((caller, &holder.listener)).or_default().push(holder);
        }
    }
    let no_contrast = Contrast::default();
    let mut grids: Vec<EdgeGrid> = snapshot
        .edges
        .iter()
        .filter_map(|edge| {
            let listener = listeners.get(&edge.listener).copied();
            let friction = friction(edge, listener);
            let held = holders.get(&(&edge.caller, &edge.listener)).map_or(&[][..], Vec::as_slice);
            let caller = workloads.get(&edge.caller);
            let same_user = caller
                .filter(|caller| caller.uid.is_some())
                .and_then(|caller| users.get(&(&caller.host, caller.uid)))
                .map_or(0, |count| count.saturating_sub(1));
            let mut cells = grid(&Standing {
                verdict: edge.verdict,
                check: edge.check,
                strength: edge.strength,
                contrast: listener.map_or(&no_contrast, |listener| &listener.contrast),
                friction: &friction,
                cleartext: edge.credentials.iter().any(|it| it.credential.cleartext),
                ends: ends(held, terms.short_lived_s),
                front: front(snapshot, &edge.listener),
                same_user,
                short_lived_s: terms.short_lived_s,
            })?;
            weigh(&mut cells, &edge.id, &snapshot.drills);
            Some(EdgeGrid { edge: edge.id.clone(), cells })
        })
        .collect();
    grids.sort_by(|a, b| {
        let of = |grid: &EdgeGrid, wanted| grid.cells.iter().filter(|cell| cell.resistance == wanted).count();
        let open = |grid: &EdgeGrid| (of(grid, Resistance::Absent), of(grid, Resistance::Annoying));
        open(b).cmp(&open(a)).then_with(|| a.edge.cmp(&b.edge))
    });
    grids
}

/// What is known of the wraps that a listener is the front or the backend of: the weakest.
fn front(snapshot: &Snapshot, listener: &ListenerId) -> Front {
    let of = snapshot.wraps.iter().filter(|wrap| wrap.front == *listener || wrap.backend == *listener);
    match of.map(|wrap| wrap.state).max() {
        None => Front::NotSeen,
        Some(WrapState::Sealed) => Front::Sealed,
        Some(WrapState::Leaky) => Front::Leaky,
        Some(WrapState::Bypassed) => Front::Bypassed,
    }
}

/// The weakest of what was seen of the ends of these holders' credentials.
fn ends(holders: &[&Holder], short_lived_s: u64) -> Option<Ends> {
    let with: Vec<&&Holder> = holders.iter().filter(|holder| !holder.credentials.is_empty()).collect();
    if with.is_empty() {
        return None;
    }
    let mut ends = Ends { longest_s: Some(0), expiry_enforced: true, ..Ends::default() };
    for holder in with {
        let any_taken = holder.credentials.iter().any(|held| held.accepted_first.is_some());
        let counts = holder.credentials.iter().filter(|held| !any_taken || held.accepted_first.is_some());
        for held in counts {
            ends.longest_s = ends.longest_s.zip(held.credential.lifetime_s).map(|(a, b)| a.max(b));
        }
        // What is no longer kept is known by its band alone: one that is longer than the limit has no number.
        if holder.earlier.lifetime != Lifetime::Nothing
            && !(holder.earlier.lifetime <= Lifetime::Hour && short_lived_s >= 3600)
        {
            ends.longest_s = None;
        }
        ends.endless |= holder.life.lifetime == Lifetime::Endless;
        ends.expiry_enforced &= holder.life.expiry() == Expiry::Enforced;
        ends.expired_accepted |= holder.life.expiry() == Expiry::Accepted;
        ends.rotated |= holder.life.rotated.is_some();
    }
    Some(ends)
}

/// What slows a caller of this listener down.
fn friction(edge: &Edge, listener: Option<&Listener>) -> Vec<Friction> {
    let mut friction = Vec::new();
    let port = match listener.map(|listener| &listener.at) {
        Some(ListenAddress::Tcp { address } | ListenAddress::Udp { address }) => Some(address.port()),
        Some(ListenAddress::Unix { .. }) | None => None,
    };
    let protocol = edge.protocol.as_deref().or_else(|| listener?.protocol.as_deref());
    if let Some((port, [usual, ..])) = port.zip(protocol.map(registered))
        && !protocol.map_or(&[][..], registered).contains(&port)
    {
        friction.push(Friction::OddPort { port, usual: *usual });
    }
    if edge.check == Check::Address || listener.is_some_and(|listener| listener.contrast.refused_place > 0) {
        friction.push(Friction::Address);
    }
    friction
}

/// Ports registered with IANA for protocols that are commonly found there; empty where an odd port says nothing
/// (HTTP and TLS are served on any).
fn registered(protocol: &str) -> &'static [u16] {
    match protocol {
        "postgresql" => &[5432],
        "redis" => &[6379],
        "mysql" => &[3306],
        "mongodb" => &[27017],
        "memcached" => &[11211],
        "mqtt" => &[1883, 8883],
        "nats" => &[4222],
        "amqp" => &[5672, 5671],
        "ssh" => &[22],
        "ldap" => &[389, 636],
        "smb" => &[445],
        "ftp" => &[21],
        "rsync" => &[873],
        "snmp" => &[161],
        "smtp" => &[25, 587, 465],
        _ => &[],
    }
}
