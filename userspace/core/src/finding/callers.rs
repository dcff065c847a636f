//! Named callers: whom an operator named for a listener, and who was served there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;

use super::book::id_of;
use super::look::{Seen, Sign, place};
use super::{Finding, FindingType, Severity, Subject};
use crate::evidence::{Principal, PrincipalKind};
use crate::graph::{Edge, Flow, Listener, Snapshot, Workload};
use crate::id::{FindingId, HolderId, ListenerId, WorkloadId};
use crate::verdict::Verdict;

/// Whom an operator named for one listener.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallerList {
    /// The listener: its id, its place (`10.0.0.1:5432`, `[::]:443`, a path), or the name of its workload.
    pub listener: String,
    /// Names of which the listener must have demanded and accepted proof.
    pub identities: BTreeSet<String>,
    /// Names of workloads, or addresses of other hosts. They say where a caller sits, which proves nothing.
    pub workloads: BTreeSet<String>,
}

/// All lists, in the order in which they were written: the first that fits a listener is its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallerLists {
    /// The lists.
    pub lists: Vec<CallerList>,
}

impl CallerLists {
    /// The list of a listener whose workload has this name.
    #[must_use]
    pub fn of(&self, listener: &Listener, owner: &str) -> Option<&CallerList> {
        let fits = |it: &&CallerList| {
            it.listener == listener.id.as_str() || it.listener == place(&listener.at) || it.listener == owner
        };
        self.lists.iter().find(fits)
    }
}

/// Who was served at a listener: a name that was proved there, or a workload that proved none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Caller {
    /// Where.
    pub listener: ListenerId,
    /// The name whose proof the listener demanded and accepted. `None`: all that is known is where the caller sits.
    pub identity: Option<Principal>,
    /// Workloads that called so, in order of id.
    pub workloads: BTreeSet<WorkloadId>,
    /// Names that they gave without proof.
    pub claimed: BTreeSet<String>,
    /// Served flows of the edges concerned: at least one of them was this caller's.
    pub served: u64,
    /// Last flow of those edges.
    pub last: Timestamp,
    /// Whether it is on the listener's list; `None` where the listener has none.
    pub listed: Option<bool>,
}

/// Who was served, by listener; proved names first.
#[must_use]
pub fn callers(snapshot: &Snapshot, lists: &CallerLists) -> Vec<Caller> {
    let workloads: HashMap<&WorkloadId, &Workload> =
        snapshot.workloads.iter().map(|it| (&it.id, it)).collect();
    let listeners: HashMap<&ListenerId, &Listener> =
        snapshot.listeners.iter().map(|it| (&it.id, it)).collect();
    let mut found: BTreeMap<(ListenerId, bool, Option<Principal>, Option<WorkloadId>), Caller> =
        BTreeMap::new();
    for edge in snapshot.edges.iter().filter(|it| it.served > 0) {
        let Some(listener) = listeners.get(&edge.listener) else { continue };
        let (Some(caller), Some(owner)) = (workloads.get(&edge.caller), workloads.get(&listener.workload))
        else {
            continue;
        };
        let list = lists.of(listener, &owner.name);
        let (proved, placed) = shown(edge);
        let claimed = edge.principals.iter().filter(|it| !it.verified).map(|it| it.principal.name.clone());
        let names =
            proved.into_iter().map(|it| (Some(it), list.map(|list| list.identities.contains(&it.name))));
        let seat = placed.then(|| (None, list.map(|list| list.workloads.contains(&caller.name))));
        let claimed: BTreeSet<String> = claimed.collect();
        for (identity, listed) in names.chain(seat) {
            let alone = identity.is_none().then(|| edge.caller.clone());
            let key = (edge.listener.clone(), identity.is_none(), identity.cloned(), alone);
            let it = found.entry(key).or_insert_with(|| Caller {
                listener: edge.listener.clone(),
                identity: identity.cloned(),
                workloads: BTreeSet::new(),
                claimed: BTreeSet::new(),
                served: 0,
                last: edge.last,
                listed,
            });
            it.workloads.insert(edge.caller.clone());
            if identity.is_none() {
                it.claimed.extend(claimed.iter().cloned());
            }
            it.served += edge.served;
            it.last = it.last.max(edge.last);
        }
    }
    found.into_values().collect()
}

/// The names that were proved on an edge, and whether it was also served without any.
pub(super) fn shown(edge: &Edge) -> (Vec<&Principal>, bool) {
    let proved: Vec<_> = edge.principals.iter().filter(|it| it.verified).map(|it| &it.principal).collect();
    let open = edge.groups.iter().any(|it| it.verdict == Verdict::LocationTrusted && it.flows > 0);
    let placed = proved.is_empty() || open;
    (proved, placed)
}

/// Signs of callers that are not on the list of the edge's listener.
pub(super) fn unlisted(
    seen: &Seen<'_>,
    whom: &str,
    sign: &impl Fn(FindingType, Severity, Vec<Subject>, u64, String) -> Sign,
    signs: &mut Vec<Sign>,
) {
    let Seen { edge, caller, listener, list, .. } = *seen;
    let Some(list) = list.filter(|_| edge.served > 0) else { return };
    let (kind, at) = (FindingType::UnlistedCaller, || Subject::Listener(listener.id.clone()));
    let (proved, placed) = shown(edge);
    for it in proved.into_iter().filter(|it| !list.identities.contains(&it.name)) {
        let says = format!("{whom} served {}, who is not on its list of callers", it.name);
        let subjects = vec![Subject::Principal(holder(&listener.id, it)), at()];
        signs.push(sign(kind, Severity::Medium, subjects, edge.served, says));
    }
    if placed && !list.workloads.contains(&caller.name) {
        let says = format!(
            "{whom} served workload {} with no proof of a name on its list of callers, nor is its place on it",
            caller.name
        );
        let subjects = vec![Subject::Workload(caller.id.clone()), at()];
        signs.push(sign(kind, Severity::Medium, subjects, edge.served, says));
    }
}

fn holder(listener: &ListenerId, it: &Principal) -> HolderId {
    HolderId::derive(&[listener.as_str(), it.kind.as_str(), it.name.as_str()])
}

/// What a refused flow speaks against: findings about this very caller. One that showed a name is refused by name only
/// where holding the name's key is what shows it: another's wrong password says nothing about the right one.
pub(crate) fn refused(flow: &Flow) -> Vec<FindingId> {
    let (Some(listener), Some(caller)) = (&flow.listener, &flow.caller) else { return Vec::new() };
    if !flow.closed || flow.verdict != Verdict::Refused {
        return Vec::new();
    }
    let id =
        |who: Subject| id_of(FindingType::UnlistedCaller, &[who, Subject::Listener(listener.clone())], None);
    if flow.principals.is_empty() {
        return vec![id(Subject::Workload(caller.clone()))];
    }
    let by_key = |kind: PrincipalKind| match kind {
        PrincipalKind::Subject | PrincipalKind::SpiffeId | PrincipalKind::Uid => true,
        PrincipalKind::Role | PrincipalKind::User | PrincipalKind::JwtSubject => false,
    };
    let names = flow.principals.iter().map(|it| &it.principal).filter(|it| by_key(it.kind));
    names.map(|it| id(Subject::Principal(holder(listener, it)))).collect()
}

/// Stored findings whose caller is on the list by now.
pub(crate) fn listed_since(lists: &CallerLists, snapshot: &Snapshot) -> Vec<FindingId> {
    let standing = |it: &&Finding| it.kind == FindingType::UnlistedCaller && it.ended().is_none();
    let found = snapshot.findings.iter().filter(standing);
    found.filter(|it| is_listed(lists, snapshot, it) == Some(true)).map(|it| it.id.clone()).collect()
}

fn is_listed(lists: &CallerLists, snapshot: &Snapshot, finding: &Finding) -> Option<bool> {
    let [who, Subject::Listener(at)] = finding.subjects.as_slice() else { return None };
    let workload = |id: &WorkloadId| snapshot.workloads.iter().find(|it| it.id == *id);
    let listener = snapshot.listeners.iter().find(|it| it.id == *at)?;
    let list = lists.of(listener, &workload(&listener.workload)?.name)?;
    match who {
        Subject::Principal(id) => {
            let holder = snapshot.holders.iter().find(|it| it.id == *id)?;
            Some(list.identities.contains(&holder.principal.as_ref()?.name))
        }
        Subject::Workload(id) => Some(list.workloads.contains(&workload(id)?.name)),
        Subject::Listener(_) | Subject::Edge(_) | Subject::Host(_) => None,
    }
}
