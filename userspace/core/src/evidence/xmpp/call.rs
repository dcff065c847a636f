//! What the caller sends.

use super::*;

/// The stanza that is being read.
#[derive(Default, Debug)]
pub(super) enum Stanza {
    Tls,
    Auth,
    Response,
    /// A query that sets or gets something.
    Query(Query),
    Handshake,
    /// A claimed domain.
    Dialback(Vec<u8>),
    #[default]
    Other,
}

/// A query, as far as it is read.
#[derive(Default, Debug)]
pub(super) struct Query {
    id: Vec<u8>,
    sets: bool,
    namespace: Option<About>,
    user: Vec<u8>,
    proof: Option<Offer>,
}

impl Xmpp {
    /// Reads one tag of the caller; `None` when it is no XMPP.
    pub(super) fn call(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Option<Next> {
        // What comes next depends on the answer. White space between stanzas means nothing.
        if self.waits != Waits::Not {
            let blank = input.bytes().iter().position(|byte| !byte.is_ascii_whitespace());
            let blank = blank.unwrap_or(input.bytes().len());
            input.read(blank);
            return Some(Next::More);
        }
        let Some(tag) = tag(&mut self.caller, input)? else { return Some(Next::More) };
        let Place::Inside(depth) = Self::pass(&mut self.caller, &tag, input)? else {
            if !tag.closes() {
                self.from = tag.attribute("from").map(|from| bounded(Some(from)));
                self.to = bounded(tag.attribute("to"));
            }
            return Some(Next::More);
        };
        if !tag.closes() {
            self.begins(&tag, depth);
        }
        if tag.closes() || tag.is_empty() {
            self.ends(&tag, depth, notes);
        }
        Some(Next::More)
    }

    /// An element begins inside of so many others.
    fn begins(&mut self, tag: &Tag, depth: u32) {
        let name = local(tag.name());
        if depth == 0 {
            self.stanza = match name {
                b"starttls" => Stanza::Tls,
                b"auth" | b"authenticate" => {
                    self.exchange = Some(Exchange::new(tag.attribute("mechanism").unwrap_or_default()));
                    Stanza::Auth
                }
                b"response" => Stanza::Response,
                b"handshake" => Stanza::Handshake,
                b"result" if tag.attribute("type").is_none() => {
                    Stanza::Dialback(bounded(tag.attribute("from")))
                }
                b"iq" => Stanza::Query(Query {
                    id: bounded(tag.attribute("id")),
                    sets: tag.has("type", "set"),
                    ..Query::default()
                }),
                _ => Stanza::Other,
            };
        }
        let keeps = match &mut self.stanza {
            Stanza::Auth => depth == 0 && name == b"auth" || name == b"initial-response",
            Stanza::Response | Stanza::Handshake => depth == 0,
            Stanza::Query(query) => {
                if depth == 1 && query.namespace.is_none() {
                    query.namespace = Some(match tag.attribute("xmlns") {
                        Some(b"jabber:iq:auth") if query.sets => About::Auth(None),
                        Some(b"jabber:iq:register") if query.sets => About::Register,
                        Some(b"jabber:iq:auth" | b"jabber:iq:register") => About::Fields,
                        Some(_) | None => About::Other,
                    });
                }
                depth == 2 && matches!(query.namespace, Some(About::Auth(_)))
            }
            Stanza::Tls | Stanza::Dialback(_) | Stanza::Other => false,
        };
        if keeps && !tag.is_empty() {
            self.caller.text = Some(Text::default());
        }
    }

    /// An element ends inside of so many others.
    fn ends(&mut self, tag: &Tag, depth: u32, notes: &Notes<'_>) {
        let name = local(tag.name());
        let text = self.caller.text.take().map(|text| text.plain());
        if let Stanza::Query(query) = &mut self.stanza
            && depth == 2
            && let Some(text) = &text
        {
            query.field(name, text, notes);
        }
        if let (Stanza::Auth, Some(text), Some(exchange)) = (&self.stanza, &text, &mut self.exchange)
            && !text.is_empty()
        {
            exchange.push_base64(text);
        }
        if depth > 0 {
            return;
        }
        match std::mem::take(&mut self.stanza) {
            Stanza::Tls => self.waits = Waits::Tls,
            Stanza::Auth => self.waits = Waits::Sasl,
            Stanza::Response => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.push_base64(text.as_ref().map_or(&[], |text| text.as_slice()));
                    self.waits = Waits::Sasl;
                }
            }
            Stanza::Handshake => {
                self.handshake = Some((&HANDSHAKE, sasl::challenge_offer(&self.to)));
                self.waits = Waits::Handshake;
            }
            Stanza::Dialback(domain) => {
                if self.domains.len() < UNANSWERED && !self.domains.contains(&domain) {
                    self.domains.push(domain);
                }
            }
            Stanza::Query(query) => {
                let Query { id, namespace, user, proof, .. } = query;
                let about = match namespace {
                    Some(About::Auth(_)) => {
                        let nobody = || (&sasl::CLAIM as &'static Rule, sasl::name_offer(&user));
                        About::Auth(Some(proof.unwrap_or_else(nobody)))
                    }
                    about => about.unwrap_or(About::Other),
                };
                self.queries.retain(|(known, _)| *known != id);
                if self.queries.len() >= UNANSWERED {
                    self.queries.remove(0);
                }
                self.queries.push((id, about));
            }
            Stanza::Other => {}
        }
    }
}

impl Query {
    /// A field of jabber:iq:auth is whole. The name stands before the proof in every client that was seen; the proof
    /// takes whichever is known when it ends.
    fn field(&mut self, name: &[u8], text: &[u8], notes: &Notes<'_>) {
        match name {
            b"username" => {
                self.user = bounded(Some(text));
                if let Some((_, Shown::Offers { principal, .. })) = &mut self.proof
                    && let Shown::Offers { principal: named, .. } = sasl::name_offer(text)
                {
                    *principal = named;
                }
            }
            b"password" => self.proof = Some(sasl::password_offer(&PASSWORD, &self.user, text, notes)),
            // XEP-0078's digest; the hash of the older "zero knowledge" chain.
            b"digest" | b"hash" => self.proof = Some((&DIGEST, sasl::challenge_offer(&self.user))),
            _ => {}
        }
    }
}
