//! RDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks rdp [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"bob\" [rdp.name-sent]";
const LOGIN_FIRST: &str = "demands Secret [rdp.login-before-session]";
const COOKIE: &[u8] = b"Cookie: mstshash=bob\r\n";

/// A packet of RFC 1006 around a TPDU that opens (0xe0) or confirms (0xd0) a connection.
fn connect(code: u8, variable: &[u8]) -> Vec<u8> {
    let length = variable.len() as u8;
    [&[3, 0, 0, length + 11, length + 6, code, 0, 0, 0, 0, 0][..], variable].concat()
}

/// RDP_NEG_REQ: TLS, CredSSP and its extension.
fn request(cookie: &[u8]) -> Turn {
    c(connect(0xe0, &[cookie, &[1, 0, 8, 0, 11, 0, 0, 0]].concat()))
}

/// RDP_NEG_RSP (2) or RDP_NEG_FAILURE (3).
fn reply(kind: u8, value: u8) -> Turn {
    s(connect(0xd0, &[kind, 0, 8, 0, value, 0, 0, 0]))
}

#[test]
fn what_the_receiver_chooses() {
    let hello = c(b"\x16\x03\x01nonsense");
    let [inside, lost] = ["hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"];
    for choice in [2, 4, 8] {
        check(
            &[request(COOKIE), reply(2, choice), hello.clone()],
            &[SPEAKS, NAMED, LOGIN_FIRST, inside, lost],
        );
    }
    check(
        &[request(b""), reply(2, 16), hello.clone()],
        &[SPEAKS, "demands Token [rdp.token-before-session]", inside, lost],
    );
    // TLS alone: who logs in is asked inside.
    check(&[request(b""), reply(2, 1), hello], &[SPEAKS, inside, lost]);
    let own = "hidden Encrypted [rdp.own-encryption]";
    check(&[request(COOKIE), reply(2, 0)], &[SPEAKS, NAMED, own]);
    check(&[c(connect(0xe0, COOKIE)), s(connect(0xd0, b""))], &[SPEAKS, NAMED, own]);
    // Neither cookie nor choice: a request for a conference follows.
    let conference = [3, 0, 0, 20, 2, 0xf0, 0x80, 0x7f, 0x65, 0x82, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    check(&[c(connect(0xe0, b"")), s(connect(0xd0, b"")), c(conference)], &[SPEAKS, own]);
}

#[test]
fn what_the_receiver_refuses() {
    check(
        &[request(b""), reply(3, 5)],
        &[SPEAKS, "demands Secret [rdp.login-required]", "refuses ProofMissing [rdp.login-required]"],
    );
    check(
        &[request(b""), reply(3, 6)],
        &[
            SPEAKS,
            "demands Key [rdp.certificate-required]",
            "refuses ProofMissing [rdp.certificate-required]",
        ],
    );
    check(&[request(b""), reply(3, 1)], &[SPEAKS, "refuses Other [rdp.refused]"]);
}

#[test]
fn cut_and_other_protocols() {
    check(&[request(COOKIE)], &["hidden Unsupported [stream.one-sided]"]);
    check(&[request(b""), s(b"HTTP/1.1 400 B\r\n")], &["hidden Unsupported [stream.unsupported]"]);
    // Transport selectors: another user of the same transport.
    check(
        &[c(connect(0xe0, &[0xc0, 1, 10, 0xc1, 1, 1])), s(connect(0xd0, &[0xc0, 1, 10]))],
        &["hidden Unsupported [stream.unsupported]"],
    );
}
