//! Keys and values of the maps that both sides touch, and names of the maps.

use core::mem::size_of;

/// Ring buffer of processes, connects, listens, accepts, releases.
pub const CONTROL: &str = "CONTROL";
/// Ring buffer of payload.
pub const PAYLOAD: &str = "PAYLOAD";
/// Per-CPU counters: records handed over, by [`crate::place`].
pub const SEEN: &str = "SEEN";
/// Per-CPU counters: records lost, by [`crate::place`].
pub const LOST: &str = "LOST";
/// When a TLS library was last attached to, nanoseconds since boot: one value.
pub const TLS_ATTACHED: &str = "TLS_ATTACHED";
/// Tables that only matter while TLS libraries are followed, and how many entries they have then.
pub const TLS_TABLES: &[(&str, u32)] =
    &[("TLS_CALLS", 4096), ("TLS_ASKS", 4096), ("TLS_SESSIONS", 16_384), ("TLS_RESPONDERS", 16_384)];
/// Addresses assigned on this host, in any network namespace.
pub const LOCAL_ADDRESSES: &str = "LOCAL_ADDRESSES";
/// Most addresses in [`LOCAL_ADDRESSES`].
pub const LOCAL_ADDRESSES_MAX: u32 = 4096;

/// An address: IPv4 as IPv4-mapped IPv6, words in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The words.
    pub words: [u32; 4],
}

const _: () = assert!(size_of::<Address>() == 16);
