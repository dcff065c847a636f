//! MySQL's X protocol: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks mysqlx [stream.protocol]";
const OPENED: &str = "serves Service [mysqlx.session-opened]";
const ACCEPTED: &str = "accepts [mysqlx.proof-accepted]";

/// Length (its own four bytes aside), type, message.
fn frame(kind: u8, message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len() + 1).unwrap().to_le_bytes()[..], &[kind], message].concat()
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

/// A notice that greets, capabilities asked for and told.
fn greeting() -> Vec<Turn> {
    let notice = frame(11, &[0x08, 1, 0x1a, 0]);
    vec![c(frame(1, b"")), s([notice, frame(2, &field(1, &field(1, b"tls")))].concat())]
}

fn start(mechanism: &str, sent: &[u8]) -> Turn {
    c(frame(4, &[field(1, mechanism.as_bytes()), field(2, sent)].concat()))
}

fn error(code: &[u8]) -> Turn {
    s(frame(1, &[&[0x08, 1, 0x10][..], code, &field(4, b"HY000"), &field(3, b"no")].concat()))
}

/// 1045 as a varint.
const DENIED: &[u8] = &[0x95, 0x08];

fn with(rest: &[Turn]) -> Vec<Turn> {
    [&greeting()[..], rest].concat()
}

#[test]
fn digests() {
    let demands = "demands Secret [mysqlx.challenge]";
    let offered = "offers Secret for Connection as User \"bob\" by Password [mysqlx.challenge-answered]";
    let challenge = s(frame(3, &field(1, &[7; 20])));
    let answer = c(frame(5, &field(1, b"\0bob\0*0123456789ABCDEF")));
    let taken = s([frame(11, &[0x08, 3]), frame(4, b"")].concat());
    for mechanism in ["MYSQL41", "SHA256_MEMORY"] {
        check(
            &with(&[start(mechanism, b""), challenge.clone(), answer.clone(), taken.clone()]),
            &[SPEAKS, demands, offered, ACCEPTED, OPENED],
        );
    }
    check(
        &with(&[start("MYSQL41", b""), challenge.clone(), answer, error(DENIED)]),
        &[SPEAKS, demands, offered, "refuses ProofWrong [mysqlx.access-denied]"],
    );
    let empty = c(frame(5, &field(1, b"\0bob\0")));
    check(
        &with(&[start("MYSQL41", b""), challenge, empty, taken]),
        &[SPEAKS, demands, "offers Claim for Connection as User \"bob\" [sasl.name-claimed]", OPENED],
    );
}

#[test]
fn passwords_encryption_and_the_rest() {
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";
    let turns = with(&[start("PLAIN", b"\0bob\0MARK1"), s(frame(4, b""))]);
    check(&turns, &[SPEAKS, offered, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[start("EXTERNAL", b""), s(frame(4, b""))]),
        &[SPEAKS, "hidden Unsupported [mysqlx.unknown-proof-accepted]"],
    );
    check(
        &with(&[start("EXTERNAL", b""), error(DENIED)]),
        &[SPEAKS, "refuses ProofMissing [mysqlx.access-denied]"],
    );
    check(&with(&[start("OTHER", b""), error(&[5])]), &[SPEAKS, "refuses Other [mysqlx.refused]"]);
    let tls = frame(2, &field(1, &field(1, &field(1, b"tls"))));
    check(
        &[c(tls), s(frame(0, b"")), c(b"\x16\x03\x01nonsense"), s("nonsense")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(&with(&[c("nonsense")]), &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
}
