//! Who is an agent: rules, lineage and where it ends, rates; and a replay that knows no rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{HOST, Scene, pid, settings};
use tierzero_core::event::{CgroupPlace, Process, Role, What};
use tierzero_core::graph::{AgentStatus, AgentTree, Boundary};
use tierzero_core::id::{Netns, ProcessKey};
use tierzero_core::pipeline::{Pipeline, Settings};
use tierzero_core::subject::{AgentRule, AgentRules};

const GET: (&str, &str) = ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n");

fn rules(rules: Vec<AgentRule>) -> Scene {
    let agents = AgentRules { rules, ..AgentRules::default() };
    let mut scene = Scene::with(Pipeline::new(Settings { agents, ..settings() }));
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.listen(redis, "127.0.0.1:6379", HOST);
    scene
}

fn helpdesk() -> AgentRule {
    AgentRule {
        name: "helpdesk-agent".into(),
        argv: regex_lite::Regex::new("agent\\.py").ok(),
        ..AgentRule::default()
    }
}

fn process(number: u32, parent: Option<ProcessKey>, argv: &[&str]) -> Process {
    Process {
        key: pid(number),
        parent,
        exe: argv.first().map(|it| (*it).to_owned()),
        argv: argv.iter().map(|it| (*it).to_owned()).collect(),
        comm: "x".into(),
        uid: 1000,
        gid: 1000,
        cgroup: 0,
        place: None,
        netns: Netns(HOST),
        env: Vec::new(),
    }
}

fn fork(scene: &mut Scene, parent: ProcessKey, number: u32) -> ProcessKey {
    scene.feed(What::Forked { process: Process { netns: Netns(0), ..process(number, Some(parent), &[]) } });
    pid(number)
}

fn exec(scene: &mut Scene, key: ProcessKey, argv: &[&str]) {
    scene.feed(What::Executed { process: process(key.pid, None, argv), file: None });
}

fn start(scene: &mut Scene, parent: ProcessKey, number: u32, argv: &[&str]) -> ProcessKey {
    let key = fork(scene, parent, number);
    exec(scene, key, argv);
    key
}

fn get(scene: &mut Scene, caller: ProcessKey, port: u16) {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(caller, pid(100), (&from, HOST), ("127.0.0.1:6379", HOST));
    scene.talk(&mut it, &[GET]);
    scene.close(&it);
}

fn agent(scene: &Scene) -> AgentTree {
    let mut agents = scene.snapshot().agents;
    assert_eq!(agents.len(), 1, "{agents:#?}");
    agents.remove(0)
}

const AGENT: &[&str] = &["/usr/bin/python3.11", "/lab/agent.py"];
const CLI: &[&str] = &["/usr/bin/redis-cli", "GET", "k"];

#[test]
fn two_hundred_children_are_the_agents_and_fifty_of_others_are_not() {
    let mut scene = rules(vec![helpdesk()]);
    let shell = scene.process(150, "/usr/bin/bash", HOST, 1000);
    let root = start(&mut scene, shell, 200, AGENT);
    let other = start(&mut scene, shell, 201, &["/usr/bin/dash", "/lab/other.sh"]);
    for number in 0..200_u16 {
        let child = start(&mut scene, root, 1000 + u32::from(number), CLI);
        get(&mut scene, child, 40_000 + number);
        scene.feed(What::Exited { process: child });
        if number % 4 == 0 {
            let child = start(&mut scene, other, 2000 + u32::from(number), CLI);
            get(&mut scene, child, 50_000 + number);
            scene.feed(What::Exited { process: child });
        }
    }
    scene.wait(3000);
    scene.stop();
    assert_eq!(scene.edge("helpdesk-agent", "redis-server").flows, 200);
    assert_eq!(scene.edge("redis-cli", "redis-server").flows, 50);
    assert_eq!(scene.snapshot().coverage.unattributed_flows, 0);
    let agent = agent(&scene);
    assert_eq!((agent.born, agent.ended, agent.flows, agent.instances), (200, 200, 200, 1));
    assert_eq!(agent.listeners_per_min, 1);
    assert!(agent.peak_per_s > 40 && agent.median_life_ms.unwrap() < 50, "{agent:?}");
    let redis = agent.members.iter().find(|it| it.program == "/usr/bin/redis-cli").unwrap();
    assert_eq!((redis.count, redis.status), (200, AgentStatus::Inherited));
    assert_eq!(agent.reasons, ["declared: argv agent\\.py"]);
    let workload = scene.workload("helpdesk-agent");
    assert_eq!((workload.agent, workload.id == agent.root), (AgentStatus::Declared, true));
    let edge = scene.edge("helpdesk-agent", "redis-server");
    assert!(edge.groups.iter().all(|group| group.class.descendant));
    assert!(scene.edge("redis-cli", "redis-server").groups.iter().all(|group| !group.class.descendant));
    scene.check_replay();
}

#[test]
fn lineage_goes_across_forks_and_programs_and_outlives_the_parent() {
    let mut scene = rules(vec![helpdesk()]);
    let root = start(&mut scene, pid(100), 200, AGENT);
    let shell = start(&mut scene, root, 201, &["/usr/bin/bash", "-c", "redis-cli"]);
    let child = fork(&mut scene, shell, 202);
    scene.feed(What::Exited { process: shell });
    exec(&mut scene, child, CLI);
    get(&mut scene, child, 40_000);
    get(&mut scene, root, 40_001);
    scene.wait(3000);
    scene.stop();
    let edge = scene.edge("helpdesk-agent", "redis-server");
    let descendants = |descendant: bool| {
        edge.groups.iter().filter(|it| it.class.descendant == descendant).map(|it| it.flows).sum::<u64>()
    };
    assert_eq!((edge.flows, descendants(true), descendants(false)), (2, 1, 1));
    scene.check_replay();
}

#[test]
fn beyond_a_boundary_nothing_is_of_the_tree_and_each_crossing_is_listed() {
    let mut scene = rules(vec![helpdesk()]);
    let root = start(&mut scene, pid(100), 200, AGENT);
    // sudo that waits, and sudo that replaces itself.
    let sudo = start(&mut scene, root, 300, &["/usr/bin/sudo", "redis-cli"]);
    let child = start(&mut scene, sudo, 301, CLI);
    get(&mut scene, child, 40_000);
    let sudo = start(&mut scene, root, 302, &["/usr/bin/sudo", "redis-cli"]);
    exec(&mut scene, sudo, CLI);
    get(&mut scene, sudo, 40_001);
    start(&mut scene, root, 303, &["/usr/bin/at", "now"]);
    start(&mut scene, root, 304, &["/usr/bin/systemctl", "restart", "x"]);
    // A descendant that came into another unit.
    let moved = fork(&mut scene, root, 305);
    let place = CgroupPlace { unit: Some("x.service".into()), ..CgroupPlace::default() };
    let inside = Process { place: Some(place), cgroup: 9, ..process(moved.pid, None, CLI) };
    scene.feed(What::Executed { process: inside, file: None });
    get(&mut scene, moved, 40_002);
    scene.wait(3000);
    scene.stop();
    let agent = agent(&scene);
    let crossed = |boundary| agent.crossings.iter().find(|it| it.boundary == boundary).map(|it| it.count);
    assert_eq!(crossed(Boundary::Sudo), Some(2));
    assert_eq!(crossed(Boundary::At), Some(1));
    assert_eq!(crossed(Boundary::Systemd), Some(2));
    assert_eq!(agent.flows, 0);
    assert!(scene.edges("helpdesk-agent", "redis-server").is_empty());
    assert_eq!(scene.edge("redis-cli", "redis-server").flows, 2);
    assert_eq!(scene.edge("x.service", "redis-server").flows, 1);
    scene.check_replay();
}

#[test]
fn what_ran_before_the_start_is_matched_with_its_children_in_any_order() {
    let mut scene = rules(vec![helpdesk()]);
    scene.feed(What::ProcessSeen { process: process(150, Some(pid(200)), &["/usr/bin/redis-cli"]) });
    scene.feed(What::ProcessSeen { process: process(200, None, AGENT) });
    get(&mut scene, pid(150), 40_000);
    scene.wait(3000);
    scene.stop();
    assert_eq!(scene.edge("helpdesk-agent", "redis-server").flows, 1);
    assert_eq!((agent(&scene).born, agent(&scene).members.len()), (0, 2));
    scene.check_replay();
}

#[test]
fn a_member_in_another_place_is_a_workload_of_its_own() {
    let mut scene = rules(vec![helpdesk()]);
    let root = start(&mut scene, pid(100), 200, AGENT);
    let child = fork(&mut scene, root, 201);
    let elsewhere = Process { uid: 7, ..process(201, None, CLI) };
    scene.feed(What::Executed { process: elsewhere, file: None });
    get(&mut scene, child, 40_000);
    scene.wait(3000);
    scene.stop();
    let workload = scene.workload("redis-cli");
    assert_eq!(workload.agent, AgentStatus::Inherited);
    assert_eq!(workload.agent_root, Some(agent(&scene).root));
    assert_eq!(workload.agent_reasons, ["inherited: descends from agent helpdesk-agent"]);
    assert_eq!(agent(&scene).flows, 1);
    scene.check_replay();
}

#[test]
fn names_that_sound_like_agents_are_no_sign() {
    let mut scene = rules(vec![helpdesk()]);
    for (number, exe) in
        [(200, "/usr/bin/ssh-agent"), (201, "/usr/sbin/zabbix_agentd"), (202, "/usr/bin/gpg-agent")]
    {
        let key = start(&mut scene, pid(100), number, &[exe]);
        get(&mut scene, key, 40_000 + u16::try_from(number).unwrap());
    }
    scene.wait(3000);
    scene.stop();
    assert!(scene.snapshot().agents.is_empty());
    assert!(scene.snapshot().workloads.iter().all(|it| it.agent == AgentStatus::No));
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

const MODEL: &str = "POST /v1/messages HTTP/1.1\r\nHost: m\r\nAnthropic-Version: 2023-06-01\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n{\"model\":\"m\",\"messages\":[ ] }";
const STATELESS: &str = "POST /mcp HTTP/1.1\r\nHost: m\r\nMcp-Method: tools/list\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const SESSION: &str = "POST /mcp HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: 88\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}";

#[test]
fn two_independent_signs_make_a_suspected_agent_in_both_eras_and_one_alone_none() {
    for mcp in [STATELESS, SESSION] {
        let mut scene = rules(vec![]);
        let server = scene.process(300, "/usr/bin/gateway", HOST, 7);
        scene.listen(server, "127.0.0.1:8080", HOST);
        let worker = start(&mut scene, pid(100), 200, &["/usr/bin/python3.11", "/lab/worker.py"]);
        let curl = start(&mut scene, pid(100), 201, &["/usr/bin/curl", "http://m/"]);
        ask(&mut scene, curl, 40_001, MODEL);
        ask(&mut scene, worker, 40_002, MODEL);
        ask(&mut scene, worker, 40_003, MODEL);
        assert!(scene.snapshot().agents.is_empty(), "one kind of sign is none");
        ask(&mut scene, worker, 40_004, mcp);
        let child = start(&mut scene, worker, 202, CLI);
        get(&mut scene, child, 40_005);
        scene.wait(3000);
        scene.stop();
        let agent = agent(&scene);
        assert_eq!(
            (agent.name.as_str(), agent.status, agent.reasons.len()),
            ("worker.py", AgentStatus::Suspected, 2)
        );
        let workload = scene.workload("worker.py");
        assert_eq!((workload.agent, workload.id == agent.root), (AgentStatus::Suspected, true));
        assert_eq!(scene.edge("worker.py", "redis-server").flows, 1);
        assert_eq!(scene.workload("curl").agent, AgentStatus::No);
        scene.check_replay();
    }
}

#[test]
fn a_known_program_alone_is_no_agent_and_with_another_sign_it_is() {
    let mut scene = rules(vec![]);
    let server = scene.process(300, "/usr/bin/gateway", HOST, 7);
    scene.listen(server, "127.0.0.1:8080", HOST);
    let claude = start(&mut scene, pid(100), 200, &["/usr/local/bin/claude"]);
    assert!(scene.snapshot().agents.is_empty());
    ask(&mut scene, claude, 40_001, MODEL);
    scene.wait(3000);
    scene.stop();
    assert_eq!(agent(&scene).reasons[0], "known agent program: claude");
    scene.check_replay();
}

#[test]
fn names_that_come_late_are_matched_too_and_a_wrapper_that_replaces_itself_is_one_agent() {
    let unit = AgentRule { name: "units".into(), unit: Some("help".into()), ..AgentRule::default() };
    let mut scene = rules(vec![unit]);
    scene.feed(What::ProcessSeen { process: Process { cgroup: 9, ..process(200, None, AGENT) } });
    let place = CgroupPlace { unit: Some("help.service".into()), ..CgroupPlace::default() };
    scene.feed(What::CgroupNamed { cgroup: 9, place });
    get(&mut scene, pid(200), 40_000);
    // In another namespace a moment later, as `ip netns exec` does.
    scene.netns(5, "agt", &[]);
    let moved = Process { netns: Netns(5), cgroup: 9, ..process(200, None, AGENT) };
    scene.feed(What::Executed { process: moved, file: None });
    scene.wait(3000);
    scene.stop();
    let agents = scene.snapshot().agents;
    assert_eq!(
        agents.iter().map(|it| it.instances).collect::<Vec<_>>().iter().sum::<u64>(),
        1,
        "{agents:#?}"
    );
    scene.check_replay();
}

#[test]
fn an_agent_goes_on_from_a_stored_graph() {
    let mut scene = rules(vec![helpdesk()]);
    let root = start(&mut scene, pid(100), 200, AGENT);
    get(&mut scene, root, 40_000);
    scene.wait(3000);
    scene.stop();
    let before = scene.snapshot();
    let agents = AgentRules { rules: vec![helpdesk()], ..AgentRules::default() };
    let mut pipeline = Pipeline::new(Settings { agents, ..settings() });
    pipeline.restore(&before);
    assert_eq!(pipeline.snapshot().agents, before.agents);
    let mut scene = Scene::with(pipeline);
    let redis = scene.process(100, "/usr/bin/redis-server", HOST, 50);
    scene.listen(redis, "127.0.0.1:6379", HOST);
    let root = start(&mut scene, pid(100), 200, AGENT);
    get(&mut scene, root, 40_000);
    scene.wait(3000);
    scene.stop();
    assert_eq!((agent(&scene).flows, agent(&scene).instances), (2, 2));
}

#[test]
fn what_only_starts_an_agent_is_not_its_program() {
    let mut scene = rules(vec![helpdesk()]);
    let lab = scene.process(9, "/usr/bin/lab", HOST, 1000);
    let key = start(&mut scene, lab, 10, &["/usr/bin/setpriv", "--", "/usr/bin/python3.11", "/lab/agent.py"]);
    exec(&mut scene, key, AGENT);
    get(&mut scene, key, 40_001);
    scene.wait(5000);
    assert_eq!(scene.workload("helpdesk-agent").exe.as_deref(), Some("/usr/bin/python3.11"));
    // Once it is known it keeps its name, whatever it goes on as.
    exec(&mut scene, key, &["/usr/bin/node", "/lab/agent.py.js"]);
    get(&mut scene, key, 40_002);
    scene.wait(5000);
    assert_eq!(scene.workload("helpdesk-agent").exe.as_deref(), Some("/usr/bin/python3.11"));
    scene.stop();
    scene.check_replay();
}
