//! Protocols of datagrams in which everything is for anyone: DHCP, BOOTP and SSDP.
//!
//! Sources: RFC 951 section 3 and RFC 2131 section 2 (header), RFC 2132 section 2 (cookie), RFC 9915 section 8 (DHCPv6),
//! UPnP Device Architecture 2.0 sections 1.2 and 1.3 (SSDP).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::{Operation, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    ASKED = "public.asked", v 1, Observed, Wire,
        "The caller asked for an address or for services on its link, or announced its own, as anyone may",
        "Whether anybody took it";
    ANSWERED = "public.answered", v 1, Observed, Wire,
        "The receiver answered with an address or with its services, as it does for anyone on its link",
        "Whether it serves callers elsewhere";
}

/// How DHCP and BOOTP are recognised and read.
pub(crate) static DHCP: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dhcp,
    call: is_dhcp,
    reply: is_dhcp,
    unanswered: is_dhcp,
    begin: || Box::new(Public),
    rules: RULES,
};

/// How DHCPv6 is recognised and read; its rules are those above.
pub(crate) static DHCP6: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Dhcp6,
    call: is_dhcp6,
    reply: is_dhcp6,
    unanswered: is_dhcp6,
    begin: || Box::new(Public),
    rules: &[],
};

/// How SSDP is recognised and read; its rules are those above.
pub(crate) static SSDP: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Ssdp,
    call: |datagram| {
        [&b"M-SEARCH * HTTP/1.1\r\n"[..], b"NOTIFY * HTTP/1.1\r\n"]
            .iter()
            .any(|start| datagram.bytes.starts_with(start))
    },
    reply: |datagram| datagram.bytes.starts_with(b"HTTP/1.1 200 "),
    unanswered: |_| true,
    begin: || Box::new(Public),
    rules: &[],
};

/// Bytes before the options of DHCP, and BOOTP's whole length.
const BOOTP: u64 = 300;
/// Where the options' cookie stands.
const COOKIE: usize = 236;

/// Call or answer, a kind of hardware and its length, few hops, and the cookie.
fn is_dhcp(datagram: &Datagram<'_>) -> bool {
    let [1 | 2, 1..=64, 0..=16, 0..=16, ..] = datagram.bytes else { return false };
    let cookie = datagram.bytes.get(COOKIE..COOKIE.saturating_add(4));
    cookie == Some(&[0x63, 0x82, 0x53, 0x63]) || cookie == Some(&[0; 4]) && datagram.length == BOOTP
}

/// A type, a number of three bytes, and options that end where the datagram does; one names the client (1).
fn is_dhcp6(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    if !cursor.byte().is_some_and(|kind| (1..=11).contains(&kind)) || cursor.take(3).is_none() {
        return false;
    }
    let (mut named, mut count) = (false, 0_usize);
    while !cursor.0.is_empty() {
        let Some([a, b, c, d]) = cursor.array() else { return false };
        let kind = u16::from_be_bytes([a, b]);
        if !(1..=150).contains(&kind) || cursor.take(usize::from(u16::from_be_bytes([c, d]))).is_none() {
            return false;
        }
        named |= kind == 1;
        count = count.saturating_add(1);
    }
    named && count > 1 && datagram.length == datagram.bytes.len() as u64
}

/// One flow; each message stands for itself.
#[derive(Debug)]
struct Public;

impl DatagramDissector for Public {
    fn read(&mut self, from: Role, _datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        match from {
            Role::Originator => notes.say(&ASKED, Shown::AsksPublic),
            Role::Responder => notes.say(&ANSWERED, Shown::Serves { operation: Operation::Public }),
        }
        Next::More
    }
}
