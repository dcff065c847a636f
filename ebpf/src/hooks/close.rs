//! The last reference to a socket is dropped, in the context of whoever dropped it.

use aya_ebpf::bindings::bpf_sock;
use aya_ebpf::macros::cgroup_sock;
use aya_ebpf::programs::SockContext;
use tierzero_maps::record::Release;
use tierzero_maps::{kind, place};

use crate::context::field;
use crate::offsets::{
    SOCK_COOKIE, SOCK_FLAGS, TCP_BYTES_RECEIVED, TCP_BYTES_RETRANS, TCP_BYTES_SENT, TCP_SND_NXT,
    TCP_WRITE_SEQ,
};
use crate::read::member;
use crate::{actor, emit};

/// States (include/net/tcp_states.h).
const TCP_ESTABLISHED: u32 = 1;
const TCP_CLOSE_WAIT: u32 = 8;
const TCP_LISTEN: u32 = 10;
/// Bit of `SOCK_DONE` in `sk_flags` (enum sock_flags, include/net/sock.h): a FIN was received.
const FIN_RECEIVED: u64 = 1 << 1;

#[cgroup_sock(sock_release)]
pub fn close(context: SockContext) -> i32 {
    let sock = context.sock;
    // A socket that never got a cookie was never reported, neither by us nor by a socket listing.
    let (cookie, flags) = cookie_and_flags(sock as u64);
    if cookie == 0 {
        return 1;
    }
    let (protocol, state) = (field!(sock, bpf_sock, protocol), field!(sock, bpf_sock, state));
    if protocol != kind::TCP && protocol != kind::UDP {
        return 1;
    }
    let listening = protocol == kind::TCP && state == TCP_LISTEN;
    let counted = protocol == kind::TCP && !listening;
    let (bytes_sent, bytes_received) = if counted { counts(sock as u64, state, flags) } else { (0, 0) };
    emit::control::<Release>(place::CONNECTION, |slot| {
        let record = Release {
            header: emit::header(if listening { kind::LISTENER_CLOSED } else { kind::RELEASE }),
            cookie,
            actor: actor::current(),
            bytes_sent,
            bytes_received,
            protocol,
            counted: u32::from(counted),
        };
        // SAFETY: `slot` is a reservation of this record's size.
        unsafe { slot.write(record) };
    });
    1
}

/// They are neighbours in every kernel so far; one read then gets both.
#[inline(always)]
fn cookie_and_flags(sock: u64) -> (u64, u64) {
    if SOCK_FLAGS.load() == SOCK_COOKIE.load() + 8 {
        return member(sock, &SOCK_COOKIE);
    }
    (member(sock, &SOCK_COOKIE), member(sock, &SOCK_FLAGS))
}

/// Payload bytes (sent, received) as this end's TCP counted them.
#[inline(always)]
fn counts(sock: u64, state: u32, flags: u64) -> (u64, u64) {
    let sent: u64 = member(sock, &TCP_BYTES_SENT);
    let again: u64 = member(sock, &TCP_BYTES_RETRANS);
    let written: u32 = member(sock, &TCP_WRITE_SEQ);
    let next: u32 = member(sock, &TCP_SND_NXT);
    // What was written and waits to be sent. In other states a FIN stands between the two, or nothing will be sent.
    let waiting =
        if state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT { written.wrapping_sub(next) } else { 0 };
    let received: u64 = member(sock, &TCP_BYTES_RECEIVED);
    // `tcp_rcv_nxt_update` counts the FIN as a byte (net/ipv4/tcp_input.c).
    let fin = u64::from(flags & FIN_RECEIVED != 0 && received > 0);
    (sent.wrapping_sub(again).wrapping_add(u64::from(waiting)), received - fin)
}
