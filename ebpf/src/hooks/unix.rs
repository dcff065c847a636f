//! Unix stream sockets, through syscall tracepoints: the kernel has no cgroup hook for their payload.
//!
//! Any syscall tracepoint puts every process of the host on the slower syscall path, so the loader can take this whole
//! group off and put it on again. Payload is read at the connecting side only, from the buffers it passed; a
//! descriptor that was reused for another file is noticed by its socket and never read.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_probe_read_user};
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use tierzero_maps::record::{UNIX_PATH_BYTES, Unix};
use tierzero_maps::{kind, place};

use crate::context::opaque;
use crate::offsets::{PAYLOAD_BYTES, PID_NR, SOCK_FAMILY, SOCK_PEER_PID, SOCK_TYPE, SOCKET_KEY, UNIX_PEER};
use crate::read::member;
use crate::syscall::{argument, returned};
use crate::tables::{UNIX_CALLS, UNIX_ENDS, UnixCall, UnixEnd, UnixKey};
use crate::user::{self, Moved};
use crate::{actor, descriptor, emit};

const AF_UNIX: u16 = 1;
const SOCK_STREAM: u16 = 1;
/// `SOL_SOCKET` and the options that tell who is at the other end (include/uapi/asm-generic/socket.h).
const SOL_SOCKET: u64 = 1;
const SO_PASSCRED: u64 = 16;
const SO_PEERCRED: u64 = 17;
const SO_PEERSEC: u64 = 31;
const SO_PEERGROUPS: u64 = 59;
const SO_PEERPIDFD: u64 = 77;

/// What a pending call is.
const CONNECT: u32 = 1;
const TRANSFER: u32 = 2;

/// Thread group and thread that are running, as one number.
#[inline(always)]
fn caller() -> u64 {
    bpf_get_current_pid_tgid()
}

#[inline(always)]
fn key(fd: u32) -> UnixKey {
    UnixKey { tgid: (caller() >> 32) as u32, fd }
}

/// The kernel's address of the Unix stream socket behind a descriptor of the running process; 0 where it is none.
#[inline(always)]
fn socket(fd: u32) -> u64 {
    let sk = descriptor::socket(fd);
    let family: u16 = member(sk, &SOCK_FAMILY);
    let shape: u16 = member(sk, &SOCK_TYPE);
    if family == AF_UNIX && shape == SOCK_STREAM { sk } else { 0 }
}

/// A number for a socket that tells nothing about its address: the finalizer of splitmix64 under a key of this load.
#[inline(always)]
fn number(sk: u64) -> u64 {
    if sk == 0 {
        return 0;
    }
    let key = SOCKET_KEY.load();
    let mut x = sk ^ key;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27) ^ key.rotate_left(32)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) | 1
}

/// Hands over what happened to a socket, `since` when (0: now); `path` is the user address of a `sun_path`. A connect
/// carries the time of its entry, because the acceptor may run before the connecting process leaves the call.
#[inline(always)]
fn report(kind: u32, since: u64, sk: u64, errno: u32, option: u32, path: u64, path_bytes: u32) {
    let peer: u64 = member(sk, &UNIX_PEER);
    let listener: u64 = member(sk, &SOCK_PEER_PID);
    let listener_pid: u32 = if kind == kind::UNIX_CONNECT { member(listener, &PID_NR) } else { 0 };
    emit::control::<Unix>(place::UNIX, |slot| {
        // SAFETY: takes nothing and returns the address of the running task.
        let task = unsafe { bpf_get_current_task() };
        // SAFETY: `slot` is a reservation of this record's size; every field is written.
        unsafe {
            let mut header = emit::header(kind);
            if since != 0 {
                header.at = since;
            }
            (&raw mut (*slot).header).write(header);
            (&raw mut (*slot).socket).write(number(sk));
            (&raw mut (*slot).peer).write(number(peer));
            (&raw mut (*slot).actor).write(actor::of(task));
            (&raw mut (*slot).listener_pid).write(listener_pid);
            (&raw mut (*slot).errno).write(errno);
            (&raw mut (*slot).option).write(option);
            (&raw mut (*slot).netns).write(actor::netns(task));
            (&raw mut (*slot).path).write([0; UNIX_PATH_BYTES]);
            let mut kept = opaque(path_bytes);
            if kept == 0
                || kept > UNIX_PATH_BYTES as u32
                || bpf_probe_read_user((&raw mut (*slot).path).cast(), kept, path as *const _) != 0
            {
                kept = 0;
            }
            (&raw mut (*slot).path_bytes).write(kept);
        }
    });
}

#[tracepoint]
pub fn unix_connect_enter(context: TracePointContext) -> u32 {
    let (fd, address, length) = (argument(&context, 0), argument(&context, 1), argument(&context, 2));
    let mut family = 0_u16;
    // SAFETY: two bytes of our stack; the helper checks the source.
    let failed = unsafe { bpf_probe_read_user((&raw mut family).cast(), 2, address as *const _) };
    if failed != 0 || family != AF_UNIX || length <= 2 {
        return 0;
    }
    let call = UnixCall {
        what: CONNECT,
        fd: fd as u32,
        address: address + 2,
        length: length - 2,
        since: emit::now(),
        ..UnixCall::NONE
    };
    if UNIX_CALLS.insert(&caller(), &call, 0).is_err() {
        emit::lost(place::UNIX_TABLE);
    }
    0
}

#[tracepoint]
pub fn unix_connect_exit(context: TracePointContext) -> u32 {
    let thread = caller();
    let Some(call) = UNIX_CALLS.get_ptr(&thread) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let call = unsafe { *call };
    let _ = UNIX_CALLS.remove(&thread);
    if call.what != CONNECT {
        return 0;
    }
    let result = returned(&context);
    let sk = socket(call.fd);
    if sk == 0 {
        return 0;
    }
    report(kind::UNIX_CONNECT, call.since, sk, (-result) as u32, 0, call.address, call.length as u32);
    if result == 0 {
        let end = UnixEnd { sk, sent: 0, received: 0 };
        if UNIX_ENDS.insert(&key(call.fd), &end, 0).is_err() {
            emit::lost(place::UNIX_TABLE);
        }
    }
    0
}

#[tracepoint]
pub fn unix_accept_exit(context: TracePointContext) -> u32 {
    let fd = returned(&context);
    if fd < 0 {
        return 0;
    }
    let sk = socket(fd as u32);
    if sk != 0 {
        report(kind::UNIX_ACCEPT, 0, sk, 0, 0, 0, 0);
    }
    0
}

#[tracepoint]
pub fn unix_getsockopt_enter(context: TracePointContext) -> u32 {
    let option = argument(&context, 2);
    if argument(&context, 1) == SOL_SOCKET
        && (option == SO_PEERCRED
            || option == SO_PEERSEC
            || option == SO_PEERGROUPS
            || option == SO_PEERPIDFD)
    {
        asked(argument(&context, 0) as u32, option as u32);
    }
    0
}

#[tracepoint]
pub fn unix_setsockopt_enter(context: TracePointContext) -> u32 {
    if argument(&context, 1) == SOL_SOCKET && argument(&context, 2) == SO_PASSCRED {
        asked(argument(&context, 0) as u32, SO_PASSCRED as u32);
    }
    0
}

#[inline(always)]
fn asked(fd: u32, option: u32) {
    let sk = socket(fd);
    if sk != 0 {
        report(kind::UNIX_PEER_CREDENTIALS, 0, sk, 0, option, 0, 0);
    }
}

#[tracepoint]
pub fn unix_close_enter(context: TracePointContext) -> u32 {
    let key = key(argument(&context, 0) as u32);
    let Some(end) = UNIX_ENDS.get_ptr(&key) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let sk = unsafe { (*end).sk };
    let _ = UNIX_ENDS.remove(&key);
    report(kind::UNIX_RELEASE, 0, sk, 0, 0, 0, 0);
    0
}

/// write(2), sendto(2): descriptor, buffer.
#[tracepoint]
pub fn unix_write_enter(context: TracePointContext) -> u32 {
    transfer(&context, kind::SENT, argument(&context, 1));
    0
}

/// read(2), recvfrom(2).
#[tracepoint]
pub fn unix_read_enter(context: TracePointContext) -> u32 {
    transfer(&context, kind::RECEIVED, argument(&context, 1));
    0
}

/// writev(2).
#[tracepoint]
pub fn unix_writev_enter(context: TracePointContext) -> u32 {
    vector(&context, kind::SENT, false);
    0
}

/// readv(2).
#[tracepoint]
pub fn unix_readv_enter(context: TracePointContext) -> u32 {
    vector(&context, kind::RECEIVED, false);
    0
}

/// sendmsg(2).
#[tracepoint]
pub fn unix_sendmsg_enter(context: TracePointContext) -> u32 {
    vector(&context, kind::SENT, true);
    0
}

/// recvmsg(2).
#[tracepoint]
pub fn unix_recvmsg_enter(context: TracePointContext) -> u32 {
    vector(&context, kind::RECEIVED, true);
    0
}

/// Remembers a transfer on a socket that is followed.
#[inline(always)]
fn transfer(context: &TracePointContext, direction: u32, address: u64) {
    let fd = argument(context, 0) as u32;
    let Some(end) = UNIX_ENDS.get_ptr(&key(fd)) else { return };
    // SAFETY: a map value stays readable until the program ends.
    let (sent, received) = unsafe { ((*end).sent, (*end).received) };
    let before = if direction == kind::SENT { sent } else { received };
    if before >= u64::from(PAYLOAD_BYTES.load()) {
        return;
    }
    // What the call moves bounds what is read at its exit.
    let call = UnixCall { what: TRANSFER, fd, direction, address, length: u64::MAX, ..UnixCall::NONE };
    remember(&call);
}

/// As [`transfer`], for calls that take a vector of buffers or a message that has one. The first buffer is read.
#[inline(always)]
fn vector(context: &TracePointContext, direction: u32, message: bool) {
    let fd = argument(context, 0) as u32;
    if UNIX_ENDS.get_ptr(&key(fd)).is_none() {
        return;
    }
    // `struct msghdr` of 64-bit programs: name, its length, then the vector (include/linux/socket.h).
    let vector = if message { user::word(argument(context, 1) + 16) } else { argument(context, 1) };
    let call = UnixCall {
        what: TRANSFER,
        fd,
        direction,
        address: user::word(vector),
        length: user::word(vector + 8),
        ..UnixCall::NONE
    };
    remember(&call);
}

#[inline(always)]
fn remember(call: &UnixCall) {
    if UNIX_CALLS.insert(&caller(), call, 0).is_err() {
        emit::lost(place::UNIX_TABLE);
    }
}

/// The exit of every transfer: what was moved is read from the caller's buffer.
#[tracepoint]
pub fn unix_transfer_exit(context: TracePointContext) -> u32 {
    let thread = caller();
    let Some(call) = UNIX_CALLS.get_ptr(&thread) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let call = unsafe { *call };
    let _ = UNIX_CALLS.remove(&thread);
    let moved = returned(&context);
    if call.what != TRANSFER || moved <= 0 {
        return 0;
    }
    let key = key(call.fd);
    let Some(end) = UNIX_ENDS.get_ptr_mut(&key) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let sk = unsafe { (*end).sk };
    if socket(call.fd) != sk {
        // The descriptor is another file now; its bytes are nobody's business.
        let _ = UNIX_ENDS.remove(&key);
        return 0;
    }
    let moved = moved as u64;
    // SAFETY: as above; transfers of one direction by two threads at once have no order in the kernel either.
    let offset = unsafe {
        let counter =
            if call.direction == kind::SENT { &raw mut (*end).sent } else { &raw mut (*end).received };
        let before = *counter;
        *counter = before + moved;
        before
    };
    let limit = u64::from(PAYLOAD_BYTES.load());
    if offset >= limit {
        return 0;
    }
    let there = if moved < call.length { moved } else { call.length };
    let wanted = if there < limit - offset { there } else { limit - offset };
    let moved =
        Moved { cookie: number(sk), offset, moved, wanted, direction: call.direction, address: call.address };
    user::hand_over(kind::UNIX_PAYLOAD, place::UNIX_PAYLOAD, moved);
    0
}
