//! The kernel boundary: what the eBPF programs write and what the sensor and the decoder read.
//!
//! Everything here is plain `#[repr(C)]` with explicit reserved fields: no bool, enum, `Option` or implicit padding
//! crosses the boundary, because any bit pattern must be a valid value on the reading side. Kinds are `u32` constants.
#![no_std]

pub mod kind;
pub mod library;
pub mod offset;
pub mod place;
pub mod record;
pub mod table;

/// Version of everything in this crate. Raise it with every change of a layout or of a meaning; every record carries
/// it, so that an object and a decoder that differ are noticed at the first record.
pub const ABI: u32 = 3;
