//! Findings, from events: when they come, on what they rest, what ends them and what does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use pipeline_scene::{HOST, Scene, pid, settings};
use tierzero_core::finding::{Finding, FindingType, Rules, Severity, Subject, TurnKind};
use tierzero_core::graph::{AgentStatus, Delta, Snapshot};
use tierzero_core::pipeline::Pipeline;

const GET: (&str, &str) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n");
const GET_NOAUTH: (&str, &str) = (GET.0, "-NOAUTH Authentication required.\r\n");
const AUTH: (&str, &str) = ("*2\r\n$4\r\nAUTH\r\n$5\r\nMARK5\r\n", "+OK\r\n");
const AUTH_FOR_NOTHING: (&str, &str) = (
    AUTH.0,
    "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n",
);
const PLACE: &str = "127.0.0.1:6379";

fn scene_at(place: &str) -> Scene {
    let mut scene = Scene::new();
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.process(201, "/usr/bin/python3", HOST, 1000);
    scene.listen(redis, place, HOST);
    scene
}

fn scene() -> Scene {
    scene_at(PLACE)
}

fn call_at(scene: &mut Scene, place: &str, by: u32, port: u16, turns: &[(&str, &str)]) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(pid(by), pid(100), (&from, HOST), (place, HOST));
    scene.talk(&mut it, turns);
    scene.close(&it);
}

fn call(scene: &mut Scene, by: u32, port: u16, turns: &[(&str, &str)]) {
    call_at(scene, PLACE, by, port, turns);
}

fn findings(scene: &Scene) -> Vec<Finding> {
    scene.snapshot().findings
}

fn kinds(findings: &[Finding]) -> BTreeMap<&'static str, u64> {
    findings.iter().map(|it| (it.kind.as_str(), it.count)).collect()
}

#[test]
fn a_finding_stands_behind_its_edge_in_the_step_of_the_first_served_byte() {
    let mut scene = scene();
    let mut it = scene.connect(pid(200), pid(100), ("127.0.0.1:40001", HOST), (PLACE, HOST));
    scene.deltas.clear();
    scene.talk(&mut it, &[GET]);
    let edge = scene.deltas.iter().position(|it| matches!(it, Delta::Edge(_))).unwrap();
    let found = scene.deltas.iter().position(|it| matches!(it, Delta::Finding(_))).unwrap();
    assert!(edge < found, "{:?}", scene.deltas);
    let Delta::Finding(finding) = &scene.deltas[found] else { panic!() };
    assert_eq!((finding.kind, finding.count), (FindingType::LocationTrust, 1));
    assert_eq!(finding.severity, Severity::Medium);
    let edge = scene.edge("redis-cli", "redis-server");
    assert_eq!(finding.subjects, [Subject::Listener(edge.listener.clone())]);
    assert_eq!(finding.edges[0].edge, edge.id);
}

#[test]
fn one_cause_is_one_finding_with_a_count() {
    let mut scene = scene();
    for port in 40_001..40_051 {
        call(&mut scene, 200, port, &[GET]);
    }
    call(&mut scene, 201, 40_100, &[GET]);
    scene.wait(3000);
    let found = findings(&scene);
    assert_eq!(kinds(&found), [("location-trust", 51)].into());
    assert_eq!(found[0].edges.iter().map(|it| it.count).collect::<Vec<_>>().iter().sum::<u64>(), 51);
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_secret_in_the_clear_is_a_finding_and_its_value_is_nowhere() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    let found = findings(&scene);
    assert_eq!(kinds(&found), [("cleartext-secret", 1)].into());
    assert_eq!(found[0].severity, Severity::Low, "nobody else sees the loopback interface");
    assert!(!format!("{found:?}").contains("MARK5"));
}

#[test]
fn decoration_and_open_service_are_two_findings_on_one_listener() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[AUTH_FOR_NOTHING, GET]);
    call(&mut scene, 201, 40002, &[GET]);
    scene.wait(3000);
    let found = kinds(&findings(&scene));
    assert!(found.contains_key("location-trust"), "{found:?}");
    scene.stop();
    scene.check_replay();
}

#[test]
fn a_shared_secret_is_one_in_two_hands() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    assert!(!kinds(&findings(&scene)).contains_key("shared-principal"));
    call(&mut scene, 201, 40002, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    assert_eq!(kinds(&findings(&scene)).get("shared-principal"), Some(&2));
    scene.stop();
    scene.check_replay();
}

#[test]
fn an_odd_port_counts_only_where_nothing_is_checked() {
    let odd = "127.0.0.1:16999";
    let mut scene = scene_at(odd);
    call_at(&mut scene, odd, 200, 40001, &[GET]);
    scene.wait(3000);
    assert_eq!(kinds(&findings(&scene)), [("location-trust", 1), ("odd-port", 1)].into());
    let mut scene = scene_at(odd);
    call_at(&mut scene, odd, 200, 40001, &[GET_NOAUTH, AUTH, GET]);
    scene.wait(3000);
    assert!(!kinds(&findings(&scene)).contains_key("odd-port"));
}

#[test]
fn only_the_callers_own_refusal_ends_it_and_service_brings_it_back() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[GET]);
    scene.wait(3000);
    call(&mut scene, 201, 40002, &[GET]);
    scene.wait(3000);
    // Long silence.
    scene.wait(3_600_000);
    assert!(findings(&scene)[0].ended().is_none(), "silence ends nothing");
    call(&mut scene, 200, 40003, &[GET_NOAUTH]);
    scene.wait(3000);
    assert!(findings(&scene)[0].ended().is_none(), "the other caller may still be served");
    call(&mut scene, 201, 40004, &[GET_NOAUTH]);
    scene.wait(3000);
    let found = findings(&scene);
    let of =
        |found: &[Finding]| found.iter().find(|it| it.kind == FindingType::LocationTrust).cloned().unwrap();
    assert!(of(&found).ended().is_some(), "{found:?}");
    call(&mut scene, 201, 40005, &[GET]);
    scene.wait(3000);
    let found = of(&findings(&scene));
    assert!(found.ended().is_none());
    assert_eq!(found.turns.iter().map(|it| it.kind).collect::<Vec<_>>(), [TurnKind::Ended, TurnKind::Again]);
    scene.stop();
    scene.check_replay();
}

fn as_agent(mut snapshot: Snapshot, name: &str, status: AgentStatus) -> Snapshot {
    snapshot.findings.clear();
    for workload in snapshot.workloads.iter_mut().filter(|it| it.name == name) {
        workload.agent = status;
    }
    snapshot
}

fn restored(snapshot: &Snapshot) -> Vec<Finding> {
    let mut pipeline = Pipeline::new(settings());
    pipeline.restore(snapshot);
    pipeline.snapshot().findings
}

#[test]
fn an_agent_makes_it_a_bridge_and_a_suspected_one_a_light_one() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[GET]);
    call(&mut scene, 201, 40002, &[GET]);
    scene.stop();
    let found = restored(&as_agent(scene.snapshot(), "python3", AgentStatus::Declared));
    assert_eq!(kinds(&found), [("bridge-direct", 1), ("location-trust", 1)].into());
    let weighs = |found: &[Finding]| {
        found.iter().find(|it| it.kind == FindingType::BridgeDirect).map(|it| it.severity).unwrap()
    };
    assert_eq!(weighs(&found), Severity::High);
    let found = restored(&as_agent(scene.snapshot(), "python3", AgentStatus::Suspected));
    assert_eq!(weighs(&found), Severity::Low);
    let found = restored(&as_agent(scene.snapshot(), "python3", AgentStatus::Inherited));
    assert!(kinds(&found).contains_key("bridge-lineage"));
}

#[test]
fn an_agent_with_a_static_secret_stands_on_a_soft_bridge() {
    let mut scene = scene();
    call(&mut scene, 200, 40001, &[GET_NOAUTH, AUTH, GET]);
    scene.stop();
    let found = restored(&as_agent(scene.snapshot(), "redis-cli", AgentStatus::Declared));
    assert_eq!(kinds(&found), [("bridge-secret", 1), ("cleartext-secret", 1)].into());
}

#[test]
fn after_a_restart_everything_is_as_it_was_and_nothing_is_told_twice() {
    let mut scene = scene();
    for port in 40_001..40_011 {
        call(&mut scene, 200, port, &[GET]);
    }
    scene.stop();
    let before = scene.snapshot();
    assert_eq!(restored(&before), before.findings);
    let mut pipeline = Pipeline::new(settings());
    pipeline.restore(&before);
    let step = pipeline.tick(scene.now());
    assert!(!step.deltas.iter().any(|it| matches!(it, Delta::Finding(_))), "{:?}", step.deltas);
}

#[test]
fn no_more_findings_than_there_is_room_for_and_what_is_not_kept_is_counted() {
    let mut pipeline = Pipeline::new(settings());
    pipeline.find_by(Rules { most: 0, dormant_after: SignedDuration::from_secs(1), ..Rules::default() });
    let mut scene = Scene::with(pipeline);
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.process(200, "/usr/bin/redis-cli", HOST, 1000);
    scene.listen(redis, PLACE, HOST);
    call(&mut scene, 200, 40001, &[GET]);
    scene.wait(3000);
    let snapshot = scene.snapshot();
    assert!(snapshot.findings.is_empty());
    assert!(snapshot.coverage.lost_by_place["user-finding-table"] > 0);
}
