//! TCP from listen(2) and connect(2) to the end of the handshake: one sock_ops program at the cgroup root.
//!
//! Which operations run in process context: `TCP_LISTEN_CB` (inet_listen) and `TCP_CONNECT_CB` (tcp_connect; through
//! io_uring and fast open too). The others may run in softirq, where the running task is whoever was interrupted.

use core::ptr;

use aya_ebpf::bindings::{
    BPF_SK_STORAGE_GET_F_CREATE, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB,
    BPF_SOCK_OPS_STATE_CB, BPF_SOCK_OPS_STATE_CB_FLAG, BPF_SOCK_OPS_TCP_CONNECT_CB,
    BPF_SOCK_OPS_TCP_LISTEN_CB, bpf_sock, bpf_sock_ops,
};
use aya_ebpf::helpers::generated::{
    bpf_get_socket_cookie, bpf_sk_storage_get, bpf_skc_to_tcp_sock, bpf_sock_ops_cb_flags_set,
};
use aya_ebpf::macros::sock_ops;
use aya_ebpf::programs::SockOpsContext;
use tierzero_maps::record::{Actor, Endpoints, Socket};
use tierzero_maps::table::Address;
use tierzero_maps::{kind, place};

use crate::context::field;
use crate::offsets::{FOLLOW_TLS, NET_INUM, PAYLOAD_BYTES, SOCK_ERR, SOCK_NET};
use crate::read::member;
use crate::tables::{Direction, LOCAL_ADDRESSES, STREAMS, Stream, TLS_RESPONDERS, TlsResponder, address};
use crate::{actor, emit};

/// `AF_INET` (include/linux/socket.h).
const AF_INET: u32 = 2;
/// `TCP_SYN_SENT` and `TCP_CLOSE` (include/net/tcp_states.h).
const TCP_SYN_SENT: u32 = 2;
const TCP_CLOSE: u32 = 7;

#[sock_ops]
pub fn handshake(context: SockOpsContext) -> u32 {
    let context = context.ops;
    match field!(context, bpf_sock_ops, op) {
        BPF_SOCK_OPS_TCP_LISTEN_CB => {
            report(context, kind::LISTEN, kind::ROLE_RESPONDER, actor::current(), 0, 0);
        }
        BPF_SOCK_OPS_TCP_CONNECT_CB => {
            report(context, kind::CONNECT, kind::ROLE_ORIGINATOR, actor::current(), 0, 0);
            // SAFETY: the context is valid while the program runs.
            unsafe { bpf_sock_ops_cb_flags_set(context, BPF_SOCK_OPS_STATE_CB_FLAG as i32) };
        }
        BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB => {
            // SAFETY: the context is valid while the program runs.
            unsafe { bpf_sock_ops_cb_flags_set(context, 0) };
            established(context, kind::ROLE_ORIGINATOR);
        }
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB => established(context, kind::ROLE_RESPONDER),
        BPF_SOCK_OPS_STATE_CB => {
            let before = field!(context, bpf_sock_ops, __bindgen_anon_1, 0);
            let after = field!(context, bpf_sock_ops, __bindgen_anon_1, 1);
            if before == TCP_SYN_SENT && after == TCP_CLOSE {
                let errno: u32 = member(tcp_sock(context), &SOCK_ERR);
                report(context, kind::CONNECT_FAILED, kind::ROLE_ORIGINATOR, actor::NOBODY, errno, 0);
            }
        }
        _ => {}
    }
    1
}

/// Reports an established end, and has its payload looked at where that adds something.
#[inline(always)]
fn established(context: *mut bpf_sock_ops, role: u32) {
    let base = field!(context, bpf_sock_ops, rcv_nxt);
    let (cookie, endpoints) = report(context, kind::ESTABLISHED, role, actor::NOBODY, 0, base);
    if FOLLOW_TLS.load() != 0 && role == kind::ROLE_RESPONDER {
        let responder = TlsResponder { since: emit::now(), taken: 0 };
        if TLS_RESPONDERS.insert(&cookie, &responder, 0).is_err() {
            emit::lost(place::TLS_TABLE);
        }
    }
    if PAYLOAD_BYTES.load() == 0 || (role == kind::ROLE_ORIGINATOR && is_local(&endpoints)) {
        return; // The responder's end on this host sees the same bytes.
    }
    let sk = socket(context);
    if sk.is_null() {
        return;
    }
    let direction = |base| Direction { base, next: 0, highest: 0, after_gap: u32::MAX };
    let mut stream = Stream {
        cookie,
        received: direction(base),
        sent: direction(field!(context, bpf_sock_ops, snd_nxt)),
        role,
        accepted: 0,
    };
    // SAFETY: the map is a socket storage map, `sk` a full socket, `stream` its value on our stack.
    let kept = unsafe {
        bpf_sk_storage_get(
            address(&STREAMS),
            sk.cast(),
            (&raw mut stream).cast(),
            u64::from(BPF_SK_STORAGE_GET_F_CREATE),
        )
    };
    if kept.is_null() {
        emit::lost(place::STREAM_TABLE);
    }
}

/// True when the remote address belongs to this host, so that the other end is seen here too.
#[inline(always)]
fn is_local(endpoints: &Endpoints) -> bool {
    let [a, b, c, d] = endpoints.remote;
    if c == MAPPED && a | b == 0 && u32::from_be(d) >> 24 == 127 {
        return true;
    }
    if a | b | c == 0 && u32::from_be(d) == 1 {
        return true;
    }
    if endpoints.remote == endpoints.local {
        return true;
    }
    LOCAL_ADDRESSES.get_ptr(&Address { words: endpoints.remote }).is_some()
}

/// Third word of an IPv4-mapped address (RFC 4291 section 2.5.5.2), network byte order.
const MAPPED: u32 = 0xffff_u32.to_be();

/// Hands over what happened to the context's socket; returns its cookie and addresses.
#[inline(always)]
fn report(
    context: *mut bpf_sock_ops,
    kind: u32,
    role: u32,
    actor: Actor,
    errno: u32,
    received_base: u32,
) -> (u64, Endpoints) {
    // SAFETY: the context is valid while the program runs.
    let cookie = unsafe { bpf_get_socket_cookie(context.cast()) };
    let endpoints = endpoints(context);
    emit::control::<Socket>(place::CONNECTION, |slot| {
        let record = Socket {
            header: emit::header(kind),
            cookie,
            endpoints,
            actor,
            protocol: kind::TCP,
            role,
            errno,
            received_base,
        };
        // SAFETY: `slot` is a reservation of this record's size.
        unsafe { slot.write(record) };
    });
    (cookie, endpoints)
}

#[inline(always)]
fn endpoints(context: *mut bpf_sock_ops) -> Endpoints {
    let (local, remote) = if field!(context, bpf_sock_ops, family) == AF_INET {
        (
            [0, 0, MAPPED, field!(context, bpf_sock_ops, local_ip4)],
            [0, 0, MAPPED, field!(context, bpf_sock_ops, remote_ip4)],
        )
    } else {
        (
            [
                field!(context, bpf_sock_ops, local_ip6, 0),
                field!(context, bpf_sock_ops, local_ip6, 1),
                field!(context, bpf_sock_ops, local_ip6, 2),
                field!(context, bpf_sock_ops, local_ip6, 3),
            ],
            [
                field!(context, bpf_sock_ops, remote_ip6, 0),
                field!(context, bpf_sock_ops, remote_ip6, 1),
                field!(context, bpf_sock_ops, remote_ip6, 2),
                field!(context, bpf_sock_ops, remote_ip6, 3),
            ],
        )
    };
    let net: u64 = member(tcp_sock(context), &SOCK_NET);
    Endpoints {
        local,
        remote,
        local_port: field!(context, bpf_sock_ops, local_port),
        remote_port: u32::from_be(field!(context, bpf_sock_ops, remote_port)) & 0xffff,
        netns: member(net, &NET_INUM),
        reserved: 0,
    }
}

/// The kernel's address of the socket, 0 where there is no full socket. A context's `sk` allows no arithmetic in the
/// verifier; the typed pointer that this helper returns does.
#[inline(always)]
fn tcp_sock(context: *mut bpf_sock_ops) -> u64 {
    let sk = socket(context);
    if sk.is_null() {
        return 0;
    }
    // SAFETY: `sk` is the context's socket and not null.
    unsafe { bpf_skc_to_tcp_sock(sk.cast()) as u64 }
}

/// The context's socket; null where it is a request or a socket in TIME_WAIT.
#[inline(always)]
fn socket(context: *mut bpf_sock_ops) -> *mut bpf_sock {
    // SAFETY: the context is valid while the program runs.
    unsafe { ptr::read_volatile(&raw const (*context).__bindgen_anon_2.sk) }
}
