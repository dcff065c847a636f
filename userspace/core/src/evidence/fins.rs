//! FINS, by which Omron controllers are read, written and programmed; it has no check of the caller but a password
//! that protects the program against change.
//!
//! Source: Omron W227 (FINS commands) sections 3 (frame: ICF, RSV, GCT, addresses, SID; end codes) and 5, and W421
//! sections 7-3 and 7-4 (FINS/UDP and FINS/TCP: header "FINS", length, command, error code).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "fins.command-done", v 1, Observed, Wire,
        "The controller carried out a command (reading or writing memory, program, mode, clock)",
        "Whether it looks at the caller's node address";
    IDENTIFIED = "fins.identified", v 1, Observed, Wire,
        "The controller told its model, its state, or a node address",
        "Whether it lets the caller read or write its memory";
    ONE_WAY = "fins.no-answer-requested", v 1, Observed, Wire,
        "The caller sent a command and asked for no answer",
        "Whether the controller carried it out";
    PROTECTED = "fins.protected", v 1, Observed, Wire,
        "The controller refused a command because access is protected or another holds the right",
        "By what the protection could be lifted";
    REFUSED = "fins.command-refused", v 1, Observed, Wire,
        "The controller answered a command by another error",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Fins,
    call: |bytes| tcp_likeness(bytes, &[0, 2]),
    reply: |bytes| tcp_likeness(bytes, &[1, 2, 3]),
    begin: || Box::new(Fins::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// The same in datagrams.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Fins,
    call: |datagram| Frame::read(datagram.bytes).is_some_and(|frame| !frame.answer),
    reply: |datagram| Frame::read(datagram.bytes).is_some_and(|frame| frame.answer),
    unanswered: |datagram| Frame::read(datagram.bytes).is_some_and(|frame| !frame.wants_answer),
    begin: || Box::new(Fins::default()),
    rules: &[],
};

/// "FINS", length of what follows, command, error code.
const HEAD: usize = 16;
/// Bytes of a message that are looked at: both headers, command and end code.
const ENOUGH: usize = 30;
/// Longest message.
const LONGEST: u32 = 65_536;
/// Most messages that are read while none is served.
const MOST: u32 = 512;

/// FINS/TCP: 0 and 1 exchange node addresses, 2 carries a frame, 3 reports an error.
fn tcp_likeness(bytes: &[u8], commands: &[u8]) -> Likeness {
    let start = Likeness::starts_with(bytes, b"FINS\0");
    match (start, bytes.get(8..12)) {
        (Likeness::Like, Some([0, 0, 0, command])) if commands.contains(command) => Likeness::Like,
        (Likeness::Like, Some(_)) => Likeness::Unlike,
        (Likeness::Like, None) => Likeness::Unsure,
        (likeness, _) => likeness,
    }
}

/// One frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Frame {
    answer: bool,
    wants_answer: bool,
    sid: u8,
    command: [u8; 2],
    /// End code of an answer: main and sub code, without the two flags.
    end: [u8; 2],
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor(bytes);
        let [icf, reserved, gateways, destination, _, _, source, _, _, sid] = fields.array()?;
        // Gateways are used, bits 1 to 5 are zero; at most seven gateways; networks up to 127.
        if icf & 0xbe != 0x80 || reserved != 0 || gateways > 7 || destination > 127 || source > 127 {
            return None;
        }
        let command = fields.array()?;
        // Area, parameters, program, mode, clock, locks, errors, files, debugging.
        if !matches!(command[0], 1..=8 | 0x0c | 0x20..=0x24 | 0x26 | 0x28) {
            return None;
        }
        let answer = icf & 0x40 != 0;
        let end = if answer {
            fields.array().map(|[main, sub]: [u8; 2]| [main & 0x7f, sub & 0x3f])?
        } else {
            [0, 0]
        };
        Some(Self { answer, wants_answer: icf & 1 == 0, sid, command, end })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Fins {
    told: Told,
    called: bool,
    /// Service and command that the caller sent last.
    asked: Option<(u8, [u8; 2])>,
    seen: u32,
}

impl Fins {
    /// `true` once nothing weaker can be shown.
    fn frame(&mut self, from: Role, frame: Frame, notes: &mut Notes<'_>) -> bool {
        match (from, frame.answer) {
            (Role::Originator, false) if frame.wants_answer => self.asked = Some((frame.sid, frame.command)),
            (Role::Originator, false) => self.told.once(&ONE_WAY, Shown::SendsOneWay, notes),
            (Role::Responder, true) if self.asked == Some((frame.sid, frame.command)) => {
                self.asked = None;
                return self.answer(frame, notes);
            }
            (Role::Originator, true) | (Role::Responder, _) => {}
        }
        false
    }

    fn answer(&mut self, frame: Frame, notes: &mut Notes<'_>) -> bool {
        match (frame.end, frame.command) {
            // Controller data, connection data, status, cycle time; an echo.
            ([0, 0 | 1], [5..=6, _] | [8, 1]) => {
                self.told.once(&IDENTIFIED, Shown::Serves { operation: Operation::Public }, notes);
            }
            ([0, 0 | 1], _) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return true;
            }
            // 21h: write not possible (01 read only, 02 protected); 23h and 25h belong to units; 30h: access right.
            ([0x20 | 0x21, 2] | [0x30, _], _) => {
                self.told.once(&PROTECTED, Shown::Refuses { why: Refusal::NotAllowed }, notes);
            }
            _ => self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes),
        }
        false
    }
}

impl Dissector for Fins {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let mut fields = Cursor(input.bytes());
        let Some([b'F', b'I', b'N', b'S', a, b, c, d]) = fields.array() else {
            return if input.bytes().len() < 8 { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        if !(8..=LONGEST).contains(&length) {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(8);
        let Some(message) = input.bytes().get(..end.min(ENOUGH)) else { return Next::More };
        let (command, error, frame) = (message.get(11), message.get(12..HEAD), message.get(HEAD..));
        let mut over = false;
        match (command, error) {
            (Some(2), _) => {
                let Some(frame) = frame.and_then(Frame::read) else { return Next::Lost(Hidden::Unsupported) };
                over = self.frame(from, frame, notes);
            }
            (Some(1), Some([0, 0, 0, 0])) if from == Role::Responder => {
                self.told.once(&IDENTIFIED, Shown::Serves { operation: Operation::Public }, notes);
            }
            (Some(1 | 3), Some(_)) if from == Role::Responder => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            _ => {}
        }
        self.called = true;
        input.read(end);
        self.seen = self.seen.saturating_add(1);
        if over || self.seen >= MOST { Next::Settled } else { Next::More }
    }
}

impl DatagramDissector for Fins {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let over = Frame::read(datagram.bytes).is_some_and(|frame| self.frame(from, frame, notes));
        if over { Next::Settled } else { Next::More }
    }
}
