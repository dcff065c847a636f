//! IEEE C37.118: phasor measurements to a concentrator, over TCP and UDP, without a check of the caller.
//!
//! Source: IEEE Std C37.118.2-2011 sections 6.2 (frame: SYNC, FRAMESIZE, IDCODE, SOC, FRACSEC, CHK), 6.6 (commands)
//! and annex B (CRC-CCITT).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "synchrophasor.values-sent", v 1, Observed, Wire,
        "After a command of the caller the device sent its configuration, its header or measurements",
        "Whether it looks at the caller's address";
    ONE_WAY = "synchrophasor.values-pushed", v 1, Observed, Wire,
        "The device sent its configuration or measurements unasked",
        "Whether anybody takes them";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Synchrophasor,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Synchrophasor::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// The same in datagrams.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Synchrophasor,
    call: |datagram| whole(datagram).is_some(),
    reply: |datagram| whole(datagram).is_some_and(|kind| kind != COMMAND),
    unanswered: |datagram| whole(datagram).is_some_and(|kind| kind != COMMAND),
    begin: || Box::new(Synchrophasor::default()),
    rules: &[],
};

/// Head, and the bytes of a command frame without extension.
const HEAD: usize = 14;
const COMMAND_LENGTH: usize = 18;
/// Frame type of a command.
const COMMAND: u8 = 4;
/// Most frames that are read while none is served.
const MOST: u32 = 512;

/// CRC-CCITT: polynomial 1021h, begun with FFFFh, neither reflected nor complemented.
fn check(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

/// Frame type and size: AAh, a zero bit, type 0 to 5, version 1 or 2.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let [0xaa, kind, high, low, ..] = *bytes else { return None };
    let size = usize::from(u16::from_be_bytes([high, low]));
    (kind & 0x80 == 0 && kind >> 4 <= 5 && matches!(kind & 0x0f, 1 | 2) && size >= HEAD.saturating_add(2))
        .then_some((kind >> 4, size))
}

/// A command frame whose check is right, for one of the six commands of the standard.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let start = match bytes {
        [] | [0xaa] => Likeness::Unsure,
        [0xaa, 0x41 | 0x42, rest @ ..] => Likeness::starts_with(rest, &[0, 18]),
        _ => Likeness::Unlike,
    };
    match (start, bytes.get(..COMMAND_LENGTH)) {
        (Likeness::Like, Some(frame)) => {
            let (body, sum) = frame.split_at_checked(16).unwrap_or((frame, &[]));
            if check(body).to_be_bytes() == sum { Likeness::Like } else { Likeness::Unlike }
        }
        (Likeness::Like, None) => Likeness::Unsure,
        (start, _) => start,
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    match head(bytes) {
        Some((kind, _)) if kind != COMMAND => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None => Likeness::starts_with(bytes, &[0xaa]).and(if bytes.len() < 4 {
            Likeness::Unsure
        } else {
            Likeness::Unlike
        }),
    }
}

/// Type of the frame that fills a datagram.
fn whole(datagram: &Datagram<'_>) -> Option<u8> {
    let (kind, size) = head(datagram.bytes)?;
    let whole = size as u64 == datagram.length;
    let checked = datagram.bytes.len() != size || {
        let (body, sum) = datagram.bytes.split_at_checked(size.saturating_sub(2))?;
        check(body).to_be_bytes() == sum
    };
    (whole && checked).then_some(kind)
}

/// One flow.
#[derive(Default, Debug)]
struct Synchrophasor {
    /// The caller sent a command.
    called: bool,
    pushed: bool,
    seen: u32,
}

impl Synchrophasor {
    fn frame(&mut self, from: Role, kind: u8, notes: &mut Notes<'_>) -> Next {
        self.seen = self.seen.saturating_add(1);
        match (from, kind) {
            (Role::Originator, COMMAND) => self.called = true,
            (Role::Originator, _) => {
                if !std::mem::replace(&mut self.pushed, true) {
                    notes.say(&ONE_WAY, Shown::SendsOneWay);
                }
            }
            (Role::Responder, COMMAND) => {}
            (Role::Responder, _) if self.called => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Role::Responder, _) => {}
        }
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}

impl Dissector for Synchrophasor {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some((kind, size)) = head(bytes) else {
            return if bytes.len() < 4 { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        if bytes.len() < HEAD {
            return Next::More;
        }
        input.read(size);
        self.frame(from, kind, notes)
    }
}

impl DatagramDissector for Synchrophasor {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        whole(datagram).map_or(Next::More, |kind| self.frame(from, kind, notes))
    }
}
