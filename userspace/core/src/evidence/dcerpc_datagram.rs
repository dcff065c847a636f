//! DCE/RPC by datagrams: calls that stand for themselves.
//!
//! Source: C706 chapter 12.5 (connectionless messages).

use std::collections::VecDeque;

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dcerpc::Interface;
use super::dcerpc_rules as rule;
use super::dissector::{Next, Notes};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dcerpc,
    call: |datagram| Message::read(datagram).is_some_and(|it| it.kind == REQUEST),
    reply: |datagram| Message::read(datagram).is_some_and(|it| it.kind != REQUEST && it.kind != PING),
    unanswered: |datagram| Message::read(datagram).is_some_and(|it| it.kind == REQUEST && it.maybe),
    begin: || Box::new(DceRpc::default()),
    rules: &[],
};

const REQUEST: u8 = 0;
const PING: u8 = 1;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const REJECT: u8 = 6;
/// The last kind: cancel_ack.
const LAST: u8 = 10;
/// Bytes of the header.
const HEADER: usize = 80;
/// Most calls that wait for their answer.
const WAITING: usize = 64;

/// A message's header.
struct Message {
    kind: u8,
    /// No answer is wanted (flags `maybe` and `broadcast`).
    maybe: bool,
    interface: Interface,
    call: u16,
    sequence: u32,
    fragment: u16,
    verified: bool,
    /// Status of a fault or a reject.
    status: Option<u32>,
}

impl Message {
    fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let bytes = datagram.bytes.get(..HEADER)?;
        let [4, kind @ 0..=LAST, flags, second, order, float, 0, ..] = *bytes else { return None };
        // The flags that stay zero, and a representation that exists.
        if second & !0x02 != 0 || !matches!(order, 0x00 | 0x01 | 0x10 | 0x11) || float > 3 {
            return None;
        }
        let little = order & 0x10 != 0;
        let u16_at = |at: usize| {
            let field = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if little { u16::from_le_bytes(field) } else { u16::from_be_bytes(field) })
        };
        let u32_at = |at: usize| {
            let field = datagram.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
            Some(if little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) })
        };
        let body = u64::from(u16_at(74)?);
        // A verifier may stand behind the body.
        if datagram.length < body.saturating_add(HEADER as u64) {
            return None;
        }
        let mut uuid: [u8; 16] = bytes.get(24..40)?.try_into().ok()?;
        if !little {
            for (start, end) in [(0, 4), (4, 6), (6, 8)] {
                uuid.get_mut(start..end)?.reverse();
            }
        }
        Some(Self {
            kind,
            maybe: flags & 0x50 != 0,
            interface: Interface::of(&uuid),
            call: u16_at(68)?,
            sequence: u32_at(64)?,
            fragment: u16_at(76)?,
            verified: *bytes.get(78)? != 0,
            status: if matches!(kind, FAULT | REJECT) { u32_at(HEADER) } else { None },
        })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct DceRpc {
    /// Sequence numbers of calls, and whether they are anonymous by design.
    calls: VecDeque<(u32, bool)>,
    hidden: bool,
}

impl DatagramDissector for DceRpc {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(message) = Message::read(datagram) else { return Next::Lost(Hidden::Unsupported) };
        if message.verified && !std::mem::replace(&mut self.hidden, true) {
            notes.say(&rule::UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
        }
        match (from, message.kind) {
            (Role::Originator, REQUEST) if message.fragment == 0 => {
                let public = message.interface.is_public(message.call);
                if message.maybe && !public {
                    notes.say(&rule::ONE_WAY, Shown::SendsOneWay);
                } else if !message.maybe && !self.calls.iter().any(|(known, _)| *known == message.sequence) {
                    if self.calls.len() >= WAITING {
                        self.calls.pop_front();
                    }
                    self.calls.push_back((message.sequence, public));
                }
            }
            (Role::Responder, RESPONSE | FAULT | REJECT) => {
                let at = self.calls.iter().position(|(known, _)| *known == message.sequence);
                let Some((_, public)) = at.and_then(|at| self.calls.remove(at)) else { return Next::More };
                match (message.kind, message.status) {
                    (RESPONSE, _) if public => {
                        notes.say(&rule::PUBLIC, Shown::Serves { operation: Operation::Public });
                    }
                    (RESPONSE, _) => {
                        notes.say(&rule::SERVED, Shown::Serves { operation: Operation::Service });
                    }
                    (_, Some(5)) => notes.say(&rule::MISSING, Shown::Refuses { why: Refusal::ProofMissing }),
                    _ => {}
                }
            }
            _ => {}
        }
        Next::More
    }
}
