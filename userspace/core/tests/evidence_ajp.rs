//! AJP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks ajp13 [stream.protocol]";
const SERVED: &str = "serves Service [ajp.request-served]";

fn packet(magic: &[u8], body: &[u8]) -> Vec<u8> {
    [magic, &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes(), b"\0"].concat()
}

/// A forwarded GET: protocol, target, remote address and host, server and port, no TLS, one coded field and one named,
/// then the attributes.
fn request(target: &str, authorization: &str, attributes: &[u8]) -> Turn {
    let mut body = vec![2, 2];
    for text in ["HTTP/1.1", target, "192.0.2.1"] {
        body.extend(string(text));
    }
    body.extend([0xff, 0xff]);
    body.extend(string("server"));
    body.extend([0, 80, 0, 0, 2, 0xa0, 5]);
    body.extend(string(authorization));
    body.extend(string("x-other"));
    body.extend(string("y"));
    body.extend_from_slice(attributes);
    body.push(0xff);
    c(packet(b"\x12\x34", &body))
}

/// SEND_HEADERS, a chunk, END_RESPONSE.
fn answer(status: u16) -> Turn {
    let head = [&[4][..], &status.to_be_bytes(), &string("text"), &[0, 0]].concat();
    s([packet(b"AB", &head), packet(b"AB", b"\x03\0\x02hi\0"), packet(b"AB", &[5, 1])].concat())
}

#[test]
fn requests_without_proof() {
    check(&[request("/app", "", &[]), answer(200)], &[SPEAKS, SERVED]);
    check(
        &[request("/health", "", &[]), answer(200)],
        &[SPEAKS, "serves Public [ajp.public-request-served]"],
    );
    check(&[request("/app", "", &[]), answer(401)], &[SPEAKS, "refuses ProofMissing [ajp.unauthorized]"]);
    check(&[request("/app", "", &[]), answer(403)], &[SPEAKS, "refuses Other [ajp.forbidden]"]);
    check(&[request("/app", "", &[]), answer(500)], &[SPEAKS, "refuses Other [ajp.request-failed]"]);
    let ping = [c(packet(b"\x12\x34", &[10])), s(packet(b"AB", &[9]))];
    check(&ping, &[SPEAKS, "serves Public [ajp.ping-answered]"]);
    // A body comes in packets without a code, and the next request after the answer.
    check(
        &[
            request("/app", "", &[]),
            c(packet(b"\x12\x34", b"\0\x02hi")),
            s(packet(b"AB", &[6, 0, 9])),
            c(packet(b"\x12\x34", b"")),
            answer(302),
            request("/app", "", &[]),
            answer(404),
        ],
        &[SPEAKS, SERVED, "refuses Other [ajp.request-failed]"],
    );
}

#[test]
fn proofs_and_names() {
    let named = [&[3][..], &string("bob"), &[0x0a], &string("a"), &string("b"), &[0x0b, 0, 128]].concat();
    check(
        &[request("/app", "", &named), answer(200)],
        &[SPEAKS, "offers Claim for Request as User \"bob\" [ajp.user-named]", SERVED],
    );
    let secret = [&[5][..], &string("q=1"), &[0x0c], &string("MARK1")].concat();
    let turns = [request("/app", "", &secret), answer(200)];
    let offered = "offers Secret for Request by Password in clear with fingerprint [ajp.secret-sent]";
    check(&turns, &[SPEAKS, offered, "accepts [ajp.proof-not-refused]", SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &[request("/app", "", &secret), answer(403)],
        &[SPEAKS, offered, "refuses NotAllowed [ajp.forbidden]"],
    );
    // bob:MARK2
    let basic =
        "offers Secret for Request as User \"bob\" by Password in clear with fingerprint [http.basic]";
    check(
        &[request("/app", "Basic Ym9iOk1BUksy", &[]), answer(401)],
        &[SPEAKS, basic, "refuses ProofWrong [ajp.unauthorized]"],
    );
}

#[test]
fn nonsense() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[c(packet(b"\x12\x34", b"\x02\x02\0")), answer(200)], &[SPEAKS, unread]);
    check(&[request("/app", "", &[]), answer(200), c("nonsense")], &[SPEAKS, SERVED, unread]);
    check(&[request("/app", "", &[]), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
