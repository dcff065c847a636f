//! Kerberos exchanges with a key distribution centre, over TCP and UDP.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, check_datagrams, s};

const SPEAKS: &str = "speaks kerberos";
const CLAIMED: &str = "offers Claim for Request as User \"sven@EXAMPLE.ORG\" [kerberos.name-claimed]";
const TIMESTAMP: &str = "offers Key for Request as User \"sven@EXAMPLE.ORG\" [kerberos.key-proof-sent]";
const CERTIFICATE: &str =
    "offers Key for Request as User \"sven@EXAMPLE.ORG\" by X509 [kerberos.certificate-proof-sent]";
const ARMOUR: &str =
    "offers Key for Request as User \"sven@EXAMPLE.ORG\" by Ticket [kerberos.armoured-proof-sent]";
const TICKET: &str = "offers Key for Request as User \"sven@EXAMPLE.ORG\" by Ticket [kerberos.ticket-sent]";
const NAMELESS: &str = "offers Key for Request by Ticket [kerberos.ticket-sent]";
const ACCEPTED: &str = "accepts [kerberos.proof-accepted]";
const GRANTED: &str = "serves Service [kerberos.ticket-granted]";
const DEMANDED: [&str; 2] =
    ["demands Key [kerberos.proof-demanded]", "refuses ProofMissing [kerberos.proof-demanded]"];

/// A BER element.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(u8::try_from(length).unwrap()),
        length => {
            element.push(0x82);
            element.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    element.extend_from_slice(&content);
    element
}

fn int(tag: u8, value: u8) -> Vec<u8> {
    tlv(tag, &[&tlv(0x02, &[&[0, value]])])
}

/// PrincipalName in a field.
fn principal(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|part| tlv(0x1b, &[part])).collect();
    tlv(tag, &[&tlv(0x30, &[&int(0xa0, 1), &tlv(0xa1, &[&tlv(0x30, &[&parts])])])])
}

fn realm(tag: u8) -> Vec<u8> {
    tlv(tag, &[&tlv(0x1b, &[b"EXAMPLE.ORG"])])
}

/// PA-DATA.
fn pa(kind: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&int(0xa1, kind), &tlv(0xa2, &[&tlv(0x04, &[value])])])
}

/// EncryptedData.
fn sealed() -> Vec<u8> {
    tlv(0x30, &[&int(0xa0, 18), &tlv(0xa2, &[&tlv(0x04, &[&[0xcc; 60]])])])
}

/// AP-REQ: version, type 14, options, ticket, authenticator.
fn ap_req() -> Vec<u8> {
    let ticket = tlv(0xa3, &[&tlv(0x61, &[&tlv(0x30, &[&int(0xa0, 5), &realm(0xa1), &[0xcc; 900]])])]);
    tlv(0x6e, &[&tlv(0x30, &[&int(0xa0, 5), &int(0xa1, 14), &ticket, &tlv(0xa4, &[&sealed()])])])
}

/// AS-REQ (10) or TGS-REQ (12).
fn ask_as(kind: u8, caller: &[&[u8]], carried: &[Vec<u8>]) -> Vec<u8> {
    let list = tlv(0xa3, &[&tlv(0x30, &[&carried.concat()])]);
    let options = tlv(0xa0, &[&tlv(0x03, &[&[0, 0x40, 0x81, 0, 0x10]])]);
    let caller = if caller.is_empty() { Vec::new() } else { principal(0xa1, caller) };
    let body = tlv(0x30, &[&options, &caller, &realm(0xa2), &principal(0xa3, &[b"krbtgt", b"EXAMPLE.ORG"])]);
    let fields = tlv(0x30, &[&int(0xa1, 5), &int(0xa2, kind), &list, &tlv(0xa4, &[&body])]);
    tlv(0x60 + kind, &[&fields])
}

fn as_req(carried: &[Vec<u8>]) -> Vec<u8> {
    ask_as(10, &[b"sven"], carried)
}

fn tgs_req() -> Vec<u8> {
    ask_as(12, &[], &[pa(1, &ap_req())])
}

/// AS-REP (11) or TGS-REP (13).
fn rep(kind: u8) -> Vec<u8> {
    let fields = tlv(
        0x30,
        &[
            &int(0xa0, 5),
            &int(0xa1, kind),
            &realm(0xa3),
            &principal(0xa4, &[b"sven"]),
            &tlv(0xa5, &[&tlv(0x61, &[&tlv(0x30, &[&[0xcc; 3000]])])]),
            &tlv(0xa6, &[&sealed()]),
        ],
    );
    tlv(0x60 + kind, &[&fields])
}

/// KRB-ERROR.
fn error(code: u8) -> Vec<u8> {
    let time = tlv(0xa4, &[&tlv(0x18, &[b"20260101000000Z"])]);
    let fields = [int(0xa0, 5), int(0xa1, 30), time, int(0xa5, 0), int(0xa6, code), realm(0xa9)].concat();
    tlv(0x7e, &[&tlv(0x30, &[&fields])])
}

/// PA-FX-FAST-REQUEST: armour of type 1 with an AP-REQ, a checksum, the sealed request.
fn fast() -> Vec<u8> {
    let armour = tlv(0x30, &[&int(0xa0, 1), &tlv(0xa1, &[&tlv(0x04, &[&ap_req()])])]);
    tlv(0xa0, &[&tlv(0x30, &[&tlv(0xa0, &[&armour]), &tlv(0xa2, &[&sealed()])])])
}

/// Checks the same exchange over both transports; expected is what follows the protocol's name.
#[track_caller]
fn both(turns: &[Turn], expect: &[&str]) {
    let tcp = format!("{SPEAKS} [stream.protocol]");
    let udp = format!("{SPEAKS} [datagrams.protocol]");
    check_datagrams(turns, &[&[udp.as_str()], expect].concat());
    let framed: Vec<Turn> = turns
        .iter()
        .map(|(from, bytes)| {
            let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            (*from, [&length[..], bytes].concat())
        })
        .collect();
    check(&framed, &[&[tcp.as_str()], expect].concat());
}

#[test]
fn a_name_alone_is_asked_for_proof() {
    let twice = [c(as_req(&[])), s(error(25)), c(as_req(&[pa(2, &sealed())])), s(rep(11))];
    both(&twice, &[CLAIMED, DEMANDED[0], DEMANDED[1], TIMESTAMP, ACCEPTED, GRANTED]);
    both(&[c(as_req(&[])), s(error(6))], &[CLAIMED, "refuses Other [kerberos.request-failed]"]);
    both(&[c(as_req(&[])), s(error(18))], &[CLAIMED, "refuses NotAllowed [kerberos.not-allowed]"]);
}

#[test]
fn a_ticket_for_a_name_alone_was_granted_without_proof() {
    both(&[c(as_req(&[])), s(rep(11))], &[CLAIMED, GRANTED]);
    // Pieces that prove nothing: PA-PAC-REQUEST, PA-REQ-ENC-PA-REP, SPAKE's first message, what is no ciphertext.
    let idle = [pa(128, &tlv(0x30, &[&int(0xa0, 0)])), pa(149, b""), pa(151, &[0xa0, 0]), pa(2, b"")];
    both(&[c(as_req(&idle)), s(rep(11))], &[CLAIMED, GRANTED]);
}

#[test]
fn each_kind_of_proof_is_told() {
    let granted = |carried: Vec<u8>, offer: &str| {
        both(&[c(as_req(&[pa(133, b"cookie"), carried])), s(rep(11))], &[offer, ACCEPTED, GRANTED]);
    };
    granted(pa(2, &sealed()), TIMESTAMP);
    granted(pa(138, &sealed()), TIMESTAMP);
    granted(pa(151, &tlv(0xa2, &[&[0xcc; 40]])), TIMESTAMP);
    granted(pa(16, &tlv(0x30, &[&[0xcc; 2500]])), CERTIFICATE);
    granted(pa(136, &fast()), ARMOUR);
    both(&[c(tgs_req()), s(rep(13))], &[TICKET, ACCEPTED, GRANTED]);
    let spake = [c(as_req(&[pa(151, &[0xa0, 0])])), s(error(91))];
    both(&spake, &[CLAIMED, "demands Key [kerberos.more-demanded]"]);
}

#[test]
fn armour_without_a_ticket_proves_nothing() {
    let armour = tlv(0x30, &[&int(0xa0, 2), &tlv(0xa1, &[&tlv(0x04, &[b"x"])])]);
    let fast = tlv(0xa0, &[&tlv(0x30, &[&tlv(0xa0, &[&armour])])]);
    both(&[c(as_req(&[pa(136, &fast)])), s(rep(11))], &[CLAIMED, GRANTED]);
}

#[test]
fn a_ticket_for_nobody_is_for_anyone() {
    let signed = pa(16, &tlv(0x30, &[&[0xcc; 200]]));
    let asked = ask_as(10, &[b"WELLKNOWN", b"ANONYMOUS"], &[signed]);
    both(&[c(asked), s(rep(11))], &["serves Public [kerberos.anonymous-ticket-granted]"]);
}

#[test]
fn a_proof_that_is_refused_is_told_from_other_refusals() {
    let wrong = "refuses ProofWrong [kerberos.proof-refused]";
    let other = "refuses Other [kerberos.request-failed]";
    both(&[c(as_req(&[pa(2, &sealed())])), s(error(24))], &[TIMESTAMP, wrong]);
    both(&[c(tgs_req()), s(error(31))], &[NAMELESS, wrong]);
    both(&[c(tgs_req()), s(error(7))], &[NAMELESS, other]);
    both(&[c(as_req(&[pa(2, &sealed())])), s(error(37))], &[TIMESTAMP, other]);
}

#[test]
fn what_was_offered_and_not_answered_is_said() {
    let turns = [c(tgs_req()), s(rep(13)), c(as_req(&[pa(2, &sealed())]))];
    both(&turns, &[TICKET, ACCEPTED, GRANTED, TIMESTAMP]);
}

#[test]
fn an_answer_that_may_mean_two_requests_credits_the_weaker() {
    let turns = [c(as_req(&[pa(2, &sealed())])), c(as_req(&[])), s(rep(11)), s(rep(11))];
    both(&turns, &[CLAIMED, GRANTED, TIMESTAMP, ACCEPTED, GRANTED]);
    // The same datagram again asks for nothing new.
    let again = [c(tgs_req()), c(tgs_req()), s(rep(13)), s(rep(13))];
    let said = ["speaks kerberos [datagrams.protocol]", TICKET, ACCEPTED, GRANTED];
    check_datagrams(&again, &said);
}

#[test]
fn what_is_not_kerberos_is_not_recognised() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    let asked = as_req(&[]);
    let (cut, _) = asked.split_at(asked.len() - 1);
    check_datagrams(&[c(cut), s(rep(11))], &unknown);
    check_datagrams(&[c(&asked), s(&asked)], &unknown);
    check_datagrams(&[c(ask_as(10, &[], &[]).split_off(2)), s(rep(11))], &unknown);
    check_datagrams(&[c(&asked)], &["hidden Unsupported [stream.one-sided]"]);
    check(&[c(&asked), s(rep(11))], &unknown);
}
