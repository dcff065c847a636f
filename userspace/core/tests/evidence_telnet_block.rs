//! Telnet's terminals of blocks (3270, 5250): byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks telnet [stream.protocol]";
const SCREENS: &str = "hidden Unsupported [telnet.block-terminal]";

/// `IAC SB option ... IAC SE`.
fn sub(option: u8, content: &[u8]) -> Vec<u8> {
    [&[255, 250, option][..], content, &[255, 240]].concat()
}

/// DO TERMINAL-TYPE, WILL TERMINAL-TYPE, SEND, IS.
fn terminal(name: &str) -> Vec<Turn> {
    vec![
        s([255, 253, 24]),
        c([255, 251, 24]),
        s(sub(24, &[1])),
        c(sub(24, &[&[0], name.as_bytes()].concat())),
    ]
}

/// A record of type 12A0h with a code in EBCDIC, and the end of record.
fn response(code: [u8; 4]) -> Turn {
    let head = [0, 0x49, 0x12, 0xa0, 0x90, 0, 5, 0x60, 6, 0, 0x20, 0xc0, 0, 0x3d, 0, 0];
    s([&head[..], &code, &[0x40; 53], &[255, 239]].concat())
}

const I902: [u8; 4] = [0xc9, 0xf9, 0xf0, 0xf2];
const I906: [u8; 4] = [0xc9, 0xf9, 0xf0, 0xf6];
const F8936: [u8; 4] = [0xf8, 0xf9, 0xf3, 0xf6];

#[test]
fn screens_of_a_mainframe_are_not_read() {
    let with = |turns: &[Turn]| [&terminal("IBM-3278-2-E")[..], turns].concat();
    check(&with(&[s([0xf5, 0xc3, 0x11, 0x40]), c([0x7d, 0x40])]), &[SPEAKS, SCREENS]);
    check(&with(&[]), &[SPEAKS]);
}

#[test]
fn a_device_is_named_and_may_be_refused() {
    let asked = c(sub(40, b"\x02\x07IBM-3278-2\x01LU0001"));
    let named = "offers Claim for Connection as User \"LU0001\" [telnet.device-named]";
    let begun = [s([255, 253, 40]), c([255, 251, 40]), s(sub(40, &[8, 2])), asked];
    check(
        &[&begun[..], &[s(sub(40, b"\x02\x04IBM-3278-2\x01LU0001")), s([0, 0, 0, 0, 0, 0xf5])]].concat(),
        &[SPEAKS, named, SCREENS],
    );
    check(
        &[&begun[..], &[s(sub(40, &[2, 6, 5, 1]))]].concat(),
        &[SPEAKS, named, "refuses Other [telnet.device-refused]"],
    );
}

#[test]
fn an_automatic_sign_on() {
    let variables = |seed: &[u8]| {
        let parts = [&[0, 0][..], b"USER\x01EVE", b"\x03IBMRSEED", seed, b"\x01", b"\x03IBMSUBSPW\x01MARK12"];
        c(sub(39, &parts.concat()))
    };
    let with = |turns: &[Turn]| [&terminal("IBM-3179-2")[..], turns].concat();
    let clear = "offers Secret for Connection as User \"EVE\" by Password in clear with fingerprint [telnet.automatic-sign-on]";
    let started = ["accepts [telnet.session-started]", "serves Service [telnet.session-started]"];
    let turns = with(&[variables(b""), response(I902)]);
    check(&turns, &[SPEAKS, clear, started[0], started[1]]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[variables(&[7; 8]), response(I902)]),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"EVE\" by Password [telnet.automatic-sign-on]",
            started[0],
            started[1],
        ],
    );
    check(
        &with(&[variables(b""), response(F8936)]),
        &[SPEAKS, clear, "refuses ProofWrong [telnet.sign-on-failed]"],
    );
    // A sign-on screen follows.
    check(&with(&[variables(b""), response(I906), s([0x40; 60])]), &[SPEAKS, clear, SCREENS]);
    // Nobody signed on: the screen that follows asks.
    check(&with(&[response(I902)]), &[SPEAKS, SCREENS]);
}
