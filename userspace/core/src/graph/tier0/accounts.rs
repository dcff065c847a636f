//! Observed principals: the same name counts once where it means the same account.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{Ownership, Terms};
use crate::evidence::{Principal, PrincipalKind};
use crate::graph::{Edge, Expiry, Holder, Lifetime, Snapshot};
use crate::id::{EdgeId, ListenerId, WorkloadId};
use crate::verdict::Verdict;

/// One principal, as far as it was seen. A role or user belongs to the workload that knows it; a certificate's
/// subject, a SPIFFE ID, a token's subject and a uid mean the same wherever they are shown on this host.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    /// The name.
    pub principal: Principal,
    /// The workload whose account it is, for roles and users.
    pub realm: Option<WorkloadId>,
    /// A receiver demanded and accepted proof of it.
    pub verified: bool,
    /// False where every use of it that was seen was refused.
    pub admitted: bool,
    /// Who used it, in order of id.
    pub callers: BTreeSet<WorkloadId>,
    /// Where, in order of id.
    pub listeners: BTreeSet<ListenerId>,
    /// On which edges, in order of id.
    pub edges: BTreeSet<EdgeId>,
    /// First use.
    pub first: Timestamp,
    /// Last use.
    pub last: Timestamp,
    /// The longest-lived credential shown under it.
    pub lifetime: Lifetime,
    /// Credentials were shown under it and each lasts no longer than the limit.
    pub short_lived: bool,
    /// A short-lived credential was followed by another in time.
    pub refreshed: bool,
    /// What was seen of an end.
    pub expiry: Expiry,
    /// One that had been taken was refused before its end, for good.
    pub cancelled: bool,
    /// One secret took another's place.
    pub rotated: bool,
    /// Not used for longer than the limit, at the end of the window.
    pub dormant: bool,
    /// The owner by the operator's list.
    pub owner: Ownership,
}

impl Account {
    /// Used from two or more workloads.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.callers.len() > 1
    }
}

/// All principals of a snapshot: refused ones last, then the claimed before the verified, then by name.
#[must_use]
pub fn accounts(snapshot: &Snapshot, terms: &Terms) -> Vec<Account> {
    let as_of = snapshot.window.map(|(_, to)| to);
    let realm_of: HashMap<&ListenerId, &WorkloadId> =
        snapshot.listeners.iter().map(|listener| (&listener.id, &listener.workload)).collect();
    let edges: HashMap<(&WorkloadId, &ListenerId), &Edge> =
        snapshot.edges.iter().map(|edge| ((&edge.caller, &edge.listener), edge)).collect();
    let mut known: BTreeMap<Key, Account> = BTreeMap::new();
    let mut seen = |principal: &Principal, listener: &ListenerId, first: Timestamp, last: Timestamp| {
        let key = key(principal, realm_of.get(listener).copied());
        let account = known.entry(key.clone()).or_insert_with(|| Account {
            principal: principal.clone(),
            realm: key.2.clone(),
            verified: false,
            admitted: false,
            callers: BTreeSet::new(),
            listeners: BTreeSet::new(),
            edges: BTreeSet::new(),
            first,
            last,
            lifetime: Lifetime::Nothing,
            short_lived: true,
            refreshed: false,
            expiry: Expiry::NotSeen,
            cancelled: false,
            rotated: false,
            dormant: false,
            owner: Ownership::default(),
        });
        account.listeners.insert(listener.clone());
        account.first = account.first.min(first);
        account.last = account.last.max(last);
        key
    };
    let mut keys = Vec::new();
    for holder in &snapshot.holders {
        if let Some(principal) = &holder.principal {
            keys.push((seen(principal, &holder.listener, holder.first, holder.last), Seen::AsHolder(holder)));
        }
    }
    let held: BTreeSet<(&Principal, &ListenerId)> = snapshot
        .holders
        .iter()
        .filter_map(|holder| Some((holder.principal.as_ref()?, &holder.listener)))
        .collect();
    for edge in &snapshot.edges {
        for sighting in &edge.principals {
            // An edge knows only when it was used by anybody; where a holder knows better, its times stand.
            if !held.contains(&(&sighting.principal, &edge.listener)) {
                seen(&sighting.principal, &edge.listener, edge.first, edge.last);
            }
            let key = key(&sighting.principal, realm_of.get(&edge.listener).copied());
            keys.push((key, Seen::OnEdge(edge, sighting.verified)));
        }
    }
    for (key, from) in keys {
        let Some(account) = known.get_mut(&key) else { continue };
        match from {
            Seen::AsHolder(holder) => {
                account.take(holder, terms.short_lived_s);
                let used = holder.callers.iter().filter_map(|caller| edges.get(&(caller, &holder.listener)));
                let served = used.clone().any(|edge| edge.verdict != Verdict::Refused);
                account.admitted |= served && !only_refused(holder);
            }
            Seen::OnEdge(edge, verified) => {
                account.verified |= verified;
                account.callers.insert(edge.caller.clone());
                account.edges.insert(edge.id.clone());
                let told = held.contains(&(&account.principal, &edge.listener));
                account.admitted |= verified || (!told && edge.verdict != Verdict::Refused);
            }
        }
    }
    let mut accounts: Vec<Account> = known.into_values().collect();
    for account in &mut accounts {
        account.short_lived &= account.lifetime != Lifetime::Nothing;
        let idle = as_of.map(|as_of| as_of.duration_since(account.last));
        let limit = SignedDuration::from_secs(i64::try_from(terms.dormant_s).unwrap_or(i64::MAX));
        account.dormant = idle.is_some_and(|idle| idle > limit);
        account.owner = terms.owner_of_principal(&account.principal, account.last, as_of);
    }
    accounts.sort_by(|a, b| {
        let rank = |it: &Account| (!it.admitted, it.verified);
        rank(a).cmp(&rank(b)).then_with(|| a.principal.name.cmp(&b.principal.name))
    });
    accounts
}

/// Where a name was seen.
enum Seen<'a> {
    AsHolder(&'a Holder),
    OnEdge(&'a Edge, bool),
}

/// What makes two sightings one account.
type Key = (PrincipalKind, String, Option<WorkloadId>);

fn key(principal: &Principal, listening: Option<&WorkloadId>) -> Key {
    let realm = match principal.kind {
        PrincipalKind::Role | PrincipalKind::User => listening.cloned(),
        PrincipalKind::Uid | PrincipalKind::Subject | PrincipalKind::SpiffeId | PrincipalKind::JwtSubject => {
            None
        }
    };
    (principal.kind, principal.name.clone(), realm)
}

impl Account {
    fn take(&mut self, holder: &Holder, short_lived_s: u64) {
        let Holder { callers, credentials, verified, life, earlier, .. } = holder;
        self.verified |= *verified;
        self.callers.extend(callers.iter().cloned());
        self.lifetime = self.lifetime.max(life.lifetime);
        let taken = || credentials.iter().filter(|held| held.accepted_first.is_some());
        let counts = |any: bool| credentials.iter().filter(move |held| !any || held.accepted_first.is_some());
        let short = counts(taken().next().is_some())
            .all(|held| held.credential.lifetime_s.is_some_and(|seconds| seconds <= short_lived_s));
        // Of credentials that are no longer kept only the band is known.
        let short_before = earlier.lifetime <= Lifetime::Hour;
        self.short_lived &= short && short_before;
        self.refreshed |= life.refreshed > 0;
        self.expiry = self.expiry.min(life.expiry());
        self.cancelled |= life.cancelled.is_some();
        self.rotated |= life.rotated.is_some();
    }
}

/// Everything that was shown under the name was refused.
fn only_refused(holder: &Holder) -> bool {
    let refused =
        |held: &crate::graph::HeldCredential| held.accepted_first.is_none() && held.refused_first.is_some();
    !holder.verified && !holder.credentials.is_empty() && holder.credentials.iter().all(refused)
}
