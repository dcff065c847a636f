//! TLS up to 1.3: what the handshake shows about the caller. What is inside stays unknown, and so does service.
//!
//! Sources: RFC 5246 (1.2), RFC 8446 (1.3). Record lengths of 1.3 are judged in [`super::tls13`].

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::tls_record::{ALERT, CLIENT_HELLO, HANDSHAKE, Happened, RECORD, SERVER_HELLO, Side, extensions};
use super::tls_rules::*;
use super::tls12::Handshake12;
use super::tls13_handshake::Handshake13;
use super::{Hidden, Principal, PrincipalKind, Protocol, Refusal, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Tls,
    call: call_likeness,
    reply: reply_likeness,
    begin,
    call_alone: nothing_alone,
    rules: RULES,
};

/// Begins to read TLS, from the first byte of a flow or after an upgrade.
pub(crate) fn begin() -> Box<dyn Dissector> {
    Box::new(Tls::default())
}

/// Random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// A record of this type and major version 3, and the message type where there is one.
fn first_record(bytes: &[u8], kind: u8, message: Option<u8>) -> Likeness {
    match bytes {
        [] => Likeness::Unsure,
        [first, ..] if *first != kind => Likeness::Unlike,
        [_, major, ..] if *major != 3 => Likeness::Unlike,
        [_, _, minor, ..] if *minor > 4 => Likeness::Unlike,
        [_, _, _, high, low, ..] if !(2..=RECORD).contains(&u16::from_be_bytes([*high, *low])) => {
            Likeness::Unlike
        }
        [_, _, _, _, _, first, ..] => match message {
            Some(wanted) if *first != wanted => Likeness::Unlike,
            Some(_) | None => Likeness::Like,
        },
        [_, ..] => Likeness::Unsure,
    }
}

fn call_likeness(bytes: &[u8]) -> Likeness {
    first_record(bytes, HANDSHAKE, Some(CLIENT_HELLO))
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    match bytes.first() {
        Some(&ALERT) => first_record(bytes, ALERT, None),
        Some(_) | None => first_record(bytes, HANDSHAKE, Some(SERVER_HELLO)),
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Tls {
    client: Side,
    server: Side,
    /// What the last ClientHello offered.
    hello: Option<Offered>,
    version: Version,
}

/// Extensions of a ClientHello.
#[derive(Default, Clone, Debug)]
struct Offered {
    early_data: bool,
    post_handshake_auth: bool,
    /// The SRP user (RFC 5054 section 2.8.1).
    user: Option<Principal>,
}

#[derive(Default, Debug)]
enum Version {
    #[default]
    Unknown,
    Old(Handshake12),
    New(Handshake13),
}

impl Tls {
    fn hello(&mut self, body: &[u8]) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_client_hello(body) else { return false };
        let mut offered = Offered::default();
        for (kind, content) in extensions(hello.ext.unwrap_or_default()) {
            match kind {
                12 => {
                    let user = content.split_first().map(|(_, user)| user).filter(|user| !user.is_empty());
                    offered.user = user.map(|user| Principal::bounded(PrincipalKind::User, user));
                }
                42 => offered.early_data = true,
                49 => offered.post_handshake_auth = true,
                _ => {}
            }
        }
        self.hello = Some(offered);
        true
    }

    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_server_hello(body) else { return false };
        let list = hello.ext.unwrap_or_default();
        let new = extensions(list).any(|(kind, content)| kind == 43 && content == [3, 4]);
        if hello.random == HELLO_RETRY {
            // The handshake begins again with a second ClientHello.
            return true;
        }
        let offered = self.hello.take().unwrap_or_default();
        if new {
            notes.say(&INSIDE_13, Shown::Hidden { why: Hidden::Tls13 });
            let resumed = extensions(list).any(|(kind, _)| kind == 41);
            if resumed {
                notes.say(&RESUMED_13, Shown::Hidden { why: Hidden::Resumed });
            }
            let Offered { early_data, post_handshake_auth, .. } = offered;
            let handshake = Handshake13::new(hello.cipher.0, resumed, early_data, post_handshake_auth);
            self.version = Version::New(handshake);
        } else {
            let handshake = Handshake12::new(hello.version.0 < 0x0303, hello.cipher.0, offered.user);
            self.version = Version::Old(handshake);
        }
        true
    }

    /// What one thing on the record layer means; `None` to go on.
    fn happened(&mut self, from: Role, happened: Happened, notes: &mut Notes<'_>) -> Option<Next> {
        if let Happened::Message(CLIENT_HELLO, body) = &happened
            && from == Role::Originator
            && matches!(self.version, Version::Unknown)
        {
            return if self.hello(body) { None } else { Some(Next::Lost(Hidden::Encrypted)) };
        }
        if let Happened::Message(SERVER_HELLO, body) = &happened
            && from == Role::Responder
            && matches!(self.version, Version::Unknown)
        {
            return if self.answer(body, notes) { None } else { Some(Next::Lost(Hidden::Encrypted)) };
        }
        match &mut self.version {
            Version::Unknown => match happened {
                Happened::Alert { fatal: true, .. } => {
                    if from == Role::Responder {
                        notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                    }
                    notes.say(&UNFINISHED, Shown::Hidden { why: Hidden::Encrypted });
                    Some(Next::Settled)
                }
                // Early data before the ServerHello, and ChangeCipherSpec for old middleboxes, mean nothing here.
                Happened::Message(..)
                | Happened::ChangeCipher
                | Happened::Encrypted(..)
                | Happened::Alert { .. } => None,
            },
            Version::Old(old) => {
                old.happened(from, happened, self.server.encrypted && self.client.encrypted, notes)
            }
            Version::New(new) => new.happened(from, &happened, notes),
        }
    }
}

impl Dissector for Tls {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            // A responder's bytes wait for the hello that they answer.
            if from == Role::Responder && self.hello.is_none() && matches!(self.version, Version::Unknown) {
                return Next::More;
            }
            let new = matches!(self.version, Version::New(_));
            let side = match from {
                Role::Originator => &mut self.client,
                Role::Responder => &mut self.server,
            };
            let happened = match side.next(input, from == Role::Originator) {
                Ok(Some(happened)) => happened,
                Ok(None) => return Next::More,
                Err(()) => return Next::Lost(Hidden::Encrypted),
            };
            // In TLS 1.3 ChangeCipherSpec means nothing (RFC 8446 section 5); before, it ends the plaintext.
            if matches!(happened, Happened::ChangeCipher) && !new && matches!(self.version, Version::Old(_)) {
                side.encrypted = true;
            }
            if let Some(next) = self.happened(from, happened, notes) {
                return next;
            }
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        match &mut self.version {
            Version::Unknown => notes.say(&UNFINISHED, Shown::Hidden { why: Hidden::Encrypted }),
            Version::Old(_) => Handshake12::finish(notes),
            Version::New(handshake) if whole => handshake.finish(notes),
            Version::New(_) => {}
        }
    }
}
