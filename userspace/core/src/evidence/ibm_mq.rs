//! IBM MQ: the user that a client names, the password that it may send, and the answer to its MQCONN.
//!
//! Sources: IBM MQ documentation (MQCSP, MQCD, reason codes 2035 and 2063, channel authentication); field places as
//! Wireshark's `packet-mq` tables give them (TSH, UID, CAUT, API header). Text is ASCII or EBCDIC.

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::ebcdic::name;
use super::sasl;
use super::text_line::any;
use super::token;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "ibm-mq.user-named", v 1, Observed, Wire,
        "The client named the user that it runs as and sent no password",
        "Nothing proves the name; the channel may put another one in its place";
    PASSWORD = "ibm-mq.password-sent", v 1, Observed, Wire,
        "The client sent a user name and a password in clear",
        "Whether the queue manager checks them";
    PROTECTED = "ibm-mq.protected-password-sent", v 1, Observed, Wire,
        "The client sent a user name and a password that is disguised by the product's own protection",
        "Whether the queue manager checks them";
    TOKEN = "ibm-mq.token-sent", v 1, Observed, Wire,
        "The client sent an authentication token",
        "Whether the queue manager checks it";
    ACCEPTED = "ibm-mq.proof-not-refused", v 1, Observed, Wire,
        "The queue manager answered MQCONN with success after a password or token was sent",
        "Whether it would have answered so without";
    UNKNOWN_PROOF = "ibm-mq.unknown-proof-accepted", v 1, Observed, Wire,
        "The queue manager went on after a proof or a security exit's exchange that no rule knows",
        "What was proved is not known";
    CONNECTED = "ibm-mq.connection-opened", v 1, Observed, Wire,
        "The queue manager answered MQCONN with success",
        "Which queues the caller may use";
    TRANSFERRED = "ibm-mq.message-taken", v 1, Observed, Wire,
        "The queue manager confirmed messages of another one's channel",
        "Whether it looked at the caller's address";
    REFUSED = "ibm-mq.not-authorized", v 1, Observed, Wire,
        "The queue manager refused the caller (reason 2035 or 2063)",
        "Whether the name, its proof or the place was the reason";
    FAILED = "ibm-mq.connection-failed", v 1, Observed, Wire,
        "The queue manager refused the channel or the connection for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::IbmMq,
    call: likeness,
    reply: likeness,
    begin: || Box::new(Mq::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// "TSH ", "TSHM" (with a conversation's number) and "TSHC", in ASCII and EBCDIC.
const STARTS: &[&[u8]] =
    &[b"TSH \0", b"TSHM\0", b"TSHC\0", b"\xe3\xe2\xc8\x40\0", b"\xe3\xe2\xc8\xd4\0", b"\xe3\xe2\xc8\xc3\0"];
/// How much of a segment is read.
const SEGMENT: usize = 4096;
/// Length of the header without a conversation's number, and what the number adds.
const HEADER: usize = 28;
const NUMBERED: usize = 8;
/// Types of segments.
const MESSAGE: u8 = 4;
const STATUS: u8 = 5;
const SECURITY: u8 = 6;
const USERID: u8 = 8;
const CONAUTH: u8 = 0x0a;
const MQCONN: u8 = 0x81;
const MQCONN_REPLY: u8 = 0x91;
/// Control flag: the segment tells of an error.
const ERROR: u8 = 2;
/// MQRC_NOT_AUTHORIZED and MQRC_SECURITY_ERROR.
const REASONS: [u32; 2] = [2035, 2063];

fn likeness(bytes: &[u8]) -> Likeness {
    any(&STARTS.iter().map(|start| Likeness::starts_with(bytes, start)).collect::<Vec<_>>())
}

/// One flow.
#[derive(Default, Debug)]
struct Mq {
    /// Something that waits for its answer was sent.
    asked: bool,
    /// A message was sent by a channel between queue managers.
    sent: bool,
    named: bool,
    proved: bool,
    unread: bool,
}

/// A segment, without its header.
struct Segment<'a> {
    kind: u8,
    flags: u8,
    little: bool,
    body: &'a [u8],
}

impl Segment<'_> {
    fn number(&self, at: usize) -> Option<u32> {
        let digits: [u8; 4] = self.body.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(digits) } else { u32::from_be_bytes(digits) })
    }
}

/// True for text in ASCII or EBCDIC; what the product's protection makes of a password is neither.
fn is_text(bytes: &[u8]) -> bool {
    let ascii = bytes.iter().all(|byte| byte.is_ascii_graphic());
    ascii || bytes.iter().all(|byte| matches!(byte, 0x40..=0xf9)) && bytes.iter().any(|byte| *byte > 0x80)
}

/// Without the spaces and zeros at its end; a space in EBCDIC is `@` in ASCII, so that it counts only where other signs
/// are EBCDIC, or where there are none.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let ebcdic = bytes.iter().any(|byte| *byte > 0x80) || bytes.iter().all(|byte| *byte == 0x40);
    let blank = |byte: &u8| matches!(byte, 0 | b' ') || ebcdic && *byte == 0x40;
    let end = bytes.iter().rposition(|byte| !blank(byte));
    bytes.get(..end.map_or(0, |at| at.saturating_add(1))).unwrap_or_default()
}

impl Mq {
    fn say(&mut self, rule: &'static Rule, shown: Shown, notes: &mut Notes<'_>) {
        self.proved |= matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
        notes.say(rule, shown);
    }

    fn password(&mut self, user: &[u8], password: &[u8], notes: &mut Notes<'_>) {
        let (rule, shown): (&'static Rule, Shown) = if password.is_empty() {
            (&NAMED, sasl::name_offer(user))
        } else if is_text(password) {
            sasl::password_offer(&PASSWORD, user, password, notes)
        } else {
            (&PROTECTED, sasl::challenge_offer(user))
        };
        self.say(rule, shown, notes);
    }

    /// The block "UID ": a short name, a password, and a long name.
    fn user(&mut self, segment: &Segment<'_>, notes: &mut Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(segment.body);
        cursor.take(4)?;
        let (short, password) = (name(cursor.take(12)?), trimmed(cursor.take(12)?));
        let long = cursor.take(64).map(name).unwrap_or_default();
        let user = if long.is_empty() { short } else { long };
        // The same name stands in every conversation of the connection.
        let says = !user.is_empty() || !password.is_empty();
        if says && !self.named {
            self.named = true;
            self.password(&user, password, notes);
        }
        Some(())
    }

    /// The block "CAUT": kind, room and length of name and password, then both.
    fn proof(&mut self, segment: &Segment<'_>, notes: &mut Notes<'_>) -> Option<()> {
        let size = |at| segment.number(at).and_then(|size| usize::try_from(size).ok());
        let (kind, room, user, password) = (segment.number(4)?, size(8)?, size(16)?, size(20)?);
        let user = name(segment.body.get(24..24_usize.checked_add(user)?)?);
        let start = room.checked_add(24)?;
        let password = trimmed(segment.body.get(start..start.checked_add(password)?)?);
        match (kind, token::bearer(password, notes)) {
            (0, _) => {}
            (1, _) => self.password(&user, password, notes),
            (2, Some(found)) => {
                let (principal, credential) = (found.principal, Some(found.credential));
                let (proof, scope) = (found.proof, Scope::Connection);
                self.say(&TOKEN, Shown::Offers { proof, scope, principal, credential }, notes);
            }
            _ => self.unread = true,
        }
        Some(())
    }

    fn call(&mut self, segment: &Segment<'_>, notes: &mut Notes<'_>) {
        let understood = match segment.kind {
            USERID => self.user(segment, notes),
            CONAUTH => self.proof(segment, notes),
            // A security exit's exchange may prove anything.
            SECURITY => None,
            MESSAGE => {
                self.sent = true;
                Some(())
            }
            MQCONN => {
                self.asked = true;
                Some(())
            }
            _ => Some(()),
        };
        self.unread |= understood.is_none();
    }

    fn serve(&self, rule: &'static Rule, notes: &mut Notes<'_>) -> Next {
        if self.unread {
            notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
            return Next::Settled;
        }
        if self.proved {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
        notes.say(rule, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }

    fn reply(&self, segment: &Segment<'_>, notes: &mut Notes<'_>) -> Next {
        let refused = |reason: u32, notes: &mut Notes<'_>| {
            if REASONS.contains(&reason) {
                let why = if self.proved { Refusal::ProofWrong } else { Refusal::NotAllowed };
                notes.say(&REFUSED, Shown::Refuses { why });
            } else {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
            Next::Settled
        };
        match segment.kind {
            MQCONN_REPLY => match (segment.number(4), segment.number(8)) {
                // Completion code 2 is MQCC_FAILED; 1 is a warning.
                (Some(0 | 1), _) => self.serve(&CONNECTED, notes),
                (_, Some(reason)) => refused(reason, notes),
                _ => Next::Lost(Hidden::Unsupported),
            },
            STATUS if segment.flags & ERROR != 0 => {
                refused(segment.number(8).or_else(|| segment.number(4)).unwrap_or(0), notes)
            }
            STATUS if self.sent => self.serve(&TRANSFERRED, notes),
            _ => Next::More,
        }
    }
}

impl Dissector for Mq {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(([head @ .., a, b, c, d], _)) = bytes.split_first_chunk::<8>() else { return Next::More };
        let numbered = matches!(head, [_, _, _, b'M' | 0xd4]);
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let header = if numbered { HEADER.saturating_add(NUMBERED) } else { HEADER };
        if likeness(bytes) == Likeness::Unlike || length < header {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(whole) = bytes.get(..length.min(SEGMENT)) else { return Next::More };
        let (fields, body) = whole.split_at_checked(header).unwrap_or((whole, &[]));
        let Some([order, kind, flags, ..]) = fields.get(header.saturating_sub(20)..) else {
            return Next::Lost(Hidden::Unsupported);
        };
        let segment = Segment { kind: *kind, flags: *flags, little: *order == 2, body };
        // An answer to MQCONN is not read before it.
        if from == Role::Responder && segment.kind == MQCONN_REPLY && !self.asked {
            return Next::More;
        }
        let next = match from {
            Role::Originator => {
                self.call(&segment, notes);
                Next::More
            }
            Role::Responder => self.reply(&segment, notes),
        };
        input.skip(length as u64);
        next
    }
}
