//! HTTP requests: how one is recognised, and which are public by convention.
//!
//! Sources: RFC 9112 section 3 (request line) and 4 (status line), RFC 9110 section 9 (methods), RFC 8615 (well-known).

use super::dissector::{Likeness, Notes};
use super::http_application::{self, Asked};
use super::http_credential::{self, Offer};
use super::http_rules::OPERATION;
use super::json_skim::Skim;
use super::{CredentialKind, Proof, Scope, Shown};
use crate::fingerprint::Fingerprint;

/// Methods of RFC 9110, of WebDAV and its extensions (RFC 3253, 3648, 3744, 4437, 4791, 4918, 5323, 5842), of UPnP, of
/// Exchange, and of RPC over HTTP (MS-RPCH 2.1.2.1.1).
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
    "QUERY",
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
    "ACL",
    "CHECKOUT",
    "CHECKIN",
    "UNCHECKOUT",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
    "MKACTIVITY",
    "MKWORKSPACE",
    "MKCALENDAR",
    "UPDATE",
    "LABEL",
    "ORDERPATCH",
    "BIND",
    "REBIND",
    "UNBIND",
    "MKREDIRECTREF",
    "UPDATEREDIRECTREF",
    "BPROPFIND",
    "BPROPPATCH",
    "BCOPY",
    "BMOVE",
    "BDELETE",
    "POLL",
    "X-MS-ENUMATTS",
    "PURGE",
    "BAN",
    "LIST",
    "LINK",
    "UNLINK",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "M-SEARCH",
    "SOURCE",
    "DEBUG",
    "TRACK",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "RPC_CONNECT",
    "CCM_POST",
    "BITS_POST",
    "SSTP_DUPLEX_POST",
    "REGISTER_AGENT",
];

/// Compares with a request line.
pub(crate) fn call_likeness(bytes: &[u8]) -> Likeness {
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

/// Compares with a status line; Shoutcast and its kin write `ICY` for `HTTP/1.0`.
pub(crate) fn reply_likeness(bytes: &[u8]) -> Likeness {
    let start = match Likeness::starts_with(bytes, b"HTTP/1.") {
        Likeness::Unlike => return Likeness::starts_with(bytes, b"ICY 200 "),
        start @ (Likeness::Unsure | Likeness::Like) => start,
    };
    match bytes.get(7..13) {
        None if start == Likeness::Like => Likeness::Unsure,
        None => start,
        Some([b'0' | b'1', b' ', b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r']) => start,
        Some(_) => Likeness::Unlike,
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// HEAD: the answer has no body.
    pub(crate) head: bool,
    /// CONNECT: success opens a tunnel.
    pub(crate) connect: bool,
    /// Public by convention, and asked for without proof.
    pub(crate) public: bool,
    /// It has a body.
    pub(crate) with_body: bool,
    /// What it asks for, as a keyed fingerprint.
    pub(crate) operation: Fingerprint,
    /// What it offers.
    pub(crate) offers: Vec<Offer>,
    /// What it asks for, where that is known.
    pub(crate) asked: Option<Asked>,
}

impl Exchange {
    /// The request with this head.
    pub(crate) fn new(
        method: &str,
        target: &str,
        fields: &[httparse::Header<'_>],
        with_body: bool,
        notes: &Notes<'_>,
    ) -> Self {
        let offers = http_credential::offers(target, fields, notes);
        Self {
            head: method == "HEAD",
            connect: method == "CONNECT",
            public: is_public(method, target) && !offers.iter().any(is_proof),
            with_body,
            operation: notes.fingerprint("operation", operation(method, target).as_bytes()),
            offers,
            asked: http_application::by_head(method, target, fields),
        }
    }

    /// Takes the start of the request's body into account.
    pub(crate) fn read_body(&mut self, target: &str, body: &[u8], notes: &Notes<'_>) {
        if body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[") {
            let skim = Skim::of(body);
            self.asked = http_application::by_body(target, &skim).or_else(|| self.asked.take());
            self.offers.extend(http_credential::in_json(&skim, notes));
        } else {
            self.offers.extend(http_credential::in_text(body, notes));
        }
        self.public &= !self.proves();
    }

    /// What it asks for, where that is not public, and what it offers for it.
    pub(crate) fn shown(&self) -> Vec<Offer> {
        let asks: Offer = (&OPERATION, Shown::Asks { operation: self.operation.clone() });
        Some(asks).filter(|_| !self.public).into_iter().chain(self.offers.iter().cloned()).collect()
    }

    /// True when somebody attached proof to this request.
    pub(crate) fn proves(&self) -> bool {
        self.offers.iter().any(is_proof)
    }

    /// True when proof went along that counts for the connection.
    pub(crate) fn binds(&self) -> bool {
        self.offers.iter().any(|(_, shown)| {
            matches!(shown, Shown::Offers { scope: Scope::Connection, proof, .. } if *proof != Proof::Claim)
        })
    }
}

/// Method and shape of an address: its first four parts, without what looks like the name of one thing among many.
fn operation(method: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path =
        path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or(path, |(_, path)| path);
    let mut shape = if method == "HEAD" { "GET".to_owned() } else { method.to_owned() };
    for part in path.split('/').filter(|part| !part.is_empty()).take(4) {
        let one_of_many = part.len() > 32 || part.bytes().any(|byte| byte.is_ascii_digit());
        shape.push('/');
        shape.push_str(if one_of_many { "*" } else { part });
    }
    shape
}

/// Proof that somebody attached to this request. Cookies go along with every request to their site.
fn is_proof((_, shown): &Offer) -> bool {
    if let Shown::Offers { proof, credential, .. } = shown {
        let cookie = credential.as_ref().is_some_and(|credential| credential.kind == CredentialKind::Cookie);
        return *proof != Proof::Claim && !cookie;
    }
    false
}

/// Is this request public by convention?
pub(crate) fn is_public(method: &str, target: &str) -> bool {
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
        "/-/healthy",
        "/-/ready",
        "/_up",
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
        "/_ping",
        "/sys/seal-status",
        "/jwks.json",
    ];
    path == "/"
        || starts.iter().any(|start| path.starts_with(start))
        || ends.iter().any(|end| path.ends_with(end))
}
