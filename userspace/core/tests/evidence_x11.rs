//! X11: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks x11 [stream.protocol]";
const SERVED: &str = "serves Service [x11.connection-opened]";

/// Connection setup (appendix B): byte order, version 11.0, lengths of name and proof, both padded to four bytes.
fn setup(name: &str, proof: &[u8]) -> Turn {
    let mut bytes = b"l\0\x0b\0\0\0".to_vec();
    bytes.extend(
        [name.len(), proof.len()].iter().flat_map(|length| u16::try_from(*length).unwrap_or(0).to_le_bytes()),
    );
    bytes.extend([0, 0]);
    for field in [name.as_bytes(), proof] {
        bytes.extend(field);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    c(bytes)
}

fn refusal(reason: &str) -> Turn {
    let mut bytes = vec![0, u8::try_from(reason.len()).unwrap_or(0), 11, 0, 0, 0, 0, 0];
    bytes.extend(reason.as_bytes());
    s(bytes)
}

const SUCCESS: &[u8] = b"\x01\0\x0b\0\0\0\x90\0release and more";
const COOKIE: &str = "offers Secret for Connection by Cookie in clear with fingerprint [x11.cookie-sent]";

#[test]
fn a_display_opens_with_and_without_a_cookie() {
    check(&[setup("", b""), s(SUCCESS)], &[SPEAKS, SERVED]);
    check(&[setup("MIT-MAGIC-COOKIE-1", b""), s(SUCCESS)], &[SPEAKS, SERVED]);
    check(&[c(b"B\0\0\x0b\0\0\0\0\0\0\0\0"), s(b"\x01\0\0\x0b\0\0\0\x90")], &[SPEAKS, SERVED]);
    check(
        &[setup("MIT-MAGIC-COOKIE-1", b"MARKMARKMARK1234"), c("request"), s(SUCCESS)],
        &[SPEAKS, COOKIE, "accepts [x11.cookie-accepted]", SERVED],
    );
    check(
        &[setup("XDM-AUTHORIZATION-1", b"0123456789abcdef01234567"), s(SUCCESS)],
        &[
            SPEAKS,
            "offers Secret for Connection by Cookie [x11.encrypted-cookie-sent]",
            "accepts [x11.cookie-accepted]",
            SERVED,
        ],
    );
}

#[test]
fn a_display_refuses() {
    let wrong = refusal("Invalid MIT-MAGIC-COOKIE-1 key");
    check(
        &[setup("MIT-MAGIC-COOKIE-1", b"MARKMARKMARK1234"), wrong],
        &[SPEAKS, COOKIE, "refuses ProofWrong [x11.cookie-refused]"],
    );
    check(
        &[setup("", b""), refusal("No protocol specified\n")],
        &[SPEAKS, "refuses ProofMissing [x11.cookie-missing]"],
    );
    check(
        &[setup("", b""), refusal("Maximum number of clients reached")],
        &[SPEAKS, "refuses Other [x11.refused]"],
    );
}

#[test]
fn what_is_not_read_is_said() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[setup("SUN-DES-1", b"proof"), s(SUCCESS)], &[SPEAKS, unread]);
    check(&[c(b"l\0\x0b\0\0\0\xff\xff\0\0\0\0"), s(SUCCESS)], &[SPEAKS, unread]);
    check(&[setup("", b""), s(b"\x02\0\0\0\0\0\0\0")], &[SPEAKS, unread]);
    check(&[setup("MIT-MAGIC-COOKIE-1", b"MARKMARKMARK1234"), s(b"\x01\0\x0b\0")], &[SPEAKS, COOKIE]);
    check(&[setup("", b""), s("HTTP/1.1 200 OK\r\n\r\n")], &["hidden Unsupported [stream.unsupported]"]);
}
