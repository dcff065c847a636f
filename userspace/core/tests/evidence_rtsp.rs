//! RTSP: requests, challenges, answers, and media between them.

#![allow(clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks rtsp [stream.protocol]";
const SERVED: &str = "serves Service [rtsp.request-served]";
const TOLD: &str = "serves Public [rtsp.capabilities-told]";
const DEMANDS: &str = "demands Secret [rtsp.authentication-required]";
const MISSING: &str = "refuses ProofMissing [rtsp.authentication-required]";

fn request(method: &str, sequence: u32, more: &str) -> Turn {
    c(format!("{method} rtsp://192.0.2.1/stream RTSP/1.0\r\nCSeq: {sequence}\r\n{more}\r\n"))
}

fn answer(code: u16, sequence: u32, more: &str) -> Turn {
    s(format!("RTSP/1.0 {code} Text\r\nCSeq: {sequence}\r\n{more}\r\n"))
}

#[test]
fn open_cameras_serve_anybody() {
    let turns = [
        request("OPTIONS", 1, ""),
        answer(200, 1, "Public: DESCRIBE, SETUP, PLAY\r\n"),
        request("DESCRIBE", 2, "Accept: application/sdp\r\n"),
        answer(200, 2, "Content-Length: 5\r\n\r\nv=0\r"),
        request("SETUP", 3, "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"),
        answer(200, 3, ""),
        request("PLAY", 4, ""),
        answer(200, 4, ""),
        s(b"$\x00\x00\x04abcd"),
        c(b"$\x01\x00\x02ab"),
        request("TEARDOWN", 5, ""),
        answer(200, 5, ""),
    ];
    check(&turns[..2], &[SPEAKS, TOLD]);
    // Equal exchanges are told once.
    check(&turns, &[SPEAKS, TOLD, SERVED]);
}

#[test]
fn a_password_is_asked_for() {
    let asked = [
        request("DESCRIBE", 1, ""),
        answer(401, 1, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"n\"\r\n"),
    ];
    let digest = "Authorization: Digest username=\"bob\", nonce=\"n\", response=\"MARK\"\r\n";
    let offered = "offers Secret for Request as User \"bob\" by Password [http.digest]";
    let with =
        |proof: &str, code| [&asked[..], &[request("DESCRIBE", 2, proof), answer(code, 2, "")]].concat();
    check(&asked, &[SPEAKS, DEMANDS, MISSING]);
    check(&with(digest, 200), &[SPEAKS, DEMANDS, MISSING, offered, SERVED]);
    check(
        &with(digest, 401),
        &[SPEAKS, DEMANDS, MISSING, offered, DEMANDS, "refuses ProofWrong [rtsp.proof-refused]"],
    );
    // bob:MARK
    check(
        &with("Authorization: Basic Ym9iOk1BUks=\r\n", 200),
        &[
            SPEAKS,
            DEMANDS,
            MISSING,
            "offers Secret for Request as User \"bob\" by Password in clear with fingerprint [http.basic]",
            SERVED,
        ],
    );
    check(&with(digest, 454), &[SPEAKS, DEMANDS, MISSING, offered, "refuses Other [rtsp.request-refused]"]);
}

#[test]
fn what_is_not_rtsp() {
    check(
        &[c("OPTIONS * HTTP/1.0\r\n\r\n"), s("RTSP/1.0 200 OK\r\n\r\n")],
        &["hidden Unsupported [stream.unsupported]"],
    );
    check(
        &[request("OPTIONS", 1, ""), answer(200, 1, ""), c("\n"), c("x".repeat(13_000))],
        &[SPEAKS, TOLD, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[request("OPTIONS", 1, ""), s("RTSP/1.0 200 OK\r\n")], &[SPEAKS]);
}
