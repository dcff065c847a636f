//! memcached: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, check_datagrams, observe, s};

const SPEAKS: &str = "speaks memcached [stream.protocol]";
const SERVED: &str = "serves Service [memcached.command-served]";
const DEMANDS: [&str; 2] = [
    "demands Secret [memcached.authentication-required]",
    "refuses ProofMissing [memcached.authentication-required]",
];
const PASSWORD: &str = "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [memcached.password-sent]";

#[test]
fn commands_are_served_without_proof() {
    for (call, reply) in [
        ("get a b\r\n", "VALUE a 0 3\r\nabc\r\nEND\r\n"),
        ("get a\r\n", "END\r\n"),
        ("set a 0 0 5\r\nhello\r\n", "STORED\r\n"),
        ("set a 0 0 1000 noreply\r\n", "STORED\r\n"),
        ("incr a 1\r\n", "17\r\n"),
        ("stats\r\n", "STAT pid 1\r\nEND\r\n"),
        ("version\r\n", "VERSION 1.6.18\r\n"),
        ("mg a v\r\n", "EN\r\n"),
        ("ms a S2\r\nhi\r\n", "HD\r\n"),
        ("get a\r\n", "ERROR\r\nSERVER_ERROR busy\r\nEND\r\n"),
    ] {
        let call = call.replace("1000 noreply\r\n", &format!("1000 noreply\r\n{}\r\n", "x".repeat(1000)));
        check(&[c(call), s(reply)], &[SPEAKS, SERVED]);
    }
    check(&[c("get a\r\n"), s("ERROR\r\n")], &[SPEAKS]);
}

#[test]
fn a_password_by_set_is_asked_for_and_judged() {
    let first = [c("get a\r\n"), s("CLIENT_ERROR unauthenticated\r\n"), c("set x 0 0 9\r\napp MARKY\r\n")];
    let turns = [&first[..], &[s("STORED\r\n"), c("get a\r\n"), s("END\r\n")]].concat();
    check(&turns, &[&[SPEAKS][..], &DEMANDS, &[PASSWORD, "accepts [memcached.accepted]", SERVED]].concat());
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let turns = [&first[..], &[s("CLIENT_ERROR authentication failure\r\n")]].concat();
    check(
        &turns,
        &[&[SPEAKS][..], &DEMANDS, &[PASSWORD, "refuses ProofWrong [memcached.authentication-failed]"]]
            .concat(),
    );
}

#[test]
fn a_first_value_of_two_words_is_only_perhaps_a_password() {
    let perhaps = "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [memcached.first-value]";
    let set = c("set x 0 0 9\r\napp MARKY\r\n");
    check(&[set.clone(), s("STORED\r\n")], &[SPEAKS, perhaps]);
    check(&[set, s("STORED\r\n"), c("get a\r\n"), s("END\r\n")], &[SPEAKS, perhaps, SERVED]);
    check(&[c("set x 0 0 9\r\none two 3\r\n"), s("STORED\r\n")], &[SPEAKS, SERVED]);
}

fn binary(magic: u8, opcode: u8, status: u16, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![magic, opcode, 0, u8::try_from(key.len()).unwrap(), 0, 0];
    bytes.extend(status.to_be_bytes());
    bytes.extend(u32::try_from(key.len() + value.len()).unwrap().to_be_bytes());
    bytes.extend([0; 12]);
    [&bytes, key, value].concat()
}

#[test]
fn binary_commands() {
    check(&[c(binary(0x80, 0, 0, b"key", b"")), s(binary(0x81, 0, 0, b"", b"value"))], &[SPEAKS, SERVED]);
    check(&[c(binary(0x80, 0, 0, b"key", b"")), s(binary(0x81, 0, 1, b"", b"Not found"))], &[SPEAKS, SERVED]);
    check(
        &[c(binary(0x80, 0x0b, 0, b"", b"")), s(binary(0x81, 0x0b, 0, b"", b"1.6"))],
        &[SPEAKS, "serves Public [memcached.description-served]"],
    );
    check(&[c(binary(0x80, 0x44, 0, b"", b"")), s(binary(0x81, 0x44, 0x81, b"", b""))], &[SPEAKS]);
}

#[test]
fn binary_sasl() {
    let get = c(binary(0x80, 0, 0, b"key", b""));
    let plain = c(binary(0x80, 0x21, 0, b"PLAIN", b"\0app\0MARKPW"));
    let served = s(binary(0x81, 0, 0, b"", b"value"));
    check(
        &[
            get.clone(),
            s(binary(0x81, 0, 0x20, b"", b"Auth failure")),
            plain.clone(),
            s(binary(0x81, 0x21, 0, b"", b"")),
            get.clone(),
            served.clone(),
        ],
        &[&[SPEAKS][..], &DEMANDS, &[PASSWORD, "accepts [memcached.accepted]", SERVED]].concat(),
    );
    check(
        &[plain, s(binary(0x81, 0x21, 0x20, b"", b""))],
        &[SPEAKS, PASSWORD, "refuses ProofWrong [memcached.authentication-failed]"],
    );
    check(
        &[
            c(binary(0x80, 0x21, 0, b"CRAM-MD5", b"")),
            s(binary(0x81, 0x21, 0x21, b"", b"<1@x>")),
            c(binary(0x80, 0x22, 0, b"CRAM-MD5", b"app digest")),
            s(binary(0x81, 0x22, 0, b"", b"")),
            get,
            served,
        ],
        &[
            SPEAKS,
            "offers Secret for Connection by Password [memcached.sasl-sent]",
            "accepts [memcached.accepted]",
            SERVED,
        ],
    );
}

#[test]
fn cut_short_or_something_else() {
    check(&[c("get a\r\n"), s("VAL")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c("set x 0 0 9\r\nap"), s("STORED\r\n")], &[SPEAKS]);
    check(&[s("STORED\r\n")], &["hidden Unsupported [stream.one-sided]"]);
    check(&[c("get a\r\n"), s("END\r\n".repeat(2))], &[SPEAKS, SERVED]);
    check(&[c(&binary(0x80, 0, 0, b"key", b"")[..20]), s("x")], &["hidden Unsupported [stream.unsupported]"]);
}

#[test]
fn the_binary_protocol_is_not_read_in_the_text_one() {
    // The head of a binary response holds an end of line, and comes in two turns.
    let mut head = vec![0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'\r', b'\n'];
    head.resize(24, 0);
    for later in [vec![c("get b\r\n")], vec![s(&head[16..])], vec![c("get b\r\n"), s(&head[16..])]] {
        let mut turns = vec![c("get a\r\n"), s("ERROR\r\n"), c("get a\r\n"), s(&head[..16])];
        turns.extend(later);
        check(&turns, &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    }
    check(
        &[c("get a\r\n"), s("ERROR\r\n"), c("get a\r\n"), s(&head[..])],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}

fn datagram(body: &[u8]) -> Vec<u8> {
    [&[0, 1, 0, 0, 0, 1, 0, 0], body].concat()
}

#[test]
fn datagrams_can_prove_nothing() {
    let speaks = "speaks memcached [datagrams.protocol]";
    check_datagrams(
        &[c(datagram(b"get a\r\n")), s(datagram(b"VALUE a 0 1\r\nx\r\nEND\r\n"))],
        &[speaks, "serves Service [memcached.datagram-served]"],
    );
    check_datagrams(
        &[c(datagram(b"get a\r\n")), s(datagram(b"SERVER_ERROR out of memory\r\n"))],
        &[speaks, "refuses Other [memcached.datagram-failed]"],
    );
    check_datagrams(
        &[c(datagram(b"set a 0 0 1 noreply\r\nx\r\n"))],
        &[speaks, "sends one way [memcached.datagram-sent]"],
    );
    check_datagrams(&[c(datagram(b"get a\r\n"))], &["hidden Unsupported [stream.one-sided]"]);
    let mut quiet = vec![0x80, 0x14, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    quiet.resize(24, 0);
    quiet.push(b'k');
    check_datagrams(&[c(datagram(&quiet))], &[speaks, "sends one way [memcached.datagram-sent]"]);
}
