//! iSCSI: the login phase of an initiator.
//!
//! Sources: RFC 7143 (11.12 Login Request, 11.13 Login Response and its status codes, 6.2 text keys, 12.1 CHAP, SRP and
//! Kerberos, 13.1 AuthMethod, 4.2.3 login stages).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "iscsi.initiator-named", v 1, Observed, Wire,
        "The initiator named itself (InitiatorName)",
        "Nothing proves the name";
    DEMANDED = "iscsi.proof-demanded", v 1, Observed, Wire,
        "The target chose a method of authentication (AuthMethod)",
        "Whether it would have let the initiator in without";
    ANSWERED = "iscsi.challenge-answered", v 1, Observed, Wire,
        "The initiator answered a challenge made from a shared secret (CHAP, SRP)",
        "The secret itself is not visible";
    TICKET = "iscsi.ticket-sent", v 1, Observed, Wire,
        "The initiator sent a Kerberos ticket",
        "The name in the ticket is encrypted";
    ACCEPTED = "iscsi.proof-accepted", v 1, Observed, Wire,
        "The target went on to the next stage after the proof was sent",
        "Which disks the initiator may use";
    OPENED = "iscsi.session-opened", v 1, Observed, Wire,
        "The target opened the session (full feature phase)",
        "Whether it looked at the initiator's address; which disks it may use";
    WRONG = "iscsi.authentication-failed", v 1, Observed, Wire,
        "The target refused the initiator for want of a right proof (status 0201)",
        "Whether the name or the proof was wrong";
    NOT_ALLOWED = "iscsi.not-allowed", v 1, Observed, Wire,
        "The target does not let this initiator in (status 0202)",
        "Whether a proof would have been enough";
    REFUSED = "iscsi.login-refused", v 1, Observed, Wire,
        "The target ended the login for another reason, or sent the initiator elsewhere",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Iscsi,
    call: |bytes| likeness(bytes, 0x43),
    reply: |bytes| likeness(bytes, 0x23),
    begin: || Box::new(Iscsi::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Header of every message.
const HEADER: usize = 48;
/// Largest text of a login (RFC 7143 section 6.1: the default MaxRecvDataSegmentLength).
const TEXT: u32 = 8192;

/// Opcode, stages, versions 0, no additional header, length of the text.
fn likeness(bytes: &[u8], opcode: u8) -> Likeness {
    match *bytes {
        [first, ..] if first != opcode => Likeness::Unlike,
        // The reserved bits of the stages, and stage 2, which there is not.
        [_, stages, ..] if stages & 0x30 != 0 || stages & 0x0c == 0x08 => Likeness::Unlike,
        [_, _, 0, 0, 0, 0, 0..=0x20, _, ..] => Likeness::Like,
        [_, _, ref rest @ ..] if rest.len() < 6 && rest.iter().take(4).all(|byte| *byte == 0) => {
            Likeness::Unsure
        }
        [_] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Iscsi {
    asked: bool,
    named: bool,
    offered: bool,
    accepted: bool,
}

/// The value of a key in a login's text.
fn value<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    text.split(|byte| *byte == 0).find_map(|pair| pair.strip_prefix(key)?.strip_prefix(b"="))
}

impl Iscsi {
    fn call(&mut self, text: &[u8], notes: &mut Notes<'_>) {
        if let Some(name) = value(text, b"InitiatorName").filter(|_| !self.named) {
            self.named = true;
            notes.say(&CLAIMED, sasl::name_offer(name));
        }
        if value(text, b"CHAP_R").is_some() {
            let name = value(text, b"CHAP_N").unwrap_or_default();
            self.offered = true;
            notes.say(&ANSWERED, sasl::challenge_offer(name));
        } else if value(text, b"SRP_M").is_some() {
            self.offered = true;
            notes.say(&ANSWERED, sasl::challenge_offer(b""));
        } else if value(text, b"KRB_AP_REQ").is_some() {
            self.offered = true;
            let credential = Credential::of(CredentialKind::Ticket);
            let shown = Shown::Offers {
                proof: Proof::Key,
                scope: Scope::Connection,
                principal: None,
                credential: Some(credential),
            };
            notes.say(&TICKET, shown);
        }
    }

    fn reply(&mut self, header: &[u8], text: &[u8], notes: &mut Notes<'_>) -> Next {
        let status =
            header.get(36..38).and_then(|it| Cursor(it).array()).map(u16::from_be_bytes).unwrap_or_default();
        let stages = header.get(1).copied().unwrap_or_default();
        if status != 0 {
            let (rule, why): (&'static Rule, Refusal) = match status {
                0x0201 if self.offered => (&WRONG, Refusal::ProofWrong),
                0x0201 => (&WRONG, Refusal::ProofMissing),
                0x0202 => (&NOT_ALLOWED, Refusal::NotAllowed),
                _ => (&REFUSED, Refusal::Other),
            };
            notes.say(rule, Shown::Refuses { why });
            return Next::Settled;
        }
        match value(text, b"AuthMethod") {
            Some(b"CHAP" | b"SRP") => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            Some(b"KRB5") => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Key }),
            _ => {}
        }
        // The end of the security stage, or of the login.
        let moves = stages & 0x80 != 0 && stages & 0x03 != 0;
        if moves && self.offered && !std::mem::replace(&mut self.accepted, true) {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
        if moves && stages & 0x03 == 3 {
            notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
            return Next::Settled;
        }
        Next::More
    }
}

impl Dissector for Iscsi {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // One message at a time: text that goes on in the next one is answered by an empty one.
        if (from == Role::Originator) == self.asked {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some(header) = bytes.get(..HEADER) else { return Next::More };
        let [opcode, _, _, _, extra, a, b, c, ..] = *header else { return Next::More };
        let length = u32::from_be_bytes([0, a, b, c]);
        let expected = if from == Role::Originator { 0x03 } else { 0x23 };
        if opcode & 0x3f != expected || extra != 0 || length > TEXT {
            return Next::Lost(Hidden::Unsupported);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = HEADER.saturating_add(length.next_multiple_of(4));
        let Some(text) = bytes.get(..end).and_then(|all| all.get(HEADER..HEADER.saturating_add(length)))
        else {
            return Next::More;
        };
        let next = match from {
            Role::Originator => {
                self.call(text, notes);
                Next::More
            }
            Role::Responder => self.reply(header, text, notes),
        };
        self.asked = from == Role::Originator;
        input.read(end);
        next
    }
}
