//! TACACS+.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks tacacs [stream.protocol]";
const CLAIMED: &str = "offers Claim for Request as User \"sven\" [tacacs.name-claimed]";
const PASSWORD: &str =
    "offers Secret for Request as User \"sven\" by Password in clear with fingerprint [tacacs.password-sent]";
const DEMANDED: &str = "demands Secret [tacacs.proof-demanded]";
const ACCEPTED: &str = "accepts [tacacs.login-passed]";
const SERVED: &str = "serves Service [tacacs.request-served]";

const CLEAR: u8 = 1;
const AUTHENTICATION: u8 = 1;
const AUTHORIZATION: u8 = 2;
const ACCOUNTING: u8 = 3;

/// Version, type, sequence number, flags, session, length, body.
fn packet(kind: u8, sequence: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0xc0, kind, sequence, flags, 0, 0, 0, 9][..], &length, body].concat()
}

/// Action login, level 1, type, service login, lengths of user, port, remote address and data.
fn start(way: u8, user: &[u8], sent: &[u8]) -> Turn {
    let lengths = [u8::try_from(user.len()).unwrap(), 4, 0, u8::try_from(sent.len()).unwrap()];
    let body = [&[1, 1, way, 1][..], &lengths, user, b"tty0", sent].concat();
    c(packet(AUTHENTICATION, 1, CLEAR, &body))
}

fn proceed(sequence: u8, said: &[u8]) -> Turn {
    let body = [&[0, u8::try_from(said.len()).unwrap(), 0, 0, 0][..], said].concat();
    c(packet(AUTHENTICATION, sequence, CLEAR, &body))
}

/// Status, flags, two lengths.
fn status(sequence: u8, status: u8) -> Turn {
    s(packet(AUTHENTICATION, sequence, CLEAR, &[status, 0, 0, 0, 0, 0]))
}

#[test]
fn a_login_by_questions() {
    let turns = [start(1, b"", b""), status(2, 4), proceed(3, b"sven"), status(4, 5), proceed(5, b"MARK")];
    let passed = [&turns[..], &[status(6, 1)]].concat();
    check(&passed, &[SPEAKS, DEMANDED, DEMANDED, PASSWORD, ACCEPTED, SERVED]);
    let failed = [&turns[..], &[status(6, 2)]].concat();
    check(&failed, &[SPEAKS, DEMANDED, DEMANDED, PASSWORD, "refuses ProofWrong [tacacs.login-failed]"]);
    check(&turns, &[SPEAKS, DEMANDED, DEMANDED, PASSWORD]);
}

#[test]
fn a_login_at_once() {
    check(&[start(2, b"sven", b"MARK"), status(2, 1)], &[SPEAKS, PASSWORD, ACCEPTED, SERVED]);
    check(&[start(2, b"sven", b""), status(2, 1)], &[SPEAKS, CLAIMED, SERVED]);
    check(&[start(1, b"sven", b""), status(2, 1)], &[SPEAKS, CLAIMED, SERVED]);
    check(&[start(1, b"sven", b""), status(2, 2)], &[SPEAKS, CLAIMED, "refuses Other [tacacs.login-failed]"]);
    check(
        &[start(1, b"sven", b""), status(2, 7)],
        &[SPEAKS, CLAIMED, "refuses Other [tacacs.request-failed]"],
    );
}

#[test]
fn rights_and_records_are_asked_for_by_name_alone() {
    // Method, level, type, service, lengths of user, port and remote address, one argument of nine bytes.
    let asked = b"\x06\x01\x01\x01\x04\x00\x00\x01\x09svenservice=x";
    let rights = c(packet(AUTHORIZATION, 1, CLEAR, asked));
    let answer = |status| s(packet(AUTHORIZATION, 2, CLEAR, &[status, 0, 0, 0, 0, 0]));
    check(&[rights.clone(), answer(1)], &[SPEAKS, CLAIMED, SERVED]);
    check(&[rights, answer(0x10)], &[SPEAKS, CLAIMED, "refuses Other [tacacs.request-failed]"]);
    let record = c(packet(ACCOUNTING, 1, CLEAR, &[&[2][..], asked].concat()));
    check(&[record, s(packet(ACCOUNTING, 2, CLEAR, &[0, 0, 0, 0, 1]))], &[SPEAKS, CLAIMED, SERVED]);
}

#[test]
fn what_is_obscured_is_not_read() {
    let turns = [c(packet(AUTHENTICATION, 1, 0, &[0xcc; 30])), s(packet(AUTHENTICATION, 2, 0, &[0xcc; 6]))];
    let offered = "offers Secret for Connection by Password [tacacs.body-obscured]";
    check(&turns, &[SPEAKS, offered, "hidden Encrypted [stream.unreadable]"]);
}

#[test]
fn what_is_broken_ends_reading() {
    let lengths = [start(1, b"sven", b"").1.split_at(12).0.to_vec(), vec![1, 1, 1, 1, 200, 0, 0, 0]].concat();
    let mut lengths = lengths;
    lengths.splice(8..12, [0, 0, 0, 8]);
    check(&[c(lengths), status(2, 1)], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    check(&[start(1, b"sven", b""), status(3, 1)], &unknown);
}
