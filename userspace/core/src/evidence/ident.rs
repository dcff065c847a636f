//! The identification protocol: a host is asked which user holds a connection.
//!
//! Source: RFC 1413 (section 4: question and answers; section 6: what the answer is worth).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::text_line;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    TOLD = "ident.user-told", v 1, Observed, Wire,
        "The receiver told which of its users holds a connection",
        "Whether that is so: whoever asked relies on the word of the host that it asked";
    NOT_TOLD = "ident.not-told", v 1, Observed, Wire,
        "The receiver did not tell the user",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ident,
    call: |bytes| pair(bytes, b"\r\n"),
    reply: |bytes| pair(bytes, b":"),
    begin: || Box::new(Ident::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Two port numbers with a comma between them, and what ends them; blanks may stand anywhere.
fn pair(bytes: &[u8], ends: &[u8]) -> Likeness {
    let mut digits = [0_u8; 2];
    let mut commas = 0_usize;
    for byte in bytes.iter().take(32) {
        match (byte, digits.get_mut(commas)) {
            (b' ' | b'\t', _) => {}
            (b'0'..=b'9', Some(count)) if *count < 5 => *count = count.saturating_add(1),
            (b',', Some(1..)) if commas == 0 => commas = 1,
            (end, Some(1..)) if commas == 1 && ends.contains(end) => return Likeness::Like,
            _ => return Likeness::Unlike,
        }
    }
    if bytes.len() < 32 { Likeness::Unsure } else { Likeness::Unlike }
}

/// One flow.
#[derive(Default, Debug)]
struct Ident {
    asked: usize,
}

impl Dissector for Ident {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && self.asked == 0 {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if from == Role::Originator {
            self.asked = self.asked.saturating_add(1);
            return Next::More;
        }
        self.asked = self.asked.saturating_sub(1);
        let kind = line.split(|byte| *byte == b':').nth(1).unwrap_or_default().trim_ascii();
        if kind.eq_ignore_ascii_case(b"USERID") {
            notes.say(&TOLD, Shown::Serves { operation: Operation::Service });
            Next::More
        } else if kind.eq_ignore_ascii_case(b"ERROR") {
            notes.say(&NOT_TOLD, Shown::Refuses { why: Refusal::Other });
            Next::More
        } else {
            Next::Lost(Hidden::Unsupported)
        }
    }
}
