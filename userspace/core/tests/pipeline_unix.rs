//! Unix sockets: file mode, peer credentials, and what may not be said about either.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use pipeline_scene::{Connection, HOST, Scene, pid};
use tierzero_core::event::{Role, What};
use tierzero_core::id::Netns;
use tierzero_core::verdict::{Check, Strength, Verdict};

const PATH: &str = "/run/x.sock";

fn scene(path: &str, mode: Option<u32>) -> Scene {
    let mut scene = Scene::new();
    let server = scene.process(100, "/usr/bin/server", HOST, 5);
    scene.process(200, "/usr/bin/client", HOST, 5);
    scene.listen_unix(server, path, mode);
    scene
}

fn echo(scene: &mut Scene, it: &mut Connection) {
    scene.says(it, Role::Originator, b"hello there, nobody knows this protocol\n");
    scene.says(it, Role::Responder, b"hello there, nobody knows this protocol\n");
}

fn verdict_of(
    path: &str,
    mode: Option<u32>,
    looks: bool,
    speaks: bool,
) -> (Verdict, Check, Option<Strength>) {
    let mut scene = scene(path, mode);
    let mut it = scene.connect_unix(pid(200), pid(100), path);
    if looks {
        scene.look(&it, pid(100));
    }
    if speaks {
        echo(&mut scene, &mut it);
    }
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("client", "server");
    scene.stop();
    scene.check_replay();
    let uid = edge.principals.iter().any(|it| it.principal.name == "5" && it.verified);
    assert_eq!(uid, edge.check == Check::Kernel, "{edge:#?}");
    (edge.verdict, edge.check, edge.strength)
}

#[test]
fn a_file_that_one_user_may_write_is_the_kernels_word() {
    for mode in [0o600, 0o200, 0o644, 0o755] {
        let expect = (Verdict::IdentityChecked, Check::Kernel, Some(Strength::Demanded));
        assert_eq!(verdict_of(PATH, Some(mode), false, true), expect, "{mode:o}");
    }
}

#[test]
fn a_file_that_more_may_write_is_location_trust_unless_the_receiver_looks() {
    for mode in [0o666, 0o777, 0o660, 0o602] {
        let trusted = (Verdict::LocationTrusted, Check::None, None);
        assert_eq!(verdict_of(PATH, Some(mode), false, true), trusted, "{mode:o}");
        let checked = (Verdict::IdentityChecked, Check::Kernel, Some(Strength::Demanded));
        assert_eq!(verdict_of(PATH, Some(mode), true, true), checked, "{mode:o}");
    }
}

#[test]
fn an_abstract_name_has_no_mode() {
    assert_eq!(verdict_of("@x", None, false, true).0, Verdict::LocationTrusted);
    assert_eq!(verdict_of("@x", None, true, true).1, Check::Kernel);
}

#[test]
fn an_unknown_mode_or_a_silent_receiver_gives_no_none() {
    assert_eq!(verdict_of(PATH, None, false, true).0, Verdict::Opaque);
    assert_eq!(verdict_of(PATH, Some(0o666), false, false).0, Verdict::Opaque);
}

#[test]
fn without_the_receivers_calls_in_sight_nothing_is_said() {
    let mut scene = scene(PATH, Some(0o666));
    let mut it = scene.connect_unix(pid(200), pid(100), PATH);
    it.receiver = it.caller;
    let mut unseen = self::scene(PATH, Some(0o666));
    let key = unseen.key();
    let caller = tierzero_core::id::EndKey::Unix { socket: key };
    unseen.feed(What::UnixConnected {
        end: caller,
        peer: None,
        process: pid(200),
        path: PATH.to_owned(),
        netns: Netns(HOST),
        listener_pid: None,
        file: None,
    });
    it.caller = caller;
    for who in [Role::Originator, Role::Responder] {
        let what = Scene::payload(&mut it, Role::Originator, who, b"what is this\n");
        unseen.feed(what);
    }
    unseen.feed(What::Released { end: caller, process: None, bytes_sent: Some(9), bytes_received: Some(9) });
    unseen.wait(3000);
    assert_eq!(unseen.edge("client", "server").verdict, Verdict::Opaque);
}

#[test]
fn a_look_by_the_caller_is_no_check_of_the_caller() {
    let mut scene = scene(PATH, Some(0o666));
    let mut it = scene.connect_unix(pid(200), pid(100), PATH);
    scene.feed(What::PeerCredentialsRead {
        end: it.caller,
        process: pid(200),
        by: tierzero_core::event::PeerCredentialCall::PeerCred,
    });
    echo(&mut scene, &mut it);
    scene.close(&it);
    scene.wait(3000);
    assert_eq!(scene.edge("client", "server").verdict, Verdict::LocationTrusted);
}

#[test]
fn a_look_that_comes_after_the_answer_still_counts() {
    let mut scene = scene(PATH, Some(0o666));
    let mut it = scene.connect_unix(pid(200), pid(100), PATH);
    scene.talk(&mut it, &[("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "$1\r\nv\r\n")]);
    scene.look(&it, pid(100));
    scene.close(&it);
    scene.wait(3000);
    let edge = scene.edge("client", "server");
    assert_eq!((edge.verdict, edge.check), (Verdict::IdentityChecked, Check::Kernel));
    assert!(edge.history.is_empty());
    assert_eq!(scene.listener_of(&edge).contrast.served_without_proof, 0);
}

#[test]
fn a_permission_refusal_is_refused_and_makes_the_kernels_word_enforced() {
    let mut scene = scene(PATH, Some(0o600));
    scene.process(300, "/usr/bin/intruder", HOST, 1000);
    for errno in [13, 2, 11] {
        let (process, path) = (pid(300), PATH.to_owned());
        scene.feed(What::UnixRefused { process, path, netns: Netns(HOST), errno });
    }
    let mut it = scene.connect_unix(pid(200), pid(100), PATH);
    echo(&mut scene, &mut it);
    scene.close(&it);
    scene.wait(3000);
    let refused = scene.edge("intruder", "server");
    assert_eq!((refused.verdict, refused.flows), (Verdict::Refused, 1), "no such file is no refusal");
    assert_eq!(scene.edge("client", "server").strength, Some(Strength::Enforced));
    scene.stop();
    scene.check_replay();
}
