//! SAP's protocols: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const UNREADABLE: &str = "hidden Unsupported [stream.unreadable]";

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// Mark, versions and counts, length and place of the route, its hops.
fn route(password: &str) -> Turn {
    let hops = format!("router\x003299\0\0host\x003200\0{password}\0");
    c(framed(&[&b"NI_ROUTE\0\x02\x28\x02\0\0\x01\0\0\0\x17\0\0\0\x0e"[..], hops.as_bytes()].concat()))
}

#[test]
fn routes() {
    let speaks = "speaks sap-router [stream.protocol]";
    let opened = "serves Service [sap.route-opened]";
    let pong = s(framed(b"NI_PONG\0"));
    check(&[route(""), pong.clone()], &[speaks, opened]);
    let turns = [route("MARK1"), pong];
    let offered =
        "offers Secret for Connection by Password in clear with fingerprint [sap.route-password-sent]";
    check(&turns, &[speaks, offered, "accepts [sap.route-proof-not-refused]", opened]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let error = s(framed(b"NI_RTERR\0\x28\0\0\xff\xff\xff\xa2*ERR*\0route permission denied\0"));
    check(&[route(""), error.clone()], &[speaks, "refuses Place [sap.route-refused]"]);
    check(&[route("MARK1"), error], &[speaks, offered, "refuses Other [sap.route-refused]"]);
}

/// Mark, version, error, receiver, type, key, flags, sender.
fn message(error: u8, from: &str) -> Vec<u8> {
    let name = |name: &str| [name.as_bytes(), &vec![b' '; 40 - name.len()]].concat();
    let fields = [&[4, error][..], &name("-"), &[0; 12], &[2, 8], &name(from), &[0; 2]].concat();
    framed(&[b"**MESSAGE**\0", fields.as_slice()].concat())
}

#[test]
fn message_servers() {
    let speaks = "speaks sap-message-server [stream.protocol]";
    let named = "offers Claim for Connection as User \"app01\" [sap.server-named]";
    check(
        &[c(message(0, "app01")), s(message(0, "ms"))],
        &[speaks, named, "serves Service [sap.message-served]"],
    );
    check(&[c(message(0, "-")), s(message(5, "ms"))], &[speaks, "refuses Other [sap.message-refused]"]);
    check(&[c(message(0, "-")), s(framed(b"**MESSAGE**\0"))], &[speaks, UNREADABLE]);
}

/// Version, type, address, service, code page, unit, program, conversation, result.
fn gateway(kind: u8, result: u8) -> Vec<u8> {
    let fields = [
        &[2, kind, 10, 0, 0, 1, 0, 0, 0, 0][..],
        b"sapgw00\0\0\0",
        b"1100",
        &[0; 6],
        b"unit    ",
        b"program ",
        b"        ",
        &[6, 0xcb, 0, 0],
        &[0, 0, 0, result],
        &[1, 0],
    ];
    framed(&fields.concat())
}

#[test]
fn gateways() {
    let speaks = "speaks sap-rfc [stream.protocol]";
    let named = "offers Claim for Connection as User \"program\" [sap.server-named]";
    check(
        &[c(gateway(0x0b, 0)), s(gateway(0x0b, 0))],
        &[speaks, named, "serves Service [sap.program-registered]"],
    );
    check(
        &[c(gateway(0x0b, 0)), s(gateway(0x0b, 1))],
        &[speaks, named, "refuses Place [sap.program-refused]"],
    );
    check(&[c(gateway(3, 0)), s(gateway(3, 0))], &[speaks, "hidden Unsupported [sap.sign-on-unread]"]);
}

#[test]
fn front_ends() {
    let speaks = "speaks sap-diag [stream.protocol]";
    let start = |rest: &[u8]| c(framed(&[b"\xff\xff\xff\xff\x0a\0\0\0", &[0; 192][..], rest].concat()));
    let answer = s(framed(b"\0\0\0\0\0\0\0\x01\x10\0\0\0\x12\x1f\x9d\x02"));
    check(
        &[start(b"\0\x10\0\0\0\0\0\0"), answer.clone()],
        &[speaks, "hidden Unsupported [sap.sign-on-unread]"],
    );
    check(&[start(b"\0\x10\0\0\0\0\0\x02SNCFRAME"), answer], &[speaks, "hidden Encrypted [sap.snc-session]"]);
    check(&[start(b""), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
