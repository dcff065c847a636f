//! HTTP/2: frames, the requests of each stream, and how they were answered; gRPC on top of it.
//!
//! Sources: RFC 9113 (frames, streams), RFC 7541 (HPACK), RFC 8441 (extended CONNECT), RFC 7540 section 3.2 (upgrade
//! from HTTP/1.1). Identity stands in field blocks only: whatever else a frame carries is passed over unread.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::hpack::{self, Field};
use super::http_answer::{Reported, judge};
use super::http_application;
use super::http_request::Exchange;
use super::http2_grpc as grpc;
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Http2,
    call: |bytes| Likeness::starts_with(bytes, PREFACE),
    reply: settings_likeness,
    begin: || Box::new(Http2::default()),
    call_alone: nothing_alone,
    rules: grpc::RULES,
};

/// What a client sends first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags and stream of a frame (RFC 9113 section 4.1).
const HEAD: usize = 9;
/// Most bytes of a field block that is put together from its frames.
const BLOCK: usize = 64 * 1024;
/// Most streams that wait for their answer.
const STREAMS: usize = 256;
/// Requests after which a connection is settled.
const EXCHANGES: u32 = 256;

/// A server begins with SETTINGS, which is no acknowledgement (RFC 9113 section 3.4), of whole settings (6.5).
fn settings_likeness(bytes: &[u8]) -> Likeness {
    let fixed = [Some(0), None, None, Some(4), Some(0), Some(0), Some(0), Some(0), Some(0)];
    let differs = |(byte, fixed): (&u8, &Option<u8>)| fixed.is_some_and(|fixed| fixed != *byte);
    if bytes.iter().zip(&fixed).any(differs) {
        return Likeness::Unlike;
    }
    match *bytes {
        [_, high, low, ..] if !u16::from_be_bytes([high, low]).is_multiple_of(6) => Likeness::Unlike,
        _ if bytes.len() < HEAD => Likeness::Unsure,
        _ => Likeness::Like,
    }
}

/// A frame's head.
#[derive(Clone, Copy)]
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [l1, l2, l3, kind, flags, s1, s2, s3, s4] = *bytes.first_chunk::<HEAD>()?;
        Some(Self {
            length: usize::try_from(u32::from_be_bytes([0, l1, l2, l3])).ok()?,
            kind,
            flags,
            stream: u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]),
        })
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// DATA.
const BODY: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// One direction.
#[derive(Default)]
struct Side {
    decoder: hpack::Decoder,
    /// A field block of which frames are still to come.
    block: Option<Block>,
    began: bool,
}

/// A field block that is put together.
struct Block {
    stream: u32,
    ends: bool,
    promised: bool,
    bytes: Zeroizing<Vec<u8>>,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Call {
    exchange: Exchange,
    grpc: bool,
    /// gRPC answered with a head; its status is still to come.
    open: bool,
}

/// One flow.
#[derive(Default)]
pub(crate) struct Http2 {
    caller: Side,
    receiver: Side,
    calls: BTreeMap<u32, Call>,
    /// Highest stream that the caller opened.
    last: u32,
    reported: Reported,
    exchanges: u32,
    named_grpc: bool,
}

impl std::fmt::Debug for Http2 {
    /// Prints counts only: field blocks never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Http2({} calls, {} exchanges)", self.calls.len(), self.exchanges)
    }
}

impl Http2 {
    /// The rest of a connection that was upgraded by this request, which is stream 1 (RFC 7540 section 3.2).
    pub(crate) fn upgraded(exchange: Exchange) -> Self {
        let call = Call { exchange, grpc: false, open: false };
        Self { calls: BTreeMap::from([(1, call)]), last: 1, ..Self::default() }
    }

    /// Reads one frame.
    fn frame(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(frame) = Frame::read(input.bytes()) else { return Next::More };
        let side = match from {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        };
        // An answer to nothing is left until its request arrives.
        if from == Role::Responder && frame.stream % 2 == 1 && frame.stream > self.last {
            return Next::More;
        }
        // Between the frames of a field block stands nothing else (RFC 9113 section 4.3).
        let continues = side.block.as_ref().map(|block| block.stream);
        if continues.is_some() != (frame.kind == CONTINUATION)
            || continues.is_some_and(|it| it != frame.stream)
        {
            return Next::Lost(Hidden::Unsupported);
        }
        match frame.kind {
            HEADERS | CONTINUATION | PUSH_PROMISE => {}
            kind => {
                input.skip((frame.length.saturating_add(HEAD)) as u64);
                if kind == RST_STREAM {
                    self.calls.remove(&frame.stream);
                }
                if kind == BODY && from == Role::Responder && frame.length > 0 {
                    self.message(frame.stream, notes);
                }
                return Next::More;
            }
        }
        let end = frame.length.saturating_add(HEAD);
        let Some(payload) = input.bytes().get(HEAD..end) else { return Next::More };
        let Some(fragment) = fragment(frame, payload) else { return Next::Lost(Hidden::Unsupported) };
        let block = side.block.get_or_insert_with(|| Block {
            stream: frame.stream,
            ends: frame.has(END_STREAM),
            promised: frame.kind == PUSH_PROMISE,
            bytes: Zeroizing::new(Vec::new()),
        });
        if block.bytes.len().saturating_add(fragment.len()) > BLOCK {
            return Next::Lost(Hidden::Unsupported);
        }
        // A growing Vec would leave its old bytes in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(block.bytes.len().saturating_add(fragment.len())));
        bytes.extend_from_slice(&block.bytes);
        bytes.extend_from_slice(fragment);
        block.bytes = bytes;
        input.read(end);
        if !frame.has(END_HEADERS) {
            return Next::More;
        }
        let Some(block) = side.block.take() else { return Next::More };
        // A block that can't be read leaves the table unknown, and with it every later one.
        let Some(fields) = side.decoder.block(&block.bytes) else { return Next::Lost(Hidden::Unsupported) };
        if block.promised {
            return Next::More;
        }
        match from {
            Role::Originator => self.request(&block, &fields, notes),
            Role::Responder => self.answer(&block, &fields, notes),
        }
    }

    /// The caller's field block: a request, or what follows its body.
    fn request(&mut self, block: &Block, fields: &[Field], notes: &mut Notes<'_>) -> Next {
        if block.stream <= self.last || block.stream.is_multiple_of(2) {
            return Next::More;
        }
        self.last = block.stream;
        if self.calls.len() >= STREAMS {
            return Next::Lost(Hidden::Truncated);
        }
        let (method, target) = (value(fields, ":method"), value(fields, ":path"));
        let grpc = value(fields, "content-type").starts_with(b"application/grpc");
        let (method, target) = (String::from_utf8_lossy(method), Zeroizing::new(text(target)));
        let headers = headers(fields);
        let mut exchange = Exchange::new(&method, &target, &headers, !block.ends, notes);
        if grpc {
            exchange.public = grpc::is_public(&target) && !exchange.proves();
            if !std::mem::replace(&mut self.named_grpc, true) {
                notes.say(&grpc::SPEAKS, Shown::Speaks { protocol: Protocol::Grpc });
            }
        }
        self.calls.insert(block.stream, Call { exchange, grpc, open: false });
        Next::More
    }

    /// The receiver's field block: an answer's head, or what follows its body.
    fn answer(&mut self, block: &Block, fields: &[Field], notes: &mut Notes<'_>) -> Next {
        let Some(call) = self.calls.get_mut(&block.stream) else { return Next::More };
        let number =
            |name| std::str::from_utf8(value(fields, name)).ok().and_then(|it| it.parse::<u16>().ok());
        let code = number(":status").unwrap_or_default();
        let status = number("grpc-status");
        if (100..200).contains(&code) {
            return Next::More;
        }
        let shown = match status {
            Some(status) => grpc::judge(&call.exchange, status, value(fields, "grpc-message")),
            None if call.grpc && code == 200 && !block.ends => {
                call.open = true;
                return Next::More;
            }
            // What follows the body of an answer that was judged by its head.
            None if code == 0 => return Next::More,
            None => judge(&call.exchange, code, &headers(fields), false, false),
        };
        let asked = call.exchange.asked.take();
        self.reported.asks(asked.or_else(|| http_application::by_answer(&headers(fields))), notes);
        self.calls.remove(&block.stream);
        self.settle(shown, notes)
    }

    /// The first message of a gRPC answer: the method ran, and a stream of messages may never end.
    fn message(&mut self, stream: u32, notes: &mut Notes<'_>) {
        if self.calls.get(&stream).is_some_and(|call| call.open)
            && let Some(call) = self.calls.remove(&stream)
        {
            self.reported.asks(call.exchange.asked.clone(), notes);
            let _ = self.settle(grpc::judge(&call.exchange, 0, b""), notes);
        }
    }

    fn settle(&mut self, shown: Vec<super::http_credential::Offer>, notes: &mut Notes<'_>) -> Next {
        self.reported.say(shown, notes);
        self.exchanges = self.exchanges.saturating_add(1);
        if self.exchanges >= EXCHANGES { Next::Settled } else { Next::More }
    }
}

/// The part of a frame's payload that belongs to the field block.
fn fragment(frame: Frame, payload: &[u8]) -> Option<&[u8]> {
    if frame.kind == CONTINUATION {
        return Some(payload);
    }
    let (mut rest, mut padding) = (payload, 0);
    if frame.has(PADDED) {
        let (first, after) = rest.split_first()?;
        (padding, rest) = (usize::from(*first), after);
    }
    if frame.kind == HEADERS && frame.has(PRIORITY) {
        rest = rest.get(5..)?;
    }
    if frame.kind == PUSH_PROMISE {
        rest = rest.get(4..)?;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

/// The value of the first field of this name.
fn value<'a>(fields: &'a [Field], name: &str) -> &'a [u8] {
    fields.iter().find(|field| *field.name == name).map_or(&[], |field| field.value.as_slice())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The fields as HTTP/1.1 would have them.
fn headers(fields: &[Field]) -> Vec<httparse::Header<'_>> {
    fields.iter().map(|field| httparse::Header { name: &field.name, value: &field.value }).collect()
}

impl Dissector for Http2 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator && !self.caller.began {
            return match Likeness::starts_with(input.bytes(), PREFACE) {
                Likeness::Unsure => Next::More,
                Likeness::Unlike => Next::Lost(Hidden::Unsupported),
                Likeness::Like => {
                    self.caller.began = true;
                    input.read(PREFACE.len());
                    Next::More
                }
            };
        }
        self.frame(from, input, notes)
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        for (_, call) in std::mem::take(&mut self.calls) {
            self.reported.asks(call.exchange.asked, notes);
            self.reported.say(call.exchange.offers, notes);
        }
    }
}
