//! HTTP/1.0 and 1.1: each request with what it offered, and how it was answered.
//!
//! Sources: RFC 9110 (semantics), RFC 9112 (messages). An offer counts for its own request unless the scheme binds
//! it to the connection, so an exchange is reported as a whole when its answer arrives.

use std::collections::VecDeque;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::http_body::{Body, Framing, framing};
use super::http_credential::{self, Offer};
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "http.authentication-required", v 1, Observed, Wire,
        "The receiver answered 401 or 407: it wants proof for this request",
        "Not whether it wants it for every request";
    LOGIN = "http.login-required", v 1, Observed, Wire,
        "The receiver sent the caller to a login page",
        "Not whether it does so for every request";
    WRONG = "http.proof-refused", v 1, Observed, Wire,
        "The receiver refused the request although it carried proof (401 or 407)",
        "Not whether the proof was wrong, too old or of the wrong kind";
    FORBIDDEN = "http.forbidden", v 1, Observed, Wire,
        "The receiver refused a request that carried proof (403)",
        "Not whether the proof or the permission was lacking";
    FORBIDDEN_TO_ALL = "http.forbidden-without-proof", v 1, Observed, Wire,
        "The receiver refused a request that carried no proof (403)",
        "Not whether proof would have helped: the place, the path or the method may be forbidden";
    CERTIFICATE_MISSING = "http.certificate-required", v 1, Observed, Wire,
        "The receiver answered 400 and named the client certificate that it wants",
        "Not which certificate would have been enough";
    SERVED = "http.request-served", v 1, Observed, Wire,
        "The receiver answered the request with success, in a protocol read from its first byte",
        "Not what the answer held";
    SERVED_WITH_BODY = "http.request-with-body-served", v 1, Observed, Wire,
        "The receiver answered a request that had a body with success",
        "The body was not read: a credential may have been in it";
    SERVED_PUBLIC = "http.public-request-served", v 1, Observed, Wire,
        "The receiver answered a request that is public by convention (health, metrics, well-known, static, root page, login)",
        "Not whether its other addresses are public too";
    TUNNEL = "http.tunnel-opened", v 1, Observed, Wire,
        "The receiver opened a tunnel for a caller that presented nothing to it (CONNECT)",
        "Not who is identified inside the tunnel: its end may be somebody else, and ask";
    NOT_FOUND = "http.proof-not-refused", v 1, Observed, Wire,
        "The receiver answered a request that carried proof with an error that is not about the proof",
        "Not whether it looked at the proof";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Http,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Http::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Most fields of a head.
const FIELDS: usize = 128;
/// Most requests that wait for their answer.
const UNANSWERED: usize = 64;
/// Exchanges after which a connection is settled.
const EXCHANGES: u32 = 128;
/// Different exchanges that are reported.
const DIFFERENT: usize = 32;
/// Longest body that is looked at for the words of a missing client certificate.
const ERROR_BODY: u64 = 4096;

const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "CONNECT",
    "TRACE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MERGE",
    "PURGE",
    "LIST",
    "LINK",
    "UNLINK",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "M-SEARCH",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "REGISTER_AGENT",
];

fn call_likeness(bytes: &[u8]) -> Likeness {
    let end = bytes.iter().position(|byte| *byte == b' ');
    let word = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let known = |method: &&&str| {
        if end.is_some() { method.as_bytes() == word } else { method.as_bytes().starts_with(word) }
    };
    if METHODS.iter().find(known).is_none() {
        return Likeness::Unlike;
    }
    let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return Likeness::Unsure };
    let line = bytes.get(..line).unwrap_or_default().trim_ascii_end();
    if line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0") {
        Likeness::Like
    } else {
        Likeness::Unlike
    }
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    let start = Likeness::starts_with(bytes, b"HTTP/1.");
    match bytes.get(7..13) {
        None if start == Likeness::Like => Likeness::Unsure,
        None => start,
        Some([b'0' | b'1', b' ', b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r']) => start,
        Some(_) => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Http {
    request_body: Body,
    response_body: Body,
    unanswered: VecDeque<Exchange>,
    /// Exchanges that were reported, so that a thousand equal ones are reported once.
    reported: Vec<Vec<Offer>>,
    exchanges: u32,
    /// The connection changed its protocol.
    switched: bool,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Exchange {
    head: bool,
    connect: bool,
    public: bool,
    with_body: bool,
    offers: Vec<Offer>,
}

/// Is this request public by convention?
fn is_public(method: &str, target: &str) -> bool {
    let path = match target.find("://") {
        Some(at) => target
            .get(at + 3..)
            .and_then(|rest| rest.find('/').and_then(|slash| rest.get(slash..)))
            .unwrap_or("/"),
        None => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    if matches!(method, "OPTIONS" | "TRACE") {
        return true;
    }
    let login = ["/login", "/signin", "/sign-in", "/oauth/token", "/oauth2/token", "/token", "/auth/login"];
    if login.iter().any(|end| path.ends_with(end)) {
        return true;
    }
    if !matches!(method, "GET" | "HEAD") {
        return false;
    }
    let starts = [
        "/health",
        "/ready",
        "/live",
        "/metrics",
        "/favicon",
        "/.well-known/",
        "/robots.txt",
        "/ping",
        "/_ping",
    ];
    let ends = [
        ".css",
        ".js",
        ".mjs",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".ico",
        ".webp",
        ".woff",
        ".woff2",
        ".ttf",
        ".map",
        "/healthz",
        "/readyz",
        "/livez",
        "/health",
        "/jwks.json",
    ];
    path == "/"
        || starts.iter().any(|start| path.starts_with(start))
        || ends.iter().any(|end| path.ends_with(end))
}

/// The weakest proof that the receiver's challenges would take, so that more is never claimed.
fn challenge(fields: &[httparse::Header<'_>]) -> Proof {
    let mut weakest: Option<Proof> = None;
    for field in challenges(fields) {
        let scheme =
            field.split(|byte| matches!(byte, b' ' | b',')).next().unwrap_or_default().to_ascii_lowercase();
        let proof = match scheme.as_slice() {
            b"negotiate" | b"kerberos" => Proof::Key,
            b"bearer" | b"dpop" => Proof::Token,
            _ => Proof::Secret,
        };
        weakest = Some(weakest.map_or(proof, |known| known.min(proof)));
    }
    weakest.unwrap_or(Proof::Secret)
}

fn challenges<'a>(fields: &'a [httparse::Header<'_>]) -> impl Iterator<Item = &'a [u8]> {
    let names = ["www-authenticate", "proxy-authenticate"];
    fields
        .iter()
        .filter(move |field| names.iter().any(|name| field.name.eq_ignore_ascii_case(name)))
        .map(|field| field.value.trim_ascii())
}

/// A further leg of Negotiate or NTLM: the challenge carries a message of its own.
fn is_next_leg(fields: &[httparse::Header<'_>]) -> bool {
    challenges(fields).any(|value| {
        let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let scheme = words.next().unwrap_or_default();
        (scheme.eq_ignore_ascii_case(b"negotiate") || scheme.eq_ignore_ascii_case(b"ntlm"))
            && words.next().is_some()
    })
}

fn is_login(fields: &[httparse::Header<'_>]) -> bool {
    let target = fields.iter().find(|field| field.name.eq_ignore_ascii_case("location"));
    let target = String::from_utf8_lossy(target.map_or(&[], |field| field.value)).to_ascii_lowercase();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    ["login", "signin", "sign-in", "logon", "/oauth2/", "/authorize", "/saml", "/sso", "/auth/"]
        .iter()
        .any(|part| path.contains(part))
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
            let exchange = Exchange {
                head: method == "HEAD",
                connect: method == "CONNECT",
                public: is_public(method, target),
                with_body: !matches!(framing, Framing::Unsaid | Framing::Length(0)),
                offers: http_credential::offers(target, request.headers, notes),
            };
            if self.unanswered.len() >= UNANSWERED {
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
            let mut fields = [httparse::EMPTY_HEADER; FIELDS];
            let mut response = httparse::Response::new(&mut fields);
            let length = match response.parse(input.bytes()) {
                Ok(httparse::Status::Complete(length)) => length,
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
                let Some(body) = input.bytes().get(length..end) else { return Next::More };
                names_certificate = is_about_certificate(body);
            }
            let mut shown = judge(exchange, code, response.headers, names_certificate);
            let (head, connect) = (exchange.head, exchange.connect);
            let tunnel = connect && (200..300).contains(&code);
            if tunnel && !shown.iter().any(|(_, shown)| matches!(shown, Shown::Offers { .. })) {
                shown = vec![(&TUNNEL, Shown::Hidden { why: Hidden::Encrypted })];
            }
            self.unanswered.pop_front();
            self.report(shown, notes);
            self.exchanges = self.exchanges.saturating_add(1);
            input.read(length);
            if code == 101 || tunnel {
                return Next::Lost(Hidden::Unsupported);
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

    /// Reports an exchange unless an equal one was.
    fn report(&mut self, shown: Vec<Offer>, notes: &mut Notes<'_>) {
        if shown.is_empty() || self.reported.len() >= DIFFERENT || self.reported.contains(&shown) {
            return;
        }
        for (rule, shown) in &shown {
            notes.say(rule, shown.clone());
        }
        self.reported.push(shown);
    }
}

/// nginx and others answer 400 when the certificate they want is missing or wrong.
fn is_about_certificate(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("ssl certificate")
        || text.contains("client certificate")
        || text.contains("tls certificate")
}

/// What one exchange shows, in order: what was offered, then how it was answered.
fn judge(
    exchange: &Exchange,
    code: u16,
    fields: &[httparse::Header<'_>],
    names_certificate: bool,
) -> Vec<Offer> {
    let mut shown = exchange.offers.clone();
    let offered = !shown.is_empty();
    let refusal = if offered { Refusal::ProofWrong } else { Refusal::ProofMissing };
    let served = if exchange.public { Operation::Public } else { Operation::Service };
    let serves = Shown::Serves { operation: served };
    let by: &'static Rule = match (served, exchange.with_body) {
        (Operation::Public, _) => &SERVED_PUBLIC,
        (Operation::Service, true) => &SERVED_WITH_BODY,
        (Operation::Service, false) => &SERVED,
    };
    match code {
        401 | 407 => {
            shown.push((&DEMANDED, Shown::Demands { proof: challenge(fields) }));
            if !is_next_leg(fields) {
                let rule: &'static Rule = if offered { &WRONG } else { &DEMANDED };
                shown.push((rule, Shown::Refuses { why: refusal }));
            }
        }
        403 if offered => shown.push((&FORBIDDEN, Shown::Refuses { why: Refusal::NotAllowed })),
        403 => shown.push((&FORBIDDEN_TO_ALL, Shown::Refuses { why: Refusal::Other })),
        400 if names_certificate => {
            shown.push((&CERTIFICATE_MISSING, Shown::Demands { proof: Proof::Key }));
            shown.push((&CERTIFICATE_MISSING, Shown::Refuses { why: Refusal::ProofMissing }));
        }
        300..400 if is_login(fields) && !exchange.public => {
            shown.push((&LOGIN, Shown::Demands { proof: Proof::Secret }));
            shown.push((&LOGIN, Shown::Refuses { why: refusal }));
        }
        200..400 => shown.push((by, serves)),
        404..=406 | 409..=428 if offered => shown.push((&NOT_FOUND, serves)),
        _ => {}
    }
    shown
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
            self.report(exchange.offers, notes);
        }
    }
}
