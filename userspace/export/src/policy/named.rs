//! One listener, and what is known of its callers: what every rule of the identity tier is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tierzero_core::evidence::{Principal, PrincipalKind};
use tierzero_core::finding::{CallerLists, callers};
use tierzero_core::graph::{Listener, Snapshot};
use tierzero_core::id::{ListenerId, WorkloadId};
use tierzero_core::verdict::Check;

use crate::visible::untrusted;

/// One listener and its callers.
pub(super) struct Named<'a> {
    pub(super) listener: &'a Listener,
    /// The name of its workload and its place.
    title: String,
    /// Whether an operator's list decides, or only what was seen.
    listed: bool,
    /// Who may call.
    pub(super) allowed: BTreeSet<Principal>,
    /// Who proved a name, was served, and is not on the operator's list.
    pub(super) refused: BTreeSet<Principal>,
    /// Workloads that were served without proof of a name.
    placed: BTreeSet<String>,
    /// By what each name was proved.
    checks: BTreeMap<&'a Principal, BTreeSet<Check>>,
    /// Subjects of the certificates in which each name was seen; `None` is one that has no plain form.
    subjects: BTreeMap<&'a Principal, BTreeSet<Option<&'a str>>>,
}

/// The listeners that are wanted.
pub(super) fn all<'a>(
    snapshot: &'a Snapshot,
    lists: &CallerLists,
    wanted: &dyn Fn(&ListenerId) -> bool,
) -> Vec<Named<'a>> {
    let seen = callers(snapshot, lists);
    let workload = |id: &WorkloadId| snapshot.workloads.iter().find(|it| it.id == *id);
    let of = |listener: &'a Listener| {
        let owner = workload(&listener.workload).map_or("", |it| it.name.as_str());
        let list = lists.of(listener, owner);
        let mut named = Named {
            listener,
            title: format!("{owner} at {}", listener.at),
            listed: list.is_some(),
            allowed: BTreeSet::new(),
            refused: BTreeSet::new(),
            placed: BTreeSet::new(),
            checks: BTreeMap::new(),
            subjects: BTreeMap::new(),
        };
        for it in seen.iter().filter(|it| it.listener == listener.id) {
            match &it.identity {
                Some(name) if it.listed == Some(false) => named.refused.insert(name.clone()),
                Some(name) => named.allowed.insert(name.clone()),
                None => {
                    let names = it.workloads.iter().filter_map(workload).map(|it| it.name.clone());
                    named.placed.extend(names);
                    continue;
                }
            };
        }
        // On the list, and not seen yet: what kind of name it is, is read from its form.
        for name in list.into_iter().flat_map(|it| &it.identities) {
            if !named.allowed.iter().any(|it| it.name == *name) {
                let spiffe = name.starts_with("spiffe://");
                let kind = if spiffe { PrincipalKind::SpiffeId } else { PrincipalKind::Role };
                named.allowed.insert(Principal { kind, name: name.clone() });
            }
        }
        for edge in snapshot.edges.iter().filter(|it| it.listener == listener.id) {
            for it in edge.principals.iter().filter(|it| it.verified) {
                named.checks.entry(&it.principal).or_default().extend(edge.by_check.keys());
            }
        }
        for holder in snapshot.holders.iter().filter(|it| it.listener == listener.id) {
            let Some(principal) = &holder.principal else { continue };
            let subjects = holder.credentials.iter().map(|it| it.credential.subject.as_deref());
            named.subjects.entry(principal).or_default().extend(subjects);
        }
        named
    };
    snapshot.listeners.iter().filter(|it| wanted(&it.id)).map(of).collect()
}

impl Named<'_> {
    /// What the rules are about, and what they would change.
    pub(super) fn comments(&self) -> String {
        let source = if self.listed { "by the list of named callers" } else { "by what was seen" };
        let mut text = format!("# {}, {source}\n", untrusted(&self.title));
        for placed in &self.placed {
            let _ = writeln!(
                text,
                "# served until now with no proof of identity observed, and refused by these rules: {}",
                untrusted(placed)
            );
        }
        for refused in &self.refused {
            let _ = writeln!(
                text,
                "# served until now, not on the list, and refused by these rules: {}",
                untrusted(&refused.name)
            );
        }
        text
    }

    /// Names of certificates among those who may call.
    pub(super) fn certified(&self) -> impl Iterator<Item = &Principal> {
        let certified = |it: &&Principal| matches!(it.kind, PrincipalKind::SpiffeId | PrincipalKind::Subject);
        self.allowed.iter().filter(certified)
    }

    /// By what a name was proved here, where it was always by the same.
    pub(super) fn check(&self, name: &Principal) -> Option<Check> {
        let checks = self.checks.get(name)?;
        checks.first().filter(|_| checks.len() == 1).copied()
    }

    /// The subjects of all certificates in which a name was seen; `None` where one has no plain form, or none was seen.
    pub(super) fn subjects(&self, name: &Principal) -> Option<BTreeSet<&str>> {
        let subjects: Option<BTreeSet<&str>> = self.subjects.get(name)?.iter().copied().collect();
        subjects.filter(|it| !it.is_empty())
    }

    /// Another name in whose certificates this subject stands too.
    pub(super) fn shares(&self, subject: &str, name: &Principal) -> Option<&Principal> {
        let mut others = self.subjects.iter().filter(|(it, _)| **it != name && !self.allowed.contains(**it));
        others.find(|(_, subjects)| subjects.contains(&Some(subject))).map(|(it, _)| *it)
    }
}
