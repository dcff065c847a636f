//! What the connections of the large capture say: HTTP, Redis, PostgreSQL and TLS, with answers of many sizes.
//!
//! Sources: RFC 9112, the Redis serialization protocol, the PostgreSQL frontend/backend protocol (chapter 55.7), RFC
//! 8446 section 4.1 and 5.1.

use super::capture::Random;

/// Who speaks (true: the caller), and what.
pub(crate) type Talk = Vec<(bool, Vec<u8>)>;

/// Longest answer.
const ANSWER: usize = 24_000;

/// A conversation, and the port on which it is held.
pub(crate) fn any(random: &mut Random) -> (Talk, u16) {
    match random.next(4) {
        0 => (http(random), 8080),
        1 => (redis(random), 6379),
        2 => (postgresql(random), 5432),
        _ => (tls(random), 8443),
    }
}

fn text(random: &mut Random, most: usize) -> Vec<u8> {
    let length = random.size(most) + 1;
    let first = random.next(26);
    (0..length as u64).map(|at| b'a' + u8::try_from((first + at) % 26).unwrap_or(0)).collect()
}

fn http(random: &mut Random) -> Talk {
    let mut talk = Talk::new();
    let keyed = random.next(2) == 0;
    for _ in 0..=random.next(5) {
        let key = if keyed { "Authorization: Basic dXNlcjpNQVJL\r\n" } else { "" };
        let path = random.next(1000);
        talk.push((true, format!("GET /orders/{path} HTTP/1.1\r\nHost: shop\r\n{key}\r\n").into_bytes()));
        let body = text(random, ANSWER);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        talk.push((false, [head.as_bytes(), &body].concat()));
    }
    talk
}

fn redis(random: &mut Random) -> Talk {
    let mut talk = Talk::new();
    if random.next(2) == 0 {
        talk.push((true, b"*2\r\n$4\r\nAUTH\r\n$4\r\nMARK\r\n".to_vec()));
        talk.push((false, b"+OK\r\n".to_vec()));
    }
    for _ in 0..=random.next(20) {
        talk.push((true, b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".to_vec()));
        let value = text(random, ANSWER / 4);
        talk.push((false, [format!("${}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat()));
    }
    talk
}

/// A message: its letter, its length with itself, and its content.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap_or(4);
    [&[kind][..], &length.to_be_bytes(), content].concat()
}

fn postgresql(random: &mut Random) -> Talk {
    let startup = b"\0\x03\0\0user\0bob\0database\0shop\0\0";
    let opening = [&u32::try_from(startup.len() + 4).unwrap_or(4).to_be_bytes()[..], startup].concat();
    let opened = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    let mut talk = vec![(true, opening)];
    if random.next(2) == 0 {
        talk.push((false, message(b'R', &[0, 0, 0, 3])));
        talk.push((true, message(b'p', b"MARK\0")));
    }
    talk.push((false, opened));
    for _ in 0..=random.next(10) {
        talk.push((true, message(b'Q', b"select * from orders\0")));
        let mut answer = message(b'T', b"\0\x01note\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
        for _ in 0..=random.next(40) {
            let note = text(random, 400);
            let length = u32::try_from(note.len()).unwrap_or(0).to_be_bytes();
            answer.extend(message(b'D', &[b"\0\x01", &length[..], &note].concat()));
        }
        answer.extend(message(b'C', b"SELECT 1\0"));
        answer.extend(message(b'Z', b"I"));
        talk.push((false, answer));
    }
    talk.push((true, message(b'X', b"")));
    talk
}

/// A record of this kind, in version 1.2's clothes.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&[kind, 3, 3][..], &length.to_be_bytes(), content].concat()
}

/// A hello: version, random bytes, session, then `rest`.
fn hello(kind: u8, random: &mut Random, rest: &[u8]) -> Vec<u8> {
    let nonce: Vec<u8> = (0..64).map(|_| u8::try_from(random.next(256)).unwrap_or(0)).collect();
    let (random_bytes, session) = nonce.split_at(32);
    let body = [&[3, 3][..], random_bytes, &[32], session, rest].concat();
    let [_, length @ ..] = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    record(22, &[&[kind][..], &length, &body].concat())
}

fn tls(random: &mut Random) -> Talk {
    // One suite, no compression, supported_versions and a key share of x25519.
    let share: Vec<u8> = (0..32).map(|_| u8::try_from(random.next(256)).unwrap_or(0)).collect();
    let asked =
        [b"\0\x02\x13\x01\x01\0\0\x31\0\x2b\0\x03\x02\x03\x04\0\x33\0\x26\0\x24\0\x1d\0\x20", &share[..]]
            .concat();
    let given = [b"\x13\x01\0\0\x2e\0\x2b\0\x02\x03\x04\0\x33\0\x24\0\x1d\0\x20", &share[..]].concat();
    let sealed = |random: &mut Random, length: usize| {
        let bytes: Vec<u8> = (0..length).map(|_| u8::try_from(random.next(256)).unwrap_or(0)).collect();
        record(23, &bytes)
    };
    let calls = hello(1, random, &asked);
    let answer = [hello(2, random, &given), record(20, &[1]), sealed(random, 2400)].concat();
    let finished = [record(20, &[1]), sealed(random, 53)].concat();
    let mut talk = vec![(true, calls), (false, answer), (true, finished)];
    for _ in 0..=random.next(6) {
        let (asks, tells) = (random.size(600) + 20, random.size(16_000) + 20);
        talk.push((true, sealed(random, asks)));
        talk.push((false, sealed(random, tells)));
    }
    talk
}
