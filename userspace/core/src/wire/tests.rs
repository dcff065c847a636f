//! Records as the kernel side writes them, and bytes that it never would.

use proptest::prelude::*;

use super::*;
use crate::event::{ListenAddress, ProgramFile, What};

const CLOCK: Clock = Clock { offset_ns: 1_000_000_000_000_000_000 };

/// Writes a record field by field, in the order of the structure.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn new(kind: u32, at: u64) -> Self {
        Self::default().u32(kind).u32(ABI).u64(at)
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8], room: usize) -> Self {
        self.0.extend(bytes);
        self.0.resize(self.0.len() + room - bytes.len(), 0);
        self
    }

    fn actor(self, tgid: u32, start: u64) -> Self {
        self.u32(tgid).u32(tgid).u64(start)
    }

    fn endpoints(self, local: &str, remote: &str) -> Self {
        let address = |text: &str| match text.parse::<std::net::SocketAddr>().unwrap() {
            std::net::SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped().octets(), v4.port()),
            std::net::SocketAddr::V6(v6) => (v6.ip().octets(), v6.port()),
        };
        let ((local, local_port), (remote, remote_port)) = (address(local), address(remote));
        self.bytes(&local, 16)
            .bytes(&remote, 16)
            .u32(u32::from(local_port))
            .u32(u32::from(remote_port))
            .u32(77)
            .u32(0)
    }
}

fn event(record: &Record) -> What {
    match decode(&record.0, &CLOCK) {
        Decoded::Event(event) | Decoded::Responder { event, .. } => event.what,
        other @ (Decoded::Early(_)
        | Decoded::Foreign { .. }
        | Decoded::Unknown { .. }
        | Decoded::Malformed { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn a_mapped_address_is_ipv4_and_time_is_wall_time() {
    let record = Record::new(kind::LISTEN, 5)
        .u64(9)
        .endpoints("10.0.0.1:80", "0.0.0.0:0")
        .actor(3, 20_000_000)
        .u32(kind::TCP)
        .u32(kind::ROLE_RESPONDER)
        .u32(0)
        .u32(0);
    let Decoded::Event(event) = decode(&record.0, &CLOCK) else { panic!() };
    assert_eq!(event.at.as_nanosecond(), i128::from(CLOCK.offset_ns) + 5);
    let What::Listening(listening) = event.what else { panic!() };
    assert_eq!(listening.at, ListenAddress::Tcp { address: "10.0.0.1:80".parse().unwrap() });
    assert_eq!(listening.netns.0, 77);
    assert_eq!((listening.processes[0].pid, listening.processes[0].start_ticks), (3, 2));
}

#[test]
fn a_command_line_is_cut_and_redacted() {
    let argv = b"redis-cli\0-a\0hunter2\0PING\0";
    let record = Record::new(kind::EXEC, 5)
        .actor(3, 0)
        .u64(1)
        .u64(0)
        .u32(1)
        .u32(1000)
        .u32(1000)
        .u32(77)
        .bytes(b"redis-cli", 16)
        .u32(19)
        .u32(u32::try_from(argv.len()).unwrap())
        .u32(kind::ARGV_CUT)
        .u32(254 << 20 | 3)
        .u64(4711)
        .bytes(b"/usr/bin/redis-cli", 256)
        .bytes(argv, 1024);
    let What::Executed { process, file } = event(&record) else { panic!() };
    assert_eq!(file, Some(ProgramFile { device: (254, 3), inode: 4711 }));
    assert_eq!(process.exe.as_deref(), Some("/usr/bin/redis-cli"));
    assert_eq!(process.argv, ["redis-cli", "-a", "[redacted]", "PING", "..."]);
    assert_eq!((process.uid, process.netns.0, process.comm.as_str()), (1000, 77, "redis-cli"));
}

#[test]
fn payload_says_how_much_is_missing() {
    let record = Record::new(kind::PAYLOAD, 5)
        .u64(9)
        .u64(4096)
        .u32(10)
        .u32(4)
        .u32(kind::SENT)
        .u32(0)
        .bytes(b"abcd", 9);
    let What::Payload(payload) = event(&record) else { panic!() };
    assert_eq!((payload.offset, payload.length, payload.sent), (4096, 10, true));
    assert_eq!(&payload.bytes[..], b"abcd");
    assert!(!format!("{payload:?}").contains("abcd"));
}

#[test]
fn what_a_tls_library_tells() {
    let ended = |refused: u32, asked: u32, held: u32, length: u32, captured: u32| {
        Record::new(kind::TLS_CALLER, 5)
            .u64(9)
            .u32(asked)
            .u32(10)
            .u32(held)
            .u32(length)
            .u32(captured)
            .u32(refused)
            .bytes(b"der", 8)
    };
    let record = |asked, held, length, captured| ended(0, asked, held, length, captured);
    let decoded = |asked, held, length, captured| {
        let What::TlsCaller(caller) = event(&record(asked, held, length, captured)) else { panic!() };
        assert_eq!((caller.end, caller.verify_result), (EndKey::Tcp { cookie: 9 }, 10));
        (caller.asked, caller.certificate.map(|bytes| bytes.to_vec()))
    };
    for refused in [false, true] {
        let What::TlsCaller(caller) = event(&ended(u32::from(refused), 1, 0, 0, 0)) else { panic!() };
        assert_eq!(caller.refused, refused);
    }
    // SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT; with SSL_VERIFY_POST_HANDSHAKE not in the handshake.
    assert_eq!(decoded(3, 1, 3, 3), (true, Some(b"der".to_vec())));
    assert_eq!(decoded(9, 0, 0, 0), (false, None));
    assert_eq!(decoded(0, 1, 9000, 0), (false, Some(Vec::new())), "too long to be read");
    assert!(matches!(decode(&record(0, 1, 9, 9).0, &CLOCK), Decoded::Malformed { .. }));
    let record = Record::new(kind::TLS_PAYLOAD, 5)
        .u64(9)
        .u64(4)
        .u32(4)
        .u32(4)
        .u32(kind::SENT)
        .u32(0)
        .bytes(b"abcd", 4);
    let What::Inside(payload) = event(&record) else { panic!() };
    assert_eq!((payload.end, payload.offset, payload.sent), (EndKey::Tcp { cookie: 9 }, 4, true));
}

#[test]
fn abstract_names_keep_their_inner_zeros() {
    for (path, expect) in [(&b"/run/x\0\0"[..], "/run/x"), (b"\0na\0me\0", "@na\0me"), (b"", "")] {
        let record = Record::new(kind::UNIX_CONNECT, 5)
            .u64(1)
            .u64(2)
            .actor(3, 0)
            .u32(4)
            .u32(0)
            .u32(0)
            .u32(u32::try_from(path.len()).unwrap())
            .u32(77)
            .bytes(path, 108);
        let What::UnixConnected { path, listener_pid, .. } = event(&record) else { panic!() };
        assert_eq!((path.as_str(), listener_pid), (expect, Some(4)));
    }
}

#[test]
fn what_is_not_known_is_a_value() {
    assert!(matches!(decode(&[], &CLOCK), Decoded::Malformed { kind: 0 }));
    assert!(matches!(decode(&Record::new(9999, 0).0, &CLOCK), Decoded::Unknown { kind: 9999 }));
    assert!(matches!(decode(&Record::new(kind::EXIT, 0).0, &CLOCK), Decoded::Malformed { kind: kind::EXIT }));
    let foreign = Record::default().u32(1).u32(ABI + 1).u64(0);
    assert!(matches!(decode(&foreign.0, &CLOCK), Decoded::Foreign { abi } if abi == ABI + 1));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_to_something(mut bytes in prop::collection::vec(any::<u8>(), 0..1600), kind in 0_u32..60) {
        let _ = decode(&bytes, &CLOCK);
        // And past the header, where most of the work is.
        for (place, byte) in kind.to_ne_bytes().into_iter().chain(ABI.to_ne_bytes()).enumerate() {
            if let Some(slot) = bytes.get_mut(place) {
                *slot = byte;
            }
        }
        let _ = decode(&bytes, &CLOCK);
        let _ = time(&bytes);
    }
}
