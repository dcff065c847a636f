//! SMB: byte sequences and what they show.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test ends where it fails"
)]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS_1: &str = "speaks smb1 [stream.protocol]";
const SPEAKS_2: &str = "speaks smb2 [stream.protocol]";
const DEMANDS: &str = "demands Secret [smb.user-level]";
const DEMANDS_KEY: &str = "demands Key [smb.user-level]";
const ANSWERED: &str = "offers Secret for Connection as User \"bob\" by Password [smb.challenge-answered]";
const TICKET: &str = "offers Key for Connection by Ticket [smb.ticket-sent]";
const NOBODY: &str = "offers Claim for Connection [smb.nobody-named]";
const GUEST: &str = "ignores [smb.guest]";
const ACCEPTED: &str = "accepts [smb.proof-accepted]";
const OPENED: &str = "serves Service [smb.session-opened]";
const PUBLIC: &str = "serves Public [smb.session-for-nobody]";
const SERVED: &str = "serves Service [smb.served-without-proof]";
const SHARE: &str = "serves Service [smb.share-opened]";
const WRONG: &str = "refuses ProofWrong [smb.proof-refused]";

const OK: u32 = 0;
const MORE: u32 = 0xc000_0016;
const LOGON_FAILURE: u32 = 0xc000_006d;
const DENIED: u32 = 0xc000_0022;

/// The frame of a NetBIOS session, or of TCP alone.
fn frame(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes(), message].concat()
}

/// NTLM's third message with a session answer of 24 bytes, or an empty one for no name (MS-NLMP 2.2.1.3).
fn ntlm(user: &str) -> Vec<u8> {
    let name: Vec<u8> = user.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let answer: &[u8] = if user.is_empty() { b"" } else { b"MARKMARKMARKMARKMARKMARK" };
    let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut at = 64_u32;
    for part in [b"", answer, b"", name.as_slice(), b"", b""] {
        let length = part.len() as u16;
        out.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        out.extend(at.to_le_bytes());
        at += part.len() as u32;
    }
    out.extend(1_u32.to_le_bytes());
    [out.as_slice(), answer, &name].concat()
}

const NTLM_FIRST: &[u8] = b"NTLMSSP\0\x01\0\0\0";
/// AP-REQ: version 5, type 14, and a ticket of four bytes.
const AP_REQ: &[u8] = b"\x6e\x12\x30\x10\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa3\x04MARK";

// Version 2 (MS-SMB2 2.2.1.2).

const REPLY: u32 = 1;

fn new(command: u16, flags: u32, status: u32, id: u64, session: u64, body: &[u8]) -> Vec<u8> {
    let mut out = b"\xfeSMB\x40\0\0\0".to_vec();
    out.extend(status.to_le_bytes());
    out.extend(command.to_le_bytes());
    out.extend(1_u16.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(id.to_le_bytes());
    out.extend([0; 8]);
    out.extend(session.to_le_bytes());
    out.extend([0; 16]);
    out.extend_from_slice(body);
    out
}

/// SESSION_SETUP request (2.2.5): the token stands at 88.
fn setup(id: u64, session: u64, token: &[u8]) -> Turn {
    let mut body = vec![25, 0, 0, 1];
    body.extend([0; 8]);
    body.extend(88_u16.to_le_bytes());
    body.extend((token.len() as u16).to_le_bytes());
    body.extend([0; 8]);
    body.extend_from_slice(token);
    c(frame(&new(1, 0, 0, id, session, &body)))
}

/// SESSION_SETUP response (2.2.6).
fn set_up(id: u64, session: u64, status: u32, flags: u16) -> Turn {
    let mut body = vec![9, 0];
    body.extend(flags.to_le_bytes());
    body.extend([72, 0, 0, 0]);
    s(frame(&new(1, REPLY, status, id, session, &body)))
}

fn tree(id: u64, session: u64) -> Turn {
    c(frame(&new(3, 0, 0, id, session, &[9, 0, 0, 0, 72, 0, 0, 0])))
}

/// TREE_CONNECT response (2.2.10): kind 1 is a disk, 2 the pipes.
fn connected(id: u64, session: u64, status: u32, kind: u8) -> Turn {
    s(frame(&new(3, REPLY, status, id, session, &[[16, 0, kind, 0].as_slice(), &[0; 12]].concat())))
}

/// CREATE and its response.
fn create(id: u64, session: u64, status: u32) -> [Turn; 2] {
    [c(frame(&new(5, 0, 0, id, session, &[0; 57]))), s(frame(&new(5, REPLY, status, id, session, &[0; 89])))]
}

fn negotiated() -> [Turn; 2] {
    [c(frame(&new(0, 0, 0, 0, 0, &[0; 36]))), s(frame(&new(0, REPLY, 0, 0, 0, &[0; 64])))]
}

fn two(parts: &[&[Turn]]) -> Vec<Turn> {
    [negotiated().as_slice()].iter().chain(parts).flat_map(|part| part.iter().cloned()).collect()
}

#[test]
fn ntlm_in_version_2() {
    let begin = [setup(1, 0, NTLM_FIRST), set_up(1, 7, MORE, 0)];
    let turns = two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, OK, 0)], &create(3, 7, OK)]);
    check(&turns, &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, LOGON_FAILURE, 0)]]),
        &[SPEAKS_2, DEMANDS, ANSWERED, WRONG],
    );
    for (status, refusal) in [
        (0xc000_0070, "refuses Place [smb.place-refused]"),
        (0xc000_0072, "refuses NotAllowed [smb.not-allowed]"),
        (0xc000_00bb, "refuses Other [smb.session-refused]"),
    ] {
        check(
            &two(&[&begin, &[setup(2, 7, &ntlm("bob")), set_up(2, 7, status, 0)]]),
            &[SPEAKS_2, DEMANDS, ANSWERED, refusal],
        );
    }
    // Not decided before the end.
    check(&two(&[&begin, &[setup(2, 7, &ntlm("bob"))]]), &[SPEAKS_2, ANSWERED]);
    check(&two(&[&begin]), &[SPEAKS_2]);
}

#[test]
fn kerberos_and_unknown_mechanisms() {
    check(
        &two(&[&[setup(1, 0, AP_REQ), set_up(1, 7, OK, 0)]]),
        &[SPEAKS_2, DEMANDS_KEY, TICKET, ACCEPTED, OPENED],
    );
    // A second leg that proves nothing new, as after a request for the mechanism list's MIC.
    check(
        &two(&[&[setup(1, 0, AP_REQ), set_up(1, 7, MORE, 0), setup(2, 7, b"\xa1\0"), set_up(2, 7, OK, 0)]]),
        &[SPEAKS_2, DEMANDS_KEY, TICKET, ACCEPTED, OPENED],
    );
    // A ticket that was offered first, and NTLM that was agreed on: the last proof counts.
    check(
        &two(&[
            &[setup(1, 0, AP_REQ), set_up(1, 7, MORE, 0)],
            &[setup(2, 7, &ntlm("bob")), set_up(2, 7, OK, 0)],
        ]),
        &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED],
    );
    check(
        &two(&[&[setup(1, 0, b"NEGOEXTS"), set_up(1, 7, OK, 0)], &create(3, 7, OK)]),
        &[SPEAKS_2, DEMANDS, "hidden Unsupported [smb.unknown-proof-accepted]"],
    );
}

#[test]
fn guests_and_null_sessions() {
    // A proof that the receiver did not count.
    let guest = [setup(1, 0, &ntlm("bob")), set_up(1, 7, OK, 1)];
    check(&two(&[&guest]), &[SPEAKS_2, DEMANDS, ANSWERED, GUEST, PUBLIC]);
    check(
        &two(&[&guest, &[tree(2, 7), connected(2, 7, OK, 1)], &create(3, 7, OK)]),
        &[SPEAKS_2, DEMANDS, ANSWERED, GUEST, PUBLIC, SERVED],
    );
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    let pipes = [tree(2, 7), connected(2, 7, OK, 2)];
    check(&two(&[&null, &pipes]), &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC]);
    check(
        &two(&[&null, &pipes, &create(3, 7, DENIED), &create(4, 7, DENIED)]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, "refuses ProofMissing [smb.proof-missing]"],
    );
    check(&two(&[&null, &pipes, &create(3, 7, OK)]), &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, SERVED]);
    check(
        &two(&[&[setup(1, 0, &ntlm("")), set_up(1, 7, DENIED, 0)]]),
        &[SPEAKS_2, DEMANDS, NOBODY, "refuses ProofMissing [smb.proof-missing]"],
    );
}

#[test]
fn several_sessions_share_a_connection() {
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    let bob = [setup(2, 0, &ntlm("bob")), set_up(2, 8, OK, 0)];
    check(
        &two(&[&null, &bob, &create(3, 8, OK), &create(4, 7, OK), &create(5, 9, OK)]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, ANSWERED, ACCEPTED, OPENED, NOBODY, SERVED],
    );
    // What the named one may not do is said once.
    check(
        &two(&[&bob, &create(3, 8, DENIED), &create(4, 8, DENIED)]),
        &[SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED, "refuses NotAllowed [smb.not-allowed]"],
    );
}

#[test]
fn encryption_hides_nothing_of_a_proved_session() {
    let sealed = |session: u64| {
        let mut message = b"\xfdSMB".to_vec();
        message.extend([0; 32]);
        message.extend([16, 0, 0, 0, 0, 0, 1, 0]);
        message.extend(session.to_le_bytes());
        message.extend([9; 16]);
        frame(&message)
    };
    let bob = [setup(2, 0, &ntlm("bob")), set_up(2, 8, OK, 4)];
    let shown = [SPEAKS_2, DEMANDS, ANSWERED, ACCEPTED, OPENED];
    check(&two(&[&bob, &[c(sealed(8)), s(sealed(8))]]), &shown);
    check(
        &two(&[&bob, &[c(sealed(9)), s(sealed(9))]]),
        &[&shown[..], &["hidden Encrypted [smb.sealed]"]].concat(),
    );
    let packed = frame(b"\xfcSMB\0\0\0\0\x01\0\0\0\0\0\0\0xxxx");
    check(&two(&[&bob, &[s(packed.clone())]]), &shown);
    check(&two(&[&[s(packed)]]), &[SPEAKS_2, "hidden Unsupported [smb.sealed]"]);
}

#[test]
fn compounds_pending_answers_and_cuts() {
    let null = [setup(1, 0, &ntlm("")), set_up(1, 7, OK, 2)];
    // Two responses in one frame: the first is padded to 8 bytes and says where the second begins.
    let mut first = new(3, REPLY, OK, 2, 7, &[16, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    first[20] = 80;
    let both = [first, new(5, REPLY, OK, 3, 7, &[0; 89])].concat();
    check(
        &two(&[&null, &[tree(2, 7), s(frame(&both))]]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC, SERVED],
    );
    check(
        &two(&[&[setup(1, 0, &ntlm("")), set_up(1, 7, 0x103, 0), set_up(1, 7, OK, 2)]]),
        &[SPEAKS_2, DEMANDS, NOBODY, GUEST, PUBLIC],
    );
    // An answer that nobody waits for is left unread.
    check(&two(&[&[set_up(9, 7, OK, 0)]]), &[SPEAKS_2]);
    let mut wild = new(3, REPLY, OK, 2, 7, &[0; 16]);
    wild[20] = 3;
    check(&two(&[&[s(frame(&wild))]]), &[SPEAKS_2, "hidden Unsupported [stream.unreadable]"]);
    check(&two(&[&[s(b"\0\0\0\x04HTTP")]]), &[SPEAKS_2, "hidden Unsupported [stream.unreadable]"]);
}

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
