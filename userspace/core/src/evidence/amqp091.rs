//! AMQP 0-8, 0-9 and 0-9-1: how the caller proved itself before the connection was tuned and opened.
//!
//! Sources: AMQP 0-9-1 specification (4.2.2 protocol header, 4.2.3 frames) and its XML (connection class: Start 10,
//! Start-Ok 11, Secure 20, Secure-Ok 21, Tune 30, Open-Ok 41, Close 50; reply codes); rabbitmq.com "Access Control".

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl::{self, Exchange};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "amqp.authentication-demanded", v 1, Observed, Wire,
        "The receiver named the mechanisms that it takes, and none of them is anonymous",
        "Whether it limits names to callers on its own host";
    PASSWORD = "amqp.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (AMQPLAIN)",
        "Whether the receiver serves those who send none";
    CHALLENGE = "amqp.challenge-answered", v 1, Observed, Wire,
        "The caller answered a challenge by the demonstration mechanism (RABBIT-CR-DEMO)",
        "The password is readable in the answer, but is not looked at";
    ACCEPTED = "amqp.proof-accepted", v 1, Observed, Wire,
        "The receiver went on to tune the connection after the caller presented itself",
        "What the name may do";
    OPENED = "amqp.connection-opened", v 1, Observed, Wire,
        "The receiver opened the connection",
        "Which queues and exchanges the caller may use";
    REFUSED = "amqp.access-refused", v 1, Observed, Wire,
        "The receiver closed with ACCESS_REFUSED before the connection was tuned",
        "Whether the name, the proof or the place was wrong";
    NOT_ALLOWED = "amqp.not-allowed", v 1, Observed, Wire,
        "The receiver knows the caller and does not let it use this virtual host",
        "What else the caller may do";
    CLOSED = "amqp.closed", v 1, Observed, Wire,
        "The receiver closed, or wants another version of the protocol",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Amqp,
    call: |bytes| {
        // 0-9-1, 0-9 and 0-8 in the older form of the header.
        [b"AMQP\x00\x00\x09\x01", b"AMQP\x01\x01\x00\x09", b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01"]
            .into_iter()
            .map(|header| Likeness::starts_with(bytes, header))
            .find(|likeness| *likeness != Likeness::Unlike)
            .unwrap_or(Likeness::Unlike)
    },
    reply: |bytes| {
        if bytes.first() == Some(&b'A') {
            Likeness::starts_with(bytes, b"AMQP")
        } else {
            Likeness::starts_with(bytes, &[1, 0, 0])
        }
    },
    begin: || Box::new(Amqp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Largest frame that is read before the connection is open; `Start` holds some hundred bytes of properties.
const FRAME: usize = 65_536;
const HEADER: usize = 7;
/// Methods of the connection class.
const CONNECTION: u16 = 10;
const START: u16 = 10;
const START_OK: u16 = 11;
const SECURE_OK: u16 = 21;
const TUNE: u16 = 30;
const OPEN_OK: u16 = 41;
const CLOSE: u16 = 50;
/// Reply codes.
const ACCESS_REFUSED: u16 = 403;
const NOT_ALLOWED_CODE: u16 = 530;

/// One flow.
#[derive(Default, Debug)]
struct Amqp {
    header: bool,
    started: bool,
    anonymous: bool,
    /// The receiver's word is next, once the caller answered `Start`.
    presented: bool,
    exchange: Option<Exchange>,
    offered: bool,
    tuned: bool,
}

/// A string or table of 32-bit length.
fn long<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = u32::from_be_bytes(cursor.array()?);
    cursor.take(usize::try_from(length).ok()?)
}

/// A string of 8-bit length.
fn short<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.byte()?;
    cursor.take(usize::from(length))
}

/// AMQPLAIN: a table of LOGIN and PASSWORD without its length.
fn amqplain(response: &[u8], notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
    let mut cursor = Cursor(response);
    let (mut login, mut password) = (None, None);
    while !cursor.0.is_empty() {
        let key = short(&mut cursor)?;
        if cursor.byte()? != b'S' {
            return None;
        }
        match (key, long(&mut cursor)?) {
            (b"LOGIN", value) => login = Some(value),
            (b"PASSWORD", value) => password = Some(value),
            _ => {}
        }
    }
    Some(sasl::password_offer(&PASSWORD, login?, password?, notes))
}

impl Amqp {
    /// The payload of a method frame of either side: method number and arguments, for the connection class.
    fn method<'a>(bytes: &'a [u8]) -> Option<Result<(u16, Cursor<'a>, usize), Next>> {
        let mut cursor = Cursor(bytes);
        let [kind, channel1, channel2] = cursor.array()?;
        let length = usize::try_from(u32::from_be_bytes(cursor.array()?)).unwrap_or(usize::MAX);
        if length > FRAME || kind == 1 && length < 4 {
            return Some(Err(Next::Lost(Hidden::Unsupported)));
        }
        let whole = HEADER.saturating_add(length).saturating_add(1);
        let mut payload = Cursor(cursor.take(length)?);
        if cursor.byte()? != 0xce || [channel1, channel2] != [0, 0] {
            return Some(Err(Next::Lost(Hidden::Unsupported)));
        }
        // Heartbeats may come at any time.
        if kind == 8 {
            return Some(Ok((0, payload, whole)));
        }
        let class = payload.array().map(u16::from_be_bytes);
        let method = payload.array().map(u16::from_be_bytes);
        match (kind, class, method) {
            (1, Some(CONNECTION), Some(method)) => Some(Ok((method, payload, whole))),
            _ => Some(Err(Next::Lost(Hidden::Unsupported))),
        }
    }

    fn call(&mut self, method: u16, mut arguments: Cursor<'_>, notes: &mut Notes<'_>) -> Option<()> {
        match method {
            START_OK => {
                long(&mut arguments)?;
                let mechanism = short(&mut arguments)?;
                let response = long(&mut arguments)?;
                let mut exchange = Exchange::new(mechanism);
                if !self.anonymous {
                    let key = exchange.is(b"EXTERNAL") || exchange.is(b"GSSAPI");
                    let proof = if key { Proof::Key } else { Proof::Secret };
                    notes.say(&DEMANDED, Shown::Demands { proof });
                }
                let offer = if exchange.is(b"AMQPLAIN") {
                    amqplain(response, notes)
                } else {
                    exchange.push(response);
                    exchange.offer(notes)
                };
                self.exchange = Some(exchange);
                self.offer(offer, notes);
                self.presented = true;
            }
            SECURE_OK => {
                let response = long(&mut arguments)?;
                let exchange = self.exchange.as_mut()?;
                exchange.push(response);
                let offer = if exchange.is(b"RABBIT-CR-DEMO") {
                    Some((&CHALLENGE, sasl::challenge_offer(b"")))
                } else {
                    exchange.offer(notes)
                };
                self.offer(offer, notes);
            }
            _ => {}
        }
        Some(())
    }

    fn offer(&mut self, offer: Option<(&'static Rule, Shown)>, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = offer.filter(|_| !self.offered) {
            self.offered = true;
            notes.say(rule, shown);
        }
    }

    fn reply(&mut self, method: u16, mut arguments: Cursor<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        match method {
            START => {
                arguments.take(2)?;
                long(&mut arguments)?;
                let mechanisms = long(&mut arguments)?;
                self.anonymous = mechanisms.split(|byte| *byte == b' ').any(|name| name == b"ANONYMOUS");
                self.started = true;
            }
            TUNE => {
                // Accepted by a mechanism that is not known: what it proved is not either.
                if !self.offered {
                    return Some(Next::Lost(Hidden::Unsupported));
                }
                self.tuned = true;
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            OPEN_OK if self.tuned => {
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            CLOSE => {
                let (rule, why): (&'static Rule, Refusal) =
                    match (u16::from_be_bytes(arguments.array()?), self.tuned) {
                        (ACCESS_REFUSED, false) => (&REFUSED, Refusal::ProofWrong),
                        (ACCESS_REFUSED | NOT_ALLOWED_CODE, true) => (&NOT_ALLOWED, Refusal::NotAllowed),
                        _ => (&CLOSED, Refusal::Other),
                    };
                notes.say(rule, Shown::Refuses { why });
                return Some(Next::Settled);
            }
            _ => {}
        }
        Some(Next::More)
    }
}

impl Dissector for Amqp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        match from {
            Role::Originator if !self.header => {
                if bytes.len() >= 8 {
                    self.header = true;
                    input.read(8);
                }
                return Next::More;
            }
            Role::Originator if !self.started => return Next::More,
            Role::Responder if !self.header || self.started && !self.presented => return Next::More,
            Role::Responder if bytes.starts_with(b"AMQP") => {
                notes.say(&CLOSED, Shown::Refuses { why: Refusal::Other });
                return Next::Settled;
            }
            Role::Originator | Role::Responder => {}
        }
        let (method, arguments, whole) = match Self::method(bytes) {
            None => return Next::More,
            Some(Err(next)) => return next,
            Some(Ok(found)) => found,
        };
        let next = match from {
            Role::Originator => self.call(method, arguments, notes).map(|()| Next::More),
            Role::Responder => self.reply(method, arguments, notes),
        };
        input.read(whole);
        next.unwrap_or(Next::Lost(Hidden::Unsupported))
    }
}
