//! Telnet: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks telnet [stream.protocol]";
const DEMANDS: &str = "demands Secret [telnet.password-prompt]";
const OFFER: &str = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [telnet.password-sent]";

/// Options, a name, a password, then turns.
fn login(turns: &[Turn]) -> Vec<Turn> {
    let mut all = vec![
        s(b"\xff\xfd\x18\xff\xfb\x01"),
        c(b"\xff\xfc\x18\xff\xfd\x01\xff\xfa\x1f\0\x50\0\x18\xff\xf0"),
        s("Debian\r\nhost login: "),
        c("alicX"),
        s("alicX"),
        c("\x7fe\r\n"),
        s("\x08 \x08e\r\nPassword: "),
        c("MARK05\r\0"),
    ];
    all.extend_from_slice(turns);
    all
}

#[test]
fn a_session_needs_prompts_answers_and_a_command_that_is_answered() {
    let turns = [s("\r\nLast login: Mon\r\n$ "), c("ls\r\n"), s("ls\r\na b\r\n$ "), c("q")];
    check(&login(&turns), &[SPEAKS, DEMANDS, OFFER, "serves Service [telnet.session-opened]"]);
    let echoed = [s("\r\nLast login: Mon\r\n$ "), c("l"), s("l"), c("\r\0"), s("\r\na b\r\n$ "), c("q")];
    check(&login(&echoed), &[SPEAKS, DEMANDS, OFFER, "serves Service [telnet.session-opened]"]);
    for less in 0..turns.len() {
        check(&login(&turns[..less]), &[SPEAKS, DEMANDS, OFFER]);
    }
}

#[test]
fn refusals_and_second_questions() {
    check(
        &login(&[s("\r\nLogin incorrect\r\nhost login: ")]),
        &[SPEAKS, DEMANDS, OFFER, "refuses ProofWrong [telnet.login-refused]"],
    );
    check(
        &login(&[s("\r\nEnter code\r\n"), c("123\r\n"), s("\r\nx\r\nLogin: "), c("q")]),
        &[SPEAKS, DEMANDS, OFFER],
    );
}

#[test]
fn no_prompt_is_no_verdict() {
    let open = [s(b"\xff\xfb\x01"), c(b"\xff\xfd\x01"), s("welcome\r\n> "), c("ls\r\n"), s("ls\r\na\r\n> ")];
    check(&open, &[SPEAKS]);
    let option = [s(b"\xff\xfd\x25"), c(b"\xff\xfb\x25\xff\xfa\x25\0\x02\xff\xf0")];
    check(&option, &[SPEAKS, "hidden Encrypted [telnet.authentication-option]"]);
}
