//! Pulsar: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks pulsar [stream.protocol]";
const ACCEPTED: &str = "accepts [pulsar.proof-accepted]";
const SERVED: &str = "serves Service [pulsar.command-served]";

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let key = if number < 16 { vec![number << 3 | 2] } else { vec![(number << 3 | 2) | 0x80, number >> 4] };
    [&key[..], &[u8::try_from(content.len()).unwrap()], content].concat()
}

/// Total size, command size, type and the command itself.
fn frame(kind: u8, inner: &[u8]) -> Vec<u8> {
    let command = [&[8, kind][..], &field(kind, inner)].concat();
    let size = u32::try_from(command.len()).unwrap();
    [&(size + 4).to_be_bytes()[..], &size.to_be_bytes(), &command].concat()
}

/// CONNECT: version, data, protocol version, method.
fn connect(method: &str, sent: &[u8]) -> Turn {
    let mut inner = field(1, b"Pulsar-Java-v2.11");
    if !method.is_empty() {
        inner.extend(field(3, sent));
    }
    inner.extend([0x20, 19]);
    if !method.is_empty() {
        inner.extend(field(5, method.as_bytes()));
    }
    c(frame(2, &inner))
}

fn connected() -> Turn {
    s(frame(3, &[&field(1, b"Pulsar Server")[..], &[0x10, 19]].concat()))
}

fn lookup() -> Turn {
    c(frame(23, &[&field(1, b"persistent://a/b/c")[..], &[0x10, 1]].concat()))
}

/// Response 1 connects, 2 failed with an error.
fn found(response: u8, error: u8) -> Turn {
    s(frame(24, &[0x18, response, 0x20, 1, 0x30, error]))
}

fn refused(error: u8) -> Turn {
    s(frame(14, &[&[0x08, 1, 0x10, error][..], &field(3, b"no")].concat()))
}

#[test]
fn an_open_broker_serves_anybody() {
    check(&[connect("", b""), connected(), lookup(), found(1, 0)], &[SPEAKS, SERVED]);
    check(&[connect("none", b""), connected(), s(frame(18, b"")), c(frame(19, b""))], &[SPEAKS]);
    check(&[connect("", b""), refused(3)], &[SPEAKS, "refuses ProofMissing [pulsar.authentication-failed]"]);
    check(
        &[connect("", b""), connected(), lookup(), found(2, 4)],
        &[SPEAKS, "refuses NotAllowed [pulsar.authorization-failed]"],
    );
    check(&[connect("", b""), refused(1)], &[SPEAKS, "refuses Other [pulsar.command-failed]"]);
}

#[test]
fn proofs_of_every_method() {
    let basic = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [pulsar.password-sent]";
    let turns = [connect("basic", b"bob:MARK1"), connected(), lookup(), found(1, 0)];
    check(&turns, &[SPEAKS, basic, ACCEPTED, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &[connect("basic", b"bob:MARK1"), refused(3)],
        &[SPEAKS, basic, "refuses ProofWrong [pulsar.authentication-failed]"],
    );
    check(
        &[connect("token", b"MARK2"), connected()],
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [pulsar.token-sent]",
            ACCEPTED,
        ],
    );
    check(
        &[connect("athenz", b"v=Z1;d=a;n=b;t=1000;e=4600;s=MARK3"), connected()],
        &[
            SPEAKS,
            "offers Token for Connection by Bearer 3600s in clear with fingerprint [pulsar.token-sent]",
            ACCEPTED,
        ],
    );
    check(
        &[connect("tls", b""), connected(), lookup(), found(1, 0)],
        &[SPEAKS, "offers Claim for Connection [sasl.name-claimed]", SERVED],
    );
    // A GSS-API exchange of which nothing can be read.
    check(
        &[
            connect("sasl", b"{}"),
            s(frame(36, &field(2, &field(2, b"x")))),
            c(frame(37, &field(2, &[field(1, b"sasl"), field(2, b"y")].concat()))),
            connected(),
        ],
        &[SPEAKS, "demands Secret [pulsar.challenge]", "hidden Unsupported [pulsar.unknown-proof-accepted]"],
    );
}

#[test]
fn nonsense() {
    check(
        &[connect("", b""), s(b"\0\0\0\x08\0\0\0\x04\x08\x03\x1a\0\0\0\0\x09\0\0\0\x05nonse")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[connect("", b""), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
