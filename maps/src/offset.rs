//! Offsets of kernel structure members, read from the running kernel's type information by the sensor and handed to
//! the programs as read-only globals.

/// The member does not exist in this kernel, or there is no type information: what needs it reads 0.
pub const ABSENT: u32 = 0xffff;

/// One offset that the programs need: the global that carries it, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the global in the object.
    pub global: &'static str,
    /// Structure in the kernel's type information.
    pub structure: &'static str,
    /// Member, or a path of members separated by dots where one structure embeds another.
    pub member: &'static str,
}

macro_rules! wanted {
    ($($global:literal = $structure:literal . $member:literal;)*) => {
        /// Every offset that the programs need.
        pub const WANTED: &[Wanted] = &[$(Wanted { global: $global, structure: $structure, member: $member }),*];
    };
}

wanted! {
    "TASK_PID" = "task_struct" . "pid";
    "TASK_TGID" = "task_struct" . "tgid";
    "TASK_LEADER" = "task_struct" . "group_leader";
    "TASK_PARENT" = "task_struct" . "real_parent";
    "TASK_START" = "task_struct" . "start_boottime";
    "TASK_NSPROXY" = "task_struct" . "nsproxy";
    "TASK_MM" = "task_struct" . "mm";
    "TASK_CRED" = "task_struct" . "cred";
    "TASK_FILES" = "task_struct" . "files";
    "TASK_SIGNAL" = "task_struct" . "signal";
    "TASK_COMM" = "task_struct" . "comm";
    "SIGNAL_LIVE" = "signal_struct" . "live.counter";
    "CRED_UID" = "cred" . "uid";
    "NSPROXY_NET" = "nsproxy" . "net_ns";
    "NET_INUM" = "net" . "ns.inum";
    "MM_ARG_START" = "mm_struct" . "arg_start";
    "MM_ARG_END" = "mm_struct" . "arg_end";
    "BPRM_FILENAME" = "linux_binprm" . "filename";
    "BPRM_INTERP" = "linux_binprm" . "interp";
    "BPRM_FILE" = "linux_binprm" . "file";
    "SOCK_NET" = "sock" . "__sk_common.skc_net.net";
    "SOCK_COOKIE" = "sock" . "__sk_common.skc_cookie.counter";
    "SOCK_FAMILY" = "sock" . "__sk_common.skc_family";
    "SOCK_DPORT" = "sock" . "__sk_common.skc_dport";
    "SOCK_ERR" = "sock" . "sk_err";
    "SOCK_FLAGS" = "sock" . "__sk_common.skc_flags";
    "SOCK_TYPE" = "sock" . "sk_type";
    "SOCK_PEER_PID" = "sock" . "sk_peer_pid";
    "PID_NR" = "pid" . "numbers";
    "TCP_BYTES_SENT" = "tcp_sock" . "bytes_sent";
    "TCP_BYTES_RETRANS" = "tcp_sock" . "bytes_retrans";
    "TCP_BYTES_RECEIVED" = "tcp_sock" . "bytes_received";
    "TCP_WRITE_SEQ" = "tcp_sock" . "write_seq";
    "TCP_SND_NXT" = "tcp_sock" . "snd_nxt";
    "FILES_FDT" = "files_struct" . "fdt";
    "FDTABLE_FD" = "fdtable" . "fd";
    "FDTABLE_MAX" = "fdtable" . "max_fds";
    "FILE_PRIVATE" = "file" . "private_data";
    "FILE_OP" = "file" . "f_op";
    "FILE_INODE" = "file" . "f_inode";
    "INODE_NUMBER" = "inode" . "i_ino";
    "INODE_SUPER_BLOCK" = "inode" . "i_sb";
    "SUPER_BLOCK_DEVICE" = "super_block" . "s_dev";
    "SOCKET_FILE" = "socket" . "file";
    "SOCKET_SK" = "socket" . "sk";
    "UNIX_PEER" = "unix_sock" . "peer";
    "UNIX_ADDR" = "unix_sock" . "addr";
}
