//! Every map.

use core::ptr;

use aya_ebpf::btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf, SkStorage};
use aya_ebpf::macros::btf_map;
use tierzero_maps::place;
use tierzero_maps::record::{Actor, NOT_VERIFIED};
use tierzero_maps::table::{Address, LOCAL_ADDRESSES_MAX};

/// Records that must not be lost: processes, connects, listens, accepts, releases. The loader sets its size.
#[btf_map]
pub static CONTROL: RingBuf<u64, { 4 << 20 }> = RingBuf::new();

/// Payload: apart, so that a flood of it drops no control record. The loader sets its size.
#[btf_map]
pub static PAYLOAD: RingBuf<u64, { 8 << 20 }> = RingBuf::new();

/// Records handed over, by place.
#[btf_map]
pub static SEEN: PerCpuArray<u64, { place::COUNT as usize }> = PerCpuArray::new();

/// Records lost, by place.
#[btf_map]
pub static LOST: PerCpuArray<u64, { place::COUNT as usize }> = PerCpuArray::new();

/// Addresses of this host, all network namespaces.
#[btf_map]
pub static LOCAL_ADDRESSES: HashMap<Address, u32, { LOCAL_ADDRESSES_MAX as usize }> = HashMap::new();

/// TCP sockets whose payload is looked at.
#[btf_map]
pub static STREAMS: SkStorage<Stream> = SkStorage::new();

/// UDP flows.
#[btf_map]
pub static DATAGRAMS: LruHashMap<DatagramKey, DatagramFlow, 16_384> = LruHashMap::new();

/// Unix calls between entry and exit, by thread.
#[btf_map]
pub static UNIX_CALLS: LruHashMap<u64, UnixCall, 8192> = LruHashMap::new();

/// Connecting ends of Unix streams that are followed.
#[btf_map]
pub static UNIX_ENDS: LruHashMap<UnixKey, UnixEnd, 16_384> = LruHashMap::new();

/// Calls of TLS libraries between entry and return, by thread. The loader sets its size.
#[btf_map]
pub static TLS_CALLS: LruHashMap<u64, TlsCall, 4096> = LruHashMap::new();

/// Questions to GnuTLS about a caller between entry and return, by thread. The loader sets its size.
#[btf_map]
pub static TLS_ASKS: LruHashMap<u64, TlsAsk, 4096> = LruHashMap::new();

/// Connections as TLS libraries know them. The loader sets its size.
#[btf_map]
pub static TLS_SESSIONS: LruHashMap<TlsKey, TlsSession, 16_384> = LruHashMap::new();

/// Responders' ends, by socket cookie, while TLS libraries are followed. The loader sets its size.
#[btf_map]
pub static TLS_RESPONDERS: LruHashMap<u64, TlsResponder, 16_384> = LruHashMap::new();

/// When a TLS library was last attached to, nanoseconds since boot; 0: none yet.
#[btf_map]
pub static TLS_ATTACHED: Array<u64, 1> = Array::new();

/// One direction of a stream, in bytes since its start.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Direction {
    /// Sequence number of the first byte.
    pub base: u32,
    /// Everything before this was handed over.
    pub next: u32,
    /// The highest byte handed over, plus one.
    pub highest: u32,
    /// First byte after the gap when segments came out of order, else `u32::MAX`.
    pub after_gap: u32,
}

/// A TCP socket whose payload is looked at.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Stream {
    /// Socket cookie.
    pub cookie: u64,
    /// What this end receives and sends, by `kind::{RECEIVED, SENT}`.
    pub received: Direction,
    /// What this end sends.
    pub sent: Direction,
    /// One of `kind::ROLE_*`.
    pub role: u32,
    /// 1 when an accepting process was reported.
    pub accepted: u32,
}

/// A UDP flow: a socket and one of its peers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DatagramKey {
    /// Socket cookie.
    pub cookie: u64,
    /// Address of the peer.
    pub remote: [u32; 4],
    /// Port of the peer.
    pub remote_port: u32,
    /// Port of this end.
    pub local_port: u32,
}

/// Counts of a UDP flow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DatagramFlow {
    /// Who sent last from this end.
    pub actor: Actor,
    /// Datagrams and payload bytes, by `kind::{RECEIVED, SENT}`.
    pub packets: [u64; 2],
    /// Payload bytes.
    pub bytes: [u64; 2],
    /// Datagrams before the silence after which payload was handed over anew.
    pub before: [u64; 2],
    /// Nanoseconds since boot at which the counts were last told.
    pub told: u64,
    /// One of `kind::ROLE_*`.
    pub role: u32,
    /// Network namespace of the socket.
    pub netns: u32,
}

/// A descriptor of a process.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnixKey {
    /// Process.
    pub tgid: u32,
    /// Descriptor.
    pub fd: u32,
}

/// A call between entry and exit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnixCall {
    /// Which kind of call.
    pub what: u32,
    /// Descriptor.
    pub fd: u32,
    /// `kind::SENT` or `kind::RECEIVED`.
    pub direction: u32,
    /// Zero.
    pub reserved: u32,
    /// User address of the buffer or path.
    pub address: u64,
    /// Bytes there.
    pub length: u64,
    /// Time of a connect's entry.
    pub since: u64,
}

impl UnixCall {
    /// No call.
    pub const NONE: Self =
        Self { what: 0, fd: 0, direction: 0, reserved: 0, address: 0, length: 0, since: 0 };
}

/// The connecting end of a Unix stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnixEnd {
    /// Kernel address of its socket; never handed over.
    pub sk: u64,
    /// Bytes sent so far.
    pub sent: u64,
    /// Bytes received so far.
    pub received: u64,
}

/// A call of a TLS library between entry and return.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsCall {
    /// The connection (`SSL *`, `gnutls_session_t`).
    pub ssl: u64,
    /// User address of the buffer.
    pub buffer: u64,
    /// User address where the call leaves how many bytes it moved; 0 where it returns that.
    pub moved: u64,
    /// Where the library keeps things (`tierzero_maps::library::Layout`), or `library::TOLD`.
    pub layout: u64,
    /// Which call.
    pub what: u32,
    /// 1 once a socket call was seen in it.
    pub linked: u32,
}

/// A question to GnuTLS about a caller between entry and return.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsAsk {
    /// The connection (`gnutls_session_t`).
    pub ssl: u64,
    /// User address of the status that verification leaves; 0 where the certificates are asked for.
    pub status: u64,
}

/// A connection as a TLS library knows it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsKey {
    /// The connection (`SSL *`, `gnutls_session_t`).
    pub ssl: u64,
    /// Process.
    pub tgid: u32,
    /// Zero.
    pub reserved: u32,
}

/// What is known of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsSession {
    /// Cookie of its socket.
    pub cookie: u64,
    /// Bytes read out of it so far.
    pub received: u64,
    /// Bytes written into it so far.
    pub sent: u64,
    /// User address of the caller's certificate when it was last told.
    pub peer: u64,
    /// Result of its verification when it was last told.
    pub verify_result: u32,
    /// 1: followed, from its start.
    pub followed: u32,
    /// 1 when what the library holds about the caller was told.
    pub told: u32,
    /// GnuTLS: what the receiver asked for (`gnutls_certificate_request_t`).
    pub asked: u32,
    /// GnuTLS: what it told the receiver about the caller: `caller::*`.
    pub caller: u32,
    /// GnuTLS: what verification came to, or `NOT_VERIFIED`.
    pub status: u32,
    /// GnuTLS: user address of the caller's certificate, 0 where not told.
    pub certificate: u64,
    /// GnuTLS: its length.
    pub length: u64,
}

/// What GnuTLS told the receiver about its caller's certificate.
pub mod caller {
    /// Nothing, yet.
    pub const UNTOLD: u32 = 0;
    /// There is none.
    pub const NONE: u32 = 1;
    /// There is one.
    pub const HELD: u32 = 2;
}

impl TlsSession {
    /// Nothing is known.
    pub const NEW: Self = Self {
        cookie: 0,
        received: 0,
        sent: 0,
        peer: 0,
        verify_result: 0,
        followed: 0,
        told: 0,
        asked: 0,
        caller: caller::UNTOLD,
        status: NOT_VERIFIED,
        certificate: 0,
        length: 0,
    };
}

/// A responder's end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TlsResponder {
    /// When it was established, nanoseconds since boot.
    pub since: u64,
    /// 1 when a connection of a TLS library was linked to it.
    pub taken: u64,
}

/// A map as the helpers take it.
#[inline(always)]
pub fn address<M>(map: &'static M) -> *mut core::ffi::c_void {
    ptr::from_ref(map).cast_mut().cast()
}
