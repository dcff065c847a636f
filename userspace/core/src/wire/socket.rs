//! TCP and UDP sockets: listening, connecting, established, accepted, released.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use tierzero_maps::kind;

use super::Decoded;
use super::cursor::Cursor;
use crate::event::{ConnectFailure, Count, Event, ListenAddress, Listening, Role, What};
use crate::id::EndKey;

/// `ECONNREFUSED`, `ETIMEDOUT` (asm-generic/errno.h).
const REFUSED: i32 = 111;
const TIMED_OUT: i32 = 110;

/// A `tierzero_maps::record::Socket`.
pub(super) fn decode(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let cookie = cursor.u64()?;
    let ends = cursor.addresses()?;
    let process = cursor.actor()?;
    let protocol = cursor.u32()?;
    let role = cursor.u32()?;
    let errno = cursor.u32()?.cast_signed();
    let received_base = cursor.u32()?;
    let end = EndKey::Tcp { cookie };
    let what = match kind {
        kind::LISTEN => What::Listening(Listening {
            socket: if protocol == kind::UDP { datagram_listener(cookie) } else { end },
            at: if protocol == kind::UDP {
                ListenAddress::Udp { address: ends.local }
            } else {
                ListenAddress::Tcp { address: ends.local }
            },
            netns: ends.netns,
            processes: process.into_iter().collect(),
            joined_late: false,
        }),
        kind::CONNECT => What::Connecting { end, ends, process },
        kind::ESTABLISHED => {
            let role = if role == kind::ROLE_RESPONDER { Role::Responder } else { Role::Originator };
            let event = Event { at, what: What::Established { end, role, ends } };
            return Some(match role {
                Role::Responder => Decoded::Responder { event, end, ends, received_base },
                Role::Originator => Decoded::Event(event),
            });
        }
        kind::CONNECT_FAILED => What::ConnectFailed {
            end,
            why: match errno {
                0 => ConnectFailure::Abandoned,
                REFUSED => ConnectFailure::Refused,
                TIMED_OUT => ConnectFailure::TimedOut,
                other => ConnectFailure::Other(other),
            },
        },
        // The accept hook shows the socket but not where it listens; the flow table knows that already.
        _ => What::Accepted { end, process: process?, ends: None },
    };
    Some(Decoded::Event(Event { at, what }))
}

/// A `tierzero_maps::record::Release`.
pub(super) fn release(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let cookie = cursor.u64()?;
    let process = cursor.actor()?;
    let (sent, received) = (cursor.u64()?, cursor.u64()?);
    let protocol = cursor.u32()?;
    let counted = cursor.u32()? != 0;
    let what = if protocol == kind::UDP {
        What::ListenerClosed { socket: datagram_listener(cookie) }
    } else if kind == kind::LISTENER_CLOSED {
        What::ListenerClosed { socket: EndKey::Tcp { cookie } }
    } else {
        What::Released {
            end: EndKey::Tcp { cookie },
            process,
            bytes_sent: counted.then_some(sent),
            bytes_received: counted.then_some(received),
        }
    };
    Some(Decoded::Event(Event { at, what }))
}

/// A `tierzero_maps::record::Datagrams`.
pub(super) fn datagrams(at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let cookie = cursor.u64()?;
    let ends = cursor.addresses()?;
    let process = cursor.actor()?;
    let sent = Count { packets: cursor.u64()?, bytes: cursor.u64()? };
    let received = Count { packets: cursor.u64()?, bytes: cursor.u64()? };
    let originator = cursor.u32()? == kind::ROLE_ORIGINATOR;
    let end = EndKey::Udp { cookie, peer: ends.remote };
    Some(Decoded::Event(Event {
        at,
        what: What::Datagrams { end, ends, originator, process, sent, received },
    }))
}

/// A bound UDP socket as a listener: it has no one peer, so the peer is the unspecified address.
fn datagram_listener(cookie: u64) -> EndKey {
    EndKey::Udp { cookie, peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0) }
}
