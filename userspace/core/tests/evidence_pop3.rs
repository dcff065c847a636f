//! POP3: byte sequences and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks pop3 [stream.protocol]";
const DEMANDS: &str = "demands Secret [pop3.identity-demanded]";
const OFFER: &str = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [pop3.password-sent]";
const ACCEPTED: &str = "accepts [pop3.proof-accepted]";
const OPENED: &str = "serves Service [pop3.mailbox-opened]";
const WRONG: &str = "refuses ProofWrong [pop3.login-refused]";
const OTHER: &str = "refuses Other [pop3.login-refused]";

#[test]
fn user_and_pass() {
    for (reply, last) in [
        ("-ERR [AUTH] no\r\n", WRONG),
        ("-ERR invalid password\r\n", WRONG),
        ("-ERR [IN-USE] failed to lock\r\n", OTHER),
        ("-ERR no\r\n", OTHER),
    ] {
        let turns = [s("+OK x\r\n"), c("USER alice\r\n"), s("+OK\r\n"), c("PASS MARK05\r\n"), s(reply)];
        check(&turns, &[SPEAKS, DEMANDS, OFFER, last]);
    }
    check(
        &[
            s("+OK x\r\n"),
            c("CAPA\r\n"),
            s("+OK\r\nUSER\r\n+OK\r\n.\r\n"),
            c("user alice\r\npass MARK05\r\nSTAT\r\n"),
            s("+OK\r\n+OK\r\n+OK 1 2\r\n"),
        ],
        &[SPEAKS, DEMANDS, OFFER, ACCEPTED, OPENED],
    );
    check(&[s("+OK x\r\n"), c("USER alice\r\n"), s("+OK\r\n"), c("PASS MARK05\r\n")], &[SPEAKS, OFFER]);
}

#[test]
fn other_proofs() {
    let challenge = "offers Secret for Connection as User \"alice\" by Password [pop3.challenge-answered]";
    check(
        &[s("+OK <1@x>\r\n"), c("APOP alice 0011223344\r\n"), s("+OK\r\n")],
        &[SPEAKS, DEMANDS, challenge, ACCEPTED, OPENED],
    );
    let plain = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [sasl.password-sent]";
    check(
        &[
            s("+OK x\r\n"),
            c("AUTH\r\n"),
            s("+OK\r\nPLAIN\r\n.\r\n"),
            c("AUTH PLAIN\r\n"),
            s("+ \r\n"),
            c("AGFsaWNlAE1BUkswNQ==\r\n"),
            s("+OK\r\n"),
        ],
        &[SPEAKS, DEMANDS, plain, ACCEPTED, OPENED],
    );
    check(
        &[s("+OK x\r\n"), c("USER alice\r\n"), s("+OK\r\n"), c("PASS\r\n"), s("+OK\r\n")],
        &[SPEAKS, "offers Claim for Connection as User \"alice\" [sasl.name-claimed]", OPENED],
    );
    check(
        &[s("+OK x\r\n"), c("AUTH PLAIN\r\n"), s("+OK\r\n")],
        &[SPEAKS, "hidden Unsupported [pop3.unknown-proof-accepted]"],
    );
}

#[test]
fn a_mailbox_without_a_login() {
    check(
        &[s("+OK x\r\n"), c("USER a\r\n"), s("+OK\r\n"), c("STAT\r\n"), s("+OK 0 0\r\n")],
        &[SPEAKS, "serves Service [pop3.command-served]"],
    );
}

#[test]
fn stls_leaves_the_rest_to_tls_and_redis_stays_redis() {
    check(
        &[s("+OK x\r\n"), c("STLS\r\n"), s("+OK\r\n"), c("USER alice\r\n"), s("+OK\r\n")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(
        &[c("AUTH MARK05\r\n"), s("+OK\r\n")],
        &[
            "speaks redis [stream.protocol]",
            "offers Secret for Connection by Password in clear with fingerprint [redis.password-sent]",
            "accepts [redis.password-accepted]",
        ],
    );
}
