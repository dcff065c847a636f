//! ZooKeeper: sessions for anyone, names and passwords beside them, and what entries were opened.
//!
//! Sources: ZooKeeper's `zookeeper.jute` (ConnectRequest, ConnectResponse, RequestHeader, ReplyHeader, AuthPacket,
//! GetSASLRequest), `ZooDefs.OpCode` (operations), `KeeperException.Code` (errors), the Programmer's Guide, chapter
//! "ZooKeeper access control using ACLs".

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl::{self, Exchange};
use super::told::Told;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "zookeeper.password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password in clear (scheme `digest`)",
        "A server takes any; it looks at them only where an entry's list names them";
    CLAIMED = "zookeeper.name-claimed", v 1, Observed, Wire,
        "The caller sent a name, or nothing, under a scheme that proves nothing by itself",
        "A layer below may have proved it";
    OPENED = "zookeeper.session-opened", v 1, Observed, Wire,
        "The receiver opened a session, as it does for anyone",
        "No entry was read by it";
    ACCEPTED = "zookeeper.proof-accepted", v 1, Observed, Wire,
        "The receiver accepted the SASL exchange",
        "Not whether it serves those who send none";
    SERVED = "zookeeper.operation-served", v 1, Observed, Wire,
        "The receiver carried out an operation on its entries",
        "Not whether other entries are open too";
    DEMANDED = "zookeeper.proof-demanded", v 1, Observed, Wire,
        "The receiver refused an operation to a caller who had proved nothing",
        "Not whether other entries are open";
    NOT_ALLOWED = "zookeeper.not-allowed", v 1, Observed, Wire,
        "The entry's list does not let this caller do what it asked",
        "Not whether another name would be allowed";
    UNKNOWN_PROOF = "zookeeper.unknown-proof-sent", v 1, Observed, Wire,
        "The caller sent something under a scheme or mechanism that no rule knows, and the receiver took it",
        "What was proved is not known";
    WRONG = "zookeeper.proof-refused", v 1, Observed, Wire,
        "The receiver refused what the caller presented (-115)",
        "Not whether it serves those who present nothing";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Zookeeper,
    call: |bytes| opening(bytes, [44, 45], 24),
    reply: |bytes| opening(bytes, [36, 37], 16),
    begin: || Box::new(Zookeeper::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest message that is believed (`jute.maxbuffer` is 1 MiB by default); longest one that is read whole.
const LONGEST: u32 = 1 << 26;
const READ: usize = 8192;
/// Most requests that wait for their reply.
const UNANSWERED: usize = 256;
/// Replies that are watched after the first service.
const WATCHED: u32 = 256;

const MECHANISMS: [&[u8]; 2] = [b"GSSAPI", b"DIGEST-MD5"];

const AUTH: i32 = 100;
const SASL: i32 = 102;
const PING: i32 = 11;

/// Length, protocol 0, and a session's password of 16 bytes behind `fixed` bytes.
fn opening(bytes: &[u8], lengths: [u8; 2], fixed: usize) -> Likeness {
    let zeros = bytes.iter().take(8).enumerate().all(|(at, byte)| match at {
        3 => lengths.contains(byte),
        _ => *byte == 0,
    });
    let password = fixed.saturating_add(4);
    match bytes.get(password..password.saturating_add(4)) {
        _ if !zeros => Likeness::Unlike,
        None => Likeness::Unsure,
        Some([0, 0, 0, 16]) => Likeness::Like,
        Some(_) => Likeness::Unlike,
    }
}

/// A request that was not answered yet.
#[derive(Debug)]
enum Asked {
    Auth(&'static Rule, Shown),
    /// A scheme that is not known.
    Scheme,
    Sasl,
    Operation,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Zookeeper {
    /// The session's opening was asked for, and granted.
    opened: [bool; 2],
    unanswered: Vec<(i32, Asked)>,
    /// The SASL exchange; its mechanism is not named, so it is read as each that may be meant.
    exchanges: Vec<Exchange>,
    proved: bool,
    told: Told,
    replies: u32,
}

impl Zookeeper {
    fn request(&mut self, body: &[u8], whole: bool, notes: &Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(body);
        let (number, kind) = (i32::from_be_bytes(cursor.array()?), i32::from_be_bytes(cursor.array()?));
        let asked = match kind {
            AUTH if whole => auth(cursor, notes)?,
            SASL if whole => {
                let token = buffer(&mut cursor)?;
                if self.exchanges.is_empty() {
                    self.exchanges = MECHANISMS.iter().map(|name| Exchange::new(name)).collect();
                }
                for exchange in &mut self.exchanges {
                    exchange.push(token);
                }
                Asked::Sasl
            }
            AUTH | SASL => return None,
            // Pings, setting of watches (101, 105), closing.
            PING | 101 | 105 | -11 => Asked::Other,
            _ => Asked::Operation,
        };
        if self.unanswered.len() >= UNANSWERED {
            self.unanswered.remove(0);
        }
        self.unanswered.push((number, asked));
        Some(())
    }

    fn reply(&mut self, number: i32, error: i32, notes: &mut Notes<'_>) -> Next {
        let Some(at) = self.unanswered.iter().position(|(known, _)| *known == number) else {
            return Next::More;
        };
        match (self.unanswered.remove(at).1, error) {
            (Asked::Other, _) => {}
            (Asked::Auth(rule, shown), error) => {
                self.proved |= error == 0 && matches!(shown, Shown::Offers { proof: Proof::Secret, .. });
                notes.say(rule, shown);
                if error != 0 {
                    notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                }
            }
            (Asked::Sasl, 0) => {}
            (Asked::Scheme, 0) => return unknown(notes),
            (Asked::Sasl | Asked::Scheme, _) => {
                self.offer(notes);
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            (Asked::Operation, 0) => {
                // An operation that is carried out ends the exchange: it was accepted.
                if !self.exchanges.is_empty() {
                    if !self.offer(notes) {
                        return unknown(notes);
                    }
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                self.told.once(&SERVED, Shown::Serves { operation: Operation::Service }, notes);
                self.replies = self.replies.saturating_add(1);
                if self.replies >= WATCHED {
                    return Next::Settled;
                }
            }
            // NoAuth, and SessionClosedRequireSaslAuth.
            (Asked::Operation, -102 | -124) => {
                self.offer(notes);
                if self.proved {
                    self.told.once(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed }, notes);
                } else if !self.told.has(&DEMANDED) {
                    self.told.once(&DEMANDED, Shown::Demands { proof: Proof::Secret }, notes);
                    notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
                }
            }
            (Asked::Operation, _) => {}
        }
        Next::More
    }

    /// Says what the SASL exchange so far presented; true when that is a proof.
    fn offer(&mut self, notes: &mut Notes<'_>) -> bool {
        let exchanges = std::mem::take(&mut self.exchanges);
        let offered = exchanges.iter().find_map(|exchange| exchange.offer(notes));
        let Some((rule, shown)) = offered else { return false };
        self.proved = true;
        notes.say(rule, shown);
        true
    }
}

/// Whatever follows stands on a proof that is not known.
fn unknown(notes: &mut Notes<'_>) -> Next {
    notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
    Next::Settled
}

/// AuthPacket: a number that is not used, the scheme, and what it carries.
fn auth(mut cursor: Cursor<'_>, notes: &Notes<'_>) -> Option<Asked> {
    cursor.take(4)?;
    let (scheme, sent) = (buffer(&mut cursor)?, buffer(&mut cursor)?);
    if !matches!(scheme, b"digest" | b"ip" | b"world" | b"x509") {
        return Some(Asked::Scheme);
    }
    let colon = sent.iter().position(|byte| *byte == b':').filter(|_| scheme == b"digest");
    let (name, password) = colon.and_then(|at| sent.split_at_checked(at)).unwrap_or_default();
    Some(match password.get(1..).filter(|password| !password.is_empty()) {
        Some(password) => {
            let (rule, shown) = sasl::password_offer(&PASSWORD, name, password, notes);
            Asked::Auth(rule, shown)
        }
        None => Asked::Auth(&CLAIMED, sasl::name_offer(name)),
    })
}

/// A length of four bytes, and as many; a negative one stands for nothing.
fn buffer<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = i32::from_be_bytes(cursor.array()?);
    cursor.take(usize::try_from(length.max(0)).ok()?)
}

impl Dissector for Zookeeper {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let [asked, granted] = self.opened;
        if from == Role::Responder && (!asked || granted && self.unanswered.is_empty()) {
            return Next::More;
        }
        let Some((length, rest)) = input.bytes().split_first_chunk() else { return Next::More };
        let length = u32::from_be_bytes(*length);
        let Some(size) = usize::try_from(length).ok().filter(|_| length <= LONGEST) else {
            return Next::Lost(Hidden::Unsupported);
        };
        let whole = size <= READ;
        // Of a long message its head, of a reply too.
        let needed = if whole && from == Role::Originator { size } else { size.min(16) };
        let Some(body) = rest.get(..needed) else { return Next::More };
        let total = u64::from(length).saturating_add(4);
        let next = match from {
            Role::Originator if !asked => {
                self.opened[0] = true;
                Next::More
            }
            Role::Responder if !granted => {
                self.opened[1] = true;
                // A timeout of zero says that the session is over.
                if body.get(4..8).is_some_and(|timeout| timeout != [0; 4]) {
                    notes.say(&OPENED, Shown::Serves { operation: Operation::Public });
                }
                Next::More
            }
            Role::Originator => match self.request(body, whole, notes) {
                Some(()) => Next::More,
                None => Next::Lost(Hidden::Unsupported),
            },
            Role::Responder => {
                let mut cursor = Cursor(body);
                let number = cursor.array().map(i32::from_be_bytes);
                let error = cursor.take(8).and_then(|_| cursor.array()).map(i32::from_be_bytes);
                match (number, error) {
                    (Some(number), Some(error)) => self.reply(number, error, notes),
                    _ => Next::Lost(Hidden::Unsupported),
                }
            }
        };
        input.skip(total);
        next
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.offer(notes);
        for (_, asked) in self.unanswered.drain(..) {
            if let Asked::Auth(rule, shown) = asked {
                notes.say(rule, shown);
            }
        }
    }
}
