//! LDAP over UDP.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{c, check_datagrams, s};

const SPEAKS: &str = "speaks cldap [datagrams.protocol]";
const PUBLIC: &str = "serves Public [cldap.root-entry-served]";
const SERVED: &str = "serves Service [cldap.search-served]";

/// A BER element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
}

/// A message with an id.
fn message(id: u8, operation: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[tlv(2, &[id]), tlv(operation, &parts.concat())].concat())
}

/// base, scope, aliases, limits, types only, a filter, attributes.
fn search(id: u8, base: &[u8], scope: u8) -> Vec<u8> {
    let limits = [tlv(10, &[0]), tlv(2, &[0]), tlv(2, &[0]), tlv(1, &[0])].concat();
    let filter = tlv(0x87, b"objectClass");
    let attributes = tlv(0x30, &tlv(4, b"netlogon"));
    message(id, 0x63, &[tlv(4, base), tlv(10, &[scope]), limits, filter, attributes])
}

fn done(id: u8, code: u8) -> Vec<u8> {
    message(id, 0x65, &[tlv(10, &[code]), tlv(4, b""), tlv(4, b"")])
}

/// An entry and its result in one datagram.
fn found(id: u8) -> Vec<u8> {
    [message(id, 0x64, &[tlv(4, b""), tlv(0x30, b"")]), done(id, 0)].concat()
}

#[test]
fn a_domain_controller_tells_anyone_what_it_is() {
    check_datagrams(&[c(search(1, b"", 0)), s(found(1))], &[SPEAKS, PUBLIC]);
    let twice = [c(search(1, b"", 0)), s(found(1)), c(search(2, b"", 0)), s(done(2, 0))];
    check_datagrams(&twice, &[SPEAKS, PUBLIC]);
}

#[test]
fn the_directory_is_another_matter() {
    let asked = c(search(1, b"dc=x", 2));
    check_datagrams(&[asked.clone(), s(found(1))], &[SPEAKS, SERVED]);
    let demanded = ["demands Secret [cldap.bind-demanded]", "refuses ProofMissing [cldap.bind-demanded]"];
    check_datagrams(&[asked.clone(), s(done(1, 1))], &[&[SPEAKS], &demanded[..]].concat());
    check_datagrams(&[asked.clone(), s(done(1, 32))], &[SPEAKS, "refuses Other [cldap.search-failed]"]);
    // An answer to what nobody asked.
    check_datagrams(&[asked, s(found(2))], &[SPEAKS]);
}

#[test]
fn what_is_cut_or_else_is_not_recognised() {
    let unknown = ["hidden Unsupported [stream.unsupported]"];
    let asked = search(1, b"", 0);
    check_datagrams(&[c(asked.split_at(asked.len() - 1).0), s(found(1))], &unknown);
    check_datagrams(&[c(&asked), s(&asked)], &unknown);
    check_datagrams(
        &[c(asked), s(found(1)), s(b"x")],
        &[SPEAKS, PUBLIC, "hidden Unsupported [stream.unreadable]"],
    );
}
