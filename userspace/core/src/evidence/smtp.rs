//! SMTP and LMTP: who authenticated, and whether mail was taken from a caller that did not.
//!
//! Sources: RFC 5321 (commands, replies, DATA), RFC 2920 (pipelining), RFC 3030 (BDAT), RFC 3207 (STARTTLS), RFC 4954
//! (AUTH), RFC 2033 (LMTP).

use std::collections::VecDeque;

use super::dissector::{Dissector, Input, Known, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::text_line::{self, Replies, Reply, begins_with_code, begins_with_word};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    REQUIRED = "smtp.authentication-required", v 1, Observed, Wire,
        "The receiver refused a command of a caller that had not authenticated (530)",
        "Not how it would have to authenticate";
    ACCEPTED = "smtp.proof-accepted", v 1, Observed, Wire,
        "The receiver answered AUTH by its accept code (235)",
        "Whether it takes mail from those who send no AUTH";
    SESSION = "smtp.session-opened", v 1, Observed, Wire,
        "The receiver opened an authenticated session",
        "Not which mail it takes from this user";
    UNKNOWN_PROOF = "smtp.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted an AUTH mechanism that no rule knows, or whose exchange was not whole",
        "What was proved is not known";
    PROOF_WRONG = "smtp.proof-refused", v 1, Observed, Wire,
        "The receiver said that the credentials are invalid (535)",
        "Not whether it takes mail from those who send none";
    AUTH_REFUSED = "smtp.authentication-not-done", v 1, Observed, Wire,
        "The receiver refused AUTH for a reason other than wrong credentials",
        "Not whether the credentials were right";
    MAIL_REFUSED = "smtp.mail-refused", v 1, Observed, Wire,
        "The receiver did not take a sender, a recipient or a message",
        "Whether the caller's identity was the reason";
    TAKEN = "smtp.mail-taken", v 1, Observed, Wire,
        "The receiver took a message from a caller that had not authenticated on this connection",
        "Whether the recipient is its own, in which case mail exchangers take mail from anybody";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Smtp,
    call: |bytes| {
        begins_with_word(bytes, &["EHLO", "HELO", "LHLO", "STARTTLS", "MAIL", "RSET", "VRFY", "EXPN"])
    },
    reply: |bytes| begins_with_code(bytes, &["220", "421", "521", "554"]),
    begin: || Box::new(Smtp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Most commands that wait for their reply.
const UNANSWERED: usize = 256;
/// Attempts at AUTH, and refusals, that are reported one by one.
const REPORTED: u32 = 64;
/// What ends a message, after a line's end.
const END: &[u8] = b"\r\n.\r\n";

/// One flow.
#[derive(Default, Debug)]
struct Smtp {
    greeted: bool,
    replies: Replies,
    unanswered: VecDeque<Asked>,
    /// The exchange that is under way.
    exchange: Option<Exchange>,
    /// A message is being sent; how much of [`END`] was just there.
    message: Option<usize>,
    missing_said: bool,
    /// A proof was offered before, and refused.
    offered: bool,
    reported: u32,
}

/// A command, as far as its reply is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    StartTls,
    Auth,
    /// MAIL and RCPT.
    Envelope,
    Data,
    /// Part of a message, by BDAT.
    Chunk,
    /// The end of a message, by DATA or BDAT LAST.
    Message,
    Other,
}

impl Smtp {
    fn command(&mut self, input: &mut Input<'_>) -> Next {
        if !self.greeted {
            return Next::More;
        }
        if self.message.is_some() {
            self.skip_message(input);
            return Next::More;
        }
        // What comes after these depends on their reply.
        if let Some(Asked::StartTls | Asked::Auth | Asked::Data) = self.unanswered.back() {
            return Next::More;
        }
        let line = match text_line::take(input) {
            Read::More => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(line) => line,
        };
        if self.unanswered.len() >= UNANSWERED {
            return Next::Lost(Hidden::Truncated);
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.push_base64(&line);
            self.unanswered.push_back(Asked::Auth);
            return Next::More;
        }
        let (word, rest) = text_line::split_word(&line);
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        let asked = if is("STARTTLS") {
            Asked::StartTls
        } else if is("AUTH") {
            self.exchange = Some(Exchange::from_words(rest));
            Asked::Auth
        } else if is("MAIL") || is("RCPT") {
            Asked::Envelope
        } else if is("DATA") {
            Asked::Data
        } else if is("BDAT") {
            let (size, last) = text_line::split_word(rest);
            match std::str::from_utf8(size).ok().and_then(|size| size.parse::<u32>().ok()) {
                Some(size) => {
                    input.skip(u64::from(size));
                    if last.is_empty() { Asked::Chunk } else { Asked::Message }
                }
                // Not a size: the receiver takes what follows for commands.
                None => Asked::Chunk,
            }
        } else {
            Asked::Other
        };
        self.unanswered.push_back(asked);
        Next::More
    }

    /// Moves past a message's lines, to the end of its last one if that is there.
    fn skip_message(&mut self, input: &mut Input<'_>) {
        let Some(mut matched) = self.message else { return };
        let mut count = 0_usize;
        for byte in input.bytes() {
            count = count.saturating_add(1);
            if END.get(matched) == Some(byte) {
                matched = matched.saturating_add(1);
            } else {
                matched = usize::from(*byte == b'\r');
            }
            if matched == END.len() {
                self.unanswered.push_back(Asked::Message);
                break;
            }
        }
        self.message = (matched < END.len()).then_some(matched);
        input.read(count);
    }

    fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.greeted && self.unanswered.is_empty() {
            return Next::More;
        }
        let reply = match self.replies.next(input) {
            Read::More | Read::Got(None) => return Next::More,
            Read::Broken => return Next::Lost(Hidden::Unsupported),
            Read::Got(Some(reply)) => reply,
        };
        if !self.greeted {
            self.greeted = true;
            if reply.code >= 400 {
                notes.say(&MAIL_REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            return Next::More;
        }
        let Some(asked) = self.unanswered.pop_front() else { return Next::More };
        self.judge(asked, &reply, notes)
    }

    fn judge(&mut self, asked: Asked, reply: &Reply, notes: &mut Notes<'_>) -> Next {
        if reply.code >= 400 {
            self.reported = self.reported.saturating_add(1);
        }
        if reply.code == 530 && asked != Asked::StartTls && !says_tls(&reply.text) {
            if !std::mem::replace(&mut self.missing_said, true) {
                notes.say(&REQUIRED, Shown::Demands { proof: Proof::Secret });
                notes.say(&REQUIRED, Shown::Refuses { why: Refusal::ProofMissing });
            }
            self.exchange = None;
            return Next::More;
        }
        match (asked, reply.code) {
            (Asked::StartTls, 220) => return Next::Upgraded(super::tls::begin()),
            // The exchange goes on.
            (Asked::Auth, 334) => {}
            (Asked::Auth, code) => {
                let Some(exchange) = self.exchange.take() else { return Next::More };
                return self.decided(&exchange, code, notes);
            }
            (Asked::Data, 354) => self.message = Some(2),
            (Asked::Message, 250) => {
                if self.offered {
                    // What was refused before does not count for this.
                    notes.say(&TAKEN, sasl::name_offer(b""));
                }
                notes.say(&TAKEN, Shown::Serves { operation: Operation::Service });
                return Next::Settled;
            }
            (Asked::Envelope | Asked::Data | Asked::Chunk | Asked::Message, 400..)
                if self.reported <= REPORTED =>
            {
                notes.say(&MAIL_REFUSED, Shown::Refuses { why: Refusal::Other });
            }
            _ => {}
        }
        Next::More
    }

    fn decided(&mut self, exchange: &Exchange, code: u16, notes: &mut Notes<'_>) -> Next {
        let offer = exchange.offer(notes);
        self.offered |= offer.is_some();
        if code == 235 {
            let Some((rule, shown)) = offer else {
                notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
                return Next::Settled;
            };
            let claim = matches!(shown, Shown::Offers { proof: Proof::Claim, .. });
            notes.say(rule, shown);
            if !claim {
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
            return Next::Settled;
        }
        if self.reported > REPORTED {
            return Next::More;
        }
        if let Some((rule, shown)) = offer {
            notes.say(rule, shown);
            if code == 535 {
                notes.say(&PROOF_WRONG, Shown::Refuses { why: Refusal::ProofWrong });
                return Next::More;
            }
        }
        notes.say(&AUTH_REFUSED, Shown::Refuses { why: Refusal::Other });
        Next::More
    }
}

/// `530 Must issue a STARTTLS command first` (RFC 3207 section 4) asks for encryption, not for identity.
fn says_tls(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    text.contains("tls") || text.contains("ssl") || text.contains("encrypt")
}

impl Dissector for Smtp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.command(input),
            Role::Responder => self.reply(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.exchange.take().and_then(|exchange| exchange.offer(notes)) {
            notes.say(rule, shown);
        }
    }
}
