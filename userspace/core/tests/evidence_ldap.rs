//! LDAP: byte sequences and what they show.
#![allow(clippy::cast_possible_truncation, reason = "test messages are short")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks ldap [stream.protocol]";
const OFFER: &str = "offers Secret for Connection as User \"cn=a\" by Password in clear with fingerprint [ldap.password-sent]";
const NOBODY: &str = "offers Claim for Connection [ldap.nobody-named]";
const ADMITTED: &str = "serves Public [ldap.nobody-admitted]";
const ACCEPTED: &str = "accepts [ldap.bind-accepted]";
const SESSION: &str = "serves Service [ldap.session-opened]";
const SERVED: &str = "serves Service [ldap.operation-served]";

/// An element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    if content.len() > 127 {
        all.extend([0x84, 0, 0, (content.len() >> 8) as u8]);
    }
    all.push(content.len() as u8);
    all.extend_from_slice(content);
    all
}

/// A message with an id and an operation.
fn message(id: u8, operation: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &[tlv(2, &[id]), tlv(operation, &parts.concat())].concat())
}

/// A bind with a proof of the given kind.
fn bind(id: u8, name: &str, kind: u8, proof: &[u8]) -> Turn {
    c(message(id, 0x60, &[tlv(2, &[3]), tlv(4, name.as_bytes()), tlv(kind, proof)]))
}

/// A SASL bind.
fn sasl(id: u8, mechanism: &str, credentials: &[u8]) -> Turn {
    bind(id, "", 0xa3, &[tlv(4, mechanism.as_bytes()), tlv(4, credentials)].concat())
}

/// A search.
fn search(id: u8, base: &str, scope: u8) -> Turn {
    c(message(id, 0x63, &[tlv(4, base.as_bytes()), tlv(10, &[scope]), tlv(0x87, b"objectClass")]))
}

/// A result.
fn result(id: u8, operation: u8, code: u8) -> Turn {
    s(message(id, operation, &[tlv(10, &[code]), tlv(4, b""), tlv(4, b"")]))
}

/// An entry of so many bytes, and the search's result.
fn found(id: u8, size: usize) -> Turn {
    let mut all = message(id, 0x64, &[tlv(4, b"cn=b"), tlv(0x30, &vec![0x55; size])]);
    all.extend(message(id, 0x65, &[tlv(10, &[0]), tlv(4, b""), tlv(4, b"")]));
    s(all)
}

#[test]
fn simple_binds() {
    let accepted = [bind(1, "cn=a", 0x80, b"MARK05"), result(1, 0x61, 0)];
    check(&accepted, &[SPEAKS, OFFER, ACCEPTED, SESSION]);
    let refused = [bind(1, "cn=a", 0x80, b"MARK05"), result(1, 0x61, 49)];
    check(&refused, &[SPEAKS, OFFER, "refuses ProofWrong [ldap.proof-refused]"]);
    let nobody = [bind(1, "", 0x80, b""), result(1, 0x61, 0)];
    check(&nobody, &[SPEAKS, NOBODY, ADMITTED]);
    let name_alone = [bind(1, "cn=a", 0x80, b""), result(1, 0x61, 0), search(2, "dc=x", 2), found(2, 5000)];
    let claim = "offers Claim for Connection as User \"cn=a\" [ldap.name-claimed]";
    check(&name_alone, &[SPEAKS, claim, "serves Service [ldap.name-admitted]", SERVED]);
    check(&accepted[..1], &["speaks ldap [stream.protocol-unanswered]", OFFER]);
    check(&nobody[..1], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn searches_without_a_bind() {
    check(&[search(1, "dc=x", 2), found(1, 300)], &[SPEAKS, SERVED]);
    check(&[search(1, "dc=x", 2), result(1, 0x65, 0)], &[SPEAKS, SERVED]);
    check(&[search(1, "dc=x", 2), result(1, 0x65, 32)], &[SPEAKS]);
    check(&[search(1, "", 0), found(1, 300)], &[SPEAKS, "serves Public [ldap.root-entry-served]"]);
    check(
        &[search(1, "dc=x", 2), result(1, 0x65, 1)],
        &[SPEAKS, "demands Secret [ldap.bind-demanded]", "refuses ProofMissing [ldap.bind-demanded]"],
    );
    check(&[search(1, "dc=x", 2), result(1, 0x65, 50)], &[SPEAKS, "refuses NotAllowed [ldap.not-allowed]"]);
}

#[test]
fn the_identity_is_the_last_bind() {
    let turns = [
        bind(1, "cn=a", 0x80, b"MARK05"),
        result(1, 0x61, 0),
        search(2, "dc=x", 2),
        found(2, 20),
        bind(3, "", 0x80, b""),
        result(3, 0x61, 0),
        search(4, "dc=x", 2),
        found(4, 20),
    ];
    check(&turns, &[SPEAKS, OFFER, ACCEPTED, SESSION, SERVED, NOBODY, ADMITTED, SERVED]);
    // A bind that was refused for whatever reason counts for nothing that follows.
    let turns = [bind(1, "cn=a", 0x80, b"MARK05"), result(1, 0x61, 51), search(2, "dc=x", 2), found(2, 20)];
    let other = "refuses Other [ldap.bind-refused]";
    check(&turns, &[SPEAKS, OFFER, other, "offers Claim for Connection [ldap.nobody-bound]", SERVED]);
}

#[test]
fn sasl_mechanisms() {
    let ticket = b"\x6e\x82\x05\x29\x30\x82\x05\x25\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa2";
    let kerberos = [
        sasl(1, "GSSAPI", ticket),
        result(1, 0x61, 14),
        sasl(2, "GSSAPI", b""),
        result(2, 0x61, 0),
        c(b"\0\0\0\x05sealed"),
    ];
    check(
        &kerberos,
        &[
            SPEAKS,
            "offers Key for Connection by Ticket [sasl.ticket-sent]",
            ACCEPTED,
            SESSION,
            "hidden Encrypted [ldap.sealed]",
        ],
    );
    check(
        &[sasl(1, "EXTERNAL", b"u:x"), result(1, 0x61, 0)],
        &[SPEAKS, "offers Claim for Connection as User \"u:x\" [sasl.name-claimed]"],
    );
    check(
        &[sasl(1, "GSS-SPNEGO", b"odd"), result(1, 0x61, 0)],
        &[SPEAKS, "hidden Unsupported [ldap.unknown-proof-accepted]"],
    );
    let digest = b"username=\"ab\",realm=\"x\",nonce=\"n\",response=MARK";
    check(
        &[sasl(1, "DIGEST-MD5", b""), result(1, 0x61, 14), sasl(2, "DIGEST-MD5", digest), result(2, 0x61, 0)],
        &[
            SPEAKS,
            "offers Secret for Connection as User \"ab\" by Password [sasl.challenge-answered]",
            ACCEPTED,
            SESSION,
        ],
    );
    let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
    ntlm.extend([0; 8]);
    ntlm.extend([24, 0, 24, 0, 64, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 4, 0, 4, 0, 64, 0, 0, 0]);
    ntlm.extend([0; 20]);
    ntlm.extend(b"a\0b\0");
    let answered = "offers Secret for Connection as User \"ab\" by Password [sasl.challenge-answered]";
    check(&[sasl(1, "GSS-SPNEGO", &ntlm), result(1, 0x61, 0)], &[SPEAKS, answered, ACCEPTED, SESSION]);
    ntlm[20] = 0;
    check(
        &[sasl(1, "GSS-SPNEGO", &ntlm), result(1, 0x61, 0)],
        &[SPEAKS, "offers Claim for Connection [sasl.name-claimed]"],
    );
}

#[test]
fn starttls_leaves_the_rest_to_tls() {
    let ask = c(message(1, 0x77, &[tlv(0x80, b"1.3.6.1.4.1.1466.20037")]));
    check(
        &[ask.clone(), result(1, 0x78, 0), bind(2, "cn=a", 0x80, b"MARK05"), result(2, 0x61, 0)],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    check(
        &[ask, result(1, 0x78, 2), bind(2, "cn=a", 0x80, b"MARK05"), result(2, 0x61, 0)],
        &[SPEAKS, OFFER, ACCEPTED, SESSION],
    );
}
