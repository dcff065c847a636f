//! RDP up to where it is encrypted: what security the receiver wants before it talks.
//!
//! Sources: MS-RDPBCGR 2.2.1.1 and 2.2.1.2 (connection request and confirm, negotiation), 5.4.5 (security by TLS and
//! CredSSP).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::tpkt::{self, Packet, Tpdu};
use super::{Hidden, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "rdp.name-sent", v 1, Observed, Wire,
        "The caller sent a name in its connection request's cookie",
        "Nothing proves it; it may be an account, a part of one, or anything";
    LOGIN_FIRST = "rdp.login-before-session", v 1, Observed, Wire,
        "The receiver wants the caller to log in before it opens a session (network level authentication)",
        "By password or Kerberos, and with what result, is inside TLS";
    TOKEN_FIRST = "rdp.token-before-session", v 1, Observed, Wire,
        "The receiver wants a token of a directory before it opens a session",
        "The token and what became of it are inside TLS";
    LOGIN_WANTED = "rdp.login-required", v 1, Observed, Wire,
        "The receiver refused a caller that does not offer to log in before the session",
        "Not which accounts may log in";
    CERTIFICATE_WANTED = "rdp.certificate-required", v 1, Observed, Wire,
        "The receiver refused a caller that does not offer TLS with a certificate of its user",
        "Not whose certificates it takes";
    REFUSED = "rdp.refused", v 1, Observed, Wire,
        "The receiver refused the security that the caller offered",
        "Nothing is said about whom it would let in";
    OWN_SECURITY = "rdp.own-encryption", v 1, Observed, Wire,
        "Caller and receiver go on with the protocol's own encryption, without TLS",
        "The login is inside, if there is one; old receivers can turn this encryption off";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rdp,
    call: call_likeness,
    reply: tpkt::confirm_likeness,
    begin: || Box::new(Rdp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest packet that opens or confirms a connection.
const ENOUGH: usize = 255;
/// Start of a caller's cookie.
const COOKIE: &[u8] = b"Cookie: ";
/// A packet with data, up to its length, and from there to the request for a conference (T.125 section 7).
const CONFERENCE: (&[u8], &[u8]) = (&[3, 0], &[2, 0xf0, 0x80, 0x7f, 0x65]);

/// A request with a cookie, with a choice of security, or with neither and a request for a conference behind it.
fn call_likeness(bytes: &[u8]) -> Likeness {
    match tpkt::request_likeness(bytes) {
        Likeness::Like => {}
        likeness @ (Likeness::Unlike | Likeness::Unsure) => return likeness,
    }
    match tpkt::packet(bytes, ENOUGH) {
        Packet::More => Likeness::Unsure,
        Packet::Here {
            tpdu: Tpdu::Request([0x01, _, 8, 0, ..] | [b'C', b'o', b'o', b'k', b'i', b'e', ..]),
            ..
        } => Likeness::Like,
        Packet::Here { length, tpdu: Tpdu::Request([]) } => {
            let rest = bytes.get(length..).unwrap_or_default();
            let start = Likeness::starts_with(rest, CONFERENCE.0);
            match rest.get(4..) {
                Some(kind) => start.and(Likeness::starts_with(kind, CONFERENCE.1)),
                None => start.and(Likeness::Unsure),
            }
        }
        Packet::Here { .. } | Packet::Broken => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Rdp {
    asked: bool,
}

/// The name in `Cookie: mstshash=name`, up to the end of the line.
fn name(variable: &[u8]) -> Option<&[u8]> {
    let text = variable.strip_prefix(COOKIE)?.strip_prefix(b"mstshash=")?;
    let end = text.iter().position(|byte| *byte == b'\r')?;
    text.get(..end).filter(|name| !name.is_empty())
}

/// What the receiver chose, or why it refused (2.2.1.2.1 and 2.2.1.2.2).
fn confirmed(variable: &[u8], notes: &mut Notes<'_>) -> Next {
    let (kind, value) = match *variable {
        [kind @ (2 | 3), _, 8, 0, a, b, c, d, ..] => (kind, u32::from_le_bytes([a, b, c, d])),
        // A receiver that knows of no choice.
        _ => (2, 0),
    };
    let refuse = |rule, why, notes: &mut Notes<'_>| {
        notes.say(rule, Shown::Refuses { why });
        Next::Settled
    };
    match (kind, value) {
        // PROTOCOL_RDP.
        (2, 0) => {
            notes.say(&OWN_SECURITY, Shown::Hidden { why: Hidden::Encrypted });
            return Next::Settled;
        }
        // PROTOCOL_HYBRID and PROTOCOL_HYBRID_EX: CredSSP inside TLS.
        (2, 2 | 8) => notes.say(&LOGIN_FIRST, Shown::Demands { proof: Proof::Secret }),
        // PROTOCOL_RDSTLS hands over a password of a redirection; PROTOCOL_RDSAAD is a token.
        (2, 4) => notes.say(&LOGIN_FIRST, Shown::Demands { proof: Proof::Secret }),
        (2, 16) => notes.say(&TOKEN_FIRST, Shown::Demands { proof: Proof::Token }),
        (2, _) => {}
        // HYBRID_REQUIRED_BY_SERVER.
        (_, 5) => {
            notes.say(&LOGIN_WANTED, Shown::Demands { proof: Proof::Secret });
            return refuse(&LOGIN_WANTED, Refusal::ProofMissing, notes);
        }
        // SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER.
        (_, 6) => {
            notes.say(&CERTIFICATE_WANTED, Shown::Demands { proof: Proof::Key });
            return refuse(&CERTIFICATE_WANTED, Refusal::ProofMissing, notes);
        }
        (_, _) => return refuse(&REFUSED, Refusal::Other, notes),
    }
    Next::Upgraded(super::tls::begin())
}

impl Dissector for Rdp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // What follows the request depends on its answer.
        if self.asked == (from == Role::Originator) {
            return Next::More;
        }
        let (length, next) = match (tpkt::packet(input.bytes(), ENOUGH), from) {
            (Packet::More, _) => return Next::More,
            (Packet::Here { length, tpdu: Tpdu::Request(variable) }, Role::Originator) => {
                self.asked = true;
                if let Some(name) = name(variable) {
                    notes.say(&NAMED, sasl::name_offer(name));
                }
                (length, Next::More)
            }
            (Packet::Here { length, tpdu: Tpdu::Confirm(variable) }, Role::Responder) => {
                (length, confirmed(variable, notes))
            }
            (Packet::Here { .. } | Packet::Broken, _) => return Next::Lost(Hidden::Unsupported),
        };
        input.read(length);
        next
    }
}
