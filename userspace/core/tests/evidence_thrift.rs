//! Thrift: calls, framed or not, binary or compact, and what they show.

#![allow(clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks thrift [stream.protocol]";
const SERVED: &str = "serves Service [thrift.call-served]";
const FAILED: &str = "refuses Other [thrift.call-failed]";

/// Version and type, name, sequence, and a structure: text 1, a list of two numbers, a map, a structure.
fn message(kind: u8, name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap_or(0);
    let mut bytes = vec![0x80, 1, 0, kind, 0, 0, 0, length];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 9]);
    bytes.extend_from_slice(&[11, 0, 1, 0, 0, 0, 2, b'h', b'i']);
    bytes.extend_from_slice(&[15, 0, 2, 6, 0, 0, 0, 2, 0, 1, 0, 2]);
    bytes.extend_from_slice(&[13, 0, 3, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(&[12, 0, 4, 2, 0, 1, 1, 0, 0]);
    bytes
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap_or(0).to_be_bytes(), message].concat()
}

#[test]
fn calls_are_answered() {
    let (call, reply) = (message(1, "add"), message(2, "add"));
    check(&[c(&call), s(&reply)], &[SPEAKS, SERVED]);
    check(&[c(framed(&call)), s(framed(&reply))], &[SPEAKS, SERVED]);
    check(&[c(b"\x82\x21\x01\x03add\x00"), s(b"\x82\x41\x01\x03add\x00")], &[SPEAKS, SERVED]);
    check(&[c(&call), s(&reply[..6])], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c(message(4, "log")), s(message(2, "log"))], &[SPEAKS, "sends one way [thrift.one-way-call]"]);
}

#[test]
fn a_call_that_is_not_known_ends_nothing() {
    let (call, exception, reply) = (message(1, "trace"), message(3, "trace"), message(2, "add"));
    check(&[c(&call), s(&exception)], &[SPEAKS, FAILED]);
    check(&[c(&call), s(&exception), c(message(1, "add")), s(&reply)], &[SPEAKS, FAILED, SERVED]);
    check(
        &[c(framed(&call)), s(framed(&exception)), c(framed(&message(1, "add"))), s(framed(&reply))],
        &[SPEAKS, FAILED, SERVED],
    );
}

#[test]
fn a_login_is_not_read() {
    check(
        &[c(framed(&message(1, "login"))), s(framed(&message(2, "login")))],
        &[SPEAKS, "hidden Unsupported [thrift.login-call]", SERVED],
    );
}

/// Status and length (`TSaslTransport`).
fn negotiation(status: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(0);
    [&[status, 0, 0, 0, length], content].concat()
}

#[test]
fn proof_before_calls() {
    let begins: Vec<Turn> = vec![c(negotiation(1, b"PLAIN")), c(negotiation(2, b"\0bob\0MARK6"))];
    let demands = "demands Secret [thrift.proof-demanded]";
    let offers = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";
    let with = |turn| [&begins[..], &[turn]].concat();
    check(
        &with(s(negotiation(5, b""))),
        &[
            SPEAKS,
            demands,
            offers,
            "accepts [thrift.proof-accepted]",
            "serves Service [thrift.session-opened]",
        ],
    );
    check(
        &with(s(negotiation(3, b"Error validating the login"))),
        &[SPEAKS, demands, offers, "refuses ProofWrong [thrift.proof-refused]"],
    );
    check(
        &[c(negotiation(1, b"MYSTERY")), c(negotiation(2, b"x")), s(negotiation(5, b""))],
        &[SPEAKS, "hidden Unsupported [thrift.unknown-proof-accepted]"],
    );
    check(&with(s(negotiation(2, b"x"))), &[SPEAKS, offers]);
}

#[test]
fn what_is_not_thrift() {
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[c(message(1, "a b")), s(message(2, "a b"))], &unsupported);
    check(&[c(message(1, "add")), s(message(1, "add"))], &unsupported);
    check(
        &[c(message(1, "add")), s(message(3, "add")), c(framed(b"no call at all, and long enough"))],
        &[SPEAKS, FAILED, "hidden Unsupported [stream.unreadable]"],
    );
}
