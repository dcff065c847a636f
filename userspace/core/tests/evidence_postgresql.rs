//! PostgreSQL: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks postgresql [stream.protocol]";

fn startup(user: &str) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for text in ["user", user, "database", "d", "application_name", "psql", ""] {
        body.extend(text.bytes());
        body.push(0);
    }
    packet(&body)
}

fn packet(body: &[u8]) -> Vec<u8> {
    let mut packet = (u32::try_from(body.len()).unwrap() + 4).to_be_bytes().to_vec();
    packet.extend(body);
    packet
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(packet(body));
    message
}

fn request(code: u32) -> Vec<u8> {
    packet(&code.to_be_bytes())
}

fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    body.extend(rest);
    message(b'R', &body)
}

/// AuthenticationOk, parameters, key, ReadyForQuery.
fn opened() -> Vec<u8> {
    let mut bytes = authentication(0, &[]);
    bytes.extend(message(b'S', b"server_version\x0015.14\0"));
    bytes.extend(message(b'K', &[0, 0, 1, 2, 3, 4, 5, 6]));
    bytes.extend(message(b'Z', b"I"));
    bytes
}

fn error(code: &str, routine: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{code}\0Mtext\0Fauth.c\0L1\0R{routine}\0\0").as_bytes())
}

fn scram() -> Vec<Turn> {
    vec![
        c(startup("app_rw")),
        s(authentication(10, b"SCRAM-SHA-256\0\0")),
        c(message(b'p', b"SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=abcdefghijklmnopqrstuvwx")),
        s(authentication(11, b"r=abc,s=MARKSALT,i=4096")),
        c(message(b'p', b"c=biws,r=abc,p=MARKPROOF")),
    ]
}

const SASL: [&str; 3] = [
    SPEAKS,
    "demands Secret [postgresql.sasl-demanded]",
    "offers Secret for Connection as Role \"app_rw\" by Password [postgresql.challenge-answered]",
];

#[test]
fn trust_takes_the_callers_word() {
    let expect = [
        SPEAKS,
        "offers Claim for Connection as Role \"report\" [postgresql.no-challenge]",
        "serves Service [postgresql.ready]",
    ];
    check(&[c(startup("report")), s(opened())], &expect);
    // With encryption asked for and not to be had, as libpq does by default.
    check(&[c(request(80_877_103)), s("N"), c(startup("report")), s(opened())], &expect);
    check(
        &[c(request(80_877_104)), s("N"), c(request(80_877_103)), s("N"), c(startup("report")), s(opened())],
        &expect,
    );
}

#[test]
fn scram_is_demanded_answered_and_accepted() {
    let mut turns = scram();
    turns.push(s([authentication(12, b"v=MARKSIG"), opened()].concat()));
    let expect =
        [&SASL[..], &["accepts [postgresql.authentication-ok]", "serves Service [postgresql.ready]"]]
            .concat();
    check(&turns, &expect);
    let mut turns = scram();
    turns.push(s(error("28P01", "auth_failed")));
    check(&turns, &[&SASL[..], &["refuses ProofWrong [postgresql.password-refused]"]].concat());
}

#[test]
fn a_password_in_clear_is_fingerprinted() {
    check(
        &[c(startup("u")), s(authentication(3, &[])), c(message(b'p', b"MARKPG\0")), s(opened())],
        &[
            SPEAKS,
            "demands Secret [postgresql.cleartext-demanded]",
            "offers Secret for Connection as Role \"u\" by Password in clear with fingerprint [postgresql.password-sent]",
            "accepts [postgresql.authentication-ok]",
            "serves Service [postgresql.ready]",
        ],
    );
}

#[test]
fn md5_and_gss() {
    check(
        &[c(startup("u")), s(authentication(5, &[1, 2, 3, 4])), c(message(b'p', b"md5MARK\0")), s(opened())],
        &[
            SPEAKS,
            "demands Secret [postgresql.md5-demanded]",
            "offers Secret for Connection as Role \"u\" by Password [postgresql.challenge-answered]",
            "accepts [postgresql.authentication-ok]",
            "serves Service [postgresql.ready]",
        ],
    );
    check(
        &[
            c(startup("u")),
            s(authentication(7, &[])),
            c(message(b'p', b"\x60\x10ticket")),
            s(authentication(8, b"more")),
            c(message(b'p', b"again")),
            s(opened()),
        ],
        &[
            SPEAKS,
            "demands Key [postgresql.ticket-demanded]",
            "offers Key for Connection as Role \"u\" by Ticket [postgresql.ticket-sent]",
            "accepts [postgresql.authentication-ok]",
            "serves Service [postgresql.ready]",
        ],
    );
}

#[test]
fn refusals_say_why() {
    for (code, routine, expect) in [
        ("28000", "ClientAuthentication", "refuses Place [postgresql.place-refused]"),
        ("28000", "InitializeSessionUserId", "refuses NotAllowed [postgresql.role-refused]"),
        ("28000", "auth_failed", "refuses ProofMissing [postgresql.proof-refused]"),
        ("28P01", "auth_failed", "refuses ProofMissing [postgresql.password-refused]"),
        ("53300", "InitProcess", "refuses Other [postgresql.session-refused]"),
    ] {
        check(&[c(startup("u")), s(error(code, routine))], &[SPEAKS, expect]);
    }
}

#[test]
fn a_database_that_is_missing_is_no_service() {
    let refused = [authentication(0, &[]), error("3D000", "InitPostgres")].concat();
    check(
        &[c(startup("u")), s(refused)],
        &[
            SPEAKS,
            "offers Claim for Connection as Role \"u\" [postgresql.no-challenge]",
            "refuses Other [postgresql.session-refused]",
        ],
    );
}

#[test]
fn a_challenge_that_stays_open_is_only_a_demand() {
    check(
        &[c(startup("u")), s(authentication(10, b"SCRAM-SHA-256\0\0"))],
        &[SPEAKS, "demands Secret [postgresql.sasl-demanded]"],
    );
}

#[test]
fn a_cancel_request_is_public_and_alone() {
    let cancel = packet(&[4, 210, 22, 46, 0, 0, 0, 9, 1, 2, 3, 4]);
    check(&[c(cancel)], &[SPEAKS, "serves Public [postgresql.cancel]"]);
}

#[test]
fn gss_encryption_hides_the_rest() {
    check(
        &[c(request(80_877_104)), s("G"), c("opaque"), s("opaque")],
        &[SPEAKS, "hidden Encrypted [postgresql.gss-encryption]"],
    );
}

#[test]
fn an_accept_code_that_answers_nothing_counts_for_nothing() {
    check(&[s(opened())], &["hidden Unsupported [stream.one-sided]"]);
    // Another protocol's caller, and bytes that look like a PostgreSQL receiver.
    check(&[c("EHLO x\r\n"), s(opened())], &["hidden Unsupported [stream.unsupported]"]);
    // A receiver that sends rows before it opened a session.
    check(
        &[c(startup("u")), s([message(b'T', b"\0\0"), opened()].concat())],
        &["hidden Unsupported [stream.unsupported]"],
    );
}
