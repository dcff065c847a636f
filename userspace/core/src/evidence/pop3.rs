//! POP3: who logged in to a mailbox, and by what.
//!
//! Sources: RFC 1939 (states, USER, PASS, APOP), RFC 2449 (CAPA, response codes), RFC 2595 (STLS), RFC 5034 (AUTH).

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::sasl_ending::Ending;
use super::text_line::{self, any, begins_with_word};
use super::{Hidden, Operation, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "pop3.identity-demanded", v 1, Observed, Wire,
        "The receiver's greeting put the session in the state in which only a caller that identifies itself gets further",
        "Not how it must do so";
    PASSWORD = "pop3.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (USER, PASS)",
        "A receiver may take any password";
    DIGEST = "pop3.challenge-answered", v 1, Observed, Wire,
        "The caller answered the challenge in the greeting with a digest of it and a shared secret (APOP)",
        "The secret itself is not visible";
    ACCEPTED = "pop3.proof-accepted", v 1, Observed, Wire,
        "The receiver answered PASS, APOP or AUTH with +OK",
        "Not which mailbox it opened";
    LOGGED_IN = "pop3.mailbox-opened", v 1, Observed, Wire,
        "The receiver opened a mailbox",
        "Not what is in it";
    UNKNOWN_PROOF = "pop3.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted an AUTH mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    SERVED = "pop3.command-served", v 1, Observed, Wire,
        "The receiver served a mailbox command of a caller that had not identified itself",
        "Not what it sent";
    REFUSED = "pop3.login-refused", v 1, Observed, Wire,
        "The receiver refused a login (-ERR)",
        "Its text alone says whether the proof was the reason";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Pop3,
    call: call_likeness,
    reply: |bytes| any(&[Likeness::starts_with(bytes, b"+OK"), Likeness::starts_with(bytes, b"-ERR")]),
    begin: || Box::new(Pop3::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// AUTH with no mechanism lists them; a word of another protocol's AUTH is none of these.
const AUTH: &[&[u8]] = &[
    b"AUTH\r\n",
    b"AUTH PLAIN",
    b"AUTH LOGIN",
    b"AUTH CRAM-MD5",
    b"AUTH DIGEST-MD5",
    b"AUTH NTLM",
    b"AUTH GSSAPI",
    b"AUTH SCRAM-",
    b"AUTH XOAUTH2",
    b"AUTH OAUTHBEARER",
    b"AUTH EXTERNAL",
];
/// Commands that are served in the state in which the mailbox is open.
const MAILBOX: &[&str] = &["STAT", "LIST", "RETR", "DELE", "TOP", "UIDL"];
/// Logins that are reported one by one.
const LOGINS: u32 = 64;
static ENDING: Ending =
    Ending { demanded: &DEMANDED, accepted: &ACCEPTED, unknown: &UNKNOWN_PROOF, opened: &LOGGED_IN };

/// What a mail reader begins with.
fn call_likeness(bytes: &[u8]) -> Likeness {
    let mut upper = bytes.get(..bytes.len().min(24)).unwrap_or_default().to_vec();
    upper.make_ascii_uppercase();
    let auth = AUTH.iter().map(|start| Likeness::starts_with(&upper, start));
    let mut all: Vec<Likeness> = auth.collect();
    all.push(begins_with_word(bytes, &["USER", "APOP", "CAPA", "STLS"]));
    any(&all)
}

/// One flow.
#[derive(Default, Debug)]
struct Pop3 {
    greeted: bool,
    asked: Option<Asked>,
    /// Lines of a listing follow, up to a line with a dot.
    listing: bool,
    user: Zeroizing<Vec<u8>>,
    exchange: Option<Exchange>,
    logins: u32,
    served_said: bool,
}

/// The command that waits for its reply. A caller that sends more is read when that came.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Asked {
    Tls,
    Proof(&'static Rule, Shown),
    Auth,
    Mailbox,
    /// Answered by a listing.
    Listing,
    Other,
}

impl Pop3 {
    fn command(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if !self.greeted || self.asked.is_some() || self.listing {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if let Some(exchange) = &mut self.exchange {
            exchange.push_base64(&line);
            self.asked = Some(Asked::Auth);
            return Next::More;
        }
        let (word, rest) = text_line::split_word(&line);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        self.asked = Some(if is("USER") {
            self.user = Zeroizing::new(rest.to_vec());
            Asked::Other
        } else if is("PASS") {
            let (rule, shown) = sasl::password_offer(&PASSWORD, &self.user, rest, notes);
            Asked::Proof(rule, shown)
        } else if is("APOP") {
            Asked::Proof(&DIGEST, sasl::challenge_offer(text_line::split_word(rest).0))
        } else if is("AUTH") && rest.is_empty() || is("CAPA") {
            Asked::Listing
        } else if is("AUTH") {
            self.exchange = Some(Exchange::from_words(rest));
            Asked::Auth
        } else if is("STLS") {
            Asked::Tls
        } else if text_line::is_one_of(word, MAILBOX) {
            Asked::Mailbox
        } else {
            Asked::Other
        });
        Next::More
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.greeted && self.asked.is_none() && !self.listing {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if self.listing {
            self.listing = line.as_slice() != b".";
            return Next::More;
        }
        let accepted = line.starts_with(b"+OK");
        let goes_on = !accepted && line.starts_with(b"+");
        if !goes_on && !accepted && !line.starts_with(b"-ERR") {
            return Next::Lost(Hidden::Unsupported);
        }
        if !self.greeted {
            self.greeted = true;
            if !accepted {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            return Next::More;
        }
        match self.asked.take() {
            Some(Asked::Tls) if accepted => return Next::Upgraded(super::tls::begin()),
            Some(Asked::Listing) => self.listing = accepted,
            Some(Asked::Proof(rule, shown)) => {
                return self.decided(Some((rule, shown)), accepted, &line, notes);
            }
            Some(Asked::Auth) if goes_on => {}
            Some(Asked::Auth) => {
                let offer = self.exchange.take().and_then(|exchange| exchange.offer(notes));
                return self.decided(offer, accepted, &line, notes);
            }
            Some(Asked::Mailbox) if accepted && !std::mem::replace(&mut self.served_said, true) => {
                if self.logins > 0 {
                    // What was refused before does not count for this.
                    notes.say(&SERVED, sasl::name_offer(b""));
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            Some(Asked::Tls | Asked::Mailbox | Asked::Other) | None => {}
        }
        Next::More
    }

    fn decided(
        &mut self,
        offer: Option<(&'static Rule, Shown)>,
        accepted: bool,
        line: &[u8],
        notes: &mut Notes<'_>,
    ) -> Next {
        self.logins = self.logins.saturating_add(1);
        if self.logins > LOGINS && !accepted {
            return Next::More;
        }
        let proved = ENDING.say(offer, accepted, notes);
        if accepted {
            return Next::Settled;
        }
        let coded = [&b"-ERR [IN-USE"[..], b"-ERR [LOGIN-DELAY", b"-ERR [SYS"]
            .iter()
            .any(|code| line.starts_with(code));
        let wrong = proved && !coded && (line.starts_with(b"-ERR [AUTH]") || text_line::says_wrong(line));
        let why = if wrong { Refusal::ProofWrong } else { Refusal::Other };
        notes.say(&REFUSED, Shown::Refuses { why });
        Next::More
    }
}

impl Dissector for Pop3 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.command(input, notes),
            Role::Responder => self.reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let offer = match self.asked.take() {
            Some(Asked::Proof(rule, shown)) => Some((rule, shown)),
            _ => self.exchange.take().and_then(|exchange| exchange.offer(notes)),
        };
        if let Some((rule, shown)) = offer {
            notes.say(rule, shown);
        }
    }
}
