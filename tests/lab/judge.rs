//! What the tool said against what is so. The rules are section 5 of the requirements: correct 1, honest `opaque` or
//! `unproven` where better was expected 0.5, wrong 0, false comfort -2.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::flows;
use super::graph::{Edge, Graph, Listener, Workload};
use super::truth::{self, Truth};

/// The seven edge verdicts, in the order of the matrix.
pub(crate) const VERDICTS: [&str; 7] =
    ["refused", "location-trusted", "opaque", "unproven", "secret-checked", "identity-checked", "public"];

/// What one run said.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// The exported graph.
    pub(crate) graph: &'a Graph,
    /// Lines of `observe --json`.
    pub(crate) lines: &'a [Value],
    /// Role of each lab namespace, by inode number.
    pub(crate) roles: &'a BTreeMap<String, String>,
    /// The write-down.
    pub(crate) report: &'a Value,
    /// The observer's own program path.
    pub(crate) observer: &'a str,
}

/// One edge of the truth, judged.
#[derive(Clone, Debug)]
pub(crate) struct EdgeJudgement {
    /// Its name in the truth.
    pub(crate) name: String,
    /// Verdict that is right.
    pub(crate) expected: String,
    /// Verdict that was given; `None` when there is no such edge.
    pub(crate) said: Option<String>,
    /// Points.
    pub(crate) points: f64,
    /// Points are -2: the tool called it safer than it is.
    pub(crate) false_comfort: bool,
    /// What else differs, a sentence each.
    pub(crate) deviations: Vec<String>,
}

/// One scenario, judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judgement {
    /// Edges.
    pub(crate) edges: Vec<EdgeJudgement>,
    /// Edges that touch a lab namespace and are not in the truth.
    pub(crate) spurious: Vec<String>,
    /// Edges and listeners of the observer itself, anywhere on the host.
    pub(crate) own_noise: Vec<String>,
    /// Listeners that are right, and all.
    pub(crate) listeners: (usize, usize),
    /// Principals that are right, and all that the truth or the tool names.
    pub(crate) principals: (usize, usize),
    /// Points of findings: one is lost for each that is missing and each that is not in the truth.
    pub(crate) findings: i64,
    /// Wrong listeners, principals, agents, findings and what lies between edges, a sentence each.
    pub(crate) deviations: Vec<String>,
    /// Forbidden statements that were made.
    pub(crate) forbidden: Vec<String>,
}

impl Judgement {
    /// Share of the edges said that are true, in percent.
    pub(crate) fn precision(&self) -> f64 {
        let found = self.edges.iter().filter(|edge| edge.said.is_some()).count();
        percent(found, found + self.spurious.len())
    }

    /// Share of the true edges that were said, in percent.
    pub(crate) fn recall(&self) -> f64 {
        percent(self.edges.iter().filter(|edge| edge.said.is_some()).count(), self.edges.len())
    }

    /// Sum of points.
    pub(crate) fn points(&self) -> f64 {
        self.edges.iter().fold(0.0, |sum, edge| sum + edge.points)
    }

    /// What keeps the scenario from passing. An honest half point does not.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut all = Vec::new();
        for edge in &self.edges {
            let said = edge.said.as_deref().unwrap_or("not seen");
            if edge.false_comfort {
                all.push(format!("FALSE COMFORT: {} is {}, said {said}", edge.name, edge.expected));
            } else if edge.points == 0.0 {
                all.push(format!("{} is {}, said {said}", edge.name, edge.expected));
            }
            all.extend(edge.deviations.iter().map(|what| format!("{}: {what}", edge.name)));
        }
        all.extend(self.spurious.iter().map(|edge| format!("not in the truth: {edge}")));
        all.extend(self.own_noise.iter().map(|edge| format!("the observer's own: {edge}")));
        all.extend(self.deviations.iter().cloned());
        all.extend(self.forbidden.iter().map(|says| format!("forbidden statement: {says}")));
        all
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 100.0 } else { number(part) * 100.0 / number(whole) }
}

/// How safe a verdict makes its reader feel.
fn comfort(verdict: &str) -> u8 {
    match verdict {
        "location-trusted" => 0,
        "opaque" | "unproven" => 1,
        "secret-checked" => 2,
        _ => 3,
    }
}

fn points(expected: &str, said: &str) -> (f64, bool) {
    if expected == said {
        (1.0, false)
    } else if comfort(said) > 1 && comfort(said) > comfort(expected) {
        (-2.0, true)
    } else if ["opaque", "unproven"].contains(&said) && !["opaque", "unproven"].contains(&expected) {
        (0.5, false)
    } else {
        (0.0, false)
    }
}

/// Judges one scenario.
pub(crate) fn judge(truth: &Truth, said: &Said<'_>) -> Judgement {
    let book = Book::new(said);
    let mut judgement = Judgement::default();
    let mut taken = BTreeSet::new();
    let mut matched: BTreeMap<&str, &Edge> = BTreeMap::new();
    for edge in &truth.edges {
        let found = said.graph.edges.iter().find(|candidate| {
            !taken.contains(candidate.id.as_str()) && book.is(candidate, &edge.caller, &edge.listener)
        });
        if let Some(found) = found {
            taken.insert(found.id.as_str());
            matched.insert(&edge.name, found);
        }
        judgement.edges.push(edge_judgement(edge, found, said));
    }
    for edge in &said.graph.edges {
        let name = book.name(edge);
        if book.is_observer(&edge.caller) || book.listener(edge).is_some_and(|l| book.listens_for_observer(l))
        {
            judgement.own_noise.push(name);
        } else if !taken.contains(edge.id.as_str()) && book.touches_lab(edge) && !book.is_ambient(edge, truth)
        {
            judgement.spurious.push(name);
        }
    }
    for listener in said.graph.listeners.iter().filter(|listener| book.listens_for_observer(listener)) {
        judgement.own_noise.push(format!("listener {}", place(listener)));
    }
    for finding in &said.graph.findings {
        if finding.subjects.iter().any(|id| book.is_of_observer(id)) {
            judgement.own_noise.push(format!("finding {}: {}", finding.kind, finding.says));
        }
    }
    listeners(truth, &book, &mut judgement);
    principals(truth, said, &book, &mut judgement);
    let names = names::Names::new(said, &book, &matched);
    agents::judge(truth, said, &book, &mut judgement);
    findings::judge(truth, said, &names, &mut judgement);
    relations::judge(truth, said, &names, &mut judgement);
    report::judge(truth, said, &names, &mut judgement);
    forbidden::judge(truth, said, &names, &mut judgement);
    judgement
}

fn edge_judgement(truth: &truth::Edge, found: Option<&Edge>, said: &Said<'_>) -> EdgeJudgement {
    let mut judged = EdgeJudgement {
        name: truth.name.clone(),
        expected: truth.verdict.clone(),
        said: None,
        points: 0.0,
        false_comfort: false,
        deviations: Vec::new(),
    };
    let Some(edge) = found else { return judged };
    judged.said = Some(edge.verdict.clone());
    (judged.points, judged.false_comfort) = points(&truth.verdict, &edge.verdict);
    if judged.points < 1.0 {
        // What follows from another verdict is not counted twice.
        return judged;
    }
    let mut differ = |what: &str, is: String, should: String| {
        judged.deviations.push(format!("{what} is {is}, should be {should}"));
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    for (what, is, should) in
        [("check", &edge.check, &truth.check), ("strength", &edge.strength, &truth.strength)]
    {
        if !should.is_empty() && !should.contains(&text(is)) {
            differ(what, text(is), should.join(" or "));
        }
    }
    if truth.protocol.is_some() && truth.protocol != edge.protocol {
        differ("protocol", text(&edge.protocol), text(&truth.protocol));
    }
    for (what, is, should) in [
        ("flows", edge.flows, truth.flows),
        ("served", edge.served, truth.served),
        ("refused", edge.refused, truth.refused),
        ("joined_late", edge.joined_late, truth.joined_late),
    ] {
        if let Some(should) = should.filter(|should| !should.holds(is)) {
            differ(what, is.to_string(), format!("{should:?}"));
        }
    }
    if let Some(should) = &truth.by_check
        && edge.by_check.iter().filter(|(_, count)| **count > 0).ne(should.iter())
    {
        differ("by_check", format!("{:?}", edge.by_check), format!("{should:?}"));
    }
    if let Some(should) = truth.ends.as_ref().filter(|should| **should != edge.ends) {
        differ("ends", edge.ends.clone(), should.clone());
    }
    if let Some(should) = &truth.history {
        let is: Vec<_> = edge.history.iter().map(|change| change.from.clone()).collect();
        if is != *should {
            differ("history", is.join(", "), should.join(", "));
        }
    }
    if let Some(should) = &truth.revisions {
        let is: Vec<_> = edge.history.iter().map(|change| change.why.clone().unwrap_or_default()).collect();
        if is != *should {
            differ("revisions", is.join(", "), should.join(", "));
        }
    }
    for (is, should) in lives::differences(truth, edge, said) {
        differ("credentials", is, should);
    }
    for level in &truth.evidence {
        if !edge.evidence.iter().any(|line| line.level == *level) {
            let rules: Vec<_> = edge.evidence.iter().map(|line| line.rule.as_str()).collect();
            differ("evidence", rules.join(", "), format!("some of level {level}"));
        }
    }
    let of_edge = flows::last_lines(said.lines, &edge.caller, &edge.listener);
    for group in &truth.groups {
        let count = of_edge.iter().filter(|line| flows::belongs(line, group)).count();
        if u64::try_from(count).ok() != Some(group.count) {
            differ("flow lines", count.to_string(), format!("{group:?}"));
        }
    }
    judged
}

fn listeners(truth: &Truth, book: &Book<'_>, judgement: &mut Judgement) {
    judgement.listeners.1 = truth.listeners.len();
    for listener in &truth.listeners {
        let found = book.said.graph.listeners.iter().find(|candidate| book.listens(candidate, &listener.at));
        let name = format!("listener of {}", listener.at.exe);
        match found {
            None => judgement.deviations.push(format!("{name} was not seen")),
            Some(found) if found.class != listener.class => {
                judgement.deviations.push(format!("{name} is {}, said {}", listener.class, found.class))
            }
            Some(found) if listener.protocol.is_some() && found.protocol != listener.protocol => judgement
                .deviations
                .push(format!("{name} speaks {:?}, said {:?}", listener.protocol, found.protocol)),
            Some(_) => judgement.listeners.0 += 1,
        }
    }
}

fn principals(truth: &Truth, said: &Said<'_>, book: &Book<'_>, judgement: &mut Judgement) {
    let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
    for edge in said.graph.edges.iter().filter(|edge| book.touches_lab(edge)) {
        for principal in &edge.principal_sightings {
            // The same name verified on one edge and claimed on another counts as verified.
            *seen.entry(principal.name.as_str()).or_default() |= principal.verified;
        }
    }
    let truth: BTreeMap<String, bool> =
        truth.principals.iter().map(|principal| (principal.as_said(), principal.verified)).collect();
    let named: BTreeSet<&str> = truth.keys().map(String::as_str).chain(seen.keys().copied()).collect();
    judgement.principals.1 = named.len();
    for name in named {
        match (truth.get(name), seen.get(name)) {
            (Some(should), Some(is)) if is == should => judgement.principals.0 += 1,
            (Some(should), Some(is)) => {
                judgement.deviations.push(format!("principal {name}: verified is {is}, should be {should}"));
            }
            (Some(_), None) => judgement.deviations.push(format!("principal {name} was not seen")),
            (None, _) => judgement.deviations.push(format!("principal {name} is not in the truth")),
        }
    }
}

/// Looks things up in what was said.
struct Book<'a> {
    said: &'a Said<'a>,
    workloads: BTreeMap<&'a str, &'a Workload>,
    listeners: BTreeMap<&'a str, &'a Listener>,
}

impl<'a> Book<'a> {
    fn new(said: &'a Said<'a>) -> Self {
        Self {
            said,
            workloads: said.graph.workloads.iter().map(|workload| (workload.id.as_str(), workload)).collect(),
            listeners: said.graph.listeners.iter().map(|listener| (listener.id.as_str(), listener)).collect(),
        }
    }

    fn listener(&self, edge: &Edge) -> Option<&'a Listener> {
        self.listeners.get(edge.listener.as_str()).copied()
    }

    fn role(&self, workload: &str) -> Option<&'a str> {
        let netns = self.workloads.get(workload)?.netns.as_ref()?;
        self.said.roles.get(netns).map(String::as_str)
    }

    fn runs(&self, workload: &str, exe: &str, netns: &str) -> bool {
        self.role(workload) == Some(netns)
            && self.workloads.get(workload).and_then(|workload| workload.exe.as_deref()).is_some_and(|path| {
                match exe.strip_prefix('*') {
                    Some(end) => path.ends_with(end),
                    None => path == resolved(exe),
                }
            })
    }

    fn listens(&self, listener: &Listener, at: &truth::Receiver) -> bool {
        listener.transport == at.transport
            && (at.address.is_none() || at.address == listener.address)
            && (at.port.is_none() || at.port == listener.port)
            && at
                .path
                .as_ref()
                .is_none_or(|end| listener.path.as_ref().is_some_and(|path| path.ends_with(end.as_str())))
            && listener.workload.as_ref().is_some_and(|workload| self.runs(workload, &at.exe, &at.netns))
    }

    fn is(&self, edge: &Edge, caller: &truth::Place, receiver: &truth::Receiver) -> bool {
        self.runs(&edge.caller, &caller.exe, &caller.netns)
            && caller.name.as_ref().is_none_or(|name| {
                self.workloads.get(edge.caller.as_str()).is_some_and(|workload| workload.name == *name)
            })
            && self.listener(edge).is_some_and(|listener| self.listens(listener, receiver))
    }

    fn touches_lab(&self, edge: &Edge) -> bool {
        self.role(&edge.caller).is_some()
            || self
                .listener(edge)
                .and_then(|listener| listener.workload.as_deref())
                .is_some_and(|workload| self.role(workload).is_some())
    }

    fn is_ambient(&self, edge: &Edge, truth: &Truth) -> bool {
        let path = self.listener(edge).and_then(|listener| listener.path.as_deref());
        path.is_some_and(|path| truth.ambient.iter().any(|ambient| path.starts_with(&ambient.path)))
    }

    fn is_observer(&self, workload: &str) -> bool {
        self.workloads
            .get(workload)
            .and_then(|workload| workload.exe.as_deref())
            .is_some_and(|exe| exe == self.said.observer)
    }

    fn listens_for_observer(&self, listener: &Listener) -> bool {
        listener.workload.as_ref().is_some_and(|workload| self.is_observer(workload))
    }

    /// Is the subject of this id the observer, a listener of its own, or an edge that it calls or is called by?
    fn is_of_observer(&self, id: &str) -> bool {
        let listens = |id: &str| {
            let listener = self.said.graph.listeners.iter().find(|it| it.id == id);
            listener.is_some_and(|listener| self.listens_for_observer(listener))
        };
        let edge = self.said.graph.edges.iter().find(|it| it.id == id);
        self.is_observer(id)
            || listens(id)
            || edge.is_some_and(|edge| self.is_observer(&edge.caller) || listens(&edge.listener))
    }

    fn name(&self, edge: &Edge) -> String {
        let program = |id: &str| {
            let exe = self.workloads.get(id).and_then(|workload| workload.exe.as_deref()).unwrap_or("?");
            format!("{exe} in {}", self.role(id).unwrap_or("another namespace"))
        };
        let to = self.listener(edge).map_or_else(|| "?".to_owned(), place);
        format!("{} to {to} ({}, {} flows)", program(&edge.caller), edge.verdict, edge.flows)
    }
}

fn place(listener: &Listener) -> String {
    let Listener { transport, address, port, path, .. } = listener;
    match (path, address, port) {
        (Some(path), ..) => format!("{transport} {path}"),
        (None, Some(address), Some(port)) => format!("{transport} {address} port {port}"),
        _ => format!("{transport} ?"),
    }
}

/// A program path as the kernel names it: /usr/bin/python3 runs /usr/bin/python3.11.
fn resolved(exe: &str) -> String {
    std::fs::canonicalize(exe).map_or_else(|_| exe.to_owned(), |path| path.display().to_string())
}

mod agents;
mod findings;
mod forbidden;
mod lives;
mod names;
mod relations;
mod report;
#[cfg(test)]
mod tests;
