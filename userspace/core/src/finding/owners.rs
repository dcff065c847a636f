//! Verified names that the operator's list of owners lacks, or that it calls gone.

use jiff::tz::TimeZone;

use super::look::Sign;
use super::{Finding, FindingType, Severity, Subject};
use crate::evidence::{Principal, PrincipalKind};
use crate::graph::tier0::Terms;
use crate::graph::{Holder, Snapshot};
use crate::id::FindingId;

/// The name of a holder that somebody has to own: proved, and no number of a user.
fn owned(holder: &Holder) -> Option<&Principal> {
    holder.principal.as_ref().filter(|it| holder.verified && it.kind != PrincipalKind::Uid)
}

/// Signs about a holder at a place. Without a list nothing is missing from it.
pub(crate) fn ownership(terms: &Terms, holder: &Holder, place: &str) -> Option<Sign> {
    let principal = owned(holder).filter(|_| !terms.owners.is_empty())?;
    let says = terms.owner_of_principal(principal, holder.last, None);
    let sign = |kind, severity, count, says: String| Sign {
        kind,
        severity,
        subjects: vec![Subject::Principal(holder.id.clone()), Subject::Listener(holder.listener.clone())],
        cause: None,
        count,
        class: None,
        says,
    };
    let name = &principal.name;
    if says.owner.is_none() {
        let says = format!("{name} proved itself at {place}, and the list of owners does not name it");
        return Some(sign(FindingType::OwnerMissing, Severity::Low, 1, says));
    }
    let gone = says.used_after_gone?;
    let day = TimeZone::UTC.to_datetime(holder.last).date();
    let days = day.since((jiff::Unit::Day, gone)).map_or(0, |it| i64::from(it.get_days()));
    let says = format!("{name} was to be out of use from {gone} on, and proved itself at {place} on {day}");
    let days = u64::try_from(days).unwrap_or_default().saturating_add(1);
    Some(sign(FindingType::LeaverUsed, Severity::Medium, days, says))
}

/// Stored findings whose name is on the list of owners by now.
pub(crate) fn owned_since(terms: &Terms, snapshot: &Snapshot) -> Vec<FindingId> {
    let standing = |it: &&Finding| it.kind == FindingType::OwnerMissing && it.ended().is_none();
    let is_owned = |it: &&Finding| {
        let Some(Subject::Principal(id)) = it.subjects.first() else { return false };
        let holder = snapshot.holders.iter().find(|holder| holder.id == *id);
        holder.and_then(|it| Some(terms.owner_of_principal(owned(it)?, it.last, None).owner.is_some()))
            == Some(true)
    };
    let found = snapshot.findings.iter().filter(standing).filter(is_owned);
    found.map(|it| it.id.clone()).collect()
}
