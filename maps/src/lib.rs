//! The kernel boundary.
#![no_std]
/// Version of the layout.
pub const ABI: u32 = 1;
