//! The vocabulary in which dissectors and kernel facts speak.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::application::Application;
use super::protocol::Protocol;
use crate::fingerprint::Fingerprint;

/// One thing that was shown on one flow, under one rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Observation {
    /// The rule that licenses it.
    pub rule: RuleRef,
    /// What was shown.
    #[serde(flatten)]
    pub shown: Shown,
}

impl Observation {
    /// True for a proof that the caller presented; a name alone is none.
    pub(crate) fn presents_proof(&self) -> bool {
        matches!(self.shown, Shown::Offers { proof, .. } if proof != Proof::Claim)
    }

    /// The same, seen inside TLS by the receiver's library: nothing that was presented there is readable on the wire.
    #[must_use]
    pub fn inside(mut self) -> Self {
        if let Some(rule) = self.rule.0.inside {
            self.rule = RuleRef(rule);
        }
        if let Shown::Offers { credential: Some(credential), .. } = &mut self.shown {
            credential.cleartext = false;
        }
        self
    }
}

/// A rule of evidence: what may be concluded from which bytes, and what may not.
#[derive(PartialEq, Eq, Debug)]
pub struct Rule {
    /// Stable id, `protocol.what`: `postgresql.scram-demanded`.
    pub id: &'static str,
    /// Raised when the meaning changes.
    pub version: u16,
    /// How firm it is.
    pub level: Level,
    /// Where it was seen.
    pub source: Source,
    /// What it shows, one sentence, no names of the world's making in it.
    pub shows: &'static str,
    /// What it does not show, one sentence.
    pub limits: &'static str,
    /// The same rule for what a TLS library read or wrote; `None` for such a rule itself, and where it can't be.
    pub inside: Option<&'static Rule>,
}

/// A rule by reference; written as its id, and read back only if this program knows the id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RuleRef(pub &'static Rule);

impl Serialize for RuleRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id)
    }
}

impl<'de> Deserialize<'de> for RuleRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let outer = id.strip_prefix("inside.").unwrap_or(&id);
        super::rules()
            .find(|rule| rule.id == outer)
            .and_then(|rule| if outer == id { Some(rule) } else { rule.inside })
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format_args!("unknown rule of evidence `{id}`")))
    }
}

/// How firm a piece of evidence is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The bytes were readable and all there.
    Observed,
    /// From size, shape or time, by a named rule.
    Inferred,
    /// An operator or a configuration file says so.
    Declared,
}

/// Where a piece of evidence was seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Payload of the flow.
    Wire,
    /// Socket options, credentials, process facts.
    Kernel,
    /// A library call in the caller or receiver.
    Uprobe,
    /// An operator's statement.
    Declared,
}

/// What was shown. The order of observations on a flow is the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "shown", rename_all = "snake_case")]
pub enum Shown {
    /// Both directions parse as this protocol (or the protocol changed, after an upgrade).
    Speaks {
        /// Which.
        protocol: Protocol,
    },
    /// The receiver asked the caller for proof.
    Demands {
        /// Of what kind.
        proof: Proof,
    },
    /// The caller presented something.
    Offers {
        /// Of what kind.
        proof: Proof,
        /// For how much it counts.
        scope: Scope,
        /// Name that goes with it, if readable.
        principal: Option<Principal>,
        /// The credential's trace, if there is one.
        credential: Option<Credential>,
    },
    /// The caller was asked and presented nothing.
    Declines,
    /// The receiver accepted what was offered by the protocol's accept code (not yet service).
    Accepts,
    /// The receiver finished a handshake that rests on what was offered and that it could have refused. What it serves
    /// then is inside an encryption.
    Admits {
        /// True when only the holder of the key can finish (a shared key, SRP, Kerberos): then the receiver verified it.
        /// A certificate's handshake may finish and be refused inside.
        expected: bool,
    },
    /// The receiver gave the caller a session with which a later handshake may be short.
    Keeps {
        /// Its trace.
        session: Fingerprint,
        /// For how many seconds it may be used, by the receiver's word or the protocol's.
        lifetime_s: u64,
    },
    /// The receiver went on after a handshake that resumed an earlier session.
    Resumes {
        /// Traces of the sessions that the caller had offered to resume.
        sessions: Vec<Fingerprint>,
    },
    /// The receiver granted the protocol's service.
    Serves {
        /// What kind of operation.
        operation: Operation,
    },
    /// The caller sent something in a protocol that never answers (syslog, an SNMP trap): whether it was taken can't
    /// be seen.
    SendsOneWay,
    /// The caller asked for what the protocol gives anyone, and no answer was seen (a DNS query, a DHCP discovery).
    AsksPublic,
    /// The caller asked for this; what is offered and decided next is about it.
    Asks {
        /// The operation's keyed fingerprint: the same operation again, and nothing else of it.
        operation: Fingerprint,
    },
    /// The receiver refused.
    Refuses {
        /// Why, as its reply says.
        why: Refusal,
    },
    /// The receiver itself said that it checks nothing (Redis: `AUTH called without any password configured`).
    Ignores,
    /// A message of an application that is carried inside the protocol. It decides nothing about who calls.
    Carries {
        /// Which.
        application: Application,
        /// What was called: method, tool or model, at most 128 bytes, as the caller wrote it; escape it wherever it is
        /// printed.
        call: Option<String>,
    },
    /// The caller named the server that it means, and the encryption to it was used by both sides. It decides nothing
    /// about who calls.
    NamesServer {
        /// Host name, at most 253 ASCII characters, in lower case.
        name: String,
    },
    /// The receiver's own library says that what was presented did not pass its verification.
    Unverified,
    /// The layer that would carry the identity can't be read.
    Hidden {
        /// Why.
        why: Hidden,
    },
    /// The receiver asked the kernel who is calling, or the kernel's own file permission let just one uid call.
    KernelVouches {
        /// The caller's uid as the kernel knows it.
        uid: u32,
        /// True when the receiver read it itself; false for file mode alone.
        receiver_looked: bool,
    },
}

impl Shown {
    /// What an offer proves; `None` for a mere claim, and for anything else that was shown.
    pub(crate) fn proof(&self) -> Option<Proof> {
        let Self::Offers { proof, .. } = self else { return None };
        (*proof != Proof::Claim).then_some(*proof)
    }

    /// The caller presented a secret, or a proof made from one.
    pub(crate) const fn secret(scope: Scope, principal: Option<Principal>, credential: Credential) -> Self {
        Self::Offers { proof: Proof::Secret, scope, principal, credential: Some(credential) }
    }
}

/// Kinds of proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A name without proof (anonymous, AUTH_SYS, `X-Forwarded-User`).
    Claim,
    /// Password, API key, pre-shared key, community, cookie, long-lived bearer.
    Secret,
    /// Bearer with a readable lifetime; whether it is short-lived is decided by the verdict stage.
    Token,
    /// Private-key or Kerberos proof bound to this connection or request.
    Key,
}

/// For how much an offer counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// For everything that follows on the connection.
    Connection,
    /// For the one request that carries it.
    Request,
}

/// Kinds of served operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Data was read or changed, or a session was opened.
    Service,
    /// Anonymous by design of the protocol (greeting, health probe, DNS query, ...).
    Public,
}

/// Why a receiver refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No proof was there (401, NOAUTH).
    ProofMissing,
    /// The proof was wrong (28P01, WRONGPASS).
    ProofWrong,
    /// The proof was right once and its time is over, as the reply itself says (RFC 6750 `invalid_token`, TLS alert 45).
    Expired,
    /// The place was wrong (no pg_hba entry, protected mode, `Host is not allowed`).
    Place,
    /// The caller was known and not allowed (403, NOPERM).
    NotAllowed,
    /// For another or an unknown reason.
    Other,
}

/// Why the identity layer can't be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// TLS up to 1.2: what is inside is encrypted.
    Tls12,
    /// TLS 1.3: the handshake's second half and what is inside are encrypted.
    Tls13,
    /// A resumed session whose full handshake was not seen.
    Resumed,
    /// The handshake may rest on a key that both sides agreed elsewhere: who is not asked for a certificate may have
    /// proved that.
    AgreedKey,
    /// Another encryption.
    Encrypted,
    /// No dissector knows these bytes.
    Unsupported,
    /// The connection was open before observation began.
    JoinedLate,
    /// Bytes are missing from the stream.
    Gap,
    /// The bytes that were kept end before the answer.
    Truncated,
    /// No payload was seen at all.
    NoPayload,
}

/// A name that a caller used.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Principal {
    /// What kind of name.
    pub kind: PrincipalKind,
    /// The name, at most 256 bytes, as the caller wrote it; escape it wherever it is printed.
    pub name: String,
}

impl Principal {
    /// A name as it stood on the wire, cut to 256 bytes; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn bounded(kind: PrincipalKind, name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name.get(..name.len().min(256)).unwrap_or_default());
        let end = (0..=name.len().min(256)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        Self { kind, name: name.get(..end).unwrap_or_default().to_owned() }
    }
}

/// Kinds of principal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// Database role.
    Role,
    /// User name of a protocol.
    User,
    /// Unix uid.
    Uid,
    /// X.509 subject.
    Subject,
    /// SPIFFE ID.
    SpiffeId,
    /// JWT `sub` (with issuer, `iss|sub`).
    JwtSubject,
}

impl PrincipalKind {
    /// As ids are derived from it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Uid => "uid",
            Self::Subject => "subject",
            Self::SpiffeId => "spiffe-id",
            Self::JwtSubject => "jwt-subject",
        }
    }
}

/// The trace of a credential. Never its value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// What kind.
    pub kind: CredentialKind,
    /// Keyed fingerprint, where the credential itself was readable (not for challenge-response).
    pub fingerprint: Option<Fingerprint>,
    /// Lifetime in seconds by its own words (JWT exp-iat, certificate validity).
    pub lifetime_s: Option<u64>,
    /// From when it may be used, by its own words (JWT nbf or iat, certificate notBefore).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Until when it may be used, by its own words (JWT exp, certificate notAfter).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Subject of a certificate as RFC 2253 writes it (last part first), where nothing in it has to be escaped for that;
    /// at most 256 bytes. Escape it wherever it is printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// True when whoever sees the wire could use it again.
    pub cleartext: bool,
}

impl Credential {
    /// True for the same secret; where nothing of it is readable, for the same kind that lasts as long.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.fingerprint == other.fingerprint
            && self.cleartext == other.cleartext
            && (self.fingerprint.is_some() || self.lifetime_s == other.lifetime_s)
    }

    /// The same was shown again. One that states no beginning lives from when it was seen: the longest is its lifetime.
    pub fn shown_again(&mut self, again: &Self) {
        self.lifetime_s = self.lifetime_s.max(again.lifetime_s);
    }

    /// By what credentials are put in order.
    pub(crate) fn order(&self) -> (CredentialKind, Option<&Fingerprint>, Option<u64>) {
        (self.kind, self.fingerprint.as_ref(), self.lifetime_s)
    }

    /// One of this kind of which nothing is readable and nothing can be used again.
    #[must_use]
    pub fn of(kind: CredentialKind) -> Self {
        Self {
            kind,
            fingerprint: None,
            lifetime_s: None,
            not_before: None,
            not_after: None,
            subject: None,
            cleartext: false,
        }
    }

    /// One that stood on the wire as it is.
    #[must_use]
    pub fn clear(kind: CredentialKind, fingerprint: Fingerprint) -> Self {
        Self { fingerprint: Some(fingerprint), cleartext: true, ..Self::of(kind) }
    }
}

/// Kinds of credential.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// Password.
    Password,
    /// API key.
    ApiKey,
    /// Bearer of unknown form.
    Bearer,
    /// JSON Web Token.
    Jwt,
    /// X.509 certificate.
    X509,
    /// Cookie.
    Cookie,
    /// Request signature under a shared key.
    Signature,
    /// Kerberos or NTLM ticket.
    Ticket,
}
