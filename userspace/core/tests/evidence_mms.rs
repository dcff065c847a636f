//! MMS: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks mms [stream.protocol]";
const OPENED: &str = "serves Public [mms.association-accepted]";
const SERVED: &str = "serves Service [mms.request-served]";

/// TPKT, COTP DT with the last-unit mark, message.
fn packet(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() + 7).unwrap();
    [&[3, 0], &length.to_be_bytes()[..], &[2, 0xf0, 0x80], message].concat()
}

/// A BER element, or a parameter of the session: code, length, contents.
fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    [&[tag, u8::try_from(contents.len()).unwrap()], &contents[..]].concat()
}

/// A value in presentation context `context`.
fn value(context: u8, pdu: &[u8]) -> Vec<u8> {
    element(0x61, &[&element(0x30, &[&[2, 1, context], &element(0xa0, &[pdu])])])
}

/// SPDU with version, presentation PDU with contexts, association control.
fn associate(spdu: u8, acse: &[u8]) -> Vec<u8> {
    let contexts = element(0xa4, &[&element(0x30, &[&[2, 1, 3, 6, 5, 0x28, 0xca, 0x22, 2, 1]])]);
    let normal = element(0xa2, &[&contexts, &value(1, acse)]);
    let ppdu = element(0x31, &[&element(0xa0, &[&[0x80, 1, 1]]), &normal]);
    packet(&element(spdu, &[&[5, 3, 0x16, 1, 2], &element(0xc1, &[&ppdu])]))
}

const CONTEXT: &[u8] = &[0xa1, 7, 6, 5, 0x28, 0xca, 0x22, 2, 3];

fn request(authentication: &[u8]) -> Turn {
    c(associate(0x0d, &element(0x60, &[CONTEXT, authentication, &[0xbe, 2, 0x28, 0]])))
}

fn response(spdu: u8, result: u8, diagnostic: u8) -> Turn {
    let diagnostic = element(0xa3, &[&element(0xa1, &[&[2, 1, diagnostic]])]);
    s(associate(spdu, &element(0x61, &[CONTEXT, &[0xa2, 3, 2, 1, result], &diagnostic])))
}

/// Give tokens, data transfer, an MMS PDU.
fn transfer(pdu: &[u8]) -> Vec<u8> {
    packet(&[&[1, 0, 1, 0], &value(3, pdu)[..]].concat())
}

const READS: &[u8] = &[0xa0, 5, 2, 1, 9, 0xa4, 0];
const READ: &[u8] = &[0xa1, 5, 2, 1, 9, 0xa4, 0];

fn with(turns: &[Turn]) -> Vec<Turn> {
    let connect = |code: u8| vec![3, 0, 0, 14, 9, code, 0, 0, 0, 1, 0, 0xc0, 1, 10];
    [&[c(connect(0xe0)), s(connect(0xd0))], turns].concat()
}

#[test]
fn an_association_without_authentication() {
    let begun = [request(b""), response(0x0e, 0, 0)];
    let with_more = |turns: &[Turn]| with(&[&begun[..], turns].concat());
    check(&with_more(&[c(transfer(READS)), s(transfer(READ))]), &[SPEAKS, OPENED, SERVED]);
    check(&with_more(&[s(transfer(&[0xa3, 2, 0xa0, 0]))]), &[SPEAKS, OPENED, SERVED]);
    check(
        &with_more(&[c(transfer(READS)), s(transfer(&[0xa1, 5, 2, 1, 9, 0xa2, 0]))]),
        &[SPEAKS, OPENED, "serves Public [mms.identified]"],
    );
    check(
        &with_more(&[c(transfer(READS)), s(transfer(&[0xa2, 0]))]),
        &[SPEAKS, OPENED, "refuses Other [mms.refused]"],
    );
    // A stack without session, presentation and association.
    check(
        &with(&[c(packet(&[0xa8, 3, 0x80, 1, 9])), s(packet(&[0xa9, 0])), c(packet(READS)), s(packet(READ))]),
        &[SPEAKS, OPENED, SERVED],
    );
}

#[test]
fn an_association_with_a_password() {
    let password = element(0xac, &[&element(0x80, &[b"MARK1"])]);
    let offered = "offers Secret for Connection by Password in clear with fingerprint [mms.password-sent]";
    let turns = with(&[request(&password), response(0x0e, 0, 0), c(transfer(READS)), s(transfer(READ))]);
    check(&turns, &[SPEAKS, offered, "accepts [mms.password-accepted]", OPENED, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &with(&[request(&password), response(0x0c, 1, 13)]),
        &[SPEAKS, offered, "refuses ProofWrong [mms.authentication-failure]"],
    );
    check(
        &with(&[request(b""), response(0x0e, 1, 14)]),
        &[SPEAKS, "refuses ProofMissing [mms.authentication-required]"],
    );
    check(&with(&[request(b""), response(0x0c, 2, 0)]), &[SPEAKS, "refuses Other [mms.refused]"]);
    check(&with(&[request(&password)]), &[SPEAKS, offered]);
    // A signed value is not read.
    let signed = element(0xac, &[&element(0xa2, &[b"x"])]);
    check(
        &with(&[request(&signed), response(0x0e, 0, 0)]),
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn cut_wrong_and_other_bytes() {
    let lost = "hidden Unsupported [stream.unreadable]";
    let unsupported = "hidden Unsupported [stream.unsupported]";
    let accepted = response(0x0e, 0, 0);
    check(&with(&[request(b""), s(&accepted.1[..20])]), &[SPEAKS]);
    check(&with(&[request(b""), s(b"HTTP/1.1 200 OK")]), &[SPEAKS, lost]);
    check(&with(&[request(b""), accepted, s(packet(&[1, 0, 2, 0]))]), &[SPEAKS, OPENED, lost]);
    // Another application of the same transport.
    check(&with(&[c(packet(&[0x0d, 4, 5, 2, 0x16, 2]))]), &[unsupported]);
    // An association's request in two packets is not put together.
    let (_, mut first) = request(b"");
    first[6] = 0;
    check(&with(&[c(first), c(packet(b"rest"))]), &[SPEAKS, lost]);
}
