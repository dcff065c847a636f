//! The rsync daemon: which module was opened, and whether its password was asked for.
//!
//! Sources: rsyncd.conf(5) ("auth users", "hosts allow"), rsync(1); the lines that both sides of rsync 3 exchange
//! before the transfer begins.

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl;
use super::text_line;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "rsync.password-demanded", v 1, Observed, Wire,
        "The receiver sent a challenge to be answered from a shared password (AUTHREQD)",
        "Not whether other modules have one";
    ANSWERED = "rsync.challenge-answered", v 1, Observed, Wire,
        "The caller answered the challenge with a user name and a digest",
        "The password itself is not visible";
    ACCEPTED = "rsync.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the digest with OK",
        "Not whether the module may be written";
    OPENED = "rsync.module-opened", v 1, Observed, Wire,
        "The receiver opened the module (OK)",
        "Whether it looked at the caller's address first (hosts allow)";
    LISTED = "rsync.modules-listed", v 1, Observed, Wire,
        "The receiver listed its modules, or said that it has none to list",
        "No file was read or changed by it";
    WRONG = "rsync.proof-refused", v 1, Observed, Wire,
        "The receiver refused the user or the digest (auth failed)",
        "Which of the two was wrong";
    PLACE = "rsync.place-refused", v 1, Observed, Wire,
        "The receiver refused because of where the caller is (access denied)",
        "Not what it would ask of callers elsewhere";
    REFUSED = "rsync.refused", v 1, Observed, Wire,
        "The receiver refused for another reason",
        "Not whether the caller's identity mattered";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rsync,
    call: |bytes| Likeness::starts_with(bytes, b"@RSYNCD: "),
    reply: |bytes| Likeness::starts_with(bytes, b"@RSYNCD: "),
    begin: || Box::new(Rsync::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// One flow.
#[derive(Default, Debug)]
struct Rsync {
    receiver_greeted: bool,
    caller: Caller,
    /// What the caller answered to the challenge.
    answer: Option<Shown>,
}

/// What the caller says next.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Caller {
    #[default]
    Greeting,
    Module,
    /// Nothing, until the receiver has answered.
    Waits,
    Answer,
}

impl Rsync {
    fn call(&mut self, input: &mut Input<'_>) -> Next {
        if self.caller == Caller::Waits {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        self.caller = match self.caller {
            Caller::Greeting => Caller::Module,
            Caller::Module | Caller::Waits => Caller::Waits,
            Caller::Answer => {
                let (name, digest) = text_line::split_word(&line);
                self.answer = Some(if digest.is_empty() {
                    sasl::name_offer(name)
                } else {
                    sasl::challenge_offer(name)
                });
                Caller::Waits
            }
        };
        Next::More
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // Its greeting comes unasked; anything else answers the module's name, or the digest.
        if self.receiver_greeted && self.caller != Caller::Waits {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if !std::mem::replace(&mut self.receiver_greeted, true) {
            return Next::More;
        }
        let answer = match &line {
            line if line.starts_with(b"@RSYNCD: AUTHREQD") => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                self.caller = Caller::Answer;
                return Next::More;
            }
            line if line.starts_with(b"@RSYNCD: ") || line.starts_with(b"@ERROR") => self.answer.take(),
            // Lines of the message of the day, or of the list.
            _ => return Next::More,
        };
        let proved = matches!(&answer, Some(Shown::Offers { proof: Proof::Secret, .. }));
        if let Some(shown) = answer {
            notes.say(&ANSWERED, shown);
        }
        if line.starts_with(b"@RSYNCD: OK") {
            if proved {
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
        } else if line.starts_with(b"@RSYNCD: EXIT") {
            notes.say(&LISTED, Shown::Serves { operation: Operation::Public });
        } else if line.starts_with(b"@ERROR: auth failed") && proved {
            notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
        } else if line.starts_with(b"@ERROR: access denied") {
            notes.say(&PLACE, Shown::Refuses { why: Refusal::Place });
        } else if line.starts_with(b"@ERROR") {
            notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
        } else {
            return Next::Lost(Hidden::Unsupported);
        }
        Next::Settled
    }
}

impl Dissector for Rsync {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.call(input),
            Role::Responder => self.reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some(shown) = self.answer.take() {
            notes.say(&ANSWERED, shown);
        }
    }
}
