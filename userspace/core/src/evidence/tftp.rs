//! TFTP: files for whoever asks.
//!
//! Sources: RFC 1350 (packets; section 4: the answer comes from another port), RFC 2347 (options).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ASKED = "tftp.asked", v 1, Observed, Wire,
        "The caller asked to read or write a file; the answer comes from another port of the receiver",
        "Whether it was answered: that is another flow";
    MOVED = "tftp.file-moved", v 1, Observed, Wire,
        "The receiver sent a file's blocks or took them; the protocol knows no identity",
        "Which file, where the request was on another flow, and whether the caller's address was looked at";
    DENIED = "tftp.access-violation", v 1, Observed, Wire,
        "The receiver refused access to the file",
        "Whether it would be refused to everybody";
    FAILED = "tftp.error", v 1, Observed, Wire,
        "One side ended the transfer for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Tftp,
    call: |datagram| {
        matches!(
            Packet::read(datagram),
            Some(Packet::Asks | Packet::Block | Packet::Takes | Packet::Error(_))
        )
    },
    reply: |datagram| {
        matches!(
            Packet::read(datagram),
            Some(Packet::Block | Packet::Takes | Packet::Options | Packet::Error(_))
        )
    },
    unanswered: |datagram| Packet::read(datagram) == Some(Packet::Asks),
    begin: || Box::new(Tftp::default()),
    rules: RULES,
};

/// Longest data of a block (RFC 2348 section 2) and what comes before it.
const LONGEST: u64 = 65_468;
/// Transfer modes (RFC 1350 section 5).
const MODES: [&[u8]; 3] = [b"octet", b"netascii", b"mail"];

/// One packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packet {
    /// RRQ, WRQ.
    Asks,
    /// DATA.
    Block,
    /// ACK.
    Takes,
    /// ERROR, with its code.
    Error(u8),
    /// OACK.
    Options,
}

impl Packet {
    fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let (opcode, rest) = datagram.bytes.split_at_checked(2)?;
        match opcode {
            [0, 1 | 2] => {
                let mut strings = rest.split(|byte| *byte == 0);
                let name = strings.next()?;
                let mode = strings.next()?;
                let printable = |byte: &u8| *byte >= b' ' && *byte != 0x7f;
                let known = MODES.iter().any(|known| mode.eq_ignore_ascii_case(known));
                let ends = rest.last() == Some(&0) || (datagram.bytes.len() as u64) < datagram.length;
                (!name.is_empty() && name.iter().all(printable) && known && ends).then_some(Self::Asks)
            }
            [0, 3] if (4..=LONGEST).contains(&datagram.length) => Some(Self::Block),
            [0, 4] if datagram.length == 4 => Some(Self::Takes),
            [0, 5] => match rest {
                [0, code @ 0..=8, text @ ..] if text.last() == Some(&0) => Some(Self::Error(*code)),
                _ => None,
            },
            [0, 6] => {
                let first = rest.first().is_some_and(u8::is_ascii_alphabetic);
                (first && rest.last() == Some(&0)).then_some(Self::Options)
            }
            _ => None,
        }
    }
}

/// One flow: a request, or the transfer that follows it between two other ports.
#[derive(Default, Debug)]
struct Tftp {
    asked: bool,
}

impl DatagramDissector for Tftp {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(packet) = Packet::read(datagram) else { return Next::Lost(Hidden::Unsupported) };
        match (from, packet) {
            (Role::Responder, Packet::Block | Packet::Takes | Packet::Options) => {
                notes.say(&MOVED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            (Role::Responder, Packet::Error(2)) => {
                notes.say(&DENIED, Shown::Refuses { why: Refusal::NotAllowed });
                Next::Settled
            }
            (Role::Responder, Packet::Error(_)) => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                Next::Settled
            }
            (Role::Originator, Packet::Asks) => {
                self.asked = true;
                Next::More
            }
            (Role::Originator, _) => Next::More,
            (Role::Responder, Packet::Asks) => Next::Lost(Hidden::Unsupported),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if self.asked {
            notes.say(&ASKED, Shown::SendsOneWay);
        }
    }
}
