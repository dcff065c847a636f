//! Hellos and what follows them, apart from how records are carried: the same over TCP and in datagrams.
//!
//! Sources: RFC 5246 (1.2), RFC 8446 (1.3), RFC 6347 and RFC 9147 (DTLS).

use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

use super::dissector::{Next, Notes};
use super::tls_record::{CLIENT_HELLO, Happened, SERVER_HELLO, extensions};
use super::tls_rules::*;
use super::tls_use::server_name;
use super::tls12::{Handshake12, SESSION, TICKET};
use super::tls13_handshake::Handshake13;
use super::{Hidden, Principal, PrincipalKind, Refusal, Shown};
use crate::event::Role;
use crate::fingerprint::Fingerprint;

/// Random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// DTLS 1.3 in supported_versions (RFC 9147 section 5.3).
const DTLS_13: [u8; 2] = [0xfe, 0xfc];

/// One handshake, from the first ClientHello on.
#[derive(Default, Debug)]
pub(crate) struct Session {
    /// What the last ClientHello offered.
    hello: Option<Offered>,
    /// The server that the caller named, until that is said.
    server_name: Option<String>,
    version: Version,
}

/// Extensions of a ClientHello.
#[derive(Default, Clone, Debug)]
struct Offered {
    early_data: bool,
    post_handshake_auth: bool,
    /// The SRP user (RFC 5054 section 2.8.1).
    user: Option<Principal>,
    /// The ticket that is offered (RFC 5077 section 3.2), and the session id.
    ticket: Option<Fingerprint>,
    session: Option<Fingerprint>,
    /// The server that is meant.
    server_name: Option<String>,
    /// For each pre-shared key, whether it came without an age.
    ageless: Vec<bool>,
}

/// Most pre-shared keys of a hello that are looked at.
const MOST_KEYS: usize = 16;

/// For each identity of a pre_shared_key extension of a ClientHello (RFC 8446 section 4.2.11), whether its age is zero.
fn ageless(content: &[u8]) -> Vec<bool> {
    let list = content.split_at_checked(2).and_then(|(length, rest)| {
        let length = u16::from_be_bytes(length.try_into().ok()?);
        rest.get(..usize::from(length))
    });
    let mut list = list.unwrap_or_default();
    let mut ageless = Vec::new();
    while let [high, low, rest @ ..] = list {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((age, rest)) = rest.get(length..).and_then(|rest| rest.split_at_checked(4)) else { break };
        if ageless.len() == MOST_KEYS {
            break;
        }
        ageless.push(age == [0; 4]);
        list = rest;
    }
    ageless
}

#[derive(Default, Debug)]
enum Version {
    #[default]
    Unknown,
    Old(Handshake12),
    New(Handshake13),
    /// DTLS 1.3.
    Lost,
}

impl Session {
    /// True once there was a ClientHello that the responder's bytes can answer.
    pub(crate) fn begun(&self) -> bool {
        self.hello.is_some() || !matches!(self.version, Version::Unknown)
    }

    /// There was a hello of which nothing is kept.
    pub(crate) fn begin(&mut self) {
        self.hello = Some(Offered::default());
    }

    /// True while no version was chosen.
    pub(crate) fn undecided(&self) -> bool {
        matches!(self.version, Version::Unknown)
    }

    /// True when ChangeCipherSpec ends what is in clear. In TLS 1.3 it means nothing (RFC 8446 section 5).
    pub(crate) fn changes_cipher(&self) -> bool {
        matches!(self.version, Version::Old(_))
    }

    /// The server that the caller named, and how many of the caller's records belong to the handshake. `None` while
    /// none was named or the handshake is not over.
    pub(crate) fn named(&self) -> Option<(&str, u32)> {
        let own = match &self.version {
            Version::Old(_) => 0,
            Version::New(handshake) => handshake.own_records()?,
            Version::Unknown | Version::Lost => return None,
        };
        Some((self.server_name.as_deref()?, own))
    }

    /// It was said.
    pub(crate) fn take_name(&mut self) -> Option<String> {
        self.server_name.take()
    }

    /// The flow is over, or can't be read on; `whole` when nothing of it is missing.
    pub(crate) fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        match &mut self.version {
            Version::Unknown => notes.say(&UNFINISHED, Shown::Hidden { why: Hidden::Encrypted }),
            Version::Old(handshake) => handshake.finish(notes),
            Version::New(handshake) if whole => handshake.finish(notes),
            Version::New(_) | Version::Lost => {}
        }
    }

    fn hello(&mut self, body: &[u8], notes: &Notes<'_>) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_client_hello(body) else { return false };
        let mut offered = Offered::default();
        for (kind, content) in extensions(hello.ext.unwrap_or_default()) {
            match kind {
                0 => offered.server_name = server_name(content),
                35 if !content.is_empty() => offered.ticket = Some(notes.fingerprint(TICKET, content)),
                12 => {
                    let user = content.split_first().map(|(_, user)| user).filter(|user| !user.is_empty());
                    offered.user = user.map(|user| Principal::bounded(PrincipalKind::User, user));
                }
                41 => offered.ageless = ageless(content),
                42 => offered.early_data = true,
                49 => offered.post_handshake_auth = true,
                _ => {}
            }
        }
        offered.session = hello.session_id.map(|id| notes.fingerprint(SESSION, id));
        self.hello = Some(offered);
        true
    }

    fn answer(&mut self, body: &[u8], notes: &mut Notes<'_>) -> bool {
        let Ok((_, hello)) = parse_tls_handshake_server_hello(body) else { return false };
        let list = hello.ext.unwrap_or_default();
        let new =
            extensions(list).any(|(kind, content)| kind == 43 && (content == [3, 4] || content == DTLS_13));
        if hello.random == HELLO_RETRY {
            // The handshake begins again with a second ClientHello.
            return true;
        }
        let mut offered = self.hello.take().unwrap_or_default();
        self.server_name = offered.server_name.take();
        if new {
            notes.say(&INSIDE_13, Shown::Hidden { why: Hidden::Tls13 });
            let chosen = extensions(list).find(|(kind, _)| *kind == 41).map(|(_, content)| content);
            let resumed = chosen.is_some();
            if resumed {
                notes.say(&RESUMED_13, Shown::Hidden { why: Hidden::Resumed });
            }
            let chosen = match chosen {
                Some([high, low]) => offered.ageless.get(usize::from(u16::from_be_bytes([*high, *low]))),
                Some(_) | None => None,
            };
            if chosen == Some(&true) {
                notes.say(&AGREED_13, Shown::Hidden { why: Hidden::AgreedKey });
            }
            if extensions(list).any(|(kind, content)| kind == 43 && content == DTLS_13) {
                // Its records have headers of several lengths, and are acknowledged: their lengths say nothing.
                self.version = Version::Lost;
                return true;
            }
            let Offered { early_data, post_handshake_auth, .. } = offered;
            let handshake = Handshake13::new(hello.cipher.0, resumed, early_data, post_handshake_auth);
            self.version = Version::New(handshake);
        } else {
            let given = hello.session_id.map(|id| notes.fingerprint(SESSION, id));
            let echoed = offered.session.filter(|session| given.as_ref() == Some(session));
            let sessions = offered.ticket.into_iter().chain(echoed).collect();
            let legacy = hello.version.0 < 0x0303;
            let handshake = Handshake12::new(legacy, hello.cipher.0, offered.user, sessions, given);
            self.version = Version::Old(handshake);
        }
        true
    }

    /// What one thing on the record layer means; `None` to go on. `finished` is true once both sides encrypt.
    pub(crate) fn happened(
        &mut self,
        from: Role,
        happened: Happened,
        finished: bool,
        notes: &mut Notes<'_>,
    ) -> Option<Next> {
        if let Happened::Message(CLIENT_HELLO, body) = &happened
            && from == Role::Originator
            && matches!(self.version, Version::Unknown)
        {
            return if self.hello(body, notes) { None } else { Some(Next::Lost(Hidden::Encrypted)) };
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
            Version::Old(old) => old.happened(from, happened, finished, notes),
            Version::New(new) => new.happened(from, &happened, notes),
            Version::Lost => Some(Next::Settled),
        }
    }
}
