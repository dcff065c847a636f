//! BACnet/IP: building automation by datagrams, without a check of the caller but for two services with a password.
//!
//! Sources: ANSI/ASHRAE 135 annex J.2 (BVLC), clauses 6.2 (NPDU), 16.1 and 16.4 (services with a password), 18 (error
//! classes and codes), 20.1.2 (APDUs) and 20.2 (tags).

use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::told::Told;
use super::{Credential, CredentialKind, Operation, Protocol, Refusal, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    DISCOVERY = "bacnet.discovery", v 1, Observed, Wire,
        "A device announced itself, or asked who is there, which anyone may",
        "Whether a device lets the caller read or write anything";
    ONE_WAY = "bacnet.unconfirmed", v 1, Observed, Wire,
        "The caller sent an unconfirmed service request (a notification, a time, a command to a group)",
        "Whether anybody acts on it; it is never answered";
    SERVED = "bacnet.service-done", v 1, Observed, Wire,
        "The device acknowledged a confirmed service request (reading, writing, files, control)",
        "Which other services it takes from the caller";
    TABLES = "bacnet.broadcast-management", v 1, Observed, Wire,
        "The device let the caller register for broadcasts, or read or change its tables of peers",
        "Whether it lets the caller read or write objects";
    PASSWORD = "bacnet.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear, to restart the device or to silence it",
        "Whether the device has one set";
    FAILED = "bacnet.password-failure", v 1, Observed, Wire,
        "The device answered that the password is wrong or missing",
        "Which other services it protects";
    REFUSED = "bacnet.service-refused", v 1, Observed, Wire,
        "The device answered a service request by an error, a rejection or an abort",
        "Nothing is said about what it checks of the caller";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Bacnet,
    call: |datagram| Message::read(datagram).is_some(),
    reply: |datagram| Message::read(datagram).is_some(),
    unanswered: |datagram| matches!(Message::read(datagram), Some(Message::Unconfirmed { .. })),
    begin: || Box::new(Bacnet::default()),
    rules: RULES,
};

/// BACnet/IP (annex J.2).
const TYPE: u8 = 0x81;
/// Services whose request may carry a password.
const DEVICE_COMMUNICATION_CONTROL: u8 = 17;
const REINITIALIZE_DEVICE: u8 = 20;
/// Error class "security", error code "password-failure".
const SECURITY: u8 = 4;
const PASSWORD_FAILURE: u8 = 26;

/// One message in the few words that decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Message<'a> {
    /// BVLC: asks to register, or for the tables.
    Manages,
    /// BVLC: the tables.
    Tables,
    /// BVLC: what came of it.
    Result(u16),
    Confirmed {
        service: u8,
        parameters: &'a [u8],
    },
    Unconfirmed {
        service: u8,
    },
    Acknowledged,
    Error {
        class: u8,
        code: u8,
    },
    Rejected,
    /// A message of the network layer, or part of an exchange.
    Other,
}

impl<'a> Message<'a> {
    fn read(datagram: &Datagram<'a>) -> Option<Self> {
        let mut fields = Cursor(datagram.bytes);
        let (kind, function) = (fields.byte()?, fields.byte()?);
        let length = u16::from_be_bytes(fields.array()?);
        if kind != TYPE || u64::from(length) != datagram.length {
            return None;
        }
        match function {
            0x00 if length == 6 => fields.array().map(u16::from_be_bytes).map(Self::Result),
            0x02 | 0x06 if length == 4 => Some(Self::Manages),
            0x05 if length == 6 => Some(Self::Manages),
            0x01 | 0x08 => Some(Self::Manages),
            0x03 | 0x07 if length.is_multiple_of(10) || length % 10 == 4 => Some(Self::Tables),
            0x04 => {
                fields.take(6)?;
                Self::network(fields)
            }
            0x09..=0x0b => Self::network(fields),
            _ => None,
        }
    }

    /// Version 1, control, destination and source with their lengths, hops; then an APDU.
    fn network(mut fields: Cursor<'a>) -> Option<Self> {
        let (version, control) = (fields.byte()?, fields.byte()?);
        if version != 1 || control & 0x50 != 0 {
            return None;
        }
        for present in [control & 0x20 != 0, control & 0x08 != 0] {
            if present {
                fields.take(2)?;
                let length = fields.byte()?;
                fields.take(usize::from(length))?;
            }
        }
        if control & 0x20 != 0 {
            fields.byte()?;
        }
        if control & 0x80 != 0 { Some(Self::Other) } else { Self::application(fields) }
    }

    fn application(mut fields: Cursor<'a>) -> Option<Self> {
        let first = fields.byte()?;
        match first >> 4 {
            0 => {
                fields.take(2)?;
                if first & 0x08 != 0 {
                    fields.take(2)?;
                }
                let service = fields.byte()?;
                Some(Self::Confirmed { service, parameters: fields.0 })
            }
            1 => fields.byte().map(|service| Self::Unconfirmed { service }),
            2 | 3 => Some(Self::Acknowledged),
            4 => Some(Self::Other),
            5 => {
                fields.take(2)?;
                // Class and code are enumerations of one byte, in a choice's brackets for some services.
                let class = fields.0.windows(4).find_map(|it| match *it {
                    [0x91, class, 0x91, code] => Some((class, code)),
                    _ => None,
                });
                let (class, code) = class.unwrap_or((0, 0));
                Some(Self::Error { class, code })
            }
            6 | 7 => Some(Self::Rejected),
            _ => None,
        }
    }
}

/// The characters of the password among a request's context-tagged parameters.
fn password(service: u8, parameters: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let wanted = match service {
        DEVICE_COMMUNICATION_CONTROL => 2,
        REINITIALIZE_DEVICE => 1,
        _ => return None,
    };
    let mut fields = Cursor(parameters);
    loop {
        let tag = fields.byte()?;
        let length = match tag & 7 {
            5 => usize::from(fields.byte()?),
            length @ 0..=4 => usize::from(length),
            _ => return None,
        };
        let content = fields.take(length)?;
        if tag & 8 != 0 && tag >> 4 == wanted {
            // The first byte names the character set.
            return content.split_first().map(|(_, text)| Zeroizing::new(text.to_vec()));
        }
    }
}

/// One flow.
#[derive(Default, Debug)]
struct Bacnet {
    told: Told,
    /// Something was asked that is answered.
    asked: bool,
    proved: bool,
}

impl Bacnet {
    fn caller(&mut self, message: Message<'_>, notes: &mut Notes<'_>) {
        match message {
            // I-Am, I-Have, Who-Has, Who-Is.
            Message::Unconfirmed { service: 0 | 1 | 7 | 8 } => {
                self.told.once(&DISCOVERY, Shown::Serves { operation: Operation::Public }, notes);
            }
            Message::Unconfirmed { .. } => self.told.once(&ONE_WAY, Shown::SendsOneWay, notes),
            Message::Confirmed { service, parameters } => {
                self.asked = true;
                self.proved = false;
                if let Some(password) = password(service, parameters).filter(|it| !it.is_empty()) {
                    self.proved = true;
                    let credential =
                        Credential::clear(CredentialKind::Password, notes.fingerprint("password", &password));
                    let offer = Shown::secret(Scope::Request, None, credential);
                    notes.say(&PASSWORD, offer);
                }
            }
            Message::Manages => self.asked = true,
            // What the caller answers to calls of the other side.
            Message::Tables
            | Message::Result(_)
            | Message::Acknowledged
            | Message::Error { .. }
            | Message::Rejected
            | Message::Other => {}
        }
    }

    fn device(&mut self, message: Message<'_>, notes: &mut Notes<'_>) {
        let served = Shown::Serves { operation: Operation::Service };
        match message {
            Message::Unconfirmed { .. } => {
                self.told.once(&DISCOVERY, Shown::Serves { operation: Operation::Public }, notes);
            }
            _ if !self.asked => {}
            Message::Acknowledged if std::mem::take(&mut self.proved) => notes.say(&SERVED, served),
            Message::Acknowledged => self.told.once(&SERVED, served, notes),
            Message::Tables | Message::Result(0) => self.told.once(&TABLES, served, notes),
            Message::Error { class: SECURITY, code: PASSWORD_FAILURE } => {
                let why = if std::mem::take(&mut self.proved) {
                    Refusal::ProofWrong
                } else {
                    Refusal::ProofMissing
                };
                notes.say(&FAILED, Shown::Refuses { why });
            }
            Message::Error { .. } | Message::Rejected | Message::Result(_) => {
                self.told.once(&REFUSED, Shown::Refuses { why: Refusal::Other }, notes);
            }
            Message::Manages | Message::Confirmed { .. } | Message::Other => {}
        }
    }
}

impl DatagramDissector for Bacnet {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        // What is not understood answers nothing and asks for nothing.
        if let Some(message) = Message::read(datagram) {
            match from {
                Role::Originator => self.caller(message, notes),
                Role::Responder => self.device(message, notes),
            }
        }
        Next::More
    }
}
