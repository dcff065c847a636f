//! A process takes a connection: accept(2) that asks for the caller's address passes the getpeername hook
//! (`inet_getname`, net/ipv4/af_inet.c) in the context of the acceptor.

use core::ptr;

use aya_ebpf::bindings::bpf_sock_addr;
use aya_ebpf::helpers::generated::bpf_sk_storage_get;
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use tierzero_maps::record::{Endpoints, Socket};
use tierzero_maps::{kind, place};

use crate::tables::{STREAMS, Stream, address};
use crate::{actor, emit};

#[cgroup_sock_addr(getpeername4)]
pub fn accept4(context: SockAddrContext) -> i32 {
    accept(context.sock_addr)
}

#[cgroup_sock_addr(getpeername6)]
pub fn accept6(context: SockAddrContext) -> i32 {
    accept(context.sock_addr)
}

/// Only an end that is known to have been called, and only once: getpeername(2) by anyone passes here too.
#[inline(always)]
fn accept(context: *mut bpf_sock_addr) -> i32 {
    // SAFETY: the context is valid while the program runs.
    let sk = unsafe { ptr::read_volatile(&raw const (*context).__bindgen_anon_1.sk) };
    if sk.is_null() {
        return 1;
    }
    // SAFETY: the map is a socket storage map and `sk` a full socket; nothing is created.
    let stream =
        unsafe { bpf_sk_storage_get(address(&STREAMS), sk.cast(), ptr::null_mut(), 0) }.cast::<Stream>();
    if stream.is_null() {
        return 1;
    }
    // SAFETY: storage lives as long as its socket, and the socket is held by the caller.
    let cookie = unsafe {
        if (*stream).role != kind::ROLE_RESPONDER || (*stream).accepted != 0 {
            return 1;
        }
        (*stream).accepted = 1;
        (*stream).cookie
    };
    emit::control::<Socket>(place::CONNECTION, |slot| {
        let record = Socket {
            header: emit::header(kind::ACCEPT),
            cookie,
            endpoints: Endpoints {
                local: [0; 4],
                remote: [0; 4],
                local_port: 0,
                remote_port: 0,
                netns: 0,
                reserved: 0,
            },
            actor: actor::current(),
            protocol: kind::TCP,
            role: kind::ROLE_RESPONDER,
            errno: 0,
            received_base: 0,
        };
        // SAFETY: `slot` is a reservation of this record's size.
        unsafe { slot.write(record) };
    });
    1
}
