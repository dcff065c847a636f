//! Socket tables by sock_diag(7): the only source that gives socket cookies and Unix peers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_packet_sock_diag::unix::nlas::UnixDiagName;
use netlink_packet_sock_diag::unix::{ShowFlags, StateFlags as UnixStates, UnixRequest, UnixResponse};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use crate::netlink::{dump, open};
use crate::socket::{InetSocket, State, UnixSocket, canonical, unix_name};

/// `SOCK_STREAM` (net.h).
const STREAM: u8 = 1;

/// A sock_diag socket in the network namespace of the calling thread.
///
/// # Errors
/// What the kernel answers.
pub(crate) fn connect() -> io::Result<Socket> {
    open(NETLINK_SOCK_DIAG)
}

/// TCP sockets that listen or are established, both address families.
///
/// # Errors
/// What the kernel answers; `ENOENT` where tcp_diag is absent.
pub(crate) fn tcp(socket: &Socket) -> io::Result<Vec<InetSocket>> {
    inet(socket, IPPROTO_TCP, StateFlags::ESTABLISHED | StateFlags::LISTEN)
}

/// UDP sockets, both address families.
///
/// # Errors
/// What the kernel answers; `ENOENT` where udp_diag is absent.
pub(crate) fn udp(socket: &Socket) -> io::Result<Vec<InetSocket>> {
    inet(socket, IPPROTO_UDP, StateFlags::ESTABLISHED | StateFlags::CLOSE)
}

fn inet(socket: &Socket, protocol: u8, states: StateFlags) -> io::Result<Vec<InetSocket>> {
    let mut found = Vec::new();
    for (family, any) in
        [(AF_INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)), (AF_INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED))]
    {
        let request = InetRequest {
            family,
            protocol,
            extensions: ExtensionFlags::empty(),
            states: states.clone(),
            socket_id: SocketId {
                source_port: 0,
                destination_port: 0,
                source_address: any,
                destination_address: any,
                interface_id: 0,
                cookie: [0; 8],
            },
        };
        dump(socket, SockDiagMessage::InetRequest(request), |answer| {
            if let SockDiagMessage::InetResponse(response) = answer {
                found.extend(inet_socket(&response));
            }
        })?;
    }
    Ok(found)
}

fn inet_socket(response: &InetResponse) -> Option<InetSocket> {
    let header = &response.header;
    let id = &header.socket_id;
    Some(InetSocket {
        cookie: cookie(id.cookie),
        inode: header.inode.into(),
        state: State::from_kernel(header.state)?,
        local: canonical(id.source_address, id.source_port),
        remote: canonical(id.destination_address, id.destination_port),
    })
}

/// `sock_diag_save_cookie` (net/core/sock_diag.c) writes the low word first, each in host order.
fn cookie([a, b, c, d, e, f, g, h]: [u8; 8]) -> u64 {
    u64::from(u32::from_ne_bytes([a, b, c, d])) | u64::from(u32::from_ne_bytes([e, f, g, h])) << 32
}

/// Unix stream sockets that listen or are connected.
///
/// # Errors
/// What the kernel answers; `ENOENT` where unix_diag is absent.
pub(crate) fn unix(socket: &Socket) -> io::Result<Vec<UnixSocket>> {
    let request = UnixRequest {
        state_flags: UnixStates::ESTABLISHED | UnixStates::LISTEN,
        inode: 0,
        show_flags: ShowFlags::NAME | ShowFlags::PEER,
        cookie: [0xff; 8],
    };
    let mut found = Vec::new();
    dump(socket, SockDiagMessage::UnixRequest(request), |answer| {
        if let SockDiagMessage::UnixResponse(response) = answer {
            found.extend(unix_socket(&response));
        }
    })?;
    Ok(found)
}

fn unix_socket(response: &UnixResponse) -> Option<UnixSocket> {
    use std::os::unix::ffi::OsStrExt;
    let header = &response.header;
    if header.kind != STREAM {
        return None;
    }
    let path = response.name().and_then(|name| match name {
        UnixDiagName::Pathname(path) => unix_name(path.as_bytes()),
        UnixDiagName::Abstract(name) => unix_name(&[&[0], name.as_slice()].concat()),
    });
    Some(UnixSocket {
        inode: header.inode.into(),
        state: State::from_kernel(header.state)?,
        path,
        peer: response.peer().map(u64::from),
    })
}
