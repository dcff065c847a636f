//! DICOM: an association, the titles that both sides call each other by, and an identity if there is one.
//!
//! Sources: DICOM PS3.8 section 9.3 (A-ASSOCIATE-RQ 01, -AC 02, -RJ 03, A-ABORT 07), PS3.7 annex D.3.3.7 (user
//! identity, item 58H: 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token; the answer is 59H).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown, sasl, token,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "dicom.title-claimed", v 1, Observed, Wire,
        "The caller named itself by its application entity's title, or by a user name",
        "Nothing proves the name";
    PASSWORD = "dicom.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a passcode in clear (user identity 2)",
        "Whether the receiver looks at them: one that does not know the item ignores it";
    TICKET = "dicom.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket (user identity 3)",
        "Whether the receiver looks at it";
    TOKEN = "dicom.token-sent", v 1, Observed, Wire,
        "The caller sent a SAML assertion or a JSON Web Token (user identity 4, 5)",
        "Whether the receiver looks at it";
    ACCEPTED = "dicom.identity-accepted", v 1, Observed, Wire,
        "The receiver accepted the association and answered the identity",
        "Whether it would have accepted it without";
    IGNORED = "dicom.identity-ignored", v 1, Observed, Wire,
        "The receiver accepted the association and left out the answer to the identity that the caller wanted",
        "Nothing further is said about what it checks";
    OPENED = "dicom.association-accepted", v 1, Observed, Wire,
        "The receiver accepted the association",
        "Whether it looked at the caller's address or title; which images the caller may fetch";
    NOT_ALLOWED = "dicom.title-refused", v 1, Observed, Wire,
        "The receiver does not know the title by which the caller names itself",
        "Whether it looks at anything else";
    REFUSED = "dicom.association-refused", v 1, Observed, Wire,
        "The receiver refused or ended the association for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Dicom,
    call: call_likeness,
    reply: |bytes| match bytes {
        [2 | 3 | 7, 0, 0, _, ..] => Likeness::Like,
        [2 | 3 | 7] | [2 | 3 | 7, 0] | [2 | 3 | 7, 0, 0] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Dicom::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const HEADER: usize = 6;
/// Version, reserved, two titles of 16 characters, 32 reserved.
const FIXED: usize = 68;
/// Largest association that is read whole.
const WHOLE: usize = 65_536;

/// Type 1, reserved, length, version 1, reserved, and a title in printable characters.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let expect = |at: usize, byte: u8| match at {
        0 | 7 => byte == 1,
        1 | 2 | 6 | 8 | 9 => byte == 0,
        10..=12 => byte.is_ascii_graphic() || byte == b' ',
        _ => true,
    };
    if !bytes.iter().take(13).enumerate().all(|(at, byte)| expect(at, *byte)) {
        Likeness::Unlike
    } else if bytes.len() < 13 {
        Likeness::Unsure
    } else {
        Likeness::Like
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Dicom {
    asked: bool,
    proved: bool,
    /// The caller wants its identity answered.
    wanted: bool,
}

/// The item of this type among items of type, reserved byte, length, value.
fn item(items: &[u8], kind: u8) -> Option<&[u8]> {
    let mut cursor = Cursor(items);
    loop {
        let [found, _] = cursor.array()?;
        let length = u16::from_be_bytes(cursor.array()?);
        let value = cursor.take(usize::from(length))?;
        if found == kind {
            return Some(value);
        }
    }
}

/// The user identity of an association: in the user information item 50H, kind, answer wanted, two fields.
fn identity(body: &[u8], notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
    let mut cursor = Cursor(item(item(body.get(FIXED..)?, 0x50)?, 0x58)?);
    let kind = cursor.byte()?;
    cursor.byte()?;
    let mut sized = || {
        let length = u16::from_be_bytes(cursor.array()?);
        cursor.take(usize::from(length))
    };
    let first = sized()?;
    match kind {
        1 => Some((&CLAIMED, sasl::name_offer(first))),
        2 => Some(sasl::password_offer(&PASSWORD, first, sized()?, notes)),
        3 => Some((&TICKET, offer(Proof::Key, None, credential(CredentialKind::Ticket, None, notes)))),
        4 => {
            Some((&TOKEN, offer(Proof::Secret, None, credential(CredentialKind::Bearer, Some(first), notes))))
        }
        5 => {
            let sent = token::bearer(first, notes)?;
            Some((&TOKEN, offer(sent.proof, sent.principal, sent.credential)))
        }
        _ => None,
    }
}

fn credential(kind: CredentialKind, clear: Option<&[u8]>, notes: &Notes<'_>) -> Credential {
    Credential {
        fingerprint: clear.map(|clear| notes.fingerprint("bearer", clear)),
        cleartext: clear.is_some(),
        ..Credential::of(kind)
    }
}

fn offer(proof: Proof, principal: Option<Principal>, credential: Credential) -> Shown {
    Shown::Offers { proof, scope: Scope::Connection, principal, credential: Some(credential) }
}

impl Dicom {
    fn call(&mut self, body: &[u8], notes: &mut Notes<'_>) {
        let title = body.get(20..36).unwrap_or_default().trim_ascii();
        notes.say(
            &CLAIMED,
            Shown::Offers {
                proof: Proof::Claim,
                scope: Scope::Connection,
                principal: Some(Principal::bounded(PrincipalKind::User, title)),
                credential: None,
            },
        );
        if let Some((rule, shown)) = identity(body, notes) {
            // The byte after the kind (D.3.3.7.1, table D.3-14).
            let asked = body.get(FIXED..).and_then(|items| item(item(items, 0x50)?, 0x58)?.get(1).copied());
            self.wanted = asked == Some(1);
            self.proved = shown.proof().is_some();
            notes.say(rule, shown);
        }
        self.asked = true;
    }

    fn reply(&self, kind: u8, body: &[u8], notes: &mut Notes<'_>) {
        match (kind, body) {
            (2, _) => {
                let answered = body.get(FIXED..).and_then(|items| item(item(items, 0x50)?, 0x59)).is_some();
                if self.proved && answered {
                    notes.say(&ACCEPTED, Shown::Accepts);
                } else if self.proved && self.wanted {
                    notes.say(&IGNORED, Shown::Ignores);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
            }
            // Result, source (1 is the service's user), reason (3: the calling title).
            (3, [_, _, 1, 3, ..]) => notes.say(&NOT_ALLOWED, Shown::Refuses { why: Refusal::NotAllowed }),
            _ => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
        }
    }
}

impl Dissector for Dicom {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.asked != (from == Role::Responder) {
            return Next::More;
        }
        let bytes = input.bytes();
        let mut cursor = Cursor(bytes);
        let (Some([kind, _]), Some(length)) = (cursor.array(), cursor.array().map(u32::from_be_bytes)) else {
            return Next::More;
        };
        let whole = usize::try_from(length).unwrap_or(usize::MAX);
        let known = match from {
            Role::Originator => kind == 1 && whole >= FIXED,
            Role::Responder => matches!(kind, 2 | 3 | 7),
        };
        if !known || whole > WHOLE {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(body) = cursor.take(whole) else { return Next::More };
        let next = match from {
            Role::Originator => {
                self.call(body, notes);
                Next::More
            }
            Role::Responder => {
                self.reply(kind, body, notes);
                Next::Settled
            }
        };
        input.read(HEADER.saturating_add(whole));
        next
    }
}
