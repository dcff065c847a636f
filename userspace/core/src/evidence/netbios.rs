//! NetBIOS names and datagrams: who has which name, which anyone may ask and claim.
//!
//! Sources: RFC 1002 sections 4.2 (name service) and 4.4 (datagram service), RFC 1001 section 14.1 (encoded names).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ASKED = "netbios.name-asked", v 1, Observed, Wire,
        "The caller asked who has a name, or which names a host has",
        "Whether anybody answered";
    TOLD = "netbios.name-told", v 1, Observed, Wire,
        "The receiver told a name's address, or its own names, which it tells anyone",
        "Whether the answer is true; nothing proves who gave it";
    CHANGED = "netbios.name-registered", v 1, Observed, Wire,
        "The receiver took or gave up a name for the caller, who proved nothing",
        "Not whether the name was free";
    REFUSED = "netbios.name-refused", v 1, Observed, Wire,
        "The receiver refused to register or release a name",
        "Nothing is said about who may have it";
    SENT = "netbios.datagram-sent", v 1, Observed, Wire,
        "The caller sent a datagram to a NetBIOS name; there is no answer to it",
        "Whether anybody took it; the name it comes from is not proved";
}

/// How a flow of the name service is recognised and read.
pub(crate) static NAMES: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Nbns,
    call: |datagram| Message::read(datagram).is_some_and(|message| !message.answer),
    reply: |datagram| Message::read(datagram).is_some_and(|message| message.answer),
    // Queries and registrations by broadcast are answered by those whom they concern.
    unanswered: |datagram| Message::read(datagram).is_some_and(|message| !message.answer),
    begin: || Box::new(Names::default()),
    rules: RULES,
};

/// How a flow of the datagram service is recognised and read.
pub(crate) static DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Nbdgm,
    call: is_datagram,
    reply: is_datagram,
    unanswered: is_datagram,
    begin: || Box::new(Datagrams::default()),
    rules: &[],
};

/// A name in its first encoding: a length of 32, and as many letters from A to P.
fn is_name(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&0x20)
        && bytes
            .get(at.saturating_add(1)..at.saturating_add(33))
            .is_some_and(|name| name.iter().all(|byte| matches!(byte, b'A'..=b'P')))
}

/// Direct-unique, direct-group and broadcast datagrams: a name stands behind 14 bytes.
fn is_datagram(datagram: &Datagram<'_>) -> bool {
    matches!(datagram.bytes.first(), Some(0x10..=0x12)) && is_name(datagram.bytes, 14)
}

/// A message of the name service in the few words that decide.
struct Message {
    answer: bool,
    /// 0 asks; 5 to 9 register, release, delay and refresh.
    opcode: u8,
    code: u8,
}

impl Message {
    fn read(datagram: &Datagram<'_>) -> Option<Self> {
        let [_, _, high, low, ..] = *datagram.bytes else { return None };
        let opcode = high >> 3 & 15;
        (is_name(datagram.bytes, 12) && matches!(opcode, 0 | 5..=9 | 15)).then_some(Self {
            answer: high & 0x80 != 0,
            opcode,
            code: low & 15,
        })
    }
}

/// One flow of the name service.
#[derive(Default, Debug)]
struct Names {
    asked: bool,
}

impl DatagramDissector for Names {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(message) = Message::read(datagram) else { return Next::Lost(Hidden::Unsupported) };
        match (from, message.answer, message.opcode) {
            (Role::Originator, false, 0) if !std::mem::replace(&mut self.asked, true) => {
                notes.say(&ASKED, Shown::AsksPublic);
            }
            // A name that nobody has is an answer as well.
            (Role::Responder, true, 0) => notes.say(&TOLD, Shown::Serves { operation: Operation::Public }),
            // WACK asks for patience.
            (Role::Responder, true, 7) => {}
            (Role::Responder, true, _) if message.code == 0 => {
                notes.say(&CHANGED, Shown::Serves { operation: Operation::Service });
            }
            (Role::Responder, true, _) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
            _ => {}
        }
        Next::More
    }
}

/// One flow of the datagram service.
#[derive(Default, Debug)]
struct Datagrams {
    said: bool,
}

impl DatagramDissector for Datagrams {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator && is_datagram(datagram) && !std::mem::replace(&mut self.said, true) {
            notes.say(&SENT, Shown::SendsOneWay);
        }
        Next::More
    }
}
