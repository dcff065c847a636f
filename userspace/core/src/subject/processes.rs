//! The process table: who a (pid, start time) was, also for a while after it ended.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::agent::boundary;
use crate::event::{CgroupPlace, Process};
use crate::id::{Netns, ProcessKey};

/// How long an ended process is kept for events that come late.
const KEPT_AFTER_EXIT: SignedDuration = SignedDuration::from_secs(60);

/// Program and arguments, shared by all forks of one exec.
#[derive(Debug, Default)]
pub struct Image {
    /// Path of the program.
    pub exe: Option<String>,
    /// Redacted command line.
    pub argv: Vec<String>,
    /// Thread name.
    pub comm: String,
}

/// What a process is in an agent's tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Number of the tree.
    pub(crate) tree: u32,
    /// It is the agent itself, not a descendant.
    pub(crate) root: bool,
    /// It runs a program at which lineage ends: its children, and what it executes next, are not of the tree.
    pub(crate) beyond: bool,
    /// Number of its program in the tree.
    pub(crate) program: u32,
    /// When it began, where that was seen.
    pub(crate) since: Option<Timestamp>,
}

/// What is known of one process.
#[derive(Debug)]
pub struct Known {
    /// Parent at fork.
    pub parent: Option<ProcessKey>,
    /// Program.
    pub image: Arc<Image>,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// cgroup2 id, 0 where unknown.
    pub cgroup: u64,
    /// What its own cgroup file said.
    pub place: Option<Arc<CgroupPlace>>,
    /// Network namespace.
    pub netns: Netns,
    /// Which of the environment variables that were looked for are set.
    pub env: Vec<String>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Number of its workload in the graph, and for which generation of place names that holds.
    pub(crate) workload: Option<(u32, u32)>,
    /// Its part in an agent's tree.
    pub(crate) member: Option<Member>,
    /// Its beginning was seen: it has no children that were there before it.
    forked: bool,
    children: u32,
    /// Ended long ago, kept only as an ancestor.
    lingers: bool,
}

impl Known {
    /// The part in an agent's tree that a child has from its parent.
    fn gives_on(&self) -> Option<Member> {
        self.member.filter(|it| !it.beyond).map(|it| Member { root: false, since: None, ..it })
    }
}

/// The process table, bounded.
#[derive(Debug)]
pub struct Processes {
    known: HashMap<ProcessKey, Known>,
    newest: HashMap<u32, ProcessKey>,
    ended: VecDeque<(Timestamp, ProcessKey)>,
    cgroups: HashMap<u64, Arc<CgroupPlace>>,
    most: usize,
    lost: u64,
}

impl Processes {
    /// A table of at most `most` processes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            known: HashMap::new(),
            newest: HashMap::new(),
            ended: VecDeque::new(),
            cgroups: HashMap::new(),
            most,
            lost: 0,
        }
    }

    /// A process by its key; a start time of 0 stands for the newest process of that pid.
    #[must_use]
    pub fn get(&self, key: ProcessKey) -> Option<&Known> {
        if key.start_ticks == 0 { self.known.get(self.newest.get(&key.pid)?) } else { self.known.get(&key) }
    }

    pub(crate) fn get_mut(&mut self, key: ProcessKey) -> Option<&mut Known> {
        let key = if key.start_ticks == 0 { *self.newest.get(&key.pid)? } else { key };
        self.known.get_mut(&key)
    }

    /// The newest process of a pid.
    #[must_use]
    pub fn newest(&self, pid: u32) -> Option<ProcessKey> {
        self.newest.get(&pid).copied()
    }

    /// The place of a process: its own cgroup file first, then the name its cgroup got.
    #[must_use]
    pub fn place(&self, process: &Known) -> Option<Arc<CgroupPlace>> {
        process.place.clone().or_else(|| self.cgroups.get(&process.cgroup).cloned())
    }

    /// The parent, its parent, and so on, as far as known.
    pub fn ancestors(&self, key: ProcessKey) -> impl Iterator<Item = (ProcessKey, &Known)> {
        let mut next = self.get(key).and_then(|it| it.parent);
        // A chain is never longer than pids are many; a loop in hostile records must end too.
        std::iter::from_fn(move || {
            let key = next?;
            let known = self.get(key)?;
            next = known.parent;
            Some((key, known))
        })
        .take(64)
    }

    /// The process that executed the program that this one runs: itself, or of a chain of forks the first.
    #[must_use]
    pub(crate) fn who_executed(&self, key: ProcessKey) -> Option<ProcessKey> {
        let own = self.get(key)?.image.clone();
        let same = self.ancestors(key).take_while(|(_, it)| Arc::ptr_eq(&it.image, &own)).last();
        Some(same.map_or(key, |(key, _)| key))
    }

    /// All that descend from a process and were not started beyond a boundary, in order of key.
    #[must_use]
    pub(crate) fn descendants_of(&self, root: ProcessKey) -> Vec<ProcessKey> {
        if self.known.get(&root).is_none_or(|it| it.forked && it.children == 0) {
            return Vec::new();
        }
        let below = |key: ProcessKey| {
            for (above, known) in self.ancestors(key) {
                if above == root {
                    return true;
                }
                if boundary(&known.image).is_some() || known.member.is_some() {
                    return false;
                }
            }
            false
        };
        let mut found = self.known.keys().copied().filter(|key| below(*key)).collect::<Vec<_>>();
        found.sort_unstable();
        found
    }

    /// All that have not ended, in order of key.
    #[must_use]
    pub(crate) fn living(&self) -> Vec<ProcessKey> {
        let live = self.known.iter().filter(|(_, it)| it.ended.is_none());
        let mut keys = live.map(|(key, _)| *key).collect::<Vec<_>>();
        keys.sort_unstable();
        keys
    }

    /// Processes that lived at `since` or later, as far as they are still known.
    pub(crate) fn lived_since(&self, since: Timestamp) -> Vec<ProcessKey> {
        let mut lived: Vec<ProcessKey> = self
            .known
            .iter()
            .filter(|(_, it)| it.ended.is_none_or(|ended| ended >= since))
            .map(|(key, _)| *key)
            .collect();
        lived.sort_unstable();
        lived
    }

    /// How many processes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// How many processes found no room since the last call.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// A cgroup got a meaning.
    pub fn name_cgroup(&mut self, cgroup: u64, place: CgroupPlace) {
        if self.cgroups.len() < self.most || self.cgroups.contains_key(&cgroup) {
            self.cgroups.insert(cgroup, Arc::new(place));
        } else {
            self.lost += 1;
        }
    }

    /// A process began by fork: what the event does not say comes from the parent.
    pub fn forked(&mut self, process: Process) {
        let parent_key = process.parent;
        let parent = process.parent.and_then(|key| self.get(key));
        let inherited =
            parent.map(|it| (it.image.clone(), it.cgroup, it.place.clone(), it.netns, it.env.clone()));
        let key = process.key;
        let of = parent_key.and_then(|key| self.get(key)).and_then(Known::gives_on);
        let mut new = self.admit(process);
        new.member = of;
        new.forked = true;
        if let Some((image, cgroup, place, netns, env)) = inherited {
            if new.image.exe.is_none() {
                new.image = image;
            }
            if new.cgroup == 0 {
                new.cgroup = cgroup;
            }
            if new.cgroup == cgroup && new.place.is_none() {
                new.place = place;
            }
            if new.netns == Netns::default() {
                new.netns = netns;
            }
            if new.env.is_empty() {
                new.env = env;
            }
        }
        self.insert(key, new);
    }

    /// A process replaced its program.
    pub fn executed(&mut self, process: Process) {
        self.renew(process, true);
    }

    /// /proc said something about a process: what it says replaces what was known, what it leaves open stays.
    pub fn seen(&mut self, process: Process) {
        self.renew(process, false);
    }

    fn renew(&mut self, process: Process, new_program: bool) {
        let key = process.key;
        let mut new = self.admit(process);
        let of = new.parent.and_then(|key| self.get(key)).and_then(Known::gives_on);
        let Some(old) = self.known.get_mut(&key) else {
            new.member = of;
            self.insert(key, new);
            return;
        };
        if new.image.exe.is_none() && (!new_program || new.image.argv.is_empty()) {
            // An exec whose path could not be read is still another program; a /proc read that failed is not.
            if new_program {
                new.image = Arc::new(Image { comm: new.image.comm.clone(), ..Image::default() });
            } else {
                new.image = old.image.clone();
            }
        } else if !new_program && new.image.argv.is_empty() {
            new.image = Arc::new(Image {
                exe: new.image.exe.clone(),
                argv: old.image.argv.clone(),
                comm: new.image.comm.clone(),
            });
        }
        old.image = new.image;
        (old.uid, old.gid) = (new.uid, new.gid);
        if new_program || !new.env.is_empty() {
            old.env = new.env;
        }
        old.parent = new.parent.or(old.parent);
        if new.cgroup != 0 {
            if new.cgroup != old.cgroup {
                old.place = None;
            }
            old.cgroup = new.cgroup;
        }
        old.place = new.place.or_else(|| old.place.clone());
        if new.netns != Netns::default() {
            old.netns = new.netns;
        }
        old.workload = None;
    }

    /// A process ended.
    pub fn exited(&mut self, key: ProcessKey, at: Timestamp) {
        if let Some(known) = self.known.get_mut(&key)
            && known.ended.is_none()
        {
            known.ended = Some(at);
            self.ended.push_back((at, key));
        }
        self.forget_ended(at);
    }

    fn forget_ended(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.ended.front().copied() {
            if now.duration_since(at) < KEPT_AFTER_EXIT && self.known.len() <= self.most {
                break;
            }
            self.ended.pop_front();
            self.forget(key);
        }
    }

    /// Forgets an ended process, and ancestors that were kept only for it.
    fn forget(&mut self, key: ProcessKey) {
        let mut next = Some(key);
        while let Some(key) = next.take() {
            let Some(known) = self.known.get_mut(&key) else { return };
            if known.children > 0 {
                known.lingers = true;
                return;
            }
            let parent = known.parent;
            self.known.remove(&key);
            if self.newest.get(&key.pid) == Some(&key) {
                self.newest.remove(&key.pid);
            }
            if let Some(parent) = parent
                && let Some(above) = self.known.get_mut(&parent)
            {
                above.children = above.children.saturating_sub(1);
                if above.lingers && above.children == 0 {
                    next = Some(parent);
                }
            }
        }
    }

    fn insert(&mut self, key: ProcessKey, new: Known) {
        if self.known.len() >= self.most {
            match self.ended.pop_front() {
                Some((_, oldest)) => self.forget(oldest),
                None => {
                    self.lost += 1;
                    return;
                }
            }
        }
        if let Some(parent) = new.parent
            && let Some(above) = self.known.get_mut(&parent)
        {
            above.children += 1;
        }
        let newer = self.newest.get(&key.pid).is_none_or(|known| known.start_ticks <= key.start_ticks);
        if newer {
            self.newest.insert(key.pid, key);
        }
        self.known.insert(key, new);
    }

    fn admit(&mut self, process: Process) -> Known {
        let Process { key: _, parent, exe, argv, comm, uid, gid, cgroup, place, netns, env } = process;
        let place = place.map(|place| {
            if let Some(known) = self.cgroups.get(&cgroup)
                && **known == place
            {
                return known.clone();
            }
            let place = Arc::new(place);
            if cgroup != 0 && self.cgroups.len() < self.most {
                self.cgroups.insert(cgroup, place.clone());
            }
            place
        });
        Known {
            parent,
            image: Arc::new(Image { exe, argv, comm }),
            uid,
            gid,
            cgroup,
            place,
            netns,
            env,
            ended: None,
            workload: None,
            member: None,
            forked: false,
            children: 0,
            lingers: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: Option<u32>, exe: Option<&str>) -> Process {
        Process {
            key: key(pid),
            parent: parent.map(key),
            exe: exe.map(str::to_owned),
            argv: exe.map(str::to_owned).into_iter().collect(),
            comm: "x".into(),
            uid: 7,
            gid: 7,
            cgroup: 0,
            place: None,
            netns: Netns(0),
            env: Vec::new(),
        }
    }

    fn key(pid: u32) -> ProcessKey {
        ProcessKey { pid, start_ticks: u64::from(pid) * 10 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_fork_has_its_parents_program_until_it_executes_its_own() {
        let mut table = Processes::new(10);
        table.seen(Process { netns: Netns(5), cgroup: 9, ..process(1, None, Some("/bin/sh")) });
        table.forked(process(2, Some(1), None));
        let child = table.get(key(2)).unwrap();
        assert_eq!(child.image.exe.as_deref(), Some("/bin/sh"));
        assert_eq!((child.netns, child.cgroup), (Netns(5), 9));
        table.executed(process(2, None, Some("/usr/bin/redis-cli")));
        let child = table.get(key(2)).unwrap();
        assert_eq!(child.image.exe.as_deref(), Some("/usr/bin/redis-cli"));
        assert_eq!(child.parent, Some(key(1)), "an exec does not change the parent");
        assert_eq!(child.netns, Netns(5), "what the event leaves open stays");
    }

    #[test]
    fn an_ended_process_is_kept_a_while_and_an_ancestor_as_long_as_its_descendants() {
        let mut table = Processes::new(10);
        table.seen(process(1, None, Some("/bin/sh")));
        table.forked(process(2, Some(1), None));
        table.exited(key(1), at(100));
        table.exited(key(9), at(130));
        assert!(table.get(key(1)).is_some());
        table.exited(key(9), at(200));
        assert_eq!(table.ancestors(key(2)).count(), 1, "the chain of a live process stays whole");
        table.exited(key(2), at(200));
        table.exited(key(9), at(300));
        assert!(table.is_empty());
    }

    #[test]
    fn a_full_table_gives_up_the_ended_first_and_counts_the_rest() {
        let mut table = Processes::new(2);
        table.seen(process(1, None, Some("/a")));
        table.seen(process(2, None, Some("/b")));
        table.exited(key(1), at(1));
        table.seen(process(3, None, Some("/c")));
        assert!(table.get(key(1)).is_none() && table.get(key(3)).is_some());
        table.seen(process(4, None, Some("/d")));
        assert_eq!((table.len(), table.take_lost()), (2, 1));
    }

    #[test]
    fn a_pid_that_is_used_again_is_another_process() {
        let mut table = Processes::new(10);
        table.seen(process(1, None, Some("/old")));
        let newer = ProcessKey { pid: 1, start_ticks: 99 };
        table.seen(Process { key: newer, ..process(1, None, Some("/new")) });
        assert_eq!(table.get(key(1)).unwrap().image.exe.as_deref(), Some("/old"));
        assert_eq!(table.newest(1), Some(newer));
    }
}
