//! Agents: who is one, what descends from it, where that ends.
//!
//! Signs are decided at the end of the step whose event showed them, and go into the recording right behind that
//! event: a replay meets them in the same order.

use jiff::{SignedDuration, Timestamp};

use super::Pipeline;
use crate::event::{AgentSign, Event, McpEra, Process, What};
use crate::evidence::{Application, Observation, Shown};
use crate::graph::{AgentStatus, Seat, Workload};
use crate::id::{ProcessKey, WorkloadId};
use crate::subject::Decided;
use crate::subject::agent::{Candidate, boundary, known_program};
use crate::subject::processes::{Known, Member};
use crate::subject::workload::{self, script};
use crate::verdict::{FlowClass, Outcome};

/// How long a root process may still become another (a wrapper that replaces itself) before its workload is made.
const SETTLES: SignedDuration = SignedDuration::from_secs(1);
/// Most processes with signs that are no agents yet.
const SIGNS: usize = 4096;

impl Pipeline {
    /// A process began, as a child of one that may be of a tree.
    pub(super) fn began(&mut self, process: &Process, at: Timestamp) {
        self.processes.forked(process.clone());
        let Some(member) = self.processes.get(process.key).and_then(|it| it.member) else { return };
        self.graph.agents.born(member.tree, at);
        let program = self.graph.agents.program(member.tree, member.program).unwrap_or_default().to_owned();
        let program = self.graph.agents.runs(member.tree, &program, AgentStatus::Inherited);
        if let Some(known) = self.processes.get_mut(process.key) {
            known.member = Some(Member { program, since: Some(at), ..member });
        }
        self.tree_workload(member.tree, at);
    }

    /// A process of which something is known now: its program, or that it was there before.
    pub(super) fn showed(&mut self, key: ProcessKey, executed: bool, at: Timestamp) {
        if let Some(member) = self.processes.get(key).and_then(|it| it.member) {
            self.member_showed(key, member, executed, at);
        }
        self.look_for_rule(key);
        if let Some(name) = self.processes.get(key).and_then(|it| known_program(&it.image)) {
            self.shown_signs.push((key, AgentSign::Program { name: name.to_owned() }));
        }
    }

    /// Messages of the Model Context Protocol are a sign of who sent them.
    pub(super) fn look_for_mcp(&mut self, slot: u32, observations: &[Observation]) {
        if self.settings.agents.decided != Decided::ByRules {
            return;
        }
        let Some(flow) = self.flows.get(slot) else { return };
        let Some(caller) = flow.originator.as_ref().and_then(|end| end.process) else { return };
        for observation in observations {
            if let Shown::Carries { application: Application::Mcp, .. } = &observation.shown {
                let era = match observation.rule.0.id.trim_start_matches("inside.") {
                    "http.mcp-initialize" => Some(McpEra::Session),
                    "http.mcp-stateless" => Some(McpEra::Stateless),
                    _ => None,
                };
                self.shown_signs.push((caller, AgentSign::McpClient { era }));
            }
        }
    }

    /// A model's endpoint, by the name that the caller gave it.
    pub(super) fn look_for_endpoint(&mut self, slot: u32, observations: &[Observation]) {
        let rules = &self.settings.agents;
        if rules.decided != Decided::ByRules {
            return;
        }
        let Some(flow) = self.flows.get(slot) else { return };
        let Some(caller) = flow.originator.as_ref().and_then(|end| end.process) else { return };
        for observation in observations {
            if let Shown::NamesServer { name } = &observation.shown
                && let Some(entry) = rules.model_endpoint(name)
            {
                self.shown_signs.push((caller, AgentSign::ModelEndpoint { name: entry.to_owned() }));
            }
        }
    }

    /// A model server served a flow.
    pub(super) fn look_for_model(&mut self, slot: u32, class: FlowClass) {
        let Some(flow) = self.flows.get(slot) else { return };
        let asked = flow.ledger.as_ref().and_then(|it| it.application()) == Some(Application::ModelApi);
        if class.outcome == Outcome::Served
            && asked
            && let Some(caller) = flow.originator.as_ref().and_then(|end| end.process)
        {
            self.shown_signs.push((caller, AgentSign::ModelServer));
        }
    }

    fn member_showed(&mut self, key: ProcessKey, member: Member, executed: bool, at: Timestamp) {
        let Some(known) = self.processes.get(key) else { return };
        let Some(tree) = self.graph.agents.get(member.tree) else { return };
        let (seat, image) = (self.seat(known), known.image.clone());
        if executed && member.beyond {
            // What runs now is what the boundary was asked to run.
            self.leaves(key, member, at);
            return;
        }
        if !member.root && seat.unit != tree.seat.unit {
            self.graph.agents.crossed(member.tree, crate::graph::Boundary::Systemd, at);
            self.leaves(key, member, at);
            return;
        }
        let mut member = member;
        if member.root && seat != tree.seat {
            let (name, status, reasons) = (tree.name.clone(), tree.status, tree.reasons.clone());
            let Some(other) = self.graph.agents.tree((&name, status, seat), &reasons, &image, at) else {
                return;
            };
            self.graph.agents.runs_no_more(member.tree, member.program);
            self.graph.agents.instance(member.tree, false, at);
            self.graph.agents.instance(other, true, at);
            self.settling.push_back((later(at, SETTLES), other));
            member = Member { tree: other, program: u32::MAX, ..member };
        }
        if executed
            && !member.beyond
            && let Some(boundary) = boundary(&image)
        {
            self.graph.agents.crossed(member.tree, boundary, at);
            member.beyond = true;
        }
        if executed && member.root {
            self.graph.agents.executed(member.tree, &image);
        }
        let status = self.status_of(member);
        let program = program(&image);
        self.graph.agents.runs_no_more(member.tree, member.program);
        member.program = self.graph.agents.runs(member.tree, &program, status);
        if let Some(known) = self.processes.get_mut(key) {
            known.member = Some(member);
            known.workload = None;
        }
    }

    fn status_of(&self, member: Member) -> AgentStatus {
        let root = self.graph.agents.get(member.tree).map_or(AgentStatus::No, |it| it.status);
        if member.root { root } else { AgentStatus::Inherited }
    }

    /// The process goes on outside of the tree.
    fn leaves(&mut self, key: ProcessKey, member: Member, at: Timestamp) {
        self.ends(member, at);
        if let Some(known) = self.processes.get_mut(key) {
            known.member = None;
            known.workload = None;
        }
    }

    fn ends(&mut self, member: Member, at: Timestamp) {
        if let Some(since) = member.since {
            self.graph.agents.ended(member.tree, at.duration_since(since), at);
        }
    }

    /// A process ended.
    pub(super) fn exited(&mut self, key: ProcessKey, at: Timestamp) {
        if let Some(known) = self.processes.get(key)
            && known.ended.is_none()
            && let Some(member) = known.member
        {
            self.ends(member, at);
            self.tree_workload(member.tree, at);
        }
        self.signs.remove(&key);
        self.processes.exited(key, at);
    }

    /// Asks the rules about a process; what fits is decided at the end of the step.
    fn look_for_rule(&mut self, key: ProcessKey) {
        let rules = &self.settings.agents;
        if rules.decided != Decided::ByRules || rules.rules.is_empty() {
            return;
        }
        let Some(known) = self.processes.get(key) else { return };
        let place = self.processes.place(known);
        let of = Candidate {
            image: &known.image,
            place: place.as_deref(),
            uid: known.uid,
            netns: known.netns.0,
            netns_name: self.namespaces.name(known.netns),
            env: &known.env,
        };
        let Some((rule, by)) = rules.declared(&of) else { return };
        let of_it = known.member.and_then(|it| self.graph.agents.get(it.tree));
        if of_it.is_some_and(|it| it.status == AgentStatus::Declared && it.name == rule.name) {
            return;
        }
        let sign = AgentSign::Declared { name: rule.name.clone(), by };
        self.shown_signs.push((key, sign));
    }

    /// A cgroup or namespace got another name: rules that look at those are asked anew about all that live.
    pub(super) fn look_for_rules(&mut self) {
        if self.settings.agents.look_at_places() {
            for key in self.processes.living() {
                self.look_for_rule(key);
            }
        }
    }

    /// What this step showed is decided, and recorded.
    pub(super) fn decide_signs(&mut self, at: Timestamp, recordable: &mut Vec<Event>) {
        for (process, sign) in std::mem::take(&mut self.shown_signs) {
            if self.settings.agents.decided == Decided::ByRules {
                self.take_sign(process, &sign, at);
                recordable.push(Event { at, what: What::AgentSign { process, sign } });
            }
        }
    }

    /// A recorded decision.
    pub(super) fn recorded_sign(&mut self, event: Event, recordable: &mut Vec<Event>) {
        if let What::AgentSign { process, sign } = &event.what
            && self.settings.agents.decided == Decided::InTheLog
        {
            self.take_sign(*process, sign, event.at);
            recordable.push(event);
        }
    }

    fn take_sign(&mut self, key: ProcessKey, sign: &AgentSign, at: Timestamp) {
        if let AgentSign::Declared { name, by } = sign {
            self.root(key, (name, AgentStatus::Declared), &[reason(sign, by)], at);
            return;
        }
        // A fork that runs its parent's program acts for it.
        let Some(key) = self.processes.who_executed(key) else { return };
        if let Some(member) = self.processes.get(key).and_then(|it| it.member) {
            self.graph.agents.explain(member.tree, &[reason(sign, &[])]);
            return;
        }
        if self.signs.len() >= SIGNS && !self.signs.contains_key(&key) {
            self.graph.lose("user-agent-signs", 1);
            return;
        }
        let signs = self.signs.entry(key).or_default();
        if !signs.iter().any(|it| kind(it) == kind(sign)) {
            signs.push(sign.clone());
        }
        if signs.len() >= 2 {
            let reasons = signs.iter().map(|it| reason(it, &[])).collect::<Vec<_>>();
            self.signs.remove(&key);
            let Some(known) = self.processes.get(key) else { return };
            let place = self.processes.place(known);
            let of = workload::Local {
                host: &self.host,
                image: &known.image,
                place: place.as_deref(),
                uid: known.uid,
                netns: known.netns,
            };
            let name = workload::local(&of, &self.namespaces, at).name;
            self.root(key, (&name, AgentStatus::Suspected), &reasons, at);
        }
    }

    /// A process is an agent's root from now on, and what descends from it is of its tree.
    fn root(
        &mut self,
        key: ProcessKey,
        (name, status): (&str, AgentStatus),
        reasons: &[String],
        at: Timestamp,
    ) {
        let Some(known) = self.processes.get(key) else { return };
        let (seat, image, before) = (self.seat(known), known.image.clone(), known.member);
        let Some(tree) = self.graph.agents.tree((name, status, seat), reasons, &image, at) else {
            self.graph.lose("user-agent-table", 1);
            return;
        };
        if let Some(before) = before {
            self.ends(before, at);
        }
        self.graph.agents.instance(tree, true, at);
        let program = self.graph.agents.runs(tree, &program(&image), status);
        let member = Member { tree, root: true, beyond: boundary(&image).is_some(), program, since: None };
        if let Some(known) = self.processes.get_mut(key) {
            known.member = Some(member);
            known.workload = None;
        }
        for child in self.processes.descendants_of(key) {
            let Some(known) = self.processes.get(child) else { continue };
            let (name, live) = (self::program(&known.image), known.ended.is_none());
            if known.member.is_some() || !live {
                continue;
            }
            let program = self.graph.agents.runs(tree, &name, AgentStatus::Inherited);
            if let Some(known) = self.processes.get_mut(child) {
                known.member = Some(Member { root: false, beyond: false, program, ..member });
                known.workload = None;
            }
        }
        self.settling.push_back((later(at, SETTLES), tree));
    }

    /// Agents that settled get their workloads.
    pub(super) fn settle_agents(&mut self, now: Timestamp) {
        while let Some((due, tree)) = self.settling.front().copied()
            && due < now
        {
            self.settling.pop_front();
            if self.graph.agents.has_instance(tree) {
                self.tree_workload(tree, due);
            }
        }
    }

    /// All of them, at the end.
    pub(super) fn settle_all_agents(&mut self, at: Timestamp) {
        for (_, tree) in std::mem::take(&mut self.settling) {
            if self.graph.agents.has_instance(tree) {
                self.tree_workload(tree, at);
            }
        }
    }

    fn seat(&self, known: &Known) -> Seat {
        let place = self.processes.place(known);
        let unit = place.as_ref().and_then(|it| it.unit.clone()).filter(|it| !it.starts_with("user@"));
        Seat {
            container: place.as_ref().and_then(|it| it.container.clone()),
            unit,
            uid: known.uid,
            netns: known.netns,
        }
    }

    /// The workload of an agent.
    fn tree_workload(&mut self, tree: u32, at: Timestamp) -> Option<u32> {
        let of = self.graph.agents.get(tree)?;
        if let Some((number, generation)) = of.workload
            && generation == self.generation
        {
            return Some(number);
        }
        let Seat { container, unit, uid, netns } = &of.seat;
        let place = crate::event::CgroupPlace {
            container: container.clone(),
            unit: unit.clone(),
            ..crate::event::CgroupPlace::default()
        };
        let local = workload::Local {
            host: &self.host,
            image: &of.image,
            place: Some(&place),
            uid: *uid,
            netns: *netns,
        };
        let base = workload::local(&local, &self.namespaces, at);
        let (agent, agent_reasons) = (of.status, of.reasons.clone());
        let workload = if agent == AgentStatus::Declared {
            let user = uid.to_string();
            let label = self.namespaces.label(*netns);
            let text = |it: &Option<String>| it.clone().unwrap_or_default();
            let (container, unit) = (text(container), text(unit));
            let parts = [self.host.as_str(), "agent", &of.name, &container, &unit, &label, &user];
            Workload { id: WorkloadId::derive(&parts), name: of.name.clone(), agent, agent_reasons, ..base }
        } else {
            Workload { agent, agent_reasons, ..base }
        };
        let number = self.graph.workload(workload.clone())?;
        self.graph.agents.placed(tree, &workload, (number, self.generation));
        Some(number)
    }

    /// The workload of a member: the agent's, or, where it sits elsewhere than the root, one of its own.
    pub(super) fn member_workload(&mut self, key: ProcessKey, member: Member, at: Timestamp) -> Option<u32> {
        let root = self.tree_workload(member.tree, at)?;
        let known = self.processes.get(key)?;
        let tree = self.graph.agents.get(member.tree)?;
        let seat = self.seat(known);
        if member.root || (Seat { unit: tree.seat.unit.clone(), ..seat }) == tree.seat {
            return Some(root);
        }
        let root = self.graph.workloads.get(root)?.value.id.clone();
        let place = self.processes.place(known);
        let of = workload::Local {
            host: &self.host,
            image: &known.image,
            place: place.as_deref(),
            uid: known.uid,
            netns: known.netns,
        };
        let base = workload::local(&of, &self.namespaces, at);
        let because = format!("inherited: descends from agent {}", tree.name);
        let workload = Workload {
            id: WorkloadId::derive(&[root.as_str(), "member", base.id.as_str()]),
            agent: AgentStatus::Inherited,
            agent_reasons: vec![because],
            agent_root: Some(root),
            ..base
        };
        self.graph.workload(workload)
    }
}

/// Script, or path of the program.
fn program(image: &crate::subject::Image) -> String {
    script(image).or(image.exe.as_deref()).unwrap_or(&image.comm).to_owned()
}

/// Signs of one kind tell the same thing twice: they are not independent.
fn kind(sign: &AgentSign) -> u8 {
    match sign {
        AgentSign::Declared { .. } => 0,
        AgentSign::ModelServer | AgentSign::ModelEndpoint { .. } => 1,
        AgentSign::McpClient { .. } => 2,
        AgentSign::Program { .. } => 3,
    }
}

/// A sign in words: its kind, a colon, what was seen.
fn reason(sign: &AgentSign, by: &[String]) -> String {
    match sign {
        AgentSign::Declared { .. } => format!("declared: {}", by.join(", ")),
        AgentSign::ModelServer => "served by a model server: asked in its format".to_owned(),
        AgentSign::ModelEndpoint { name } => format!("calls a model: names the endpoint {name} in TLS"),
        AgentSign::McpClient { era } => format!(
            "MCP client: over HTTP{}",
            match era {
                Some(McpEra::Session) => ", session that begins with initialize",
                Some(McpEra::Stateless) => ", requests that stand for themselves",
                None => "",
            }
        ),
        AgentSign::Program { name } => format!("known agent program: {name}"),
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
