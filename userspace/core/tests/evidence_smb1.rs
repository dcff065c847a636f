//! SMB 1 and NetBIOS sessions: byte sequences and what they show.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test ends where it fails"
)]

mod evidence_smb_parts;
mod evidence_support;
use evidence_smb_parts::*;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS_1: &str = "speaks smb1 [stream.protocol]";
const SHARE: &str = "serves Service [smb.share-opened]";

// Version 1 (MS-CIFS 2.2.3.1).

fn old(command: u8, reply: bool, status: u32, session: u16, id: u16, blocks: &[u8]) -> Vec<u8> {
    let mut out = b"\xffSMB".to_vec();
    out.push(command);
    out.extend(status.to_le_bytes());
    out.push(if reply { 0x88 } else { 8 });
    out.extend(0x4000_u16.to_le_bytes());
    out.extend([0; 14]);
    out.extend(9_u16.to_le_bytes());
    out.extend(session.to_le_bytes());
    out.extend(id.to_le_bytes());
    out.extend_from_slice(blocks);
    out
}

/// Words and bytes behind their counts.
fn block(words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let count = (bytes.len() as u16).to_le_bytes();
    [&[(words.len() / 2) as u8], words, &count, bytes].concat()
}

const NO_ANDX: [u8; 4] = [0xff, 0, 0, 0];

/// NEGOTIATE and its response with this security mode.
fn negotiated_1(mode: u8) -> [Turn; 2] {
    let mut words = vec![0, 0, mode];
    words.resize(34, 0);
    [
        c(frame(&old(0x72, false, 0, 0, 1, &block(&[], b"\x02NT LM 0.12\0")))),
        s(frame(&old(0x72, true, OK, 0, 1, &block(&words, b"challeng")))),
    ]
}

/// SESSION_SETUP_ANDX with 13 words: passwords and an account.
fn account(id: u16, password: &[u8], answer: &[u8], name: &str) -> Turn {
    let mut words = NO_ANDX.to_vec();
    words.extend([0; 10]);
    words.extend((password.len() as u16).to_le_bytes());
    words.extend((answer.len() as u16).to_le_bytes());
    words.extend([0; 8]);
    let bytes = [password, answer, name.as_bytes(), b"\0DOMAIN\0"].concat();
    c(frame(&old(0x73, false, 0, 0, id, &block(&words, &bytes))))
}

/// SESSION_SETUP_ANDX with 12 words: a token.
fn token(id: u16, session: u16, token: &[u8]) -> Turn {
    let mut words = NO_ANDX.to_vec();
    words.extend([0; 10]);
    words.extend((token.len() as u16).to_le_bytes());
    words.extend([0; 8]);
    c(frame(&old(0x73, false, 0, session, id, &block(&words, token))))
}

fn set_up_1(id: u16, session: u16, status: u32, guest: u8) -> Turn {
    let words = [NO_ANDX.as_slice(), &[guest, 0]].concat();
    let body = if status == OK || status == MORE { block(&words, b"Unix\0") } else { block(&[], b"") };
    s(frame(&old(0x73, true, status, session, id, &body)))
}

fn tree_1(id: u16, session: u16, password: &[u8], path: &str) -> Turn {
    let words = [NO_ANDX.as_slice(), &[0, 0], &(password.len() as u16).to_le_bytes()].concat();
    let bytes = [password, path.as_bytes(), b"\0?????\0"].concat();
    c(frame(&old(0x75, false, 0, session, id, &block(&words, &bytes))))
}

fn connected_1(id: u16, session: u16, status: u32, service: &str) -> Turn {
    let body = if status == OK { block(&[0xff, 0, 0, 0, 0, 0], service.as_bytes()) } else { block(&[], b"") };
    s(frame(&old(0x75, true, status, session, id, &body)))
}

fn one(mode: u8, turns: &[Turn]) -> Vec<Turn> {
    [negotiated_1(mode).as_slice(), turns].concat()
}

#[test]
fn accounts_in_version_1() {
    let bob = account(2, &[1; 24], &[2; 24], "bob");
    check(
        &one(
            3,
            &[
                bob.clone(),
                set_up_1(2, 5, OK, 0),
                tree_1(3, 5, b"\0", "\\\\A\\IPC$"),
                connected_1(3, 5, OK, "IPC\0"),
            ],
        ),
        &[SPEAKS_1, DEMANDS, ANSWERED, ACCEPTED, OPENED],
    );
    check(
        &one(
            3,
            &[
                bob.clone(),
                set_up_1(2, 5, OK, 1),
                tree_1(3, 5, b"\0", "\\\\A\\C"),
                connected_1(3, 5, OK, "A:\0"),
            ],
        ),
        &[SPEAKS_1, DEMANDS, ANSWERED, GUEST, PUBLIC, SERVED],
    );
    check(&one(3, &[bob.clone(), set_up_1(2, 5, LOGON_FAILURE, 0)]), &[SPEAKS_1, DEMANDS, ANSWERED, WRONG]);
    check(&one(3, &[bob]), &[SPEAKS_1, ANSWERED]);
    // No challenge: the password stands there as it is.
    let turns = one(1, &[account(2, b"MARK\0", b"", "bob"), set_up_1(2, 5, OK, 0)]);
    let clear = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [smb.password-sent]";
    check(&turns, &[SPEAKS_1, DEMANDS, clear, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &one(3, &[account(2, b"\0", b"", ""), set_up_1(2, 5, OK, 0)]),
        &[SPEAKS_1, DEMANDS, NOBODY, PUBLIC],
    );
    check(
        &one(3, &[account(2, b"\0", b"", "anonymous"), set_up_1(2, 5, OK, 0)]),
        &[SPEAKS_1, DEMANDS, "offers Claim for Connection as User \"anonymous\" [smb.nobody-named]", PUBLIC],
    );
}

#[test]
fn tokens_in_version_1() {
    check(
        &one(
            3,
            &[
                token(2, 0, NTLM_FIRST),
                set_up_1(2, 5, MORE, 0),
                token(3, 5, &ntlm("bob")),
                set_up_1(3, 5, OK, 0),
            ],
        ),
        &[SPEAKS_1, DEMANDS, ANSWERED, ACCEPTED, OPENED],
    );
    check(
        &one(3, &[token(2, 0, AP_REQ), set_up_1(2, 5, OK, 0)]),
        &[SPEAKS_1, DEMANDS_KEY, TICKET, ACCEPTED, OPENED],
    );
}

#[test]
fn a_chain_of_set_up_and_connect() {
    let mut words = NO_ANDX.to_vec();
    words.extend([0; 10]);
    words.extend([1, 0, 0, 0]);
    words.extend([0; 8]);
    let mut first = block(&words, b"\0\0DOMAIN\0");
    words.clear();
    first[1] = 0x75;
    first[3] = (32 + first.len()) as u8;
    let second = block(&[0xff, 0, 0, 0, 0, 0, 1, 0], b"\0\\\\A\\C\0?????\0");
    let asked = c(frame(&old(0x73, false, 0, 0, 2, &[first, second].concat())));
    let answer = |status: u32, guest: u8| {
        let mut first = block(&[0x75, 0, 0, 0, guest, 0], b"Unix\0");
        first[3] = (32 + first.len()) as u8;
        let second = if status == OK { block(&[0xff, 0, 0, 0, 0, 0], b"A:\0") } else { block(&[], b"") };
        s(frame(&old(0x73, true, status, 5, 2, &[first, second].concat())))
    };
    check(&one(3, &[asked.clone(), answer(OK, 0)]), &[SPEAKS_1, DEMANDS, NOBODY, PUBLIC, SERVED]);
    check(
        &one(3, &[asked, answer(DENIED, 0)]),
        &[SPEAKS_1, DEMANDS, NOBODY, PUBLIC, "refuses ProofMissing [smb.proof-missing]"],
    );
}

#[test]
fn passwords_by_share() {
    let session = [account(2, b"\0", b"", "BOB"), set_up_1(2, 5, OK, 0)];
    let share = |mode: u8, password: &[u8], status: u32, service: &str| {
        let asked = tree_1(3, 5, password, "\\\\A\\C");
        one(mode, &[session.as_slice(), &[asked, connected_1(3, 5, status, service)]].concat())
    };
    let clear = "offers Secret for Connection by Password in clear with fingerprint [smb.password-sent]";
    check(&share(0, b"MARK\0", OK, "A:\0"), &[SPEAKS_1, clear, ACCEPTED, SHARE]);
    check(&share(0, b"MARK\0", 0xc000_006a, ""), &[SPEAKS_1, clear, WRONG]);
    let nobody = "offers Claim for Connection [smb.nobody-named]";
    check(&share(0, b"\0", OK, "A:\0"), &[SPEAKS_1, nobody, SHARE]);
    check(&share(0, b"\0", OK, "IPC\0"), &[SPEAKS_1, nobody, PUBLIC]);
    check(&share(0, b"\0", DENIED, ""), &[SPEAKS_1, nobody, "refuses ProofMissing [smb.proof-missing]"]);
    check(
        &share(2, &[7; 24], OK, "A:\0"),
        &[SPEAKS_1, "offers Secret for Connection by Password [smb.challenge-answered]", ACCEPTED, SHARE],
    );
}

#[test]
fn netbios_sessions() {
    let mut call = vec![0x81, 0, 0, 68];
    for _ in 0..2 {
        call.push(0x20);
        call.extend([b'C'; 32]);
        call.push(0);
    }
    let rest = one(3, &[account(2, &[1; 24], &[2; 24], "bob"), set_up_1(2, 5, OK, 0)]);
    let open = [&[c(&call), s([0x82, 0, 0, 0])], rest.as_slice(), &[c([0x85, 0, 0, 0])]].concat();
    check(&open, &[SPEAKS_1, DEMANDS, ANSWERED, ACCEPTED, OPENED]);
    check(&[c(&call), s([0x83, 0, 0, 1, 0x82])], &[SPEAKS_1, "refuses Other [smb.netbios-name-refused]"]);
    check(&[c(&call), s([0x82, 0, 0, 0])], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c(b"\0\0\0\x20\xffSMX"), s(b"x")], &["hidden Unsupported [stream.unsupported]"]);
    // A call of version 1 that is answered in version 2.
    let [called, _] = negotiated_1(3);
    let [_, answered] = negotiated();
    check(&[called, answered], &[SPEAKS_2]);
}
