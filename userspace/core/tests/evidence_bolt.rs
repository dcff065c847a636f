//! Bolt: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks bolt [stream.protocol]";
const SERVED: &str = "serves Service [bolt.query-served]";
const ACCEPTED: &str = "accepts [bolt.proof-accepted]";

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = if length < 16 { vec![0x80 | length] } else { vec![0xd0, length] };
    [head, text.into()].concat()
}

fn map(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0xa0 | u8::try_from(entries.len()).unwrap()];
    for (key, value) in entries {
        out.extend(text(key));
        out.extend(text(value));
    }
    out
}

/// A message in one chunk, and the empty one.
fn message(tag: u8, fields: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fields.len() + 2).unwrap().to_be_bytes();
    [&length[..], &[0xb1, tag], fields, &[0, 0]].concat()
}

/// Magic, a manifest, versions 5.0 to 5.4; the server takes 5.4.
fn greeting() -> Vec<Turn> {
    vec![c(b"\x60\x60\xb0\x17\0\0\x01\xff\0\x04\x04\x05\0\0\0\0\0\0\0\0"), s(b"\0\0\x04\x05")]
}

fn hello(auth: &[(&str, &str)]) -> Turn {
    c(message(1, &map(&[&[("user_agent", "neo4j-python/5")], auth].concat())))
}

fn success() -> Turn {
    s(message(0x70, &map(&[("server", "Neo4j/5.4")])))
}

fn failure(code: &str) -> Turn {
    s(message(0x7f, &map(&[("code", code), ("message", "no")])))
}

fn run() -> Turn {
    let query = [text("RETURN 1"), vec![0xa0, 0xa0]].concat();
    c([message(0x10, &query), message(0x3f, &map(&[]))].concat())
}

fn with(rest: &[Turn]) -> Vec<Turn> {
    [&greeting()[..], rest].concat()
}

const BASIC: &[(&str, &str)] = &[("scheme", "basic"), ("principal", "bob"), ("credentials", "MARK1")];

#[test]
fn logins_are_judged() {
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [bolt.password-sent]";
    let turns = with(&[hello(BASIC), success(), run(), success()]);
    check(&turns, &[SPEAKS, offered, ACCEPTED, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    // From version 5.1 on the login is a message of its own, and may come at once.
    let (_, first) = hello(&[]);
    let second = message(0x6a, &map(BASIC));
    check(
        &with(&[c([first, second].concat()), success(), success(), run(), success()]),
        &[SPEAKS, offered, ACCEPTED, SERVED],
    );
    check(
        &with(&[
            hello(BASIC),
            failure("Neo.ClientError.Security.Unauthorized"),
            c(message(0x0f, b"")),
            s(message(0x7e, &map(&[]))),
        ]),
        &[SPEAKS, offered, "refuses ProofWrong [bolt.unauthorized]"],
    );
    let token = [("scheme", "bearer"), ("credentials", "MARK2")];
    check(
        &with(&[hello(&token), success()]),
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [bolt.token-sent]",
            ACCEPTED,
        ],
    );
    check(
        &with(&[hello(&token), failure("Neo.ClientError.Security.TokenExpired")]),
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [bolt.token-sent]",
            "refuses Expired [bolt.unauthorized]",
        ],
    );
    let ticket = [("scheme", "kerberos"), ("principal", ""), ("credentials", "AAAA")];
    check(&with(&[hello(&ticket), success()]), &[SPEAKS, "hidden Unsupported [bolt.unknown-proof-accepted]"]);
}

#[test]
fn an_open_server_serves_anybody() {
    let none = [("scheme", "none")];
    check(&with(&[hello(&none), success(), run(), success()]), &[SPEAKS, SERVED]);
    check(
        &with(&[hello(&none), failure("Neo.ClientError.Security.Unauthorized")]),
        &[SPEAKS, "refuses ProofMissing [bolt.unauthorized]"],
    );
    check(
        &with(&[hello(&none), success(), run(), failure("Neo.ClientError.Security.Forbidden")]),
        &[SPEAKS, "refuses NotAllowed [bolt.forbidden]"],
    );
    check(
        &with(&[hello(&none), success(), run(), failure("Neo.ClientError.Statement.SyntaxError")]),
        &[SPEAKS, "refuses Other [bolt.request-failed]"],
    );
    // Version 1: INIT with the agent's name before the map. A record of two chunks, and a sign of life, come between.
    let init = [text("neo4j-driver/1.7"), map(&none)].concat();
    let split = [&b"\0\x03\xb1\x71\x91\0\x01\x01\0\0"[..], b"\0\0"].concat();
    check(
        &[
            c(b"\x60\x60\xb0\x17\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0"),
            s(b"\0\0\0\x01"),
            c(message(1, &init)),
            success(),
            c(message(0x0f, b"")),
            s(split),
            success(),
            run(),
            success(),
        ],
        &[SPEAKS, SERVED],
    );
    // The manifest: two versions and no capabilities; the caller chooses one.
    check(
        &[
            greeting()[0].clone(),
            s(b"\0\0\x01\xff\x02\0\x08\x08\x05\0\0\x04\x04\0"),
            c(b"\0\0\x08\x05\0"),
            hello(&none),
            success(),
            run(),
            success(),
        ],
        &[SPEAKS, SERVED],
    );
}

#[test]
fn nonsense() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&with(&[c(b"\0\x04nons\0\0")]), &[SPEAKS, unread]);
    check(&with(&[hello(&[]), s(b"\0\x02\xb1\x01\0\0")]), &[SPEAKS, unread]);
    check(&[greeting()[0].clone(), s("HTTP/1.1 400")], &["hidden Unsupported [stream.unsupported]"]);
}
