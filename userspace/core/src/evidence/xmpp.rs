//! XMPP: who authenticated to whom, between clients, components and servers.
//!
//! Sources: RFC 6120 sections 4 (streams and their errors), 5 (STARTTLS), 6 (SASL) and 8 (stanzas), XEP-0078
//! (jabber:iq:auth), XEP-0114 (components), XEP-0220 (dialback), XEP-0077 (registration), XEP-0388 (SASL 2).

use super::dissector::{Dissector, Input, Known, Next, Notes, nothing_alone};
use super::resp::Read;
use super::sasl::{self, Exchange};
use super::xml_stream::{self, Tag, Text};
use super::xmpp_rules::*;
use super::{Hidden, Operation, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

mod answer;
mod call;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Xmpp,
    call: |bytes| xml_stream::begins_with(bytes, STREAM),
    reply: |bytes| xml_stream::begins_with(bytes, STREAM),
    begin: || Box::new(Xmpp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// The first element of a stream; RFC 6120 section 4.8.5 asks for this prefix.
const STREAM: &str = "stream:stream";
/// Most queries that wait for their answer.
const UNANSWERED: usize = 32;
/// Most bytes of a query's id.
const ID: usize = 64;
/// Refusals that are reported.
const REPORTED: u32 = 32;
/// Deepest element.
const DEPTH: u32 = 256;

/// What was presented, under its rule.
type Offer = (&'static Rule, Shown);

/// One direction.
#[derive(Default, Debug)]
struct Side {
    /// Its stream was opened.
    open: bool,
    /// How many elements are open inside of the stream.
    depth: u32,
    /// The text that is being kept.
    text: Option<Text>,
}

/// Where a tag stands.
enum Place {
    /// It is the stream's own.
    Stream,
    /// It is an element's that stands in so many others.
    Inside(u32),
}

/// What the caller waits for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Waits {
    #[default]
    Not,
    Tls,
    Sasl,
    Handshake,
}

/// What a query is about.
#[derive(Clone, PartialEq, Eq, Debug)]
enum About {
    /// The user's proof.
    Auth(Option<Offer>),
    /// A new account.
    Register,
    /// The fields of one of both are asked for.
    Fields,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Xmpp {
    caller: Side,
    receiver: Side,
    /// What the caller's stanza that is being read is.
    stanza: call::Stanza,
    /// What the receiver's is.
    answer: answer::Answer,
    waits: Waits,
    exchange: Option<Exchange>,
    handshake: Option<Offer>,
    /// Claimed domains that are not confirmed yet.
    domains: Vec<Vec<u8>>,
    queries: Vec<(Vec<u8>, About)>,
    /// The name in the caller's stream header.
    from: Option<Vec<u8>>,
    /// The name in the caller's stream header of whom it calls.
    to: Vec<u8>,
    /// A mechanism is offered that asks for no identity.
    anonymous: bool,
    reported: u32,
}

impl Xmpp {
    /// What `decided` says about an offer: demanded, offered, and taken or not.
    fn offered(&self, offer: Offer, notes: &mut Notes<'_>) -> bool {
        let proof = offer.1.proof();
        if let Some(proof) = proof
            && !self.anonymous
        {
            notes.say(&DEMANDED, Shown::Demands { proof });
        }
        notes.say(offer.0, offer.1);
        proof.is_some()
    }

    /// The receiver accepted an authentication.
    fn accepted(&self, offer: Option<Offer>, notes: &mut Notes<'_>) -> Next {
        let Some(offer) = offer else {
            notes.say(&UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
            return Next::Settled;
        };
        if self.offered(offer, notes) {
            notes.say(&ACCEPTED, Shown::Accepts);
        }
        notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }

    /// The receiver refused an authentication; `wrong` when it said that the proof was the reason.
    fn refused(&mut self, offer: Option<Offer>, condition: &[u8], notes: &mut Notes<'_>) {
        self.reported = self.reported.saturating_add(1);
        if self.reported > REPORTED {
            return;
        }
        let proved = offer.is_some_and(|offer| self.offered(offer, notes));
        match condition {
            b"not-authorized" if proved => {
                notes.say(&PROOF_WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            b"account-disabled" | b"forbidden" if proved => {
                notes.say(&AUTH_REFUSED, Shown::Refuses { why: Refusal::NotAllowed });
            }
            _ => notes.say(&AUTH_REFUSED, Shown::Refuses { why: Refusal::Other }),
        }
    }

    /// A stanza was served without authentication.
    fn served(&self, notes: &mut Notes<'_>) -> Next {
        if self.reported > 0 || self.from.is_some() {
            // What was refused before does not count for this.
            notes.say(&NAMED, sasl::name_offer(self.from.as_deref().unwrap_or_default()));
        }
        notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
        Next::Settled
    }

    /// Moves on by a tag that was read, and says how many elements its own stands in; `None` for a tag that fits nothing.
    fn pass(side: &mut Side, tag: &Tag, input: &mut Input<'_>) -> Option<Place> {
        input.read(tag.length);
        if tag.name() == STREAM.as_bytes() {
            // A stream that begins again stands in the place of the one before.
            (side.depth, side.open) = (0, true);
            return Some(Place::Stream);
        }
        let before = side.depth;
        if !side.open {
            return None;
        } else if tag.closes() {
            side.depth = side.depth.checked_sub(1)?;
        } else if !tag.is_empty() {
            side.depth = side.depth.checked_add(1).filter(|depth| *depth <= DEPTH)?;
        }
        Some(Place::Inside(before.min(side.depth)))
    }
}

impl Dissector for Xmpp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let next = match from {
            Role::Originator => self.call(input, notes),
            Role::Responder => self.reply(input, notes),
        };
        next.unwrap_or(Next::Lost(Hidden::Unsupported))
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        let exchange = self.exchange.take().and_then(|exchange| exchange.offer(notes));
        let queries = self.queries.drain(..).filter_map(|(_, about)| match about {
            About::Auth(offer) => offer,
            About::Register | About::Fields | About::Other => None,
        });
        let domains = self.domains.drain(..).map(|domain| claimed(&domain));
        let offers: Vec<Offer> = exchange.into_iter().chain(self.handshake.take()).chain(queries).collect();
        for (rule, shown) in offers.into_iter().chain(domains) {
            notes.say(rule, shown);
        }
    }
}

/// A domain that was claimed by dialback.
fn claimed(domain: &[u8]) -> Offer {
    (&DIALBACK, sasl::name_offer(domain))
}

/// At most so many bytes of a name or an id.
fn bounded(value: Option<&[u8]>) -> Vec<u8> {
    let value = value.unwrap_or_default();
    value.get(..value.len().min(ID)).unwrap_or_default().to_vec()
}

/// An element's name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b':').next().unwrap_or_default()
}

/// The next tag of one direction, left unread.
fn tag(side: &mut Side, input: &mut Input<'_>) -> Option<Option<Tag>> {
    match xml_stream::next(input, side.text.as_mut()) {
        Read::More => Some(None),
        Read::Broken => None,
        Read::Got(tag) => Some(Some(tag)),
    }
}
