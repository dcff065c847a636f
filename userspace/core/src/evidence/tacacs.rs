//! TACACS+: what is obscured under a shared key, and what is said in clear.
//!
//! Source: RFC 8907 sections 4.1 (header), 4.5 (obfuscation), 5 (authentication), 6 (authorization), 7 (accounting).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope,
    Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    OBSCURED = "tacacs.body-obscured", v 1, Observed, Wire,
        "The caller obscured its message under a key that it shares with the receiver",
        "Whether the key is right, and what was asked and answered, is not visible";
    PASSWORD = "tacacs.password-sent", v 1, Observed, Wire,
        "The caller sent a user's password, or the answer to a challenge, in a message that is not obscured",
        "Whether the caller itself is known to the receiver";
    CLAIMED = "tacacs.name-claimed", v 1, Observed, Wire,
        "The caller named a user and sent no proof, in a message that is not obscured",
        "Whether the caller itself is known to the receiver";
    DEMANDED = "tacacs.proof-demanded", v 1, Observed, Wire,
        "The receiver asked for a name or a password",
        "Not whether it asks everyone";
    ACCEPTED = "tacacs.login-passed", v 1, Observed, Wire,
        "The receiver let the user pass",
        "Not whether it would have let any password pass";
    SERVED = "tacacs.request-served", v 1, Observed, Wire,
        "The receiver did what it was asked: a login, an authorization, a record",
        "Not which rights follow from it";
    WRONG = "tacacs.login-failed", v 1, Observed, Wire,
        "The receiver let the user not pass",
        "Not whether name or password was wrong";
    FAILED = "tacacs.request-failed", v 1, Observed, Wire,
        "The receiver refused an authorization, or answered with an error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Tacacs,
    call: |bytes| likeness(bytes, 1),
    reply: |bytes| likeness(bytes, 2),
    begin: || Box::new(Tacacs::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Bytes of the header, and of the longest body that is believed.
const HEADER: usize = 12;
const LONGEST: u32 = 65_536;
/// Body is in clear; several sessions on one connection.
const UNOBSCURED: u8 = 1;
const SINGLE: u8 = 4;

const AUTHENTICATION: u8 = 1;
const AUTHORIZATION: u8 = 2;

/// Version, type, sequence number, flags.
fn likeness(bytes: &[u8], sequence: u8) -> Likeness {
    let fits: [fn(u8) -> bool; 4] = [
        |it| matches!(it, 0xc0 | 0xc1),
        |it| (1..=3).contains(&it),
        |_| true,
        |it| it & !(UNOBSCURED | SINGLE) == 0,
    ];
    let wrong = bytes.iter().zip(fits).any(|(byte, fits)| !fits(*byte));
    if wrong || bytes.get(2).is_some_and(|it| *it != sequence) {
        return Likeness::Unlike;
    }
    match bytes.get(8..HEADER).and_then(|length| length.try_into().ok()) {
        None => Likeness::Unsure,
        Some(length) if u32::from_be_bytes(length) <= LONGEST => Likeness::Like,
        Some(_) => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Tacacs {
    name: Vec<u8>,
    /// The user's proof was sent in this session.
    offer: Option<Shown>,
    asked: bool,
    /// The receiver asked for a name, not for a password.
    asked_name: bool,
}

impl Tacacs {
    fn offer(&self, password: Option<&[u8]>, notes: &Notes<'_>) -> Shown {
        let principal = (!self.name.is_empty()).then(|| Principal::bounded(PrincipalKind::User, &self.name));
        let password = password.filter(|password| !password.is_empty());
        Shown::Offers {
            proof: if password.is_some() { Proof::Secret } else { Proof::Claim },
            scope: Scope::Request,
            principal,
            credential: password.map(|password| {
                Credential::clear(CredentialKind::Password, notes.fingerprint("password", password))
            }),
        }
    }

    /// A request in clear.
    fn request(&mut self, kind: u8, sequence: u8, body: &[u8], notes: &Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(body);
        if kind == AUTHENTICATION && sequence > 1 {
            // CONTINUE: lengths of message and data, flags, message.
            let (length, _, _) = (u16::from_be_bytes(cursor.array()?), cursor.take(2)?, cursor.byte()?);
            let said = cursor.take(usize::from(length))?;
            if self.asked_name {
                self.name = said.get(..said.len().min(256))?.to_vec();
            } else {
                self.offer = Some(self.offer(Some(said), notes));
            }
        } else if kind == AUTHENTICATION {
            // START: action, level, type, service, lengths of user, port, remote address and data.
            let [_, _, way, _, user, port, remote, length] = cursor.array()?;
            self.name = cursor.take(usize::from(user))?.to_vec();
            cursor.take(usize::from(port).checked_add(usize::from(remote))?)?;
            let sent = cursor.take(usize::from(length))?;
            // PAP, CHAP, MS-CHAP and its second version carry their proof at once.
            let proof = matches!(way, 2 | 3 | 5 | 6).then_some(sent);
            self.offer = Some(self.offer(proof, notes));
        } else {
            // Method, level, type, service, length of user, three more lengths or counts; accounting has its flags first.
            if kind != AUTHORIZATION {
                cursor.byte()?;
            }
            let [_, _, _, _, user, _, _, arguments] = cursor.array()?;
            cursor.take(usize::from(arguments))?;
            self.name = cursor.take(usize::from(user))?.to_vec();
            self.offer = Some(self.offer(None, notes));
        }
        Some(())
    }

    fn say(&mut self, notes: &mut Notes<'_>) -> bool {
        let Some(shown) = self.offer.take() else { return false };
        let proved = matches!(shown, Shown::Offers { proof: Proof::Secret, .. });
        notes.say(if proved { &PASSWORD } else { &CLAIMED }, shown);
        proved
    }

    /// An answer in clear.
    fn answer(&mut self, kind: u8, body: &[u8], notes: &mut Notes<'_>) {
        // Accounting's status stands behind two lengths.
        let status = if kind == AUTHENTICATION || kind == AUTHORIZATION { body.first() } else { body.get(4) };
        match (kind, status.copied()) {
            // GETDATA, GETUSER, GETPASS.
            (AUTHENTICATION, Some(status @ 3..=5)) => {
                self.asked_name = status == 4;
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
            }
            (AUTHENTICATION | AUTHORIZATION, Some(1)) | (AUTHORIZATION, Some(2)) | (3, Some(1)) => {
                if self.say(notes) {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            }
            (AUTHENTICATION, Some(2)) => {
                let why = if self.say(notes) { Refusal::ProofWrong } else { Refusal::Other };
                notes.say(&WRONG, Shown::Refuses { why });
            }
            _ => {
                self.say(notes);
                notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
            }
        }
    }
}

impl Dissector for Tacacs {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // Question and answer take turns.
        if self.asked != (from == Role::Responder) {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Next::More };
        let [version, kind, sequence, flags, _, _, _, _, length @ ..] = *header;
        let length = u32::from_be_bytes(length);
        if version >> 4 != 0xc || !(1..=3).contains(&kind) || length > LONGEST {
            return Next::Lost(Hidden::Unsupported);
        }
        if flags & UNOBSCURED == 0 {
            if from == Role::Originator {
                let shown = Shown::secret(Scope::Connection, None, Credential::of(CredentialKind::Password));
                notes.say(&OBSCURED, shown);
            }
            return Next::Lost(Hidden::Encrypted);
        }
        let Some(body) = usize::try_from(length).ok().and_then(|length| rest.get(..length)) else {
            return Next::More;
        };
        if from == Role::Originator {
            if self.request(kind, sequence, body, notes).is_none() {
                return Next::Lost(Hidden::Unsupported);
            }
        } else {
            self.answer(kind, body, notes);
        }
        self.asked = from == Role::Originator;
        input.skip((HEADER as u64).saturating_add(u64::from(length)));
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.say(notes);
    }
}
