//! EtherNet/IP over TCP and UDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, s};

const SPEAKS: &str = "speaks enip [stream.protocol]";
const OPENED: &str = "serves Public [enip.session-registered]";
const SERVED: &str = "serves Service [enip.request-served]";

/// Command, length, session 1, status, context, options.
fn message(command: u8, status: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_le_bytes();
    [&[command, 0][..], &length, &[1, 0, 0, 0, status, 0, 0, 0], &[9; 8], &[0; 4], body].concat()
}

/// Interface 0, time-out, two items: no address, and an unconnected message.
fn unconnected(cip: &[u8]) -> Vec<u8> {
    let length = u16::try_from(cip.len()).unwrap().to_le_bytes();
    message(0x6f, 0, &[&[0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0][..], &length, cip].concat())
}

/// A connection's address, and a message with its sequence count.
fn connected(cip: &[u8]) -> Vec<u8> {
    let length = u16::try_from(cip.len() + 2).unwrap().to_le_bytes();
    let items = [&[0, 0, 0, 0, 0, 0, 2, 0, 0xa1, 0, 4, 0, 1, 2, 3, 4, 0xb1, 0][..], &length, &[1, 0], cip];
    message(0x70, 0, &items.concat())
}

/// Get_Attribute_Single of class 8Bh, instance 1, attribute 5.
const ASKS: &[u8] = &[0x0e, 3, 0x20, 0x8b, 0x24, 1, 0x30, 5];

fn with(turns: &[Turn]) -> Vec<Turn> {
    [&[c(message(0x65, 0, &[1, 0, 0, 0])), s(message(0x65, 0, &[1, 0, 0, 0]))], turns].concat()
}

#[test]
fn objects_are_read_and_written_by_anybody() {
    check(&with(&[c(unconnected(ASKS)), s(unconnected(&[0x8e, 0, 0, 0, 7, 0]))]), &[SPEAKS, OPENED, SERVED]);
    check(&[c(connected(ASKS)), s(connected(&[0x8e, 0, 0, 0, 7, 0]))], &[SPEAKS, SERVED]);
    let refused = "refuses Other [enip.request-refused]";
    check(&with(&[c(unconnected(ASKS)), s(unconnected(&[0x8e, 0, 8, 0]))]), &[SPEAKS, OPENED, refused]);
    check(
        &with(&[c(unconnected(ASKS)), s(unconnected(&[0x8e, 0, 0x0f, 0]))]),
        &[SPEAKS, OPENED, "refuses NotAllowed [enip.privilege-violation]"],
    );
    check(&[c(message(0x65, 0, &[1, 0, 0, 0])), s(message(0x65, 0x69, &[1, 0, 0, 0]))], &[SPEAKS, refused]);
}

#[test]
fn a_device_identifies_itself_to_anybody() {
    let identified = "serves Public [enip.identified]";
    let (asked, told) = (c(message(0x63, 0, b"")), s(message(0x63, 0, &[1, 0, 0x0c, 0, 0, 0])));
    check(&[asked.clone(), told.clone()], &[SPEAKS, identified]);
    let speaks = "speaks enip [datagrams.protocol]";
    check_datagrams(&[asked, told], &[speaks, identified]);
    check_datagrams(&[c(message(0x63, 0, b""))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&with(&[c(unconnected(ASKS)), s(&unconnected(&[0x8e, 0, 0, 0])[..30])]), &[SPEAKS, OPENED]);
    check(&with(&[c(unconnected(ASKS)), s([0xff; 30])]), &[SPEAKS, OPENED, lost]);
    check(&with(&[c(unconnected(ASKS)), s(message(0x6f, 0, &[0; 8]))]), &[SPEAKS, OPENED]);
    let unsupported = "hidden Unsupported [stream.unsupported]";
    check(&[c(message(0x65, 0, &[1, 0])), s(message(0x65, 0, &[1, 0]))], &[unsupported]);
    check(&[c(message(0x65, 1, &[1, 0, 0, 0])), s(message(0x65, 0, &[1, 0, 0, 0]))], &[unsupported]);
    check(&[c(message(0x99, 0, b"")), s(message(0x99, 0, b""))], &[unsupported]);
}
