//! DCE/RPC over a connection: who bound with what security context, and which calls were answered.
//!
//! Sources: C706 chapter 12.6 (connection-oriented messages), MS-RPCE 2.2.1.1 and 2.2.2 (security providers, levels,
//! `rpc_auth_3`), MS-NRPC 2.2.1.3.1 (Netlogon's token), MS-DCOM 3.1.2.5.1 (calls of the object exporter).

use std::collections::{BTreeMap, VecDeque};

use super::dcerpc_rules as rule;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::gss_token::{self, Presented, Reply};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Dcerpc,
    call: |bytes| likeness(bytes, &[BIND]),
    reply: |bytes| likeness(bytes, &[BIND_ACK, BIND_NAK, FAULT]),
    begin: || Box::new(DceRpc::default()),
    call_alone: nothing_alone,
    rules: rule::RULES,
};

const REQUEST: u8 = 0;
const RESPONSE: u8 = 2;
const FAULT: u8 = 3;
const BIND: u8 = 11;
const BIND_ACK: u8 = 12;
const BIND_NAK: u8 = 13;
const ALTER: u8 = 14;
const ALTER_RESPONSE: u8 = 15;
const AUTH_3: u8 = 16;

/// Bytes of the header that all messages share.
const HEADER: usize = 16;
/// Bytes of a call's header, and of an answer's.
const CALL_HEADER: usize = 24;
/// Most calls that wait for their answer.
const WAITING: usize = 256;
/// Most interfaces that are told apart.
const INTERFACES: usize = 64;
/// Most refusals that are reported one by one.
const REFUSALS: u32 = 16;

/// Version 5.0 or 5.1, one of these kinds, flags, and a data representation.
fn likeness(bytes: &[u8], kinds: &[u8]) -> Likeness {
    let fits = |at: usize, byte: u8| match at {
        0 => byte == 5,
        1 => byte <= 1,
        2 => kinds.contains(&byte),
        4 => matches!(byte, 0x00 | 0x01 | 0x10 | 0x11),
        5 => byte <= 3,
        6 | 7 => byte == 0,
        _ => true,
    };
    match bytes.iter().take(8).enumerate().find(|(at, byte)| !fits(*at, **byte)) {
        Some(_) => Likeness::Unlike,
        None if bytes.len() < 8 => Likeness::Unsure,
        None => Likeness::Like,
    }
}

/// What an interface is, as far as its calls are judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interface {
    /// The endpoint mapper: looking up is for anyone, registering is not.
    Mapper,
    /// Remote management: asking is for anyone, stopping the receiver is not.
    Management,
    /// DCOM's object exporter: asking whether it lives is for anyone.
    Exporter,
    Other,
}

impl Interface {
    /// By its UUID, in the byte order of a little-endian message.
    pub(crate) fn of(uuid: &[u8]) -> Self {
        match uuid {
            b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa" => Self::Mapper,
            b"\x80\xbd\xa8\xaf\x8a\x7d\xc9\x11\xbe\xf4\x08\x00\x2b\x10\x29\x89" => Self::Management,
            b"\xc4\xfe\xfc\x99\x60\x52\x1b\x10\xbb\xcb\x00\xaa\x00\x21\x34\x7a" => Self::Exporter,
            _ => Self::Other,
        }
    }

    /// True for a call that is anonymous by design.
    pub(crate) fn is_public(self, call: u16) -> bool {
        match self {
            // ept_lookup, ept_map, ept_lookup_handle_free, ept_inq_object.
            Self::Mapper => (2..=5).contains(&call),
            // inq_if_ids, inq_stats, is_server_listening, inq_princ_name; 3 stops the receiver.
            Self::Management => matches!(call, 0 | 1 | 2 | 4),
            // ServerAlive, ServerAlive2.
            Self::Exporter => matches!(call, 3 | 5),
            Self::Other => false,
        }
    }
}

/// What the caller presents, under its rule.
type Offer = (&'static Rule, Shown);

fn proof_of(offer: &Offer) -> Proof {
    if let Shown::Offers { proof, .. } = &offer.1 { *proof } else { Proof::Claim }
}

/// A call that waits for its answer.
#[derive(Debug)]
struct Call {
    id: u32,
    public: bool,
    verified: bool,
}

/// One flow.
#[derive(Default, Debug)]
struct DceRpc {
    interfaces: BTreeMap<u16, Interface>,
    /// Bindings that wait for their answer.
    binding: u32,
    calls: VecDeque<Call>,
    /// Presented in the current security context; said when it is decided.
    offer: Option<Offer>,
    /// The last offer under which a call was answered.
    accepted: Option<Offer>,
    /// True when `accepted` is what stands, false when nobody's name was said after it.
    stands: bool,
    /// A security context was begun.
    secured: bool,
    /// Its level is that of the connection: calls carry no verifier (MS-RPCE 2.2.1.1.8, RPC_C_AUTHN_LEVEL_CONNECT).
    once: bool,
    unknown: bool,
    said: Said,
}

/// What is not repeated.
#[derive(Default, Debug)]
struct Said {
    served: bool,
    public: bool,
    challenged: bool,
    refusals: u32,
}

/// A message as far as it is there.
struct Message<'a> {
    bytes: &'a [u8],
    little: bool,
    kind: u8,
    flags: u8,
    length: usize,
    auth: usize,
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let little = bytes.get(4)? & 0xf0 != 0;
        let mut message =
            Self { bytes, little, kind: *bytes.get(2)?, flags: *bytes.get(3)?, length: 0, auth: 0 };
        message.length = usize::from(message.u16(8)?);
        message.auth = usize::from(message.u16(10)?);
        let versions = matches!(bytes.first_chunk(), Some([5, 0 | 1]));
        (versions && message.length >= HEADER && message.auth < message.length).then_some(message)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// The provider, the level and the token of the verifier.
    fn verifier(&self) -> Option<(u8, u8, &'a [u8])> {
        if self.auth == 0 {
            return None;
        }
        let at = self.length.checked_sub(self.auth)?;
        let head = self.bytes.get(at.checked_sub(8)?..at)?;
        let token = self.bytes.get(at..self.length)?;
        let [kind, level, ..] = *head else { return None };
        Some((kind, level, token))
    }
}

impl DceRpc {
    fn call(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        match message.kind {
            BIND | ALTER => {
                self.binding = self.binding.saturating_add(1);
                self.contexts(message);
                self.token(message, notes);
            }
            AUTH_3 => self.token(message, notes),
            // Of a call in several fragments the first one counts.
            REQUEST if message.flags & 1 != 0 => {
                let (Some(id), Some(context), Some(number)) =
                    (message.u32(12), message.u16(20), message.u16(22))
                else {
                    return Next::Lost(Hidden::Unsupported);
                };
                if self.calls.len() >= WAITING {
                    return Next::Lost(Hidden::Truncated);
                }
                let interface = self.interfaces.get(&context).copied().unwrap_or(Interface::Other);
                let verified = message.auth != 0 || self.once;
                self.calls.push_back(Call { id, public: interface.is_public(number), verified });
            }
            _ => {}
        }
        Next::More
    }

    /// The interfaces that a binding asks for.
    fn contexts(&mut self, message: &Message<'_>) {
        let count = message.bytes.get(CALL_HEADER).copied().unwrap_or(0);
        let mut at = CALL_HEADER + 4;
        for _ in 0..count {
            let (Some(id), Some(syntaxes)) = (message.u16(at), message.bytes.get(at.saturating_add(2)))
            else {
                return;
            };
            let uuid = at.saturating_add(4);
            let mut uuid = message.bytes.get(uuid..uuid.saturating_add(16)).unwrap_or_default().to_vec();
            if !message.little {
                // Three of its fields are numbers.
                for (start, end) in [(0, 4), (4, 6), (6, 8)] {
                    if let Some(field) = uuid.get_mut(start..end) {
                        field.reverse();
                    }
                }
            }
            if self.interfaces.len() < INTERFACES || self.interfaces.contains_key(&id) {
                self.interfaces.insert(id, Interface::of(&uuid));
            }
            at = at.saturating_add(24).saturating_add(usize::from(*syntaxes).saturating_mul(20));
        }
    }

    /// The caller's token, if the message has one.
    fn token(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) {
        let Some((kind, level, token)) = message.verifier() else { return };
        self.secured = true;
        // A level below that of the connection does not exist with a provider.
        self.once = level == 2;
        let offer = match kind {
            9 | 10 | 16 => gss_token::presented(token).map(|presented| {
                let rule: &'static Rule = match presented {
                    Presented::Nobody => &rule::NOBODY,
                    Presented::Answer { .. } => &rule::ANSWERED,
                    Presented::Ticket => &rule::TICKET,
                };
                (rule, presented.offer())
            }),
            68 => Some((&rule::CHANNEL as &'static Rule, sasl::challenge_offer(machine(token)))),
            _ => {
                self.hide(notes);
                None
            }
        };
        self.offer = offer.or(self.offer.take());
    }

    /// What was proved is not known.
    fn hide(&mut self, notes: &mut Notes<'_>) {
        if !std::mem::replace(&mut self.unknown, true) {
            notes.say(&rule::UNKNOWN_PROOF, Shown::Hidden { why: Hidden::Unsupported });
        }
    }

    fn answer(&mut self, message: &Message<'_>, notes: &mut Notes<'_>) -> Next {
        match message.kind {
            BIND_ACK | ALTER_RESPONSE => {
                self.binding = self.binding.saturating_sub(1);
                let challenge = message.verifier().and_then(|(_, _, token)| gss_token::reply(token));
                if challenge == Some(Reply::Challenge) && !std::mem::replace(&mut self.said.challenged, true)
                {
                    notes.say(&rule::CHALLENGED, Shown::Demands { proof: Proof::Secret });
                }
            }
            BIND_NAK => {
                self.binding = self.binding.saturating_sub(1);
                if let Some((by, shown)) = self.offer.take() {
                    notes.say(by, shown);
                }
                self.refuse(&rule::REFUSED, Refusal::Other, notes);
            }
            RESPONSE | FAULT if message.flags & 1 != 0 => {
                let Some(call) = self.answered(message) else { return Next::More };
                if message.kind == RESPONSE {
                    self.served(&call, notes);
                } else {
                    self.fault(&call, message.u32(CALL_HEADER).unwrap_or(0), notes);
                }
            }
            _ => {}
        }
        Next::More
    }

    fn answered(&mut self, message: &Message<'_>) -> Option<Call> {
        let id = message.u32(12)?;
        let at = self.calls.iter().position(|call| call.id == id)?;
        self.calls.remove(at)
    }

    /// True for an answer to something that was not read yet.
    fn is_early(&self, message: &Message<'_>) -> bool {
        match message.kind {
            BIND_ACK | ALTER_RESPONSE | BIND_NAK => self.binding == 0,
            RESPONSE | FAULT if message.flags & 1 != 0 => {
                message.u32(12).is_some_and(|id| !self.calls.iter().any(|call| call.id == id))
            }
            _ => false,
        }
    }

    /// Says under what the call stands. A new proof is said once, with its acceptance where the call was answered.
    fn standing(&mut self, call: &Call, answered: bool, notes: &mut Notes<'_>) -> Proof {
        if !call.verified {
            if std::mem::take(&mut self.stands) {
                notes.say(&rule::NOBODY, sasl::name_offer(b""));
                self.said.served = false;
            }
            return Proof::Claim;
        }
        let offer = match (self.offer.take(), self.accepted.clone()) {
            (Some(offer), _) => offer,
            (None, Some(accepted)) if self.stands => return proof_of(&accepted),
            (None, Some(accepted)) => accepted,
            (None, None) => {
                self.hide(notes);
                return Proof::Claim;
            }
        };
        let proof = proof_of(&offer);
        notes.say(offer.0, offer.1.clone());
        self.said.served = false;
        if answered {
            if proof != Proof::Claim {
                notes.say(&rule::ACCEPTED, Shown::Accepts);
            }
            self.accepted = Some(offer);
            self.stands = true;
        }
        proof
    }

    fn served(&mut self, call: &Call, notes: &mut Notes<'_>) {
        let proof = self.standing(call, true, notes);
        if proof == Proof::Claim && call.public {
            if !std::mem::replace(&mut self.said.public, true) {
                notes.say(&rule::PUBLIC, Shown::Serves { operation: Operation::Public });
            }
        } else if !std::mem::replace(&mut self.said.served, true) {
            notes.say(&rule::SERVED, Shown::Serves { operation: Operation::Service });
        }
    }

    /// A fault that is about the caller: access denied, or the security provider's (MS-ERREF 2.2; C706 appendix E).
    fn fault(&mut self, call: &Call, status: u32, notes: &mut Notes<'_>) {
        match status {
            5 => {
                if self.standing(call, false, notes) == Proof::Claim {
                    self.refuse(&rule::MISSING, Refusal::ProofMissing, notes);
                } else {
                    self.refuse(&rule::NOT_ALLOWED, Refusal::NotAllowed, notes);
                }
            }
            // RPC_S_SEC_PKG_ERROR, nca_invalid_checksum, SEC_E_LOGON_DENIED, SEC_E_INVALID_TOKEN.
            0x721 | 0x1c00_001f | 0x8009_030c | 0x8009_0308 => {
                self.standing(call, false, notes);
                self.refuse(&rule::WRONG, Refusal::ProofWrong, notes);
            }
            _ => {}
        }
    }

    fn refuse(&mut self, by: &'static Rule, why: Refusal, notes: &mut Notes<'_>) {
        self.said.refusals = self.said.refusals.saturating_add(1);
        if self.said.refusals <= REFUSALS {
            notes.say(by, Shown::Refuses { why });
        }
    }
}

/// The computer that Netlogon's token names: the second of its texts, where the flags say that both are there.
fn machine(token: &[u8]) -> &[u8] {
    let mut texts = token.get(8..).unwrap_or_default().split(|byte| *byte == 0);
    match token.get(4) {
        Some(flags) if flags & 3 == 3 => texts.nth(1).unwrap_or_default(),
        Some(_) | None => &[],
    }
}

impl Dissector for DceRpc {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        if bytes.len() < HEADER {
            return Next::More;
        }
        let Some(message) = Message::read(bytes) else { return Next::Lost(Hidden::Unsupported) };
        let whole = matches!(message.kind, BIND | ALTER | AUTH_3 | BIND_ACK | ALTER_RESPONSE);
        let needed = if whole { message.length } else { message.length.min(CALL_HEADER + 4) };
        if bytes.len() < needed {
            return Next::More;
        }
        let length = message.length;
        let next = match from {
            Role::Originator => self.call(&message, notes),
            Role::Responder if self.is_early(&message) => return Next::More,
            Role::Responder => self.answer(&message, notes),
        };
        input.read(length);
        next
    }

    fn finish(&mut self, _whole: bool, notes: &mut Notes<'_>) {
        if let Some((by, shown)) = self.offer.take() {
            notes.say(by, shown);
        }
    }
}
