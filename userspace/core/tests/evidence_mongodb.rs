//! MongoDB: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks mongodb [stream.protocol]";
const SERVED: &str = "serves Service [mongodb.command-served]";
const PUBLIC: &str = "serves Public [mongodb.monitoring-served]";
const ANSWERED: &str =
    "offers Secret for Connection as User \"app\" by Password [mongodb.challenge-answered]";
const ACCEPTED: &str = "accepts [mongodb.accepted]";

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let body = elements.concat();
    [&u32::try_from(body.len() + 5).unwrap().to_le_bytes()[..], &body, &[0]].concat()
}

fn element(kind: u8, key: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], key.as_bytes(), &[0], value].concat()
}

fn int(key: &str, value: i32) -> Vec<u8> {
    element(0x10, key, &value.to_le_bytes())
}

fn ok(value: f64) -> Vec<u8> {
    element(0x01, "ok", &value.to_le_bytes())
}

fn text(key: &str, value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len() + 1).unwrap().to_le_bytes();
    element(0x02, key, &[&length[..], value.as_bytes(), &[0]].concat())
}

fn binary(key: &str, value: &[u8]) -> Vec<u8> {
    element(0x05, key, &[&u32::try_from(value.len()).unwrap().to_le_bytes()[..], &[0], value].concat())
}

fn message(id: u32, answers: u32, code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap();
    [&[length, id, answers, code].map(u32::to_le_bytes).concat()[..], body].concat()
}

fn ask(id: u32, elements: &[Vec<u8>]) -> Turn {
    c(message(id, 0, 2013, &[&[0; 5][..], &document(elements)].concat()))
}

fn reply(answers: u32, elements: &[Vec<u8>]) -> Turn {
    s(message(900 + answers, answers, 2013, &[&[0; 5][..], &document(elements)].concat()))
}

fn refused(answers: u32, code: i32) -> Turn {
    reply(answers, &[ok(0.0), text("errmsg", "no"), int("code", code)])
}

fn start(id: u32, mechanism: &str, payload: &[u8]) -> Turn {
    ask(id, &[int("saslStart", 1), text("mechanism", mechanism), binary("payload", payload)])
}

fn go_on(id: u32, payload: &[u8]) -> Turn {
    ask(id, &[int("saslContinue", 1), int("conversationId", 1), binary("payload", payload)])
}

fn step(answers: u32, done: u8) -> Turn {
    reply(
        answers,
        &[int("conversationId", 1), element(0x08, "done", &[done]), binary("payload", b"x"), ok(1.0)],
    )
}

fn find(id: u32) -> Turn {
    ask(id, &[text("find", "orders"), text("$db", "shop")])
}

fn found(answers: u32) -> Turn {
    reply(answers, &[element(0x03, "cursor", &document(&[])), ok(1.0)])
}

#[test]
fn commands_are_served_without_proof() {
    check(&[find(1), found(1)], &[SPEAKS, SERVED]);
    let hello = [ask(1, &[int("hello", 1)]), reply(1, &[element(0x08, "isWritablePrimary", &[1]), ok(1.0)])];
    check(&hello, &[SPEAKS, PUBLIC]);
    check(&[&hello[..], &[ask(2, &[int("ping", 1)]), reply(2, &[ok(1.0)])]].concat(), &[SPEAKS, PUBLIC]);
    check(&[&hello[..], &[find(2), found(2)]].concat(), &[SPEAKS, PUBLIC, SERVED]);
    check(&[find(1), refused(1, 26)], &[SPEAKS]);
    // As before OP_MSG: a query of a collection, answered by documents.
    let query = [&[0; 4][..], b"shop.orders\0", &[0; 8], &document(&[])].concat();
    let documents = [&[8, 0, 0, 0][..], &[0; 12], &[1, 0, 0, 0], &document(&[text("a", "b")])].concat();
    check(&[c(message(1, 0, 2004, &query)), s(message(2, 1, 1, &documents))], &[SPEAKS, SERVED]);
}

#[test]
fn scram_is_answered_and_accepted() {
    let first =
        [start(1, "SCRAM-SHA-256", b"n,,n=app,r=nonce"), step(1, 0), go_on(2, b"c=biws,r=x,p=MARKPROOF")];
    let turns = [&first[..], &[step(2, 0), go_on(3, b""), step(3, 1), find(4), found(4)]].concat();
    check(&turns, &[SPEAKS, ANSWERED, ACCEPTED, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &[&first[..], &[refused(2, 18)]].concat(),
        &[SPEAKS, ANSWERED, "refuses ProofWrong [mongodb.authentication-failed]"],
    );
    check(&first, &[SPEAKS, ANSWERED]);
}

#[test]
fn a_description_may_hold_the_first_step() {
    let inner = document(&[
        int("saslStart", 1),
        text("mechanism", "SCRAM-SHA-256"),
        binary("payload", b"n,,n=app,r=x"),
    ]);
    let hello = ask(1, &[int("hello", 1), element(0x03, "speculativeAuthenticate", &inner)]);
    let inner = document(&[int("conversationId", 1), element(0x08, "done", &[0]), binary("payload", b"r=x")]);
    let described = reply(1, &[element(0x03, "speculativeAuthenticate", &inner), ok(1.0)]);
    check(
        &[hello, described, go_on(2, b"p=y"), step(2, 1), find(3), found(3)],
        &[SPEAKS, PUBLIC, ANSWERED, ACCEPTED, SERVED],
    );
}

#[test]
fn passwords_tickets_and_the_old_digest() {
    let turns = [start(1, "PLAIN", b"\0app\0MARKPW"), step(1, 1), find(2), found(2)];
    check(
        &turns,
        &[
            SPEAKS,
            "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [mongodb.password-sent]",
            ACCEPTED,
            SERVED,
        ],
    );
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &[start(1, "GSSAPI", b"\x60ticket"), step(1, 0), go_on(2, b"x"), step(2, 1)],
        &[SPEAKS, "offers Key for Connection by Ticket [mongodb.ticket-sent]", ACCEPTED],
    );
    let old = ask(1, &[int("authenticate", 1), text("user", "app"), text("nonce", "1"), text("key", "2")]);
    check(&[old.clone(), reply(1, &[ok(1.0)])], &[SPEAKS, ANSWERED, ACCEPTED]);
    check(&[old, refused(1, 18)], &[SPEAKS, ANSWERED, "refuses ProofWrong [mongodb.authentication-failed]"]);
    // What an unknown mechanism proves can't be told.
    check(
        &[start(1, "MONGODB-X509", b""), step(1, 1), find(2), found(2)],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn a_refusal_without_proof_is_a_demand() {
    let demand = [
        "demands Secret [mongodb.authentication-required]",
        "refuses ProofMissing [mongodb.authentication-required]",
    ];
    check(&[find(1), refused(1, 13)], &[&[SPEAKS][..], &demand].concat());
    check(
        &[start(1, "PLAIN", b"\0app\0pw"), step(1, 1), find(2), refused(2, 13)],
        &[
            SPEAKS,
            "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [mongodb.password-sent]",
            ACCEPTED,
            "refuses NotAllowed [mongodb.not-allowed]",
        ],
    );
}

#[test]
fn cut_short_compressed_or_something_else() {
    let (role, bytes) = found(1);
    check(&[find(1), (role, bytes[..30].to_vec())], &[SPEAKS]);
    // An answer to something that was never asked.
    check(&[find(1), found(7)], &[SPEAKS]);
    check(&[found(1)], &["hidden Unsupported [stream.one-sided]"]);
    check(
        &[ask(1, &[int("hello", 1)]), reply(1, &[ok(1.0)]), c(message(2, 0, 2012, &[0; 20])), s("x")],
        &[SPEAKS, PUBLIC, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[c("GARBAGE GARBAGE GARBAGE"), found(1)], &["hidden Unsupported [stream.unsupported]"]);
}
