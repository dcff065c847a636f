//! NATS: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks nats [stream.protocol]";
const SERVED: &str = "serves Service [nats.served]";

fn greeting(extra: &str) -> Turn {
    s(format!("INFO {{\"server_id\":\"A\",\"version\":\"2.9.10\",\"max_payload\":1048576{extra}}} \r\n"))
}

fn connect(options: &str) -> Turn {
    c(format!("CONNECT {{\"verbose\":false,\"lang\":\"go\"{options}}}\r\nPING\r\nPUB a 4\r\nINFO\r\n"))
}

const REQUIRED: &str = ",\"auth_required\":true";
const DEMANDS: &str = "demands Secret [nats.authentication-required]";

#[test]
fn an_open_server_serves_anybody() {
    check(&[greeting(""), connect(""), s("PONG\r\n")], &[SPEAKS, SERVED]);
    check(&[greeting(""), connect(""), s("PING\r\nINFO {}\r\nMSG a 1 4\r\nabcd\r\n")], &[SPEAKS, SERVED]);
    check(&[greeting(""), c("connect {\"verbose\":true}\r\n"), s("+OK\r\n")], &[SPEAKS, SERVED]);
    check(
        &[greeting(""), connect(",\"user\":\"bob\""), s("PONG\r\n")],
        &[SPEAKS, "offers Claim for Connection as User \"bob\" [nats.name-sent]", SERVED],
    );
    // A credential that nobody asked for.
    check(
        &[greeting(""), connect(",\"auth_token\":\"MARK11\""), s("PONG\r\n")],
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [nats.token-sent]",
            "accepts [nats.accepted]",
            SERVED,
        ],
    );
}

#[test]
fn a_password_is_asked_for_and_judged() {
    let turns = [greeting(REQUIRED), connect(",\"user\":\"bob\",\"pass\":\"MARK\\u0031\""), s("PONG\r\n")];
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [nats.password-sent]";
    check(&turns, &[SPEAKS, DEMANDS, offered, "accepts [nats.accepted]", SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let violation = s("-ERR 'Authorization Violation'\r\n");
    check(
        &[greeting(REQUIRED), connect(",\"user\":\"bob\",\"pass\":\"x\""), violation.clone()],
        &[SPEAKS, DEMANDS, offered, "refuses ProofWrong [nats.authorization-violation]"],
    );
    check(
        &[greeting(REQUIRED), connect(""), violation],
        &[SPEAKS, DEMANDS, "refuses ProofMissing [nats.authorization-violation]"],
    );
    check(
        &[greeting(""), connect(""), s("-ERR 'Permissions Violation for Publish to \"a\"'\r\n")],
        &[SPEAKS, "refuses NotAllowed [nats.permissions-violation]"],
    );
    check(
        &[greeting(""), connect(""), s("-ERR 'maximum connections exceeded'\r\n")],
        &[SPEAKS, "refuses Other [nats.session-refused]"],
    );
}

#[test]
fn a_challenge_is_signed() {
    let asked = greeting(",\"auth_required\":true,\"nonce\":\"abcdefghijk\"");
    check(
        &[asked.clone(), connect(",\"nkey\":\"UABC\",\"sig\":\"c2lnbmF0dXJl\""), s("PONG\r\n")],
        &[
            SPEAKS,
            "demands Key [nats.authentication-required]",
            "offers Key for Connection as User \"UABC\" by Signature [nats.challenge-signed]",
            "accepts [nats.accepted]",
            SERVED,
        ],
    );
    // A key that is named and not used is no proof.
    check(
        &[asked, connect(",\"nkey\":\"UABC\""), s("-ERR 'Authorization Violation'\r\n")],
        &[
            SPEAKS,
            "demands Key [nats.authentication-required]",
            "refuses ProofMissing [nats.authorization-violation]",
        ],
    );
}

#[test]
fn encryption_silence_and_nonsense() {
    check(
        &[greeting(",\"tls_required\":true"), c(b"\x16\x03\x01nonsense"), s("nonsense")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(&[greeting(REQUIRED), c("CONNECT {\"user\":\"b")], &[SPEAKS]);
    check(&[greeting(REQUIRED), connect("")], &[SPEAKS, DEMANDS]);
    check(
        &[greeting(""), c("CONNECT {\"user\":5}\r\n"), s("PONG\r\n")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[greeting(""), connect(""), s("HELLO\r\n")], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[greeting("")], &["hidden Unsupported [stream.one-sided]"]);
    check(
        &[greeting(""), c("CONNECT example.org:443 HTTP/1.1\r\n\r\n")],
        &["hidden Unsupported [stream.unsupported]"],
    );
}
