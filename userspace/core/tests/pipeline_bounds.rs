//! What the pipeline keeps is bounded, what finds no room is counted, and disorder changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, address, pid};
use tierzero_core::event::{Count, Coverage, Degradation, ListenAddress, Listening, Process, Role, What};
use tierzero_core::graph::{EdgeEnds, ListenerClass};
use tierzero_core::id::{EndKey, Netns};
use tierzero_core::pipeline::Limits;
use tierzero_core::verdict::{Check, Verdict};

const GET: &str = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

fn redis(scene: &mut Scene) {
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.listen(redis, "127.0.0.1:6379", HOST);
}

#[test]
fn a_full_flow_table_gives_up_the_quietest_and_says_so() {
    let mut scene = Scene::limited(Limits { flows: 8, early_ends: 4, ..Limits::default() });
    redis(&mut scene);
    for port in 0..40 {
        let from = format!("127.0.0.1:{}", 40_000 + port);
        let mut it = scene.connect(pid(200), pid(100), (&from, HOST), ("127.0.0.1:6379", HOST));
        // Asked, never answered: giving it up has to say so, also in the log.
        scene.says(&mut it, Role::Originator, GET.as_bytes());
        assert!(scene.pipeline.live_flows() <= 8);
    }
    for cookie in 0..9 {
        let process = pid(100);
        scene.feed(What::Accepted { end: EndKey::Tcp { cookie: 9_000 + cookie }, process, ends: None });
    }
    scene.stop();
    let coverage = scene.snapshot().coverage;
    let lost = |place: &str| coverage.lost_by_place.get(place).copied().unwrap_or(0);
    assert!(lost("user-flow-table") >= 32, "{coverage:?}");
    assert_eq!(lost("user-early-events"), 5);
    assert_eq!(coverage.lost_events, lost("user-flow-table") + 5);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.flows, edge.verdict), (40, Verdict::Opaque));
    assert_eq!(scene.pipeline.live_flows(), 0);
    scene.check_replay();
}

#[test]
fn full_tables_of_workloads_listeners_and_edges_are_counted_too() {
    let mut scene = Scene::limited(Limits { workloads: 2, listeners: 1, edges: 1, ..Limits::default() });
    redis(&mut scene);
    let other = scene.process(101, "/usr/bin/other", HOST, 50);
    scene.process(201, "/usr/bin/third", HOST, 50);
    scene.listen(other, "127.0.0.1:7000", HOST);
    for caller in [200, 201] {
        let from = format!("127.0.0.1:{}", 40_000 + caller);
        let it = scene.connect(pid(caller), pid(100), (&from, HOST), ("127.0.0.1:6379", HOST));
        scene.close(&it);
    }
    scene.wait(3000);
    scene.stop();
    let snapshot = scene.snapshot();
    assert_eq!((snapshot.listeners.len(), snapshot.edges.len()), (1, 1));
    assert!(snapshot.workloads.len() <= 2);
    for place in ["user-workload-table", "user-listener-table"] {
        assert!(snapshot.coverage.lost_by_place.contains_key(place), "{place}: {:?}", snapshot.coverage);
    }
    scene.check_replay();
}

#[test]
fn a_listener_nobody_called_is_shown_once_it_is_known_whose_it_is() {
    let mut scene = Scene::new();
    for (port, process) in [(80, 100), (81, 999)] {
        scene.feed(What::Listening(Listening {
            socket: EndKey::Tcp { cookie: port },
            at: ListenAddress::Tcp { address: address(&format!("0.0.0.0:{port}")) },
            netns: Netns(HOST),
            processes: vec![pid(process)],
            joined_late: true,
        }));
    }
    assert!(scene.snapshot().listeners.is_empty());
    scene.process(100, "/usr/sbin/nginx", HOST, 0);
    let listeners = scene.snapshot().listeners;
    assert_eq!((listeners.len(), listeners[0].class), (1, ListenerClass::Unknown));
    assert_eq!(listeners[0].workload, scene.workload("nginx").id);
    scene.stop();
    assert_eq!(scene.snapshot().listeners.len(), 2);
    assert!(scene.snapshot().workloads.iter().any(|it| it.name == "unknown process"));
    scene.check_replay();
}

#[test]
fn a_worker_that_accepts_for_its_master_is_the_masters_listener() {
    let mut scene = Scene::new();
    let master = scene.process(100, "/usr/sbin/nginx", HOST, 0);
    let worker = scene.process(101, "/usr/sbin/nginx", HOST, 33);
    scene.process(200, "/usr/bin/curl", HOST, 1000);
    scene.listen(master, "127.0.0.1:80", HOST);
    let it = scene.connect(pid(200), worker, ("127.0.0.1:40001", HOST), ("127.0.0.1:80", HOST));
    scene.close(&it);
    scene.wait(3000);
    let snapshot = scene.snapshot();
    assert_eq!((snapshot.listeners.len(), snapshot.edges.len()), (1, 1));
    let owner = snapshot.workloads.iter().find(|it| it.id == snapshot.listeners[0].workload).unwrap();
    assert_eq!(owner.uid, Some(0));
    assert_eq!(scene.flows()[0].receiver_pid, Some(101));
}

#[test]
fn datagrams_are_opaque_with_their_bytes() {
    let mut scene = Scene::new();
    let server = scene.process(100, "/usr/sbin/unbound", HOST, 53);
    scene.process(200, "/usr/bin/dig", HOST, 1000);
    scene.feed(What::Listening(Listening {
        socket: EndKey::Udp { cookie: 1, peer: address("0.0.0.0:0") },
        at: ListenAddress::Udp { address: address("127.0.0.1:53") },
        netns: Netns(HOST),
        processes: vec![server],
        joined_late: false,
    }));
    let it = scene.plan(("127.0.0.1:40001", HOST), ("127.0.0.1:53", HOST));
    let count = |bytes| Count { packets: 1, bytes };
    for (cookie, ends, originator, process, sent, received) in [
        (2, it.near, true, 200, 40, 0),
        (1, it.far, false, 100, 0, 40),
        (1, it.far, false, 100, 90, 40),
        (2, it.near, true, 200, 40, 90),
    ] {
        scene.feed(What::Datagrams {
            end: EndKey::Udp { cookie, peer: ends.remote },
            ends,
            originator,
            process: Some(pid(process)),
            sent: count(sent),
            received: count(received),
        });
    }
    scene.wait(70_000);
    let edge = scene.edge("dig", "unbound");
    assert_eq!((edge.verdict, edge.flows, edge.ends), (Verdict::Opaque, 1, EdgeEnds::Both));
    assert_eq!((edge.bytes_sent, edge.bytes_received), (40, 90));
    assert_eq!(edge.by_check.get(&Check::Opaque), Some(&1));
    assert_eq!(scene.pipeline.live_flows(), 0, "a silent UDP flow is over");
    scene.stop();
    scene.check_replay();
}

#[test]
fn scripts_of_one_interpreter_are_different_workloads() {
    let mut scene = Scene::new();
    redis(&mut scene);
    for (number, script) in [(300, "/lab/agent.py"), (301, "/lab/app.py")] {
        scene.feed(What::Executed {
            process: Process {
                key: pid(number),
                parent: Some(pid(100)),
                exe: Some("/usr/bin/python3.11".into()),
                argv: vec!["python3".into(), script.into()],
                comm: "python3".into(),
                uid: 1000,
                gid: 1000,
                cgroup: 0,
                place: None,
                netns: Netns(HOST),
                env: Vec::new(),
            },
            file: None,
        });
        let from = format!("127.0.0.1:{}", 40_000 + number);
        let it = scene.connect(pid(number), pid(100), (&from, HOST), ("127.0.0.1:6379", HOST));
        scene.close(&it);
    }
    scene.wait(3000);
    assert_eq!(scene.edge("agent.py", "redis-server").flows, 1);
    assert_eq!(scene.edge("app.py", "redis-server").processes[0].exe, "/usr/bin/python3.11");
}

#[test]
fn both_ends_payload_counts_once() {
    let mut scene = Scene::new();
    redis(&mut scene);
    let mut it = scene.connect(pid(200), pid(100), ("127.0.0.1:40001", HOST), ("127.0.0.1:6379", HOST));
    for (who, bytes) in [(Role::Originator, GET), (Role::Responder, "$1\r\nv\r\n")] {
        let before = it.offsets;
        for end in [Role::Originator, Role::Responder] {
            it.offsets = before;
            let what = Scene::payload(&mut it, end, who, bytes.as_bytes());
            scene.feed(what);
        }
    }
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!((edge.verdict, edge.check, edge.flows), (Verdict::LocationTrusted, Check::None, 1));
    scene.stop();
    scene.check_replay();
}

#[test]
fn loss_and_blindness_reach_the_summary() {
    let mut scene = Scene::new();
    let (from, to) = (scene.now(), scene.now());
    let degradation = Degradation {
        name: "no-ebpf".into(),
        loses: "short-lived connections".into(),
        because: "EPERM".into(),
        remedy: String::new(),
    };
    for _ in 0..2 {
        scene.feed(What::Coverage(Coverage::Lost { place: "control-ring".into(), count: 3 }));
        scene.feed(What::Coverage(Coverage::Degraded(degradation.clone())));
    }
    scene.feed(What::Coverage(Coverage::Blind { from, to, reason: "not running".into() }));
    let coverage = scene.snapshot().coverage;
    assert_eq!((coverage.lost_events, coverage.blind.len(), coverage.degraded.len()), (6, 1, 1));
    scene.stop();
    scene.check_replay();
}
