//! How long credentials last, judged: what was said of the holders that call over an edge, against what is so.

use super::super::graph::{self, Edge};
use super::super::truth;
use super::Said;

/// What is said and what should be, for each holder that is wrong, missing or not in the truth. An edge of whose
/// credentials the truth says nothing is not judged.
pub(super) fn differences(truth: &truth::Edge, edge: &Edge, said: &Said<'_>) -> Vec<(String, String)> {
    if truth.credentials.is_empty() {
        return Vec::new();
    }
    let mut here: Vec<&graph::Holder> = said
        .graph
        .principals
        .iter()
        .filter(|holder| holder.listener == edge.listener && holder.callers.contains(&edge.caller))
        .filter(|holder| !holder.credentials.is_empty())
        .collect();
    let mut wrong = Vec::new();
    for should in &truth.credentials {
        let name = |holder: &graph::Holder| holder.principal.as_ref().map(|it| it.name.clone());
        let Some(at) = here.iter().position(|holder| name(holder) == should.principal) else {
            wrong.push(("not seen".to_owned(), format!("{should:?}")));
            continue;
        };
        let is = here.swap_remove(at);
        if !holds(should, is) {
            wrong.push((format!("{is:?}"), format!("{should:?}")));
        }
    }
    wrong.extend(here.iter().map(|holder| (format!("{holder:?}"), "nobody else's".to_owned())));
    wrong
}

fn holds(should: &truth::Holder, is: &graph::Holder) -> bool {
    let each = |good: &dyn Fn(&graph::Held) -> bool| is.credentials.iter().all(good);
    let rotated = is.rotated.as_ref().is_some_and(|rotated| rotated.old_refused.is_some());
    is.verified == should.verified
        && is.lifetime == should.lifetime
        && is.refreshed == should.refreshed
        && is.expiry == should.expiry
        && rotated == should.rotated
        // No scenario withdraws a credential that could still be used.
        && is.cancelled.is_none()
        && is.credentials.len() == should.count
        && each(&|held| held.kind == should.kind)
        && each(&|held| held.lifetime_s == should.lifetime_s)
        && each(&|held| held.cleartext == should.cleartext)
}
