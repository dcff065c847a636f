//! TLS up to 1.3: what the handshake shows about the caller. What is inside stays unknown, and so does service.
//!
//! Sources: RFC 5246 (1.2), RFC 8446 (1.3). Record lengths of 1.3 are judged in [`super::tls13`].

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::tls_record::{ALERT, CLIENT_HELLO, HANDSHAKE, Happened, RECORD, SERVER_HELLO, Side};
use super::tls_rules::RULES;
use super::tls_session::Session;
use super::{Hidden, Protocol};
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
    session: Session,
}

impl Dissector for Tls {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            // A responder's bytes wait for the hello that they answer.
            if from == Role::Responder && !self.session.begun() {
                return Next::More;
            }
            let side = match from {
                Role::Originator => &mut self.client,
                Role::Responder => &mut self.server,
            };
            let happened = match side.next(input, from == Role::Originator) {
                Ok(Some(happened)) => happened,
                Ok(None) => return Next::More,
                Err(()) => return Next::Lost(Hidden::Encrypted),
            };
            if matches!(happened, Happened::ChangeCipher) && self.session.changes_cipher() {
                side.encrypted = true;
            }
            let finished = self.client.encrypted && self.server.encrypted;
            if let Some(next) = self.session.happened(from, happened, finished, notes) {
                return next;
            }
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.session.finish(whole, notes);
    }
}
