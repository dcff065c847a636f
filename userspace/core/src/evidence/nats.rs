//! NATS client protocol.
//!
//! Sources: docs.nats.io "Client Protocol" (INFO, CONNECT, PING/PONG, +OK/-ERR); requirements M10: an open server leaves
//! `auth_required` out.

use std::borrow::Cow;

use serde::Deserialize;
use zeroize::Zeroize;

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::token;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "nats.authentication-required", v 1, Observed, Wire,
        "The receiver's INFO line says that it wants authentication",
        "Not which kinds of proof it takes; a user for those without proof may be configured";
    PASSWORD = "nats.password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password in clear",
        "Whether the receiver looks at them, unless its INFO line asks for authentication";
    TOKEN = "nats.token-sent", v 1, Observed, Wire,
        "The caller sent a token in clear",
        "Whether the receiver looks at it, unless its INFO line asks for authentication";
    SIGNED = "nats.challenge-signed", v 1, Observed, Wire,
        "The caller signed the receiver's challenge with its private key (nkey, or a user JWT and its key)",
        "Whether the receiver verified the signature, unless its INFO line asks for authentication";
    CLAIMED = "nats.name-sent", v 1, Observed, Wire,
        "The caller sent a user name and no password",
        "Nothing proves the name";
    ACCEPTED = "nats.accepted", v 1, Observed, Wire,
        "After a proof was presented, the receiver went on instead of refusing",
        "Whether it would have gone on without";
    SERVED = "nats.served", v 1, Observed, Wire,
        "The receiver answered after CONNECT (+OK, PONG or a message)",
        "Which subjects the caller may use";
    REFUSED = "nats.authorization-violation", v 1, Observed, Wire,
        "The receiver refused the caller's identity, or that it gave none",
        "Not which proof would have been enough";
    NOT_ALLOWED = "nats.permissions-violation", v 1, Observed, Wire,
        "The receiver knows the caller and does not let it use this subject",
        "Not what else the caller may do";
    ENDED = "nats.session-refused", v 1, Observed, Wire,
        "The receiver ended the session for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Nats,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Nats::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest line that is read: an INFO line lists every server of a cluster.
const LINE: usize = 65_536;

/// The verb and its JSON object, or the start of a TLS handshake where INFO asked for it.
fn call_likeness(bytes: &[u8]) -> Likeness {
    if bytes.first() == Some(&0x16) {
        return Likeness::starts_with(bytes, &[0x16, 3]);
    }
    verb_likeness(bytes, b"CONNECT")
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    verb_likeness(bytes, b"INFO")
}

fn verb_likeness(bytes: &[u8], verb: &[u8]) -> Likeness {
    let (start, rest) = bytes.split_at_checked(verb.len()).unwrap_or((bytes, &[]));
    if !verb.get(..start.len()).is_some_and(|verb| verb.eq_ignore_ascii_case(start)) {
        return Likeness::Unlike;
    }
    let object = rest.trim_ascii_start();
    match (rest.first(), object.first()) {
        (Some(b' ' | b'\t'), Some(b'{')) => Likeness::Like,
        (None, _) => Likeness::Unsure,
        (Some(b' ' | b'\t'), None) if rest.len() < 16 => Likeness::Unsure,
        (Some(_), _) => Likeness::Unlike,
    }
}

#[derive(Deserialize)]
struct Greeting<'a> {
    #[serde(default)]
    auth_required: bool,
    #[serde(borrow, default)]
    nonce: Option<Cow<'a, str>>,
}

/// What of CONNECT is looked at. Strings with escapes are copies, and are wiped.
#[derive(Deserialize)]
struct Connect<'a> {
    #[serde(borrow, default)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pass: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    auth_token: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    jwt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    nkey: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sig: Option<Cow<'a, str>>,
}

impl Drop for Connect<'_> {
    fn drop(&mut self) {
        for text in [&mut self.user, &mut self.pass, &mut self.auth_token, &mut self.jwt, &mut self.sig] {
            if let Some(Cow::Owned(text)) = text {
                text.zeroize();
            }
        }
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Nats {
    greeted: bool,
    connected: bool,
    auth_required: bool,
    nonce: bool,
    proof: bool,
}

/// The bytes of `text`, if it has any.
fn bytes<'a>(text: Option<&'a Cow<'_, str>>) -> Option<&'a [u8]> {
    text.map(|text| text.as_bytes()).filter(|text| !text.is_empty())
}

impl Nats {
    fn connect(&mut self, text: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let options: Connect<'_> = serde_json::from_slice(text).ok()?;
        let offer = offer(&options, notes);
        let kind = offer.as_ref().and_then(|(_, shown)| shown.proof());
        self.proof = kind.is_some();
        if self.auth_required {
            let wanted = if self.nonce { Proof::Key } else { Proof::Secret };
            notes.say(&DEMANDED, Shown::Demands { proof: kind.unwrap_or(wanted) });
        }
        if let Some((rule, offer)) = offer {
            notes.say(rule, offer);
        }
        self.connected = true;
        Some(())
    }

    /// A line of the receiver after CONNECT.
    fn answer(&self, line: &[u8], notes: &mut Notes<'_>) -> Next {
        let is = |start: &str| {
            line.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start.as_bytes()))
        };
        if is("-ERR") {
            let text = String::from_utf8_lossy(line).to_ascii_lowercase();
            let (rule, why): (&'static Rule, Refusal) = if text.contains("permissions violation") {
                (&NOT_ALLOWED, Refusal::NotAllowed)
            } else if text.contains("authorization") || text.contains("authentication") {
                (&REFUSED, if self.proof { Refusal::ProofWrong } else { Refusal::ProofMissing })
            } else {
                (&ENDED, Refusal::Other)
            };
            notes.say(rule, Shown::Refuses { why });
            return Next::Settled;
        }
        if is("+OK") || is("PONG") || is("MSG ") || is("HMSG ") {
            if self.proof {
                notes.say(&ACCEPTED, Shown::Accepts);
            }
            notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
            return Next::Settled;
        }
        // The receiver's own PING, and INFO lines about its cluster.
        if is("PING") || is("INFO") { Next::More } else { Next::Lost(Hidden::Unsupported) }
    }
}

/// The strongest proof among the options of CONNECT.
fn offer(options: &Connect<'_>, notes: &Notes<'_>) -> Option<(&'static Rule, Shown)> {
    let scope = Scope::Connection;
    let user = bytes(options.user.as_ref()).map(|name| Principal::bounded(PrincipalKind::User, name));
    let jwt = bytes(options.jwt.as_ref()).and_then(|jwt| token::bearer(jwt, notes));
    let nkey = bytes(options.nkey.as_ref());
    if bytes(options.sig.as_ref()).is_some() && (jwt.is_some() || nkey.is_some()) {
        let signature = Credential::of(CredentialKind::Signature);
        // The key signs the challenge; how long it is good is what the token around it says.
        let credential = Some(match jwt.as_ref().map(|jwt| &jwt.credential) {
            Some(Credential { lifetime_s, not_before, not_after, .. }) => Credential {
                lifetime_s: *lifetime_s,
                not_before: *not_before,
                not_after: *not_after,
                ..signature
            },
            None => signature,
        });
        let principal = jwt
            .and_then(|jwt| jwt.principal)
            .or_else(|| nkey.map(|nkey| Principal::bounded(PrincipalKind::User, nkey)));
        return Some((&SIGNED, Shown::Offers { proof: Proof::Key, scope, principal, credential }));
    }
    if let Some(password) = bytes(options.pass.as_ref()) {
        let credential =
            Some(Credential::clear(CredentialKind::Password, notes.fingerprint("password", password)));
        return Some((&PASSWORD, Shown::Offers { proof: Proof::Secret, scope, principal: user, credential }));
    }
    let bearer =
        jwt.or_else(|| bytes(options.auth_token.as_ref()).and_then(|sent| token::bearer(sent, notes)));
    if let Some(sent) = bearer {
        let principal = sent.principal.or(user);
        let credential = Some(sent.credential);
        return Some((&TOKEN, Shown::Offers { proof: sent.proof, scope, principal, credential }));
    }
    let claim = Shown::Offers { proof: Proof::Claim, scope, principal: Some(user?), credential: None };
    Some((&CLAIMED, claim))
}

/// What follows the verb of a line.
fn object(line: &[u8]) -> &[u8] {
    line.iter().position(|byte| *byte == b'{').and_then(|at| line.get(at..)).unwrap_or_default()
}

impl Dissector for Nats {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if from == Role::Originator && (!self.greeted || bytes.is_empty()) {
            return Next::More;
        }
        if from == Role::Responder && self.greeted && !self.connected {
            return Next::More;
        }
        if from == Role::Originator && self.connected {
            // What the caller says after CONNECT decides nothing.
            let count = bytes.len();
            input.read(count);
            return Next::More;
        }
        if from == Role::Originator && bytes.first() == Some(&0x16) {
            return Next::Upgraded(super::tls::begin());
        }
        let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
            return if bytes.len() < LINE { Next::More } else { Next::Lost(Hidden::Unsupported) };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let next = match from {
            Role::Responder if self.greeted => self.answer(line, notes),
            Role::Responder => match serde_json::from_slice::<Greeting<'_>>(object(line)) {
                Ok(greeting) => {
                    self.greeted = true;
                    self.auth_required = greeting.auth_required;
                    self.nonce = greeting.nonce.is_some_and(|nonce| !nonce.is_empty());
                    Next::More
                }
                Err(_) => Next::Lost(Hidden::Unsupported),
            },
            Role::Originator => {
                self.connect(object(line), notes).map_or(Next::Lost(Hidden::Unsupported), |()| Next::More)
            }
        };
        input.read(end.saturating_add(1));
        next
    }
}
