//! Captures written byte by byte: every format, and every way in which a network disorders packets.
#![allow(clippy::cast_possible_truncation, reason = "lengths and times of frames that the test itself wrote")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a capture tells few kinds of events, or the test fails")]

use etherparse::PacketBuilder;
use tierzero_core::event::{ConnectFailure, Event, Payload, What};

use super::CaptureReader;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];

/// One frame and its time in microseconds.
struct Frame(u64, Vec<u8>);

/// A pcap file (pcap-savefile(5)).
fn pcap(link: u32, big_endian: bool, nanoseconds: bool, frames: &[Frame]) -> Vec<u8> {
    let u32b = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let u16b = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = Vec::new();
    file.extend(u32b(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }));
    file.extend(u16b(2));
    file.extend(u16b(4));
    for field in [0, 0, 65535, link] {
        file.extend(u32b(field));
    }
    for Frame(micros, bytes) in frames {
        let part = (micros % 1_000_000) as u32 * if nanoseconds { 1000 } else { 1 };
        for field in [(micros / 1_000_000) as u32, part, bytes.len() as u32, bytes.len() as u32] {
            file.extend(u32b(field));
        }
        file.extend(bytes);
    }
    file
}

/// A pcapng file with one interface (draft-ietf-opsawg-pcapng section 4).
fn pcapng(link: u16, frames: &[Frame]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let mut padded = body.to_vec();
        padded.resize(body.len().div_ceil(4) * 4, 0);
        let length = padded.len() as u32 + 12;
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), &padded, &length.to_le_bytes()].concat()
    };
    let section =
        [&0x1a2b_3c4d_u32.to_le_bytes()[..], &1_u16.to_le_bytes(), &0_u16.to_le_bytes(), &[0xff; 8]];
    let interface = [&link.to_le_bytes()[..], &0_u16.to_le_bytes(), &0_u32.to_le_bytes()];
    let mut file = [block(0x0a0d_0d0a, &section.concat()), block(1, &interface.concat())].concat();
    for Frame(micros, bytes) in frames {
        let length = bytes.len() as u32;
        let head = [0, (micros >> 32) as u32, *micros as u32, length, length].map(u32::to_le_bytes).concat();
        file.extend(block(6, &[head, bytes.clone()].concat()));
    }
    file
}

/// Flags of a TCP segment.
#[derive(Clone, Copy, Default)]
struct Flags {
    syn: bool,
    ack: Option<u32>,
    fin: bool,
    rst: bool,
    signed: bool,
}

fn ip_tcp(from_client: bool, sequence: u32, flags: Flags, payload: &[u8]) -> Vec<u8> {
    let (from, to, ports) =
        if from_client { (CLIENT, SERVER, (40000, 6379)) } else { (SERVER, CLIENT, (6379, 40000)) };
    let mut step = PacketBuilder::ipv4(from, to, 64).tcp(ports.0, ports.1, sequence, 65535);
    if flags.syn {
        step = step.syn();
    }
    if let Some(number) = flags.ack {
        step = step.ack(number);
    }
    if flags.fin {
        step = step.fin();
    }
    if flags.rst {
        step = step.rst();
    }
    if flags.signed {
        // Two no-operations, then kind 19 with a digest of 16 bytes (RFC 2385 section 3.1).
        let digest = [&[1, 1, 19, 18][..], &[0xd1; 16]].concat();
        step = step.options_raw(&digest).unwrap();
    }
    let mut bytes = Vec::new();
    step.write(&mut bytes, payload).unwrap();
    bytes
}

/// A whole conversation: handshake, `PING`, `+PONG`, close. The client begins at `isn`.
fn conversation(isn: u32) -> Vec<Vec<u8>> {
    let c = |n: u32| isn.wrapping_add(n);
    let ack = |number| Flags { ack: Some(number), ..Flags::default() };
    vec![
        ip_tcp(true, c(0), Flags { syn: true, ..Flags::default() }, b""),
        ip_tcp(false, 900, Flags { syn: true, ack: Some(c(1)), ..Flags::default() }, b""),
        ip_tcp(true, c(1), ack(901), b""),
        ip_tcp(true, c(1), ack(901), b"PING\r\n"),
        ip_tcp(false, 901, ack(c(7)), b"+PONG\r\n"),
        ip_tcp(true, c(7), Flags { fin: true, ..ack(908) }, b""),
        ip_tcp(false, 908, Flags { fin: true, ..ack(c(8)) }, b""),
    ]
}

fn timed(frames: Vec<Vec<u8>>) -> Vec<Frame> {
    frames.into_iter().enumerate().map(|(n, bytes)| Frame(1_000_000 + n as u64, bytes)).collect()
}

fn events(file: Vec<u8>) -> Vec<Event> {
    CaptureReader::open("test", std::io::Cursor::new(file)).expect("a capture").collect()
}

/// What happened, a word an event, with the payload in order of arrival.
fn told(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match &event.what {
            What::Connecting { ends, .. } => Some(format!("connecting {}>{}", ends.local, ends.remote)),
            What::Established { .. } => Some("established".to_owned()),
            What::AlreadyOpen { ends, .. } => Some(format!("already open {}>{}", ends.local, ends.remote)),
            What::ConnectFailed { why: ConnectFailure::Refused, .. } => Some("refused".to_owned()),
            What::ConnectFailed { .. } => Some("failed".to_owned()),
            What::Released { bytes_sent, bytes_received, .. } => {
                Some(format!("released {} {}", bytes_sent.unwrap(), bytes_received.unwrap()))
            }
            What::Payload(Payload { sent, offset, length, bytes, .. }) => Some(format!(
                "{} {offset} {length} {}",
                if *sent { ">" } else { "<" },
                String::from_utf8_lossy(bytes).trim_end()
            )),
            What::Datagrams { .. } | What::Host(_) | What::Started | What::Stopped | What::Coverage(_) => {
                None
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

const WHOLE: [&str; 5] =
    ["connecting 10.0.0.1:40000>10.0.0.2:6379", "established", "> 0 6 PING", "< 0 7 +PONG", "released 6 7"];

#[test]
fn every_file_format_tells_the_same() {
    for isn in [100, u32::MAX - 3] {
        let raw = || timed(conversation(isn));
        assert_eq!(told(&events(pcap(101, false, false, &raw()))), WHOLE);
        assert_eq!(told(&events(pcap(101, true, false, &raw()))), WHOLE);
        assert_eq!(told(&events(pcap(101, false, true, &raw()))), WHOLE);
        assert_eq!(told(&events(pcapng(101, &raw()))), WHOLE);
    }
    let clocks = [pcap(101, true, true, &timed(conversation(1))), pcapng(101, &timed(conversation(1)))];
    for file in clocks {
        assert_eq!(events(file).first().unwrap().at.to_string(), "1970-01-01T00:00:01Z");
    }
}

#[test]
fn every_link_type_tells_the_same() {
    let ethernet = [vec![0; 12], vec![8, 0]].concat();
    let vlan = [vec![0; 12], vec![0x81, 0, 0, 7, 8, 0]].concat();
    let sll = [vec![0; 14], vec![8, 0]].concat();
    let sll2 = [vec![8, 0], vec![0; 18]].concat();
    let loopback = vec![2, 0, 0, 0];
    // Version and type, code, session, length; then PPP's protocol.
    let session = [0x11, 0, 0, 1, 0, 0, 0, 0x21];
    let pppoe = [&[0; 12][..], &[0x88, 0x64], &session].concat();
    // Two labels, the second of which is the bottom of the stack.
    let mpls = [&[0; 12][..], &[0x88, 0x47], &[0, 1, 0, 64], &[0, 2, 1, 64]].concat();
    for (link, head) in [
        (1, ethernet),
        (1, vlan),
        (1, pppoe),
        (1, mpls),
        (9, vec![0xff, 3, 0, 0x21]),
        (50, vec![0x21]),
        (51, session.to_vec()),
        (113, sll),
        (276, sll2),
        (0, loopback.clone()),
        (108, loopback),
    ] {
        let frames = conversation(5).into_iter().map(|bytes| [head.clone(), bytes].concat()).collect();
        assert_eq!(told(&events(pcap(link, false, false, &timed(frames)))), WHOLE, "link type {link}");
    }
}

#[test]
fn repeated_and_reordered_segments_keep_their_offsets() {
    let mut frames = conversation(5);
    let again = frames[3].clone();
    frames.insert(5, again);
    frames.swap(3, 4); // the answer before the question, as a span port may show it
    let told = told(&events(pcap(101, false, false, &timed(frames))));
    assert_eq!(told[2..5], ["< 0 7 +PONG", "> 0 6 PING", "> 0 6 PING"]);
    assert_eq!(told.last().unwrap(), "released 6 7");
}

#[test]
fn a_capture_that_begins_late_says_so() {
    let frames = conversation(5).split_off(3);
    let told = told(&events(pcap(101, false, false, &timed(frames))));
    assert_eq!(told[..2], ["already open 10.0.0.1:40000>10.0.0.2:6379", "> 0 6 PING"]);
}

/// The first flow's ends as they are told, with their ports.
fn first_ends(frames: Vec<Vec<u8>>) -> String {
    let events = events(pcap(101, false, false, &timed(frames)));
    let ends = events.iter().find_map(|event| match &event.what {
        What::AlreadyOpen { ends, .. } | What::Datagrams { ends, .. } => Some(*ends),
        _ => None,
    });
    ends.map(|ends| format!("{}>{}", ends.local, ends.remote)).unwrap()
}

fn tcp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let (from, to) = if ports.0 > ports.1 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let mut bytes = Vec::new();
    PacketBuilder::ipv4(from, to, 64)
        .tcp(ports.0, ports.1, 9, 65535)
        .ack(7)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

#[test]
fn who_called_is_told_by_bytes_then_by_ports() {
    // Nothing but an acknowledgement, then a reply from the larger port.
    let late = vec![tcp((40_000, 50_001), b""), tcp((50_001, 40_000), b"HTTP/1.1 200 OK\r\n")];
    assert_eq!(first_ends(late), "10.0.0.2:40000>10.0.0.1:50001");
    let late = vec![tcp((40_000, 50_001), b"GET / HTTP/1.1\r\n")];
    assert_eq!(first_ends(late), "10.0.0.2:40000>10.0.0.1:50001");
    assert_eq!(first_ends(vec![tcp((50_001, 40_000), b"\xff")]), "10.0.0.1:50001>10.0.0.2:40000");
    assert_eq!(first_ends(vec![tcp((4309, 44_818), b"\xff")]), "10.0.0.2:4309>10.0.0.1:44818");
    assert_eq!(first_ends(vec![tcp((40_000, 1521), b"HTTP/1.1 200 OK\r\n")]), "10.0.0.1:40000>10.0.0.2:1521");
    // One that carries nothing is told at its end.
    assert_eq!(first_ends(vec![tcp((44_818, 4309), b"")]), "10.0.0.2:4309>10.0.0.1:44818");
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4(from.0, to.0, 64).udp(from.1, to.1).write(&mut bytes, payload).unwrap();
    bytes
}

/// Both ends of every flow of datagrams.
fn datagram_ends(frames: Vec<Vec<u8>>) -> Vec<String> {
    let mut ends: Vec<String> = events(pcap(101, false, false, &timed(frames)))
        .iter()
        .filter_map(|event| match &event.what {
            What::Datagrams { ends, .. } => Some(format!("{}>{}", ends.local, ends.remote)),
            _ => None,
        })
        .collect();
    ends.sort();
    ends.dedup();
    ends
}

#[test]
fn datagrams_that_answer_do_not_call() {
    let rpc_reply = b"\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let (client, server) = ((CLIENT, 700), (SERVER, 800));
    assert_eq!(datagram_ends(vec![udp(server, client, rpc_reply)]), ["10.0.0.1:700>10.0.0.2:800"]);
    // Unknown bytes: from a service's port to none, and between others.
    assert_eq!(
        datagram_ends(vec![udp((SERVER, 1812), (CLIENT, 40_000), b"\xff")]),
        ["10.0.0.1:40000>10.0.0.2:1812"]
    );
    assert_eq!(
        datagram_ends(vec![udp((SERVER, 30_001), (CLIENT, 30_000), b"\xff")]),
        ["10.0.0.2:30001>10.0.0.1:30000"]
    );
}

#[test]
fn answers_from_elsewhere_belong_to_who_asked() {
    let asker = (CLIENT, 50_000);
    // From another port of the host that was asked.
    assert_eq!(
        datagram_ends(vec![udp(asker, (SERVER, 69), b"\xff"), udp((SERVER, 50_001), asker, b"\xff")]),
        ["10.0.0.1:50000>10.0.0.2:50001", "10.0.0.1:50000>10.0.0.2:69"]
    );
    // From the same port of a host that a broadcast reached.
    let all = ([10, 0, 0, 255], 30_000);
    assert_eq!(
        datagram_ends(vec![udp(asker, all, b"\xff"), udp((SERVER, 30_000), asker, b"\xff")]),
        ["10.0.0.1:50000>10.0.0.255:30000", "10.0.0.1:50000>10.0.0.2:30000"]
    );
    let peers = [(CLIENT, 30_000), (SERVER, 30_000)];
    assert_eq!(
        datagram_ends(vec![udp(peers[0], all, b"\xff"), udp(peers[1], peers[0], b"\xff")]).last().unwrap(),
        "10.0.0.2:30000>10.0.0.1:30000"
    );
    // One that was answered awaits no other; and another host was not asked.
    let answered = vec![
        udp(asker, (SERVER, 69), b"\xff"),
        udp((SERVER, 69), asker, b"\xff"),
        udp((SERVER, 50_001), asker, b"\xff"),
    ];
    assert_eq!(datagram_ends(answered).last().unwrap(), "10.0.0.2:50001>10.0.0.1:50000");
    let other = vec![udp(asker, (SERVER, 69), b"\xff"), udp(([10, 0, 0, 3], 50_001), asker, b"\xff")];
    assert_eq!(datagram_ends(other).last().unwrap(), "10.0.0.3:50001>10.0.0.1:50000");
}

#[test]
fn a_missing_syn_is_told_by_its_answer() {
    let frames = conversation(5).split_off(1);
    assert_eq!(told(&events(pcap(101, false, false, &timed(frames)))), WHOLE);
}

#[test]
fn signed_segments_are_told_once_for_each_direction() {
    let signed = |number: Option<u32>, syn| Flags { ack: number, syn, signed: true, ..Flags::default() };
    let frames = vec![
        ip_tcp(true, 5, signed(None, true), b""),
        ip_tcp(false, 900, signed(Some(6), true), b""),
        ip_tcp(true, 6, signed(Some(901), false), b"PING\r\n"),
        ip_tcp(false, 901, signed(Some(12), false), b"+PONG\r\n"),
    ];
    let rules: Vec<&str> = events(pcap(101, false, false, &timed(frames)))
        .iter()
        .flat_map(|event| match &event.what {
            What::Observed { observations, .. } => observations.iter().map(|it| it.rule.0.id).collect(),
            _ => Vec::new(),
        })
        .collect();
    // A demand, and the handshake that rests on it.
    assert_eq!(rules, ["tcp.segments-signed", "tcp.signature-demanded", "tcp.signature-demanded"]);
}

#[test]
fn a_reset_instead_of_a_syn_is_a_refusal() {
    let frames = vec![
        ip_tcp(true, 5, Flags { syn: true, ..Flags::default() }, b""),
        ip_tcp(false, 0, Flags { rst: true, ack: Some(6), ..Flags::default() }, b""),
    ];
    assert_eq!(told(&events(pcap(101, false, false, &timed(frames))))[1..], ["refused"]);
}

#[test]
fn ports_used_again_are_another_flow() {
    let frames = [conversation(5), conversation(90_000)].concat();
    let told = told(&events(pcap(101, false, false, &timed(frames))));
    assert_eq!(told, [WHOLE, WHOLE].concat());
}

#[test]
fn fragments_are_put_together() {
    let payload = [b'x'; 3000];
    let mut frames = conversation(5);
    frames.truncate(3);
    let whole = ip_tcp(true, 6, Flags { ack: Some(901), ..Flags::default() }, &payload);
    for (start, end) in [(1480, 2960), (0, 1480), (2960, whole.len() - 20)] {
        let mut fragment = whole[..20].to_vec();
        fragment.extend(&whole[20 + start..20 + end]);
        let length = fragment.len() as u16;
        fragment[2..4].copy_from_slice(&length.to_be_bytes());
        let more = if end < whole.len() - 20 { 0x2000 } else { 0 };
        fragment[6..8].copy_from_slice(&(more | (start / 8) as u16).to_be_bytes());
        frames.push(fragment);
    }
    let told = told(&events(pcap(101, false, false, &timed(frames))));
    assert_eq!(told[2], format!("> 0 3000 {}", "x".repeat(3000)));
}

#[test]
fn a_cut_frame_keeps_its_true_length() {
    let frames = timed(conversation(5));
    let mut file = pcap(101, false, false, &frames[..3]);
    let bytes = &frames[3].1;
    for field in [1, 3, bytes.len() as u32 - 4, bytes.len() as u32] {
        file.extend(field.to_le_bytes());
    }
    file.extend(&bytes[..bytes.len() - 4]);
    assert_eq!(told(&events(file))[2], "> 0 6 PI");
}

#[test]
fn a_truncated_or_damaged_file_keeps_what_came_before() {
    let whole = pcap(101, false, false, &timed(conversation(5)));
    let cut = events(whole[..whole.len() - 3].to_vec());
    assert_eq!(told(&cut)[..4], WHOLE[..4]);
    assert!(cut.iter().any(|event| format!("{:?}", event.what).contains("capture-truncated")));
    assert!(matches!(cut.last().unwrap().what, What::Stopped));
    let mut ng = pcapng(101, &timed(conversation(5)));
    let at = ng.len() - 60;
    ng[at..at + 4].copy_from_slice(&[3, 0, 0, 0]);
    assert!(matches!(events(ng).last().unwrap().what, What::Stopped));
}

#[test]
fn anything_else_is_no_capture() {
    for bytes in [&b"{\"schema\":\"tierzero/events/1\"}\n"[..], b"", b"\x7fELF", &[0; 64]] {
        assert!(CaptureReader::open("test", std::io::Cursor::new(bytes.to_vec())).is_none());
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(at in 0_usize..700, value: u8, cut in 0_usize..700, ng: bool) {
        let frames = timed(conversation(5));
        let mut file = if ng { pcapng(101, &frames) } else { pcap(101, false, false, &frames) };
        if let Some(byte) = file.get_mut(at) {
            *byte = value;
        }
        file.truncate(file.len().min(cut.max(24)));
        if let Some(reader) = CaptureReader::open("test", std::io::Cursor::new(file)) {
            proptest::prop_assert!(reader.count() < 10_000);
        }
    }
}
