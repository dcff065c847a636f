//! HART-IP version 1: field instruments over TCP and UDP, without a check of the caller.
//!
//! Source: FieldComm Group, HCF_SPEC-085 (network management: header of version, message type, message id, status,
//! sequence number, byte count; session initiate, keep-alive, token-passing PDU).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    OPENED = "hartip.session-opened", v 1, Observed, Wire,
        "The receiver opened a session for the caller",
        "Whether it passes any command on";
    SERVED = "hartip.command-answered", v 1, Observed, Wire,
        "The receiver passed a command on and answered it",
        "Whether the instrument is protected against writing";
    REFUSED = "hartip.refused", v 1, Observed, Wire,
        "The receiver refused a session or a message",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::HartIp,
    call: |bytes| Likeness::starts_with(bytes, &[1, 0, 0, 0]).and(initiate_likeness(bytes)),
    reply: |bytes| Likeness::starts_with(bytes, &[1, 1, 0]).and(initiate_likeness(bytes)),
    begin: || Box::new(HartIp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// The same in datagrams.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::HartIp,
    call: |datagram| (KNOWN.call)(datagram.bytes) == Likeness::Like && datagram.length == INITIATE as u64,
    reply: |datagram| (KNOWN.reply)(datagram.bytes) == Likeness::Like,
    unanswered: |_| false,
    begin: || Box::new(HartIp::default()),
    rules: &[],
};

/// Bytes of a header, and of the message that opens a session: with master type and time-out.
const HEAD: usize = 8;
const INITIATE: usize = 13;
/// Most messages that are read while none is served.
const MOST: u32 = 512;

/// Header of the message that opens a session, a count of 13 bytes, and a master type of 0 or 1.
fn initiate_likeness(bytes: &[u8]) -> Likeness {
    match bytes.get(6..).unwrap_or_default() {
        [] | [0] | [0, 13] => Likeness::Unsure,
        [0, 13, 0 | 1, ..] => Likeness::Like,
        _ => Likeness::Unlike,
    }
}

/// One message's head.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// 0 request, 1 response, 2 publish, 15 refusal.
    kind: u8,
    /// 0 opens a session, 1 closes it, 2 keeps it, 3 carries a command.
    id: u8,
    status: u8,
    length: usize,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor(bytes);
        let [1, kind, id, status] = fields.array()? else { return None };
        fields.take(2)?;
        let length = usize::from(u16::from_be_bytes(fields.array()?));
        (matches!(kind, 0..=2 | 15) && id <= 4 && length >= HEAD).then_some(Self { kind, id, status, length })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct HartIp {
    told: Told,
    called: bool,
    seen: u32,
}

impl HartIp {
    fn head(&mut self, from: Role, head: Head, notes: &mut Notes<'_>) -> Next {
        self.called |= from == Role::Originator;
        self.seen = self.seen.saturating_add(1);
        match (from, head.kind, head.id, head.status) {
            // 8: the value was set to the nearest possible one.
            (Role::Responder, 1, 0, 0 | 8) => {
                self.told.once(&OPENED, Shown::Serves { operation: Operation::Public }, notes);
            }
            (Role::Responder, 1, 3, 0) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Role::Responder, 15, ..) | (Role::Responder, 1, 0 | 3, _) => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            _ => {}
        }
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}

impl Dissector for HartIp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let Some(head) = Head::of(input.bytes()) else {
            return if input.bytes().len() < HEAD { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        input.read(head.length);
        self.head(from, head, notes)
    }
}

impl DatagramDissector for HartIp {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        Head::of(datagram.bytes).map_or(Next::More, |head| self.head(from, head, notes))
    }
}
