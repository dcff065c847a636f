//! Diameter: peers that say who they are, and what was done for them.
//!
//! Source: RFC 6733 sections 3 (header), 4.1 (AVPs), 5.3 (capabilities exchange), 6.10 (Inband-Security-Id), 7.1
//! (result codes).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "diameter.origin-claimed", v 1, Observed, Wire,
        "The caller named its host and sent no proof (Capabilities-Exchange-Request)",
        "A layer below may have proved it";
    ADMITTED = "diameter.peer-admitted", v 1, Observed, Wire,
        "The receiver took the caller as a peer",
        "Not whether it knows the caller by its address";
    SERVED = "diameter.request-served", v 1, Observed, Wire,
        "The receiver answered a request of its peer with success",
        "What a user proves in such a request is proved to the receiver, not by the peer";
    ALIVE = "diameter.watchdog-answered", v 1, Observed, Wire,
        "The receiver said that it is alive",
        "Nothing was decided about anyone";
    UNKNOWN = "diameter.peer-refused", v 1, Observed, Wire,
        "The receiver does not take the caller as a peer",
        "Not whether name or address was wrong";
    FAILED = "diameter.request-failed", v 1, Observed, Wire,
        "The receiver answered a request of its peer with an error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Diameter,
    call: |bytes| likeness(bytes, true),
    reply: |bytes| likeness(bytes, false),
    begin: || Box::new(Diameter::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Bytes of the header; longest message that is believed; longest start of one that is looked at.
const HEADER: u32 = 20;
const LONGEST: u32 = 1 << 20;
const LOOKED: usize = 2048;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;

const CAPABILITIES: u32 = 257;
const WATCHDOG: u32 = 280;
const DISCONNECT: u32 = 282;

/// Version, length, flags, command: the first exchange is about capabilities.
fn likeness(bytes: &[u8], request: bool) -> Likeness {
    let start = Likeness::starts_with(bytes, &[1, 0]);
    let Some([_, _, high, low, flags]) = bytes.first_chunk::<5>() else { return start.and(Likeness::Unsure) };
    let length = u32::from(*high) << 8 | u32::from(*low);
    let fits =
        length >= HEADER && length.is_multiple_of(4) && (flags & 0x80 != 0) == request && flags & 0x0f == 0;
    let command = bytes.get(5..).unwrap_or_default();
    let command = Likeness::starts_with(command, &[0, 1, 1]);
    start.and(if fits { command } else { Likeness::Unlike })
}

/// One flow.
#[derive(Default, Debug)]
struct Diameter {
    /// Hop-by-hop identifier and command of what was asked.
    unanswered: Vec<([u8; 4], u32)>,
    told: Told,
}

/// The start of one message.
struct Message<'a> {
    request: bool,
    command: u32,
    hop: [u8; 4],
    attributes: &'a [u8],
}

/// Reads a message's header; `None` for what is none.
fn message(bytes: &[u8], length: usize) -> Option<Message<'_>> {
    let mut cursor = Cursor(bytes.get(..bytes.len().min(length))?);
    let [version, _, _, _] = cursor.array()?;
    let [flags, high, middle, low] = cursor.array()?;
    let _application = cursor.take(4)?;
    let hop = cursor.array()?;
    let _end = cursor.take(4)?;
    let command = u32::from_be_bytes([0, high, middle, low]);
    (version == 1).then_some(Message { request: flags & 0x80 != 0, command, hop, attributes: cursor.0 })
}

/// The content of the first AVP with this code and no vendor.
fn attribute(attributes: &[u8], code: u32) -> Option<&[u8]> {
    let mut cursor = Cursor(attributes);
    loop {
        let found = u32::from_be_bytes(cursor.array()?);
        let [flags, high, middle, low] = cursor.array()?;
        let length = usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?.checked_sub(8)?;
        let mut content = Cursor(cursor.take(length)?);
        if found == code && flags & 0x80 == 0 {
            return content.take(length);
        }
        // Padded to four bytes; the last one's padding may be cut.
        let padding = length.next_multiple_of(4).saturating_sub(length);
        cursor.take(padding.min(cursor.0.len()))?;
    }
}

fn number(attributes: &[u8], code: u32) -> Option<u32> {
    Some(u32::from_be_bytes(attribute(attributes, code)?.try_into().ok()?))
}

impl Diameter {
    fn answer(&mut self, command: u32, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        let grouped = || number(attribute(message.attributes, 297)?, 298);
        let code = number(message.attributes, 268).or_else(grouped);
        match (command, code) {
            (_, None) => return Next::Lost(Hidden::Unsupported),
            (CAPABILITIES, Some(2000..3000)) => {
                // Both agreed on TLS right behind this answer: nothing is served before it.
                if number(message.attributes, 299) == Some(1) {
                    return Next::Upgraded(super::tls::begin());
                }
                self.told.once(&ADMITTED, Shown::Serves { operation: Operation::Service }, notes);
            }
            (CAPABILITIES, Some(_)) => {
                self.told.once(&UNKNOWN, Shown::Refuses { why: Refusal::NotAllowed }, notes);
            }
            (WATCHDOG | DISCONNECT, Some(_)) => {
                self.told.once(&ALIVE, Shown::Serves { operation: Operation::Public }, notes);
            }
            (_, Some(1000..3000)) => {
                self.told.once(&SERVED, Shown::Serves { operation: Operation::Service }, notes);
            }
            (_, Some(_)) => self.told.once(&FAILED, Shown::Refuses { why: Refusal::Other }, notes),
        }
        Next::More
    }
}

impl Dissector for Diameter {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some([version, high, middle, low]) = bytes.first_chunk::<4>() else { return Next::More };
        let length = u32::from_be_bytes([0, *high, *middle, *low]);
        if *version != 1 || !(HEADER..=LONGEST).contains(&length) {
            return Next::Lost(Hidden::Unsupported);
        }
        let needed = usize::try_from(length).unwrap_or(usize::MAX).min(LOOKED);
        if bytes.len() < needed {
            return Next::More;
        }
        let Some(message) = message(bytes, needed) else { return Next::Lost(Hidden::Unsupported) };
        let total = u64::from(length);
        // A peer asks too, once it was taken: what the originator answers decides nothing here.
        if message.request != (from == Role::Originator) {
            input.skip(total);
            return Next::More;
        }
        if from == Role::Originator {
            // What follows the capabilities may be TLS.
            if self.unanswered.iter().any(|(_, command)| *command == CAPABILITIES) {
                return Next::More;
            }
            if message.command == CAPABILITIES {
                let principal = attribute(message.attributes, 264)
                    .map(|host| Principal::bounded(PrincipalKind::User, host));
                let shown = Shown::Offers {
                    proof: Proof::Claim,
                    scope: Scope::Connection,
                    principal,
                    credential: None,
                };
                notes.say(&CLAIMED, shown);
            }
            if self.unanswered.len() >= UNANSWERED {
                self.unanswered.remove(0);
            }
            self.unanswered.push((message.hop, message.command));
            input.skip(total);
            return Next::More;
        }
        let at = self.unanswered.iter().position(|asked| *asked == (message.hop, message.command));
        let Some(at) = at else { return Next::More };
        let (_, command) = self.unanswered.remove(at);
        let next = self.answer(command, &message, notes);
        input.skip(total);
        next
    }
}
