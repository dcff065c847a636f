//! SSH 2: the key exchange is readable, authentication is not; its packet sizes are.
//!
//! Sources: RFC 4253 sections 4.2, 6, 7.1; RFC 4252; RFC 5647 (GCM) and OpenSSH's PROTOCOL file (`-etm` codes), which leave
//! packet lengths in clear.

use super::cursor::Cursor;
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::ssh_shape::{Shape, judge};
use super::ssh1::Ssh1;
use super::{Credential, CredentialKind, Hidden, Operation, Proof, Protocol, Scope, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ENCRYPTED = "ssh.encrypted", v 1, Observed, Wire,
        "Both sides switched to encryption; authentication comes after that",
        "Who called and how the receiver checked it is not visible; the receiver's own log says both";
    KEY = "ssh.key-sized", v 1, Inferred, Wire,
        "The sizes of the caller's messages are those of a public key that was named, echoed and signed with",
        "Whose key; sizes alone are no proof";
    SHORT = "ssh.password-sized", v 1, Inferred, Wire,
        "The size of the caller's last message before success is that of a password or of an answer in a dialogue",
        "Whether it was a password; sizes alone are no proof";
    SUCCESS = "ssh.success-sized", v 1, Inferred, Wire,
        "The receiver's answer has the size of success, 16 bytes less than its first answer",
        "By which method, where no other rule says so; sizes alone are no proof";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Ssh,
    call: |bytes| Likeness::starts_with(bytes, b"SSH-2.0-").or_old(bytes),
    reply: |bytes| Likeness::starts_with(bytes, b"SSH-2.0-").or_old(bytes),
    begin: || Box::new(Ssh::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

impl Likeness {
    /// `Like` also for a version line of those before 2.0.
    fn or_old(self, bytes: &[u8]) -> Self {
        if self == Self::Unlike { Self::starts_with(bytes, b"SSH-1.") } else { self }
    }
}

/// Longest version line (RFC 4253 section 4.2).
const LINE: usize = 255;
/// Longest packet that is read (RFC 4253 section 6.1).
const PACKET: u32 = 35_000;
/// Most packets whose sizes are looked at.
const PACKETS: usize = 40;

/// Lengths of what follows a packet, by the name of the algorithm that makes it and leaves the length in clear.
const CLEAR_LENGTH: &[(&[u8], u64)] = &[
    (b"aes128-gcm@openssh.com", 16),
    (b"aes256-gcm@openssh.com", 16),
    (b"hmac-sha2-256-etm@openssh.com", 32),
    (b"hmac-sha2-512-etm@openssh.com", 64),
    (b"hmac-sha1-etm@openssh.com", 20),
    (b"hmac-md5-etm@openssh.com", 16),
    (b"umac-64-etm@openssh.com", 8),
    (b"umac-128-etm@openssh.com", 16),
];

/// How far one direction is.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    #[default]
    Version,
    KeyExchange,
    Encrypted,
}

/// What a version line says (RFC 4253 section 5.1): 1.99 stands for both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    One,
    Two,
}

/// One direction.
#[derive(Default, Debug)]
struct Side {
    phase: Phase,
    version: Option<Version>,
    /// The name lists of its KEXINIT: ciphers and codes both ways, compression.
    offers: Option<[Vec<u8>; 6]>,
}

/// One flow.
#[derive(Default, Debug)]
struct Ssh {
    caller: Side,
    receiver: Side,
    said: bool,
    packets: Vec<(Role, u64)>,
}

/// The ciphers, codes and compressions of a KEXINIT payload, caller to receiver first of each pair.
fn offers(payload: &[u8]) -> Option<[Vec<u8>; 6]> {
    let mut fields = Cursor(payload);
    fields.take(17)?;
    let mut list = || {
        let length = usize::try_from(u32::from_be_bytes(fields.array()?)).ok()?;
        fields.take(length).map(<[u8]>::to_vec)
    };
    list()?;
    list()?;
    Some([list()?, list()?, list()?, list()?, list()?, list()?])
}

impl Ssh {
    /// The algorithm that both agree on: the caller's first that the receiver has too.
    fn agreed(&self, which: usize) -> Option<&[u8]> {
        let caller = self.caller.offers.as_ref()?.get(which)?;
        let receiver = self.receiver.offers.as_ref()?.get(which)?;
        caller
            .split(|byte| *byte == b',')
            .find(|name| receiver.split(|byte| *byte == b',').any(|own| own == *name))
    }

    /// How many bytes follow a packet of `from` whose length is in clear; `None` when lengths are encrypted.
    fn clear(&self, from: Role) -> Option<u64> {
        let own = usize::from(from == Role::Responder);
        let cipher = self.agreed(own)?;
        let known =
            |name: &[u8]| CLEAR_LENGTH.iter().find(|(known, _)| *known == name).map(|(_, length)| *length);
        // A cipher that authenticates makes the code's name void.
        known(cipher).or_else(|| {
            if cipher.starts_with(b"chacha20-poly1305") {
                None
            } else {
                known(self.agreed(own.saturating_add(2))?)
            }
        })
    }

    fn side(&mut self, from: Role) -> &mut Side {
        match from {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        }
    }

    fn encrypted(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        if !self.said {
            return Next::More;
        }
        // What is compressed before authentication has no size that says anything.
        if self.agreed(4) == Some(b"zlib") || self.agreed(5) == Some(b"zlib") {
            return Next::Settled;
        }
        let size = match self.clear(from) {
            Some(code) => {
                let Some(length) = Cursor(input.bytes()).array().map(u32::from_be_bytes) else {
                    return Next::More;
                };
                if length > PACKET {
                    return Next::Settled;
                }
                u64::from(length).saturating_add(4).saturating_add(code)
            }
            None => input.bytes().len() as u64,
        };
        if size == 0 {
            return Next::More;
        }
        let whole = self.clear(from).is_some();
        input.skip(size);
        match self.packets.last_mut() {
            // Where lengths are encrypted, what one side sends before the other answers counts as one.
            Some((last, sum)) if *last == from && !whole => *sum = sum.saturating_add(size),
            Some(_) | None => self.packets.push((from, size)),
        }
        // The last one may still grow where lengths are encrypted; it is complete once the other side speaks.
        let complete = self.packets.len().saturating_sub(usize::from(!whole));
        if let Some(shape) = self.packets.get(..complete).and_then(judge) {
            say(shape, notes);
            return Next::Settled;
        }
        if self.packets.len() >= PACKETS { Next::Settled } else { Next::More }
    }
}

/// Says what the sizes show.
fn say(shape: Shape, notes: &mut Notes<'_>) {
    let offer = |proof, kind| Shown::Offers {
        proof,
        scope: Scope::Connection,
        principal: None,
        credential: Some(Credential::of(kind)),
    };
    match shape {
        Shape::Key => notes.say(&KEY, offer(Proof::Key, CredentialKind::Signature)),
        Shape::Short => notes.say(&SHORT, offer(Proof::Secret, CredentialKind::Password)),
        Shape::Undecided => {}
    }
    notes.say(&SUCCESS, Shown::Accepts);
    notes.say(&SUCCESS, Shown::Serves { operation: Operation::Service });
}

impl Dissector for Ssh {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        match self.side(from).phase {
            Phase::Encrypted => self.encrypted(from, input, notes),
            Phase::Version => {
                let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
                    return if bytes.len() < LINE { Next::More } else { Next::Lost(Hidden::Unsupported) };
                };
                let old = bytes.starts_with(b"SSH-1.") && !bytes.starts_with(b"SSH-1.99-");
                self.side(from).version = Some(if old { Version::One } else { Version::Two });
                self.side(from).phase = Phase::KeyExchange;
                input.read(end.saturating_add(1));
                Next::More
            }
            Phase::KeyExchange => {
                match (self.caller.version, self.receiver.version) {
                    (Some(Version::Two), Some(Version::Two)) => {}
                    (Some(_), Some(_)) => return Next::Upgraded(Box::new(Ssh1::default())),
                    (None, _) | (_, None) => return Next::More,
                }
                let Some(length) = Cursor(bytes).array().map(u32::from_be_bytes) else { return Next::More };
                if !(2..=PACKET).contains(&length) {
                    return Next::Lost(Hidden::Unsupported);
                }
                let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(4);
                let Some(packet) = bytes.get(4..end) else { return Next::More };
                match packet.get(1) {
                    Some(20) => {
                        let Some(lists) = packet.get(1..).and_then(offers) else {
                            return Next::Lost(Hidden::Unsupported);
                        };
                        self.side(from).offers = Some(lists);
                    }
                    Some(21) => self.side(from).phase = Phase::Encrypted,
                    Some(_) | None => {}
                }
                input.read(end);
                if !self.said
                    && self.caller.phase == Phase::Encrypted
                    && self.receiver.phase == Phase::Encrypted
                {
                    self.said = true;
                    notes.say(&ENCRYPTED, Shown::Hidden { why: Hidden::Encrypted });
                }
                Next::More
            }
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        if whole && let Some(shape) = judge(&self.packets) {
            say(shape, notes);
        }
    }
}
