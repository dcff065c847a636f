//! OPC UA over TCP: the secure channel's policy, and by which token a session was activated.
//!
//! Sources: OPC 10000-6 sections 5.2 (binary encoding), 6.7 (secure conversation) and 7.1 (connection protocol),
//! OPC 10000-4 sections 5.5 (channel), 5.6 (sessions), 7.36 (identity tokens) and 7.39 (status codes).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::opcua_rules::{
    ACCEPTED, ANONYMOUS_REFUSED, CERTIFICATE, DISCOVERED, PASSWORD, RULES, SCRAMBLED, SESSION, SIGNED, TOKEN,
    TOKEN_REFUSED, TURNED_AWAY,
};
use super::{
    Credential, Hidden, Operation, Principal, Proof, Protocol, Refusal, Rule, Scope, Shown, certificate,
    sasl, token,
};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Opcua,
    call: |bytes| Likeness::starts_with(bytes, b"HELF"),
    reply: |bytes| match bytes.first() {
        Some(b'E') => Likeness::starts_with(bytes, b"ERRF"),
        _ => Likeness::starts_with(bytes, b"ACKF"),
    },
    begin: || Box::new(Opcua::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Type, chunk mark, size.
const HEAD: usize = 8;
/// Bytes of most messages that are looked at: channel, token, sequence and request numbers, service, its header.
const ENOUGH: usize = 64;
/// Longest message that is read as a whole: an opened channel, an activated session.
const WHOLE: usize = 8192;
/// Most messages that are read: nothing new is shown after.
const MOST: u32 = 512;
/// Services by the numbers of their binary encodings.
const FAULT: u32 = 397;
const FIND_SERVERS_RESPONSE: u32 = 425;
const GET_ENDPOINTS_RESPONSE: u32 = 431;
const ACTIVATE_SESSION: u32 = 467;
const ACTIVATE_SESSION_RESPONSE: u32 = 470;

/// A message's type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Open,
    Message,
    Error,
    /// Hello, acknowledgement, close.
    Other,
}

/// A message as far as it is looked at.
struct Message<'a> {
    kind: Kind,
    /// `F` for the last chunk of a message.
    chunk: u8,
    size: usize,
    body: &'a [u8],
}

/// Reads a message; `Err(true)` while bytes are missing, `Err(false)` for what is none.
fn message(bytes: &[u8]) -> Result<Message<'_>, bool> {
    let mut fields = Cursor(bytes);
    let Some([a, b, c, chunk]) = fields.array() else { return Err(true) };
    let kind = match [a, b, c] {
        [b'O', b'P', b'N'] => Kind::Open,
        [b'M', b'S', b'G'] => Kind::Message,
        [b'E', b'R', b'R'] => Kind::Error,
        [b'H', b'E', b'L'] | [b'A', b'C', b'K'] | [b'C', b'L', b'O'] => Kind::Other,
        _ => return Err(false),
    };
    let Some(size) = fields.array().map(u32::from_le_bytes) else { return Err(true) };
    let size = usize::try_from(size).map_err(|_| false)?;
    if size < HEAD || !matches!(chunk, b'F' | b'C' | b'A') {
        return Err(false);
    }
    let head = bytes.get(HEAD..size.min(ENOUGH)).ok_or(true)?;
    let whole = kind == Kind::Open || service(head) == Some(ACTIVATE_SESSION) && kind == Kind::Message;
    let body = if whole { bytes.get(HEAD..size.min(WHOLE)).ok_or(true)? } else { head };
    Ok(Message { kind, chunk, size, body })
}

/// The service of a message whose body is in clear: after four numbers, a node of namespace 0.
fn service(body: &[u8]) -> Option<u32> {
    node(&mut Cursor(body.get(16..)?))
}

/// A numeric node id; 0 for one of another form.
fn node(fields: &mut Cursor<'_>) -> Option<u32> {
    match fields.byte()? & 0x3f {
        0 => fields.byte().map(u32::from),
        1 => fields.array().map(
            |[space, low, high]: [u8; 3]| {
                if space == 0 { u32::from(u16::from_le_bytes([low, high])) } else { 0 }
            },
        ),
        2 => {
            fields.take(2)?;
            fields.array().map(u32::from_le_bytes)
        }
        3 | 5 => {
            fields.take(2)?;
            text(fields).map(|_| 0)
        }
        4 => fields.take(18).map(|_| 0),
        _ => None,
    }
}

/// A string or byte string; −1 is none.
fn text<'a>(fields: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = fields.array().map(i32::from_le_bytes)?;
    if length < 0 { Some(b"") } else { fields.take(usize::try_from(length).ok()?) }
}

/// An array's elements, each read by `element`.
fn array(fields: &mut Cursor<'_>, element: fn(&mut Cursor<'_>) -> Option<()>) -> Option<()> {
    let count = fields.array().map(i32::from_le_bytes)?;
    if count > 256 {
        return None;
    }
    for _ in 0..count.max(0) {
        element(fields)?;
    }
    Some(())
}

/// An extension object: its type, and its body.
fn extension<'a>(fields: &mut Cursor<'a>) -> Option<(u32, &'a [u8])> {
    let kind = node(fields)?;
    let body = if fields.byte()? == 0 { &[] } else { text(fields)? };
    Some((kind, body))
}

/// The user's identity token of an ActivateSession request, and the signature that goes with it.
fn identity(body: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let mut fields = Cursor(body.get(16..)?);
    node(&mut fields)?;
    // Session, time, handle, diagnostics; audit entry; time-out, additional header.
    node(&mut fields)?;
    fields.take(16)?;
    text(&mut fields)?;
    fields.take(4)?;
    extension(&mut fields)?;
    // The application's signature, software certificates, languages.
    text(&mut fields)?;
    text(&mut fields)?;
    array(&mut fields, |fields| text(fields).and_then(|_| text(fields)).map(|_| ()))?;
    array(&mut fields, |fields| text(fields).map(|_| ()))?;
    let (kind, token) = extension(&mut fields)?;
    text(&mut fields)?;
    Some((kind, token, text(&mut fields)?))
}

/// One flow.
#[derive(Default, Debug)]
struct Opcua {
    called: bool,
    /// The caller's channel is signed, by the name in its certificate.
    signed: Option<(Option<Principal>, Credential)>,
    opened: bool,
    /// Sessions that wait for their activation, and whether each presented a proof.
    activating: Vec<bool>,
    discovered: bool,
    seen: u32,
}

/// Offers for the whole connection.
fn offers(proof: Proof, principal: Option<Principal>, credential: Credential) -> Shown {
    Shown::Offers { proof, scope: Scope::Connection, principal, credential: Some(credential) }
}

/// What an identity token presents; nothing for an anonymous one.
fn offer(kind: u32, body: &[u8], signature: &[u8], notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
    let mut fields = Cursor(body);
    text(&mut fields)?;
    match kind {
        // User name, password, the algorithm by which it is encrypted.
        324 => {
            let (name, password, algorithm) = (text(&mut fields)?, text(&mut fields)?, text(&mut fields)?);
            if algorithm.is_empty() {
                return Some(sasl::password_offer(&PASSWORD, name, password, notes));
            }
            Some((&SCRAMBLED, sasl::challenge_offer(name)))
        }
        327 if !signature.is_empty() => {
            let der = text(&mut fields)?;
            let leaf = certificate::leaf(der);
            let credential = certificate::credential(der, leaf.as_ref(), notes);
            Some((&CERTIFICATE, offers(Proof::Key, leaf.and_then(|leaf| leaf.principal), credential)))
        }
        // Issued by another: a JSON Web Token, a ticket, or encrypted.
        940 => {
            let data = text(&mut fields)?;
            let encrypted = text(&mut fields).is_some_and(|algorithm| !algorithm.is_empty());
            if encrypted {
                return Some((&SCRAMBLED, sasl::challenge_offer(b"")));
            }
            let bearer = token::bearer(data, notes)?;
            Some((&TOKEN, offers(bearer.proof, bearer.principal, bearer.credential)))
        }
        _ => None,
    }
}

impl Opcua {
    /// An opened channel: policy, the sender's certificate, whom it is meant for.
    fn open(&mut self, from: Role, body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let mut fields = Cursor(body);
        fields.take(4)?;
        let (policy, der) = (text(&mut fields)?, text(&mut fields)?);
        let none = policy.ends_with(b"#None");
        match from {
            Role::Originator if none || der.is_empty() => self.signed = None,
            Role::Originator => {
                // A chain may follow the leaf.
                let leaf = certificate::leaf(der);
                let credential = certificate::credential(der, leaf.as_ref(), notes);
                self.signed = Some((leaf.and_then(|leaf| leaf.principal), credential));
            }
            // Channels are renewed; what was said stands.
            Role::Responder if std::mem::replace(&mut self.opened, true) => {}
            Role::Responder => {
                if let (Some((principal, credential)), false) = (&self.signed, none) {
                    notes.say(&SIGNED, offers(Proof::Key, principal.clone(), credential.clone()));
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
            }
        }
        Some(())
    }

    fn activate(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let (kind, token, signature) = identity(body)?;
        let offered = offer(kind, token, signature, notes);
        if self.activating.len() < 16 {
            self.activating.push(offered.is_some());
        }
        // The application's own proof stands for the connection; a user's is added to it where there was none.
        if let Some((rule, shown)) = offered.filter(|_| self.signed.is_none()) {
            notes.say(rule, shown);
        }
        // None, anonymous, or one of the kinds above.
        matches!(kind, 0 | 321 | 324 | 327 | 940).then_some(())
    }

    /// The server's answer to an activation, or its fault; status codes of OPC 10000-4.
    fn activated(&mut self, status: u32, notes: &mut Notes<'_>) {
        if self.activating.is_empty() {
            return;
        }
        let proved = self.activating.remove(0);
        match status & 0xffff_0000 {
            code if code & 0xc000_0000 == 0 => {
                if proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
            }
            // Bad_UserAccessDenied, Bad_IdentityTokenInvalid, Bad_IdentityTokenRejected.
            0x801f_0000..=0x8021_0000 => {
                let (rule, why): (&'static Rule, Refusal) = if proved {
                    (&TOKEN_REFUSED, Refusal::ProofWrong)
                } else {
                    (&ANONYMOUS_REFUSED, Refusal::ProofMissing)
                };
                notes.say(rule, Shown::Refuses { why });
            }
            _ => notes.say(&TURNED_AWAY, Shown::Refuses { why: Refusal::Other }),
        }
    }

    /// A message of the channel; `None` where it can't be read.
    fn message(&mut self, from: Role, message: &Message<'_>, notes: &mut Notes<'_>) -> Option<()> {
        // A message's later chunks have no service.
        let kind = service(message.body)?;
        // Time, handle and result stand behind a response's service.
        let status = || {
            let mut fields = Cursor(message.body.get(16..)?);
            node(&mut fields)?;
            fields.take(12)?;
            fields.array().map(u32::from_le_bytes)
        };
        match (from, kind) {
            (Role::Originator, ACTIVATE_SESSION) => {
                if message.chunk != b'F' || message.size > WHOLE {
                    return None;
                }
                self.activate(message.body, notes)
            }
            (Role::Responder, ACTIVATE_SESSION_RESPONSE | FAULT) => {
                let status = status()?;
                if kind != FAULT || status & 0x8000_0000 != 0 {
                    self.activated(status, notes);
                }
                Some(())
            }
            (Role::Responder, FIND_SERVERS_RESPONSE | GET_ENDPOINTS_RESPONSE) => {
                if status()? == 0 && !std::mem::replace(&mut self.discovered, true) {
                    notes.say(&DISCOVERED, Shown::Serves { operation: Operation::Public });
                }
                Some(())
            }
            // Services of the standard's own numbers; anything else is no plain text.
            (_, 391..=900) => Some(()),
            _ => None,
        }
    }
}

impl Dissector for Opcua {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let message = match message(input.bytes()) {
            Ok(message) => message,
            Err(true) => return Next::More,
            Err(false) => return Next::Lost(Hidden::Unsupported),
        };
        self.called = true;
        let size = message.size;
        let read = match message.kind {
            Kind::Open => self.open(from, message.body, notes),
            Kind::Message => self.message(from, &message, notes),
            Kind::Error if from == Role::Responder => {
                notes.say(&TURNED_AWAY, Shown::Refuses { why: Refusal::Other });
                return Next::Settled;
            }
            Kind::Error | Kind::Other => Some(()),
        };
        if read.is_none() {
            let why = if self.signed.is_some() { Hidden::Encrypted } else { Hidden::Unsupported };
            return Next::Lost(why);
        }
        input.read(size);
        self.seen = self.seen.saturating_add(1);
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}
