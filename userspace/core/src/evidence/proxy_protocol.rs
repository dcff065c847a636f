//! The PROXY protocol: a hop says for whom it calls, and what follows is another protocol.
//!
//! Source: HAProxy's "The PROXY protocol", versions 1 and 2 (sections 2.1, 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::stream_rules::SPEAKS;
use super::text_line;
use super::{DISSECTORS, Hidden, Principal, PrincipalKind, Proof, Protocol, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ORIGIN = "proxy-protocol.origin-claimed", v 1, Observed, Wire,
        "The caller named an address for which it calls",
        "Whoever can reach this port can name any address";
    SUBJECT = "proxy-protocol.subject-claimed", v 1, Observed, Wire,
        "The caller named the subject of a certificate that it says it verified",
        "Whoever can reach this port can name any subject";
}

/// How a flow that begins with this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::ProxyProtocol,
    call: |bytes| text_line::any(&[Likeness::starts_with(bytes, SECOND), first_likeness(bytes)]),
    // Nothing answers: whatever the receiver says belongs to what follows.
    reply: |_| Likeness::Like,
    begin: || Box::new(Origin),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Signature of version 2 (section 2.2).
const SECOND: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest header of version 1, its end included (section 2.1).
const LINE: usize = 107;
/// Longest header of version 2 that is read.
const HEADER: usize = 4096;

fn first_likeness(bytes: &[u8]) -> Likeness {
    text_line::any(
        &[&b"PROXY TCP4 "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN"]
            .map(|start| Likeness::starts_with(bytes, start)),
    )
}

/// The header.
#[derive(Debug)]
struct Origin;

impl Dissector for Origin {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder {
            return Next::More;
        }
        let bytes = input.bytes();
        let length = if bytes.starts_with(SECOND) {
            let Some([_, _, high, low]) = bytes.get(12..).and_then(|rest| rest.first_chunk()) else {
                return Next::More;
            };
            let end = usize::from(u16::from_be_bytes([*high, *low])).saturating_add(16);
            if end > HEADER {
                return Next::Lost(Hidden::Unsupported);
            }
            let Some(header) = bytes.get(12..end) else { return Next::More };
            second(header, notes);
            end
        } else {
            let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
                return if bytes.len() < LINE { Next::More } else { Next::Lost(Hidden::Unsupported) };
            };
            let line = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
            let mut words = line.split_ascii_whitespace().skip(2);
            if let (Some(address), Some(port)) = (words.next(), words.nth(1))
                && let (Ok(address), Ok(port)) = (address.parse(), port.parse())
            {
                claim(SocketAddr::new(address, port), notes);
            }
            end.saturating_add(1)
        };
        input.read(length);
        Next::Upgraded(Box::new(Inner::among(|protocol| {
            // A header in a header says nothing new.
            protocol != Protocol::ProxyProtocol
        })))
    }
}

/// Command, family, length, addresses, and more (section 2.2).
fn second(header: &[u8], notes: &mut Notes<'_>) -> Option<()> {
    let mut cursor = Cursor(header);
    let [command, family, _, _] = cursor.array()?;
    let address = match family >> 4 {
        1 => {
            let address = Ipv4Addr::from(cursor.array::<4>()?);
            cursor.take(4)?;
            Some(address.into())
        }
        2 => {
            let address = Ipv6Addr::from(cursor.array::<16>()?);
            cursor.take(16)?;
            Some(address.into())
        }
        _ => None,
    };
    // 0x21 is PROXY; 0x20 is the hop's own health check.
    let address = address.filter(|_| command == 0x21)?;
    let port = u16::from_be_bytes(cursor.array()?);
    cursor.take(2)?;
    claim(SocketAddr::new(address, port), notes);
    while let (Some(kind), Some(length)) = (cursor.byte(), cursor.array()) {
        let mut value = Cursor(cursor.take(usize::from(u16::from_be_bytes(length)))?);
        // PP2_TYPE_SSL: what the client did, and 0 where its certificate was verified (section 2.2.6).
        if kind == 0x20 && value.byte()? & 6 != 0 && value.array()? == [0; 4] {
            while let (Some(kind), Some(length)) = (value.byte(), value.array()) {
                let part = value.take(usize::from(u16::from_be_bytes(length)))?;
                if kind == 0x22 {
                    say(&SUBJECT, Principal::bounded(PrincipalKind::Subject, part), notes);
                }
            }
        }
    }
    Some(())
}

fn claim(origin: SocketAddr, notes: &mut Notes<'_>) {
    say(&ORIGIN, Principal::bounded(PrincipalKind::User, origin.to_string().as_bytes()), notes);
}

fn say(rule: &'static super::Rule, principal: Principal, notes: &mut Notes<'_>) {
    let principal = Some(principal);
    notes.say(
        rule,
        Shown::Offers { proof: Proof::Claim, scope: Scope::Connection, principal, credential: None },
    );
}

/// Recognises what follows, by the same list and in the same order as the conversation does.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Which protocols may follow.
    among: fn(Protocol) -> bool,
    /// What both directions said so far, by place in the list.
    call: Vec<Likeness>,
    reply: Vec<Likeness>,
}

impl Inner {
    /// Recognises those protocols for which `among` says yes.
    pub(crate) fn among(among: fn(Protocol) -> bool) -> Self {
        let unsure = vec![Likeness::Unsure; DISSECTORS.len()];
        Self { among, call: unsure.clone(), reply: unsure }
    }
}

impl Dissector for Inner {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if bytes.is_empty() {
            return Next::More;
        }
        let compare = |known: &&Known| match from {
            _ if !(self.among)(known.protocol) => Likeness::Unlike,
            Role::Originator => (known.call)(bytes),
            Role::Responder => (known.reply)(bytes),
        };
        let found: Vec<Likeness> = DISSECTORS.iter().map(compare).collect();
        match from {
            Role::Originator => self.call = found,
            Role::Responder => self.reply = found,
        }
        for (known, (call, reply)) in DISSECTORS.iter().zip(self.call.iter().zip(&self.reply)) {
            match call.and(*reply) {
                Likeness::Unlike => {}
                Likeness::Unsure => return Next::More,
                Likeness::Like => {
                    notes.say(&SPEAKS, Shown::Speaks { protocol: known.protocol });
                    return Next::Upgraded((known.begin)());
                }
            }
        }
        Next::Lost(Hidden::Unsupported)
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        notes.say(&super::stream_rules::UNSUPPORTED, Shown::Hidden { why: Hidden::Unsupported });
    }
}
