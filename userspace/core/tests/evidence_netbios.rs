//! NetBIOS names and datagrams: byte sequences and what they show.

mod evidence_support;
use evidence_support::{c, check_datagrams, s};

const SPEAKS: &str = "speaks nbns [datagrams.protocol]";
const ASKED: &str = "asks Public [netbios.name-asked]";

/// `EMPTY` and its suffix, in letters from A to P, without a scope.
fn name() -> Vec<u8> {
    [&[0x20][..], b"EFENFAFEFJCACACACACACACACACACACA", &[0]].concat()
}

/// Header with one question or one answer, and a name (RFC 1002 section 4.2.1).
fn message(flags: u16, answers: u8) -> Vec<u8> {
    let [high, low] = flags.to_be_bytes();
    [&[0, 9, high, low, 0, 1 - answers, 0, answers, 0, 0, 0, 0][..], &name(), &[0, 0x20, 0, 1]].concat()
}

#[test]
fn names() {
    check_datagrams(
        &[c(message(0x0110, 0)), s(message(0x8580, 1)), c(message(0x0110, 0))],
        &[SPEAKS, ASKED, "serves Public [netbios.name-told]"],
    );
    check_datagrams(&[c(message(0x0110, 0))], &[SPEAKS, ASKED]);
    check_datagrams(
        &[c(message(0x2900, 0)), s(message(0xbc00, 1)), s(message(0xad80, 1))],
        &[SPEAKS, "serves Service [netbios.name-registered]"],
    );
    check_datagrams(
        &[c(message(0x2900, 0)), s(message(0xad86, 1))],
        &[SPEAKS, "refuses Other [netbios.name-refused]"],
    );
    check_datagrams(
        &[c(message(0x0110, 0)), s(message(0x8580, 1)), c(b"x")],
        &[SPEAKS, ASKED, "serves Public [netbios.name-told]", "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn datagrams() {
    let sent = [&[0x11, 2, 0, 9, 10, 0, 0, 1, 0, 138, 0, 200, 0, 0][..], &name(), &name(), b"body"].concat();
    check_datagrams(
        &[c(&sent), c(&sent)],
        &["speaks nbdgm [datagrams.protocol]", "sends one way [netbios.datagram-sent]"],
    );
    check_datagrams(&[c(&sent[..20])], &["hidden Unsupported [stream.one-sided]"]);
}
