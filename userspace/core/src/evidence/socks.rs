//! SOCKS 4, 4a and 5: who may use a proxy.
//!
//! Sources: RFC 1928 (version 5), RFC 1929 (user name and password), RFC 1961 (GSS-API), Ying-Da Lee's "SOCKS: A
//! protocol for TCP proxy across firewalls" and "SOCKS 4A".

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::gss_token;
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "socks.user-claimed", v 1, Observed, Wire,
        "The caller named a user and sent no proof (SOCKS 4)",
        "The receiver may ask the caller's host who it is";
    DEMANDED = "socks.proof-demanded", v 1, Observed, Wire,
        "The receiver chose a method by which the caller must prove who it is",
        "Not whether it would choose the same for every caller";
    PASSWORD = "socks.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear",
        "A receiver may take any password";
    TOKEN = "socks.token-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos or NTLM proof (GSS-API)",
        "The name in it may be encrypted";
    ACCEPTED = "socks.proof-accepted", v 1, Observed, Wire,
        "The receiver accepted the caller's proof",
        "Not where it lets this caller go";
    SERVED = "socks.connected", v 1, Observed, Wire,
        "The receiver opened the way that the caller asked for",
        "Not who is identified at its end";
    KEYED = "socks.session-opened", v 1, Observed, Wire,
        "The receiver went on to agree on the protection of what follows, which comes after the proof was accepted",
        "What is asked for then may be encrypted";
    WRONG = "socks.proof-refused", v 1, Observed, Wire,
        "The receiver refused the caller's proof",
        "Not which proof would have been right";
    METHODS = "socks.methods-refused", v 1, Observed, Wire,
        "The receiver took none of the methods that the caller knows",
        "Not which method would have been enough";
    REFUSED = "socks.request-refused", v 1, Observed, Wire,
        "The receiver did not open the way that the caller asked for",
        "The place that was asked for may be out of reach";
}

/// How SOCKS 4 and 4a are recognised and read.
pub(crate) static KNOWN4: Known = Known {
    protocol: Protocol::Socks4,
    call: call4,
    reply: reply4,
    begin: || Box::new(Socks4::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How SOCKS 5 is recognised and read; its rules are those above.
pub(crate) static KNOWN5: Known = Known {
    protocol: Protocol::Socks5,
    call: call5,
    reply: reply5,
    begin: || Box::new(Socks5::default()),
    call_alone: nothing_alone,
    rules: &[],
};

/// Longest user name or host name of version 4.
const NAME: usize = 512;
/// Most methods of a greeting that counts as one.
const MOST_METHODS: u8 = 32;

/// Version, CONNECT or BIND, port, address, user.
fn call4(bytes: &[u8]) -> Likeness {
    match bytes {
        [] => Likeness::Unsure,
        [4, rest @ ..] if rest.first().is_none_or(|command| matches!(command, 1 | 2)) => {
            // An address of zero means nothing in either version.
            match rest.get(3..7) {
                None => Likeness::Unsure,
                Some([0, 0, 0, 0]) => Likeness::Unlike,
                Some(_) => Likeness::Like,
            }
        }
        [_, ..] => Likeness::Unlike,
    }
}

/// Zero and one of four codes.
fn reply4(bytes: &[u8]) -> Likeness {
    match bytes {
        [] | [0] => Likeness::Unsure,
        [0, 90..=93, ..] => Likeness::Like,
        [_, ..] => Likeness::Unlike,
    }
}

/// Version, count, and methods in use (RFC 1928 section 3).
fn call5(bytes: &[u8]) -> Likeness {
    match bytes {
        [] | [5] => Likeness::Unsure,
        [5, count, methods @ ..] if (1..=MOST_METHODS).contains(count) => {
            let count = usize::from(*count);
            let listed = methods.get(..methods.len().min(count)).unwrap_or_default();
            if listed.iter().any(|method| !matches!(method, 0..=9 | 0x80..=0xfe)) {
                Likeness::Unlike
            } else if listed.len() < count {
                Likeness::Unsure
            } else {
                Likeness::Like
            }
        }
        [_, ..] => Likeness::Unlike,
    }
}

/// Version and a method.
fn reply5(bytes: &[u8]) -> Likeness {
    match bytes {
        [] | [5] => Likeness::Unsure,
        [5, 0..=9 | 0x80..=0xff, ..] => Likeness::Like,
        [_, ..] => Likeness::Unlike,
    }
}

/// One flow of version 4.
#[derive(Default, Debug)]
struct Socks4 {
    asked: bool,
}

impl Dissector for Socks4 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Responder {
            let (Some([_, code, ..]), true) = (bytes.first_chunk::<8>(), self.asked) else {
                return Next::More;
            };
            match code {
                90 => notes.say(&SERVED, Shown::Serves { operation: Operation::Service }),
                // The receiver could not ask the caller's host, or was told another name.
                92 | 93 => notes.say(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed }),
                _ => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
            }
            return Next::Settled;
        }
        if self.asked {
            // What the caller sends through the proxy is another conversation.
            return Next::More;
        }
        let mut cursor = Cursor(bytes);
        let Some([_, _, _, _, a, b, c, d]) = cursor.array::<8>() else { return Next::More };
        let Some(user) = cursor.until(0) else {
            return if bytes.len() > NAME { Next::Lost(Hidden::Unsupported) } else { Next::More };
        };
        // 0.0.0.x with x not zero: a host name follows (SOCKS 4A).
        if [a, b, c] == [0, 0, 0] && d != 0 && cursor.until(0).is_none() {
            return if bytes.len() > NAME.saturating_mul(2) {
                Next::Lost(Hidden::Unsupported)
            } else {
                Next::More
            };
        }
        if !user.is_empty() {
            notes.say(&CLAIMED, sasl::name_offer(user));
        }
        self.asked = true;
        let count = bytes.len().saturating_sub(cursor.0.len());
        input.read(count);
        Next::More
    }
}

/// What is to come next.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Step {
    #[default]
    Greeting,
    /// The receiver's method.
    Choice {
        /// The caller can do more than nothing.
        can_prove: bool,
    },
    Password,
    PasswordAnswer,
    Token,
    TokenAnswer,
    Request,
    Answer,
}

/// One flow of version 5.
#[derive(Default, Debug)]
struct Socks5 {
    step: Step,
    proved: bool,
}

impl Socks5 {
    /// Reads one message of whoever's turn it is: its length and what follows; `None` while it is not there.
    fn message(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Option<(usize, Next)> {
        let mut cursor = Cursor(bytes);
        let mut next = Next::More;
        match self.step {
            Step::Greeting => {
                cursor.byte()?;
                let count = cursor.byte()?;
                let methods = cursor.take(usize::from(count))?;
                self.step = Step::Choice { can_prove: methods.iter().any(|method| *method != 0) };
            }
            Step::Choice { can_prove } => {
                let [_, method] = cursor.array()?;
                next = self.choice(method, can_prove, notes);
            }
            Step::Password => {
                cursor.byte()?;
                let length = cursor.byte()?;
                let user = cursor.take(usize::from(length))?;
                let length = cursor.byte()?;
                let password = cursor.take(usize::from(length))?;
                let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
                notes.say(rule, shown);
                self.proved = !password.is_empty();
                self.step = Step::PasswordAnswer;
            }
            Step::PasswordAnswer => {
                let [_, status] = cursor.array()?;
                if status == 0 {
                    if self.proved {
                        notes.say(&ACCEPTED, Shown::Accepts);
                    }
                    self.step = Step::Request;
                } else {
                    let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                    notes.say(&WRONG, Shown::Refuses { why });
                    next = Next::Settled;
                }
            }
            Step::Token | Step::TokenAnswer => next = self.token(&mut cursor, notes)?,
            Step::Request => {
                let [version, command, _, kind] = cursor.array()?;
                if version != 5 || !matches!(command, 1..=3 | 0xf0 | 0xf1) {
                    return Some((0, Next::Lost(Hidden::Unsupported)));
                }
                address(kind, &mut cursor)?;
                self.step = Step::Answer;
            }
            Step::Answer => {
                let [_, code, _, _] = cursor.array()?;
                match code {
                    0 => notes.say(&SERVED, Shown::Serves { operation: Operation::Service }),
                    2 => notes.say(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed }),
                    _ => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other }),
                }
                next = Next::Settled;
            }
        }
        Some((bytes.len().saturating_sub(cursor.0.len()), next))
    }

    /// The receiver chose a method (RFC 1928 section 3).
    fn choice(&mut self, method: u8, can_prove: bool, notes: &mut Notes<'_>) -> Next {
        match method {
            0 => self.step = Step::Request,
            1 => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Key });
                self.step = Step::Token;
            }
            2 => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                self.step = Step::Password;
            }
            0xff => {
                let why = if can_prove { Refusal::Other } else { Refusal::ProofMissing };
                notes.say(&METHODS, Shown::Refuses { why });
                return Next::Settled;
            }
            _ => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }

    /// Version, type, length, token (RFC 1961 section 3.4 to 4).
    fn token(&mut self, cursor: &mut Cursor<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        let [version, kind] = cursor.array()?;
        let from_caller = self.step == Step::Token;
        match (version, kind) {
            (1, 1) => {
                let length = u16::from_be_bytes(cursor.array()?);
                let token = cursor.take(usize::from(length))?;
                if from_caller && let Some(presented) = gss_token::presented(token) {
                    notes.say(&TOKEN, presented.offer());
                    self.proved = presented.proof() != Proof::Claim;
                }
            }
            (1, 2) => {
                let length = u16::from_be_bytes(cursor.array()?);
                cursor.take(usize::from(length))?;
                if !from_caller {
                    if !self.proved {
                        return Some(Next::Lost(Hidden::Unsupported));
                    }
                    notes.say(&ACCEPTED, Shown::Accepts);
                    notes.say(&KEYED, Shown::Serves { operation: Operation::Service });
                    return Some(Next::Settled);
                }
            }
            (1, 0xff) if !from_caller => {
                let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                notes.say(&WRONG, Shown::Refuses { why });
                return Some(Next::Settled);
            }
            _ => return Some(Next::Lost(Hidden::Unsupported)),
        }
        self.step = if from_caller { Step::TokenAnswer } else { Step::Token };
        Some(Next::More)
    }
}

/// An address of this type, and a port.
fn address(kind: u8, cursor: &mut Cursor<'_>) -> Option<()> {
    let length = match kind {
        1 => 4,
        3 => usize::from(cursor.byte()?),
        _ => 16,
    };
    cursor.take(length)?;
    cursor.take(2).map(|_| ())
}

impl Dissector for Socks5 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let turn = match self.step {
            Step::Greeting | Step::Password | Step::Token | Step::Request => Role::Originator,
            Step::Choice { .. } | Step::PasswordAnswer | Step::TokenAnswer | Step::Answer => Role::Responder,
        };
        if from != turn {
            return Next::More;
        }
        let Some((count, next)) = self.message(input.bytes(), notes) else { return Next::More };
        input.read(count);
        next
    }
}
