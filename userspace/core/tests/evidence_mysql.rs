//! MySQL: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks mysql [stream.protocol]";
const DIGEST: &str = "offers Secret for Connection as User \"app\" by Password [mysql.challenge-answered]";
const DEMAND: &str = "demands Secret [mysql.challenge]";

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(body.len()).unwrap().to_le_bytes();
    packet[3] = sequence;
    [&packet[..], body].concat()
}

fn greeting() -> Turn {
    let mut body = b"\x0a8.0.36\0\x07\0\0\0saltsalt\0\xff\xf7\x21\x02\0\xff\xc1\x15".to_vec();
    body.extend([0; 10]);
    body.extend(b"moresaltsalt\0caching_sha2_password\0");
    s(packet(0, &body))
}

/// HandshakeResponse41 with these flags on top of those that its fields need.
fn response(proof: &[u8], plugin: &str) -> Turn {
    let mut body = (0x0008_8200_u32 | 0x8).to_le_bytes().to_vec();
    body.extend([0, 0, 0, 1, 0x21]);
    body.extend([0; 23]);
    body.extend(b"app\0");
    body.push(u8::try_from(proof.len()).unwrap());
    body.extend(proof);
    body.extend(b"orders\0");
    body.extend(plugin.bytes());
    body.push(0);
    c(packet(1, &body))
}

fn ok(sequence: u8) -> Turn {
    s(packet(sequence, b"\0\0\0\x02\0\0\0"))
}

fn error(sequence: u8, code: u16) -> Turn {
    s(packet(sequence, &[&[0xff][..], &code.to_le_bytes(), b"#28000Access denied"].concat()))
}

#[test]
fn a_challenge_that_was_answered_is_demanded_and_accepted() {
    let opened = [SPEAKS, DEMAND, DIGEST, "accepts [mysql.ok]", "serves Service [mysql.session-opened]"];
    check(&[greeting(), response(b"MARK5678901234567890", "mysql_native_password"), ok(2)], &opened);
    // caching_sha2: the receiver knew the digest.
    let sha2 = response(&[b'x'; 32], "caching_sha2_password");
    check(
        &[greeting(), sha2.clone(), s([packet(2, &[1, 3]), packet(3, b"\0\0\0\x02\0\0\0")].concat())],
        &opened,
    );
    // It did not: the caller asks for the RSA key and sends the password under it.
    let key = s(packet(4, b"\x01-----BEGIN PUBLIC KEY-----"));
    check(
        &[
            greeting(),
            sha2,
            s(packet(2, &[1, 4])),
            c(packet(3, &[2])),
            key,
            c(packet(5, &[0xa7; 256])),
            ok(6),
        ],
        &opened,
    );
    // A switch to another plugin.
    let switch = s(packet(2, b"\xfemysql_native_password\0saltsaltsaltsaltsalt\0"));
    check(
        &[greeting(), response(&[1; 32], "caching_sha2_password"), switch, c(packet(3, &[7; 20])), ok(4)],
        &opened,
    );
}

#[test]
fn an_account_without_a_password_takes_the_callers_word() {
    let claimed = [
        SPEAKS,
        "offers Claim for Connection as User \"app\" [mysql.no-proof]",
        "serves Service [mysql.session-opened]",
    ];
    check(&[greeting(), response(b"", "mysql_native_password"), ok(2)], &claimed);
    check(&[greeting(), response(b"\0", "caching_sha2_password"), ok(2)], &claimed);
    // What was sent for the first plugin does not count once the receiver switched to another.
    let switch = s(packet(2, b"\xfemysql_native_password\0saltsaltsaltsaltsalt\0"));
    check(
        &[greeting(), response(&[1; 32], "caching_sha2_password"), switch, c(packet(3, b"")), ok(4)],
        &claimed,
    );
}

#[test]
fn a_password_in_clear_is_fingerprinted() {
    let switch = s(packet(2, b"\xfemysql_clear_password\0"));
    let clear = [
        SPEAKS,
        DEMAND,
        "offers Secret for Connection as User \"app\" by Password in clear with fingerprint [mysql.password-sent]",
        "accepts [mysql.ok]",
        "serves Service [mysql.session-opened]",
    ];
    let first = response(&[1; 32], "caching_sha2_password");
    check(&[greeting(), first.clone(), switch, c(packet(3, b"MARKPW\0")), ok(4)], &clear);
    let turns = [greeting(), first, s(packet(2, &[1, 4])), c(packet(3, b"MARKPW\0")), ok(4)];
    check(&turns, &clear);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
}

#[test]
fn tickets_tokens_and_unknown_plugins() {
    let first = response(&[1; 32], "caching_sha2_password");
    let switched = |plugin: &str| s(packet(2, &[b"\xfe", plugin.as_bytes(), b"\0"].concat()));
    check(
        &[greeting(), first.clone(), switched("auth_gssapi_client"), c(packet(3, b"\x60\x82ticket")), ok(4)],
        &[
            SPEAKS,
            "demands Key [mysql.challenge]",
            "offers Key for Connection as User \"app\" by Ticket [mysql.ticket-sent]",
            "accepts [mysql.ok]",
            "serves Service [mysql.session-opened]",
        ],
    );
    check(
        &[greeting(), first, switched("vendor_secret_handshake"), c(packet(3, b"whatever")), ok(4)],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn refusals_say_why() {
    let digest = response(&[9; 20], "mysql_native_password");
    check(
        &[greeting(), digest.clone(), error(2, 1045)],
        &[SPEAKS, DEMAND, DIGEST, "refuses ProofWrong [mysql.access-denied]"],
    );
    for (code, expect) in [
        (1045, "refuses ProofMissing [mysql.access-denied]"),
        (1698, "refuses ProofMissing [mysql.access-denied]"),
        (1130, "refuses Place [mysql.host-refused]"),
        (1044, "refuses NotAllowed [mysql.not-allowed]"),
        (1040, "refuses Other [mysql.session-refused]"),
    ] {
        check(&[greeting(), response(b"", "mysql_native_password"), error(2, code)], &[SPEAKS, expect]);
    }
}

#[test]
fn encryption_leads_to_tls_and_silence_to_nothing() {
    let request = c(packet(1, &[&0x0000_8a00_u32.to_le_bytes()[..], &[0; 28]].concat()));
    check(
        &[greeting(), request, c("garbage that is no ClientHello"), s("neither is this")],
        &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
    );
    // A response cut short, or one that nobody judged.
    let (role, bytes) = response(&[9; 20], "mysql_native_password");
    check(&[greeting(), (role, bytes[..50].to_vec())], &[SPEAKS]);
    check(&[greeting(), (role, bytes)], &[SPEAKS, DEMAND, DIGEST]);
}
