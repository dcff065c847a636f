//! Hadoop RPC: the authentication that the caller's first bytes choose, and the name that goes with it.
//!
//! Sources: Hadoop's `RpcHeader.proto` and `IpcConnectionContext.proto`; the connection header in the documentation of
//! `org.apache.hadoop.ipc.Server` (`hrpc`, version 9, service class, authentication: 0 none, -33 SASL); protobuf
//! encoding (varints, length-delimited fields).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "hadoop.user-named", v 1, Observed, Wire,
        "The caller named its user and sent no proof (authentication SIMPLE)",
        "Nothing proves the name";
    SERVED = "hadoop.call-served", v 1, Observed, Wire,
        "The receiver answered a call with success",
        "Whether it looked at the caller's address; what the named user may do";
    FAILED = "hadoop.call-failed", v 1, Observed, Wire,
        "The receiver answered a call with an error",
        "Nothing is said about what it checks, unless the error says so";
    MISSING = "hadoop.proof-missing", v 1, Observed, Wire,
        "The receiver refused a caller without proof (SIMPLE authentication is not enabled)",
        "Which proof would have been enough";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::HadoopRpc,
    call: |bytes| Likeness::starts_with(bytes, b"hrpc\x09"),
    // Length of a response: its first byte is no letter.
    reply: |bytes| match bytes {
        [0, ..] => Likeness::Like,
        [] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Hadoop::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Magic, version, class, authentication.
const HEADER: usize = 7;
/// How much of a frame is looked at, and the largest that there is (`ipc.maximum.data.length` is 64 MiB by default).
const HEAD: usize = 1024;
const FRAME: u32 = 0x1000_0000;

/// One flow.
#[derive(Default, Debug)]
struct Hadoop {
    begun: bool,
    named: bool,
}

fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.byte()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A message that is preceded by its length.
fn delimited<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(cursor)?).ok()?;
    cursor.take(length)
}

/// Number and bytes of a length-delimited field, or number and value of a varint.
enum Field<'a> {
    Bytes(&'a [u8]),
    Number(u64),
}

/// The first field of this number.
fn field(message: &[u8], number: u64) -> Option<Field<'_>> {
    let mut cursor = Cursor(message);
    while !cursor.0.is_empty() {
        let key = varint(&mut cursor)?;
        let found = match key & 7 {
            0 => Field::Number(varint(&mut cursor)?),
            1 => Field::Bytes(cursor.take(8)?),
            2 => Field::Bytes(delimited(&mut cursor)?),
            5 => Field::Bytes(cursor.take(4)?),
            _ => return None,
        };
        if key >> 3 == number {
            return Some(found);
        }
    }
    None
}

/// The effective user of a connection context; its frame is the header, then the context.
fn user(frame: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor(frame);
    delimited(&mut cursor)?;
    let context = delimited(&mut cursor)?;
    let Field::Bytes(person) = field(context, 2)? else { return None };
    match field(person, 1)? {
        Field::Bytes(name) => Some(name),
        Field::Number(_) => None,
    }
}

impl Hadoop {
    fn reply(frame: &[u8], notes: &mut Notes<'_>) -> Next {
        let header = delimited(&mut Cursor(frame));
        match header.and_then(|header| field(header, 2)) {
            Some(Field::Number(0)) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            Some(Field::Number(_)) => {
                let text = b"SIMPLE authentication is not enabled";
                if frame.windows(text.len()).any(|window| window == text) {
                    notes.say(&MISSING, Shown::Refuses { why: Refusal::ProofMissing });
                } else {
                    notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                }
                Next::More
            }
            Some(Field::Bytes(_)) | None => Next::Lost(Hidden::Unsupported),
        }
    }
}

impl Dissector for Hadoop {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Originator && !self.begun {
            // Anything else than no authentication is an exchange that is not read.
            return match bytes.get(HEADER.saturating_sub(1)) {
                None => Next::More,
                Some(0) => {
                    self.begun = true;
                    input.read(HEADER);
                    Next::More
                }
                Some(_) => Next::Lost(Hidden::Unsupported),
            };
        }
        if from == Role::Responder && !self.named {
            return Next::More;
        }
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Next::More };
        let length = u32::from_be_bytes(*length);
        if !(2..=FRAME).contains(&length) {
            return Next::Lost(Hidden::Unsupported);
        }
        let looked_at = if from == Role::Originator && self.named { 0 } else { HEAD };
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(frame) = rest.get(..whole.min(looked_at)) else { return Next::More };
        let next = match from {
            Role::Originator if self.named => Next::More,
            Role::Originator => match user(frame) {
                Some(name) => {
                    self.named = true;
                    notes.say(&CLAIMED, sasl::name_offer(name));
                    Next::More
                }
                None => Next::Lost(Hidden::Unsupported),
            },
            Role::Responder => Self::reply(frame, notes),
        };
        input.skip(u64::from(length).saturating_add(4));
        next
    }
}
