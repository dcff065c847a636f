//! The findings that are known, and what each rests on: signs go in, findings that changed come out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::look::Sign;
use super::{Finding, FindingType, FoundOn, MOST_EDGES, Subject, TurnKind};
use crate::fingerprint::Fingerprint;
use crate::graph::Listener;
use crate::id::{EdgeId, FindingId, ListenerId};
use crate::verdict::Contrast;

/// What turns observations into findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// After how much silence a verified principal is dormant.
    pub dormant_after: SignedDuration,
    /// For how long one secret without an end may be in use.
    pub static_after: SignedDuration,
    /// Most findings that are kept; the rest count as lost at `user-finding-table`.
    pub most: usize,
}

impl Default for Rules {
    fn default() -> Self {
        // 90 days: a quarter, after which access reviews look at accounts again.
        let quarter = SignedDuration::from_hours(90 * 24);
        Self { dormant_after: quarter, static_after: quarter, most: 65_536 }
    }
}

/// What one edge gives to a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
struct On {
    count: u64,
    /// Flows that show that the receiver asks this caller.
    proved: u64,
    /// It was asked since it was last served so.
    asked_since: bool,
    /// It names itself without proof: what it is asked under one name says nothing about another.
    claims: bool,
}

#[derive(Debug)]
struct Entry {
    finding: Finding,
    /// By edge: of a finding about one listener that is one for each caller.
    on: BTreeMap<EdgeId, On>,
    /// Sum of `on`.
    flows: u64,
    /// False while it is no finding yet: one caller shares nothing.
    shown: bool,
}

/// Whether a listener began to refuse since it last served anybody without proof, over all and by operation.
#[derive(Debug, Default)]
struct Asking {
    whole: (u64, u64, bool),
    operations: HashMap<Fingerprint, (u64, u64, bool)>,
}

/// An edge, as far as the book needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rests<'a> {
    pub(crate) edge: &'a EdgeId,
    pub(crate) listener: &'a ListenerId,
    pub(crate) proved: u64,
    pub(crate) claims: bool,
    pub(crate) at: Timestamp,
}

/// All findings.
#[derive(Debug, Default)]
pub(crate) struct Book {
    found: BTreeMap<FindingId, Entry>,
    by_edge: HashMap<EdgeId, Vec<FindingId>>,
    asking: HashMap<ListenerId, Asking>,
    /// New, or given a turn: true. Counted further: false.
    changed: BTreeMap<FindingId, bool>,
    lost: u64,
    restoring: bool,
}

impl Book {
    /// All of them, in order of id.
    pub(crate) fn all(&self) -> Vec<Finding> {
        self.found.values().filter(|entry| entry.shown).map(|entry| entry.finding.clone()).collect()
    }

    /// Those that are new or took a turn, in order of id; with `all`, those that were only counted further too.
    pub(crate) fn take_changed(&mut self, all: bool) -> Vec<Finding> {
        if self.changed.is_empty() {
            return Vec::new();
        }
        let changed: Vec<_> = self.changed.extract_if(.., |_, now| all || *now).collect();
        changed
            .iter()
            .filter_map(|(id, _)| self.found.get(id))
            .filter(|entry| entry.shown)
            .map(|entry| entry.finding.clone())
            .collect()
    }

    /// Signs that found no room since the last call.
    pub(crate) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Goes on from stored findings. What they rest on is told again, edge by edge, before anything else.
    pub(crate) fn restore(&mut self, findings: &[Finding]) {
        self.restoring = true;
        for finding in findings {
            let entry = Entry { finding: finding.clone(), on: BTreeMap::new(), flows: 0, shown: true };
            self.found.insert(finding.id.clone(), entry);
        }
    }

    /// All that stored findings rest on was told.
    pub(crate) fn restored(&mut self, stored: &[Finding]) {
        self.restoring = false;
        let same = |id: &FindingId| {
            let at = stored.binary_search_by(|it| it.id.cmp(id)).ok();
            at.and_then(|at| stored.get(at)) == self.found.get(id).map(|entry| &entry.finding)
        };
        self.changed.retain(|id, _| !same(id));
    }

    /// A listener's contrast changed.
    pub(crate) fn listener(&mut self, listener: &Listener) {
        let count = |contrast: &Contrast| {
            let Contrast { secret, key, refused_place: _, refused_kernel, served_without_proof } = contrast;
            (*served_without_proof, secret.refused_missing + key.refused_missing + refused_kernel)
        };
        let grow = |was: &mut (u64, u64, bool), (served, refused): (u64, u64)| {
            // Both within one look: which came last is not known.
            let asks = served == was.0 && (was.2 || refused > was.1);
            *was = (served, refused, asks);
        };
        let (served, _) = count(&listener.contrast);
        if served == 0 && !self.asking.contains_key(&listener.id) {
            return;
        }
        let new = !self.asking.contains_key(&listener.id);
        let asking = self.asking.entry(listener.id.clone()).or_default();
        if new {
            let (served, refused) = count(&listener.contrast);
            asking.whole = (served, refused, false);
        }
        grow(&mut asking.whole, count(&listener.contrast));
        for it in &listener.operations {
            let now = count(&it.contrast);
            grow(asking.operations.entry(it.operation.clone()).or_insert((now.0, now.1, false)), now);
        }
    }

    fn asks(&self, listener: &ListenerId) -> bool {
        self.asking.get(listener).is_some_and(|asking| {
            asking.whole.2 && asking.operations.values().all(|(served, _, asks)| *served == 0 || *asks)
        })
    }

    /// What one edge shows now: all of it.
    pub(crate) fn edge(&mut self, rests: &Rests<'_>, signs: Vec<Sign>, most: usize) {
        let before = self.by_edge.remove(rests.edge).unwrap_or_default();
        let mut now = Vec::with_capacity(signs.len());
        for sign in signs {
            let id = sign.id();
            if !now.contains(&id) && self.on_edge(&id, rests, sign, most) {
                now.push(id);
            }
        }
        for id in before.iter().filter(|id| !now.contains(id)) {
            self.withdraw(id, rests);
        }
        if !now.is_empty() {
            self.by_edge.insert(rests.edge.clone(), now);
        }
    }

    fn on_edge(&mut self, id: &FindingId, rests: &Rests<'_>, sign: Sign, most: usize) -> bool {
        let (asks, restoring) = (self.asks(rests.listener), self.restoring);
        let Some((entry, new)) = self.entry(id, &sign, rests.at, most) else { return false };
        let Rests { edge, proved, claims, at, listener: _ } = *rests;
        let known = entry.on.get(edge);
        let grew = known.is_none_or(|it| sign.count > it.count);
        let asked = !grew && asks && known.is_some_and(|it| proved > it.proved || it.asked_since);
        let was = entry.finding.clone();
        // After a restart the first look finds what was found before: nothing new.
        if grew && !restoring {
            entry.seen(&sign, at, new);
        }
        entry.put(edge, Some(On { count: sign.count, proved, asked_since: asked, claims }));
        entry.finding.says = sign.says;
        let shown = !entry.finding.kind.needs_two() || entry.on.len() >= 2 || entry.shown;
        let over = entry.finding.kind.ends_by_demand()
            && entry.finding.ended().is_none()
            && entry.on.values().all(|on| on.asked_since && !on.claims);
        if over {
            entry.finding.turn(
                at,
                TurnKind::Ended,
                "each caller that was served so was since asked for proof, and refused or served for it",
            );
        }
        let now = new || entry.shown != shown || was.turns != entry.finding.turns;
        let changed = now || was != entry.finding;
        entry.shown = shown;
        if changed {
            self.change(id, now);
        }
        true
    }

    /// A sign that rests on no single edge.
    pub(crate) fn whole(&mut self, sign: Sign, at: Timestamp, most: usize) {
        let id = sign.id();
        let Some((entry, new)) = self.entry(&id, &sign, at, most) else { return };
        let weighs = sign.severity > entry.finding.severity;
        if !new && !weighs && entry.finding.count == sign.count && entry.finding.ended().is_none() {
            return;
        }
        let turns = entry.finding.turns.len();
        entry.seen(&sign, at, new);
        let now = new || turns != entry.finding.turns.len();
        entry.finding.count = sign.count;
        entry.finding.says = sign.says;
        entry.shown = true;
        self.change(&id, now);
    }

    /// What was silent was seen after its silence was found: that ends it.
    pub(crate) fn used(&mut self, sign: &Sign, at: Timestamp) {
        let id = sign.id();
        if let Some(entry) = self.found.get_mut(&id)
            && entry.finding.ended().is_none()
            && at > entry.finding.last
        {
            entry.finding.turn(at, TurnKind::Ended, "it was seen again");
            self.change(&id, true);
        }
    }

    /// A caller was refused: that ends what was found about it, if it was last served before.
    pub(crate) fn refused(&mut self, id: &FindingId, at: Timestamp) {
        if self.found.get(id).is_some_and(|it| at > it.finding.last) {
            self.end(id, at, "the same caller was refused since it was last served");
        }
    }

    /// True when there is one of these kinds that did not end.
    pub(crate) fn any_of(&self, kinds: &[FindingType]) -> bool {
        self.found.values().any(|it| kinds.contains(&it.finding.kind) && it.finding.ended().is_none())
    }

    /// When it was seen that a listener, which had served callers for where they sit, asks each of them for proof.
    pub(crate) fn asked_since(&self, listener: &ListenerId) -> Option<Timestamp> {
        let open = id_of(FindingType::LocationTrust, &[Subject::Listener(listener.clone())], None);
        self.found.get(&open)?.finding.ended().map(|turn| turn.at)
    }

    /// Evidence ended it, if it is known and stands.
    pub(crate) fn end(&mut self, id: &FindingId, at: Timestamp, why: &str) {
        if let Some(entry) = self.found.get_mut(id)
            && entry.finding.ended().is_none()
        {
            entry.finding.turn(at, TurnKind::Ended, why);
            self.change(id, true);
        }
    }

    /// Evidence ended all of some kinds but `there`.
    pub(crate) fn end_others(
        &mut self,
        kinds: impl Fn(FindingType) -> bool,
        there: &BTreeSet<FindingId>,
        at: Timestamp,
        why: &str,
    ) {
        let gone = self.found.iter().filter(|(id, it)| kinds(it.finding.kind) && !there.contains(*id));
        for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.end(&id, at, why);
        }
    }

    fn change(&mut self, id: &FindingId, now: bool) {
        *self.changed.entry(id.clone()).or_default() |= now;
    }

    fn withdraw(&mut self, id: &FindingId, rests: &Rests<'_>) {
        let Some(entry) = self.found.get_mut(id) else { return };
        entry.put(rests.edge, None);
        if entry.on.is_empty() && entry.finding.ended().is_none() {
            entry.finding.turn(
                rests.at,
                TurnKind::Ended,
                "what was seen since shows that its calls are something else",
            );
        }
        self.change(id, true);
    }

    fn entry(
        &mut self,
        id: &FindingId,
        sign: &Sign,
        at: Timestamp,
        most: usize,
    ) -> Option<(&mut Entry, bool)> {
        let new = !self.found.contains_key(id);
        if new {
            if self.found.len() >= most {
                self.lost += 1;
                return None;
            }
            let finding = Finding {
                id: id.clone(),
                kind: sign.kind,
                severity: sign.severity,
                subjects: sign.subjects.clone(),
                count: 0,
                first: at,
                last: at,
                edges: Vec::new(),
                callers: sign.class.into_iter().collect(),
                says: sign.says.clone(),
                turns: Vec::new(),
            };
            let shown = !sign.kind.needs_two();
            self.found.insert(id.clone(), Entry { finding, on: BTreeMap::new(), flows: 0, shown });
        }
        self.found.get_mut(id).map(|entry| (entry, new))
    }
}

impl Entry {
    /// It was seen, for the first time or again.
    fn seen(&mut self, sign: &Sign, at: Timestamp, new: bool) {
        let finding = &mut self.finding;
        finding.last = finding.last.max(at);
        if finding.ended().is_some() {
            finding.turn(at, TurnKind::Again, "it was seen again");
        }
        if let Some(class) = sign.class
            && finding.callers.insert(class)
            && !new
        {
            finding.turn(at, TurnKind::Weaker, "another class of caller is served so");
        }
        if sign.severity > finding.severity {
            finding.severity = sign.severity;
            finding.turn(at, TurnKind::Weaker, "it weighs more than before");
        }
    }

    /// What `edge` gives is `on` from now on, or nothing.
    fn put(&mut self, edge: &EdgeId, on: Option<On>) {
        let count = on.as_ref().map_or(0, |on| on.count);
        let before = match on {
            Some(on) => self.on.insert(edge.clone(), on),
            None => self.on.remove(edge),
        };
        self.flows = self.flows.saturating_sub(before.map_or(0, |it| it.count)).saturating_add(count);
        let edges = &mut self.finding.edges;
        match edges.binary_search_by(|it| it.edge.cmp(edge)) {
            Ok(index) if count == 0 => {
                edges.remove(index);
            }
            Ok(index) => {
                if let Some(it) = edges.get_mut(index) {
                    it.count = count;
                }
            }
            Err(index) if count > 0 && edges.len() < MOST_EDGES => {
                edges.insert(index, FoundOn { edge: edge.clone(), count });
            }
            Err(_) => {}
        }
        self.finding.count = if self.finding.kind.needs_two() { self.on.len() as u64 } else { self.flows };
    }
}

impl FindingType {
    /// True where one caller alone shows nothing.
    fn needs_two(self) -> bool {
        self == Self::SharedPrincipal
    }
}

/// The stable id: of the type and the cause.
pub(super) fn id_of(kind: FindingType, subjects: &[Subject], cause: Option<&str>) -> FindingId {
    let mut parts = vec![kind.as_str()];
    parts.extend(subjects.iter().map(Subject::as_str));
    parts.extend(cause);
    FindingId::derive(&parts)
}

impl Sign {
    /// The id of what it is a sign of.
    pub(crate) fn id(&self) -> FindingId {
        id_of(self.kind, &self.subjects, self.cause.as_deref())
    }
}
