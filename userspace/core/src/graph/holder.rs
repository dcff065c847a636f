//! Who shows credentials to a listener, and how long what he shows lasts.
//!
//! A holder is a name at a listener, or where no name goes with a credential, the workload that shows it. What is
//! said of its credentials follows from when each was first and last shown, taken and refused, and from nothing
//! else: the order in which flows are judged does not matter.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::life::{CLOCK_SKEW, CredentialLife, Lifetime, rotation};
use crate::evidence::{Credential, CredentialKind, Principal};
use crate::id::{HolderId, ListenerId, WorkloadId};
use crate::verdict::{Decision, Presented};

/// Most credentials kept of one holder: the ones seen last.
pub const MOST_CREDENTIALS: usize = 12;
/// Most calling workloads kept of one holder.
const MOST_CALLERS: usize = 16;

/// A name, or a nameless caller, at one listener.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Stable id.
    pub id: HolderId,
    /// Where.
    pub listener: ListenerId,
    /// The name; `None` where none goes with the credentials.
    pub principal: Option<Principal>,
    /// True when the receiver demanded and accepted proof of the name.
    pub verified: bool,
    /// Workloads that called under it, in order of id.
    pub callers: Vec<WorkloadId>,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// What was shown under it, in order of first sight.
    pub credentials: Vec<HeldCredential>,
    /// Credentials and callers that found no room.
    #[serde(default)]
    pub forgotten: u64,
    /// What follows from `credentials`.
    pub life: CredentialLife,
    /// What followed from credentials that are no longer kept.
    #[serde(default)]
    pub earlier: CredentialLife,
}

/// One credential in one holder's hands. Never its value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeldCredential {
    /// The credential, with the longest lifetime that it stated.
    #[serde(flatten)]
    pub credential: Credential,
    /// First shown.
    pub first: Timestamp,
    /// Last shown.
    pub last: Timestamp,
    /// First shown and taken.
    pub accepted_first: Option<Timestamp>,
    /// Last shown and taken.
    pub accepted_last: Option<Timestamp>,
    /// First shown and refused as wrong or expired.
    pub refused_first: Option<Timestamp>,
    /// Last shown and refused as wrong or expired.
    pub refused_last: Option<Timestamp>,
    /// First refused after its own end.
    pub refused_past_end: Option<Timestamp>,
    /// First refused with the receiver's word that it has expired.
    pub said_expired: Option<Timestamp>,
    /// First taken more than five minutes after its own end.
    pub accepted_past_end: Option<Timestamp>,
    /// First refused as wrong more than five minutes before its own end.
    pub refused_before_end: Option<Timestamp>,
    /// It followed a short-lived one that is no longer kept.
    #[serde(default)]
    pub followed_forgotten: bool,
}

impl HeldCredential {
    fn new(credential: &Credential, at: Timestamp) -> Self {
        Self {
            credential: credential.clone(),
            first: at,
            last: at,
            accepted_first: None,
            accepted_last: None,
            refused_first: None,
            refused_last: None,
            refused_past_end: None,
            said_expired: None,
            accepted_past_end: None,
            refused_before_end: None,
            followed_forgotten: false,
        }
    }

    fn take(&mut self, presented: &Presented) {
        let Presented { credential, principal: _, at, decision } = presented;
        let at = *at;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.credential.shown_again(credential);
        let after = |end: Timestamp| at.duration_since(end);
        let end = self.credential.not_after;
        match decision {
            Decision::Open => {}
            Decision::Accepted => {
                earliest(&mut self.accepted_first, at);
                self.accepted_last = self.accepted_last.max(Some(at));
                if end.is_some_and(|end| after(end) > CLOCK_SKEW) {
                    earliest(&mut self.accepted_past_end, at);
                }
            }
            Decision::Refused | Decision::RefusedExpired => {
                earliest(&mut self.refused_first, at);
                self.refused_last = self.refused_last.max(Some(at));
                if end.is_some_and(|end| after(end) > SignedDuration::ZERO) {
                    earliest(&mut self.refused_past_end, at);
                }
                if *decision == Decision::RefusedExpired {
                    earliest(&mut self.said_expired, at);
                } else if end.is_some_and(|end| after(end) < -CLOCK_SKEW) {
                    earliest(&mut self.refused_before_end, at);
                }
            }
        }
    }

    /// Its lifetime is stated and within the limit.
    fn is_short(&self, short_lived_s: u64) -> bool {
        self.credential.lifetime_s.is_some_and(|lifetime_s| lifetime_s <= short_lived_s)
    }

    /// A secret that is changed rather than one that ends.
    pub(super) fn is_static(&self) -> bool {
        let Credential { kind, lifetime_s, not_after, .. } = &self.credential;
        lifetime_s.is_none()
            && not_after.is_none()
            && matches!(kind, CredentialKind::Password | CredentialKind::ApiKey | CredentialKind::Bearer)
    }

    /// It came in time to take the place of `old`, both short-lived and taken.
    fn refreshes(&self, old: &Self, short_lived_s: u64) -> bool {
        let (Some(first), Some(old_first), Some(end), Some(old_end)) =
            (self.accepted_first, old.accepted_first, self.credential.not_after, old.credential.not_after)
        else {
            return false;
        };
        self.credential.kind == old.credential.kind
            && self.credential.fingerprint != old.credential.fingerprint
            && self.is_short(short_lived_s)
            && old.is_short(short_lived_s)
            && old_first < first
            && old_end < end
            && first.duration_since(old_end) <= CLOCK_SKEW
    }

    /// When it was refused after its end, having been taken before or by the receiver's word for that reason.
    fn expiry_enforced(&self) -> Option<Timestamp> {
        let refused = [self.refused_past_end, self.said_expired].into_iter().flatten().min()?;
        // Any wrong token is refused: only one that was good, or a receiver that says so of one whose own end is past,
        // shows that its age is what matters.
        let said = self.said_expired.is_some() && self.refused_past_end.is_some();
        let was_good = self.accepted_first.is_some_and(|taken| taken < refused);
        (said || was_good).then_some(refused)
    }

    /// When it was refused well before its end, having been taken before and never after.
    fn cancelled(&self) -> Option<Timestamp> {
        let refused = self.refused_before_end.filter(|_| self.said_expired.is_none())?;
        self.accepted_last.filter(|taken| *taken < refused).map(|_| refused)
    }
}

impl Holder {
    /// Nothing was shown yet.
    #[must_use]
    pub fn new(
        listener: ListenerId,
        principal: Option<Principal>,
        caller: &WorkloadId,
        at: Timestamp,
    ) -> Self {
        let kind = principal.as_ref().map_or("", |principal| principal.kind.as_str());
        let name = principal.as_ref().map_or(caller.as_str(), |principal| principal.name.as_str());
        Self {
            id: HolderId::derive(&[listener.as_str(), kind, name]),
            listener,
            principal,
            verified: false,
            callers: vec![caller.clone()],
            first: at,
            last: at,
            credentials: Vec::new(),
            forgotten: 0,
            life: CredentialLife::default(),
            earlier: CredentialLife::default(),
        }
    }

    /// The same without any fingerprint.
    #[must_use]
    pub fn without_fingerprints(mut self) -> Self {
        self.credentials.iter_mut().for_each(|held| held.credential.fingerprint = None);
        for rotated in [&mut self.life.rotated, &mut self.earlier.rotated].into_iter().flatten() {
            (rotated.old, rotated.new) = (None, None);
        }
        self
    }

    /// It was seen, calling from `caller`.
    pub fn seen(&mut self, caller: &WorkloadId, at: Timestamp) {
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        if let Err(place) = self.callers.binary_search(caller) {
            if self.callers.len() < MOST_CALLERS {
                self.callers.insert(place, caller.clone());
            } else {
                self.forgotten = self.forgotten.saturating_add(1);
            }
        }
    }

    /// A credential was shown under it.
    pub fn take(&mut self, presented: &Presented, short_lived_s: u64) {
        let credential = &presented.credential;
        let known = self.credentials.iter().position(|held| held.credential.is_same(credential));
        let index = known.unwrap_or_else(|| {
            self.credentials.push(HeldCredential::new(credential, presented.at));
            self.credentials.len().saturating_sub(1)
        });
        if let Some(held) = self.credentials.get_mut(index) {
            held.take(presented);
        }
        self.credentials
            .sort_by(|a, b| (a.first, a.credential.order()).cmp(&(b.first, b.credential.order())));
        if self.credentials.len() > MOST_CREDENTIALS {
            self.forget_oldest(short_lived_s);
        }
    }

    /// Lets go of the credential that was not shown for longest; what followed from it stays.
    fn forget_oldest(&mut self, short_lived_s: u64) {
        let oldest = self.credentials.iter().enumerate().min_by_key(|(_, held)| held.last);
        let Some((index, _)) = oldest else { return };
        let old = self.credentials.remove(index);
        // What it alone, or it with another, shows.
        let mut parting = self.clone();
        parting.earlier = CredentialLife::default();
        parting.credentials = vec![old.clone()];
        let mut earlier = parting.reckon(short_lived_s);
        let followed = old.followed_forgotten
            || self.credentials.iter().any(|other| old.refreshes(other, short_lived_s));
        earlier.refreshed = u64::from(followed);
        earlier.refreshed_last = old.accepted_first.filter(|_| followed);
        for held in &mut self.credentials {
            held.followed_forgotten |= held.refreshes(&old, short_lived_s);
            let named = self.verified && self.principal.is_some();
            earlier.join_rotation(rotation(&old, held, named));
            earlier.join_rotation(rotation(held, &old, named));
        }
        self.earlier.join(&earlier);
        self.forgotten = self.forgotten.saturating_add(1);
    }

    /// What follows from the credentials. `verified` as it stands.
    #[must_use]
    pub fn reckon(&self, short_lived_s: u64) -> CredentialLife {
        let Self { credentials, earlier, verified, principal, .. } = self;
        let mut life = CredentialLife::default();
        let taken = credentials.iter().filter(|held| held.accepted_first.is_some());
        let lifetime = |held: &HeldCredential| Lifetime::of(held.credential.kind, held.credential.lifetime_s);
        let longest = taken.clone().map(lifetime).max().or_else(|| credentials.iter().map(lifetime).max());
        let refreshed: Vec<&HeldCredential> = credentials
            .iter()
            .filter(|held| {
                held.followed_forgotten || credentials.iter().any(|old| held.refreshes(old, short_lived_s))
            })
            .collect();
        life.lifetime = longest.unwrap_or_default();
        life.refreshed = refreshed.len() as u64;
        life.refreshed_last = refreshed.iter().filter_map(|held| held.accepted_first).max();
        life.expiry_enforced = credentials.iter().filter_map(HeldCredential::expiry_enforced).min();
        life.expired_accepted = credentials.iter().filter_map(|held| held.accepted_past_end).min();
        life.cancelled = credentials.iter().filter_map(HeldCredential::cancelled).min();
        let named = *verified && principal.is_some();
        for new in credentials {
            credentials.iter().for_each(|old| life.join_rotation(rotation(old, new, named)));
        }
        let in_use = taken
            .filter(|held| held.is_static() && held.credential.fingerprint.is_some())
            .filter_map(|held| {
                let seconds = held.accepted_last?.duration_since(held.accepted_first?).as_secs();
                u64::try_from(seconds).ok()
            });
        life.same_secret_s = in_use.max();
        life.join(earlier);
        life
    }
}

fn earliest(known: &mut Option<Timestamp>, at: Timestamp) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}
