//! DNP3 over TCP and UDP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check, check_datagrams, s};

const SPEAKS: &str = "speaks dnp3 [stream.protocol]";
const SERVED: &str = "serves Service [dnp3.request-answered]";

/// CRC-16/DNP, bit by bit.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let mut crc = 0_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa6bc } else { crc >> 1 };
        }
    }
    (!crc).to_le_bytes()
}

/// Start, length, control, destination 4, source 3, check; blocks of 16 bytes with theirs.
fn frame(control: u8, data: &[u8]) -> Vec<u8> {
    let head = [5, 0x64, u8::try_from(data.len() + 5).unwrap(), control, 4, 0, 3, 0];
    let mut frame = [&head[..], &crc(&head)].concat();
    for block in data.chunks(16) {
        frame.extend([block, &crc(block)].concat());
    }
    frame
}

/// One fragment in one segment: FIR and FIN, application control, function.
fn request(function: u8, objects: &[u8]) -> Vec<u8> {
    frame(0xc4, &[&[0xc0, 0xc0, function], objects].concat())
}

fn response(function: u8, indications: u8, objects: &[u8]) -> Vec<u8> {
    frame(0x44, &[&[0xc0, 0xc0, function, 0, indications], objects].concat())
}

#[test]
fn the_check_is_the_one_of_the_standard() {
    // A read of class 0 as a master sends it.
    let known = [5, 0x64, 0x05, 0xc0, 1, 0, 0, 4, 0xe9, 0x21];
    assert_eq!(crc(&known[..8]), known[8..]);
}

#[test]
fn values_are_read_and_outputs_moved_by_anybody() {
    let read = request(1, &[60, 1, 6]);
    let values = response(129, 0, &[&[30, 1, 0, 0, 4][..], &[7; 40]].concat());
    check(&[c(&read), s(&values), c(request(0, b"")), c(&read), s(values)], &[SPEAKS, SERVED]);
    check(&[c(&read), s(response(129, 2, b""))], &[SPEAKS, "refuses Other [dnp3.request-refused]"]);
    check(&[c(request(23, b"")), s(response(129, 0, b""))], &[SPEAKS, "serves Public [dnp3.delay-measured]"]);
    check(&[c(&read), s(response(130, 0, &[2, 1, 0]))], &[SPEAKS, "serves Service [dnp3.values-sent]"]);
    check(&[c(&read), s(response(130, 0, b""))], &[SPEAKS]);
    // Two segments: only the first has a head.
    let first = frame(0xc4, &[0x40, 0xc0, 2, 1, 2, 3]);
    check(&[c(first), c(frame(0xc4, &[0x81, 0xc0, 6])), s(response(129, 0, b""))], &[SPEAKS, SERVED]);
    // A link's own frames, without user data.
    check(&[c(frame(0xc9, b"")), s(frame(0x0b, b""))], &[SPEAKS]);
}

#[test]
fn some_requests_are_never_answered() {
    let operate = request(6, &[12, 1, 0x28]);
    let one_way = "sends one way [dnp3.no-answer-requested]";
    check(&[c(&operate), c(&operate)], &[SPEAKS, one_way]);
    check(&[c(&operate), s(frame(0x00, b""))], &[SPEAKS, one_way]);
    check(&[c(request(5, &[12, 1, 0x28]))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn a_request_is_challenged() {
    let challenged = [
        c(request(5, &[12, 1, 0x28])),
        s(response(131, 0, &[120, 1, 0x5b, 1])),
        c(request(32, &[120, 2, 0x5b, 1])),
    ];
    let shown = [
        SPEAKS,
        "demands Secret [dnp3.challenge-sent]",
        "offers Secret for Request by Signature [dnp3.challenge-answered]",
    ];
    check(
        &[&challenged[..], &[s(response(129, 0, &[12, 1, 0x28]))]].concat(),
        &[&shown[..], &[SERVED]].concat(),
    );
    check(
        &[&challenged[..], &[s(response(131, 0, &[120, 7, 0x5b, 1]))]].concat(),
        &[&shown[..], &["refuses ProofWrong [dnp3.authentication-error]"]].concat(),
    );
    check(&[c(request(5, &[120, 3, 7, 1])), s(response(129, 0, b""))], &[SPEAKS, shown[2], SERVED]);
}

#[test]
fn datagrams_show_the_same() {
    let speaks = "speaks dnp3 [datagrams.protocol]";
    let two = [request(0, b""), request(1, &[60, 1, 6])].concat();
    check_datagrams(&[c(two), s(response(129, 0, b""))], &[speaks, SERVED]);
    check_datagrams(&[c(request(6, b""))], &[speaks, "sends one way [dnp3.no-answer-requested]"]);
    check_datagrams(&[c(request(1, b""))], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let read = request(1, &[60, 1, 6]);
    let values = response(129, 0, &[7; 40]);
    check(&[c(&read), s(&values[..20])], &[SPEAKS]);
    check(&[c(&read), s(&values[..26])], &[SPEAKS, SERVED]);
    let lost = "hidden Unsupported [stream.unreadable]";
    check(&[c(&read), s(values), s(b"HTTP/1.1 200 OK")], &[SPEAKS, SERVED, lost]);
    let mut wrong = response(129, 0, b"");
    wrong[8] ^= 1;
    check(&[c(&read), s(wrong)], &["hidden Unsupported [stream.unsupported]"]);
}
