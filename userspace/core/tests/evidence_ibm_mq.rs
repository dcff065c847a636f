//! IBM MQ: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks ibm-mq [stream.protocol]";
const CONNECTED: &str = "serves Service [ibm-mq.connection-opened]";

/// Structure, length, byte order 2 (little), type, flags, unit of work, encoding, character set.
fn segment(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 28).unwrap().to_be_bytes();
    [b"TSH ", &length[..], &[2, kind, flags, 0], &[0; 8], &[0x22, 2, 0, 0, 0x33, 3, 0, 0], body].concat()
}

/// The same in EBCDIC, big-endian, with the number of a conversation and of a request.
fn mainframe_segment(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 36).unwrap().to_be_bytes();
    let start = b"\xe3\xe2\xc8\xd4";
    [start, &length[..], &[0, 0, 0, 1, 0, 0, 0, 0, 1, kind, 0, 0], &[0; 16], body].concat()
}

fn padded(text: &[u8], length: usize, with: u8) -> Vec<u8> {
    [text, &vec![with; length - text.len()]].concat()
}

fn greeting() -> [Turn; 2] {
    [c(segment(1, 0x24, b"ID  \x0d")), s(segment(1, 0x24, b"ID  \x0d"))]
}

/// User, password, long user, security id.
fn user(name: &str, password: &str) -> Vec<u8> {
    let parts = [b"UID ".to_vec(), padded(name.as_bytes(), 12, b' '), padded(password.as_bytes(), 12, b' ')];
    [parts.concat(), padded(name.as_bytes(), 64, b' '), vec![0; 40]].concat()
}

/// Kind, room for user and password, their lengths, both.
fn proof(kind: u32, name: &[u8], password: &[u8]) -> Vec<u8> {
    let mut out = b"CAUT".to_vec();
    let sizes = [64, 64, name.len(), password.len()];
    out.extend(kind.to_le_bytes());
    for size in sizes {
        out.extend(u32::try_from(size).unwrap().to_le_bytes());
    }
    [out, padded(name, 64, 0), padded(password, 64, 0)].concat()
}

/// Length, completion code, reason, handle.
fn numbers(completion: u32, reason: u32) -> Vec<u8> {
    [0, completion, reason, 0].map(u32::to_le_bytes).concat()
}

fn conversation(sent: &[Vec<u8>], completion: u32, reason: u32) -> Vec<Turn> {
    let mut turns = greeting().to_vec();
    turns.extend(sent.iter().map(c));
    turns.push(c(segment(0x81, 0x30, &[numbers(0, 0), vec![b' '; 120]].concat())));
    turns.push(s(segment(0x91, 0x30, &numbers(completion, reason))));
    turns
}

#[test]
fn a_name_is_taken() {
    let named = "offers Claim for Connection as User \"bob\" [ibm-mq.user-named]";
    check(&conversation(&[segment(8, 0, &user("bob", ""))], 0, 0), &[SPEAKS, named, CONNECTED]);
    check(
        &conversation(&[segment(8, 0, &user("bob", ""))], 2, 2035),
        &[SPEAKS, named, "refuses NotAllowed [ibm-mq.not-authorized]"],
    );
    check(&conversation(&[], 1, 2002), &[SPEAKS, CONNECTED]);
    check(&conversation(&[], 2, 2059), &[SPEAKS, "refuses Other [ibm-mq.connection-failed]"]);
}

#[test]
fn passwords_and_tokens() {
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [ibm-mq.password-sent]";
    let accepted = "accepts [ibm-mq.proof-not-refused]";
    for sent in [segment(0x0a, 0, &proof(1, b"bob", b"MARK1")), segment(8, 0, &user("bob", "MARK1"))] {
        let turns = conversation(std::slice::from_ref(&sent), 0, 0);
        check(&turns, &[SPEAKS, offered, accepted, CONNECTED]);
        assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
        check(
            &conversation(&[sent], 2, 2035),
            &[SPEAKS, offered, "refuses ProofWrong [ibm-mq.not-authorized]"],
        );
    }
    let disguised = segment(0x0a, 0, &proof(1, b"bob", b"\x8f\x11\x02\xff\x80"));
    check(
        &conversation(&[disguised], 0, 0),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"bob\" by Password [ibm-mq.protected-password-sent]",
            accepted,
            CONNECTED,
        ],
    );
    check(
        &conversation(&[segment(0x0a, 0, &proof(2, b"", b"MARK2"))], 0, 0),
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [ibm-mq.token-sent]",
            accepted,
            CONNECTED,
        ],
    );
    // What a security exit exchanges is not known.
    for unknown in [segment(6, 0, b"exit"), segment(0x0a, 0, &proof(9, b"", b"x")), segment(0x0a, 0, b"CAUT")]
    {
        check(
            &conversation(&[unknown], 0, 0),
            &[SPEAKS, "hidden Unsupported [ibm-mq.unknown-proof-accepted]"],
        );
    }
}

#[test]
fn a_mainframe_and_a_channel_between_managers() {
    // "UID ", the user "BOB" in EBCDIC.
    let block = [padded(b"\xe4\xc9\xc4\x40\xc2\xd6\xc2", 16, 0x40), vec![0x40; 76], vec![0; 40]].concat();
    let reply = [0_u32, 0, 0, 0].map(u32::to_be_bytes).concat();
    check(
        &[
            c(mainframe_segment(1, b"\xc9\xc4\x40\x40")),
            s(mainframe_segment(1, b"\xc9\xc4\x40\x40")),
            c([mainframe_segment(8, &block), mainframe_segment(0x81, &[0; 16])].concat()),
            s(mainframe_segment(0x91, &reply)),
        ],
        &[SPEAKS, "offers Claim for Connection as User \"BOB\" [ibm-mq.user-named]", CONNECTED],
    );
    let [first, second] = greeting();
    check(
        &[first.clone(), second.clone(), c(segment(4, 0x30, b"MSH ")), s(segment(5, 0, &numbers(0, 0)))],
        &[SPEAKS, "serves Service [ibm-mq.message-taken]"],
    );
    check(
        &[first, second, s(segment(5, 2, &numbers(1, 0)))],
        &[SPEAKS, "refuses Other [ibm-mq.connection-failed]"],
    );
}

#[test]
fn nonsense() {
    let [first, second] = greeting();
    check(&[first.clone(), second, c("nonsense")], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[first, s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
