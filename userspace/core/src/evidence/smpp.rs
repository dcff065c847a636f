//! SMPP: who may send short messages.
//!
//! Source: SMPP Protocol Specification v3.4, sections 3.2 (header), 4.1 (bind) and 5.1.3 (status); 5.0 has the same.

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "smpp.bind-asked", v 1, Observed, Wire,
        "The caller asked for a session, which no receiver opens without a system id and its password",
        "The password may be empty";
    PASSWORD = "smpp.password-sent", v 1, Observed, Wire,
        "The caller sent a system id and a password in clear (bind)",
        "A receiver may take any password";
    ACCEPTED = "smpp.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the bind without an error",
        "Not whether it would have refused another password";
    SERVED = "smpp.session-opened", v 1, Observed, Wire,
        "The receiver opened a session in which messages are sent or received",
        "Not which messages";
    REFUSED = "smpp.bind-refused", v 1, Observed, Wire,
        "The receiver refused the bind",
        "Its status alone says whether the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Smpp,
    call: |bytes| likeness(bytes, 0),
    reply: |bytes| likeness(bytes, 0x80),
    begin: || Box::new(Smpp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest bind: header, five texts and three bytes (section 4.1), and options.
const BIND: u8 = 255;

/// Length, and one of the three binds (1, 2, 9) or its answer.
fn likeness(bytes: &[u8], high: u8) -> Likeness {
    let start = [
        Likeness::starts_with(bytes.get(..bytes.len().min(3)).unwrap_or_default(), &[0, 0, 0]),
        match bytes.get(3) {
            None => Likeness::Unsure,
            Some(16..=BIND) => Likeness::Like,
            Some(_) => Likeness::Unlike,
        },
        Likeness::starts_with(bytes.get(4..bytes.len().min(7)).unwrap_or_default(), &[high, 0, 0]),
        match bytes.get(7) {
            None => Likeness::Unsure,
            Some(1 | 2 | 9) => Likeness::Like,
            Some(_) => Likeness::Unlike,
        },
    ];
    start.into_iter().fold(Likeness::Like, Likeness::and)
}

/// One flow.
#[derive(Default, Debug)]
struct Smpp {
    asked: bool,
    proved: bool,
}

impl Dissector for Smpp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some([l3, l2, l1, l0, c3, c2, c1, c0, s3, s2, s1, s0, ..]) = bytes.first_chunk::<16>() else {
            return Next::More;
        };
        let length = u32::from_be_bytes([*l3, *l2, *l1, *l0]);
        let command = u32::from_be_bytes([*c3, *c2, *c1, *c0]);
        let status = u32::from_be_bytes([*s3, *s2, *s1, *s0]);
        if length < 16 {
            return Next::Lost(Hidden::Unsupported);
        }
        match (from, command) {
            (Role::Originator, 1 | 2 | 9) => {
                if length > u32::from(BIND) {
                    return Next::Lost(Hidden::Unsupported);
                }
                let end = usize::try_from(length).unwrap_or(usize::MAX);
                let Some(body) = bytes.get(16..end) else { return Next::More };
                let mut cursor = Cursor(body);
                let (Some(name), Some(password)) = (cursor.until(0), cursor.until(0)) else {
                    return Next::Lost(Hidden::Unsupported);
                };
                let (rule, shown) = sasl::password_offer(&PASSWORD, name, password, notes);
                self.proved = !password.is_empty();
                if self.proved {
                    notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                }
                notes.say(rule, shown);
                self.asked = true;
            }
            (Role::Responder, _) if !self.asked => return Next::More,
            (Role::Responder, 0x8000_0001 | 0x8000_0002 | 0x8000_0009) if status == 0 => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Role::Responder, 0x8000_0001 | 0x8000_0002 | 0x8000_0009) => {
                // 0x0e is a wrong password, 0x0f a wrong system id (section 5.1.3).
                let why = match (status, self.proved) {
                    (0x0e | 0x0f, true) => Refusal::ProofWrong,
                    (0x0e, false) => Refusal::ProofMissing,
                    (_, _) => Refusal::Other,
                };
                notes.say(&REFUSED, Shown::Refuses { why });
            }
            (Role::Originator | Role::Responder, _) => {}
        }
        input.skip(u64::from(length));
        Next::More
    }
}
