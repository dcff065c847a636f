//! DRDA (DB2, Derby, Informix): the security mechanism that was agreed upon, and what came of it.
//!
//! Sources: The Open Group "DDM Architecture" volume 3, version 4 (DSS headers; EXCSAT 1041, ACCSEC 106D, ACCSECRD 14AC,
//! SECMEC 11A2, SECCHK 106E, SECCHKRM 1219, SECCHKCD 11A4, ACCRDBRM 2201, RDBATHRM 22CB, RDBNFNRM 2211); IBM CDRA (code
//! page 500, in which names are written by default).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::ebcdic::name;
use super::sasl;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "drda.proof-demanded", v 1, Observed, Wire,
        "The receiver agreed to, or named, a security mechanism that proves the caller (ACCSECRD)",
        "Whether it takes weaker ones from others";
    PASSWORD = "drda.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear; another code page hides nothing",
        "Whether the receiver looks at them";
    SECRET = "drda.protected-password-sent", v 1, Observed, Wire,
        "The caller sent a password that is substituted or encrypted",
        "The password itself is not visible; older forms of the encryption are weak";
    TICKET = "drda.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket (KERSEC)",
        "The name in the ticket is encrypted";
    CLAIMED = "drda.name-claimed", v 1, Observed, Wire,
        "The caller named itself and sent no proof, as the mechanism wants (USRIDONL, encrypted or not)",
        "Nothing on the wire proves the name";
    ACCEPTED = "drda.proof-accepted", v 1, Observed, Wire,
        "The receiver accepted the security information (SECCHKCD 0)",
        "What the user may do";
    OPENED = "drda.database-opened", v 1, Observed, Wire,
        "The receiver opened the database for the caller (ACCRDBRM)",
        "What the user may do";
    WRONG = "drda.proof-refused", v 1, Observed, Wire,
        "The receiver refused the user name or the proof",
        "Whether the name exists";
    MISSING = "drda.proof-missing", v 1, Observed, Wire,
        "The receiver refused because the user name or the proof was missing",
        "Not which proof would have been enough";
    NOT_ALLOWED = "drda.not-allowed", v 1, Observed, Wire,
        "The receiver knows the user and does not let it use the database (revoked, expired, not authorized)",
        "Whether the proof was right";
    REFUSED = "drda.refused", v 1, Observed, Wire,
        "The receiver refused for another reason",
        "Nothing further is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Drda,
    call: |bytes| likeness(bytes, 0x1041, 1),
    reply: |bytes| likeness(bytes, 0x1443, 3),
    begin: || Box::new(Drda::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Header of a data stream structure: length, D0, format, correlation; then length and code point of the object.
const HEADER: usize = 6;
/// Largest structure that is read whole.
const WHOLE: usize = 32_768;
const ACCSEC: u16 = 0x106d;
const SECCHK: u16 = 0x106e;
const ACCSECRD: u16 = 0x14ac;
const SECMEC: u16 = 0x11a2;
const USRID: u16 = 0x11a0;
const PASSWORD_FIELD: u16 = 0x11a1;
const SECTKN: u16 = 0x11dc;
const SECCHKRM: u16 = 0x1219;
const SECCHKCD: u16 = 0x11a4;
const ACCRDBRM: u16 = 0x2201;
const RDBATHRM: u16 = 0x22cb;
const RDBNFNRM: u16 = 0x2211;
const RDBAFLRM: u16 = 0x221a;
const RDBNACRM: u16 = 0x2204;

/// Length, D0, format (the low half is the kind), correlation, length, code point. A reply may be an error of any kind.
fn likeness(bytes: &[u8], code: u16, kind: u8) -> Likeness {
    let [high, low] = code.to_be_bytes();
    let expect = |at: usize, byte: u8| match at {
        2 => byte == 0xd0,
        3 => byte & 0x0f == kind,
        8 => byte == high,
        9 => byte == low,
        _ => true,
    };
    if !bytes.iter().take(10).enumerate().all(|(at, byte)| expect(at, *byte)) {
        Likeness::Unlike
    } else if bytes.len() < 10 {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Drda {
    /// Structures of the caller that no structure of the receiver has followed.
    asked: bool,
    mechanism: u16,
    demanded: bool,
    offered: bool,
    proved: bool,
    unread: bool,
}

/// The value of the first field with this code point.
fn field(object: &[u8], code: u16) -> Option<&[u8]> {
    let mut cursor = Cursor(object);
    while !cursor.0.is_empty() {
        let length = u16::from_be_bytes(cursor.array()?);
        let found = u16::from_be_bytes(cursor.array()?);
        let value = cursor.take(usize::from(length).checked_sub(4)?)?;
        if found == code {
            return Some(value);
        }
    }
    None
}

fn number(value: Option<&[u8]>) -> Option<u16> {
    Some(u16::from_be_bytes(value?.try_into().ok()?))
}

/// What a security mechanism proves the caller by; `None` where that can't be read.
fn proof_of(mechanism: u16) -> Option<Proof> {
    match mechanism {
        // USRIDONL and the encrypted user name alone.
        4 | 16 => Some(Proof::Claim),
        // Passwords: in clear, with a new one, substituted, encrypted, and with encrypted user names or payload.
        3 | 5..=10 | 12..=14 => Some(Proof::Secret),
        11 => Some(Proof::Key),
        // DCE, plug-ins, certificates, tokens.
        _ => None,
    }
}

impl Drda {
    fn call(&mut self, code: u16, object: &[u8], notes: &mut Notes<'_>) {
        match code {
            ACCSEC => self.mechanism = number(field(object, SECMEC)).unwrap_or(self.mechanism),
            SECCHK => {
                self.mechanism = number(field(object, SECMEC)).unwrap_or(self.mechanism);
                let user = name(field(object, USRID).unwrap_or_default());
                let (password, token) = (field(object, PASSWORD_FIELD), field(object, SECTKN));
                let offer = match (proof_of(self.mechanism), self.mechanism) {
                    (Some(Proof::Claim), _) => Some((&CLAIMED, sasl::name_offer(&user))),
                    (Some(Proof::Secret), 3 | 5) => {
                        password.map(|password| sasl::password_offer(&PASSWORD, &user, password, notes))
                    }
                    (Some(Proof::Secret), _) if password.or(token).is_some() => {
                        Some((&SECRET, sasl::challenge_offer(&user)))
                    }
                    (Some(Proof::Key), _) if token.is_some() => Some((&TICKET, ticket(&user))),
                    _ => None,
                };
                self.offered = true;
                self.unread = offer.is_none();
                if let Some((rule, shown)) = offer {
                    let rule: &'static Rule = rule;
                    self.proved = shown.proof().is_some();
                    notes.say(rule, shown);
                }
            }
            _ => {}
        }
    }

    fn reply(&mut self, code: u16, object: &[u8], notes: &mut Notes<'_>) -> Next {
        match code {
            ACCSECRD => {
                let mechanism = number(field(object, SECMEC)).unwrap_or(self.mechanism);
                let proof = proof_of(mechanism).filter(|proof| *proof != Proof::Claim);
                if let Some(proof) = proof.filter(|_| !std::mem::replace(&mut self.demanded, true)) {
                    notes.say(&DEMANDED, Shown::Demands { proof });
                }
                Next::More
            }
            SECCHKRM => {
                let code = field(object, SECCHKCD).and_then(|value| value.first().copied());
                let (rule, why): (&'static Rule, Refusal) = match code {
                    Some(0) if self.unread => return Next::Lost(Hidden::Unsupported),
                    Some(0) => {
                        if self.proved {
                            notes.say(&ACCEPTED, Shown::Accepts);
                        }
                        return Next::More;
                    }
                    // Password invalid, new password invalid, user unknown, token invalid.
                    Some(0x0b | 0x0f | 0x13 | 0x15) => (&WRONG, Refusal::ProofWrong),
                    // Password, user or token missing.
                    Some(0x0a | 0x10 | 0x12) => (&MISSING, Refusal::ProofMissing),
                    // Password expired, user revoked.
                    Some(0x0e | 0x14) => (&NOT_ALLOWED, Refusal::NotAllowed),
                    Some(_) | None => (&REFUSED, Refusal::Other),
                };
                notes.say(rule, Shown::Refuses { why });
                Next::Settled
            }
            ACCRDBRM if self.unread => Next::Lost(Hidden::Unsupported),
            ACCRDBRM => {
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            RDBATHRM => {
                notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed });
                Next::Settled
            }
            RDBNFNRM | RDBAFLRM | RDBNACRM => {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                Next::Settled
            }
            _ => Next::More,
        }
    }
}

fn ticket(user: &[u8]) -> Shown {
    let credential = Credential::of(CredentialKind::Ticket);
    Shown::Offers {
        proof: Proof::Key,
        scope: Scope::Connection,
        principal: (!user.is_empty()).then(|| Principal::bounded(PrincipalKind::User, user)),
        credential: Some(credential),
    }
}

impl Dissector for Drda {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // A chain of structures is answered as one; an answer comes after the whole of what it answers.
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some([high, low, magic, _, _, _]) = bytes.first_chunk::<HEADER>().copied() else {
            return Next::More;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // A set high bit continues an object over several structures: none of those that are looked at.
        if magic != 0xd0 || length < HEADER.saturating_add(4) || length > WHOLE {
            return Next::Lost(Hidden::Unsupported);
        }
        // Statements and data are passed over; what is looked at is small.
        let Some(object) = bytes.get(HEADER..HEADER.saturating_add(4)) else { return Next::More };
        let mut cursor = Cursor(object);
        let object = cursor.array().map(u16::from_be_bytes).zip(cursor.array().map(u16::from_be_bytes));
        let Some((size, code)) = object else { return Next::Lost(Hidden::Unsupported) };
        let known = match from {
            Role::Originator => matches!(code, ACCSEC | SECCHK),
            Role::Responder => matches!(code, ACCSECRD | SECCHKRM),
        };
        let size = if known { usize::from(size) } else { 4 };
        if size < 4 || size.saturating_add(HEADER) > length {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(object) = bytes.get(HEADER..HEADER.saturating_add(size)) else { return Next::More };
        let fields = object.get(4..).unwrap_or_default();
        let next = match from {
            Role::Originator => {
                self.asked = true;
                self.call(code, fields, notes);
                Next::More
            }
            Role::Responder => self.reply(code, fields, notes),
        };
        input.read(length);
        next
    }
}
