//! AJP 1.3, by which a web server hands requests to a servlet container: the connector's secret, the user that the web
//! server names, and the fields of the request.
//!
//! Source: tomcat.apache.org "Apache Tomcat Connectors: AJP Protocol Reference" (AJPv13: packets, request attributes,
//! coded fields).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::http_credential;
use super::http_request::is_public;
use super::relayed_request::{Answers, Relayed, answers};
use super::told::Told;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    SECRET = "ajp.secret-sent", v 1, Observed, Wire,
        "The web server sent the connector's secret in clear",
        "Whether the container looks at it";
    NAMED = "ajp.user-named", v 1, Observed, Wire,
        "The web server named a user whom it is said to have identified",
        "Whoever can reach this port can write the same";
    ACCEPTED = "ajp.proof-not-refused", v 1, Observed, Wire,
        "The container answered a request that carried a proof without refusing it",
        "Whether it would have answered so without";
    SERVED = "ajp.request-served", v 1, Observed, Wire,
        "The container answered a request with success",
        "What it checked outside the request";
    PUBLIC = "ajp.public-request-served", v 1, Observed, Wire,
        "The container answered a request that is open to anyone by its address",
        "Nothing is said about what else it serves";
    PING = "ajp.ping-answered", v 1, Observed, Wire,
        "The container answered a ping, as it does for anyone",
        "Nothing is said about what it checks";
    DEMANDED = "ajp.unauthorized", v 1, Observed, Wire,
        "The container answered 401: it wants the caller's proof",
        "Which proof would have been enough";
    FORBIDDEN = "ajp.forbidden", v 1, Observed, Wire,
        "The container answered 403",
        "Whether the connector's secret, the user or the request was the reason";
    FAILED = "ajp.request-failed", v 1, Observed, Wire,
        "The container answered with another error",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ajp,
    call: |bytes| match bytes {
        [] | [0x12] => Likeness::Unsure,
        [0x12, 0x34, _, _, 2 | 7 | 8 | 10, ..] => Likeness::Like,
        [0x12, 0x34] | [0x12, 0x34, _] | [0x12, 0x34, _, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    },
    reply: |bytes| match bytes {
        [] | [b'A'] | [b'A', b'B'] | [b'A', b'B', _] | [b'A', b'B', _, _] => Likeness::Unsure,
        [b'A', b'B', _, _, 3..=6 | 9, ..] => Likeness::Like,
        _ => Likeness::Unlike,
    },
    begin: || Box::new(Ajp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Packets have at most 65,535 bytes; of a request this much is read.
const PACKET: usize = 12_288;
const FORWARD_REQUEST: u8 = 2;
const PING_REQUEST: u8 = 10;
const SEND_HEADERS: u8 = 4;
const END_RESPONSE: u8 = 5;
const PING_REPLY: u8 = 9;
/// Fields that have a code (0xA001 and on).
const FIELDS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-type",
    "content-length",
    "cookie",
    "cookie2",
    "host",
    "pragma",
    "referer",
    "user-agent",
];
/// Methods that have a code (1 and on).
const METHODS: &[&str] = &["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"];

static ANSWERS: Answers = answers!();

/// One flow.
#[derive(Default, Debug)]
struct Ajp {
    /// A request without an answer.
    request: Option<Relayed>,
    pinged: bool,
    told: Told,
}

/// A string: its length, its bytes and a zero; nothing for the length 0xFFFF.
fn string<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match u16::from_be_bytes(cursor.array()?) {
        0xffff => Some(&[]),
        length => {
            let found = cursor.take(usize::from(length))?;
            cursor.byte()?;
            Some(found)
        }
    }
}

fn user(name: &[u8]) -> Shown {
    let principal = Some(Principal::bounded(PrincipalKind::User, name));
    Shown::Offers { proof: Proof::Claim, scope: Scope::Request, principal, credential: None }
}

impl Ajp {
    /// A forwarded request, after its code.
    fn forward(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(body);
        let method = usize::from(cursor.byte()?).checked_sub(1).and_then(|at| METHODS.get(at)).copied();
        string(&mut cursor)?;
        let target = String::from_utf8_lossy(string(&mut cursor)?).into_owned();
        for _ in 0..3 {
            string(&mut cursor)?;
        }
        cursor.take(3)?;
        let count = u16::from_be_bytes(cursor.array()?);
        let mut fields = Vec::new();
        for _ in 0..count {
            let coded = cursor.0.first() == Some(&0xa0);
            let name = if coded {
                let [_, code] = cursor.array()?;
                let known = usize::from(code).checked_sub(1).and_then(|at| FIELDS.get(at)).copied();
                known.unwrap_or_default()
            } else {
                std::str::from_utf8(string(&mut cursor)?).unwrap_or_default()
            };
            fields.push(httparse::Header { name, value: string(&mut cursor)? });
        }
        let mut proved = false;
        let mut offers = http_credential::offers(&target, &fields, notes);
        // The attributes' end is missing in a packet that was cut.
        while let Some(kind) = cursor.byte() {
            match kind {
                0xff => break,
                3 => offers.push((&NAMED, user(string(&mut cursor)?))),
                0x0a => {
                    string(&mut cursor)?;
                    string(&mut cursor)?;
                }
                0x0b => {
                    cursor.take(2)?;
                }
                0x0c => {
                    let secret = string(&mut cursor)?;
                    let credential =
                        Credential::clear(CredentialKind::Password, notes.fingerprint("password", secret));
                    let (proof, scope) = (Proof::Secret, Scope::Request);
                    offers.push((
                        &SECRET,
                        Shown::Offers { proof, scope, principal: None, credential: Some(credential) },
                    ));
                }
                _ => {
                    string(&mut cursor)?;
                }
            }
        }
        for (rule, shown) in offers {
            proved |= matches!(&shown, Shown::Offers { proof, .. } if *proof != Proof::Claim);
            self.told.once(rule, shown, notes);
        }
        let public = method.is_some_and(|method| is_public(method, &target));
        let operation = if public { Operation::Public } else { Operation::Service };
        self.request = Some(Relayed { operation, proved });
        Some(())
    }
}

impl Dissector for Ajp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && self.request.is_none() && !self.pinged {
            return Next::More;
        }
        let Some(([a, b, high, low], rest)) = input.bytes().split_first_chunk::<4>() else {
            return Next::More;
        };
        let magic: &[u8] = if from == Role::Originator { b"\x12\x34" } else { b"AB" };
        if [*a, *b] != magic {
            return Next::Lost(Hidden::Unsupported);
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(code) = rest.first().copied().filter(|_| length > 0) else {
            if length == 0 {
                input.read(4);
            }
            return Next::More;
        };
        let looked_at = match (from, code) {
            // What follows a request until it is answered is its body.
            (Role::Originator, FORWARD_REQUEST) if self.request.is_none() => length.min(PACKET),
            (Role::Responder, SEND_HEADERS) => 3,
            _ => 1,
        };
        let Some(body) = rest.get(1..looked_at) else { return Next::More };
        match (from, code) {
            (Role::Originator, _) if self.request.is_some() => {}
            (Role::Originator, FORWARD_REQUEST) if self.forward(body, notes).is_none() => {
                return Next::Lost(Hidden::Unsupported);
            }
            (Role::Originator, PING_REQUEST) => self.pinged = true,
            (Role::Responder, PING_REPLY) => {
                self.told.once(&PING, Shown::Serves { operation: Operation::Public }, notes);
            }
            (Role::Responder, SEND_HEADERS) => {
                let status = u16::from_be_bytes(body.first_chunk::<2>().copied().unwrap_or_default());
                if let Some(request) = self.request {
                    request.answered(status, &ANSWERS, &mut self.told, notes);
                }
            }
            (Role::Responder, END_RESPONSE) => self.request = None,
            _ => {}
        }
        input.skip((length as u64).saturating_add(4));
        Next::More
    }
}
