//! Reading the running process's memory. What can't be read is zero, or not handed over.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use tierzero_maps::record::{PIECE_BYTES, Payload};

use crate::context::opaque;
use crate::emit;

/// A 64-bit word; 0 where it can't be read.
#[inline(always)]
pub fn word(address: u64) -> u64 {
    known_word(address).unwrap_or(0)
}

/// A 64-bit word, for what a zero would say something.
#[inline(always)]
pub fn known_word(address: u64) -> Option<u64> {
    let mut word = 0_u64;
    // SAFETY: eight bytes of our stack; the helper checks the source.
    let failed = unsafe { bpf_probe_read_user((&raw mut word).cast(), 8, address as *const _) };
    (failed == 0).then_some(word)
}

/// A 32-bit word, for what a zero would say something.
#[inline(always)]
pub fn known_half(address: u64) -> Option<u32> {
    let mut half = 0_u32;
    // SAFETY: four bytes of our stack; the helper checks the source.
    let failed = unsafe { bpf_probe_read_user((&raw mut half).cast(), 4, address as *const _) };
    (failed == 0).then_some(half)
}

/// Bytes that a call moved.
#[derive(Clone, Copy)]
pub struct Moved {
    /// The connection's number.
    pub cookie: u64,
    /// Offset of the first byte in its direction's stream.
    pub offset: u64,
    /// How many were moved.
    pub moved: u64,
    /// How many of them to hand over.
    pub wanted: u64,
    /// `kind::SENT` or `kind::RECEIVED`.
    pub direction: u32,
    /// Where they are.
    pub address: u64,
}

/// A record and room for a piece.
#[repr(C)]
struct Slot {
    head: Payload,
    bytes: [u8; PIECE_BYTES],
}

/// Hands over what was moved, in at most four pieces.
#[inline(always)]
pub fn hand_over(kind: u32, place: u32, moved: Moved) {
    let mut done = 0_u64;
    for _ in 0..4 {
        if done >= moved.wanted {
            break;
        }
        let left = moved.wanted - done;
        let take = if left > PIECE_BYTES as u64 { PIECE_BYTES as u64 } else { left };
        // What the limit or a second buffer leaves out is told by the last piece.
        let length = if take == left { moved.moved - done } else { take };
        piece(kind, place, moved, done, length as u32, take as u32);
        done += take;
    }
}

#[inline(always)]
fn piece(kind: u32, place: u32, moved: Moved, done: u64, length: u32, take: u32) {
    emit::payload::<Slot>(place, |slot| {
        // The mask shows the verifier a bound that it can't lose: 1..=PIECE_BYTES.
        let captured = (opaque(take).wrapping_sub(1) & (PIECE_BYTES as u32 - 1)) + 1;
        let source = moved.address + done;
        // SAFETY: `slot` is a reservation of this size; the helper writes `captured` bytes behind the head.
        unsafe {
            (&raw mut (*slot).head).write(Payload {
                header: emit::header(kind),
                cookie: moved.cookie,
                offset: moved.offset + done,
                length,
                captured,
                direction: moved.direction,
                reserved: 0,
            });
            bpf_probe_read_user((&raw mut (*slot).bytes).cast(), captured, source as *const _) == 0
        }
    });
}
