//! Models' endpoints inside TLS: the name that a caller gives is one sign of an agent, and no more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid, settings};
use tierzero_core::event::Role;
use tierzero_core::finding::{FindingType, Severity};
use tierzero_core::graph::AgentStatus;
use tierzero_core::id::ProcessKey;
use tierzero_core::pipeline::{Pipeline, Settings};
use tierzero_core::subject::AgentRules;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, length[0], length[1]], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    record(22, &[&[kind, 0, length[0], length[1]], body].concat())
}

/// A client hello of TLS 1.3 that names a server (RFC 6066 section 3).
fn hello(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let list = [&[0, 0, 0, length + 5, 0, length + 3, 0, 0, length], name.as_bytes()].concat();
    let size = u16::try_from(list.len()).unwrap().to_be_bytes();
    message(1, &[&[3, 3], &[9_u8; 32][..], &[0, 0, 2, 0x13, 1, 1, 0], &size, &list].concat())
}

fn answer() -> Vec<u8> {
    let body = [&[3, 3], &[9_u8; 32][..], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]].concat();
    [message(2, &body), record(23, &[0; 900])].concat()
}

fn scene(own: &[&str]) -> Scene {
    let model_endpoints = own.iter().map(|it| (*it).to_owned()).collect();
    let agents = AgentRules { model_endpoints, ..AgentRules::default() };
    let mut scene = Scene::with(Pipeline::new(Settings { agents, ..settings() }));
    let server = scene.process(300, "/usr/bin/gateway", HOST, 7);
    scene.listen(server, "127.0.0.1:443", HOST);
    scene.listen(server, "127.0.0.1:8080", HOST);
    scene
}

fn model(scene: &mut Scene, caller: ProcessKey, port: u16, name: &str, used: bool) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(caller, pid(300), (&from, HOST), ("127.0.0.1:443", HOST));
    scene.says(&mut it, Role::Originator, &hello(name));
    scene.says(&mut it, Role::Responder, &answer());
    scene.says(&mut it, Role::Originator, &record(23, &[0; 53]));
    if used {
        scene.says(&mut it, Role::Originator, &record(23, &[0; 400]));
        scene.says(&mut it, Role::Responder, &record(23, &[0; 700]));
    }
    scene.close(&it);
    scene.wait(3000);
}

fn ask(scene: &mut Scene, caller: ProcessKey, port: u16, request: &str) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(caller, pid(300), (&from, HOST), ("127.0.0.1:8080", HOST));
    scene.says(&mut it, Role::Originator, request.as_bytes());
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    scene.says(&mut it, Role::Responder, answer.as_bytes());
    scene.close(&it);
    scene.wait(3000);
}

const MCP: &str = "POST /mcp HTTP/1.1\r\nHost: m\r\nMcp-Method: tools/list\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const MODEL: &str = "POST /v1/messages HTTP/1.1\r\nHost: m\r\nAnthropic-Version: 2023-06-01\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"model\":\"m\",\"messages\":[ ] }";

#[test]
fn an_endpoint_and_another_sign_make_a_suspected_agent() {
    for (own, name) in [(&[][..], "api.anthropic.com"), (&["*.gateways.lab"][..], "m.gateways.lab")] {
        let mut scene = scene(own);
        let worker = scene.process(200, "/opt/worker", HOST, 1000);
        model(&mut scene, worker, 40_001, name, true);
        model(&mut scene, worker, 40_002, name, true);
        assert!(scene.snapshot().agents.is_empty(), "one kind of sign is none");
        ask(&mut scene, worker, 40_003, MCP);
        scene.stop();
        let found = scene.snapshot().findings;
        let opaque = found.iter().find(|it| it.kind == FindingType::OpaqueAgentPath).unwrap();
        assert_eq!((opaque.count, opaque.severity), (2, Severity::Low), "what it called before counts too");
        let agents = scene.snapshot().agents;
        assert_eq!((agents.len(), agents[0].status, agents[0].reasons.len()), (1, AgentStatus::Suspected, 2));
        assert!(agents[0].reasons[0].starts_with("calls a model: names the endpoint "), "{agents:?}");
        scene.check_replay();
    }
}

#[test]
fn what_was_only_set_up_or_names_somebody_else_or_says_the_same_twice_is_no_sign() {
    let mut scene = scene(&[]);
    let (idle, other) =
        (scene.process(200, "/opt/idle", HOST, 1000), scene.process(201, "/opt/other", HOST, 1000));
    model(&mut scene, idle, 40_001, "api.anthropic.com", false);
    model(&mut scene, other, 40_002, "api.anthropic.com.example", true);
    for (number, caller) in [idle, other].into_iter().enumerate() {
        ask(&mut scene, caller, 40_010 + u16::try_from(number).unwrap(), MCP);
    }
    let same = scene.process(202, "/opt/same", HOST, 1000);
    model(&mut scene, same, 40_003, "api.anthropic.com", true);
    ask(&mut scene, same, 40_004, MODEL);
    scene.stop();
    assert!(scene.snapshot().agents.is_empty());
    scene.check_replay();
}
