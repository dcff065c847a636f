//! UDP: who bound a port, and which datagrams went where.

use aya_ebpf::bindings::{__sk_buff, bpf_sock};
use aya_ebpf::helpers::generated::bpf_get_socket_cookie;
use aya_ebpf::macros::cgroup_sock;
use aya_ebpf::programs::SockContext;
use tierzero_maps::record::{Datagrams, Endpoints, Socket};
use tierzero_maps::{kind, place};

use crate::context::field;
use crate::hooks::payload;
use crate::offsets::{FOLLOW_UDP, NET_INUM, SOCK_NET};
use crate::read::member;
use crate::tables::{DATAGRAMS, DatagramFlow, DatagramKey};
use crate::{actor, emit, packet};

/// Datagrams of each direction whose payload is handed over.
const PAYLOADS: u64 = 2;
/// Nanoseconds after which a flow is told of again if it goes on, so that user space does not hold it for over.
const TELLING: u64 = 10_000_000_000;
/// Nanoseconds untold after which user space holds a flow for over: what follows is a flow of its own, whose datagrams
/// are numbered from 0 and whose first ones are handed over.
const SILENCE: u64 = 30_000_000_000;

#[cgroup_sock(post_bind4)]
pub fn bind4(context: SockContext) -> i32 {
    let sock = context.sock;
    let address = [0, 0, 0xffff_u32.to_be(), field!(sock, bpf_sock, src_ip4)];
    bound(sock, address)
}

#[cgroup_sock(post_bind6)]
pub fn bind6(context: SockContext) -> i32 {
    let sock = context.sock;
    let address = [
        field!(sock, bpf_sock, src_ip6, 0),
        field!(sock, bpf_sock, src_ip6, 1),
        field!(sock, bpf_sock, src_ip6, 2),
        field!(sock, bpf_sock, src_ip6, 3),
    ];
    bound(sock, address)
}

/// Reports a UDP socket that was bound by its process; TCP is reported at listen(2).
#[inline(always)]
fn bound(sock: *mut bpf_sock, local: [u32; 4]) -> i32 {
    if field!(sock, bpf_sock, protocol) != kind::UDP || FOLLOW_UDP.load() == 0 {
        return 1;
    }
    let port = field!(sock, bpf_sock, src_port);
    // SAFETY: the context is valid while the program runs.
    let cookie = unsafe { bpf_get_socket_cookie(sock.cast()) };
    let net: u64 = member(sock as u64, &SOCK_NET);
    let netns = member(net, &NET_INUM);
    emit::control::<Socket>(place::CONNECTION, |slot| {
        let record = Socket {
            header: emit::header(kind::LISTEN),
            cookie,
            endpoints: Endpoints {
                local,
                remote: [0; 4],
                local_port: port,
                remote_port: 0,
                netns,
                reserved: 0,
            },
            actor: actor::current(),
            protocol: kind::UDP,
            role: kind::ROLE_UNKNOWN,
            errno: 0,
            received_base: 0,
        };
        // SAFETY: `slot` is a reservation of this record's size.
        unsafe { slot.write(record) };
    });
    1
}

/// Counts a datagram. Two processors that count the same flow at once may lose a count, so counts are "at least".
#[inline(always)]
pub fn count(skb: *mut __sk_buff, sk: *mut bpf_sock, direction: u32) {
    let (Some(segment), Some(endpoints)) = (packet::udp(skb), packet::endpoints(skb, kind::UDP, direction))
    else {
        return emit::lost(place::PACKET);
    };
    // SAFETY: the context is valid while the program runs.
    let cookie = unsafe { bpf_get_socket_cookie(skb.cast()) };
    let key = DatagramKey {
        cookie,
        remote: endpoints.remote,
        remote_port: endpoints.remote_port,
        local_port: endpoints.local_port,
    };
    let now = emit::now();
    let flow = match DATAGRAMS.get_ptr_mut(&key) {
        Some(flow) => flow,
        None => {
            let role = if direction == kind::SENT { kind::ROLE_ORIGINATOR } else { kind::ROLE_RESPONDER };
            let new = DatagramFlow {
                actor: actor::NOBODY,
                packets: [0; 2],
                bytes: [0; 2],
                before: [0; 2],
                told: now,
                role,
                netns: 0,
            };
            if DATAGRAMS.insert(&key, &new, 0).is_err() {
                return emit::lost(place::DATAGRAM_TABLE);
            }
            match DATAGRAMS.get_ptr_mut(&key) {
                Some(flow) => flow,
                None => return emit::lost(place::DATAGRAM_TABLE),
            }
        }
    };
    let bytes = u64::from(segment.length);
    // SAFETY: a map value stays readable and writable until the program ends.
    let (number, fresh, untold) = unsafe {
        let untold = now.saturating_sub((*flow).told);
        if untold > SILENCE {
            (*flow).before = (*flow).packets;
        }
        let [received, sent] = (*flow).before;
        if direction == kind::SENT {
            (*flow).packets[1] += 1;
            (*flow).bytes[1] += bytes;
            ((*flow).packets[1], (*flow).packets[1] - sent, untold)
        } else {
            (*flow).packets[0] += 1;
            (*flow).bytes[0] += bytes;
            ((*flow).packets[0], (*flow).packets[0] - received, untold)
        }
    };
    if fresh <= PAYLOADS && segment.length > 0 {
        payload::datagram(skb, cookie, fresh - 1, direction, segment, endpoints);
    }
    let counted = if number < 64 { number & (number - 1) == 0 } else { number % 64 == 0 };
    // The first of each direction after a silence is told of, as the first of all is.
    if !counted && fresh != 1 && untold <= TELLING {
        return;
    }
    // SAFETY: as above.
    unsafe { (*flow).told = now };
    if direction == kind::SENT {
        // A datagram leaves through this hook in the context of its sender (udp_sendmsg, net/ipv4/udp.c).
        // SAFETY: as above.
        unsafe { (*flow).actor = actor::current() };
    }
    emit::control::<Datagrams>(place::DATAGRAM, |slot| {
        // SAFETY: `slot` is a reservation of this record's size; `flow` as above.
        unsafe {
            // The verifier allows no arithmetic on a socket pointer. Through memory it becomes a number; the field is
            // overwritten below, so that no address leaves the kernel.
            let through = &raw mut (*slot).received_bytes;
            through.write_volatile(sk as u64);
            let net: u64 = member(through.read_volatile(), &SOCK_NET);
            let netns: u32 = member(net, &NET_INUM);
            let record = Datagrams {
                header: emit::header(kind::DATAGRAMS),
                cookie,
                endpoints: Endpoints { netns, ..endpoints },
                actor: (*flow).actor,
                sent_packets: (*flow).packets[1],
                sent_bytes: (*flow).bytes[1],
                received_packets: (*flow).packets[0],
                received_bytes: (*flow).bytes[0],
                role: (*flow).role,
                reserved: 0,
            };
            slot.write(record);
        }
    });
}
