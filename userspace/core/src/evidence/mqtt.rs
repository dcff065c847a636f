//! MQTT 3.1, 3.1.1 and 5.0.
//!
//! Sources: OASIS "MQTT Version 3.1.1" sections 2.2, 3.1, 3.2; OASIS "MQTT Version 5.0" sections 2.2, 3.1, 3.2, 3.15,
//! 4.12; IBM "MQTT V3.1 Protocol Specification".

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::token;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "mqtt.password-sent", v 1, Observed, Wire,
        "The caller's CONNECT packet held a password in clear",
        "Whether the receiver looks at it: a broker that lets anonymous callers in may take any";
    TOKEN = "mqtt.token-sent", v 1, Observed, Wire,
        "The caller's CONNECT packet held a bearer token where the password goes",
        "Whether the receiver looks at it; the token's signature was not checked by the observer";
    CLAIMED = "mqtt.name-sent", v 1, Observed, Wire,
        "The caller's CONNECT packet named a user and held no password",
        "Nothing proves the name";
    ANSWERED = "mqtt.exchange-answered", v 1, Observed, Wire,
        "The caller answered the receiver's challenge under the method that it had named",
        "The secret behind the answer was not on the wire; those who name no method may be served";
    ACCEPTED = "mqtt.accepted", v 1, Observed, Wire,
        "The receiver accepted the connection (CONNACK, success) after a proof was presented",
        "Whether it would have accepted the connection without";
    OPENED = "mqtt.session-opened", v 1, Observed, Wire,
        "The receiver accepted the connection (CONNACK, success)",
        "Which topics the caller may use";
    PROOF_REFUSED = "mqtt.refused", v 1, Observed, Wire,
        "The receiver refused the caller's credentials or their lack (CONNACK 4 or 5, 0x86, 0x87 or 0x8c)",
        "Which of name, password and address it did not like";
    BANNED = "mqtt.banned", v 1, Observed, Wire,
        "The receiver refused the caller by name or address (CONNACK 0x8a)",
        "Not what it would ask of others";
    REFUSED = "mqtt.session-refused", v 1, Observed, Wire,
        "The receiver refused the connection for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Mqtt,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Mqtt::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest packet that is read as a whole; a will message may be longer, and then nothing is said.
const PACKET: u64 = 65_536;
/// The properties that name an authentication method and hold its bytes (MQTT 5.0 section 2.2.2.2).
const METHOD: u32 = 0x15;
const METHOD_BYTES: u32 = 0x16;

/// A variable byte integer, and how long it is.
enum Varint {
    Got(u32, usize),
    More,
    Broken,
}

fn varint(bytes: &[u8]) -> Varint {
    let mut value = 0_u32;
    for at in 0..4_usize {
        let Some(byte) = bytes.get(at) else { return Varint::More };
        value |= u32::from(byte & 0x7f) << at.saturating_mul(7);
        if byte & 0x80 == 0 {
            return Varint::Got(value, at.saturating_add(1));
        }
    }
    Varint::Broken
}

fn call_likeness(bytes: &[u8]) -> Likeness {
    if bytes.first() != Some(&0x10) {
        return Likeness::Unlike;
    }
    let (length, read) = match varint(bytes.get(1..).unwrap_or_default()) {
        Varint::Got(length, read) => (length, read),
        Varint::More => return Likeness::Unsure,
        Varint::Broken => return Likeness::Unlike,
    };
    if length < 10 {
        return Likeness::Unlike;
    }
    let body = bytes.get(read.saturating_add(1)..).unwrap_or_default();
    let starts: [&[u8]; 3] = [b"\0\x04MQTT\x04", b"\0\x04MQTT\x05", b"\0\x06MQIsdp\x03"];
    let mut all = starts.iter().map(|start| Likeness::starts_with(body, start));
    if all.clone().any(|likeness| likeness == Likeness::Like) {
        Likeness::Like
    } else if all.any(|likeness| likeness == Likeness::Unsure) {
        Likeness::Unsure
    } else {
        Likeness::Unlike
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    // CONNACK, or AUTH; the first bit of a CONNACK's flags says whether a session was there, the others are zero.
    match (bytes.first(), bytes.get(1), bytes.get(2)) {
        (Some(0x20), Some(0 | 1), _) => Likeness::Unlike,
        (Some(0x20), Some(_), Some(flags)) if bytes.get(1).is_some_and(|length| *length < 0x80) => {
            if *flags <= 1 { Likeness::Like } else { Likeness::Unlike }
        }
        (Some(0x20), Some(_), Some(_)) => Likeness::Like,
        (Some(0xf0), Some(_), _) => Likeness::Like,
        (Some(0x20 | 0xf0), _, _) | (None, _, _) => Likeness::Unsure,
        (Some(_), _, _) => Likeness::Unlike,
    }
}

/// How far an exchange of AUTH packets went.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Exchange {
    /// The caller named no method.
    #[default]
    None,
    /// It named one.
    Named,
    /// The receiver challenged it.
    Challenged,
    /// It answered.
    Answered,
}

/// One flow.
#[derive(Default, Debug)]
struct Mqtt {
    connected: bool,
    five: bool,
    exchange: Exchange,
    /// The name that the caller gave.
    user: Option<Principal>,
    /// What the caller presented, until the receiver answers.
    offer: Option<(&'static Rule, Shown)>,
}

/// A UTF-8 string or binary value: two bytes of length, then that many.
fn field<'a>(fields: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = u16::from_be_bytes(fields.array()?);
    fields.take(usize::from(length))
}

/// Passes over a property block; true when it names an authentication method. `None` when it does not parse.
fn properties(fields: &mut Cursor<'_>) -> Option<bool> {
    let mut block = Cursor(match varint(fields.0) {
        Varint::Got(length, read) => {
            fields.take(read)?;
            fields.take(usize::try_from(length).ok()?)?
        }
        Varint::More | Varint::Broken => return None,
    });
    let mut method = false;
    while let Varint::Got(id, read) = varint(block.0) {
        block.take(read)?;
        method |= id == METHOD;
        match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => block.take(1).map(drop)?,
            0x13 | 0x21..=0x23 => block.take(2).map(drop)?,
            0x02 | 0x11 | 0x18 | 0x27 => block.take(4).map(drop)?,
            0x0b => match varint(block.0) {
                Varint::Got(_, read) => block.take(read).map(drop)?,
                Varint::More | Varint::Broken => return None,
            },
            0x03 | 0x08 | 0x09 | 0x12 | METHOD | METHOD_BYTES | 0x1a | 0x1c | 0x1f => {
                field(&mut block).map(drop)?;
            }
            0x26 => {
                field(&mut block)?;
                field(&mut block)?;
            }
            _ => return None,
        }
    }
    block.0.is_empty().then_some(method)
}

impl Mqtt {
    /// The caller's CONNECT packet; `None` when it does not parse.
    fn connect(&mut self, body: &[u8], notes: &Notes<'_>) -> Option<()> {
        let mut fields = Cursor(body);
        field(&mut fields)?;
        self.five = fields.byte()? == 5;
        let flags = fields.byte()?;
        fields.take(2)?;
        if self.five && properties(&mut fields)? {
            self.exchange = Exchange::Named;
        }
        field(&mut fields)?;
        if flags & 0x04 != 0 {
            if self.five {
                properties(&mut fields)?;
            }
            field(&mut fields)?;
            field(&mut fields)?;
        }
        if flags & 0x80 != 0 {
            self.user = Some(Principal::bounded(PrincipalKind::User, field(&mut fields)?));
        }
        let password = if flags & 0x40 == 0 { None } else { Some(field(&mut fields)?) };
        self.offer = match password.filter(|password| !password.is_empty()) {
            Some(password) => Some(self.password(password, notes)),
            None => self.user.clone().filter(|user| !user.name.is_empty()).map(|user| {
                let claim = Shown::Offers {
                    proof: Proof::Claim,
                    scope: Scope::Connection,
                    principal: Some(user),
                    credential: None,
                };
                (&CLAIMED, claim)
            }),
        };
        Some(())
    }

    /// A password, which with many clouds is a token.
    fn password(&self, password: &[u8], notes: &Notes<'_>) -> (&'static Rule, Shown) {
        let scope = Scope::Connection;
        if let Some(sent) =
            token::bearer(password, notes).filter(|sent| sent.credential.kind == CredentialKind::Jwt)
        {
            let principal = sent.principal.or_else(|| self.user.clone());
            let credential = Some(sent.credential);
            return (&TOKEN, Shown::Offers { proof: sent.proof, scope, principal, credential });
        }
        let credential =
            Some(Credential::clear(CredentialKind::Password, notes.fingerprint("password", password)));
        (&PASSWORD, Shown::Offers { proof: Proof::Secret, scope, principal: self.user.clone(), credential })
    }

    /// Says what was presented: true when it was a proof.
    fn say_offer(&mut self, notes: &mut Notes<'_>) -> bool {
        let Some((rule, offer)) = self.offer.take() else { return false };
        let proof = !matches!(offer, Shown::Offers { proof: Proof::Claim, .. });
        notes.say(rule, offer);
        proof
    }

    /// The receiver's CONNACK; `None` when it does not parse.
    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let [_, code] = Cursor(body).array()?;
        let proof = self.say_offer(notes);
        let (rule, why): (&'static Rule, Refusal) = match code {
            // A method that was taken without an exchange: what it proved can't be told.
            0 if matches!(self.exchange, Exchange::Named | Exchange::Challenged) => {
                return Some(Next::Lost(Hidden::Unsupported));
            }
            0 => {
                if proof {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            4 | 5 | 0x86 | 0x87 | 0x8c if proof => (&PROOF_REFUSED, Refusal::ProofWrong),
            4 | 5 | 0x86 | 0x87 | 0x8c => (&PROOF_REFUSED, Refusal::ProofMissing),
            0x8a => (&BANNED, Refusal::Place),
            _ => (&REFUSED, Refusal::Other),
        };
        notes.say(rule, Shown::Refuses { why });
        Some(Next::Settled)
    }

    /// A whole packet; `None` when it does not parse.
    fn packet(&mut self, from: Role, kind: u8, body: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        match (from, kind) {
            (Role::Originator, 1) => {
                self.connect(body, notes)?;
                self.connected = true;
            }
            (Role::Responder, 2) => return self.answer(body, notes),
            (Role::Responder, 15) if self.exchange != Exchange::None => {
                self.exchange = Exchange::Challenged;
            }
            (Role::Originator, 15) if self.exchange == Exchange::Challenged => {
                self.exchange = Exchange::Answered;
                let credential = Credential::of(CredentialKind::Password);
                let offer = Shown::secret(Scope::Connection, self.user.clone(), credential);
                self.offer = Some((&ANSWERED, offer));
            }
            _ => return None,
        }
        Some(Next::More)
    }
}

impl Dissector for Mqtt {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(first) = bytes.first().copied() else { return Next::More };
        // After CONNECT, a caller may send on before it is answered: only AUTH is looked at.
        let wanted = match from {
            Role::Originator => !self.connected || first >> 4 == 15,
            Role::Responder => true,
        };
        if from == Role::Responder && !self.connected {
            return Next::More;
        }
        let (length, read) = match varint(bytes.get(1..).unwrap_or_default()) {
            Varint::Got(length, read) => (u64::from(length), read.saturating_add(1)),
            Varint::More => return Next::More,
            Varint::Broken => return Next::Lost(Hidden::Unsupported),
        };
        if !wanted {
            input.skip(length.saturating_add(read as u64));
            return Next::More;
        }
        if length > PACKET {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = read.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let Some(body) = bytes.get(read..end).map(|body| Zeroizing::new(body.to_vec())) else {
            return Next::More;
        };
        input.read(end);
        self.packet(from, first >> 4, &body, notes).unwrap_or(Next::Lost(Hidden::Unsupported))
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.say_offer(notes);
    }
}
