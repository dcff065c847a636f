//! Unix stream connections, seen by the real programs. Needs root; says so where it is skipped.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a panic here is the report, and a test looks at few kinds of events"
)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use tierzero_core::event::{Event, What};
use tierzero_core::id::EndKey;
use tierzero_sensor::{Options, Sensor, SensorError};

const REQUEST: &[u8] = b"who am i?";
const RESPONSE: &[u8] = b"nobody in particular";

/// One request and response over `path`; returns the bytes that came back.
fn talk(listener: UnixListener, path: &std::path::Path) {
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; REQUEST.len()];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(RESPONSE).unwrap();
    });
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, RESPONSE);
    drop(stream);
    server.join().unwrap();
}

/// What is told about the connections to `path`: their ends, the payload of the last, and whether it was released.
#[derive(Default)]
struct Told {
    connected: Vec<(EndKey, EndKey)>,
    accepted: Vec<EndKey>,
    sent: Vec<u8>,
    received: Vec<u8>,
    released: usize,
}

fn told(events: &[Event], path: &str) -> Told {
    let mut told = Told::default();
    for Event { what, .. } in events {
        match what {
            What::UnixConnected { end, peer, process, path: to, listener_pid, .. } if to == path => {
                assert_eq!(process.pid, std::process::id());
                assert_eq!(*listener_pid, Some(std::process::id()));
                told.connected.push((*end, peer.unwrap()));
            }
            What::Accepted { end, process, .. } if told.connected.iter().any(|(_, peer)| peer == end) => {
                assert_eq!(process.pid, std::process::id());
                told.accepted.push(*end);
            }
            What::Payload(payload) if told.connected.iter().any(|(end, _)| *end == payload.end) => {
                let stream = if payload.sent { &mut told.sent } else { &mut told.received };
                stream.extend_from_slice(&payload.bytes);
            }
            What::Released { end, .. } if told.connected.iter().any(|(own, _)| own == end) => {
                told.released += 1
            }
            _ => {}
        }
    }
    told
}

#[test]
fn a_unix_connection_is_seen_with_both_ends_and_its_payload_until_switched_off() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let mut sensor = match Sensor::start(Options::default()) {
        Ok((sensor, degradations)) if degradations.is_empty() => sensor,
        Ok((_, degradations)) => return println!("skipped: {degradations:?}"),
        Err(error @ (SensorError::NotPermitted { .. } | SensorError::NoCgroup { .. })) => {
            return println!("skipped: {error}");
        }
        Err(error) => panic!("{error}"),
    };
    let path = std::env::temp_dir().join(format!("tierzero-test-{}.sock", std::process::id()));
    let text = path.to_str().unwrap().to_owned();
    let bind = || {
        let _ = std::fs::remove_file(&path);
        UnixListener::bind(&path).unwrap()
    };
    talk(bind(), &path);
    talk(bind(), &path);
    let mut events = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) && told(&events, &text).released < 2 {
        runtime.block_on(sensor.next(&mut events)).unwrap();
    }
    let seen = told(&events, &text);
    assert_eq!(seen.connected.len(), 2);
    assert_eq!(seen.accepted, [seen.connected[0].1, seen.connected[1].1]);
    assert_ne!(seen.connected[0], seen.connected[1], "a socket's number is used once");
    assert_eq!((seen.sent, seen.received), (REQUEST.repeat(2), RESPONSE.repeat(2)));
    assert_eq!(seen.released, 2);

    // A refused connection carries its errno.
    let _ = UnixStream::connect(&path);
    std::thread::sleep(Duration::from_millis(5));
    events.clear();
    sensor.finish(&mut events);
    assert!(
        events
            .iter()
            .any(|event| matches!(&event.what, What::UnixRefused { path, errno: 111, .. } if *path == text))
    );

    sensor.unix_payload(false);
    events.clear();
    talk(bind(), &path);
    sensor.finish(&mut events);
    assert!(told(&events, &text).connected.is_empty());
    sensor.unix_payload(true);
    talk(bind(), &path);
    sensor.finish(&mut events);
    assert_eq!(told(&events, &text).connected.len(), 1);
    let _ = std::fs::remove_file(&path);
}
