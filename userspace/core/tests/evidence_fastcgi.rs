//! FastCGI: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks fastcgi [stream.protocol]";
const SERVED: &str = "serves Service [fastcgi.request-served]";

/// Version, type, request 1, length, padding.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1][..], &length, &[2, 0], content, &[0; 2]].concat()
}

/// Role 1, the variables, no input. Long values have lengths of four bytes.
fn request(variables: &[(&str, &str)]) -> Turn {
    let mut pairs = Vec::new();
    for (name, value) in variables {
        pairs.push(u8::try_from(name.len()).unwrap());
        pairs.extend((u32::try_from(value.len()).unwrap() | 0x8000_0000).to_be_bytes());
        pairs.extend_from_slice(name.as_bytes());
        pairs.extend_from_slice(value.as_bytes());
    }
    let begin = record(1, &[0, 1, 1, 0, 0, 0, 0, 0]);
    c([begin, record(4, &pairs), record(4, b""), record(5, b"")].concat())
}

fn answer(head: &str) -> Turn {
    s([record(6, head.as_bytes()), record(6, b""), record(3, &[0; 8])].concat())
}

const PAGE: &[(&str, &str)] = &[("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/app.php")];

#[test]
fn requests_without_proof() {
    check(&[request(PAGE), answer("Content-Type: text/html\r\n\r\nhi")], &[SPEAKS, SERVED]);
    check(
        &[request(&[("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/health")]), answer("X: y\r\n\r\n")],
        &[SPEAKS, "serves Public [fastcgi.public-request-served]"],
    );
    check(
        &[request(PAGE), answer("Status: 401 Unauthorized\r\n\r\n"), request(PAGE), answer("\r\n\r\n")],
        &[SPEAKS, "refuses ProofMissing [fastcgi.unauthorized]", SERVED],
    );
    check(&[request(PAGE), answer("Status: 403\r\n\r\n")], &[SPEAKS, "refuses Other [fastcgi.forbidden]"]);
    check(
        &[request(PAGE), answer("Status: 500\r\n\r\n")],
        &[SPEAKS, "refuses Other [fastcgi.request-failed]"],
    );
    // No output at all.
    check(&[request(PAGE), s(record(3, &[0; 8]))], &[SPEAKS, SERVED]);
    let values = [c(record(9, b"\x0e\0FCGI_MAX_CONNS")), s(record(10, b"\x0e\x011FCGI_MAX_CONNS1"))];
    check(&values, &[SPEAKS, "serves Public [fastcgi.public-request-served]"]);
}

#[test]
fn proofs_and_names() {
    check(
        &[request(&[PAGE, &[("REMOTE_USER", "bob")]].concat()), answer("X: y\r\n\r\n")],
        &[SPEAKS, "offers Claim for Request as User \"bob\" [fastcgi.user-named]", SERVED],
    );
    // bob:MARK2
    let basic =
        "offers Secret for Request as User \"bob\" by Password in clear with fingerprint [http.basic]";
    let turns =
        [request(&[PAGE, &[("HTTP_AUTHORIZATION", "Basic Ym9iOk1BUksy")]].concat()), answer("X: y\r\n\r\n")];
    check(&turns, &[SPEAKS, basic, "accepts [fastcgi.proof-not-refused]", SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
}

#[test]
fn nonsense() {
    check(
        &[request(PAGE), answer("\r\n\r\n"), c("nonsense")],
        &[SPEAKS, SERVED, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[request(PAGE), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
