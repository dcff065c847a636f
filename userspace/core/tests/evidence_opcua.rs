//! OPC UA: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks opcua [stream.protocol]";
const ACCEPTED: &str = "accepts [opcua.proof-accepted]";
const SESSION: &str = "serves Service [opcua.session-activated]";

/// Type with chunk mark, size, body.
fn message(kind: &str, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [kind.as_bytes(), &size.to_le_bytes(), body].concat()
}

fn text(value: &[u8]) -> Vec<u8> {
    [&u32::try_from(value.len()).unwrap().to_le_bytes()[..], value].concat()
}

const NONE: [u8; 4] = [0xff; 4];

/// Channel, token, sequence and request numbers, a node of four bytes.
fn service(number: u16, rest: &[u8]) -> Vec<u8> {
    message("MSGF", &[&[1; 16][..], &[1, 0], &number.to_le_bytes(), rest].concat())
}

fn open(policy: &str, certificate: &[u8]) -> Vec<u8> {
    let policy = text(format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}").as_bytes());
    message("OPNF", &[&[0; 4][..], &policy, &text(certificate), &NONE, &[1; 8], &[1, 0, 0xbe, 1]].concat())
}

/// Session, time, handle, diagnostics, no audit entry, time-out, no header; no signature, certificates or languages.
fn activate(token: u16, fields: &[Vec<u8>], signature: &[u8]) -> Turn {
    let header = [&[0, 0][..], &[0; 16], &NONE, &[0; 4], &[0, 0, 0], &NONE, &NONE, &NONE, &NONE].concat();
    let token = [&[1, 0][..], &token.to_le_bytes(), &[1], &text(&fields.concat())].concat();
    c(service(467, &[header, token, NONE.to_vec(), text(signature)].concat()))
}

/// Time, handle, result.
fn answer(number: u16, status: u32) -> Turn {
    s(service(number, &[&[0; 12][..], &status.to_le_bytes(), &[0; 8]].concat()))
}

fn with(turns: &[Turn]) -> Vec<Turn> {
    let opening = [
        c(message("HELF", &[0; 24])),
        s(message("ACKF", &[0; 20])),
        c(open("None", b"")),
        s(open("None", b"")),
        c(service(461, &[0; 90])),
        s(service(464, &[0; 200])),
    ];
    [&opening[..], turns].concat()
}

fn anonymous() -> Turn {
    activate(321, &[text(b"anonymous")], b"")
}

#[test]
fn a_session_without_a_user() {
    check(&with(&[anonymous(), answer(470, 0), c(service(631, &[0; 60]))]), &[SPEAKS, SESSION]);
    let refused = "refuses ProofMissing [opcua.anonymous-refused]";
    check(&with(&[anonymous(), answer(397, 0x8020_0000)]), &[SPEAKS, refused]);
    check(&with(&[anonymous(), answer(470, 0x801f_0000)]), &[SPEAKS, refused]);
    check(&with(&[anonymous(), answer(397, 0x8002_0000)]), &[SPEAKS, "refuses Other [opcua.refused]"]);
    check(&with(&[anonymous()]), &[SPEAKS]);
    check(
        &with(&[c(service(428, &[0; 40])), answer(431, 0)]),
        &[SPEAKS, "serves Public [opcua.endpoints-told]"],
    );
}

#[test]
fn a_user_with_a_password() {
    let user = |password: &[u8], algorithm: Vec<u8>| {
        activate(324, &[text(b"policy"), text(b"eve"), text(password), algorithm], b"")
    };
    let offered = "offers Secret for Connection as User \"eve\" by Password in clear with fingerprint [opcua.password-sent]";
    let turns = with(&[user(b"MARK1", NONE.to_vec()), answer(470, 0)]);
    check(&turns, &[SPEAKS, offered, ACCEPTED, SESSION]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[user(b"MARK1", NONE.to_vec()), answer(397, 0x801f_0000)]),
        &[SPEAKS, offered, "refuses ProofWrong [opcua.token-refused]"],
    );
    check(
        &with(&[user(&[7; 256], text(b"http://www.w3.org/2001/04/xmlenc#rsa-oaep")), answer(470, 0)]),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"eve\" by Password [opcua.encrypted-token-sent]",
            ACCEPTED,
            SESSION,
        ],
    );
}

#[test]
fn a_user_with_a_certificate_or_a_token() {
    let certificate = [text(b"policy"), text(b"no certificate")];
    check(
        &with(&[activate(327, &certificate, b"signature"), answer(470, 0)]),
        &[
            SPEAKS,
            "offers Key for Connection by X509 with fingerprint [opcua.user-certificate-signed]",
            ACCEPTED,
            SESSION,
        ],
    );
    // Without a signature it proves nothing.
    check(&with(&[activate(327, &certificate, b""), answer(470, 0)]), &[SPEAKS, SESSION]);
    check(
        &with(&[
            activate(940, &[text(b"policy"), text(b"MARK-token-3141"), NONE.to_vec()], b""),
            answer(470, 0),
        ]),
        &[
            SPEAKS,
            "offers Secret for Connection by Bearer in clear with fingerprint [opcua.token-sent]",
            ACCEPTED,
            SESSION,
        ],
    );
}

#[test]
fn a_signed_channel_is_a_proof_and_hides_the_user() {
    let opening = [
        c(message("HELF", &[0; 24])),
        s(message("ACKF", &[0; 20])),
        c(open("Basic256Sha256", b"certificate")),
        s(open("Basic256Sha256", b"another")),
    ];
    let signed = "offers Key for Connection by X509 with fingerprint [opcua.channel-signed]";
    let encrypted = c(message("MSGF", &[0xd7; 96]));
    check(
        &[&opening[..], &[encrypted]].concat(),
        &[SPEAKS, signed, ACCEPTED, "hidden Encrypted [stream.unreadable]"],
    );
    // Signed only: what is inside can be read.
    check(&[&opening[..], &[anonymous(), answer(470, 0)]].concat(), &[SPEAKS, signed, ACCEPTED, SESSION]);
    check(
        &[&opening[..3], &[s(message("ERRF", &[0; 8]))]].concat(),
        &[SPEAKS, "refuses Other [opcua.refused]"],
    );
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    let Some((_, request)) = with(&[anonymous()]).pop() else { return };
    check(&with(&[c(&request[..50]), answer(470, 0)]), &[SPEAKS]);
    check(&with(&[c(b"GET / HTTP/1.1")]), &[SPEAKS, lost]);
    check(&with(&[activate(999, &[text(b"policy")], b"")]), &[SPEAKS, lost]);
    check(&with(&[c(service(467, &[0; 20]))]), &[SPEAKS, lost]);
    check(&with(&[answer(470, 0)]), &[SPEAKS]);
    check(&[c(message("HELF", b"")), s(b"HTTP/1.1 400")], &["hidden Unsupported [stream.unsupported]"]);
}
