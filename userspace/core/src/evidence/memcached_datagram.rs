//! memcached over UDP: a frame header, then a command of the text or binary protocol; no proof can be sent.
//!
//! Source: memcached doc/protocol.txt ("UDP protocol": request id, sequence, total, reserved); "Memcache Binary Protocol"
//! (quiet commands). Authentication needs a connection, so a receiver that has it does not serve UDP at all.

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Likeness, Next, Notes, rules};
use super::memcached::{binary_likeness, call_likeness, is_error, reply_likeness};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "memcached.datagram-served", v 1, Observed, Wire,
        "A command in a datagram was answered without an error; no proof of identity can go with one",
        "Not what the reply held";
    SENT = "memcached.datagram-sent", v 1, Observed, Wire,
        "The caller sent a command that asks for no answer; no proof of identity can go with it",
        "Whether the receiver carried it out can't be seen";
    FAILED = "memcached.datagram-failed", v 1, Observed, Wire,
        "The receiver answered a command with an error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Memcached,
    call: |datagram| body(datagram).is_some_and(|body| call_likeness(body) == Likeness::Like),
    reply: |datagram| body(datagram).is_some_and(|body| reply_likeness(body) == Likeness::Like),
    unanswered: |datagram| body(datagram).is_some_and(is_quiet),
    begin: || Box::new(Datagrams),
    rules: RULES,
};

/// Frame header: request id, sequence number, number of datagrams, reserved; two bytes each.
const FRAME: usize = 8;

/// What follows the frame header of a message's first datagram.
fn body<'a>(datagram: &Datagram<'a>) -> Option<&'a [u8]> {
    let (header, body) = datagram.bytes.split_at_checked(FRAME)?;
    let [_, _, 0, 0, total @ ..] = header else { return None };
    // The reserved bytes are not zero with every client.
    let total = u16::from_be_bytes([*total.first()?, *total.get(1)?]);
    (total > 0 && !body.is_empty()).then_some(body)
}

/// True for a command whose success has no answer: `noreply`, or one of the binary protocol's quiet opcodes.
fn is_quiet(body: &[u8]) -> bool {
    if body.first() == Some(&0x80) {
        let quiet = matches!(body.get(1), Some(0x09 | 0x0d | 0x11..=0x1a | 0x1e | 0x24));
        return quiet && binary_likeness(body) == Likeness::Like;
    }
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    call_likeness(body) == Likeness::Like && line.split(|byte| *byte == b' ').next_back() == Some(b"noreply")
}

/// One flow; each datagram stands for itself.
#[derive(Debug)]
struct Datagrams;

impl DatagramDissector for Datagrams {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        // Later datagrams of one message carry on in the middle.
        let later = datagram.bytes.get(2..4).is_some_and(|sequence| sequence != [0, 0]);
        let Some(body) = body(datagram) else {
            return if later { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        match from {
            Role::Originator if is_quiet(body) => notes.say(&SENT, Shown::SendsOneWay),
            Role::Originator if call_likeness(body) == Likeness::Like => {}
            Role::Responder if is_error(body) => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
            Role::Responder if reply_likeness(body) == Likeness::Like => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            }
            Role::Originator | Role::Responder => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }
}
