//! Connections whose beginning was not seen: what may be said of them, and what may not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{LIMIT, Turn, c, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

fn observe_late(turns: &[Turn], first: u64) -> Vec<String> {
    let mut conversation = Conversation::late(LIMIT, fingerprinter());
    let mut out = Vec::new();
    let mut offsets = [first; 2];
    for (from, bytes) in turns {
        let offset = &mut offsets[usize::from(*from == Role::Responder)];
        conversation.payload(*from, *offset, bytes.len() as u64, bytes, now(), &mut out);
        *offset += bytes.len() as u64;
    }
    conversation.finish(&mut out);
    assert!(conversation.settled());
    out.iter().map(line).filter(|said| said != "asks [http.operation]").collect()
}

fn mqtt() -> Vec<Turn> {
    vec![c(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"), s(b"\x20\x02\x00\x00")]
}

#[test]
fn what_can_only_be_first_is_judged() {
    assert_eq!(
        observe_late(&mqtt(), 0),
        ["speaks mqtt [stream.opening]", "serves Service [mqtt.session-opened]"],
    );
    let smtp = [
        s(b"220 mail.example ESMTP\r\n"),
        c(b"HELO a\r\n"),
        s(b"250 ok\r\n"),
        c(b"MAIL FROM:<a@b>\r\n"),
        s(b"250 ok\r\n"),
    ];
    assert_eq!(observe_late(&smtp, 0)[0], "speaks smtp [stream.opening]");
    let bind = [c(b"\x05\0\x0b\x03\x10\0\0\0"), s(b"\x05\0\x0c\x03\x10\0\0\0")];
    assert_eq!(observe_late(&bind, 0), ["speaks dcerpc [stream.opening]"]);
    assert_eq!(observe_late(&smb(0), 0), ["speaks smb2 [stream.opening]"]);
}

/// A call and its answer with this command of SMB 2.
fn smb(command: u8) -> [Turn; 2] {
    let call = [0, 0, 0, 64, 0xfe, b'S', b'M', b'B', 64, 0, 0, 0, 0, 0, 0, 0, command, 0];
    let mut reply = call.to_vec();
    reply.extend([0, 0, 1, 0, 0, 0]);
    [c(call), s(reply)]
}

#[test]
fn what_may_have_a_past_is_not() {
    let redis = [c(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), s(b"$1\r\nb\r\n")];
    assert_eq!(observe_late(&redis, 0), [""; 0]);
    assert_eq!(observe_late(&smb(3), 0), [""; 0]);
    assert_eq!(observe_late(&[c(b"\xff\xfe"), s(b"what")], 0), [""; 0]);
    assert_eq!(observe_late(&mqtt(), 7), [""; 0], "bytes before it were missed");
    assert_eq!(observe_late(&mqtt()[..1], 0), [""; 0], "only one side spoke");
}

#[test]
fn requests_that_stand_for_themselves_are_read_from_any_of_them_on() {
    const MIDWAY: &str = "speaks http [stream.protocol-midway]";
    let ok = || s(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let bare = || c(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let keyed = || c(b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Basic czpNQVJL\r\n\r\n");
    let said = observe_late(&[keyed(), ok()], 0);
    assert_eq!((said[0].as_str(), said.len()), (MIDWAY, 3), "{said:?}");
    assert!(said[1].starts_with("offers Secret for Request as User \"s\""), "{said:?}");
    assert_eq!(said[2], "serves Service [http.request-served]");
    assert_eq!(observe_late(&[bare(), ok()], 0), [MIDWAY, "serves Service [http.request-served]"]);
    // Its first answer may be that of a request that was not seen, and every later one be taken for the next one's.
    assert_eq!(observe_late(&[ok(), keyed(), ok()], 0), [""; 0]);
    // What was presented and never answered.
    let said = observe_late(&[keyed()], 0);
    assert_eq!((said[0].as_str(), said.len()), ("speaks http [stream.protocol-unanswered]", 2), "{said:?}");
    assert_eq!(observe_late(&[bare()], 0), [""; 0]);
}
