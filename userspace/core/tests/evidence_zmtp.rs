//! ZMTP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks zmtp [stream.protocol]";
const OPENED: &str = "serves Service [zmtp.connection-opened]";
const ACCEPTED: &str = "accepts [zmtp.proof-accepted]";
const UNREAD: &str = "hidden Unsupported [stream.unreadable]";

/// Signature, version 3.1, mechanism of 20 bytes, role, filler (RFC 37).
fn greeting(mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    bytes.extend(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

fn command(name: &str, body: &[u8]) -> Vec<u8> {
    let inner = [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), body].concat();
    match u8::try_from(inner.len()) {
        Ok(length) => [&[4, length][..], &inner].concat(),
        Err(_) => [&[6][..], &(inner.len() as u64).to_be_bytes(), &inner].concat(),
    }
}

fn greeted(mechanism: &str) -> Vec<Turn> {
    vec![c(greeting(mechanism)), s(greeting(mechanism))]
}

fn with(mechanism: &str, more: &[Turn]) -> Vec<Turn> {
    [greeted(mechanism), more.to_vec()].concat()
}

#[test]
fn null_and_plain() {
    let ready = || command("READY", b"\x0bSocket-Type\0\0\0\x03REQ");
    check(&with("NULL", &[c(ready()), s(ready())]), &[SPEAKS, OPENED]);
    // The receiver may be ready first.
    check(&with("NULL", &[s(ready()), c(ready())]), &[SPEAKS, OPENED]);
    check(
        &with("NULL", &[c(ready()), s(command("ERROR", b"\x02no"))]),
        &[SPEAKS, "refuses Other [zmtp.refused]"],
    );
    let demands = "demands Secret [zmtp.proof-demanded]";
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [zmtp.password-sent]";
    let hello = c(command("HELLO", b"\x03bob\x05MARK1"));
    check(
        &with("PLAIN", &[hello.clone(), s(command("WELCOME", b"")), c(command("INITIATE", b"")), s(ready())]),
        &[SPEAKS, demands, offered, ACCEPTED, OPENED],
    );
    check(
        &with("PLAIN", &[hello, s(command("ERROR", b"\x0300."))]),
        &[SPEAKS, demands, offered, "refuses ProofWrong [zmtp.refused]"],
    );
}

#[test]
fn curve_and_nonsense() {
    let demands = "demands Key [zmtp.proof-demanded]";
    check(
        &with(
            "CURVE",
            &[
                c(command("HELLO", &[1; 194])),
                s(command("WELCOME", &[2; 160])),
                c(command("INITIATE", &[3; 300])),
                s(command("READY", &[4; 50])),
            ],
        ),
        &[SPEAKS, demands, "offers Key for Connection by Signature [zmtp.key-used]", ACCEPTED, OPENED],
    );
    check(&[c(greeting("NULL")), s(greeting("CURVE"))], &[SPEAKS, demands]);
    check(&[c(greeting("GSSAPI")), s(greeting("GSSAPI"))], &[SPEAKS, UNREAD]);
    check(
        &with("PLAIN", &[c(command("HELLO", b"\x09bob"))]),
        &[SPEAKS, "demands Secret [zmtp.proof-demanded]", UNREAD],
    );
    check(&[c(greeting("NULL")), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
