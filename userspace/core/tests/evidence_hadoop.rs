//! Hadoop RPC: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks hadoop-rpc [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"bob\" [hadoop.user-named]";

/// A protobuf message after its length.
fn delimited(message: &[u8]) -> Vec<u8> {
    [&[u8::try_from(message.len()).unwrap()], message].concat()
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// Magic, version 9, class 0, authentication; the context with user information {effective user}; a call.
fn opening(authentication: u8) -> Turn {
    let context = [&[0x12, 5, 0x0a, 3][..], b"bob", &[0x1a, 1, b'p']].concat();
    let connect = frame(&[delimited(&[0x08, 2, 0x10, 0]), delimited(&context)].concat());
    let call = frame(&[delimited(&[0x08, 2, 0x10, 0, 0x18, 0]), delimited(b"x")].concat());
    c([&b"hrpc\x09\0"[..], &[authentication], &connect, &call].concat())
}

/// Call id and status, then what the error says.
fn response(status: u8, text: &str) -> Turn {
    let header = [&[0x08, 0, 0x10, status, 0x2a][..], &delimited(text.as_bytes())].concat();
    s(frame(&delimited(&header)))
}

#[test]
fn a_name_is_taken_or_not() {
    check(&[opening(0), response(0, "")], &[SPEAKS, NAMED, "serves Service [hadoop.call-served]"]);
    check(&[opening(0), response(1, "no such file")], &[SPEAKS, NAMED, "refuses Other [hadoop.call-failed]"]);
    check(
        &[opening(0), response(2, "SIMPLE authentication is not enabled. Available:[TOKEN]")],
        &[SPEAKS, NAMED, "refuses ProofMissing [hadoop.proof-missing]"],
    );
}

#[test]
fn what_is_not_read_is_said() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[opening(0xdf), response(0, "")], &[SPEAKS, unread]);
    check(&[c(b"hrpc\x09\0\0\0\0\0\x02\x01\x01"), s(b"\0\0\0\x02\x01\x01")], &[SPEAKS, unread]);
    check(&[opening(0), s(b"\0\0\0\x02\x01\x01")], &[SPEAKS, NAMED, unread]);
    check(&[opening(0), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
