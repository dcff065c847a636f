//! The line printer daemon protocol: jobs and queues for anyone whose address is let in.
//!
//! Source: RFC 1179 (sections 3.1: the caller's port; 5 and 6: commands and their acknowledgements).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::text_line;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    TAKEN = "lpd.command-served", v 1, Observed, Wire,
        "The receiver acknowledged a command for one of its queues; the protocol carries no proof",
        "Whether it looked at the caller's address and port";
    REFUSED = "lpd.command-refused", v 1, Observed, Wire,
        "The receiver answered a command with a negative acknowledgement",
        "Whether the place, the queue or the job was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Lpd,
    // "Receive a printer job": its number, a queue's name, the line's end.
    call: |bytes| {
        let Some((2, queue)) = bytes.split_first().map(|(first, rest)| (*first, rest)) else {
            return if bytes.is_empty() { Likeness::Unsure } else { Likeness::Unlike };
        };
        match queue.iter().take(QUEUE).position(|byte| !byte.is_ascii_graphic()) {
            Some(0) => Likeness::Unlike,
            Some(end) if queue.get(end) == Some(&b'\n') => Likeness::Like,
            None if queue.len() < QUEUE => Likeness::Unsure,
            Some(_) | None => Likeness::Unlike,
        }
    },
    // One byte: taken, or why not.
    reply: |bytes| match bytes {
        [0..=3, ..] => Likeness::Like,
        [] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Lpd::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest name of a queue.
const QUEUE: usize = 64;

/// One flow.
#[derive(Default, Debug)]
struct Lpd {
    asked: bool,
}

impl Dissector for Lpd {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Responder) != self.asked {
            return Next::More;
        }
        if from == Role::Originator {
            return match text_line::take(input) {
                Read::Got(_) => {
                    self.asked = true;
                    Next::More
                }
                Read::More => Next::More,
                Read::Broken => Next::Lost(Hidden::Unsupported),
            };
        }
        match input.bytes().first() {
            None => return Next::More,
            Some(0) => notes.say(&TAKEN, Shown::Serves { operation: Operation::Service }),
            Some(_) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
        }
        Next::Settled
    }
}
