//! SOCKS 4, 4a and 5: greetings, methods, proofs and answers.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SOCKS4: &str = "speaks socks4 [stream.protocol]";
const SOCKS5: &str = "speaks socks5 [stream.protocol]";
const SERVED: &str = "serves Service [socks.connected]";
const OTHER: &str = "refuses Other [socks.request-refused]";
const DEMANDS: &str = "demands Secret [socks.proof-demanded]";
const PASSWORD: &str = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [socks.password-sent]";
const UNSUPPORTED: &[&str] = &["hidden Unsupported [stream.unsupported]"];

/// CONNECT to port 80 of an address, with a user, and a host name for 4a.
fn connect4(address: [u8; 4], user: &str, host: &str) -> Turn {
    let mut bytes = vec![4, 1, 0, 80];
    bytes.extend_from_slice(&address);
    bytes.extend_from_slice(user.as_bytes());
    bytes.push(0);
    if !host.is_empty() {
        bytes.extend_from_slice(host.as_bytes());
        bytes.push(0);
    }
    bytes.extend_from_slice(b"GET / HTTP/1.0\r\n\r\n");
    c(bytes)
}

fn answer4(code: u8) -> Turn {
    s([0, code, 0, 80, 192, 0, 2, 1])
}

#[test]
fn version_4_takes_the_callers_word() {
    let claimed = "offers Claim for Connection as User \"bob\" [sasl.name-claimed]";
    let claimed = claimed.replace("sasl.name-claimed", "socks.user-claimed");
    check(&[connect4([192, 0, 2, 1], "bob", ""), answer4(90)], &[SOCKS4, &claimed, SERVED]);
    check(&[connect4([192, 0, 2, 1], "", ""), answer4(90)], &[SOCKS4, SERVED]);
    check(&[connect4([0, 0, 0, 7], "", "www.example.org"), answer4(90)], &[SOCKS4, SERVED]);
    check(&[connect4([192, 0, 2, 1], "", ""), answer4(91)], &[SOCKS4, OTHER]);
    check(
        &[connect4([192, 0, 2, 1], "bob", ""), answer4(93)],
        &[SOCKS4, &claimed, "refuses NotAllowed [socks.request-refused]"],
    );
    check(&[connect4([0, 0, 0, 0], "bob", ""), answer4(90)], UNSUPPORTED);
    check(&[connect4([192, 0, 2, 1], "bob", ""), answer4(89)], UNSUPPORTED);
    check(&[connect4([192, 0, 2, 1], "bob", ""), s([0, 90, 0])], &[SOCKS4, &claimed]);
}

const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0bexample.org\x00\x50";

fn answer5(code: u8) -> Turn {
    s([5, code, 0, 1, 192, 0, 2, 1, 0, 80])
}

#[test]
fn version_5_without_proof() {
    check(&[c([5, 1, 0]), s([5, 0]), c(REQUEST), answer5(0), c("data"), s("data")], &[SOCKS5, SERVED]);
    check(&[c([5, 2, 0, 2]), s([5, 0]), c(REQUEST), answer5(5)], &[SOCKS5, OTHER]);
    check(
        &[c([5, 1, 0]), s([5, 0]), c(REQUEST), answer5(2)],
        &[SOCKS5, "refuses NotAllowed [socks.request-refused]"],
    );
    check(&[c([5, 1, 0]), s([5, 255])], &[SOCKS5, "refuses ProofMissing [socks.methods-refused]"]);
    check(&[c([5, 2, 0, 2]), s([5, 255])], &[SOCKS5, "refuses Other [socks.methods-refused]"]);
    check(&[c([5, 1, 0]), s([5, 0]), c(REQUEST)], &[SOCKS5]);
    check(
        &[c([5, 1, 0]), s([5, 0]), c(b"\x05\x09\x00\x01\x00\x00\x00\x00\x00\x00")],
        &[SOCKS5, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[c([5, 0, 0]), s([5, 0])], UNSUPPORTED);
    check(&[c([5, 1, 0]), s([4, 0])], UNSUPPORTED);
}

#[test]
fn version_5_with_a_password() {
    let tried = c(b"\x01\x03bob\x06MARK22");
    let opened = [c([5, 2, 0, 2]), s([5, 2]), tried.clone()];
    let then = |turns: &[Turn]| [&opened[..], turns].concat();
    check(
        &then(&[s([1, 0]), c(REQUEST), answer5(0)]),
        &[SOCKS5, DEMANDS, PASSWORD, "accepts [socks.proof-accepted]", SERVED],
    );
    check(&then(&[s([1, 1])]), &[SOCKS5, DEMANDS, PASSWORD, "refuses ProofWrong [socks.proof-refused]"]);
    check(&opened, &[SOCKS5, DEMANDS, PASSWORD]);
    // An empty password proves nothing.
    check(
        &[c([5, 1, 2]), s([5, 2]), c(b"\x01\x03bob\x00"), s([1, 0]), c(REQUEST), answer5(0)],
        &[SOCKS5, DEMANDS, "offers Claim for Connection as User \"bob\" [sasl.name-claimed]", SERVED],
    );
}

/// Version, message type, length, token (RFC 1961).
fn token(kind: u8, token: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, kind, 0, u8::try_from(token.len()).unwrap_or(0)];
    bytes.extend_from_slice(token);
    bytes
}

#[test]
fn version_5_with_a_ticket() {
    // A Kerberos AP-REQ behind its token id: version 5, message type 14.
    let ticket = b"\x01\x00\x6e\x0c\x30\x0a\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e";
    let opened = [c([5, 1, 1]), s([5, 1]), c(token(1, ticket))];
    let demanded = "demands Key [socks.proof-demanded]";
    let offered = "offers Key for Connection by Ticket [socks.token-sent]";
    let then = |turns: &[Turn]| [&opened[..], turns].concat();
    check(
        &then(&[s(token(1, b"\x02\x00\x6f")), c(token(2, b"\x01")), s(token(2, b"\x01")), c("sealed")]),
        &[
            SOCKS5,
            demanded,
            offered,
            "accepts [socks.proof-accepted]",
            "serves Service [socks.session-opened]",
        ],
    );
    check(&then(&[s([1, 255])]), &[SOCKS5, demanded, offered, "refuses ProofWrong [socks.proof-refused]"]);
    check(
        &then(&[s("GET / HTTP/1.0\r\n")]),
        &[SOCKS5, demanded, offered, "hidden Unsupported [stream.unreadable]"],
    );
}
