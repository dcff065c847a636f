//! SAP's protocols over NI: the router, the message server, the RFC gateway, and DIAG, by which the front end talks.
//!
//! Sources: SAP Help Portal "SAProuter" (routes with passwords) and "SAP Gateway" (registered programs); frames as the
//! documentation of the pysap project describes them (NI length, `NI_ROUTE`, `**MESSAGE**`, gateway header, DP header).

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::text_line::any;
use super::{Hidden, Operation, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ROUTE_PASSWORD = "sap.route-password-sent", v 1, Observed, Wire,
        "The caller sent the password of a route in clear",
        "Whether the router asks for it";
    ROUTE_ACCEPTED = "sap.route-proof-not-refused", v 1, Observed, Wire,
        "The router opened a route after its password was sent",
        "Whether it would have done so without";
    ROUTE_OPENED = "sap.route-opened", v 1, Observed, Wire,
        "The router opened the route that was asked for",
        "What the server behind it checks";
    ROUTE_REFUSED = "sap.route-refused", v 1, Observed, Wire,
        "The router refused the route",
        "Whether the place, the password or the target was the reason";
    SERVER_NAMED = "sap.server-named", v 1, Observed, Wire,
        "The caller named itself as a server or program, without proof",
        "Nothing proves the name";
    SERVER_SERVED = "sap.message-served", v 1, Observed, Wire,
        "The message server answered without an error",
        "Whether it looked at the caller's address";
    SERVER_REFUSED = "sap.message-refused", v 1, Observed, Wire,
        "The message server answered with an error",
        "Nothing is said about what it checks";
    REGISTERED = "sap.program-registered", v 1, Observed, Wire,
        "The gateway registered the caller's program under the name that it gave",
        "Whether it looked at the caller's address";
    NOT_REGISTERED = "sap.program-refused", v 1, Observed, Wire,
        "The gateway did not register the caller's program",
        "Whether the place or the name was the reason";
    UNREAD = "sap.sign-on-unread", v 1, Observed, Wire,
        "A session of the gateway or of the front end began, whose sign-on is compressed or scrambled and is not read",
        "What was proved is not known; compression and scrambling hide a password from nobody";
    WRAPPED = "sap.snc-session", v 1, Observed, Wire,
        "The session is wrapped by Secure Network Communications",
        "Whose key was proved, and whether the caller's was";
}

const fn known(
    protocol: Protocol,
    call: fn(&[u8]) -> Likeness,
    reply: fn(&[u8]) -> Likeness,
    begin: fn() -> Box<dyn Dissector>,
    rules: &'static [&'static super::Rule],
) -> Known {
    Known { protocol, call, reply, begin, call_alone: nothing_alone, rules }
}

/// How a flow through SAProuter is recognised and read.
pub(crate) static ROUTER: Known = known(
    Protocol::SapRouter,
    |bytes| framed(bytes, &[b"NI_ROUTE\0"]),
    |bytes| framed(bytes, &[b"NI_PONG\0", b"NI_RTERR\0"]),
    || Box::new(Router::default()),
    RULES,
);

/// How a flow to a message server is recognised and read.
pub(crate) static MESSAGES: Known = known(
    Protocol::SapMessages,
    |bytes| framed(bytes, &[MESSAGE]),
    |bytes| framed(bytes, &[MESSAGE]),
    || Box::new(Messages::default()),
    &[],
);

/// How a flow to an RFC gateway is recognised and read.
pub(crate) static GATEWAY: Known = known(
    Protocol::SapRfc,
    |bytes| {
        let service = bytes.get(14..).unwrap_or_default();
        gateway(bytes).and(Likeness::starts_with(service, b"sap"))
    },
    gateway,
    || Box::new(Gateway::default()),
    &[],
);

/// How a front end's flow is recognised and read.
pub(crate) static DIALOG: Known = known(
    Protocol::SapDiag,
    // The dispatcher's header, which only a session's first message has.
    |bytes| framed(bytes, &[b"\xff\xff\xff\xff\x0a\0\0\0"]),
    |bytes| framed(bytes, &[b""]),
    || Box::new(Dialog::default()),
    &[],
);

const MESSAGE: &[u8] = b"**MESSAGE**\0";
/// Largest message that is read whole; of others the start.
const WHOLE: usize = 4096;
/// Type of a request to the gateway that registers a program.
const REGISTER: u8 = 0x0b;
/// Mark of Secure Network Communications.
const SNC: &[u8] = b"SNCFRAME";

/// A length of less than 64 KiB, and one of these starts.
fn framed(bytes: &[u8], starts: &[&[u8]]) -> Likeness {
    let (length, rest) = bytes.split_at_checked(4).unwrap_or((bytes, &[]));
    let length = match length {
        [0, 0, _, _] => Likeness::Like,
        [] | [0] | [0, 0] | [0, 0, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    };
    length.and(any(&starts.iter().map(|start| Likeness::starts_with(rest, start)).collect::<Vec<_>>()))
}

/// The length of the gateway's header, and a version of it.
fn gateway(bytes: &[u8]) -> Likeness {
    match bytes {
        [0, 0, 0, 64, 1..=6, ..] => Likeness::Like,
        [0, 0, 0, 64] => Likeness::Unsure,
        _ => Likeness::starts_with(bytes, &[0, 0, 0, 64]),
    }
}

/// The next message, its first bytes only if it is long; nothing is taken while it is not there.
fn take(input: &mut Input<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let (length, rest) = input.bytes().split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length);
    let needed = usize::try_from(length).unwrap_or(usize::MAX).min(WHOLE);
    let message = Zeroizing::new(rest.get(..needed)?.to_vec());
    input.skip(u64::from(length).saturating_add(4));
    Some(message)
}

/// A route through the router.
#[derive(Default, Debug)]
struct Router {
    asked: bool,
    proved: bool,
}

impl Router {
    /// Versions, numbers of entries, lengths; then host, service and password of every hop.
    fn route(&mut self, message: &[u8], notes: &mut Notes<'_>) {
        let mut cursor = Cursor(message.get(24..).unwrap_or_default());
        while let (Some(_), Some(_), Some(password)) = (cursor.until(0), cursor.until(0), cursor.until(0)) {
            if !password.is_empty() && !std::mem::replace(&mut self.proved, true) {
                let (rule, shown) = sasl::password_offer(&ROUTE_PASSWORD, b"", password, notes);
                notes.say(rule, shown);
            }
        }
    }
}

impl Dissector for Router {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Responder) != self.asked {
            return Next::More;
        }
        let Some(message) = take(input) else { return Next::More };
        if from == Role::Originator {
            self.asked = true;
            self.route(&message, notes);
            return Next::More;
        }
        if message.starts_with(b"NI_PONG\0") {
            if self.proved {
                notes.say(&ROUTE_ACCEPTED, Shown::Accepts);
            }
            notes.say(&ROUTE_OPENED, Shown::Serves { operation: Operation::Service });
        } else {
            let why = if self.proved { Refusal::Other } else { Refusal::Place };
            notes.say(&ROUTE_REFUSED, Shown::Refuses { why });
        }
        Next::Settled
    }
}

/// A connection to a message server.
#[derive(Default, Debug)]
struct Messages {
    asked: bool,
}

impl Dissector for Messages {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let Some(message) = take(input) else { return Next::More };
        let Some([_, error]) = message.get(12..14).filter(|_| message.starts_with(MESSAGE)) else {
            return Next::Lost(Hidden::Unsupported);
        };
        if from == Role::Originator {
            // The sender's name, of 40 bytes.
            let name = message.get(68..108).unwrap_or_default().trim_ascii();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
            if !std::mem::replace(&mut self.asked, true) && !matches!(name, b"" | b"-") {
                notes.say(&SERVER_NAMED, sasl::name_offer(name));
            }
            return Next::More;
        }
        if *error == 0 {
            notes.say(&SERVER_SERVED, Shown::Serves { operation: Operation::Service });
        } else {
            notes.say(&SERVER_REFUSED, Shown::Refuses { why: Refusal::Other });
        }
        Next::Settled
    }
}

/// A connection to a gateway.
#[derive(Default, Debug)]
struct Gateway {
    /// The first request's type.
    asked: Option<u8>,
}

impl Dissector for Gateway {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Responder) != self.asked.is_some() {
            return Next::More;
        }
        let Some(message) = take(input) else { return Next::More };
        let mut cursor = Cursor(&message);
        let Some([_, kind]) = cursor.array() else { return Next::Lost(Hidden::Unsupported) };
        if from == Role::Originator {
            self.asked = Some(kind);
            // After address, service, code page and logical unit: the program's name.
            let name = message.get(38..46).unwrap_or_default().trim_ascii();
            if kind == REGISTER {
                notes.say(&SERVER_NAMED, sasl::name_offer(name));
            }
            return Next::More;
        }
        match (self.asked, message.get(58..62)) {
            (Some(REGISTER), Some([0, 0, 0, 0])) => {
                notes.say(&REGISTERED, Shown::Serves { operation: Operation::Service });
            }
            (Some(REGISTER), Some(_)) => notes.say(&NOT_REGISTERED, Shown::Refuses { why: Refusal::Place }),
            _ => notes.say(&UNREAD, Shown::Hidden { why: Hidden::Unsupported }),
        }
        Next::Settled
    }
}

/// A front end's session.
#[derive(Default, Debug)]
struct Dialog {
    asked: bool,
    wrapped: bool,
}

impl Dissector for Dialog {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if (from == Role::Responder) != self.asked {
            return Next::More;
        }
        let Some(message) = take(input) else { return Next::More };
        self.wrapped |= message.windows(SNC.len()).any(|window| window == SNC);
        if from == Role::Originator {
            self.asked = true;
            return Next::More;
        }
        if self.wrapped {
            notes.say(&WRAPPED, Shown::Hidden { why: Hidden::Encrypted });
        } else {
            notes.say(&UNREAD, Shown::Hidden { why: Hidden::Unsupported });
        }
        Next::Settled
    }
}
