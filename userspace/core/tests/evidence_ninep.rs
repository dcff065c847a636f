//! 9P, the line printer daemon and the bus of Redis: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const UNREADABLE: &str = "hidden Unsupported [stream.unreadable]";
const UNSUPPORTED: &str = "hidden Unsupported [stream.unsupported]";

/// Size, type, tag.
fn message(kind: u8, tag: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 7).unwrap().to_le_bytes();
    [&length[..], &[kind], &tag.to_le_bytes(), body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
}

fn version(kind: u8) -> Vec<u8> {
    message(kind, 0xffff, &[&[0, 0, 1, 0][..], &text("9P2000.L")].concat())
}

fn attach(authentication: u32) -> Turn {
    let body =
        [&[1, 0, 0, 0][..], &authentication.to_le_bytes(), &text("bob"), &text("/srv"), &[0; 4]].concat();
    c(message(104, 1, &body))
}

#[test]
fn trees_are_attached() {
    let speaks = "speaks 9p [stream.protocol]";
    let named = "offers Claim for Connection as User \"bob\" [9p.user-named]";
    let start = [c(version(100)), s(version(101))];
    let with = |rest: &[Turn]| [&start[..], rest].concat();
    let attached = s(message(105, 1, &[0; 13]));
    check(
        &with(&[attach(0xffff_ffff), attached.clone()]),
        &[speaks, named, "serves Service [9p.tree-attached]"],
    );
    check(
        &with(&[attach(0xffff_ffff), s(message(7, 1, &[13, 0, 0, 0]))]),
        &[speaks, named, "refuses Other [9p.attach-refused]"],
    );
    check(
        &with(&[c(message(102, 1, b"")), s(message(103, 1, &[0; 13])), attach(2), attached]),
        &[speaks, "hidden Unsupported [9p.attached-after-authentication]"],
    );
    check(&with(&[c(message(104, 1, b"x"))]), &[speaks, UNREADABLE]);
    check(&[c(version(100)), s("nonsense")], &[UNSUPPORTED]);
}

#[test]
fn printers() {
    let speaks = "speaks lpd [stream.protocol]";
    check(
        &[c("\x02lp\n"), s("\0"), c("\x0212 cfA001host\n"), s("\0")],
        &[speaks, "serves Service [lpd.command-served]"],
    );
    check(&[c("\x02lp\n"), s("\x01")], &[speaks, "refuses Other [lpd.command-refused]"]);
    check(&[c("\x02lp\n"), s("no")], &[UNSUPPORTED]);
}

#[test]
fn nodes_of_a_cluster() {
    let speaks = "speaks redis-bus [stream.protocol]";
    let node = |kind: u8| [&b"RCmb\0\0\0\x20\0\x01\x40\0\0"[..], &[kind], &[0; 18]].concat();
    check(&[c(node(2)), s(node(1))], &[speaks, "serves Service [redis-bus.message-answered]"]);
    check(&[c(b"RCmb\0\0\0\x01"), s(node(1))], &[speaks, UNREADABLE]);
}
