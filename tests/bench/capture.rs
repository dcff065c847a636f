//! A large capture, the same each time: conversations of several protocols at once, with segments that come twice, come
//! late, or were missed by whoever captured.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::talks;

/// Conversations under way at any time.
const AT_ONCE: usize = 256;
/// Bytes of payload in a full segment, as Ethernet leaves room for.
const SEGMENT: usize = 1448;
/// Of a thousand segments of data: how many come a few frames late, come twice, and are not in the capture.
const LATE: u64 = 10;
const TWICE: u64 = 5;
const MISSED: u64 = 1;

/// What was written.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Written {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Frames.
    pub(crate) frames: u64,
    /// Connections.
    pub(crate) flows: u64,
}

/// Random numbers that are the same in every run (splitmix64, Steele and others, OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Begins anew.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one, below `below`; 0 where that is 0.
    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(below).unwrap_or(0)
    }

    /// As an index or a length.
    pub(crate) fn size(&mut self, below: usize) -> usize {
        usize::try_from(self.next(below as u64)).unwrap_or(0)
    }
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
struct Side {
    address: [u8; 4],
    port: u16,
    /// Sequence number of the next byte.
    next: u32,
}

/// A connection and its frames that were not written yet.
#[derive(Debug)]
struct Connection {
    frames: VecDeque<Vec<u8>>,
    /// A frame that comes late.
    late: Option<Vec<u8>>,
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH_ACK: u8 = 24;
const FIN_ACK: u8 = 17;

/// Ethernet, IPv4 and TCP (RFC 791 section 3.1, RFC 9293 section 3.1); checksums are 0, as on a host whose network
/// card makes them.
fn frame(from: &Side, to: &Side, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(54 + payload.len());
    frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
    let length = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend(from.address);
    frame.extend(to.address);
    frame.extend(from.port.to_be_bytes());
    frame.extend(to.port.to_be_bytes());
    frame.extend(from.next.to_be_bytes());
    let acknowledged = if flags & ACK == 0 { 0 } else { to.next };
    frame.extend(acknowledged.to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

impl Connection {
    /// All frames of connection `number`.
    fn new(number: u64, random: &mut Random) -> Self {
        let [.., a, b, c] = number.to_be_bytes();
        let port = u16::try_from(1024 + random.next(60_000)).unwrap_or(1024);
        let (talk, service) = talks::any(random);
        let start = u32::try_from(random.next(u64::from(u32::MAX))).unwrap_or(0);
        let mut caller = Side { address: [10, a, b, c], port, next: start };
        let mut server = Side { address: [192, 0, 2, c % 32], port: service, next: !start };
        let mut frames = VecDeque::new();
        frames.push_back(frame(&caller, &server, SYN, b""));
        caller.next = caller.next.wrapping_add(1);
        frames.push_back(frame(&server, &caller, SYN | ACK, b""));
        server.next = server.next.wrapping_add(1);
        frames.push_back(frame(&caller, &server, ACK, b""));
        for (called, bytes) in talk {
            for piece in bytes.chunks(SEGMENT) {
                let (from, to) = if called { (&mut caller, &server) } else { (&mut server, &caller) };
                let sent = frame(from, to, PUSH_ACK, piece);
                from.next = from.next.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
                match random.next(1000) {
                    luck if luck < MISSED => {}
                    luck if luck < MISSED + TWICE => frames.extend([sent.clone(), sent]),
                    _ => frames.push_back(sent),
                }
            }
            let (hears, spoke) = if called { (&server, &caller) } else { (&caller, &server) };
            frames.push_back(frame(hears, spoke, ACK, b""));
        }
        frames.push_back(frame(&caller, &server, FIN_ACK, b""));
        caller.next = caller.next.wrapping_add(1);
        frames.push_back(frame(&server, &caller, FIN_ACK, b""));
        server.next = server.next.wrapping_add(1);
        frames.push_back(frame(&caller, &server, ACK, b""));
        Self { frames, late: None }
    }

    /// The next frame of it; one in a hundred waits for the one behind it.
    fn next(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        if self.late.is_none() && self.frames.len() > 4 && random.next(1000) < LATE {
            self.late = self.frames.pop_front();
        } else if self.late.is_some() && random.next(3) == 0 {
            return self.late.take();
        }
        self.frames.pop_front().or_else(|| self.late.take())
    }
}

/// Writes a capture of at least `bytes` bytes (pcap-savefile(5), microseconds, Ethernet).
pub(crate) fn write(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<Written> {
    let mut random = Random::new(seed);
    let mut written = Written::default();
    for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        out.write_all(&field.to_le_bytes())?;
    }
    written.bytes += 24;
    let mut open: Vec<Connection> = Vec::new();
    let mut micros = 1_790_000_000_000_000_u64;
    while written.bytes < bytes || !open.is_empty() {
        if open.len() < AT_ONCE && written.bytes < bytes {
            open.push(Connection::new(written.flows, &mut random));
            written.flows += 1;
            continue;
        }
        let at = random.size(open.len());
        for _ in 0..=random.next(6) {
            let Some(frame) = open.get_mut(at).and_then(|one| one.next(&mut random)) else {
                open.swap_remove(at);
                break;
            };
            micros += 1 + random.next(40);
            let length = u32::try_from(frame.len()).unwrap_or(0);
            let seconds = u32::try_from(micros / 1_000_000).unwrap_or(0);
            let part = u32::try_from(micros % 1_000_000).unwrap_or(0);
            for field in [seconds, part, length, length] {
                out.write_all(&field.to_le_bytes())?;
            }
            out.write_all(&frame)?;
            written.frames += 1;
            written.bytes += 16 + u64::from(length);
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_capture() {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let written = write(&mut one, 200_000, 1).unwrap();
        write(&mut other, 200_000, 1).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.len() as u64, written.bytes);
        assert!(written.flows > 3 && written.frames > 100, "{written:?}");
    }

    /// The capture is one that the tool reads: every connection in it is an edge's flow.
    #[test]
    fn it_can_be_replayed() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let written = write(&mut file, 300_000, 2).unwrap();
        let recording = tierzero_replay::Recording::open(file.path()).unwrap();
        let mut established = 0;
        for event in recording {
            let what = event.unwrap().what;
            established += u64::from(matches!(what, tierzero_core::event::What::Established { .. }));
        }
        assert!(established >= written.flows, "{established} of {}", written.flows);
    }
}
