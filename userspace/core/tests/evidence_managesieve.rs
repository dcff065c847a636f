//! ManageSieve: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks managesieve [stream.protocol]";
const ACCEPTED: &str = "accepts [managesieve.proof-accepted]";
const OPENED: &str = "serves Service [managesieve.session-opened]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";

fn with(rest: &[Turn]) -> Vec<Turn> {
    let greeting = s("\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SASL\" \"PLAIN\"\r\nOK \"ready\"\r\n");
    [&[greeting][..], rest].concat()
}

#[test]
fn logins_are_judged() {
    // \0bob\0MARK1
    let login = c("AUTHENTICATE \"PLAIN\" \"AGJvYgBNQVJLMQ==\"\r\n");
    let turns = with(&[login.clone(), s("OK \"Logged in.\"\r\n"), c("LISTSCRIPTS\r\n")]);
    check(&turns, &[SPEAKS, PASSWORD, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[login.clone(), s("NO \"Authentication failed.\"\r\n")]),
        &[SPEAKS, PASSWORD, "refuses ProofWrong [managesieve.login-refused]"],
    );
    check(&with(&[login]), &[SPEAKS, PASSWORD]);
    // A literal; a challenge that is answered; a mechanism that nobody knows.
    check(
        &with(&[c("AUTHENTICATE \"PLAIN\" {16+}\r\nAGJvYgBNQVJLMQ==\r\n"), s("OK\r\n")]),
        &[SPEAKS, PASSWORD, ACCEPTED, OPENED],
    );
    check(
        &with(&[c("AUTHENTICATE \"PLAIN\"\r\n"), s("\"\"\r\n"), c("\"AGJvYgBNQVJLMQ==\"\r\n"), s("OK\r\n")]),
        &[SPEAKS, PASSWORD, ACCEPTED, OPENED],
    );
    check(
        &with(&[c("AUTHENTICATE \"X-OTHER\" \"AAAA\"\r\n"), s("OK\r\n")]),
        &[SPEAKS, "hidden Unsupported [managesieve.unknown-proof-accepted]"],
    );
}

#[test]
fn the_rest() {
    check(
        &with(&[
            c("CAPABILITY\r\n"),
            s("\"SIEVE\" \"x\"\r\nOK\r\n"),
            c("LISTSCRIPTS\r\n"),
            s("\"a\"\r\nOK\r\n"),
        ]),
        &[SPEAKS, "serves Service [managesieve.command-served]"],
    );
    check(
        &with(&[c("STARTTLS\r\n"), s("OK\r\n"), c(b"\x16\x03\x01nonsense"), s("nonsense")]),
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
}
