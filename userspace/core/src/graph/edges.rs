//! The edges of the graph: flows are counted by class, never kept.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::changes::Changes;
use super::{
    CredentialSighting, Edge, EdgeEnds, EvidenceLine, FlowGroup, PrincipalSighting, ProcessCount, Transport,
    VerdictChange,
};
use crate::evidence::{Credential, Principal, Rule};
use crate::fingerprint::Fingerprint;
use crate::id::{EdgeId, ListenerId, WorkloadId};
use crate::verdict::{
    Check, Contrast, Contrasts, FlowClass, Judgement, Outcome, Revision, Strength, Verdict, edge_verdict,
    judge,
};

/// Most names, credentials, programs and earlier verdicts kept on one edge.
const MOST: usize = 64;

/// A name and the proof that was accepted for it.
#[derive(Debug)]
pub(crate) struct Name {
    principal: Principal,
    /// Verified in an earlier run, whose flows are gone.
    verified: bool,
    accepted: Option<(Check, bool)>,
}

/// An edge under way.
#[derive(Debug)]
pub(crate) struct EdgeEntry {
    edge: Edge,
    pub(crate) caller: u32,
    pub(crate) listener: u32,
    classes: Vec<(FlowClass, u64)>,
    names: Vec<Name>,
    rules: Vec<&'static Rule>,
    /// Names, credentials and programs that found no room.
    pub(crate) lost: u64,
    /// False while no flow was judged: the verdict is `opaque` until then, and not part of the history.
    decided: bool,
}

/// What one flow adds to its edge when it is over, beside its class.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

/// All edges.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    pub(crate) entries: Vec<EdgeEntry>,
    between: HashMap<(u32, u32), u32>,
    pub(crate) changes: Changes,
}

impl Edges {
    pub(crate) fn get(&self, number: u32) -> Option<&EdgeEntry> {
        self.entries.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut EdgeEntry> {
        self.entries.get_mut(number as usize)
    }

    /// Numbers of the edges of a caller.
    pub(crate) fn of(&self, caller: u32) -> impl Iterator<Item = u32> {
        self.entries
            .iter()
            .zip(0..)
            .filter(move |(entry, _)| entry.caller == caller)
            .map(|(_, number)| number)
    }

    pub(crate) fn between(&self, caller: u32, listener: u32) -> Option<u32> {
        self.between.get(&(caller, listener)).copied()
    }

    /// Adds an edge; `None` when there is no room.
    pub(crate) fn add(&mut self, entry: EdgeEntry, most: usize) -> Option<u32> {
        let number = u32::try_from(self.entries.len()).ok().filter(|_| self.entries.len() < most)?;
        self.between.insert((entry.caller, entry.listener), number);
        self.entries.push(entry);
        self.changes.now(number);
        Some(number)
    }
}

impl EdgeEntry {
    pub(crate) fn new(
        (caller, caller_id): (u32, &WorkloadId),
        (listener, listener_id): (u32, &ListenerId),
        transport: Transport,
        ends: EdgeEnds,
        at: Timestamp,
    ) -> Self {
        let edge = Edge {
            id: EdgeId::derive(&[caller_id.as_str(), listener_id.as_str()]),
            caller: caller_id.clone(),
            listener: listener_id.clone(),
            transport,
            protocol: None,
            verdict: Verdict::Opaque,
            check: Check::Opaque,
            strength: None,
            flows: 0,
            served: 0,
            refused: 0,
            opaque: 0,
            by_check: BTreeMap::new(),
            groups: Vec::new(),
            principals: Vec::new(),
            credentials: Vec::new(),
            ends,
            joined_inferred: false,
            joined_late: 0,
            first: at,
            last: at,
            bytes_sent: 0,
            bytes_received: 0,
            processes: Vec::new(),
            evidence: Vec::new(),
            history: Vec::new(),
        };
        Self {
            edge,
            caller,
            listener,
            classes: Vec::new(),
            names: Vec::new(),
            rules: Vec::new(),
            lost: 0,
            decided: false,
        }
    }

    /// Goes on from a stored edge.
    pub(crate) fn restored(edge: &Edge, caller: u32, listener: u32) -> Self {
        let mut edge = edge.clone();
        let classes = edge.groups.iter().map(|group| (group.class, group.flows)).collect::<Vec<_>>();
        let names = std::mem::take(&mut edge.principals)
            .into_iter()
            .map(|it| Name { principal: it.principal, verified: it.verified, accepted: None })
            .collect();
        edge.groups.clear();
        let decided = !classes.is_empty();
        Self { edge, caller, listener, classes, names, rules: Vec::new(), lost: 0, decided }
    }

    pub(crate) fn id(&self) -> &EdgeId {
        &self.edge.id
    }

    /// Names that the caller used.
    pub(crate) fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.names.iter().map(|it| &it.principal)
    }

    /// Traces of credentials that the caller showed.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = &Fingerprint> {
        self.edge.credentials.iter().filter_map(|it| it.credential.fingerprint.as_ref())
    }

    /// Protocol, where evidence shows one.
    pub(crate) fn known_protocol(&self) -> Option<&str> {
        self.edge.protocol.as_deref()
    }

    /// First flow.
    pub(crate) fn since(&self) -> Timestamp {
        self.edge.first
    }

    /// Some flow was served.
    pub(crate) fn is_served(&self) -> bool {
        self.classes.iter().any(|(class, flows)| *flows > 0 && class.outcome == Outcome::Served)
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.decided.then_some(self.edge.verdict)
    }

    /// Another flow.
    pub(crate) fn begin(
        &mut self,
        from: Timestamp,
        ends: EdgeEnds,
        inferred: bool,
        late: bool,
        exe: Option<&str>,
    ) {
        let edge = &mut self.edge;
        edge.flows += 1;
        edge.first = edge.first.min(from);
        edge.last = edge.last.max(from);
        if ends == EdgeEnds::Both || edge.flows == 1 {
            edge.ends = ends;
        }
        edge.joined_inferred |= inferred;
        edge.joined_late += u64::from(late);
        if let Some(exe) = exe {
            let room = edge.processes.len() < MOST;
            match edge.processes.iter_mut().find(|it| it.exe == exe) {
                Some(known) => known.count += 1,
                None if room => {
                    edge.processes.push(ProcessCount { exe: exe.to_owned(), count: 1 });
                }
                None => self.lost += 1,
            }
        }
    }

    /// A flow went on, or is over.
    pub(crate) fn progress(&mut self, at: Timestamp, closing: &Closing) {
        let Closing { bytes_sent, bytes_received } = closing;
        self.edge.last = self.edge.last.max(at);
        self.edge.bytes_sent = self.edge.bytes_sent.saturating_add(*bytes_sent);
        self.edge.bytes_received = self.edge.bytes_received.saturating_add(*bytes_received);
    }

    /// A flow that counted as `old` counts as `new` from now on. Returns true when the classes that exist changed,
    /// so that the verdict has to be looked at again.
    pub(crate) fn reclass(&mut self, old: Option<FlowClass>, new: FlowClass) -> bool {
        if old == Some(new) {
            return false;
        }
        let mut changed = false;
        match self.classes.iter_mut().find(|(class, _)| *class == new) {
            Some((_, count)) => *count += 1,
            None => {
                self.classes.push((new, 1));
                self.classes.sort_unstable();
                changed = true;
            }
        }
        if let Some(old) = old
            && let Some(at) = self.classes.iter().position(|(class, _)| *class == old)
            && let Some((_, count)) = self.classes.get_mut(at)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.classes.remove(at);
                changed = true;
            }
        }
        changed
    }

    /// Judges anew. Returns the verdict before and now when it changed.
    pub(crate) fn judge(
        &mut self,
        contrast: &Contrasts,
        at: Timestamp,
        why: Revision,
    ) -> Option<(Option<Verdict>, Verdict)> {
        let Judgement { check, strength, verdict } = edge_verdict(self.classes.iter().copied(), contrast)?;
        let before = self.verdict();
        self.edge.check = check;
        self.edge.strength = strength;
        self.edge.verdict = verdict;
        self.decided = true;
        if before == Some(verdict) {
            return None;
        }
        if let Some(from) = before {
            if self.edge.history.len() >= MOST {
                self.edge.history.remove(0);
            }
            self.edge.history.push(VerdictChange {
                at,
                from,
                to: verdict,
                why: Some(why),
                check: Some(check),
                strength,
            });
        }
        Some((before, verdict))
    }

    /// True when flows of another class than these can only be counted with others.
    pub(crate) fn has_no_room_for(&self, class: FlowClass) -> bool {
        self.classes.len() >= MOST && !self.classes.iter().any(|(known, _)| *known == class)
    }

    pub(crate) fn protocol(&mut self, protocol: &'static str) {
        // TLS is what is outside; a protocol seen inside or before it says more.
        if self.edge.protocol.is_none()
            || protocol != "tls" && self.edge.protocol.as_deref() != Some(protocol)
        {
            self.edge.protocol = Some(protocol.to_owned());
        }
    }

    pub(crate) fn cite(&mut self, rules: &[&'static Rule]) {
        for rule in rules {
            if !self.rules.iter().any(|known| known.id == rule.id) {
                self.rules.push(rule);
                let line = evidence_line(rule);
                if let Err(at) = self.edge.evidence.binary_search(&line) {
                    self.edge.evidence.insert(at, line);
                }
            }
        }
    }

    pub(crate) fn name(&mut self, principal: &Principal, accepted: Option<(Check, bool)>) {
        let room = self.names.len() < MOST;
        match self.names.iter_mut().find(|it| it.principal == *principal) {
            Some(known) => known.accepted = known.accepted.max(accepted),
            None if room => {
                self.names.push(Name { principal: principal.clone(), verified: false, accepted });
            }
            None => self.lost += 1,
        }
    }

    pub(crate) fn credential(&mut self, credential: &Credential, at: Timestamp) {
        let room = self.edge.credentials.len() < MOST;
        let known = self.edge.credentials.iter_mut().find(|it| it.credential.is_same(credential));
        match known {
            Some(known) => {
                known.last = known.last.max(at);
                known.credential.shown_again(credential);
            }
            None if room => self.edge.credentials.push(CredentialSighting {
                credential: credential.clone(),
                first: at,
                last: at,
            }),
            None => self.lost += 1,
        }
    }

    /// The edge as it is shown.
    pub(crate) fn render(&self, contrast: &Contrasts) -> Edge {
        let mut edge = self.edge.clone();
        for (class, flows) in self.classes.iter().copied() {
            let (Judgement { check, strength, verdict }, _) = judge(class, contrast);
            edge.groups.push(FlowGroup { class, check, strength, verdict, flows });
        }
        edge.recount();
        edge.principals = self.names.iter().map(|name| name.render(&contrast.whole)).collect();
        edge.principals.sort_unstable();
        edge.credentials
            .sort_by(|a, b| (a.credential.order(), a.first).cmp(&(b.credential.order(), b.first)));
        edge.processes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.exe.cmp(&b.exe)));
        edge
    }
}

impl Name {
    fn render(&self, contrast: &Contrast) -> PrincipalSighting {
        let proved = self.accepted.and_then(|(check, asked)| contrast.strength(check, asked));
        PrincipalSighting {
            principal: self.principal.clone(),
            verified: self.verified || proved.is_some_and(|it| it >= Strength::Demanded),
        }
    }
}

impl Edge {
    /// Sums up the groups.
    fn recount(&mut self) {
        self.by_check.clear();
        (self.served, self.refused, self.opaque) = (0, 0, 0);
        for group in &self.groups {
            match group.class.outcome {
                Outcome::Served => self.served += group.flows,
                Outcome::Refused => {
                    self.refused += group.flows;
                    continue;
                }
                Outcome::Unknown if group.check == Check::Opaque => self.opaque += group.flows,
                Outcome::Unknown | Outcome::Admitted | Outcome::Idle => {}
            }
            *self.by_check.entry(group.check).or_default() += group.flows;
        }
    }
}

/// A rule as one line of evidence.
pub(crate) fn evidence_line(rule: &'static Rule) -> EvidenceLine {
    EvidenceLine {
        rule: format!("{}/{}", rule.id, rule.version),
        level: rule.level,
        source: rule.source,
        shows: rule.shows.to_owned(),
        limits: rule.limits.to_owned(),
    }
}
