//! IEEE C37.118 over TCP and UDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, check_datagrams, s};

const SPEAKS: &str = "speaks synchrophasor [stream.protocol]";
const SERVED: &str = "serves Service [synchrophasor.values-sent]";

/// SYNC with type and version 1, size, IDCODE 60, SOC, FRACSEC, contents, check.
fn frame(kind: u8, contents: &[u8]) -> Vec<u8> {
    let size = u16::try_from(contents.len() + 16).unwrap();
    let head = [0xaa, kind << 4 | 1];
    let mut frame =
        [&head[..], &size.to_be_bytes(), &[0, 60], &[0x48, 0x99, 0x90, 0x9a, 0, 0, 0, 0], contents].concat();
    let mut crc = 0xffff_u16;
    for byte in &frame {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    frame.extend(crc.to_be_bytes());
    frame
}

const SEND_CONFIGURATION: &[u8] = &[0, 5];
const TURN_ON: &[u8] = &[0, 2];

#[test]
fn measurements_go_to_anybody() {
    check(&[c(frame(4, SEND_CONFIGURATION)), s(frame(3, &[7; 40]))], &[SPEAKS, SERVED]);
    check(&[c(frame(4, TURN_ON)), s(frame(0, &[7; 40])), s(frame(0, &[7; 40]))], &[SPEAKS, SERVED]);
    check(&[c(frame(4, TURN_ON))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn datagrams_show_the_same() {
    let speaks = "speaks synchrophasor [datagrams.protocol]";
    check_datagrams(&[c(frame(4, TURN_ON)), s(frame(0, &[7; 40]))], &[speaks, SERVED]);
    check_datagrams(
        &[c(frame(3, &[7; 40])), c(frame(0, &[7; 40]))],
        &[speaks, "sends one way [synchrophasor.values-pushed]"],
    );
    check_datagrams(&[c(frame(4, TURN_ON))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let unsupported = "hidden Unsupported [stream.unsupported]";
    check(&[c(frame(4, TURN_ON)), s(&frame(0, &[7; 40])[..9])], &[SPEAKS]);
    let mut wrong = frame(4, TURN_ON);
    wrong[17] ^= 1;
    check(&[c(&wrong), s(frame(0, &[7; 40]))], &[unsupported]);
    check(&[c(frame(4, TURN_ON)), s(frame(4, TURN_ON))], &[unsupported]);
    check(&[c(frame(4, TURN_ON)), s([0xaa, 0x01, 0, 4, 0, 0])], &[unsupported]);
    check(
        &[c(frame(4, TURN_ON)), c(b"GET /"), s(frame(0, &[7; 40]))],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check_datagrams(&[c(wrong), s(frame(0, &[7; 40]))], &[unsupported]);
}
