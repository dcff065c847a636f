//! Records that travel through the ring buffers.

use core::mem::{offset_of, size_of};

/// Bytes of a thread name (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_BYTES: usize = 16;
/// Bytes kept of a program path.
pub const PROGRAM_BYTES: usize = 256;
/// Bytes kept of a command line.
pub const ARGV_BYTES: usize = 1024;
/// Bytes of a Unix socket address's path (`sun_path`, unix(7)).
pub const UNIX_PATH_BYTES: usize = 108;
/// Most payload bytes in one record.
pub const PIECE_BYTES: usize = 4096;

/// What every record begins with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// One of [`crate::kind`].
    pub kind: u32,
    /// [`crate::ABI`] of the writer.
    pub abi: u32,
    /// Nanoseconds since boot, suspend included (`bpf_ktime_get_boot_ns`).
    pub at: u64,
}

/// The process in whose context a record was made; all zero where no process context was there.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// Thread group id in the initial pid namespace; 0: no actor.
    pub tgid: u32,
    /// Thread id.
    pub tid: u32,
    /// `start_boottime` of the thread group leader, nanoseconds since boot.
    pub start: u64,
}

/// Both addresses of one end. IPv4 stands as IPv4-mapped IPv6; words are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Endpoints {
    /// Address of this end.
    pub local: [u32; 4],
    /// Address of the other end.
    pub remote: [u32; 4],
    /// Port of this end, host byte order.
    pub local_port: u32,
    /// Port of the other end, host byte order.
    pub remote_port: u32,
    /// Network namespace of the socket (inode number), 0 where not read.
    pub netns: u32,
    /// Zero.
    pub reserved: u32,
}

/// A socket and what happened to it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    /// See [`Header`].
    pub header: Header,
    /// Socket cookie.
    pub cookie: u64,
    /// Where.
    pub endpoints: Endpoints,
    /// Who.
    pub actor: Actor,
    /// [`crate::kind::TCP`] or [`crate::kind::UDP`].
    pub protocol: u32,
    /// One of `kind::ROLE_*`.
    pub role: u32,
    /// errno(3) of a failed connect, else 0.
    pub errno: u32,
    /// TCP sequence number of the first byte this end will receive; only at ESTABLISHED.
    pub received_base: u32,
}

/// A socket that ended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// See [`Header`].
    pub header: Header,
    /// Socket cookie.
    pub cookie: u64,
    /// Who dropped the last reference.
    pub actor: Actor,
    /// Payload bytes sent, retransmissions not counted.
    pub bytes_sent: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// [`crate::kind::TCP`] or [`crate::kind::UDP`].
    pub protocol: u32,
    /// 1 where the byte counts are known, else 0.
    pub counted: u32,
}

/// Counts of one UDP flow at one end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Datagrams {
    /// See [`Header`].
    pub header: Header,
    /// Socket cookie.
    pub cookie: u64,
    /// Where.
    pub endpoints: Endpoints,
    /// Who used the socket last before this, if known.
    pub actor: Actor,
    /// Datagrams sent so far.
    pub sent_packets: u64,
    /// Payload bytes sent so far.
    pub sent_bytes: u64,
    /// Datagrams received so far.
    pub received_packets: u64,
    /// Payload bytes received so far.
    pub received_bytes: u64,
    /// One of `kind::ROLE_*`: originator when the first datagram was sent by this end.
    pub role: u32,
    /// Zero.
    pub reserved: u32,
}

/// Facts about a process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// The process.
    pub actor: Actor,
    /// cgroup2 id, 0 where not read.
    pub cgroup: u64,
    /// `start_boottime` of the parent's thread group leader; 0 where not read.
    pub parent_start: u64,
    /// Thread group id of the parent.
    pub parent_tgid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Network namespace of the process (inode number), 0 where not read.
    pub netns: u32,
    /// Thread name, cut at the first zero byte.
    pub comm: [u8; COMM_BYTES],
}

/// A process began.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Fork {
    /// See [`Header`].
    pub header: Header,
    /// The new process.
    pub process: Process,
}

/// A process replaced its program.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Exec {
    /// See [`Header`].
    pub header: Header,
    /// The process.
    pub process: Process,
    /// Bytes used in `program`.
    pub program_bytes: u32,
    /// Bytes used in `argv`.
    pub argv_bytes: u32,
    /// `kind::PROGRAM_CUT`, `kind::ARGV_CUT`.
    pub flags: u32,
    /// Device of the program's file as the kernel numbers it (`super_block::s_dev`: major << 20 | minor); 0 unknown.
    pub program_device: u32,
    /// Inode number of the program's file, for a script of the interpreter's; 0 unknown.
    pub program_inode: u64,
    /// The program as it was named to execve(2); for a script the interpreter (`linux_binprm::interp`).
    pub program: [u8; PROGRAM_BYTES],
    /// Arguments, each ended by a zero byte.
    pub argv: [u8; ARGV_BYTES],
}

/// The last thread of a process ended.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// See [`Header`].
    pub header: Header,
    /// The process.
    pub actor: Actor,
}

/// Payload of a stream whose addresses were announced before. The bytes follow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    /// See [`Header`].
    pub header: Header,
    /// Socket cookie, or the number of a Unix socket.
    pub cookie: u64,
    /// Offset of the first byte in its direction's stream.
    pub offset: u64,
    /// How many bytes were there.
    pub length: u32,
    /// How many of them follow.
    pub captured: u32,
    /// [`crate::kind::SENT`] or [`crate::kind::RECEIVED`].
    pub direction: u32,
    /// Zero.
    pub reserved: u32,
}

/// Payload that carries its own addresses. The bytes follow.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AddressedPayload {
    /// As for [`Payload`].
    pub payload: Payload,
    /// Where.
    pub endpoints: Endpoints,
}

/// What the TLS library of a receiver holds about the caller of one connection. The caller's certificate follows, DER:
/// the part of it that is signed (`TBSCertificate`, RFC 5280 section 4.1), or all of it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlsCaller {
    /// See [`Header`].
    pub header: Header,
    /// Socket cookie.
    pub cookie: u64,
    /// What the receiver asked for, as `SSL_get_verify_mode(3)` has it.
    pub verify_mode: u32,
    /// What verification came to; 0 is good, and stands there without a certificate too. OpenSSL's interface: `X509_V_*`,
    /// as `SSL_get_verify_result(3)` has it. GnuTLS: `gnutls_certificate_status_t`, or [`NOT_VERIFIED`].
    pub verify_result: u32,
    /// 1 when the library holds a certificate of the caller, else 0.
    pub certificate: u32,
    /// Bytes of the certificate, or of its signed part; 0 where that could not be found.
    pub length: u32,
    /// How many of them follow.
    pub captured: u32,
    /// 1 when the library ended the handshake because a certificate was missing, else 0.
    pub refused: u32,
}

/// In place of a result: the receiver was not seen to have the certificate verified, or the library could not.
pub const NOT_VERIFIED: u32 = u32::MAX;

/// What happened to a Unix stream socket.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Unix {
    /// See [`Header`].
    pub header: Header,
    /// Number of this socket while it lives.
    pub socket: u64,
    /// Number of the socket at the other end, 0 where not read.
    pub peer: u64,
    /// Who.
    pub actor: Actor,
    /// Process that called listen(2), as the kernel keeps it for the peer; 0 where not read.
    pub listener_pid: u32,
    /// errno(3) of a refused connect, else 0.
    pub errno: u32,
    /// Socket option that was asked for (asm-generic/socket.h), else 0.
    pub option: u32,
    /// Bytes used in `path`.
    pub path_bytes: u32,
    /// Network namespace of the process (inode number), 0 where not read.
    pub netns: u32,
    /// Path; begins with a zero byte in the abstract namespace.
    pub path: [u8; UNIX_PATH_BYTES],
}

/// Asserts that a record has the size that its fields add up to: no padding anywhere.
macro_rules! exact {
    ($($record:ty = $($part:expr),+;)*) => {
        $(const _: () = assert!(size_of::<$record>() == 0 $(+ $part)+ && size_of::<$record>() % 8 == 0);)*
    };
}

exact! {
    Header = 4, 4, 8;
    Actor = 4, 4, 8;
    Endpoints = 16, 16, 4, 4, 4, 4;
    Socket = size_of::<Header>(), 8, size_of::<Endpoints>(), size_of::<Actor>(), 4, 4, 4, 4;
    Release = size_of::<Header>(), 8, size_of::<Actor>(), 8, 8, 4, 4;
    Datagrams = size_of::<Header>(), 8, size_of::<Endpoints>(), size_of::<Actor>(), 8, 8, 8, 8, 4, 4;
    Process = size_of::<Actor>(), 8, 8, 4, 4, 4, 4, COMM_BYTES;
    Fork = size_of::<Header>(), size_of::<Process>();
    Exec = size_of::<Header>(), size_of::<Process>(), 4, 4, 4, 4, 8, PROGRAM_BYTES, ARGV_BYTES;
    Exit = size_of::<Header>(), size_of::<Actor>();
    Payload = size_of::<Header>(), 8, 8, 4, 4, 4, 4;
    AddressedPayload = size_of::<Payload>(), size_of::<Endpoints>();
    TlsCaller = size_of::<Header>(), 8, 4, 4, 4, 4, 4, 4;
    Unix = size_of::<Header>(), 8, 8, size_of::<Actor>(), 4, 4, 4, 4, 4, UNIX_PATH_BYTES;
}

// The decoder reads by these offsets through the types; a change here is a change of [`crate::ABI`].
const _: () = assert!(offset_of!(Socket, cookie) == 16 && offset_of!(Socket, actor) == 72);
const _: () = assert!(offset_of!(Release, bytes_sent) == 40);
const _: () = assert!(offset_of!(Exec, program) == 104 && offset_of!(Exec, argv) == 360);
const _: () = assert!(offset_of!(Payload, captured) == 36 && size_of::<Payload>() == 48);
const _: () = assert!(offset_of!(TlsCaller, captured) == 40 && size_of::<TlsCaller>() == 48);
const _: () = assert!(offset_of!(Unix, path) == 68);
