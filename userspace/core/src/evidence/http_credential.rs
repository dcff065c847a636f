//! What the fields of an HTTP request say about who sends it.
//!
//! Sources: RFC 9110 section 11, 7617 (Basic), 7616 (Digest), 6750 (Bearer), 9449 (DPoP), 4559 (Negotiate), 9421
//! (message signatures), 9440 (Client-Cert), AWS Signature Version 4, Envoy's `x-forwarded-client-cert`.

use zeroize::Zeroizing;

use super::dissector::{Notes, rules};
use super::gss_token;
use super::token;
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
    COOKIE = "http.cookie", v 1, Observed, Wire,
        "The request carried a cookie",
        "Whether the cookie names a session, and how long it lasts, is not visible";
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
const KEY_PARAMETERS: &[&str] =
    &["api_key", "apikey", "api-key", "access_token", "auth_token", "token", "key", "sig"];

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
        let key = query.split('&').filter_map(|parameter| parameter.split_once('=')).find(|(name, value)| {
            KEY_PARAMETERS.contains(&name.to_ascii_lowercase().as_str())
                && !value.is_empty()
                && !token::is_placeholder(value.as_bytes())
        });
        if let Some((_, value)) = key {
            found.push(secret(&KEY_IN_TARGET, CredentialKind::ApiKey, "api-key", value.as_bytes(), notes));
        }
    }
    found
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
    let credential = Credential { kind, fingerprint, lifetime_s: None, cleartext: true };
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
    let credential = Credential { kind, fingerprint: None, lifetime_s: None, cleartext: false };
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
            let credential = Credential {
                kind: CredentialKind::Password,
                fingerprint: Some(notes.fingerprint("password", password.get(1..).unwrap_or_default())),
                lifetime_s: None,
                cleartext: true,
            };
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
            Some(proof(&SIGNATURE, kind, CredentialKind::Signature, Scope::Request, None))
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
    let rule: &'static Rule = if sent.credential.kind != CredentialKind::Jwt {
        &BEARER
    } else if sent.unsigned {
        &JWT_UNSIGNED
    } else if sent.credential.lifetime_s.is_some() {
        &JWT
    } else {
        &JWT_ENDLESS
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
