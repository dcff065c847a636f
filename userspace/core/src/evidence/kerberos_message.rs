//! Kerberos messages between a caller and a key distribution centre, in the few words that decide.
//!
//! Own code and not a parser library's: of a ticket's long messages only the first bytes are kept. Sources: RFC 4120
//! section 5 (messages) and 7.5.2 (pre-authentication types), RFC 4556 section 3.2 (PKINIT), RFC 6113 section 5.4 (FAST
//! and encrypted challenge), RFC 8062 section 4 (anonymous), RFC 9588 section 4.2 (SPAKE).

use super::ber::{self, Found, Started};
use super::dissector::Likeness;

/// First bytes of a message that are looked at; what decides stands there, and tickets with many groups are long.
pub(super) const LOOKED: usize = 2048;

/// What a request carries that its caller alone could make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carried {
    /// A time, encrypted under the caller's long-term key; or the answer to a challenge under it.
    Timestamp,
    /// A signature by the key of a certificate.
    Certificate,
    /// A ticket and an authenticator under its session key, as armour of what cannot be read.
    Armour,
    /// A ticket and an authenticator under its session key.
    Ticket,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Message {
    /// AS-REQ, TGS-REQ.
    Asks { ticket_granting: bool, carried: Option<Carried>, anonymous: bool, name: Vec<u8> },
    /// AS-REP, TGS-REP.
    Grants { ticket_granting: bool, name: Vec<u8> },
    /// KRB-ERROR.
    Fails { code: i64 },
}

/// Application tags (RFC 4120 section 5.10).
const AS_REQ: u8 = 0x6a;
const AS_REP: u8 = 0x6b;
const TGS_REQ: u8 = 0x6c;
const TGS_REP: u8 = 0x6d;
/// Also read where a password is changed.
pub(super) const AP_REQ: u8 = 0x6e;
pub(super) const ERROR: u8 = 0x7e;

/// Compares with an application tag around one SEQUENCE; `length` is how long the message is, where that is known.
pub(super) fn likeness(bytes: &[u8], tags: &[u8], length: Option<usize>) -> Likeness {
    if bytes.first().is_some_and(|tag| !tags.contains(tag)) {
        return Likeness::Unlike;
    }
    let outer = match ber::head(bytes) {
        Found::More => return Likeness::Unsure,
        Found::Broken => return Likeness::Unlike,
        Found::Head(head) => head,
    };
    if length.is_some_and(|length| outer.head.saturating_add(outer.length) != length) {
        return Likeness::Unlike;
    }
    let inner = bytes.get(outer.head..).unwrap_or_default();
    if inner.first().is_some_and(|tag| *tag != 0x30) {
        return Likeness::Unlike;
    }
    match ber::head(inner) {
        Found::More => Likeness::Unsure,
        Found::Head(head) if head.head.saturating_add(head.length) == outer.length => Likeness::Like,
        Found::Head(_) | Found::Broken => Likeness::Unlike,
    }
}

/// Compares with what a caller may send.
pub(super) fn call(bytes: &[u8], length: Option<usize>) -> Likeness {
    likeness(bytes, &[AS_REQ, TGS_REQ], length)
}

/// Compares with what a key distribution centre may answer.
pub(super) fn reply(bytes: &[u8], length: Option<usize>) -> Likeness {
    likeness(bytes, &[AS_REP, TGS_REP, ERROR], length)
}

/// Reads a message of which at least the first [`LOOKED`] bytes are there, or all of it.
pub(super) fn read(bytes: &[u8]) -> Option<Message> {
    let bytes = bytes.get(..bytes.len().min(LOOKED)).unwrap_or_default();
    let (tag, content) = Started(bytes).next()?;
    let (0x30, fields) = Started(content).next()? else { return None };
    match tag {
        AS_REQ | TGS_REQ => request(tag == TGS_REQ, fields),
        AS_REP | TGS_REP => {
            let ticket_granting = tag == TGS_REP;
            let kind = if ticket_granting { 13 } else { 11 };
            (number(fields, 0xa0)? == 5 && number(fields, 0xa1)? == kind).then(|| Message::Grants {
                ticket_granting,
                name: name(field(fields, 0xa4), field(fields, 0xa3)),
            })
        }
        ERROR if number(fields, 0xa0)? == 5 && number(fields, 0xa1)? == 30 => {
            Some(Message::Fails { code: number(fields, 0xa6)? })
        }
        _ => None,
    }
}

/// KDC-REQ (RFC 4120 section 5.4.1).
fn request(ticket_granting: bool, fields: &[u8]) -> Option<Message> {
    let kind = if ticket_granting { 12 } else { 10 };
    if number(fields, 0xa1)? != 5 || number(fields, 0xa2)? != kind {
        return None;
    }
    let list = field(fields, 0xa3).and_then(|list| Started(list).next());
    let carried = list.and_then(|(_, list)| {
        let each = Started(list).filter_map(|(_, one)| {
            let value = Started(field(one, 0xa2)?).next().map_or(&[][..], |(_, value)| value);
            carried(ticket_granting, number(one, 0xa1)?, value)
        });
        // Of several the one that says most of its caller: a list may carry one proof in two forms.
        each.min_by_key(|carried| *carried as u8)
    });
    let body = field(fields, 0xa4).and_then(|body| Started(body).next()).map_or(&[][..], |(_, body)| body);
    let caller = field(body, 0xa1);
    Some(Message::Asks {
        ticket_granting,
        carried,
        // Behind armour the name itself may be hidden (RFC 6113 section 5.4.2).
        anonymous: carried != Some(Carried::Armour) && name(caller, None) == b"WELLKNOWN/ANONYMOUS",
        name: name(caller, field(body, 0xa2)),
    })
}

/// What one piece of pre-authentication is (RFC 4120 section 7.5.2 and the registry it began).
fn carried(ticket_granting: bool, kind: i64, value: &[u8]) -> Option<Carried> {
    let first = value.first().copied()?;
    match (ticket_granting, kind) {
        (true, 1) if first == AP_REQ => Some(Carried::Ticket),
        // PA-ENC-TIMESTAMP, PA-ENCRYPTED-CHALLENGE: EncryptedData.
        (false, 2 | 138) if first == 0x30 => Some(Carried::Timestamp),
        // PA-SPAKE's response; its other messages prove nothing.
        (false, 151) if first == 0xa2 => Some(Carried::Timestamp),
        // PA-PK-AS-REQ and its forms before the standard: a signed message.
        (false, 14..=17) if value.len() >= 64 => Some(Carried::Certificate),
        // PA-FX-FAST: armoured data, with the armour's ticket in it.
        (false, 136) if armour(value) => Some(Carried::Armour),
        _ => None,
    }
}

/// KrbFastArmoredReq { [0] KrbFastArmor { [0] type 1, [1] AP-REQ }, ... } (RFC 6113 section 5.4.2).
fn armour(value: &[u8]) -> bool {
    let Some((0xa0, choice)) = Started(value).next() else { return false };
    let Some((0x30, request)) = Started(choice).next() else { return false };
    let armour = field(request, 0xa0).and_then(|armour| Started(armour).next());
    let Some((0x30, armour)) = armour else { return false };
    let octets = field(armour, 0xa1).and_then(|value| Started(value).next());
    number(armour, 0xa0) == Some(1)
        && matches!(octets, Some((0x04, ticket)) if ticket.first() == Some(&AP_REQ))
}

/// The content of a SEQUENCE's field with this context tag.
fn field(fields: &[u8], tag: u8) -> Option<&[u8]> {
    Started(fields).find(|(found, _)| *found == tag).map(|(_, content)| content)
}

fn number(fields: &[u8], tag: u8) -> Option<i64> {
    match Started(field(fields, tag)?).next() {
        Some((0x02, content)) => ber::integer(content),
        Some(_) | None => None,
    }
}

/// PrincipalName and Realm as they are written: `first/second@REALM`; empty where there is none.
fn name(principal: Option<&[u8]>, realm: Option<&[u8]>) -> Vec<u8> {
    let Some((0x30, principal)) = principal.and_then(|it| Started(it).next()) else { return Vec::new() };
    let Some((0x30, parts)) = field(principal, 0xa1).and_then(|it| Started(it).next()) else {
        return Vec::new();
    };
    let mut name = Started(parts).map(|(_, part)| part).collect::<Vec<_>>().join(&b'/');
    if let Some((0x1b, realm)) = realm.and_then(|it| Started(it).next()) {
        name.push(b'@');
        name.extend_from_slice(realm);
    }
    name
}
