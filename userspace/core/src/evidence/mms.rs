//! MMS, by which substation devices (IEC 61850) and control centres (ICCP, TASE.2) are read and commanded.
//!
//! On top of RFC 1006: session, presentation and association control, where a password may be presented.
//! Sources: ISO 9506-2 (PDUs), ITU-T X.225 section 8 (SPDUs), X.226 section 8 (CP, CPA, CPR), X.227 section 9 (AARQ,
//! AARE and diagnostics), IEC 62351-4 (signed authentication values).

use super::ber::{self, Elements, Found};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::tpkt::{self, Packet, Tpdu};
use super::{Credential, CredentialKind, Hidden, Operation, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "mms.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear when it asked for an association (ACSE authentication value)",
        "Whether the receiver looks at it";
    ACCEPTED = "mms.password-accepted", v 1, Observed, Wire,
        "The receiver accepted the association after a password was sent",
        "Whether it would have done so without";
    OPENED = "mms.association-accepted", v 1, Observed, Wire,
        "The receiver accepted an association, or its parameters",
        "Whether it serves any request in it";
    IDENTIFIED = "mms.identified", v 1, Observed, Wire,
        "The receiver told what it is or its state",
        "Whether it lets the caller read or write anything";
    SERVED = "mms.request-served", v 1, Observed, Wire,
        "The receiver answered a confirmed request (reading, writing, names, files) or sent a report",
        "Which other objects it lets the caller use";
    MISSING = "mms.authentication-required", v 1, Observed, Wire,
        "The receiver refused the association because it asks for authentication",
        "Which proof would be enough";
    WRONG = "mms.authentication-failure", v 1, Observed, Wire,
        "The receiver refused the association because authentication failed",
        "Which part of the proof was wrong";
    REFUSED = "mms.refused", v 1, Observed, Wire,
        "The receiver refused the association or a request for another reason",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Mms,
    call: |bytes| tpkt::call_likeness(bytes, inner_likeness),
    reply: |bytes| tpkt::reply_likeness(bytes, |_| Likeness::Unlike),
    begin: || Box::new(Mms::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Bytes of a packet that are looked at: an association's request fits.
const ENOUGH: usize = 2048;
/// Most packets that are read: nothing new is shown after.
const MOST: u32 = 512;
/// Object identifiers of MMS begin with 1.0.9506.2.
const MMS: &[u8] = &[0x28, 0xca, 0x22, 0x02];
/// SPDUs: connect, accept, refuse, abort; and the parameters that carry the user's bytes.
const CONNECT: u8 = 0x0d;
const ACCEPT: u8 = 0x0e;
const REFUSE: u8 = 0x0c;
const ABORT: u8 = 0x19;
const USER: [u8; 2] = [0xc1, 0xc2];
/// Initiate request, where a stack leaves session, presentation and association out.
const INITIATE: u8 = 0xa8;

/// A session's request that names an MMS syntax, or an initiate request.
fn inner_likeness(content: &[u8]) -> Likeness {
    match *content {
        [CONNECT] | [INITIATE] | [INITIATE, _] => Likeness::Unsure,
        [CONNECT, ..] => {
            let Some((body, whole)) = spdu(content) else {
                return if content.len() < 4 { Likeness::Unsure } else { Likeness::Unlike };
            };
            if body.windows(MMS.len()).any(|it| it == MMS) {
                Likeness::Like
            } else if whole || content.len() >= ENOUGH {
                Likeness::Unlike
            } else {
                Likeness::Unsure
            }
        }
        [INITIATE, 1..=0x7f, 0x80 | 0x81, ..] => Likeness::Like,
        _ => Likeness::Unlike,
    }
}

/// What is there of an SPDU's parameters, and whether that is all of them.
fn spdu(content: &[u8]) -> Option<(&[u8], bool)> {
    let (start, length) = match *content {
        [_, 0xff, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 0xff, ..] => return None,
        [_, length, ..] => (2, usize::from(length)),
        _ => return None,
    };
    let rest = content.get(start..).unwrap_or_default();
    Some((rest.get(..length).unwrap_or(rest), rest.len() >= length))
}

/// The user's bytes of an SPDU.
fn user(content: &[u8]) -> Option<&[u8]> {
    let (mut parameters, true) = spdu(content)? else { return None };
    loop {
        let code = *parameters.first()?;
        let (value, _) = spdu(parameters)?;
        if USER.contains(&code) {
            return Some(value);
        }
        let head = if parameters.get(1) == Some(&0xff) { 4_usize } else { 2 };
        parameters = parameters.get(head.saturating_add(value.len())..)?;
    }
}

/// What is there of the content of the element that `bytes` begin with, if it has this tag.
fn inside(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let Found::Head(head) = ber::head(bytes) else { return None };
    let rest = bytes.get(head.head..).filter(|_| head.tag == tag)?;
    Some(rest.get(..head.length).unwrap_or(rest))
}

/// What is there of the first element with this tag among others before it.
fn among(mut bytes: &[u8], tag: u8) -> Option<&[u8]> {
    for _ in 0..32 {
        let Found::Head(head) = ber::head(bytes) else { return None };
        if head.tag == tag {
            return inside(bytes, tag);
        }
        bytes = bytes.get(head.head.checked_add(head.length)?..)?;
    }
    None
}

/// Fully encoded data, its first value.
fn value(presentation: &[u8]) -> Option<&[u8]> {
    among(inside(inside(presentation, 0x61)?, 0x30)?, 0xa0)
}

/// Association control's PDU in a connect, an accept or a refusal.
fn association(content: &[u8]) -> Option<&[u8]> {
    let ppdu = user(content)?;
    let parameters = match inside(ppdu, 0x31) {
        Some(set) => among(set, 0xa2)?,
        None => inside(ppdu, 0x30)?,
    };
    let found = among(parameters, 0x61)?;
    among(inside(found, 0x30)?, 0xa0)
}

/// How the caller presents itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Presented<'a> {
    Nothing,
    Password(&'a [u8]),
    /// An authentication value whose form is not read.
    Unknown,
}

/// The authentication value of an AARQ.
fn presented(aarq: &[u8]) -> Option<Presented<'_>> {
    let Found::Head(head) = ber::head(aarq) else { return None };
    let body = inside(aarq, 0x60).filter(|body| body.len() == head.length)?;
    let Some((_, choice)) = Elements(body).find(|(tag, _)| *tag == 0xac) else {
        return Some(Presented::Nothing);
    };
    // A character string, or a bit string behind its count of unused bits; anything else is another's form.
    Some(match Elements(choice).next() {
        Some((0x80, password)) if !password.is_empty() => Presented::Password(password),
        Some((0x81, [0, password @ ..])) if !password.is_empty() => Presented::Password(password),
        _ => Presented::Unknown,
    })
}

/// Result and diagnostic of an AARE.
fn result(aare: &[u8]) -> Option<(u32, u32)> {
    let body = inside(aare, 0x61)?;
    let result = Elements(among(body, 0xa2)?).next().and_then(|(_, content)| ber::number(content))?;
    let diagnostic = among(body, 0xa3)
        .and_then(|source| inside(source, 0xa1))
        .and_then(|content| Elements(content).next())
        .and_then(|(_, content)| ber::number(content));
    Some((result, diagnostic.unwrap_or(0)))
}

/// One flow.
#[derive(Default, Debug)]
struct Mms {
    told: Told,
    called: bool,
    /// A password was presented and nobody has judged it.
    proved: bool,
    /// The next data packet continues a message.
    continued: [bool; 2],
    seen: u32,
}

impl Mms {
    fn caller(&mut self, content: &[u8], last: bool, notes: &mut Notes<'_>) -> Option<()> {
        if content.first() != Some(&CONNECT) {
            return Some(());
        }
        if !last {
            return None;
        }
        match presented(association(content)?)? {
            Presented::Nothing => Some(()),
            Presented::Unknown => None,
            Presented::Password(password) => {
                self.proved = true;
                let credential =
                    Credential::clear(CredentialKind::Password, notes.fingerprint("password", password));
                let offer = Shown::secret(Scope::Connection, None, credential);
                notes.say(&PASSWORD, offer);
                Some(())
            }
        }
    }

    /// What stands in a message of the receiver; `true` once it refused the association.
    fn receiver(&mut self, content: &[u8], notes: &mut Notes<'_>) -> Option<bool> {
        match *content.first()? {
            spdu @ (ACCEPT | REFUSE) => match association(content).and_then(result) {
                None if spdu == ACCEPT => return None,
                Some((0, _)) if spdu == ACCEPT => {
                    if std::mem::take(&mut self.proved) {
                        notes.say(&ACCEPTED, Shown::Accepts);
                    }
                    self.told.once(&OPENED, Shown::Serves { operation: Operation::Public }, notes);
                }
                found => {
                    // 12 and 14 ask for authentication, 13 is its failure.
                    let (rule, why): (&'static Rule, Refusal) = match found {
                        Some((_, 12 | 14)) => (&MISSING, Refusal::ProofMissing),
                        Some((_, 13)) => (&WRONG, Refusal::ProofWrong),
                        Some(_) | None => (&REFUSED, Refusal::Other),
                    };
                    notes.say(rule, Shown::Refuses { why });
                    return Some(true);
                }
            },
            ABORT => self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes),
            // Give tokens and data transfer, both without parameters, before each message.
            1 => self.pdu(value(content.strip_prefix(&[1, 0, 1, 0])?)?, notes),
            0xa0..=0xaa | 0x8b..=0x8d => self.pdu(content, notes),
            _ => {}
        }
        Some(false)
    }

    /// An MMS PDU of the receiver.
    fn pdu(&mut self, pdu: &[u8], notes: &mut Notes<'_>) {
        let served = Shown::Serves { operation: Operation::Service };
        let public = Shown::Serves { operation: Operation::Public };
        match pdu.first() {
            // Invoke id; then status, identify, or any other service.
            Some(0xa1) => match inside(pdu, 0xa1) {
                Some([2, length, rest @ ..])
                    if matches!(rest.get(usize::from(*length)), Some(0xa0 | 0xa2)) =>
                {
                    self.told.once(&IDENTIFIED, public, notes);
                }
                _ => self.told.once(&SERVED, served, notes),
            },
            Some(0xa3) => self.told.once(&SERVED, served, notes),
            Some(0xa9) => self.told.once(&OPENED, public, notes),
            Some(0xa2 | 0xa4 | 0xaa) => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            _ => {}
        }
    }
}

impl Dissector for Mms {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let (length, content, last) = match tpkt::packet(input.bytes(), ENOUGH) {
            Packet::More => return Next::More,
            Packet::Broken => return Next::Lost(Hidden::Unsupported),
            Packet::Here { length, tpdu: Tpdu::Data { content, last } } => {
                let [caller, receiver] = &mut self.continued;
                let continued = if from == Role::Originator { caller } else { receiver };
                (length, (!std::mem::replace(continued, !last)).then_some(content), last)
            }
            Packet::Here { length, .. } => (length, None, true),
        };
        self.called = true;
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            let read = match from {
                Role::Originator => self.caller(content, last, notes).map(|()| false),
                Role::Responder => self.receiver(content, notes),
            };
            match read {
                Some(false) => {}
                Some(true) => return Next::Settled,
                None => return Next::Lost(Hidden::Unsupported),
            }
        }
        input.read(length);
        self.seen = self.seen.saturating_add(1);
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}
