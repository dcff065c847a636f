//! ClickHouse's native protocol: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks clickhouse [stream.protocol]";
const OPENED: &str = "serves Service [clickhouse.session-opened]";
const PASSWORD: &str = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [clickhouse.password-sent]";
const NAMED: &str = "offers Claim for Connection as User \"bob\" [sasl.name-claimed]";

fn string(value: &str) -> Vec<u8> {
    [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
}

/// Hello: name, version, revision 54467, database, user, password; an addendum follows.
fn hello(password: &str) -> Turn {
    let fields = [
        vec![0],
        string("ClickHouse client"),
        vec![24, 8, 0xc3, 0xa9, 3],
        string("default"),
        string("bob"),
        string(password),
        vec![0],
    ];
    c(fields.concat())
}

fn exception(code: u32) -> Turn {
    s([vec![2], code.to_le_bytes().to_vec(), string("DB::Exception"), string("no")].concat())
}

const SERVER: &[u8] = b"\0\x0aClickHouse\x18\x08";

#[test]
fn hello_is_answered() {
    check(&[hello("MARK1"), s(SERVER)], &[SPEAKS, PASSWORD, "accepts [clickhouse.proof-accepted]", OPENED]);
    check(&[hello(""), s(SERVER)], &[SPEAKS, NAMED, OPENED]);
    let wrong = "refuses ProofWrong [clickhouse.authentication-failed]";
    let missing = "refuses ProofMissing [clickhouse.authentication-failed]";
    check(&[hello("MARK1"), exception(516)], &[SPEAKS, PASSWORD, wrong]);
    check(&[hello(""), exception(516)], &[SPEAKS, NAMED, missing]);
    check(&[hello(""), exception(194)], &[SPEAKS, NAMED, missing]);
    check(&[hello(""), exception(195)], &[SPEAKS, NAMED, "refuses Place [clickhouse.authentication-failed]"]);
    check(&[hello("MARK1"), exception(210)], &[SPEAKS, PASSWORD, "refuses Other [clickhouse.exception]"]);
}

#[test]
fn cut_and_wrong() {
    let cut = c(b"\0\x11ClickHouse client\x18");
    check(&[cut, s(SERVER)], &[SPEAKS]);
    let broken = c(b"\0\x11ClickHouse client\x18\x08\x01\xff\xff\x7f");
    check(&[broken, s(SERVER)], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[hello("MARK1"), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
