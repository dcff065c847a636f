//! Rules of evidence for HTTP of every version: how a request was answered.

use super::dissector::rules;

rules! {
    pub(crate) table;
    OPERATION = "http.operation", v 1, Observed, Wire,
        "What the request asked for: its method and the shape of its address, kept as a keyed fingerprint",
        "Different addresses of one shape (numbers in them, what follows the fourth part) count as one operation";
    DEMANDED = "http.authentication-required", v 1, Observed, Wire,
        "The receiver answered 401 or 407: it wants proof for this request",
        "Not whether it wants it for every request";
    LOGIN = "http.login-required", v 1, Observed, Wire,
        "The receiver sent the caller to a login page",
        "Not whether it does so for every request";
    WRONG = "http.proof-refused", v 1, Observed, Wire,
        "The receiver refused the request although it carried proof (401 or 407)",
        "Not whether the proof was wrong, too old or of the wrong kind";
    EXPIRED = "http.token-expired", v 1, Observed, Wire,
        "The receiver refused the request's token and said that it has expired (RFC 6750, `invalid_token`)",
        "The receiver's word; the token's own end stands beside it where it could be read";
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
    TUNNEL = "http.tunnel-opened", v 2, Observed, Wire,
        "The receiver opened a tunnel for the caller (CONNECT)",
        "Not who is identified inside the tunnel: its end may be somebody else, and ask";
    FAILED = "http.request-failed", v 1, Observed, Wire,
        "The receiver answered a request that carried no proof with an error that is not about proof",
        "Not whether it would have served another request of the same caller";
    UNANSWERED = "http.request-alone", v 1, Observed, Wire,
        "Only the request was seen: it parses as HTTP, and nothing answered it",
        "Not that an HTTP server is at the other end, nor what it would have said";
    SIMPLE = "http.simple-request-served", v 1, Observed, Wire,
        "The receiver answered a request of HTTP/0.9, which has no fields and so no place for proof",
        "Not what the answer held";
    NOT_FOUND = "http.proof-not-refused", v 1, Observed, Wire,
        "The receiver answered a request that carried proof with an error that is not about the proof",
        "Not whether it looked at the proof";
}
