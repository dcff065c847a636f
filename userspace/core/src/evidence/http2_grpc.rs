//! gRPC: its status decides, wherever it stands, and a few of its services are public by convention.
//!
//! Sources: gRPC over HTTP/2 (PROTOCOL-HTTP2), gRPC status codes, gRPC health checking and server reflection.

use super::dissector::rules;
use super::http_credential::Offer;
use super::http_request::Exchange;
use super::{Operation, Proof, Refusal, Rule, Shown};

rules! {
    pub(crate) table;
    UPGRADED = "http2.upgraded", v 1, Observed, Wire,
        "The receiver took the offer to go on in HTTP/2 (101)",
        "Nothing is said about the caller";
    SPEAKS = "grpc.protocol", v 1, Observed, Wire,
        "A request has gRPC's content type",
        "Not what its messages hold";
    SERVED = "grpc.call-served", v 1, Observed, Wire,
        "The receiver ran the method: status 0, or a message of its answer",
        "The messages were not read: a credential may have been in one";
    SERVED_PUBLIC = "grpc.public-call-served", v 1, Observed, Wire,
        "The receiver answered a method that is public by convention (health, reflection)",
        "Not whether its other methods are public too";
    DEMANDED = "grpc.unauthenticated", v 1, Observed, Wire,
        "The receiver answered with status 16: it wants proof for this method",
        "Not whether it wants it for every method";
    WRONG = "grpc.proof-refused", v 1, Observed, Wire,
        "The receiver refused the call although it carried proof (status 16)",
        "Not whether the proof was wrong, too old or of the wrong kind";
    DENIED = "grpc.permission-denied", v 1, Observed, Wire,
        "The receiver refused a call that carried proof (status 7)",
        "Not whether the proof or the permission was lacking";
    DENIED_TO_ALL = "grpc.permission-denied-without-proof", v 1, Observed, Wire,
        "The receiver refused a call that carried no proof (status 7)",
        "Not whether proof would have helped";
    NOT_REFUSED = "grpc.proof-not-refused", v 1, Observed, Wire,
        "The receiver answered a call that carried proof with an error that is about its content",
        "Not whether it looked at the proof";
    FAILED = "grpc.call-failed", v 1, Observed, Wire,
        "The receiver answered a call that carried no proof with an error that is not about proof",
        "Not whether it would have served another call of the same caller";
}

/// Is this method public by convention?
pub(crate) fn is_public(path: &str) -> bool {
    path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.")
}

/// What one call shows that ended with this status.
pub(crate) fn judge(exchange: &Exchange, status: u16, message: &[u8]) -> Vec<Offer> {
    let mut shown = exchange.shown();
    let offered = !exchange.offers.is_empty();
    let (by, operation): (&'static Rule, _) =
        if exchange.public { (&SERVED_PUBLIC, Operation::Public) } else { (&SERVED, Operation::Service) };
    // etcd answers a call without a token with status 3 and these words.
    let nobody = message.windows(18).any(|part| part == b"user name is empty");
    match status {
        0 => shown.push((by, Shown::Serves { operation })),
        _ if status == 16 || nobody => {
            let why = if offered { Refusal::ProofWrong } else { Refusal::ProofMissing };
            let rule: &'static Rule = if offered { &WRONG } else { &DEMANDED };
            shown.push((&DEMANDED, Shown::Demands { proof: Proof::Secret }));
            shown.push((rule, Shown::Refuses { why }));
        }
        7 if offered => shown.push((&DENIED, Shown::Refuses { why: Refusal::NotAllowed })),
        7 => shown.push((&DENIED_TO_ALL, Shown::Refuses { why: Refusal::Other })),
        // Invalid, not found, already there, not now, out of range: the method looked at what was asked.
        3 | 5 | 6 | 9 | 11 if offered => shown.push((&NOT_REFUSED, Shown::Serves { operation })),
        _ if !offered => shown.push((&FAILED, Shown::Refuses { why: Refusal::Other })),
        _ => {}
    }
    shown
}
