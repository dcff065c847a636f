//! memcached: text protocol with its authentication by a first `set`, and binary protocol with SASL.
//!
//! Sources: memcached doc/protocol.txt ("Authentication", "Storage commands", "Meta commands"); "Memcache Binary Protocol"
//! (header, response status); "SASLAuthProtocol".

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope,
    Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "memcached.authentication-required", v 1, Observed, Wire,
        "The receiver refused a command because the caller had not authenticated",
        "Not which proof would have been enough";
    PASSWORD = "memcached.password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password in clear, to a receiver that had asked or by SASL PLAIN",
        "Who knows that password besides the caller";
    PERHAPS = "memcached.first-value", v 1, Observed, Wire,
        "The first value that the caller stored has the form in which this protocol sends a name and a password",
        "A receiver without authentication keeps it as a value like any other";
    CHALLENGE_ANSWERED = "memcached.sasl-sent", v 1, Observed, Wire,
        "The caller began a SASL exchange that does not send the password itself",
        "The secret behind it was not on the wire";
    TICKET_SENT = "memcached.ticket-sent", v 1, Observed, Wire,
        "The caller began a SASL exchange with a Kerberos ticket",
        "The principal in it is encrypted";
    ACCEPTED = "memcached.accepted", v 1, Observed, Wire,
        "The receiver accepted the proof",
        "Whether it would have served without";
    WRONG = "memcached.authentication-failed", v 1, Observed, Wire,
        "The receiver refused the proof",
        "Not whether it serves those who send none";
    SERVED = "memcached.command-served", v 1, Observed, Wire,
        "A command was answered without an error, in a protocol read from its first byte",
        "Not what the reply held";
    DESCRIBED = "memcached.description-served", v 1, Observed, Wire,
        "The receiver named its version or answered a no-op (binary protocol, which allows that before authentication)",
        "No data was read or changed by it";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Memcached,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Memcached::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest command line; a `get` may name many keys.
const LINE: usize = 65_536;
/// Longest first value that may be a name and a password.
const CREDENTIAL: u64 = 512;
/// Longest binary message that is read as a whole; only SASL messages are.
const MESSAGE: u32 = 8192;
const HEADER: usize = 24;

const STORES: &[&[u8]] = &[b"set", b"add", b"replace", b"append", b"prepend", b"cas"];
const COMMANDS: &[&[u8]] = &[
    b"set",
    b"add",
    b"replace",
    b"append",
    b"prepend",
    b"cas",
    b"get",
    b"gets",
    b"gat",
    b"gats",
    b"delete",
    b"incr",
    b"decr",
    b"touch",
    b"stats",
    b"version",
    b"flush_all",
    b"verbosity",
    b"mg",
    b"ms",
    b"md",
    b"ma",
    b"mn",
    b"me",
    b"cache_memlimit",
    b"lru",
    b"slabs",
    b"watch",
];
const REPLIES: &[&[u8]] = &[
    b"VALUE",
    b"END",
    b"STORED",
    b"NOT_STORED",
    b"EXISTS",
    b"NOT_FOUND",
    b"DELETED",
    b"TOUCHED",
    b"OK",
    b"STAT",
    b"VERSION",
    b"ERROR",
    b"CLIENT_ERROR",
    b"SERVER_ERROR",
    b"HD",
    b"EN",
    b"VA",
    b"MN",
    b"NS",
    b"NF",
    b"EX",
    b"ME",
    b"RESET",
    b"BUSY",
];

/// Replies of the text protocol that a command failed.
const ERRORS: &[&[u8]] = &[b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR"];

/// A word of the list, then a space or the end of the line.
fn word_likeness(bytes: &[u8], words: &[&[u8]]) -> Likeness {
    let end = bytes.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
    let Some(end) = end else {
        let begun = words.iter().any(|word| word.starts_with(bytes));
        return if begun { Likeness::Unsure } else { Likeness::Unlike };
    };
    let known = bytes.get(..end).is_some_and(|found| words.contains(&found));
    if known { Likeness::Like } else { Likeness::Unlike }
}

/// What an originator begins with.
pub(super) fn call_likeness(bytes: &[u8]) -> Likeness {
    if bytes.first() == Some(&0x80) { binary_likeness(bytes) } else { word_likeness(bytes, COMMANDS) }
}

/// What a responder begins with.
pub(super) fn reply_likeness(bytes: &[u8]) -> Likeness {
    match bytes.first() {
        Some(0x81) => binary_likeness(bytes),
        // The value that `incr` and `decr` answer.
        Some(digit) if digit.is_ascii_digit() => match bytes.iter().position(|byte| !byte.is_ascii_digit()) {
            Some(end) if end <= 20 && matches!(bytes.get(end), Some(b'\r' | b' ')) => Likeness::Like,
            None if bytes.len() <= 20 => Likeness::Unsure,
            Some(_) | None => Likeness::Unlike,
        },
        Some(_) | None => word_likeness(bytes, REPLIES),
    }
}

/// True for the start of a reply that says that the command failed.
pub(super) fn is_error(bytes: &[u8]) -> bool {
    if bytes.first() == Some(&0x81) {
        // Success, or that the key is there, is not there, or holds something else.
        return Head::of(bytes).is_some_and(|head| !matches!(head.status, 0 | 1 | 2 | 5 | 6));
    }
    ERRORS.iter().any(|start| bytes.starts_with(start))
}

/// A binary header in which the parts of the body are no longer than the body.
pub(super) fn binary_likeness(bytes: &[u8]) -> Likeness {
    if bytes.get(1).is_some_and(|opcode| *opcode > 0x50) || bytes.get(5).is_some_and(|kind| *kind != 0) {
        return Likeness::Unlike;
    }
    match Head::of(bytes) {
        Some(head) if head.body >= head.key.saturating_add(head.extras) => Likeness::Like,
        Some(_) => Likeness::Unlike,
        None => Likeness::Unsure,
    }
}

/// What of a binary header is looked at.
struct Head {
    opcode: u8,
    key: u32,
    extras: u32,
    /// Of a response.
    status: u16,
    body: u32,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut fields = Cursor(bytes.get(..HEADER)?);
        let [_, opcode] = fields.array()?;
        let key = u32::from(u16::from_be_bytes(fields.array()?));
        let [extras, _] = fields.array()?;
        let status = u16::from_be_bytes(fields.array()?);
        let body = u32::from_be_bytes(fields.array()?);
        Some(Self { opcode, key, extras: u32::from(extras), status, body })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Memcached {
    /// Commands were read.
    asked: bool,
    demanded: bool,
    /// A value was stored that may be, or is, the proof; its answer is still to come.
    waiting: bool,
    /// An SASL exchange that was begun and not judged.
    offer: Option<Shown>,
    /// The description of the server was served and said.
    described: bool,
    /// Which of the two protocols it is, once the first byte is there.
    binary: Option<bool>,
}

fn password(user: &[u8], password: &[u8], notes: &Notes<'_>) -> Shown {
    Shown::secret(
        Scope::Connection,
        Some(Principal::bounded(PrincipalKind::User, user)),
        Credential::clear(CredentialKind::Password, notes.fingerprint("password", password)),
    )
}

/// A name and a password as the text protocol sends them: two words with one space between.
fn name_and_password(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = value.split(|byte| *byte == b' ');
    let (name, password) = (words.next()?, words.next()?);
    let plain = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    (words.next().is_none() && plain(name) && plain(password)).then_some((name, password))
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

impl Memcached {
    fn text_request(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
            return if bytes.len() < LINE { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let line = bytes.get(..end).unwrap_or_default().trim_ascii_end();
        let words: Vec<&[u8]> =
            line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(6).collect();
        let mut count = (end as u64).saturating_add(1);
        let value = match words.as_slice() {
            [verb, _, _, _, length, ..] if STORES.contains(verb) => number(length),
            [b"ms", _, length, ..] => number(length.strip_prefix(b"S").unwrap_or(length)),
            _ => None,
        };
        if let Some(length) = value {
            let first = !self.asked || self.demanded;
            if first && words.first() == Some(&&b"set"[..]) && (1..=CREDENTIAL).contains(&length) {
                let start = end.saturating_add(1);
                let stop = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                let Some(found) = bytes.get(start..stop) else { return Next::More };
                let found = Zeroizing::new(found.trim_ascii_end().to_vec());
                if let Some((name, secret)) = name_and_password(&found) {
                    self.waiting = true;
                    notes
                        .say(if self.demanded { &PASSWORD } else { &PERHAPS }, password(name, secret, notes));
                }
            }
            count = count.saturating_add(length).saturating_add(2);
        }
        self.asked = true;
        input.skip(count);
        Next::More
    }

    fn text_reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
            return if bytes.len() < LINE { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let line = bytes.get(..end).unwrap_or_default().trim_ascii_end();
        let next = if line.starts_with(b"CLIENT_ERROR unauthenticated") {
            notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
            notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
            self.demanded = true;
            self.waiting = false;
            Next::More
        } else if line.starts_with(b"CLIENT_ERROR authentication failure") {
            notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            self.demanded = true;
            self.waiting = false;
            Next::More
        } else if line.first() == Some(&0x81) {
            // A header of the binary protocol is no line of this one, and its end may be missing yet.
            Next::Lost(Hidden::Unsupported)
        } else if is_error(line) {
            Next::More
        } else if reply_likeness(bytes) != Likeness::Like {
            Next::Lost(Hidden::Unsupported)
        } else if std::mem::take(&mut self.waiting) && line == b"STORED" {
            if self.demanded {
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            self.demanded = false;
            Next::More
        } else {
            notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            Next::Settled
        };
        input.read(end.saturating_add(1));
        next
    }

    fn binary_request(&mut self, input: &mut Input<'_>, notes: &Notes<'_>) -> Next {
        let Some(head) = Head::of(input.bytes()) else { return Next::More };
        let end = HEADER.saturating_add(usize::try_from(head.body).unwrap_or(usize::MAX));
        if head.opcode == 0x21 {
            if head.body > MESSAGE || head.key > head.body {
                return Next::Lost(Hidden::Unsupported);
            }
            let Some(body) = input.bytes().get(HEADER..end) else { return Next::More };
            let body = Zeroizing::new(body.to_vec());
            let mut fields = Cursor(&body);
            let mechanism = fields.take(usize::try_from(head.key).unwrap_or(usize::MAX)).unwrap_or_default();
            self.offer = Some(sasl(mechanism, fields.0, notes));
        }
        self.asked = true;
        input.skip(end as u64);
        Next::More
    }

    fn binary_reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(head) = Head::of(input.bytes()) else { return Next::More };
        if input.bytes().first() != Some(&0x81) {
            return Next::Lost(Hidden::Unsupported);
        }
        input.skip((HEADER as u64).saturating_add(u64::from(head.body)));
        match (head.opcode, head.status) {
            (0x21 | 0x22, 0) => {
                if self.say_offer(notes) {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
            }
            (0x21 | 0x22, 0x20) => {
                self.say_offer(notes);
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            (_, 0x20) => {
                if !std::mem::replace(&mut self.demanded, true) {
                    notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                    notes.say(&DEMANDED, Shown::Refuses { why: Refusal::ProofMissing });
                }
            }
            // Listing mechanisms, challenges, quitting; version and no-op; the last is said once.
            (0x07 | 0x17 | 0x20..=0x22, _) => {}
            (0x0a | 0x0b, 0) => {
                if !std::mem::replace(&mut self.described, true) {
                    notes.say(&DESCRIBED, Shown::Serves { operation: Operation::Public });
                }
            }
            // Success, or that the key is there, is not there, or holds something else.
            (_, 0 | 1 | 2 | 5 | 6) => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (_, _) => {}
        }
        Next::More
    }

    /// Says what was presented by SASL: true when it was a proof.
    fn say_offer(&mut self, notes: &mut Notes<'_>) -> bool {
        let Some(offer) = self.offer.take() else { return false };
        let Shown::Offers { proof, credential, .. } = &offer else { return false };
        let proof = *proof;
        let rule = match proof {
            Proof::Key => &TICKET_SENT,
            Proof::Secret if credential.as_ref().is_some_and(|credential| credential.cleartext) => &PASSWORD,
            Proof::Secret | Proof::Token | Proof::Claim => &CHALLENGE_ANSWERED,
        };
        notes.say(rule, offer);
        proof != Proof::Claim
    }
}

/// What an SASL mechanism's first message presents.
fn sasl(mechanism: &[u8], message: &[u8], notes: &Notes<'_>) -> Shown {
    let offer = |proof, principal, kind: Option<CredentialKind>| Shown::Offers {
        proof,
        scope: Scope::Connection,
        principal,
        credential: kind.map(Credential::of),
    };
    match mechanism {
        b"PLAIN" => {
            let mut parts = Cursor(message);
            let user = parts.until(0).and_then(|_| parts.until(0)).unwrap_or_default();
            if parts.0.is_empty() {
                let name = (!user.is_empty()).then(|| Principal::bounded(PrincipalKind::User, user));
                return offer(Proof::Claim, name, None);
            }
            password(user, parts.0, notes)
        }
        b"ANONYMOUS" | b"EXTERNAL" => offer(Proof::Claim, None, None),
        b"GSSAPI" | b"GS2-KRB5" | b"GSS-SPNEGO" => offer(Proof::Key, None, Some(CredentialKind::Ticket)),
        _ => offer(Proof::Secret, None, Some(CredentialKind::Password)),
    }
}

impl Dissector for Memcached {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(first) = input.bytes().first().copied() else { return Next::More };
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let binary = *self.binary.get_or_insert(first == 0x80);
        match (from, binary) {
            (Role::Originator, true) if first != 0x80 => Next::Lost(Hidden::Unsupported),
            (Role::Originator, true) => self.binary_request(input, notes),
            (Role::Originator, false) => self.text_request(input, notes),
            (Role::Responder, true) => self.binary_reply(input, notes),
            (Role::Responder, false) => self.text_reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.say_offer(notes);
    }
}
