//! BGP-4: a session between routers that know each other by address and number.
//!
//! Sources: RFC 4271 (4.1 header, 4.2 OPEN, 4.4 KEEPALIVE, 4.5 NOTIFICATION, 6.2 OPEN errors), RFC 4486 (Cease
//! subcodes), RFC 2385 and RFC 5925 (signed segments, of which TCP itself tells, not BGP).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    CLAIMED = "bgp.number-claimed", v 1, Observed, Wire,
        "The caller named its autonomous system in OPEN",
        "Nothing in BGP proves it; segments may be signed by TCP";
    OPENED = "bgp.session-opened", v 1, Observed, Wire,
        "The receiver took the caller's OPEN (KEEPALIVE)",
        "Whether it looked at the caller's address, as routers do, or at the distance in hops";
    NOT_ALLOWED = "bgp.number-refused", v 1, Observed, Wire,
        "The receiver refused the autonomous system that the caller named (Bad Peer AS)",
        "Not which one it expected";
    WRONG = "bgp.authentication-failed", v 1, Observed, Wire,
        "The receiver refused the caller's authentication parameter (RFC 1771)",
        "The parameter is not looked at";
    PLACE = "bgp.connection-rejected", v 1, Observed, Wire,
        "The receiver does not want a session with this peer (Connection Rejected, Peer De-configured)",
        "Whether another caller from the same address would be served";
    REFUSED = "bgp.notification", v 1, Observed, Wire,
        "The receiver ended the session with a NOTIFICATION for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Bgp,
    call: |bytes| likeness(bytes, &[OPEN]),
    reply: |bytes| likeness(bytes, &[OPEN, NOTIFICATION]),
    begin: || Box::new(Bgp::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Types of message.
const OPEN: u8 = 1;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
/// Marker, length, type.
const HEADER: usize = 19;
const MARKER: [u8; 16] = [0xff; 16];

fn likeness(bytes: &[u8], types: &[u8]) -> Likeness {
    match Likeness::starts_with(bytes, &MARKER) {
        Likeness::Like => {}
        other @ (Likeness::Unlike | Likeness::Unsure) => return other,
    }
    match bytes.get(MARKER.len()..).unwrap_or_default() {
        [0..=16, _, kind, ..] if types.contains(kind) => Likeness::Like,
        [] | [0..=16] | [0..=16, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Bgp {
    asked: bool,
    answered: bool,
}

/// What is looked at: type and the first bytes of the body; how long the message is.
fn message(bytes: &[u8]) -> Option<Result<(u8, Cursor<'_>, u64), Next>> {
    let mut cursor = Cursor(bytes.get(..HEADER)?);
    let (marker, length, kind) = (cursor.array::<16>()?, u16::from_be_bytes(cursor.array()?), cursor.byte()?);
    if marker != MARKER || usize::from(length) < HEADER {
        return Some(Err(Next::Lost(Hidden::Unsupported)));
    }
    let end = usize::from(length).min(HEADER.saturating_add(10));
    let body = bytes.get(HEADER..end)?;
    Some(Ok((kind, Cursor(body), u64::from(length))))
}

/// OPEN: version, autonomous system, hold time, identifier.
fn claim(body: &mut Cursor<'_>) -> Option<Shown> {
    body.byte().filter(|version| *version == 4)?;
    let number = u16::from_be_bytes(body.array()?);
    body.array::<2>()?;
    let [a, b, c, d] = body.array()?;
    let name = format!("AS{number} {a}.{b}.{c}.{d}");
    Some(Shown::Offers {
        proof: Proof::Claim,
        // What TCP proved for the connection stands beside it.
        scope: Scope::Request,
        principal: Some(Principal::bounded(PrincipalKind::User, name.as_bytes())),
        credential: None,
    })
}

impl Dissector for Bgp {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.asked {
            return Next::More;
        }
        let (kind, mut body, length) = match message(input.bytes()) {
            None => return Next::More,
            Some(Err(next)) => return next,
            Some(Ok(found)) => found,
        };
        let next = match (from, kind) {
            // A session that the caller itself ends was never open.
            (Role::Originator, NOTIFICATION) if self.asked => Next::Settled,
            (Role::Originator, _) if self.asked => Next::More,
            (Role::Originator, OPEN) => match claim(&mut body) {
                Some(claim) => {
                    self.asked = true;
                    notes.say(&CLAIMED, claim);
                    Next::More
                }
                None => Next::Lost(Hidden::Unsupported),
            },
            (Role::Responder, OPEN) => {
                self.answered = true;
                Next::More
            }
            (Role::Responder, KEEPALIVE) if self.answered => {
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            (Role::Responder, NOTIFICATION) => {
                let (rule, why): (&'static Rule, Refusal) = match (body.byte(), body.byte()) {
                    (Some(2), Some(2)) => (&NOT_ALLOWED, Refusal::NotAllowed),
                    (Some(2), Some(5)) => (&WRONG, Refusal::ProofWrong),
                    (Some(6), Some(3 | 5)) => (&PLACE, Refusal::Place),
                    _ => (&REFUSED, Refusal::Other),
                };
                notes.say(rule, Shown::Refuses { why });
                Next::Settled
            }
            _ => Next::Lost(Hidden::Unsupported),
        };
        input.skip(length);
        next
    }
}
