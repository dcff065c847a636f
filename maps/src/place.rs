//! Places at which the kernel side counts what it saw and what it could not hand over.
//!
//! Each place is an index into the per-CPU arrays `SEEN` and `LOST`.

/// A process record found `CONTROL` full.
pub const PROCESS: u32 = 0;
/// A connect, listen, accept or release record found `CONTROL` full.
pub const CONNECTION: u32 = 1;
/// A payload record found `PAYLOAD` full.
pub const PAYLOAD: u32 = 2;
/// Payload reached a listening socket before the connection had a socket, and could not be handed over.
pub const EARLY_PAYLOAD: u32 = 3;
/// The memory that follows one connection's payload could not be had.
pub const STREAM_TABLE: u32 = 4;
/// A UDP flow or its payload could not be handed over.
pub const DATAGRAM: u32 = 5;
/// The actor of a UDP socket could not be kept.
pub const DATAGRAM_TABLE: u32 = 6;
/// A Unix connection record found `CONTROL` full.
pub const UNIX: u32 = 7;
/// A Unix payload record found `PAYLOAD` full.
pub const UNIX_PAYLOAD: u32 = 8;
/// A table that follows Unix calls was full.
pub const UNIX_TABLE: u32 = 9;
/// A packet of a connection that is looked at could not be read (unknown headers).
pub const PACKET: u32 = 10;
/// What a TLS library said or moved found `PAYLOAD` full, or could not be read.
pub const TLS: u32 = 11;
/// A table that follows calls of TLS libraries was full.
pub const TLS_TABLE: u32 = 12;
/// How many places there are.
pub const COUNT: u32 = 13;

/// The name of a place as reports show it.
#[must_use]
pub const fn name(place: u32) -> &'static str {
    match place {
        PROCESS => "process",
        CONNECTION => "connection",
        PAYLOAD => "payload",
        EARLY_PAYLOAD => "early-payload",
        STREAM_TABLE => "stream-table",
        DATAGRAM => "datagram",
        DATAGRAM_TABLE => "datagram-table",
        UNIX => "unix",
        UNIX_PAYLOAD => "unix-payload",
        UNIX_TABLE => "unix-table",
        PACKET => "packet",
        TLS => "tls-library",
        TLS_TABLE => "tls-library-table",
        _ => "unknown",
    }
}
