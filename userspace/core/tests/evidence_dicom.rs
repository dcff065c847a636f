//! DICOM: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks dicom [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"SCANNER\" [dicom.title-claimed]";
const OPENED: &str = "serves Service [dicom.association-accepted]";

/// Type, reserved, length, body.
fn unit(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// Version 1, titles, reserved, then the application context and user information.
fn associate(kind: u8, information: &[u8]) -> Vec<u8> {
    let titles = [&b"\0\x01\0\0ARCHIVE         SCANNER         "[..], &[0; 32]].concat();
    unit(
        kind,
        &[titles, item(0x10, b"1.2"), item(0x50, &[item(0x51, &[0; 4]), information.to_vec()].concat())]
            .concat(),
    )
}

/// User identity: kind, answer wanted, two fields.
fn identity(kind: u8, first: &[u8], second: &[u8]) -> Turn {
    let sized = |field: &[u8]| [&u16::try_from(field.len()).unwrap().to_be_bytes()[..], field].concat();
    c(associate(1, &item(0x58, &[vec![kind, 1], sized(first), sized(second)].concat())))
}

#[test]
fn titles() {
    check(&[c(associate(1, b"")), s(associate(2, b""))], &[SPEAKS, NAMED, OPENED]);
    let refusals = [
        (unit(3, &[0, 1, 1, 3]), "refuses NotAllowed [dicom.title-refused]"),
        (unit(3, &[0, 1, 1, 7]), "refuses Other [dicom.association-refused]"),
        (unit(7, &[0, 0, 0, 0]), "refuses Other [dicom.association-refused]"),
    ];
    for (answer, shown) in refusals {
        check(&[c(associate(1, b"")), s(answer)], &[SPEAKS, NAMED, shown]);
    }
}

#[test]
fn identities() {
    let accepted = "accepts [dicom.identity-accepted]";
    let answered = || s(associate(2, &item(0x59, &[0, 0])));
    let password = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [dicom.password-sent]";
    check(&[identity(2, b"bob", b"MARK1"), answered()], &[SPEAKS, NAMED, password, accepted, OPENED]);
    check(
        &[identity(2, b"bob", b"MARK1"), s(associate(2, b""))],
        &[SPEAKS, NAMED, password, "ignores [dicom.identity-ignored]", OPENED],
    );
    check(
        &[identity(1, b"bob", b""), answered()],
        &[SPEAKS, NAMED, "offers Claim for Connection as User \"bob\" [dicom.title-claimed]", OPENED],
    );
    let others = [
        (3, "offers Key for Connection by Ticket [dicom.ticket-sent]"),
        (4, "offers Secret for Connection by Bearer in clear with fingerprint [dicom.token-sent]"),
        (5, "offers Secret for Connection by Bearer in clear with fingerprint [dicom.token-sent]"),
    ];
    for (kind, shown) in others {
        check(&[identity(kind, b"MARK", b""), answered()], &[SPEAKS, NAMED, shown, accepted, OPENED]);
    }
}

#[test]
fn cut_and_wrong() {
    check(&[c(associate(1, b"")), s(b"\x02\0\0\0\x01\0\0")], &[SPEAKS, NAMED]);
    check(
        &[c(b"\x01\0\0\0\0\x10\0\x01\0\0ABCDEFGH"), s(b"\x02\0\0\0")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[c(associate(1, b"")), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
