//! Offsets of kernel structure members, set by the loader (`tierzero_maps::offset`), and the programs' settings.

use aya_ebpf::Global;
use tierzero_maps::offset::ABSENT;

macro_rules! offsets {
    ($($name:ident)*) => { $(#[unsafe(no_mangle)] pub static $name: Global<u32> = Global::new(ABSENT);)* };
}

offsets! {
    TASK_PID
    TASK_TGID
    TASK_LEADER
    TASK_PARENT
    TASK_START
    TASK_NSPROXY
    TASK_MM
    TASK_CRED
    TASK_FILES
    TASK_SIGNAL
    TASK_COMM
    SIGNAL_LIVE
    CRED_UID
    NSPROXY_NET
    NET_INUM
    MM_ARG_START
    MM_ARG_END
    BPRM_FILENAME
    BPRM_INTERP
    BPRM_FILE
    SOCK_NET
    SOCK_COOKIE
    SOCK_FAMILY
    SOCK_DPORT
    SOCK_ERR
    SOCK_FLAGS
    SOCK_TYPE
    SOCK_PEER_PID
    PID_NR
    TCP_BYTES_SENT
    TCP_BYTES_RETRANS
    TCP_BYTES_RECEIVED
    TCP_WRITE_SEQ
    TCP_SND_NXT
    FILES_FDT
    FDTABLE_FD
    FDTABLE_MAX
    FILE_PRIVATE
    FILE_OP
    FILE_INODE
    INODE_NUMBER
    INODE_SUPER_BLOCK
    SUPER_BLOCK_DEVICE
    SOCKET_FILE
    SOCKET_SK
    UNIX_PEER
    UNIX_ADDR
}

/// Payload bytes kept of each direction of a stream.
#[unsafe(no_mangle)]
pub static PAYLOAD_BYTES: Global<u32> = Global::new(16_384);
/// 1: follow UDP.
#[unsafe(no_mangle)]
pub static FOLLOW_UDP: Global<u32> = Global::new(1);
/// 1: follow TLS libraries.
#[unsafe(no_mangle)]
pub static FOLLOW_TLS: Global<u32> = Global::new(0);
/// The reader of `CONTROL` is woken when more than this many bytes wait.
#[unsafe(no_mangle)]
pub static CONTROL_WAKE_BYTES: Global<u64> = Global::new(1 << 19);
/// The reader of `PAYLOAD` is woken when more than this many bytes wait.
#[unsafe(no_mangle)]
pub static PAYLOAD_WAKE_BYTES: Global<u64> = Global::new(1 << 20);
/// Mixed into numbers made from kernel addresses, so that no address leaves the kernel.
#[unsafe(no_mangle)]
pub static SOCKET_KEY: Global<u64> = Global::new(0);
