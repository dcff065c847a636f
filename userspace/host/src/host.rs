//! The host, behind one value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Degradation, Event, What};
use tierzero_core::id::{EndKey, Netns, ProcessKey};

use crate::enrich::Memory;
use crate::error::HostError;
use crate::holders::Holders;
use crate::mounts::Cgroup2;
use crate::namespace::{self, Namespace};
use crate::snapshot::{Picture, seen};
use crate::translate::{self, Watch};
use crate::{degraded, diag, process};

/// How often namespaces are looked for anew, with their addresses and translation rules. A container's addresses
/// are often assigned after its first process ran.
const REFRESH: Duration = Duration::from_secs(5);

/// How often at most a listener that came without a process is looked up in /proc.
const SEARCH: Duration = Duration::from_secs(1);

/// This host, with what is remembered of it between questions.
#[derive(Debug)]
pub struct Host {
    cgroup2: Option<Cgroup2>,
    memory: Memory,
    watches: BTreeMap<Netns, Watch>,
    refreshed: Option<Instant>,
    searched: Option<Instant>,
    /// True once it was told that translations can't be heard.
    untranslated: bool,
}

impl Host {
    /// Opens the host.
    ///
    /// # Errors
    /// /proc is not there.
    pub fn new() -> Result<Self, HostError> {
        fs::metadata("/proc/self/stat").map_err(HostError::NoProc)?;
        Ok(Self {
            cgroup2: Cgroup2::find(),
            memory: Memory::default(),
            watches: BTreeMap::new(),
            refreshed: None,
            searched: None,
            untranslated: false,
        })
    }

    /// From now on processes are told with those of these environment variables that they have, by name. Values are
    /// wiped as soon as they were read. A process that ends before it is read has none.
    pub fn look_for_env(&mut self, names: Vec<String>) {
        self.memory.env_names = names;
    }

    /// All processes, cgroups, network namespaces with their addresses, listeners, and connections already open,
    /// from every network namespace of the host; and what of it could not be read. About 10 system calls a
    /// process, one a descriptor, and one a few hundred sockets.
    pub fn snapshot(&mut self, now: Timestamp) -> (Vec<Event>, Vec<Degradation>) {
        let picture = self.picture();
        let mut events = picture.events(now);
        self.translations(now, &mut events);
        (events, picture.degraded.into_iter().collect())
    }

    /// The host as it is now; what it shows is taken as told.
    pub(crate) fn picture(&mut self) -> Picture {
        if let Some(cgroup2) = &self.cgroup2 {
            cgroup2.forget();
        }
        let mut picture = Picture::take(self.cgroup2.as_ref());
        for process in picture.processes.values_mut() {
            process.env = process::env(process.key.pid, &self.memory.env_names);
        }
        self.memory.learn(&picture);
        picture
    }

    /// Completes one live event before it enters the pipeline: what its kernel record could not say. Events that
    /// the core must know first are appended to `before`; feed them first. Costs no system call for an event whose
    /// process, cgroup and namespace were seen before.
    pub fn enrich(&mut self, event: &mut Event, before: &mut Vec<Event>) {
        if let What::Listening(listening) = &mut event.what
            && listening.processes.is_empty()
            && self.searched.is_none_or(|last| last.elapsed() >= SEARCH)
        {
            self.searched = Some(Instant::now());
            listening.processes = self.holder_of(listening.socket);
        }
        self.memory.enrich(event, self.cgroup2.as_ref(), before);
        for netns in std::mem::take(&mut self.memory.met) {
            let mut found = Vec::new();
            self.subscribe(netns, &mut found);
            before.extend(found.into_iter().map(|what| Event { at: event.at, what }));
        }
    }

    fn holder_of(&mut self, socket: EndKey) -> Vec<ProcessKey> {
        match socket {
            EndKey::Tcp { cookie } | EndKey::Udp { cookie, .. } => {
                self.holders(&[cookie]).into_iter().flat_map(|(_, held)| held).collect()
            }
            EndKey::Unix { socket } => {
                Holders::read(process::all().into_iter().filter_map(process::key)).of(socket)
            }
            EndKey::Capture { .. } => Vec::new(),
        }
    }

    /// Appends the address translations since the last call, from every namespace that has rules for them. The
    /// kernel tells of a translation before anything else of its connection is seen: ask before events are fed, with
    /// the time of the first. One system call a namespace that has rules.
    pub fn translated(&mut self, at: Timestamp, out: &mut Vec<Event>) {
        let mut found = Vec::new();
        let lost: Vec<Netns> = self
            .watches
            .iter()
            .filter(|(_, watch)| watch.drain(&mut found))
            .map(|(&netns, _)| netns)
            .collect();
        for netns in lost {
            // The table still holds what the full buffer dropped.
            if let Some((namespace, _)) = self.memory.namespaces.get(&netns)
                && let Ok(Ok(table)) = namespace.inside(|| translate::table(netns))
            {
                found.extend(table);
            }
        }
        out.extend(found.into_iter().map(|what| Event { at, what }));
    }

    /// The same, and every five seconds looks for namespaces, addresses and rules that came or changed: appends
    /// [`What::NetnsSeen`] for them, and what was translated under rules that are new. Call it every second or so.
    pub fn translations(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        if self.refreshed.is_none_or(|last| last.elapsed() >= REFRESH) {
            let mut found = Vec::new();
            self.refresh(&mut found);
            self.refreshed = Some(Instant::now());
            out.extend(found.into_iter().map(|what| Event { at: now, what }));
        }
        self.translated(now, out);
    }

    fn refresh(&mut self, found: &mut Vec<What>) {
        let mut namespaces: BTreeMap<Netns, Namespace> = BTreeMap::new();
        for namespace in
            namespace::find(process::all().into_iter().filter_map(|pid| Some((process::netns(pid)?, pid))))
        {
            namespaces.insert(namespace.netns, namespace);
        }
        // A socket of ours inside would keep a namespace alive that nobody else uses.
        self.watches.retain(|netns, _| namespaces.contains_key(netns));
        let mut old = std::mem::take(&mut self.memory.namespaces);
        for (netns, namespace) in namespaces {
            let watched = self.watches.contains_key(&netns);
            let told = old.remove(&netns).map(|(_, addresses)| addresses);
            let look = namespace.inside(|| {
                let translations = if watched { (None, Vec::new()) } else { translate::subscribe(netns) };
                (namespace::addresses(), translations)
            });
            let (addresses, (watch, table)) =
                look.unwrap_or_else(|_| (told.clone().unwrap_or_default(), (None, Vec::new())));
            if told.as_ref() != Some(&addresses) {
                found.push(seen(&namespace, &addresses));
            }
            self.keep(netns, watch, found);
            found.extend(table);
            self.memory.namespaces.insert(netns, (namespace, addresses));
        }
    }

    /// Subscribes to the translations of a namespace that was met just now, so that its first connections are not
    /// taken for ones to where they were sent.
    fn subscribe(&mut self, netns: Netns, found: &mut Vec<What>) {
        let Some((namespace, _)) = self.memory.namespaces.get(&netns) else { return };
        // Where it can't be entered, the next refresh tries again.
        let Ok((watch, table)) = namespace.inside(|| translate::subscribe(netns)) else { return };
        self.keep(netns, watch, found);
        found.extend(table);
    }

    fn keep(&mut self, netns: Netns, watch: Option<io::Result<Watch>>, found: &mut Vec<What>) {
        match watch {
            Some(Ok(watch)) => {
                self.watches.insert(netns, watch);
            }
            Some(Err(error)) if !self.untranslated => {
                self.untranslated = true;
                found.push(What::Coverage(Coverage::Degraded(degraded::no_translations(&error))));
            }
            Some(Err(_)) | None => {}
        }
    }

    /// All addresses of all network namespaces that are known by now, each once, in order.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<IpAddr> {
        let all = self.memory.namespaces.values().flat_map(|(_, addresses)| addresses.iter().copied());
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Who holds these TCP or UDP sockets now, by cookie. One that is closed, or waits for accept(2), or whose
    /// processes may not be read, is not in the answer. Reads the socket tables and every process's descriptors:
    /// ask for many at once, and seldom.
    pub fn holders(&mut self, cookies: &[u64]) -> Vec<(u64, Vec<ProcessKey>)> {
        let asked: BTreeSet<u64> = cookies.iter().copied().collect();
        let mut inodes: HashMap<u64, u64> = HashMap::new();
        for (namespace, _) in self.memory.namespaces.values() {
            let sockets = namespace.inside(|| {
                let socket = diag::connect()?;
                let mut all = diag::tcp(&socket)?;
                all.extend(diag::udp(&socket)?);
                Ok::<_, io::Error>(all)
            });
            let Ok(Ok(sockets)) = sockets else { continue };
            let found = sockets.iter().filter(|socket| socket.inode != 0 && asked.contains(&socket.cookie));
            inodes.extend(found.map(|socket| (socket.cookie, socket.inode)));
            if inodes.len() == asked.len() {
                break;
            }
        }
        if inodes.is_empty() {
            return Vec::new();
        }
        let holders = Holders::read(process::all().into_iter().filter_map(process::key));
        let mut answer: Vec<_> = inodes
            .into_iter()
            .map(|(cookie, inode)| (cookie, holders.of(inode)))
            .filter(|(_, held)| !held.is_empty())
            .collect();
        answer.sort_unstable();
        answer
    }
}
