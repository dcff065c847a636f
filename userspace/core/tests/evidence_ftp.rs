//! FTP: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks ftp [stream.protocol]";
const DEMANDS: &str = "demands Secret [ftp.password-demanded]";
const OFFER: &str = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [ftp.password-sent]";
const LOGGED_IN: &str = "serves Service [ftp.logged-in]";

/// A greeting, a user's name and what the receiver says to it.
fn opening(user: &str, reply: &str) -> Vec<Turn> {
    vec![s("220-Welcome\r\n  to this\r\n220 server\r\n"), c(format!("USER {user}\r\n")), s(reply)]
}

#[test]
fn a_password_is_demanded_sent_and_accepted() {
    let mut turns = opening("alice", "331 Password required\r\n");
    turns.extend([c("PASS MARK05\r\n"), s("230 in\r\n"), c("LIST\r\n"), s("150 x\r\n226 y\r\n")]);
    check(&turns, &[SPEAKS, DEMANDS, OFFER, "accepts [ftp.password-accepted]", LOGGED_IN]);
}

#[test]
fn a_refused_password_is_wrong_only_if_the_text_says_so() {
    for (reply, refused) in [
        ("530 Login incorrect.\r\n", "refuses ProofWrong [ftp.login-refused]"),
        ("530 Maximum number of clients reached\r\n", "refuses Other [ftp.login-refused]"),
        ("530 Login failed: too many connections from your host\r\n", "refuses Other [ftp.login-refused]"),
        ("421 Service not available\r\n", "refuses Other [ftp.login-refused]"),
    ] {
        let mut turns = opening("alice", "331 Password required\r\n");
        turns.extend([c("PASS MARK05\r\n"), s(reply)]);
        check(&turns, &[SPEAKS, DEMANDS, OFFER, refused]);
    }
}

#[test]
fn names_without_proof_are_claims() {
    let mut turns = opening("anonymous", "331 Send your address\r\n");
    turns.extend([c("PASS a@example.org\r\n"), s("230 in\r\n")]);
    let anonymous = "offers Claim for Connection as User \"anonymous\" [ftp.name-claimed]";
    check(&turns, &[SPEAKS, anonymous, LOGGED_IN]);
    let turns = opening("alice", "230 in\r\n");
    let alice = "offers Claim for Connection as User \"alice\" [ftp.name-claimed]";
    check(&turns, &[SPEAKS, alice, LOGGED_IN]);
    let mut turns = opening("alice", "331 Password required\r\n");
    turns.extend([c("PASS\r\n"), s("230 in\r\n")]);
    let empty = "offers Claim for Connection as User \"alice\" [sasl.name-claimed]";
    check(&turns, &[SPEAKS, DEMANDS, empty, LOGGED_IN]);
}

#[test]
fn commands_before_a_login_are_refused_or_served() {
    check(
        &[s("220 x\r\n"), c("FEAT\r\n"), s("530 Please login\r\n"), c("LIST\r\n"), s("530 Please login\r\n")],
        &[SPEAKS, "demands Secret [ftp.login-required]", "refuses ProofMissing [ftp.login-required]"],
    );
    check(
        &[s("220 x\r\n"), c("SYST\r\n"), s("215 UNIX\r\n"), c("RETR a\r\n"), s("150 x\r\n226 y\r\n")],
        &[SPEAKS, "serves Service [ftp.command-served]"],
    );
}

#[test]
fn an_upgrade_to_tls_leaves_the_rest_to_it() {
    check(
        &[s("220 x\r\n"), c("AUTH TLS\r\n"), s("234 go\r\n"), c("USER alice\r\n"), s("230 in\r\n")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(
        &[
            s("220 x\r\n"),
            c("AUTH GSSAPI\r\n"),
            s("334 x\r\n"),
            c("ADAT eA==\r\n"),
            s("235 x\r\n"),
            c("ENC eA==\r\n"),
        ],
        &[
            SPEAKS,
            "offers Key for Connection by Ticket [ftp.security-data-sent]",
            "hidden Encrypted [ftp.commands-encrypted]",
        ],
    );
}

#[test]
fn what_has_no_answer_is_only_offered() {
    let mut turns = opening("alice", "331 Password required\r\n");
    turns.push(c("PASS MARK05\r\n"));
    check(&turns, &[SPEAKS, DEMANDS, OFFER]);
    turns.push(s("230 in"));
    check(&turns, &[SPEAKS, DEMANDS, OFFER]);
    check(&[s("220 x\r\n"), c("QUIT\r\n")], &["hidden Unsupported [stream.unsupported]"]);
}
