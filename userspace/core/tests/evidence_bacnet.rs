//! BACnet/IP: datagrams and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check_datagrams, observe_datagrams, s};

const SPEAKS: &str = "speaks bacnet [datagrams.protocol]";
const SERVED: &str = "serves Service [bacnet.service-done]";
const OFFERED: &str =
    "offers Secret for Request by Password in clear with fingerprint [bacnet.password-sent]";

/// Type, function, length of it all.
fn bvlc(function: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len() + 4).unwrap();
    [&[0x81, function], &length.to_be_bytes()[..], rest].concat()
}

/// To one device, NPDU version 1, a reply expected.
fn unicast(apdu: &[u8]) -> Vec<u8> {
    bvlc(0x0a, &[&[1, 4], apdu].concat())
}

/// Confirmed request: no segments, 1476 bytes at most, invoke id 1, ReadProperty of an analog input's value.
fn read_property() -> Vec<u8> {
    unicast(&[0, 5, 1, 12, 0x0c, 0, 0, 0, 1, 0x19, 0x55])
}

/// ReinitializeDevice: `[0]` coldstart, `[1]` a character string in UTF-8.
fn restart(password: &str) -> Vec<u8> {
    let text = [&[0_u8], password.as_bytes()].concat();
    let tag = if password.is_empty() { vec![] } else { vec![0x1d, u8::try_from(text.len()).unwrap()] };
    let text = if password.is_empty() { vec![] } else { text };
    unicast(&[&[0, 5, 2, 20, 0x09, 0], &tag[..], &text].concat())
}

#[test]
fn objects_are_read_by_anybody() {
    let ack = s(unicast(&[0x30, 1, 12, 0x0c, 0, 0, 0, 1, 0x19, 0x55, 0x3e, 0x44, 0, 0, 0, 0, 0x3f]));
    check_datagrams(&[c(read_property()), ack.clone(), c(read_property()), ack.clone()], &[SPEAKS, SERVED]);
    check_datagrams(&[c(read_property()), s(unicast(&[0x20, 1, 15]))], &[SPEAKS, SERVED]);
    let refused = "refuses Other [bacnet.service-refused]";
    check_datagrams(&[c(read_property()), s(unicast(&[0x50, 1, 12, 0x91, 2, 0x91, 32]))], &[SPEAKS, refused]);
    check_datagrams(&[c(read_property()), s(unicast(&[0x60, 1, 9]))], &[SPEAKS, refused]);
    check_datagrams(&[c(read_property()), s(unicast(&[0x71, 1, 4]))], &[SPEAKS, refused]);
    // Through a router: destination and source networks, hops.
    let routed = bvlc(0x0a, &[1, 0x2c, 0, 5, 1, 7, 0, 6, 1, 8, 0xff, 0, 5, 1, 12, 0x0c, 0, 0, 0, 1]);
    check_datagrams(&[c(routed), ack], &[SPEAKS, SERVED]);
}

#[test]
fn announcements_and_what_is_never_answered() {
    let discovery = "serves Public [bacnet.discovery]";
    let who_is = bvlc(0x0b, &[1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 8]);
    check_datagrams(&[c(&who_is), c(&who_is)], &[SPEAKS, discovery]);
    check_datagrams(&[c(&who_is), s(unicast(&[0x10, 0, 0xc4, 2, 0, 0, 1]))], &[SPEAKS, discovery]);
    let forwarded =
        [&[192, 168, 0, 1, 0xba, 0xc0, 1, 0x20, 0xff, 0xff, 0, 0xff, 0x10, 0][..], &[0xc4]].concat();
    check_datagrams(&[c(bvlc(4, &forwarded))], &[SPEAKS, discovery]);
    // A change of value.
    check_datagrams(&[c(unicast(&[0x10, 2, 9, 1]))], &[SPEAKS, "sends one way [bacnet.unconfirmed]"]);
}

#[test]
fn registering_for_broadcasts() {
    let asked = c(bvlc(5, &[0, 60]));
    check_datagrams(
        &[asked.clone(), s(bvlc(0, &[0, 0]))],
        &[SPEAKS, "serves Service [bacnet.broadcast-management]"],
    );
    check_datagrams(&[asked, s(bvlc(0, &[0, 0x30]))], &[SPEAKS, "refuses Other [bacnet.service-refused]"]);
    check_datagrams(
        &[c(bvlc(2, b"")), s(bvlc(3, &[10, 0, 0, 1, 0xba, 0xc0, 255, 255, 255, 255]))],
        &[SPEAKS, "serves Service [bacnet.broadcast-management]"],
    );
}

#[test]
fn a_restart_may_need_a_password() {
    let done = s(unicast(&[0x20, 2, 20]));
    let failure = s(unicast(&[0x50, 2, 20, 0x91, 4, 0x91, 26]));
    let turns = [c(restart("MARK1")), done.clone()];
    check_datagrams(&turns, &[SPEAKS, OFFERED, SERVED]);
    assert!(!format!("{:?}", observe_datagrams(&turns)).contains("MARK"));
    check_datagrams(
        &[c(restart("MARK1")), failure.clone()],
        &[SPEAKS, OFFERED, "refuses ProofWrong [bacnet.password-failure]"],
    );
    check_datagrams(&[c(restart("")), failure], &[SPEAKS, "refuses ProofMissing [bacnet.password-failure]"]);
    check_datagrams(&[c(restart("")), done], &[SPEAKS, SERVED]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let unsupported = "hidden Unsupported [stream.unsupported]";
    let one_sided = "hidden Unsupported [stream.one-sided]";
    check_datagrams(&[c(&read_property()[..9]), s(read_property())], &[unsupported]);
    check_datagrams(&[c(bvlc(0x0a, &[2, 4, 0x10, 8]))], &[one_sided]);
    check_datagrams(&[c(bvlc(0x20, &[1, 4, 0x10, 8]))], &[one_sided]);
    check_datagrams(&[c(read_property())], &[one_sided]);
    check_datagrams(&[c(read_property()), s(read_property()), s(b"x")], &[SPEAKS]);
}
