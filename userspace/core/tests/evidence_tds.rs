//! TDS: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks tds [stream.protocol]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [tds.password-sent]";
const ANSWERED: &str = "offers Secret for Connection as User \"bob\" by Password [tds.challenge-answered]";
const CHALLENGED: &str = "demands Secret [tds.challenged]";
const ACCEPTED: &str = "accepts [tds.login-accepted]";
const OPENED: &str = "serves Service [tds.session-opened]";
const WRONG: &str = "refuses ProofWrong [tds.login-failed]";
const SEALED: &str = "hidden Encrypted [tds.login-sealed]";

/// One packet (MS-TDS 2.2.3.1).
fn packet(kind: u8, last: bool, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 8).to_be_bytes();
    [&[kind, u8::from(last)][..], &length, &[0, 0, 1, 0], content].concat()
}

/// PRELOGIN with a version, an encryption, and whether a token is wanted.
fn options(encryption: u8, token: u8) -> Vec<u8> {
    let mut out = vec![0, 0, 16, 0, 6, 1, 0, 22, 0, 1, 6, 0, 23, 0, 1, 0xff];
    out.extend([16, 0, 0, 0, 0, 0, encryption, token]);
    out
}

fn prelogin(encryption: u8) -> [Turn; 2] {
    [c(packet(0x12, true, &options(2, 0))), s(packet(4, true, &options(encryption, 0)))]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// LOGIN7 (MS-TDS 2.2.6.4): name, password, provider's token, extensions.
fn login(user: &str, password: &str, token: &[u8], extensions: &[u8]) -> Vec<u8> {
    let scrambled: Vec<u8> = utf16(password).iter().map(|byte| byte.rotate_left(4) ^ 0xa5).collect();
    let mut out = vec![0; 94];
    let place = |out: &mut Vec<u8>, field: usize, count: usize, content: &[u8]| {
        let start = (out.len() as u16).to_le_bytes();
        out.get_mut(field..field + 2).unwrap().copy_from_slice(&start);
        out.get_mut(field + 2..field + 4).unwrap().copy_from_slice(&(count as u16).to_le_bytes());
        out.extend_from_slice(content);
    };
    place(&mut out, 40, user.len(), &utf16(user));
    place(&mut out, 44, password.len(), &scrambled);
    if !token.is_empty() {
        *out.get_mut(25).unwrap() = 0x80;
        place(&mut out, 78, token.len(), token);
    }
    if !extensions.is_empty() {
        *out.get_mut(27).unwrap() = 0x10;
        let list = (out.len() as u32 + 4).to_le_bytes();
        place(&mut out, 56, 4, &list);
        out.extend_from_slice(extensions);
    }
    let length = (out.len() as u32).to_le_bytes();
    out.get_mut(..4).unwrap().copy_from_slice(&length);
    out
}

/// A token with a length of two bytes.
fn token(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind][..], &(content.len() as u16).to_le_bytes(), content].concat()
}

const DONE: &[u8] = &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn acknowledged() -> Turn {
    let environment = token(0xe3, &[1, 1, b'm', 0, 0]);
    s(packet(
        4,
        true,
        &[environment, token(0xad, &[1, 0x74, 0, 0, 4, 0, 16, 0, 0, 0]), DONE.to_vec()].concat(),
    ))
}

fn failed(number: u32) -> Turn {
    let error = [&number.to_le_bytes()[..], &[1, 14, 0, 0, 0, 0, 1, 0, 0, 0]].concat();
    s(packet(4, true, &[token(0xaa, &error), DONE.to_vec()].concat()))
}

fn after(encryption: u8, turns: &[Turn]) -> Vec<Turn> {
    [&prelogin(encryption), turns].concat()
}

/// NTLM's third message with an answer of 24 bytes (MS-NLMP 2.2.1.3).
fn ntlm() -> Vec<u8> {
    let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
    for (length, start) in [(0, 64), (24, 64), (0, 88), (6, 88), (0, 94), (0, 94)] {
        out.extend([length, 0, length, 0, start, 0, 0, 0]);
    }
    out.extend([1, 0, 0, 0]);
    [out, b"MARKMARKMARKMARKMARKMARK".to_vec(), utf16("bob")].concat()
}

const AP_REQ: &[u8] = b"\x6e\x12\x30\x10\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa3\x04MARK";

#[test]
fn passwords_without_encryption() {
    let asked = c(packet(0x10, true, &login("bob", "MARKpass", b"", b"")));
    let turns = after(2, &[asked.clone(), acknowledged(), c(packet(1, true, b"select 1"))]);
    check(&turns, &[SPEAKS, PASSWORD, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    // A login without PRELOGIN, as before SQL Server 2000.
    check(&[asked.clone(), acknowledged()], &[SPEAKS, PASSWORD, ACCEPTED, OPENED]);
    check(&after(2, &[asked.clone(), failed(18_456)]), &[SPEAKS, PASSWORD, WRONG]);
    for (number, refusal) in [
        (4060, "refuses NotAllowed [tds.not-allowed]"),
        (40_615, "refuses Place [tds.place-refused]"),
        (17_809, "refuses Other [tds.refused]"),
    ] {
        check(&after(2, &[asked.clone(), failed(number)]), &[SPEAKS, PASSWORD, refusal]);
    }
    check(&after(2, &[asked]), &[SPEAKS, PASSWORD]);
    let named = "offers Claim for Connection as User \"sa\" [tds.name-sent]";
    let empty = c(packet(0x10, true, &login("sa", "", b"", b"")));
    check(&after(2, &[empty.clone(), acknowledged()]), &[SPEAKS, named, OPENED]);
    check(&after(2, &[empty, failed(18_456)]), &[SPEAKS, named, "refuses ProofMissing [tds.login-failed]"]);
}

#[test]
fn security_providers() {
    let first = c(packet(0x10, true, &login("", "", b"NTLMSSP\0\x01\0\0\0", b"")));
    let challenge = s(packet(4, true, &token(0xed, b"NTLMSSP\0\x02\0\0\0")));
    let third = c(packet(0x11, true, &ntlm()));
    check(
        &after(2, &[first.clone(), challenge.clone(), third.clone(), acknowledged()]),
        &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, OPENED],
    );
    check(&after(2, &[first, challenge, third, failed(18_452)]), &[SPEAKS, CHALLENGED, ANSWERED, WRONG]);
    let ticket = c(packet(0x10, true, &login("", "", AP_REQ, b"")));
    check(
        &after(2, &[ticket, acknowledged()]),
        &[SPEAKS, "offers Key for Connection by Ticket [tds.ticket-sent]", ACCEPTED, OPENED],
    );
    // Federated authentication, library 1: the token is in the login.
    let jwt = utf16("MARKtoken");
    let content = [&[2][..], &(jwt.len() as u32).to_le_bytes(), &jwt].concat();
    let extension = [&[2][..], &(content.len() as u32).to_le_bytes(), &content, &[0xff]].concat();
    let federated = [
        c(packet(0x12, true, &options(2, 1))),
        s(packet(4, true, &options(2, 1))),
        c(packet(0x10, true, &login("", "", b"", &extension))),
        acknowledged(),
    ];
    check(
        &federated,
        &[
            SPEAKS,
            "demands Token [tds.token-demanded]",
            "offers Secret for Connection by Bearer in clear with fingerprint [tds.token-sent]",
            ACCEPTED,
            OPENED,
        ],
    );
    assert!(!format!("{:?}", observe(&federated)).contains("MARK"));
}

#[test]
fn encryption_of_the_login_or_of_all() {
    let hello = c(packet(0x12, true, b"\x16\x03\x01\0\x04hell"));
    let answer = s(packet(0x12, true, b"\x16\x03\x03\0\x04hell"));
    let record = c(b"\x17\x03\x03\0\x06sealed");
    check(
        &after(0, &[hello.clone(), answer.clone(), record.clone(), acknowledged()]),
        &[SPEAKS, SEALED, OPENED],
    );
    check(
        &after(0, &[hello.clone(), answer.clone(), record.clone(), failed(18_456)]),
        &[SPEAKS, SEALED, WRONG],
    );
    // The provider's second leg is in clear again.
    let challenge = s(packet(4, true, &token(0xed, b"NTLMSSP\0\x02\0\0\0")));
    let third = c(packet(0x11, true, &ntlm()));
    check(
        &after(0, &[hello.clone(), answer.clone(), record.clone(), challenge, third, acknowledged()]),
        &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, OPENED],
    );
    for all in [1, 3] {
        check(
            &after(all, &[hello.clone(), answer.clone(), record.clone()]),
            &[SPEAKS, "hidden Encrypted [tls.unfinished]"],
        );
    }
}

/// The login record of TDS 4 and 5: text of up to 30 bytes and its length.
fn record(user: &[u8], password: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [&b"host"[..], user, password, b"123"] {
        let start = out.len();
        out.extend_from_slice(text);
        out.resize(start + 30, 0);
        out.push(text.len() as u8);
    }
    out.extend([3, 1, 6, 10, 9, 1]);
    out.resize(567, 0);
    out
}

#[test]
fn sybase() {
    let login = record(b"bob", b"MARKpass");
    let (first, rest) = login.split_at(504);
    // The second packet of a message may name another kind.
    let asked = c([packet(2, false, first), packet(0x0f, true, rest)].concat());
    let ack = |status| s(packet(4, true, &[token(0xad, &[status, 5, 0, 0, 0, 0]), DONE.to_vec()].concat()));
    let turns = [asked.clone(), ack(5), c(packet(0x0f, true, b"\x21\x05\0\0\0\0quit"))];
    check(&turns, &[SPEAKS, PASSWORD, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let error = [&4002_u32.to_le_bytes()[..], &[1, 14, 0, 0, 0, 0, 0]].concat();
    let refused = s(packet(4, true, &[token(0xad, &[6]), token(0xe5, &error), DONE.to_vec()].concat()));
    check(&[asked, refused], &[SPEAKS, PASSWORD, WRONG]);
    // The password follows encrypted, once the receiver sent its key.
    let login = record(b"bob", b"");
    let (first, rest) = login.split_at(504);
    check(
        &[
            c([packet(2, false, first), packet(2, true, rest)].concat()),
            ack(7),
            c(packet(0x0f, true, b"\x65\x03\x01\x1f\0")),
            ack(5),
        ],
        &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, OPENED],
    );
}

#[test]
fn nonsense() {
    let asked = c(packet(0x10, true, &login("bob", "x", b"", b"")));
    check(
        &after(2, &[asked.clone(), s(packet(4, true, b"\x99"))]),
        &[SPEAKS, PASSWORD, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[asked, s(b"HTTP/1.1 400 B\r\n")], &["hidden Unsupported [stream.unsupported]"]);
    check(&after(2, &[c(packet(0x10, true, b"short"))]), &[SPEAKS]);
    check(
        &after(2, &[c(packet(0x10, true, b"short")), acknowledged()]),
        &[SPEAKS, "hidden Unsupported [tds.unknown-proof-accepted]", OPENED],
    );
    check(&after(2, &[c(b"\x10\x01\0\x03\0\0\x01\0")]), &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    // MQTT begins with the same byte.
    check(
        &[c(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"), s(b"\x20\x02\x00\x00")],
        &["speaks mqtt [stream.protocol]", "serves Service [mqtt.session-opened]"],
    );
}
