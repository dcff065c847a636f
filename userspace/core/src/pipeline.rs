//! The page to read first: one event in, changes of the graph out.
//!
//! ```text
//! step(event) ─▶ let_pass: what waited long enough is decided     pipeline/time
//!             ─▶ take: processes, places, ends                    pipeline/take, subject, flow
//!             ─▶ hear: payload becomes observations               pipeline/hear, evidence
//!             ─▶ settle: flow to edge, class of the flow          pipeline/settle, verdict
//!             ─▶ deltas: what changed                             graph
//!             ─▶ join: findings about several edges at once     pipeline/join, graph/routes
//!             ─▶ watch: findings on what changed                 pipeline/watch, finding
//! ```
//!
//! Time is that of the events. A recorded log holds all that time and silence decided, so that the same log gives
//! the same graph, byte for byte, and the same graph as the live run.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use crate::event::{AgentSign, Event, What};
use crate::fingerprint::Fingerprinter;
use crate::flow::listening::Listening;
use crate::flow::table::FlowTable;
use crate::graph::{Delta, Flow, Graph, Most, Snapshot};
use crate::id::{HostId, Netns, ProcessKey};
use crate::subject::{AgentRules, Namespaces, Processes};

mod agents;
mod hear;
mod inside;
mod join;
mod relay;
mod relay_count;
mod relay_stand;
mod relay_wrap;
mod sessions;
mod settle;
mod take;
mod time;
mod unix;
mod watch;
mod who;

/// Settings of the pipeline.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest lifetime in seconds that still counts as short-lived.
    pub short_lived_s: u64,
    /// Payload bytes kept for one direction of one flow until it is judged.
    pub payload_bytes: usize,
    /// Who is an agent.
    pub agents: AgentRules,
    /// Key for fingerprints of credentials.
    pub fingerprinter: Fingerprinter,
}

/// How much the pipeline keeps at most. What finds no room is counted as lost, by place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Flows under way (`user-flow-table`).
    pub flows: usize,
    /// Processes, ended ones included (`user-process-table`).
    pub processes: usize,
    /// Network namespaces, and addresses in each (`user-namespace-table`).
    pub namespaces: usize,
    /// Workloads (`user-workload-table`).
    pub workloads: usize,
    /// Listeners (`user-listener-table`).
    pub listeners: usize,
    /// Edges (`user-edge-table`).
    pub edges: usize,
    /// Ends for which events came before they were announced (`user-early-events`).
    pub early_ends: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 131_072,
            processes: 131_072,
            namespaces: 4_096,
            workloads: 65_536,
            listeners: 65_536,
            edges: 131_072,
            early_ends: 4_096,
        }
    }
}

/// What one step gave.
#[derive(Debug, Default)]
pub struct Step {
    /// Changes of the graph, in order; each thing at most once.
    pub deltas: Vec<Delta>,
    /// What may be recorded of it, in order: payload is replaced by what it showed, and what silence or the end of
    /// a flow decided is there too. A log of these, replayed, gives the same graph.
    pub recordable: Vec<Event>,
}

/// The whole of the core behind one call.
#[derive(Debug)]
pub struct Pipeline {
    settings: Settings,
    host: HostId,
    processes: Processes,
    namespaces: Namespaces,
    listening: Listening,
    flows: FlowTable,
    sessions: sessions::Sessions,
    graph: Graph,
    clock: Timestamp,
    /// Raised when a cgroup or namespace gets another meaning: workloads are then derived anew.
    generation: u32,
    young: VecDeque<time::Waiting>,
    closing: VecDeque<time::Waiting>,
    quiet: VecDeque<time::Waiting>,
    /// Workload numbers of peers on other hosts, and of unknown processes.
    remotes: HashMap<IpAddr, u32>,
    unknown: HashMap<Netns, u32>,
    /// Listeners that were made from a flow's end because no bind was seen.
    made: HashMap<(u32, Netns, SocketAddr, bool), u32>,
    changed_flows: Vec<Flow>,
    /// Signs of processes that are no agents yet.
    signs: HashMap<ProcessKey, Vec<AgentSign>>,
    /// Signs that this step showed.
    shown_signs: Vec<(ProcessKey, AgentSign)>,
    /// Agents whose workload is about to be made.
    settling: VecDeque<(Timestamp, u32)>,
    watch: watch::Watch,
    relays: relay::Relays,
    join: join::Join,
}

impl Pipeline {
    /// An empty pipeline.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::with_limits(settings, Limits::default())
    }

    /// An empty pipeline that keeps no more than `limits` say.
    #[must_use]
    pub fn with_limits(settings: Settings, limits: Limits) -> Self {
        let short_lived_s = settings.short_lived_s;
        let watch = watch::Watch::new(&settings.fingerprinter);
        let Limits { flows, processes, namespaces, workloads, listeners, edges, early_ends } = limits;
        Self {
            settings,
            host: HostId::derive(&[]),
            processes: Processes::new(processes),
            namespaces: Namespaces::new(namespaces),
            listening: Listening::new(listeners),
            flows: FlowTable::new(flows.max(1), early_ends),
            sessions: sessions::Sessions::default(),
            graph: Graph::new(Most { workloads, listeners, edges }, short_lived_s),
            clock: Timestamp::MIN,
            generation: 0,
            young: VecDeque::new(),
            closing: VecDeque::new(),
            quiet: VecDeque::new(),
            remotes: HashMap::new(),
            unknown: HashMap::new(),
            made: HashMap::new(),
            changed_flows: Vec::new(),
            signs: HashMap::new(),
            shown_signs: Vec::new(),
            settling: VecDeque::new(),
            watch,
            relays: relay::Relays::default(),
            join: join::Join::default(),
        }
    }

    /// Continues from a stored graph: edges keep their counts, ids and history. To be called before the first step.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.graph.restore(snapshot);
        self.restore_relays(&snapshot.relays);
        self.restore_wraps(&snapshot.wraps);
        self.restore_findings(snapshot);
    }

    /// Takes one event. New edges, changed verdicts and judged flows come out at once, counts at the next tick or
    /// with [`What::Stopped`].
    pub fn step(&mut self, event: Event) -> Step {
        let mut step = Step::default();
        self.graph.seen_at(event.at);
        self.clock = self.clock.max(event.at);
        self.let_pass(self.clock, &mut step.recordable);
        self.join_to(self.clock);
        self.settle_agents(self.clock);
        let ends = matches!(event.what, What::Stopped);
        let at = event.at;
        self.take(event, &mut step.recordable);
        self.decide_signs(at, &mut step.recordable);
        self.relate(at, &mut step.recordable);
        self.count_lost();
        if ends {
            self.count_relays(true);
            self.look_whole();
            self.graph.take_soon(&mut step.deltas);
            self.relay_deltas(&mut step.deltas);
            self.wrap_deltas(&mut step.deltas);
        } else {
            self.graph.take_now(&mut step.deltas);
        }
        self.plan_join();
        self.watch(ends, &mut step.deltas);
        self.hand_out_flows(&mut step.deltas);
        step
    }

    /// Lets time pass: decides what waited long enough, forgets what is over, hands out every pending change.
    /// `now` is the time of the events' clock; call it about once a second.
    pub fn tick(&mut self, now: Timestamp) -> Step {
        let mut step = Step::default();
        self.let_time_alone_pass(now, &mut step.recordable);
        self.join_in_silence(now, &mut step.recordable);
        self.decide_signs(self.clock, &mut step.recordable);
        self.count_relays(false);
        self.graph.take_soon(&mut step.deltas);
        self.relay_deltas(&mut step.deltas);
        self.wrap_deltas(&mut step.deltas);
        self.plan_join();
        self.watch(true, &mut step.deltas);
        self.hand_out_flows(&mut step.deltas);
        step
    }

    /// The graph as it stands, everything in order of id.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (relays, wraps) = (self.relays_shown(), self.wraps_shown());
        Snapshot { findings: self.findings(), relays, wraps, ..self.graph.snapshot() }
    }

    /// Flows under way.
    #[must_use]
    pub fn live_flows(&self) -> usize {
        self.flows.live()
    }

    fn hand_out_flows(&mut self, out: &mut Vec<Delta>) {
        out.extend(self.changed_flows.drain(..).map(Delta::Flow));
    }

    fn count_lost(&mut self) {
        self.graph.lose("user-process-table", self.processes.take_lost());
        self.graph.lose("user-namespace-table", self.namespaces.take_lost());
        self.graph.lose("user-listener-table", self.listening.take_lost());
        self.graph.lose("user-early-events", self.flows.take_lost_early());
    }
}
