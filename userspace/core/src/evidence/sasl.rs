//! SASL exchanges and passwords: what a caller presented, in whatever protocol carries it.
//!
//! Sources: RFC 4422 (SASL, EXTERNAL), RFC 4505 (ANONYMOUS), RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN),
//! RFC 2195 (CRAM-MD5), RFC 2831 (DIGEST-MD5), RFC 5802 (SCRAM), RFC 7628 (OAUTHBEARER), RFC 4752 (GSSAPI), RFC 4120
//! section 5.5.1 (AP-REQ), MS-NLMP 2.2.1.3 (NTLM's third message).

use std::fmt;

use zeroize::Zeroizing;

use super::dissector::{Notes, rules};
use super::gss_token;
use super::text_line;
use super::token;
use super::{Credential, CredentialKind, Principal, PrincipalKind, Proof, Rule, Scope, Shown};

rules! {
    pub(crate) table;
    PASSWORD = "sasl.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear by a SASL mechanism (PLAIN, LOGIN)",
        "Whether the receiver serves those who send none";
    CHALLENGE = "sasl.challenge-answered", v 1, Observed, Wire,
        "The caller answered a challenge made from a shared secret (CRAM-MD5, DIGEST-MD5, SCRAM, NTLM, SRP)",
        "The secret itself is not visible; whether the receiver serves those who send none";
    TICKET = "sasl.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket with a proof of its key by a SASL mechanism (GSSAPI, GSS-SPNEGO)",
        "The name in the ticket is encrypted";
    BEARER = "sasl.token-sent", v 1, Observed, Wire,
        "The caller sent a bearer token by a SASL mechanism (OAUTHBEARER, XOAUTH2)",
        "Whether the receiver checks the token's signature";
    CLAIM = "sasl.name-claimed", v 1, Observed, Wire,
        "The caller named itself, or nobody, and sent no proof (ANONYMOUS, EXTERNAL, an empty password)",
        "With EXTERNAL a layer below may have proved who it is";
}

/// Most responses of one exchange that are kept.
const RESPONSES: usize = 8;

/// One exchange: the mechanism and what the caller sent.
pub(crate) struct Exchange {
    mechanism: String,
    responses: Vec<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Exchange {
    /// Never prints what was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({} responses)", self.responses.len())
    }
}

impl Exchange {
    /// Begins an exchange by the named mechanism.
    pub(crate) fn new(mechanism: &[u8]) -> Self {
        let mechanism = mechanism.get(..mechanism.len().min(32)).unwrap_or_default();
        Self { mechanism: String::from_utf8_lossy(mechanism).to_ascii_uppercase(), responses: Vec::new() }
    }

    /// Begins an exchange by a mechanism's name and, behind it, a first response in base64 if there is one.
    pub(crate) fn from_words(words: &[u8]) -> Self {
        let (mechanism, initial) = text_line::split_word(words);
        let mut exchange = Self::new(mechanism);
        if !initial.is_empty() {
            exchange.push_base64(initial);
        }
        exchange
    }

    /// True when the mechanism has this name.
    pub(crate) fn is(&self, mechanism: &[u8]) -> bool {
        mechanism.eq_ignore_ascii_case(self.mechanism.as_bytes())
    }

    /// True when what follows the exchange may be wrapped by the mechanism.
    pub(crate) fn may_wrap(&self) -> bool {
        ["GSS", "GS2", "DIGEST-MD5", "NTLM", "SRP"].iter().any(|name| self.mechanism.starts_with(name))
    }

    /// The caller sent this.
    pub(crate) fn push(&mut self, response: &[u8]) {
        if self.responses.len() < RESPONSES {
            self.responses.push(Zeroizing::new(response.to_vec()));
        }
    }

    /// The caller sent this in base64; `=` alone stands for nothing, `*` gives up.
    pub(crate) fn push_base64(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line == b"=" || line.is_empty() {
            self.push(b"");
        } else if line != b"*"
            && let Some(plain) = token::base64(line)
        {
            self.push(&plain);
        }
    }

    /// What was presented so far; `None` when that is not known, or not a whole proof.
    pub(crate) fn offer(&self, notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
        let first = self.responses.first().map(|response| response.as_slice());
        match self.mechanism.as_str() {
            "PLAIN" => {
                let mut parts = first?.splitn(3, |byte| *byte == 0);
                let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
                Some(password_offer(&PASSWORD, user, password, notes))
            }
            "LOGIN" => Some(password_offer(&PASSWORD, first?, self.responses.get(1)?, notes)),
            "CRAM-MD5" => {
                let at = first?.iter().rposition(|byte| *byte == b' ')?;
                Some(challenge(first?.get(..at)))
            }
            "DIGEST-MD5" => {
                let response = self.responses.iter().find(|it| find(it, b"response=").is_some())?;
                let start = find(response, b"username=\"").map(|at| at.saturating_add(10));
                let name = start.and_then(|at| response.get(at..)?.split(|byte| *byte == b'"').next());
                Some(challenge(name))
            }
            "SRP" | "OTP" | "SKEY" | "NTLM" if self.presented().is_none() => {
                (self.responses.len() > 1 && self.mechanism != "NTLM").then(|| challenge(None))
            }
            "ANONYMOUS" => Some(claim(None)),
            "EXTERNAL" => Some(claim(first.filter(|name| !name.is_empty()))),
            "OAUTHBEARER" | "XOAUTH2" => {
                let mut parts = first?.split(|byte| *byte == 1);
                let value = parts.find_map(|part| part.strip_prefix(b"auth="))?;
                let (scheme, text) = value.split_at_checked(7)?;
                let sent = token::bearer(text, notes).filter(|_| scheme.eq_ignore_ascii_case(b"bearer "))?;
                Some((
                    &BEARER,
                    Shown::Offers {
                        proof: sent.proof,
                        scope: Scope::Connection,
                        principal: sent.principal,
                        credential: Some(sent.credential),
                    },
                ))
            }
            mechanism if mechanism.starts_with("SCRAM-") => {
                self.responses.get(1).filter(|proof| find(proof, b",p=").is_some())?;
                let start = find(first?, b"n=").map(|at| at.saturating_add(2));
                let name = start.and_then(|at| first?.get(at..)?.split(|byte| *byte == b',').next());
                Some(challenge(name))
            }
            "NTLM" | "GSSAPI" | "GSS-SPNEGO" | "GS2-KRB5" => self.presented(),
            _ => None,
        }
    }

    /// What the caller's last token that proves something presents: of several mechanisms the last one counts.
    fn presented(&self) -> Option<(&'static Rule, Shown)> {
        self.responses.iter().rev().find_map(|response| presented(response))
    }
}

/// What a GSS-API token presents, under the rule of its kind.
fn presented(token: &[u8]) -> Option<(&'static Rule, Shown)> {
    // GS2 puts a header before the token, which ends at the second comma (RFC 5801 section 4).
    let behind_header = || token.splitn(3, |byte| *byte == b',').nth(2).and_then(gss_token::presented);
    let presented = gss_token::presented(token).or_else(behind_header)?;
    let rule: &'static Rule = match presented.proof() {
        Proof::Claim => &CLAIM,
        Proof::Secret | Proof::Token => &CHALLENGE,
        Proof::Key => &TICKET,
    };
    Some((rule, presented.offer()))
}

/// Where `part` begins.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn offers(proof: Proof, principal: Option<Principal>, credential: Option<Credential>) -> Shown {
    Shown::Offers { proof, scope: Scope::Connection, principal, credential }
}

fn user(name: Option<&[u8]>) -> Option<Principal> {
    name.filter(|name| !name.is_empty()).map(|name| Principal::bounded(PrincipalKind::User, name))
}

fn claim(name: Option<&[u8]>) -> (&'static Rule, Shown) {
    (&CLAIM, name_offer(name.unwrap_or_default()))
}

fn challenge(name: Option<&[u8]>) -> (&'static Rule, Shown) {
    (&CHALLENGE, challenge_offer(name.unwrap_or_default()))
}

/// A name, or nobody's, without proof.
pub(crate) fn name_offer(name: &[u8]) -> Shown {
    offers(Proof::Claim, user(Some(name)), None)
}

/// A name and the answer to a challenge made from its secret.
pub(crate) fn challenge_offer(name: &[u8]) -> Shown {
    let credential = Credential::of(CredentialKind::Password);
    offers(Proof::Secret, user(Some(name)), Some(credential))
}

/// A name and a password in clear, under `rule`; an empty password proves nothing and is a mere claim.
pub(crate) fn password_offer(
    rule: &'static Rule,
    name: &[u8],
    password: &[u8],
    notes: &Notes<'_>,
) -> (&'static Rule, Shown) {
    if password.is_empty() {
        return claim(Some(name));
    }
    let credential = Credential::clear(CredentialKind::Password, notes.fingerprint("password", password));
    (rule, offers(Proof::Secret, user(Some(name)), Some(credential)))
}
