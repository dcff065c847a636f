//! MySQL client/server protocol 10, and whatever else speaks it (MariaDB, proxies).
//!
//! Sources: MySQL internals documentation, "Connection Phase" (HandshakeV10, HandshakeResponse41 and 320, SSLRequest,
//! AuthSwitchRequest, AuthMoreData, AuthNextFactor, ERR_Packet); MariaDB knowledge base, "Connecting".

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::mysql_rules::*;
use super::token;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Protocol, Refusal, Rule,
    Scope, Shown,
};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Mysql,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Mysql::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest packet of the connection phase that is read.
const PACKET: usize = 65_536;
/// Shortest HandshakeResponse41: flags, packet size, character set, filler. An SSLRequest is exactly that.
const RESPONSE: usize = 32;

const CONNECT_WITH_DB: u32 = 0x8;
const PROTOCOL_41: u32 = 0x200;
const SSL: u32 = 0x800;
const SECURE_CONNECTION: u32 = 0x8000;
const PLUGIN_AUTH: u32 = 0x0008_0000;
const PLUGIN_AUTH_LENENC: u32 = 0x0020_0000;

/// Length and sequence number of the packet that `bytes` begins with.
fn head(bytes: &[u8]) -> Option<(usize, u8)> {
    let [low, middle, high, sequence] = Cursor(bytes).array()?;
    let length = usize::try_from(u32::from_le_bytes([low, middle, high, 0])).ok()?;
    Some((length, sequence))
}

fn reply_likeness(bytes: &[u8]) -> Likeness {
    // Greeting: protocol version 10, then the server's version as text.
    let fits = |at: usize, fits: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| fits(*byte));
    let start = fits(2, |byte| byte == 0) && fits(3, |byte| byte == 0) && fits(4, |byte| byte == 10);
    let text = (5..7).all(|at| fits(at, |byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    match head(bytes) {
        Some((length, _)) if !(20..=4096).contains(&length) => Likeness::Unlike,
        _ if !start || !text => Likeness::Unlike,
        Some(_) if bytes.len() >= 7 => Likeness::Like,
        Some(_) | None => Likeness::Unsure,
    }
}

fn call_likeness(bytes: &[u8]) -> Likeness {
    let (length, sequence) = match head(bytes) {
        Some(found) => found,
        None if bytes.get(2).is_none_or(|high| usize::from(*high) << 16 <= PACKET) => {
            return Likeness::Unsure;
        }
        None => return Likeness::Unlike,
    };
    if sequence != 1 || !(6..=PACKET).contains(&length) {
        return Likeness::Unlike;
    }
    let body = bytes.get(4..).unwrap_or_default();
    let Some(flags) = Cursor(body).array().map(u16::from_le_bytes) else { return Likeness::Unsure };
    if u32::from(flags) & PROTOCOL_41 == 0 {
        return if length <= 512 { Likeness::Like } else { Likeness::Unlike };
    }
    // The filler is zero but for its last four bytes, which MariaDB uses.
    match body.get(9..28) {
        Some(filler) if length >= RESPONSE && filler.iter().all(|byte| *byte == 0) => Likeness::Like,
        None if length >= RESPONSE => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// Whose packet comes next.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    /// The receiver's greeting.
    #[default]
    Greeting,
    /// The caller's response to it.
    Response,
    /// The receiver judges what it was given.
    Judgement,
    /// The caller answers what it was asked.
    Answer,
}

/// How the account's proof is given, by the name of the caller's plugin.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Plugin {
    /// A digest over the challenge.
    #[default]
    Digest,
    /// The same, and on request the password itself, in clear or under the receiver's RSA key.
    Sha2,
    /// The password in clear.
    Clear,
    /// GSSAPI, Kerberos or SSPI.
    Ticket,
    /// OpenID Connect identity token.
    Token,
    /// A private key's signature.
    Signature,
    /// None that is known here.
    Unknown,
}

impl Plugin {
    fn named(name: &[u8]) -> Self {
        match name {
            b"mysql_native_password"
            | b"mysql_old_password"
            | b"client_ed25519"
            | b"parsec"
            | b"authentication_ldap_sasl_client" => Self::Digest,
            b"caching_sha2_password" | b"sha256_password" => Self::Sha2,
            b"mysql_clear_password" | b"dialog" => Self::Clear,
            b"auth_gssapi_client" | b"authentication_kerberos_client" | b"authentication_windows_client" => {
                Self::Ticket
            }
            b"authentication_openid_connect_client" => Self::Token,
            b"authentication_oci_client"
            | b"authentication_fido_client"
            | b"authentication_webauthn_client" => Self::Signature,
            _ => Self::Unknown,
        }
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Mysql {
    turn: Turn,
    plugin: Plugin,
    user: Option<Principal>,
    /// What the caller presented, until the receiver judges it.
    offer: Option<(&'static Rule, Shown)>,
    /// An earlier factor was taken.
    proved: bool,
}

impl Mysql {
    /// The caller's response to the greeting; `None` when it does not parse.
    fn response(&mut self, body: &[u8], notes: &Notes<'_>) -> Option<()> {
        let mut fields = Cursor(body);
        let low = u32::from(u16::from_le_bytes(Cursor(body).array()?));
        let (user, proof, name) = if low & PROTOCOL_41 == 0 {
            fields.take(5)?;
            let user = fields.until(0)?;
            let proof = if low & CONNECT_WITH_DB == 0 {
                fields.0.split(|byte| *byte == 0).next()?
            } else {
                fields.until(0)?
            };
            (user, proof, None)
        } else {
            let flags = fields.array().map(u32::from_le_bytes)?;
            fields.take(RESPONSE - 4)?;
            let user = fields.until(0)?;
            let proof = if flags & PLUGIN_AUTH_LENENC != 0 {
                let length = match fields.byte()? {
                    short @ 0..=250 => usize::from(short),
                    252 => usize::from(u16::from_le_bytes(fields.array()?)),
                    _ => return None,
                };
                fields.take(length)?
            } else if flags & SECURE_CONNECTION != 0 {
                let length = fields.byte()?;
                fields.take(usize::from(length))?
            } else {
                fields.until(0)?
            };
            if flags & CONNECT_WITH_DB != 0 {
                fields.until(0)?;
            }
            let name = (flags & PLUGIN_AUTH != 0)
                .then(|| fields.0.split(|byte| *byte == 0).next().unwrap_or_default());
            (user, proof, name.filter(|name| !name.is_empty()))
        };
        self.user = Some(Principal::bounded(PrincipalKind::User, user));
        self.plugin = name.map_or(Plugin::Digest, Plugin::named);
        self.present(proof, notes);
        Some(())
    }

    /// What the caller presents for the plugin that is in use.
    fn present(&mut self, proof: &[u8], notes: &Notes<'_>) {
        // With no password, some plugins send nothing and some a single zero.
        if matches!(proof, [] | [0]) {
            return;
        }
        let password = Credential::of(CredentialKind::Password);
        let clear = |text: &[u8]| Credential {
            fingerprint: Some(notes.fingerprint("password", text.strip_suffix(b"\0").unwrap_or(text))),
            cleartext: true,
            ..password.clone()
        };
        let user = self.user.clone();
        let (rule, proof, principal, credential): (&'static Rule, Proof, _, _) = match self.plugin {
            // One byte asks for the receiver's RSA key.
            Plugin::Sha2 if proof.len() == 1 => return,
            Plugin::Sha2 if is_clear_password(proof) => (&CLEARTEXT_SENT, Proof::Secret, user, clear(proof)),
            Plugin::Digest | Plugin::Sha2 => (&CHALLENGE_ANSWERED, Proof::Secret, user, password),
            Plugin::Clear => (&CLEARTEXT_SENT, Proof::Secret, user, clear(proof)),
            Plugin::Ticket => {
                let ntlm = proof.windows(8).any(|part| part == b"NTLMSSP\0");
                let kind = if ntlm { Proof::Secret } else { Proof::Key };
                (&TICKET_SENT, kind, user, Credential { kind: CredentialKind::Ticket, ..password })
            }
            Plugin::Token => {
                // A flag byte and a length come first; the token itself has neither spaces nor control characters.
                let text = proof.rsplit(|byte| !byte.is_ascii_graphic()).find(|part| part.contains(&b'.'));
                let Some(sent) = text.and_then(|text| token::bearer(text, notes)) else { return };
                (&TOKEN_SENT, sent.proof, sent.principal.or(user), sent.credential)
            }
            Plugin::Signature => (
                &SIGNATURE_SENT,
                Proof::Key,
                user,
                Credential { kind: CredentialKind::Signature, ..password },
            ),
            Plugin::Unknown => return,
        };
        let offer =
            Shown::Offers { proof, scope: Scope::Connection, principal, credential: Some(credential) };
        self.offer = Some((rule, offer));
    }

    /// Says what was presented; `false` when that was nothing.
    fn say_offer(&mut self, notes: &mut Notes<'_>) -> bool {
        let Some((rule, offer)) = self.offer.take() else { return false };
        if let Shown::Offers { proof, .. } = &offer {
            notes.say(&CHALLENGED, Shown::Demands { proof: *proof });
        }
        notes.say(rule, offer);
        true
    }

    /// The receiver's packet while it judges.
    fn judgement(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let (kind, rest) = body.split_first()?;
        match kind {
            0 => {
                // What an unknown plugin made of the caller's bytes can't be told.
                if self.plugin == Plugin::Unknown {
                    return Some(Next::Lost(Hidden::Unsupported));
                }
                if self.say_offer(notes) || self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                } else {
                    let claim = Shown::Offers {
                        proof: Proof::Claim,
                        scope: Scope::Connection,
                        principal: self.user.take(),
                        credential: None,
                    };
                    notes.say(&CLAIMED, claim);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            0xff => {
                let code = u16::from_le_bytes(Cursor(rest).array()?);
                let offered = self.say_offer(notes);
                let (rule, why): (&'static Rule, Refusal) = match code {
                    1045 | 1698 if offered => (&PROOF_REFUSED, Refusal::ProofWrong),
                    1045 | 1698 => (&PROOF_REFUSED, Refusal::ProofMissing),
                    1129 | 1130 => (&PLACE_REFUSED, Refusal::Place),
                    1044 | 1142 | 1227 | 3118 | 4151 => (&NOT_ALLOWED, Refusal::NotAllowed),
                    _ => (&REFUSED, Refusal::Other),
                };
                notes.say(rule, Shown::Refuses { why });
                return Some(Next::Settled);
            }
            // AuthSwitchRequest: what was sent for the first plugin counts for nothing. Alone, it asks for the oldest digest.
            0xfe => {
                let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                self.plugin = if name.is_empty() { Plugin::Digest } else { Plugin::named(name) };
                self.offer = None;
                self.turn = Turn::Answer;
            }
            // AuthMoreData; the receiver goes on by itself when it knew the digest.
            1 if rest == [3] && self.plugin == Plugin::Sha2 => {}
            1 => self.turn = Turn::Answer,
            // AuthNextFactor: the first factor was right, and keeps its place unless this one is stronger.
            2 => {
                self.proved |= self.say_offer(notes);
                let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
                self.plugin = Plugin::named(name);
                self.turn = Turn::Answer;
            }
            _ => return Some(Next::Lost(Hidden::Unsupported)),
        }
        None
    }
}

/// The password itself, as it is sent where the transport counts as safe: text and a zero, and not an RSA block.
fn is_clear_password(proof: &[u8]) -> bool {
    let digest = proof.len() == 32 || !proof.is_empty() && proof.len().is_multiple_of(128);
    proof.split_last().is_some_and(|(end, text)| *end == 0 && !text.contains(&0)) && !digest
}

impl Dissector for Mysql {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let expected = match self.turn {
            Turn::Greeting | Turn::Judgement => Role::Responder,
            Turn::Response | Turn::Answer => Role::Originator,
        };
        if from != expected {
            return Next::More;
        }
        let Some((length, _)) = head(input.bytes()) else { return Next::More };
        if length > PACKET {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = length.saturating_add(4);
        let Some(body) = input.bytes().get(4..end).map(|body| Zeroizing::new(body.to_vec())) else {
            return Next::More;
        };
        input.read(end);
        match self.turn {
            Turn::Greeting => self.turn = Turn::Response,
            Turn::Response => {
                let flags = Cursor(&body).array().map_or(0, u32::from_le_bytes);
                if length == RESPONSE && flags & SSL != 0 {
                    return Next::Upgraded(super::tls::begin());
                }
                if self.response(&body, notes).is_none() {
                    return Next::Lost(Hidden::Unsupported);
                }
                self.turn = Turn::Judgement;
            }
            Turn::Answer => {
                self.present(&body, notes);
                self.turn = Turn::Judgement;
            }
            Turn::Judgement => match self.judgement(&body, notes) {
                Some(next) => return next,
                // A packet that is too short to say anything.
                None if body.is_empty() || body.len() < 3 && body.first() == Some(&0xff) => {
                    return Next::Lost(Hidden::Unsupported);
                }
                None => {}
            },
        }
        Next::More
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        self.say_offer(notes);
    }
}
