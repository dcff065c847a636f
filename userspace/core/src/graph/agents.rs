//! Agents' trees as they grow: births, ends, boundaries, rates.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::agent_tree::{AgentMember, AgentTree, Boundary, Crossing};
use super::{AgentStatus, Workload};
use crate::id::{Netns, WorkloadId};
use crate::subject::Image;

/// Most programs told apart in one tree; the rest counts as one.
const PROGRAMS: usize = 128;
/// Lives of which the median is taken.
const LIVES: usize = 1024;
/// Seconds and minutes that are kept open, because flows are placed some seconds after they began.
const OPEN: usize = 128;
/// Listeners told apart in one minute.
const LISTENERS: usize = 4096;
/// Most trees.
const TREES: usize = 16_384;
/// Name of the programs beyond [`PROGRAMS`].
const OTHERS: &str = "other programs";

/// Where a root process sits: one agent in two such places is two workloads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Seat {
    pub(crate) container: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) uid: u32,
    pub(crate) netns: Netns,
}

/// A tree under way.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) seat: Seat,
    pub(crate) name: String,
    pub(crate) status: AgentStatus,
    pub(crate) reasons: Vec<String>,
    /// Program of the root that came first, as of when the tree got its workload.
    pub(crate) image: Arc<Image>,
    /// Number of its workload, and for which generation of place names that holds.
    pub(crate) workload: Option<(u32, u32)>,
    id: Option<WorkloadId>,
    instances: u64,
    programs: Vec<AgentMember>,
    born: u64,
    ended: u64,
    lives: VecDeque<u64>,
    crossings: BTreeMap<Boundary, u64>,
    flows: u64,
    seconds: BTreeMap<i64, u64>,
    minutes: BTreeMap<i64, BTreeSet<u32>>,
    peak: (u64, Option<i64>),
    listeners: (u64, Option<i64>),
    first: Timestamp,
    last: Timestamp,
}

/// All trees.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    trees: Vec<Tree>,
    by_seat: HashMap<(String, AgentStatus, Seat), u32>,
    /// What earlier runs counted.
    earlier: BTreeMap<WorkloadId, AgentTree>,
    changed: BTreeSet<u32>,
}

impl Agents {
    pub(crate) fn get(&self, number: u32) -> Option<&Tree> {
        self.trees.get(number as usize)
    }

    /// The tree of an agent in a place; `None` when there is no room.
    pub(crate) fn tree(
        &mut self,
        (name, status, seat): (&str, AgentStatus, Seat),
        reasons: &[String],
        image: &Arc<Image>,
        at: Timestamp,
    ) -> Option<u32> {
        let key = (name.to_owned(), status, seat.clone());
        let number = match self.by_seat.get(&key).copied() {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.trees.len()).ok().filter(|_| self.trees.len() < TREES)?;
                self.by_seat.insert(key, number);
                self.trees.push(Tree {
                    seat,
                    name: name.to_owned(),
                    status,
                    reasons: Vec::new(),
                    image: image.clone(),
                    workload: None,
                    id: None,
                    instances: 0,
                    programs: Vec::new(),
                    born: 0,
                    ended: 0,
                    lives: VecDeque::new(),
                    crossings: BTreeMap::new(),
                    flows: 0,
                    seconds: BTreeMap::new(),
                    minutes: BTreeMap::new(),
                    peak: (0, None),
                    listeners: (0, None),
                    first: at,
                    last: at,
                });
                number
            }
        };
        self.explain(number, reasons);
        Some(number)
    }

    fn at_work(&mut self, number: u32, at: Timestamp) -> Option<&mut Tree> {
        let tree = self.trees.get_mut(number as usize)?;
        tree.last = tree.last.max(at);
        self.changed.insert(number);
        Some(tree)
    }

    /// Adds reasons that are not there yet.
    pub(crate) fn explain(&mut self, number: u32, reasons: &[String]) {
        let Some(tree) = self.trees.get_mut(number as usize) else { return };
        for reason in reasons {
            if !tree.reasons.contains(reason) && tree.reasons.len() < 64 {
                tree.reasons.push(reason.clone());
                // The workload says them too.
                tree.workload = None;
            }
        }
        self.changed.insert(number);
    }

    /// A root process appeared, or went to another tree.
    pub(crate) fn instance(&mut self, number: u32, more: bool, at: Timestamp) {
        if let Some(tree) = self.at_work(number, at) {
            tree.instances = if more { tree.instances + 1 } else { tree.instances.saturating_sub(1) };
        }
    }

    /// A root runs another program: what only starts the agent (nsenter, setpriv, env) is not its program.
    pub(crate) fn executed(&mut self, number: u32, image: &Arc<Image>) {
        if let Some(tree) = self.trees.get_mut(number as usize)
            && tree.id.is_none()
            && tree.instances <= 1
        {
            tree.image = Arc::clone(image);
        }
    }

    /// True when a root process is in it.
    pub(crate) fn has_instance(&self, number: u32) -> bool {
        self.get(number).is_some_and(|it| it.instances > 0)
    }

    /// The workload of a tree became known.
    pub(crate) fn placed(&mut self, number: u32, workload: &Workload, place: (u32, u32)) {
        if let Some(tree) = self.trees.get_mut(number as usize) {
            tree.workload = Some(place);
            tree.id = Some(workload.id.clone());
            self.changed.insert(number);
        }
    }

    /// A process of the tree runs this program: its number there.
    pub(crate) fn runs(&mut self, number: u32, program: &str, status: AgentStatus) -> u32 {
        let Some(tree) = self.trees.get_mut(number as usize) else { return 0 };
        self.changed.insert(number);
        let known = tree.programs.iter().position(|it| it.program == program && it.status == status);
        let place = known.unwrap_or_else(|| {
            if tree.programs.len() < PROGRAMS {
                tree.programs.push(AgentMember { program: program.to_owned(), status, count: 0 });
            } else if let Some(last) = tree.programs.last_mut() {
                OTHERS.clone_into(&mut last.program);
                last.status = AgentStatus::Inherited;
            }
            tree.programs.len() - 1
        });
        if let Some(member) = tree.programs.get_mut(place) {
            member.count += 1;
        }
        u32::try_from(place).unwrap_or(0)
    }

    /// It runs another one now.
    pub(crate) fn runs_no_more(&mut self, number: u32, program: u32) {
        if let Some(tree) = self.trees.get_mut(number as usize)
            && let Some(member) = tree.programs.get_mut(program as usize)
        {
            member.count = member.count.saturating_sub(1);
        }
    }

    /// A member forked; the child runs what its parent runs.
    pub(crate) fn born(&mut self, number: u32, at: Timestamp) {
        if let Some(tree) = self.at_work(number, at) {
            tree.born += 1;
        }
    }

    /// The name of a program of the tree.
    pub(crate) fn program(&self, number: u32, program: u32) -> Option<&str> {
        Some(&self.get(number)?.programs.get(program as usize)?.program)
    }

    /// A descendant whose beginning was seen ended.
    pub(crate) fn ended(&mut self, number: u32, life: SignedDuration, at: Timestamp) {
        if let Some(tree) = self.at_work(number, at) {
            tree.ended += 1;
            if tree.lives.len() >= LIVES {
                tree.lives.pop_front();
            }
            tree.lives.push_back(u64::try_from(life.as_millis()).unwrap_or(0));
        }
    }

    /// Lineage ended.
    pub(crate) fn crossed(&mut self, number: u32, boundary: Boundary, at: Timestamp) {
        if let Some(tree) = self.at_work(number, at) {
            *tree.crossings.entry(boundary).or_default() += 1;
        }
    }

    /// A flow of the tree began.
    pub(crate) fn called(&mut self, number: u32, listener: u32, from: Timestamp) {
        let Some(tree) = self.at_work(number, from) else { return };
        tree.flows += 1;
        let second = from.as_second();
        let count = tree.seconds.entry(second).or_default();
        *count += 1;
        tree.peak = higher(tree.peak, *count, second);
        if tree.seconds.len() > OPEN {
            tree.seconds.pop_first();
        }
        let minute = second.div_euclid(60);
        let listeners = tree.minutes.entry(minute).or_default();
        if listeners.len() < LISTENERS {
            listeners.insert(listener);
        }
        tree.listeners = higher(tree.listeners, listeners.len() as u64, minute);
        if tree.minutes.len() > 3 {
            tree.minutes.pop_first();
        }
    }

    /// Trees that changed since the last call and are placed.
    pub(crate) fn take_changed(&mut self) -> Vec<AgentTree> {
        let changed = std::mem::take(&mut self.changed);
        let (placed, waiting): (BTreeSet<_>, BTreeSet<_>) =
            changed.into_iter().partition(|it| self.get(*it).is_some_and(|tree| tree.id.is_some()));
        self.changed = waiting;
        let ids = placed.iter().filter_map(|it| self.get(*it)?.id.clone()).collect::<BTreeSet<_>>();
        self.all().into_iter().filter(|it| ids.contains(&it.root)).collect()
    }

    /// Every tree that is placed, in order of its workload's id; trees of one workload are one.
    pub(crate) fn all(&self) -> Vec<AgentTree> {
        let mut all = self.earlier.clone();
        for tree in self.trees.iter() {
            let Some(now) = tree.render() else { continue };
            match all.remove(&now.root) {
                Some(known) => all.insert(now.root.clone(), joined(known, now)),
                None => all.insert(now.root.clone(), now),
            };
        }
        all.into_values().collect()
    }

    pub(crate) fn restore(&mut self, agents: &[AgentTree]) {
        self.earlier = agents.iter().map(|it| (it.root.clone(), it.clone())).collect();
    }
}

fn higher(known: (u64, Option<i64>), count: u64, when: i64) -> (u64, Option<i64>) {
    if count > known.0 { (count, Some(when)) } else { known }
}

impl Tree {
    fn render(&self) -> Option<AgentTree> {
        let mut lives = self.lives.iter().copied().collect::<Vec<_>>();
        lives.sort_unstable();
        let mut members = self.programs.iter().filter(|it| it.count > 0).cloned().collect::<Vec<_>>();
        in_order(&mut members);
        let moment = |second: Option<i64>| second.and_then(|it| Timestamp::from_second(it).ok());
        Some(AgentTree {
            root: self.id.clone()?,
            name: self.name.clone(),
            status: self.status,
            reasons: self.reasons.clone(),
            instances: self.instances,
            members,
            born: self.born,
            ended: self.ended,
            median_life_ms: lives.get(lives.len() / 2).copied(),
            crossings: self
                .crossings
                .iter()
                .map(|(boundary, count)| Crossing { boundary: *boundary, count: *count })
                .collect(),
            flows: self.flows,
            peak_per_s: self.peak.0,
            peak_at: moment(self.peak.1),
            listeners_per_min: self.listeners.0,
            listeners_at: moment(self.listeners.1.map(|minute| minute * 60)),
            first: self.first,
            last: self.last,
        })
    }
}

fn in_order(members: &mut [AgentMember]) {
    members.sort_by(|a, b| (b.count, &a.program, a.status).cmp(&(a.count, &b.program, b.status)));
}

/// What an earlier run, or another tree of the same workload, counted, and what this one does.
fn joined(mut known: AgentTree, now: AgentTree) -> AgentTree {
    known.name = now.name;
    known.status = known.status.min(now.status);
    for reason in now.reasons {
        if !known.reasons.contains(&reason) {
            known.reasons.push(reason);
        }
    }
    known.instances += now.instances;
    for member in now.members {
        match known.members.iter_mut().find(|it| it.program == member.program && it.status == member.status) {
            Some(it) => it.count += member.count,
            None => known.members.push(member),
        }
    }
    in_order(&mut known.members);
    known.born += now.born;
    known.ended += now.ended;
    known.median_life_ms = now.median_life_ms.or(known.median_life_ms);
    for crossing in now.crossings {
        match known.crossings.iter_mut().find(|it| it.boundary == crossing.boundary) {
            Some(it) => it.count += crossing.count,
            None => known.crossings.push(crossing),
        }
    }
    known.crossings.sort_by_key(|it| it.boundary);
    known.flows += now.flows;
    if now.peak_per_s > known.peak_per_s {
        (known.peak_per_s, known.peak_at) = (now.peak_per_s, now.peak_at);
    }
    if now.listeners_per_min > known.listeners_per_min {
        (known.listeners_per_min, known.listeners_at) = (now.listeners_per_min, now.listeners_at);
    }
    known.first = known.first.min(now.first);
    known.last = known.last.max(now.last);
    known
}
