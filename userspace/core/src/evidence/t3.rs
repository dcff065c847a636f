//! T3, WebLogic's protocol: recognised by its greeting; its login is serialized Java that is not read.
//!
//! Source: docs.oracle.com "Configuring Network Resources" (T3 greeting and its connection parameters), public
//! descriptions of the handshake (`t3 VERSION`, `AS:`, `HL:`; `HELO:`).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::text_line;
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    OPENED = "t3.session-unread", v 1, Observed, Wire,
        "Both sides greeted each other; what follows is serialized Java, in which a login may be",
        "What was proved is not known";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::T3,
    call: |bytes| text_line::any(&[&b"t3 "[..], b"t3s "].map(|start| Likeness::starts_with(bytes, start))),
    reply: |bytes| {
        text_line::any(
            &[&b"HELO:"[..], b"LGIN:", b"SERV:", b"UNAV:"].map(|start| Likeness::starts_with(bytes, start)),
        )
    },
    begin: || Box::new(T3::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Most lines of a greeting.
const LINES: u8 = 32;

/// One flow.
#[derive(Default, Debug)]
struct T3 {
    /// The caller's greeting ended with its empty line.
    asked: bool,
    lines: u8,
}

impl Dissector for T3 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Responder) != self.asked {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::Got(line) => line,
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
        };
        self.lines = self.lines.saturating_add(1);
        if from == Role::Originator {
            self.asked = line.is_empty();
            return if self.lines > LINES { Next::Lost(Hidden::Unsupported) } else { Next::More };
        }
        if !line.starts_with(b"HELO:") {
            return Next::Lost(Hidden::Unsupported);
        }
        notes.say(&OPENED, Shown::Hidden { why: Hidden::Unsupported });
        Next::Settled
    }
}
