//! Elasticsearch between its nodes: the transport protocol, and the multicast pings of its first versions.
//!
//! Sources: `TcpHeader`, `TransportStatus` and `TcpTransport` of Elasticsearch 1 to 8 (marker, length, request id, status,
//! version), `MulticastZenPing` of version 1. What clients use is HTTP.

use std::collections::VecDeque;

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "elasticsearch.request-served", v 1, Observed, Wire,
        "A node answered another one's request, in a protocol that has no login",
        "Not what was asked for";
    HANDSHAKE = "elasticsearch.handshake", v 1, Observed, Wire,
        "A node answered with its version, as it does for anyone",
        "Nothing is said about who calls";
    NAMED = "elasticsearch.user-named", v 1, Observed, Wire,
        "The request names the user for whom it is made; the calling node vouches for the name",
        "Whoever can reach this port can write the same";
    REFUSED = "elasticsearch.credentials-missing", v 1, Observed, Wire,
        "A node refused the request for want of credentials",
        "Not which would have been enough";
    FAILED = "elasticsearch.request-failed", v 1, Observed, Wire,
        "A node answered with another error",
        "Nothing is said about what it checks";
    PING = "elasticsearch.multicast-ping", v 1, Observed, Wire,
        "A node announced itself to all; whoever hears it may answer and join",
        "Whether anybody took notice";
}

/// How a connection between nodes is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Elasticsearch,
    call: |bytes| likeness(bytes, 0),
    reply: |bytes| likeness(bytes, RESPONSE),
    begin: || Box::new(Transport::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a multicast ping is recognised and read.
pub(crate) static PINGS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Elasticsearch,
    call: is_ping,
    reply: |_| false,
    unanswered: is_ping,
    begin: || Box::new(Pings),
    rules: &[],
};

/// Marker, length, request id, status and version.
const HEAD: usize = 19;
/// Bit of the status that a response has.
const RESPONSE: u8 = 1;
const ERROR: u8 = 2;
const SHAKES_HANDS: u8 = 8;
/// Ids of versions: 0.20.0 and later.
const VERSIONS: std::ops::Range<u32> = 200_000..20_000_000;
/// Most requests that wait for their answer.
const WAITING: usize = 256;
/// Answers after which a connection is settled.
const ANSWERS: u32 = 256;
/// How much of a message is searched for names and reasons.
const SEARCHED: usize = 1024;

/// Compares with a message's head whose status has this bit, or not.
fn likeness(bytes: &[u8], response: u8) -> Likeness {
    let start = Likeness::starts_with(bytes, b"ES");
    if start != Likeness::Like {
        return start;
    }
    match (bytes.get(2), bytes.get(14), bytes.get(15..HEAD)) {
        (Some(1..), _, _) => Likeness::Unlike,
        (_, Some(status), _) if status & RESPONSE != response || *status > 15 => Likeness::Unlike,
        (_, _, Some(&[v1, v2, v3, v4])) if VERSIONS.contains(&u32::from_be_bytes([v1, v2, v3, v4])) => {
            Likeness::Like
        }
        (_, _, Some(_)) => Likeness::Unlike,
        (_, _, None) => Likeness::Unsure,
    }
}

/// `1 9 8 4`, version, id, and the cluster's name.
fn is_ping(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    let mut read = || {
        let marker = cursor.array::<4>()?;
        let mut version = 0_u32;
        for shift in [0, 7, 14, 21] {
            let byte = cursor.byte()?;
            version |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        cursor.array::<4>()?;
        let length = usize::from(cursor.byte()?);
        let name = cursor.take(length)?;
        let printed = !name.is_empty() && name.iter().all(|byte| (0x20..0x7f).contains(byte));
        Some(marker == [1, 9, 8, 4] && VERSIONS.contains(&version) && printed)
    };
    read().unwrap_or(false)
}

/// One connection between nodes.
#[derive(Default, Debug)]
struct Transport {
    /// Requests that wait: id, whether it shakes hands, whether it names a user.
    waiting: VecDeque<(u64, bool, bool)>,
    answers: u32,
}

impl Dissector for Transport {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some([b'E', b'S', l1, l2, l3, l4]) = Cursor(input.bytes()).array::<6>() else {
            let other = input.bytes().len() >= 6;
            return if other { Next::Lost(Hidden::Unsupported) } else { Next::More };
        };
        let length = u32::from_be_bytes([l1, l2, l3, l4]);
        // A ping that keeps the connection open has no length.
        if length == u32::MAX {
            input.read(6);
            return Next::More;
        }
        let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(6);
        let Some(start) = input.bytes().get(..whole.min(SEARCHED)) else { return Next::More };
        // Of this message alone: one too short for its head is wrong, whatever follows it.
        let mut head = Cursor(start.get(6..).unwrap_or_default());
        let (Some(id), Some(status)) = (head.array().map(u64::from_be_bytes), head.byte()) else {
            return Next::Lost(Hidden::Unsupported);
        };
        let has = |words: &[u8]| start.windows(words.len()).any(|part| part == words);
        match (from, status & RESPONSE != 0) {
            (Role::Originator, false) => {
                if self.waiting.len() >= WAITING {
                    return Next::Lost(Hidden::Truncated);
                }
                let named = has(b"_xpack_security_authentication");
                self.waiting.push_back((id, status & SHAKES_HANDS != 0, named));
            }
            (Role::Responder, true) => {
                // An answer to nothing is left until its request arrives.
                let Some(at) = self.waiting.iter().position(|(known, _, _)| *known == id) else {
                    return Next::More;
                };
                let (_, shakes_hands, named) = self.waiting.remove(at).unwrap_or_default();
                if named {
                    let (proof, scope) = (Proof::Claim, Scope::Request);
                    notes.say(&NAMED, Shown::Offers { proof, scope, principal: None, credential: None });
                }
                if status & ERROR != 0 {
                    let missing = has(b"missing authentication") || has(b"unable to authenticate");
                    let (rule, why) =
                        if missing { (&REFUSED, Refusal::ProofMissing) } else { (&FAILED, Refusal::Other) };
                    notes.say(rule, Shown::Refuses { why });
                } else if shakes_hands {
                    notes.say(&HANDSHAKE, Shown::Serves { operation: Operation::Public });
                } else {
                    notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                }
                self.answers = self.answers.saturating_add(1);
            }
            (Role::Originator, true) | (Role::Responder, false) => {}
        }
        input.read(whole);
        if self.answers >= ANSWERS { Next::Settled } else { Next::More }
    }
}

/// One node's pings.
#[derive(Debug)]
struct Pings;

impl DatagramDissector for Pings {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator && is_ping(datagram) {
            notes.say(&PING, Shown::SendsOneWay);
            return Next::More;
        }
        Next::Lost(Hidden::Unsupported)
    }
}
