//! rsh and rexec: a command for a name, by trust in the caller's host or by a password.
//!
//! Both send the port for the errors, two strings and the command. They are told apart by that port, which is a reserved
//! one in rsh alone (rcmd(3), rexec(3)), or by two names that are the same; what can't be told apart is not judged.
//! Sources: rshd(8), rexecd(8), RFC 1282 (the same trust in rlogin).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "rsh.names-sent", v 1, Observed, Wire,
        "The caller said who it is on its host and as whom the command should run (rsh)",
        "Nothing proves it; the receiver may have looked at the caller's address and port";
    PASSWORD = "rexec.password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password in clear (rexec)",
        "Who else knows that password";
    ACCEPTED = "rexec.accepted", v 1, Observed, Wire,
        "The receiver took the name and the password",
        "Which commands the user may run";
    RAN = "rsh.command-run", v 1, Observed, Wire,
        "The receiver ran the caller's command",
        "Which files made it trust the caller's host (hosts.equiv, .rhosts)";
    REFUSED = "rsh.refused", v 1, Observed, Wire,
        "The receiver refused to run the command",
        "Its text was read as words: there is no refusal code";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rsh,
    call: |bytes| strings(bytes, &[port, name, word, command]),
    reply: |bytes| match bytes.first() {
        None => Likeness::Unsure,
        Some(0 | 1) => Likeness::Like,
        Some(_) => Likeness::Unlike,
    },
    begin: || Box::new(Rsh::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest command that is looked for.
const COMMAND: usize = 4096;

/// Compares strings that each end with a zero byte.
pub(super) fn strings(bytes: &[u8], fields: &[fn(&[u8], bool) -> bool]) -> Likeness {
    let mut rest = bytes;
    for field in fields {
        let end = rest.iter().position(|byte| *byte == 0);
        let (value, later) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        match (field(value, end.is_some()), end) {
            (false, _) => return Likeness::Unlike,
            (true, None) => return Likeness::Unsure,
            (true, Some(_)) => rest = later.get(1..).unwrap_or_default(),
        }
    }
    Likeness::Like
}

/// A port in decimal, or nothing.
fn port(value: &[u8], _whole: bool) -> bool {
    value.len() <= 5 && value.iter().all(u8::is_ascii_digit)
}

/// A user's name.
pub(super) fn name(value: &[u8], whole: bool) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-$@\\+".contains(byte);
    value.len() <= 64 && value.iter().all(fits) && !(whole && value.is_empty())
}

/// A user's name or a password.
fn word(value: &[u8], _whole: bool) -> bool {
    value.len() <= 128 && value.iter().all(u8::is_ascii_graphic)
}

fn command(value: &[u8], whole: bool) -> bool {
    let fits = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n');
    value.len() <= COMMAND && value.iter().all(fits) && !(whole && value.is_empty())
}

/// What the caller sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Caller {
    Trusted,
    Password,
    /// Either of them.
    Unclear,
}

/// One flow.
#[derive(Default, Debug)]
struct Rsh {
    caller: Option<Caller>,
}

impl Rsh {
    fn call(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
        let mut cursor = Cursor(bytes);
        let errors = cursor.until(0)?;
        let (first, second, _) = (cursor.until(0)?, cursor.until(0)?, cursor.until(0)?);
        let errors = std::str::from_utf8(errors).ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(0);
        let caller = match errors {
            512..=1023 => Caller::Trusted,
            1024.. => Caller::Password,
            _ if first == second => Caller::Trusted,
            _ => Caller::Unclear,
        };
        match caller {
            Caller::Trusted => {
                let offer = Shown::Offers {
                    proof: Proof::Claim,
                    scope: Scope::Connection,
                    principal: Some(Principal::bounded(PrincipalKind::User, second)),
                    credential: None,
                };
                notes.say(&CLAIMED, offer);
            }
            Caller::Password => {
                let (rule, offer) = sasl::password_offer(&PASSWORD, first, second, notes);
                notes.say(rule, offer);
            }
            Caller::Unclear => {}
        }
        self.caller = Some(caller);
        Some(bytes.len().saturating_sub(cursor.0.len()))
    }
}

impl Dissector for Rsh {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(caller) = self.caller else {
            if from == Role::Originator
                && let Some(count) = self.call(input.bytes(), notes)
            {
                input.read(count);
            }
            return Next::More;
        };
        if from == Role::Originator {
            // What the command reads.
            let count = input.bytes().len();
            input.read(count);
            return Next::More;
        }
        if caller == Caller::Unclear {
            return Next::Lost(Hidden::Unsupported);
        }
        let bytes = input.bytes();
        match bytes.first() {
            None => Next::More,
            Some(0) => {
                if caller == Caller::Password {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&RAN, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            Some(1) => {
                let Some(end) = bytes.iter().take(512).position(|byte| *byte == b'\n') else {
                    return if bytes.len() < 512 { Next::More } else { Next::Lost(Hidden::Unsupported) };
                };
                let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).to_ascii_lowercase();
                let turned_away =
                    ["denied", "incorrect", "not allowed"].iter().any(|word| text.contains(word));
                let why = match caller {
                    Caller::Password if turned_away => Refusal::ProofWrong,
                    Caller::Trusted if turned_away => Refusal::NotAllowed,
                    Caller::Password | Caller::Trusted | Caller::Unclear => Refusal::Other,
                };
                notes.say(&REFUSED, Shown::Refuses { why });
                Next::Settled
            }
            Some(_) => Next::Lost(Hidden::Unsupported),
        }
    }
}
