//! TDS logins and the tokens that answer them.
//!
//! Sources: MS-TDS 2.2.6.4 (LOGIN7), 2.2.6.5 (PRELOGIN), 2.2.7 (tokens); TDS 5.0 Functional Specification, "Login record".

use zeroize::Zeroizing;

use super::dissector::Notes;
use super::gss_token::{self, Presented};
use super::tds_rules as rule;
use super::{Credential, CredentialKind, Principal, PrincipalKind, Rule, Scope, Shown, sasl, token};

/// What a login presents, under its rule.
pub(crate) type Offer = (&'static Rule, Shown);

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

/// The value of one option of a PRELOGIN message: kind, offset and length each, big-endian, up to 0xff.
pub(crate) fn option(message: &[u8], wanted: u8) -> Option<u8> {
    let mut options = message;
    while let [kind, high, low, rest @ ..] = options {
        if *kind == 0xff {
            return None;
        }
        if *kind == wanted {
            return message.get(usize::from(u16::from_be_bytes([*high, *low]))).copied();
        }
        options = rest.get(2..)?;
    }
    None
}

/// What a token of the security provider presents.
pub(crate) fn token_offer(token: &[u8]) -> Option<Offer> {
    let presented = gss_token::presented(token)?;
    let rule: &'static Rule = match presented {
        Presented::Nobody => &rule::CLAIMED,
        Presented::Answer { .. } => &rule::ANSWERED,
        Presented::Ticket => &rule::TICKET,
    };
    Some((rule, presented.offer()))
}

fn password_offer(name: &[u8], password: &[u8], notes: &Notes<'_>) -> Offer {
    if password.is_empty() {
        return (&rule::CLAIMED, sasl::name_offer(name));
    }
    sasl::password_offer(&rule::PASSWORD, name, password, notes)
}

/// What a bearer in UTF-16 presents.
pub(crate) fn bearer_offer(text: &[u8], notes: &Notes<'_>) -> Option<Offer> {
    let text = Zeroizing::new(gss_token::utf16(text));
    let sent = token::bearer(text.as_bytes(), notes)?;
    Some((
        &rule::BEARER,
        Shown::Offers {
            proof: sent.proof,
            scope: Scope::Connection,
            principal: sent.principal,
            credential: Some(sent.credential),
        },
    ))
}

/// What a LOGIN7 message presents; `None` when that comes later, or is not known.
pub(crate) fn login_7(message: &[u8], notes: &Notes<'_>) -> Option<Offer> {
    // Offsets count from the message's start; texts count characters, tokens bytes.
    let part = |field: usize, unit: usize| {
        let (start, count) = (u16_at(message, field)?, u16_at(message, field.checked_add(2)?)?);
        message.get(start..start.checked_add(count.checked_mul(unit)?)?)
    };
    if message.get(25)? & 0x80 != 0 {
        return token_offer(part(78, 1)?);
    }
    if message.get(27)? & 0x10 != 0
        && let Some(offer) = federated(message, u16_at(message, 56)?, notes)
    {
        return offer;
    }
    let name = gss_token::utf16(part(40, 2)?);
    let plain: Zeroizing<Vec<u8>> =
        Zeroizing::new(part(44, 2)?.iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect());
    let password = Zeroizing::new(gss_token::utf16(&plain));
    Some(password_offer(name.as_bytes(), password.as_bytes(), notes))
}

/// The federated authentication among a login's extensions: its token, or `Some(None)` when that comes later.
fn federated(message: &[u8], field: usize, notes: &Notes<'_>) -> Option<Option<Offer>> {
    let mut extensions = message.get(u32_at(message, field)?..)?;
    loop {
        let (kind, rest) = extensions.split_first()?;
        if *kind == 0xff {
            return None;
        }
        let length = u32_at(rest, 0)?;
        let content = rest.get(4..length.checked_add(4)?)?;
        if *kind == 2 {
            // Library 1 sends the token itself.
            if content.first()? >> 1 != 1 {
                return Some(None);
            }
            let end = u32_at(content, 1)?.checked_add(5)?;
            return Some(content.get(5..end).and_then(|text| bearer_offer(text, notes)));
        }
        extensions = rest.get(length.checked_add(4)?..)?;
    }
}

/// The login record of TDS 4 and 5: fields of 30 bytes, each with its length behind it.
pub(crate) struct Record {
    pub(crate) offer: Offer,
    /// Byte order of the numbers that answer it.
    pub(crate) little: bool,
}

pub(crate) fn record(message: &[u8], notes: &Notes<'_>) -> Option<Record> {
    let text = |start: usize| {
        let length = usize::from(*message.get(start.checked_add(30)?)?).min(30);
        message.get(start..start.checked_add(length)?)
    };
    let offer = password_offer(text(31)?, text(62)?, notes);
    // `lint2`: 2 is most significant byte first, 3 the other way.
    Some(Record { offer, little: *message.get(124)? != 2 })
}

/// A name without proof, where a password follows encrypted: what stands for it once it came.
pub(crate) fn encrypted(name: Option<Principal>) -> Offer {
    let credential = Credential::of(CredentialKind::Password);
    let principal = name.filter(|name| name.kind == PrincipalKind::User);
    let shown = Shown::secret(Scope::Connection, principal, credential);
    (&rule::ANSWERED, shown)
}

/// What the tokens of an answer to a login say.
#[derive(Default, Debug)]
pub(crate) struct Answer {
    /// LOGINACK's first byte; of TDS 5 5 succeeds, 6 fails, 7 negotiates.
    pub(crate) acknowledged: Option<u8>,
    /// Numbers of the errors.
    pub(crate) errors: Vec<u32>,
    /// A challenge of the security provider, or any token of it.
    pub(crate) challenge: bool,
    /// The message can end the login: DONE was there.
    pub(crate) done: bool,
}

/// Most errors that are looked at.
const ERRORS: usize = 8;

/// Reads tokens for as long as they are known.
pub(crate) fn answer(mut tokens: &[u8], little: bool) -> Answer {
    let mut answer = Answer::default();
    let number = |bytes: &[u8]| {
        bytes
            .first_chunk()
            .map(|bytes| if little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) })
    };
    while let Some((kind, rest)) = tokens.split_first() {
        let (head, length) = match kind {
            // CAPABILITY, ENVCHANGE, EED, ERROR, INFO, LOGINACK, ORDERBY, SSPI, PARAMFMT.
            0xe2 | 0xe3 | 0xe5 | 0xaa | 0xab | 0xad | 0xa9 | 0xed | 0xec => {
                let Some(length) = number(rest) else { break };
                (2, usize::from(length))
            }
            // MSG.
            0x65 => (1, usize::from(rest.first().copied().unwrap_or(0))),
            // FEDAUTHINFO.
            0xee => (4, u32_at(rest, 0).unwrap_or(usize::MAX)),
            // DONE, DONEPROC, DONEINPROC: nothing of interest follows.
            0xfd..=0xff => {
                answer.done = true;
                break;
            }
            _ => break,
        };
        let Some(content) = rest.get(head..length.saturating_add(head)) else { break };
        match kind {
            0xad => answer.acknowledged = content.first().copied(),
            0xed | 0xee | 0x65 => answer.challenge = true,
            0xaa | 0xe5 => {
                let number = content.first_chunk::<4>().map(|bytes| {
                    if little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) }
                });
                // EED also carries news, of severity up to 10 (its sixth byte).
                let severe = *kind == 0xaa || content.get(5).is_some_and(|class| *class > 10);
                if answer.errors.len() < ERRORS && severe {
                    answer.errors.extend(number);
                }
            }
            _ => {}
        }
        tokens = rest.get(length.saturating_add(head)..).unwrap_or_default();
    }
    answer
}
