//! NVMe over TCP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks nvme-tcp [stream.protocol]";
const NAMED: &str = "offers Claim for Connection as User \"nqn.host\" [nvme-tcp.host-named]";
const SERVED: &str = "serves Service [nvme-tcp.command-served]";

/// Type, flags, header's length, offset, length.
fn unit(kind: u8, header: u8, offset: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap().to_le_bytes();
    [&[kind, 0, header, offset][..], &length, body].concat()
}

fn greeting() -> Vec<Turn> {
    vec![c(unit(0, 128, 0, &[0; 120])), s(unit(1, 128, 0, &[0; 120]))]
}

/// Opcode, flags, id, type; then what the capsule carries.
fn command(opcode: u8, id: u8, kind: u8, carried: &[u8]) -> Turn {
    let entry = [&[opcode, 0x40, id, 0, kind][..], &[0; 59]].concat();
    c(unit(4, 72, if carried.is_empty() { 0 } else { 72 }, &[entry, carried.to_vec()].concat()))
}

fn connect() -> Turn {
    let mut carried = vec![0; 1024];
    carried.splice(256..264, *b"nqn.disk");
    carried.splice(512..520, *b"nqn.host");
    command(0x7f, 1, 1, &carried)
}

/// Result, reserved bytes and queue, id, status.
fn response(id: u8, result: u32, status: u16) -> Turn {
    let entry = [&result.to_le_bytes()[..], &[0; 8], &[id, 0], &(status << 1).to_le_bytes()].concat();
    s(unit(5, 24, 0, &entry))
}

fn with(rest: &[Turn]) -> Vec<Turn> {
    [&greeting()[..], rest].concat()
}

#[test]
fn a_name_is_taken_or_not() {
    let identify = command(0x06, 2, 0, b"");
    let property = command(0x7f, 3, 4, b"");
    check(
        &with(&[connect(), response(1, 1, 0), property, response(3, 0, 0), identify, response(2, 0, 0)]),
        &[SPEAKS, NAMED, SERVED],
    );
    check(
        &with(&[connect(), response(1, 0, 0x184)]),
        &[SPEAKS, NAMED, "refuses NotAllowed [nvme-tcp.connect-refused]"],
    );
    check(
        &with(&[connect(), response(1, 0, 0x182)]),
        &[SPEAKS, NAMED, "refuses Other [nvme-tcp.connect-failed]"],
    );
}

#[test]
fn a_challenge_is_answered() {
    let demanded = "demands Secret [nvme-tcp.authentication-required]";
    let answered = "offers Secret for Connection by Password [nvme-tcp.challenge-answered]";
    let start = [connect(), response(1, 0x0002_0001, 0)];
    let negotiate =
        [command(0x7f, 2, 5, &[0, 0, 0, 0]), response(2, 0, 0), command(0x7f, 3, 6, b""), response(3, 0, 0)];
    let reply = [command(0x7f, 4, 5, &[1, 3, 0, 0]), response(4, 0, 0)];
    let identify = command(0x06, 5, 0, b"");
    let all = [&start[..], &negotiate, &reply, &[identify.clone(), response(5, 0, 0)]].concat();
    check(&with(&all), &[SPEAKS, NAMED, demanded, answered, "accepts [nvme-tcp.proof-accepted]", SERVED]);
    check(
        &with(&[&start[..], &[identify, response(5, 0, 0x191)]].concat()),
        &[SPEAKS, NAMED, demanded, "refuses ProofMissing [nvme-tcp.authentication-missing]"],
    );
}

#[test]
fn nonsense() {
    let unread = "hidden Unsupported [stream.unreadable]";
    check(&with(&[c("nonsense")]), &[SPEAKS, unread]);
    check(&with(&[command(0x7f, 1, 1, b"short")]), &[SPEAKS, unread]);
    check(&[c(unit(0, 128, 0, &[0; 120])), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
