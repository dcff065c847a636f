//! Real connections over loopback, seen by the real programs. Needs root; says so where it is skipped.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a panic here is the report, and a test looks at few kinds of events"
)]

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tierzero_core::event::{ConnectFailure, Coverage, Event, ListenAddress, Role, What};
use tierzero_core::id::{EndKey, ProcessKey};
use tierzero_sensor::{Options, Sensor, SensorError};

/// Where a child of this test connects to, and how often: `ADDRESS,ADDRESS COUNT`.
const CHILD: &str = "TIERZERO_TEST_CHILD";

const REQUEST: &[u8] = b"what is the time?";
const RESPONSE: &[u8] = b"late";

/// Not a test by itself: what the short-lived processes run.
#[test]
fn child() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let (addresses, count) = order.split_once(' ').unwrap();
    let addresses: Vec<SocketAddr> = addresses.split(',').map(|text| text.parse().unwrap()).collect();
    for turn in 0..count.parse::<usize>().unwrap() {
        let mut stream = TcpStream::connect(addresses[turn % addresses.len()]).unwrap();
        stream.write_all(REQUEST).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, RESPONSE);
    }
}

fn run_child(addresses: &[SocketAddr], count: usize) -> Child {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--quiet"])
        .env(CHILD, format!("{} {count}", addresses.join(",")))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn serve(listener: TcpListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; REQUEST.len()];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(RESPONSE).unwrap();
        }
    });
}

fn start() -> Option<Sensor> {
    match Sensor::start(Options { unix: false, ..Options::default() }) {
        Ok((sensor, degradations)) => {
            println!("degradations: {degradations:?}");
            Some(sensor)
        }
        Err(error @ (SensorError::NotPermitted { .. } | SensorError::NoCgroup { .. })) => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Reads events until `done` says so, or for 30 seconds.
async fn watch(sensor: &mut Sensor, mut done: impl FnMut(&[Event]) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        sensor.next(&mut events).await.unwrap();
        if done(&events) {
            break;
        }
    }
    // What follows on the heels of the last event.
    tokio::time::sleep(Duration::from_millis(100)).await;
    sensor.finish(&mut events);
    events
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn every_flow_of_short_lived_processes_is_attributed() {
    const CHILDREN: usize = 50;
    const EACH: usize = 100;
    let runtime = runtime();
    let _inside = runtime.enter();
    let Some(mut sensor) = start() else { return };
    let listeners = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::1]:0").unwrap()];
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let ports: HashSet<SocketAddr> = addresses.into();
    listeners.into_iter().for_each(serve);

    let work = std::thread::spawn(move || {
        let mut pids = HashSet::new();
        for _ in 0..CHILDREN / 5 {
            let children: Vec<Child> = (0..5).map(|_| run_child(&addresses, EACH)).collect();
            for mut child in children {
                pids.insert(child.id());
                assert!(child.wait().unwrap().success());
            }
        }
        pids
    });
    let events = runtime.block_on(watch(&mut sensor, |_| work.is_finished()));
    let children = work.join().unwrap();
    assert_eq!(children.len(), CHILDREN);

    let mut roles: HashMap<EndKey, Role> = HashMap::new();
    let (mut listening, mut connecting, mut accepted, mut released) = (0, 0, 0, 0);
    let mut received: HashMap<EndKey, Vec<u8>> = HashMap::new();
    let mut sent: HashMap<EndKey, Vec<u8>> = HashMap::new();
    let mut forked: HashSet<ProcessKey> = HashSet::new();
    for Event { what, .. } in &events {
        match what {
            What::Forked { process } => {
                forked.insert(process.key);
            }
            What::Listening(listening_at) => {
                let ListenAddress::Tcp { address } = listening_at.at else { continue };
                if ports.contains(&address) {
                    assert_eq!(listening_at.processes[0].pid, std::process::id());
                    listening += 1;
                }
            }
            What::Connecting { ends, process, .. } if ports.contains(&ends.remote) => {
                let process = process.unwrap();
                assert!(children.contains(&process.pid), "{process:?} is no child");
                assert!(forked.contains(&process), "{process:?} has another start time than at fork");
                connecting += 1;
            }
            What::Established { end, role, ends } => {
                let ours = if *role == Role::Responder { ends.local } else { ends.remote };
                if ports.contains(&ours) {
                    assert_ne!(ends.netns.0, 0);
                    assert_eq!(roles.insert(*end, *role), None, "established twice");
                }
            }
            What::Accepted { end, process, .. } if roles.contains_key(end) => {
                assert_eq!(roles[end], Role::Responder);
                assert_eq!(process.pid, std::process::id());
                accepted += 1;
            }
            What::Released { end, process, bytes_sent, bytes_received } if roles.contains_key(end) => {
                let pid = process.unwrap().pid;
                let (to, from) = (Some(REQUEST.len() as u64), Some(RESPONSE.len() as u64));
                if roles[end] == Role::Originator {
                    assert!(children.contains(&pid));
                    assert_eq!((*bytes_sent, *bytes_received), (to, from));
                } else {
                    // A child that was forked while the connection was open drops its copy last, at its exec.
                    assert!(pid == std::process::id() || children.contains(&pid));
                    assert_eq!((*bytes_sent, *bytes_received), (from, to));
                }
                released += 1;
            }
            What::Payload(payload) if roles.contains_key(&payload.end) => {
                assert_eq!(roles[&payload.end], Role::Responder, "the originator's end adds nothing here");
                let stream = if payload.sent { &mut sent } else { &mut received };
                let stream = stream.entry(payload.end).or_default();
                assert_eq!(payload.offset, stream.len() as u64, "in order, nothing twice");
                stream.extend_from_slice(&payload.bytes);
            }
            _ => {}
        }
    }
    let total = CHILDREN * EACH;
    let originators = roles.values().filter(|role| **role == Role::Originator).count();
    println!(
        "listening {listening}, connecting {connecting}, established {} ({originators} originators), \
         accepted {accepted}, released {released}, losses {:?}",
        roles.len(),
        sensor.losses()
    );
    assert_eq!(listening, 2);
    assert_eq!(connecting, total);
    assert_eq!((roles.len(), originators), (2 * total, total));
    assert_eq!(accepted, total);
    assert_eq!(released, 2 * total);
    assert_eq!((received.len(), sent.len()), (total, total));
    assert!(received.values().all(|bytes| bytes == REQUEST) && sent.values().all(|bytes| bytes == RESPONSE));
    assert!(sensor.losses().is_empty());
}

#[test]
fn a_refused_connection_is_told_with_its_reason() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let Some(mut sensor) = start() else { return };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(TcpStream::connect(closed).is_err());
    let refused = |events: &[Event]| {
        let end = events.iter().find_map(|event| match &event.what {
            What::Connecting { end, ends, process } if ends.remote == closed => {
                assert_eq!(process.unwrap().pid, std::process::id());
                Some(*end)
            }
            _ => None,
        });
        events.iter().any(|event| {
            matches!(&event.what, What::ConnectFailed { end: failed, why: ConnectFailure::Refused } if Some(*failed) == end)
        })
    };
    let events = runtime.block_on(watch(&mut sensor, refused));
    assert!(refused(&events));
}

#[test]
fn long_streams_are_kept_in_order_up_to_the_limit() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let Some(mut sensor) = start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let text: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
    let expect = text.clone();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&text).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    drop(stream);
    server.join().unwrap();
    let events = runtime.block_on(watch(&mut sensor, |events| {
        events.iter().any(|event| matches!(&event.what, What::Released { .. }))
    }));
    let responder = events
        .iter()
        .find_map(|event| match &event.what {
            What::Established { end, role: Role::Responder, ends } if ends.local == address => Some(*end),
            _ => None,
        })
        .unwrap();
    for sent in [false, true] {
        let mut stream = Vec::new();
        let mut said = 0;
        for event in &events {
            let What::Payload(payload) = &event.what else { continue };
            if payload.end == responder && payload.sent == sent {
                assert_eq!(payload.offset, stream.len() as u64);
                stream.extend_from_slice(&payload.bytes);
                said = payload.offset + payload.length;
            }
        }
        assert_eq!(stream.len(), 16 << 10);
        assert_eq!(stream, expect[..16 << 10]);
        assert!(said >= 16 << 10);
    }
    let totals = events.iter().find_map(|event| match event.what {
        What::Released { end, bytes_sent, bytes_received, .. } if end == responder => {
            Some((bytes_sent, bytes_received))
        }
        _ => None,
    });
    assert_eq!(totals, Some((Some(200_000), Some(200_000))));
}

#[test]
fn what_finds_the_ring_full_is_counted() {
    const CALLS: u64 = 400;
    let runtime = runtime();
    let _inside = runtime.enter();
    // The smallest ring there is, and nobody reads it.
    let options = Options { control_ring_bytes: 0, unix: false, udp: false, ..Options::default() };
    let mut sensor = match Sensor::start(options) {
        Ok((sensor, _)) => sensor,
        Err(error) => return println!("skipped: {error}"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for _ in 0..CALLS {
            drop(listener.accept().unwrap());
        }
    });
    for _ in 0..CALLS {
        let mut stream = TcpStream::connect(address).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    server.join().unwrap();
    let mut events = Vec::new();
    sensor.finish(&mut events);
    let told = events.iter().filter(|event| {
        matches!(
            event.what,
            What::Connecting { .. }
                | What::Established { .. }
                | What::Accepted { .. }
                | What::Released { .. }
        )
    });
    let told = u64::try_from(told.count()).unwrap();
    let losses = sensor.losses();
    let lost = losses.iter().find_map(|event| match &event.what {
        What::Coverage(Coverage::Lost { place, count }) if place == "connection" => Some(*count),
        _ => None,
    });
    println!("told {told}, losses {losses:?}");
    // Connect, accept, and at each end established and released. Others on this host add to both.
    assert!(told < 6 * CALLS && told + lost.unwrap() >= 6 * CALLS);
}
