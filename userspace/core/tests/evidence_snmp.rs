//! SNMP 1, 2c and 3.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{c, check_datagrams, s};

const V1: &str = "speaks snmpv1 [datagrams.protocol]";
const V2C: &str = "speaks snmpv2c [datagrams.protocol]";
const V3: &str = "speaks snmpv3 [datagrams.protocol]";
const COMMUNITY: &str =
    "offers Secret for Request by Password in clear with fingerprint [snmp.community-sent]";
const DEFAULT: &str =
    "offers Secret for Request by Password in clear with fingerprint [snmp.default-community-sent]";
const DIGEST: &str = "offers Secret for Request as User \"sven\" by Password [snmp.usm-digest-sent]";
const USER: &str = "offers Claim for Request as User \"sven\" [snmp.usm-user-claimed]";
const ACCEPTED: &str = "accepts [snmp.proof-accepted]";
const SERVED: &str = "serves Service [snmp.request-answered]";
const DISCOVERED: &str = "serves Public [snmp.engine-discovered]";

const GET: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const INFORM: u8 = 0xa6;
const TRAP: u8 = 0xa7;
const REPORT: u8 = 0xa8;
/// sysDescr.0, 1.3.6.1.2.1.1.1.0.
const DESCRIPTION: &[u8] = &[0x2b, 6, 1, 2, 1, 1, 1, 0];

/// A BER element.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u8::try_from(content.len()).unwrap();
    if length < 0x80 {
        [&[tag, length][..], &content].concat()
    } else {
        [&[tag, 0x81, length][..], &content].concat()
    }
}

fn int(value: u8) -> Vec<u8> {
    tlv(0x02, &[&[value]])
}

fn octets(value: &[u8]) -> Vec<u8> {
    tlv(0x04, &[value])
}

/// request-id, error-status, error-index, one variable without a value.
fn operation(tag: u8, id: u8, status: u8, variable: &[u8]) -> Vec<u8> {
    let pair = tlv(0x30, &[&tlv(0x06, &[variable]), &[0x05, 0]]);
    tlv(tag, &[&int(id), &int(status), &int(0), &tlv(0x30, &[&pair])])
}

/// A message of version 1 (0) or 2c (1).
fn message(version: u8, community: &[u8], operation: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&int(version), &octets(community), operation])
}

fn get(version: u8, community: &[u8], id: u8) -> Vec<u8> {
    message(version, community, &operation(GET, id, 0, DESCRIPTION))
}

fn response(version: u8, community: &[u8], id: u8, status: u8) -> Vec<u8> {
    message(version, community, &operation(RESPONSE, id, status, DESCRIPTION))
}

/// A message of version 3 by USM: flags (1 auth, 2 priv, 4 reportable), user, scoped PDU or what seals it.
fn usm(id: u8, flags: u8, user: &[u8], scoped: &[u8]) -> Vec<u8> {
    let header = tlv(0x30, &[&int(id), &tlv(0x02, &[&[0, 0xff, 0xe3]]), &octets(&[flags]), &int(3)]);
    let digest = if flags & 1 == 0 { &b""[..] } else { &[0xaa; 12] };
    let salt = if flags & 2 == 0 { &b""[..] } else { &[0xbb; 8] };
    let engine = octets(b"\x80\0\x1f\x88engine");
    let parameters = tlv(0x30, &[&engine, &int(1), &int(9), &octets(user), &octets(digest), &octets(salt)]);
    tlv(0x30, &[&int(3), &header, &octets(&parameters), scoped])
}

fn scoped(operation: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&octets(b"\x80\0\x1f\x88engine"), &octets(b""), operation])
}

fn sealed() -> Vec<u8> {
    octets(&[0xcc; 40])
}

/// A report of a counter of `usmStats`.
fn report(id: u8, flags: u8, counter: u8) -> Vec<u8> {
    let name = [0x2b, 6, 1, 6, 3, 15, 1, 1, counter, 0];
    usm(id, flags, b"", &scoped(&operation(REPORT, 0, 0, &name)))
}

#[test]
fn a_community_is_a_secret_once_it_is_answered() {
    for (version, speaks) in [(0, V1), (1, V2C)] {
        check_datagrams(
            &[c(get(version, b"MARK-community", 7)), s(response(version, b"MARK-community", 7, 0))],
            &[speaks, COMMUNITY, ACCEPTED, SERVED],
        );
        check_datagrams(
            &[c(get(version, b"public", 7)), s(response(version, b"public", 7, 0))],
            &[speaks, DEFAULT, ACCEPTED, SERVED],
        );
    }
    let set = message(1, b"private", &operation(SET, 1, 0, DESCRIPTION));
    check_datagrams(&[c(set), s(response(1, b"private", 1, 0))], &[V2C, DEFAULT, ACCEPTED, SERVED]);
    let inform = message(1, b"MARK", &operation(INFORM, 1, 0, DESCRIPTION));
    check_datagrams(&[c(inform), s(response(1, b"MARK", 1, 0))], &[V2C, COMMUNITY, ACCEPTED, SERVED]);
}

#[test]
fn no_community_is_no_secret() {
    check_datagrams(&[c(get(1, b"", 7)), s(response(1, b"", 7, 0))], &[V2C, SERVED]);
}

#[test]
fn what_is_the_same_is_said_once_and_what_changes_again() {
    let mut turns = Vec::new();
    for id in 0..40 {
        turns.extend([c(get(1, b"MARK", id)), s(response(1, b"MARK", id, 0))]);
    }
    turns.extend([c(get(1, b"", 50)), s(response(1, b"", 50, 0))]);
    check_datagrams(&turns, &[V2C, COMMUNITY, ACCEPTED, SERVED, SERVED]);
}

#[test]
fn answers_find_their_requests_in_any_order() {
    check_datagrams(
        &[c(get(1, b"MARK", 1)), c(get(1, b"", 2)), s(response(1, b"", 2, 0)), s(response(1, b"MARK", 1, 0))],
        &[V2C, SERVED, COMMUNITY, ACCEPTED, SERVED],
    );
    // An answer to nothing that was asked serves nobody.
    check_datagrams(&[c(get(1, b"MARK", 1)), s(response(1, b"MARK", 2, 0))], &[V2C, COMMUNITY]);
}

#[test]
fn silence_decides_nothing() {
    let unanswered = "speaks snmpv2c [stream.protocol-unanswered]";
    check_datagrams(&[c(get(1, b"MARK", 1))], &[unanswered, COMMUNITY]);
    check_datagrams(&[c(get(1, b"", 1))], &["hidden Unsupported [stream.one-sided]"]);
    check_datagrams(
        &[c(get(1, b"public", 1)), s(response(1, b"public", 1, 0)), c(get(1, b"MARK", 2))],
        &[V2C, DEFAULT, ACCEPTED, SERVED, COMMUNITY],
    );
}

#[test]
fn errors_about_the_caller_are_told_from_others() {
    let noted = |status: u8, expect: &[&str]| {
        let mut said = vec![V2C, COMMUNITY];
        said.extend(expect);
        check_datagrams(&[c(get(1, b"MARK", 1)), s(response(1, b"MARK", 1, status))], &said);
    };
    noted(2, &[ACCEPTED, SERVED]); // noSuchName
    noted(16, &["refuses NotAllowed [snmp.not-allowed]"]); // authorizationError
    noted(5, &["refuses Other [snmp.request-failed]"]); // genErr
}

#[test]
fn traps_are_never_answered() {
    let trap = c(message(1, b"MARK", &operation(TRAP, 1, 0, DESCRIPTION)));
    let sent = "sends one way [snmp.notification-sent]";
    check_datagrams(&[trap.clone(), trap], &[V2C, COMMUNITY, sent]);
    // Version 1: enterprise, agent address, generic and specific trap, time, variables.
    let old = tlv(
        0xa4,
        &[
            &tlv(0x06, &[DESCRIPTION]),
            &tlv(0x40, &[&[127, 0, 0, 1]]),
            &int(6),
            &int(17),
            &tlv(0x43, &[&[0]]),
            &tlv(0x30, &[]),
        ],
    );
    check_datagrams(&[c(message(0, b"public", &old))], &[V1, DEFAULT, sent]);
    check_datagrams(&[c(usm(1, 3, b"sven", &sealed()))], &[V3, DIGEST, sent]);
    check_datagrams(
        &[c(usm(1, 7, b"sven", &sealed()))],
        &["speaks snmpv3 [stream.protocol-unanswered]", DIGEST],
    );
}

#[test]
fn a_digest_is_a_proof_and_a_name_is_none() {
    let ask = scoped(&operation(GET, 1, 0, DESCRIPTION));
    let answer = scoped(&operation(RESPONSE, 1, 0, DESCRIPTION));
    let discovery = [c(usm(1, 4, b"", &ask)), s(report(1, 0, 4))];
    check_datagrams(&discovery, &[V3, DISCOVERED]);
    let with = |turns: [evidence_support::Turn; 2], expect: &[&str]| {
        let turns = [discovery.to_vec(), turns.to_vec()].concat();
        check_datagrams(&turns, &[&[V3, DISCOVERED], expect].concat());
    };
    with([c(usm(2, 5, b"sven", &ask)), s(usm(2, 1, b"sven", &answer))], &[DIGEST, ACCEPTED, SERVED]);
    with([c(usm(2, 7, b"sven", &sealed())), s(usm(2, 3, b"sven", &sealed()))], &[DIGEST, ACCEPTED, SERVED]);
    with([c(usm(2, 4, b"sven", &ask)), s(usm(2, 0, b"sven", &answer))], &[USER, SERVED]);
    with([c(usm(2, 4, b"", &ask)), s(usm(2, 0, b"", &answer))], &[SERVED]);
    let wrong = "refuses ProofWrong [snmp.proof-refused]";
    let other = "refuses Other [snmp.request-failed]";
    with([c(usm(2, 5, b"sven", &ask)), s(report(2, 0, 5))], &[DIGEST, wrong]);
    with([c(usm(2, 5, b"sven", &ask)), s(report(2, 0, 3))], &[DIGEST, wrong]);
    with([c(usm(2, 4, b"sven", &ask)), s(report(2, 0, 3))], &[USER, other]);
    with([c(usm(2, 5, b"sven", &ask)), s(report(2, 1, 2))], &[DIGEST, other]);
    let denied = scoped(&operation(RESPONSE, 1, 16, DESCRIPTION));
    with(
        [c(usm(2, 4, b"sven", &ask)), s(usm(2, 0, b"sven", &denied))],
        &[USER, "refuses NotAllowed [snmp.not-allowed]"],
    );
}

#[test]
fn another_security_model_is_not_read() {
    let mut sent = usm(1, 5, b"sven", &scoped(&operation(GET, 1, 0, DESCRIPTION)));
    let model = sent.windows(3).rposition(|part| part == [2, 1, 3]).unwrap();
    sent.splice(model..model + 3, [2, 1, 4]);
    let reply = usm(1, 3, b"sven", &sealed());
    check_datagrams(&[c(sent), s(reply)], &[V3, "hidden Unsupported [snmp.other-security-model]"]);
}

#[test]
fn what_is_not_snmp_is_not_recognised() {
    let unknown = "hidden Unsupported [stream.unsupported]";
    let get = get(1, b"MARK", 1);
    // Versions differ, no answer, no operation, longer than the datagram.
    check_datagrams(&[c(&get), s(response(0, b"MARK", 1, 0))], &[unknown]);
    check_datagrams(&[c(&get), s(&get)], &[unknown]);
    check_datagrams(&[c(message(1, b"MARK", &octets(b""))), s(response(1, b"MARK", 1, 0))], &[unknown]);
    let (cut, _) = get.split_at(get.len() - 1);
    check_datagrams(&[c(cut), s(response(1, b"MARK", 1, 0))], &[unknown]);
}
