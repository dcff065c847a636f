//! XDMCP, by which a display asks a host for a login window.
//!
//! Source: X Display Manager Control Protocol 1.1 (packets; sections "Authentication" and "Authorization").

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::sasl;
use super::told::Told;
use super::{Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    WILLING = "xdmcp.host-willing", v 1, Observed, Wire,
        "The host said whether it would manage a display, as it says to anyone",
        "Nothing is said about who may log in";
    ASKED = "xdmcp.hosts-asked", v 1, Observed, Wire,
        "The display asked which hosts would manage it",
        "Whether anything answers there";
    PROVED = "xdmcp.display-authenticated", v 1, Observed, Wire,
        "The display's request carries data of an authentication by a shared key",
        "Whether the host verifies it";
    ACCEPTED = "xdmcp.proof-not-refused", v 1, Observed, Wire,
        "The host accepted a request that carried a proof",
        "Whether it would have done so without";
    MANAGED = "xdmcp.session-offered", v 1, Observed, Wire,
        "The host took the display in and will show it a login window",
        "Who then logs in: that is asked over X";
    REFUSED = "xdmcp.session-declined", v 1, Observed, Wire,
        "The host declined the display, or refused to manage it",
        "Whether the place or the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Xdmcp,
    call: |datagram| opcode(datagram).is_some_and(|code| matches!(code, 1..=4 | REQUEST | 10 | 13)),
    reply: |datagram| {
        opcode(datagram).is_some_and(|code| matches!(code, 5 | 6 | ACCEPT | DECLINE | 11 | 12 | 14))
    },
    unanswered: |datagram| opcode(datagram).is_some_and(|code| matches!(code, 1..=3)),
    begin: || Box::new(Xdmcp::default()),
    rules: RULES,
};

/// Opcodes that decide.
const REQUEST: u16 = 7;
const ACCEPT: u16 = 8;
const DECLINE: u16 = 9;

/// Version 1, an opcode, and a length that is the rest's.
fn opcode(datagram: &Datagram<'_>) -> Option<u16> {
    let mut cursor = Cursor(datagram.bytes);
    let version = u16::from_be_bytes(cursor.array()?);
    let code = u16::from_be_bytes(cursor.array()?);
    let length = u64::from(u16::from_be_bytes(cursor.array()?));
    (version == 1 && (1..=14).contains(&code) && datagram.length == length.saturating_add(6)).then_some(code)
}

/// Number of the display, kinds and addresses of its connections, then the name and data of authentication.
fn authentication(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor(bytes.get(8..)?);
    let kinds = cursor.byte()?;
    cursor.take(usize::from(kinds).checked_mul(2)?)?;
    // The addresses' count is one byte; each has its own length.
    let addresses = cursor.byte()?;
    let mut text = || {
        let length = u16::from_be_bytes(cursor.array()?);
        cursor.take(usize::from(length))
    };
    for _ in 0..addresses {
        text()?;
    }
    Some((text()?, text()?))
}

/// One flow.
#[derive(Default, Debug)]
struct Xdmcp {
    proved: bool,
    told: Told,
}

impl DatagramDissector for Xdmcp {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, opcode(datagram)) {
            (Role::Originator, Some(1..=3)) => self.told.once(&ASKED, Shown::AsksPublic, notes),
            (Role::Originator, Some(REQUEST)) => {
                if let Some((name, proof)) = authentication(datagram.bytes)
                    && !name.is_empty()
                    && !proof.is_empty()
                {
                    self.proved = true;
                    self.told.once(&PROVED, sasl::challenge_offer(b""), notes);
                }
            }
            (Role::Responder, Some(5 | 6)) => {
                self.told.once(&WILLING, Shown::Serves { operation: Operation::Public }, notes);
            }
            (Role::Responder, Some(ACCEPT)) => {
                if self.proved {
                    self.told.once(&ACCEPTED, Shown::Accepts, notes);
                }
                self.told.once(&MANAGED, Shown::Serves { operation: Operation::Service }, notes);
            }
            (Role::Responder, Some(DECLINE | 11 | 12)) => {
                let why = if self.proved { Refusal::Other } else { Refusal::Place };
                self.told.once(&REFUSED, Shown::Refuses { why }, notes);
            }
            _ => {}
        }
        Next::More
    }
}
