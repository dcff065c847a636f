//! AFP over DSI: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, line, observe, s};

const SPEAKS: &str = "speaks afp [stream.protocol]";
const OPENED: &str = "serves Service [afp.session-opened]";
const ACCEPTED: &str = "accepts [afp.proof-accepted]";

/// Flags, command, id, result, length, nothing.
fn dsi(flags: u8, command: u8, id: u16, result: i32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let head = [flags, command];
    [&head[..], &id.to_be_bytes(), &result.to_be_bytes(), &length, &[0; 4], body].concat()
}

fn greeting() -> Vec<Turn> {
    vec![c(dsi(0, 4, 1, 0, b"\x01\x04\0\0\x04\0")), s(dsi(1, 4, 1, 0, b"\0\x04\0\x10\0\0"))]
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn login(method: &str, rest: &[u8]) -> Turn {
    c(dsi(0, 2, 2, 0, &[&[18][..], &short("AFP2.2"), &short(method), rest].concat()))
}

fn go_on(rest: &[u8]) -> Turn {
    c(dsi(0, 2, 3, 0, &[&[19, 0, 0, 1][..], rest].concat()))
}

fn result(id: u16, result: i32) -> Turn {
    s(dsi(1, 2, id, result, b""))
}

fn with(rest: &[Turn]) -> Vec<Turn> {
    [&greeting()[..], rest].concat()
}

#[test]
fn guests() {
    let guest = "offers Claim for Connection [afp.guest-login]";
    check(&with(&[login("No User Authent", b""), result(2, 0)]), &[SPEAKS, guest, OPENED]);
    check(
        &with(&[login("No User Authent", b""), result(2, -5023)]),
        &[SPEAKS, guest, "refuses ProofMissing [afp.login-refused]"],
    );
    check(
        &with(&[login("No User Authent", b""), result(2, -5002)]),
        &[SPEAKS, guest, "refuses Other [afp.login-failed]"],
    );
    check(
        &[c(dsi(0, 3, 0, 0, b"")), s(dsi(1, 3, 0, 0, b"status"))],
        &[SPEAKS, "serves Public [afp.status-served]"],
    );
}

#[test]
fn passwords() {
    let clear = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [afp.password-sent]";
    let sent = [short("bob"), b"MARK1\0\0\0".to_vec()].concat();
    let turns = with(&[login("Cleartxt Passwrd", &sent), result(2, 0)]);
    check(&turns, &[SPEAKS, clear, ACCEPTED, OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let proved = "offers Secret for Connection as User \"bob\" by Password [afp.password-proved]";
    let exchange =
        [login("DHCAST128", &[short("bob"), vec![0; 16]].concat()), result(2, -5001), go_on(&[0; 48])];
    check(&with(&[&exchange[..], &[result(3, 0)]].concat()), &[SPEAKS, proved, ACCEPTED, OPENED]);
    check(
        &with(&[&exchange[..], &[result(3, -5023)]].concat()),
        &[SPEAKS, proved, "refuses ProofWrong [afp.login-refused]"],
    );
    check(&with(&exchange), &[SPEAKS, proved]);
    // FPLoginExt: flags, version, method, kind and name of the user, a path.
    let extended = [&[63, 0, 0, 0][..], &short("AFP3.4"), &short("DHX2"), b"\x03\0\x03bob\x03\0\0"].concat();
    check(
        &with(&[c(dsi(0, 2, 2, 0, &extended)), result(2, -5001), go_on(&[0; 48]), result(3, 0)]),
        &[SPEAKS, proved, ACCEPTED, OPENED],
    );
}

/// What a login proved, or failed to prove, is no proof of the guest login after it.
#[test]
fn a_guest_after_a_refused_password_proved_nothing() {
    let sent = [&short("bob")[..], b"MARK02\0\0"].concat();
    let guest = "offers Claim for Connection [afp.guest-login]";
    let shown = observe(&with(&[
        login("Cleartxt Passwrd", &sent),
        result(2, -5023),
        login("No User Authent", b""),
        result(2, 0),
    ]));
    let shown: Vec<String> = shown.iter().map(line).collect();
    assert!(shown.iter().any(|it| it == guest) && shown.iter().any(|it| it == OPENED), "{shown:?}");
    assert!(!shown.iter().any(|it| it == ACCEPTED), "{shown:?}");
}

#[test]
fn tickets_and_what_is_not_known() {
    // An AP-REQ's start: version 5, type 14.
    let request = b"\x6e\x0c\x30\x0a\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e";
    let sent = [&short("bob")[..], &[0], request].concat();
    check(
        &with(&[login("Client Krb v2", &sent), result(2, 0)]),
        &[SPEAKS, "offers Key for Connection by Ticket [afp.ticket-sent]", ACCEPTED, OPENED],
    );
    check(
        &with(&[login("Other method", &short("bob")), result(2, 0)]),
        &[SPEAKS, "hidden Unsupported [afp.unknown-proof-accepted]"],
    );
}

#[test]
fn nonsense() {
    check(&with(&[c("nonsense........")]), &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[c(dsi(0, 4, 1, 0, b"")), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
