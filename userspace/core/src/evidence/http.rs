//! HTTP/1.0 and 1.1: each request with what it offered, and how it was answered.
//!
//! Sources: RFC 9110 (semantics), RFC 9112 (messages). An offer counts for its own request unless the scheme binds
//! it to the connection, so an exchange is reported as a whole when its answer arrives.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes};
use super::http_answer::{Reported, is_about_certificate, is_stream, judge};
use super::http_application;
use super::http_body::{Body, Framing, framing};
use super::http_request::{Exchange, call_likeness, reply_likeness};
use super::http_rules::{RULES, UNANSWERED};
use super::http2::Http2;
use super::http2_grpc;
use super::tls;
use super::websocket::WebSocket;
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
/// How much of a request's body is read.
const BODY: usize = 4096;
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
    look: Option<Look>,
    /// The connection changed its protocol.
    switched: bool,
    /// The connection carries a proof that was taken.
    bound: bool,
}

/// A request's body of which the start is read.
struct Look {
    /// How many bytes are read.
    wanted: usize,
    /// How many follow them.
    rest: u64,
    target: Zeroizing<String>,
    read: Zeroizing<Vec<u8>>,
    /// The request was answered before its body was there.
    late: bool,
}

impl std::fmt::Debug for Look {
    /// Prints lengths only: bodies never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Look({} of {} bytes)", self.read.len(), self.wanted)
    }
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
            if let Some(mut look) = self.look.take() {
                let missing = look.wanted.saturating_sub(look.read.len());
                let here = input.bytes().get(..missing.min(input.bytes().len())).unwrap_or_default();
                look.read.extend_from_slice(here);
                let (count, done) = (here.len(), here.len() == missing);
                input.read(count);
                if !done && !input.is_stuck() {
                    self.look = Some(look);
                    return Next::More;
                }
                input.skip(look.rest.saturating_add(missing.saturating_sub(count) as u64));
                if let (Some(exchange), false) = (self.unanswered.back_mut(), look.late) {
                    exchange.read_body(&look.target, &look.read, notes);
                }
                continue;
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
            let target = Zeroizing::new(target.to_owned());
            // After CONNECT the caller may speak another protocol; the answer tells.
            self.switched = exchange.connect;
            self.unanswered.push_back(exchange);
            input.read(length);
            match framing {
                Framing::Length(0) => {}
                Framing::Length(body) => {
                    let wanted = usize::try_from(body).unwrap_or(usize::MAX).min(BODY);
                    let rest = body.saturating_sub(wanted as u64);
                    // One allocation, so that nothing is left behind by growing.
                    let read = Zeroizing::new(Vec::with_capacity(wanted));
                    self.look = Some(Look { wanted, rest, target, read, late: false });
                }
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
            let waiting = self.unanswered.len();
            let (Some(exchange), false) = (self.unanswered.front_mut(), input.bytes().is_empty()) else {
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
            if let (Some(look), true) = (&mut self.look, waiting == 1) {
                look.late = true;
                exchange.read_body(&look.target, &look.read, notes);
            }
            let shown = judge(exchange, code, response.headers, names_certificate, self.bound);
            let asked = exchange.asked.take();
            let by = http_application::by_answer(response.headers).filter(|_| asked.is_none());
            let (head, connect) = (exchange.head, exchange.connect);
            self.bound = code != 401 && code != 407 && (self.bound || exchange.binds());
            let tunnel = connect && (200..300).contains(&code);
            let answered = self.unanswered.pop_front();
            self.reported.asks(asked.or(by), notes);
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
                (101, Some(exchange)) if protocol == Upgrade::WebSocket => {
                    let offered = exchange.offers.iter().any(|(_, shown)| shown.proof().is_some());
                    return Next::Upgraded(Box::new(WebSocket::new(offered || self.bound)));
                }
                (101, _) if protocol == Upgrade::Stream => return Next::Settled,
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
    /// RFC 6455 section 4.2.2.
    WebSocket,
    /// A stream of bytes that the request asked for.
    Stream,
    Other,
}

fn upgrade(fields: &[httparse::Header<'_>]) -> Upgrade {
    let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case("upgrade"));
    let value = field.map_or(&[][..], |field| field.value.trim_ascii());
    match value.get(..3) {
        Some(b"h2c") => Upgrade::Http2,
        Some(start) if start.eq_ignore_ascii_case(b"tls") => Upgrade::Tls,
        Some(_) if value.eq_ignore_ascii_case(b"websocket") => Upgrade::WebSocket,
        Some(_) if is_stream(value) => Upgrade::Stream,
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
            self.reported.asks(exchange.asked, notes);
            self.reported.say(exchange.offers, notes);
        }
    }
}
