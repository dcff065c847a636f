//! Old ways of TLS: hellos in the format of SSL 2.0, old versions, and second handshakes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{LIMIT, Turn, c, check, fingerprinter, line, now, observe, recorded, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const SPEAKS: &str = "speaks tls [stream.protocol]";
const NOT_ASKED: &str = "hidden Tls12 [tls12.not-asked]";
const RENEGOTIATED: &str = "hidden Tls12 [tls12.renegotiated]";
const SSL_2: &str = "hidden Encrypted [tls.ssl2]";

/// A ClientHello in the format of SSL 2.0 (RFC 5246 section E.2): lengths, two cipher kinds, a challenge.
fn old_hello(version: [u8; 2]) -> Vec<u8> {
    let kinds = [0, 0, 0x2f, 0x07, 0, 0xc0];
    let body = [&[1, version[0], version[1], 0, 6, 0, 0, 0, 16][..], &kinds, &[7; 16]].concat();
    [&[0x80, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

fn record(kind: u8, length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [&[kind, 3, 3, high, low][..], &vec![0x5a; usize::from(length)]].concat()
}

#[test]
fn an_old_hello_opens_every_version() {
    for name in ["tls12_not_asked", "tls12_mtls_subject", "tls12_require_declined", "tls11_mtls"] {
        let mut turns = recorded(name);
        let expect: Vec<String> = observe(&turns).iter().map(line).collect();
        for minor in [0, 1, 3] {
            turns[0] = c(old_hello([3, minor]));
            check(&turns, &expect.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    let refused = [c(old_hello([3, 1])), s([21, 3, 1, 0, 2, 2, 70])];
    let unfinished = "hidden Encrypted [tls.unfinished]";
    check(&refused, &[SPEAKS, "refuses Other [tls.handshake-refused]", unfinished]);
}

#[test]
fn ssl_2_shows_nothing_of_its_caller() {
    // SERVER-HELLO: no session, an X.509 certificate, version 2, lengths.
    let hello = [&[0x80, 30, 4, 0, 1, 0, 2, 0, 5, 0, 3, 0, 16][..], &[9; 19]].concat();
    for version in [[0, 2], [3, 1]] {
        check(&[c(old_hello(version)), s(&hello)], &[SPEAKS, SSL_2]);
    }
    let error = s([0x80, 3, 0, 0, 1]);
    check(&[c(old_hello([0, 2])), error], &[SPEAKS, "refuses Other [tls.handshake-refused]", SSL_2]);
}

#[test]
fn what_only_begins_like_an_old_hello_is_none() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    // Lengths that do not add up; a version that is none; a session of another length.
    for (at, byte) in [(1, 99), (4, 9), (6, 7), (8, 1), (10, 15)] {
        let mut bytes = old_hello([3, 1]);
        bytes[at] = byte;
        check(&[c(bytes), s(b"\x16\x03\x01\0\x04\x02\0\0\0")], &unknown);
    }
    check(&[c(old_hello([0, 2])), s([0x80, 3, 0, 0, 99])], &unknown);
}

#[test]
fn an_old_version_is_named() {
    let shown: Vec<String> = observe(&recorded("tls11_mtls")).iter().map(line).collect();
    assert_eq!(shown.last().unwrap(), "hidden Tls12 [tls.old-version]");
    assert!(shown.contains(&"admits [tls12.certificate-accepted]".to_owned()));
}

/// A finished handshake without a request, then application data and turns.
fn finished(turns: &[Turn]) -> Vec<Turn> {
    let mut all = recorded("tls12_not_asked")[..4].to_vec();
    all.extend([c(record(23, 200)), s(record(23, 30))]);
    all.extend_from_slice(turns);
    all
}

#[test]
fn a_second_handshake_is_seen_and_decides_nothing() {
    check(&finished(&[]), &[SPEAKS, NOT_ASKED]);
    let hello = [s(record(22, 28)), c(record(22, 240)), s(record(22, 3000))];
    let ends = |certificate: u16| {
        let mut bytes = record(22, certificate);
        for (kind, length) in [(22, 94), (22, 288), (20, 25), (22, 40)] {
            bytes.extend(record(kind, length));
        }
        [c(bytes), s([record(20, 25), record(22, 40)].concat()), s(record(23, 500))]
    };
    check(&finished(&[&hello[..], &ends(31)].concat()), &[SPEAKS, NOT_ASKED, RENEGOTIATED]);
    let sent = [
        SPEAKS,
        NOT_ASKED,
        RENEGOTIATED,
        "demands Key [tls12.late-certificate-sized]",
        "offers Key for Connection by X509 [tls12.late-certificate-sized]",
    ];
    check(&finished(&[&hello[..], &ends(1200)].concat()), &sent);
    // The caller may begin it; nobody looks for one after much data.
    check(&finished(&hello[1..]), &[SPEAKS, NOT_ASKED, RENEGOTIATED]);
    let long: Vec<Turn> = (0..20).map(|_| s(record(23, 900))).collect();
    check(&finished(&[&long[..], &hello].concat()), &[SPEAKS, NOT_ASKED]);
    // A warning inside ends it; what is no record does too.
    check(&finished(&[s(record(21, 26)), hello[0].clone()]), &[SPEAKS, NOT_ASKED]);
    check(&finished(&[s("no record at all")]), &[SPEAKS, NOT_ASKED]);
}

#[test]
fn what_is_lost_after_the_handshake_is_not_missed() {
    let expect: Vec<String> = observe(&recorded("tls12_mtls_subject")).iter().map(line).collect();
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let (mut out, mut offsets) = (Vec::new(), [0_u64; 2]);
    for (from, bytes) in &recorded("tls12_mtls_subject")[..4] {
        let offset = &mut offsets[usize::from(*from == Role::Responder)];
        conversation.payload(*from, *offset, bytes.len() as u64, bytes, now(), &mut out);
        *offset += bytes.len() as u64;
    }
    // A hole, and a record of which only the start was kept.
    conversation.payload(Role::Responder, offsets[1] + 50, 40, &record(23, 35), now(), &mut out);
    conversation.payload(Role::Originator, offsets[0], 4000, &record(23, 35)[..3], now(), &mut out);
    conversation.finish(&mut out);
    assert!(conversation.settled());
    assert_eq!(out.iter().map(line).collect::<Vec<_>>(), expect);
}
