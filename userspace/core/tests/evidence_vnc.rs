//! RFB (VNC): byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks vnc [stream.protocol]";
const DEMANDS: &str = "demands Secret [vnc.challenge-sent]";
const ANSWERED: &str = "offers Secret for Connection by Password [vnc.challenge-answered]";
const SHOWN: &str = "serves Service [vnc.screen-shown]";
const SESSION: [&str; 2] = ["accepts [vnc.proof-accepted]", "serves Service [vnc.session-opened]"];

fn versions(receiver: u8, caller: u8) -> Vec<Turn> {
    vec![s(format!("RFB 003.00{receiver}\n")), c(format!("RFB 003.00{caller}\n"))]
}

fn after(receiver: u8, caller: u8, turns: &[Turn]) -> Vec<Turn> {
    let mut all = versions(receiver, caller);
    all.extend_from_slice(turns);
    all
}

#[test]
fn a_screen_without_a_password() {
    let start = s([0; 30]);
    check(&after(8, 8, &[s([1, 1]), c([1]), s([0; 4]), c([1]), start.clone()]), &[SPEAKS, SHOWN]);
    check(&after(7, 8, &[s([1, 1]), c([1]), c([1]), start.clone()]), &[SPEAKS, SHOWN]);
    check(&after(8, 3, &[s([0, 0, 0, 1]), c([1]), start]), &[SPEAKS, SHOWN]);
    check(&after(8, 8, &[s([1, 1]), c([1]), s([0; 4]), c([1]), s([0; 20])]), &[SPEAKS]);
}

#[test]
fn a_challenge_answered() {
    for code in 0..3_u8 {
        let turns = [s([2, 2, 16]), c([2]), s([7; 16]), c([8; 16]), s([0, 0, 0, code])];
        let mut expect = vec![SPEAKS, DEMANDS, ANSWERED];
        match code {
            0 => expect.extend(SESSION),
            1 => expect.push("refuses ProofWrong [vnc.proof-refused]"),
            _ => expect.push("refuses Other [vnc.proof-refused]"),
        }
        check(&after(8, 8, &turns), &expect);
    }
    let old = [s([0, 0, 0, 2]), s([7; 16]), c([8; 16]), s([0; 4])];
    check(&after(3, 3, &old), &[SPEAKS, DEMANDS, ANSWERED, SESSION[0], SESSION[1]]);
    check(&after(3, 3, &old[..3]), &[SPEAKS, DEMANDS, ANSWERED]);
    // Where None was open too, the challenge was the caller's choice.
    let open = [s([2, 1, 2]), c([2]), s([7; 16]), c([8; 16]), s([0; 4])];
    check(&after(8, 8, &open), &[SPEAKS, ANSWERED, SESSION[0], SESSION[1]]);
}

#[test]
fn other_security_types() {
    check(
        &after(8, 8, &[s([1, 5]), c([5]), s([9; 40])]),
        &[SPEAKS, "hidden Encrypted [vnc.encrypted-security]"],
    );
    check(&after(8, 8, &[s([0, 0, 0, 0, 1, 88])]), &[SPEAKS, "refuses Other [vnc.refused]"]);
    let ven = |kind: u8, rest: &[Turn]| {
        let mut turns =
            vec![s([1, 19]), c([19]), s([0, 2]), c([0, 2]), s([0, 1, 0, 0, 1, kind]), c([0, 0, 1, kind])];
        turns.extend_from_slice(rest);
        after(8, 8, &turns)
    };
    check(
        &ven(2, &[s([1]), c("plain text, no TLS"), s("nor this")]),
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(
        &ven(0, &[c(b"\0\0\0\x05\0\0\0\x06aliceMARK05"), s([0; 4])]),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [vnc.password-sent]",
            SESSION[0],
            SESSION[1],
        ],
    );
}

/// Number of capabilities, then each: code, vendor, name.
fn capabilities(codes: &[u8]) -> Turn {
    let mut bytes = vec![0, 0, 0, u8::try_from(codes.len()).unwrap()];
    for code in codes {
        bytes.extend([0, 0, 0, *code]);
        bytes.extend(b"TGHTNAME____");
    }
    s(bytes)
}

#[test]
fn the_types_of_tight() {
    let tight = |rest: &[Turn]| after(8, 8, &[&[s([1, 16]), c([16])][..], rest].concat());
    let screen = [s([0; 4]), c([1]), s([0; 24])];
    // Nothing is asked for: an empty list, or None chosen.
    check(&tight(&[&[s([0; 4]), s([0; 4])][..], &screen].concat()), &[SPEAKS, SHOWN]);
    let none = [capabilities(&[0]), c([0; 4]), capabilities(&[1, 2]), c([0, 0, 0, 1])];
    check(&tight(&[&none[..], &screen].concat()), &[SPEAKS, SHOWN]);
    let challenge = [s([0; 4]), capabilities(&[2]), c([0, 0, 0, 2]), s([7; 16]), c([8; 16])];
    check(
        &tight(&[&challenge[..], &[s([0; 4])]].concat()),
        &[SPEAKS, DEMANDS, ANSWERED, SESSION[0], SESSION[1]],
    );
    check(
        &tight(&[&challenge[..], &[s([0, 0, 0, 1])]].concat()),
        &[SPEAKS, DEMANDS, ANSWERED, "refuses ProofWrong [vnc.proof-refused]"],
    );
    let login = c(b"\0\0\0\x05\0\0\0\x06aliceMARK05");
    check(
        &tight(&[s([0; 4]), capabilities(&[129]), c([0, 0, 0, 129]), login, s([0; 4])]),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [vnc.password-sent]",
            SESSION[0],
            SESSION[1],
        ],
    );
    check(
        &tight(&[capabilities(&[1]), c([0, 0, 0, 1])]),
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn passwords_under_an_agreed_key() {
    let sealed = "offers Secret for Connection by Password [vnc.protected-password-sent]";
    // Generator, length of the key, prime and public key; then 128 bytes and the caller's public key.
    let apple = [s([1, 30]), c([30]), s([&[0, 2, 0, 16][..], &[9; 32]].concat()), c([7; 144])];
    check(&after(8, 8, &[&apple[..], &[s([0; 4])]].concat()), &[SPEAKS, sealed, SESSION[0], SESSION[1]]);
    check(
        &after(8, 8, &[&apple[..], &[s([0, 0, 0, 1])]].concat()),
        &[SPEAKS, sealed, "refuses ProofWrong [vnc.proof-refused]"],
    );
    check(&after(8, 8, &apple), &[SPEAKS, sealed]);
    let ultra = [s([1, 113]), c([113]), s([9; 24]), c([7; 328]), s([0; 4])];
    check(&after(8, 8, &ultra), &[SPEAKS, sealed, SESSION[0], SESSION[1]]);
}
