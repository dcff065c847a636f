//! S7 communication, by which Siemens S7-300 and S7-400 controllers are read, written and programmed.
//!
//! No specification is published; the message's form is as described by the snap7 project's reference and as devices
//! speak it: header 32h, kind (1 job, 2 and 3 answers, 7 user data), two reserved bytes, reference, lengths of
//! parameters and data; answers add an error class and code. On top of RFC 1006.

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::tpkt::{self, Packet, Tpdu};
use super::{Credential, CredentialKind, Hidden, Operation, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    OPENED = "s7comm.session-opened", v 1, Observed, Wire,
        "The controller agreed on the lengths and numbers of jobs",
        "Whether it lets the caller read or write anything";
    IDENTIFIED = "s7comm.description-read", v 1, Observed, Wire,
        "The controller described itself and its state (system status lists)",
        "Whether it lets the caller read or write its memory";
    SERVED = "s7comm.job-done", v 1, Observed, Wire,
        "The controller carried out a job (reading or writing memory, blocks, start or stop, the clock)",
        "Which protection level is set";
    PASSWORD = "s7comm.password-sent", v 1, Observed, Wire,
        "The caller sent the controller's password, scrambled in a way that anyone can undo",
        "Whether the controller has one set";
    ACCEPTED = "s7comm.password-accepted", v 1, Observed, Wire,
        "The controller took the password",
        "A controller without a password may take any";
    WRONG = "s7comm.password-refused", v 1, Observed, Wire,
        "The controller did not take the password",
        "Whether it was wrong or none was needed";
    PROTECTED = "s7comm.protection-level", v 1, Observed, Wire,
        "The controller does not permit the operation at its protection level",
        "Which password would lift it";
    REFUSED = "s7comm.job-refused", v 1, Observed, Wire,
        "The controller answered a job with another error",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::S7comm,
    call: |bytes| tpkt::call_likeness(bytes, inner_likeness),
    reply: |bytes| tpkt::reply_likeness(bytes, inner_likeness),
    begin: || Box::new(S7comm::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// First byte of a message, and of one of the newer protocol (S7comm-plus).
const S7: u8 = 0x32;
const PLUS: u8 = 0x72;
/// Bytes of a packet that are looked at: its headers, parameters of user data, a password.
const ENOUGH: usize = 64;
/// Most packets that are read: nothing new is shown after.
const MOST: u32 = 512;
/// What a password is scrambled with.
const SCRAMBLE: u8 = 0x55;

/// Kinds of message: a job and its answers, an answer without data, user data.
fn inner_likeness(content: &[u8]) -> Likeness {
    match content {
        [S7, 1 | 2 | 3 | 7, 0, 0, ..] => Likeness::Like,
        [PLUS, 1..=3, ..] => Likeness::Like,
        [S7] | [PLUS] | [S7, 1 | 2 | 3 | 7] | [S7, 1 | 2 | 3 | 7, 0] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct S7comm {
    told: Told,
    called: bool,
    /// The next data packet continues a message.
    continued: [bool; 2],
    seen: u32,
}

/// A message in the few words that decide.
#[derive(Clone, Copy, Debug)]
enum Message<'a> {
    /// Answer to a job: function, error class and code, the first item's own code.
    Done { function: u8, error: u16, item: Option<u8> },
    /// Call or answer of user data: group, function, error, data.
    User { answer: bool, group: u8, function: u8, error: u16, data: &'a [u8] },
    /// A job, or what is not known.
    Other,
}

impl<'a> Message<'a> {
    fn read(content: &'a [u8]) -> Option<Self> {
        let [S7, kind, _, _, _, _, high, low, _, _, rest @ ..] = content else { return None };
        let parameters = usize::from(u16::from_be_bytes([*high, *low]));
        match kind {
            2 | 3 => {
                let [class, code, rest @ ..] = rest else { return None };
                let error = u16::from_be_bytes([*class, *code]);
                let function = rest.first().copied().unwrap_or(0);
                let item = rest.get(parameters).copied();
                Some(Self::Done { function, error, item })
            }
            7 => {
                let (parameters, data) = rest.split_at_checked(parameters)?;
                // Head 00 01 12, length, method (11h calls, 12h answers), type and group, function, sequence.
                let [0, 1, 0x12, _, method, group, function, _, rest @ ..] = parameters else {
                    return Some(Self::Other);
                };
                let error = match rest {
                    [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
                    _ => 0,
                };
                let answer = *method == 0x12;
                Some(Self::User { answer, group: group & 0x0f, function: *function, error, data })
            }
            _ => Some(Self::Other),
        }
    }
}

/// The scrambled password, without the blanks that fill it to eight characters.
fn password(data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Return code, transport size, length, then eight bytes, each scrambled with the one two places before.
    let scrambled = data.get(4..12)?;
    let mut plain = Zeroizing::new(vec![0_u8; 8]);
    for (at, byte) in scrambled.iter().enumerate() {
        let before = at.checked_sub(2).and_then(|before| scrambled.get(before)).copied().unwrap_or(0);
        if let Some(place) = plain.get_mut(at) {
            *place = byte ^ SCRAMBLE ^ before;
        }
    }
    let end = plain.iter().rposition(|byte| *byte != b' ').map_or(0, |at| at.saturating_add(1));
    plain.truncate(end);
    Some(plain)
}

impl S7comm {
    fn caller(message: Message<'_>, notes: &mut Notes<'_>) {
        if let Message::User { answer: false, group: 5, function: 1, data, .. } = message
            && let Some(password) = password(data)
        {
            let credential =
                Credential::clear(CredentialKind::Password, notes.fingerprint("password", &password));
            let offer = Shown::secret(Scope::Connection, None, credential);
            notes.say(&PASSWORD, offer);
        }
    }

    fn controller(&mut self, message: Message<'_>, notes: &mut Notes<'_>) {
        let served = Shown::Serves { operation: Operation::Service };
        let public = Shown::Serves { operation: Operation::Public };
        match message {
            Message::User { answer: true, group: 5, function: 1, error, .. } => {
                if error == 0 {
                    notes.say(&ACCEPTED, Shown::Accepts);
                } else {
                    notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                }
            }
            Message::Done { error: 0xd241, .. } | Message::User { answer: true, error: 0xd241, .. } => {
                self.told.once(&PROTECTED, Shown::Refuses { why: Refusal::ProofMissing }, notes);
            }
            Message::Done { function: 0xf0, error: 0, .. } => self.told.once(&OPENED, public, notes),
            // Reading and writing answer each item by a code of its own: FFh is success, 3 means access denied.
            Message::Done { function: 4 | 5, error: 0, item } => match item {
                Some(0xff) => self.told.once(&SERVED, served, notes),
                Some(3) => self.told.once(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed }, notes),
                Some(_) | None => self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes),
            },
            Message::Done { error: 0, .. } => self.told.once(&SERVED, served, notes),
            Message::User { answer: true, group: 4, function: 1, error: 0, .. } => {
                self.told.once(&IDENTIFIED, public, notes);
            }
            // The controller's own indications in the group of the CPU, the end of a password's rights.
            Message::User { group: 4 | 5, .. } | Message::User { answer: false, .. } | Message::Other => {}
            Message::User { answer: true, error: 0, .. } => self.told.once(&SERVED, served, notes),
            Message::Done { .. } | Message::User { .. } => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
        }
    }
}

impl Dissector for S7comm {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let (length, content) = match tpkt::packet(input.bytes(), ENOUGH) {
            Packet::More => return Next::More,
            Packet::Broken => return Next::Lost(Hidden::Unsupported),
            Packet::Here { length, tpdu } => match tpdu {
                Tpdu::Data { content, last } => {
                    let [caller, controller] = &mut self.continued;
                    let continued = if from == Role::Originator { caller } else { controller };
                    (length, (!std::mem::replace(continued, !last)).then_some(content))
                }
                Tpdu::Request(_) | Tpdu::Confirm(_) | Tpdu::Disconnect | Tpdu::Other => (length, None),
            },
        };
        self.called = true;
        match content {
            None | Some([]) => {}
            // The newer protocol proves a session's integrity, and possibly a password, in ways not read here.
            Some([PLUS, ..]) => return Next::Lost(Hidden::Unsupported),
            Some(content) => {
                let Some(message) = Message::read(content) else { return Next::Lost(Hidden::Unsupported) };
                match from {
                    Role::Originator => Self::caller(message, notes),
                    Role::Responder => self.controller(message, notes),
                }
            }
        }
        input.read(length);
        self.seen = self.seen.saturating_add(1);
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}
