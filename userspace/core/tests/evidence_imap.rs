//! IMAP: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks imap [stream.protocol]";
const DEMANDS: &str = "demands Secret [imap.identity-demanded]";
const OFFER: &str = "offers Secret for Connection as User \"al ice\" by Password in clear with fingerprint [imap.password-sent]";
const ACCEPTED: &str = "accepts [imap.proof-accepted]";
const OPENED: &str = "serves Service [imap.session-opened]";

fn greeted(turns: &[Turn]) -> Vec<Turn> {
    let mut all =
        vec![s("* OK ready\r\n"), c("a1 CAPABILITY\r\n"), s("* CAPABILITY IMAP4rev1\r\na1 OK done\r\n")];
    all.extend_from_slice(turns);
    all
}

#[test]
fn logins_in_every_spelling() {
    let whole = [SPEAKS, DEMANDS, OFFER, ACCEPTED, OPENED];
    check(&greeted(&[c("a2 LOGIN \"al ice\" MARK05\r\n"), s("* CAPABILITY x\r\na2 OK in\r\n")]), &whole);
    check(&greeted(&[c("a2 login \"al ice\" \"MARK05\"\r\n"), s("a2 OK in\r\n")]), &whole);
    check(&greeted(&[c("a2 LOGIN {6+}\r\nal ice {6+}\r\nMARK05\r\n"), s("a2 OK in\r\n")]), &whole);
    check(
        &greeted(&[
            c("a2 LOGIN {6}\r\n"),
            s("+ go\r\n"),
            c("al ice {6}\r\n"),
            s("+ go\r\n"),
            c("MARK05\r\n"),
            s("a2 OK in\r\n"),
        ]),
        &whole,
    );
    check(&greeted(&[c("a2 LOGIN \"al ice\" MARK05\r\n")]), &[SPEAKS, OFFER]);
    check(
        &greeted(&[c("a2 LOGIN \"al ice\" \"\"\r\n"), s("a2 OK in\r\n")]),
        &[SPEAKS, "offers Claim for Connection as User \"al ice\" [sasl.name-claimed]", OPENED],
    );
}

#[test]
fn mechanisms() {
    let plain = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [sasl.password-sent]";
    let whole = [SPEAKS, DEMANDS, plain, ACCEPTED, OPENED];
    check(
        &greeted(&[
            c("a2 AUTHENTICATE PLAIN\r\n"),
            s("+\r\n"),
            c("AGFsaWNlAE1BUkswNQ==\r\n"),
            s("a2 OK in\r\n"),
        ]),
        &whole,
    );
    check(&greeted(&[c("a2 AUTHENTICATE PLAIN AGFsaWNlAE1BUkswNQ==\r\n"), s("a2 OK in\r\n")]), &whole);
    check(
        &greeted(&[c("a2 AUTHENTICATE X-ODD\r\n"), s("+ x\r\n"), c("eA==\r\n"), s("a2 OK in\r\n")]),
        &[SPEAKS, "hidden Unsupported [imap.unknown-proof-accepted]"],
    );
}

#[test]
fn refusals() {
    for (reply, refused) in [
        ("a2 NO [AUTHENTICATIONFAILED] no\r\n", "refuses ProofWrong [imap.login-refused]"),
        ("a2 NO Login failed\r\n", "refuses ProofWrong [imap.login-refused]"),
        ("a2 NO [UNAVAILABLE] backend failed\r\n", "refuses Other [imap.login-refused]"),
    ] {
        check(&greeted(&[c("a2 LOGIN \"al ice\" MARK05\r\n"), s(reply)]), &[SPEAKS, DEMANDS, OFFER, refused]);
    }
    check(
        &greeted(&[
            c("a2 LOGIN {900}\r\n"),
            s("a2 NO too long\r\n"),
            c("a3 LOGIN \"al ice\" MARK05\r\n"),
            s("a3 OK in\r\n"),
        ]),
        &[SPEAKS, DEMANDS, OFFER, ACCEPTED, OPENED],
    );
}

#[test]
fn sessions_without_a_login() {
    check(
        &[s("* PREAUTH hello\r\n"), c("a1 NOOP\r\n"), s("a1 OK\r\n")],
        &[SPEAKS, "serves Service [imap.session-opened-unasked]"],
    );
    check(
        &greeted(&[c("a2 SELECT INBOX\r\n"), s("a2 OK done\r\n")]),
        &[SPEAKS, "serves Service [imap.command-served]"],
    );
    check(
        &greeted(&[c("a2 STARTTLS\r\n"), s("a2 OK go\r\n"), c("a3 LOGIN a b\r\n"), s("a3 OK in\r\n")]),
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
}

/// A literal of no bytes: its command goes on with the same segment.
#[test]
fn an_empty_literal_takes_nothing() {
    check(
        &[
            s("* OK x\r\n"),
            c("a NOOP\r\n"),
            s("a OK\r\n"),
            c("b LOGIN {5+}\r\nalice {0+}\r\n\r\n"),
            s("b NO [AUTHENTICATIONFAILED] no\r\n"),
        ],
        &[
            "speaks imap [stream.protocol]",
            "offers Claim for Connection as User \"alice\" [sasl.name-claimed]",
            "refuses Other [imap.login-refused]",
        ],
    );
}
