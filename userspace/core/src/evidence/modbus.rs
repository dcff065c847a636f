//! Modbus/TCP, which has no check of the caller.
//!
//! Sources: MODBUS Messaging on TCP/IP Implementation Guide V1.0b section 3.1.3 (MBAP header), MODBUS Application
//! Protocol Specification V1.1b3 sections 5 to 7 (function codes, lengths, exceptions).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "modbus.function-done", v 1, Observed, Wire,
        "The device carried out a function (reading or writing registers and coils, or the maker's own)",
        "Whether it looks at the caller's address";
    IDENTIFIED = "modbus.identified", v 1, Observed, Wire,
        "The device identified itself (functions 17 and 43)",
        "Whether it lets the caller read or write anything";
    REFUSED = "modbus.exception", v 1, Observed, Wire,
        "The device answered a function by an exception",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Modbus,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Modbus::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Transaction, protocol (0), length of what follows; unit and function.
const HEAD: usize = 8;
/// Most requests that wait for an answer.
const WAITING: usize = 64;
/// Most messages that are read while every one is refused.
const MOST: u32 = 512;

/// One message's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    transaction: u16,
    /// Bytes that follow the length, with unit and function.
    length: u16,
    unit: u8,
    function: u8,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let [a, b, 0, 0, high, low, unit, function, ..] = *bytes else { return None };
        let (transaction, length) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([high, low]));
        // 254 by the guide; makers' own functions use one or two bytes more.
        (2..=260).contains(&length).then_some(Self { transaction, length, unit, function })
    }
}

/// The shortest bytes that decide: protocol and the length's high byte come before the rest.
fn is_begun(bytes: &[u8]) -> bool {
    bytes.get(2..).unwrap_or_default().iter().zip([0, 0]).all(|(byte, zero)| *byte == zero)
        && bytes.get(4).is_none_or(|high| *high <= 1)
        && bytes.len() < HEAD
}

/// A request whose length is the one of its function.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let Some(head) = Head::of(bytes) else {
        return if is_begun(bytes) { Likeness::Unsure } else { Likeness::Unlike };
    };
    let fits = match head.function {
        // 0 is no function; who tries them all begins there, and is answered by an exception.
        0..=6 | 8 => head.length == 6,
        7 | 11 | 12 | 17 => head.length == 2,
        // Address, quantity, count of bytes.
        15 | 16 => match bytes.get(12) {
            Some(count) => head.length == u16::from(*count).saturating_add(7),
            None => return Likeness::Unsure,
        },
        22 => head.length == 8,
        23 => match bytes.get(16) {
            Some(count) => head.length == u16::from(*count).saturating_add(11),
            None => return Likeness::Unsure,
        },
        24 => head.length == 4,
        20 | 21 | 43 => head.length >= 4,
        // The maker's own (Schneider's is 90).
        65..=72 | 90 | 100..=110 => head.length >= 3,
        _ => false,
    };
    if fits { Likeness::Like } else { Likeness::Unlike }
}

/// An answer, or an exception of three bytes with a known code.
fn reply_likeness(bytes: &[u8]) -> Likeness {
    match Head::of(bytes) {
        Some(head) if head.function & 0x80 != 0 => match bytes.get(HEAD) {
            _ if head.length != 3 => Likeness::Unlike,
            Some(1..=11) => Likeness::Like,
            Some(_) => Likeness::Unlike,
            None => Likeness::Unsure,
        },
        Some(head) if head.function != 0 && head.length >= 3 => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None if is_begun(bytes) => Likeness::Unsure,
        None => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Modbus {
    /// Requests that were not answered.
    waiting: Vec<Head>,
    refused: bool,
    identified: bool,
    seen: u32,
}

impl Modbus {
    /// An answer to a request that was seen; one that answers nothing is passed over.
    fn answer(&mut self, head: Head, maker_refuses: bool, notes: &mut Notes<'_>) -> Next {
        let Some(at) = self.waiting.iter().position(|asked| {
            (asked.transaction, asked.unit) == (head.transaction, head.unit)
                && asked.function == head.function & 0x7f
        }) else {
            return Next::More;
        };
        self.waiting.remove(at);
        if head.function & 0x80 != 0 || maker_refuses {
            if !std::mem::replace(&mut self.refused, true) {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            return Next::More;
        }
        if matches!(head.function, 17 | 43) {
            if !std::mem::replace(&mut self.identified, true) {
                notes.say(&IDENTIFIED, Shown::Serves { operation: Operation::Public });
            }
            return Next::More;
        }
        notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }
}

impl Dissector for Modbus {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && self.waiting.is_empty() {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some(head) = Head::of(bytes) else {
            return if bytes.len() < HEAD { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        // Schneider's function 90 answers by FDh where it refuses: it stands behind the session's byte.
        let maker = from == Role::Responder && head.function == 90 && head.length >= 4;
        if maker && bytes.len() < 10 {
            return Next::More;
        }
        let maker_refuses = maker && bytes.get(9) == Some(&0xfd);
        input.read(usize::from(head.length).saturating_add(6));
        self.seen = self.seen.saturating_add(1);
        if self.seen > MOST {
            return Next::Settled;
        }
        match from {
            Role::Responder => self.answer(head, maker_refuses, notes),
            Role::Originator => {
                if self.waiting.len() < WAITING {
                    self.waiting.push(head);
                }
                Next::More
            }
        }
    }
}
