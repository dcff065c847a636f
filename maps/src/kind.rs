//! Kinds of records and the small number spaces inside them.

/// A socket began to listen (TCP) or was bound (UDP): [`crate::record::Socket`].
pub const LISTEN: u32 = 1;
/// A process asked for a TCP connection: [`crate::record::Socket`].
pub const CONNECT: u32 = 2;
/// The TCP handshake is over at this end: [`crate::record::Socket`].
pub const ESTABLISHED: u32 = 3;
/// The TCP handshake failed: [`crate::record::Socket`] with `errno`.
pub const CONNECT_FAILED: u32 = 4;
/// A process took a TCP connection from its listener: [`crate::record::Socket`].
pub const ACCEPT: u32 = 5;
/// The last reference to a socket was dropped: [`crate::record::Release`].
pub const RELEASE: u32 = 6;
/// A TCP listener or a bound UDP socket was closed: [`crate::record::Release`].
pub const LISTENER_CLOSED: u32 = 7;
/// Counts of one UDP flow: [`crate::record::Datagrams`].
pub const DATAGRAMS: u32 = 8;
/// A process began: [`crate::record::Fork`].
pub const FORK: u32 = 16;
/// A process replaced its program: [`crate::record::Exec`].
pub const EXEC: u32 = 17;
/// The last thread of a process ended: [`crate::record::Exit`].
pub const EXIT: u32 = 18;
/// TCP payload: [`crate::record::Payload`], then the bytes.
pub const PAYLOAD: u32 = 32;
/// Payload that reached a listening socket before the new one existed: [`crate::record::AddressedPayload`], then
/// the bytes. Its `offset` is the TCP sequence number of the first byte.
pub const EARLY_PAYLOAD: u32 = 33;
/// Payload of a datagram: [`crate::record::AddressedPayload`], then the bytes. Its `offset` numbers datagrams.
pub const DATAGRAM_PAYLOAD: u32 = 34;
/// Payload of a Unix stream socket: [`crate::record::Payload`], then the bytes.
pub const UNIX_PAYLOAD: u32 = 35;
/// A Unix stream connection was made or refused: [`crate::record::Unix`].
pub const UNIX_CONNECT: u32 = 48;
/// A process took a Unix stream connection: [`crate::record::Unix`].
pub const UNIX_ACCEPT: u32 = 49;
/// A receiver asked the kernel for its peer's credentials: [`crate::record::Unix`] with `option`.
pub const UNIX_PEER_CREDENTIALS: u32 = 50;
/// A tracked Unix stream socket was closed by its caller: [`crate::record::Unix`].
pub const UNIX_RELEASE: u32 = 51;
/// What a receiver's TLS library took out of or put into a TLS connection: [`crate::record::Payload`], then the bytes.
/// Its `offset` counts the bytes inside TLS.
pub const TLS_PAYLOAD: u32 = 64;
/// What a receiver's TLS library holds about its caller: [`crate::record::TlsCaller`], then the certificate's bytes.
pub const TLS_CALLER: u32 = 65;

/// `IPPROTO_TCP` (include/uapi/linux/in.h).
pub const TCP: u32 = 6;
/// `IPPROTO_UDP`.
pub const UDP: u32 = 17;

/// The role is not known to the kernel program.
pub const ROLE_UNKNOWN: u32 = 0;
/// This end opened the connection.
pub const ROLE_ORIGINATOR: u32 = 1;
/// This end was called.
pub const ROLE_RESPONDER: u32 = 2;

/// This end received the bytes.
pub const RECEIVED: u32 = 0;
/// This end sent the bytes.
pub const SENT: u32 = 1;

/// [`crate::record::Exec::flags`]: the program path was cut.
pub const PROGRAM_CUT: u32 = 1;
/// [`crate::record::Exec::flags`]: the command line was cut.
pub const ARGV_CUT: u32 = 2;
