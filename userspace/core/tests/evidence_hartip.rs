//! HART-IP over TCP and UDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, check_datagrams, s};

const SPEAKS: &str = "speaks hart-ip [stream.protocol]";
const OPENED: &str = "serves Public [hartip.session-opened]";
const SERVED: &str = "serves Service [hartip.command-answered]";

/// Version 1, type, id, status, sequence number, byte count with the header.
fn message(kind: u8, id: u8, status: u8, body: &[u8]) -> Vec<u8> {
    let count = u16::try_from(body.len() + 8).unwrap();
    [&[1, kind, id, status, 0, 2], &count.to_be_bytes()[..], body].concat()
}

/// Primary master, 60 s.
const MASTER: &[u8] = &[1, 0, 0, 0xea, 0x60];
/// Command 0 to polling address 0.
const COMMAND: &[u8] = &[2, 0x80, 0, 0, 0x82];

#[test]
fn instruments_answer_anybody() {
    let begun = [c(message(0, 0, 0, MASTER)), s(message(1, 0, 0, MASTER)), c(message(0, 3, 0, COMMAND))];
    let answered = [&begun[..], &[s(message(1, 3, 0, &[6, 0x80, 0]))]].concat();
    check(&answered, &[SPEAKS, OPENED, SERVED]);
    check_datagrams(&answered, &["speaks hart-ip [datagrams.protocol]", OPENED, SERVED]);
    check(
        &[&begun[..], &[s(message(1, 3, 5, b""))]].concat(),
        &[SPEAKS, OPENED, "refuses Other [hartip.refused]"],
    );
    check(
        &[c(message(0, 0, 0, MASTER)), s(message(1, 0, 15, MASTER))],
        &[SPEAKS, "refuses Other [hartip.refused]"],
    );
}

#[test]
fn cut_wrong_and_other_bytes() {
    let begun = [c(message(0, 0, 0, MASTER)), s(message(1, 0, 0, MASTER))];
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&[&begun[..], &[c(b"GET / HTTP/1.1")]].concat(), &[SPEAKS, OPENED, lost]);
    check(&[&begun[..], &[c([1, 0, 3])]].concat(), &[SPEAKS, OPENED]);
    check(
        &[c(message(0, 3, 0, COMMAND)), s(message(1, 3, 0, b""))],
        &["hidden Unsupported [stream.unsupported]"],
    );
    check_datagrams(&[c(message(0, 0, 0, MASTER))], &["hidden Unsupported [stream.one-sided]"]);
}
