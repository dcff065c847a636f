//! The holders of credentials in the graph JSON, and read back from it.

use serde::{Deserialize, Serialize};
use tierzero_core::evidence::{Credential, Principal};
use tierzero_core::fingerprint::Fingerprint;
use tierzero_core::graph::{CredentialLife, HeldCredential, Holder, Rotation};
use tierzero_core::id::{HolderId, ListenerId, WorkloadId};

use crate::read::{ReadError, moment, transparent, word};
use crate::words::{Word, time};

/// A name, or a nameless caller, at one listener.
#[derive(Serialize, Deserialize)]
pub(crate) struct HolderJson {
    id: String,
    listener: String,
    /// Null where no name goes with the credentials.
    principal: Option<NameJson>,
    verified: bool,
    callers: Vec<String>,
    first: String,
    last: String,
    /// How long the longest-lived credential lasts.
    lifetime: String,
    refresh_seen: bool,
    refreshed: u64,
    refreshed_last: Option<String>,
    /// `enforced`, `accepted` or `not-seen`.
    expiry: String,
    expiry_enforced: Option<String>,
    expired_accepted: Option<String>,
    cancelled: Option<String>,
    rotated: Option<RotationJson>,
    same_secret_s: Option<u64>,
    forgotten: u64,
    credentials: Vec<HeldJson>,
}

#[derive(Serialize, Deserialize)]
struct NameJson {
    kind: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct RotationJson {
    kind: String,
    old: Option<String>,
    new: Option<String>,
    old_last: String,
    new_first: String,
    old_refused: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct HeldJson {
    kind: String,
    fingerprint: Option<String>,
    lifetime_s: Option<u64>,
    not_before: Option<String>,
    not_after: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    cleartext: bool,
    first: String,
    last: String,
    accepted_first: Option<String>,
    accepted_last: Option<String>,
    refused_first: Option<String>,
    refused_last: Option<String>,
    refused_past_end: Option<String>,
    said_expired: Option<String>,
    accepted_past_end: Option<String>,
    refused_before_end: Option<String>,
}

impl From<&Holder> for HolderJson {
    fn from(holder: &Holder) -> Self {
        let Holder {
            id,
            listener,
            principal,
            verified,
            callers,
            first,
            last,
            credentials,
            forgotten,
            life,
            earlier: _,
        } = holder;
        let CredentialLife {
            lifetime,
            refreshed,
            refreshed_last,
            expiry_enforced,
            expired_accepted,
            cancelled,
            rotated,
            same_secret_s,
        } = life;
        Self {
            id: id.to_string(),
            listener: listener.to_string(),
            principal: principal.as_ref().map(|Principal { kind, name }| NameJson {
                kind: kind.word().to_owned(),
                name: name.clone(),
            }),
            verified: *verified,
            callers: callers.iter().map(ToString::to_string).collect(),
            first: time(*first),
            last: time(*last),
            lifetime: lifetime.word().to_owned(),
            refresh_seen: *refreshed > 0,
            refreshed: *refreshed,
            refreshed_last: refreshed_last.map(time),
            expiry: life.expiry().word().to_owned(),
            expiry_enforced: expiry_enforced.map(time),
            expired_accepted: expired_accepted.map(time),
            cancelled: cancelled.map(time),
            rotated: rotated.as_ref().map(RotationJson::from),
            same_secret_s: *same_secret_s,
            forgotten: *forgotten,
            credentials: credentials.iter().map(HeldJson::from).collect(),
        }
    }
}

impl From<&Rotation> for RotationJson {
    fn from(rotation: &Rotation) -> Self {
        let Rotation { kind, old, new, old_last, new_first, old_refused } = rotation;
        Self {
            kind: kind.word().to_owned(),
            old: old.as_ref().map(ToString::to_string),
            new: new.as_ref().map(ToString::to_string),
            old_last: time(*old_last),
            new_first: time(*new_first),
            old_refused: old_refused.map(time),
        }
    }
}

impl From<&HeldCredential> for HeldJson {
    fn from(held: &HeldCredential) -> Self {
        let HeldCredential {
            credential:
                Credential { kind, fingerprint, lifetime_s, not_before, not_after, subject, cleartext },
            first,
            last,
            accepted_first,
            accepted_last,
            refused_first,
            refused_last,
            refused_past_end,
            said_expired,
            accepted_past_end,
            refused_before_end,
            followed_forgotten: _,
        } = held;
        Self {
            kind: kind.word().to_owned(),
            fingerprint: fingerprint.as_ref().map(ToString::to_string),
            lifetime_s: *lifetime_s,
            not_before: not_before.map(time),
            not_after: not_after.map(time),
            subject: subject.clone(),
            cleartext: *cleartext,
            first: time(*first),
            last: time(*last),
            accepted_first: accepted_first.map(time),
            accepted_last: accepted_last.map(time),
            refused_first: refused_first.map(time),
            refused_last: refused_last.map(time),
            refused_past_end: refused_past_end.map(time),
            said_expired: said_expired.map(time),
            accepted_past_end: accepted_past_end.map(time),
            refused_before_end: refused_before_end.map(time),
        }
    }
}

type Moment = Option<jiff::Timestamp>;

fn maybe(text: Option<String>) -> Result<Moment, ReadError> {
    text.as_deref().map(moment).transpose()
}

fn trace(text: Option<String>) -> Result<Option<Fingerprint>, ReadError> {
    text.map(transparent).transpose()
}

pub(crate) fn read(holder: HolderJson) -> Result<Holder, ReadError> {
    let name = |NameJson { kind, name }: NameJson| {
        Ok::<_, ReadError>(Principal { kind: word("kind of principal", &kind)?, name })
    };
    Ok(Holder {
        id: HolderId::from_stored(&holder.id),
        listener: ListenerId::from_stored(&holder.listener),
        principal: holder.principal.map(name).transpose()?,
        verified: holder.verified,
        callers: holder.callers.iter().map(|id| WorkloadId::from_stored(id)).collect(),
        first: moment(&holder.first)?,
        last: moment(&holder.last)?,
        credentials: holder.credentials.into_iter().map(held).collect::<Result<_, _>>()?,
        forgotten: holder.forgotten,
        life: CredentialLife {
            lifetime: word("lifetime", &holder.lifetime)?,
            refreshed: holder.refreshed,
            refreshed_last: maybe(holder.refreshed_last)?,
            expiry_enforced: maybe(holder.expiry_enforced)?,
            expired_accepted: maybe(holder.expired_accepted)?,
            cancelled: maybe(holder.cancelled)?,
            rotated: holder.rotated.map(rotation).transpose()?,
            same_secret_s: holder.same_secret_s,
        },
        earlier: CredentialLife::default(),
    })
}

fn rotation(rotation: RotationJson) -> Result<Rotation, ReadError> {
    Ok(Rotation {
        kind: word("kind of credential", &rotation.kind)?,
        old: trace(rotation.old)?,
        new: trace(rotation.new)?,
        old_last: moment(&rotation.old_last)?,
        new_first: moment(&rotation.new_first)?,
        old_refused: maybe(rotation.old_refused)?,
    })
}

fn held(held: HeldJson) -> Result<HeldCredential, ReadError> {
    Ok(HeldCredential {
        credential: Credential {
            kind: word("kind of credential", &held.kind)?,
            fingerprint: trace(held.fingerprint)?,
            lifetime_s: held.lifetime_s,
            not_before: maybe(held.not_before)?,
            not_after: maybe(held.not_after)?,
            subject: held.subject,
            cleartext: held.cleartext,
        },
        first: moment(&held.first)?,
        last: moment(&held.last)?,
        accepted_first: maybe(held.accepted_first)?,
        accepted_last: maybe(held.accepted_last)?,
        refused_first: maybe(held.refused_first)?,
        refused_last: maybe(held.refused_last)?,
        refused_past_end: maybe(held.refused_past_end)?,
        said_expired: maybe(held.said_expired)?,
        accepted_past_end: maybe(held.accepted_past_end)?,
        refused_before_end: maybe(held.refused_before_end)?,
        followed_forgotten: false,
    })
}
