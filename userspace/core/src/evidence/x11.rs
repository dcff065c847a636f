//! X11: the cookie with which a client opens its connection, or that it opened without one.
//!
//! Sources: X Window System Protocol, version 11, appendix B "Connection Setup"; Xsecurity(7) (host lists,
//! MIT-MAGIC-COOKIE-1, XDM-AUTHORIZATION-1, SUN-DES-1).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Credential, CredentialKind, Hidden, Operation, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    COOKIE = "x11.cookie-sent", v 1, Observed, Wire,
        "The caller sent a shared cookie in clear (MIT-MAGIC-COOKIE-1)",
        "Whether the receiver looked at it: a host that is on its list is let in with any";
    ENCRYPTED_COOKIE = "x11.encrypted-cookie-sent", v 1, Observed, Wire,
        "The caller sent its address and time encrypted under a shared key (XDM-AUTHORIZATION-1)",
        "Whether the receiver looked at it: a host that is on its list is let in with any";
    ACCEPTED = "x11.cookie-accepted", v 1, Observed, Wire,
        "The receiver opened the connection after a cookie was sent",
        "Whether it would have opened it without";
    OPENED = "x11.connection-opened", v 1, Observed, Wire,
        "The receiver opened the connection: the caller may use the display",
        "Whether it looked at the caller's address or, on a Unix socket, at its uid";
    MISSING = "x11.cookie-missing", v 1, Observed, Wire,
        "The receiver refused a caller that sent no cookie and is not on its list of hosts",
        "Which cookie would have been enough";
    WRONG = "x11.cookie-refused", v 1, Observed, Wire,
        "The receiver refused a caller that sent a cookie",
        "Not whether it serves those who send none";
    FULL = "x11.refused", v 1, Observed, Wire,
        "The receiver refused because it has as many clients as it takes",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::X11,
    call: |bytes| {
        let little = Likeness::starts_with(bytes, b"l\0\x0b\0\0\0");
        if little == Likeness::Unlike { Likeness::starts_with(bytes, b"B\0\0\x0b\0\0") } else { little }
    },
    reply: reply_likeness,
    begin: || Box::new(X11::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Status, a byte, major version 11 in either order.
fn reply_likeness(bytes: &[u8]) -> Likeness {
    match *bytes {
        [0..=2] | [0..=2, _] | [0 | 1, _, 0 | 11] => Likeness::Unsure,
        [0 | 1, _, 0, 11, ..] | [0 | 1, _, 11, 0, ..] => Likeness::Like,
        // Authenticate has five unused bytes.
        [2, _, _] | [2, _, _, _] | [2, _, _, _, _] | [2, _, _, _, _, _] | [2, _, _, _, _, _, _] => {
            Likeness::Unsure
        }
        [2, _, _, _, _, _, _, _, ..] => Likeness::Like,
        _ => Likeness::Unlike,
    }
}

/// Longest name and proof that are read; cookies have 16 bytes.
const LONGEST: u16 = 256;

/// One flow.
#[derive(Default, Debug)]
struct X11 {
    asked: bool,
    big: bool,
    offered: bool,
}

/// Length with the padding to four bytes.
fn padded(length: u16) -> usize {
    usize::from(length).next_multiple_of(4)
}

impl X11 {
    fn number(&self, bytes: [u8; 2]) -> u16 {
        if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn call(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let [order, _, _, _, _, _, name1, name2, data1, data2, _, _, rest @ ..] = bytes else {
            return Next::More;
        };
        self.big = *order == b'B';
        let (name, proof) = (self.number([*name1, *name2]), self.number([*data1, *data2]));
        if name > LONGEST || proof > LONGEST {
            return Next::Lost(Hidden::Unsupported);
        }
        let mut cursor = Cursor(rest);
        let (Some(name_field), Some(proof_field)) = (cursor.take(padded(name)), cursor.take(padded(proof)))
        else {
            return Next::More;
        };
        let name = name_field.get(..usize::from(name)).unwrap_or_default();
        let proof = proof_field.get(..usize::from(proof)).unwrap_or_default();
        let offers = |fingerprint, cleartext| {
            Shown::secret(
                Scope::Connection,
                None,
                Credential { fingerprint, cleartext, ..Credential::of(CredentialKind::Cookie) },
            )
        };
        match name {
            b"" => {}
            b"MIT-MAGIC-COOKIE-1" if proof.is_empty() => {}
            b"MIT-MAGIC-COOKIE-1" => {
                notes.say(&COOKIE, offers(Some(notes.fingerprint("cookie", proof)), true))
            }
            b"XDM-AUTHORIZATION-1" => notes.say(&ENCRYPTED_COOKIE, offers(None, false)),
            // SUN-DES-1 and MIT-KERBEROS-5 have other proofs that are not read.
            _ => return Next::Lost(Hidden::Unsupported),
        }
        self.offered = !proof.is_empty();
        self.asked = true;
        let count = 12_usize.saturating_add(name_field.len()).saturating_add(proof_field.len());
        input.read(count);
        Next::More
    }

    fn reply(&self, bytes: &[u8], notes: &mut Notes<'_>) -> Next {
        let [status, length, _, _, _, _, _, _, reason @ ..] = bytes else { return Next::More };
        match status {
            1 => {
                if self.offered {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            0 => {
                let Some(reason) = reason.get(..usize::from(*length)) else { return Next::More };
                if reason.starts_with(b"Maximum number of clients") {
                    notes.say(&FULL, Shown::Refuses { why: Refusal::Other });
                } else if self.offered {
                    notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                } else {
                    notes.say(&MISSING, Shown::Refuses { why: Refusal::ProofMissing });
                }
                Next::Settled
            }
            // Further authentication, in a form that no server uses.
            _ => Next::Lost(Hidden::Unsupported),
        }
    }
}

impl Dissector for X11 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, self.asked) {
            (Role::Originator, false) => self.call(input, notes),
            (Role::Responder, true) => self.reply(input.bytes(), notes),
            // Requests that came before the answer decide nothing.
            (Role::Originator, true) => {
                let count = input.bytes().len();
                input.read(count);
                Next::More
            }
            (Role::Responder, false) => Next::More,
        }
    }
}
