//! Events a second through the pure pipeline: no kernel, no store, one thread.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tierzero_core::event::{
    Addresses, Event, HostDescription, ListenAddress, Listening, Payload, Process, Role, What,
};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::id::{EndKey, HostId, Netns, ProcessKey};
use tierzero_core::pipeline::{Pipeline, Settings as PipelineSettings};

use super::Settings;
use super::figures::{Spread, number};

const FLOWS: u64 = 20_000;
const NETNS: Netns = Netns(1);
const CALLER: ProcessKey = ProcessKey { pid: 100, start_ticks: 100 };
const SERVER: ProcessKey = ProcessKey { pid: 200, start_ticks: 200 };

/// Who speaks (true: the caller), and what.
type Talk = &'static [(bool, &'static [u8])];

/// What the callers and the server say: one exchange that needs no proof, one that needs a password.
const TALKS: [(&str, Talk); 2] = [
    (
        "HTTP, nothing asked",
        &[
            (true, b"GET /accounts/4711 HTTP/1.1\r\nHost: load\r\n\r\n"),
            (false, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
    ),
    (
        "Redis, password asked",
        &[
            (true, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
            (false, b"-NOAUTH Authentication required.\r\n"),
            (true, b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"),
            (false, b"+OK\r\n"),
            (true, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
            (false, b"$1\r\nv\r\n"),
        ],
    ),
];

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    println!(
        "  {FLOWS} generated flows, both ends seen; {} runs: median (lowest to highest)",
        settings.pairs
    );
    println!(
        "  a second of one CPU here; the pair to compare with is copying the same events and doing nothing"
    );
    println!(
        "  {:<22} {:>12} {:>34} {:>34}",
        "exchange", "events/flow", "pipeline, 1000 events/s", "copying only, 1000 events/s"
    );
    let mut rows = Vec::new();
    for (name, talk) in TALKS {
        let stream = stream(talk)?;
        let events = u64::try_from(stream.len()).unwrap_or(u64::MAX);
        let (mut through, mut copied) = (Vec::new(), Vec::new());
        let mut edges = 0;
        for _ in 0..settings.pairs {
            crate::lab::stop::check()?;
            let begin = Instant::now();
            for event in &stream {
                std::hint::black_box(event.clone());
            }
            copied.push(rate(events, begin));
            let mut pipeline = Pipeline::new(PipelineSettings {
                short_lived_s: 3600,
                agents: tierzero_core::subject::AgentRules::default(),
                payload_bytes: 16 << 10,
                fingerprinter: Fingerprinter::new([7; 32]),
            });
            let begin = Instant::now();
            for event in &stream {
                std::hint::black_box(pipeline.step(event.clone()));
            }
            through.push(rate(events, begin));
            edges = pipeline.snapshot().edges.iter().map(|edge| edge.flows).sum();
        }
        if edges != FLOWS {
            return Err(format!(
                "{name}: {edges} of {FLOWS} flows reached the graph: the figure would be of nothing"
            ));
        }
        let show =
            |figures: &[f64]| Spread::of(figures).map_or_else(String::new, |spread| spread.to_string());
        println!(
            "  {name:<22} {:>12.1} {:>34} {:>34}",
            number(events) / number(FLOWS),
            show(&through),
            show(&copied)
        );
        rows.push(json!({
            "exchange": name, "flows": FLOWS, "events": events,
            "pipeline_kilo_events_per_s": Spread::of(&through), "copying_kilo_events_per_s": Spread::of(&copied),
        }));
    }
    Ok(json!({ "exchanges": rows }))
}

fn rate(events: u64, begin: Instant) -> f64 {
    number(events) / begin.elapsed().as_secs_f64() / 1000.0
}

/// Every flow: connect, both ends established, accept, what is said, both ends released.
fn stream(talk: Talk) -> Result<Vec<Event>, String> {
    let begin = Timestamp::from_second(1_700_000_000).map_err(|error| error.to_string())?;
    let server: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7000));
    let mut events: Vec<Event> = opening(server).into_iter().map(|what| Event { at: begin, what }).collect();
    for flow in 0..FLOWS {
        let micros = i64::try_from(flow * 100).map_err(|error| error.to_string())?;
        let at = begin + jiff::SignedDuration::from_micros(micros);
        let port = u16::try_from(20_000 + flow % 40_000).map_err(|error| error.to_string())?;
        let caller: SocketAddr = SocketAddr::from(([127, 0, 0, 1], port));
        let (near, far) = (EndKey::Tcp { cookie: 10 + 2 * flow }, EndKey::Tcp { cookie: 11 + 2 * flow });
        let out = Addresses { local: caller, remote: server, netns: NETNS };
        let back = Addresses { local: server, remote: caller, netns: NETNS };
        let mut push = |what: What| events.push(Event { at, what });
        push(What::Connecting { end: near, ends: out, process: Some(CALLER) });
        push(What::Established { end: far, role: Role::Responder, ends: back });
        push(What::Established { end: near, role: Role::Originator, ends: out });
        push(What::Accepted { end: far, process: SERVER, ends: Some(back) });
        let mut offsets = [0_u64; 2];
        for (from_caller, bytes) in talk {
            let [sent, received] = &mut offsets;
            let offset = if *from_caller { sent } else { received };
            let length = u64::try_from(bytes.len()).map_err(|error| error.to_string())?;
            push(What::Payload(Payload {
                end: far,
                ends: None,
                sent: !from_caller,
                offset: *offset,
                length,
                bytes: Bytes::from_static(bytes),
            }));
            *offset += length;
        }
        let [sent, received] = offsets;
        for (end, process, sent, received) in [(near, CALLER, sent, received), (far, SERVER, received, sent)]
        {
            push(What::Released {
                end,
                process: Some(process),
                bytes_sent: Some(sent),
                bytes_received: Some(received),
            });
        }
    }
    Ok(events)
}

/// The host, its two programs and the listener.
fn opening(server: SocketAddr) -> Vec<What> {
    let program = |key: ProcessKey, name: &str| What::ProcessSeen {
        process: Process {
            key,
            parent: None,
            exe: Some(format!("/usr/bin/{name}")),
            argv: vec![name.to_owned()],
            comm: name.to_owned(),
            uid: 1000,
            gid: 1000,
            cgroup: 0,
            place: None,
            netns: NETNS,
            env: Vec::new(),
        },
    };
    vec![
        What::Host(HostDescription {
            id: HostId::derive(&["bench"]),
            name: "bench".to_owned(),
            kernel: "6.1".to_owned(),
            boot_id: "bench".to_owned(),
        }),
        What::Started,
        program(CALLER, "caller"),
        program(SERVER, "server"),
        What::Listening(Listening {
            socket: EndKey::Tcp { cookie: 1 },
            at: ListenAddress::Tcp { address: server },
            netns: NETNS,
            processes: vec![SERVER],
            joined_late: false,
        }),
    ]
}
