//! IRC: registrations and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks irc [stream.protocol]";
const REGISTERED: &str = "serves Service [irc.registered]";
const CLAIMED: &str = "offers Claim for Connection as User \"bob\" [irc.registered]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [irc.password-sent]";
const DEMANDS: &str = "demands Secret [irc.proof-demanded]";
const ACCEPTED: &str = "accepts [irc.proof-accepted]";

#[test]
fn names_passwords_and_refusals() {
    let named = c("NICK bob\r\nUSER b 0 * :Bob\r\n");
    let proved = c("PASS MARK7\r\nNICK bob\r\nUSER b 0 * :Bob\r\n");
    let greeting = s(":irc.example NOTICE AUTH :*** Looking up your hostname\r\n");
    let welcome = s(":irc.example 001 bob :Welcome\r\n");
    let mismatch = s(":irc.example 464 bob :Password incorrect\r\nERROR :Closing Link\r\n");
    let ended = "refuses Other [irc.refused]";
    check(
        &[named.clone(), greeting.clone(), welcome.clone(), c("JOIN #a\r\n")],
        &[SPEAKS, CLAIMED, REGISTERED],
    );
    check(&[greeting, proved.clone(), welcome.clone()], &[SPEAKS, PASSWORD, ACCEPTED, REGISTERED]);
    check(
        &[proved.clone(), mismatch.clone()],
        &[SPEAKS, DEMANDS, PASSWORD, "refuses ProofWrong [irc.proof-refused]", ended],
    );
    check(&[named.clone(), mismatch], &[SPEAKS, DEMANDS, "refuses ProofMissing [irc.proof-refused]", ended]);
    check(&[named.clone(), s("ERROR :Closing Link: (Too many connections)\r\n")], &[SPEAKS, ended]);
    check(&[named, s(":irc.example 465 bob :You are banned\r\n")], &[SPEAKS, "refuses Place [irc.refused]"]);
    check(
        &[proved.clone(), s("ERROR :Closing Link: (Access denied)\r\n")],
        &[SPEAKS, PASSWORD, "refuses ProofWrong [irc.refused]"],
    );
    check(&[proved, s(":irc.example 001 bob")], &[SPEAKS, PASSWORD]);
}

#[test]
fn exchanges_of_proof() {
    let begins = [
        c("CAP LS 302\r\nNICK bob\r\nUSER b 0 * :Bob\r\n"),
        s(":irc.example CAP * LS :sasl=PLAIN\r\n"),
        c("CAP REQ :sasl\r\n"),
        s(":irc.example CAP bob ACK :sasl\r\n"),
        c("AUTHENTICATE PLAIN\r\n"),
        s("AUTHENTICATE +\r\n"),
        // \0bob\0MARK
        c("AUTHENTICATE AGJvYgBNQVJL\r\n"),
    ];
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";
    let then = |text: &str| [&begins[..], &[s(text)]].concat();
    check(
        &then(
            ":irc.example 900 bob b!b@h bob :You are now logged in\r\n:irc.example 903 bob :ok\r\n:irc.example 001 bob :Welcome\r\n",
        ),
        &[SPEAKS, DEMANDS, offered, ACCEPTED, REGISTERED],
    );
    check(
        &then(":irc.example 904 bob :SASL authentication failed\r\n"),
        &[SPEAKS, DEMANDS, offered, "refuses ProofWrong [irc.proof-refused]"],
    );
    check(&begins, &[SPEAKS, offered]);
    check(
        &[
            c("CAP LS\r\nAUTHENTICATE MYSTERY\r\n"),
            s("AUTHENTICATE +\r\n"),
            c("AUTHENTICATE YQ==\r\n"),
            s(":i 903 a :ok\r\n"),
        ],
        &[SPEAKS, "hidden Unsupported [irc.proof-accepted]"],
    );
}

#[test]
fn encryption_and_what_is_not_irc() {
    check(
        &[c("STARTTLS\r\n"), s(":irc.example 670 * :go on\r\n"), c(b"\x16\x03\x01x"), s("x")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]"],
    );
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[c("NICK bob\r\n"), s("hello there\r\n")], &unsupported);
    check(&[c("SERVICE a\r\n"), s(":irc.example 001 bob\r\n")], &unsupported);
    check(
        &[c("NICK bob\r\n"), s(":a NOTICE b\r\n"), c("x".repeat(13_000))],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
