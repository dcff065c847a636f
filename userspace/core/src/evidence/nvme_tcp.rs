//! NVMe over TCP: the host's name, and whether the subsystem wanted it proved.
//!
//! Sources: NVMe TCP Transport Specification 1.0 section 3.6 (ICReq, ICResp, command and response capsules), NVMe base
//! specification 2.0 section 6 (Connect with its authentication requirement, Authentication Send) and 8.13 (DH-HMAC-CHAP).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    NAMED = "nvme-tcp.host-named", v 1, Observed, Wire,
        "The host named itself by its NQN (Connect)",
        "Nothing in Connect proves the name";
    DEMANDED = "nvme-tcp.authentication-required", v 1, Observed, Wire,
        "The subsystem answered Connect with the requirement to authenticate",
        "By which hash and group";
    ANSWERED = "nvme-tcp.challenge-answered", v 1, Observed, Wire,
        "The host answered the challenge by a digest of its secret (DH-HMAC-CHAP)",
        "The secret itself is not visible";
    ACCEPTED = "nvme-tcp.proof-accepted", v 1, Observed, Wire,
        "The subsystem carried out a command after the host's answer to its challenge",
        "Not which namespaces the host may use";
    SERVED = "nvme-tcp.command-served", v 1, Observed, Wire,
        "The subsystem carried out a command",
        "Whether it looked at the host's name or address";
    REFUSED = "nvme-tcp.connect-refused", v 1, Observed, Wire,
        "The subsystem refused the host (Connect invalid host)",
        "Whether the name or the place was the reason";
    DENIED = "nvme-tcp.authentication-missing", v 1, Observed, Wire,
        "The subsystem refused a command before authentication",
        "Which proof would have been enough";
    FAILED = "nvme-tcp.connect-failed", v 1, Observed, Wire,
        "The subsystem refused Connect for another reason",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::NvmeTcp,
    // Type, no flags, a header of 128 bytes, no offset, the same length in all.
    call: |bytes| Likeness::starts_with(bytes, b"\x00\x00\x80\x00\x80\x00\x00\x00"),
    reply: |bytes| Likeness::starts_with(bytes, b"\x01\x00\x80\x00\x80\x00\x00\x00"),
    begin: || Box::new(Nvme::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// Types of protocol data units.
const INITIALISE: u8 = 0;
const COMMAND: u8 = 4;
const RESPONSE: u8 = 5;
/// Largest unit of which more than the header is read.
const UNIT: usize = 4096;
/// Opcode of fabrics commands, and their types.
const FABRICS: u8 = 0x7f;
const CONNECT: u8 = 1;
const AUTHENTICATION_SEND: u8 = 5;
/// DH-HMAC-CHAP: kind of message (1) and its reply (3).
const REPLY: [u8; 2] = [1, 3];
/// Status: Connect Invalid Host, Authentication Required (command specific, type 1).
const INVALID_HOST: u16 = 0x184;
const AUTHENTICATION_REQUIRED: u16 = 0x191;

/// A command that waits for its response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Connect,
    Authentication,
    /// A property, or anything that is not about who calls.
    Property,
    Other,
}

/// One flow.
#[derive(Default, Debug)]
struct Nvme {
    begun: bool,
    /// Command ids without a response.
    asked: Vec<(u16, Asked)>,
    proved: bool,
}

/// Most commands that wait.
const UNANSWERED: usize = 256;

impl Nvme {
    /// The submission queue entry of 64 bytes, and what stands in the capsule.
    fn command(&mut self, entry: &[u8], carried: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let mut cursor = Cursor(entry);
        let [opcode, _, low, high, kind] = cursor.array()?;
        let asked = match (opcode, kind) {
            (FABRICS, CONNECT) => {
                // Host id, controller id, reserved bytes, subsystem's and host's name of 256 bytes each.
                let name = carried.get(512..768)?.split(|byte| *byte == 0).next().unwrap_or_default();
                notes.say(&NAMED, sasl::name_offer(name));
                Asked::Connect
            }
            (FABRICS, AUTHENTICATION_SEND) => {
                if carried.first_chunk() == Some(&REPLY) && !std::mem::replace(&mut self.proved, true) {
                    notes.say(&ANSWERED, sasl::challenge_offer(b""));
                }
                Asked::Authentication
            }
            (FABRICS, 6) => Asked::Authentication,
            (FABRICS, _) => Asked::Property,
            _ => Asked::Other,
        };
        if self.asked.len() < UNANSWERED {
            self.asked.push((u16::from_le_bytes([low, high]), asked));
        }
        Some(())
    }

    /// The completion queue entry of 16 bytes: result, queue, command id, status.
    fn response(&mut self, entry: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        let mut cursor = Cursor(entry);
        let result = u32::from_le_bytes(cursor.array()?);
        cursor.take(8)?;
        let id = u16::from_le_bytes(cursor.array()?);
        let status = u16::from_le_bytes(cursor.array()?) >> 1 & 0x7ff;
        let at = self.asked.iter().position(|(asked, _)| *asked == id)?;
        let (_, asked) = self.asked.remove(at);
        match (asked, status) {
            // The upper half asks for authentication, in one of two places.
            (Asked::Connect, 0) if result >> 16 & 3 != 0 => {
                notes.say(&DEMANDED, Shown::Demands { proof: Proof::Secret });
            }
            (Asked::Connect, 0) | (Asked::Authentication | Asked::Property, _) if status == 0 => {}
            (Asked::Connect, INVALID_HOST) => {
                notes.say(&REFUSED, Shown::Refuses { why: Refusal::NotAllowed })
            }
            (_, AUTHENTICATION_REQUIRED) => notes.say(&DENIED, Shown::Refuses { why: Refusal::ProofMissing }),
            (Asked::Connect, _) => notes.say(&FAILED, Shown::Refuses { why: Refusal::Other }),
            (Asked::Other, 0) => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&SERVED, Shown::Serves { operation: Operation::Service });
                return Some(Next::Settled);
            }
            _ => {}
        }
        Some(Next::More)
    }
}

impl Dissector for Nvme {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(([kind, _, header, offset, a, b, c, d], rest)) = input.bytes().split_first_chunk::<8>()
        else {
            return Next::More;
        };
        let length = u32::from_le_bytes([*a, *b, *c, *d]);
        if length < 8 || *kind > 9 {
            return Next::Lost(Hidden::Unsupported);
        }
        if from == Role::Responder && (!self.begun || *kind == RESPONSE && self.asked.is_empty()) {
            return Next::More;
        }
        let whole = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(8);
        let needed = match (from, *kind) {
            (Role::Originator, COMMAND) => whole.min(UNIT),
            (Role::Responder, RESPONSE) => 16.min(whole),
            _ => 0,
        };
        let Some(unit) = rest.get(..needed) else { return Next::More };
        match (from, *kind) {
            (Role::Originator, INITIALISE) => self.begun = true,
            (Role::Originator, COMMAND) => {
                // Without an offset nothing is carried; with one it counts from the unit's start.
                let start = usize::from((*offset).max(*header)).saturating_sub(8);
                let carried = unit.get(start..).unwrap_or_default();
                let entry = unit.get(..64).unwrap_or_default();
                if self.command(entry, carried, notes).is_none() {
                    return Next::Lost(Hidden::Unsupported);
                }
            }
            (Role::Responder, RESPONSE) => {
                if let Some(Next::Settled) = self.response(unit, notes) {
                    return Next::Settled;
                }
            }
            _ => {}
        }
        input.skip(u64::from(length));
        Next::More
    }
}
