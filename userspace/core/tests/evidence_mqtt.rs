//! MQTT: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks mqtt [stream.protocol]";
const OPENED: &str = "serves Service [mqtt.session-opened]";
const PASSWORD: &str = "offers Secret for Connection as User \"sensor\" by Password in clear with fingerprint [mqtt.password-sent]";

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(body.len()).unwrap()][..], body].concat()
}

fn text(value: &str) -> Vec<u8> {
    [&u16::try_from(value.len()).unwrap().to_be_bytes()[..], value.as_bytes()].concat()
}

/// CONNECT of 3.1.1 with these flags and payload fields after the client's id.
fn connect(flags: u8, fields: &[&str]) -> Turn {
    let mut body = b"\0\x04MQTT\x04".to_vec();
    body.extend([flags | 2, 0, 60]);
    body.extend(text("client-1"));
    body.extend(fields.iter().flat_map(|field| text(field)));
    c(packet(0x10, &body))
}

fn connack(code: u8) -> Turn {
    s([0x20, 2, 0, code])
}

#[test]
fn no_credentials_and_served() {
    check(&[connect(0, &[]), connack(0)], &[SPEAKS, OPENED]);
    check(&[connect(0x04, &["will/topic", "gone"]), connack(0)], &[SPEAKS, OPENED]);
    check(&[c(b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02ab"), connack(0)], &[SPEAKS, OPENED]);
    check(
        &[connect(0x80, &["sensor"]), connack(0)],
        &[SPEAKS, "offers Claim for Connection as User \"sensor\" [mqtt.name-sent]", OPENED],
    );
}

#[test]
fn a_password_is_presented_and_taken_or_not() {
    let turns = [connect(0xc4, &["will", "MARKWILL", "sensor", "MARK9"]), connack(0)];
    check(&turns, &[SPEAKS, PASSWORD, "accepts [mqtt.accepted]", OPENED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    check(
        &[connect(0xc0, &["sensor", "x"]), connack(5)],
        &[SPEAKS, PASSWORD, "refuses ProofWrong [mqtt.refused]"],
    );
    check(&[connect(0xc0, &["sensor", "x"])], &["speaks mqtt [stream.protocol-unanswered]", PASSWORD]);
    check(&[connect(0, &[])], &["hidden Unsupported [stream.one-sided]"]);
    check(&[connect(0, &[]), connack(5)], &[SPEAKS, "refuses ProofMissing [mqtt.refused]"]);
    check(&[connect(0, &[]), connack(2)], &[SPEAKS, "refuses Other [mqtt.session-refused]"]);
    // A password that is a token: a JWT for sensor-9 that lives 600 s.
    let jwt =
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzZW5zb3ItOSIsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI2MjAwfQ.c2ln";
    check(
        &[
            c({
                let mut body = b"\0\x04MQTT\x04\xc2\0\x3c\0\0".to_vec();
                body.extend(text("unused"));
                body.extend(text(jwt));
                [
                    &[
                        0x10,
                        0x80 | u8::try_from(body.len() % 128).unwrap(),
                        u8::try_from(body.len() / 128).unwrap(),
                    ][..],
                    &body,
                ]
                .concat()
            }),
            connack(0),
        ],
        &[
            SPEAKS,
            "offers Token for Connection as JwtSubject \"sensor-9\" by Jwt 600s in clear with fingerprint [mqtt.token-sent]",
            "accepts [mqtt.accepted]",
            OPENED,
        ],
    );
}

fn connect5(properties: &[u8], fields: &[&str]) -> Turn {
    let flags = if fields.is_empty() { 2 } else { 0xc2 };
    let mut body = b"\0\x04MQTT\x05".to_vec();
    body.extend([flags, 0, 60, u8::try_from(properties.len()).unwrap()]);
    body.extend(properties);
    body.extend(text("client-1"));
    body.extend(fields.iter().flat_map(|field| text(field)));
    c(packet(0x10, &body))
}

#[test]
fn version_5_has_properties_reasons_and_exchanges() {
    let served = s([0x20, 3, 0, 0, 0]);
    check(&[connect5(&[0x11, 0, 0, 0, 9, 0x21, 0, 20], &[]), served.clone()], &[SPEAKS, OPENED]);
    check(
        &[connect5(&[], &["sensor", "MARK"]), served.clone()],
        &[SPEAKS, PASSWORD, "accepts [mqtt.accepted]", OPENED],
    );
    check(&[connect5(&[], &[]), s([0x20, 3, 0, 0x87, 0])], &[SPEAKS, "refuses ProofMissing [mqtt.refused]"]);
    check(&[connect5(&[], &[]), s([0x20, 3, 0, 0x8a, 0])], &[SPEAKS, "refuses Place [mqtt.banned]"]);
    let method = [&[0x15][..], &text("SCRAM-SHA-1")].concat();
    let auth = packet(0xf0, &[&[0x18, 14][..], &method].concat());
    check(
        &[connect5(&method, &[]), s(&auth), c(&auth), served.clone()],
        &[
            SPEAKS,
            "offers Secret for Connection by Password [mqtt.exchange-answered]",
            "accepts [mqtt.accepted]",
            OPENED,
        ],
    );
    // A method that nobody challenged proves nothing that can be told.
    check(&[connect5(&method, &[]), served.clone()], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(&[connect5(&[0x7e, 0], &[]), served], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
}

#[test]
fn cut_short_or_something_else() {
    let (role, bytes) = connect(0xc0, &["sensor", "MARK9"]);
    check(&[(role, bytes[..20].to_vec()), connack(0)], &[SPEAKS]);
    check(&[connack(0)], &["hidden Unsupported [stream.one-sided]"]);
    check(&[c(b"\x10\x05hello"), connack(0)], &["hidden Unsupported [stream.unsupported]"]);
    // A length that the packet's fields exceed.
    check(
        &[c(b"\x10\x0a\0\x04MQTT\x04\xc2\0\x3c"), connack(0)],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
