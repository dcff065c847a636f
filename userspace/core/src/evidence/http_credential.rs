//! What the fields of an HTTP request say about who sends it.
//!
//! Sources: RFC 9110 section 11, 7617 (Basic), 7616 (Digest), 6750 (Bearer), 9449 (DPoP), 4559 (Negotiate), 9421
//! (message signatures), 9440 (Client-Cert), AWS Signature Version 4, Envoy's `x-forwarded-client-cert`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::dissector::{Notes, rules};
use super::gss_token;
use super::json_skim::Skim;
use super::token::{self, Note};
use super::{Credential, CredentialKind, Principal, PrincipalKind, Proof, Rule, Scope, Shown};

rules! {
    pub(crate) table;
    BASIC = "http.basic", v 1, Observed, Wire,
        "The request carried a user name and password in clear (Basic)",
        "Whether the receiver looks at them";
    DIGEST = "http.digest", v 1, Observed, Wire,
        "The request carried the answer to a password challenge (Digest)",
        "Whether the receiver looks at it";
    BEARER = "http.bearer", v 1, Observed, Wire,
        "The request carried a bearer token of unknown form and lifetime",
        "Whether the receiver looks at it; whoever holds it can use it";
    JWT = "http.jwt", v 1, Observed, Wire,
        "The request carried a JSON Web Token that states its own lifetime",
        "The signature was not checked by the observer, and the receiver may not check it either";
    JWT_ENDLESS = "http.jwt-without-expiry", v 1, Observed, Wire,
        "The request carried a JSON Web Token that states no expiry",
        "The signature was not checked by the observer, and the receiver may not check it either";
    JWT_UNSIGNED = "http.jwt-unsigned", v 1, Observed, Wire,
        "The request carried a JSON Web Token that says of itself that it is not signed: a name without proof",
        "Whether the receiver takes it";
    PROOF_OF_POSSESSION = "http.proof-of-possession", v 1, Observed, Wire,
        "The request carried a token and a proof that its sender holds the token's private key",
        "The proof's signature was not checked by the observer";
    SIGNATURE = "http.signature", v 1, Observed, Wire,
        "The request was signed",
        "The signature was not checked by the observer";
    TICKET = "http.negotiate", v 1, Observed, Wire,
        "The request carried a Kerberos or NTLM proof, which counts for the connection",
        "The name in it is encrypted";
    UNREAD_TOKEN = "http.negotiate-unread", v 1, Observed, Wire,
        "The request carried a Negotiate token of a form that is not known",
        "What it proves, if anything, is not visible";
    NOBODY = "http.ntlm-nobody", v 1, Observed, Wire,
        "The request carried an NTLM message that names nobody or answers nothing",
        "Not what the receiver lets such a caller do";
    API_KEY = "http.api-key", v 1, Observed, Wire,
        "The request carried an API key in a field of its own",
        "Whether the receiver looks at it; whoever holds it can use it";
    KEY_IN_TARGET = "http.key-in-target", v 1, Observed, Wire,
        "The request carried a key in its address",
        "Whether the receiver looks at it; addresses are written to logs";
    NAME_IN_TARGET = "http.name-in-target", v 1, Observed, Wire,
        "The request's address named a user and carried no proof (Hadoop's `user.name`)",
        "Nothing proves the name";
    COOKIE = "http.cookie", v 1, Observed, Wire,
        "The request carried a cookie",
        "Whether the cookie names a session, and how long it lasts, is not visible";
    IN_BODY = "http.secret-in-body", v 1, Observed, Wire,
        "The body of the request carried a password or client secret in clear",
        "Whether the receiver looks at it; only the body's first 4096 bytes were read";
    PRESIGNED = "http.presigned-address", v 1, Observed, Wire,
        "The request's address carried a signature that states its own lifetime",
        "The signature was not checked by the observer; whoever holds the address can use it";
    JWT_EXPIRED = "http.jwt-expired", v 1, Observed, Wire,
        "The request carried a JSON Web Token that had expired more than five minutes before: taken, it is a secret without end",
        "The clocks of issuer and observer may differ";
    JWE = "http.jwt-encrypted", v 1, Observed, Wire,
        "The request carried an encrypted JSON Web Token, of which nothing but the algorithm can be read",
        "How long it lasts, and whom it names";
    FORWARDED = "http.forwarded-identity", v 1, Observed, Wire,
        "The request names a caller that an earlier hop is said to have identified",
        "Whoever can reach this port can write the same field";
}

/// One thing offered with a request.
pub(crate) type Offer = (&'static Rule, Shown);

/// Fields that hold a key by themselves.
const KEY_FIELDS: &[&str] = &[
    "x-api-key",
    "api-key",
    "apikey",
    "x-apikey",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
    "x-auth-token",
    "x-vault-token",
    "x-consul-token",
    "x-nomad-token",
    "private-token",
    "x-gitlab-token",
    "x-access-token",
    "x-functions-key",
    "x-amz-security-token",
    "workload-identity-token",
    "token",
    "auth-token",
    "x-token",
    "api-token",
    "x-api-token",
    "x-auth-key",
    "x-clickhouse-key",
    "dd-api-key",
    "x-shopify-access-token",
    "x-plex-token",
    "x-rundeck-auth-token",
];
/// Fields in which an earlier hop names the caller.
const FORWARDED_FIELDS: &[&str] = &[
    "x-forwarded-client-cert",
    "client-cert",
    "x-ssl-client-s-dn",
    "x-ssl-client-dn",
    "x-ssl-client-cert",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-subject",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-remote-user",
    "remote-user",
    "x-ms-client-principal",
    "x-ms-client-principal-name",
    "x-auth-request-user",
];
/// Parameters of a target that hold a key.
const KEY_PARAMETERS: &[&str] = &[
    "api_key",
    "apikey",
    "api-key",
    "x-api-key",
    "api_token",
    "access_token",
    "auth_token",
    "private_token",
    "client_secret",
    "password",
    "passwd",
    "pwd",
    "subscription-key",
    // Hadoop's delegation token (WebHDFS, YARN).
    "delegation",
];

/// Names of parameters that hold a key, or something else.
const SHORT_PARAMETERS: &[&str] = &["token", "key", "sig", "code"];

/// An address that was signed for a time (AWS Signature Version 4 and Google's version 4, query parameters).
fn presigned(query: &str) -> Option<Offer> {
    let of = |wanted: &str| {
        let mut parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
        parameters.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    of("x-amz-signature").or_else(|| of("x-goog-signature"))?;
    let lifetime_s = of("x-amz-expires").or_else(|| of("x-goog-expires")).and_then(|text| text.parse().ok());
    let kind = if lifetime_s.is_some() { Proof::Token } else { Proof::Secret };
    let not_before = of("x-amz-date").or_else(|| of("x-goog-date")).and_then(compact_date);
    let not_after = not_before.zip(lifetime_s).and_then(|(from, lives)| after(from, lives));
    let signature = Credential::of(CredentialKind::Signature);
    let credential = Credential { lifetime_s, not_before, not_after, cleartext: true, ..signature };
    Some(offer(&PRESIGNED, kind, Scope::Request, None, Some(credential)))
}

/// `20130524T000000Z`: a date as AWS Signature Version 4 writes it, in UTC.
fn compact_date(text: &str) -> Option<Timestamp> {
    let moment = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    TimeZone::UTC.to_timestamp(moment).ok()
}

fn after(from: Timestamp, lives_s: u64) -> Option<Timestamp> {
    from.checked_add(SignedDuration::from_secs(i64::try_from(lives_s).ok()?)).ok()
}

/// Everything that the fields and target of a request offer.
pub(crate) fn offers(target: &str, fields: &[httparse::Header<'_>], notes: &Notes<'_>) -> Vec<Offer> {
    let field = |wanted: &str| {
        fields.iter().find(|field| field.name.eq_ignore_ascii_case(wanted)).map(|field| field.value)
    };
    let mut found = Vec::new();
    for header in fields {
        let name = header.name.to_ascii_lowercase();
        let value = header.value.trim_ascii();
        if value.is_empty() {
            continue;
        }
        let offer = match name.as_str() {
            "authorization" | "proxy-authorization" => authorization(value, field("dpop"), notes),
            "cookie" => Some(secret(&COOKIE, CredentialKind::Cookie, "cookie", value, notes)),
            "sec-websocket-protocol" => subprotocol(value, notes),
            "signature-input" if field("signature").is_some() => Some(signature(value)),
            name if KEY_FIELDS.contains(&name) && !token::is_placeholder(value) => {
                Some(secret(&API_KEY, CredentialKind::ApiKey, "api-key", value, notes))
            }
            name if FORWARDED_FIELDS.contains(&name) => Some(forwarded(name, value)),
            _ => None,
        };
        found.extend(offer);
    }
    if let Some((_, query)) = target.split_once('?') {
        let mut parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
        let of = |wanted: &str| parameters.clone().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        // InfluxDB 1 takes a user and a password, Hadoop's "simple" authentication a mere name.
        let (user, claim) = (of("u"), of("user.name"));
        let key = parameters.find(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let named = KEY_PARAMETERS.contains(&name.as_str()) || user.is_some() && name == "p";
            let plain = named && !value.is_empty();
            // Words that also stand for less: only a value as long as a key is taken for one.
            (plain || SHORT_PARAMETERS.contains(&name.as_str()) && value.len() >= 16)
                && !token::is_placeholder(value.as_bytes())
        });
        if let Some(signed) = presigned(query) {
            found.push(signed);
        } else if let Some((_, value)) = key {
            found.push(secret(&KEY_IN_TARGET, CredentialKind::ApiKey, "api-key", value.as_bytes(), notes));
        } else if let (Some(name), true) = (claim, found.is_empty()) {
            let principal = Some(Principal::bounded(PrincipalKind::User, name.as_bytes()));
            found.push(offer(&NAME_IN_TARGET, Proof::Claim, Scope::Request, principal, None));
        }
    }
    found
}

/// A token among the subprotocols of a WebSocket, where a browser can set no other field: Kubernetes' form.
fn subprotocol(value: &[u8], notes: &Notes<'_>) -> Option<Offer> {
    let names = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let mut sent = names.filter_map(|name| name.strip_prefix(b"base64url.bearer.authorization.k8s.io."));
    token::bearer(&token::base64(sent.next()?)?, notes).map(bearer)
}

/// A secret in a body that is JSON.
pub(crate) fn in_json(body: &Skim, notes: &Notes<'_>) -> Option<Offer> {
    let names = ["password", "passwd", "client_secret", "params>password"];
    let value = names.iter().find_map(|name| body.get(name)).filter(|value| !value.is_empty())?;
    Some(secret(&IN_BODY, CredentialKind::Password, "password", value.as_bytes(), notes))
}

/// A secret in a body that is a form (`password=`) or a SOAP message (WS-Security UsernameToken Profile section 3.1).
pub(crate) fn in_text(body: &[u8], notes: &Notes<'_>) -> Option<Offer> {
    let names: [&[u8]; 6] = [b"password=", b"passwd=", b"pass=", b"pwd=", b"client_secret=", b"j_password="];
    let form = || {
        let mut parts = body.split(|byte| *byte == b'&');
        parts.find_map(|part| names.iter().find_map(|name| part.strip_prefix(*name)))
    };
    let value = if body.trim_ascii_start().starts_with(b"<") {
        let has = |words: &[u8]| body.windows(words.len()).position(|part| part == words);
        has(b"UsernameToken")?;
        let rest = body.get(has(b"Password")?..)?;
        let rest = rest.get(rest.iter().position(|byte| *byte == b'>')?.checked_add(1)?..)?;
        rest.split(|byte| *byte == b'<').next()?
    } else {
        form()?
    };
    let value = value.trim_ascii();
    (!value.is_empty()).then(|| secret(&IN_BODY, CredentialKind::Password, "password", value, notes))
}

fn offer(
    rule: &'static Rule,
    proof: Proof,
    scope: Scope,
    principal: Option<Principal>,
    credential: Option<Credential>,
) -> Offer {
    (rule, Shown::Offers { proof, scope, principal, credential })
}

/// A secret that stands in the request as it is.
fn secret(rule: &'static Rule, kind: CredentialKind, label: &str, value: &[u8], notes: &Notes<'_>) -> Offer {
    let fingerprint = Some(notes.fingerprint(label, value));
    let credential = Credential { fingerprint, cleartext: true, ..Credential::of(kind) };
    offer(rule, Proof::Secret, Scope::Request, None, Some(credential))
}

/// A proof of which nothing can be used again.
fn proof(
    rule: &'static Rule,
    proof: Proof,
    kind: CredentialKind,
    scope: Scope,
    name: Option<Principal>,
) -> Offer {
    let credential = Credential::of(kind);
    offer(rule, proof, scope, name, Some(credential))
}

/// `Authorization` and `Proxy-Authorization`.
fn authorization(value: &[u8], dpop: Option<&[u8]>, notes: &Notes<'_>) -> Option<Offer> {
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end)?;
    let rest = rest.trim_ascii();
    let scheme = Zeroizing::new(String::from_utf8_lossy(scheme).to_ascii_lowercase());
    match scheme.as_str() {
        "basic" => {
            let plain = token::base64(rest)?;
            let colon = plain.iter().position(|byte| *byte == b':')?;
            let (user, password) = plain.split_at_checked(colon)?;
            let credential = Credential::clear(
                CredentialKind::Password,
                notes.fingerprint("password", password.get(1..).unwrap_or_default()),
            );
            let name = (!user.is_empty()).then(|| Principal::bounded(PrincipalKind::User, user));
            Some(offer(&BASIC, Proof::Secret, Scope::Request, name, Some(credential)))
        }
        "digest" => {
            let name = quoted(rest, "username=").map(|user| Principal::bounded(PrincipalKind::User, user));
            Some(proof(&DIGEST, Proof::Secret, CredentialKind::Password, Scope::Request, name))
        }
        "negotiate" | "kerberos" | "ntlm" => ticket(rest),
        "dpop" => {
            let sent = token::bearer(rest, notes)?;
            if dpop.is_some_and(token::is_asymmetric) {
                return Some(offer(
                    &PROOF_OF_POSSESSION,
                    Proof::Key,
                    Scope::Request,
                    sent.principal,
                    Some(Credential { cleartext: false, ..sent.credential }),
                ));
            }
            Some(bearer(sent))
        }
        "bearer" | "token" | "apikey" | "key" | "splunk" => token::bearer(rest, notes).map(bearer),
        name if name.starts_with("aws4-") || name.starts_with("goog4-") => {
            let kind = if name.starts_with("aws4-ecdsa") { Proof::Key } else { Proof::Secret };
            let mut signed = proof(&SIGNATURE, kind, CredentialKind::Signature, Scope::Request, None);
            if let Shown::Offers { credential: Some(credential), .. } = &mut signed.1 {
                credential.fingerprint = key_id(rest).map(|id| notes.fingerprint("key-id", id));
            }
            Some(signed)
        }
        "sharedkey" | "sharedkeylite" | "hawk" | "signature" | "hmac" => {
            Some(proof(&SIGNATURE, Proof::Secret, CredentialKind::Signature, Scope::Request, None))
        }
        // A scheme that is not known, or a bare key: a secret as far as anybody can see.
        _ if token::is_placeholder(value) => None,
        _ => Some(secret(&API_KEY, CredentialKind::ApiKey, "api-key", value, notes)),
    }
}

fn bearer(sent: token::Bearer) -> Offer {
    let rule: &'static Rule = if sent.note == Note::Plain && sent.credential.kind != CredentialKind::Jwt {
        &BEARER
    } else {
        match sent.note {
            Note::Unsigned => &JWT_UNSIGNED,
            Note::Expired => &JWT_EXPIRED,
            Note::Encrypted => &JWE,
            Note::Plain if sent.credential.lifetime_s.is_some() => &JWT,
            Note::Plain => &JWT_ENDLESS,
        }
    };
    offer(rule, sent.proof, Scope::Request, sent.principal, Some(sent.credential))
}

/// Negotiate, Kerberos and NTLM: the last NTLM message, or a Kerberos ticket. Earlier legs prove nothing.
fn ticket(text: &[u8]) -> Option<Offer> {
    let start = text.get(..text.len().min(8192)).unwrap_or_default();
    let message = token::base64(start)?;
    let Some(presented) = gss_token::presented(&message) else {
        // NTLM's first message proves nothing; what another mechanism's token proves is not known.
        let begins = message.starts_with(b"NTLMSSP\0");
        let offer = || proof(&UNREAD_TOKEN, Proof::Secret, CredentialKind::Ticket, Scope::Connection, None);
        return (!begins).then(offer);
    };
    let rule: &'static Rule = if presented.proof() == Proof::Claim { &NOBODY } else { &TICKET };
    Some((rule, presented.offer()))
}

/// The id of the key that signed (`Credential=AKID/date/...`): one id, one key, whatever was signed.
fn key_id(parameters: &[u8]) -> Option<&[u8]> {
    let at = parameters.windows(11).position(|part| part == b"Credential=")?;
    parameters.get(at.checked_add(11)?..)?.split(|byte| matches!(byte, b'/' | b',')).next()
}

/// RFC 9421: only a named asymmetric algorithm counts as a private key's proof.
fn signature(input: &[u8]) -> Offer {
    let algorithm = quoted(input, "alg=").unwrap_or_default();
    let asymmetric = ["rsa", "ecdsa", "ed25519"].iter().any(|name| algorithm.starts_with(name.as_bytes()));
    let kind = if asymmetric { Proof::Key } else { Proof::Secret };
    proof(&SIGNATURE, kind, CredentialKind::Signature, Scope::Request, None)
}

/// A caller that an earlier hop names.
fn forwarded(name: &str, value: &[u8]) -> Offer {
    let named = if name == "x-forwarded-client-cert" {
        let part = |key: &str| {
            value
                .split(|byte| matches!(byte, b';' | b','))
                .find_map(|part| part.trim_ascii().strip_prefix(key.as_bytes()))
        };
        match (part("URI="), part("Subject=")) {
            (Some(uri), _) if uri.starts_with(b"spiffe://") => Some((PrincipalKind::SpiffeId, uri)),
            (_, Some(subject)) => Some((PrincipalKind::Subject, subject)),
            (Some(uri), None) => Some((PrincipalKind::Subject, uri)),
            (None, None) => None,
        }
    } else if name.contains("cert") && !name.ends_with("subject") || name == "x-ms-client-principal" {
        // A certificate or a structure as text: too long for a name.
        None
    } else if name.contains("dn") || name.contains("subject") {
        Some((PrincipalKind::Subject, value))
    } else {
        Some((PrincipalKind::User, value))
    };
    let principal = named.map(|(kind, name)| Principal::bounded(kind, name));
    offer(&FORWARDED, Proof::Claim, Scope::Request, principal, None)
}

/// The quoted value after `key` in a list of parameters.
fn quoted<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let at = text.windows(key.len()).position(|part| part.eq_ignore_ascii_case(key.as_bytes()))?;
    let rest = text.get(at.checked_add(key.len())?..)?.strip_prefix(b"\"")?;
    rest.split(|byte| *byte == b'"').next()
}
