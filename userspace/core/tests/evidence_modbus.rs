//! Modbus/TCP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks modbus [stream.protocol]";
const SERVED: &str = "serves Service [modbus.function-done]";
const REFUSED: &str = "refuses Other [modbus.exception]";

/// Transaction, protocol 0, length, unit 1, function and what belongs to it.
fn message(transaction: u16, pdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(pdu.len() + 1).unwrap();
    [&transaction.to_be_bytes()[..], &[0, 0], &length.to_be_bytes(), &[1], pdu].concat()
}

#[test]
fn registers_are_read_and_written_by_anybody() {
    let read = c(message(7, &[3, 0, 1, 0, 1]));
    check(&[read.clone(), s(message(7, &[3, 2, 0, 9]))], &[SPEAKS, SERVED]);
    check(&[read.clone(), s(message(7, &[0x83, 2]))], &[SPEAKS, REFUSED]);
    check(
        &[
            read.clone(),
            s(message(7, &[0x83, 2])),
            c(message(8, &[3, 0, 1, 0, 1])),
            s(message(8, &[3, 2, 0, 9])),
        ],
        &[SPEAKS, REFUSED, SERVED],
    );
    check(&[c(message(1, &[16, 0, 1, 0, 1, 2, 0, 5])), s(message(1, &[16, 0, 1, 0, 1]))], &[SPEAKS, SERVED]);
    let both = [23, 0, 1, 0, 1, 0, 1, 0, 1, 2, 0, 5];
    check(&[c(message(1, &both)), s(message(1, &[23, 2, 0, 9]))], &[SPEAKS, SERVED]);
    check(&[c(message(0, &[0, 0, 0, 0, 0])), s(message(0, &[0x80, 1]))], &[SPEAKS, REFUSED]);
    // Another transaction's answer, another function's.
    check(&[read.clone(), s(message(6, &[3, 2, 0, 9]))], &[SPEAKS]);
    check(&[read, s(message(7, &[4, 2, 0, 9]))], &[SPEAKS]);
}

#[test]
fn a_device_identifies_itself_to_anybody() {
    let asked = c(message(1, &[43, 14, 1, 0]));
    let named = s(message(1, &[43, 14, 1, 1, 0, 0, 1, 0, 1, b'x']));
    check(&[asked, named], &[SPEAKS, "serves Public [modbus.identified]"]);
}

#[test]
fn a_makers_own_function() {
    let asked = c(message(1, &[90, 0, 2]));
    check(&[asked.clone(), s(message(1, &[90, 0, 0xfe, 1]))], &[SPEAKS, SERVED]);
    check(&[asked, s(message(1, &[90, 0, 0xfd, 1]))], &[SPEAKS, REFUSED]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let read = message(7, &[3, 0, 1, 0, 1]);
    let unsupported = "hidden Unsupported [stream.unsupported]";
    check(&[c(&read), s(&message(7, &[3, 2, 0, 9])[..7])], &[unsupported]);
    // A length that is not the function's, an unknown function, another protocol's number.
    check(&[c(message(7, &[3, 0, 1])), s(message(7, &[3, 2, 0, 9]))], &[unsupported]);
    check(&[c(message(7, &[50, 0, 1, 0, 1])), s(message(7, &[50, 2, 0, 9]))], &[unsupported]);
    check(&[c([0, 7, 0, 1, 0, 6, 1, 3, 0, 1, 0, 1]), s(message(7, &[3, 2, 0, 9]))], &[unsupported]);
    check(&[c(&read), s(message(7, &[0x83, 99]))], &[unsupported]);
    check(
        &[c(&read), s(message(7, &[0x83, 2])), c(b"GET / HTTP/1.1")],
        &[SPEAKS, REFUSED, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[c(read)], &["hidden Unsupported [stream.one-sided]"]);
}
