//! HTTP/1.x: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{LIMIT, Turn, c, check, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const SPEAKS: &str = "speaks http [stream.protocol]";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SERVED: &str = "serves Service [http.request-served]";

fn get(fields: &str) -> Turn {
    c(format!("GET /v1/secret HTTP/1.1\r\nHost: x\r\n{fields}\r\n"))
}

/// base64url without padding.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

fn jwt(header: &str, claims: &str) -> String {
    format!("{}.{}.MARKSIGNATURE", base64(header), base64(claims))
}

#[test]
fn a_request_without_credentials_is_served() {
    check(&[get(""), s(OK)], &[SPEAKS, SERVED]);
    check(
        &[c("POST /rpc HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"password\":1"), s(OK)],
        &[SPEAKS, "serves Service [http.request-with-body-served]"],
    );
}

#[test]
fn public_requests_are_told_apart() {
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /metrics?x=1 HTTP/1.0\r\n\r\n",
        "GET http://h/favicon.ico HTTP/1.1\r\n\r\n",
        "GET /.well-known/jwks.json HTTP/1.1\r\n\r\n",
        "OPTIONS /v1/secret HTTP/1.1\r\n\r\n",
        "POST /oauth/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ] {
        check(&[c(request), s(OK)], &[SPEAKS, "serves Public [http.public-request-served]"]);
    }
    check(&[c("DELETE / HTTP/1.1\r\n\r\n"), s(OK)], &[SPEAKS, SERVED]);
}

#[test]
fn every_kind_of_credential_is_named() {
    let basic = "Authorization: Basic YXBwOk1BUktCQVNJQw==\r\n";
    let short =
        jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"https://i","sub":"agent-1","iat":1767225600,"exp":1767225660}"#);
    let endless = jwt(r#"{"alg":"HS256"}"#, r#"{"sub":"s"}"#);
    let unsigned = jwt(r#"{"alg":"none"}"#, r#"{"sub":"s","iat":1,"exp":2}"#);
    let from_now = jwt(r#"{"alg":"ES256"}"#, r#"{"sub":"spiffe://lab/a","exp":1767229200}"#);
    for (fields, expect) in [
        (
            basic.to_owned(),
            "offers Secret for Request as User \"app\" by Password in clear with fingerprint [http.basic]",
        ),
        (
            "Authorization: Digest username=\"u\", response=\"MARK\"\r\n".to_owned(),
            "offers Secret for Request as User \"u\" by Password [http.digest]",
        ),
        (
            format!("authorization: bearer {short}\r\n"),
            "offers Token for Request as JwtSubject \"https://i|agent-1\" by Jwt 60s in clear with fingerprint [http.jwt]",
        ),
        (
            format!("Authorization: Bearer {endless}\r\n"),
            "offers Secret for Request as JwtSubject \"s\" by Jwt in clear with fingerprint [http.jwt-without-expiry]",
        ),
        (
            format!("Authorization: Bearer {unsigned}\r\n"),
            "offers Claim for Request as JwtSubject \"s\" by Jwt 1s in clear with fingerprint [http.jwt-unsigned]",
        ),
        (
            format!("Authorization: Bearer {from_now}\r\n"),
            "offers Token for Request as SpiffeId \"spiffe://lab/a\" by Jwt 3600s in clear with fingerprint [http.jwt]",
        ),
        (
            format!(
                "Authorization: DPoP {short}\r\nDPoP: {}\r\n",
                jwt(r#"{"alg":"ES256","typ":"dpop+jwt"}"#, "{}")
            ),
            "offers Key for Request as JwtSubject \"https://i|agent-1\" by Jwt 60s with fingerprint [http.proof-of-possession]",
        ),
        (
            "Authorization: Bearer hvs.MARK\r\n".to_owned(),
            "offers Secret for Request by Bearer in clear with fingerprint [http.bearer]",
        ),
        (
            "X-API-Key: MARK\r\n".to_owned(),
            "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]",
        ),
        (
            "Cookie: s=MARK\r\n".to_owned(),
            "offers Secret for Request by Cookie in clear with fingerprint [http.cookie]",
        ),
        (
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAX/20260101/r/s3/aws4_request, Signature=00\r\n"
                .to_owned(),
            "offers Secret for Request by Signature with fingerprint [http.signature]",
        ),
        (
            "Signature-Input: sig=();alg=\"ed25519\"\r\nSignature: sig=:MARK:\r\n".to_owned(),
            "offers Key for Request by Signature [http.signature]",
        ),
        (
            // GSS-API around an AP-REQ of version 5 whose ticket is four bytes.
            "Authorization: Negotiate YCEGCSqGSIb3EgECAgEAbhIwEKADAgEFoQMCAQ6jBE1BUks=\r\n".to_owned(),
            "offers Key for Connection by Ticket [http.negotiate]",
        ),
        (
            "X-Forwarded-User: root\r\n".to_owned(),
            "offers Claim for Request as User \"root\" [http.forwarded-identity]",
        ),
        (
            "X-Forwarded-Client-Cert: By=spiffe://lab/b;Hash=0;URI=spiffe://lab/a\r\n".to_owned(),
            "offers Claim for Request as SpiffeId \"spiffe://lab/a\" [http.forwarded-identity]",
        ),
    ] {
        check(&[get(&fields), s(OK)], &[SPEAKS, expect, SERVED]);
    }
    check(
        &[c("GET /v1?api_key=MARK HTTP/1.1\r\n\r\n"), s(OK)],
        &[
            SPEAKS,
            "offers Secret for Request by ApiKey in clear with fingerprint [http.key-in-target]",
            SERVED,
        ],
    );
    // What libraries send where no key exists is no credential.
    check(&[get("Authorization: Bearer EMPTY\r\n"), s(OK)], &[SPEAKS, SERVED]);
}

#[test]
fn refusals_and_demands() {
    let key = "X-API-Key: MARK\r\n";
    let offer = "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]";
    let empty =
        |code: &str, fields: &str| s(format!("HTTP/1.1 {code} X\r\n{fields}Content-Length: 0\r\n\r\n"));
    check(
        &[get(""), empty("401", "WWW-Authenticate: Bearer realm=\"x\"\r\n"), get(key), s(OK)],
        &[
            SPEAKS,
            "demands Token [http.authentication-required]",
            "refuses ProofMissing [http.authentication-required]",
            offer,
            SERVED,
        ],
    );
    check(
        &[get(key), empty("401", "")],
        &[
            SPEAKS,
            offer,
            "demands Secret [http.authentication-required]",
            "refuses ProofWrong [http.proof-refused]",
        ],
    );
    check(&[get(key), empty("403", "")], &[SPEAKS, offer, "refuses NotAllowed [http.forbidden]"]);
    check(&[get(""), empty("403", "")], &[SPEAKS, "refuses Other [http.forbidden-without-proof]"]);
    check(
        &[get(""), empty("302", "Location: https://idp/login?next=x\r\n")],
        &[SPEAKS, "demands Secret [http.login-required]", "refuses ProofMissing [http.login-required]"],
    );
    check(&[get(""), empty("404", "")], &[SPEAKS, "refuses Other [http.request-failed]"]);
    check(&[get(key), empty("404", "")], &[SPEAKS, offer, "serves Service [http.proof-not-refused]"]);
    check(&[get(key), empty("503", "")], &[SPEAKS, offer]);
    let body = "<title>400 No required SSL certificate was sent</title>";
    check(
        &[get(""), s(format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len()))],
        &[
            SPEAKS,
            "demands Key [http.certificate-required]",
            "refuses ProofMissing [http.certificate-required]",
        ],
    );
}

/// NTLM's third message: `bob` and an answer of 24 bytes.
const ANSWER: &str = "TlRMTVNTUAADAAAAAAAAAEAAAAAYABgAQAAAAAAAAABYAAAABgAGAFgAAAAAAAAAXgAAAAAAAABeAAAAAQAAAE1BUktNQVJLTUFSS01BUktNQVJLTUFSS2IAbwBiAA==";
/// NTLM's third message with all its fields empty.
const NOBODY: &str =
    "TlRMTVNTUAADAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABAAAAAAQAAAA==";

#[test]
fn ntlm_legs_are_one_proof_for_the_connection() {
    let second = "HTTP/1.1 401 U\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\nContent-Length: 0\r\n\r\n";
    check(
        &[
            get("Authorization: NTLM TlRMTVNTUAABAAAA\r\n"),
            s(second),
            get(&format!("Authorization: NTLM {ANSWER}\r\n")),
            s(OK),
        ],
        &[
            SPEAKS,
            "demands Secret [http.authentication-required]",
            "offers Secret for Connection as User \"bob\" by Password [http.negotiate]",
            SERVED,
        ],
    );
    check(
        &[get(&format!("Authorization: NTLM {NOBODY}\r\n")), s(OK)],
        &[SPEAKS, "offers Claim for Connection [http.ntlm-nobody]", SERVED],
    );
    // A token that nobody here can read is a secret as far as anybody can see.
    check(
        &[get("Authorization: Negotiate YIIMARKMARK=\r\n"), s(OK)],
        &[SPEAKS, "offers Secret for Connection by Ticket [http.negotiate-unread]", SERVED],
    );
}

#[test]
fn bodies_are_skipped_and_answers_match_by_order() {
    let put = format!(
        "PUT /a HTTP/1.1\r\nContent-Length: 100000\r\nX-API-Key: MARK\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;e=1\r\nHTTP\r\n0\r\nT: 1\r\n\r\n";
    let offer = "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]";
    check(
        &[
            c(format!("{put}GET /b HTTP/1.1\r\n\r\nHEAD /c HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\n\r\n")),
            s(format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n{chunked}HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nHTTP/1.1 401 U\r\nContent-Length: 0\r\n\r\n"
            )),
        ],
        &[
            SPEAKS,
            offer,
            "serves Service [http.request-with-body-served]",
            SERVED,
            SERVED,
            "demands Secret [http.authentication-required]",
            "refuses ProofMissing [http.authentication-required]",
        ],
    );
}

#[test]
fn another_protocol_after_an_upgrade_is_hidden() {
    check(
        &[
            get("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
            s("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}"),
        ],
        &[SPEAKS, "hidden Unsupported [websocket.carried]"],
    );
    check(
        &[
            c("CONNECT db:5432 HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n"),
            s("HTTP/1.1 200 OK\r\n\r\n"),
            c("anything"),
        ],
        &[
            SPEAKS,
            "offers Secret for Request as User \"a\" by Password in clear with fingerprint [http.basic]",
            TUNNEL,
        ],
    );
    // Who calls may be asked inside.
    check(
        &[c("CONNECT db:5432 HTTP/1.0\r\n\r\n"), s("HTTP/1.0 200 OK\r\n\r\n\u{16}\u{3}")],
        &[SPEAKS, "hidden Encrypted [http.tunnel-opened]"],
    );
}

const TUNNEL: &str = "serves Service [http.tunnel-opened]";

#[test]
fn proof_that_goes_to_a_public_address_is_not_public() {
    let offer = "offers Secret for Request as User \"a\" by Password in clear with fingerprint [http.basic]";
    check(&[c("GET / HTTP/1.1\r\nAuthorization: Basic YTpNQVJL\r\n\r\n"), s(OK)], &[SPEAKS, offer, SERVED]);
    // A cookie goes along with everything.
    let cookie = "offers Secret for Request by Cookie in clear with fingerprint [http.cookie]";
    check(
        &[c("GET /logo.png HTTP/1.1\r\nCookie: s=MARK\r\n\r\n"), s(OK)],
        &[SPEAKS, cookie, "serves Public [http.public-request-served]"],
    );
}

#[test]
fn requests_that_nobody_answered_say_what_they_offered() {
    check(
        &[get("X-API-Key: MARK\r\n")],
        &[
            "speaks http [http.request-alone]",
            "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]",
        ],
    );
    check(&[get("")], &["speaks http [http.request-alone]"]);
    check(&[c("GET /v1 HTTP/1.1\r\nHost: x\r\n")], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn a_status_line_decides_where_the_rest_of_the_head_was_cut() {
    let request = b"GET /v1 HTTP/1.1\r\nX-API-Key: MARK\r\n\r\n";
    let start = b"HTTP/1.1 401 Unauthorized\r\nWWW-Auth";
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    conversation.payload(Role::Originator, 0, request.len() as u64, request, now(), &mut out);
    conversation.payload(Role::Responder, 0, 500, start, now(), &mut out);
    let said: Vec<String> = out.iter().map(line).collect();
    assert_eq!(
        said,
        [
            SPEAKS,
            "asks [http.operation]",
            "offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]",
            "demands Secret [http.authentication-required]",
            "refuses ProofWrong [http.proof-refused]",
            "hidden Truncated [stream.truncated]",
        ]
    );
}

#[test]
fn methods_of_extensions_and_shoutcast() {
    for method in ["PROPFIND", "RPC_IN_DATA", "MKCALENDAR", "SOURCE", "X-MS-ENUMATTS"] {
        check(&[c(format!("{method} /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n")), s(OK)], &[SPEAKS, SERVED]);
    }
    check(&[c("GET /radio HTTP/1.0\r\n\r\n"), s("ICY 200 OK\r\nicy-name: x\r\n\r\n....")], &[SPEAKS, SERVED]);
}

#[test]
fn a_connection_that_proved_itself_stays_proved_until_it_is_refused() {
    check(
        &[
            get(&format!("Authorization: NTLM {ANSWER}\r\n")),
            s(OK),
            get(""),
            s("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n"),
        ],
        &[
            SPEAKS,
            "offers Secret for Connection as User \"bob\" by Password [http.negotiate]",
            SERVED,
            "serves Service [http.proof-not-refused]",
        ],
    );
}

#[test]
fn other_bytes_are_not_http() {
    check(&[c("GET / HTTP/1.1\r\n\r\n"), s("-ERR wrong\r\n")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c("PRI / HTTP/1.1\r\n\r\n"), s(OK)], &["hidden Unsupported [stream.unsupported]"]);
}

#[test]
fn one_line_of_http_0_9_is_answered_by_a_page() {
    let served = "serves Service [http.simple-request-served]";
    check(&[c("GET /a\r\n"), s("<HTML>x</HTML>")], &[SPEAKS, served]);
    check(
        &[c("GET /\r\n\r\n"), s("<HTML>x</HTML>")],
        &[SPEAKS, "serves Public [http.public-request-served]"],
    );
    check(&[c("GET key\r\n"), s("<x")], &["hidden Unsupported [stream.unsupported]"]);
}
