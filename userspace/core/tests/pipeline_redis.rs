//! Redis over TCP, from events to edges: open, with a password, refused, joined late.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, address, pid};
use tierzero_core::event::{Addresses, ConnectFailure, Role, What};
use tierzero_core::graph::{Delta, EdgeEnds, ListenerClass};
use tierzero_core::id::Netns;
use tierzero_core::verdict::{Check, Served, Strength, Verdict};

const PING: (&str, &str) = ("*1\r\n$4\r\nPING\r\n", "+PONG\r\n");
const GET: (&str, &str) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n");
const GET_NOAUTH: (&str, &str) = (GET.0, "-NOAUTH Authentication required.\r\n");
const AUTH: (&str, &str) = ("*2\r\n$4\r\nAUTH\r\n$5\r\nMARK5\r\n", "+OK\r\n");
const AUTH_WRONG: (&str, &str) = (
    "*2\r\n$4\r\nAUTH\r\n$5\r\nMARK6\r\n",
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
);

fn scene() -> Scene {
    let mut scene = Scene::new();
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.listen(redis, "127.0.0.1:6379", HOST);
    scene
}

fn call(scene: &mut Scene, port: u16, turns: &[(&str, &str)]) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(pid(200), pid(100), (&from, HOST), ("127.0.0.1:6379", HOST));
    scene.talk(&mut it, turns);
    scene.close(&it);
}

#[test]
fn open_redis_is_location_trusted_with_no_check() {
    let mut scene = scene();
    call(&mut scene, 40001, &[GET]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.check, edge.strength), (Verdict::LocationTrusted, Check::None, None));
    assert_eq!((edge.flows, edge.served, edge.refused, edge.opaque), (1, 1, 0, 0));
    assert_eq!(edge.by_check.get(&Check::None), Some(&1));
    assert_eq!(edge.ends, EdgeEnds::Both);
    assert_eq!((edge.bytes_sent, edge.bytes_received), (GET.0.len() as u64, GET.1.len() as u64));
    assert_eq!(edge.protocol.as_deref(), Some("redis"));
    assert!(!edge.evidence.is_empty() && edge.history.is_empty() && !edge.joined_inferred);
    let listener = scene.listener_of(&edge);
    assert_eq!((listener.class, listener.contrast.served_without_proof), (ListenerClass::Legacy, 1));
    scene.stop();
    scene.check_replay();
}

#[test]
fn the_edge_is_there_before_the_connection_closes_and_each_thing_once_a_step() {
    let mut scene = scene();
    let mut it = scene.connect(pid(200), pid(100), ("127.0.0.1:40001", HOST), ("127.0.0.1:6379", HOST));
    let edges = |scene: &Scene| scene.deltas.iter().filter(|it| matches!(it, Delta::Edge(_))).count();
    assert_eq!(edges(&scene), 1, "a new edge goes out at once");
    scene.talk(&mut it, &[GET]);
    assert_eq!(edges(&scene), 2, "so does a verdict");
    for _ in 0..20 {
        scene.talk(&mut it, &[GET]);
    }
    scene.wait(10);
    assert_eq!(edges(&scene), 2, "more of the same is no change");
    let flow = &scene.flows()[0];
    assert_eq!((flow.verdict, flow.served, flow.closed), (Verdict::LocationTrusted, Served::Yes, false));
    assert_eq!((flow.caller_pid, flow.receiver_pid), (Some(200), Some(100)));
    assert_eq!((flow.originator.as_str(), flow.responder.as_str()), ("127.0.0.1:40001", "127.0.0.1:6379"));
}

#[test]
fn a_password_that_is_asked_for_is_enforced() {
    let mut scene = scene();
    call(&mut scene, 40001, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.check), (Verdict::SecretChecked, Check::Secret));
    assert_eq!(edge.strength, Some(Strength::Enforced));
    assert_eq!((edge.flows, edge.served, edge.refused), (1, 1, 0));
    assert!(edge.history.is_empty(), "a refusal on the way is no verdict: {:?}", edge.history);
    assert_eq!(edge.credentials.len(), 1);
    assert!(edge.credentials[0].credential.cleartext && edge.credentials[0].credential.fingerprint.is_some());
    assert_eq!(scene.listener_of(&edge).class, ListenerClass::Transitional);
    scene.stop();
    let log = format!("{:?}{:?}{:?}", scene.recorded, scene.deltas, scene.snapshot());
    assert!(!log.contains("MARK5"), "the secret is nowhere");
    scene.check_replay();
}

#[test]
fn one_refusal_later_or_earlier_makes_a_volunteered_password_enforced() {
    let mut scene = scene();
    call(&mut scene, 40001, &[AUTH, GET]);
    scene.wait(3000);
    assert_eq!(scene.edge("redis-cli", "redis-server").verdict, Verdict::Unproven);
    call(&mut scene, 40002, &[AUTH_WRONG]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.strength), (Verdict::SecretChecked, Some(Strength::Enforced)));
    assert_eq!((edge.flows, edge.refused), (2, 1));
    assert_eq!(edge.history.len(), 1, "a verdict revised by contrast is in the history");
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_password_that_others_do_not_need_is_decoration() {
    let mut scene = scene();
    scene.process(300, "/usr/bin/other", HOST, 1000);
    call(&mut scene, 40001, &[AUTH, GET]);
    let mut it = scene.connect(pid(300), pid(100), ("127.0.0.1:40002", HOST), ("127.0.0.1:6379", HOST));
    scene.talk(&mut it, &[GET]);
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.check), (Verdict::LocationTrusted, Check::Secret));
    assert_eq!(scene.edge("other", "redis-server").check, Check::None);
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_refused_connect_is_refused_and_an_unanswered_one_is_not() {
    let mut scene = scene();
    scene.fail(pid(200), ("127.0.0.1:40001", HOST), "127.0.0.1:6379", ConnectFailure::Refused);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.refused, edge.served), (Verdict::Refused, 1, 0));
    assert!(edge.by_check.is_empty());
    scene.fail(pid(200), ("127.0.0.1:40002", HOST), "127.0.0.1:6379", ConnectFailure::TimedOut);
    scene.wait(3000);
    assert_eq!(scene.edge("redis-cli", "redis-server").verdict, Verdict::Opaque, "silence is no refusal");
    scene.stop();
    scene.check_replay();
}

#[test]
fn joined_late_is_opaque_until_a_flow_is_seen_from_its_start() {
    let mut scene = scene();
    let mut it = scene.plan(("127.0.0.1:40001", HOST), ("127.0.0.1:6379", HOST));
    for (end, ends, role, process) in
        [(it.receiver, it.far, Some(Role::Responder), pid(100)), (it.caller, it.near, None, pid(200))]
    {
        scene.feed(What::AlreadyOpen { end, role, ends, processes: vec![process] });
    }
    scene.talk(&mut it, &[GET]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.joined_late, edge.flows), (Verdict::Opaque, 1, 1));
    assert!(!edge.by_check.contains_key(&Check::None));
    call(&mut scene, 40002, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    assert_eq!(
        scene.edge("redis-cli", "redis-server").verdict,
        Verdict::Opaque,
        "the late one is still open"
    );
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.flows, edge.opaque), (Verdict::SecretChecked, 2, 1));
    assert_eq!(edge.history.len(), 1);
    assert_eq!((edge.history[0].from, edge.history[0].to), (Verdict::Opaque, Verdict::SecretChecked));
    scene.stop();
    scene.check_replay();
}

#[test]
fn identical_loopback_addresses_in_two_namespaces_stay_apart() {
    let mut scene = Scene::new();
    for (netns, name) in [(2, "red"), (3, "blue")] {
        scene.netns(netns, name, &["127.0.0.1"]);
        let server = scene.process(netns * 100, &format!("/usr/bin/server-{name}"), netns, 1);
        scene.process(netns * 100 + 1, &format!("/usr/bin/client-{name}"), netns, 1);
        scene.listen(server, "127.0.0.1:6379", netns);
    }
    let mut both = [2, 3].map(|netns| scene.plan(("127.0.0.1:40001", netns), ("127.0.0.1:6379", netns)));
    // Interleaved, so that only the namespace can tell them apart.
    for (it, netns) in both.iter().zip([2u32, 3]) {
        scene.feed(What::Connecting { end: it.caller, ends: it.near, process: Some(pid(netns * 100 + 1)) });
    }
    for (it, netns) in both.iter().zip([2u32, 3]) {
        scene.feed(What::Accepted { end: it.receiver, process: pid(netns * 100), ends: Some(it.far) });
    }
    let [red, blue] = &mut both;
    scene.talk(red, &[GET]);
    scene.talk(blue, &[GET_NOAUTH]);
    scene.close(red);
    scene.close(blue);
    scene.wait(3000);
    assert_eq!(scene.snapshot().edges.len(), 2);
    let red = scene.edge("client-red", "server-red");
    assert_eq!(
        (red.verdict, red.ends, red.joined_inferred),
        (Verdict::LocationTrusted, EdgeEnds::Both, false)
    );
    assert_eq!(scene.edge("client-blue", "server-blue").verdict, Verdict::Refused);
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_caller_on_another_host_has_its_address_as_its_name() {
    let mut scene = Scene::new();
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.listen(redis, "0.0.0.0:6379", HOST);
    let mut it = scene.plan(("192.0.2.9:40001", 9), ("10.0.0.1:6379", HOST));
    scene.feed(What::Established { end: it.receiver, role: Role::Responder, ends: it.far });
    scene.feed(What::Accepted { end: it.receiver, process: pid(100), ends: Some(it.far) });
    scene.talk(&mut it, &[GET]);
    scene.feed(What::Released {
        end: it.receiver,
        process: None,
        bytes_sent: Some(1),
        bytes_received: Some(1),
    });
    scene.wait(3000);
    let edge = scene.edge("192.0.2.9", "redis-server");
    assert_eq!((edge.verdict, edge.ends), (Verdict::LocationTrusted, EdgeEnds::ReceiverOnly));
    let caller = scene.workload("192.0.2.9");
    assert_eq!((caller.host, caller.uid), (None, None));
    assert_eq!(scene.snapshot().coverage.unattributed_flows, 0);
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_call_to_a_local_address_whose_other_end_was_not_seen_is_local() {
    let mut scene = scene();
    scene.netns(2, "app", &["10.77.40.2"]);
    let redis = scene.process(500, "/usr/bin/valkey", 2, 50);
    scene.listen(redis, "0.0.0.0:6379", 2);
    let it = scene.plan(("10.0.0.1:40001", HOST), ("10.77.40.2:6379", 2));
    scene.feed(What::Connecting { end: it.caller, ends: it.near, process: Some(pid(200)) });
    scene.feed(What::Established { end: it.caller, role: Role::Originator, ends: it.near });
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "valkey");
    assert_eq!((edge.ends, edge.verdict), (EdgeEnds::CallerOnly, Verdict::Opaque));
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_process_that_is_gone_before_its_events_come_is_still_the_caller() {
    let mut scene = scene();
    let mut it = scene.plan(("127.0.0.1:40001", HOST), ("127.0.0.1:6379", HOST));
    scene.feed(What::Exited { process: pid(200) });
    // Late and in disorder: payload before anything else, release before accept.
    let ask = Scene::payload(&mut it, Role::Responder, Role::Originator, GET.0.as_bytes());
    scene.feed(ask);
    scene.feed(What::Connecting { end: it.caller, ends: it.near, process: Some(pid(200)) });
    scene.feed(What::Released {
        end: it.caller,
        process: None,
        bytes_sent: Some(20),
        bytes_received: Some(7),
    });
    scene.feed(What::Established { end: it.receiver, role: Role::Responder, ends: it.far });
    scene.feed(What::Released {
        end: it.receiver,
        process: None,
        bytes_sent: Some(7),
        bytes_received: Some(20),
    });
    scene.feed(What::Accepted { end: it.receiver, process: pid(100), ends: None });
    scene.says(&mut it, Role::Responder, GET.1.as_bytes());
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.flows, edge.ends), (Verdict::LocationTrusted, 1, EdgeEnds::Both));
    scene.feed(What::Accepted { end: it.receiver, process: pid(100), ends: Some(it.far) });
    scene.wait(3000);
    assert_eq!(scene.snapshot().edges.len(), 1, "what comes later still makes no ghost");
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_translated_connection_is_one_flow() {
    for early in [true, false] {
        let mut scene = Scene::new();
        scene.netns(2, "app", &["10.77.40.2"]);
        scene.netns(3, "leg", &["10.77.20.2"]);
        let redis = scene.process(100, "/usr/bin/redis-server", 3, 50);
        scene.process(200, "/usr/bin/redis-cli", 2, 1000);
        scene.listen(redis, "0.0.0.0:6379", 3);
        let translated = What::Translated {
            netns: Netns(HOST),
            protocol: 6,
            original: (address("10.77.40.2:40001"), address("198.51.100.1:80")),
            reply: (address("10.77.20.2:6379"), address("10.77.40.2:40001")),
        };
        let mut it = scene.plan(("10.77.40.2:40001", 2), ("198.51.100.1:80", 3));
        it.far = Addresses {
            local: address("10.77.20.2:6379"),
            remote: address("10.77.40.2:40001"),
            netns: Netns(3),
        };
        if early {
            scene.feed(translated.clone());
        }
        scene.open(&it, pid(200), pid(100));
        if !early {
            scene.feed(translated);
        }
        scene.talk(&mut it, &[GET]);
        scene.close(&it);
        scene.wait(3000);
        let edge = scene.edge("redis-cli", "redis-server");
        assert_eq!((edge.flows, edge.ends, edge.verdict), (1, EdgeEnds::Both, Verdict::LocationTrusted));
        assert_eq!(scene.snapshot().edges.len(), 1, "{:#?}", scene.snapshot());
        scene.stop();
        scene.check_replay();
    }
}

#[test]
fn a_restart_goes_on_where_the_last_run_ended() {
    let mut first = scene();
    call(&mut first, 40001, &[AUTH, GET]);
    first.wait(3000);
    first.stop();
    let stored = first.snapshot();
    let mut pipeline = tierzero_core::pipeline::Pipeline::new(pipeline_scene::settings());
    pipeline.restore(&stored);
    assert_eq!(pipeline.snapshot(), stored);
    let mut second = Scene::with(pipeline);
    let redis = second.process(100, "/usr/bin/redis-server", HOST, 50);
    second.process(200, "/usr/bin/redis-cli", HOST, 1000);
    second.listen(redis, "127.0.0.1:6379", HOST);
    call(&mut second, 40001, &[AUTH_WRONG]);
    second.wait(3000);
    let edge = second.edge("redis-cli", "redis-server");
    assert_eq!(edge.id, stored.edges[0].id);
    assert_eq!((edge.flows, edge.verdict), (2, Verdict::SecretChecked), "the earlier flow is judged anew");
    assert_eq!(edge.history.len(), 1);
}

#[test]
fn a_ping_alone_is_no_service_that_anybody_is_trusted_for() {
    let mut scene = scene();
    call(&mut scene, 40001, &[PING]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert!(!edge.verdict.comforts(), "{edge:#?}");
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_connection_without_a_byte_decides_nothing() {
    let mut scene = scene();
    call(&mut scene, 40001, &[]);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.served, edge.opaque), (Verdict::Opaque, 0, 0));
    call(&mut scene, 40002, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    assert_eq!(scene.edge("redis-cli", "redis-server").verdict, Verdict::SecretChecked);
    scene.stop();
    scene.check_replay();
}
