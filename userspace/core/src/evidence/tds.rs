//! TDS, the protocol of Microsoft SQL Server and Sybase: versions 4, 5 and 7.
//!
//! Sources: MS-TDS 2.2.3.1 (packets), 2.2.6.5 and 3.2.5.1 (PRELOGIN and TLS inside it), 2.2.7.14 (LOGINACK); TDS 5.0
//! Functional Specification.

use zeroize::Zeroizing;

use super::carried::Carried;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::tds_login::{self as login, Offer};
use super::tds_rules as rule;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Tds,
    call: |bytes| likeness(bytes, true),
    reply: |bytes| likeness(bytes, false),
    begin: || Box::new(Tds::default()),
    call_alone: nothing_alone,
    rules: rule::RULES,
};

const RECORD: u8 = 0x02;
const RESULT: u8 = 0x04;
const TOKEN: u8 = 0x08;
const NORMAL: u8 = 0x0f;
const LOGIN_7: u8 = 0x10;
const PROVIDER: u8 = 0x11;
const PRELOGIN: u8 = 0x12;

/// Bytes of a packet's header.
const HEADER: usize = 8;
/// Longest packet.
const PACKET: usize = 32_767;
/// Most bytes kept of a message that comes in several packets; what is cut off decides nothing.
const MESSAGE: usize = 65_536;
/// Logins and answers that are reported one by one.
const ROUNDS: u32 = 32;

/// A packet's header: kind, status, length, process id, packet number, and a window that is zero.
fn likeness(bytes: &[u8], call: bool) -> Likeness {
    let fits = |at: usize, byte: u8| match at {
        0 if call => matches!(byte, RECORD | LOGIN_7 | PRELOGIN),
        0 => byte == RESULT,
        1 => byte <= 1,
        // A login record fills the first packet of 512 bytes.
        2 if call && bytes.first() == Some(&RECORD) => byte == 2,
        2 => byte < 0x80,
        4 | 5 if call => byte == 0,
        6 if call => byte <= 1,
        7 => byte == 0,
        // PRELOGIN's first option is the version; a login's length has four bytes.
        8 if bytes.first() == Some(&PRELOGIN) => byte == 0,
        _ => true,
    };
    let enough = if call { 9 } else { 8 };
    if bytes.iter().take(enough).enumerate().any(|(at, byte)| !fits(at, *byte)) {
        return Likeness::Unlike;
    }
    match bytes.get(2..4) {
        Some(&[0, low]) if usize::from(low) <= HEADER => Likeness::Unlike,
        _ if bytes.len() < enough => Likeness::Unsure,
        _ => Likeness::Like,
    }
}

/// What the receiver said about encryption (MS-TDS 2.2.6.5, ENCRYPTION).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Encryption {
    /// There was no PRELOGIN, or the receiver does not support it.
    #[default]
    None,
    /// The login alone.
    Login,
    /// Everything.
    All,
}

/// One flow.
#[derive(Default)]
struct Tds {
    /// The messages that are being put together, of the originator and of the responder.
    partial: [Zeroizing<Vec<u8>>; 2],
    /// Their kinds, zero where none was begun.
    first: [u8; 2],
    encryption: Encryption,
    /// Messages of the caller that want an answer and have none.
    unanswered: u32,
    prelogin: bool,
    /// Byte order of TDS 4 and 5's numbers; `None` for TDS 7.
    old: Option<bool>,
    offer: Option<Offer>,
    /// A login is sent inside TLS, which begins in packets.
    sealed: bool,
    /// That TLS, until its handshake is decided.
    tls: Option<Carried>,
    rounds: u32,
    challenged: bool,
}

impl std::fmt::Debug for Tds {
    /// Never prints what was sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tds({} rounds)", self.rounds)
    }
}

/// A TLS record's length with its header, if one stands there.
fn tls_record(bytes: &[u8]) -> Option<u64> {
    match *bytes {
        [0x14..=0x17, 3, 0..=4, high, low, ..] => {
            Some(u64::from(u16::from_be_bytes([high, low])).saturating_add(5))
        }
        _ => None,
    }
}

impl Tds {
    /// A whole message of the caller.
    fn asks(&mut self, kind: u8, message: &[u8], notes: &mut Notes<'_>) -> Next {
        let offer = match kind {
            // The TLS handshake is wrapped in this kind too.
            PRELOGIN if self.sealed || tls_record(message).is_some() => {
                if !std::mem::replace(&mut self.sealed, true) {
                    self.tls = Some(Carried::default());
                }
                return self.carried(Role::Originator, message, notes);
            }
            PRELOGIN => {
                self.prelogin = true;
                self.unanswered = self.unanswered.saturating_add(1);
                return Next::More;
            }
            RECORD => login::record(message, notes).map(|record| {
                self.old = Some(record.little);
                record.offer
            }),
            LOGIN_7 => login::login_7(message, notes),
            PROVIDER => login::token_offer(message),
            TOKEN => message.get(8..).and_then(|text| login::bearer_offer(text, notes)),
            // An encrypted password, once it was asked for.
            NORMAL if self.challenged => {
                let name = match self.offer.take() {
                    Some((_, Shown::Offers { principal, .. })) => principal,
                    Some(_) | None => None,
                };
                Some(login::encrypted(name))
            }
            _ => return Next::Lost(Hidden::Unsupported),
        };
        self.offer = offer.or(self.offer.take());
        self.unanswered = self.unanswered.saturating_add(1);
        Next::More
    }

    /// Bytes of the TLS that packets carry, or that follows them. Where only the login is inside, reading goes on.
    fn carried(&mut self, from: Role, bytes: &[u8], notes: &mut Notes<'_>) -> Next {
        match self.tls.as_mut().and_then(|tls| tls.take(from, bytes, notes)) {
            Some(next) if self.encryption == Encryption::All => return next,
            Some(_) => self.tls = None,
            None => {}
        }
        Next::More
    }

    /// A record of that TLS which stands outside of packets.
    fn record(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if bytes.len() < 5 {
            return Next::More;
        }
        let Some(length) = tls_record(bytes) else { return Next::Lost(Hidden::Unsupported) };
        // Of application data the handshake's judge wants no more than the header.
        let wanted =
            if bytes.first() == Some(&0x17) { 5 } else { usize::try_from(length).unwrap_or(usize::MAX) };
        let Some(part) = bytes.get(..wanted) else { return Next::More };
        let part = Zeroizing::new(part.to_vec());
        let next = self.carried(from, &part, notes);
        if let Some(tls) = &mut self.tls {
            tls.pass(from, length.saturating_sub(part.len() as u64));
        }
        if !matches!(next, Next::More) {
            return next;
        }
        if from == Role::Responder && self.tls.is_none() {
            return Next::Lost(Hidden::Encrypted);
        }
        if bytes.first() == Some(&0x17) && from == Role::Originator {
            self.unanswered = 1;
        }
        input.skip(length);
        Next::More
    }

    /// A whole message of the receiver.
    fn answers(&mut self, message: &[u8], notes: &mut Notes<'_>) -> Next {
        self.unanswered = self.unanswered.saturating_sub(1);
        if std::mem::take(&mut self.prelogin) {
            self.encryption = match login::option(message, 1) {
                Some(0) => Encryption::Login,
                Some(1 | 3) => Encryption::All,
                Some(_) | None => Encryption::None,
            };
            if login::option(message, 6) == Some(1) {
                notes.say(&rule::TOKEN_WANTED, Shown::Demands { proof: Proof::Token });
            }
            return Next::More;
        }
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > ROUNDS {
            return Next::Lost(Hidden::Unsupported);
        }
        let answer = login::answer(message, self.old.unwrap_or(true));
        match (answer.acknowledged, self.old) {
            (Some(7), Some(_)) => {
                self.challenge(notes);
                Next::More
            }
            (Some(6), Some(_)) => self.refused(&answer.errors, notes),
            (Some(_), _) => self.accepted(notes),
            // The security provider goes on.
            (None, _) if answer.challenge => {
                self.challenge(notes);
                Next::More
            }
            (None, _) if answer.done || !answer.errors.is_empty() => self.refused(&answer.errors, notes),
            (None, _) => Next::Lost(Hidden::Unsupported),
        }
    }

    fn challenge(&mut self, notes: &mut Notes<'_>) {
        if !std::mem::replace(&mut self.challenged, true) {
            notes.say(&rule::CHALLENGED, Shown::Demands { proof: Proof::Secret });
        }
    }

    fn accepted(&mut self, notes: &mut Notes<'_>) -> Next {
        match self.offer.take() {
            Some((by, shown)) => {
                let proved = shown.proof().is_some();
                notes.say(by, shown);
                if proved {
                    notes.say(&rule::ACCEPTED, Shown::Accepts);
                }
            }
            None if self.sealed => notes.say(&rule::SEALED, Shown::Hidden { why: Hidden::Encrypted }),
            None => notes.say(&rule::UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported }),
        }
        notes.say(&rule::OPENED, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }

    /// By SQL Server's and Sybase's error numbers.
    fn refused(&mut self, errors: &[u32], notes: &mut Notes<'_>) -> Next {
        if self.sealed && self.offer.is_none() {
            notes.say(&rule::SEALED, Shown::Hidden { why: Hidden::Encrypted });
        }
        let proved = self.offer.as_ref().is_some_and(|(_, shown)| shown.proof().is_some());
        if let Some((by, shown)) = self.offer.take() {
            notes.say(by, shown);
        }
        let any = |known: &[u32]| errors.iter().any(|error| known.contains(error));
        let (by, why): (&'static Rule, Refusal) = if any(&[40_615, 40_532, 40_914, 47_073]) {
            (&rule::PLACE, Refusal::Place)
        // The database can't be opened; disabled, locked, expired, to be changed.
        } else if any(&[4060, 18_470, 18_486, 18_487, 18_488]) {
            (&rule::NOT_ALLOWED, Refusal::NotAllowed)
        } else if any(&[18_456, 18_452, 17_806, 4002]) {
            (&rule::WRONG, if proved || self.sealed { Refusal::ProofWrong } else { Refusal::ProofMissing })
        } else {
            (&rule::REFUSED, Refusal::Other)
        };
        notes.say(by, Shown::Refuses { why });
        Next::Settled
    }

    fn first(&mut self, from: Role) -> &mut u8 {
        let [originator, responder] = &mut self.first;
        match from {
            Role::Originator => originator,
            Role::Responder => responder,
        }
    }

    fn partial(&mut self, from: Role) -> &mut Zeroizing<Vec<u8>> {
        let [originator, responder] = &mut self.partial;
        match from {
            Role::Originator => originator,
            Role::Responder => responder,
        }
    }
}

impl Dissector for Tds {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Responder && self.unanswered == 0 && self.partial(from).is_empty() {
            // An answer to nothing that was read yet; the receiver's half of a TLS handshake is none.
            let handshake = bytes.get(HEADER).is_some_and(|kind| (0x14..=0x17).contains(kind));
            let record = bytes.first().is_some_and(|kind| (0x14..=0x17).contains(kind));
            if !self.sealed || !handshake && !record {
                return Next::More;
            }
        }
        // The login inside TLS is not wrapped in a packet. LOGIN7's kind is none of a record's.
        if self.sealed && bytes.first().is_some_and(|kind| (0x14..=0x17).contains(kind)) {
            return self.record(from, input, notes);
        }
        let Some([kind, status, high, low, ..]) = bytes.first_chunk::<HEADER>().copied() else {
            return Next::More;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER..=PACKET).contains(&length) {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(content) = bytes.get(HEADER..length) else { return Next::More };
        // The first packet names the kind; some callers name another one in later packets.
        let first = self.first(from);
        let kind = if *first == 0 { kind } else { *first };
        *first = if status & 1 == 0 { kind } else { 0 };
        let partial = self.partial(from);
        let room = MESSAGE.saturating_sub(partial.len());
        // A growing Vec would leave its old bytes in freed memory.
        let mut message = Zeroizing::new(Vec::with_capacity(partial.len().saturating_add(content.len())));
        message.extend_from_slice(partial);
        message.extend_from_slice(content.get(..content.len().min(room)).unwrap_or_default());
        if status & 1 == 0 {
            *partial = message;
            input.read(length);
            return Next::More;
        }
        partial.clear();
        let wrapped = kind == PRELOGIN || tls_record(&message).is_some();
        let next = match from {
            Role::Originator => self.asks(kind, &message, notes),
            // The receiver's half of the handshake.
            Role::Responder if self.sealed && wrapped => self.carried(from, &message, notes),
            Role::Responder if kind == RESULT => self.answers(&message, notes),
            Role::Responder => Next::Lost(Hidden::Unsupported),
        };
        input.read(length);
        next
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if let Some((by, shown)) = self.offer.take() {
            notes.say(by, shown);
        }
        if let Some(tls) = &mut self.tls {
            tls.finish(whole, notes);
        }
    }
}
