//! Reading kernel memory by offset. What can't be read is zero.

use core::mem::{MaybeUninit, size_of};

use aya_ebpf::Global;
use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use tierzero_maps::offset::ABSENT;

/// A type for which every bit pattern is a value.
pub trait Plain: Copy + Default {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl Plain for (u32, u32) {}
impl Plain for (u64, u64) {}

/// Reads a `T` at `base` + offset; zero where `base` is null, the member is absent or the memory can't be read.
#[inline(always)]
pub fn member<T: Plain>(base: u64, offset: &Global<u32>) -> T {
    let offset = offset.load();
    if base == 0 || offset == ABSENT {
        return T::default();
    }
    at(base + u64::from(offset))
}

/// Reads a `T` at an address.
#[inline(always)]
pub fn at<T: Plain>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the destination is `size_of::<T>()` bytes of our stack; the helper checks the source and fills the
    // destination with zeros where it can't read (kernel/trace/bpf_trace.c).
    let failed = unsafe {
        bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _)
    };
    if failed != 0 {
        return T::default();
    }
    // SAFETY: filled above, and every bit pattern is a `T`.
    unsafe { value.assume_init() }
}
