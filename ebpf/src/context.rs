//! Reading a program's context.

use core::arch::asm;

/// Loads the 32-bit field at `OFFSET` of a context. In assembly, because the verifier accepts a context load only at a
/// constant offset (`check_ctx_reg`, kernel/bpf/verifier.c), and the compiler would join loads of two branches into
/// one load at a computed address.
///
/// # Safety
///
/// `context` is the program's context and has a 32-bit field there.
#[inline(always)]
pub unsafe fn load<C, const OFFSET: usize>(context: *const C) -> u32 {
    let value: u64;
    // SAFETY: as promised by the caller; nothing is written.
    unsafe {
        asm!(
            "{value} = *(u32 *)({context} + {offset})",
            value = out(reg) value,
            context = in(reg) context,
            offset = const OFFSET,
            options(pure, readonly, nostack),
        );
    }
    value as u32
}

/// Loads a 32-bit field of a context, also one of an array: `field!(context, bpf_sock, src_ip6, 2)`.
macro_rules! field {
    ($context:expr, $type:ty, $name:ident) => {
        $crate::context::field!($context, $type, $name, 0)
    };
    ($context:expr, $type:ty, $name:ident, $word:literal) => {
        // SAFETY: the context is valid while the program runs, and the field is one of its type's.
        unsafe {
            $crate::context::load::<$type, { core::mem::offset_of!($type, $name) + 4 * $word }>($context)
        }
    };
}
pub(crate) use field;

/// A value that the compiler knows nothing about, so that it keeps the bounds check that follows.
#[inline(always)]
pub fn opaque(value: u32) -> u32 {
    // SAFETY: a local is readable.
    unsafe { core::ptr::read_volatile(&raw const value) }
}
