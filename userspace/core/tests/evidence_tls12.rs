//! Handshakes up to TLS 1.2, built message by message, over TCP, in datagrams, and carried by other protocols.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, line, observe, recorded, s};

const SPEAKS: &str = "speaks tls [stream.protocol]";
const INSIDE: &str = "hidden Tls12 [tls12.inside]";
const DEMANDED: &str = "demands Key [tls12.certificate-demanded]";
const DECLINED: &str = "declines [tls12.declined]";

fn length(bytes: &[u8], width: usize) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[8 - width..], bytes].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length(body, 3)].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &length(body, 2)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    record(22, &message(kind, body))
}

/// A ClientHello with these extensions.
fn client_hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, content) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(length(content, 2));
    }
    [&[3, 3][..], &[7; 32], &[0], &length(&[0xc0, 0x2b], 2), &[1, 0], &length(&list, 2)].concat()
}

/// A ServerHello that chose `suite`.
fn server_hello(suite: u16) -> Vec<u8> {
    [&[3, 3][..], &[9; 32], &[0], &suite.to_be_bytes(), &[0]].concat()
}

/// A CertificateRequest that names no issuers.
fn request() -> Vec<u8> {
    [&[1, 64][..], &length(&[4, 3], 2), &length(&[], 2)].concat()
}

/// A certificate list with something that is no certificate.
fn certificate() -> Vec<u8> {
    length(&length(b"no DER", 3), 3)
}

const SWITCH: [u8; 6] = [20, 3, 3, 0, 1, 1];

fn finished() -> Vec<u8> {
    [&SWITCH[..], &record(22, &[0x5a; 40])].concat()
}

fn alert(description: u8) -> Turn {
    s(record(21, &[2, description]))
}

/// ServerHello with `suite`, what follows it, and ServerHelloDone.
fn server(suite: u16, messages: &[(u8, &[u8])]) -> Turn {
    let mut bytes = handshake(2, &server_hello(suite));
    for (kind, body) in messages {
        bytes.extend(handshake(*kind, body));
    }
    bytes.extend(handshake(14, &[]));
    s(bytes)
}

fn client(messages: &[(u8, &[u8])], ends: bool) -> Turn {
    let mut bytes = Vec::new();
    for (kind, body) in messages {
        bytes.extend(handshake(*kind, body));
    }
    if ends {
        bytes.extend(finished());
    }
    c(bytes)
}

fn begins() -> Turn {
    c(handshake(1, &client_hello(&[])))
}

const CERTIFICATE: u16 = 0xc02b;
const SHARED_KEY: u16 = 0x00a8;

#[test]
fn a_certificate_with_its_proof_admits() {
    let asked = server(CERTIFICATE, &[(11, b"\0\0\0"), (13, &request())]);
    let proof: &[(u8, &[u8])] = &[(11, &certificate()), (16, b"\x01x"), (15, b"\x04\x03\0\x01x")];
    let offered =
        "offers Key for Connection by X509 with fingerprint [tls12.certificate-proved-no-issuers-named]";
    let talk = |last: Turn| vec![begins(), asked.clone(), client(proof, true), last];
    check(&talk(s(finished())), &[SPEAKS, DEMANDED, offered, "admits [tls12.certificate-accepted]", INSIDE]);
    for (description, why) in [
        (42, "ProofWrong [tls.certificate-refused]"),
        (45, "Expired [tls.certificate-refused]"),
        (48, "ProofWrong [tls.certificate-refused]"),
        (49, "NotAllowed [tls.certificate-refused]"),
        (80, "Other [tls.handshake-refused]"),
    ] {
        let refuses = format!("refuses {why}");
        check(&talk(alert(description)), &[SPEAKS, DEMANDED, offered, &refuses, INSIDE]);
    }
    // The capture ends before the decision; a certificate without its proof; one that nobody asked for.
    check(&[begins(), asked.clone(), client(proof, true)], &[SPEAKS, DEMANDED, offered, INSIDE]);
    let unproved = client(&[(11, &certificate()), (16, b"\x01x")], true);
    check(&[begins(), asked, unproved, s(finished())], &[SPEAKS, DEMANDED, INSIDE]);
    let unasked = [begins(), server(CERTIFICATE, &[]), client(proof, true), s(finished())];
    check(&unasked, &[SPEAKS, "hidden Tls12 [tls12.not-asked]"]);
}

#[test]
fn a_declined_certificate_admits_nobody() {
    let asked = server(CERTIFICATE, &[(13, &request())]);
    let empty = client(&[(11, b"\0\0\0"), (16, b"\x01x")], true);
    let talk = |last: Turn| vec![begins(), asked.clone(), empty.clone(), last];
    check(&talk(s(finished())), &[SPEAKS, DEMANDED, DECLINED, INSIDE]);
    for description in [40, 42, 116] {
        let refuses = "refuses ProofMissing [tls.certificate-refused]";
        check(&talk(alert(description)), &[SPEAKS, DEMANDED, DECLINED, refuses, INSIDE]);
    }
    let other = "refuses Other [tls.handshake-refused]";
    check(&talk(alert(71)), &[SPEAKS, DEMANDED, DECLINED, other, INSIDE]);
    check(&[begins(), asked.clone(), alert(40)], &[SPEAKS, DEMANDED, other, INSIDE]);
    // SSL 3.0 has an alert for it.
    let no_certificate = c([record(21, &[1, 41]), handshake(16, b"\x01x"), finished()].concat());
    check(&[begins(), asked, no_certificate, s(finished())], &[SPEAKS, DEMANDED, DECLINED, INSIDE]);
    let unknown = "hidden Encrypted [tls.unfinished]";
    check(&[begins(), alert(70)], &[SPEAKS, other, unknown]);
}

#[test]
fn a_shared_key_admits_whoever_holds_it() {
    let talk = |last: Turn| {
        vec![begins(), server(SHARED_KEY, &[]), client(&[(16, &length(b"sensor-7", 2))], true), last]
    };
    let demands = "demands Secret [tls12.shared-key]";
    let offers = "offers Secret for Connection as User \"sensor-7\" [tls12.shared-key]";
    let admits = "admits as expected [tls12.key-exchange-accepted]";
    check(&talk(s(finished())), &[SPEAKS, demands, offers, admits, INSIDE]);
    for description in [20, 51, 115] {
        let refuses = "refuses ProofWrong [tls12.key-exchange-refused]";
        check(&talk(alert(description)), &[SPEAKS, demands, offers, refuses, INSIDE]);
    }
    // RFC 5054: the user in extension 12 of the hello; RFC 2712: a ticket.
    let hello = c(handshake(1, &client_hello(&[(12, b"\x05alice")])));
    let srp = [hello, server(0xc01d, &[(12, b"x")]), client(&[(16, b"\0\x01x")], true), s(finished())];
    check(
        &srp,
        &[
            SPEAKS,
            "demands Secret [tls12.srp]",
            "offers Secret for Connection as User \"alice\" [tls12.srp]",
            admits,
            INSIDE,
        ],
    );
    let kerberos = [begins(), server(0x001f, &[]), client(&[(16, b"\0\x01x")], true), s(finished())];
    check(
        &kerberos,
        &[
            SPEAKS,
            "demands Key [tls12.kerberos]",
            "offers Key for Connection by Ticket [tls12.kerberos]",
            admits,
            INSIDE,
        ],
    );
    let anonymous = [begins(), server(0x0034, &[]), client(&[(16, b"\0\x01x")], true), s(finished())];
    check(&anonymous, &[SPEAKS, "hidden Tls12 [tls12.anonymous]"]);
}

/// The messages of a DTLS flight: kind, body, and where it is cut in two.
fn flight(number: u16, messages: &[(u8, Vec<u8>)], cut: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, (kind, body)) in messages.iter().enumerate() {
        let number = number + u16::try_from(at).unwrap();
        let cut = cut.min(body.len());
        for (start, part) in [(0, &body[..cut]), (cut, &body[cut..])] {
            if part.is_empty() && !(start == 0 && body.is_empty()) {
                continue;
            }
            let part = [
                &[*kind][..],
                &body.len().to_be_bytes()[5..],
                &number.to_be_bytes(),
                &start.to_be_bytes()[5..],
                &length(part, 3),
            ]
            .concat();
            bytes.extend(datagram_record(22, 0, &part));
        }
    }
    bytes
}

fn datagram_record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1][..], &length(body, 2)].concat()
}

fn datagram_finished() -> Vec<u8> {
    [datagram_record(20, 0, &[1]), datagram_record(22, 1, &[0x5a; 40])].concat()
}

/// A DTLS ClientHello with a cookie.
fn datagram_hello(cookie: &[u8]) -> Vec<u8> {
    let plain = client_hello(&[]);
    [&[0xfe, 0xfd], &plain[2..35], &length(cookie, 1)[..], &plain[35..]].concat()
}

/// A whole handshake in datagrams with a client certificate; every message is cut at `cut`.
fn datagrams(cut: usize) -> Vec<Turn> {
    let verify = [&[0xfe, 0xff][..], &length(&[1; 20], 1)].concat();
    let hello = [&[0xfe, 0xfd], &server_hello(CERTIFICATE)[2..]].concat();
    let server = [(2, hello), (11, length(&[], 3)), (13, request()), (14, Vec::new())];
    let client = [(11, certificate()), (16, b"\x01x".to_vec()), (15, b"\x04\x03\0\x01x".to_vec())];
    vec![
        c(flight(0, &[(1, datagram_hello(&[]))], cut)),
        s(flight(0, &[(3, verify)], 1000)),
        c(flight(1, &[(1, datagram_hello(&[1; 20]))], cut)),
        s(flight(1, &server, cut)),
        c([flight(2, &client, cut), datagram_finished()].concat()),
        s(datagram_finished()),
    ]
}

const IN_DATAGRAMS: [&str; 4] = [
    DEMANDED,
    "offers Key for Connection by X509 with fingerprint [tls12.certificate-proved-no-issuers-named]",
    "admits [tls12.certificate-accepted]",
    INSIDE,
];

#[test]
fn the_handshake_in_datagrams() {
    let speaks = "speaks dtls [datagrams.protocol]";
    let expect = [&[speaks][..], &IN_DATAGRAMS].concat();
    for cut in [1000, 1, 3] {
        check_datagrams(&datagrams(cut), &expect);
    }
    // What was sent twice changes nothing, nor does what a CAPWAP preamble precedes.
    let twice: Vec<Turn> = datagrams(1000).into_iter().flat_map(|turn| [turn.clone(), turn]).collect();
    check_datagrams(&twice, &expect);
    let wrapped: Vec<Turn> = datagrams(1000)
        .into_iter()
        .map(|(from, bytes)| (from, [&[1, 0, 0, 0], bytes.as_slice()].concat()))
        .collect();
    check_datagrams(&wrapped, &expect);
    // Only part of it.
    check_datagrams(&datagrams(1000)[..4], &[speaks, DEMANDED, INSIDE]);
    check_datagrams(&datagrams(1000)[..2], &[speaks, "hidden Encrypted [tls.unfinished]"]);
    let refused = [&datagrams(1000)[..5], &[s(datagram_record(21, 0, &[2, 48]))]].concat();
    let refuses = "refuses ProofWrong [tls.certificate-refused]";
    check_datagrams(&refused, &[&[speaks], &IN_DATAGRAMS[..2], &[refuses, INSIDE]].concat());
    // DTLS 1.3: the ServerHello says so, and nothing more can be told.
    let hello = [&[0xfe, 0xfd], &server_hello(0x1301)[2..], &[0, 6, 0, 43, 0, 2, 0xfe, 0xfc]].concat();
    let new = [datagrams(1000)[0].clone(), s(flight(0, &[(2, hello)], 1000)), c([0x2f; 40])];
    check_datagrams(&new, &[speaks, "hidden Tls13 [tls13.inside]"]);
}

fn stun(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, value) in attributes {
        list.extend(kind.to_be_bytes());
        list.extend(length(value, 2));
        list.resize(list.len().next_multiple_of(4), 0);
    }
    let size = u16::try_from(list.len()).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &size, &[0x21, 0x12, 0xa4, 0x42], &[5; 12], &list].concat()
}

#[test]
fn between_stun_messages() {
    let speaks = "speaks stun [datagrams.protocol]";
    let public = "serves Public [stun.address-told]";
    let checked = [c(stun(1, &[(6, b"a:b"), (8, &[0; 20])])), s(stun(0x101, &[(0x20, &[0; 8])]))];
    check_datagrams(&checked, &[speaks, public]);
    let media = [&checked[..], &datagrams(1000), &[c([0x80; 40])]].concat();
    check_datagrams(&media, &[&[speaks, public, "speaks dtls [stun.dtls]"], &IN_DATAGRAMS[..]].concat());
    // The one that was called opens the handshake: nothing is said of who called.
    let turned = [&checked[..], &[s(flight(0, &[(1, datagram_hello(&[]))], 1000))]].concat();
    check_datagrams(
        &turned,
        &[
            speaks,
            public,
            "speaks dtls [stun.dtls]",
            "hidden Encrypted [tls.unfinished]",
            "hidden Encrypted [stream.unreadable]",
        ],
    );
}

/// A control packet: operation, code, acknowledgements, number, payload.
fn control(operation: u8, code: usize, acknowledged: usize, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![operation << 3];
    packet.extend([operation; 8]);
    if code > 0 {
        packet.extend(vec![0xaa; code]);
        packet.extend([0, 0, 0, 1, 0x50, 0xf4, 0x73, 0xe8]);
    }
    packet.push(u8::try_from(acknowledged).unwrap());
    if acknowledged > 0 {
        packet.extend(vec![0; acknowledged * 4]);
        packet.extend([9; 8]);
    }
    packet.extend(number.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A TLS conversation in control packets of at most 100 bytes.
fn carried(turns: &[Turn], code: usize) -> Vec<Turn> {
    let mut packets = vec![c(control(7, code, 0, 0, &[])), s(control(8, code, 1, 0, &[]))];
    let mut numbers = [1, 1];
    for (from, bytes) in turns {
        for part in bytes.chunks(100) {
            let number = &mut numbers[usize::from(*from == s("").0)];
            packets.push((*from, control(4, code, usize::from(*number % 2 == 0), *number, part)));
            *number += 1;
        }
    }
    packets
}

#[track_caller]
fn carries(turns: &[Turn]) {
    let inside: Vec<String> = observe(turns).iter().skip(1).map(line).collect();
    for code in [0, 20, 32, 64] {
        let packets = carried(turns, code);
        let over_tcp: Vec<Turn> = packets.iter().map(|(from, packet)| (*from, length(packet, 2))).collect();
        let mut expect = vec!["speaks openvpn [stream.protocol]"];
        expect.extend(inside.iter().map(String::as_str));
        check(&over_tcp, &expect);
        expect[0] = "speaks openvpn [datagrams.protocol]";
        check_datagrams(&packets, &expect);
        // Two packets of one side in the wrong order.
        let mut swapped = packets.clone();
        let pair = swapped.windows(2).position(|it| it[0].0 == it[1].0).unwrap();
        swapped.swap(pair, pair + 1);
        check_datagrams(&swapped, &expect);
    }
}

#[test]
fn openvpn_carries_it() {
    for name in ["tls12_mtls_subject", "tls13_mtls"] {
        carries(&recorded(name));
    }
    // tls-crypt: number and time in clear after the session, then nothing.
    let hidden = |operation: u8| {
        let mut packet = control(operation, 0, 0, 0, &[]);
        packet.splice(9.., [&[0, 0, 0, 1, 0x50, 0xf4, 0x73, 0xe8][..], &[0xbb; 37]].concat());
        packet
    };
    check_datagrams(
        &[c(hidden(7)), s(hidden(8))],
        &["speaks openvpn [datagrams.protocol]", "hidden Encrypted [openvpn.control-encrypted]"],
    );
}
