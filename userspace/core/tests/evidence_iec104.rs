//! IEC 60870-5-104: byte sequences and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks iec104 [stream.protocol]";
const STARTED: &str = "serves Service [iec104.transfer-started]";
const VALUES: &str = "serves Service [iec104.values-sent]";

/// U format: start, length 4, function.
fn u(function: u8) -> Vec<u8> {
    vec![0x68, 4, function, 0, 0, 0]
}

/// I format: send number 0, receive number 0, type, one object, cause, common address 1, object address 4001, value.
fn i(kind: u8, cause: u8) -> Vec<u8> {
    vec![0x68, 14, 0, 0, 0, 0, kind, 1, cause, 0, 1, 0, 0xa1, 0x0f, 0, 1]
}

const ACKNOWLEDGES: &[u8] = &[0x68, 4, 1, 0, 2, 0];

#[test]
fn a_station_sends_its_values_to_anybody() {
    check(
        &[c(u(0x07)), s(u(0x0b)), s(i(1, 3)), c(ACKNOWLEDGES), s(i(36, 3)), c(u(0x43)), s(u(0x83))],
        &[SPEAKS, STARTED, VALUES],
    );
    check(&[c(u(0x43)), s(u(0x83)), c(u(0x07)), s(u(0x0b))], &[SPEAKS, STARTED]);
    // A test alone opens nothing.
    check(&[c(u(0x43)), s(u(0x83))], &[SPEAKS]);
    check(&[c(u(0x43)), s(u(0x0b))], &[SPEAKS]);
}

#[test]
fn a_command_is_confirmed_or_refused() {
    let begun = [c(u(0x07)), s(u(0x0b)), c(i(45, 6))];
    let with = |reply: u8| [&begun[..], &[s(i(45, reply))]].concat();
    let refused = "refuses Other [iec104.command-refused]";
    check(&with(7), &[SPEAKS, STARTED, "serves Service [iec104.command-confirmed]"]);
    check(&with(7 | 0x40), &[SPEAKS, STARTED, refused]);
    check(&with(44), &[SPEAKS, STARTED, refused]);
    check(&with(10), &[SPEAKS, STARTED]);
}

#[test]
fn a_command_is_challenged() {
    let challenged = [c(u(0x07)), s(u(0x0b)), c(i(45, 6)), s(i(81, 3)), c(i(82, 3))];
    let shown = [
        SPEAKS,
        STARTED,
        "demands Secret [iec104.challenge-sent]",
        "offers Secret for Request by Signature [iec104.challenge-answered]",
    ];
    check(
        &[&challenged[..], &[s(i(45, 7))]].concat(),
        &[&shown[..], &["serves Service [iec104.command-confirmed]"]].concat(),
    );
    check(
        &[&challenged[..], &[s(i(87, 3))]].concat(),
        &[&shown[..], &["refuses ProofWrong [iec104.authentication-error]"]].concat(),
    );
    check(&challenged, &shown);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&[c(u(0x07)), s(u(0x0b)), s(&i(1, 3)[..7])], &[SPEAKS, STARTED]);
    check(&[c(u(0x07)), s(u(0x0b)), s(b"GET / HTTP/1.1")], &[SPEAKS, STARTED, lost]);
    check(&[c(u(0x07)), s(u(0x0b)), s([0x68, 3, 1])], &[SPEAKS, STARTED, lost]);
    check(&[c(u(0x07)), s(u(0x0b)), s(i(0, 3))], &[SPEAKS, STARTED, lost]);
    check(&[c(u(0x07)), s(i(1, 3))], &[SPEAKS, VALUES]);
    let unknown = "hidden Unsupported [stream.unsupported]";
    check(&[c(u(0x07)), s(b"hello")], &[unknown]);
    check(&[c(u(0x13)), s(u(0x0b))], &[unknown]);
    check(&[c(u(0x07))], &["hidden Unsupported [stream.one-sided]"]);
}
