//! Bearer tokens: what a JSON Web Token says of itself, and nothing of what makes it work.
//!
//! Sources: RFC 7519 (JWT), RFC 7515 section 3.1 (JWS compact form), RFC 7516 (JWE).

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::dissector::Notes;
use super::{Credential, CredentialKind, Principal, PrincipalKind, Proof};

/// Longest part of a token that is decoded.
const PART: usize = 8192;
/// Values that stand where a key is required by a library but none exists; they prove nothing.
const PLACEHOLDERS: &[&str] = &[
    "EMPTY",
    "none",
    "null",
    "ollama",
    "sk-no-key-required",
    "dummy",
    "lm-studio",
    "no-key",
    "undefined",
    "not-needed",
    "no-key-required",
];

/// What a bearer token shows.
pub(crate) struct Bearer {
    /// What kind of proof it is.
    pub(crate) proof: Proof,
    /// Whom it names.
    pub(crate) principal: Option<Principal>,
    /// Its trace.
    pub(crate) credential: Credential,
    /// What is to be said of a JWT beside its lifetime.
    pub(crate) note: Note,
}

/// What stands out in a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    /// Nothing.
    Plain,
    /// Its header says that it is not signed.
    Unsigned,
    /// It had expired some time before.
    Expired,
    /// It is encrypted (RFC 7516).
    Encrypted,
}

/// By how much clocks may differ before an expiry counts as past, in seconds.
const CLOCK_SKEW_S: i64 = 300;

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    exp: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
    nbf: Option<serde_json::Number>,
    /// RFC 9068 section 2.2.
    client_id: Option<String>,
    /// OpenID Connect Core section 2.
    azp: Option<String>,
}

/// Reads a bearer token; `None` for an empty one or a known placeholder.
pub(crate) fn bearer(token: &[u8], notes: &Notes<'_>) -> Option<Bearer> {
    let token = token.trim_ascii();
    if token.is_empty() || is_placeholder(token) {
        return None;
    }
    let fingerprint = Some(notes.fingerprint("bearer", token));
    let Some((header, claims)) = jwt(token) else {
        // What is inside an encrypted one, an end too, is not readable: to whoever looks on it is a bearer like any other.
        let credential =
            Credential { fingerprint, cleartext: true, ..Credential::of(CredentialKind::Bearer) };
        let note = if is_encrypted(token) { Note::Encrypted } else { Note::Plain };
        return Some(Bearer { proof: Proof::Secret, principal: None, credential, note });
    };
    let seconds = |number: &Option<serde_json::Number>| number.as_ref().and_then(whole_seconds);
    let end = seconds(&claims.exp);
    let begin =
        seconds(&claims.iat).or_else(|| seconds(&claims.nbf)).unwrap_or_else(|| notes.now().as_second());
    let moment = |seconds: Option<i64>| seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let not_before = moment(seconds(&claims.nbf).or_else(|| seconds(&claims.iat)));
    let lifetime_s = end.map(|end| end.saturating_sub(begin).max(0).unsigned_abs());
    let unsigned = header.alg.as_deref().is_none_or(|alg| alg.eq_ignore_ascii_case("none"));
    let latest = notes.now().as_second().saturating_sub(CLOCK_SKEW_S);
    let note = match end {
        _ if unsigned => Note::Unsigned,
        Some(end) if end < latest => Note::Expired,
        Some(_) | None => Note::Plain,
    };
    let proof = match (note, lifetime_s) {
        (Note::Unsigned, _) => Proof::Claim,
        (Note::Plain, Some(_)) => Proof::Token,
        // A receiver that takes an expired token takes it for ever.
        (Note::Plain | Note::Expired | Note::Encrypted, _) => Proof::Secret,
    };
    let principal = claims.sub.or(claims.client_id).or(claims.azp).map(|subject| {
        if subject.starts_with("spiffe://") {
            return Principal::bounded(PrincipalKind::SpiffeId, subject.as_bytes());
        }
        let name = match claims.iss {
            Some(issuer) => format!("{issuer}|{subject}"),
            None => subject,
        };
        Principal::bounded(PrincipalKind::JwtSubject, name.as_bytes())
    });
    let credential = Credential {
        fingerprint,
        lifetime_s,
        not_before,
        not_after: moment(end),
        cleartext: true,
        ..Credential::of(CredentialKind::Jwt)
    };
    Some(Bearer { proof, principal, credential, note })
}

/// True for a JWT that is signed with a private key by its header's word (a DPoP proof, RFC 9449 section 4.2).
pub(crate) fn is_asymmetric(proof: &[u8]) -> bool {
    let names = ["RS", "PS", "ES", "Ed"];
    let algorithm = jwt(proof.trim_ascii()).and_then(|(header, _)| header.alg).unwrap_or_default();
    names.iter().any(|name| algorithm.starts_with(name))
}

/// True for a value that libraries want and servers ignore.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| placeholder.as_bytes().eq_ignore_ascii_case(value))
}

/// RFC 7519 section 2: NumericDate, possibly with a fraction.
#[expect(clippy::cast_possible_truncation, reason = "a float saturates, and no lifetime needs the fraction")]
fn whole_seconds(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
}

/// The header and claims of a JWS in compact form. The third part is never decoded.
fn jwt(token: &[u8]) -> Option<(Header, Claims)> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some((serde_json::from_slice(&base64(header)?).ok()?, serde_json::from_slice(&base64(claims)?).ok()?))
}

/// True for a JWE in compact form (RFC 7516 section 3.1): five parts, and a header with `enc`.
fn is_encrypted(token: &[u8]) -> bool {
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    token.iter().filter(|byte| **byte == b'.').count() == 4
        && base64(header).is_some_and(|header| header.windows(6).any(|part| part == b"\"enc\":"))
}

/// Decodes base64 in either alphabet (RFC 4648 sections 4 and 5), with or without padding. Here rather than from a
/// library because the buffer must be wiped and never grow.
pub(crate) fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if text.len() > PART || text.len() % 4 == 1 {
        return None;
    }
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
        }
    }
    Some(decoded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends where it fails")]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_rfc_4648_section_10() {
        for (text, plain) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar"), ("Zg", "f")]
        {
            assert_eq!(base64(text.as_bytes()).unwrap().as_slice(), plain.as_bytes(), "{text}");
        }
        assert_eq!(base64(b"-_-_").unwrap().as_slice(), base64(b"+/+/").unwrap().as_slice());
        assert!(base64(b"Z").is_none() && base64(b"Zg!=").is_none());
    }
}
