//! RFB, the protocol of VNC: which security type was agreed, and what it came to.
//!
//! Sources: RFC 6143 sections 7.1 to 7.3; the community's rfbproto text for VeNCrypt (19) and its sub-types.

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DEMANDED = "vnc.challenge-sent", v 1, Observed, Wire,
        "The receiver sent a challenge to be answered from a shared password (type 2), and offered no way without",
        "Not how strong the password is";
    ANSWERED = "vnc.challenge-answered", v 1, Observed, Wire,
        "The caller answered the challenge (type 2)",
        "The password itself is not visible";
    PASSWORD = "vnc.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (VeNCrypt Plain)",
        "A receiver may take any password";
    SEALED = "vnc.protected-password-sent", v 1, Observed, Wire,
        "The caller sent a name and a password under a key that both sides had just agreed (types 30 and 113)",
        "Neither can be read; the agreement itself proves nobody";
    ACCEPTED = "vnc.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the proof with success",
        "Not what the session lets the caller do";
    SESSION = "vnc.session-opened", v 1, Observed, Wire,
        "The receiver opened a session after a proof",
        "Whether it only shows the screen";
    SERVED = "vnc.screen-shown", v 1, Observed, Wire,
        "The receiver began a session by the security type None",
        "Whether its user was asked on the screen";
    REFUSED = "vnc.refused", v 1, Observed, Wire,
        "The receiver refused before any proof was asked for",
        "For which reason";
    PROOF_REFUSED = "vnc.proof-refused", v 1, Observed, Wire,
        "The receiver answered the proof with failure",
        "Whether the proof was wrong or too many were tried";
    ENCRYPTED = "vnc.encrypted-security", v 1, Observed, Wire,
        "A security type was agreed whose exchange is encrypted or private",
        "What was proved is not known";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Vnc,
    call: version_likeness,
    reply: version_likeness,
    begin: || Box::new(Vnc::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Longest name or password of VeNCrypt Plain.
const FIELD: u32 = 1024;

/// `RFB xxx.yyy` and a line's end.
fn version_likeness(bytes: &[u8]) -> Likeness {
    Likeness::starts_with(bytes, b"RFB 00")
}

/// One flow.
#[derive(Default, Debug)]
struct Vnc {
    state: State,
    /// Minor version that the receiver offered.
    offered: u8,
    /// Minor version agreed: 3, 7 or 8.
    minor: u8,
    /// The receiver would have served without a proof.
    none_offered: bool,
    /// The proof that waits for its result.
    offer: Option<(&'static Rule, Shown)>,
}

/// Whose turn it is, and for what.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum State {
    #[default]
    ReceiverVersion,
    CallerVersion,
    /// The receiver's list, or its choice (3.3).
    Types,
    /// The caller's choice.
    Choice,
    Challenge,
    Answer,
    Result,
    /// The caller's first message after security type None.
    CallerStarts,
    /// The receiver's first.
    ReceiverStarts,
    /// VeNCrypt: versions, their acknowledgement, sub-types, choice, acknowledgement.
    VenVersion,
    VenCallerVersion,
    VenTypes,
    VenChoice,
    VenStart,
    VenPlain,
    /// Tight: tunnels, the caller's choice, types of authentication, the choice.
    TightTunnels,
    TightTunnel,
    TightTypes,
    TightChoice,
    /// Diffie-Hellman parameters, Apple's (30) or UltraVNC's (113), and the name and password under the agreed key.
    AppleParameters,
    UltraParameters,
    Sealed(usize),
}

impl State {
    /// Who speaks next.
    fn speaker(self) -> Role {
        match self {
            Self::CallerVersion
            | Self::Choice
            | Self::Answer
            | Self::CallerStarts
            | Self::VenCallerVersion
            | Self::VenChoice
            | Self::VenPlain
            | Self::TightTunnel
            | Self::TightChoice
            | Self::Sealed(_) => Role::Originator,
            Self::ReceiverVersion
            | Self::Types
            | Self::Challenge
            | Self::Result
            | Self::ReceiverStarts
            | Self::VenVersion
            | Self::VenTypes
            | Self::VenStart
            | Self::TightTunnels
            | Self::TightTypes
            | Self::AppleParameters
            | Self::UltraParameters => Role::Responder,
        }
    }
}

/// What a step came to: bytes read and the next state, or an end.
type Step = Option<Result<(usize, State), Next>>;

/// The minor version of a version message, as RFC 6143 section 7.1.1 reads it.
fn minor(bytes: &[u8]) -> Option<u8> {
    let number = std::str::from_utf8(bytes.get(8..11)?).ok()?.parse::<u16>().ok()?;
    let known = match (bytes.get(4..7)?, number) {
        (b"003", 7) => 7,
        (b"003", 8) | (b"004" | b"005", _) => 8,
        // 3.5 is to be taken for 3.3; 3.889 is Apple's, which speaks 3.8.
        (b"003", 889) => 8,
        _ => 3,
    };
    Some(known)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// Where a list of Tight's capabilities ends: their number, 16 bytes for each.
fn capabilities(bytes: &[u8]) -> Option<usize> {
    let count = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let end = count.checked_mul(16)?.checked_add(4)?;
    bytes.get(..end)?;
    Some(end)
}

impl Vnc {
    /// Reads one message; `None` while it is not whole.
    fn step(&mut self, bytes: &[u8], notes: &mut Notes<'_>) -> Step {
        let lost = || Some(Err(Next::Lost(Hidden::Unsupported)));
        match self.state {
            State::ReceiverVersion => {
                self.offered = minor(bytes.get(..12)?)?;
                Some(Ok((12, State::CallerVersion)))
            }
            State::CallerVersion => {
                self.minor = minor(bytes.get(..12)?)?.min(self.offered);
                Some(Ok((12, State::Types)))
            }
            State::Types if self.minor == 3 => {
                let kind = u32_at(bytes, 0)?;
                let Ok(kind) = u8::try_from(kind) else { return lost() };
                self.chosen(kind, 4, notes)
            }
            State::Types => {
                let count = usize::from(*bytes.first()?);
                if count == 0 {
                    notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                    return Some(Err(Next::Settled));
                }
                let end = count.saturating_add(1);
                self.none_offered = bytes.get(1..end)?.contains(&1);
                Some(Ok((end, State::Choice)))
            }
            State::Choice => self.chosen(*bytes.first()?, 1, notes),
            State::Challenge => {
                bytes.get(..16)?;
                if !self.none_offered {
                    notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
                }
                Some(Ok((16, State::Answer)))
            }
            State::Answer => {
                bytes.get(..16)?;
                self.offer = Some((&ANSWERED, sasl::challenge_offer(b"")));
                Some(Ok((16, State::Result)))
            }
            State::Result => {
                let code = u32_at(bytes, 0)?;
                match self.offer.take() {
                    Some((rule, shown)) => {
                        let claim = matches!(shown, Shown::Offers { proof: Proof::Claim, .. });
                        notes.say(rule, shown);
                        if code == 0 && !claim {
                            notes.say(&ACCEPTED, Shown::Accepts);
                        }
                        if code == 0 {
                            notes.say(&SESSION, Shown::Serves { operation: Operation::Service });
                        } else {
                            let why = if code == 1 && !claim { Refusal::ProofWrong } else { Refusal::Other };
                            notes.say(&PROOF_REFUSED, Shown::Refuses { why });
                        }
                        Some(Err(Next::Settled))
                    }
                    None if code == 0 => Some(Ok((4, State::CallerStarts))),
                    None => {
                        notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                        Some(Err(Next::Settled))
                    }
                }
            }
            State::CallerStarts => bytes.first().map(|_| Ok((1, State::ReceiverStarts))),
            State::ReceiverStarts => {
                // Size of the screen, pixel format, length of its name.
                bytes.get(..24)?;
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                Some(Err(Next::Settled))
            }
            State::VenVersion => bytes.get(..2).map(|_| Ok((2, State::VenCallerVersion))),
            State::VenCallerVersion => match bytes.get(..2)? {
                [0, 2] => Some(Ok((2, State::VenTypes))),
                // Version 0.1 numbers its types differently; 0.0 ends it.
                _ => lost(),
            },
            State::VenTypes => {
                if *bytes.first()? != 0 {
                    return lost();
                }
                let end = usize::from(*bytes.get(1)?).saturating_mul(4).saturating_add(2);
                bytes.get(..end)?;
                Some(Ok((end, State::VenChoice)))
            }
            State::VenChoice => match u32_at(bytes, 0)? {
                256 => Some(Ok((4, State::VenPlain))),
                257..=264 => Some(Ok((4, State::VenStart))),
                _ => lost(),
            },
            State::TightTunnels => {
                let end = capabilities(bytes)?;
                let next = if end == 4 { State::TightTypes } else { State::TightTunnel };
                Some(Ok((end, next)))
            }
            // Only "no tunnel" can be read on.
            State::TightTunnel => match u32_at(bytes, 0)? {
                0 => Some(Ok((4, State::TightTypes))),
                _ => lost(),
            },
            State::TightTypes => {
                let end = capabilities(bytes)?;
                // An empty list asks for nothing.
                if end == 4 {
                    return self.chosen(1, 4, notes);
                }
                self.none_offered =
                    bytes.get(4..end)?.chunks_exact(16).any(|it| it.starts_with(&[0, 0, 0, 1]));
                Some(Ok((end, State::TightChoice)))
            }
            State::TightChoice => match u32_at(bytes, 0)? {
                kind @ (1 | 2) => self.chosen(u8::try_from(kind).ok()?, 4, notes),
                // A Unix login, in the form of VeNCrypt's Plain.
                129 => Some(Ok((4, State::VenPlain))),
                _ => lost(),
            },
            State::AppleParameters => {
                let length = usize::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?));
                let end = length.saturating_mul(2).saturating_add(4);
                bytes.get(..end)?;
                Some(Ok((end, State::Sealed(length.saturating_add(128)))))
            }
            State::UltraParameters => {
                bytes.get(..24)?;
                Some(Ok((24, State::Sealed(8 + 256 + 64))))
            }
            State::Sealed(length) => {
                bytes.get(..length)?;
                self.offer = Some((&SEALED, sasl::challenge_offer(b"")));
                Some(Ok((length, State::Result)))
            }
            State::VenStart => match bytes.first()? {
                1 => Some(Err(Next::Upgraded(super::tls::begin()))),
                _ => lost(),
            },
            State::VenPlain => {
                let (name, password) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
                if name > FIELD || password > FIELD {
                    return lost();
                }
                let middle = usize::try_from(name).ok()?.saturating_add(8);
                let end = usize::try_from(password).ok()?.saturating_add(middle);
                let (name, password) = (bytes.get(8..middle)?, bytes.get(middle..end)?);
                self.offer = Some(sasl::password_offer(&PASSWORD, name, password, notes));
                Some(Ok((end, State::Result)))
            }
        }
    }

    /// A security type was agreed by a message of `count` bytes.
    fn chosen(&mut self, kind: u8, count: usize, notes: &mut Notes<'_>) -> Step {
        match kind {
            0 => {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::Other });
                Some(Err(Next::Settled))
            }
            // Only 3.8 answers None by a result.
            1 if self.minor == 8 => Some(Ok((count, State::Result))),
            1 => Some(Ok((count, State::CallerStarts))),
            2 => Some(Ok((count, State::Challenge))),
            18 if count == 1 => Some(Err(Next::Upgraded(super::tls::begin()))),
            16 => Some(Ok((count, State::TightTunnels))),
            30 => Some(Ok((count, State::AppleParameters))),
            113 => Some(Ok((count, State::UltraParameters))),
            19 => Some(Ok((count, State::VenVersion))),
            _ => {
                notes.say(&ENCRYPTED, Shown::Hidden { why: Hidden::Encrypted });
                Some(Err(Next::Settled))
            }
        }
    }
}

impl Dissector for Vnc {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if self.state.speaker() != from {
            return Next::More;
        }
        let state = self.state;
        match self.step(input.bytes(), notes) {
            None if matches!(state, State::ReceiverVersion | State::CallerVersion)
                && input.bytes().len() >= 12 =>
            {
                Next::Lost(Hidden::Unsupported)
            }
            None => Next::More,
            Some(Ok((count, next))) => {
                self.state = next;
                input.read(count);
                Next::More
            }
            Some(Err(next)) => {
                if matches!(next, Next::Upgraded(_)) {
                    input.read(1);
                }
                next
            }
        }
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((rule, shown)) = self.offer.take() {
            notes.say(rule, shown);
        }
    }
}
