//! What goes through a workload that is called and calls.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "figures are shown")]

mod pipeline_scene;

use pipeline_scene::{Connection, HOST, Scene};
use tierzero_core::event::Role;
use tierzero_core::graph::{HopStrength, LEAST_REQUESTS, Relay, Wrap, WrapState};
use tierzero_core::id::ProcessKey;

const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const TOLD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const GOT: &[u8] = b"$1\r\nv\r\n";

/// An agent, another client, a server that both call, and the Redis that the server calls.
struct Stage {
    scene: Scene,
    agent: ProcessKey,
    other: ProcessKey,
    server: ProcessKey,
    redis: ProcessKey,
    port: u16,
}

impl Stage {
    fn new() -> Self {
        let mut scene = Scene::new();
        let agent = scene.process(10, "/bin/agent", HOST, 7);
        let other = scene.process(11, "/bin/other", HOST, 7);
        let server = scene.process(12, "/bin/server", HOST, 7);
        let redis = scene.process(13, "/bin/redis", HOST, 7);
        scene.listen(server, "127.0.0.1:80", HOST);
        scene.listen(redis, "127.0.0.1:6379", HOST);
        Self { scene, agent, other, server, redis, port: 20_000 }
    }

    fn connect(&mut self, from: ProcessKey, to: ProcessKey, at: &str) -> Connection {
        self.port += 1;
        let local = format!("127.0.0.1:{}", self.port);
        self.scene.connect(from, to, (&local, HOST), (at, HOST))
    }

    fn ask(&mut self, from: ProcessKey) -> Connection {
        let mut front = self.connect(from, self.server, "127.0.0.1:80");
        self.scene.says(&mut front, Role::Originator, ASK);
        front
    }

    fn answer(&mut self, mut front: Connection) {
        self.scene.says(&mut front, Role::Responder, TOLD);
        self.scene.close(&front);
    }

    fn query(&mut self) {
        let (server, redis) = (self.server, self.redis);
        let mut back = self.connect(server, redis, "127.0.0.1:6379");
        self.scene.says(&mut back, Role::Originator, GET);
        self.scene.says(&mut back, Role::Responder, GOT);
        self.scene.close(&back);
    }

    fn end(&mut self) {
        self.scene.stop();
        self.scene.check_replay();
    }

    fn relay(&self, caller: &str) -> Option<Relay> {
        let relays = self.scene.snapshot().relays;
        let inbound = self.scene.edges(caller, "server").first()?.id.clone();
        let outbound = self.scene.edges("server", "redis").first()?.id.clone();
        relays.into_iter().find(|it| it.inbound == inbound && it.outbound == outbound)
    }
}

#[test]
fn calls_that_reach_behind_correlate_with_their_number() {
    let mut stage = Stage::new();
    for _ in 0..20 {
        let front = stage.ask(stage.agent);
        stage.query();
        stage.answer(front);
        stage.scene.wait(100);
    }
    stage.end();
    let relay = stage.relay("agent").unwrap();
    assert_eq!(relay.strength, HopStrength::Correlated, "{relay:#?}");
    assert_eq!((relay.coincidence.n, relay.coincidence.outside), (20, 0));
    assert!(relay.coincidence.chance() < 0.5);
}

#[test]
fn anothers_calls_that_reach_behind_are_not_the_agents() {
    // The agent's requests are in flight whenever the other client's reach Redis.
    let mut stage = Stage::new();
    for _ in 0..50 {
        let front = stage.ask(stage.agent);
        let others = stage.ask(stage.other);
        stage.query();
        stage.answer(others);
        stage.answer(front);
        let others = stage.ask(stage.other);
        stage.query();
        stage.answer(others);
        stage.scene.wait(50);
    }
    stage.end();
    let relay = stage.relay("agent").unwrap();
    assert_eq!(relay.strength, HopStrength::Reachable, "{relay:#?}");
    assert_eq!((relay.coincidence.n, relay.coincidence.shared), (0, 50));
    assert_eq!(stage.relay("other").unwrap().strength, HopStrength::Correlated);
}

#[test]
fn an_answer_that_begins_before_the_work_is_done_is_still_in_flight() {
    let mut stage = Stage::new();
    let (agent, server) = (stage.agent, stage.server);
    let mut front = stage.connect(agent, server, "127.0.0.1:80");
    for _ in 0..12 {
        stage.scene.says(&mut front, Role::Originator, ASK);
        stage.scene.says(&mut front, Role::Responder, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        stage.scene.wait(20);
        stage.query();
        stage.scene.wait(5);
        stage.scene.says(&mut front, Role::Responder, b"ok");
        stage.scene.wait(200);
    }
    stage.scene.close(&front);
    stage.end();
    let relay = stage.relay("agent").unwrap();
    // The first answer had begun before the server was known to call anyone.
    assert_eq!((relay.strength, relay.coincidence.n), (HopStrength::Correlated, 11), "{relay:#?}");
}

#[test]
fn two_calls_are_too_few_and_a_burst_within_one_counts_once() {
    let mut stage = Stage::new();
    for _ in 0..2 {
        let front = stage.ask(stage.agent);
        for _ in 0..40 {
            stage.query();
        }
        stage.answer(front);
        stage.scene.wait(2_000);
    }
    stage.end();
    let relay = stage.relay("agent").unwrap();
    assert_eq!((relay.strength, relay.coincidence.n), (HopStrength::Reachable, 2), "{relay:#?}");
    assert!(relay.coincidence.n < LEAST_REQUESTS);
}

#[test]
fn many_callers_at_once_are_nobodys() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        let fronts = [stage.ask(stage.agent), stage.ask(stage.other), stage.ask(stage.agent)];
        stage.query();
        for front in fronts {
            stage.answer(front);
        }
        stage.scene.wait(300);
    }
    stage.end();
    for caller in ["agent", "other"] {
        let relay = stage.relay(caller).unwrap();
        assert_eq!((relay.strength, relay.coincidence.n), (HopStrength::Reachable, 0), "{relay:#?}");
    }
}

#[test]
fn past_what_is_captured_a_connection_is_no_evidence() {
    let mut stage = Stage::new();
    let (agent, server) = (stage.agent, stage.server);
    let mut front = stage.connect(agent, server, "127.0.0.1:80");
    stage.scene.says(&mut front, Role::Originator, ASK);
    stage.scene.says(&mut front, Role::Originator, &[b'x'; 9_000]);
    for _ in 0..20 {
        stage.query();
        stage.scene.wait(200);
    }
    stage.scene.close(&front);
    stage.end();
    let relay = stage.relay("agent").unwrap();
    assert_eq!((relay.strength, relay.by_connection), (HopStrength::Reachable, 1), "{relay:#?}");
}

/// A small generator (xorshift64*, Vigna 2016), seeded: the same traffic on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

#[test]
fn independent_traffic_correlates_as_rarely_as_promised() {
    let (mut at_end, mut ever, runs) = (0, 0, 100);
    for seed in 1..=runs {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut stage = Stage::new();
        let load = 5 + random.below(60);
        let mut front = None;
        let mut once = false;
        for step in 0..400 {
            // The agent's requests come and go, and the server asks Redis on its own: neither knows of the other.
            if random.below(100) < load {
                if front.is_none() {
                    front = Some(stage.ask(stage.agent));
                }
            } else if let Some(front) = front.take() {
                stage.answer(front);
            }
            if random.below(100) < 20 {
                stage.query();
            }
            stage.scene.wait(40);
            if step % 25 == 24 {
                let strength = stage.relay("agent").map(|it| it.strength);
                once |= strength == Some(HopStrength::Correlated);
            }
        }
        stage.scene.stop();
        let found = stage.relay("agent").is_some_and(|it| it.strength > HopStrength::Reachable);
        at_end += u64::from(found);
        ever += u64::from(once || found);
    }
    println!(
        "independent traffic, {runs} runs: correlated at the end in {at_end}, at any of 16 looks in {ever}"
    );
    assert!(at_end <= 1, "{at_end} of {runs} at the end");
    assert!(ever <= 3, "{ever} of {runs} at some time");
}

#[test]
fn the_same_bytes_in_and_out_are_attributed() {
    let mut stage = Stage::new();
    let (agent, other, server, redis) = (stage.agent, stage.other, stage.server, stage.redis);
    // A byte relay: both clients at once, with different sizes.
    let mut fronts = Vec::new();
    for (who, key) in [(agent, "one-longer-key"), (other, "another-longer-key")] {
        let get = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
        let mut front = stage.connect(who, server, "127.0.0.1:80");
        let mut back = stage.connect(server, redis, "127.0.0.1:6379");
        for it in [&mut front, &mut back] {
            stage.scene.says(it, Role::Originator, get.as_bytes());
            stage.scene.says(it, Role::Responder, GOT);
        }
        fronts.push((front, back));
    }
    for (front, back) in fronts {
        stage.scene.close(&front);
        stage.scene.close(&back);
    }
    stage.end();
    for caller in ["agent", "other"] {
        let relay = stage.relay(caller).unwrap();
        assert_eq!((relay.strength, relay.attributed), (HopStrength::Attributed, 1), "{relay:#?}");
    }
}

#[test]
fn a_tool_has_a_row_for_where_it_went() {
    let mut stage = Stage::new();
    let call = |tool: &str| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
        );
        let length = body.len();
        format!(
            "POST /mcp HTTP/1.1\r\nHost: x\r\nMcp-Protocol-Version: 2025-11-25\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    for round in 0..10 {
        for tool in ["lookup_customer", "add"] {
            let (agent, server) = (stage.agent, stage.server);
            let mut front = stage.connect(agent, server, "127.0.0.1:80");
            stage.scene.says(&mut front, Role::Originator, call(tool).as_bytes());
            if tool == "lookup_customer" {
                stage.query();
            }
            stage.answer(front);
            stage.scene.wait(100 + round);
        }
    }
    stage.end();
    let relay = stage.relay("agent").unwrap();
    let tools: Vec<_> =
        relay.tools.iter().map(|it| (it.tool.as_str(), it.calls, it.coincidence.n, it.strength())).collect();
    // The first call came before the server was known to call anyone.
    let [(tool, calls, n, strength)] = tools[..] else { panic!("{relay:#?}") };
    assert_eq!((tool, strength), ("lookup_customer", HopStrength::Correlated), "{relay:#?}");
    assert!((9..=10).contains(&calls) && n == calls, "{relay:#?}");
}

#[test]
fn the_same_credential_in_and_out_is_passed_through() {
    let mut stage = Stage::new();
    let (server, redis) = (stage.server, stage.redis);
    let authorized = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer MARK13-abcdefgh\r\n\r\n";
    for _ in 0..3 {
        let agent = stage.agent;
        let mut front = stage.connect(agent, server, "127.0.0.1:80");
        stage.scene.says(&mut front, Role::Originator, authorized);
        let mut back = stage.connect(server, redis, "127.0.0.1:6379");
        stage.scene.says(&mut back, Role::Originator, authorized);
        stage.scene.says(&mut back, Role::Responder, TOLD);
        stage.scene.close(&back);
        stage.answer(front);
    }
    stage.end();
    let relay = stage.relay("agent").unwrap();
    assert_eq!((relay.passed, relay.passed_through.len()), (1, 1), "{relay:#?}");
    assert!(!format!("{relay:?}").contains("MARK13"));
}

/// A proxy in a namespace of its own, with the backend on its loopback.
fn wrapped(rounds: usize) -> (Scene, u16) {
    let mut scene = Scene::new();
    scene.netns(2, "leg", &["127.0.0.1", "10.0.0.2"]);
    let app = scene.process(20, "/bin/app", HOST, 7);
    let proxy = scene.process(21, "/bin/proxy", 2, 8);
    let redis = scene.process(22, "/bin/redis", 2, 9);
    scene.listen(proxy, "10.0.0.2:7000", 2);
    scene.listen(redis, "127.0.0.1:6379", 2);
    let mut port = 30_000;
    for _ in 0..rounds {
        port += 2;
        let (one, two) = (format!("10.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1));
        let mut front = scene.connect(app, proxy, (&one, HOST), ("10.0.0.2:7000", 2));
        scene.says(&mut front, Role::Originator, GET);
        let mut back = scene.connect(proxy, redis, (&two, 2), ("127.0.0.1:6379", 2));
        scene.says(&mut back, Role::Originator, GET);
        scene.says(&mut back, Role::Responder, GOT);
        scene.says(&mut front, Role::Responder, GOT);
        scene.close(&back);
        scene.close(&front);
        scene.wait(700);
    }
    (scene, port)
}

fn wrap(scene: &Scene) -> Wrap {
    let mut wraps = scene.snapshot().wraps;
    assert_eq!(wraps.len(), 1, "{wraps:#?}");
    wraps.remove(0)
}

#[test]
fn a_caller_that_comes_again_at_once_is_another_connection() {
    let mut scene = Scene::new();
    scene.netns(2, "leg", &["127.0.0.1", "10.0.0.2"]);
    let app = scene.process(20, "/bin/app", HOST, 7);
    let proxy = scene.process(21, "/bin/proxy", 2, 8);
    let redis = scene.process(22, "/bin/redis", 2, 9);
    scene.listen(proxy, "10.0.0.2:7000", 2);
    scene.listen(redis, "127.0.0.1:6379", 2);
    // The ends of the first connections are told only after the next ones began, one after the other.
    for round in 0..5 {
        let (one, two) = (format!("10.0.0.1:{}", 30_000 + round), format!("127.0.0.1:{}", 40_000 + round));
        let mut front = scene.connect(app, proxy, (&one, HOST), ("10.0.0.2:7000", 2));
        scene.says(&mut front, Role::Originator, GET);
        let mut back = scene.connect(proxy, redis, (&two, 2), ("127.0.0.1:6379", 2));
        scene.says(&mut back, Role::Originator, GET);
        scene.says(&mut back, Role::Responder, GOT);
        scene.says(&mut front, Role::Responder, GOT);
        scene.close(&back);
        scene.close(&front);
        scene.wait(5);
    }
    scene.stop();
    scene.check_replay();
    let wrap = wrap(&scene);
    assert_eq!((wrap.state, wrap.matched), (WrapState::Sealed, 5));
}

#[test]
fn a_wrap_is_sealed_then_leaky_then_bypassed() {
    let (mut scene, port) = wrapped(5);
    let sealed = wrap(&scene);
    assert_eq!((sealed.state, sealed.matched), (WrapState::Sealed, 5), "{sealed:#?}");
    assert!(sealed.front_counts());
    // A process elsewhere changes nothing; one in the namespace stands where Redis would serve it.
    scene.process(30, "/bin/elsewhere", HOST, 7);
    assert_eq!(wrap(&scene).state, WrapState::Sealed);
    let idle = scene.process(31, "/bin/sleep", 2, 7);
    let leaky = wrap(&scene);
    assert_eq!(leaky.state, WrapState::Leaky, "{leaky:#?}");
    assert_eq!(leaky.standing_room.workloads.len(), 1);
    assert_eq!(leaky.standing_room.workloads[0].name, "sleep");
    let local = format!("127.0.0.1:{}", port + 10);
    let mut direct = scene.connect(idle, scene_redis(), (&local, 2), ("127.0.0.1:6379", 2));
    scene.says(&mut direct, Role::Originator, GET);
    scene.says(&mut direct, Role::Responder, GOT);
    let bypassed = wrap(&scene);
    assert_eq!((bypassed.state, bypassed.bypassed_by.len()), (WrapState::Bypassed, 1), "{bypassed:#?}");
    scene.close(&direct);
    scene.stop();
    scene.check_replay();
}

fn scene_redis() -> ProcessKey {
    pipeline_scene::pid(22)
}

#[test]
fn one_that_stood_there_and_ended_still_counts_and_loss_unseals() {
    let (mut scene, _) = wrapped(3);
    let short = scene.process(40, "/bin/short", 2, 7);
    scene.feed(tierzero_core::event::What::Exited { process: short });
    scene.wait(120_000);
    scene.stop();
    assert_eq!(wrap(&scene).state, WrapState::Leaky);

    let (mut scene, _) = wrapped(3);
    assert_eq!(wrap(&scene).state, WrapState::Sealed);
    let lost = tierzero_core::event::Coverage::Lost { place: "ring".to_owned(), count: 1 };
    scene.feed(tierzero_core::event::What::Coverage(lost));
    let wrap = wrap(&scene);
    assert_eq!(wrap.state, WrapState::Leaky);
    assert!(wrap.why.contains("gaps"), "{}", wrap.why);
}

#[test]
fn two_connections_are_no_wrap_and_a_service_of_its_own_is_none() {
    let (scene, _) = wrapped(2);
    assert!(scene.snapshot().wraps.is_empty());
    let mut stage = Stage::new();
    for _ in 0..6 {
        let front = stage.ask(stage.agent);
        stage.query();
        stage.answer(front);
        stage.scene.wait(700);
    }
    stage.end();
    assert!(stage.scene.snapshot().wraps.is_empty(), "HTTP in front, Redis behind, other bytes");
}
