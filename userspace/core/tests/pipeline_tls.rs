//! A resumed TLS 1.2 session stands for the handshake that made it, on the same listener, if the link is proven.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid};
use tierzero_core::event::Role;
use tierzero_core::verdict::{Check, Served, Strength, Verdict};

const SWITCH: [u8; 6] = [20, 3, 3, 0, 1, 1];

fn length(bytes: &[u8], width: usize) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[8 - width..], bytes].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &length(body, 2)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    record(22, &[&[kind][..], &length(body, 3)].concat())
}

fn finished() -> Vec<u8> {
    [&SWITCH[..], &record(22, &[0x5a; 40])].concat()
}

/// A ClientHello that offers this session id and ticket.
fn client_hello(session: &[u8], ticket: &[u8]) -> Vec<u8> {
    let list = [&[0, 35][..], &length(ticket, 2)].concat();
    let body =
        [&[3, 3][..], &[7; 32], &length(session, 1), &length(&[0, 0xa8], 2), &[1, 0], &length(&list, 2)]
            .concat();
    handshake(1, &body)
}

/// A ServerHello with this session id and a key exchange that rests on a shared key.
fn server_hello(session: &[u8]) -> Vec<u8> {
    handshake(2, &[&[3, 3][..], &[9; 32], &length(session, 1), &[0, 0xa8, 0]].concat())
}

fn call(scene: &mut Scene, port: u16, to: &str, turns: &[(Role, Vec<u8>)]) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(pid(200), pid(100), (&from, HOST), (to, HOST));
    for (role, bytes) in turns.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        scene.says(&mut it, *role, bytes);
    }
    scene.close(&it);
}

/// A whole handshake, in which the receiver gives a session id and a ticket.
fn whole(session: &[u8], ticket: &[u8]) -> Vec<(Role, Vec<u8>)> {
    let given = handshake(4, &[&[0, 0, 1, 44][..], &length(ticket, 2)].concat());
    vec![
        (Role::Originator, client_hello(&[], &[])),
        (Role::Responder, [server_hello(session), handshake(14, &[])].concat()),
        (Role::Originator, [handshake(16, &length(b"sensor-7", 2)), finished()].concat()),
        (Role::Responder, [given, finished()].concat()),
    ]
}

/// A short one, after which the receiver sends `last`.
fn short(session: &[u8], ticket: &[u8], last: &[u8]) -> Vec<(Role, Vec<u8>)> {
    vec![
        (Role::Originator, client_hello(session, ticket)),
        (Role::Responder, [server_hello(session), finished()].concat()),
        (Role::Originator, [finished(), record(23, &[1; 40])].concat()),
        (Role::Responder, last.to_vec()),
    ]
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    let server = scene.process(100, "/usr/bin/stunnel", HOST, 50);
    scene.process(200, "/usr/bin/sensor", HOST, 1000);
    scene.listen(server, "127.0.0.1:443", HOST);
    scene.listen(server, "127.0.0.1:444", HOST);
    scene
}

#[test]
fn a_linked_session_inherits_and_any_other_is_opaque() {
    const TO: &str = "127.0.0.1:443";
    let data = record(23, &[2; 40]);
    let alert = record(21, &[2; 26]);
    let mut scene = scene();
    let talks = [
        (TO, whole(b"session-A", b"ticket-MARK-A"), true),
        // By ticket (the client makes up a session id), by session id.
        (TO, short(b"made-up", b"ticket-MARK-A", &data), true),
        (TO, short(b"session-A", b"", &data), true),
        // Never seen; given by another listener; refused inside; ended before the receiver went on.
        (TO, short(b"made-up", b"ticket-MARK-B", &data), false),
        ("127.0.0.1:444", short(b"made-up", b"ticket-MARK-A", &data), false),
        (TO, short(b"made-up", b"ticket-MARK-A", &alert), false),
        (TO, short(b"made-up", b"ticket-MARK-A", &[]), false),
    ];
    for (port, (to, turns, _)) in (41_000..).zip(&talks) {
        call(&mut scene, port, to, turns);
    }
    // The ticket's own lifetime was 300 seconds; the session id's is a day.
    scene.wait(301_000);
    call(&mut scene, 41_100, TO, &short(b"made-up", b"ticket-MARK-A", &data));
    call(&mut scene, 41_101, TO, &short(b"session-A", b"ticket-MARK-A", &data));
    scene.wait(3000);
    let linked = talks.iter().map(|(_, _, linked)| *linked).chain([false, true]);
    let ports = (41_000..).take(talks.len()).chain([41_100, 41_101]);
    for (port, linked) in ports.zip(linked) {
        let from = format!("127.0.0.1:{port}");
        let flows = scene.flows();
        let flow = flows.iter().rev().find(|flow| flow.originator == from).unwrap();
        let expect = if linked {
            (Check::Secret, Some(Strength::Demanded), Verdict::SecretChecked)
        } else {
            (Check::Opaque, None, Verdict::Opaque)
        };
        assert_eq!((flow.check, flow.strength, flow.verdict), expect, "{from}");
        assert_eq!(flow.served, Served::Unknown, "{from}");
        assert_eq!(flow.principals.len(), usize::from(linked), "{from}");
    }
    scene.stop();
    scene.check_replay();
}
