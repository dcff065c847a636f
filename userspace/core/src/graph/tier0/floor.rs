//! The floor under each listener: which rung what was seen of it stands on.

use std::collections::{BTreeSet, HashMap};

use super::Terms;
use crate::graph::{Edge, Holder, Lifetime, Listener, Snapshot};
use crate::id::{EdgeId, ListenerId};
use crate::verdict::{Check, Strength, Verdict};

/// Rungs that can be seen from a network, the lowest first. What lies above them is an operator's word alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Floor {
    /// Somebody was served for where he sits, or for a shared or long-lived secret.
    Tier0Gap,
    /// Neither a gap nor the signs of a rung were shown.
    NotShown,
    /// Every caller served was asked for a short-lived credential or the kernel's word, and one without was refused.
    FoundationSigns,
    /// As before, and every caller served proved a private key.
    EnterpriseSigns,
}

impl Floor {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tier0Gap => "tier-0 gap",
            Self::NotShown => "not shown",
            Self::FoundationSigns => "foundation signs",
            Self::EnterpriseSigns => "enterprise signs",
        }
    }
}

/// The readout of one listener. It says nothing of compliance with anything: most of any tier shows on no network.
#[derive(Clone, PartialEq, Debug)]
pub struct FloorReadout {
    /// The listener.
    pub listener: ListenerId,
    /// The rung.
    pub floor: Floor,
    /// Why, each with the edges that show it.
    pub because: Vec<(String, Vec<EdgeId>)>,
    /// What would have to be seen for the next rung.
    pub missing: Vec<String>,
}

/// Of every listener that was called, the lowest first, then by id.
#[must_use]
pub fn floors(snapshot: &Snapshot, terms: &Terms) -> Vec<FloorReadout> {
    let mut called: HashMap<&ListenerId, Vec<&Edge>> = HashMap::new();
    for edge in &snapshot.edges {
        called.entry(&edge.listener).or_default().push(edge);
    }
    let mut holders: HashMap<&ListenerId, Vec<&Holder>> = HashMap::new();
    for holder in &snapshot.holders {
        holders.entry(&holder.listener).or_default().push(holder);
    }
    let none = Vec::new();
    let mut floors: Vec<FloorReadout> = snapshot
        .listeners
        .iter()
        .filter_map(|listener| {
            let edges = called.get(&listener.id)?;
            let holders = holders.get(&listener.id).unwrap_or(&none);
            Some(readout(listener, edges, holders, terms))
        })
        .collect();
    floors.sort_by(|a, b| a.floor.cmp(&b.floor).then_with(|| a.listener.cmp(&b.listener)));
    floors
}

fn readout(listener: &Listener, edges: &[&Edge], holders: &[&Holder], terms: &Terms) -> FloorReadout {
    let ids = |wanted: &dyn Fn(&Edge) -> bool| -> Vec<EdgeId> {
        edges
            .iter()
            .filter(|edge| wanted(edge))
            .map(|edge| edge.id.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let mut because = Vec::new();
    let mut add = |says: &str, edges: Vec<EdgeId>| {
        let there = !edges.is_empty();
        if there {
            because.push((says.to_owned(), edges));
        }
        there
    };
    let trusted = add(
        "served with no proof of identity that decides",
        ids(&|edge| edge.verdict == Verdict::LocationTrusted),
    );
    let secret =
        add("served for a shared or long-lived secret", ids(&|edge| edge.verdict == Verdict::SecretChecked));
    let keyed = |edge: &Edge| edge.verdict == Verdict::IdentityChecked && edge.check == Check::Key;
    let checked = ids(&|edge| edge.verdict == Verdict::IdentityChecked);
    let keys = ids(&keyed);
    let all_keys = keys.len() == checked.len();
    if !checked.is_empty() {
        add("a key, a short-lived token or the kernel's word was asked for before service", checked.clone());
        if all_keys {
            add("every caller served proved that it holds a private key", keys);
        }
    }
    let mut missing = Vec::new();
    let unread = ids(&|edge| matches!(edge.verdict, Verdict::Opaque | Verdict::Unproven));
    if !unread.is_empty() {
        missing.push(format!(
            "a verdict for {} that could not be read or proved nothing",
            edges_word(unread.len())
        ));
    }
    let enforced = edges.iter().any(|edge| edge.strength == Some(Strength::Enforced))
        || listener.contrast.refused_someone();
    if !enforced {
        missing.push("a refusal of a caller without the proof".to_owned());
    }
    let long = holders.iter().filter(|holder| !is_short(holder, terms)).count();
    let shown = holders.iter().any(|holder| !holder.credentials.is_empty());
    let kernel = !checked.is_empty() && edges.iter().all(|edge| edge.check == Check::Kernel);
    if long > 0 {
        missing.push(format!(
            "a lifetime of {} s or less of the credentials of {long} of {} callers or names",
            terms.short_lived_s,
            holders.len()
        ));
    } else if !shown && !kernel {
        missing.push("a credential whose lifetime can be read".to_owned());
    }
    let foundation = !checked.is_empty() && unread.is_empty() && enforced && long == 0 && (shown || kernel);
    let floor = match () {
        () if trusted || secret => Floor::Tier0Gap,
        () if foundation && all_keys => Floor::EnterpriseSigns,
        () if foundation => Floor::FoundationSigns,
        () => Floor::NotShown,
    };
    if floor == Floor::FoundationSigns {
        missing.push("proof of a private key by every caller".to_owned());
    }
    FloorReadout { listener: listener.id.clone(), floor, because, missing }
}

/// Everything taken from it lasts no longer than the limit. A holder that showed nothing takes nothing away.
fn is_short(holder: &Holder, terms: &Terms) -> bool {
    let any_taken = holder.credentials.iter().any(|held| held.accepted_first.is_some());
    let mut counts = holder.credentials.iter().filter(|held| !any_taken || held.accepted_first.is_some());
    holder.earlier.lifetime <= Lifetime::Hour
        && counts.all(|held| held.credential.lifetime_s.is_some_and(|seconds| seconds <= terms.short_lived_s))
}

fn edges_word(count: usize) -> String {
    format!("{count} {}", if count == 1 { "edge" } else { "edges" })
}
