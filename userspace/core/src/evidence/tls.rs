//! TLS up to 1.3: what the handshake shows about the caller. What is inside stays unknown, and so does service.
//!
//! Sources: RFC 5246 (1.2), RFC 8446 (1.3). Hellos in the format of SSL 2.0 are read in [`super::ssl2`]. Record lengths of 1.3 are judged in [`super::tls13`].

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::ssl2;
use super::text_line::any;
use super::tls_record::{ALERT, APPLICATION, CLIENT_HELLO, HANDSHAKE, Happened, RECORD, SERVER_HELLO, Side};
use super::tls_renegotiation::Watch;
use super::tls_rules::{RULES, SERVER_NAMED};
use super::tls_session::Session;
use super::tls_use::Use;
use super::{Hidden, Protocol, Shown};
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
    Box::new(Tls { watches: true, ..Tls::default() })
}

/// Begins to read TLS of which only the first handshake matters.
pub(crate) fn begin_handshake() -> Box<dyn Dissector> {
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
    any(&[first_record(bytes, HANDSHAKE, Some(CLIENT_HELLO)), ssl2::call_likeness(bytes)])
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    match bytes.first() {
        Some(&ALERT) => first_record(bytes, ALERT, None),
        Some(0x80..) => ssl2::reply_likeness(bytes),
        Some(_) | None => first_record(bytes, HANDSHAKE, Some(SERVER_HELLO)),
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Tls {
    client: Side,
    server: Side,
    session: Session,
    /// The hello came in the format of SSL 2.0.
    old_hello: bool,
    /// A second handshake is looked for, once the first is over.
    watches: bool,
    watch: Option<Watch>,
    /// What both sides made of it.
    used: Use,
    /// The handshake of TLS 1.3 has said all that it says; what is still looked for is whether it is used.
    decided: bool,
}

impl Tls {
    /// Says which server was meant, once both sides used what was set up.
    fn say_name(&mut self, notes: &mut Notes<'_>) {
        let over = self.watch.is_some() || self.decided;
        if over
            && self.session.named().is_some_and(|(_, own)| self.used.by_both(own))
            && let Some(name) = self.session.take_name()
        {
            notes.say(&SERVER_NAMED, Shown::NamesServer { name });
        }
    }

    /// The end, once nothing more is looked for.
    fn over(&self) -> Option<Next> {
        (self.session.named().is_none() || self.used.enough()).then_some(Next::Settled)
    }

    /// The first bytes of both directions, where they are in the format of SSL 2.0.
    fn ssl2(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        let side = match from {
            Role::Originator => &self.client,
            Role::Responder => &self.server,
        };
        // Inside a record any byte may stand.
        input.bytes().first().filter(|first| **first >= 0x80 && !side.began)?;
        match from {
            Role::Originator if !self.session.begun() => match ssl2::hello(input.bytes()) {
                Ok(Some(length)) => {
                    self.old_hello = true;
                    self.session.begin();
                    input.read(length);
                    Some(Next::More)
                }
                Ok(None) => Some(Next::More),
                Err(()) => None,
            },
            Role::Responder if self.old_hello && self.session.undecided() => {
                ssl2::answered(input.bytes(), notes)
            }
            Role::Originator | Role::Responder => None,
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
            if from == Role::Responder && !self.session.begun() {
                return Next::More;
            }
            if let Some(next) = self.ssl2(from, input, notes) {
                return next;
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
            if self.watches && !self.session.undecided() {
                self.used.happened(from, &happened);
                self.say_name(notes);
            }
            if self.decided {
                match self.over() {
                    Some(next) => return next,
                    None => continue,
                }
            }
            if let Some(watch) = &mut self.watch {
                match watch.happened(from, &happened, notes) {
                    Some(next) => return next,
                    None => continue,
                }
            }
            let finished = self.client.encrypted && self.server.encrypted;
            let encrypted = matches!(happened, Happened::Encrypted(HANDSHAKE | APPLICATION, _));
            match self.session.happened(from, happened, finished, notes) {
                Some(Next::Settled) if self.watches && encrypted && self.session.changes_cipher() => {
                    self.watch = Some(Watch::default());
                }
                Some(Next::Settled) if self.watches => {
                    self.decided = true;
                    self.say_name(notes);
                    if let Some(next) = self.over() {
                        return next;
                    }
                }
                Some(next) => return next,
                None => {}
            }
        }
    }

    fn has_decided(&self) -> bool {
        self.watch.is_some() || self.decided
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if !self.has_decided() {
            self.session.finish(whole, notes);
        }
    }
}
