//! ZooKeeper.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, line, observe, s};

const SPEAKS: &str = "speaks zookeeper [stream.protocol]";
const OPENED: &str = "serves Public [zookeeper.session-opened]";
const SERVED: &str = "serves Service [zookeeper.operation-served]";
const PASSWORD: &str = "offers Secret for Connection as User \"sven\" by Password in clear with fingerprint [zookeeper.password-sent]";
const DEMANDED: [&str; 2] =
    ["demands Secret [zookeeper.proof-demanded]", "refuses ProofMissing [zookeeper.proof-demanded]"];

const READ_ENTRY: i32 = 4;
const AUTH: i32 = 100;
const SASL: i32 = 102;

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&i32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

fn buffer(bytes: &[u8]) -> Vec<u8> {
    framed(&[bytes])
}

/// Protocol, last transaction, timeout, session, its password, read-only.
fn connect() -> [Turn; 2] {
    let timeout = 30_000_i32.to_be_bytes();
    [
        c(framed(&[&[0; 4], &[0; 8], &timeout, &[0; 8], &buffer(&[0; 16]), &[0]])),
        s(framed(&[&[0; 4], &timeout, &[0, 0, 0, 0, 0, 0, 0, 1], &buffer(&[0xaa; 16]), &[0]])),
    ]
}

fn request(number: i32, kind: i32, body: &[u8]) -> Turn {
    c(framed(&[&number.to_be_bytes(), &kind.to_be_bytes(), body]))
}

/// Number, transaction, error.
fn reply(number: i32, error: i32) -> Turn {
    s(framed(&[&number.to_be_bytes(), &[0, 0, 0, 0, 0, 0, 0, 9], &error.to_be_bytes(), b"entry"]))
}

fn get(number: i32) -> Turn {
    request(number, READ_ENTRY, &[buffer(b"/x"), vec![0]].concat())
}

fn auth(scheme: &[u8], sent: &[u8]) -> Turn {
    request(-4, AUTH, &[vec![0; 4], buffer(scheme), buffer(sent)].concat())
}

#[track_caller]
fn after_opening(turns: &[Turn], expect: &[&str]) {
    check(&[&connect(), turns].concat(), &[&[SPEAKS, OPENED], expect].concat());
}

#[test]
fn a_session_is_for_anyone_and_entries_may_be_too() {
    after_opening(&[], &[]);
    after_opening(&[get(1), reply(1, 0), get(2), reply(2, 0)], &[SERVED]);
    after_opening(&[get(1), reply(1, -101)], &[]);
    after_opening(&[request(-2, 11, b""), reply(-2, 0)], &[]);
    after_opening(
        &[s(framed(&[&(-1_i32).to_be_bytes(), &[0; 12], b"watch"])), get(1), reply(1, 0)],
        &[SERVED],
    );
    let [asked, mut over] = connect();
    over.1.splice(8..12, [0; 4]);
    check(&[asked, over], &[SPEAKS]);
}

#[test]
fn a_password_is_taken_whatever_it_is() {
    after_opening(&[auth(b"digest", b"sven:MARK"), reply(-4, 0), get(1), reply(1, 0)], &[PASSWORD, SERVED]);
    let wrong = "refuses ProofWrong [zookeeper.proof-refused]";
    after_opening(&[auth(b"digest", b"sven:MARK"), reply(-4, -115)], &[PASSWORD, wrong]);
    let not_allowed = "refuses NotAllowed [zookeeper.not-allowed]";
    after_opening(
        &[auth(b"digest", b"sven:MARK"), reply(-4, 0), get(1), reply(1, -102)],
        &[PASSWORD, not_allowed],
    );
    after_opening(&[auth(b"digest", b"sven:MARK")], &[PASSWORD]);
}

#[test]
fn a_scheme_that_proves_nothing_is_a_claim() {
    let claimed = "offers Claim for Connection [zookeeper.name-claimed]";
    after_opening(&[auth(b"ip", b""), reply(-4, 0), get(1), reply(1, 0)], &[claimed, SERVED]);
    let named = "offers Claim for Connection as User \"sven\" [zookeeper.name-claimed]";
    after_opening(&[auth(b"digest", b"sven:"), reply(-4, 0)], &[named]);
}

#[test]
fn entries_may_demand_a_proof() {
    after_opening(&[get(1), reply(1, -102), get(2), reply(2, -102)], &DEMANDED);
    after_opening(&[get(1), reply(1, -124)], &DEMANDED);
}

#[test]
fn sasl_proves_once_an_operation_is_carried_out() {
    let token = |bytes: &[u8]| request(0, SASL, &buffer(bytes));
    let ticket = b"\x6e\x82\x05\x29\x30\x82\x05\x25\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa2";
    let accepted = "accepts [zookeeper.proof-accepted]";
    let kerberos = [token(ticket), reply(0, 0), token(b"\x60"), reply(0, 0)];
    let sent = "offers Key for Connection by Ticket [sasl.ticket-sent]";
    after_opening(&[&kerberos[..], &[get(1), reply(1, 0)]].concat(), &[sent, accepted, SERVED]);
    after_opening(&kerberos, &[sent]);
    let digest =
        [token(b""), reply(0, 0), token(b"username=\"sven\",realm=\"x\",response=MARK"), reply(0, 0)];
    let answered = "offers Secret for Connection as User \"sven\" by Password [sasl.challenge-answered]";
    after_opening(&[&digest[..], &[get(1), reply(1, 0)]].concat(), &[answered, accepted, SERVED]);
    let unknown = "hidden Unsupported [zookeeper.unknown-proof-sent]";
    after_opening(&[token(b"odd"), reply(0, 0), get(1), reply(1, 0)], &[unknown]);
    after_opening(&[auth(b"house", b"MARK"), reply(-4, 0), get(1), reply(1, 0)], &[unknown]);
    let wrong = "refuses ProofWrong [zookeeper.proof-refused]";
    let refused = [&digest[..3], &[reply(0, -115)]].concat();
    after_opening(&refused, &[answered, wrong]);
}

#[test]
fn what_is_broken_ends_reading() {
    let unreadable = "hidden Unsupported [stream.unreadable]";
    after_opening(&[request(-4, AUTH, &[0, 0, 0, 0, 0, 0, 0, 99])], &[unreadable]);
    after_opening(&[get(1), s(framed(&[&[0; 5]]))], &[unreadable]);
    let [asked, _] = connect();
    // What else it may be is for others to say.
    let other = observe(&[asked, s(b"\0\0\0\x24\0\0\0\x01")]);
    assert!(!other.iter().any(|shown| line(shown).contains("zookeeper")), "{other:?}");
}
