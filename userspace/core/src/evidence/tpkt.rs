//! The ISO transport service on top of TCP: packets of a length each, and in each one TPDU.
//!
//! Sources: RFC 1006 section 6 (version 3, reserved 0, length of the whole packet), ISO 8073 / ITU-T X.224 section 13
//! (length indicator, TPDU code, fixed and variable part; class 0).

use super::dissector::Likeness;

/// Bytes of a packet's own header, and of the shortest TPDU after it (length indicator, code, number).
const HEADER: usize = 4;
const SHORTEST: usize = 7;
/// Longest packet that opens or confirms a connection: its length indicator is one byte.
const CONNECT: u8 = 0xff;

/// TPDU codes; the low four bits of the first two are an initial credit, which class 0 leaves at zero.
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DISCONNECT: u8 = 0x80;
const TRANSFER: u8 = 0xf0;

/// One TPDU, as far as its packet is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tpdu<'a> {
    /// CR: asks for a connection; the variable part follows references and class.
    Request(&'a [u8]),
    /// CC: confirms it.
    Confirm(&'a [u8]),
    /// DR.
    Disconnect,
    /// DT: a piece of the user's message, and whether it is the last one.
    Data { content: &'a [u8], last: bool },
    /// ED, ER and others.
    Other,
}

/// What stands at the front of a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Packet<'a> {
    /// Too few bytes.
    More,
    /// No packet.
    Broken,
    /// A packet of `length` bytes, of which at most as many were looked at as were asked for.
    Here { length: usize, tpdu: Tpdu<'a> },
}

/// Reads a packet once it is whole, or its first `enough` bytes are there (at least 16). What is returned never holds
/// more than those, however much is there.
pub(crate) fn packet(bytes: &[u8], enough: usize) -> Packet<'_> {
    let [version, reserved, high, low, ..] = *bytes else {
        return if Likeness::starts_with(bytes, &[3, 0]) == Likeness::Unlike {
            Packet::Broken
        } else {
            Packet::More
        };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version != 3 || reserved != 0 || length < SHORTEST {
        return Packet::Broken;
    }
    let Some(tpdu) = bytes.get(HEADER..length.min(enough.max(16))) else { return Packet::More };
    let Some((indicator, rest)) = tpdu.split_first() else { return Packet::Broken };
    let indicator = usize::from(*indicator);
    if indicator.saturating_add(HEADER).saturating_add(1) > length {
        return Packet::Broken;
    }
    let (head, content) = rest.split_at_checked(indicator).unwrap_or((rest, &[]));
    let tpdu = match *head {
        [REQUEST, _, _, _, _, _, ref variable @ ..] => Tpdu::Request(variable),
        [CONFIRM, _, _, _, _, _, ref variable @ ..] => Tpdu::Confirm(variable),
        [TRANSFER, number] => Tpdu::Data { content, last: number & 0x80 != 0 },
        [DISCONNECT, ..] => Tpdu::Disconnect,
        [] | [REQUEST | CONFIRM | TRANSFER, ..] => return Packet::Broken,
        [_, ..] => Tpdu::Other,
    };
    Packet::Here { length, tpdu }
}

/// Compares with a packet that holds just a CR (`true`) or CC.
fn connect_likeness(bytes: &[u8], request: bool) -> Likeness {
    let start = Likeness::starts_with(bytes, &[3, 0, 0]);
    let (Likeness::Like, Some(length)) = (start, bytes.get(3).copied()) else {
        return start.and(Likeness::Unsure);
    };
    let code = if request { REQUEST } else { CONFIRM };
    // 6 bytes of fixed part at least, and nothing behind the variable part.
    if !(11..=CONNECT).contains(&length) {
        return Likeness::Unlike;
    }
    Likeness::starts_with(bytes.get(4..).unwrap_or_default(), &[length.saturating_sub(5), code])
}

/// Compares with a caller's request for a connection.
pub(crate) fn request_likeness(bytes: &[u8]) -> Likeness {
    connect_likeness(bytes, true)
}

/// Compares with a receiver's confirmation.
pub(crate) fn confirm_likeness(bytes: &[u8]) -> Likeness {
    connect_likeness(bytes, false)
}

/// Compares the first user's message of a caller, after a request that names transport selectors (or after none):
/// Remote Desktop's requests name a cookie or a security protocol instead.
pub(crate) fn call_likeness(bytes: &[u8], inner: fn(&[u8]) -> Likeness) -> Likeness {
    if bytes.get(5).is_some_and(|code| *code == TRANSFER) {
        return transfer_likeness(bytes, inner);
    }
    match request_likeness(bytes) {
        // A data packet's sixth byte is not there yet.
        Likeness::Unlike if bytes.len() < 6 && bytes.starts_with(&[3, 0]) => return Likeness::Unsure,
        Likeness::Like => {}
        likeness @ (Likeness::Unlike | Likeness::Unsure) => return likeness,
    }
    match packet(bytes, usize::from(CONNECT)) {
        Packet::Here { length, tpdu: Tpdu::Request([0xc0..=0xc2, ..]) } => {
            match bytes.get(length..).unwrap_or_default() {
                [] => Likeness::Unsure,
                rest => transfer_likeness(rest, inner),
            }
        }
        Packet::More => Likeness::Unsure,
        Packet::Here { .. } | Packet::Broken => Likeness::Unlike,
    }
}

/// Compares a receiver's first packet: a confirmation, or a user's message where no connection was asked for.
pub(crate) fn reply_likeness(bytes: &[u8], inner: fn(&[u8]) -> Likeness) -> Likeness {
    if bytes.get(5).is_some_and(|code| *code == TRANSFER) {
        return transfer_likeness(bytes, inner);
    }
    match confirm_likeness(bytes) {
        Likeness::Unlike if bytes.len() < 6 && bytes.starts_with(&[3, 0]) => Likeness::Unsure,
        likeness @ (Likeness::Unlike | Likeness::Unsure | Likeness::Like) => likeness,
    }
}

/// Compares a packet with a user's message.
fn transfer_likeness(bytes: &[u8], inner: fn(&[u8]) -> Likeness) -> Likeness {
    let shape = match *bytes {
        [3, 0, high, low, 2, TRANSFER, 0 | 0x80, ..] if u16::from_be_bytes([high, low]) > 7 => Likeness::Like,
        [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, 2] | [3, 0, _, _, 2, TRANSFER] => {
            Likeness::Unsure
        }
        _ => Likeness::Unlike,
    };
    match (shape, bytes.get(7..)) {
        (Likeness::Like, Some(content)) if !content.is_empty() => inner(content),
        (Likeness::Like, _) => Likeness::Unsure,
        (shape, _) => shape,
    }
}

#[cfg(test)]
mod tests {
    use super::{Packet, Tpdu, confirm_likeness, packet, request_likeness};
    use crate::evidence::dissector::Likeness;

    #[test]
    fn packets_of_every_kind() {
        let request = [3, 0, 0, 14, 9, 0xe0, 0, 0, 0, 1, 0, 0xc0, 1, 10];
        let here = |length, tpdu| Packet::Here { length, tpdu };
        assert_eq!(packet(&request, 255), here(14, Tpdu::Request(&[0xc0, 1, 10])));
        assert_eq!(request_likeness(&request), Likeness::Like);
        assert_eq!(confirm_likeness(&request), Likeness::Unlike);
        assert_eq!(packet(&request[..13], 255), Packet::More);
        let data = [3, 0, 0, 9, 2, 0xf0, 0x80, 0x32, 1];
        assert_eq!(packet(&data, 255), here(9, Tpdu::Data { content: &[0x32, 1], last: true }));
        assert_eq!(
            packet(&[3, 0, 0, 8, 2, 0xf0, 0, 0x32], 255),
            here(8, Tpdu::Data { content: &[0x32], last: false })
        );
        assert_eq!(packet(&[3, 0, 0, 11, 6, 0x80, 0, 0, 0, 0, 0], 255), here(11, Tpdu::Disconnect));
        for broken in [&[3, 1][..], &[3, 0, 0, 6], &[3, 0, 0, 7, 0, 0xf0, 0], &[3, 0, 0, 7, 9, 0xf0, 0]] {
            assert_eq!(packet(broken, 255), Packet::Broken, "{broken:?}");
        }
        // Only so much of a long one is looked at, and it must be there.
        let long = [&[3, 0, 4, 0, 2, 0xf0, 0x80][..], &[7; 64]].concat();
        assert_eq!(packet(&long, 16), here(1024, Tpdu::Data { content: &[7; 9], last: true }));
        assert_eq!(packet(&long[..12], 16), Packet::More);
    }
}
