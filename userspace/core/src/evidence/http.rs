//! HTTP/1.0 and 1.1: each request with what it offered, and how it was answered.
//!
//! Sources: RFC 9110 (semantics), RFC 9112 (messages). An offer counts for its own request unless the scheme binds
//! it to the connection, so an exchange is reported as a whole when its answer arrives.

use std::collections::VecDeque;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes};
use super::http_answer::{Reported, is_about_certificate, judge};
use super::http_body::{Body, Framing, framing};
use super::http_request::{Exchange, call_likeness, reply_likeness};
use super::http_rules::{RULES, UNANSWERED};
use super::http2::Http2;
use super::http2_grpc;
use super::tls;
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Http,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Http::default()),
    call_alone: alone,
    rules: RULES,
};

/// Most fields of a head.
const FIELDS: usize = 128;
/// Most requests that wait for their answer.
const WAITING: usize = 64;
/// Exchanges after which a connection is settled.
const EXCHANGES: u32 = 128;
/// Longest body that is looked at for the words of a missing client certificate.
const ERROR_BODY: u64 = 4096;

/// One flow.
#[derive(Default, Debug)]
struct Http {
    request_body: Body,
    response_body: Body,
    unanswered: VecDeque<Exchange>,
    reported: Reported,
    exchanges: u32,
    /// The connection changed its protocol.
    switched: bool,
    /// The connection carries a proof that was taken.
    bound: bool,
}

/// A request that nobody answered shows what it offered.
fn alone(call: &[u8], notes: &mut Notes<'_>) {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    if call_likeness(call) == Likeness::Like
        && matches!(request.parse(call), Ok(httparse::Status::Complete(_)))
    {
        let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
        let exchange = Exchange::new(method, target, request.headers, false, notes);
        notes.say(&UNANSWERED, Shown::Speaks { protocol: Protocol::Http });
        for (rule, shown) in exchange.offers {
            notes.say(rule, shown);
        }
    }
}

impl Http {
    fn requests(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            if self.switched {
                return Next::More;
            }
            match self.request_body.pass(input) {
                Some(true) => {}
                Some(false) => return Next::More,
                None => return Next::Lost(Hidden::Unsupported),
            }
            if input.bytes().is_empty() {
                return Next::More;
            }
            let mut fields = [httparse::EMPTY_HEADER; FIELDS];
            let mut request = httparse::Request::new(&mut fields);
            let length = match request.parse(input.bytes()) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) => return Next::More,
                Err(_) => return Next::Lost(Hidden::Unsupported),
            };
            let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
            let framing = framing(request.headers);
            let with_body = !matches!(framing, Framing::Unsaid | Framing::Length(0));
            let exchange = Exchange::new(method, target, request.headers, with_body, notes);
            if self.unanswered.len() >= WAITING {
                return Next::Lost(Hidden::Truncated);
            }
            // After CONNECT the caller may speak another protocol; the answer tells.
            self.switched = exchange.connect;
            self.unanswered.push_back(exchange);
            input.read(length);
            match framing {
                Framing::Length(body) => input.skip(body),
                Framing::Chunked => self.request_body = Body::ChunkSize,
                Framing::Unsaid => {}
                Framing::Bad => return Next::Lost(Hidden::Unsupported),
            }
        }
    }

    fn answers(&mut self, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let start = input.position();
        loop {
            if input.position() > start {
                return Next::More;
            }
            match self.response_body.pass(input) {
                Some(true) => {}
                Some(false) => return Next::More,
                None => return Next::Lost(Hidden::Unsupported),
            }
            // An answer to nothing is left until its request arrives.
            let (Some(exchange), false) = (self.unanswered.front(), input.bytes().is_empty()) else {
                return Next::More;
            };
            let plain = input.bytes().strip_prefix(b"ICY ").map(|rest| [b"HTTP/1.0 ", rest].concat());
            let longer = if plain.is_some() { "HTTP/1.0 ".len() - "ICY ".len() } else { 0 };
            let bytes = plain.as_deref().unwrap_or_else(|| input.bytes());
            let mut fields = [httparse::EMPTY_HEADER; FIELDS];
            let mut response = httparse::Response::new(&mut fields);
            let length = match lenient().parse_response(&mut response, bytes) {
                Ok(httparse::Status::Complete(length)) => length.saturating_sub(longer),
                // The rest of the head was not kept: its first line decides unless a field must.
                Ok(httparse::Status::Partial) if input.is_stuck() => {
                    let code = response.code.filter(|code| !(300..400).contains(code)).unwrap_or_default();
                    let shown = judge(exchange, code, &[], false, self.bound);
                    self.unanswered.pop_front();
                    self.reported.say(shown, notes);
                    return Next::Lost(Hidden::Truncated);
                }
                Ok(httparse::Status::Partial) => return Next::More,
                Err(_) => return Next::Lost(Hidden::Unsupported),
            };
            let code = response.code.unwrap_or_default();
            if (100..200).contains(&code) && code != 101 {
                input.read(length);
                continue;
            }
            let framing = framing(response.headers);
            let mut names_certificate = false;
            if code == 400
                && let Framing::Length(body @ 1..=ERROR_BODY) = framing
            {
                let end = length.saturating_add(usize::try_from(body).unwrap_or(usize::MAX));
                let there = if input.is_stuck() { end.min(input.bytes().len()) } else { end };
                let Some(body) = input.bytes().get(length..there) else { return Next::More };
                names_certificate = is_about_certificate(body);
            }
            let shown = judge(exchange, code, response.headers, names_certificate, self.bound);
            let (head, connect) = (exchange.head, exchange.connect);
            self.bound = code != 401 && code != 407 && (self.bound || exchange.binds());
            let tunnel = connect && (200..300).contains(&code);
            let answered = self.unanswered.pop_front();
            self.reported.say(shown, notes);
            self.exchanges = self.exchanges.saturating_add(1);
            let protocol = upgrade(response.headers);
            input.read(length);
            match (code, answered) {
                (101, Some(exchange)) if protocol == Upgrade::Http2 => {
                    notes.say(&http2_grpc::UPGRADED, Shown::Speaks { protocol: Protocol::Http2 });
                    return Next::Upgraded(Box::new(Http2::upgraded(exchange)));
                }
                (101, _) if protocol == Upgrade::Tls => return Next::Upgraded(tls::begin()),
                (101, _) => return Next::Lost(Hidden::Unsupported),
                _ => {}
            }
            // What goes through a tunnel is between the caller and its far end.
            if tunnel {
                return Next::Settled;
            }
            if connect {
                self.switched = false;
            }
            if self.exchanges >= EXCHANGES {
                return Next::Settled;
            }
            if !head && !matches!(code, 204 | 304) {
                match framing {
                    Framing::Length(body) => input.skip(body),
                    Framing::Chunked => self.response_body = Body::ChunkSize,
                    // The body ends with the connection: no further answer can come (RFC 9112 section 6.3).
                    Framing::Unsaid => return Next::Settled,
                    Framing::Bad => return Next::Lost(Hidden::Unsupported),
                }
            }
        }
    }
}

/// What the receiver goes on in after 101.
#[derive(PartialEq, Eq)]
enum Upgrade {
    /// RFC 7540 section 3.2.
    Http2,
    /// RFC 2817 section 3.3.
    Tls,
    Other,
}

fn upgrade(fields: &[httparse::Header<'_>]) -> Upgrade {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case("upgrade"));
    let value = field.map_or(&[][..], |field| field.value.trim_ascii());
    match value.get(..3) {
        Some(b"h2c") => Upgrade::Http2,
        Some(start) if start.eq_ignore_ascii_case(b"tls") => Upgrade::Tls,
        _ => Upgrade::Other,
    }
}

/// Servers that write fields a little wrong are understood all the same.
fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

impl Dissector for Http {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => self.requests(input, notes),
            Role::Responder => self.answers(input, notes),
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        for exchange in std::mem::take(&mut self.unanswered) {
            self.reported.say(exchange.offers, notes);
        }
    }
}
