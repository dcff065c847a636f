//! HTTP/2 and gRPC: frames built field by field, and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{LIMIT, Turn, c, check, fingerprinter, line, now, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Conversation;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SPEAKS: &str = "speaks http2 [stream.protocol]";
const GRPC: &str = "speaks grpc [grpc.protocol]";
const SERVED: &str = "serves Service [http.request-served]";
const TOKEN: &str = "offers Secret for Request by Bearer in clear with fingerprint [http.bearer]";

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// RFC 7541 section 6.2.1: a literal with a new name that enters the table, without the code.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0x40], text(name), text(value)].concat()
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, END_HEADERS | flags, stream, &block(fields))
}

fn opening() -> Vec<Turn> {
    vec![
        c([PREFACE, &frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])].concat()),
        s(frame(4, 0, 0, b"")),
        c(frame(4, 1, 0, b"")),
    ]
}

fn get(stream: u32, more: &[(&str, &str)]) -> Turn {
    let path = [(":method", "GET"), (":scheme", "http"), (":path", "/v1/secret"), (":authority", "x")];
    c(headers(stream, END_STREAM, &[&path[..], more].concat()))
}

fn rpc(stream: u32, path: &str, more: &[(&str, &str)]) -> Turn {
    let head = [
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/grpc+proto"),
        ("te", "trailers"),
    ];
    c([headers(stream, 0, &[&head[..], more].concat()), frame(0, END_STREAM, stream, b"\0\0\0\0\x03abc")]
        .concat())
}

fn answer(stream: u32, code: &str) -> Turn {
    s([headers(stream, 0, &[(":status", code)]), frame(0, END_STREAM, stream, b"body")].concat())
}

fn status(stream: u32, status: &str) -> Turn {
    s([
        headers(stream, 0, &[(":status", "200"), ("content-type", "application/grpc")]),
        headers(stream, END_STREAM, &[("grpc-status", status)]),
    ]
    .concat())
}

#[track_caller]
fn shows(turns: &[Turn], expect: &[&str]) {
    check(&[opening(), turns.to_vec()].concat(), &[&[SPEAKS], expect].concat());
}

#[test]
fn requests_and_answers_meet_by_stream() {
    shows(&[get(1, &[]), answer(1, "200")], &[SERVED]);
    shows(
        &[get(1, &[]), get(3, &[("authorization", "Bearer MARK")]), answer(3, "200"), answer(1, "401")],
        &[
            TOKEN,
            SERVED,
            "demands Secret [http.authentication-required]",
            "refuses ProofMissing [http.authentication-required]",
        ],
    );
    shows(
        &[get(1, &[("x-api-key", "MARK")])],
        &["offers Secret for Request by ApiKey in clear with fingerprint [http.api-key]"],
    );
}

#[test]
fn a_field_that_was_sent_before_is_one_byte() {
    // The newest entry of the table is index 62; what came before in this block moved up by what was added since.
    let first = get(1, &[("authorization", "Bearer MARK")]);
    let again = c(frame(1, END_HEADERS | END_STREAM, 3, &[0x82, 0x86, 0x84, 0xbe]));
    let without = c(frame(1, END_HEADERS | END_STREAM, 5, &[0x82, 0x86, 0x44, 0x02, b'/', b'v']));
    shows(
        &[first, answer(1, "200"), again, answer(3, "200"), without, answer(5, "200")],
        &[TOKEN, SERVED, TOKEN, SERVED, SERVED],
    );
}

#[test]
fn blocks_in_pieces_with_padding_and_priority() {
    let fields = block(&[(":method", "GET"), (":path", "/v1"), ("authorization", "Bearer MARK")]);
    let (start, end) = fields.split_at(20);
    let padded = [&[3, 0, 0, 0, 0, 16], start, &[0; 3]].concat();
    // PADDED and PRIORITY, no END_HEADERS.
    let pieces = [frame(1, 0x28 | END_STREAM, 1, &padded), frame(9, END_HEADERS, 1, end)].concat();
    shows(&[c(&pieces), answer(1, "200")], &[TOKEN, SERVED]);
    // Another frame may not stand between them.
    let torn = [frame(1, END_STREAM, 1, start), frame(6, 0, 0, &[0; 8])].concat();
    shows(&[c(torn)], &["hidden Unsupported [stream.unreadable]"]);
}

#[test]
fn a_table_that_is_not_known_ends_reading() {
    shows(
        &[c(frame(1, END_HEADERS | END_STREAM, 1, &[0x82, 0xbe]))],
        &["hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn grpc_statuses_decide() {
    let call = |fields: &[(&str, &str)]| rpc(1, "/lab.Store/Put", fields);
    let token = ("authorization", "Bearer MARK");
    shows(&[call(&[]), status(1, "0")], &[GRPC, "serves Service [grpc.call-served]"]);
    shows(&[call(&[token]), status(1, "0")], &[GRPC, TOKEN, "serves Service [grpc.call-served]"]);
    shows(
        &[call(&[]), status(1, "16")],
        &[GRPC, "demands Secret [grpc.unauthenticated]", "refuses ProofMissing [grpc.unauthenticated]"],
    );
    shows(
        &[call(&[token]), status(1, "16")],
        &[GRPC, TOKEN, "demands Secret [grpc.unauthenticated]", "refuses ProofWrong [grpc.proof-refused]"],
    );
    shows(&[call(&[token]), status(1, "7")], &[GRPC, TOKEN, "refuses NotAllowed [grpc.permission-denied]"]);
    shows(&[call(&[]), status(1, "7")], &[GRPC, "refuses Other [grpc.permission-denied-without-proof]"]);
    shows(&[call(&[token]), status(1, "5")], &[GRPC, TOKEN, "serves Service [grpc.proof-not-refused]"]);
    shows(&[call(&[]), status(1, "12")], &[GRPC, "refuses Other [grpc.call-failed]"]);
    shows(&[call(&[token]), status(1, "14")], &[GRPC, TOKEN]);
    let words =
        [(":status", "200"), ("grpc-status", "3"), ("grpc-message", "etcdserver: user name is empty")];
    shows(
        &[call(&[]), s(headers(1, END_STREAM, &words))],
        &[GRPC, "demands Secret [grpc.unauthenticated]", "refuses ProofMissing [grpc.unauthenticated]"],
    );
    shows(
        &[rpc(1, "/grpc.health.v1.Health/Check", &[]), status(1, "0")],
        &[GRPC, "serves Public [grpc.public-call-served]"],
    );
    // A stream of messages that never ends.
    let message = [headers(1, 0, &[(":status", "200")]), frame(0, 0, 1, b"\0\0\0\0\x01x")].concat();
    shows(&[call(&[]), s(message)], &[GRPC, "serves Service [grpc.call-served]"]);
    shows(
        &[call(&[]), answer(1, "401")],
        &[
            GRPC,
            "demands Secret [http.authentication-required]",
            "refuses ProofMissing [http.authentication-required]",
        ],
    );
}

#[test]
fn a_stream_that_was_reset_shows_nothing_and_pushed_answers_are_nobodys() {
    let promise = [&[0, 0, 0, 2][..], &block(&[(":method", "GET"), (":path", "/pushed")])].concat();
    shows(
        &[
            get(1, &[]),
            s(frame(3, 0, 1, &[0, 0, 0, 8])),
            get(3, &[]),
            s([frame(5, END_HEADERS, 3, &promise), headers(2, 0, &[(":status", "200")])].concat()),
            answer(3, "200"),
        ],
        &[SERVED],
    );
}

#[test]
fn connections_that_are_upgraded() {
    let request = "GET /v1 HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nAuthorization: Bearer MARK\r\n\r\n";
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    check(
        &[
            c(request),
            s([&switch[..], &frame(4, 0, 0, b""), &headers(1, END_STREAM, &[(":status", "200")])].concat()),
            c([PREFACE, &frame(4, 0, 0, b"")].concat()),
            get(3, &[]),
            answer(3, "200"),
        ],
        &["speaks http [stream.protocol]", TOKEN, "speaks http2 [http2.upgraded]", TOKEN, SERVED, SERVED],
    );
}

#[test]
fn a_gap_leaves_identity_unknown() {
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    let start = [PREFACE, &frame(4, 0, 0, b"")].concat();
    conversation.payload(Role::Originator, 0, start.len() as u64, &start, now(), &mut out);
    let settings = frame(4, 0, 0, b"");
    conversation.payload(Role::Responder, 0, settings.len() as u64, &settings, now(), &mut out);
    // 100 bytes are missing: what they added to the table is not known.
    let at = start.len() as u64 + 100;
    let (_, request) = get(3, &[]);
    conversation.payload(Role::Originator, at, request.len() as u64, &request, now(), &mut out);
    let (_, reply) = answer(3, "200");
    conversation.payload(Role::Responder, settings.len() as u64, reply.len() as u64, &reply, now(), &mut out);
    conversation.finish(&mut out);
    let said: Vec<String> = out.iter().map(line).collect();
    assert_eq!(said, [SPEAKS, "hidden Gap [stream.gap]"]);
}
