//! Kafka's protocol: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks kafka [stream.protocol]";
const SERVED: &str = "serves Service [kafka.request-served]";
const ACCEPTED: &str = "accepts [kafka.proof-accepted]";
const DEMANDS: &str = "demands Secret [kafka.sasl-demanded]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";

fn sized(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// Request number, version, correlation id, client id, body.
fn request(key: u16, version: u16, correlation: u32, body: &[u8]) -> Turn {
    let mut bytes = [key.to_be_bytes(), version.to_be_bytes()].concat();
    bytes.extend(correlation.to_be_bytes());
    bytes.extend(b"\0\x05admin");
    bytes.extend(body);
    c(sized(&bytes))
}

fn response(correlation: u32, body: &[u8]) -> Turn {
    s(sized(&[&correlation.to_be_bytes(), body].concat()))
}

/// SaslAuthenticate 0 and its answer.
fn token(correlation: u32, token: &[u8]) -> Turn {
    request(36, 0, correlation, &sized(token))
}

fn answer(correlation: u32, error: u16, token: &[u8]) -> Turn {
    response(correlation, &[&error.to_be_bytes()[..], &[0xff, 0xff], &sized(token)].concat())
}

fn handshake(version: u16, mechanism: &str) -> [Turn; 2] {
    let name = [&u16::try_from(mechanism.len()).unwrap().to_be_bytes(), mechanism.as_bytes()].concat();
    [request(17, version, 1, &name), response(1, b"\0\0\0\0\0\0")]
}

const METADATA_ANSWER: &[u8] = b"\0\0\0\0\0\0\0\0";

fn metadata() -> [Turn; 2] {
    [request(3, 0, 9, b"\0\0\0\0"), response(9, METADATA_ANSWER)]
}

#[test]
fn an_open_listener() {
    let versions = [request(18, 0, 1, b""), response(1, b"\0\0\0\0\0\0")];
    let told = "serves Public [kafka.versions-told]";
    check(&versions, &[SPEAKS, told]);
    check(&[versions.to_vec(), metadata().to_vec()].concat(), &[SPEAKS, told, SERVED]);
    // Produce 9: an array of topics, compact, then partitions; NOT_LEADER is an error of the request.
    let produce = |acks: u8| request(0, 9, 4, &[0, 0, 0xff, acks, 0, 0, 5, 0xdc, 1]);
    check(&[produce(0xff), response(4, b"\0\x02\x02a\x02\0\0\0\0\0\0more")], &[SPEAKS, SERVED]);
    check(
        &[produce(0xff), response(4, b"\0\x02\x02a\x02\0\0\0\0\0\x06more")],
        &[SPEAKS, "refuses Other [kafka.request-failed]"],
    );
    check(
        &[versions.to_vec(), vec![request(0, 2, 4, b"\0\0\0\0\x05\xdc\0\0\0\0")]].concat(),
        &[SPEAKS, told, "sends one way [kafka.records-sent]"],
    );
    // ControlledShutdown 0 has no client id.
    check(&[c(b"\0\0\0\x0c\0\x07\0\0\0\0\0\x02\0\0\0\x01"), response(2, b"\0\0\0\0\0\0")], &[SPEAKS, SERVED]);
    // OffsetFetch, FindCoordinator 4, Fetch 12, Fetch 4, group errors.
    check(&[request(1, 12, 5, b"\0"), response(5, b"\0\0\0\0\0\0\0")], &[SPEAKS, SERVED]);
    check(
        &[request(1, 4, 5, b""), response(5, b"\0\0\0\0\0\0\0\x01\0\x01a\0\0\0\x01\0\0\0\0\0\x1d")],
        &[SPEAKS, "refuses NotAllowed [kafka.not-authorized]"],
    );
    check(
        &[request(12, 0, 5, b"\0\x01g"), response(5, b"\0\x1e")],
        &[SPEAKS, "refuses NotAllowed [kafka.not-authorized]"],
    );
}

#[test]
fn plain_in_both_forms() {
    let plain = b"\0bob\0MARK1";
    let headed = [handshake(1, "PLAIN").to_vec(), vec![token(2, plain)]].concat();
    let with = |turns: &[Turn], more: Vec<Turn>| [turns.to_vec(), more].concat();
    check(&with(&headed, vec![answer(2, 0, b"")]), &[SPEAKS, DEMANDS, PASSWORD, ACCEPTED]);
    check(
        &with(&headed, [vec![answer(2, 0, b"")], metadata().to_vec()].concat()),
        &[SPEAKS, DEMANDS, PASSWORD, ACCEPTED, SERVED],
    );
    check(
        &with(&headed, vec![answer(2, 58, b"")]),
        &[SPEAKS, DEMANDS, PASSWORD, "refuses ProofWrong [kafka.proof-refused]"],
    );
    let bare = [handshake(0, "PLAIN").to_vec(), vec![c(sized(plain))]].concat();
    check(&bare, &[SPEAKS, DEMANDS, PASSWORD]);
    check(
        &with(&bare, [vec![s(sized(b""))], metadata().to_vec()].concat()),
        &[SPEAKS, DEMANDS, PASSWORD, ACCEPTED, SERVED],
    );
    // SaslAuthenticate 2: a tagged header and compact bytes.
    let flexible = [&[0, 11][..], plain, &[0]].concat();
    check(
        &[
            handshake(1, "PLAIN").to_vec(),
            vec![request(36, 2, 2, &flexible), response(2, b"\0\0\0\0\x01\0\0\0\0\0\0\0\0\0")],
        ]
        .concat(),
        &[SPEAKS, DEMANDS, PASSWORD, ACCEPTED],
    );
}

#[test]
fn scram_tokens_and_signatures() {
    let scram = "offers Secret for Connection as User \"bob\" by Password [sasl.challenge-answered]";
    let first = [
        handshake(1, "SCRAM-SHA-512").to_vec(),
        vec![
            token(2, b"n,,n=bob,r=abc"),
            answer(2, 0, b"r=abcdef,s=AAAA,i=4096"),
            token(3, b"c=biws,r=abcdef,p=MARK"),
        ],
    ]
    .concat();
    check(&[first.clone(), vec![answer(3, 0, b"v=AAAA")]].concat(), &[SPEAKS, DEMANDS, scram, ACCEPTED]);
    check(
        &[first, vec![answer(3, 58, b"")]].concat(),
        &[SPEAKS, DEMANDS, scram, "refuses ProofWrong [kafka.proof-refused]"],
    );
    let bearer =
        [handshake(1, "OAUTHBEARER").to_vec(), vec![token(2, b"n,,\x01auth=Bearer MARKopaque\x01\x01")]]
            .concat();
    let offered = "offers Secret for Connection by Bearer in clear with fingerprint [sasl.token-sent]";
    check(
        &[bearer.clone(), vec![answer(2, 0, b"")]].concat(),
        &[SPEAKS, "demands Token [kafka.sasl-demanded]", offered, ACCEPTED],
    );
    check(
        &[bearer, vec![answer(2, 0, b"{\"status\":\"invalid_token\"}")]].concat(),
        &[SPEAKS, "demands Token [kafka.sasl-demanded]", offered, "refuses ProofWrong [kafka.proof-refused]"],
    );
    // An AP-REQ's start: version 5, type 14; its answer is a token as well.
    let ticket = b"\x6e\x0c\x30\x0a\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e";
    let kerberos = [handshake(1, "GSSAPI").to_vec(), vec![token(2, ticket)]].concat();
    let sent = "offers Key for Connection by Ticket [sasl.ticket-sent]";
    check(
        &[kerberos.clone(), vec![answer(2, 0, b"token"), token(3, b""), answer(3, 0, b"layers")]].concat(),
        &[SPEAKS, "demands Key [kafka.sasl-demanded]", sent, ACCEPTED],
    );
    check(
        &[kerberos, vec![answer(2, 58, b"")]].concat(),
        &[SPEAKS, "demands Key [kafka.sasl-demanded]", sent, "refuses ProofWrong [kafka.proof-refused]"],
    );
    let signed = b"{\"version\":\"2020_10_22\",\"x-amz-credential\":\"AKID/20260101/r/kafka-cluster/aws4_request\",\"x-amz-signature\":\"MARK\"}";
    check(
        &[handshake(1, "AWS_MSK_IAM").to_vec(), vec![token(2, signed), answer(2, 0, b"{}")]].concat(),
        &[
            SPEAKS,
            DEMANDS,
            "offers Secret for Connection as User \"AKID\" by Signature [kafka.request-signature-sent]",
            ACCEPTED,
        ],
    );
}

#[test]
fn refused_and_nonsense() {
    check(
        &[request(17, 1, 1, b"\0\x05PLAIN"), response(1, b"\0\x21\0\0\0\0")],
        &[SPEAKS, DEMANDS, "refuses Other [kafka.mechanism-refused]"],
    );
    check(
        &[request(17, 1, 1, b"\0\x05PLAIN"), response(1, b"\0\x22\0\0\0\0")],
        &[SPEAKS, "refuses Other [kafka.request-failed]"],
    );
    check(
        &[request(12, 0, 1, b""), response(1, b"\0\x22")],
        &[SPEAKS, "refuses ProofMissing [kafka.proof-missing]"],
    );
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&[request(3, 0, 1, b""), response(7, METADATA_ANSWER)], &[SPEAKS, unread]);
    check(&[request(3, 0, 1, b"")], &["hidden Unsupported [stream.one-sided]"]);
    check(
        &[c(b"\0\x10\0\0\0\x06\0\x03\0\0\0\x01"), s(b"\0\0\0\x08")],
        &["hidden Unsupported [stream.unsupported]"],
    );
}
