//! Unix stream sockets: connected, refused, accepted, asked for credentials, released.

use jiff::Timestamp;
use tierzero_maps::kind;
use tierzero_maps::record::UNIX_PATH_BYTES;

use super::Decoded;
use super::cursor::Cursor;
use crate::event::{Event, PeerCredentialCall, What};
use crate::id::{EndKey, Netns};

/// A `tierzero_maps::record::Unix`.
pub(super) fn decode(kind: u32, at: Timestamp, cursor: &mut Cursor<'_>) -> Option<Decoded> {
    let (socket, peer) = (cursor.u64()?, cursor.u64()?);
    let process = cursor.actor()?;
    let listener_pid = cursor.u32()?;
    let errno = cursor.u32()?.cast_signed();
    let option = cursor.u32()?;
    let path_bytes = usize::try_from(cursor.u32()?).ok()?;
    let netns = Netns(cursor.u32()?);
    let path = path(cursor.bytes(UNIX_PATH_BYTES)?.get(..path_bytes)?);
    let end = EndKey::Unix { socket };
    let what = match kind {
        kind::UNIX_CONNECT if errno != 0 => What::UnixRefused { process: process?, path, netns, errno },
        kind::UNIX_CONNECT => What::UnixConnected {
            end,
            peer: (peer != 0).then_some(EndKey::Unix { socket: peer }),
            process: process?,
            path,
            netns,
            listener_pid: (listener_pid != 0).then_some(listener_pid),
            file: None,
        },
        kind::UNIX_ACCEPT => What::Accepted { end, process: process?, ends: None },
        kind::UNIX_PEER_CREDENTIALS => {
            What::PeerCredentialsRead { end, process: process?, by: call(option)? }
        }
        _ => What::Released { end, process, bytes_sent: None, bytes_received: None },
    };
    Some(Decoded::Event(Event { at, what }))
}

/// A path as unix(7) has it: a leading zero byte means the abstract namespace, where every byte counts.
fn path(bytes: &[u8]) -> String {
    match bytes {
        [0, name @ ..] => {
            let end = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            format!("@{}", String::from_utf8_lossy(name.get(..end).unwrap_or_default()))
        }
        _ => {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
        }
    }
}

/// By number, as asm-generic/socket.h has them.
fn call(option: u32) -> Option<PeerCredentialCall> {
    match option {
        16 => Some(PeerCredentialCall::PassCred),
        17 => Some(PeerCredentialCall::PeerCred),
        31 => Some(PeerCredentialCall::PeerSec),
        59 => Some(PeerCredentialCall::PeerGroups),
        77 => Some(PeerCredentialCall::PeerPidfd),
        _ => None,
    }
}
