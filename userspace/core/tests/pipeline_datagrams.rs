//! Flows of datagrams: what goes on after a silence is a flow of its own, judged from its own first datagrams.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid};
use tierzero_core::event::{Addresses, Count, ListenAddress, Listening, Payload, What};
use tierzero_core::id::{EndKey, Netns};
use tierzero_core::verdict::{Check, Verdict};

const CALL: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n";
const ANSWER: &[u8] = b"SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\n\r\n";

fn payload(end: EndKey, ends: Addresses, sent: bool, offset: u64, bytes: &'static [u8]) -> What {
    let bytes = bytes::Bytes::from_static(bytes);
    What::Payload(Payload { end, ends: Some(ends), sent, offset, length: bytes.len() as u64, bytes })
}

/// A call and its answer, seen at the caller's end, as the kernel side tells of them: numbered `number`, counted
/// `packets` in all.
fn exchange(scene: &mut Scene, ends: Addresses, number: u64, packets: u64) {
    let end = EndKey::Udp { cookie: 1, peer: ends.remote };
    let count = |packets: u64| Count { packets, bytes: packets * 40 };
    let counted = |sent, received| What::Datagrams {
        end,
        ends,
        originator: true,
        process: Some(pid(100)),
        sent: count(sent),
        received: count(received),
    };
    scene.feed(payload(end, ends, true, number, CALL));
    scene.feed(counted(packets, packets - 1));
    scene.feed(payload(end, ends, false, number, ANSWER));
    scene.feed(counted(packets, packets));
}

fn scene() -> (Scene, Addresses) {
    let mut scene = Scene::new();
    let server = scene.process(200, "/usr/sbin/asterisk", HOST, 0);
    scene.process(100, "/usr/bin/phone", HOST, 1000);
    scene.feed(What::Listening(Listening {
        socket: EndKey::Udp { cookie: 9, peer: "0.0.0.0:0".parse().unwrap() },
        at: ListenAddress::Udp { address: "127.0.0.1:5060".parse().unwrap() },
        netns: Netns(HOST),
        processes: vec![server],
        joined_late: false,
    }));
    let it = scene.plan(("127.0.0.1:40001", HOST), ("127.0.0.1:5060", HOST));
    (scene, it.near)
}

#[test]
fn what_goes_on_after_a_silence_is_judged_as_what_came_before() {
    let (mut scene, ends) = scene();
    for round in 1..=3 {
        exchange(&mut scene, ends, 0, round);
        scene.wait(65_000);
    }
    scene.wait(70_000);
    let edge = scene.edge("phone", "asterisk");
    assert_eq!((edge.verdict, edge.flows), (Verdict::Public, 3));
    assert_eq!(edge.by_check.get(&Check::Public), Some(&3));
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_flow_that_is_told_of_is_not_over_and_a_repeated_number_changes_nothing() {
    let (mut scene, ends) = scene();
    for (round, pause) in [(1, 12_000), (2, 35_000), (3, 12_000), (4, 12_000)] {
        exchange(&mut scene, ends, 0, round);
        scene.wait(pause);
    }
    scene.wait(70_000);
    let edge = scene.edge("phone", "asterisk");
    assert_eq!((edge.verdict, edge.flows), (Verdict::Public, 1));
}

#[test]
fn datagrams_that_were_not_seen_are_a_gap() {
    let (mut scene, ends) = scene();
    exchange(&mut scene, ends, 1, 2);
    scene.wait(70_000);
    assert_eq!(scene.edge("phone", "asterisk").verdict, Verdict::Opaque);
}
