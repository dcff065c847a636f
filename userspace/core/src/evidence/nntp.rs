//! NNTP: who reads and posts news.
//!
//! Sources: RFC 3977 (commands, codes, section 3.2.1 generic codes), RFC 4643 (AUTHINFO), RFC 4642 (STARTTLS).

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::sasl_ending::Ending;
use super::text_line::{self, begins_with_code, begins_with_word};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "nntp.authentication-required", v 1, Observed, Wire,
        "The receiver answered 480, or went on with a login: it wants to know who is calling",
        "Not for which groups it does so";
    PASSWORD = "nntp.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (AUTHINFO USER, PASS)",
        "A receiver may take any password";
    ACCEPTED = "nntp.proof-accepted", v 1, Observed, Wire,
        "The receiver accepted the login (281, 283)",
        "Not which groups it opens to this user";
    LOGGED_IN = "nntp.session-opened", v 1, Observed, Wire,
        "The receiver opened a session for the user that logged in",
        "Not which groups it opens to this user";
    UNKNOWN_PROOF = "nntp.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    SERVED = "nntp.command-served", v 1, Observed, Wire,
        "The receiver listed or sent news, or took some",
        "Whether these groups are meant for anyone";
    REFUSED = "nntp.refused", v 1, Observed, Wire,
        "The receiver refused a login or a command",
        "Its code alone says why";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Nntp,
    call: |bytes| text_line::any(&[begins_with_word(bytes, NEWS), begins_with_word(bytes, FIRST)]),
    reply: |bytes| begins_with_code(bytes, &["200", "201", "400", "502"]),
    begin: || Box::new(Nntp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Commands that list, send or take news, and may come first.
const NEWS: &[&str] = &[
    "GROUP",
    "LIST",
    "LISTGROUP",
    "ARTICLE",
    "HEAD",
    "BODY",
    "STAT",
    "POST",
    "IHAVE",
    "CHECK",
    "TAKETHIS",
    "NEWGROUPS",
    "NEWNEWS",
    "XOVER",
    "OVER",
    "XHDR",
    "HDR",
];
/// Commands that move within a group that was chosen.
const MOVES: &[&str] = &["NEXT", "LAST"];
/// Other commands that may come first.
const FIRST: &[&str] = &["CAPABILITIES", "MODE", "AUTHINFO", "DATE", "HELP", "STARTTLS", "QUIT", "SLAVE"];
static ENDING: Ending =
    Ending { demanded: &DEMANDED, accepted: &ACCEPTED, unknown: &UNKNOWN_PROOF, opened: &LOGGED_IN };
/// Most commands that wait for their answer.
const UNANSWERED: usize = 64;
/// Logins that are reported one by one.
const LOGINS: u32 = 64;

/// A command, as far as its answer is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    User,
    Password,
    Exchange,
    Tls,
    News,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Nntp {
    greeted: bool,
    unanswered: VecDeque<Asked>,
    /// Lines of an answer follow, up to one with a dot alone.
    listing: bool,
    user: Zeroizing<Vec<u8>>,
    password: Zeroizing<Vec<u8>>,
    exchange: Option<Exchange>,
    logins: u32,
}

impl Nntp {
    fn command(&mut self, line: &[u8]) -> Next {
        let (word, rest) = text_line::split_word(line);
        let (kind, value) = text_line::split_word(rest);
        let is = |word: &[u8], known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        let asked = if self.exchange.is_some() {
            if let Some(exchange) = &mut self.exchange {
                exchange.push_base64(line);
            }
            Asked::Exchange
        } else if is(word, "AUTHINFO") && is(kind, "USER") {
            self.user = Zeroizing::new(value.to_vec());
            Asked::User
        } else if is(word, "AUTHINFO") && is(kind, "PASS") {
            self.password = Zeroizing::new(value.to_vec());
            Asked::Password
        } else if is(word, "AUTHINFO") && is(kind, "SASL") {
            self.exchange = Some(Exchange::from_words(value));
            Asked::Exchange
        } else if is(word, "STARTTLS") {
            Asked::Tls
        } else if text_line::is_one_of(word, NEWS) || text_line::is_one_of(word, MOVES) {
            Asked::News
        } else {
            Asked::Other
        };
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        self.unanswered.push_back(asked);
        Next::More
    }

    fn answer(&mut self, line: &[u8], notes: &mut Notes<'_>) -> Next {
        if self.listing {
            self.listing = line != b".";
            return Next::More;
        }
        let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse::<u16>().ok());
        let Some(code) = code.filter(|code| (100..600).contains(code)) else {
            return Next::Lost(Hidden::Unsupported);
        };
        if !self.greeted {
            self.greeted = true;
            if code >= 400 {
                notes.say(&REFUSED, Shown::Refuses { why: place(code) });
            }
            return Next::More;
        }
        let Some(asked) = self.unanswered.pop_front() else { return Next::More };
        // What a caller may do without asking again follows these (RFC 3977 section 3.2).
        self.listing = matches!(code, 100 | 101);
        match (asked, code) {
            (_, 480) => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            (Asked::Tls, 382) => return Next::Upgraded(super::tls::begin()),
            // The name is enough for this receiver.
            (Asked::User, 281) => return self.decided(None, true, notes),
            (Asked::Password | Asked::Exchange, 281 | 283) => {
                return self.decided(self.offer(notes), true, notes);
            }
            (Asked::Password | Asked::Exchange, 481 | 482 | 502) => {
                return self.decided(self.offer(notes), false, notes);
            }
            (Asked::Exchange, 400..=599) => self.exchange = None,
            (Asked::News, 200..=299 | 335 | 340) => {
                if self.logins > 0 {
                    // What was refused before does not count for this.
                    notes.say(&SERVED, sasl::name_offer(b""));
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Asked::News, 502) => notes.say(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed }),
            (_, _) => {}
        }
        Next::More
    }

    fn offer(&self, notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
        match &self.exchange {
            Some(exchange) => exchange.offer(notes),
            None => Some(sasl::password_offer(&PASSWORD, &self.user, &self.password, notes)),
        }
    }

    fn decided(&mut self, offer: Option<(&'static Rule, Shown)>, well: bool, notes: &mut Notes<'_>) -> Next {
        let by_name = self.exchange.take().is_none();
        let offer = offer.or_else(|| by_name.then(|| (&LOGGED_IN, sasl::name_offer(&self.user))));
        self.logins = self.logins.saturating_add(1);
        if self.logins > LOGINS && !well {
            return Next::More;
        }
        let proved = ENDING.say(offer, well, notes);
        if well {
            return Next::Settled;
        }
        let why = if proved { Refusal::ProofWrong } else { Refusal::Other };
        notes.say(&REFUSED, Shown::Refuses { why });
        Next::More
    }
}

/// 502 in the greeting: this host may not connect (RFC 3977 section 5.1.1).
fn place(code: u16) -> Refusal {
    if code == 502 { Refusal::Place } else { Refusal::Other }
}

impl Dissector for Nntp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let waits = matches!(self.unanswered.back(), Some(Asked::Tls | Asked::Exchange));
        let early = match from {
            Role::Originator => !self.greeted || waits,
            Role::Responder => self.greeted && self.unanswered.is_empty() && !self.listing,
        };
        if early {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        match from {
            Role::Originator => self.command(&line),
            Role::Responder => self.answer(&line, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let waits = self.unanswered.iter().any(|asked| matches!(asked, Asked::Password | Asked::Exchange));
        if waits && let Some((rule, shown)) = self.offer(notes) {
            notes.say(rule, shown);
        }
    }
}
