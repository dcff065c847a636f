//! FINS over TCP and UDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, s};

const SPEAKS: &str = "speaks fins [stream.protocol]";
const NODE: &str = "serves Public [fins.identified]";
const SERVED: &str = "serves Service [fins.command-done]";

/// ICF, RSV, GCT, destination and source (network, node, unit), SID 7, command and what follows.
fn frame(icf: u8, command: [u8; 2], rest: &[u8]) -> Vec<u8> {
    [&[icf, 0, 2, 0, 1, 0, 0, 2, 0, 7], &command[..], rest].concat()
}

/// "FINS", length, command, error code 0.
fn tcp(command: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&b"FINS"[..], &length.to_be_bytes(), &[0, 0, 0, command], &[0; 4], body].concat()
}

const READ: [u8; 2] = [1, 1];
const MODEL: [u8; 2] = [5, 1];

fn with(turns: &[Turn]) -> Vec<Turn> {
    [&[c(tcp(0, &[0; 4])), s(tcp(1, &[0, 0, 0, 2, 0, 0, 0, 1]))], turns].concat()
}

#[test]
fn memory_is_read_by_anybody() {
    let asked = c(tcp(2, &frame(0x80, READ, &[0x82, 0, 1, 0, 0, 1])));
    let answer = |end: [u8; 2]| s(tcp(2, &frame(0xc0, READ, &end)));
    check(&with(&[asked.clone(), answer([0, 0])]), &[SPEAKS, NODE, SERVED]);
    check(&with(&[asked.clone(), answer([0x21, 2])]), &[SPEAKS, NODE, "refuses NotAllowed [fins.protected]"]);
    check(&with(&[asked, answer([0x11, 3])]), &[SPEAKS, NODE, "refuses Other [fins.command-refused]"]);
    check(
        &with(&[c(tcp(2, &frame(0x80, MODEL, b""))), s(tcp(2, &frame(0xc0, MODEL, &[0, 0])))]),
        &[SPEAKS, NODE],
    );
}

#[test]
fn datagrams_show_the_same() {
    let speaks = "speaks fins [datagrams.protocol]";
    let asked = c(frame(0x80, READ, &[0x82, 0, 1, 0, 0, 1]));
    check_datagrams(&[asked.clone(), s(frame(0xc0, READ, &[0, 0]))], &[speaks, SERVED]);
    check_datagrams(&[asked.clone(), s(frame(0xc0, MODEL, &[0, 0]))], &[speaks]);
    check_datagrams(std::slice::from_ref(&asked), &["hidden Unsupported [stream.one-sided]"]);
    check_datagrams(&[asked, s(b"x")], &["hidden Unsupported [stream.unsupported]"]);
    check_datagrams(
        &[c(frame(0x81, [1, 2], &[0x82, 0, 1, 0, 0, 1, 0, 7]))],
        &[speaks, "sends one way [fins.no-answer-requested]"],
    );
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&with(&[c(&tcp(2, &frame(0x80, READ, b""))[..20])]), &[SPEAKS, NODE]);
    check(&with(&[c(tcp(2, &frame(0x90, READ, b"")))]), &[SPEAKS, NODE, lost]);
    check(&with(&[c(b"HTTP/1.1")]), &[SPEAKS, NODE, lost]);
    check(&[c(tcp(0, &[0; 4])), s(tcp(3, b""))], &[SPEAKS, "refuses Other [fins.command-refused]"]);
    check(&[c(tcp(7, &[0; 4])), s(tcp(1, &[0; 8]))], &["hidden Unsupported [stream.unsupported]"]);
}
