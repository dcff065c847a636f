//! Cassandra's native protocol: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks cassandra [stream.protocol]";
const DEMANDS: &str = "demands Secret [cassandra.authentication-demanded]";
const OFFERED: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";
const ACCEPTED: &str = "accepts [cassandra.proof-accepted]";
const SERVED: &str = "serves Service [cassandra.session-opened]";

/// Version, flags, stream, opcode, length, body (2 of every specification).
fn frame(version: u8, opcode: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![version, 0, 0, 1, opcode];
    bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

/// v5 2.2: length and self-contained flag, CRC24, payload, CRC32; the sums are not checked.
fn segment(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap() | 1 << 17;
    let mut bytes = length.to_le_bytes().get(..3).unwrap().to_vec();
    bytes.extend([0; 3]);
    bytes.extend(payload);
    bytes.extend([0; 4]);
    bytes
}

fn startup(version: u8) -> Turn {
    c(frame(version, 1, b"\0\x01\0\x0bCQL_VERSION\0\x053.4.5"))
}

fn authenticate(version: u8) -> Turn {
    s(frame(version | 0x80, 3, b"\0\x2forg.apache.cassandra.auth.PasswordAuthenticator"))
}

/// AUTH_RESPONSE: bytes of 32-bit length.
fn response(token: &[u8]) -> Vec<u8> {
    let mut body = u32::try_from(token.len()).unwrap().to_be_bytes().to_vec();
    body.extend(token);
    frame(4, 15, &body)
}

#[test]
fn ready_without_a_question() {
    let options = [c(frame(4, 5, b"")), s(frame(0x84, 6, b"\0\0"))];
    let told = "serves Public [cassandra.options-told]";
    check(&options, &[SPEAKS, told]);
    let mut turns = options.to_vec();
    turns.extend([startup(4), s(frame(0x84, 2, b"")), c(frame(4, 7, b"query"))]);
    check(&turns, &[SPEAKS, told, "serves Service [cassandra.ready]"]);
    check(&[startup(5), s(frame(0x85, 2, b""))], &[SPEAKS, "serves Service [cassandra.ready]"]);
}

#[test]
fn a_password_is_asked_for_and_judged() {
    let asked = [startup(4), authenticate(4), c(response(b"\0bob\0MARK1"))];
    let with = |answer: Vec<u8>| [asked.to_vec(), vec![s(answer)]].concat();
    check(&with(frame(0x84, 16, b"\xff\xff\xff\xff")), &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED]);
    check(
        &with(frame(0x84, 0, b"\0\0\x01\0\0\x03bad")),
        &[SPEAKS, DEMANDS, OFFERED, "refuses ProofWrong [cassandra.credentials-refused]"],
    );
    check(
        &with(frame(0x84, 0, b"\0\0\0\0\0\x03bad")),
        &[SPEAKS, DEMANDS, OFFERED, "refuses Other [cassandra.error]"],
    );
    // Version 5: segments after AUTHENTICATE.
    check(
        &[
            startup(5),
            authenticate(5),
            c(segment(&response(b"\0bob\0MARK1"))),
            s(segment(&frame(0x85, 16, b"\0\0\0\0"))),
        ],
        &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED],
    );
}

#[test]
fn a_mechanism_is_named_first() {
    check(
        &[
            startup(4),
            authenticate(4),
            c(response(b"PLAIN")),
            s(frame(0x84, 14, b"\0\0\0\x0bPLAIN-START")),
            c(response(b"\0bob\0MARK1")),
            s(frame(0x84, 16, b"\0\0\0\0")),
        ],
        &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED],
    );
}

#[test]
fn declined_cut_and_wrong() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[startup(4), authenticate(4)], &[SPEAKS, DEMANDS]);
    check(
        &[startup(4), authenticate(4), c(frame(4, 7, b"query")), s(frame(0x84, 0, b"\0\0\x01\0\0\0"))],
        &[SPEAKS, DEMANDS, "refuses ProofMissing [cassandra.credentials-refused]"],
    );
    // Accepted by what is not known, and a session that opens after a question that nobody answered.
    check(
        &[startup(4), authenticate(4), c(response(b"opaque")), s(frame(0x84, 16, b"\0\0\0\0"))],
        &[SPEAKS, DEMANDS, unread],
    );
    check(
        &[startup(4), authenticate(4), c(frame(4, 7, b"q")), s(frame(0x84, 2, b""))],
        &[SPEAKS, DEMANDS, unread],
    );
    check(&[startup(4), s(frame(0x84, 0, b"\0\0\0\x0a\0\0"))], &[SPEAKS, "refuses Other [cassandra.error]"]);
    check(&[startup(4), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
