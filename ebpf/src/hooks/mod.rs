//! One file per family of kernel events.

mod accept;
mod close;
mod datagram;
mod handshake;
mod payload;
mod process;
mod tls;
mod unix;
