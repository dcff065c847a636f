//! Gearman: packets and what they show.

mod evidence_support;
use evidence_support::{c, check, s};

const SPEAKS: &str = "speaks gearman [stream.protocol]";
const SERVED: &str = "serves Service [gearman.request-served]";

fn packet(magic: &[u8; 4], kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(0);
    [magic, &[0, 0, 0, kind][..], &[0, 0, 0, length], content].concat()
}

#[test]
fn jobs_are_for_anyone() {
    let submit = c(packet(b"\0REQ", 7, b"reverse\0\0text"));
    check(&[submit.clone(), s(packet(b"\0RES", 8, b"H:host:1"))], &[SPEAKS, SERVED]);
    check(
        &[
            submit.clone(),
            s(packet(b"\0RES", 19, b"QUEUE_FULL\0full")),
            submit.clone(),
            s(packet(b"\0RES", 8, b"H")),
        ],
        &[SPEAKS, "refuses Other [gearman.error]", SERVED],
    );
    check(&[c(packet(b"\0REQ", 16, b"ping")), s(packet(b"\0RES", 17, b"ping"))], &[SPEAKS]);
    check(&[submit.clone(), s(packet(b"\0REQ", 8, b""))], &["hidden Unsupported [stream.unsupported]"]);
    check(
        &[submit, s(packet(b"\0RES", 17, b"")), s(b"\0XXX\0\0\0\x08\0\0\0\0")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
}
