//! Oracle Net: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks oracle-tns [stream.protocol]";
const DEMANDS: &str = "demands Secret [oracle.challenge-sent]";
const OFFERED: &str =
    "offers Secret for Connection as User \"scott\" by Password [oracle.challenge-answered]";
const ACCEPTED: &str = "accepts [oracle.proof-accepted]";
const SERVED: &str = "serves Service [oracle.session-opened]";
const UNREAD: &str = "hidden Unsupported [stream.unreadable]";

/// Length, no checksum, type, flags, no checksum.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + body.len()).unwrap();
    [&length.to_be_bytes()[..], &[0, 0, kind, 0, 0, 0], body].concat()
}

/// The form with 32 bits of length.
fn large(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).unwrap();
    [&length.to_be_bytes()[..], &[kind, 0, 0, 0], body].concat()
}

/// Version, ..., length and place of the descriptor, which stands at 58.
fn connect(descriptor: &str) -> Turn {
    let length = u16::try_from(descriptor.len()).unwrap().to_be_bytes();
    let mut body = vec![1, 0x3a, 1, 0x2c, 0, 0, 0x20, 0, 0xff, 0xff, 0x7f, 8, 0, 0, 1, 0];
    body.extend(length);
    body.extend([0, 58]);
    body.resize(50, 0);
    body.extend(descriptor.as_bytes());
    c(packet(1, &body))
}

fn accept(version: u16) -> Turn {
    s(packet(2, &[&version.to_be_bytes()[..], &[0; 22]].concat()))
}

fn content(message: &[u8]) -> Vec<u8> {
    packet(6, &[&[0, 0], message].concat())
}

const ONE: &[u8] = b"\x03\x76\x02\xfe\xff\x05scott\x0d\0\0\0\x0dAUTH_TERMINAL\x05\0\0\0\x05pts/4";
const TWO: &[u8] = b"\x03\x73\x03\xfe\xff\x05scott\x0c\0\0\0\x0cAUTH_SESSKEY\x04\0\0\0\x04MARK\x0d\0\0\0\x0dAUTH_PASSWORD\x04\0\0\0\x04MARK";
const TWO_SHORT: &[u8] = b"\x03\x73\x02\x01\x01\x01\x05scott\x01\x0d\x0dAUTH_PASSWORD\x01\x04\x04MARK";
const CHALLENGE: &[u8] = b"\x08\x02\0\x0c\0\0\0\x0cAUTH_SESSKEY\x04\0\0\0\x04ABCD\x0d\0\0\0\x0dAUTH_VFR_DATA";
const OPENED: &[u8] = b"\x08\x1e\0\x13\0\0\0\x13AUTH_VERSION_STRING\x12\0\0\0";
const DESCRIPTOR: &str = "(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=orcl)(CID=(PROGRAM=x)(HOST=h)(USER=u))))";

/// Connected: versions and data types were exchanged.
fn connected() -> Vec<Turn> {
    vec![
        connect(DESCRIPTOR),
        s(packet(11, b"")),
        connect(DESCRIPTOR),
        accept(0x13a),
        c(content(b"\x01\x06\x05\x04x86\0")),
        s(content(b"\x01\x06\0IBMPC\0")),
        c(content(&[2; 3000])),
        s(content(&[2; 2000])),
    ]
}

fn session(more: &[Turn]) -> Vec<Turn> {
    [connected(), more.to_vec()].concat()
}

#[test]
fn a_password_is_judged() {
    let logon = [c(content(ONE)), s(content(CHALLENGE)), c(content(TWO))];
    let with = |answer: &[u8]| session(&[logon.to_vec(), vec![s(content(answer))]].concat());
    check(&with(OPENED), &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED]);
    check(&session(&logon), &[SPEAKS, DEMANDS, OFFERED]);
    check(
        &session(&[c(content(ONE)), s(content(CHALLENGE)), c(content(TWO_SHORT)), s(content(OPENED))]),
        &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED],
    );
    let refusals = [
        ("ORA-01017: invalid username/password", "refuses ProofWrong [oracle.logon-denied]"),
        ("ORA-01005: null password given", "refuses ProofMissing [oracle.password-missing]"),
        ("ORA-28000: the account is locked", "refuses NotAllowed [oracle.not-allowed]"),
        ("ORA-01033: initialization in progress", "refuses Other [oracle.refused]"),
    ];
    for (text, shown) in refusals {
        check(&with(&[b"\x04\x01\x02", text.as_bytes()].concat()), &[SPEAKS, DEMANDS, OFFERED, shown]);
    }
}

#[test]
fn a_session_without_a_password() {
    let name = "offers Claim for Connection as User \"scott\" [oracle.name-claimed]";
    check(&session(&[c(content(ONE)), s(content(OPENED))]), &[SPEAKS, name, SERVED]);
    // Opened after a challenge that nobody answered, or by a token.
    check(
        &session(&[c(content(ONE)), s(content(CHALLENGE)), c(content(b"\x03\x05")), s(content(OPENED))]),
        &[SPEAKS, DEMANDS, UNREAD],
    );
    check(&session(&[c(content(b"\x03\x73\x01\x0a\x0aAUTH_TOKEN")), s(content(OPENED))]), &[SPEAKS, UNREAD]);
}

#[test]
fn lengths_of_32_bits_and_descriptors_of_their_own() {
    let message = |message: &[u8]| large(6, &[&[0, 0], message].concat());
    let turns = [
        connect(DESCRIPTOR),
        accept(319),
        c(message(ONE)),
        s(message(CHALLENGE)),
        c(message(TWO)),
        s(message(OPENED)),
    ];
    check(&turns, &[SPEAKS, DEMANDS, OFFERED, ACCEPTED, SERVED]);
    // A descriptor that does not fit comes in a packet of its own.
    let mut head = connect("").1;
    head.splice(24..26, [1, 0]);
    let long = packet(6, &[&[0, 0], DESCRIPTOR.as_bytes()].concat());
    check(
        &[c([head, long].concat()), accept(319), c(message(ONE)), s(message(CHALLENGE))],
        &[SPEAKS, DEMANDS],
    );
}

/// Magic, length, version, services, error; authentication's status, encryption's choice.
fn negotiation(status: [u8; 2], encryption: u8) -> Vec<u8> {
    let mut bytes = b"\xde\xad\xbe\xef\0\x30\x0b\x10\x07\0\0\x02\0".to_vec();
    bytes.extend(b"\0\x01\0\x01\0\0\0\0\0\x02\0\x06");
    bytes.extend(status);
    bytes.extend(b"\0\x02\0\x01\0\0\0\0\0\x01\0\x02");
    bytes.push(encryption);
    bytes
}

#[test]
fn the_network_may_be_encrypted() {
    let asks = c(content(b"\xde\xad\xbe\xef\0\x0d\x0b\x10\x07\0\0\0\0"));
    let with = |status, encryption| session(&[asks.clone(), s(content(&negotiation(status, encryption)))]);
    check(&with([0xfb, 0xff], 17), &[SPEAKS, "hidden Encrypted [stream.unreadable]"]);
    check(&with([0xfa, 0xff], 0), &[SPEAKS, UNREAD]);
    let plain = [with([0xfb, 0xff], 0), vec![c(content(ONE)), s(content(CHALLENGE))]].concat();
    check(&plain, &[SPEAKS, DEMANDS]);
    check(&session(&[asks, s(content(b"\xde\xad\xbe\xef\0\x30\x0b"))]), &[SPEAKS, UNREAD]);
}

#[test]
fn the_listener_itself() {
    let ping = connect("(DESCRIPTION=(CONNECT_DATA=(COMMAND=ping)))");
    let pinged = "serves Public [oracle.listener-pinged]";
    check(
        &[ping.clone(), s(packet(4, b"\0\0\0\x20(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=0))"))],
        &[SPEAKS, pinged],
    );
    check(&[ping, accept(0x13a), s(content(b"(DESCRIPTION=)"))], &[SPEAKS, pinged]);
    check(
        &[connect("(CONNECT_DATA=(COMMAND=status))"), accept(0x13a), s(content(b"(DESCRIPTION=)"))],
        &[SPEAKS, "serves Service [oracle.listener-command-answered]"],
    );
    check(&[connect(DESCRIPTOR), s(packet(5, b"\0\x10(ADDRESS=x)"))], &[SPEAKS, pinged]);
    check(
        &[connect(DESCRIPTOR), s(packet(4, b"\x22\0\0\x20(ERR=12514)"))],
        &[SPEAKS, "refuses Other [oracle.refused]"],
    );
    check(&[connect(DESCRIPTOR), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[connect(DESCRIPTOR), accept(0x13a), c(b"\0\x02\0\0\x06\0\0\0")], &[SPEAKS, UNREAD]);
}
