//! How long credentials last, and what was seen of their end.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::holder::HeldCredential;
use crate::evidence::CredentialKind;
use crate::fingerprint::Fingerprint;

/// By how much clocks may differ before something counts as before or after an end.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(300);

/// How long credentials last, and what was seen of their end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialLife {
    /// The longest-lived credential that was taken (or, if none was, shown).
    pub lifetime: Lifetime,
    /// Short-lived credentials that followed a short-lived one before, or within five minutes after, its end.
    pub refreshed: u64,
    /// Last such moment.
    pub refreshed_last: Option<Timestamp>,
    /// First time that one was refused after its end, which had been taken before or of which the receiver said so.
    pub expiry_enforced: Option<Timestamp>,
    /// First time that one was taken more than five minutes after its end.
    pub expired_accepted: Option<Timestamp>,
    /// First time that one which had been taken was refused more than five minutes before its end, for good.
    pub cancelled: Option<Timestamp>,
    /// The last time that one secret without an end took another's place.
    pub rotated: Option<Rotation>,
    /// Longest time in seconds that one secret without an end was seen in use.
    pub same_secret_s: Option<u64>,
}

/// One secret without an end took another's place: rotated, not expiring.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rotation {
    /// Kind.
    pub kind: CredentialKind,
    /// The old one.
    pub old: Option<Fingerprint>,
    /// The new one.
    pub new: Option<Fingerprint>,
    /// When the old one was last taken.
    pub old_last: Timestamp,
    /// When the new one was first taken.
    pub new_first: Timestamp,
    /// When the old one was last refused; `None` where it was just not shown any more.
    pub old_refused: Option<Timestamp>,
}

/// What a receiver does with an expired credential, as far as was seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Expiry {
    /// It took one.
    Accepted,
    /// It refused one that it had taken before, or said that the end is why.
    Enforced,
    /// None was shown to it.
    NotSeen,
}

/// How long a credential lasts by its own words, the shortest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// Nothing was shown.
    #[default]
    Nothing,
    /// At most 15 minutes.
    QuarterHour,
    /// At most an hour.
    Hour,
    /// At most a day.
    Day,
    /// It may have an end, but that was not readable.
    Unknown,
    /// Longer than a day.
    Longer,
    /// It has no end of its own.
    Endless,
}

impl Lifetime {
    /// Of a credential.
    #[must_use]
    pub fn of(kind: CredentialKind, lifetime_s: Option<u64>) -> Self {
        match (lifetime_s, kind) {
            (Some(..=900), _) => Self::QuarterHour,
            (Some(..=3600), _) => Self::Hour,
            (Some(..=86_400), _) => Self::Day,
            (Some(_), _) => Self::Longer,
            // A JWT is readable, and one without `exp` states no end (RFC 7519 section 4.1.4).
            (None, CredentialKind::Password | CredentialKind::ApiKey | CredentialKind::Jwt) => Self::Endless,
            (
                None,
                CredentialKind::Bearer
                | CredentialKind::X509
                | CredentialKind::Cookie
                | CredentialKind::Signature
                | CredentialKind::Ticket,
            ) => Self::Unknown,
        }
    }
}

impl CredentialLife {
    /// What was seen of an end: that one expired credential was taken weighs more than that another was refused.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        match (self.expired_accepted, self.expiry_enforced) {
            (Some(_), _) => Expiry::Accepted,
            (None, Some(_)) => Expiry::Enforced,
            (None, None) => Expiry::NotSeen,
        }
    }

    /// What follows from other credentials of the same holder.
    pub(super) fn join(&mut self, other: &Self) {
        let Self {
            lifetime,
            refreshed,
            refreshed_last,
            expiry_enforced,
            expired_accepted,
            cancelled,
            rotated,
            same_secret_s,
        } = other;
        let first = |a: Option<Timestamp>, b: Option<Timestamp>| a.into_iter().chain(b).min();
        self.lifetime = self.lifetime.max(*lifetime);
        self.refreshed = self.refreshed.saturating_add(*refreshed);
        self.refreshed_last = self.refreshed_last.max(*refreshed_last);
        self.expiry_enforced = first(self.expiry_enforced, *expiry_enforced);
        self.expired_accepted = first(self.expired_accepted, *expired_accepted);
        self.cancelled = first(self.cancelled, *cancelled);
        self.same_secret_s = self.same_secret_s.max(*same_secret_s);
        self.join_rotation(rotated.clone());
    }

    /// The latest rotation stands.
    pub(super) fn join_rotation(&mut self, other: Option<Rotation>) {
        let order = |it: &Rotation| (it.new_first, it.old_last, it.old.clone(), it.new.clone());
        self.rotated = self.rotated.take().into_iter().chain(other).max_by_key(order);
    }
}

/// `new` took the place of `old`: both are secrets without an end, both were taken, the old one not since the new one
/// was. For a nameless caller only a refusal shows that they are one thing; a name has one password at a time.
pub(super) fn rotation(old: &HeldCredential, new: &HeldCredential, named: bool) -> Option<Rotation> {
    let (old_last, new_first) = (old.accepted_last?, new.accepted_first?);
    let refused = old.refused_last.filter(|refused| *refused > old_last);
    let stopped = named && old.credential.kind == CredentialKind::Password;
    let replaced = old.credential.kind == new.credential.kind
        && old.credential.fingerprint != new.credential.fingerprint
        && old.is_static()
        && new.is_static()
        && old_last < new_first
        && (refused.is_some() || stopped);
    replaced.then_some(Rotation {
        kind: old.credential.kind,
        old: Some(old.credential.fingerprint.clone()?),
        new: Some(new.credential.fingerprint.clone()?),
        old_last,
        new_first,
        old_refused: refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readable_token_without_an_end_has_none_and_an_unreadable_one_may() {
        assert_eq!(Lifetime::of(CredentialKind::Jwt, None), Lifetime::Endless);
        assert_eq!(Lifetime::of(CredentialKind::Bearer, None), Lifetime::Unknown);
        assert_eq!(Lifetime::of(CredentialKind::Jwt, Some(900)), Lifetime::QuarterHour);
    }
}
