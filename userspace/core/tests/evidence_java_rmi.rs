//! Java RMI and T3: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks java-rmi [stream.protocol]";
const NEW_CLIENT: i64 = -1_089_742_558_549_201_240;

/// Greeting, acknowledgement, and the caller's own name.
fn greeting() -> Vec<Turn> {
    vec![c(b"JRMI\0\x02\x4b"), s(b"\x4e\0\x09127.0.0.1\0\0\x12\x34"), c(b"\0\x01a\0\0\0\0")]
}

/// A call: object, unique part, operation, hash, arguments.
fn call(object: i64, operation: i32, hash: i64, arguments: &[u8]) -> Turn {
    let target =
        [&object.to_be_bytes()[..], &[0; 14], &operation.to_be_bytes(), &hash.to_be_bytes()].concat();
    c([b"\x50\xac\xed\0\x05\x77\x22", &target[..], arguments].concat())
}

fn returned(value: &[u8]) -> Turn {
    s([b"\x51\xac\xed\0\x05\x77\x0f\x01", &[0; 14][..], value].concat())
}

fn threw(class: &str) -> Turn {
    let name = [&u16::try_from(class.len()).unwrap().to_be_bytes()[..], class.as_bytes()].concat();
    s([b"\x51\xac\xed\0\x05\x77\x0f\x02", &[0; 14][..], b"\x73\x72", &name, b"rest"].concat())
}

fn with(rest: &[Turn]) -> Vec<Turn> {
    [&greeting()[..], rest].concat()
}

/// An array of two strings.
fn credentials(user: &str, password: &str) -> Vec<u8> {
    let text = |text: &str| [&[0x74, 0, u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    let class = b"\x75\x72\x00\x13[Ljava.lang.String;\xad\xd2\x56\xe7\xe9\x1d\x7b\x47\x02\x00\x00\x78\x70";
    [&class[..], &[0, 0, 0, 2], &text(user), &text(password)].concat()
}

#[test]
fn calls_without_proof() {
    let looked_up = "serves Public [java-rmi.lookup-served]";
    check(
        &with(&[
            call(0, 2, 1, b"\x74\0\x01x"),
            returned(b"stub of many bytes"),
            call(5, -1, 9, b""),
            returned(b""),
        ]),
        &[SPEAKS, looked_up, "serves Service [java-rmi.call-served]"],
    );
    check(
        &with(&[call(0, 3, 1, b"\x74\0\x01x"), returned(b"")]),
        &[SPEAKS, "serves Service [java-rmi.registry-changed]"],
    );
    check(
        &with(&[call(0, 3, 1, b"\x74\0\x01x"), threw("java.rmi.AccessException")]),
        &[SPEAKS, "refuses NotAllowed [java-rmi.call-failed]"],
    );
    check(
        &with(&[call(5, -1, 9, b""), threw("java.rmi.NoSuchObjectException")]),
        &[SPEAKS, "refuses Other [java-rmi.call-failed]"],
    );
    check(
        &with(&[
            c(b"\x52"),
            s(b"\x53"),
            c([&b"\x54"[..], &[0; 14]].concat()),
            call(2, 0, 1, b""),
            returned(b""),
        ]),
        &[SPEAKS, looked_up],
    );
    // One call, no acknowledgement.
    let (_, bytes) = call(5, -1, 9, b"x");
    check(
        &[c([b"JRMI\0\x02\x4c", &bytes[..]].concat()), returned(b"")],
        &[SPEAKS, "serves Service [java-rmi.call-served]"],
    );
}

#[test]
fn management_sessions() {
    let opened = "serves Service [java-rmi.session-opened]";
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [java-rmi.password-sent]";
    let login = |arguments: &[u8]| call(7, -1, NEW_CLIENT, arguments);
    check(&with(&[login(b"\x70"), returned(b"x")]), &[SPEAKS, opened]);
    check(
        &with(&[login(b"\x70"), threw("java.lang.SecurityException")]),
        &[SPEAKS, "refuses ProofMissing [java-rmi.session-refused]"],
    );
    let turns = with(&[login(&credentials("bob", "MARK1")), returned(b"x")]);
    check(&turns, &[SPEAKS, offered, "accepts [java-rmi.proof-not-refused]", opened]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[login(&credentials("bob", "MARK1")), threw("java.lang.SecurityException")]),
        &[SPEAKS, offered, "refuses ProofWrong [java-rmi.session-refused]"],
    );
    check(
        &with(&[login(b"\x73\x72 another object"), returned(b"x")]),
        &[SPEAKS, "hidden Unsupported [java-rmi.unknown-proof-accepted]"],
    );
}

#[test]
fn the_greeting_of_t3() {
    let speaks = "speaks t3 [stream.protocol]";
    let greeting = c("t3 12.2.1\nAS:255\nHL:19\nMS:10000000\n\n");
    check(
        &[greeting.clone(), s("HELO:12.2.1.3.false\nAS:2048\nHL:19\n\n"), c(b"\0\0\x05\x6c\x01")],
        &[speaks, "hidden Unsupported [t3.session-unread]"],
    );
    check(&[greeting, s("LGIN:refused\n")], &[speaks, "hidden Unsupported [stream.unreadable]"]);
}

#[test]
fn nonsense() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&with(&[c(b"\x50nonsense")]), &[SPEAKS, unread]);
    check(&with(&[call(5, 0, 1, b""), s(b"\x51nonsense")]), &[SPEAKS, unread]);
    check(&with(&[call(5, 0, 1, b""), s(b"nonsense")]), &[SPEAKS, unread]);
    check(&[c(b"JRMI\0\x02\x4b"), s("HTTP/1.1")], &["hidden Unsupported [stream.unsupported]"]);
}
