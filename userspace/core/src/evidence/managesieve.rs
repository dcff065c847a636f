//! ManageSieve: who may change the filters of a mailbox.
//!
//! Source: RFC 5804 (1.2: strings and responses; 1.7: capabilities; 2.1: AUTHENTICATE; 2.2: STARTTLS).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::Exchange;
use super::text_line::{self, any, begins_with_word};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ACCEPTED = "managesieve.proof-accepted", v 1, Observed, Wire,
        "The receiver answered AUTHENTICATE with OK",
        "Whose filters it opened";
    LOGGED_IN = "managesieve.session-opened", v 1, Observed, Wire,
        "The receiver opened an authenticated session",
        "Whose filters it opened";
    UNKNOWN_PROOF = "managesieve.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    REFUSED = "managesieve.login-refused", v 1, Observed, Wire,
        "The receiver refused a login (NO)",
        "Its text alone says whether the proof was the reason";
    SERVED = "managesieve.command-served", v 1, Observed, Wire,
        "The receiver served a command for filters of a caller that had not identified itself",
        "Not what it sent";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Managesieve,
    call: |bytes| begins_with_word(bytes, &["AUTHENTICATE", "STARTTLS", "CAPABILITY", "LOGOUT", "NOOP"]),
    // The capability that every server has, which those that are used name first.
    reply: |bytes| {
        any(&[&b"\"IMPLEMENTATION\" "[..], b"\"implementation\" "]
            .map(|start| Likeness::starts_with(bytes, start)))
    },
    begin: || Box::new(Managesieve::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Commands that are only served to a user.
const FILTERS: &[&str] =
    &["HAVESPACE", "PUTSCRIPT", "LISTSCRIPTS", "SETACTIVE", "GETSCRIPT", "DELETESCRIPT", "RENAMESCRIPT"];

/// What the receiver has to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Tls,
    Login,
    Filters,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Managesieve {
    greeted: bool,
    asked: Option<Asked>,
    exchange: Option<Exchange>,
    /// The string of the exchange comes in the next line.
    literal: bool,
}

/// A string without its quotes.
fn unquoted(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

/// True for the announcement of a literal: `{` and a length.
fn is_literal(text: &[u8]) -> bool {
    text.first() == Some(&b'{')
}

impl Managesieve {
    fn command(&mut self, line: &[u8]) {
        if let Some(exchange) = &mut self.exchange {
            if std::mem::replace(&mut self.literal, false) || !is_literal(line) {
                exchange.push_base64(unquoted(line));
                self.asked = Some(Asked::Login);
            } else {
                self.literal = true;
            }
            return;
        }
        let (word, rest) = text_line::split_word(line);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        self.asked = Some(if is("STARTTLS") {
            Asked::Tls
        } else if is("AUTHENTICATE") {
            let (mechanism, first) = text_line::split_word(rest);
            let mut exchange = Exchange::new(unquoted(mechanism));
            self.literal = is_literal(first);
            if !self.literal && !first.is_empty() {
                exchange.push_base64(unquoted(first));
            }
            self.exchange = Some(exchange);
            Asked::Login
        } else if text_line::is_one_of(word, FILTERS) {
            Asked::Filters
        } else {
            Asked::Other
        });
        if self.literal {
            self.asked = None;
        }
    }

    fn reply(&mut self, line: &[u8], notes: &mut Notes<'_>) -> Next {
        let (word, text) = text_line::split_word(line);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if !is("OK") && !is("NO") && !is("BYE") {
            // A capability, or the exchange's next challenge.
            if self.asked == Some(Asked::Login) {
                self.asked = None;
            }
            return Next::More;
        }
        let asked = self.asked.take();
        match asked {
            None => self.greeted = true,
            Some(Asked::Tls) if is("OK") => return Next::Upgraded(super::tls::begin()),
            Some(Asked::Login) => return self.decided(is("OK"), text, notes),
            Some(Asked::Filters) if is("OK") => {
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            Some(Asked::Tls | Asked::Filters | Asked::Other) => {}
        }
        Next::More
    }

    fn decided(&mut self, ok: bool, text: &[u8], notes: &mut Notes<'_>) -> Next {
        let offer = self.exchange.take().and_then(|exchange| exchange.offer(notes));
        let proves = matches!(&offer, Some((_, Shown::Offers { proof, .. })) if *proof != Proof::Claim);
        let known = offer.is_some();
        if let Some((rule, shown)) = offer {
            notes.say(rule, shown);
        }
        if !ok {
            let wrong = proves && text_line::says_wrong(text);
            let why = if wrong { Refusal::ProofWrong } else { Refusal::Other };
            notes.say(&REFUSED, Shown::Refuses { why });
            return Next::More;
        }
        if !known {
            notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
            return Next::Settled;
        }
        if proves {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
        notes.say(&LOGGED_IN, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }
}

impl Dissector for Managesieve {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        // One command at a time, after the greeting; an answer after its command.
        let waits = match from {
            Role::Originator => !self.greeted || self.asked.is_some(),
            Role::Responder => self.greeted && self.asked.is_none(),
        };
        if waits {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::Got(line) => line,
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
        };
        match from {
            Role::Originator => {
                self.command(&line);
                Next::More
            }
            Role::Responder => self.reply(&line, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.exchange.take().and_then(|exchange| exchange.offer(notes)) {
            notes.say(rule, shown);
        }
    }
}
