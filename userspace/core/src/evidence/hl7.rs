//! HL7 version 2 over MLLP: messages between hospital systems that name themselves.
//!
//! Sources: HL7 "Transport Specification: MLLP" release 1 (0B, message, 1C 0D), HL7 version 2 chapter 2 (MSH: 2.15.9,
//! MSA: 2.15.8, acknowledgement codes of table 0008).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::text_line::byte_after;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "hl7.sender-named", v 1, Observed, Wire,
        "The caller named its application and facility (MSH-3, MSH-4)",
        "Nothing proves the name";
    SERVED = "hl7.message-accepted", v 1, Observed, Wire,
        "The receiver accepted the message (MSA-1 AA or CA)",
        "Whether it looked at the caller's address or name";
    REFUSED = "hl7.message-refused", v 1, Observed, Wire,
        "The receiver refused the message, or found an error in it (MSA-1 AE, AR, CE, CR)",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Hl7,
    call: |bytes| Likeness::starts_with(bytes, b"\x0bMSH"),
    reply: |bytes| Likeness::starts_with(bytes, b"\x0bMSH"),
    begin: || Box::new(Hl7::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How much of a message is looked at for its sender, or for the answer.
const HEAD: usize = 2048;
const END: &[u8] = b"\x1c\x0d";

/// One flow.
#[derive(Default, Debug)]
struct Hl7 {
    asked: bool,
}

/// Field `number` of the segment; the separator is the byte after its name, and MSH's first field.
fn field(segment: &[u8], number: usize) -> Option<&[u8]> {
    let separator = segment.get(3)?;
    segment.split(|byte| byte == separator).nth(number)
}

/// Where a message ends whose first `from` bytes hold no end of one.
fn ended(bytes: &[u8], from: usize) -> Option<usize> {
    // The last byte that was looked through may begin the end.
    let from = from.saturating_sub(1);
    let at = bytes.get(from..)?.windows(END.len()).position(|window| window == END)?;
    from.checked_add(at)
}

impl Dissector for Hl7 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.asked != (from == Role::Responder) {
            return Next::More;
        }
        if input.bytes().first().is_some_and(|start| *start != 0x0b) {
            return Next::Lost(Hidden::Unsupported);
        }
        // The first segment of a call, and the whole of an answer.
        let end = match from {
            Role::Originator => input.find(HEAD, |bytes, from| byte_after(bytes, from, b'\r')),
            Role::Responder => input.find(HEAD, ended),
        };
        let bytes = input.bytes();
        // What follows the end is not of this message.
        let head = bytes.get(..end.unwrap_or(HEAD).min(bytes.len())).unwrap_or_default();
        let mut segments = head.get(1..).unwrap_or_default().split(|byte| *byte == b'\r');
        let header = segments.next().unwrap_or_default();
        match from {
            Role::Originator if end.is_some() => {
                let (application, facility) = (field(header, 2), field(header, 3));
                let name = [application.unwrap_or_default(), b"|", facility.unwrap_or_default()].concat();
                let name: &[u8] = if name.len() > 1 { &name } else { b"" };
                notes.say(&CLAIMED, sasl::name_offer(name));
                self.asked = true;
                // What follows in the message, and later ones, decides nothing.
                Next::More
            }
            Role::Responder if end.is_some() => {
                let code = segments.find(|segment| segment.starts_with(b"MSA")).and_then(|it| field(it, 1));
                match code {
                    Some(b"AA" | b"CA") => {
                        notes.say(&SERVED, Shown::Serves { operation: Operation::Service })
                    }
                    Some(_) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
                    None => return Next::Lost(Hidden::Unsupported),
                }
                Next::Settled
            }
            Role::Originator | Role::Responder if head.len() < HEAD => Next::More,
            Role::Originator | Role::Responder => Next::Lost(Hidden::Unsupported),
        }
    }
}
