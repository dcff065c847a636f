//! HTTP answers: what a status code and its fields say about the request.
//!
//! Sources: RFC 9110 sections 11 (authentication) and 15 (status codes), RFC 4559 section 4 (legs of Negotiate).

use super::dissector::Notes;
use super::http_application::{self, Asked};
use super::http_credential::Offer;
use super::http_request::Exchange;
use super::http_rules::{
    CERTIFICATE_MISSING, DEMANDED, EXPIRED, FAILED, FORBIDDEN, FORBIDDEN_TO_ALL, LOGIN, NOT_FOUND, SERVED,
    SERVED_PUBLIC, SERVED_WITH_BODY, TUNNEL, WRONG,
};
use super::token;
use super::{Hidden, Operation, Proof, Refusal, Rule, Shown};

/// Different exchanges of a flow that are reported, whatever they ask for, and by what they ask for.
const DIFFERENT: usize = 32;
const BY_OPERATION: usize = 64;

/// The exchanges of a flow that were reported, so that a thousand equal ones are reported once.
#[derive(Default, Debug)]
pub(crate) struct Reported {
    /// Whatever they were about.
    shown: Vec<Vec<Offer>>,
    /// By operation.
    by_operation: Vec<Vec<Offer>>,
    asked: Vec<Asked>,
}

impl Reported {
    /// Says what an exchange shows unless an equal one was said.
    pub(crate) fn say(&mut self, shown: Vec<Offer>, notes: &mut Notes<'_>) {
        let about = |(_, shown): &&Offer| !matches!(shown, Shown::Asks { .. });
        let bare: Vec<Offer> = shown.iter().filter(about).cloned().collect();
        let (known, named) = (self.shown.contains(&bare), bare.len() < shown.len());
        let room = if known {
            named && self.by_operation.len() < BY_OPERATION
        } else {
            self.shown.len() < DIFFERENT
        };
        if bare.is_empty() || !room || self.by_operation.contains(&shown) {
            return;
        }
        for (rule, shown) in &shown {
            notes.say(rule, shown.clone());
        }
        if !known {
            self.shown.push(bare);
        }
        if named {
            self.by_operation.push(shown);
        }
    }

    /// Says what was asked for unless the same was said.
    pub(crate) fn asks(&mut self, asked: Option<Asked>, notes: &mut Notes<'_>) {
        if let Some(asked) = asked
            && self.asked.len() < DIFFERENT
            && !self.asked.contains(&asked)
        {
            self.asked.push(asked.clone());
            let (rule, shown) = http_application::shown(asked);
            notes.say(rule, shown);
        }
    }
}

/// The weakest proof that the receiver's challenges would take, so that more is never claimed.
fn challenge(fields: &[httparse::Header<'_>]) -> Proof {
    let mut weakest: Option<Proof> = None;
    for field in challenges(fields) {
        let scheme =
            field.split(|byte| matches!(byte, b' ' | b',')).next().unwrap_or_default().to_ascii_lowercase();
        let proof = match scheme.as_slice() {
            b"negotiate" if carries_ntlm(field) => Proof::Secret,
            b"negotiate" | b"kerberos" => Proof::Key,
            b"bearer" | b"dpop" => Proof::Token,
            _ => Proof::Secret,
        };
        weakest = Some(weakest.map_or(proof, |known| known.min(proof)));
    }
    weakest.unwrap_or(Proof::Secret)
}

fn upgrades<'a>(fields: &'a [httparse::Header<'_>]) -> impl Iterator<Item = &'a [u8]> {
    let named = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("upgrade"));
    named.map(|field| field.value.trim_ascii())
}

fn challenges<'a>(fields: &'a [httparse::Header<'_>]) -> impl Iterator<Item = &'a [u8]> {
    let names = ["www-authenticate", "proxy-authenticate"];
    fields
        .iter()
        .filter(move |field| names.iter().any(|name| field.name.eq_ignore_ascii_case(name)))
        .map(|field| field.value.trim_ascii())
}

/// True for a leg of Negotiate in which the receiver chose NTLM.
fn carries_ntlm(field: &[u8]) -> bool {
    let token = field.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default().trim_ascii();
    token::base64(token).is_some_and(|token| token.windows(8).any(|part| part == b"NTLMSSP\0"))
}

/// A further leg of Negotiate or NTLM: the challenge carries a message of its own.
fn is_next_leg(fields: &[httparse::Header<'_>]) -> bool {
    challenges(fields).any(|value| {
        let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let scheme = words.next().unwrap_or_default();
        (scheme.eq_ignore_ascii_case(b"negotiate") || scheme.eq_ignore_ascii_case(b"ntlm"))
            && words.next().is_some()
    })
}

/// RFC 6750 section 3.1: `invalid_token` stands for expired, revoked and malformed ones; only the description may say
/// which.
fn says_expired(fields: &[httparse::Header<'_>]) -> bool {
    challenges(fields).any(|value| {
        let value = value.to_ascii_lowercase();
        let has = |word: &[u8]| value.windows(word.len()).any(|part| part == word);
        value.starts_with(b"bearer") && has(b"invalid_token") && has(b"expired") && !has(b"revoked")
    })
}

fn is_login(fields: &[httparse::Header<'_>]) -> bool {
    let target = fields.iter().find(|field| field.name.eq_ignore_ascii_case("location"));
    let target = String::from_utf8_lossy(target.map_or(&[], |field| field.value)).to_ascii_lowercase();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    ["login", "signin", "sign-in", "logon", "/oauth2/", "/authorize", "/saml", "/sso", "/auth/"]
        .iter()
        .any(|part| path.contains(part))
}

/// nginx and others answer 400 when the certificate they want is missing or wrong.
pub(crate) fn is_about_certificate(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    text.contains("ssl certificate")
        || text.contains("client certificate")
        || text.contains("tls certificate")
}

/// Streams that a request asks for and 101 gives: Docker's attach and exec (`tcp`), Kubernetes' exec (`SPDY/3.1`).
pub(crate) fn is_stream(upgrade: &[u8]) -> bool {
    upgrade.eq_ignore_ascii_case(b"tcp") || upgrade.eq_ignore_ascii_case(b"SPDY/3.1")
}

/// What one exchange shows, in order: what was offered, then how it was answered. `bound` says that the connection
/// carries a proof of an earlier request.
pub(crate) fn judge(
    exchange: &Exchange,
    code: u16,
    fields: &[httparse::Header<'_>],
    names_certificate: bool,
    bound: bool,
) -> Vec<Offer> {
    let mut shown = exchange.shown();
    let offered = bound || !exchange.offers.is_empty();
    let refusal = if offered { Refusal::ProofWrong } else { Refusal::ProofMissing };
    let served = if exchange.public { Operation::Public } else { Operation::Service };
    let serves = Shown::Serves { operation: served };
    let by: &'static Rule = match (served, exchange.with_body) {
        _ if exchange.connect => &TUNNEL,
        (Operation::Public, _) => &SERVED_PUBLIC,
        (Operation::Service, true) => &SERVED_WITH_BODY,
        (Operation::Service, false) => &SERVED,
    };
    match code {
        401 | 407 => {
            shown.push((&DEMANDED, Shown::Demands { proof: challenge(fields) }));
            if !is_next_leg(fields) {
                let (rule, why): (&'static Rule, Refusal) = match offered {
                    true if says_expired(fields) => (&EXPIRED, Refusal::Expired),
                    true => (&WRONG, refusal),
                    false => (&DEMANDED, refusal),
                };
                shown.push((rule, Shown::Refuses { why }));
            }
        }
        403 if offered => shown.push((&FORBIDDEN, Shown::Refuses { why: Refusal::NotAllowed })),
        403 => shown.push((&FORBIDDEN_TO_ALL, Shown::Refuses { why: Refusal::Other })),
        101 if upgrades(fields).any(is_stream) => shown.push((by, serves)),
        400 if names_certificate => {
            shown.push((&CERTIFICATE_MISSING, Shown::Demands { proof: Proof::Key }));
            shown.push((&CERTIFICATE_MISSING, Shown::Refuses { why: Refusal::ProofMissing }));
        }
        300..400 if is_login(fields) && !exchange.public => {
            shown.push((&LOGIN, Shown::Demands { proof: Proof::Secret }));
            shown.push((&LOGIN, Shown::Refuses { why: refusal }));
        }
        // Who calls may be asked inside the tunnel, where nobody can look.
        200..300 if exchange.connect && !offered => {
            shown.push((&TUNNEL, Shown::Hidden { why: Hidden::Encrypted }));
        }
        200..400 => shown.push((by, serves)),
        404..=406 | 409..=428 if offered => shown.push((&NOT_FOUND, serves)),
        400..600 if !offered => shown.push((&FAILED, Shown::Refuses { why: Refusal::Other })),
        _ => {}
    }
    shown
}
