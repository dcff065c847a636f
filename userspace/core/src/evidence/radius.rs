//! RADIUS: what access servers and users prove, and what the server decided.
//!
//! Sources: RFC 2865 sections 3 to 5 (packets, User-Password, CHAP-Password), RFC 2866 section 3 (accounting's keyed
//! authenticator), RFC 2548 section 2 (MS-CHAP), RFC 3579 section 3 (EAP-Message, Message-Authenticator), RFC 5090
//! section 3 (Digest), RFC 5176 section 2 (changes of authorization), RFC 5997 (Status-Server).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::told::Told;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "radius.password-sent", v 1, Observed, Wire,
        "The request carries a user's password, hidden under the secret that caller and receiver share",
        "The password and the secret are not visible";
    CHALLENGE = "radius.challenge-answered", v 1, Observed, Wire,
        "The request carries a user's answer to a challenge (CHAP, MS-CHAP, Digest)",
        "Without a Message-Authenticator nothing proves that the caller holds the shared secret";
    EAP = "radius.eap-sent", v 1, Observed, Wire,
        "The request carries a step of EAP, and a digest under the shared secret",
        "What the user proves inside EAP is not read";
    KEYED = "radius.keyed-request-sent", v 1, Observed, Wire,
        "The request carries a digest made with the shared secret",
        "Nothing in it proves who the user is; a digest's presence alone does not show that it is checked";
    CLAIMED = "radius.name-claimed", v 1, Observed, Wire,
        "The request names a user and carries no proof",
        "Not whether the receiver knows the caller by its address";
    CHALLENGED = "radius.challenged", v 1, Observed, Wire,
        "The receiver asked for a further proof (Access-Challenge)",
        "Not whether it asks the same of every name";
    ACCEPTED = "radius.access-accepted", v 1, Observed, Wire,
        "The receiver accepted the user (Access-Accept)",
        "Not whether it would have accepted any answer";
    TAKEN = "radius.request-acknowledged", v 1, Observed, Wire,
        "The receiver acknowledged a record or a change; it drops what is not made with the shared secret",
        "Not what it did with it";
    SERVED = "radius.request-served", v 1, Observed, Wire,
        "The receiver did what it was asked",
        "Not whether it would do the same for others";
    STATUS = "radius.status-told", v 1, Observed, Wire,
        "The receiver said that it is there",
        "Nothing was decided about anyone";
    REJECTED = "radius.access-rejected", v 1, Observed, Wire,
        "The receiver rejected the user (Access-Reject)",
        "A rejection does not say whether the proof was wrong or policy forbids";
    FAILED = "radius.request-refused", v 1, Observed, Wire,
        "The receiver refused a change",
        "Not whether because of who asked";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Radius,
    call: |datagram| Packet::read(datagram).is_some_and(|it| it.is_call()),
    reply: |datagram| Packet::read(datagram).is_some_and(|it| it.is_reply()),
    unanswered: |_| false,
    begin: || Box::new(Radius::default()),
    rules: RULES,
};

/// Bytes of a packet before its attributes; its longest is 4096 (RFC 2865 section 3).
const HEADER: usize = 20;
const LONGEST: u64 = 4096;
/// Most requests that wait for their answer: identifiers are one byte.
const UNANSWERED: usize = 256;
/// Vendor id of MS-CHAP's attributes (RFC 2548 section 2).
const MICROSOFT: [u8; 4] = 311_u32.to_be_bytes();

/// Codes.
const ACCESS_REQUEST: u8 = 1;
const ACCESS_ACCEPT: u8 = 2;
const ACCESS_REJECT: u8 = 3;
const ACCOUNTING_REQUEST: u8 = 4;
const ACCOUNTING_RESPONSE: u8 = 5;
const ACCESS_CHALLENGE: u8 = 11;
const STATUS_SERVER: u8 = 12;
const DISCONNECT_REQUEST: u8 = 40;
const DISCONNECT_ACK: u8 = 41;
const DISCONNECT_NAK: u8 = 42;
const CHANGE_REQUEST: u8 = 43;
const CHANGE_ACK: u8 = 44;
const CHANGE_NAK: u8 = 45;

/// One packet in the few words that decide.
struct Packet<'a> {
    code: u8,
    identifier: u8,
    attributes: u32,
    name: &'a [u8],
    password: bool,
    challenge: bool,
    eap: bool,
    digest: bool,
}

impl<'a> Packet<'a> {
    /// Code, identifier, length, authenticator, and attributes that fill it to the byte.
    fn read(datagram: &Datagram<'a>) -> Option<Self> {
        let mut cursor = Cursor(datagram.bytes);
        let [code, identifier] = cursor.array()?;
        let length = u64::from(u16::from_be_bytes(cursor.array()?));
        let _authenticator = cursor.take(16)?;
        if length != datagram.length || !(HEADER as u64..=LONGEST).contains(&length) {
            return None;
        }
        let cut = (datagram.bytes.len() as u64) < length;
        let mut packet = Self {
            code,
            identifier,
            attributes: 0,
            name: &[],
            password: false,
            challenge: false,
            eap: false,
            digest: false,
        };
        while !cursor.0.is_empty() {
            let mut attribute = cursor;
            let (Some(kind), Some(size)) = (attribute.byte(), attribute.byte()) else {
                return if cut { Some(packet) } else { None };
            };
            let size = usize::from(size).checked_sub(2)?;
            let Some(value) = attribute.take(size) else { return if cut { Some(packet) } else { None } };
            cursor = attribute;
            packet.attributes = packet.attributes.saturating_add(1);
            match kind {
                1 => packet.name = value,
                2 => packet.password |= size >= 16 && size.is_multiple_of(16),
                3 => packet.challenge |= size == 17,
                // MS-CHAP-Response, MS-CHAP2-Response.
                26 => {
                    packet.challenge |= value.starts_with(&MICROSOFT) && matches!(value.get(4), Some(1 | 25))
                }
                79 => packet.eap = true,
                80 => packet.digest |= size == 16,
                // Digest-Response.
                103 => packet.challenge = true,
                _ => {}
            }
        }
        Some(packet)
    }

    fn is_call(&self) -> bool {
        match self.code {
            ACCESS_REQUEST | ACCOUNTING_REQUEST | DISCONNECT_REQUEST | CHANGE_REQUEST => self.attributes > 0,
            STATUS_SERVER => self.digest,
            _ => false,
        }
    }

    fn is_reply(&self) -> bool {
        matches!(
            self.code,
            ACCESS_ACCEPT
                | ACCESS_REJECT
                | ACCOUNTING_RESPONSE
                | ACCESS_CHALLENGE
                | DISCONNECT_ACK
                | DISCONNECT_NAK
                | CHANGE_ACK
                | CHANGE_NAK
        )
    }

    /// What a request presents. The authenticator of every request but Access-Request is a digest itself.
    fn offer(&self) -> Option<(&'static Rule, Shown)> {
        let (rule, proof): (&'static Rule, _) = match self.code {
            STATUS_SERVER => return None,
            ACCESS_REQUEST if self.password => (&PASSWORD, Proof::Secret),
            ACCESS_REQUEST if self.challenge => (&CHALLENGE, Proof::Secret),
            ACCESS_REQUEST if self.eap && self.digest => (&EAP, Proof::Secret),
            ACCESS_REQUEST if self.digest => (&KEYED, Proof::Secret),
            ACCESS_REQUEST => (&CLAIMED, Proof::Claim),
            _ => (&KEYED, Proof::Secret),
        };
        let secret = proof == Proof::Secret;
        let credential = secret.then_some(Credential::of(CredentialKind::Password));
        let named = !self.name.is_empty();
        let principal = named.then(|| Principal::bounded(PrincipalKind::User, self.name));
        Some((rule, Shown::Offers { proof, scope: Scope::Request, principal, credential }))
    }
}

/// A request that was not answered yet: its identifier, and what it presents.
type Asked = (u8, Option<(&'static Rule, Shown)>);

/// One flow; every request stands for itself.
#[derive(Default, Debug)]
struct Radius {
    unanswered: Vec<Asked>,
    told: Told,
}

impl Radius {
    fn answer(&mut self, packet: &Packet<'_>, notes: &mut Notes<'_>) {
        // Identifiers come again: the request that was sent last is meant.
        let at = self.unanswered.iter().rposition(|(identifier, _)| *identifier == packet.identifier);
        let Some(at) = at else { return };
        let (_, offer) = self.unanswered.remove(at);
        if packet.code == ACCESS_CHALLENGE {
            return self.told.once(&CHALLENGED, Shown::Demands { proof: Proof::Secret }, notes);
        }
        let Some((rule, shown)) = offer else {
            return self.told.once(&STATUS, Shown::Serves { operation: Operation::Public }, notes);
        };
        let proved = matches!(&shown, Shown::Offers { proof: Proof::Secret, .. });
        notes.say(rule, shown);
        match packet.code {
            ACCESS_ACCEPT | ACCOUNTING_RESPONSE | DISCONNECT_ACK | CHANGE_ACK => {
                if proved {
                    let rule = if packet.code == ACCESS_ACCEPT { &ACCEPTED } else { &TAKEN };
                    notes.say(rule, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            }
            ACCESS_REJECT if proved => notes.say(&REJECTED, Shown::Refuses { why: Refusal::ProofWrong }),
            ACCESS_REJECT => notes.say(&REJECTED, Shown::Refuses { why: Refusal::Other }),
            _ => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
        }
    }
}

impl DatagramDissector for Radius {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        match (from, Packet::read(datagram)) {
            (Role::Originator, Some(packet)) if packet.is_call() => {
                let asked = (packet.identifier, packet.offer());
                if !self.unanswered.contains(&asked) {
                    if self.unanswered.len() >= UNANSWERED {
                        self.unanswered.remove(0);
                    }
                    self.unanswered.push(asked);
                }
            }
            (Role::Responder, Some(packet)) if packet.is_reply() => self.answer(&packet, notes),
            (Role::Originator | Role::Responder, _) => return Next::Lost(Hidden::Unsupported),
        }
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        for (rule, shown) in self.unanswered.drain(..).filter_map(|(_, offer)| offer) {
            self.told.once(rule, shown, notes);
        }
    }
}
