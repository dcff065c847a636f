//! RTSP: who may see, set up and control a stream of media.
//!
//! Sources: RFC 2326 (1.0; section 10.12 interleaved frames), RFC 7826 (2.0), RFC 7616 and 7617 (Digest, Basic).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::text_exchange::{Dialect, Exchanges};
use super::text_head::request_likeness;
use super::{Operation, Protocol};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "rtsp.authentication-required", v 1, Observed, Wire,
        "The receiver answered 401 or 407: it wants proof for this request",
        "Not whether it wants it for every request";
    WRONG = "rtsp.proof-refused", v 1, Observed, Wire,
        "The receiver refused the request although it carried proof (401 or 407)",
        "Not whether the proof was wrong or its challenge too old";
    FAILED = "rtsp.request-refused", v 1, Observed, Wire,
        "The receiver refused the request for another reason than missing proof",
        "Nothing is said about what it checks";
    PUBLIC = "rtsp.capabilities-told", v 1, Observed, Wire,
        "The receiver answered OPTIONS, which asks for its capabilities",
        "Not whether it serves other requests";
    SERVED = "rtsp.request-served", v 1, Observed, Wire,
        "The receiver described, set up, played or changed a stream as asked",
        "Not what the stream shows";
    CLAIMED = "rtsp.identity-asserted", v 1, Observed, Wire,
        "The request names a caller that an earlier hop is said to have identified",
        "Whoever can reach this port can write the same field";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rtsp,
    call: call_likeness,
    reply: |bytes| Likeness::starts_with(bytes, b"RTSP/"),
    begin: || Box::new(Rtsp { exchanges: Exchanges::new(&DIALECT) }),
    call_alone: nothing_alone,
    rules: RULES,
};

const METHODS: &[&str] = &[
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "TEARDOWN",
    "ANNOUNCE",
    "RECORD",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "REDIRECT",
    "PLAY_NOTIFY",
];

fn call_likeness(bytes: &[u8]) -> Likeness {
    super::text_line::any(&[
        request_likeness(bytes, METHODS, b"RTSP/1.0"),
        request_likeness(bytes, METHODS, b"RTSP/2.0"),
    ])
}

static DIALECT: Dialect = Dialect {
    version: b"RTSP/",
    wish: |method| match method {
        b"OPTIONS" => Some(Operation::Public),
        b"TEARDOWN" => None,
        _ => Some(Operation::Service),
    },
    demanded: &DEMANDED,
    wrong: &WRONG,
    failed: &FAILED,
    public: &PUBLIC,
    served: &SERVED,
    claimed: &CLAIMED,
};

/// One flow.
#[derive(Debug)]
struct Rtsp {
    exchanges: Exchanges,
}

impl Dissector for Rtsp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        match input.bytes() {
            [] => return Next::More,
            // `$`, a channel, two bytes of length, and a packet of media.
            [b'$', _, high, low, ..] => {
                let length = u64::from(u16::from_be_bytes([*high, *low]));
                input.skip(length.saturating_add(4));
                return Next::More;
            }
            [b'$', ..] => return Next::More,
            [b'\r' | b'\n', ..] => {
                input.read(1);
                return Next::More;
            }
            [_, ..] => {}
        }
        self.exchanges.read(from, input, notes)
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.exchanges.finish(notes);
    }
}
