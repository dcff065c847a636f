//! SIP over UDP and TCP: who may register, call and send, and what for anyone is.
//!
//! Sources: RFC 3261 (messages, transactions, section 22 authentication), RFC 3325 (asserted identity), RFC 5626
//! section 3.5.1 (keep-alives), RFC 8760 (Digest algorithms).

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::resp::Read;
use super::text_exchange::{Dialect, Exchanges};
use super::text_head::{Head, request_likeness};
use super::text_line;
use super::{Operation, Protocol};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "sip.authentication-required", v 1, Observed, Wire,
        "The receiver answered 401 or 407: it wants proof for this request",
        "Not whether it wants it for every request";
    WRONG = "sip.proof-refused", v 1, Observed, Wire,
        "The receiver refused the request although it carried proof (401 or 407)",
        "Not whether the proof was wrong or its challenge too old";
    FAILED = "sip.request-refused", v 1, Observed, Wire,
        "The receiver, or whoever is called behind it, refused the request",
        "Not whether for want of identity: whoever is called may be busy or away";
    PUBLIC = "sip.capabilities-told", v 1, Observed, Wire,
        "The receiver answered OPTIONS, which asks for its capabilities",
        "Not whether it serves other requests";
    SERVED = "sip.request-served", v 1, Observed, Wire,
        "The receiver answered a registration, call, message or subscription with success",
        "Not what was said in the call";
    CLAIMED = "sip.identity-asserted", v 1, Observed, Wire,
        "The request names a caller that an earlier hop is said to have identified",
        "Whoever can reach this port can write the same field";
}

/// How a flow over TCP is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Sip,
    call: |bytes| request_likeness(bytes, METHODS, VERSION),
    reply: |bytes| {
        // The other side may ask first.
        let asks = request_likeness(bytes, METHODS, VERSION);
        text_line::any(&[Likeness::starts_with(bytes, b"SIP/2.0 "), asks])
    },
    begin: || Box::new(Sip { exchanges: Exchanges::new(&DIALECT) }),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How a flow of datagrams is recognised and read; its rules are those above.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Sip,
    call: |datagram| request_likeness(datagram.bytes, METHODS, VERSION) == Likeness::Like,
    reply: |datagram| {
        datagram.bytes.starts_with(b"SIP/2.0 ")
            || request_likeness(datagram.bytes, METHODS, VERSION) == Likeness::Like
    },
    unanswered: |_| false,
    begin: || Box::new(Sip { exchanges: Exchanges::new(&DIALECT) }),
    rules: &[],
};

const VERSION: &[u8] = b"SIP/2.0";
const METHODS: &[&str] = &[
    "REGISTER",
    "INVITE",
    "OPTIONS",
    "ACK",
    "BYE",
    "CANCEL",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "PUBLISH",
    "REFER",
    "INFO",
    "UPDATE",
    "PRACK",
];

static DIALECT: Dialect = Dialect {
    version: b"SIP/",
    wish: |method| match method {
        b"OPTIONS" => Some(Operation::Public),
        // What follows within a call stands or falls with the INVITE that began it.
        b"ACK" | b"BYE" | b"CANCEL" | b"PRACK" | b"INFO" | b"UPDATE" => None,
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
struct Sip {
    exchanges: Exchanges,
}

impl DatagramDissector for Sip {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        // Keep-alives are empty lines or zeros, and a head that was cut can't be judged.
        if let Read::Got(head) = Head::read(datagram.bytes) {
            self.exchanges.message(from, &head, notes);
        }
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.exchanges.finish(notes);
    }
}

impl Dissector for Sip {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let empty = input.bytes().iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if empty > 0 {
            input.read(empty);
            return Next::More;
        }
        self.exchanges.read(from, input, notes)
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.exchanges.finish(notes);
    }
}
