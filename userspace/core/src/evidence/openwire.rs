//! OpenWire, the protocol of ActiveMQ: the name and password of ConnectionInfo, and whether an answer followed.
//!
//! Sources: activemq.apache.org "OpenWire Version 2 Specification" (sizes, WireFormatInfo, tight and loose encoding,
//! caching), the command numbers of the same page (1 WireFormatInfo, 2 BrokerInfo, 3 ConnectionInfo, 16
//! ConnectionError, 30 Response, 31 ExceptionResponse).

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::sasl;
use super::{Hidden, Operation, Proof, Protocol, Refusal, Rule, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    PASSWORD = "openwire.password-sent", v 1, Observed, Wire,
        "The caller sent a user name and a password in clear (ConnectionInfo)",
        "Whether the receiver looks at them: without a plug-in for it, it takes any";
    CLAIMED = "openwire.name-claimed", v 1, Observed, Wire,
        "The caller sent a user name and no password",
        "Nothing proves the name";
    ACCEPTED = "openwire.proof-accepted", v 1, Observed, Wire,
        "The receiver answered ConnectionInfo without an exception after a password was sent",
        "Whether it would have answered so without";
    OPENED = "openwire.connection-opened", v 1, Observed, Wire,
        "The receiver answered ConnectionInfo without an exception",
        "Which queues and topics the caller may use";
    WRONG = "openwire.connection-refused", v 1, Observed, Wire,
        "The receiver answered ConnectionInfo with a security exception",
        "Whether the name, the password or the place was wrong";
    FAILED = "openwire.exception", v 1, Observed, Wire,
        "The receiver answered ConnectionInfo with another exception",
        "Nothing is said about what it checks";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Openwire,
    call: likeness,
    reply: likeness,
    begin: || Box::new(Openwire::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

const MAGIC: &[u8] = b"\x01ActiveMQ";
/// Largest WireFormatInfo and ConnectionInfo that are read whole.
const WHOLE: usize = 16_384;
/// How much of other commands is looked at: the type, and what an exception is called.
const HEAD: usize = 512;
const CONNECTION_COMMAND: u8 = 3;
const CONNECTION_ERROR: u8 = 16;
const RESPONSE: u8 = 30;
const EXCEPTION_RESPONSE: u8 = 31;

/// Size, then the type and magic of WireFormatInfo.
fn likeness(bytes: &[u8]) -> Likeness {
    match bytes {
        [0, 0, _, _, rest @ ..] if !rest.is_empty() => Likeness::starts_with(rest, MAGIC),
        [0] | [0, 0] | [0, 0, _] | [0, 0, _, _] => Likeness::Unsure,
        _ => Likeness::Unlike,
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Openwire {
    /// What each side wants: tight encoding, caching.
    formats: [Option<(bool, bool)>; 2],
    asked: bool,
    proved: bool,
}

/// True when the property of this name is true. Length, name, type 1, value.
fn property(body: &[u8], name: &[u8]) -> bool {
    let at = body.windows(name.len()).position(|window| window == name);
    let value = at.and_then(|at| body.get(at.saturating_add(name.len())..));
    matches!(value, Some([1, 1, ..]))
}

/// Loose encoding: each optional field after a byte that says whether it is there.
struct Loose<'a>(Cursor<'a>);

/// Tight encoding: all those bits first, then the fields.
struct Tight<'a> {
    bits: &'a [u8],
    next: usize,
    fields: Cursor<'a>,
}

trait Fields<'a> {
    /// The next bit.
    fn is(&mut self) -> Option<bool>;
    /// The bytes of fields.
    fn cursor(&mut self) -> &mut Cursor<'a>;
    /// A bit says whether a string is there, in tight encoding another one that it is ASCII.
    fn string(&mut self) -> Option<Option<&'a [u8]>>;
    /// The id of the connection is not looked at, and may come with its place in a cache.
    fn id(&mut self, cached: bool) -> Option<()>;
}

impl<'a> Fields<'a> for Loose<'a> {
    fn is(&mut self) -> Option<bool> {
        self.0.byte().map(|byte| byte != 0)
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.0
    }

    fn string(&mut self) -> Option<Option<&'a [u8]>> {
        if !self.is()? {
            return Some(None);
        }
        let length = u16::from_be_bytes(self.0.array()?);
        self.0.take(usize::from(length)).map(Some)
    }

    fn id(&mut self, cached: bool) -> Option<()> {
        if cached {
            let new = self.is()?;
            self.0.array::<2>()?;
            if !new {
                return Some(());
            }
        }
        if self.is()? {
            self.0.byte()?;
            self.string()?;
        }
        Some(())
    }
}

impl<'a> Tight<'a> {
    fn new(mut body: Cursor<'a>) -> Option<Self> {
        let length = match body.byte()? {
            0xc0 => usize::from(body.byte()?),
            0x80 => usize::from(u16::from_be_bytes(body.array()?)),
            length => usize::from(length),
        };
        Some(Self { bits: body.take(length)?, next: 0, fields: body })
    }
}

impl<'a> Fields<'a> for Tight<'a> {
    fn is(&mut self) -> Option<bool> {
        let byte = self.bits.get(self.next / 8)?;
        let bit = byte >> (self.next % 8) & 1;
        self.next = self.next.saturating_add(1);
        Some(bit == 1)
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.fields
    }

    fn string(&mut self) -> Option<Option<&'a [u8]>> {
        if !self.is()? {
            return Some(None);
        }
        self.is()?;
        let length = u16::from_be_bytes(self.fields.array()?);
        self.fields.take(usize::from(length)).map(Some)
    }

    fn id(&mut self, cached: bool) -> Option<()> {
        if cached {
            let new = self.is()?;
            self.fields.array::<2>()?;
            if !new {
                return Some(());
            }
        }
        if self.is()? {
            self.fields.byte()?;
            self.string()?;
        }
        Some(())
    }
}

/// User name and password of ConnectionInfo, the bytes after its type.
fn login<'a>(fields: &mut dyn Fields<'a>, cached: bool, tight: bool) -> Option<(&'a [u8], &'a [u8])> {
    // Command id, and whether an answer is wanted: in tight encoding the bit stands elsewhere, but in the same order.
    if tight {
        fields.is()?;
        fields.cursor().array::<4>()?;
    } else {
        fields.cursor().array::<4>()?;
        fields.is()?;
    }
    fields.id(cached)?;
    fields.string()?;
    let password = fields.string()?.unwrap_or_default();
    let name = fields.string()?.unwrap_or_default();
    Some((name, password))
}

impl Openwire {
    fn connect(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Option<()> {
        let [Some(caller), Some(receiver)] = self.formats else { return None };
        let (tight, cached) = (caller.0 && receiver.0, caller.1 && receiver.1);
        let cursor = Cursor(body.get(1..)?);
        let (name, password) = if tight {
            login(&mut Tight::new(cursor)?, cached, true)?
        } else {
            login(&mut Loose(cursor), cached, false)?
        };
        let (rule, shown): (&'static Rule, Shown) = match (name.is_empty(), password.is_empty()) {
            (true, true) => return Some(()),
            (false, true) => (&CLAIMED, sasl::name_offer(name)),
            (_, false) => sasl::password_offer(&PASSWORD, name, password, notes),
        };
        self.proved = matches!(&shown, Shown::Offers { proof: Proof::Secret, .. });
        notes.say(rule, shown);
        Some(())
    }

    fn reply(&self, body: &[u8], notes: &mut Notes<'_>) -> Next {
        let security = [&b"SecurityException"[..], b"password is invalid", b"User name"];
        match body.first() {
            Some(&RESPONSE) => {
                if self.proved {
                    notes.say(&ACCEPTED, Shown::Accepts);
                }
                notes.say(&OPENED, Shown::Serves { operation: Operation::Service });
                Next::Settled
            }
            Some(&(EXCEPTION_RESPONSE | CONNECTION_ERROR)) => {
                if security.iter().any(|name| body.windows(name.len()).any(|window| window == *name)) {
                    let why = if self.proved { Refusal::ProofWrong } else { Refusal::ProofMissing };
                    notes.say(&WRONG, Shown::Refuses { why });
                } else {
                    notes.say(&FAILED, Shown::Refuses { why: Refusal::Other });
                }
                Next::Settled
            }
            // BrokerInfo and the like come unasked.
            _ => Next::More,
        }
    }
}

impl Dissector for Openwire {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let [caller, receiver] = self.formats;
        // The encoding is known once both sides told what they want.
        let waits = match from {
            Role::Originator => self.asked || caller.is_some() && receiver.is_none(),
            Role::Responder => receiver.is_some() && !self.asked,
        };
        if waits {
            return Next::More;
        }
        let Some((length, rest)) = input.bytes().split_first_chunk::<4>() else { return Next::More };
        let whole = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some(kind) = rest.first().copied() else { return Next::More };
        let needed = if kind == 1 || kind == CONNECTION_COMMAND { WHOLE } else { HEAD };
        if whole == 0 || whole > WHOLE && needed == WHOLE {
            return Next::Lost(Hidden::Unsupported);
        }
        let Some(body) = rest.get(..whole.min(needed)) else { return Next::More };
        let next = match (from, kind) {
            (Role::Originator, 1) if caller.is_none() => {
                self.formats = [Some(wants(body)), receiver];
                Next::More
            }
            (Role::Responder, 1) if receiver.is_none() => {
                self.formats = [caller, Some(wants(body))];
                Next::More
            }
            (Role::Originator, CONNECTION_COMMAND) => {
                self.asked = true;
                self.connect(body, notes).map_or(Next::Lost(Hidden::Unsupported), |()| Next::More)
            }
            // Keep-alives may come first.
            (Role::Originator, _) => Next::More,
            (Role::Responder, _) => self.reply(body, notes),
        };
        input.skip((whole as u64).saturating_add(4));
        next
    }
}

fn wants(body: &[u8]) -> (bool, bool) {
    (property(body, b"TightEncodingEnabled"), property(body, b"CacheEnabled"))
}
