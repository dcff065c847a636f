//! SSH 1: what its key exchange names in clear, and the whole authentication where no cipher was chosen.
//!
//! Source: T. Ylönen, "The SSH (Secure Shell) Remote Login Protocol" (1995), sections "The Binary Packet Protocol",
//! "Protocol Message Types" and "Authentication Requests".

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Next, Notes, rules};
use super::sasl;
use super::{
    Credential, CredentialKind, Hidden, Operation, Principal, PrincipalKind, Proof, Refusal, Rule, Scope,
    Shown,
};
use crate::event::Role;

rules! {
    pub(crate) table;
    ENCRYPTED = "ssh.version-1-encrypted", v 1, Observed, Wire,
        "Both sides speak SSH 1 and switched to encryption; authentication comes after that",
        "Who called and how the receiver checked it is not visible";
    PLACE = "ssh.version-1-hosts-trusted", v 1, Observed, Wire,
        "Both sides speak SSH 1, and the receiver names trust in the caller's host (rhosts) among its methods",
        "Which method this caller used is inside the encryption";
    DEMANDED = "ssh.version-1-identity-demanded", v 1, Observed, Wire,
        "The receiver did not let the user in for the name alone, in a session without a cipher",
        "Not which proof would have been enough";
    NAMED = "ssh.version-1-user-named", v 1, Observed, Wire,
        "The caller named a user in clear, or a user of its own host",
        "Nothing proves the name";
    PASSWORD = "ssh.version-1-password-sent", v 1, Observed, Wire,
        "The caller sent a password in a session without a cipher",
        "A receiver may take any password";
    ANSWERED = "ssh.version-1-challenge-answered", v 1, Observed, Wire,
        "The caller answered the receiver's challenge (TIS)",
        "Whether the answer can be used again";
    KEY = "ssh.version-1-key-proved", v 1, Observed, Wire,
        "The caller answered a challenge that its RSA key alone opens, or sent a Kerberos ticket",
        "Whose key it is, and how long it is good";
    ACCEPTED = "ssh.version-1-accepted", v 1, Observed, Wire,
        "The receiver accepted the proof",
        "Not what the user may do";
    OPENED = "ssh.version-1-session-opened", v 1, Observed, Wire,
        "The receiver let the user in, in a session without a cipher",
        "Not what the user may do";
    WRONG = "ssh.version-1-proof-refused", v 1, Observed, Wire,
        "The receiver refused the proof",
        "Whether the name, the proof or the method was wrong";
}

/// Longest packet that is read; keys and passwords are far shorter.
const READ: u32 = 4096;
/// Methods' bits in the receiver's mask: rhosts, and rhosts with the host's key.
const HOSTS: u32 = 1 << 1;
/// Refusals that are reported.
const REPORTED: u32 = 16;

const DISCONNECT: u8 = 1;
const PUBLIC_KEY: u8 = 2;
const SESSION_KEY: u8 = 3;
const USER: u8 = 4;
const AUTH_RHOSTS: u8 = 5;
const AUTH_RSA: u8 = 6;
const RSA_CHALLENGE: u8 = 7;
const RSA_RESPONSE: u8 = 8;
const AUTH_PASSWORD: u8 = 9;
const SUCCESS: u8 = 14;
const FAILURE: u8 = 15;
const AUTH_RHOSTS_RSA: u8 = 35;
const AUTH_TIS: u8 = 39;
const TIS_CHALLENGE: u8 = 40;
const TIS_RESPONSE: u8 = 41;
const AUTH_KERBEROS: u8 = 42;

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Turn {
    /// The receiver's keys.
    #[default]
    Keys,
    /// The caller's session key and choice of a cipher.
    Choice,
    /// The receiver's confirmation of it.
    Confirmation,
    /// A request of the caller.
    Request,
    /// The answer to it; true for the one to the user's name.
    Answer(bool),
}

/// One flow, behind both version lines.
#[derive(Default, Debug)]
pub(crate) struct Ssh1 {
    turn: Turn,
    hosts: bool,
    user: Option<Principal>,
    offer: Option<(&'static Rule, Shown)>,
    reported: u32,
}

/// What a packet holds before its check sum, and the packet's length.
fn packet(bytes: &[u8]) -> Option<Result<(&[u8], usize), ()>> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?);
    if !(5..=READ).contains(&length) {
        return Some(Err(()));
    }
    let length = usize::try_from(length).ok()?;
    // To a multiple of eight, and never nothing.
    let padding = 8_usize.saturating_sub(length % 8);
    let start = padding.saturating_add(4);
    let end = start.saturating_add(length);
    let content = bytes.get(start..end)?;
    Some(Ok((content.get(..length.saturating_sub(4)).unwrap_or_default(), end)))
}

/// A string with its length.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor(bytes);
    let length = usize::try_from(u32::from_be_bytes(cursor.array()?)).ok()?;
    cursor.take(length)
}

impl Ssh1 {
    /// A request of the caller, in clear.
    fn request(&mut self, kind: u8, content: &[u8], notes: &Notes<'_>) -> Option<Turn> {
        let proof = |rule: &'static Rule, proof, kind| {
            let (scope, principal) = (Scope::Connection, self.user.clone());
            (rule, Shown::Offers { proof, scope, principal, credential: Some(Credential::of(kind)) })
        };
        let offer = match kind {
            USER => {
                let name = string(content)?;
                self.user = Some(Principal::bounded(PrincipalKind::User, name));
                self.offer = Some((&NAMED, sasl::name_offer(name)));
                return Some(Turn::Answer(true));
            }
            // The name on the caller's host, which the host vouches for, with its key or without.
            AUTH_RHOSTS | AUTH_RHOSTS_RSA => (&NAMED as &'static Rule, sasl::name_offer(string(content)?)),
            AUTH_PASSWORD => {
                let name = self.user.as_ref().map(|user| user.name.clone()).unwrap_or_default();
                sasl::password_offer(&PASSWORD, name.as_bytes(), string(content)?, notes)
            }
            RSA_RESPONSE => proof(&KEY, Proof::Key, CredentialKind::Signature),
            TIS_RESPONSE => proof(&ANSWERED, Proof::Secret, CredentialKind::Password),
            AUTH_KERBEROS => proof(&KEY, Proof::Key, CredentialKind::Ticket),
            // A method is begun, or the connection ends.
            AUTH_RSA | AUTH_TIS | DISCONNECT => {
                self.offer = None;
                return Some(Turn::Answer(false));
            }
            _ => return None,
        };
        self.offer = Some(offer);
        Some(Turn::Answer(false))
    }

    /// The answer to a request, in clear.
    fn answer(&mut self, kind: u8, name: bool, notes: &mut Notes<'_>) -> Option<Next> {
        let offer = self.offer.take();
        let proved = offer.as_ref().is_some_and(|(_, shown)| shown.proof().is_some());
        match kind {
            SUCCESS => {
                if let Some((rule, shown)) = offer {
                    notes.say(rule, shown);
                }
                if proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            FAILURE if name => notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret }),
            FAILURE => {
                self.reported = self.reported.saturating_add(1);
                if let Some((rule, shown)) = offer
                    && self.reported <= REPORTED
                {
                    notes.say(rule, shown);
                    let why = if proved { Refusal::ProofWrong } else { Refusal::Other };
                    notes.say(&WRONG, Shown::Refuses { why });
                }
            }
            RSA_CHALLENGE | TIS_CHALLENGE => {}
            DISCONNECT => return Some(Next::Settled),
            _ => return None,
        }
        self.turn = Turn::Request;
        Some(Next::More)
    }

    /// One packet; `None` when it does not fit.
    fn packet(&mut self, kind: u8, content: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        self.turn = match (self.turn, kind) {
            (Turn::Keys, PUBLIC_KEY) => {
                // Behind both keys: flags, ciphers and methods.
                let methods = content.last_chunk().map(|mask| u32::from_be_bytes(*mask));
                self.hosts = methods.is_some_and(|mask| mask & HOSTS != 0);
                Turn::Choice
            }
            // A cipher, 0 for none.
            (Turn::Choice, SESSION_KEY) if content.first() == Some(&0) => Turn::Confirmation,
            (Turn::Choice, SESSION_KEY) => {
                let rule: &'static Rule = if self.hosts { &PLACE } else { &ENCRYPTED };
                notes.say(rule, Shown::Hidden { why: Hidden::Encrypted });
                return Some(Next::Settled);
            }
            (Turn::Confirmation, SUCCESS) => Turn::Request,
            (Turn::Request, kind) => self.request(kind, content, notes)?,
            (Turn::Answer(name), kind) => return self.answer(kind, name, notes),
            (Turn::Keys | Turn::Choice | Turn::Confirmation, DISCONNECT) => return Some(Next::Settled),
            (Turn::Keys | Turn::Choice | Turn::Confirmation, _) => return None,
        };
        Some(Next::More)
    }
}

impl Dissector for Ssh1 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let receiver = matches!(self.turn, Turn::Keys | Turn::Confirmation | Turn::Answer(_));
        if receiver != (from == Role::Responder) {
            return Next::More;
        }
        let (content, length) = match packet(input.bytes()) {
            None => return Next::More,
            Some(Err(())) => return Next::Lost(Hidden::Unsupported),
            Some(Ok((content, length))) => (zeroize::Zeroizing::new(content.to_vec()), length),
        };
        input.read(length);
        let Some((kind, content)) = content.split_first() else { return Next::Lost(Hidden::Unsupported) };
        self.packet(*kind, content, notes).unwrap_or(Next::Lost(Hidden::Unsupported))
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.offer.take() {
            notes.say(rule, shown);
        }
    }
}
