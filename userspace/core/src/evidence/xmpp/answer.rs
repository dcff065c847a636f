//! What the receiver answers.

use super::*;

/// The receiver's element that is being read.
#[derive(Default, Debug)]
pub(super) enum Answer {
    Features,
    /// TLS may begin.
    Proceed,
    /// The exchange goes on.
    Challenge,
    Success,
    /// An authentication failed, or TLS.
    Failure {
        tls: bool,
        condition: Vec<u8>,
    },
    Handshake,
    /// A claimed domain, and whether its stanzas are taken; a dialback key of the receiver's own.
    Dialback {
        domain: Vec<u8>,
        valid: bool,
        verifies: bool,
    },
    /// The answer to a query.
    Query {
        about: About,
        failed: bool,
        condition: Vec<u8>,
    },
    /// The stream ends.
    Error {
        condition: Vec<u8>,
    },
    /// A message or presence of its own.
    Stanza,
    #[default]
    Other,
}

impl Xmpp {
    /// Reads one tag of the receiver; `None` when it is no XMPP.
    pub(super) fn reply(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        if !self.caller.open {
            return Some(Next::More);
        }
        let Some(tag) = tag(&mut self.receiver, input)? else { return Some(Next::More) };
        let name = local(tag.name());
        // An answer to what was not asked yet waits for it.
        let awaits = match name {
            b"proceed" => Some(Waits::Tls),
            b"challenge" | b"success" | b"continue" => Some(Waits::Sasl),
            b"failure" => Some(if is_tls(&tag) { Waits::Tls } else { Waits::Sasl }),
            b"handshake" => Some(Waits::Handshake),
            _ => None,
        };
        if self.receiver.depth == 0 && !tag.closes() && awaits.is_some_and(|awaits| awaits != self.waits) {
            return Some(Next::More);
        }
        let Place::Inside(depth) = Self::pass(&mut self.receiver, &tag, input)? else {
            return Some(Next::More);
        };
        if !tag.closes() {
            self.answer_begins(&tag, depth);
        }
        if tag.closes() || tag.is_empty() {
            if let Some(text) = self.receiver.text.take() {
                self.anonymous |= text.plain().eq_ignore_ascii_case(b"ANONYMOUS");
            }
            if depth == 0 {
                let answer = std::mem::take(&mut self.answer);
                return Some(self.answered(answer, notes));
            }
        }
        Some(Next::More)
    }

    /// An element begins inside of so many others.
    fn answer_begins(&mut self, tag: &Tag, depth: u32) {
        let name = local(tag.name());
        if depth == 0 {
            self.answer = self.kind(tag);
            return;
        }
        match &mut self.answer {
            Answer::Features if name == b"mechanism" && !tag.is_empty() => {
                self.receiver.text = Some(Text::default());
            }
            Answer::Failure { condition, .. } | Answer::Error { condition }
                if depth == 1 && condition.is_empty() =>
            {
                *condition = bounded(Some(name));
            }
            Answer::Query { failed: true, condition, .. } => {
                if depth == 1 && name == b"error" && tag.has("code", "401") {
                    *condition = b"not-authorized".to_vec();
                } else if depth == 2 && condition.is_empty() {
                    *condition = bounded(Some(name));
                }
            }
            Answer::Features
            | Answer::Failure { .. }
            | Answer::Error { .. }
            | Answer::Query { .. }
            | Answer::Proceed
            | Answer::Challenge
            | Answer::Success
            | Answer::Handshake
            | Answer::Dialback { .. }
            | Answer::Stanza
            | Answer::Other => {}
        }
    }

    /// What an element of the receiver's stream is.
    fn kind(&mut self, tag: &Tag) -> Answer {
        let name = local(tag.name());
        let fails = tag.has("type", "error");
        match name {
            b"features" => Answer::Features,
            b"proceed" => Answer::Proceed,
            b"challenge" | b"continue" => Answer::Challenge,
            b"success" => Answer::Success,
            b"failure" => Answer::Failure { tls: is_tls(tag), condition: Vec::new() },
            b"handshake" => Answer::Handshake,
            b"error" => Answer::Error { condition: Vec::new() },
            b"result" | b"verify" if tag.attribute("type").is_some() => Answer::Dialback {
                domain: bounded(tag.attribute("to")),
                valid: tag.has("type", "valid"),
                verifies: name == b"verify",
            },
            b"iq" if fails || tag.has("type", "result") => {
                let id = bounded(tag.attribute("id"));
                let at = self.queries.iter().position(|(known, _)| *known == id);
                match at.map(|at| self.queries.remove(at)) {
                    Some((_, about)) => Answer::Query { about, failed: fails, condition: Vec::new() },
                    None => Answer::Other,
                }
            }
            b"message" | b"presence" if !fails => Answer::Stanza,
            _ => Answer::Other,
        }
    }

    /// An element of the receiver's stream is whole.
    fn answered(&mut self, answer: Answer, notes: &mut Notes<'_>) -> Next {
        match answer {
            Answer::Proceed => return Next::Upgraded(super::super::tls::begin()),
            Answer::Challenge => self.waits = Waits::Not,
            Answer::Success => {
                let offer = self.exchange.take().and_then(|exchange| exchange.offer(notes));
                return self.accepted(offer, notes);
            }
            Answer::Handshake => {
                let offer = self.handshake.take();
                return self.accepted(offer, notes);
            }
            Answer::Failure { tls: true, .. } => self.waits = Waits::Not,
            Answer::Failure { tls: false, condition } => {
                self.waits = Waits::Not;
                let offer = self.exchange.take().and_then(|exchange| exchange.offer(notes));
                self.refused(offer, &condition, notes);
            }
            Answer::Dialback { verifies: true, .. } => {
                notes.say(&VERIFIES, Shown::Serves { operation: Operation::Public });
            }
            Answer::Dialback { domain, valid, .. } => {
                let Some(at) = self.domains.iter().position(|known| *known == domain) else {
                    return Next::More;
                };
                let offer = claimed(&self.domains.remove(at));
                if valid {
                    notes.say(offer.0, offer.1);
                    notes.say(&CALLED_BACK, Shown::Serves { operation: Operation::Service });
                    return Next::Settled;
                }
                self.refused(Some(offer), b"", notes);
            }
            Answer::Query { about, failed, condition } => {
                return self.asked(about, failed, &condition, notes);
            }
            Answer::Error { condition } => {
                if let Some(offer) = self.handshake.take() {
                    self.refused(Some(offer), &condition, notes);
                } else {
                    let missing = condition == b"not-authorized" && self.reported == 0;
                    self.turned_away(missing, notes);
                }
            }
            Answer::Stanza => return self.served(notes),
            Answer::Features | Answer::Other => {}
        }
        Next::More
    }

    /// A query is answered.
    fn asked(&mut self, about: About, failed: bool, condition: &[u8], notes: &mut Notes<'_>) -> Next {
        match about {
            About::Auth(offer) if failed => self.refused(offer, condition, notes),
            About::Auth(offer) => return self.accepted(offer, notes),
            About::Register if !failed => {
                notes.say(&REGISTERED, Shown::Serves { operation: Operation::Public });
            }
            About::Other if failed => self.turned_away(condition == b"not-authorized", notes),
            About::Other => return self.served(notes),
            About::Register | About::Fields => {}
        }
        Next::More
    }

    /// A stanza or the stream was refused before any session.
    fn turned_away(&mut self, missing: bool, notes: &mut Notes<'_>) {
        self.reported = self.reported.saturating_add(1);
        if self.reported > REPORTED {
            return;
        }
        if missing {
            notes.say(&MISSING, Shown::Refuses { why: Refusal::ProofMissing });
        } else {
            notes.say(&STREAM_REFUSED, Shown::Refuses { why: Refusal::Other });
        }
    }
}

/// RFC 6120 section 5.4.2.2: the failure of TLS has TLS's namespace.
fn is_tls(tag: &Tag) -> bool {
    tag.has("xmlns", "urn:ietf:params:xml:ns:xmpp-tls")
}
