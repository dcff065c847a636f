//! The bus between the nodes of a Redis cluster, which has no login.
//!
//! Source: redis.io "Redis cluster specification" (cluster bus, handshake) and Redis' `cluster.h` (`clusterMsg`).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ANSWERED = "redis-bus.message-answered", v 1, Observed, Wire,
        "A node answered another one's message, in a protocol that has no login",
        "Whether it knows the node that wrote; what it takes from it";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::RedisBus,
    call: |bytes| Likeness::starts_with(bytes, b"RCmb\0"),
    reply: |bytes| Likeness::starts_with(bytes, b"RCmb\0"),
    begin: || Box::new(Bus::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// One flow.
#[derive(Default, Debug)]
struct Bus {
    asked: bool,
}

impl Dissector for Bus {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(([b'R', b'C', b'm', b'b', a, b, c, d], _)) = input.bytes().split_first_chunk::<8>() else {
            return if input.bytes().len() < 8 { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let length = u32::from_be_bytes([*a, *b, *c, *d]);
        match (from, self.asked) {
            _ if length < 16 => return Next::Lost(Hidden::Unsupported),
            (Role::Responder, false) => return Next::More,
            (Role::Responder, true) => {
                notes.say(&ANSWERED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Role::Originator, _) => self.asked = true,
        }
        input.skip(u64::from(length));
        Next::More
    }
}
