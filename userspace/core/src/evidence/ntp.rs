//! NTP: time for anyone, and the control messages that are not.
//!
//! Sources: RFC 5905 section 7.3 (header and modes) and 7.5 (extension fields and MAC), RFC 9327 (mode 6 control
//! messages), ntpd's `ntp_request.h` (mode 7 private messages).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::{Operation, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    TIME = "ntp.time", v 1, Observed, Wire,
        "The receiver told the time, which it tells anyone",
        "Whether the caller can trust the time; a MAC proves the server to the client, not the client";
    ASKED = "ntp.time-asked", v 1, Observed, Wire,
        "The caller asked for the time, which is told to anyone, and no answer was seen",
        "Whether anything answers there";
    MAC = "ntp.control-mac-sent", v 1, Observed, Wire,
        "A control message carried a key id and a digest under a shared key",
        "Whether the receiver verifies it for this operation";
    CONTROLLED = "ntp.control-answered", v 1, Observed, Wire,
        "The receiver answered a control message",
        "How much the operation reveals or changes";
    REFUSED = "ntp.control-refused", v 1, Observed, Wire,
        "The receiver refused a control message for want of authentication",
        "Which key would have been enough";
    FAILED = "ntp.control-failed", v 1, Observed, Wire,
        "The receiver answered a control message with another error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Ntp,
    call: |datagram| Message::read(datagram).is_some_and(|it| it.is_call()),
    reply: |datagram| Message::read(datagram).is_some_and(|it| !it.is_call()),
    unanswered: |datagram| {
        // Mode 3 alone: with one side silent nothing else tells a client (RFC 5905 section 7.3).
        let client = datagram.bytes.first().is_some_and(|first| first & 7 == 3);
        match Message::read(datagram) {
            Some(Message::Broadcast) => true,
            Some(Message::Asks) => client && matches!(datagram.length, TIME_HEADER | 68),
            Some(Message::Tells | Message::Controls { .. } | Message::Answers { .. }) | None => false,
        }
    },
    begin: || Box::new(Ntp::default()),
    rules: RULES,
};

/// Header of a time message (RFC 5905 section 7.3).
const TIME_HEADER: u64 = 48;
/// Header of a control message (RFC 9327 section 2).
const CONTROL_HEADER: usize = 12;
/// Header of a private message (`ntp_request.h`, `RESP_HEADER_SIZE`).
const PRIVATE_HEADER: u64 = 8;

/// One message in the few words that decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Message {
    /// Modes 1 and 3: asks for the time.
    Asks,
    /// Modes 2 and 4: tells it.
    Tells,
    /// Mode 5.
    Broadcast,
    /// Mode 6 or 7, a call.
    Controls { mac: bool },
    /// Mode 6 or 7, the answer.
    Answers { error: Option<u8> },
}

impl Message {
    fn is_call(self) -> bool {
        matches!(self, Self::Asks | Self::Broadcast | Self::Controls { .. })
    }

    fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let [first, second, ..] = *datagram.bytes else { return None };
        let (version, mode) = (first >> 3 & 7, first & 7);
        if !(1..=4).contains(&version) {
            return None;
        }
        match mode {
            1..=5 if datagram.length < TIME_HEADER || !datagram.length.is_multiple_of(4) => None,
            // Stratum 0 to 16 (figure 11); poll exponent up to 17 (section 7.2).
            1..=5 if second > 16 || datagram.bytes.get(2).is_some_and(|poll| *poll > 17) => None,
            1 | 3 => Some(Self::Asks),
            2 | 4 => Some(Self::Tells),
            5 => Some(Self::Broadcast),
            6 => Self::control(second, datagram),
            7 if datagram.length >= PRIVATE_HEADER && first & 0x80 == 0 => {
                Some(Self::Controls { mac: second & 0x80 != 0 })
            }
            7 if datagram.length >= PRIVATE_HEADER => {
                let error = datagram.bytes.get(4)? >> 4;
                Some(Self::Answers { error: Some(error).filter(|error| *error != 0) })
            }
            _ => None,
        }
    }

    /// `R E M opcode`, sequence, status, association, offset, count (RFC 9327 section 2).
    fn control(second: u8, datagram: &Datagram<'_>) -> Option<Self> {
        if datagram.length < CONTROL_HEADER as u64 {
            return None;
        }
        if second & 0x80 == 0 {
            let count = u64::from(u16::from_be_bytes([*datagram.bytes.get(10)?, *datagram.bytes.get(11)?]));
            let end = (CONTROL_HEADER as u64).saturating_add(count.next_multiple_of(4));
            // Key id of four bytes and a digest of at least 16 follow the padded payload.
            return Some(Self::Controls { mac: datagram.length >= end.saturating_add(20) });
        }
        // With the error bit, the status word's first byte says why: 1 is `authentication failure`.
        let error = if second & 0x40 == 0 { None } else { Some(*datagram.bytes.get(4)?) };
        Some(Self::Answers { error })
    }
}

/// One flow; each message stands for itself.
#[derive(Default, Debug)]
struct Ntp {
    /// The time was asked for.
    asked: bool,
    /// Anything else was seen.
    other: bool,
}

impl DatagramDissector for Ntp {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let message = Message::read(datagram);
        match (from, message) {
            (Role::Originator, Some(Message::Asks)) => self.asked = true,
            _ => self.other = true,
        }
        match (from, message) {
            (Role::Responder, Some(Message::Tells)) | (Role::Originator, Some(Message::Broadcast)) => {
                notes.say(&TIME, Shown::Serves { operation: Operation::Public });
            }
            (Role::Originator, Some(Message::Controls { mac: true })) => {
                let offer = Shown::Offers {
                    proof: Proof::Secret,
                    scope: Scope::Request,
                    principal: None,
                    credential: None,
                };
                notes.say(&MAC, offer);
            }
            (Role::Responder, Some(Message::Answers { error: None })) => {
                notes.say(&CONTROLLED, Shown::Serves { operation: Operation::Service });
            }
            // Mode 6: error 1; mode 7: `INFO_ERR_AUTH` is 7.
            (Role::Responder, Some(Message::Answers { error: Some(1 | 7) })) => {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            (Role::Responder, Some(Message::Answers { error: Some(_) })) => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
            (Role::Originator, Some(Message::Asks | Message::Controls { mac: false })) => {}
            // Symmetric peers ask and tell in both directions.
            (Role::Originator, Some(Message::Tells)) | (Role::Responder, Some(Message::Asks)) => {}
            (Role::Originator | Role::Responder, _) => return Next::Lost(super::Hidden::Unsupported),
        }
        Next::More
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if whole && self.asked && !self.other {
            notes.say(&ASKED, Shown::AsksPublic);
        }
    }
}
