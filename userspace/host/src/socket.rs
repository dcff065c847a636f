//! Sockets of one network namespace, as its socket tables show them.

use std::net::{IpAddr, SocketAddr};

/// Everything read from one network namespace.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// TCP sockets that listen or are established.
    pub(crate) tcp: Vec<InetSocket>,
    /// UDP sockets.
    pub(crate) udp: Vec<InetSocket>,
    /// Unix stream sockets.
    pub(crate) unix: Vec<UnixSocket>,
    /// What could not be read.
    pub(crate) gaps: Vec<Gap>,
}

/// Part of the tables that could not be read, or not in full.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Gap {
    /// sock_diag gave nothing for this family: /proc text was read instead, without cookies.
    InetDiag(String),
    /// The same for Unix sockets: /proc text was read instead, without the peer of each socket.
    UnixDiag(String),
    /// Neither worked.
    Table(&'static str, String),
}

/// State of a socket, as far as it matters here (net/tcp_states.h).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// TCP_ESTABLISHED (1); for UDP: connect(2) was called.
    Established,
    /// TCP_LISTEN (10).
    Listen,
    /// TCP_CLOSE (7): for UDP, bound and not connected.
    Unconnected,
}

impl State {
    /// From the kernel's number; `None` for the states of opening and closing.
    pub(crate) fn from_kernel(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Established),
            7 => Some(Self::Unconnected),
            10 => Some(Self::Listen),
            _ => None,
        }
    }
}

/// A TCP or UDP socket. Addresses are canonical: IPv4-mapped is IPv4.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InetSocket {
    /// Socket cookie, or a number made of the inode where no cookie is known (see [`cookie_from_inode`]).
    pub(crate) cookie: u64,
    /// Inode of the socket in sockfs: `socket:[inode]` in /proc/PID/fd. 0 before accept(2) and after close(2).
    pub(crate) inode: u64,
    /// State.
    pub(crate) state: State,
    /// This end.
    pub(crate) local: SocketAddr,
    /// The other end; unspecified address and port 0 where there is none.
    pub(crate) remote: SocketAddr,
}

/// A Unix stream socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UnixSocket {
    /// Inode of the socket in sockfs.
    pub(crate) inode: u64,
    /// State: listening or established.
    pub(crate) state: State,
    /// Bound path, or `@name` in the abstract namespace.
    pub(crate) path: Option<String>,
    /// Inode of the socket at the other end, where told.
    pub(crate) peer: Option<u64>,
}

/// Stands in for a cookie where only an inode is known. Kernel cookies count up from 1 (`gen_cookie_next`), so the
/// top bit never collides with one; the number is unique among open sockets, and may be reused after close(2).
pub(crate) fn cookie_from_inode(inode: u64) -> u64 {
    inode | 1 << 63
}

/// An IPv4-mapped IPv6 address as the IPv4 address that it is.
pub(crate) fn canonical(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

/// The name of a Unix socket as text: NUL first means abstract (unix(7)). Bytes that are no UTF-8 are replaced, and
/// NULs inside an abstract name are shown as `@`, as /proc/net/unix shows them.
pub(crate) fn unix_name(raw: &[u8]) -> Option<String> {
    match raw {
        [] => None,
        [0, name @ ..] => Some(format!("@{}", String::from_utf8_lossy(name).replace('\0', "@"))),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            Some(String::from_utf8_lossy(path.get(..end).unwrap_or(path)).into_owned())
        }
    }
}
