//! IRC: who registers with a server, and by what.
//!
//! Sources: RFC 2812 sections 3.1 (registration) and 5 (numerics), modern.ircdocs.horse (capabilities), IRCv3
//! "SASL Authentication" 3.2 and "tls" (STARTTLS).

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::text_line::{self, begins_with_word};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "irc.proof-demanded", v 1, Observed, Wire,
        "The receiver refused to register a caller without a password, or went on with an exchange that the caller began",
        "Not whether it demands the same of every caller";
    PASSWORD = "irc.password-sent", v 1, Observed, Wire,
        "The caller sent a password for the connection in clear (PASS)",
        "Whether the receiver looks at it";
    ACCEPTED = "irc.proof-accepted", v 1, Observed, Wire,
        "The receiver said that the exchange of proof succeeded, or registered a caller that had sent a password",
        "Whether it would have registered the caller without";
    REGISTERED = "irc.registered", v 1, Observed, Wire,
        "The receiver registered the caller (001)",
        "Whether the nickname belongs to anybody";
    WRONG = "irc.proof-refused", v 1, Observed, Wire,
        "The receiver refused the caller's password or exchange of proof",
        "Not which proof would have been right";
    REFUSED = "irc.refused", v 1, Observed, Wire,
        "The receiver closed the connection, or does not let this caller in",
        "Its text alone says why";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Irc,
    call: |bytes| begins_with_word(bytes, &["NICK", "USER", "PASS", "CAP", "AUTHENTICATE", "STARTTLS"]),
    reply: reply_likeness,
    begin: || Box::new(Irc::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// A prefix and a command of letters or three digits, or one of the commands that servers send without a prefix.
fn reply_likeness(bytes: &[u8]) -> Likeness {
    let words = ["NOTICE", "PING", "ERROR", "CAP", "AUTHENTICATE"];
    let Some(rest) = bytes.strip_prefix(b":") else {
        return begins_with_word(bytes, &words);
    };
    let window = rest.get(..rest.len().min(PREFIX)).unwrap_or_default();
    let end = window.iter().position(|byte| *byte == b' ');
    let prefix = window.get(..end.unwrap_or(window.len())).unwrap_or_default();
    if !prefix.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Likeness::Unlike;
    }
    match end.map(|end| (end, window.get(end.saturating_add(1)))) {
        Some((1.., Some(byte))) if byte.is_ascii_uppercase() || byte.is_ascii_digit() => Likeness::Like,
        Some((1.., None)) | None if window.len() < PREFIX => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Irc {
    name: Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<Vec<u8>>>,
    exchange: Option<Exchange>,
    /// A response that goes on in the next message.
    response: Zeroizing<Vec<u8>>,
    /// The exchange succeeded, and what it presented was said.
    proved: bool,
    starts_tls: bool,
}

/// Longest prefix that names who speaks.
const PREFIX: usize = 128;
/// Longest part of a response (IRCv3 SASL: 400 bytes of base64).
const PART: usize = 400;
/// Longest response.
const RESPONSE: usize = 12_288;

impl Irc {
    fn command(&mut self, line: &[u8]) {
        let (word, rest) = text_line::split_word(line);
        let (first, _) = text_line::split_word(rest);
        let first = first.strip_prefix(b":").unwrap_or(first);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        if is("PASS") && !first.is_empty() {
            let text = rest.strip_prefix(b":").unwrap_or(first);
            self.password = Some(Zeroizing::new(text.to_vec()));
        } else if is("NICK") || is("USER") && self.name.is_empty() {
            self.name = Zeroizing::new(first.to_vec());
        } else if is("STARTTLS") {
            self.starts_tls = true;
        } else if is("AUTHENTICATE") {
            self.response_part(first);
        }
    }

    fn response_part(&mut self, text: &[u8]) {
        let Some(exchange) = &mut self.exchange else {
            self.exchange = Some(Exchange::new(text));
            return;
        };
        let goes_on = text.len() == PART;
        if text == b"*" {
            self.exchange = None;
            return;
        }
        if text != b"+" && self.response.len() < RESPONSE {
            let mut longer =
                Zeroizing::new(Vec::with_capacity(self.response.len().saturating_add(text.len())));
            longer.extend_from_slice(&self.response);
            longer.extend_from_slice(text);
            self.response = longer;
        }
        if !goes_on {
            exchange.push_base64(&self.response);
            self.response = Zeroizing::default();
        }
    }

    fn reply(&mut self, line: &[u8], notes: &mut Notes<'_>) -> Next {
        let line = match line.strip_prefix(b":") {
            Some(rest) => text_line::split_word(rest).1,
            None => line,
        };
        let (word, text) = text_line::split_word(line);
        match word {
            b"001" => {
                self.offer_password(notes);
                notes.say(&REGISTERED, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            b"903" => self.exchanged(true, notes),
            b"902" | b"904" | b"905" => self.exchanged(false, notes),
            b"464" => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                let why = match self.take_password(notes) {
                    Some((rule, shown)) => {
                        notes.say(rule, shown);
                        Refusal::ProofWrong
                    }
                    None => Refusal::ProofMissing,
                };
                notes.say(&WRONG, Shown::Refuses { why });
            }
            b"465" | b"463" => notes.say(&REFUSED, Shown::Refuses { why: Refusal::Place }),
            b"670" if self.starts_tls => return Next::Upgraded(super::tls::begin()),
            b"691" => self.starts_tls = false,
            b"ERROR" => {
                if let Some((rule, shown)) = self.take_password(notes) {
                    notes.say(rule, shown);
                    let wrong = text_line::says_wrong(text);
                    let why = if wrong { Refusal::ProofWrong } else { Refusal::Other };
                    notes.say(&REFUSED, Shown::Refuses { why });
                } else {
                    notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                }
                return Next::Settled;
            }
            _ => {}
        }
        Next::More
    }

    fn take_password(&mut self, notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
        let password = self.password.take()?;
        Some(sasl::password_offer(&PASSWORD, &self.name, &password, notes))
    }

    /// What a registered caller presented, unless an exchange succeeded before.
    fn offer_password(&mut self, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.take_password(notes) {
            notes.say(rule, shown);
            notes.say(&ACCEPTED, Shown::Accepts);
        } else if !self.proved {
            notes.say(&REGISTERED, sasl::name_offer(&self.name));
        }
    }

    /// The exchange ended.
    fn exchanged(&mut self, well: bool, notes: &mut Notes<'_>) {
        let Some((rule, shown)) = self.exchange.take().and_then(|exchange| exchange.offer(notes)) else {
            if well {
                notes.say(&ACCEPTED, Shown::Hidden { why: Hidden::Unsupported });
            }
            return;
        };
        let proof = shown.proof();
        if let Some(proof) = proof {
            notes.say(&DEMANDED, Shown::Demands { proof });
        }
        notes.say(rule, shown);
        if !well {
            let why = if proof.is_some() { Refusal::ProofWrong } else { Refusal::Other };
            notes.say(&WRONG, Shown::Refuses { why });
        } else if proof.is_some() {
            self.proved = true;
            notes.say(&ACCEPTED, Shown::Accepts);
        }
    }
}

impl Dissector for Irc {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator && self.starts_tls {
            // The answer tells in what the caller goes on.
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
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
        let exchange = self.exchange.take().and_then(|exchange| exchange.offer(notes));
        for (rule, shown) in exchange.into_iter().chain(self.take_password(notes)) {
            notes.say(rule, shown);
        }
    }
}
