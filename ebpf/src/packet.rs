//! IP and transport headers of a packet that a cgroup_skb program sees: the data begins at the IP header.

use core::arch::asm;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::bpf_skb_load_bytes;
use tierzero_maps::kind;
use tierzero_maps::record::Endpoints;

use crate::context::field;

/// `ETH_P_IP` and `ETH_P_IPV6` as `__sk_buff::protocol` shows them (network byte order).
const IPV4: u32 = 0x0800_u16.to_be() as u32;
const IPV6: u32 = 0x86dd_u16.to_be() as u32;

/// Where a TCP segment's or datagram's payload is.
#[derive(Clone, Copy)]
pub struct Segment {
    /// Sequence number of the first payload byte (TCP), else 0.
    pub sequence: u32,
    /// Offset of the payload in the packet.
    pub offset: u32,
    /// Payload bytes.
    pub length: u32,
}

/// A packet without payload.
pub const EMPTY: Segment = Segment { sequence: 0, offset: 0, length: 0 };

/// Loads `N` bytes.
#[inline(always)]
fn load<const N: usize>(skb: *mut __sk_buff, offset: u32) -> Option<[u8; N]> {
    let mut bytes = MaybeUninit::<[u8; N]>::uninit();
    // SAFETY: the destination has `N` bytes; the helper checks the source.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), offset, bytes.as_mut_ptr().cast(), N as u32) };
    // SAFETY: the helper filled it.
    (failed == 0).then(|| unsafe { bytes.assume_init() })
}

/// Offset of the transport header, `None` where headers are not as expected (IPv6 extension headers, fragments).
#[inline(always)]
fn transport(skb: *mut __sk_buff, protocol: u32) -> Option<u32> {
    let family = field!(skb, __sk_buff, protocol);
    if family == IPV4 {
        let [first, _, _, _, _, _, fragment, fragment_low, _, carried]: [u8; 10] = load(skb, 0)?;
        // A later fragment has no transport header (RFC 791 section 3.1).
        if u32::from(carried) != protocol || fragment & 0x1f != 0 || fragment_low != 0 {
            return None;
        }
        return Some(u32::from(first & 0x0f) * 4);
    }
    if family == IPV6 {
        let [carried]: [u8; 1] = load(skb, 6)?;
        return (u32::from(carried) == protocol).then_some(40);
    }
    None
}

/// The TCP segment in a packet; `None` where it can't be read.
#[inline(always)]
pub fn tcp(skb: *mut __sk_buff) -> Option<Segment> {
    let start = transport(skb, kind::TCP)?;
    let [a, b, c, d, _, _, _, _, words]: [u8; 9] = load(skb, start + 4)?;
    let offset = start + u32::from(words >> 4) * 4;
    let all = length(skb);
    if offset >= all {
        return Some(EMPTY);
    }
    Some(Segment { sequence: u32::from_be_bytes([a, b, c, d]), offset, length: all - offset })
}

/// The datagram in a packet; `None` where it can't be read.
#[inline(always)]
pub fn udp(skb: *mut __sk_buff) -> Option<Segment> {
    let offset = transport(skb, kind::UDP)? + 8;
    let all = length(skb);
    if offset >= all {
        return Some(EMPTY);
    }
    Some(Segment { sequence: 0, offset, length: all - offset })
}

/// True for a TCP segment that carries nothing (most are acknowledgements), found without a helper's call. False
/// where that takes more: IP options, extension headers, headers that are not in the packet's first buffer.
#[inline(always)]
pub fn bare(skb: *mut __sk_buff) -> bool {
    let all = u64::from(length(skb));
    if all > IPV6_BYTES + TCP_MOST_BYTES {
        return false;
    }
    let (start, end) = window(skb);
    let headers = if field!(skb, __sk_buff, protocol) == IPV4 {
        // Version 4 and five words: no options; and no later fragment (RFC 791 section 3.1).
        if start + IPV4_BYTES + TCP_BYTES > end
            || byte(start) != 0x45
            || (byte(start + 6) & 0x1f) | byte(start + 7) != 0
            || byte(start + 9) != kind::TCP as u8
        {
            return false;
        }
        IPV4_BYTES + u64::from(byte(start + IPV4_BYTES + 12) >> 4) * 4
    } else {
        if field!(skb, __sk_buff, protocol) != IPV6
            || start + IPV6_BYTES + TCP_BYTES > end
            || byte(start + 6) != kind::TCP as u8
        {
            return false;
        }
        IPV6_BYTES + u64::from(byte(start + IPV6_BYTES + 12) >> 4) * 4
    };
    headers >= all
}

/// Bytes of headers without options (RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1), and of the
/// longest TCP header.
const IPV4_BYTES: u64 = 20;
const IPV6_BYTES: u64 = 40;
const TCP_BYTES: u64 = 20;
const TCP_MOST_BYTES: u64 = 60;

/// Where the part of the packet that may be read directly begins and ends. In assembly: the verifier knows the two as
/// packet pointers only while they stay whole in their registers.
#[inline(always)]
fn window(skb: *mut __sk_buff) -> (u64, u64) {
    let (start, end): (u64, u64);
    // SAFETY: the context is valid while the program runs; nothing is written.
    unsafe {
        asm!(
            "{start} = *(u32 *)({skb} + {at_start})",
            "{end} = *(u32 *)({skb} + {at_end})",
            skb = in(reg) skb,
            start = out(reg) start,
            end = lateout(reg) end,
            at_start = const offset_of!(__sk_buff, data),
            at_end = const offset_of!(__sk_buff, data_end),
            options(pure, readonly, nostack),
        );
    }
    (start, end)
}

/// A byte of the packet between `window`'s bounds.
#[inline(always)]
fn byte(address: u64) -> u8 {
    // SAFETY: the caller compared it with the end of the window, and the verifier checks that it did.
    unsafe { ptr::read_volatile(address as *const u8) }
}

/// Bytes of the packet from its IP header on.
#[inline(always)]
pub fn length(skb: *mut __sk_buff) -> u32 {
    field!(skb, __sk_buff, len)
}

/// Addresses and ports of a packet, seen from this end. `netns` is left 0.
#[inline(always)]
pub fn endpoints(skb: *mut __sk_buff, protocol: u32, direction: u32) -> Option<Endpoints> {
    let family = field!(skb, __sk_buff, protocol);
    let start = transport(skb, protocol)?;
    let (source, destination) = if family == IPV4 {
        let [source, destination]: [u32; 2] = words(skb, 12)?;
        let mapped = 0xffff_u32.to_be();
        ([0, 0, mapped, source], [0, 0, mapped, destination])
    } else {
        let [a, b, c, d, e, f, g, h]: [u32; 8] = words(skb, 8)?;
        ([a, b, c, d], [e, f, g, h])
    };
    let [a, b, c, d]: [u8; 4] = load(skb, start)?;
    let (source_port, destination_port) =
        (u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d])));
    Some(if direction == kind::SENT {
        Endpoints {
            local: source,
            remote: destination,
            local_port: source_port,
            remote_port: destination_port,
            netns: 0,
            reserved: 0,
        }
    } else {
        Endpoints {
            local: destination,
            remote: source,
            local_port: destination_port,
            remote_port: source_port,
            netns: 0,
            reserved: 0,
        }
    })
}

/// Loads `N` words in the byte order of the packet.
#[inline(always)]
fn words<const N: usize>(skb: *mut __sk_buff, offset: u32) -> Option<[u32; N]> {
    let mut words = MaybeUninit::<[u32; N]>::uninit();
    // SAFETY: the destination has `4 * N` bytes; the helper checks the source.
    let failed = unsafe { bpf_skb_load_bytes(skb.cast(), offset, words.as_mut_ptr().cast(), 4 * N as u32) };
    // SAFETY: the helper filled it.
    (failed == 0).then(|| unsafe { words.assume_init() })
}
