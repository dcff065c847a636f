//! A small builder of event sequences: processes, listeners, connections and what is said on them.
#![allow(dead_code, reason = "each test file uses a part of the builder")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

use std::net::SocketAddr;

use jiff::Timestamp;
use tierzero_core::event::{
    Addresses, ConnectFailure, Event, HostDescription, ListenAddress, Listening, Payload, PeerCredentialCall,
    Process, Role, SocketFile, What,
};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::graph::{Delta, Edge, Flow, Listener, Snapshot, Workload};
use tierzero_core::id::{EndKey, HostId, Netns, ProcessKey};
use tierzero_core::pipeline::{Limits, Pipeline, Settings, Step};
use tierzero_core::subject::{AgentRules, Decided};

pub(crate) mod api;

pub(crate) const HOST: u32 = 1;

/// A TCP connection, both of whose ends are on this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) caller: EndKey,
    pub(crate) receiver: EndKey,
    pub(crate) near: Addresses,
    pub(crate) far: Addresses,
    pub(crate) offsets: [u64; 2],
}

pub(crate) struct Scene {
    limits: Limits,
    pub(crate) pipeline: Pipeline,
    pub(crate) recorded: Vec<Event>,
    pub(crate) deltas: Vec<Delta>,
    pub(crate) millis: i64,
    next: u64,
}

pub(crate) fn settings() -> Settings {
    Settings {
        short_lived_s: 3600,
        payload_bytes: 8192,
        agents: AgentRules::default(),
        fingerprinter: Fingerprinter::new([7; 32]),
    }
}

/// A replay knows no rules: the log says what was decided.
fn replaying() -> Settings {
    let agents = AgentRules { decided: Decided::InTheLog, ..AgentRules::default() };
    Settings { agents, ..settings() }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn pid(pid: u32) -> ProcessKey {
    ProcessKey { pid, start_ticks: u64::from(pid) }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Pipeline::new(settings()))
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        Self { limits, ..Self::with(Pipeline::with_limits(settings(), limits)) }
    }

    pub(crate) fn with(pipeline: Pipeline) -> Self {
        let mut scene = Self {
            limits: Limits::default(),
            pipeline,
            recorded: Vec::new(),
            deltas: Vec::new(),
            millis: 1_700_000_000_000,
            next: 1000,
        };
        scene.feed(What::Host(HostDescription {
            id: HostId::derive(&["test"]),
            name: "test".into(),
            kernel: "6.1".into(),
            boot_id: "b".into(),
        }));
        scene.feed(What::Started);
        scene.feed(What::NetnsSeen {
            netns: Netns(HOST),
            name: Some("host".into()),
            addresses: vec!["127.0.0.1".parse().unwrap(), "10.0.0.1".parse().unwrap()],
        });
        scene
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis).unwrap()
    }

    /// One event, one millisecond later than the last.
    pub(crate) fn feed(&mut self, what: What) {
        self.millis += 1;
        let at = self.now();
        let step = self.pipeline.step(Event { at, what });
        self.keep(step);
    }

    pub(crate) fn keep(&mut self, step: Step) {
        self.recorded.extend(step.recordable);
        self.deltas.extend(step.deltas);
    }

    /// Time passes without events.
    pub(crate) fn wait(&mut self, millis: i64) {
        self.millis += millis;
        let step = self.pipeline.tick(self.now());
        self.keep(step);
    }

    pub(crate) fn key(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn process(&mut self, number: u32, exe: &str, netns: u32, uid: u32) -> ProcessKey {
        let process = Process {
            key: pid(number),
            parent: None,
            exe: Some(exe.to_owned()),
            argv: vec![exe.to_owned()],
            comm: "x".into(),
            uid,
            gid: uid,
            cgroup: 0,
            place: None,
            netns: Netns(netns),
            env: Vec::new(),
        };
        self.feed(What::ProcessSeen { process });
        pid(number)
    }

    pub(crate) fn netns(&mut self, netns: u32, name: &str, addresses: &[&str]) {
        self.feed(What::NetnsSeen {
            netns: Netns(netns),
            name: Some(name.to_owned()),
            addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        });
    }

    pub(crate) fn listen(&mut self, process: ProcessKey, at: &str, netns: u32) -> EndKey {
        let socket = EndKey::Tcp { cookie: self.key() };
        self.feed(What::Listening(Listening {
            socket,
            at: ListenAddress::Tcp { address: address(at) },
            netns: Netns(netns),
            processes: vec![process],
            joined_late: false,
        }));
        socket
    }

    pub(crate) fn listen_unix(&mut self, process: ProcessKey, path: &str, mode: Option<u32>) -> EndKey {
        let socket = EndKey::Unix { socket: self.key() };
        self.feed(What::Listening(Listening {
            socket,
            at: ListenAddress::Unix {
                path: path.to_owned(),
                file: mode.map(|mode| SocketFile { mode, uid: 5, gid: 5 }),
            },
            netns: Netns(HOST),
            processes: vec![process],
            joined_late: false,
        }));
        socket
    }

    /// Addresses and ends of a connection that has yet to happen.
    pub(crate) fn plan(&mut self, from: (&str, u32), to: (&str, u32)) -> Connection {
        let (local, remote) = (address(from.0), address(to.0));
        Connection {
            caller: EndKey::Tcp { cookie: self.key() },
            receiver: EndKey::Tcp { cookie: self.key() },
            near: Addresses { local, remote, netns: Netns(from.1) },
            far: Addresses { local: remote, remote: local, netns: Netns(to.1) },
            offsets: [0, 0],
        }
    }

    pub(crate) fn connect(
        &mut self,
        caller: ProcessKey,
        receiver: ProcessKey,
        from: (&str, u32),
        to: (&str, u32),
    ) -> Connection {
        let it = self.plan(from, to);
        self.open(&it, caller, receiver);
        it
    }

    pub(crate) fn open(&mut self, it: &Connection, caller: ProcessKey, receiver: ProcessKey) {
        self.feed(What::Connecting { end: it.caller, ends: it.near, process: Some(caller) });
        self.feed(What::Established { end: it.receiver, role: Role::Responder, ends: it.far });
        self.feed(What::Established { end: it.caller, role: Role::Originator, ends: it.near });
        self.feed(What::Accepted { end: it.receiver, process: receiver, ends: Some(it.far) });
    }

    /// The responder's end hears the caller, or speaks.
    pub(crate) fn says(&mut self, it: &mut Connection, who: Role, bytes: &[u8]) {
        let what = Self::payload(it, Role::Responder, who, bytes);
        self.feed(what);
    }

    /// Payload as one end sees it.
    pub(crate) fn payload(it: &mut Connection, seen_at: Role, who: Role, bytes: &[u8]) -> What {
        let index = usize::from(who == Role::Responder);
        let offset = it.offsets[index];
        it.offsets[index] += bytes.len() as u64;
        What::Payload(Payload {
            end: if seen_at == Role::Responder { it.receiver } else { it.caller },
            ends: None,
            sent: who == seen_at,
            offset,
            length: bytes.len() as u64,
            bytes: bytes::Bytes::copy_from_slice(bytes),
        })
    }

    pub(crate) fn close(&mut self, it: &Connection) {
        let [called, answered] = it.offsets;
        for (end, sent, received) in [(it.caller, called, answered), (it.receiver, answered, called)] {
            self.feed(What::Released {
                end,
                process: None,
                bytes_sent: Some(sent),
                bytes_received: Some(received),
            });
        }
    }

    /// A whole Redis conversation: what is asked and what is answered, in turns.
    pub(crate) fn talk(&mut self, it: &mut Connection, turns: &[(&str, &str)]) {
        for (ask, answer) in turns {
            self.says(it, Role::Originator, ask.as_bytes());
            self.says(it, Role::Responder, answer.as_bytes());
        }
    }

    pub(crate) fn fail(&mut self, caller: ProcessKey, from: (&str, u32), to: &str, why: ConnectFailure) {
        let it = self.plan(from, (to, from.1));
        self.feed(What::Connecting { end: it.caller, ends: it.near, process: Some(caller) });
        self.feed(What::ConnectFailed { end: it.caller, why });
    }

    pub(crate) fn connect_unix(
        &mut self,
        caller: ProcessKey,
        receiver: ProcessKey,
        path: &str,
    ) -> Connection {
        let nowhere =
            Addresses { local: address("0.0.0.0:0"), remote: address("0.0.0.0:0"), netns: Netns(0) };
        let it = Connection {
            caller: EndKey::Unix { socket: self.key() },
            receiver: EndKey::Unix { socket: self.key() },
            near: nowhere,
            far: nowhere,
            offsets: [0, 0],
        };
        self.feed(What::UnixConnected {
            end: it.caller,
            peer: Some(it.receiver),
            process: caller,
            path: path.to_owned(),
            netns: Netns(HOST),
            listener_pid: None,
            file: None,
        });
        self.feed(What::Accepted { end: it.receiver, process: receiver, ends: None });
        it
    }

    pub(crate) fn look(&mut self, it: &Connection, process: ProcessKey) {
        self.feed(What::PeerCredentialsRead { end: it.receiver, process, by: PeerCredentialCall::PeerCred });
    }

    pub(crate) fn stop(&mut self) {
        self.feed(What::Stopped);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.pipeline.snapshot()
    }

    pub(crate) fn workload(&self, name: &str) -> Workload {
        let all = self.snapshot().workloads;
        let mut found = all.iter().filter(|it| it.name == name);
        let first = found.next().unwrap_or_else(|| panic!("no workload {name} in {all:#?}")).clone();
        assert!(found.next().is_none(), "more than one workload {name}: {all:#?}");
        first
    }

    /// The edges between two workloads by name.
    pub(crate) fn edges(&self, caller: &str, receiver: &str) -> Vec<Edge> {
        let snapshot = self.snapshot();
        let name = |id: &tierzero_core::id::WorkloadId| {
            snapshot.workloads.iter().find(|it| it.id == *id).map(|it| it.name.clone()).unwrap()
        };
        let listener =
            |edge: &Edge| snapshot.listeners.iter().find(|it| it.id == edge.listener).unwrap().clone();
        snapshot
            .edges
            .iter()
            .filter(|edge| name(&edge.caller) == caller && name(&listener(edge).workload) == receiver)
            .cloned()
            .collect()
    }

    pub(crate) fn edge(&self, caller: &str, receiver: &str) -> Edge {
        let mut found = self.edges(caller, receiver);
        assert_eq!(found.len(), 1, "edges from {caller} to {receiver} in {:#?}", self.snapshot());
        found.remove(0)
    }

    pub(crate) fn listener_of(&self, edge: &Edge) -> Listener {
        self.snapshot().listeners.into_iter().find(|it| it.id == edge.listener).unwrap()
    }

    /// The last word on each flow.
    pub(crate) fn flows(&self) -> Vec<Flow> {
        let mut last = std::collections::BTreeMap::new();
        for delta in &self.deltas {
            if let Delta::Flow(flow) = delta {
                last.insert(flow.number, flow.clone());
            }
        }
        last.into_values().collect()
    }

    /// The same graph comes out of the recorded log, also when it went through its written form.
    ///
    /// With `TIERZERO_SCENES=DIR` the log is kept below DIR: that is where `tests/golden/scene-*` come from.
    pub(crate) fn check_replay(&self) {
        let written = self.recorded.iter().map(|it| serde_json::to_string(it).unwrap()).collect::<Vec<_>>();
        let read = written.iter().map(|it| serde_json::from_str::<Event>(it).unwrap()).collect::<Vec<_>>();
        assert_eq!(read, self.recorded, "an event is not what it was after it was written and read");
        let mut again = Pipeline::with_limits(replaying(), self.limits);
        let mut recorded = Vec::new();
        for event in read {
            recorded.extend(again.step(event).recordable);
        }
        assert_eq!(again.snapshot(), self.snapshot(), "a replay gives another graph");
        assert_eq!(recorded, self.recorded, "a replay records something else");
        if let Some(place) = std::env::var_os("TIERZERO_SCENES") {
            let name = std::thread::current().name().unwrap_or("scene").replace("::", "-").replace('_', "-");
            let place = std::path::Path::new(&place).join(format!("scene-{name}"));
            std::fs::create_dir_all(&place).unwrap();
            let started = &self.recorded.first().unwrap().at;
            let header =
                format!("{{\"schema\":\"tierzero/events/1\",\"tool\":\"scene\",\"started\":\"{started}\"}}");
            std::fs::write(place.join("events.jsonl"), format!("{header}\n{}\n", written.join("\n")))
                .unwrap();
        }
    }
}
