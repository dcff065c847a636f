//! Owners: an operator's list, joined by name. An owner is never inferred.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Terms;
use crate::evidence::{Principal, PrincipalKind};
use crate::graph::Workload;

/// What is owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owned {
    /// A principal, by its name: the whole name, a certificate's common name, a token's `sub`, or any of these after
    /// the kind (`jwt-subject:agent-1`).
    Principal(String),
    /// A workload, by its name or unit.
    Workload(String),
}

/// One line of the operator's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnerRule {
    /// What is owned.
    pub of: Owned,
    /// By whom.
    pub owner: String,
    /// When somebody last confirmed it.
    pub confirmed_on: Option<Date>,
    /// Since when it is meant to be out of use.
    pub gone_on: Option<Date>,
}

/// What the list says of one thing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ownership {
    /// The owner, if the list names one.
    pub owner: Option<String>,
    /// When it was last confirmed.
    pub confirmed_on: Option<Date>,
    /// The confirmation is older than the limit.
    pub stale: bool,
    /// It was used on or after the day from which it is meant to be out of use.
    pub used_after_gone: Option<Date>,
}

impl Terms {
    /// Who owns a principal that was last used at `last`.
    #[must_use]
    pub fn owner_of_principal(
        &self,
        principal: &Principal,
        last: Timestamp,
        as_of: Option<Timestamp>,
    ) -> Ownership {
        let fits = |rule: &&OwnerRule| match &rule.of {
            Owned::Principal(name) => names_principal(name, principal),
            Owned::Workload(_) => false,
        };
        self.ownership(self.owners.iter().find(fits), last, as_of)
    }

    /// Who owns a workload.
    #[must_use]
    pub fn owner_of_workload(&self, workload: &Workload, as_of: Option<Timestamp>) -> Ownership {
        let fits = |rule: &&OwnerRule| match &rule.of {
            Owned::Workload(name) => {
                *name == workload.name || workload.unit.as_ref() == Some(name) || workload.id.as_str() == name
            }
            Owned::Principal(_) => false,
        };
        self.ownership(self.owners.iter().find(fits), workload.last, as_of)
    }

    fn ownership(&self, rule: Option<&OwnerRule>, last: Timestamp, as_of: Option<Timestamp>) -> Ownership {
        let Some(OwnerRule { of: _, owner, confirmed_on, gone_on }) = rule else {
            return Ownership::default();
        };
        let days_since = |date: &Date| {
            let today = TimeZone::UTC.to_datetime(as_of?).date();
            today.since((jiff::Unit::Day, *date)).ok().map(|span| i64::from(span.get_days()))
        };
        let stale = confirmed_on
            .as_ref()
            .and_then(days_since)
            .is_some_and(|days| days > i64::from(self.owner_stale_days));
        let last_day = TimeZone::UTC.to_datetime(last).date();
        Ownership {
            owner: Some(owner.clone()),
            confirmed_on: *confirmed_on,
            stale,
            used_after_gone: gone_on.filter(|gone| last_day >= *gone),
        }
    }
}

/// Does a name of the list mean this principal?
fn names_principal(listed: &str, principal: &Principal) -> bool {
    let name = principal.name.as_str();
    let plain = |listed: &str| listed == name || plain_name(principal) == Some(listed);
    let of_kind = listed.strip_prefix(principal.kind.as_str()).and_then(|rest| rest.strip_prefix(':'));
    plain(listed) || of_kind.is_some_and(plain)
}

/// The part of a name that people use: a subject's common name (RFC 4514 `CN=`), a token's `sub` after its issuer.
fn plain_name(principal: &Principal) -> Option<&str> {
    let name = principal.name.as_str();
    match principal.kind {
        PrincipalKind::Subject => name.split(',').find_map(|part| {
            let part = part.trim();
            part.strip_prefix("CN=").or_else(|| part.strip_prefix("cn="))
        }),
        PrincipalKind::JwtSubject => name.rsplit_once('|').map(|(_, subject)| subject),
        PrincipalKind::Role | PrincipalKind::User | PrincipalKind::Uid | PrincipalKind::SpiffeId => None,
    }
}
