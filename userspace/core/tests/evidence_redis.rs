//! Redis: byte sequences and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks redis [stream.protocol]";
const OFFER: &str =
    "offers Secret for Connection by Password in clear with fingerprint [redis.password-sent]";
const GET: &str = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const AUTH: &str = "*2\r\n$4\r\nAUTH\r\n$6\r\nMARK05\r\n";

#[test]
fn open_server_serves_a_command() {
    check(&[c(GET), s("$1\r\nv\r\n")], &[SPEAKS, "serves Service [redis.command-served]"]);
    check(&[c("*1\r\n$4\r\nPING\r\n"), s("+PONG\r\n")], &[SPEAKS, "serves Service [redis.command-served]"]);
    check(&[c("PING\r\n"), s("+PONG\r\n")], &[SPEAKS, "serves Service [redis.command-served]"]);
}

#[test]
fn requirepass_asks_refuses_and_accepts() {
    check(
        &[
            c("*1\r\n$4\r\nPING\r\n"),
            s("-NOAUTH Authentication required.\r\n"),
            c("*2\r\n$4\r\nAUTH\r\n$5\r\nwrong\r\n"),
            s("-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            c(AUTH),
            s("+OK\r\n"),
            c(GET),
            s("$1\r\nv\r\n"),
        ],
        &[
            SPEAKS,
            "demands Secret [redis.authentication-required]",
            "refuses ProofMissing [redis.authentication-required]",
            OFFER,
            "refuses ProofWrong [redis.password-refused]",
            OFFER,
            "accepts [redis.password-accepted]",
            "serves Service [redis.command-served]",
        ],
    );
}

#[test]
fn decorative_password_is_said_so_by_the_server() {
    check(
        &[
            c(AUTH),
            s(
                "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n",
            ),
            c(GET),
            s("$-1\r\n"),
        ],
        &[SPEAKS, OFFER, "ignores [redis.no-password-configured]", "serves Service [redis.command-served]"],
    );
}

#[test]
fn replies_match_pipelined_commands_by_order() {
    check(
        &[c(format!("{GET}{AUTH}{GET}")), s("-NOAUTH Authentication required.\r\n+OK\r\n$1\r\nv\r\n")],
        &[
            SPEAKS,
            "demands Secret [redis.authentication-required]",
            "refuses ProofMissing [redis.authentication-required]",
            OFFER,
            "accepts [redis.password-accepted]",
            "serves Service [redis.command-served]",
        ],
    );
    // Served before the AUTH that came with it: the order of observations says so.
    check(
        &[c(format!("{GET}{AUTH}")), s("*2\r\n$1\r\na\r\n*1\r\n:1\r\n+OK\r\n")],
        &[SPEAKS, "serves Service [redis.command-served]", OFFER, "accepts [redis.password-accepted]"],
    );
}

#[test]
fn acl_user_by_hello_in_resp3() {
    check(
        &[
            c("*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$6\r\nMARK05\r\n"),
            s("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"),
            c("*1\r\n$8\r\nFLUSHALL\r\n"),
            s("-NOPERM User app has no permissions to run the 'flushall' command\r\n"),
            c(GET),
            s(">2\r\n$10\r\ninvalidate\r\n_\r\n|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n"),
        ],
        &[
            SPEAKS,
            "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [redis.password-sent]",
            "accepts [redis.password-accepted]",
            "refuses NotAllowed [redis.not-allowed]",
            "serves Service [redis.command-served]",
        ],
    );
}

#[test]
fn greetings_and_descriptions_are_no_service() {
    check(
        &[
            c("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
            s("%1\r\n$5\r\nproto\r\n:3\r\n"),
            c("*1\r\n$4\r\nQUIT\r\n"),
            s("+OK\r\n"),
        ],
        &[SPEAKS],
    );
    check(
        &[c("*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n"), s("*0\r\n")],
        &[SPEAKS, "serves Public [redis.description-served]"],
    );
}

#[test]
fn protected_mode_refuses_the_place() {
    let denied = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.\r\n";
    let expect = [SPEAKS, "refuses Place [redis.protected-mode]"];
    check(&[c(GET), s(denied)], &expect);
    // The server speaks before it reads.
    check(&[s(denied), c(GET)], &expect);
}

#[test]
fn errors_that_are_not_about_identity_show_nothing() {
    check(&[c(GET), s("-LOADING Redis is loading the dataset in memory\r\n")], &[SPEAKS]);
}

#[test]
fn large_values_are_skipped_in_both_directions() {
    let value = "x".repeat(100_000);
    check(
        &[
            c(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n{value}\r\n{GET}{AUTH}")),
            s(format!("+OK\r\n$100000\r\n{value}\r\n+OK\r\n")),
        ],
        &[SPEAKS, "serves Service [redis.command-served]", OFFER, "accepts [redis.password-accepted]"],
    );
}

#[test]
fn a_password_without_an_answer_is_only_offered() {
    check(
        &[c("*1\r\n$4\r\nPING\r\n"), s("-NOAUTH Authentication required.\r\n"), c(AUTH)],
        &[
            SPEAKS,
            "demands Secret [redis.authentication-required]",
            "refuses ProofMissing [redis.authentication-required]",
            OFFER,
        ],
    );
}

#[test]
fn what_only_looks_like_redis_is_not() {
    check(&[c(GET), s("HTTP/1.1 400 Bad Request\r\n\r\n")], &["hidden Unsupported [stream.unsupported]"]);
    check(
        &[c("get k\r\n"), s("END\r\n")],
        &["speaks memcached [stream.protocol]", "serves Service [memcached.command-served]"],
    );
    check(&[c(GET)], &["hidden Unsupported [stream.one-sided]"]);
    check(&[], &["hidden NoPayload [stream.no-payload]"]);
}
