//! STUN and TURN: messages and what they show.

mod evidence_support;
use evidence_support::{c, check_datagrams, s};

const SPEAKS: &str = "speaks stun [datagrams.protocol]";
const TOLD: &str = "serves Public [stun.address-told]";
const SIGNED: &str = "offers Secret for Request as User \"bob\" by Password [stun.check-sent]";
const SERVED: &str = "serves Service [stun.relay-served]";
const DEMANDS: &str = "demands Secret [stun.proof-demanded]";
const ALLOCATE: u16 = 3;

/// Type, length, cookie, transaction, attributes (RFC 8489 section 5).
fn message(kind: u16, transaction: u8, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap_or(0);
    let mut bytes = [kind.to_be_bytes(), length.to_be_bytes(), [0x21, 0x12], [0xa4, 0x42]].concat();
    bytes.extend_from_slice(&[transaction; 12]);
    bytes.extend_from_slice(attributes);
    bytes
}

/// USERNAME `bob`, padded, and MESSAGE-INTEGRITY.
fn signed() -> Vec<u8> {
    [&b"\0\x06\0\x03bob\0\0\x08\0\x14"[..], b"MARKMARKMARKMARKMARK"].concat()
}

/// ERROR-CODE (section 14.8).
fn error(code: u8) -> Vec<u8> {
    vec![0, 9, 0, 4, 0, 0, 4, code]
}

#[test]
fn addresses_are_for_anyone() {
    check_datagrams(&[c(message(1, 1, &[])), s(message(0x101, 1, &[]))], &[SPEAKS, TOLD]);
    check_datagrams(&[c(message(1, 1, &signed())), s(message(0x101, 1, &[]))], &[SPEAKS, TOLD]);
    check_datagrams(&[c(message(1, 1, &[]))], &[SPEAKS, "asks Public [stun.address-asked]"]);
    // Media follows on the same ports.
    check_datagrams(
        &[c(message(1, 1, &[])), s(message(0x101, 1, &[])), c([0x80, 0x60, 0, 1])],
        &[SPEAKS, TOLD, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn relays_are_not() {
    let asked = c(message(ALLOCATE, 1, &[]));
    let tried = c(message(ALLOCATE, 2, &signed()));
    let demanded = s(message(0x113, 1, &error(1)));
    let missing = "refuses ProofMissing [stun.proof-demanded]";
    check_datagrams(
        &[asked.clone(), demanded.clone(), tried.clone(), s(message(0x103, 2, &[]))],
        &[SPEAKS, DEMANDS, missing, SIGNED, SERVED],
    );
    check_datagrams(
        &[asked.clone(), demanded, tried.clone(), s(message(0x113, 2, &error(1)))],
        &[SPEAKS, DEMANDS, missing, SIGNED, "refuses ProofWrong [stun.proof-refused]"],
    );
    check_datagrams(&[tried.clone(), s(message(0x113, 2, &error(38)))], &[SPEAKS, SIGNED, DEMANDS]);
    check_datagrams(
        &[tried.clone(), s(message(0x113, 2, &error(3)))],
        &[SPEAKS, SIGNED, "refuses NotAllowed [stun.request-refused]"],
    );
    check_datagrams(
        &[asked.clone(), s(message(0x113, 1, &error(86)))],
        &[SPEAKS, "refuses Other [stun.request-refused]"],
    );
    check_datagrams(&[asked.clone(), s(message(0x103, 1, &[]))], &[SPEAKS, SERVED]);
    check_datagrams(&[tried, s(message(0x103, 9, &[]))], &[SPEAKS, SIGNED]);
    check_datagrams(&[asked], &["hidden Unsupported [stream.one-sided]"]);
}
