//! rlogin: a terminal for a name, by trust in the caller's host, or by a password where that is not enough.
//!
//! There is no accept code for the trust: the session begins without a prompt. It is decided where the caller typed and
//! the receiver had asked for nothing, or where a password was asked for, sent and answered.
//! Sources: RFC 1282, rlogind(8).

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::rsh::{name, strings};
use super::sasl;
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "rlogin.names-sent", v 1, Observed, Wire,
        "The caller said who it is on its host and as whom it logs in",
        "Nothing proves it; the receiver may have looked at the caller's address and port";
    DEMANDED = "rlogin.password-prompt", v 1, Observed, Wire,
        "The receiver's text asked for a password",
        "Whether callers from other hosts are let in without";
    PASSWORD = "rlogin.password-sent", v 1, Observed, Wire,
        "The caller sent a line in clear where a password was asked for",
        "Keys that edit a line may make it another";
    TRUSTED = "rlogin.no-prompt", v 1, Observed, Wire,
        "The receiver opened a session and took what the caller typed, without asking for a password",
        "Which files made it trust the caller's host (hosts.equiv, .rhosts)";
    SESSION = "rlogin.session-opened", v 1, Observed, Wire,
        "After the password the receiver took a line from the caller and answered it without asking again",
        "Its text was read as words: there is no accept code";
    WRONG = "rlogin.login-refused", v 1, Observed, Wire,
        "The receiver's text said that the login is wrong",
        "Its text was read as words: there is no refusal code";
    REFUSED = "rlogin.refused", v 1, Observed, Wire,
        "The receiver refused the connection with a message",
        "Its text was not read";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rlogin,
    call: |bytes| strings(bytes, &[|value, _| value.is_empty(), name, name, terminal]),
    reply: |bytes| match bytes.first() {
        None => Likeness::Unsure,
        Some(0 | 1) => Likeness::Like,
        Some(_) => Likeness::Unlike,
    },
    begin: || Box::new(Rlogin::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Most text of the receiver that is kept while nothing is decided.
const TEXT: usize = 2048;
/// Most text that is passed before a session is seen.
const BEFORE: usize = 65_536;
/// Words of a refusal.
const REFUSALS: &[&str] = &[
    "login incorrect",
    "incorrect password",
    "permission denied",
    "access denied",
    "authentication fail",
    "invalid login",
];
/// Longest line of the caller.
const LINE: usize = 512;

/// `xterm/38400`.
fn terminal(value: &[u8], whole: bool) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b'/');
    let kind = parts.next().unwrap_or_default();
    let speed = parts.next();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_+.".contains(byte);
    value.len() <= 64
        && kind.iter().all(fits)
        && speed.is_none_or(|speed| speed.iter().all(u8::is_ascii_digit))
        && !(whole && speed.is_none_or(<[u8]>::is_empty))
}

/// Where a flow stands.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Stage {
    /// The names did not come yet.
    #[default]
    Opening,
    /// The receiver did not answer them yet.
    Named,
    /// It did, and asked for nothing.
    Open,
    /// The caller sent a line after text of the receiver that asked for nothing.
    Tried,
    /// It asked for a password.
    Prompted,
    /// The password was sent.
    Sent,
    /// The receiver answered it with text that does not refuse.
    Greeted,
    /// The caller sent a line after that.
    Typed,
}

/// One flow.
#[derive(Default, Debug)]
struct Rlogin {
    stage: Stage,
    user: Vec<u8>,
    /// The receiver's text since the caller last spoke, in small letters.
    text: Zeroizing<Vec<u8>>,
    /// What the caller typed of a line.
    line: Zeroizing<Vec<u8>>,
    passed: usize,
    /// Bytes of a window size that are still to come (RFC 1282: `ff ff 73 73` and eight bytes).
    window: u8,
}

impl Rlogin {
    fn names(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Option<usize> {
        let mut cursor = Cursor(bytes);
        cursor.until(0)?;
        let (_, user, _) = (cursor.until(0)?, cursor.until(0)?, cursor.until(0)?);
        self.user = user.to_vec();
        let offer = Shown::Offers {
            proof: Proof::Claim,
            scope: Scope::Connection,
            principal: Some(Principal::bounded(PrincipalKind::User, user)),
            credential: None,
        };
        notes.say(&CLAIMED, offer);
        self.stage = Stage::Named;
        Some(bytes.len().saturating_sub(cursor.0.len()))
    }

    fn typed(&mut self, byte: u8, notes: &mut Notes<'_>) -> Next {
        if self.window > 0 || byte == 0xff {
            self.window = if self.window > 0 { self.window.saturating_sub(1) } else { 11 };
            return Next::More;
        }
        let ends = matches!(byte, b'\r' | b'\n');
        match self.stage {
            // What is typed ahead may answer a prompt that is still to come.
            Stage::Open if ends && self.text.len() >= 2 => {
                self.text = Zeroizing::default();
                self.stage = Stage::Tried;
            }
            Stage::Tried if ends && self.text.len() >= 2 => {
                notes.say(&TRUSTED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            Stage::Prompted if ends => {
                let (rule, offer) = sasl::password_offer(&PASSWORD, &self.user, &self.line, notes);
                notes.say(rule, offer);
                self.line = Zeroizing::default();
                self.text = Zeroizing::default();
                self.stage = Stage::Sent;
            }
            Stage::Prompted if self.line.len() < LINE => push(&mut self.line, byte, LINE),
            Stage::Prompted => return Next::Lost(Hidden::Unsupported),
            Stage::Greeted if ends => {
                self.text = Zeroizing::default();
                self.stage = Stage::Typed;
            }
            Stage::Opening
            | Stage::Named
            | Stage::Open
            | Stage::Tried
            | Stage::Sent
            | Stage::Greeted
            | Stage::Typed => {}
        }
        Next::More
    }

    fn told(&mut self, byte: u8, notes: &mut Notes<'_>) -> Next {
        self.passed = self.passed.saturating_add(1);
        if self.passed > BEFORE {
            return Next::Lost(Hidden::Unsupported);
        }
        if self.stage == Stage::Named {
            if byte != 0 {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                return Next::Settled;
            }
            self.stage = Stage::Open;
            return Next::More;
        }
        // Control bytes that came as urgent data, and what only moves the cursor.
        if !(b' '..=b'~').contains(&byte) {
            return Next::More;
        }
        if self.text.len() >= TEXT {
            self.text.copy_within(TEXT / 2.., 0);
            self.text.truncate(TEXT / 2);
        }
        push(&mut self.text, byte.to_ascii_lowercase(), TEXT);
        let ends = |words: &[&str]| words.iter().any(|word| self.text.ends_with(word.as_bytes()));
        let prompt = ends(&["password:", "password for", "passcode:"]);
        let again = ends(&["login:"]) && !ends(&["last login:", "failed login:"]);
        let refusal = again || ends(REFUSALS);
        match self.stage {
            Stage::Open | Stage::Tried if prompt => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                self.stage = Stage::Prompted;
            }
            // It asks for another name: what is typed next is no session.
            Stage::Open | Stage::Tried if refusal => return Next::Lost(Hidden::Unsupported),
            Stage::Sent | Stage::Greeted | Stage::Typed if refusal || prompt => {
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                return Next::Settled;
            }
            Stage::Sent => self.stage = Stage::Greeted,
            Stage::Typed if self.text.len() >= 2 => {
                notes.say(&SESSION, Shown::Accepts);
                notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            Stage::Opening
            | Stage::Tried
            | Stage::Named
            | Stage::Open
            | Stage::Prompted
            | Stage::Greeted
            | Stage::Typed => {}
        }
        Next::More
    }
}

/// Appends without leaving copies behind: room for `most` is made at once.
fn push(to: &mut Zeroizing<Vec<u8>>, byte: u8, most: usize) {
    if to.is_empty() {
        to.reserve_exact(most);
    }
    to.push(byte);
}

impl Dissector for Rlogin {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.stage == Stage::Opening {
            if from == Role::Originator
                && let Some(count) = self.names(input.bytes(), notes)
            {
                input.read(count);
            }
            return Next::More;
        }
        let Some(byte) = input.bytes().first().copied() else { return Next::More };
        input.read(1);
        match from {
            Role::Originator => self.typed(byte, notes),
            Role::Responder => self.told(byte, notes),
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if whole && self.stage == Stage::Tried && self.text.len() >= 2 {
            notes.say(&TRUSTED, Shown::Serves { operation: Operation::Service });
        }
    }
}
