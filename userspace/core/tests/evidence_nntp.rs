//! NNTP: commands, logins and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks nntp [stream.protocol]";
const SERVED: &str = "serves Service [nntp.command-served]";
const OPENED: &str = "serves Service [nntp.session-opened]";
const DEMANDS: &str = "demands Secret [nntp.authentication-required]";
const MISSING: &str = "refuses ProofMissing [nntp.refused]";
const WRONG: &str = "refuses ProofWrong [nntp.refused]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [nntp.password-sent]";

fn greeting() -> Turn {
    s("200 news.example ready\r\n")
}

#[test]
fn news_for_anyone() {
    check(
        &[
            greeting(),
            c("MODE READER\r\n"),
            s("200 posting allowed\r\n"),
            c("CAPABILITIES\r\n"),
            s("101 list\r\nREADER\r\n211 no answer\r\n.\r\n"),
            c("GROUP a.b\r\n"),
            s("211 5 1 5 a.b\r\n"),
        ],
        &[SPEAKS, SERVED],
    );
    check(&[greeting(), c("POST\r\n"), s("340 send it\r\n"), c("text\r\n.\r\n")], &[SPEAKS, SERVED]);
    check(&[greeting(), c("GROUP a.b\r\n"), s("411 no such group\r\n")], &[SPEAKS]);
    check(&[greeting(), c("GROUP a.b\r\n"), s("480 who are you\r\n")], &[SPEAKS, DEMANDS, MISSING]);
    check(&[greeting(), c("LIST\r\n"), s("502 no\r\n")], &[SPEAKS, "refuses NotAllowed [nntp.refused]"]);
    check(&[s("502 not from there\r\n"), c("QUIT\r\n")], &[SPEAKS, "refuses Place [nntp.refused]"]);
}

#[test]
fn logins() {
    let asked = [
        greeting(),
        c("GROUP a.b\r\n"),
        s("480 who are you\r\n"),
        c("AUTHINFO USER bob\r\n"),
        s("381 go on\r\n"),
        c("AUTHINFO PASS MARK8\r\n"),
    ];
    let then = |turns: &[Turn]| [&asked[..], turns].concat();
    check(
        &then(&[s("281 welcome\r\n")]),
        &[SPEAKS, DEMANDS, MISSING, DEMANDS, PASSWORD, "accepts [nntp.proof-accepted]", OPENED],
    );
    check(&then(&[s("481 wrong\r\n")]), &[SPEAKS, DEMANDS, MISSING, DEMANDS, PASSWORD, WRONG]);
    check(
        &then(&[s("481 wrong\r\n"), c("GROUP c.d\r\n"), s("211 5 1 5 c.d\r\n")]),
        &[
            SPEAKS,
            DEMANDS,
            MISSING,
            DEMANDS,
            PASSWORD,
            WRONG,
            "offers Claim for Connection [nntp.command-served]",
            SERVED,
        ],
    );
    check(&asked, &[SPEAKS, DEMANDS, MISSING, PASSWORD]);
    check(
        &[greeting(), c("AUTHINFO USER bob\r\n"), s("281 welcome\r\n")],
        &[SPEAKS, "offers Claim for Connection as User \"bob\" [nntp.session-opened]", OPENED],
    );
    // \0bob\0MARK
    check(
        &[greeting(), c("AUTHINFO SASL PLAIN AGJvYgBNQVJL\r\n"), s("281 welcome\r\n")],
        &[
            SPEAKS,
            DEMANDS,
            "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]",
            "accepts [nntp.proof-accepted]",
            OPENED,
        ],
    );
    check(
        &[greeting(), c("AUTHINFO SASL MYSTERY\r\n"), s("383 =\r\n"), c("YQ==\r\n"), s("281 welcome\r\n")],
        &[SPEAKS, "hidden Unsupported [nntp.unknown-proof-accepted]"],
    );
}

#[test]
fn encryption_and_what_is_not_nntp() {
    check(
        &[greeting(), c("STARTTLS\r\n"), s("382 go on\r\n"), c(b"\x16\x03\x01x"), s("x")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]"],
    );
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[s("220 mail.example ESMTP\r\n"), c("LIST\r\n")], &["speaks ftp [stream.protocol]"]);
    check(&[greeting(), c("HELO x\r\n")], &unsupported);
    check(&[greeting(), c("LIST\r\n"), s("hello\r\n")], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
}
