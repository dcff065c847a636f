//! Finger: who is logged in, told to anyone who asks.
//!
//! Source: RFC 1288 (section 2.3: queries; section 3.2: what the answer reveals).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::text_line::{self, any};
use super::{Hidden, Operation, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    TOLD = "finger.told", v 1, Observed, Wire,
        "The receiver answered a question about its users; the protocol knows no identity",
        "Whether the caller's address was looked at";
}

/// How a flow is recognised by the switch that only this protocol has.
pub(crate) static KNOWN_VERBOSE: Known = Known {
    protocol: Protocol::Finger,
    call: |bytes| match bytes.get(2) {
        // What follows the switch decides.
        None => Likeness::starts_with(bytes, b"/W").and(Likeness::Unsure),
        Some(b' ' | b'\r' | b'\n') => Likeness::starts_with(bytes, b"/W"),
        Some(_) => Likeness::Unlike,
    },
    reply: |bytes| match bytes.first() {
        None => Likeness::Unsure,
        Some(b' '..=b'~' | b'\t' | b'\r' | b'\n') => Likeness::Like,
        Some(_) => Likeness::Unlike,
    },
    begin: || Box::new(OneLine { rule: &TOLD, operation: Operation::Service, asked: false }),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a flow is recognised by what its answers begin with.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Finger,
    call: one_line,
    reply: |bytes| any(&ANSWERS.map(|start| Likeness::starts_with(bytes, start))),
    begin: || Box::new(OneLine { rule: &TOLD, operation: Operation::Service, asked: false }),
    call_alone: nothing_alone,
    // Named above.
    rules: &[],
};

/// First words of the answers of the Unix programs that give them.
const ANSWERS: [&[u8]; 6] =
    [b"Login: ", b"Login name: ", b"Login  ", b"No one logged on", b"finger: ", b"User  "];
/// Longest question.
const LINE: usize = 512;

/// A line of text and its end, or the part of one that is there.
pub(crate) fn one_line(bytes: &[u8]) -> Likeness {
    for (at, byte) in bytes.iter().enumerate().take(LINE) {
        match (byte, bytes.get(at.saturating_add(1))) {
            (b'\n', _) | (b'\r', Some(b'\n')) => return Likeness::Like,
            (b'\r', None) => return Likeness::Unsure,
            (b' '..=b'~' | 0x80.., _) => {}
            _ => return Likeness::Unlike,
        }
    }
    if bytes.len() < LINE { Likeness::Unsure } else { Likeness::Unlike }
}

/// One flow of a protocol in which the caller sends one line and the receiver a text.
#[derive(Debug)]
pub(crate) struct OneLine {
    /// What an answer shows.
    pub(crate) rule: &'static super::Rule,
    /// What kind of operation it is.
    pub(crate) operation: Operation,
    /// The line was seen.
    pub(crate) asked: bool,
}

impl Dissector for OneLine {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator if self.asked => Next::More,
            Role::Originator => match text_line::take(input) {
                Read::More => Next::More,
                Read::Broken => Next::Lost(Hidden::Unsupported),
                Read::Got(_) => {
                    self.asked = true;
                    Next::More
                }
            },
            Role::Responder if input.bytes().is_empty() => Next::More,
            Role::Responder if self.asked => {
                notes.say(self.rule, Shown::Serves { operation: self.operation });
                Next::Settled
            }
            // Who speaks unasked speaks another protocol.
            Role::Responder => Next::Lost(Hidden::Unsupported),
        }
    }
}
