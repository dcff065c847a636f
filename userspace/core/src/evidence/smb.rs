//! SMB 1, 2 and 3, over TCP or NetBIOS sessions.
//!
//! Sources: RFC 1002 section 4.3 (NetBIOS session service), MS-SMB2 2.1 (the same frames over TCP), 2.2.41 and 2.2.42
//! (encrypted and compressed messages), MS-CIFS and MS-SMB.

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::smb_message::{self as message, HEADER_1, HEADER_2, New, Old};
use super::smb_rules as rule;
use super::smb_session::Sessions;
use super::{Hidden, Protocol, Refusal, Shown};
use crate::event::Role;

/// How a flow of version 1 is recognised and read.
pub(crate) static KNOWN_1: Known = Known {
    protocol: Protocol::Smb1,
    call: call_likeness,
    reply: |bytes| match bytes.first() {
        // A negative answer, or another address, for the NetBIOS name.
        Some(0x83) => Likeness::starts_with(bytes, &[0x83, 0, 0, 1]),
        Some(0x84) => Likeness::starts_with(bytes, &[0x84, 0, 0, 6]),
        Some(_) | None => reply_likeness(bytes, &[0xff]),
    },
    begin: || Box::new(Smb::default()),
    call_alone: nothing_alone,
    rules: rule::RULES,
};

/// How a flow of version 2 or 3 is recognised and read. A call of version 1 may be answered in it.
pub(crate) static KNOWN_2: Known = Known {
    protocol: Protocol::Smb2,
    call: call_likeness,
    reply: |bytes| reply_likeness(bytes, &[0xfe, 0xfd, 0xfc]),
    begin: || Box::new(Smb::default()),
    call_alone: nothing_alone,
    rules: &[],
};

/// Most bytes of a set-up that are read; what stands behind them decides nothing.
const READ: u64 = 8192;
/// Bytes of the header of an encrypted message.
const SEALED_HEADER: u64 = 52;

/// Bytes of a frame up to the end of version 2's command.
const COMMAND: usize = 18;

/// True for a responder's first bytes that answer a negotiation, which stands first on a connection (MS-SMB2 3.3.5.4,
/// MS-CIFS 3.3.5.42), or a NetBIOS session request, which comes before anything else.
pub(crate) fn negotiates(reply: &[u8]) -> bool {
    let of_version_2 = |bytes: &[u8]| bytes.starts_with(b"\xfeSMB") && bytes.get(12..14) == Some(&[0, 0]);
    let message = reply.get(4..).unwrap_or_default();
    matches!(reply.first(), Some(0x82..=0x84)) || message.starts_with(b"\xffSMB\x72") || of_version_2(message)
}

/// A frame that begins with one of these signatures' first bytes.
fn frame_likeness(bytes: &[u8], first: &[u8]) -> Likeness {
    if bytes.first().is_some_and(|kind| *kind != 0) {
        return Likeness::Unlike;
    }
    match bytes.get(4) {
        None => Likeness::Unsure,
        Some(byte) if first.contains(byte) => {
            let signature = Likeness::starts_with(bytes.get(5..).unwrap_or_default(), b"SMB");
            // Up to the command, so that a negotiation can be told from what comes later.
            if signature == Likeness::Like && bytes.len() < COMMAND { Likeness::Unsure } else { signature }
        }
        Some(_) => Likeness::Unlike,
    }
}

/// A message, or a NetBIOS session request: two encoded names of 32 letters each.
fn call_likeness(bytes: &[u8]) -> Likeness {
    if bytes.first() != Some(&0x81) {
        return frame_likeness(bytes, &[0xff, 0xfe, 0xfd, 0xfc]);
    }
    match (bytes.get(1), bytes.get(4)) {
        (Some(0), Some(0x20)) => Likeness::Like,
        (None | Some(0), None) => Likeness::Unsure,
        (Some(_), _) | (None, Some(_)) => Likeness::Unlike,
    }
}

/// A message, behind the positive answer to a session request if there was one.
fn reply_likeness(bytes: &[u8], first: &[u8]) -> Likeness {
    const POSITIVE: &[u8] = &[0x82, 0, 0, 0];
    match bytes.strip_prefix(POSITIVE) {
        Some([]) => Likeness::Unsure,
        Some(rest) => frame_likeness(rest, first),
        None if POSITIVE.starts_with(bytes) => Likeness::Unsure,
        None => frame_likeness(bytes, first),
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Smb {
    /// Bytes of the current frame that were not read yet, of the originator's and of the responder's.
    left: [u64; 2],
    sessions: Sessions,
}

/// The head of a frame: its kind and the length of what follows.
fn frame(bytes: &[u8]) -> Option<(u8, u64)> {
    let [kind, high, middle, low, ..] = *bytes else { return None };
    // A NetBIOS session's length has 17 bits, of which one stands among the flags; over TCP it has 24.
    Some((kind, u64::from(u32::from_be_bytes([0, high, middle, low]))))
}

impl Smb {
    /// Reads the head of a frame.
    fn frame(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some((kind, length)) = frame(input.bytes()) else { return Next::More };
        match (kind, from) {
            (0x00, _) => {
                input.read(4);
                *self.left(from) = length;
            }
            // Session request, positive answer, keep-alive.
            (0x81, Role::Originator) | (0x82, Role::Responder) | (0x85, _) => {
                input.skip(length.saturating_add(4));
            }
            (0x83 | 0x84, Role::Responder) => {
                notes.say(&rule::NAME_REFUSED, Shown::Refuses { why: Refusal::Other });
                return Next::Settled;
            }
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }

    fn left(&mut self, from: Role) -> &mut u64 {
        let [originator, responder] = &mut self.left;
        match from {
            Role::Originator => originator,
            Role::Responder => responder,
        }
    }

    /// Reads one message of a frame, which may hold several.
    fn message(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let left = *self.left(from);
        let bytes = input.bytes();
        // What must be there before anything is read: no more than the frame holds.
        let there = |count: u64| bytes.len() as u64 >= count.min(left);
        let Some(signature) = bytes.first_chunk::<4>() else {
            return if left < 4 { Next::Lost(Hidden::Unsupported) } else { Next::More };
        };
        let part =
            |length: u64| bytes.get(..usize::try_from(length.min(READ)).unwrap_or(0)).unwrap_or_default();
        let mut length = left;
        let next = match signature {
            b"\xffSMB" => {
                if !there(HEADER_1 as u64) || message::reads_body_1(bytes) && !there(READ) {
                    return Next::More;
                }
                let body = if message::reads_body_1(bytes) { left } else { left.min(HEADER_1 as u64) };
                match Old::read(part(body)) {
                    None => Next::Lost(Hidden::Unsupported),
                    Some(old) if from == Role::Originator => old.request(&mut self.sessions, notes),
                    Some(old) if old.is_early(&self.sessions) => return Next::More,
                    Some(old) => {
                        old.reply(&mut self.sessions, notes);
                        Next::More
                    }
                }
            }
            b"\xfeSMB" => {
                if !there(HEADER_2 as u64) {
                    return Next::More;
                }
                match message::u32_at(bytes, 20).map(u64::from) {
                    Some(0) | None => {}
                    Some(next) if next >= HEADER_2 as u64 && next <= left => length = next,
                    Some(_) => return Next::Lost(Hidden::Unsupported),
                }
                if message::reads_body_2(bytes) && !there(length.min(READ)) {
                    return Next::More;
                }
                let body = if message::reads_body_2(bytes) { length } else { length.min(HEADER_2 as u64) };
                match New::read(part(body)) {
                    None => Next::Lost(Hidden::Unsupported),
                    Some(new) if from == Role::Originator => new.request(&mut self.sessions),
                    Some(new) if new.is_early(&self.sessions) => return Next::More,
                    Some(new) => {
                        new.reply(&mut self.sessions, notes);
                        Next::More
                    }
                }
            }
            b"\xfdSMB" => {
                if !there(SEALED_HEADER) {
                    return Next::More;
                }
                self.sessions.sealed(message::u64_at(bytes, 44), Hidden::Encrypted, notes);
                Next::More
            }
            b"\xfcSMB" => {
                self.sessions.sealed(None, Hidden::Unsupported, notes);
                Next::More
            }
            _ => Next::Lost(Hidden::Unsupported),
        };
        input.skip(length);
        *self.left(from) = left.saturating_sub(length);
        next
    }
}

impl Dissector for Smb {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if *self.left(from) == 0 { self.frame(from, input, notes) } else { self.message(from, input, notes) }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.sessions.finish(notes);
    }
}
