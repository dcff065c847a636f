//! What carries logs to a collector: Forward, of Fluentd and Fluent Bit, and Lumberjack, of Logstash and Beats.
//!
//! Sources: Fluentd "Forward Protocol Specification" version 1 (HELO, PING, PONG, event modes, ack), the MessagePack
//! specification; Logstash "Lumberjack Protocol" version 2 (window, frames, acknowledgement).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::stream_rules::SPEAKS_ALONE;
use super::text_line::any;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "forward.shared-key-demanded", v 1, Observed, Wire,
        "The collector greeted with a nonce: it wants a digest of the shared key before it takes events",
        "Whether it wants a user name and a password besides";
    DIGEST = "forward.shared-key-proved", v 1, Observed, Wire,
        "The caller named its host and sent a digest of the shared key and the collector's nonce",
        "The key itself is not visible";
    ACCEPTED = "forward.proof-accepted", v 1, Observed, Wire,
        "The collector answered the digest with success (PONG true)",
        "Who else holds the shared key";
    REFUSED = "forward.proof-refused", v 1, Observed, Wire,
        "The collector answered the digest with a refusal (PONG false)",
        "Whether the key, the user or the host was wrong";
    SENT = "forward.events-sent", v 1, Observed, Wire,
        "The caller sent events, which are not answered unless it asks for that",
        "Whether the collector took them";
    TAKEN = "forward.events-taken", v 1, Observed, Wire,
        "The collector acknowledged events",
        "Whether it looked at the caller's address";
    SHIPPED = "lumberjack.events-taken", v 1, Observed, Wire,
        "The collector acknowledged events, in a protocol that has no login",
        "Whether it looked at the caller's address";
}

/// How Forward is recognised and read.
pub(crate) static FORWARD: Known = Known {
    protocol: Protocol::Forward,
    call: |bytes| any(&[Likeness::starts_with(bytes, PING), events(bytes)]),
    reply: |bytes| any(&[HELO, PONG, ACK].map(|start| Likeness::starts_with(bytes, start))),
    begin: || Box::new(Forward::default()),
    call_alone: sent_alone,
    rules: RULES,
};

/// How Lumberjack is recognised and read.
pub(crate) static LUMBERJACK: Known = Known {
    protocol: Protocol::Lumberjack,
    // The window's size comes first, then a frame; both in version 1 or 2.
    call: |bytes| match bytes {
        [b'1' | b'2', b'W', 0, 0, _, _, b'1' | b'2', ..] => Likeness::Like,
        [] | [b'1' | b'2'] | [b'1' | b'2', b'W'] | [b'1' | b'2', b'W', 0] => Likeness::Unsure,
        [b'1' | b'2', b'W', 0, 0] | [b'1' | b'2', b'W', 0, 0, _] | [b'1' | b'2', b'W', 0, 0, _, _] => {
            Likeness::Unsure
        }
        _ => Likeness::Unlike,
    },
    reply: |bytes| any(&[&b"1A"[..], b"2A"].map(|start| Likeness::starts_with(bytes, start))),
    begin: || Box::new(Lumberjack::default()),
    call_alone: nothing_alone,
    rules: &[],
};

const HELO: &[u8] = b"\x92\xa4HELO";
const PING: &[u8] = b"\x96\xa4PING";
const PONG: &[u8] = b"\x95\xa4PONG";
const ACK: &[u8] = b"\x81\xa3ack";
/// Longest tag by which a flow is recognised: what a short text can hold.
const TAG: usize = 31;

/// An array of two to four elements: a tag in letters, and a time, an array or a text of events.
fn events(bytes: &[u8]) -> Likeness {
    let (Some(0x92..=0x94), Some(length @ 0xa1..=0xbf)) = (bytes.first(), bytes.get(1)) else {
        return match bytes {
            [] | [0x92..=0x94] => Likeness::Unsure,
            _ => Likeness::Unlike,
        };
    };
    let length = usize::from(length & 0x1f).min(TAG);
    let tag = bytes.get(2..).unwrap_or_default();
    if !tag.iter().take(length).all(u8::is_ascii_graphic) {
        return Likeness::Unlike;
    }
    match tag.get(length) {
        // Times: whole seconds, or the extension EventTime. Events: an array, bytes or a text.
        Some(0xce | 0xcf | 0xd7 | 0x90..=0x9f | 0xdc | 0xdd | 0xc4..=0xc6 | 0xd9..=0xdb) => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None => Likeness::Unsure,
    }
}

fn sent_alone(call: &[u8], notes: &mut Notes<'_>) {
    if events(call) == Likeness::Like {
        notes.say(&SPEAKS_ALONE, Shown::Speaks { protocol: Protocol::Forward });
        notes.say(&SENT, Shown::SendsOneWay);
    }
}

/// One flow of Forward.
#[derive(Default, Debug)]
struct Forward {
    greeted: bool,
    asked: bool,
    proved: bool,
    sent: bool,
}

/// The next text or bytes.
fn text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = match cursor.byte()? {
        short @ 0xa0..=0xbf => usize::from(short & 0x1f),
        0xc4 | 0xd9 => usize::from(cursor.byte()?),
        0xc5 | 0xda => usize::from(u16::from_be_bytes(cursor.array()?)),
        _ => return None,
    };
    cursor.take(length)
}

impl Forward {
    /// PING: host, salt, digest, user, digest of the password. `None` while it is not all there.
    fn ping(bytes: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
        let mut cursor = Cursor(bytes.get(PING.len()..)?);
        let (host, _salt, digest) = (text(&mut cursor)?, text(&mut cursor)?, text(&mut cursor)?);
        let (user, _password) = (text(&mut cursor)?, text(&mut cursor)?);
        let name = if user.is_empty() { host } else { user };
        if digest.is_empty() {
            notes.say(&sasl::CLAIM, sasl::name_offer(name));
        } else {
            notes.say(&DIGEST, sasl::challenge_offer(name));
        }
        bytes.len().checked_sub(cursor.0.len())
    }
}

impl Dissector for Forward {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let is = |start: &[u8]| Likeness::starts_with(bytes, start);
        if bytes.is_empty() {
            return Next::More;
        }
        if from == Role::Originator {
            match is(PING) {
                Likeness::Unsure => return Next::More,
                Likeness::Like if !self.asked => {
                    let Some(count) = Self::ping(bytes, notes) else { return Next::More };
                    self.asked = true;
                    input.read(count);
                    return Next::More;
                }
                Likeness::Like | Likeness::Unlike => {}
            }
            self.sent = true;
            let count = bytes.len();
            input.read(count);
            return Next::More;
        }
        if is(HELO) == Likeness::Like && !self.greeted {
            // Its options are a map; what answers the caller starts as nothing in it does.
            self.greeted = true;
            notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
            input.read(HELO.len());
            return Next::More;
        }
        if !self.asked && !self.sent {
            return Next::More;
        }
        if self.asked && !self.proved {
            let Some(at) = bytes.windows(PONG.len()).position(|part| part == PONG) else { return Next::More };
            match bytes.get(at.saturating_add(PONG.len())) {
                None => return Next::More,
                Some(0xc3) => {
                    self.proved = true;
                    notes.say(&ACCEPTED, Shown::Accepts);
                    notes.say(&TAKEN, Shown::Serves { operation: Operation::Service });
                }
                Some(_) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::ProofWrong }),
            }
            return Next::Settled;
        }
        match is(ACK) {
            Likeness::Unsure => Next::More,
            Likeness::Like => {
                notes.say(&TAKEN, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            Likeness::Unlike => Next::Lost(Hidden::Unsupported),
        }
    }
}

/// One flow of Lumberjack.
#[derive(Default, Debug)]
struct Lumberjack {
    sent: bool,
}

impl Dissector for Lumberjack {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, self.sent) {
            // Version, type, size of the window; the frames after it decide nothing.
            (Role::Originator, false) if input.bytes().len() >= 6 => {
                self.sent = true;
                input.read(6);
                Next::More
            }
            (Role::Responder, true) if input.bytes().len() >= 6 => {
                notes.say(&SHIPPED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            _ => Next::More,
        }
    }
}
