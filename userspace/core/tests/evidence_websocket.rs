//! WebSocket: what the request proves, and what the messages carry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, recorded, s};
use tierzero_core::event::Role;

const SPEAKS: &str = "speaks http [stream.protocol]";
const MQTT: &str = "speaks mqtt [stream.protocol]";
const OPENED: &str = "serves Service [websocket.opened]";
const CARRIED: &str = "hidden Unsupported [websocket.carried]";
const BEARER: &str = "offers Secret for Request by Bearer in clear with fingerprint [http.bearer]";

/// A request for a WebSocket and the answer that opens it, then turns.
fn opened(fields: &str, turns: &[Turn]) -> Vec<Turn> {
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let mut all = vec![
        c(format!("GET /ws HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Version: 13\r\n{fields}\r\n")),
        s(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: x\r\n\r\n")),
    ];
    all.extend_from_slice(turns);
    all
}

/// One frame (RFC 6455 section 5.2), masked if it is the caller's.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut out = match payload.len() {
        short @ 0..=125 => vec![first, bit | u8::try_from(short).unwrap()],
        long @ 126..=0xffff => {
            [&[first, bit | 126][..], &u16::try_from(long).unwrap().to_be_bytes()].concat()
        }
        longer => [&[first, bit | 127][..], &u64::try_from(longer).unwrap().to_be_bytes()].concat(),
    };
    let mask = [0x11, 0x22, 0x33, 0x44];
    if masked {
        out.extend(mask);
    }
    out.extend(payload.iter().enumerate().map(|(at, byte)| if masked { byte ^ mask[at % 4] } else { *byte }));
    out
}

/// Each turn as one binary message.
fn frames(turns: &[Turn]) -> Vec<Turn> {
    turns.iter().map(|(from, bytes)| (*from, frame(0x82, bytes, *from == Role::Originator))).collect()
}

/// CONNECT of MQTT 3.1.1 with a name and a password, or with neither, and a CONNACK.
fn mqtt(password: bool, code: u8) -> Vec<Turn> {
    let fields: &[u8] = if password { b"\0\x05alice\0\x06MARK05" } else { b"" };
    let body =
        [b"\0\x04MQTT\x04", &[if password { 0xc2 } else { 2 }][..], b"\0\x3c\0\x02id", fields].concat();
    vec![c([&[0x10, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()), s([0x20, 2, 0, code])]
}

#[test]
fn messages_that_are_not_read_hide_who_calls() {
    let talk = [c(frame(0x81, b"{\"type\":\"login\"}", true)), s(frame(0x81, b"{\"ok\":true}", false))];
    check(&opened("", &talk), &[SPEAKS, CARRIED]);
    check(&opened("", &[]), &[SPEAKS, CARRIED]);
    check(&opened("", &talk[..1]), &[SPEAKS, CARRIED]);
    let proved = opened("Authorization: Bearer MARKx\r\n", &talk);
    check(&proved, &[SPEAKS, BEARER, OPENED, CARRIED]);
    assert!(!format!("{:?}", observe(&proved)).contains("MARK"));
    let cookie = "offers Secret for Request by Cookie in clear with fingerprint [http.cookie]";
    check(&opened("Cookie: s=MARKx\r\n", &talk), &[SPEAKS, cookie, OPENED, CARRIED]);
    // Kubernetes' form of a token among the subprotocols: MARK-token.
    let token =
        "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.TUFSSy10b2tlbg, v4.channel.k8s.io\r\n";
    check(&opened(token, &talk), &[SPEAKS, BEARER, OPENED, CARRIED]);
    // Compressed; no frame at all; a kind that is not known.
    for first in [0xc2, 0x83, 0x8b] {
        check(&opened("", &[c(frame(first, b"x", true))]), &[SPEAKS, CARRIED]);
    }
    check(&opened("", &[s(frame(0x88, &[0; 126], false))]), &[SPEAKS, CARRIED]);
}

#[test]
fn mqtt_inside_is_read() {
    let open = opened("Sec-WebSocket-Protocol: mqtt\r\n", &frames(&mqtt(false, 0)));
    let shown: Vec<String> = observe(&open).iter().map(evidence_support::line).collect();
    assert_eq!(shown[..2], [SPEAKS, MQTT], "{shown:?}");
    let plain: Vec<String> = observe(&mqtt(false, 0)).iter().skip(1).map(evidence_support::line).collect();
    assert!(!plain.is_empty() && plain.iter().any(|line| line.starts_with("serves")), "{plain:?}");
    // What is inside is shown as it is without a WebSocket, whatever the frames.
    for (password, code) in [(false, 0), (true, 0), (true, 4), (false, 5)] {
        let inside = mqtt(password, code);
        let plain: Vec<String> = observe(&inside).iter().skip(1).map(evidence_support::line).collect();
        let expect: Vec<&str> = [SPEAKS, MQTT].into_iter().chain(plain.iter().map(String::as_str)).collect();
        check(&opened("", &frames(&inside)), &expect);
        // In fragments, with upkeep between them, and several packets in one message.
        let (call, reply) = (&inside[0].1, &inside[1].1);
        let parts = [
            c(frame(0x02, &call[..5], true)),
            c(frame(0x89, b"ping", true)),
            s(frame(0x8a, b"ping", false)),
            c(frame(0x00, &call[5..9], true)),
            c(frame(0x80, &[&call[9..], &[0xc0, 0][..]].concat(), true)),
            s(frame(0x82, reply, false)),
        ];
        check(&opened("", &parts), &expect);
    }
    let proved = opened("Authorization: Bearer MARKx\r\n", &frames(&mqtt(false, 0)));
    let mut expect = vec![SPEAKS, BEARER, MQTT];
    expect.extend(plain.iter().map(String::as_str));
    check(&proved, &expect);
}

#[test]
fn other_protocols_inside() {
    let info = s("INFO {\"server_id\":\"A\",\"auth_required\":true}\r\n");
    let nats = [info, c("CONNECT {\"user\":\"bob\",\"pass\":\"MARK06\"}\r\nPING\r\n"), s("PONG\r\n")];
    let shows =
        |turns: &[Turn]| -> Vec<String> { observe(turns).iter().map(evidence_support::line).collect() };
    let vnc = [s("RFB 003.008\n"), c("RFB 003.008\n"), s([1, 1]), c([1]), s([0; 4]), c([1])];
    let tls = recorded("tls13_mtls");
    for inside in [&nats[..], &vnc, &tls] {
        let plain = shows(inside);
        let expect: Vec<&str> = [SPEAKS].into_iter().chain(plain.iter().map(String::as_str)).collect();
        check(&opened("", &frames(inside)), &expect);
    }
    // One message that is longer than what is kept of a direction.
    let long = [0x30, 0xa0, 0x9c, 1].into_iter().chain(std::iter::repeat_n(0, 20_000)).collect::<Vec<u8>>();
    let mut turns = opened("", &frames(&mqtt(false, 5)));
    turns.push(c(frame(0x82, &long, true)));
    check(&turns[..4], &shows(&turns).iter().map(String::as_str).collect::<Vec<_>>());
    // What is no WebSocket protocol is not guessed at: a line of text.
    let line = [c("whois example.org\r\n"), s("some text\r\n")];
    check(&opened("", &frames(&line)), &[SPEAKS, CARRIED]);
}

#[test]
fn streams_that_a_request_asks_for() {
    let attach = |upgrade: &str, fields: &str| {
        let upgrade = format!("Connection: Upgrade\r\nUpgrade: {upgrade}\r\n");
        let target = "/v1.41/containers/a1/attach?stream=1";
        [
            c(format!("POST {target} HTTP/1.1\r\nHost: docker\r\n{upgrade}{fields}\r\n")),
            s(format!("HTTP/1.1 101 UPGRADED\r\n{upgrade}\r\n\x01\0\0\0\0\0\0\x02$ ")),
        ]
    };
    let docker = "carries docker [http.docker-api]";
    let served = "serves Service [http.request-served]";
    check(&attach("tcp", ""), &[SPEAKS, docker, served]);
    check(&attach("SPDY/3.1", "Authorization: Bearer MARKx\r\n"), &[SPEAKS, docker, BEARER, served]);
    let broken = "hidden Unsupported [stream.unreadable]";
    check(&attach("odd", ""), &[SPEAKS, docker, broken]);
}
