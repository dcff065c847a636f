//! What a receiver's TLS library tells, from events to edges: whom it holds for the caller, and what is inside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use bytes::Bytes;
use pipeline_scene::{Connection, HOST, Scene, pid};
use tierzero_core::event::{Payload, Role, TlsCaller, What};
use tierzero_core::graph::{Edge, ListenerClass};
use tierzero_core::verdict::{Check, Strength, Verdict};

const REQUEST: &str = "GET /orders HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// As nginx answers when it wants a certificate.
const WANTED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 55\r\n\r\n<center>No required SSL certificate was sent</center>\r\n";

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        short @ 0..128 => vec![u8::try_from(short).unwrap()],
        long => [&[0x82][..], &u16::try_from(long).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, value].concat()
}

/// The signed part of a certificate (RFC 5280 section 4.1) for `spiffe://lab/agent-1`, good for half an hour.
fn signed_part() -> Vec<u8> {
    let algorithm = tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let name = |text: &[u8]| {
        let pair = [tlv(6, &[0x55, 4, 3]), tlv(12, text)].concat();
        tlv(0x30, &tlv(0x31, &tlv(0x30, &pair)))
    };
    let validity = tlv(0x30, &[tlv(23, b"260101000000Z"), tlv(23, b"260101003000Z")].concat());
    let curve =
        [tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])];
    let key = tlv(0x30, &[tlv(0x30, &curve.concat()), tlv(3, &[&[0, 4][..], &[9; 64]].concat())].concat());
    let names = tlv(4, &tlv(0x30, &tlv(0x86, b"spiffe://lab/agent-1")));
    let extension = tlv(0x30, &[tlv(6, &[0x55, 0x1d, 0x11]), names].concat());
    let parts = [
        tlv(0xa0, &tlv(2, &[2])),
        tlv(2, &[5]),
        algorithm,
        name(b"authority"),
        validity,
        name(b"agent-1"),
        key,
        tlv(0xa3, &tlv(0x30, &extension)),
    ];
    tlv(0x30, &parts.concat())
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    let server = scene.process(100, "/usr/sbin/nginx", HOST, 50);
    scene.process(200, "/usr/bin/agent", HOST, 1000);
    scene.process(201, "/usr/bin/ops", HOST, 1001);
    scene.listen(server, "127.0.0.1:8443", HOST);
    scene
}

/// A TLS 1.3 handshake as the wire has it.
fn handshake(scene: &mut Scene, caller: u32, port: u16) -> Connection {
    handshake_with(scene, caller, port, None)
}

/// The same, resting on a pre-shared key that was offered with this age, if there is one.
fn handshake_with(scene: &mut Scene, caller: u32, port: u16, age: Option<u8>) -> Connection {
    let from = format!("127.0.0.1:{port}");
    let mut it = scene.connect(pid(caller), pid(100), (&from, HOST), ("127.0.0.1:8443", HOST));
    let hello = |kind: u8, rest: &[u8]| {
        let body = [&[3, 3][..], &[9; 32], &[0], rest].concat();
        let message = [&[kind, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat();
        [&[22, 3, 3, 0, u8::try_from(message.len()).unwrap()][..], &message].concat()
    };
    // One identity of one byte, and a binder of one.
    let (asked, chosen) = match age {
        None => {
            (vec![0, 2, 0x13, 2, 1, 0, 0, 7, 0, 43, 0, 3, 2, 3, 4], vec![0x13, 2, 0, 0, 6, 0, 43, 0, 2, 3, 4])
        }
        Some(age) => (
            [
                &[0, 2, 0x13, 2, 1, 0, 0, 24, 0, 43, 0, 3, 2, 3, 4][..],
                &[0, 41, 0, 13, 0, 7, 0, 1, 7, 0, 0, 0, age, 0, 2, 1, 9],
            ]
            .concat(),
            vec![0x13, 2, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0],
        ),
    };
    let turns = [
        (Role::Originator, hello(1, &asked)),
        (Role::Responder, hello(2, &chosen)),
        (Role::Responder, [&[23, 3, 3, 0, 200][..], &[1; 200]].concat()),
        (Role::Originator, [&[23, 3, 3, 0, 69][..], &[1; 69], &[23, 3, 3, 0, 90], &[1; 90]].concat()),
        (Role::Responder, [&[23, 3, 3, 0, 90][..], &[1; 90]].concat()),
    ];
    for (role, bytes) in turns {
        scene.says(&mut it, role, &bytes);
    }
    it
}

fn told(it: &Connection, asked: bool, verify_result: u32, certificate: Option<&[u8]>) -> What {
    let certificate = certificate.map(Bytes::copy_from_slice);
    What::TlsCaller(TlsCaller { end: it.receiver, asked, verify_result, certificate, refused: false })
}

/// Bytes inside, at an offset, as the receiver's library moved them.
fn inside(it: &Connection, sent: bool, offset: u64, text: &str) -> What {
    inside_bytes(it, sent, offset, text.as_bytes())
}

fn inside_bytes(it: &Connection, sent: bool, offset: u64, bytes: &[u8]) -> What {
    let (length, bytes) = (bytes.len() as u64, Bytes::copy_from_slice(bytes));
    What::Inside(Payload { end: it.receiver, ends: None, sent, offset, length, bytes })
}

/// Binds as nobody and searches, and the entry is found.
fn search_as_nobody(scene: &mut Scene, it: &Connection) {
    let search = [
        &b"\x30\x2b\x02\x01\x02\x63\x26\x04\x06dc=lab\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00"[..],
        b"\x01\x01\x00\x87\x0bobjectClass\x30\x00",
    ];
    let found = [
        &b"\x30\x0f\x02\x01\x02\x64\x0a\x04\x06dc=lab\x30\x00"[..],
        b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
    ];
    scene.feed(inside_bytes(it, false, 0, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"));
    scene.feed(inside_bytes(it, true, 0, b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"));
    scene.feed(inside_bytes(it, false, 14, &search.concat()));
    scene.feed(inside_bytes(it, true, 14, &found.concat()));
    scene.close(it);
}

/// A whole call: what the library holds, what is asked, what is answered.
fn call(scene: &mut Scene, caller: u32, port: u16, words: &[(bool, u32, Option<&[u8]>)], answer: &str) {
    let it = handshake(scene, caller, port);
    for (asked, result, certificate) in words {
        scene.feed(told(&it, *asked, *result, *certificate));
    }
    scene.feed(inside(&it, false, 0, REQUEST));
    scene.feed(inside(&it, true, 0, answer));
    scene.close(&it);
}

fn end(scene: &mut Scene, caller: &str) -> Edge {
    scene.wait(3000);
    let edge = scene.edge(caller, "nginx");
    scene.stop();
    scene.check_replay();
    edge
}

#[test]
fn nobody_was_asked_and_all_was_served() {
    let mut scene = scene();
    call(&mut scene, 200, 41_000, &[(false, 0, None)], OK);
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check, edge.served), (Verdict::LocationTrusted, Check::None, 1));
    assert_eq!(edge.protocol.as_deref(), Some("http"));
    let rules: Vec<&str> = edge.evidence.iter().map(|line| line.rule.as_str()).collect();
    assert!(rules.contains(&"tls-library.not-asked/1"), "{rules:?}");
    assert!(rules.iter().any(|rule| rule.starts_with("inside.http.")), "{rules:?}");
}

#[test]
fn without_the_librarys_word_or_with_bytes_missing_it_stays_opaque() {
    let mut scene = scene();
    call(&mut scene, 200, 41_000, &[], OK);
    let it = handshake(&mut scene, 200, 41_001);
    scene.feed(told(&it, false, 0, None));
    scene.feed(inside(&it, false, 20, REQUEST));
    scene.feed(inside(&it, true, 0, OK));
    scene.close(&it);
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check, edge.opaque), (Verdict::Opaque, Check::Opaque, 2));
}

#[test]
fn a_verified_certificate_and_service_is_an_identity_and_a_missing_one_is_refused() {
    let mut scene = scene();
    let certificate = signed_part();
    call(&mut scene, 200, 41_000, &[(true, 0, Some(&certificate))], OK);
    call(&mut scene, 201, 41_001, &[(true, 0, None)], WANTED);
    scene.wait(3000);
    let refused = scene.edge("ops", "nginx");
    assert_eq!((refused.verdict, refused.refused, refused.served), (Verdict::Refused, 1, 0));
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check), (Verdict::IdentityChecked, Check::Key));
    assert_eq!(edge.strength, Some(Strength::Enforced));
    assert_eq!(scene.listener_of(&edge).class, ListenerClass::Modern);
    let principal = &edge.principals[0];
    assert_eq!((principal.principal.name.as_str(), principal.verified), ("spiffe://lab/agent-1", true));
    assert_eq!(edge.credentials[0].credential.lifetime_s, Some(1800));
}

#[test]
fn a_certificate_that_was_not_verified_proves_nothing() {
    let mut scene = scene();
    let certificate = signed_part();
    // X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT.
    call(&mut scene, 200, 41_000, &[(true, 18, Some(&certificate))], OK);
    let edge = end(&mut scene, "agent");
    assert_eq!(
        (edge.verdict, edge.check, edge.strength),
        (Verdict::Unproven, Check::Key, Some(Strength::Presented))
    );
    assert!(edge.principals.iter().all(|principal| !principal.verified));
}

#[test]
fn a_certificate_that_can_be_left_out_is_no_demand() {
    let mut scene = scene();
    let certificate = signed_part();
    call(&mut scene, 201, 41_000, &[(true, 0, None)], OK);
    call(&mut scene, 200, 41_001, &[(true, 0, Some(&certificate))], OK);
    scene.wait(3000);
    assert_eq!(scene.edge("ops", "nginx").verdict, Verdict::LocationTrusted);
    let edge = end(&mut scene, "agent");
    assert!(
        edge.verdict != Verdict::IdentityChecked && edge.strength == Some(Strength::Presented),
        "{edge:?}"
    );
}

#[test]
fn a_certificate_that_comes_after_the_handshake_counts_from_then_on() {
    let mut scene = scene();
    let it = handshake(&mut scene, 200, 41_000);
    scene.feed(told(&it, false, 0, None));
    scene.feed(inside(&it, false, 0, REQUEST));
    scene.feed(told(&it, true, 0, Some(&signed_part())));
    scene.feed(inside(&it, true, 0, OK));
    scene.close(&it);
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check), (Verdict::IdentityChecked, Check::Key));
}

#[test]
fn who_is_nobody_inside_still_showed_his_certificate() {
    let mut scene = scene();
    let certificate = signed_part();
    let it = handshake(&mut scene, 200, 41_000);
    scene.feed(told(&it, true, 0, Some(&certificate)));
    search_as_nobody(&mut scene, &it);
    let it = handshake(&mut scene, 201, 41_001);
    let ended =
        TlsCaller { end: it.receiver, asked: true, verify_result: 0, certificate: None, refused: true };
    scene.feed(What::TlsCaller(ended));
    scene.close(&it);
    scene.wait(3000);
    let refused = scene.edge("ops", "nginx");
    assert_eq!((refused.verdict, refused.refused, refused.served), (Verdict::Refused, 1, 0));
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check), (Verdict::IdentityChecked, Check::Key));
    assert_eq!(edge.strength, Some(Strength::Enforced));
    assert!(edge.principals.iter().any(|it| it.principal.name == "spiffe://lab/agent-1" && it.verified));
}

#[test]
fn nobody_inside_an_encryption_that_asked_nobody_is_trusted_for_the_place() {
    let mut scene = scene();
    let it = handshake(&mut scene, 200, 41_000);
    scene.feed(told(&it, false, 0, None));
    search_as_nobody(&mut scene, &it);
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.check), (Verdict::LocationTrusted, Check::None));
    assert_eq!(edge.protocol.as_deref(), Some("ldap"));
}

#[test]
fn a_key_agreed_elsewhere_is_not_taken_for_no_proof() {
    let mut scene = scene();
    for (caller, port, age) in [(200, 41_000, 0), (201, 41_001, 5)] {
        let it = handshake_with(&mut scene, caller, port, Some(age));
        scene.feed(told(&it, false, 0, None));
        scene.feed(inside(&it, false, 0, REQUEST));
        scene.feed(inside(&it, true, 0, OK));
        scene.close(&it);
    }
    scene.wait(3000);
    assert_eq!(scene.edge("ops", "nginx").verdict, Verdict::LocationTrusted, "a resumed session");
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.verdict, edge.opaque), (Verdict::Opaque, 1));
    assert!(edge.evidence.iter().any(|it| it.rule == "tls13.key-agreed-elsewhere/1"), "{:?}", edge.evidence);
}

#[test]
fn a_whole_certificate_leaves_the_trace_of_its_signed_part() {
    let part = signed_part();
    // What signs it stands behind: an algorithm and the signature.
    let behind = [&part[..], b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x03\x02\x00\x00"].concat();
    let length = u16::try_from(behind.len()).unwrap().to_be_bytes();
    let whole = [&[0x30, 0x82][..], &length, &behind].concat();
    let mut scene = scene();
    call(&mut scene, 200, 41_000, &[(true, 0, Some(&part))], OK);
    call(&mut scene, 200, 41_001, &[(true, 0, Some(&whole))], OK);
    let edge = end(&mut scene, "agent");
    assert_eq!((edge.credentials.len(), edge.flows), (1, 2), "{:?}", edge.credentials);
    assert!(edge.credentials[0].credential.fingerprint.is_some());
}

#[test]
fn what_the_callers_own_library_holds_says_nothing() {
    let mut scene = scene();
    let mut it = handshake(&mut scene, 200, 41_000);
    std::mem::swap(&mut it.caller, &mut it.receiver);
    scene.feed(told(&it, false, 0, None));
    scene.feed(inside(&it, false, 0, REQUEST));
    scene.feed(inside(&it, true, 0, OK));
    scene.close(&it);
    assert_eq!(end(&mut scene, "agent").verdict, Verdict::Opaque);
}

#[test]
fn nothing_of_it_is_printed_or_recorded() {
    let mut scene = scene();
    let it = handshake(&mut scene, 200, 41_000);
    let secret = "GET /orders HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer MARK-INSIDE\r\n\r\n";
    let (caller, payload) = (told(&it, true, 0, Some(&signed_part())), inside(&it, false, 0, secret));
    let printed = format!("{caller:?} {payload:?}");
    assert!(!printed.contains("MARK") && !printed.contains("spiffe"), "{printed}");
    assert!(
        serde_json::to_string(&tierzero_core::event::Event { at: scene.now(), what: payload.clone() })
            .is_err()
    );
    scene.feed(caller);
    scene.feed(payload);
    scene.feed(inside(&it, true, 0, OK));
    scene.close(&it);
    scene.stop();
    let recorded = serde_json::to_string(&scene.recorded).unwrap();
    assert!(recorded.contains("inside.http") && !recorded.contains("MARK"), "{recorded}");
    assert!(!recorded.contains("\"cleartext\":true"), "what is inside is not readable on the wire");
}
