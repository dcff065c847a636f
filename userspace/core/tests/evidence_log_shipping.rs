//! Forward and Lumberjack: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks fluent-forward [stream.protocol]";
const TAKEN: &str = "serves Service [forward.events-taken]";

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = if length < 32 { vec![0xa0 | length] } else { vec![0xd9, length] };
    [head, text.into()].concat()
}

/// A tag, a time, a record; and an option that asks for an answer.
fn event() -> Turn {
    c([&b"\x94"[..], &text("app.log"), b"\xce\x65\0\0\0\x80\x81", &text("chunk"), &text("x")].concat())
}

fn helo() -> Turn {
    s([
        &b"\x92"[..],
        &text("HELO"),
        b"\x83",
        &text("nonce"),
        b"\xc4\x02ab",
        &text("auth"),
        b"\xa0",
        &text("keepalive"),
        b"\xc3",
    ]
    .concat())
}

fn ping(digest: &str) -> Turn {
    c([&b"\x96"[..], &text("PING"), &text("host1"), b"\xc4\x02ab", &text(digest), b"\xa0\xa0"].concat())
}

fn pong(taken: bool) -> Turn {
    s([&b"\x95"[..], &text("PONG"), &[if taken { 0xc3 } else { 0xc2 }], b"\xa0\xa0\xa0"].concat())
}

#[test]
fn events_without_a_login() {
    check(&[event(), s([&b"\x81"[..], &text("ack"), &text("x")].concat())], &[SPEAKS, TAKEN]);
    check(
        &[event()],
        &["speaks fluent-forward [stream.protocol-alone]", "sends one way [forward.events-sent]"],
    );
}

#[test]
fn a_shared_key() {
    let demands = "demands Secret [forward.shared-key-demanded]";
    let offered = "offers Secret for Connection as User \"host1\" by Password [forward.shared-key-proved]";
    let digest = "0123456789abcdef0123456789abcdef";
    check(
        &[helo(), ping(digest), pong(true), event()],
        &[SPEAKS, demands, offered, "accepts [forward.proof-accepted]", TAKEN],
    );
    check(
        &[helo(), ping(digest), pong(false)],
        &[SPEAKS, demands, offered, "refuses ProofWrong [forward.proof-refused]"],
    );
    check(&[helo(), ping(digest)], &[SPEAKS, demands, offered]);
}

#[test]
fn windows_of_lumberjack() {
    let speaks = "speaks lumberjack [stream.protocol]";
    check(
        &[c(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}"), s(b"2A\0\0\0\x01")],
        &[speaks, "serves Service [lumberjack.events-taken]"],
    );
    check(&[c(b"2W\0\0\0\x012J"), s(b"2A")], &[speaks]);
}

#[test]
fn nonsense() {
    check(&[event(), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c(b"\x94\xa7app.log\xc0"), s(b"\x81\xa3ack")], &["hidden Unsupported [stream.unsupported]"]);
}
