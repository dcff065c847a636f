//! Kerberos' change of passwords, over TCP and UDP.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, check_datagrams, s};

const TICKET: &str = "offers Key for Request by Ticket [kpasswd.ticket-sent]";
const REFUSED: &str = "refuses Other [kpasswd.request-refused]";

/// An application's element around a SEQUENCE.
fn element(tag: u8, size: u8) -> Vec<u8> {
    [&[tag, size + 2, 0x30, size][..], &vec![0xcc; usize::from(size)]].concat()
}

/// Length, version, length of the first part, both parts.
fn message(version: u16, first: &[u8], second: &[u8]) -> Vec<u8> {
    let length = u16::try_from(first.len() + second.len() + 6).unwrap().to_be_bytes();
    let part = u16::try_from(first.len()).unwrap().to_be_bytes();
    [&length[..], &version.to_be_bytes(), &part, first, second].concat()
}

/// AP-REQ and KRB-PRIV.
fn request(version: u16) -> Turn {
    c(message(version, &element(0x6e, 100), &element(0x75, 50)))
}

#[track_caller]
fn both(turns: &[Turn], expect: &[&str]) {
    check_datagrams(turns, &[&["speaks kpasswd [datagrams.protocol]"], expect].concat());
    let framed: Vec<Turn> = turns
        .iter()
        .map(|(from, bytes)| {
            (*from, [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat())
        })
        .collect();
    check(&framed, &[&["speaks kpasswd [stream.protocol]"], expect].concat());
}

#[test]
fn a_ticket_is_answered_by_the_receivers_own_proof() {
    for version in [1, 0xff80] {
        let answered = [request(version), s(message(1, &element(0x6f, 60), &element(0x75, 50)))];
        let accepted = "accepts [kpasswd.proof-accepted]";
        both(&answered, &[TICKET, accepted, "serves Service [kpasswd.request-answered]"]);
    }
}

#[test]
fn an_error_in_clear_refuses() {
    both(&[request(1), s(message(1, b"", &element(0x7e, 70)))], &[TICKET, REFUSED]);
    both(&[request(1), s(element(0x7e, 70))], &[TICKET, REFUSED]);
}

#[test]
fn what_was_not_answered_is_offered_and_no_more() {
    let turns = [request(1), s(element(0x7e, 70)), request(1)];
    both(&turns, &[TICKET, REFUSED, TICKET]);
}

#[test]
fn what_else_looks_alike_is_not_recognised() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    check_datagrams(&[request(2), s(element(0x7e, 70))], &unknown);
    check_datagrams(&[request(1), request(1), s(message(1, b"", b""))], &unknown);
    check_datagrams(&[c(message(1, b"", &element(0x75, 50))), s(element(0x7e, 70))], &unknown);
}
