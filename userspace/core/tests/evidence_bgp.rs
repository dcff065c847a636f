//! BGP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks bgp [stream.protocol]";
const CLAIM: &str = "offers Claim for Request as User \"AS200 2.2.2.2\" [bgp.number-claimed]";
const OPENED: &str = "serves Service [bgp.session-opened]";

/// Marker, length, type, body (RFC 4271 section 4.1).
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap();
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

/// Version 4, autonomous system, hold time, identifier, no parameters.
fn open(last: u8) -> Vec<u8> {
    message(1, &[4, 0, 200, 0, 180, last, last, last, last, 0])
}

#[test]
fn a_peer_is_taken_or_not() {
    let keepalive = message(4, b"");
    check(&[c(open(2)), s(open(3)), c(&keepalive), s(&keepalive)], &[SPEAKS, CLAIM, OPENED]);
    check(&[c(open(2)), s([open(3), keepalive].concat())], &[SPEAKS, CLAIM, OPENED]);
    let refusals: [([u8; 2], &str); 5] = [
        ([2, 2], "refuses NotAllowed [bgp.number-refused]"),
        ([2, 5], "refuses ProofWrong [bgp.authentication-failed]"),
        ([6, 5], "refuses Place [bgp.connection-rejected]"),
        ([6, 7], "refuses Other [bgp.notification]"),
        ([4, 0], "refuses Other [bgp.notification]"),
    ];
    for (error, shown) in refusals {
        check(&[c(open(2)), s(message(3, &error))], &[SPEAKS, CLAIM, shown]);
        check(&[c(open(2)), s([open(3), message(3, &error)].concat())], &[SPEAKS, CLAIM, shown]);
    }
}

#[test]
fn cut_and_wrong() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[c(open(2)), s(open(3))], &[SPEAKS, CLAIM]);
    check(&[c(message(1, &[3, 0, 200, 0, 180, 1, 1, 1, 1, 0])), s(open(3))], &[SPEAKS, unread]);
    check(&[c(open(2)), s([open(3), message(2, b"update")].concat())], &[SPEAKS, CLAIM, unread]);
    check(
        &[c(open(2)), s([&open(3)[..], b"nonsense that is no message"].concat())],
        &[SPEAKS, CLAIM, unread],
    );
    check(&[c(message(4, b"")), s(message(4, b""))], &["hidden Unsupported [stream.unsupported]"]);
}
