//! DCE/RPC: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, check_datagrams, observe, s};

const SPEAKS: &str = "speaks dcerpc [stream.protocol]";
const CHALLENGED: &str = "demands Secret [dcerpc.challenged]";
const ANSWERED: &str = "offers Secret for Connection as User \"bob\" by Password [dcerpc.challenge-answered]";
const TICKET: &str = "offers Key for Connection by Ticket [dcerpc.ticket-sent]";
const NOBODY: &str = "offers Claim for Connection [dcerpc.nobody-named]";
const ACCEPTED: &str = "accepts [dcerpc.proof-accepted]";
const SERVED: &str = "serves Service [dcerpc.call-answered]";
const PUBLIC: &str = "serves Public [dcerpc.lookup-answered]";
const MISSING: &str = "refuses ProofMissing [dcerpc.proof-missing]";

/// The endpoint mapper, e1af8308-5d1f-11c9-91a4-08002b14a0fa.
const MAPPER: &[u8] = b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa";
/// Any other interface.
const OTHER: &[u8] = &[7; 16];

/// Header, body and verifier (C706 12.6.3.1; MS-RPCE 2.2.2.11).
fn pdu(kind: u8, id: u32, body: &[u8], verifier: Option<(u8, u8, &[u8])>) -> Vec<u8> {
    let token = verifier.map_or(&b""[..], |(_, _, token)| token);
    let trailer = if verifier.is_some() { 8 } else { 0 };
    let mut out = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    out.extend(((16 + body.len() + trailer + token.len()) as u16).to_le_bytes());
    out.extend((token.len() as u16).to_le_bytes());
    out.extend(id.to_le_bytes());
    out.extend_from_slice(body);
    if let Some((provider, level, _)) = verifier {
        out.extend([provider, level, 0, 0, 1, 0, 0, 0]);
    }
    out.extend_from_slice(token);
    out
}

type Verifier<'a> = Option<(u8, u8, &'a [u8])>;

/// One interface under context 0, one transfer syntax.
fn binding(interface: &[u8]) -> Vec<u8> {
    [&[0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0], interface, &[1, 0, 0, 0], &[4; 20]]
        .concat()
}

fn bind(interface: &[u8], verifier: Verifier<'_>) -> Turn {
    c(pdu(11, 1, &binding(interface), verifier))
}

/// An empty secondary address, and one result: acceptance.
fn bound(verifier: Verifier<'_>) -> Turn {
    let body =
        [&[0xd0, 0x16, 0xd0, 0x16, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[4; 20]].concat();
    s(pdu(12, 1, &body, verifier))
}

fn call(id: u32, number: u16, verifier: Verifier<'_>) -> Turn {
    let body = [&[4, 0, 0, 0, 0, 0][..], &number.to_le_bytes(), b"MARK"].concat();
    c(pdu(0, id, &body, verifier))
}

fn answer(id: u32) -> Turn {
    s(pdu(2, id, &[4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], None))
}

fn fault(id: u32, status: u32) -> Turn {
    s(pdu(3, id, &[&[0; 8][..], &status.to_le_bytes(), &[0; 4]].concat(), None))
}

/// NTLM's third message with an answer of 24 bytes, or nobody's (MS-NLMP 2.2.1.3).
fn ntlm(user: &str) -> Vec<u8> {
    let name: Vec<u8> = user.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let proof: &[u8] = if user.is_empty() { b"" } else { b"MARKMARKMARKMARKMARKMARK" };
    let mut out = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut at = 64_u32;
    for part in [b"", proof, b"", name.as_slice(), b"", b""] {
        let length = (part.len() as u16).to_le_bytes();
        out.extend([length, length].concat());
        out.extend(at.to_le_bytes());
        at += part.len() as u32;
    }
    out.extend(1_u32.to_le_bytes());
    [out.as_slice(), proof, &name].concat()
}

const FIRST: &[u8] = b"NTLMSSP\0\x01\0\0\0";
const SECOND: &[u8] = b"NTLMSSP\0\x02\0\0\0";
const SIGNED: Verifier<'static> = Some((10, 5, b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
const AP_REQ: &[u8] = b"\x6e\x12\x30\x10\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa3\x04MARK";

#[test]
fn calls_without_a_security_context() {
    check(
        &[bind(MAPPER, None), bound(None), call(2, 3, None), answer(2), call(3, 3, None), answer(3)],
        &[SPEAKS, PUBLIC],
    );
    // Registering with the mapper is not for anyone, whether it lets one or not.
    check(&[bind(MAPPER, None), bound(None), call(2, 0, None), answer(2)], &[SPEAKS, SERVED]);
    check(&[bind(OTHER, None), bound(None), call(2, 3, None), answer(2)], &[SPEAKS, SERVED]);
    check(&[bind(OTHER, None), bound(None), call(2, 3, None), fault(2, 5)], &[SPEAKS, MISSING]);
    // A fault of the call itself decides nothing, nor does a call without its answer.
    check(&[bind(OTHER, None), bound(None), call(2, 3, None), fault(2, 0x1c01_0003)], &[SPEAKS]);
    check(&[bind(OTHER, None), bound(None), call(2, 3, None)], &[SPEAKS]);
    check(
        &[bind(OTHER, None), s(pdu(13, 1, &[8, 0, 0], None))],
        &[SPEAKS, "refuses Other [dcerpc.bind-refused]"],
    );
}

#[test]
fn ntlm_is_accepted_by_the_first_answer() {
    let begin = [bind(OTHER, Some((10, 5, FIRST))), bound(Some((10, 5, SECOND)))];
    let third = c(pdu(16, 1, &[0; 4], Some((10, 5, &ntlm("bob")))));
    let with = |more: &[Turn]| [&begin[..], std::slice::from_ref(&third), more].concat();
    let turns = with(&[call(2, 3, SIGNED), answer(2), call(3, 4, SIGNED), answer(3)]);
    check(&turns, &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[call(2, 3, SIGNED), fault(2, 5)]),
        &[SPEAKS, CHALLENGED, ANSWERED, "refuses NotAllowed [dcerpc.not-allowed]"],
    );
    check(
        &with(&[call(2, 3, SIGNED), fault(2, 0x721)]),
        &[SPEAKS, CHALLENGED, ANSWERED, "refuses ProofWrong [dcerpc.proof-refused]"],
    );
    check(&with(&[call(2, 3, SIGNED)]), &[SPEAKS, CHALLENGED, ANSWERED]);
    // A call beside it that carries no verifier was made by nobody, and back.
    check(
        &with(&[call(2, 3, SIGNED), answer(2), call(3, 3, None), answer(3), call(4, 3, SIGNED), answer(4)]),
        &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, SERVED, NOBODY, SERVED, ANSWERED, ACCEPTED, SERVED],
    );
    let nobody = c(pdu(16, 1, &[0; 4], Some((10, 5, &ntlm("")))));
    let calls = [call(2, 3, SIGNED), answer(2), call(3, 3, SIGNED), answer(3)];
    check(&[&begin[..], &[nobody], &calls].concat(), &[SPEAKS, CHALLENGED, NOBODY, SERVED]);
}

#[test]
fn level_connect_needs_no_verifier_in_calls() {
    check(
        &[
            bind(OTHER, Some((10, 2, FIRST))),
            bound(Some((10, 2, SECOND))),
            c(pdu(16, 1, &[0; 4], Some((10, 2, &ntlm("bob"))))),
            call(2, 3, None),
            answer(2),
        ],
        &[SPEAKS, CHALLENGED, ANSWERED, ACCEPTED, SERVED],
    );
}

#[test]
fn tickets_and_other_providers() {
    let calls = [call(2, 3, SIGNED), answer(2)];
    for provider in [9, 16] {
        let turns = [&[bind(OTHER, Some((provider, 6, AP_REQ))), bound(None)][..], &calls].concat();
        check(&turns, &[SPEAKS, TICKET, ACCEPTED, SERVED]);
    }
    // The context may be made after calls without one.
    check(
        &[
            bind(MAPPER, None),
            bound(None),
            call(2, 3, None),
            answer(2),
            c(pdu(14, 3, &binding(OTHER), Some((9, 6, AP_REQ)))),
            s(pdu(15, 3, &[0; 20], None)),
            call(4, 3, SIGNED),
            answer(4),
        ],
        &[SPEAKS, PUBLIC, TICKET, ACCEPTED, SERVED],
    );
    // Netlogon: type 0, flags 3, domain and computer.
    let channel = b"\0\0\0\0\x03\0\0\0LAB\0PC1\0";
    check(
        &[&[bind(OTHER, Some((68, 6, channel))), bound(None)][..], &calls].concat(),
        &[
            SPEAKS,
            "offers Secret for Connection as User \"PC1\" by Password [dcerpc.secure-channel]",
            ACCEPTED,
            SERVED,
        ],
    );
    check(
        &[&[bind(OTHER, Some((14, 6, b"\x16\x03\x01"))), bound(None)][..], &calls].concat(),
        &[SPEAKS, "hidden Unsupported [dcerpc.unknown-security]", SERVED],
    );
    check(&[bind(OTHER, Some((9, 6, AP_REQ)))], &["speaks dcerpc [stream.protocol-unanswered]", TICKET]);
    check(&[bind(OTHER, Some((9, 6, AP_REQ))), bound(None)], &[SPEAKS, TICKET]);
}

#[test]
fn other_byte_order_fragments_and_nonsense() {
    // Big-endian: lengths, ids and three fields of the UUID.
    let mut big =
        vec![5, 0, 11, 3, 0, 0, 0, 0, 0, 72, 0, 0, 0, 0, 0, 1, 22, 208, 22, 208, 0, 0, 0, 0, 1, 0, 0, 0];
    big.extend([0, 0, 1, 0]);
    big.extend(b"\xe1\xaf\x83\x08\x5d\x1f\x11\xc9\x91\xa4\x08\x00\x2b\x14\xa0\xfa\0\x03\0\0");
    big.resize(72, 4);
    let lookup = c([5, 0, 0, 3, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
    check(&[c(big), bound(None), lookup, answer(2)], &[SPEAKS, PUBLIC]);
    // Later fragments of a call and of an answer.
    let mut later = pdu(0, 2, &[0; 40], None);
    *later.get_mut(3).unwrap() = 2;
    let mut rest = pdu(2, 2, &[0; 40], None);
    *rest.get_mut(3).unwrap() = 2;
    check(
        &[bind(OTHER, None), bound(None), call(2, 3, None), c(later), answer(2), s(rest)],
        &[SPEAKS, SERVED],
    );
    // An answer that nobody waits for is left unread.
    check(&[bind(OTHER, None), bound(None), answer(2)], &[SPEAKS]);
    check(&[bind(OTHER, None), bound(None), c([0; 40])], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    // SOCKS 5 begins alike.
    check(
        &[c([5, 1, 0]), s([5, 0]), c([5, 1, 0, 1, 10, 0, 0, 1, 0, 80])],
        &["speaks socks5 [stream.protocol]"],
    );
}

/// A message of version 4 (C706 12.5.2.1).
fn datagram(kind: u8, flags: u8, interface: &[u8], call: u16, provider: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![4, kind, flags, 0, 0x10, 0, 0, 0];
    out.extend([0; 16]);
    out.extend_from_slice(interface);
    out.extend([9; 16]);
    out.extend([0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0]);
    out.extend(call.to_le_bytes());
    out.extend([0xff; 4]);
    out.extend((body.len() as u16).to_le_bytes());
    out.extend([0, 0, provider, 0]);
    out.extend_from_slice(body);
    out
}

#[test]
fn datagrams() {
    const SPEAKS: &str = "speaks dcerpc [datagrams.protocol]";
    let ask = |interface, call| c(datagram(0, 0x20, interface, call, 0, b"body"));
    let got = |kind, body: &[u8]| s(datagram(kind, 0, OTHER, 0, 0, body));
    check_datagrams(&[ask(OTHER, 0), got(2, b"body")], &[SPEAKS, SERVED]);
    check_datagrams(&[ask(MAPPER, 3), got(4, b""), got(2, b"body")], &[SPEAKS, PUBLIC]);
    check_datagrams(&[ask(OTHER, 0), got(3, &5_u32.to_le_bytes())], &[SPEAKS, MISSING]);
    check_datagrams(&[ask(OTHER, 0), got(6, &0x1c01_0003_u32.to_le_bytes())], &[SPEAKS]);
    check_datagrams(&[ask(OTHER, 0)], &["hidden Unsupported [stream.one-sided]"]);
    check_datagrams(
        &[c(datagram(0, 0x10, OTHER, 0, 0, b"body"))],
        &[SPEAKS, "sends one way [dcerpc.one-way-call]"],
    );
    check_datagrams(
        &[c(datagram(0, 0x20, OTHER, 0, 10, b"body")), got(2, b"body")],
        &[SPEAKS, "hidden Unsupported [dcerpc.unknown-security]", SERVED],
    );
    check_datagrams(
        &[ask(OTHER, 0), got(2, b"x"), c(b"x")],
        &[SPEAKS, SERVED, "hidden Unsupported [stream.unreadable]"],
    );
}
