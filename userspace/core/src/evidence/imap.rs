//! IMAP: who authenticated, and whether a mailbox was opened without.
//!
//! Sources: RFC 3501 and RFC 9051 (states, tags, literals, LOGIN, AUTHENTICATE, STARTTLS, PREAUTH), RFC 7888 (literals
//! that do not wait), RFC 4959 (initial responses), RFC 5530 (response codes).

use std::collections::VecDeque;
use std::fmt;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::sasl_ending::Ending;
use super::text_line::{self, any};
use super::{Hidden, Operation, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "imap.identity-demanded", v 1, Observed, Wire,
        "The receiver's greeting put the session in the state in which only a caller that identifies itself gets further",
        "Not how it must do so";
    PASSWORD = "imap.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (LOGIN)",
        "A receiver may take any password";
    ACCEPTED = "imap.proof-accepted", v 1, Observed, Wire,
        "The receiver answered LOGIN or AUTHENTICATE with OK",
        "Not which mailboxes it opens to this user";
    LOGGED_IN = "imap.session-opened", v 1, Observed, Wire,
        "The receiver opened an authenticated session",
        "Not what is in the mailboxes";
    UNKNOWN_PROOF = "imap.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted an AUTHENTICATE mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    PREAUTH = "imap.session-opened-unasked", v 1, Observed, Wire,
        "The receiver's greeting opened an authenticated session by itself (PREAUTH)",
        "By what outside this connection it knows the caller, if by anything";
    SERVED = "imap.command-served", v 1, Observed, Wire,
        "The receiver served a mailbox command of a caller that had not identified itself",
        "Not what it sent";
    REFUSED = "imap.login-refused", v 1, Observed, Wire,
        "The receiver refused a login (NO)",
        "Its code or text alone says whether the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Imap,
    call: call_likeness,
    reply: |bytes| {
        any(&[&b"* OK"[..], b"* PREAUTH", b"* BYE"].map(|start| Likeness::starts_with(bytes, start)))
    },
    begin: || Box::new(Imap::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest tag.
const TAG: usize = 32;
/// Most bytes of one command, its literals included.
const COMMAND: usize = 12_288;
/// Most commands that wait for their reply.
const UNANSWERED: usize = 64;
/// Logins that are reported one by one.
const LOGINS: u32 = 64;
static ENDING: Ending =
    Ending { demanded: &DEMANDED, accepted: &ACCEPTED, unknown: &UNKNOWN_PROOF, opened: &LOGGED_IN };
/// Commands by which the protocol is recognised, after a tag.
const FIRST: &[&str] = &[
    "LOGIN",
    "AUTHENTICATE",
    "CAPABILITY",
    "STARTTLS",
    "ID",
    "NOOP",
    "LOGOUT",
    "SELECT",
    "LIST",
    "NAMESPACE",
];
/// Commands of the authenticated state.
const MAILBOX: &[&str] =
    &["SELECT", "EXAMINE", "CREATE", "DELETE", "LIST", "LSUB", "STATUS", "APPEND", "FETCH"];

/// A tag of letters, digits and the like, and a command.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let tag = bytes
        .iter()
        .take(TAG)
        .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-' | b'_' | b'$'));
    match tag {
        Some(0) => Likeness::Unlike,
        Some(end) if bytes.get(end) == Some(&b' ') => {
            match bytes.get(end.saturating_add(1)..).unwrap_or_default() {
                [] => Likeness::Unsure,
                rest => text_line::begins_with_word(rest, FIRST),
            }
        }
        None if bytes.len() < TAG => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default)]
struct Imap {
    greeted: bool,
    /// The command that is being read: its parts, of which every second one is a literal.
    parts: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes of a literal that are still to come.
    literal: Option<usize>,
    /// The receiver must ask for the literal, or refuse the command.
    waits: bool,
    /// Commands without a reply, by tag.
    unanswered: VecDeque<(Vec<u8>, Asked)>,
    exchange: Option<Exchange>,
    /// The receiver asked for the exchange's next response.
    goes_on: bool,
    logins: u32,
}

impl fmt::Debug for Imap {
    /// Never prints what was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imap({} commands unanswered)", self.unanswered.len())
    }
}

/// A command, as far as its reply is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Tls,
    Proof(&'static Rule, Shown),
    Authenticate,
    Mailbox,
    /// Its literal was asked for and is read; its kind is known when it is whole.
    Unfinished,
    Other,
}

impl Imap {
    fn command(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let held: usize = self.parts.iter().map(|part| part.len()).sum();
        let blocked = matches!(self.unanswered.back(), Some((_, Asked::Tls | Asked::Authenticate)));
        if !self.greeted || self.waits || blocked && !self.asked_to_go_on() {
            return Next::More;
        }
        if let Some(length) = self.literal {
            if length.saturating_add(held) > COMMAND {
                return Next::Lost(Hidden::Unsupported);
            }
            let Some(bytes) = input.bytes().get(..length) else { return Next::More };
            self.parts.push(Zeroizing::new(bytes.to_vec()));
            self.literal = None;
            input.read(length);
            // An empty literal takes no byte: its line goes on at once.
            if length > 0 {
                return Next::More;
            }
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if self.asked_to_go_on() {
            self.goes_on = false;
            if let Some(exchange) = &mut self.exchange {
                exchange.push_base64(&line);
            }
            return Next::More;
        }
        let literal = literal_of(&line);
        self.parts.push(line);
        if held > COMMAND || self.parts.len() > 16 {
            return Next::Lost(Hidden::Unsupported);
        }
        if let Some((length, waits)) = literal {
            self.literal = Some(length);
            self.waits = waits;
            if waits {
                let tag = tag_of(self.parts.first().map_or(&[], |line| line.as_slice()));
                return self.ask(tag, Asked::Unfinished);
            }
            return Next::More;
        }
        self.whole(notes)
    }

    /// True when the receiver asked for the exchange's next response.
    fn asked_to_go_on(&self) -> bool {
        self.goes_on && self.exchange.is_some()
    }

    fn ask(&mut self, tag: Vec<u8>, asked: Asked) -> Next {
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        self.unanswered.push_back((tag, asked));
        Next::More
    }

    /// A command is whole.
    fn whole(&mut self, notes: &mut Notes<'_>) -> Next {
        let parts = std::mem::take(&mut self.parts);
        let first = parts.first().map_or(&[][..], |line| line.as_slice());
        let (tag, rest) = text_line::split_word(first);
        let (word, _) = text_line::split_word(rest);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        self.unanswered.retain(|(_, asked)| *asked != Asked::Unfinished);
        let asked = if is("LOGIN") {
            let arguments = arguments(&parts);
            match (arguments.get(2), arguments.get(3)) {
                (Some(user), Some(password)) => {
                    let (rule, shown) = sasl::password_offer(&PASSWORD, user, password, notes);
                    Asked::Proof(rule, shown)
                }
                _ => Asked::Other,
            }
        } else if is("AUTHENTICATE") {
            let arguments = arguments(&parts);
            let mut exchange = Exchange::new(arguments.get(2).map_or(&[], |name| name.as_slice()));
            if let Some(initial) = arguments.get(3) {
                exchange.push_base64(initial);
            }
            self.exchange = Some(exchange);
            self.goes_on = false;
            Asked::Authenticate
        } else if is("STARTTLS") {
            Asked::Tls
        } else if text_line::is_one_of(word, MAILBOX) {
            Asked::Mailbox
        } else {
            Asked::Other
        };
        self.ask(tag.get(..tag.len().min(TAG)).unwrap_or_default().to_vec(), asked)
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.greeted && self.unanswered.is_empty() {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        let (tag, rest) = text_line::split_word(&line);
        let (word, text) = text_line::split_word(rest);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if !self.greeted {
            self.greeted = true;
            if is("PREAUTH") {
                notes.say(&PREAUTH, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            if is("BYE") {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            return Next::More;
        }
        if tag == b"+" {
            if self.waits {
                self.waits = false;
                self.unanswered.pop_back();
            } else {
                self.goes_on = true;
            }
            return Next::More;
        }
        if tag == b"*" {
            if let Some((length, _)) = literal_of(&line) {
                // Its line goes on as if it were one of its own: it has no tag that waits.
                input.read(length);
            }
            return Next::More;
        }
        let (ok, no) = (is("OK"), is("NO") || is("BAD"));
        let at = self.unanswered.iter().position(|(known, _)| known == tag);
        let Some((_, asked)) = at.filter(|_| ok || no).and_then(|at| self.unanswered.remove(at)) else {
            return Next::More;
        };
        match asked {
            Asked::Tls if ok => return Next::Upgraded(super::tls::begin()),
            Asked::Proof(rule, shown) => return self.decided(Some((rule, shown)), ok, text, notes),
            Asked::Authenticate => {
                let offer = self.exchange.take().and_then(|exchange| exchange.offer(notes));
                return self.decided(offer, ok, text, notes);
            }
            Asked::Mailbox if ok => {
                if self.logins > 0 {
                    // What was refused before does not count for this.
                    notes.say(&SERVED, sasl::name_offer(b""));
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            Asked::Unfinished => {
                self.parts.clear();
                (self.literal, self.waits) = (None, false);
            }
            Asked::Tls | Asked::Mailbox | Asked::Other => {}
        }
        Next::More
    }

    fn decided(
        &mut self,
        offer: Option<(&'static Rule, Shown)>,
        ok: bool,
        text: &[u8],
        notes: &mut Notes<'_>,
    ) -> Next {
        self.logins = self.logins.saturating_add(1);
        if self.logins > LOGINS && !ok {
            return Next::More;
        }
        let proved = ENDING.say(offer, ok, notes);
        if ok {
            return Next::Settled;
        }
        let coded = text.first() == Some(&b'[');
        let failed = text.starts_with(b"[AUTHENTICATIONFAILED]") || !coded && text_line::says_wrong(text);
        let why = if failed && proved { Refusal::ProofWrong } else { Refusal::Other };
        notes.say(&REFUSED, Shown::Refuses { why });
        Next::More
    }
}

fn tag_of(line: &[u8]) -> Vec<u8> {
    let (tag, _) = text_line::split_word(line);
    tag.get(..tag.len().min(TAG)).unwrap_or_default().to_vec()
}

/// The literal that a line announces at its end, and whether the receiver must ask for it.
fn literal_of(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let start = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = inner.get(start.saturating_add(1)..)?;
    let (digits, waits) = digits.strip_suffix(b"+").map_or((digits, true), |digits| (digits, false));
    let length =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((length.parse::<u32>().ok()?.try_into().ok()?, waits))
}

/// A command's words: its tag, its name and its arguments, quotes and literals undone.
fn arguments(parts: &[Zeroizing<Vec<u8>>]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut words: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 1 {
            words.push(part.clone());
            continue;
        }
        let announced = literal_of(part).and_then(|_| part.iter().rposition(|byte| *byte == b'{'));
        let text = part.get(..announced.unwrap_or(part.len())).unwrap_or_default();
        let (mut word, mut quoted, mut escaped) = (None::<Zeroizing<Vec<u8>>>, false, false);
        for byte in text {
            match byte {
                b'\\' if quoted && !escaped => escaped = true,
                b'"' if !escaped => {
                    quoted = !quoted;
                    word.get_or_insert_with(|| Zeroizing::new(Vec::with_capacity(text.len())));
                }
                b' ' if !quoted => words.extend(word.take()),
                byte => {
                    escaped = false;
                    // A word never outgrows its line, so its buffer never moves.
                    word.get_or_insert_with(|| Zeroizing::new(Vec::with_capacity(text.len()))).push(*byte);
                }
            }
        }
        words.extend(word);
    }
    words
}

impl Dissector for Imap {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.command(input, notes),
            Role::Responder => self.reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let exchange = self.exchange.take().and_then(|exchange| exchange.offer(notes));
        let proofs = self.unanswered.drain(..).filter_map(|(_, asked)| match asked {
            Asked::Proof(rule, shown) => Some((rule, shown)),
            Asked::Tls | Asked::Authenticate | Asked::Mailbox | Asked::Unfinished | Asked::Other => None,
        });
        for (rule, shown) in proofs.chain(exchange) {
            notes.say(rule, shown);
        }
    }
}
