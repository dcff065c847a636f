//! What a frame carries: a TCP segment or a UDP datagram, after link headers, VLAN tags, IPv6 extension headers and
//! fragments.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use etherparse::defrag::IpDefragBuf;
use etherparse::{EtherType, IpFragOffset, IpNumber, LaxNetSlice, LaxSlicedPacket, TcpSlice, UdpSlice};

use super::file::Frame;

/// Datagrams put together at the same time; the oldest gives way.
const MAX_FRAGMENTED: usize = 512;

/// One TCP segment or UDP datagram.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Packet {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) carries: Carries,
    /// The bytes that were captured.
    pub(super) payload: Vec<u8>,
    /// How many there were.
    pub(super) length: usize,
}

/// The transport's own fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carries {
    Tcp { sequence: u32, acknowledged: Option<u32>, syn: bool, fin: bool, rst: bool, signed: bool },
    Udp,
}

/// What identifies a fragmented datagram (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FragmentKey {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    protocol: u8,
}

/// Takes frames apart; holds the fragments that still wait for others.
#[derive(Default)]
pub(super) struct Dissection {
    fragments: HashMap<FragmentKey, (u64, IpDefragBuf)>,
    age: u64,
    /// Frames that carry no IP that can be read.
    pub(super) unread: u64,
    /// Fragmented datagrams given up for want of room.
    pub(super) given_up: u64,
}

impl Dissection {
    /// The packet in a frame, if it carries a whole one.
    pub(super) fn packet(&mut self, frame: &Frame) -> Option<Packet> {
        let Some(sliced) = network(frame) else {
            self.unread += 1;
            return None;
        };
        let (source, destination, fragment) = match sliced.net.as_ref()? {
            LaxNetSlice::Ipv4(ipv4) => {
                let header = ipv4.header();
                let fragment = header.is_fragmenting_payload().then(|| Fragment {
                    identification: u32::from(header.identification()),
                    offset: header.fragments_offset(),
                    more: header.more_fragments(),
                });
                (IpAddr::from(header.source_addr()), IpAddr::from(header.destination_addr()), fragment)
            }
            LaxNetSlice::Ipv6(ipv6) => {
                let header = ipv6.header();
                (plain(header.source_addr()), plain(header.destination_addr()), ipv6_fragment(ipv6))
            }
            LaxNetSlice::Arp(_) => return None,
        };
        let ip = sliced.net.as_ref()?.ip_payload_ref()?;
        let missing = if ip.incomplete { frame.missing } else { 0 };
        match fragment {
            None => transport(source, destination, ip.ip_number, ip.payload, missing),
            Some(fragment) => {
                let key = FragmentKey {
                    source,
                    destination,
                    identification: fragment.identification,
                    protocol: ip.ip_number.0,
                };
                let whole = self.reassembled(key, fragment, ip.ip_number, ip.payload)?;
                transport(source, destination, ip.ip_number, &whole, missing)
            }
        }
    }

    fn reassembled(
        &mut self,
        key: FragmentKey,
        fragment: Fragment,
        protocol: IpNumber,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        if !self.fragments.contains_key(&key) && self.fragments.len() >= MAX_FRAGMENTED {
            let oldest = self.fragments.iter().min_by_key(|(_, (age, _))| *age).map(|(key, _)| *key)?;
            self.fragments.remove(&oldest);
            self.given_up += 1;
        }
        self.age += 1;
        let age = self.age;
        let (_, buffer) = self
            .fragments
            .entry(key)
            .or_insert_with(|| (age, IpDefragBuf::new(protocol, Vec::new(), Vec::new())));
        if buffer.add(fragment.offset, fragment.more, payload).is_err() {
            self.fragments.remove(&key);
            self.given_up += 1;
            return None;
        }
        if !buffer.is_complete() {
            return None;
        }
        self.fragments.remove(&key).map(|(_, buffer)| buffer.take_bufs().0)
    }
}

struct Fragment {
    identification: u32,
    offset: IpFragOffset,
    more: bool,
}

fn ipv6_fragment(ipv6: &etherparse::LaxIpv6Slice<'_>) -> Option<Fragment> {
    ipv6.extensions().clone().into_iter().find_map(|extension| {
        let etherparse::Ipv6ExtensionSlice::Fragment(header) = extension else { return None };
        header.is_fragmenting_payload().then(|| Fragment {
            identification: header.identification(),
            offset: header.fragment_offset(),
            more: header.more_fragments(),
        })
    })
}

/// Skips the link header. Link types: <https://www.tcpdump.org/linktypes.html>.
fn network(frame: &Frame) -> Option<LaxSlicedPacket<'_>> {
    let bytes = frame.bytes.as_slice();
    match frame.link {
        1 => ethernet(bytes),
        // NULL and LOOP: four bytes of address family, in the capturing host's order or big-endian.
        0 | 108 => LaxSlicedPacket::from_ip(bytes.get(4..)?).ok(),
        // RAW as registered, and as BSD and OpenBSD number it; IPV4; IPV6.
        12 | 14 | 101 | 228 | 229 => LaxSlicedPacket::from_ip(bytes).ok(),
        // PPP and PPP with HDLC-like framing (RFC 1662 section 3.1), whose address and control may be left out.
        9 | 50 => point_to_point(bytes.strip_prefix(b"\xff\x03").unwrap_or(bytes)),
        // PPP_ETHER.
        51 => point_to_point(bytes.get(6..)?),
        // LINUX_SLL: the EtherType is at 14.
        113 => ether_type(bytes, 14, 16),
        // LINUX_SLL2: the EtherType is at 0.
        276 => ether_type(bytes, 0, 20),
        _ => None,
    }
}

/// Ethernet, and what it carries in PPPoE sessions (RFC 2516 section 4) and behind MPLS labels (RFC 3032 section 2.1).
fn ethernet(bytes: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    let packet = LaxSlicedPacket::from_ethernet(bytes).ok()?;
    let payload = packet.ether_payload();
    match payload.as_ref().map(|payload| (payload.ether_type, payload.payload)) {
        Some((EtherType(0x8864), session)) => point_to_point(session.get(6..)?),
        Some((EtherType(0x8847 | 0x8848), mut labels)) => {
            // The label that is the last has the bit `bottom of stack`.
            while labels.get(2)? & 1 == 0 {
                labels = labels.get(4..)?;
            }
            LaxSlicedPacket::from_ip(labels.get(4..)?).ok()
        }
        Some(_) | None => Some(packet),
    }
}

/// What a PPP frame carries: IPv4 or IPv6 (RFC 1332 section 3, RFC 5072 section 3); the protocol field may be compressed.
fn point_to_point(bytes: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    let ip = match bytes {
        [0, 0x21 | 0x57, ip @ ..] | [0x21 | 0x57, ip @ ..] => ip,
        _ => return None,
    };
    LaxSlicedPacket::from_ip(ip).ok()
}

fn ether_type(bytes: &[u8], at: usize, payload: usize) -> Option<LaxSlicedPacket<'_>> {
    let kind = u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
    Some(LaxSlicedPacket::from_ether_type(EtherType(kind), bytes.get(payload..)?))
}

/// An IPv4-mapped address is the IPv4 address.
fn plain(address: Ipv6Addr) -> IpAddr {
    IpAddr::V6(address).to_canonical()
}

/// True when TCP's options (RFC 9293 section 3.1) hold a signature: kind 19 (RFC 2385) or 29 (RFC 5925).
fn is_signed(mut options: &[u8]) -> bool {
    loop {
        options = match *options {
            [1, ref rest @ ..] => rest,
            [19 | 29, 4..=40, ..] => return true,
            [0, ..] | [] => return false,
            [_, length, ..] if length >= 2 => match options.get(usize::from(length)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        };
    }
}

fn transport(
    source: IpAddr,
    destination: IpAddr,
    protocol: IpNumber,
    bytes: &[u8],
    missing: usize,
) -> Option<Packet> {
    match protocol {
        IpNumber::TCP => {
            let tcp = TcpSlice::from_slice(bytes).ok()?;
            Some(Packet {
                source: SocketAddr::new(source, tcp.source_port()),
                destination: SocketAddr::new(destination, tcp.destination_port()),
                carries: Carries::Tcp {
                    sequence: tcp.sequence_number(),
                    acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    signed: is_signed(tcp.options()),
                },
                payload: tcp.payload().to_vec(),
                length: tcp.payload().len().saturating_add(missing),
            })
        }
        IpNumber::UDP => {
            let udp = UdpSlice::from_slice_lax(bytes).ok()?;
            Some(Packet {
                source: SocketAddr::new(source, udp.source_port()),
                destination: SocketAddr::new(destination, udp.destination_port()),
                carries: Carries::Udp,
                payload: udp.payload().to_vec(),
                length: udp.payload().len().saturating_add(missing),
            })
        }
        _ => None,
    }
}
