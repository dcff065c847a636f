//! Diameter.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks diameter [stream.protocol]";
const CLAIMED: &str = "offers Claim for Connection as User \"mme.example.org\" [diameter.origin-claimed]";
const ADMITTED: &str = "serves Service [diameter.peer-admitted]";

const CAPABILITIES: u16 = 257;
const WATCHDOG: u16 = 280;
/// Update-Location of 3GPP S6a.
const UPDATE: u16 = 316;

/// Code, flags, length, content, padding.
fn avp(code: u16, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len() + 8).unwrap();
    let mut all = [&[0, 0][..], &code.to_be_bytes(), &[0x40, 0, 0, length], content].concat();
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

/// Version, length, flags, command, application, hop-by-hop and end-to-end identifiers, AVPs.
fn message(request: bool, command: u16, hop: u8, avps: &[Vec<u8>]) -> Vec<u8> {
    let avps = avps.concat();
    let length = u16::try_from(avps.len() + 20).unwrap().to_be_bytes();
    let flags = if request { 0x80 } else { 0 };
    let command = command.to_be_bytes();
    let head = [1, 0, length[0], length[1], flags, 0, command[0], command[1], 0, 0, 0, 0];
    [&head[..], &[0, 0, 0, hop, 0, 0, 0, hop], &avps].concat()
}

fn hello() -> Turn {
    c(message(true, CAPABILITIES, 1, &[avp(264, b"mme.example.org"), avp(296, b"example.org")]))
}

fn result(command: u16, hop: u8, code: u16) -> Turn {
    let code = [&[0, 0][..], &code.to_be_bytes()].concat();
    s(message(false, command, hop, &[avp(268, &code), avp(264, b"hss.example.org")]))
}

#[test]
fn a_peer_is_taken_on_its_word() {
    check(&[hello(), result(CAPABILITIES, 1, 2001)], &[SPEAKS, CLAIMED, ADMITTED]);
    check(
        &[hello(), result(CAPABILITIES, 1, 3010)],
        &[SPEAKS, CLAIMED, "refuses NotAllowed [diameter.peer-refused]"],
    );
    check(&[hello()], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn what_is_asked_afterwards() {
    let asked = |command, hop| c(message(true, command, hop, &[avp(264, b"mme.example.org")]));
    let experimental = avp(297, &[avp(266, &[0, 0, 0x28, 0xaf]), avp(298, &[0, 0, 0x13, 0x89])].concat());
    let turns = [
        hello(),
        result(CAPABILITIES, 1, 2001),
        asked(WATCHDOG, 2),
        result(WATCHDOG, 2, 2001),
        asked(UPDATE, 3),
        // The receiver asks as well; what it is answered is the other way around.
        s(message(true, WATCHDOG, 9, &[])),
        c(message(false, WATCHDOG, 9, &[avp(268, &[0, 0, 7, 0xd1])])),
        asked(UPDATE, 4),
        result(UPDATE, 4, 2001),
        s(message(false, UPDATE, 3, &[experimental])),
    ];
    let expect = [
        SPEAKS,
        CLAIMED,
        ADMITTED,
        "serves Public [diameter.watchdog-answered]",
        "serves Service [diameter.request-served]",
        "refuses Other [diameter.request-failed]",
    ];
    check(&turns, &expect);
}

#[test]
fn tls_may_follow_the_capabilities() {
    let agreed = s(message(false, CAPABILITIES, 1, &[avp(268, &[0, 0, 7, 0xd1]), avp(299, &[0, 0, 0, 1])]));
    let turns = [hello(), agreed, c(b"\x16\x03\x01\0\x05\x01\0\0\x01x"), s(b"no TLS")];
    check(
        &turns,
        &[SPEAKS, CLAIMED, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
}

#[test]
fn what_is_not_diameter_is_not_recognised() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    check(&[hello(), s(message(true, CAPABILITIES, 1, &[]))], &unknown);
    check(&[c(message(true, UPDATE, 1, &[])), result(UPDATE, 1, 2001)], &unknown);
}
