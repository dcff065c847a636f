//! First payload bytes of TCP connections, both directions, by stream offset: cgroup_skb at the cgroup root.
//!
//! Most packets carry nothing, and are let go at the first look. Most others belong to sockets that are not looked at;
//! for them this is one lookup.

use core::ptr;

use aya_ebpf::bindings::{__sk_buff, bpf_sock};
use aya_ebpf::helpers::generated::{
    bpf_sk_fullsock, bpf_sk_storage_delete, bpf_sk_storage_get, bpf_skb_load_bytes,
};
use aya_ebpf::macros::cgroup_skb;
use aya_ebpf::programs::SkBuffContext;
use tierzero_maps::record::{AddressedPayload, Endpoints, PIECE_BYTES, Payload};
use tierzero_maps::{kind, place};

use crate::context::{field, opaque};
use crate::hooks::datagram;
use crate::offsets::{FOLLOW_UDP, PAYLOAD_BYTES};
use crate::tables::{Direction, STREAMS, Stream, address};
use crate::{emit, packet};

/// `TCP_LISTEN` (include/net/tcp_states.h).
const TCP_LISTEN: u32 = 10;
/// Most records made of one segment. A GSO segment has at most 64 KiB.
const PIECES: u32 = 16;

#[cgroup_skb]
pub fn payload_in(context: SkBuffContext) -> i32 {
    look(context.skb.skb, kind::RECEIVED);
    1
}

#[cgroup_skb]
pub fn payload_out(context: SkBuffContext) -> i32 {
    look(context.skb.skb, kind::SENT);
    1
}

#[inline(always)]
fn look(skb: *mut __sk_buff, direction: u32) {
    if packet::bare(skb) {
        return;
    }
    // SAFETY: the context is valid while the program runs.
    let sk = unsafe { ptr::read_volatile(&raw const (*skb).__bindgen_anon_2.sk) };
    if sk.is_null() {
        return;
    }
    // SAFETY: `sk` is the packet's socket.
    let sk = unsafe { bpf_sk_fullsock(sk) };
    if sk.is_null() {
        return;
    }
    // SAFETY: the map is a socket storage map and `sk` a full socket; nothing is created.
    let stream =
        unsafe { bpf_sk_storage_get(address(&STREAMS), sk.cast(), ptr::null_mut(), 0) }.cast::<Stream>();
    if stream.is_null() {
        let protocol = field!(sk, bpf_sock, protocol);
        if protocol == kind::UDP {
            if FOLLOW_UDP.load() != 0 {
                datagram::count(skb, sk, direction);
            }
        } else if protocol == kind::TCP && direction == kind::RECEIVED {
            let state = field!(sk, bpf_sock, state);
            if state == TCP_LISTEN {
                early(skb);
            }
        }
        return;
    }
    follow(skb, sk, stream, direction);
}

/// Hands over what a segment adds to its stream.
#[inline(always)]
fn follow(skb: *mut __sk_buff, sk: *mut bpf_sock, stream: *mut Stream, direction: u32) {
    let limit = PAYLOAD_BYTES.load();
    // SAFETY: storage lives as long as its socket, which the packet holds.
    let (this, other, cookie) = unsafe {
        if direction == kind::SENT {
            (&raw mut (*stream).sent, &raw mut (*stream).received, (*stream).cookie)
        } else {
            (&raw mut (*stream).received, &raw mut (*stream).sent, (*stream).cookie)
        }
    };
    // SAFETY: as above. Each direction is written by one packet at a time: the socket's owner serialises them.
    let Direction { base, next, highest, after_gap } = unsafe { *this };
    if next >= limit {
        return;
    }
    let Some(segment) = packet::tcp(skb) else { return emit::lost(place::PACKET) };
    if segment.length == 0 {
        return;
    }
    let start = segment.sequence.wrapping_sub(base);
    // Before the stream's first byte: a keep-alive probe or a repeated SYN (RFC 1122 section 4.2.3.6).
    if start > u32::MAX / 2 || start >= limit {
        return;
    }
    let end = start + segment.length;
    if end <= next {
        return; // Sent again.
    }
    let skip = if start < next { next - start } else { 0 };
    let stop = if end > limit { limit } else { end };
    let mut position = start + skip;
    // Whole pieces first, one size, so that the verifier walks each turn once; what is left goes into the smallest
    // slot. A piece that is lost is counted by place, and the reader sees the gap.
    for _ in 0..PIECES {
        if stop - position <= PIECE_BYTES as u32 {
            break;
        }
        let piece = Piece { cookie, offset: u64::from(position), length: PIECE_BYTES as u32, direction };
        let from = segment.offset + (position - start);
        slot::<Payload, PIECE_BYTES>(skb, place::PAYLOAD, from, PIECE_BYTES as u32, |taken| {
            piece.head(taken)
        });
        position += PIECE_BYTES as u32;
    }
    let left = stop - position;
    if left > 0 && left <= PIECE_BYTES as u32 {
        // What the limit cuts off is told by the last piece.
        let piece = Piece { cookie, offset: u64::from(position), length: end - position, direction };
        last_piece(skb, segment.offset + (position - start), left, piece);
        position = stop;
    }
    // SAFETY: as above.
    unsafe {
        if start > next {
            // Out of order: the gap is filled by a later segment.
            if start < after_gap {
                (*this).after_gap = start;
            }
        } else if position >= after_gap {
            (*this).next = if highest > position { highest } else { position };
            (*this).after_gap = u32::MAX;
        } else {
            (*this).next = position;
        }
        if position > highest {
            (*this).highest = position;
        }
        if (*this).next >= limit && (*other).next >= limit {
            bpf_sk_storage_delete(address(&STREAMS), sk.cast());
        }
    }
}

/// What a record of a stream says about its bytes.
#[derive(Clone, Copy)]
struct Piece {
    cookie: u64,
    offset: u64,
    length: u32,
    direction: u32,
}

/// A record and room for `N` bytes.
#[repr(C)]
struct Slot<H, const N: usize> {
    head: H,
    bytes: [u8; N],
}

impl Piece {
    #[inline(always)]
    fn head(self, captured: u32) -> Payload {
        Payload {
            header: emit::header(kind::PAYLOAD),
            cookie: self.cookie,
            offset: self.offset,
            length: self.length,
            captured,
            direction: self.direction,
            reserved: 0,
        }
    }
}

/// Hands over up to [`PIECE_BYTES`] of a packet in the smallest slot that fits.
#[inline(always)]
fn last_piece(skb: *mut __sk_buff, from: u32, take: u32, piece: Piece) {
    if take <= 256 {
        slot::<Payload, 256>(skb, place::PAYLOAD, from, take, |taken| piece.head(taken));
    } else if take <= 1024 {
        slot::<Payload, 1024>(skb, place::PAYLOAD, from, take, |taken| piece.head(taken));
    } else {
        slot::<Payload, PIECE_BYTES>(skb, place::PAYLOAD, from, take, |taken| piece.head(taken));
    }
}

/// Loads `take` bytes of a packet into a slot of `N`, a power of two. The record says how many.
#[inline(always)]
fn slot<H, const N: usize>(
    skb: *mut __sk_buff,
    place: u32,
    from: u32,
    take: u32,
    head: impl FnOnce(u32) -> H,
) {
    emit::payload::<Slot<H, N>>(place, |slot| {
        // The mask shows the verifier a bound that it can't lose: 1..=N.
        let captured = (opaque(take).wrapping_sub(1) & (N as u32 - 1)) + 1;
        // SAFETY: `slot` is a reservation of this size; the helper writes `captured` <= N bytes behind the head.
        unsafe {
            (&raw mut (*slot).head).write(head(captured));
            bpf_skb_load_bytes(skb.cast(), from, (&raw mut (*slot).bytes).cast(), captured) == 0
        }
    });
}

/// Payload that arrives with the third segment of the handshake (deferred accept, RFC 7413, or an acknowledgement
/// that waited for data) passes while the packet still belongs to the listener: the new socket does not exist yet.
#[inline(always)]
fn early(skb: *mut __sk_buff) {
    let Some(segment) = packet::tcp(skb) else { return };
    if segment.length == 0 {
        return;
    }
    let Some(endpoints) = packet::endpoints(skb, kind::TCP, kind::RECEIVED) else {
        return emit::lost(place::EARLY_PAYLOAD);
    };
    let piece = Piece {
        cookie: 0,
        offset: u64::from(segment.sequence),
        length: segment.length,
        direction: kind::RECEIVED,
    };
    addressed(skb, kind::EARLY_PAYLOAD, place::EARLY_PAYLOAD, segment.offset, piece, endpoints);
}

/// Hands over the payload of a datagram.
#[inline(always)]
pub fn datagram(
    skb: *mut __sk_buff,
    cookie: u64,
    number: u64,
    direction: u32,
    segment: packet::Segment,
    endpoints: Endpoints,
) {
    let piece = Piece { cookie, offset: number, length: segment.length, direction };
    addressed(skb, kind::DATAGRAM_PAYLOAD, place::DATAGRAM, segment.offset, piece, endpoints);
}

#[inline(always)]
fn addressed(skb: *mut __sk_buff, kind: u32, place: u32, from: u32, piece: Piece, endpoints: Endpoints) {
    let head = |captured: u32| AddressedPayload {
        payload: Payload {
            header: emit::header(kind),
            cookie: piece.cookie,
            offset: piece.offset,
            length: piece.length,
            captured,
            direction: piece.direction,
            reserved: 0,
        },
        endpoints,
    };
    if piece.length <= 256 {
        slot::<AddressedPayload, 256>(skb, place, from, piece.length, head);
    } else if piece.length <= 2048 {
        slot::<AddressedPayload, 2048>(skb, place, from, piece.length, head);
    } else {
        slot::<AddressedPayload, 2048>(skb, place, from, 2048, head);
    }
}
