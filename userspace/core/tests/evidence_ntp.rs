//! NTP, and what holds for every protocol of datagrams.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{c, check_datagrams, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const SPEAKS: &str = "speaks ntp [datagrams.protocol]";
const TIME: &str = "serves Public [ntp.time]";

fn time(mode: u8) -> Vec<u8> {
    let mut message = vec![0x20 | mode, 2, 6, 0xec];
    message.resize(48, 0);
    message
}

/// `R E M opcode 2`, sequence 1.
fn control(second: u8, status: [u8; 2], payload: &[u8], mac: usize) -> Vec<u8> {
    let mut message = vec![0x26, second, 0, 1, status[0], status[1], 0, 0, 0, 0, 0];
    message.push(u8::try_from(payload.len()).unwrap());
    message.extend_from_slice(payload);
    message.resize(message.len().next_multiple_of(4) + mac, 0xaa);
    message
}

#[test]
fn time_is_for_anyone() {
    check_datagrams(&[c(time(3)), s(time(4)), c(time(3)), s(time(4))], &[SPEAKS, TIME, TIME]);
    check_datagrams(&[c(time(5))], &[SPEAKS, TIME]);
    check_datagrams(&[c(time(3)), c(time(3))], &[SPEAKS, "asks Public [ntp.time-asked]"]);
    // A symmetric peer's is no client's, and something else was asked as well.
    check_datagrams(&[c(time(1))], &["hidden Unsupported [stream.one-sided]"]);
    check_datagrams(&[c(time(3)), c(control(2, [0, 0], b"", 0))], &[SPEAKS]);
    // A reply that was seen before its call.
    check_datagrams(&[s(time(4)), c(time(3))], &[SPEAKS, TIME]);
    check_datagrams(&[s(time(4))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn control_is_not() {
    let asked = c(control(2, [0, 0], b"", 0));
    check_datagrams(
        &[asked.clone(), s(control(0x82, [6, 0], b"version=\"ntpd\"", 0))],
        &[SPEAKS, "serves Service [ntp.control-answered]"],
    );
    check_datagrams(
        &[asked, s(control(0xc2, [1, 0], b"", 0))],
        &[SPEAKS, "refuses ProofMissing [ntp.control-refused]"],
    );
    check_datagrams(
        &[c(control(2, [0, 0], b"", 20)), s(control(0x82, [6, 0], b"", 0))],
        &[
            SPEAKS,
            "offers Secret for Request [ntp.control-mac-sent]",
            "serves Service [ntp.control-answered]",
        ],
    );
    let monlist = |first: u8, auth: u8, error: u8| vec![first, auth, 3, 42, error << 4, 0, 0, 0];
    check_datagrams(
        &[c(monlist(0x17, 0, 0)), s(monlist(0x97, 0, 0))],
        &[SPEAKS, "serves Service [ntp.control-answered]"],
    );
    check_datagrams(
        &[c(monlist(0x17, 0, 0)), s(monlist(0x97, 0, 7))],
        &[SPEAKS, "refuses ProofMissing [ntp.control-refused]"],
    );
}

#[test]
fn a_datagram_that_was_missed_ends_reading() {
    let mut conversation = Conversation::datagrams(fingerprinter());
    let mut out = Vec::new();
    let mut take = |from, number, bytes: &[u8]| {
        conversation.payload(from, number, bytes.len() as u64, bytes, now(), &mut out);
    };
    take(Role::Originator, 0, &time(3));
    take(Role::Responder, 0, &time(4));
    take(Role::Responder, 0, &time(4));
    take(Role::Originator, 2, &time(3));
    take(Role::Responder, 1, &time(4));
    assert!(conversation.settled());
    let said: Vec<String> = out.iter().map(line).collect();
    assert_eq!(said, [SPEAKS, TIME, "hidden Gap [datagrams.missed]"]);
}

#[test]
fn bytes_of_no_known_protocol_are_unsupported() {
    check_datagrams(&[c(b"x"), s(b"y")], &["hidden Unsupported [stream.unsupported]"]);
    check_datagrams(&[s(b"y")], &["hidden Unsupported [stream.one-sided]"]);
    check_datagrams(&[], &["hidden NoPayload [stream.no-payload]"]);
}
