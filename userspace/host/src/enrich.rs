//! What the kernel record of a live event could not say, read before it enters the pipeline.
//!
//! Every answer is kept, so an event whose process, cgroup and namespace were seen before costs a few hash look-ups
//! and no system call.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use tierzero_core::event::{Event, ListenAddress, Listening, Process, ProgramFile, SocketFile, What};
use tierzero_core::id::{Netns, ProcessKey};

use crate::cgroup;
use crate::mounts::Cgroup2;
use crate::namespace::{self, Namespace};
use crate::snapshot::{Picture, named, seen};
use crate::{process, socket_file};

/// Most entries of one cache; when full it starts anew, which costs one more read each and loses nothing.
const CAP: usize = 1 << 16;
/// How many ended processes are remembered.
const ENDED: usize = 4096;
/// How long the owner and mode of a socket file are believed: chmod(2) tells nobody.
const FILE_LIFE: Duration = Duration::from_secs(2);

/// What is remembered of the host between events.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Processes that were told, by pid: start time, and network namespace (0 where unknown).
    processes: HashMap<u32, (u64, Netns)>,
    ended: VecDeque<ProcessKey>,
    cgroups: HashSet<u64>,
    /// Namespaces by number, with the addresses told last.
    pub(crate) namespaces: BTreeMap<Netns, (Namespace, Vec<std::net::IpAddr>)>,
    /// Namespaces that an event showed since [`Host::enrich`](crate::Host::enrich) last looked.
    pub(crate) met: Vec<Netns>,
    files: HashMap<(ProcessKey, String), (Instant, Option<SocketFile>)>,
    /// Environment variables that are looked for.
    pub(crate) env_names: Vec<String>,
    /// True where a v1 hierarchy of systemd stands beside cgroup2: then the cgroup2 path says little.
    hybrid: bool,
}

impl Memory {
    /// Takes over what a snapshot told.
    pub(crate) fn learn(&mut self, picture: &Picture) {
        self.hybrid = std::fs::read_to_string("/proc/self/cgroup").is_ok_and(|text| {
            text.contains(":name=systemd:") && text.lines().any(|line| line.starts_with("0::"))
        });
        self.processes = picture
            .processes
            .values()
            .map(|process| (process.key.pid, (process.key.start_ticks, process.netns)))
            .collect();
        self.cgroups = picture.cgroups.keys().copied().collect();
        self.namespaces = picture
            .namespaces
            .iter()
            .map(|(namespace, view)| (namespace.netns, (namespace.clone(), view.addresses.clone())))
            .collect();
    }

    /// Completes one event; what must be known first goes to `before`.
    pub(crate) fn enrich(&mut self, event: &mut Event, cgroup2: Option<&Cgroup2>, before: &mut Vec<Event>) {
        let at = event.at;
        let mut first = Vec::new();
        match &mut event.what {
            What::Forked { process } => {
                let parent = process.parent.and_then(|parent| self.home(parent));
                fill(&mut process.netns, parent);
                self.begun(process, false, &mut first);
            }
            What::Executed { process, file } => {
                if process.netns == Netns::default() {
                    fill(&mut process.netns, process::netns(process.key.pid));
                }
                self.begun(process, true, &mut first);
                program(process, file.take());
                process.env = process::env(process.key.pid, &self.env_names);
            }
            What::Exited { process } => {
                self.ended(*process);
            }
            What::Connecting { process, ends, .. } | What::Datagrams { process, ends, .. } => {
                self.process(*process, cgroup2, &mut first);
                self.socket_netns(&mut ends.netns, *process, &mut first);
            }
            What::Accepted { process, ends, .. } => {
                self.process(Some(*process), cgroup2, &mut first);
                if let Some(ends) = ends {
                    self.socket_netns(&mut ends.netns, Some(*process), &mut first);
                }
            }
            What::Released { process, .. } => self.process(*process, cgroup2, &mut first),
            What::PeerCredentialsRead { process, .. } => self.process(Some(*process), cgroup2, &mut first),
            What::UnixRefused { process, netns, .. } => {
                self.process(Some(*process), cgroup2, &mut first);
                self.socket_netns(netns, Some(*process), &mut first);
            }
            What::UnixConnected { process, netns, path, file, listener_pid, .. } => {
                self.process(Some(*process), cgroup2, &mut first);
                self.socket_netns(netns, Some(*process), &mut first);
                // A short-lived caller may be gone already; who listens is there longer, and bound that very path.
                *file = file
                    .or_else(|| self.file(*process, path))
                    .or_else(|| socket_file::read((*listener_pid)?, path));
            }
            What::Listening(listening) => self.listening(listening, cgroup2, &mut first),
            // Established carries no process to read from; the rest comes from here or needs nothing.
            What::Established { .. }
            | What::Host(_)
            | What::Started
            | What::Stopped
            | What::Coverage(_)
            | What::ProcessSeen { .. }
            | What::CgroupNamed { .. }
            | What::NetnsSeen { .. }
            | What::AgentSign { .. }
            | What::ListenerClosed { .. }
            | What::ConnectFailed { .. }
            | What::AlreadyOpen { .. }
            | What::UnixAlreadyOpen { .. }
            | What::Translated { .. }
            | What::Payload(_)
            | What::Inside(_)
            | What::TlsCaller(_)
            | What::Spoke { .. }
            | What::Observed { .. } => {}
        }
        before.extend(first.into_iter().map(|what| Event { at, what }));
    }

    fn remember(&mut self, key: ProcessKey, netns: Netns) {
        if self.processes.len() >= CAP {
            self.processes.clear();
        }
        self.processes.insert(key.pid, (key.start_ticks, netns));
    }

    /// The namespace of a process that was told. A start time of 0 stands for the newest process of that pid.
    fn home(&self, key: ProcessKey) -> Option<Netns> {
        let (start, netns) = self.processes.get(&key.pid)?;
        (key.start_ticks == 0 || key.start_ticks == *start).then_some(*netns)
    }

    /// Its sockets are released after it ended, so it is forgotten only a while later.
    fn ended(&mut self, key: ProcessKey) {
        self.ended.push_back(key);
        if self.ended.len() > ENDED
            && let Some(old) = self.ended.pop_front()
            && self.processes.get(&old.pid).is_some_and(|(start, _)| *start == old.start_ticks)
        {
            self.processes.remove(&old.pid);
        }
    }

    fn begun(&mut self, process: &mut Process, executed: bool, first: &mut Vec<What>) {
        self.remember(process.key, process.netns);
        self.netns(process.netns, Some(process.key), first);
        self.place(process, executed, first);
    }

    /// The namespace of a socket, told if it is new. Where the kernel record could not say it, that of its process
    /// is taken: a socket stays where it was made, and few processes move between making and using one.
    fn socket_netns(&mut self, netns: &mut Netns, process: Option<ProcessKey>, first: &mut Vec<What>) {
        fill(netns, process.and_then(|key| self.home(key)));
        self.netns(*netns, process, first);
    }

    /// A process whose beginning was not told: its record was lost, or it began before observation.
    fn process(&mut self, key: Option<ProcessKey>, cgroup2: Option<&Cgroup2>, first: &mut Vec<What>) {
        let Some(key) = key.filter(|key| self.home(*key).is_none()) else { return };
        // Remembered even when it is gone, so that it is looked for once.
        self.remember(key, Netns::default());
        let same = |found: &process::Found| key.start_ticks == 0 || found.process.key == key;
        if let Some(found) = process::read(key.pid, cgroup2).filter(same) {
            let parent = process::key(found.stat.parent);
            let env = process::env(key.pid, &self.env_names);
            self.remember(found.process.key, found.process.netns);
            first.push(What::ProcessSeen { process: Process { parent, env, ..found.process } });
        }
    }

    /// A namespace that was not told yet. `within` lives in it.
    fn netns(&mut self, netns: Netns, within: Option<ProcessKey>, first: &mut Vec<What>) {
        if netns == Netns::default() || self.namespaces.contains_key(&netns) {
            return;
        }
        let Some(pid) = within.map(|key| key.pid) else { return };
        let namespace = Namespace {
            netns,
            name: namespace::name(netns, namespace::host(), &namespace::names()),
            doors: vec![namespace::door(pid)],
            pid: Some(pid),
        };
        // Where it can't be entered it is still told, without addresses; a later refresh may know more.
        let addresses = namespace.inside(namespace::addresses).unwrap_or_default();
        first.push(seen(&namespace, &addresses));
        self.namespaces.insert(netns, (namespace, addresses));
        self.met.push(netns);
    }

    /// What the cgroup of a process is, where that cgroup is new. On a hybrid host each new program is asked as
    /// well, because cgroup2 says only `/` there; a process that only forked is where its parent is.
    fn place(&mut self, process: &mut Process, executed: bool, first: &mut Vec<What>) {
        let ask = self.hybrid && executed;
        if process.place.is_some() || (!ask && self.cgroups.contains(&process.cgroup)) {
            return;
        }
        let Ok(text) = std::fs::read(format!("/proc/{}/cgroup", process.key.pid)) else { return };
        let text = String::from_utf8_lossy(&text);
        let (place, unified) = cgroup::of_process(&text);
        process.place = place;
        if self.cgroups.len() >= CAP {
            self.cgroups.clear();
        }
        if self.cgroups.insert(process.cgroup) {
            first.extend(unified.and_then(|path| named(process.cgroup, path)));
        }
    }

    fn file(&mut self, process: ProcessKey, path: &str) -> Option<SocketFile> {
        let now = Instant::now();
        let key = (process, path.to_owned());
        if let Some((read, file)) = self.files.get(&key)
            && now.duration_since(*read) < FILE_LIFE
        {
            return *file;
        }
        let file = socket_file::read(process.pid, path);
        if self.files.len() >= CAP / 16 {
            self.files.clear();
        }
        self.files.insert(key, (now, file));
        file
    }

    fn listening(&mut self, listening: &mut Listening, cgroup2: Option<&Cgroup2>, first: &mut Vec<What>) {
        let holder = listening.processes.first().copied();
        self.process(holder, cgroup2, first);
        self.socket_netns(&mut listening.netns, holder, first);
        if let (ListenAddress::Unix { path, file }, Some(process)) = (&mut listening.at, holder) {
            *file = file.or_else(|| self.file(process, path));
        }
    }
}

/// The program as /proc names it. The kernel's record has the path as it was given to execve(2): relative, or a link.
/// When the process has replaced its program again meanwhile this is the later one; the event of that follows at once.
/// Of a process that is gone already the links are followed here, so that one program stays one workload however short
/// its processes live.
fn program(process: &mut Process, file: Option<ProgramFile>) {
    let given = || process::named(process.exe.as_deref()?, file?);
    if let Some(exe) = process::exe(process.key.pid).or_else(given) {
        process.exe = Some(exe);
    }
}

fn fill(netns: &mut Netns, with: Option<Netns>) {
    if *netns == Netns::default() {
        *netns = with.unwrap_or_default();
    }
}
