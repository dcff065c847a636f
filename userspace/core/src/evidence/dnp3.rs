//! DNP3 over TCP and UDP: telecontrol, with challenges by a shared key where secure authentication is used.
//!
//! Sources: IEEE 1815-2012 clauses 9 (link frames and their checks), 8 (transport), 4.2 (application header, function
//! codes, internal indications), 7 and A.45 (secure authentication version 5, object group 120).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, rules};
use super::told::Told;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Rule, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SERVED = "dnp3.request-answered", v 1, Observed, Wire,
        "The outstation answered a request of the caller (reading, writing, control)",
        "Whether it would take a critical request without a challenge";
    CLOCK = "dnp3.delay-measured", v 1, Observed, Wire,
        "The outstation took part in measuring the delay of the line",
        "Whether it takes any other request";
    UNSOLICITED = "dnp3.values-sent", v 1, Observed, Wire,
        "The outstation sent its values to the caller unasked",
        "Whether it takes requests";
    ONE_WAY = "dnp3.no-answer-requested", v 1, Observed, Wire,
        "The caller sent a control request of the kind that is never answered",
        "Whether the outstation carried it out";
    REFUSED = "dnp3.request-refused", v 1, Observed, Wire,
        "The outstation does not know the function or the object, or a parameter was wrong",
        "Nothing is said about what it checks of the caller";
    DEMANDED = "dnp3.challenge-sent", v 1, Observed, Wire,
        "The outstation challenged the caller to authenticate a request (group 120 variation 1)",
        "Which other requests it takes without";
    ANSWERED = "dnp3.challenge-answered", v 1, Observed, Wire,
        "The caller sent a code made from a shared session key (group 120 variation 2 or 3)",
        "The key itself is not visible";
    WRONG = "dnp3.authentication-error", v 1, Observed, Wire,
        "The outstation reported an authentication error (group 120 variation 7)",
        "Which part of the proof was wrong";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Dnp3,
    call: head_likeness,
    reply: head_likeness,
    begin: || Box::new(Dnp3::default()),
    call_alone,
    rules: RULES,
};

/// The same in datagrams.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dnp3,
    call: |datagram| head_likeness(datagram.bytes) == Likeness::Like,
    reply: |datagram| head_likeness(datagram.bytes) == Likeness::Like,
    unanswered: |datagram| is_unanswered(datagram.bytes),
    begin: || Box::new(Dnp3::default()),
    rules: &[],
};

/// Link header with its check; the first block of user data without its own.
const HEAD: usize = 10;
const BLOCK: usize = 16;
/// Most frames that are read: nothing new is shown after.
const MOST: u32 = 1024;
/// Function codes.
const DELAY_MEASURE: u8 = 23;
const RECORD_TIME: u8 = 24;
const AUTHENTICATE: u8 = 32;
const RESPONSE: u8 = 129;
const UNSOLICITED_RESPONSE: u8 = 130;
const AUTHENTICATE_RESPONSE: u8 = 131;
/// Object group of secure authentication.
const AUTHENTICATION: u8 = 120;

/// The check of clause 9.2.4.1.3: polynomial 3D65h, reflected, complemented.
fn check(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa6bc } else { crc >> 1 })
    })
}

/// A link header whose check is right.
fn head_likeness(bytes: &[u8]) -> Likeness {
    match (Likeness::starts_with(bytes, &[5, 0x64]), bytes.get(..HEAD)) {
        (Likeness::Like, Some(head)) => match *head {
            [_, _, length, _, _, _, _, _, low, high]
                if length >= 5
                    && check(head.get(..8).unwrap_or_default()) == u16::from_le_bytes([low, high]) =>
            {
                Likeness::Like
            }
            _ => Likeness::Unlike,
        },
        (Likeness::Like, None) => Likeness::Unsure,
        (likeness, _) => likeness,
    }
}

/// The bytes of a whole frame: header, and blocks of sixteen bytes with a check each.
fn frame_length(length: u8) -> usize {
    let data = usize::from(length).saturating_sub(5);
    HEAD.saturating_add(data).saturating_add(data.div_ceil(BLOCK).saturating_mul(2))
}

/// The head of an application fragment.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    function: u8,
    /// Internal indications of a response: not known function, not known object, wrong parameter.
    refused: bool,
    /// Group and variation of the first object.
    object: Option<(u8, u8)>,
}

impl Fragment {
    /// The fragment whose first frame `bytes` begin with; `None` for frames without user data, or of the middle.
    fn read(bytes: &[u8]) -> Option<Self> {
        let data = usize::from(*bytes.get(2)?).saturating_sub(5).min(BLOCK);
        let mut fields = Cursor(bytes.get(HEAD..)?.get(..data)?);
        let (transport, _, function) = (fields.byte()?, fields.byte()?, fields.byte()?);
        if transport & 0x40 == 0 {
            return None;
        }
        let refused =
            function >= RESPONSE && fields.array().is_some_and(|[_, second]: [u8; 2]| second & 7 != 0);
        Some(Self { function, refused, object: fields.array().map(|[group, variation]| (group, variation)) })
    }

    /// Controls and freezes without acknowledgement.
    fn is_unanswered(self) -> bool {
        matches!(self.function, 6 | 8 | 10 | 12)
    }
}

fn is_unanswered(bytes: &[u8]) -> bool {
    head_likeness(bytes) == Likeness::Like && Fragment::read(bytes).is_some_and(Fragment::is_unanswered)
}

/// A master that sent nothing but controls that nobody answers.
fn call_alone(mut call: &[u8], notes: &mut Notes<'_>) {
    let mut dnp3 = Dnp3::default();
    if !is_unanswered(call) {
        return;
    }
    notes.say(&super::stream_rules::SPEAKS, Shown::Speaks { protocol: Protocol::Dnp3 });
    while is_unanswered(call) {
        dnp3.frame(Role::Originator, call, notes);
        let length = call.get(2).copied().map_or(HEAD, frame_length);
        call = call.get(length..).unwrap_or_default();
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Dnp3 {
    told: Told,
    /// The function that the caller asked for last.
    asked: Option<u8>,
    called: bool,
    proved: bool,
    seen: u32,
}

impl Dnp3 {
    fn frame(&mut self, from: Role, bytes: &[u8], notes: &mut Notes<'_>) {
        match (from, Fragment::read(bytes)) {
            (Role::Originator, Some(fragment)) => self.master(fragment, notes),
            (Role::Responder, Some(fragment)) => self.outstation(fragment, notes),
            (Role::Originator | Role::Responder, None) => {}
        }
        self.called |= from == Role::Originator;
    }

    fn master(&mut self, fragment: Fragment, notes: &mut Notes<'_>) {
        if fragment.is_unanswered() {
            self.told.once(&ONE_WAY, Shown::SendsOneWay, notes);
        }
        let proof = match fragment.object {
            Some((AUTHENTICATION, 2)) => fragment.function == AUTHENTICATE,
            Some((AUTHENTICATION, 3)) => true,
            _ => false,
        };
        if proof {
            self.proved = true;
            let credential = Credential::of(CredentialKind::Signature);
            let offer = Shown::secret(Scope::Request, None, credential);
            notes.say(&ANSWERED, offer);
        }
        // 0 confirms a response, and authentication belongs to the request before it.
        if !matches!(fragment.function, 0 | AUTHENTICATE..) {
            self.asked = Some(fragment.function);
        }
    }

    fn outstation(&mut self, fragment: Fragment, notes: &mut Notes<'_>) {
        let served = Shown::Serves { operation: Operation::Service };
        match (fragment.function, fragment.object) {
            (AUTHENTICATE_RESPONSE, Some((AUTHENTICATION, 1))) => {
                self.told.once(&DEMANDED, Shown::Demands { proof: Proof::Secret }, notes);
            }
            (_, Some((AUTHENTICATION, 7))) => {
                self.proved = false;
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            (RESPONSE, _) => {
                let Some(asked) = self.asked.take() else { return };
                let clock = matches!(asked, DELAY_MEASURE | RECORD_TIME);
                let (rule, shown): (&'static Rule, Shown) = if fragment.refused {
                    (&REFUSED, Shown::Refuses { why: Refusal::Other })
                } else if clock {
                    (&CLOCK, Shown::Serves { operation: Operation::Public })
                } else {
                    (&SERVED, served)
                };
                if std::mem::take(&mut self.proved) {
                    notes.say(rule, shown);
                } else {
                    self.told.once(rule, shown, notes);
                }
            }
            // The first unsolicited response after a restart is empty, and asks whether anybody is there.
            (UNSOLICITED_RESPONSE, Some(_)) => self.told.once(&UNSOLICITED, served, notes),
            _ => {}
        }
    }
}

impl Dissector for Dnp3 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let bytes = input.bytes();
        match head_likeness(bytes) {
            Likeness::Unsure => return Next::More,
            Likeness::Unlike => return Next::Lost(Hidden::Unsupported),
            Likeness::Like => {}
        }
        let length = bytes.get(2).copied().map_or(HEAD, frame_length);
        if bytes.len() < length.min(HEAD.saturating_add(BLOCK)) {
            return Next::More;
        }
        self.frame(from, bytes, notes);
        input.read(length);
        self.seen = self.seen.saturating_add(1);
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}

impl DatagramDissector for Dnp3 {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let mut bytes = datagram.bytes;
        while head_likeness(bytes) == Likeness::Like {
            self.frame(from, bytes, notes);
            let length = bytes.get(2).copied().map_or(HEAD, frame_length);
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Next::More
    }
}
