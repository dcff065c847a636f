//! rsh, rexec and rlogin: trust in a host, and passwords in clear.

mod evidence_support;

use evidence_support::{c, check, s};

const RSH: &str = "speaks rsh [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"root\" [rsh.names-sent]";
const RAN: &str = "serves Service [rsh.command-run]";

#[test]
fn rsh_trusts_a_name() {
    check(&[c(b"1022\0alice\0root\0id\0"), s(b"\0uid=0(root)\n")], &[RSH, NAMED, RAN]);
    check(&[c(b"0\0root\0root\0id\0"), s(b"\0")], &[RSH, NAMED, RAN]);
    check(
        &[c(b"1022\0alice\0root\0id\0"), s(b"\x01Permission denied.\n")],
        &[RSH, NAMED, "refuses NotAllowed [rsh.refused]"],
    );
    check(
        &[c(b"1022\0alice\0root\0id\0"), s(b"\x01No remote directory.\n")],
        &[RSH, NAMED, "refuses Other [rsh.refused]"],
    );
    // The port comes first and the rest when the connection for the errors stands.
    check(&[c(b"1023\0"), c(b"root\0root\0ls -l\0"), s(b"\0")], &[RSH, NAMED, RAN]);
}

#[test]
fn rexec_takes_a_password() {
    let sent = "offers Secret for Connection as User \"root\" by Password in clear with fingerprint [rexec.password-sent]";
    check(
        &[c(b"40123\0root\0MARK-1\0id\0"), s(b"\0uid=0(root)\n")],
        &[RSH, sent, "accepts [rexec.accepted]", RAN],
    );
    check(
        &[c(b"40123\0root\0MARK-1\0id\0"), s(b"\x01Login incorrect.\n")],
        &[RSH, sent, "refuses ProofWrong [rsh.refused]"],
    );
    // Without a connection for the errors, two different words may be either.
    check(
        &[c(b"0\0root\0MARK-1\0id\0"), s(b"\0uid=0(root)\n")],
        &[RSH, "hidden Unsupported [stream.unreadable]"],
    );
}

const RLOGIN: &str = "speaks rlogin [stream.protocol]";
const LOGS_IN: &str = "offers Claim for Connection as User \"root\" [rlogin.names-sent]";
const TRUSTED: &str = "serves Service [rlogin.no-prompt]";

#[test]
fn rlogin_trusts_a_name() {
    let begun = [c(b"\0alice\0root\0xterm/38400\0"), s(b"\0"), s(b"\x80Last login: Mon\r\n# ")];
    let size = c(b"\xff\xffss\0\x18\0\x50\0\0\0\0");
    let typed = [c(b"id\r"), s(b"id\r\nuid=0(root)\r\n# ")];
    check(&[&begun[..], &[size], &typed, &[c(b"ls\r")]].concat(), &[RLOGIN, LOGS_IN, TRUSTED]);
    check(&[&begun[..], &typed].concat(), &[RLOGIN, LOGS_IN, TRUSTED]);
    check(&begun, &[RLOGIN, LOGS_IN]);
    check(
        &[begun[0].clone(), s(b"\x01Permission denied.\n")],
        &[RLOGIN, LOGS_IN, "refuses Other [rlogin.refused]"],
    );
}

#[test]
fn rlogin_falls_back_to_a_password() {
    let sent = "offers Secret for Connection as User \"root\" by Password in clear with fingerprint [rlogin.password-sent]";
    let demanded = "demands Secret [rlogin.password-prompt]";
    let begun = [c(b"\0alice\0root\0xterm/38400\0"), s(b"\0"), s(b"Password: "), c(b"MARK-2\r"), s(b"\r\n")];
    let session = [s(b"Last login: Mon\r\n# "), c(b"id\r"), s(b"id\r\nuid=0\r\n")];
    check(
        &[&begun[..], &session].concat(),
        &[
            RLOGIN,
            LOGS_IN,
            demanded,
            sent,
            "accepts [rlogin.session-opened]",
            "serves Service [rlogin.session-opened]",
        ],
    );
    check(
        &[&begun[..], &[s(b"Login incorrect\r\n")]].concat(),
        &[RLOGIN, LOGS_IN, demanded, sent, "refuses ProofWrong [rlogin.login-refused]"],
    );
}
