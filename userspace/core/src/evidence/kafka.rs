//! Kafka's protocol: whether a SASL exchange came first, and what was served.
//!
//! Sources: kafka.apache.org "Kafka protocol guide" (headers, error codes, "SASL Authentication Sequence"), KIP-43
//! (SaslHandshake 0: bare frames follow), KIP-152 (SaslAuthenticate), KIP-368 (sessions that end).

use std::collections::VecDeque;

use serde::Deserialize;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::kafka_message::{API_VERSIONS, PRODUCE, Request, SASL_AUTHENTICATE, SASL_HANDSHAKE, string};
use super::kafka_rules::{
    ACCEPTED, DEMANDED, FAILED, MECHANISM, MISSING, NOT_ALLOWED, RULES, SENT, SERVED, SIGNED, VERSIONS, WRONG,
};
use super::sasl::Exchange;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Kafka,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Kafka::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Largest frame (`socket.request.max.bytes` is 100 MiB by default).
const FRAME: u32 = 104_857_600;
/// Largest first request: a batch of records up to `max.request.size`, anything else far less.
const FIRST_BATCH: u32 = 0x000f_ffff;
const FIRST: u32 = 0xffff;
/// Highest request number and version that exist, with room for some to come.
const KEYS: u16 = 100;
const NEWEST: u16 = 20;
/// How much of a frame is looked at: of the SASL exchange, and of others.
const TOKEN: usize = 32_768;
const HEAD: usize = 320;
/// Most requests that wait for an answer at a time.
const WAITING: usize = 128;

/// Length, request number, version, correlation id, client id.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let mut cursor = Cursor(bytes);
    let Some(length) = cursor.array().map(u32::from_be_bytes) else {
        return if bytes.iter().take(1).all(|byte| *byte == 0) { Likeness::Unsure } else { Likeness::Unlike };
    };
    if !(8..=FIRST_BATCH).contains(&length) {
        return Likeness::Unlike;
    }
    let Some(key) = cursor.array().map(u16::from_be_bytes) else { return Likeness::Unsure };
    if key > KEYS || length > FIRST && key != PRODUCE {
        return Likeness::Unlike;
    }
    let Some(version) = cursor.array().map(u16::from_be_bytes) else { return Likeness::Unsure };
    if version > NEWEST {
        return Likeness::Unlike;
    }
    if cursor.array::<4>().is_none() {
        return Likeness::Unsure;
    }
    // ControlledShutdown 0 has no client id, but the broker's; some clients send both.
    if (key, version, length) == (7, 0, 12) {
        return Likeness::Like;
    }
    let Some(name) = cursor.array().map(i16::from_be_bytes) else { return Likeness::Unsure };
    let fits = u32::try_from(name).is_ok_and(|name| name.saturating_add(10) <= length);
    if name != -1 && !fits || length < 10 {
        return Likeness::Unlike;
    }
    let shown = cursor.0.get(..cursor.0.len().min(usize::try_from(name).unwrap_or(0))).unwrap_or_default();
    if shown.iter().take(16).any(|byte| *byte < b' ') {
        return Likeness::Unlike;
    }
    if shown.len() < usize::try_from(name).unwrap_or(0).min(16) {
        return Likeness::Unsure;
    }
    if key == PRODUCE && version < FLEXIBLE_PRODUCE {
        let after = cursor.0.get(usize::try_from(name).unwrap_or(0)..);
        return after.map_or(Likeness::Unsure, |after| produce_likeness(after, version));
    }
    Likeness::Like
}

/// From this version on Produce has tagged fields (KIP-482).
const FLEXIBLE_PRODUCE: u16 = 9;

/// What follows the header of a Produce request: from version 3 on a transaction's name, then acks, timeout, topics.
/// Zeros elsewhere parse as an empty header, so that more than the header must fit.
fn produce_likeness(bytes: &[u8], version: u16) -> Likeness {
    let mut cursor = Cursor(bytes);
    if version >= 3 {
        let Some(name) = cursor.array().map(i16::from_be_bytes) else { return Likeness::Unsure };
        if !(-1..=249).contains(&name) {
            return Likeness::Unlike;
        }
        if cursor.take(usize::try_from(name).unwrap_or(0)).is_none() {
            return Likeness::Unsure;
        }
    }
    match cursor.array().map(i16::from_be_bytes) {
        None => return Likeness::Unsure,
        Some(-1..=1) => {}
        Some(_) => return Likeness::Unlike,
    }
    if cursor.array::<4>().is_none() {
        return Likeness::Unsure;
    }
    match cursor.array().map(u32::from_be_bytes) {
        None => Likeness::Unsure,
        Some(1..=10_000) => Likeness::Like,
        Some(_) => Likeness::Unlike,
    }
}

/// Length and correlation id.
fn reply_likeness(bytes: &[u8]) -> Likeness {
    match Cursor(bytes).array().map(u32::from_be_bytes) {
        Some(4..=FRAME) => Likeness::Like,
        None if bytes.first().is_none_or(|byte| *byte <= 6) => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Kafka {
    waiting: VecDeque<Request>,
    exchange: Option<Exchange>,
    /// After SaslHandshake 0 the exchange's tokens come in frames without headers.
    bare: bool,
    /// The caller's bare frame that has no answer yet; the handshake that has none.
    unanswered: bool,
    handshaking: bool,
    /// Whether a bare frame of either side was seen.
    tokens: bool,
    offered: bool,
    accepted: bool,
}

/// A frame of at most `most` bytes as far as it is looked at, and its whole length.
fn frame(bytes: &[u8], most: impl Fn(&[u8]) -> usize) -> Option<Result<(&[u8], u64), Hidden>> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length);
    if length > FRAME {
        return Some(Err(Hidden::Unsupported));
    }
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    // The request number decides how much is looked at.
    if rest.len() < whole.min(4) {
        return None;
    }
    let body = rest.get(..whole.min(most(rest)))?;
    Some(Ok((body, u64::from(length).saturating_add(4))))
}

/// How the proof of a mechanism counts; `None` for one that this program does not know.
fn proof_of(mechanism: &Exchange) -> Proof {
    if mechanism.is(b"GSSAPI") {
        Proof::Key
    } else if mechanism.is(b"OAUTHBEARER") {
        Proof::Token
    } else {
        Proof::Secret
    }
}

#[derive(Deserialize)]
struct SignedRequest<'a> {
    #[serde(borrow, rename = "x-amz-credential")]
    credential: std::borrow::Cow<'a, str>,
    #[serde(borrow, rename = "x-amz-signature")]
    signature: std::borrow::Cow<'a, str>,
}

/// AWS_MSK_IAM: the access key's id stands before the first slash.
fn signed(token: &[u8]) -> Option<Shown> {
    let request: SignedRequest<'_> = serde_json::from_slice(token).ok()?;
    let name = request.credential.split('/').next().filter(|_| !request.signature.is_empty())?;
    Some(Shown::secret(
        Scope::Connection,
        Some(Principal::bounded(PrincipalKind::User, name.as_bytes())),
        Credential::of(CredentialKind::Signature),
    ))
}

impl Kafka {
    fn call(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // What a caller may send next is known once the handshake is answered.
        if self.handshaking || self.bare && self.unanswered {
            return Next::More;
        }
        let bare = self.bare;
        let most = |body: &[u8]| match body {
            [0, key, ..] if !bare && ![SASL_AUTHENTICATE, SASL_HANDSHAKE].contains(&u16::from(*key)) => HEAD,
            _ => TOKEN,
        };
        let (body, whole) = match frame(input.bytes(), most) {
            None => return Next::More,
            Some(Err(why)) => return Next::Lost(why),
            Some(Ok(found)) => found,
        };
        // Requests begin with a zero; of tokens only PLAIN's first does.
        if bare && (!self.tokens || body.first() != Some(&0)) {
            self.unanswered = true;
            self.offer(body, notes);
        } else if let Err(why) = self.request(body, notes) {
            return why;
        }
        input.skip(whole);
        Next::More
    }

    fn request(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), Next> {
        let mut cursor = Cursor(body);
        let Some(request) = Request::read(&mut cursor).filter(|request| request.key <= KEYS) else {
            return Err(Next::Lost(Hidden::Unsupported));
        };
        self.bare = false;
        match request.key {
            SASL_HANDSHAKE => {
                self.exchange = Some(Exchange::new(string(&mut cursor).unwrap_or_default()));
                self.offered = false;
                self.tokens = false;
                self.handshaking = true;
            }
            SASL_AUTHENTICATE => {
                let token = request.token(&mut cursor).unwrap_or_default();
                self.offer(token, notes);
            }
            _ if request.wants_no_answer(cursor) => {
                notes.say(&SENT, Shown::SendsOneWay);
                return Ok(());
            }
            _ => {}
        }
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(request);
        Ok(())
    }

    /// The caller sent a token of the exchange; says the offer once it is whole.
    fn offer(&mut self, token: &[u8], notes: &mut Notes<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        exchange.push(token);
        if self.offered {
            return;
        }
        let offer: Option<(&'static Rule, Shown)> = if exchange.is(b"AWS_MSK_IAM") {
            signed(token).map(|offer| (&SIGNED, offer))
        } else {
            exchange.offer(notes)
        };
        if let Some((rule, offer)) = offer {
            self.offered = true;
            self.accepted = false;
            notes.say(rule, offer);
        }
    }

    fn accept(&mut self, notes: &mut Notes<'_>) {
        if self.offered && !std::mem::replace(&mut self.accepted, true) {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if !self.unanswered && self.waiting.is_empty() {
            return Next::More;
        }
        let (body, whole) = match frame(input.bytes(), |_| HEAD) {
            None => return Next::More,
            Some(Err(why)) => return Next::Lost(why),
            Some(Ok(found)) => found,
        };
        let next = if std::mem::take(&mut self.unanswered) {
            self.tokens = true;
            self.token_answered(body, notes);
            Next::More
        } else {
            self.answer(body, notes)
        };
        input.skip(whole);
        next
    }

    /// Accepted by the answer to a token? OAUTHBEARER's errors come as an object, SCRAM's as `e=`.
    fn token_answered(&mut self, token: &[u8], notes: &mut Notes<'_>) {
        let bearer = self.exchange.as_ref().is_some_and(|exchange| exchange.is(b"OAUTHBEARER"));
        let error = token.starts_with(b"e=") || bearer && token.starts_with(b"{");
        if self.offered && !error {
            self.accept(notes);
        } else if self.offered {
            notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            self.offered = false;
        }
    }

    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Next {
        let mut cursor = Cursor(body);
        let found = cursor.array().map(u32::from_be_bytes).and_then(|correlation| {
            let at = self.waiting.iter().position(|request| request.correlation == correlation)?;
            self.waiting.drain(..=at).next_back()
        });
        let Some(request) = found else { return Next::Lost(Hidden::Unsupported) };
        if request.key == API_VERSIONS {
            notes.say(&VERSIONS, Shown::Serves { operation: Operation::Public });
            return Next::More;
        }
        let Some(error) = request.error(&mut cursor) else { return Next::Lost(Hidden::Unsupported) };
        self.handshaking &= request.key != SASL_HANDSHAKE;
        match (error, request.key) {
            (0, SASL_HANDSHAKE) => {
                let proof = self.exchange.as_ref().map_or(Proof::Secret, proof_of);
                notes.say(&DEMANDED, Shown::Demands { proof });
                self.bare = request.version == 0;
            }
            (0, SASL_AUTHENTICATE) => {
                let token = request.answer(&mut cursor).unwrap_or_default();
                self.token_answered(token, notes);
            }
            (0, _) => {
                self.accept(notes);
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (33, SASL_HANDSHAKE) => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                notes.say(&MECHANISM, Shown::Refuses { why: Refusal::Other });
            }
            (34, SASL_HANDSHAKE | SASL_AUTHENTICATE) => {
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
            (34, _) => notes.say(&MISSING, Shown::Refuses { why: Refusal::ProofMissing }),
            (58, _) => notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong }),
            // Of a topic, a group, the cluster, a transaction, a delegation token.
            (29 | 30 | 31 | 53 | 65, _) => {
                notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed })
            }
            _ => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
        }
        Next::More
    }
}

impl Dissector for Kafka {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.call(input, notes),
            Role::Responder => self.reply(input, notes),
        }
    }
}
