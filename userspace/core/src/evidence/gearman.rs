//! Gearman: jobs for anyone who can reach the server.
//!
//! Source: gearman.org "Gearman Protocol" (binary packets: magic, type, length).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "gearman.request-served", v 1, Observed, Wire,
        "The receiver took or handed out a job, in a protocol that has no proof of identity",
        "Not what the job does";
    REFUSED = "gearman.error", v 1, Observed, Wire,
        "The receiver answered with an error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Gearman,
    call: |bytes| Likeness::starts_with(bytes, b"\0REQ\0\0\0"),
    reply: |bytes| Likeness::starts_with(bytes, b"\0RES\0\0\0"),
    begin: || Box::new(Gearman { asked: false }),
    call_alone: nothing_alone,
    rules: RULES,
};

/// One flow.
#[derive(Debug)]
struct Gearman {
    asked: bool,
}

impl Dissector for Gearman {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some([magic @ .., a, b, c, d]) = input.bytes().first_chunk::<12>() else { return Next::More };
        let length = u64::from(u32::from_be_bytes([*a, *b, *c, *d])).saturating_add(12);
        match (from, magic) {
            (Role::Originator, [0, b'R', b'E', b'Q', ..]) => self.asked = true,
            (Role::Responder, [0, b'R', b'E', b'S', ..]) if !self.asked => return Next::More,
            (Role::Responder, [0, b'R', b'E', b'S', 0, 0, 0, kind]) => match kind {
                // ECHO_RES and OPTION_RES.
                17 | 27 => {}
                19 => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
                _ => {
                    notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                    return Next::Settled;
                }
            },
            (Role::Originator | Role::Responder, _) => return Next::Lost(Hidden::Unsupported),
        }
        input.skip(length);
        Next::More
    }
}
