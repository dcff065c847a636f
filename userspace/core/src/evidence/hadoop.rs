//! Hadoop RPC: the authentication that the caller's first bytes choose, and the name that goes with it.
//!
//! Sources: Hadoop's `RpcHeader.proto` and `IpcConnectionContext.proto`; the connection header in the documentation of
//! `org.apache.hadoop.ipc.Server` (`hrpc`, version 9, service class, authentication: 0 none, -33 SASL); protobuf
//! encoding (varints, length-delimited fields).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::protobuf::{self, Field, delimited, field};
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

/// The effective user of a connection context; its frame is the header, then the context.
fn user(frame: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor(frame);
    delimited(&mut cursor)?;
    let context = delimited(&mut cursor)?;
    protobuf::bytes(protobuf::bytes(context, 2)?, 1)
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
