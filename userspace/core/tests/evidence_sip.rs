//! SIP: requests, challenges and answers over UDP and TCP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, observe, s};

const STREAM: &str = "speaks sip [stream.protocol]";
const DATAGRAMS: &str = "speaks sip [datagrams.protocol]";
const SERVED: &str = "serves Service [sip.request-served]";
const DEMANDS: &str = "demands Secret [sip.authentication-required]";
const MISSING: &str = "refuses ProofMissing [sip.authentication-required]";
const DIGEST: &str = "offers Secret for Request as User \"bob\" by Password [http.digest]";

fn request(method: &str, sequence: u32, more: &str) -> Vec<u8> {
    format!(
        "{method} sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{sequence}\r\n\
         From: <sip:bob@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: abc@192.0.2.1\r\n\
         CSeq: {sequence} {method}\r\n{more}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn answer(code: u16, method: &str, sequence: u32, more: &str) -> Vec<u8> {
    format!(
        "SIP/2.0 {code} Text\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{sequence}\r\n\
         i: abc@192.0.2.1\r\nCSeq: {sequence} {method}\r\n{more}l: 4\r\n\r\nbody"
    )
    .into_bytes()
}

const PROOF: &str = "Authorization: Digest username=\"bob\", realm=\"x\",\r\n nonce=\"n\", uri=\"sip:example.org\", \
                     response=\"MARK11112222\", algorithm=MD5\r\n";
const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n";

/// The same over UDP, a message a datagram, and over TCP.
#[track_caller]
fn check_both(turns: &[Turn], expect: &[&str]) {
    check(turns, &[&[STREAM], expect].concat());
    check_datagrams(turns, &[&[DATAGRAMS], expect].concat());
}

#[test]
fn a_registration_is_challenged() {
    let asked = [
        c(request("REGISTER", 1, "")),
        s(answer(100, "REGISTER", 1, "")),
        s(answer(401, "REGISTER", 1, CHALLENGE)),
    ];
    check_both(&asked, &[DEMANDS, MISSING]);
    let tried = |code, more| {
        let again = [c(request("REGISTER", 2, PROOF)), s(answer(code, "REGISTER", 2, more))];
        [&asked[..], &again].concat()
    };
    check_both(&tried(200, ""), &[DEMANDS, MISSING, DIGEST, SERVED]);
    assert!(!format!("{:?}", observe(&tried(200, ""))).contains("MARK"));
    check_both(
        &tried(401, CHALLENGE),
        &[DEMANDS, MISSING, DIGEST, DEMANDS, "refuses ProofWrong [sip.proof-refused]"],
    );
    // The answer was right for a challenge that is too old.
    check_both(
        &tried(401, "WWW-Authenticate: Digest realm=\"x\", stale=TRUE, nonce=\"m\"\r\n"),
        &[DEMANDS, MISSING, DIGEST, DEMANDS],
    );
    check_both(&tried(403, ""), &[DEMANDS, MISSING, DIGEST, "refuses NotAllowed [sip.request-refused]"]);
    check_both(&[&asked[..], &[c(request("REGISTER", 2, PROOF))]].concat(), &[DEMANDS, MISSING, DIGEST]);
}

#[test]
fn calls_without_proof() {
    check_both(
        &[c(request("INVITE", 1, "")), s(answer(180, "INVITE", 1, "")), s(answer(200, "INVITE", 1, ""))],
        &[SERVED],
    );
    // The answer comes again, and the call ends.
    let call = [
        c(request("INVITE", 1, "")),
        s(answer(200, "INVITE", 1, "")),
        s(answer(200, "INVITE", 1, "")),
        c(request("ACK", 1, "")),
        c(request("BYE", 2, "")),
        s(answer(200, "BYE", 2, "")),
    ];
    check_both(&call, &[SERVED]);
    check_both(
        &[c(request("INVITE", 1, "")), s(answer(486, "INVITE", 1, ""))],
        &["refuses Other [sip.request-refused]"],
    );
    check_both(
        &[c(request("OPTIONS", 1, "")), s(answer(200, "OPTIONS", 1, ""))],
        &["serves Public [sip.capabilities-told]"],
    );
    check_both(
        &[
            c(request("INVITE", 1, "P-Asserted-Identity: <sip:alice@example.org>\r\n")),
            s(answer(200, "INVITE", 1, "")),
        ],
        &["offers Claim for Request as User \"<sip:alice@example.org>\" [sip.identity-asserted]", SERVED],
    );
}

#[test]
fn what_proves_nothing() {
    // The user is named before the challenge, without an answer to one.
    let named = "Authorization: Digest username=\"bob\", response=\"\"\r\n";
    check_both(
        &[c(request("REGISTER", 1, named)), s(answer(401, "REGISTER", 1, CHALLENGE))],
        &[DEMANDS, MISSING],
    );
    // Answers to nothing that was asked, and a question of the receiver.
    check_datagrams(&[c(request("REGISTER", 1, "")), s(answer(200, "REGISTER", 9, ""))], &[DATAGRAMS]);
    check_both(
        &[c(request("REGISTER", 1, "")), s(request("OPTIONS", 1, "")), c(answer(200, "OPTIONS", 1, ""))],
        &[],
    );
}

#[test]
fn keep_alives_and_what_is_not_sip() {
    check(
        &[
            c(request("REGISTER", 1, "")),
            s(answer(200, "REGISTER", 1, "")),
            c("\r\n\r\n"),
            s("\r\n"),
            c(request("MESSAGE", 2, "")),
            s(answer(403, "MESSAGE", 2, "")),
        ],
        &[STREAM, SERVED, "refuses NotAllowed [sip.request-refused]"],
    );
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&[c(request("REGISTER", 1, "")), s("SIP/2.0 200 OK\r\n\r\n"), c("\r\n\n")], &[STREAM]);
    check(
        &[c(request("REGISTER", 1, "")), s(answer(200, "REGISTER", 1, "")), c("x".repeat(13_000))],
        &[STREAM, SERVED, lost],
    );
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    check(&[c("REGISTER sip:example.org HTTP/1.1\r\n\r\n"), s("SIP/2.0 200 OK\r\n\r\n")], &unsupported);
    check(&[c("CALL sip:example.org SIP/2.0\r\n\r\n"), s("SIP/2.0 200 OK\r\n\r\n")], &unsupported);
}
