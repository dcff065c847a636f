//! RADIUS.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{c, check_datagrams, s};

const SPEAKS: &str = "speaks radius [datagrams.protocol]";
const SERVED: &str = "serves Service [radius.request-served]";
const ACCEPTED: &str = "accepts [radius.access-accepted]";
const TAKEN: &str = "accepts [radius.request-acknowledged]";
const KEYED: &str = "offers Secret for Request as User \"sven\" by Password [radius.keyed-request-sent]";

/// Code, identifier, length, authenticator, attributes.
fn packet(code: u8, identifier: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend([*kind, u8::try_from(value.len() + 2).unwrap()]);
        body.extend_from_slice(value);
    }
    let mut packet = vec![code, identifier];
    packet.extend_from_slice(&u16::try_from(body.len() + 20).unwrap().to_be_bytes());
    packet.extend([0xaa; 16]);
    packet.extend(body);
    packet
}

const NAME: (u8, &[u8]) = (1, b"sven");
const PASSWORD: (u8, &[u8]) = (2, &[0xcc; 16]);
const CHAP: (u8, &[u8]) = (3, &[0xcc; 17]);
const EAP: (u8, &[u8]) = (79, &[2, 0, 0, 9, 1, b's', b'v', b'e', b'n']);
const DIGEST: (u8, &[u8]) = (80, &[0xdd; 16]);

#[test]
fn each_kind_of_proof_is_told() {
    let told = |attributes: &[(u8, &[u8])], rule: &str| {
        let offer = format!("offers Secret for Request as User \"sven\" by Password [radius.{rule}]");
        let asked = c(packet(1, 7, attributes));
        check_datagrams(&[asked.clone(), s(packet(2, 7, &[]))], &[SPEAKS, &offer, ACCEPTED, SERVED]);
        let rejected = "refuses ProofWrong [radius.access-rejected]";
        check_datagrams(&[asked, s(packet(3, 7, &[]))], &[SPEAKS, &offer, rejected]);
    };
    told(&[NAME, PASSWORD], "password-sent");
    told(&[NAME, CHAP], "challenge-answered");
    let answer = [&[0, 0, 1, 55, 25, 52][..], &[0xcc; 50]].concat();
    told(&[NAME, (26, &answer)], "challenge-answered");
    told(&[NAME, EAP, DIGEST], "eap-sent");
    told(&[NAME, DIGEST], "keyed-request-sent");
}

#[test]
fn a_name_alone_proves_nothing() {
    let claimed = "offers Claim for Request as User \"sven\" [radius.name-claimed]";
    // A cut password, and EAP without the digest that it needs.
    for extra in [(2, &[0xcc; 3][..]), (26, b"\0\0\0\x09\x01\x06test"), EAP] {
        let asked = c(packet(1, 7, &[NAME, extra]));
        check_datagrams(&[asked.clone(), s(packet(2, 7, &[]))], &[SPEAKS, claimed, SERVED]);
        let rejected = "refuses Other [radius.access-rejected]";
        check_datagrams(&[asked, s(packet(3, 7, &[]))], &[SPEAKS, claimed, rejected]);
    }
}

#[test]
fn a_challenge_asks_for_more() {
    let eap = "offers Secret for Request as User \"sven\" by Password [radius.eap-sent]";
    let turns = [
        c(packet(1, 1, &[NAME, EAP, DIGEST])),
        s(packet(11, 1, &[EAP, DIGEST])),
        c(packet(1, 2, &[NAME, EAP, DIGEST])),
        s(packet(11, 2, &[EAP, DIGEST])),
        c(packet(1, 3, &[NAME, EAP, DIGEST])),
        s(packet(2, 3, &[EAP, DIGEST])),
    ];
    check_datagrams(&turns, &[SPEAKS, "demands Secret [radius.challenged]", eap, ACCEPTED, SERVED]);
}

#[test]
fn records_and_changes_are_keyed() {
    for (request, acknowledged) in [(4, 5), (40, 41), (43, 44)] {
        let turns = [c(packet(request, 1, &[NAME])), s(packet(acknowledged, 1, &[]))];
        check_datagrams(&turns, &[SPEAKS, KEYED, TAKEN, SERVED]);
    }
    let refused = [c(packet(40, 1, &[NAME])), s(packet(42, 1, &[(101, &[0, 0, 1, 0xf7])]))];
    check_datagrams(&refused, &[SPEAKS, KEYED, "refuses Other [radius.request-refused]"]);
}

#[test]
fn whether_it_is_there_a_server_tells() {
    let turns = [c(packet(12, 1, &[DIGEST])), s(packet(2, 1, &[]))];
    check_datagrams(&turns, &[SPEAKS, "serves Public [radius.status-told]"]);
}

#[test]
fn what_was_not_answered_is_offered_and_no_more() {
    let turns = [c(packet(4, 1, &[NAME])), s(packet(5, 2, &[]))];
    check_datagrams(&turns, &[SPEAKS, KEYED]);
    check_datagrams(&[c(packet(4, 1, &[NAME]))], &["speaks radius [stream.protocol-unanswered]", KEYED]);
}

#[test]
fn what_is_not_radius_is_not_recognised() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    let asked = packet(1, 7, &[NAME, PASSWORD]);
    check_datagrams(&[c(&asked), s(&asked)], &unknown);
    check_datagrams(&[c(asked.split_at(asked.len() - 1).0), s(packet(2, 7, &[]))], &unknown);
    check_datagrams(&[c(packet(1, 7, &[])), s(packet(2, 7, &[]))], &unknown);
    check_datagrams(&[c(packet(12, 7, &[NAME])), s(packet(2, 7, &[]))], &unknown);
}
