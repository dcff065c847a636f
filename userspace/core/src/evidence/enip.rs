//! EtherNet/IP and the CIP messages in it, which check no caller outside of TLS.
//!
//! Sources: ODVA, The CIP Networks Library volume 2 chapter 2 (encapsulation header, commands, common packet format)
//! and volume 1 section 2-4 (message router requests and responses), appendix B (general status codes).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    IDENTIFIED = "enip.identified", v 1, Observed, Wire,
        "The device told what it is and what it offers (ListIdentity, ListServices, ListInterfaces)",
        "Whether it lets the caller read or write anything";
    OPENED = "enip.session-registered", v 1, Observed, Wire,
        "The device registered a session for the caller",
        "Whether it serves any request in it";
    SERVED = "enip.request-served", v 1, Observed, Wire,
        "The device answered a CIP request with success",
        "Which other objects and services it lets the caller use";
    DENIED = "enip.privilege-violation", v 1, Observed, Wire,
        "The device answered a CIP request by a privilege violation",
        "Which privilege would be enough";
    REFUSED = "enip.request-refused", v 1, Observed, Wire,
        "The device answered a command or a CIP request by another error",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Enip,
    call: call_likeness,
    reply: head_likeness,
    begin: || Box::new(Enip::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// The same in datagrams, for the commands that need no session.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Enip,
    call: |datagram| is_datagram(datagram) && call_likeness(datagram.bytes) == Likeness::Like,
    reply: is_datagram,
    unanswered: |_| false,
    begin: || Box::new(Enip::default()),
    rules: &[],
};

/// Command, length, session, status, sender's context, options.
const HEAD: usize = 24;
/// Bytes of a message that are looked at.
const ENOUGH: usize = 96;
/// Most messages that are read while none is served.
const MOST: u32 = 512;
/// Commands.
const LIST_SERVICES: u16 = 0x04;
const LIST_IDENTITY: u16 = 0x63;
const LIST_INTERFACES: u16 = 0x64;
const REGISTER: u16 = 0x65;
const SEND_REQUEST: u16 = 0x6f;
const SEND_UNIT: u16 = 0x70;
/// Items with an unconnected, and with a connected message.
const UNCONNECTED: u16 = 0xb2;
const CONNECTED: u16 = 0xb1;

/// The head of an encapsulated message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    command: u16,
    length: u16,
    status: u32,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor(bytes.get(..HEAD)?);
        let (command, length) = (u16::from_le_bytes(fields.array()?), u16::from_le_bytes(fields.array()?));
        fields.take(4)?;
        let status = u32::from_le_bytes(fields.array()?);
        fields.take(8)?;
        (fields.0 == [0; 4]).then_some(Self { command, length, status })
    }
}

/// A known command, a status of the encapsulation layer, no options.
fn head_likeness(bytes: &[u8]) -> Likeness {
    let command = match *bytes {
        [] => return Likeness::Unsure,
        [4 | 0x63..=0x66 | 0x6f | 0x70, 0, ..] | [4 | 0x63..=0x66 | 0x6f | 0x70] => true,
        _ => false,
    };
    match (command, Head::of(bytes)) {
        (false, _) => Likeness::Unlike,
        (true, None) if bytes.len() < HEAD => Likeness::Unsure,
        (true, Some(head)) if head.status <= 0x6a => Likeness::Like,
        (true, _) => Likeness::Unlike,
    }
}

/// A caller's message: status 0, and the length of its command.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let likeness = head_likeness(bytes);
    match Head::of(bytes) {
        Some(Head { status: 1.., .. }) => Likeness::Unlike,
        Some(Head { command: REGISTER, length, .. }) if length != 4 => Likeness::Unlike,
        Some(Head { command: SEND_REQUEST | SEND_UNIT, length, .. }) if length < 16 => Likeness::Unlike,
        Some(Head { command: LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES, length: 1.., .. }) => {
            Likeness::Unlike
        }
        Some(_) | None => likeness,
    }
}

fn is_datagram(datagram: &Datagram<'_>) -> bool {
    Head::of(datagram.bytes).is_some_and(|head| {
        matches!(head.command, LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES)
            && u64::from(head.length).saturating_add(HEAD as u64) == datagram.length
    })
}

/// General status of the CIP response in a message, if there is one.
fn cip_status(body: &[u8]) -> Option<u8> {
    let mut fields = Cursor(body);
    // Interface handle (0 is CIP) and time-out; then the items.
    if fields.array()? != [0_u8; 4] {
        return None;
    }
    fields.take(2)?;
    let count = u16::from_le_bytes(fields.array()?);
    for _ in 0..count.min(8) {
        let (kind, length) = (u16::from_le_bytes(fields.array()?), u16::from_le_bytes(fields.array()?));
        if kind == CONNECTED {
            fields.take(2)?;
        }
        if matches!(kind, UNCONNECTED | CONNECTED) {
            let [service, _, status]: [u8; 3] = fields.array()?;
            return (service & 0x80 != 0).then_some(status);
        }
        fields.take(usize::from(length))?;
    }
    None
}

/// One flow.
#[derive(Default, Debug)]
struct Enip {
    told: Told,
    called: bool,
    seen: u32,
}

impl Enip {
    /// `true` once nothing weaker can be shown.
    fn answer(&mut self, head: Head, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let public = Shown::Serves { operation: Operation::Public };
        match head.command {
            _ if head.status != 0 => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES => self.told.once(&IDENTIFIED, public, notes),
            REGISTER => self.told.once(&OPENED, public, notes),
            SEND_REQUEST | SEND_UNIT => match cip_status(body) {
                // Success, partial transfer, and errors embedded in the answers to a list of requests.
                Some(0 | 6 | 0x1e) => {
                    notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                    return true;
                }
                Some(0x0f) => self.told.once(&DENIED, Shown::Refuses { why: Refusal::NotAllowed }, notes),
                Some(_) => self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes),
                None => {}
            },
            _ => {}
        }
        false
    }
}

impl Dissector for Enip {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some(head) = Head::of(bytes) else {
            return if bytes.len() < HEAD { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let end = usize::from(head.length).saturating_add(HEAD);
        let Some(message) = bytes.get(..end.min(ENOUGH)) else { return Next::More };
        let body = message.get(HEAD..).unwrap_or_default();
        let over = from == Role::Responder && self.answer(head, body, notes);
        self.called = true;
        input.read(end);
        self.seen = self.seen.saturating_add(1);
        if over || self.seen >= MOST { Next::Settled } else { Next::More }
    }
}

impl DatagramDissector for Enip {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if let (Role::Responder, Some(head)) = (from, Head::of(datagram.bytes)) {
            self.answer(head, b"", notes);
        }
        Next::More
    }
}
