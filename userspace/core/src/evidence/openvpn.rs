//! OpenVPN: its control channel carries the TLS handshake in packets of its own, over TCP or in datagrams.
//!
//! Source: the protocol as the OpenVPN project documents it (openvpn-rfc, "OpenVPN wire protocol").

use std::collections::BTreeMap;

use super::carried::Carried;
use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone, rules};
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ENCRYPTED = "openvpn.control-encrypted", v 1, Observed, Wire,
        "The control channel itself is encrypted under a key that both sides hold (tls-crypt)",
        "Whether the caller shows a certificate or a password inside";
}

/// How a flow of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Openvpn,
    call: |bytes| likeness(bytes, &[RESET_CLIENT_1, RESET_CLIENT_2, RESET_CLIENT_3]),
    reply: |bytes| likeness(bytes, &[RESET_SERVER_1, RESET_SERVER_2]),
    begin: || Box::new(OpenVpn::default()),
    call_alone: nothing_alone,
    rules: RULES,
};

/// How datagrams of this protocol are recognised and read.
pub(crate) static KNOWN_DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Openvpn,
    call: |datagram| resets(datagram, &[RESET_CLIENT_1, RESET_CLIENT_2, RESET_CLIENT_3]),
    reply: |datagram| resets(datagram, &[RESET_SERVER_1, RESET_SERVER_2]),
    unanswered: |_| false,
    begin: || Box::new(OpenVpn::default()),
    rules: &[],
};

/// Operation codes, the upper five bits of a packet's first byte.
const RESET_CLIENT_1: u8 = 1;
const RESET_SERVER_1: u8 = 2;
const CONTROL: u8 = 4;
const RESET_CLIENT_2: u8 = 7;
const RESET_SERVER_2: u8 = 8;
const RESET_CLIENT_3: u8 = 10;

/// Length of the shortest reset: code, session, no acknowledgement, packet number.
const RESET: u16 = 14;
/// Longest reset: a key wrapped for the receiver comes with it (tls-crypt-v2).
const RESET_MOST: u16 = 1400;
/// Lengths of the codes that protect the control channel (tls-auth); 0 for none.
const CODES: [usize; 7] = [0, 16, 20, 28, 32, 48, 64];
/// Packet number and time that go with a code.
const REPLAY: usize = 8;
/// Most packets that came early.
const EARLY: u32 = 16;
/// Most packets that are read before the handshake is over.
const PACKETS: u32 = 2048;
/// Longest packet.
const PACKET: usize = 8192;

/// A reset behind its length, as over TCP.
fn likeness(bytes: &[u8], codes: &[u8]) -> Likeness {
    match bytes {
        [high, low, ..] if !(RESET..=RESET_MOST).contains(&u16::from_be_bytes([*high, *low])) => {
            Likeness::Unlike
        }
        [_, _, first, ..] if codes.iter().any(|code| *first == code << 3) => Likeness::Like,
        [_, _, _, ..] => Likeness::Unlike,
        [first, ..] if *first > 5 => Likeness::Unlike,
        [..] => Likeness::Unsure,
    }
}

/// A reset that is a datagram; the ones that can be read have no acknowledgement or one, and the packet number 0.
fn resets(datagram: &Datagram<'_>, codes: &[u8]) -> bool {
    let Some(first) = datagram.bytes.first() else { return false };
    let long = u64::from(RESET_MOST) >= datagram.length && datagram.length >= u64::from(RESET);
    let plain = codes_of(datagram.bytes).is_some();
    // An encrypted control channel: packet number 1 and a time follow the session, in clear.
    let hidden = matches!(datagram.bytes.get(9..13), Some([0, 0, 0, 1]));
    long && codes.iter().any(|code| *first == code << 3) && (plain || hidden)
}

/// Length of the code in a reset; `None` where its end is not in clear.
fn codes_of(packet: &[u8]) -> Option<usize> {
    CODES.into_iter().find(|code| {
        let skipped = if *code == 0 { 9 } else { code.saturating_add(9 + REPLAY) };
        matches!(
            packet.get(skipped..),
            Some([0, 0, 0, 0, 0] | [1, _, _, _, _, _, _, _, _, _, _, _, _, 0, 0, 0, 0])
        )
    })
}

/// One flow.
#[derive(Default, Debug)]
struct OpenVpn {
    /// Length of the code, once a reset showed it.
    code: Option<usize>,
    caller: Side,
    receiver: Side,
    tls: Carried,
    packets: u32,
}

/// One direction of the control channel.
#[derive(Default)]
struct Side {
    next: u32,
    early: BTreeMap<u32, Vec<u8>>,
}

impl std::fmt::Debug for Side {
    /// Prints no bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Side({}, {} early)", self.next, self.early.len())
    }
}

impl OpenVpn {
    /// Reads one packet.
    fn packet(&mut self, from: Role, packet: &[u8], notes: &mut Notes<'_>) -> Option<Next> {
        self.packets = self.packets.saturating_add(1);
        if self.packets > PACKETS {
            return Some(Next::Lost(Hidden::Encrypted));
        }
        let operation = packet.first()? >> 3;
        let reset = matches!(
            operation,
            RESET_CLIENT_1 | RESET_CLIENT_2 | RESET_CLIENT_3 | RESET_SERVER_1 | RESET_SERVER_2
        );
        if reset && self.code.is_none() {
            self.code = codes_of(packet);
            if self.code.is_none() {
                notes.say(&ENCRYPTED, Shown::Hidden { why: Hidden::Encrypted });
                return Some(Next::Settled);
            }
        }
        if !reset && operation != CONTROL {
            return None;
        }
        let mut rest = Cursor(packet);
        rest.take(9)?;
        if let Some(code) = self.code.filter(|code| *code > 0) {
            rest.take(code.saturating_add(REPLAY))?;
        }
        let acknowledged = usize::from(rest.byte()?);
        if acknowledged > 0 {
            rest.take(acknowledged.saturating_mul(4).saturating_add(8))?;
        }
        let number = u32::from_be_bytes(rest.array()?);
        let side = match from {
            Role::Originator => &mut self.caller,
            Role::Responder => &mut self.receiver,
        };
        if number >= side.next && number.saturating_sub(side.next) < EARLY {
            side.early.entry(number).or_insert_with(|| rest.0.to_vec());
        }
        while let Some(payload) = side.early.remove(&side.next) {
            side.next = side.next.saturating_add(1);
            if let Some(next) = self.tls.take(from, &payload, notes) {
                return Some(next);
            }
        }
        None
    }
}

impl Dissector for OpenVpn {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let [high, low, rest @ ..] = bytes else { return Next::More };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > PACKET {
            return Next::Lost(Hidden::Encrypted);
        }
        let Some(packet) = rest.get(..length) else { return Next::More };
        // The receiver answers the caller's reset.
        if from == Role::Responder && self.packets == 0 {
            return Next::More;
        }
        let next = self.packet(from, packet, notes);
        input.read(length.saturating_add(2));
        next.unwrap_or(Next::More)
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.tls.finish(whole, notes);
    }
}

impl DatagramDissector for OpenVpn {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        self.packet(from, datagram.bytes, notes).unwrap_or(Next::More)
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.tls.finish(whole, notes);
    }
}
