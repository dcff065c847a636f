//! IEC 60870-5-104: telecontrol over TCP, without any check of the caller but for the rare extension of IEC 60870-5-7.
//!
//! Sources: IEC 60870-5-104 sections 5 (APCI: start 68h, length, control field; U, S and I formats) and 6 (type
//! identifications), IEC 60870-5-101 section 7.2 (cause of transmission), IEC TS 60870-5-7 (types 81 to 95).

use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::told::Told;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    STARTED = "iec104.transfer-started", v 1, Observed, Wire,
        "The station began to send its process values to the caller (STARTDT con)",
        "Whether it takes commands, or looks at the caller's address";
    MONITORED = "iec104.values-sent", v 1, Observed, Wire,
        "The station sent process values to the caller",
        "Whether it takes commands";
    COMMANDED = "iec104.command-confirmed", v 1, Observed, Wire,
        "The station confirmed a command of the caller",
        "What the command moved";
    REFUSED = "iec104.command-refused", v 1, Observed, Wire,
        "The station confirmed a command negatively, or does not know it",
        "Nothing is said about what it checks of the caller";
    DEMANDED = "iec104.challenge-sent", v 1, Observed, Wire,
        "The station challenged the caller to authenticate a command (S_CH_NA_1)",
        "Which other commands it takes without";
    ANSWERED = "iec104.challenge-answered", v 1, Observed, Wire,
        "The caller sent a code made from a shared session key (S_RP_NA_1, S_AR_NA_1, S_KC_NA_1)",
        "The key itself is not visible";
    WRONG = "iec104.authentication-error", v 1, Observed, Wire,
        "The station reported an authentication error (S_ER_NA_1)",
        "Which part of the proof was wrong";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Iec104,
    call: call_likeness,
    reply: reply_likeness,
    begin: || Box::new(Iec104::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// First byte of every APDU.
const START: u8 = 0x68;
/// Most APDUs that are read: nothing new is shown after.
const MOST: u32 = 512;
/// U formats: start and stop of data transfer, test of the connection; each asked for and confirmed.
const STARTDT: u8 = 0x07;
const STARTDT_CON: u8 = 0x0b;
const TESTFR: u8 = 0x43;
const TESTFR_CON: u8 = 0x83;

/// Start, the length of what follows, and a control field of four octets.
fn u_likeness(bytes: &[u8], functions: &[u8]) -> Likeness {
    let mut best = Likeness::Unlike;
    for function in functions {
        match Likeness::starts_with(bytes, &[START, 4, *function, 0, 0, 0]) {
            Likeness::Like => return Likeness::Like,
            Likeness::Unsure => best = Likeness::Unsure,
            Likeness::Unlike => {}
        }
    }
    best
}

/// A connection begins with the caller's request to start the transfer, or with a test.
fn call_likeness(bytes: &[u8]) -> Likeness {
    u_likeness(bytes, &[STARTDT, TESTFR])
}

/// A confirmation, a test of the station's own, or its first ASDU (send number 0).
fn reply_likeness(bytes: &[u8]) -> Likeness {
    if bytes.get(1) == Some(&4) || bytes.len() < 2 {
        return match u_likeness(bytes, &[STARTDT_CON, TESTFR_CON, TESTFR]) {
            Likeness::Unlike => Likeness::starts_with(bytes, &[START, 4, 1, 0]),
            likeness @ (Likeness::Unsure | Likeness::Like) => likeness,
        };
    }
    match Apdu::read(bytes) {
        Some(Apdu::Asdu { .. }) => Likeness::starts_with(bytes.get(2..).unwrap_or_default(), &[0, 0]),
        None if bytes.len() < 9 && bytes.starts_with(&[START]) => Likeness::Unsure,
        Some(_) | None => Likeness::Unlike,
    }
}

/// One APDU in the few words that decide.
#[derive(Clone, Copy, Debug)]
enum Apdu {
    /// U format: its function.
    Unnumbered(u8),
    /// S format: an acknowledgement.
    Supervisory,
    /// I format: type identification, cause of transmission, and whether it is negative.
    Asdu { kind: u8, cause: u8, negative: bool },
}

impl Apdu {
    /// The APDU that `bytes` begin with; `None` where it is none, or its first nine bytes are not there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let [START, length, first, _, third, _, ..] = *bytes else { return None };
        if first & 3 == 3 && length == 4 {
            return Some(Self::Unnumbered(first));
        }
        if first == 1 && length == 4 && third & 1 == 0 {
            return Some(Self::Supervisory);
        }
        // Control field, type, qualifier, cause (2), common address (2), one object's address (3).
        if first & 1 != 0 || third & 1 != 0 || !(13..=253).contains(&length) {
            return None;
        }
        let [kind, _, cause, ..] = *bytes.get(6..)? else { return None };
        (kind != 0).then_some(Self::Asdu { kind, cause: cause & 0x3f, negative: cause & 0x40 != 0 })
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Iec104 {
    told: Told,
    /// The caller has spoken.
    called: bool,
    /// It has asked for data transfer.
    started: bool,
    /// It presented a proof that nobody has judged.
    proved: bool,
    seen: u32,
}

impl Iec104 {
    fn caller(&mut self, apdu: Apdu, notes: &mut Notes<'_>) {
        self.called = true;
        match apdu {
            Apdu::Unnumbered(STARTDT) => self.started = true,
            Apdu::Asdu { kind: 82 | 83 | 86, .. } => {
                self.proved = true;
                let credential = Credential::of(CredentialKind::Signature);
                let offer = Shown::secret(Scope::Request, None, credential);
                notes.say(&ANSWERED, offer);
            }
            Apdu::Unnumbered(_) | Apdu::Supervisory | Apdu::Asdu { .. } => {}
        }
    }

    fn station(&mut self, apdu: Apdu, notes: &mut Notes<'_>) {
        let served = Shown::Serves { operation: Operation::Service };
        match apdu {
            Apdu::Unnumbered(STARTDT_CON) if self.started => self.told.once(&STARTED, served, notes),
            Apdu::Asdu { kind: 81, .. } => {
                self.told.once(&DEMANDED, Shown::Demands { proof: Proof::Secret }, notes);
            }
            Apdu::Asdu { kind: 87, .. } => {
                self.proved = false;
                notes.say(&WRONG, Shown::Refuses { why: Refusal::ProofWrong });
            }
            // Process values in the monitoring direction.
            Apdu::Asdu { kind: 1..=40, .. } => self.told.once(&MONITORED, served, notes),
            // Commands, system commands, parameters and files come back to who sent them: activation or deactivation
            // confirmed, or 44 to 47, unknown type, cause or address.
            Apdu::Asdu { kind: 45..=69 | 100..=127, cause: 44..=47, .. }
            | Apdu::Asdu { kind: 45..=69 | 100..=127, cause: 7 | 9, negative: true } => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            Apdu::Asdu { kind: 45..=69 | 100..=127, cause: 7 | 9, negative: false } => {
                if std::mem::take(&mut self.proved) {
                    notes.say(&COMMANDED, served);
                } else {
                    self.told.once(&COMMANDED, served, notes);
                }
            }
            Apdu::Unnumbered(_) | Apdu::Supervisory | Apdu::Asdu { .. } => {}
        }
    }
}

impl Dissector for Iec104 {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder && !self.called {
            return Next::More;
        }
        let bytes = input.bytes();
        let Some(length) = bytes.get(1).copied() else { return Next::More };
        if bytes.first() != Some(&START) || !(4..=253).contains(&length) {
            return Next::Lost(Hidden::Unsupported);
        }
        let end = usize::from(length).saturating_add(2);
        if bytes.len() < end.min(9) {
            return Next::More;
        }
        let Some(apdu) = Apdu::read(bytes) else { return Next::Lost(Hidden::Unsupported) };
        input.read(end);
        match from {
            Role::Originator => self.caller(apdu, notes),
            Role::Responder => self.station(apdu, notes),
        }
        self.seen = self.seen.saturating_add(1);
        if self.seen >= MOST { Next::Settled } else { Next::More }
    }
}
