//! Reading the record of a syscall's tracepoint.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::programs::TracePointContext;

/// Argument of a syscall at its entry (include/trace/events/syscalls.h: 8 bytes common, 8 bytes number, arguments).
#[inline(always)]
pub fn argument(context: &TracePointContext, number: usize) -> u64 {
    // SAFETY: the record of a syscall's entry has six arguments.
    unsafe { core::ptr::read_volatile(context.as_ptr().cast::<u64>().add(2 + number)) }
}

/// What a syscall returned, at its exit.
#[inline(always)]
pub fn returned(context: &TracePointContext) -> i64 {
    argument(context, 0) as i64
}
