//! The PROXY protocol: who is named, and what follows.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks proxy-protocol [stream.protocol]";
const REDIS: &str = "speaks redis [stream.protocol]";
const SERVED: &str = "serves Service [redis.command-served]";
const CLAIMED: &str =
    "offers Claim for Connection as User \"192.0.2.1:56324\" [proxy-protocol.origin-claimed]";
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn then(header: &[u8]) -> Vec<Turn> {
    vec![c([header, PING].concat()), s("+PONG\r\n")]
}

/// Signature, command, family, length, addresses and ports, and more (section 2.2).
fn second(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(0);
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family, 0, length], content].concat()
}

const ADDRESSES: &[u8] = &[192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0, 80];

#[test]
fn an_origin_is_named_and_another_protocol_follows() {
    check(&then(b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 80\r\n"), &[SPEAKS, CLAIMED, REDIS, SERVED]);
    check(&then(b"PROXY UNKNOWN\r\n"), &[SPEAKS, REDIS, SERVED]);
    check(
        &then(b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 80\r\n"),
        &[
            SPEAKS,
            "offers Claim for Connection as User \"[2001:db8::1]:56324\" [proxy-protocol.origin-claimed]",
            REDIS,
            SERVED,
        ],
    );
    check(&then(&second(0x21, 0x11, ADDRESSES)), &[SPEAKS, CLAIMED, REDIS, SERVED]);
    // The hop's own health check.
    check(&then(&second(0x20, 0x11, ADDRESSES)), &[SPEAKS, REDIS, SERVED]);
    // Type 0x20: a certificate was shown (2) and verified (0), its subject is `bob` (0x22).
    let subject = [ADDRESSES, b"\x20\x00\x0b\x03\x00\x00\x00\x00\x22\x00\x03bob"].concat();
    check(
        &then(&second(0x21, 0x11, &subject)),
        &[
            SPEAKS,
            CLAIMED,
            "offers Claim for Connection as Subject \"bob\" [proxy-protocol.subject-claimed]",
            REDIS,
            SERVED,
        ],
    );
}

#[test]
fn what_follows_may_be_unknown() {
    check(
        &[c("PROXY UNKNOWN\r\n\x07\x07\x07\x07"), s("\x07\x07\x07\x07")],
        &[SPEAKS, "hidden Unsupported [stream.unsupported]"],
    );
    check(&[c("PROXY UNKNOWN\r\n*1\r\n"), s("+")], &[SPEAKS, "hidden Unsupported [stream.unsupported]"]);
    check(&[c("PROXY TCP5 x\r\n"), s("+PONG\r\n")], &["hidden Unsupported [stream.unsupported]"]);
    check(
        &[c(format!("PROXY TCP4 {}", "x".repeat(200))), s("+PONG\r\n")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
