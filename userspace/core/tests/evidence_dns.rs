//! DNS: messages and what they show, over UDP and TCP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, s};

const SPEAKS: &str = "speaks dns [datagrams.protocol]";
const STREAM: &str = "speaks dns [stream.protocol]";
const NAMED: &str = "serves Public [dns.query-answered]";
const ASKED: &str = "asks Public [dns.query-unanswered]";
const TRANSFERRED: &str = "serves Service [dns.zone-transferred]";
const CHANGED: &str = "serves Service [dns.update-served]";
const SIGNED: &str = "offers Secret for Request as User \"key.one\" by Signature [dns.shared-key-signature]";
const SESSION: &str = "offers Key for Request as User \"key.one\" by Signature [dns.session-signature]";
const ACCEPTED: &str = "accepts [dns.signature-accepted]";

fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

/// Id, flags, one question (RFC 1035 section 4.1), and additional records.
fn message(id: u16, flags: u16, kind: u16, more: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [id.to_be_bytes(), flags.to_be_bytes(), [0, 1], [0, 0], [0, 0]].concat();
    out.extend_from_slice(&u16::try_from(more.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&name("www.example.org"));
    out.extend_from_slice(&[kind.to_be_bytes(), [0, 1]].concat());
    out.extend(more.iter().flatten());
    out
}

/// Owner, type, class ANY, TTL 0, length, content.
fn record(owner: &str, kind: u16, content: &[u8]) -> Vec<u8> {
    let mut out = name(owner);
    out.extend_from_slice(&[kind.to_be_bytes(), [0, 255], [0, 0], [0, 0]].concat());
    out.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    out.extend_from_slice(content);
    out
}

/// Algorithm, time, fudge, MAC of 16 bytes, original id, error, no other data (RFC 8945 section 4.2).
fn tsig(algorithm: &str, error: u16) -> Vec<u8> {
    let mut content = name(algorithm);
    content.extend_from_slice(&[0; 6]);
    content.extend_from_slice(&[1, 44, 0, 16]);
    content.extend_from_slice(b"MARKMARKMARKMARK");
    content.extend_from_slice(&[0, 7]);
    content.extend_from_slice(&error.to_be_bytes());
    content.extend_from_slice(&[0, 0]);
    record("key.one", 250, &content)
}

/// Algorithm, inception, expiration, mode, error, key, no other data (RFC 2930 section 2).
fn tkey(mode: u16, token: &[u8]) -> Vec<u8> {
    let mut content = name("gss-tsig");
    content.extend_from_slice(&[0; 8]);
    content.extend_from_slice(&[mode.to_be_bytes(), [0, 0]].concat());
    content.extend_from_slice(&u16::try_from(token.len()).unwrap().to_be_bytes());
    content.extend_from_slice(token);
    content.extend_from_slice(&[0, 0]);
    record("key.one", 249, &content)
}

/// Two bytes of length (RFC 1035 section 4.2.2).
fn framed(message: Vec<u8>) -> Vec<u8> {
    let mut out = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    out.extend(message);
    out
}

fn over_tcp((role, message): Turn) -> Turn {
    (role, framed(message))
}

const QUERY: u16 = 0x0100;
const ANSWER: u16 = 0x8180;
const UPDATE: u16 = 0x2800;
const UPDATED: u16 = 0xa800;

#[test]
fn names_are_for_anyone() {
    let query = c(message(7, QUERY, 1, &[]));
    check_datagrams(&[query.clone(), s(message(7, ANSWER, 1, &[]))], &[SPEAKS, NAMED]);
    check_datagrams(&[query.clone(), s(message(7, ANSWER | 3, 1, &[]))], &[SPEAKS, NAMED]);
    check_datagrams(
        &[query.clone(), s(message(7, ANSWER | 5, 1, &[]))],
        &[SPEAKS, "refuses NotAllowed [dns.refused]"],
    );
    // Nobody answers, or somebody answers something else.
    check_datagrams(&[query.clone(), query.clone()], &[SPEAKS, ASKED]);
    check_datagrams(&[query.clone(), s(message(8, ANSWER, 1, &[]))], &[SPEAKS, ASKED]);
    check(
        &[
            over_tcp(query.clone()),
            over_tcp(s(message(7, ANSWER, 1, &[]))),
            c(framed(message(8, QUERY, 28, &[]))),
        ],
        &[STREAM, NAMED, ASKED],
    );
    check(
        &[over_tcp(query), over_tcp(s(message(7, ANSWER | 5, 1, &[])))],
        &[STREAM, "refuses NotAllowed [dns.refused]"],
    );
}

#[test]
fn a_zone_is_not() {
    let transfer = c(framed(message(7, QUERY, 252, &[])));
    check(
        &[transfer.clone(), s(framed(message(7, 0x8400, 252, &[]))), s(framed(message(7, 0x8400, 252, &[])))],
        &[STREAM, TRANSFERRED],
    );
    check(&[transfer, s(framed(message(7, 0x8005, 252, &[])))], &[STREAM, "refuses Other [dns.refused]"]);
    check_datagrams(
        &[c(message(7, QUERY, 251, &[])), s(message(7, 0x8400, 251, &[]))],
        &[SPEAKS, TRANSFERRED],
    );
    check_datagrams(&[c(message(7, UPDATE, 6, &[])), s(message(7, UPDATED, 6, &[]))], &[SPEAKS, CHANGED]);
    check_datagrams(
        &[c(message(7, 0x2400, 6, &[])), s(message(7, 0xa400, 6, &[]))],
        &[SPEAKS, "serves Service [dns.notify-served]"],
    );
    check_datagrams(&[c(message(7, UPDATE, 6, &[]))], &[SPEAKS]);
}

#[test]
fn a_shared_key_signs() {
    let signed = |flags, error| message(7, flags, 6, &[tsig("hmac-sha256", error)]);
    check_datagrams(&[c(signed(UPDATE, 0)), s(signed(UPDATED, 0))], &[SPEAKS, SIGNED, ACCEPTED, CHANGED]);
    // The receiver did not look at it, as far as can be seen.
    check_datagrams(&[c(signed(UPDATE, 0)), s(message(7, UPDATED, 6, &[]))], &[SPEAKS, SIGNED, CHANGED]);
    for error in [16, 17, 18, 22] {
        check_datagrams(
            &[c(signed(UPDATE, 0)), s(signed(UPDATED | 9, error))],
            &[SPEAKS, SIGNED, "refuses ProofWrong [dns.signature-refused]"],
        );
    }
    // Not authoritative for that zone.
    check_datagrams(
        &[c(signed(UPDATE, 0)), s(signed(UPDATED | 9, 0))],
        &[SPEAKS, SIGNED, "refuses Other [dns.refused]"],
    );
    check_datagrams(&[c(signed(UPDATE, 0))], &[SPEAKS, SIGNED]);
    let transfer = |flags| framed(message(7, flags, 252, &[tsig("hmac-sha256", 0)]));
    check(
        &[c(transfer(QUERY)), s(transfer(0x8400)), s(transfer(0x8400))],
        &[STREAM, SIGNED, ACCEPTED, TRANSFERRED],
    );
    // A signed query for a name is still for anyone.
    let query = |flags| message(7, flags, 1, &[tsig("hmac-md5.sig-alg.reg.int", 0)]);
    check_datagrams(&[c(query(QUERY)), s(query(ANSWER))], &[SPEAKS, NAMED]);
}

#[test]
fn kerberos_and_private_keys() {
    let signed = |flags| message(7, flags, 6, &[tsig("gss-tsig", 0)]);
    check_datagrams(&[c(signed(UPDATE)), s(signed(UPDATED))], &[SPEAKS, SESSION, ACCEPTED, CHANGED]);
    let ticket = "offers Key for Request by Ticket [dns.key-exchange]";
    let exchange = |token: &[u8]| c(framed(message(7, QUERY, 249, &[tkey(3, token)])));
    let made = s(framed(message(7, 0x8000, 249, &[tkey(3, b"\xa1done"), tsig("gss-tsig", 0)])));
    let accepted = [STREAM, ticket, ACCEPTED, "serves Service [dns.key-made]"];
    check(&[exchange(b"\x60\x82krb5"), made.clone()], &accepted);
    check(
        &[exchange(b"\x60NTLMSSP\0\x03"), made],
        &[STREAM, "offers Secret for Request by Ticket [dns.key-exchange]", ACCEPTED, accepted[3]],
    );
    // The exchange goes on.
    check(
        &[exchange(b"\x60\x82krb5"), s(framed(message(7, 0x8000, 249, &[tkey(3, b"\xa1more")])))],
        &[STREAM, ticket],
    );
    // Type covered 0, algorithm, labels, three times and key tag, signer (RFC 2931 section 3).
    let mut content = vec![0; 18];
    content.extend(name("host.example"));
    content.extend_from_slice(b"MARK");
    let private = message(7, UPDATE, 6, &[record("", 24, &content)]);
    check_datagrams(
        &[c(private), s(message(7, UPDATED, 6, &[]))],
        &[
            SPEAKS,
            "offers Key for Request as User \"host.example\" by Signature [dns.private-key-signature]",
            CHANGED,
        ],
    );
}

#[test]
fn multicast_is_for_anyone() {
    let mut query = [[0, 0], [0, 0], [0, 1], [0, 0], [0, 0], [0, 0]].concat();
    query.extend(name("_ipp._tcp.local"));
    query.extend_from_slice(&[0, 12, 0x80, 1]);
    check_datagrams(
        &[c(&query)],
        &["speaks mdns [datagrams.protocol]", "asks Public [dns.multicast-message]"],
    );
}

#[test]
fn what_is_not_dns() {
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    let one_sided = ["hidden Unsupported [stream.one-sided]"];
    // A trailing byte, a label longer than 63, an unknown class, an error in a query.
    let mut netbios = message(7, 0x0110, 32, &[]);
    netbios.splice(12..29, name(&"CK".repeat(16)));
    let names = ["speaks nbns [datagrams.protocol]", "asks Public [netbios.name-asked]"];
    check_datagrams(&[c(netbios)], &names);
    let mut longer = message(7, QUERY, 1, &[]);
    longer.push(0);
    check_datagrams(&[c(&longer), s(message(7, ANSWER, 1, &[]))], &unsupported);
    let mut label = message(7, QUERY, 1, &[]);
    label[12] = 0x7f;
    check_datagrams(&[c(&label)], &one_sided);
    check_datagrams(&[c(message(7, QUERY | 3, 1, &[]))], &one_sided);
    check_datagrams(&[c(message(7, ANSWER, 1, &[]))], &one_sided);
    check(&[c(framed(message(7, ANSWER, 1, &[]))), s("x")], &unsupported);
    check(&[c(framed(message(7, QUERY, 1, &[]))), s(framed(message(7, QUERY, 1, &[])))], &unsupported);
    // After the first query, anything else.
    check(
        &[c(framed(message(7, QUERY, 1, &[]))), s(framed(message(7, ANSWER, 1, &[]))), c([0, 12].repeat(7))],
        &[STREAM, NAMED, "hidden Unsupported [stream.unreadable]"],
    );
}
