//! Findings about several edges at once: ways of agents through others, wraps gone around.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{Connection, HOST, Scene, settings};
use tierzero_core::event::Role;
use tierzero_core::finding::{Finding, FindingType, Severity};
use tierzero_core::graph::Delta;
use tierzero_core::graph::tier0::{Terms, Tier0};
use tierzero_core::id::ProcessKey;
use tierzero_core::pipeline::{Pipeline, Settings};
use tierzero_core::subject::{AgentRule, AgentRules};

const ASK: &[u8] = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
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
        Self::with("/bin/server")
    }

    /// With this program between the agent and Redis.
    fn with(between: &str) -> Self {
        let rule = AgentRule {
            name: "helpdesk-agent".into(),
            exe: Some("/bin/agent".into()),
            ..AgentRule::default()
        };
        let agents = AgentRules { rules: vec![rule], ..AgentRules::default() };
        let mut scene = Scene::with(Pipeline::new(Settings { agents, ..settings() }));
        let agent = scene.process(10, "/bin/agent", HOST, 7);
        let other = scene.process(11, "/bin/other", HOST, 7);
        let server = scene.process(12, between, HOST, 7);
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

    /// A call of the server, in the middle of which the server asks Redis, or doesn't.
    fn call(&mut self, from: ProcessKey, behind: bool) {
        let mut front = self.connect(from, self.server, "127.0.0.1:80");
        self.scene.says(&mut front, Role::Originator, ASK);
        if behind {
            self.query(self.server);
        }
        self.scene.says(&mut front, Role::Responder, TOLD);
        self.scene.close(&front);
        self.scene.wait(100);
    }

    fn query(&mut self, by: ProcessKey) {
        let mut back = self.connect(by, self.redis, "127.0.0.1:6379");
        self.scene.says(&mut back, Role::Originator, GET);
        self.scene.says(&mut back, Role::Responder, GOT);
        self.scene.close(&back);
    }

    fn found(&self, kind: FindingType) -> Vec<Finding> {
        self.scene.snapshot().findings.into_iter().filter(|it| it.kind == kind).collect()
    }

    fn end(&mut self) {
        self.scene.stop();
        self.scene.check_replay();
    }
}

#[test]
fn a_way_through_a_server_is_one_transit_high_once_it_correlates_and_there_within_seconds() {
    let mut stage = Stage::new();
    for _ in 0..20 {
        stage.call(stage.agent, true);
    }
    // Nothing happens any more: the finding does not wait for the next event, nor for the end.
    for _ in 0..7 {
        stage.scene.wait(1000);
    }
    let found = stage.found(FindingType::BridgeTransit);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::High);
    assert!(found[0].says.contains("correlated"), "{}", found[0].says);
    let told = stage.scene.deltas.iter().filter(
        |it| matches!(it, Delta::Finding(it) if it.kind == FindingType::BridgeTransit && it.severity == Severity::High),
    );
    assert!(told.count() >= 1);
    let direct = stage.found(FindingType::BridgeDirect);
    assert!(
        direct.iter().all(|it| it.subjects[1] != found[0].subjects[1]),
        "the agent itself never called Redis"
    );
    stage.end();
    let last = stage.found(FindingType::BridgeTransit);
    assert_eq!((last.len(), last[0].count), (1, 20), "{last:#?}");
    assert_eq!(last[0].id, found[0].id);
    // The write-down counts the way through the server, not the agent's own calls alone.
    let snapshot = stage.scene.snapshot();
    let written = Tier0::of(&snapshot, &Terms::default());
    let reach = written.answers.iter().find(|it| it.name == "agents").unwrap();
    let behind = stage.scene.edge("server", "redis").id.to_string();
    assert_eq!((reach.figures["agents"], reach.figures["bridged"], reach.figures["contained"]), (1, 1, 0));
    assert!(reach.evidence.contains(&behind), "{reach:#?}");
}

#[test]
fn a_way_that_others_use_is_reachable_and_no_more_than_medium() {
    let mut stage = Stage::new();
    for _ in 0..20 {
        stage.call(stage.agent, false);
        stage.call(stage.other, true);
    }
    stage.end();
    let found = stage.found(FindingType::BridgeTransit);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::Medium);
    assert!(found[0].says.contains("reachable"), "{}", found[0].says);
}

#[test]
fn without_an_agent_there_is_no_way_of_one() {
    let mut stage = Stage::new();
    for _ in 0..20 {
        stage.call(stage.other, true);
    }
    stage.end();
    assert!(stage.found(FindingType::BridgeTransit).is_empty());
    assert_eq!(stage.found(FindingType::LocationTrust).len(), 2);
}

#[test]
fn after_a_restart_the_way_is_the_same_and_told_once() {
    let mut stage = Stage::new();
    for _ in 0..10 {
        stage.call(stage.agent, true);
    }
    stage.end();
    let before = stage.scene.snapshot();
    let mut again = Pipeline::new(settings());
    again.restore(&before);
    let step = again.tick(stage.scene.now());
    assert!(!step.deltas.iter().any(|it| matches!(it, Delta::Finding(_))), "{:?}", step.deltas);
    assert_eq!(again.snapshot().findings, before.findings);
}

#[test]
fn a_way_of_secrets_through_a_server_is_a_soft_bridge() {
    const BARE: &[u8] = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    const ASKED: &[u8] =
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n";
    const SHOWN: &[u8] =
        b"POST /orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer MARK\r\nContent-Length: 2\r\n\r\n{}";
    const AUTH: &[u8] = b"*2\r\n$4\r\nAUTH\r\n$5\r\nMARK5\r\n";
    let mut stage = Stage::new();
    let turns: [(&[u8], &[u8]); 3] =
        [(GET, b"-NOAUTH Authentication required.\r\n"), (AUTH, b"+OK\r\n"), (GET, GOT)];
    for _ in 0..20 {
        let mut front = stage.connect(stage.agent, stage.server, "127.0.0.1:80");
        stage.scene.says(&mut front, Role::Originator, BARE);
        stage.scene.says(&mut front, Role::Responder, ASKED);
        stage.scene.says(&mut front, Role::Originator, SHOWN);
        let mut back = stage.connect(stage.server, stage.redis, "127.0.0.1:6379");
        for (asks, answers) in turns {
            stage.scene.says(&mut back, Role::Originator, asks);
            stage.scene.says(&mut back, Role::Responder, answers);
        }
        stage.scene.close(&back);
        stage.scene.says(&mut front, Role::Responder, TOLD);
        stage.scene.close(&front);
        stage.scene.wait(100);
    }
    for _ in 0..7 {
        stage.scene.wait(1000);
    }
    assert_eq!(stage.found(FindingType::BridgeTransit), []);
    let found = stage.found(FindingType::BridgeSecret);
    let through: Vec<_> = found.iter().filter(|it| it.says.contains("through others")).collect();
    assert_eq!(through.len(), 1, "{found:#?}");
    assert_eq!(through[0].severity, Severity::Medium);
    assert!(through[0].says.ends_with("the last hop was served for a shared secret"), "{}", through[0].says);
    // The agent's own secret at the server is another one.
    assert_eq!(found.len(), 2, "{found:#?}");
    stage.end();
}

#[test]
fn through_a_relay_of_bytes_it_is_a_tunnel() {
    let mut stage = Stage::with("/usr/bin/socat");
    let (agent, server, redis) = (stage.agent, stage.server, stage.redis);
    for round in 0..5 {
        // Each of another size, as tunnelled work is.
        let key = "k".repeat(10 + round);
        let get = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len());
        let mut front = stage.connect(agent, server, "127.0.0.1:80");
        stage.scene.says(&mut front, Role::Originator, get.as_bytes());
        let mut back = stage.connect(server, redis, "127.0.0.1:6379");
        stage.scene.says(&mut back, Role::Originator, get.as_bytes());
        stage.scene.says(&mut back, Role::Responder, GOT);
        stage.scene.says(&mut front, Role::Responder, GOT);
        stage.scene.close(&front);
        stage.scene.close(&back);
        stage.scene.wait(700);
    }
    for _ in 0..7 {
        stage.scene.wait(1000);
    }
    let found = stage.found(FindingType::BridgeTunnel);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, Severity::High);
    assert!(found[0].says.contains("through a relay of bytes"), "{}", found[0].says);
    assert_eq!(stage.found(FindingType::BridgeTransit), [], "one cause, one finding");
    stage.end();
}

#[test]
fn a_credential_that_is_handed_on_is_one_finding_without_the_credential() {
    const SHOWN: &[u8] =
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer MARK13-abcdefgh\r\nContent-Length: 0\r\n\r\n";
    // More than a proxy would keep for itself.
    let much = [&b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n"[..], &[b'x'; 40_000]].concat();
    let mut stage = Stage::new();
    for _ in 0..4 {
        let mut front = stage.connect(stage.agent, stage.server, "127.0.0.1:80");
        stage.scene.says(&mut front, Role::Originator, SHOWN);
        let mut back = stage.connect(stage.server, stage.redis, "127.0.0.1:6379");
        // Another request with the same credential: whoever passes the same bytes on reads nothing.
        let behind = String::from_utf8_lossy(SHOWN).replace("GET / ", "GET /behind ");
        stage.scene.says(&mut back, Role::Originator, behind.as_bytes());
        stage.scene.says(&mut back, Role::Responder, &much);
        stage.scene.close(&back);
        stage.scene.says(&mut front, Role::Responder, TOLD);
        stage.scene.close(&front);
        stage.scene.wait(700);
    }
    stage.end();
    let found = stage.found(FindingType::TokenPassthrough);
    assert_eq!((found.len(), found[0].count), (1, 1), "{found:#?}");
    assert_eq!(found[0].severity, Severity::Medium);
    assert!(found[0].says.starts_with("server shows "), "{}", found[0].says);
    assert!(!format!("{found:?}").contains("MARK13"));

    // With its own credential the server hands nothing on.
    let mut stage = Stage::new();
    for _ in 0..4 {
        let mut front = stage.connect(stage.agent, stage.server, "127.0.0.1:80");
        stage.scene.says(&mut front, Role::Originator, SHOWN);
        let mut back = stage.connect(stage.server, stage.redis, "127.0.0.1:6379");
        let own = String::from_utf8_lossy(SHOWN).replace("GET / ", "GET /behind ").replace("MARK13", "OWN13");
        stage.scene.says(&mut back, Role::Originator, own.as_bytes());
        stage.scene.says(&mut back, Role::Responder, &much);
        stage.scene.close(&back);
        stage.scene.says(&mut front, Role::Responder, TOLD);
        stage.scene.close(&front);
        stage.scene.wait(700);
    }
    stage.end();
    assert_eq!(stage.found(FindingType::TokenPassthrough), []);
}

#[test]
fn a_wrap_is_a_finding_when_others_stand_behind_it_and_another_when_they_go_around() {
    let found = |scene: &Scene, kind| -> Vec<Finding> {
        scene.snapshot().findings.into_iter().filter(|it| it.kind == kind).collect()
    };
    let mut scene = Scene::new();
    scene.netns(2, "leg", &["127.0.0.1", "10.0.0.2"]);
    let app = scene.process(20, "/bin/app", HOST, 7);
    let proxy = scene.process(21, "/bin/proxy", 2, 8);
    let redis = scene.process(22, "/bin/redis", 2, 9);
    scene.listen(proxy, "10.0.0.2:7000", 2);
    scene.listen(redis, "127.0.0.1:6379", 2);
    for round in 0..5 {
        let (one, two) = (format!("10.0.0.1:{}", 30_000 + round), format!("127.0.0.1:{}", 40_000 + round));
        let mut front = scene.connect(app, proxy, (&one, HOST), ("10.0.0.2:7000", 2));
        // The proxy asks; the backend does not.
        scene.says(&mut front, Role::Originator, GET);
        scene.says(&mut front, Role::Responder, b"-NOAUTH Authentication required.\r\n");
        scene.says(&mut front, Role::Originator, b"*2\r\n$4\r\nAUTH\r\n$5\r\nMARK5\r\n");
        scene.says(&mut front, Role::Responder, b"+OK\r\n");
        scene.says(&mut front, Role::Originator, GET);
        let mut back = scene.connect(proxy, redis, (&two, 2), ("127.0.0.1:6379", 2));
        scene.says(&mut back, Role::Originator, GET);
        scene.says(&mut back, Role::Responder, GOT);
        scene.says(&mut front, Role::Responder, GOT);
        scene.close(&back);
        scene.close(&front);
        scene.wait(700);
    }
    scene.wait(2000);
    let none = [FindingType::WrapLeaky, FindingType::WrapBypass].map(|kind| found(&scene, kind).len());
    assert_eq!(none, [0, 0], "sealed");
    let idle = scene.process(31, "/bin/sleep", 2, 7);
    scene.wait(2000);
    scene.wait(2000);
    let leaky = found(&scene, FindingType::WrapLeaky);
    assert_eq!((leaky.len(), leaky[0].severity), (1, Severity::Medium), "{leaky:#?}");
    assert!(leaky[0].says.starts_with("at least 1 other workload(s) stand where"), "{}", leaky[0].says);
    assert_eq!(found(&scene, FindingType::WrapBypass), []);
    let mut direct = scene.connect(idle, redis, ("127.0.0.1:50000", 2), ("127.0.0.1:6379", 2));
    scene.says(&mut direct, Role::Originator, GET);
    scene.says(&mut direct, Role::Responder, GOT);
    scene.close(&direct);
    scene.wait(2000);
    scene.wait(2000);
    let around = found(&scene, FindingType::WrapBypass);
    assert_eq!((around.len(), around[0].severity, around[0].count), (1, Severity::High, 1), "{around:#?}");
    assert!(around[0].says.contains("around proxy at"), "{}", around[0].says);
    scene.stop();
    scene.check_replay();
}
