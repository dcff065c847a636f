//! S7 communication: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks s7comm [stream.protocol]";
const OPENED: &str = "serves Public [s7comm.session-opened]";
const SERVED: &str = "serves Service [s7comm.job-done]";

/// TPKT, COTP DT with the last-unit mark, message.
fn packet(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() + 7).unwrap();
    [&[3, 0], &length.to_be_bytes()[..], &[2, 0xf0, 0x80], message].concat()
}

fn header(kind: u8, parameters: &[u8], data: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0x32, kind, 0, 0, 0, 1], &length(parameters)[..], &length(data)].concat()
}

fn job(function: u8) -> Turn {
    let parameters = [function, 1, 0x12, 0x0a, 0x10, 2, 0, 1, 0, 1, 0x82, 0, 0, 0];
    c(packet(&[&header(1, &parameters, b"")[..], &parameters].concat()))
}

fn done(function: u8, error: [u8; 2], data: &[u8]) -> Turn {
    s(packet(&[&header(3, &[function, 1], data)[..], &error, &[function, 1], data].concat()))
}

fn user(answer: bool, group: u8, function: u8, error: [u8; 2], data: &[u8]) -> Vec<u8> {
    let parameters = if answer {
        vec![0, 1, 0x12, 8, 0x12, 0x80 | group, function, 1, 0, 0, error[0], error[1]]
    } else {
        vec![0, 1, 0x12, 4, 0x11, 0x40 | group, function, 0]
    };
    packet(&[&header(7, &parameters, data)[..], &parameters, data].concat())
}

/// CR and CC with the length of a TPDU and both transport selectors; then the lengths are agreed.
fn opening() -> Vec<Turn> {
    let connect =
        |code: u8| vec![3, 0, 0, 22, 17, code, 0, 0, 0, 1, 0, 0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2];
    vec![c(connect(0xe0)), s(connect(0xd0)), job(0xf0), done(0xf0, [0, 0], b"")]
}

fn with(turns: &[Turn]) -> Vec<Turn> {
    [&opening()[..], turns].concat()
}

#[test]
fn memory_is_read_and_written_by_anybody() {
    check(&with(&[job(4), done(4, [0, 0], &[0xff, 4, 0, 8, 7])]), &[SPEAKS, OPENED, SERVED]);
    check(&with(&[job(5), done(5, [0, 0], &[0xff])]), &[SPEAKS, OPENED, SERVED]);
    check(&with(&[job(0x29), done(0x29, [0, 0], b"")]), &[SPEAKS, OPENED, SERVED]);
    check(
        &with(&[job(4), done(4, [0, 0], &[3, 0, 0, 0])]),
        &[SPEAKS, OPENED, "refuses NotAllowed [s7comm.job-refused]"],
    );
    check(&with(&[job(4), done(4, [0x81, 4], b"")]), &[SPEAKS, OPENED, "refuses Other [s7comm.job-refused]"]);
    // Without a connection request before it.
    check(&[job(4), done(4, [0, 0], &[0xff, 4, 0, 8, 7])], &[SPEAKS, SERVED]);
}

#[test]
fn a_controller_describes_itself_to_anybody() {
    let asked = c(user(false, 4, 1, [0, 0], &[0xff, 9, 0, 4, 0, 0x11, 0, 0]));
    check(
        &with(&[asked, s(user(true, 4, 1, [0, 0], &[0xff, 9, 0, 4, 0, 0x11, 0, 0]))]),
        &[SPEAKS, OPENED, "serves Public [s7comm.description-read]"],
    );
    check(
        &with(&[c(user(false, 7, 1, [0, 0], b"\x0a\0\0\0")), s(user(true, 7, 1, [0, 0], b"\xff\x09\0\x0a"))]),
        &[SPEAKS, OPENED, SERVED],
    );
}

#[test]
fn a_password_lifts_the_protection_level() {
    let mut scrambled = [0_u8; 8];
    for (at, byte) in b"MARK12  ".iter().enumerate() {
        let before = if at < 2 { 0 } else { scrambled[at - 2] };
        scrambled[at] = byte ^ 0x55 ^ before;
    }
    let sent = c(user(false, 5, 1, [0, 0], &[&[0xff, 9, 0, 8][..], &scrambled].concat()));
    let offered = "offers Secret for Connection by Password in clear with fingerprint [s7comm.password-sent]";
    let protected = "refuses ProofMissing [s7comm.protection-level]";
    let turns = with(&[
        job(0x1d),
        done(0x1d, [0xd2, 0x41], b""),
        sent.clone(),
        s(user(true, 5, 1, [0, 0], b"\x0a\0\0\0")),
        job(4),
        done(4, [0, 0], &[0xff, 4, 0, 8, 7]),
    ]);
    check(&turns, &[SPEAKS, OPENED, protected, offered, "accepts [s7comm.password-accepted]", SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[sent.clone(), s(user(true, 5, 1, [0xd6, 2], b"\x0a\0\0\0"))]),
        &[SPEAKS, OPENED, offered, "refuses ProofWrong [s7comm.password-refused]"],
    );
    check(&with(&[sent]), &[SPEAKS, OPENED, offered]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    let unsupported = "hidden Unsupported [stream.unsupported]";
    check(&with(&[job(4), s(&packet(&[0x32, 3, 0, 0])[..9])]), &[SPEAKS, OPENED]);
    check(&with(&[job(4), s(packet(&[0x32, 3, 0, 0]))]), &[SPEAKS, OPENED, lost]);
    check(&with(&[job(4), s(b"HTTP/1.1 200 OK")]), &[SPEAKS, OPENED, lost]);
    // The newer protocol is named and not read.
    let opening = opening();
    check(&[&opening[..2], &[c(packet(&[0x72, 1, 0, 4])), s(packet(&[0x72, 1]))]].concat(), &[SPEAKS, lost]);
    check(&[&opening[..2], &[c(packet(b"\x31..")), s(packet(b"\x32"))]].concat(), &[unsupported]);
    check(&opening[..2], &[unsupported]);
    // A message in two packets: the second is no message.
    let mut first = packet(&[&header(1, &[4], b"")[..], &[4]].concat());
    first[6] = 0;
    check(
        &with(&[c(first), c(packet(b"rest")), done(4, [0, 0], &[0xff, 4, 0, 8, 7])]),
        &[SPEAKS, OPENED, SERVED],
    );
}
