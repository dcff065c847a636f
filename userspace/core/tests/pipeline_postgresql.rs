//! PostgreSQL: one listener that asks one role and not another.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{Scene, pid};
use tierzero_core::event::Role;
use tierzero_core::graph::ListenerClass;
use tierzero_core::verdict::{Check, Strength, Verdict};

fn startup(user: &str) -> Vec<u8> {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    for word in ["user", user, "database", "app"] {
        body.extend(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    let mut all = (u32::try_from(body.len()).unwrap() + 4).to_be_bytes().to_vec();
    all.extend(body);
    all
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![kind];
    all.extend((u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
    all.extend(body);
    all
}

fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

fn ready() -> Vec<u8> {
    [authentication(0, b""), message(b'S', b"server_version\x0015\x00"), message(b'Z', b"I")].concat()
}

fn query_and_answer(scene: &mut Scene, it: &mut pipeline_scene::Connection) {
    scene.says(it, Role::Originator, &message(b'Q', b"select 1\0"));
    let answer = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
    scene.says(it, Role::Responder, &answer);
}

fn scram(scene: &mut Scene, it: &mut pipeline_scene::Connection, right: bool) {
    scene.says(it, Role::Responder, &authentication(10, b"SCRAM-SHA-256\0\0"));
    let first = b"n,,n=,r=abcdef";
    let mut initial = b"SCRAM-SHA-256\0".to_vec();
    initial.extend(u32::try_from(first.len()).unwrap().to_be_bytes());
    initial.extend(first);
    scene.says(it, Role::Originator, &message(b'p', &initial));
    scene.says(it, Role::Responder, &authentication(11, b"r=abcdefgh,s=c2FsdA==,i=4096"));
    scene.says(it, Role::Originator, &message(b'p', b"c=biws,r=abcdefgh,p=cHJvb2Y="));
    if right {
        let last = [authentication(12, b"v=c2ln"), ready()].concat();
        scene.says(it, Role::Responder, &last);
    } else {
        let refusal = message(b'E', b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0");
        scene.says(it, Role::Responder, &refusal);
    }
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.netns(2, "leg", &["10.77.20.2"]);
    scene.netns(3, "app", &["10.77.40.2"]);
    scene.netns(4, "ops", &["10.77.50.2"]);
    let postgres = scene.process(100, "/usr/lib/postgresql/15/bin/postgres", 2, 110);
    scene.process(200, "/usr/lib/postgresql/15/bin/psql", 3, 1000);
    scene.process(201, "/usr/lib/postgresql/15/bin/psql-ops", 4, 1000);
    scene.listen(postgres, "10.77.20.2:5432", 2);
    scene
}

fn connect(scene: &mut Scene, caller: u32, from: (&str, u32)) -> pipeline_scene::Connection {
    scene.connect(pid(caller), pid(100), from, ("10.77.20.2:5432", 2))
}

#[test]
fn one_listener_two_rules() {
    let mut scene = scene();
    let mut it = connect(&mut scene, 200, ("10.77.40.2:40001", 3));
    scene.says(&mut it, Role::Originator, &startup("report"));
    scene.says(&mut it, Role::Responder, &ready());
    query_and_answer(&mut scene, &mut it);
    scene.close(&it);

    let mut it = connect(&mut scene, 200, ("10.77.40.2:40002", 3));
    scene.says(&mut it, Role::Originator, &startup("app_rw"));
    scram(&mut scene, &mut it, true);
    query_and_answer(&mut scene, &mut it);
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("psql", "postgres");
    let secret = edge.groups.iter().find(|it| it.check == Check::Secret).unwrap();
    assert_eq!(
        (secret.strength, secret.verdict),
        (Some(Strength::Demanded), Verdict::SecretChecked),
        "asking one role and not another still is a demand of the one"
    );

    let mut it = connect(&mut scene, 201, ("10.77.50.2:40001", 4));
    scene.says(&mut it, Role::Originator, &startup("app_rw"));
    scram(&mut scene, &mut it, false);
    scene.close(&it);
    scene.wait(3000);

    let edge = scene.edge("psql", "postgres");
    assert_eq!((edge.verdict, edge.check), (Verdict::LocationTrusted, Check::None));
    assert_eq!((edge.flows, edge.served), (2, 2));
    assert_eq!(edge.by_check.get(&Check::Secret), Some(&1));
    assert_eq!(edge.by_check.get(&Check::None), Some(&1));
    let secret = edge.groups.iter().find(|it| it.check == Check::Secret).unwrap();
    assert_eq!(secret.strength, Some(Strength::Enforced), "after a refusal of somebody else");
    let names =
        edge.principals.iter().map(|it| (it.principal.name.as_str(), it.verified)).collect::<Vec<_>>();
    assert_eq!(names, [("app_rw", true), ("report", false)]);
    let ops = scene.edge("psql-ops", "postgres");
    assert_eq!((ops.verdict, ops.refused, ops.served), (Verdict::Refused, 1, 0));
    assert!(ops.principals.iter().all(|it| !it.verified));
    assert_eq!(scene.listener_of(&edge).class, ListenerClass::Legacy);
    scene.stop();
    scene.check_replay();
}
