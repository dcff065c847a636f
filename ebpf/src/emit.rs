//! Handing records over: reserve, write, submit. A full ring is counted by place; nothing blocks.

use core::arch::asm;
use core::ffi::c_void;
use core::mem::size_of;

use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::{
    bpf_ktime_get_boot_ns, bpf_ringbuf_discard, bpf_ringbuf_query, bpf_ringbuf_reserve, bpf_ringbuf_submit,
};
use tierzero_maps::ABI;
use tierzero_maps::record::Header;

use crate::offsets::{CONTROL_WAKE_BYTES, PAYLOAD_WAKE_BYTES};
use crate::tables::{CONTROL, LOST, PAYLOAD, SEEN, address};

/// The header of a record made now.
#[inline(always)]
pub fn header(kind: u32) -> Header {
    Header { kind, abi: ABI, at: now() }
}

/// Nanoseconds since boot.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: takes nothing, returns the time.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Hands over a control record that `fill` writes. `fill` must write every byte of `T`.
#[inline(always)]
pub fn control<T>(place: u32, fill: impl FnOnce(*mut T)) {
    // SAFETY: the map is a ring buffer and the size is constant.
    let slot = unsafe { bpf_ringbuf_reserve(address(&CONTROL), size_of::<T>() as u64, 0) };
    if slot.is_null() {
        return lost(place);
    }
    fill(slot.cast());
    submit(slot, address(&CONTROL), CONTROL_WAKE_BYTES.load());
    seen(place);
}

/// Hands over a payload record of constant size; `fill` says whether it is worth handing over. False where it was lost.
#[inline(always)]
pub fn payload<T>(place: u32, fill: impl FnOnce(*mut T) -> bool) -> bool {
    // SAFETY: the map is a ring buffer and the size is constant.
    let slot = unsafe { bpf_ringbuf_reserve(address(&PAYLOAD), size_of::<T>() as u64, 0) };
    if slot.is_null() {
        lost(place);
        return false;
    }
    if !fill(slot.cast()) {
        // SAFETY: `slot` is the reservation from above, given back once.
        unsafe { bpf_ringbuf_discard(slot, u64::from(BPF_RB_NO_WAKEUP)) };
        lost(place);
        return false;
    }
    submit(slot, address(&PAYLOAD), PAYLOAD_WAKE_BYTES.load());
    seen(place);
    true
}

/// Wakes the reader only when much waits: it looks by itself many times a second, and a wake-up for each record would
/// cost the observed process a context switch.
#[inline(always)]
fn submit(slot: *mut c_void, ring: *mut c_void, wake_bytes: u64) {
    // SAFETY: `ring` is a ring buffer, `slot` a reservation in it that is given back once.
    unsafe {
        let waiting = bpf_ringbuf_query(ring, u64::from(BPF_RB_AVAIL_DATA));
        let flag = if waiting > wake_bytes { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
        bpf_ringbuf_submit(slot, u64::from(flag));
    }
}

/// Counts a record handed over.
#[inline(always)]
pub fn seen(place: u32) {
    if let Some(count) = SEEN.get_ptr_mut(place) {
        // SAFETY: this CPU's own slot of a per-CPU array.
        unsafe { *count += 1 };
    }
}

/// Counts a record lost. Atomic, though the slot is this CPU's own: a program that was interrupted or preempted here
/// would write over what others counted meanwhile, and a loss would go uncounted.
#[inline(always)]
pub fn lost(place: u32) {
    if let Some(count) = LOST.get_ptr_mut(place) {
        // SAFETY: an aligned value of a map, valid until the program ends. `BPF_XADD`, which every kernel knows; the
        // target's own atomics have no addition.
        unsafe {
            asm!(
                "lock *(u64 *)({count} + 0) += {one}",
                count = in(reg) count,
                one = in(reg) 1_u64,
                options(nostack),
            );
        }
    }
}
