//! What the outside tells the core. The kernel, a recorded log, a capture file and /proc all speak in these.
//!
//! Every field is a value that was observed. What is not known is `None` or a variant that says so, never a default
//! that looks like knowledge.

mod agent_sign;
mod coverage;
mod listen_address;
mod payload;
mod wiped;

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use agent_sign::{AgentSign, McpEra};
pub use coverage::{Coverage, Degradation};
pub use listen_address::ListenAddress;
pub use payload::{Payload, TlsCaller};
pub use wiped::wiped;

use crate::evidence::Observation;
use crate::id::{EndKey, HostId, Netns, ProcessKey};

/// Something observed, and when.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the host's wall clock (kernel boot clock plus an offset fixed at start).
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// Everything that can be observed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The host that is observed. First event of every source.
    Host(HostDescription),
    /// Observation began: what started before now is joined late.
    Started,
    /// Observation ended in order.
    Stopped,
    /// Something the observer can't see, or stopped seeing.
    Coverage(Coverage),

    /// A process began by fork or clone (not a thread).
    Forked {
        /// The new process; everything but its key is inherited from the parent.
        process: Process,
    },
    /// A process replaced its program.
    Executed {
        /// The process with its new program.
        process: Process,
        /// The file that runs, where the kernel said so: by it a path is known to name that file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<ProgramFile>,
    },
    /// A process ended.
    Exited {
        /// Which.
        process: ProcessKey,
    },
    /// A process that was there before, or facts about one that were read later from /proc.
    ProcessSeen {
        /// What /proc says.
        process: Process,
    },
    /// A cgroup got a meaning.
    CgroupNamed {
        /// cgroup2 id (the inode of its directory).
        cgroup: u64,
        /// What it is.
        place: CgroupPlace,
    },
    /// A network namespace was described, or described anew.
    NetnsSeen {
        /// Which.
        netns: Netns,
        /// Name from /run/netns, `host` for that of pid 1, if any.
        name: Option<String>,
        /// Addresses assigned in it.
        addresses: Vec<IpAddr>,
    },
    /// A process showed a sign of being an agent. The pipeline decides this from its rules, and puts it into the
    /// recording, so that a replay knows what was decided without knowing the rules.
    AgentSign {
        /// Which process.
        process: ProcessKey,
        /// What it showed.
        sign: AgentSign,
    },

    /// A socket accepts connections (TCP listen) or datagrams (UDP bind).
    Listening(Listening),
    /// A listener is gone.
    ListenerClosed {
        /// Which listener socket.
        socket: EndKey,
    },
    /// A process asked for a connection (TCP connect, or the first datagram of an unbound UDP socket).
    Connecting {
        /// The originator's end.
        end: EndKey,
        /// Where.
        ends: Addresses,
        /// Who, as the kernel saw it in that process's own context.
        process: Option<ProcessKey>,
    },
    /// The handshake is over at this end.
    Established {
        /// This end.
        end: EndKey,
        /// Which role it has.
        role: Role,
        /// Where.
        ends: Addresses,
    },
    /// The connection was never established.
    ConnectFailed {
        /// The originator's end.
        end: EndKey,
        /// Why.
        why: ConnectFailure,
    },
    /// A process took an established connection from a listener.
    Accepted {
        /// The responder's end.
        end: EndKey,
        /// Who.
        process: ProcessKey,
        /// Where, when the source knows it.
        ends: Option<Addresses>,
    },
    /// The last reference to the socket was dropped.
    Released {
        /// This end.
        end: EndKey,
        /// Who dropped it; `None` where the kernel could not say.
        process: Option<ProcessKey>,
        /// Payload bytes this end sent, as its TCP counted; `None` where not counted.
        bytes_sent: Option<u64>,
        /// Payload bytes this end received.
        bytes_received: Option<u64>,
    },
    /// A connection that was already open when observation began.
    AlreadyOpen {
        /// This end.
        end: EndKey,
        /// Role, where a listener with the same local address proves it.
        role: Option<Role>,
        /// Where.
        ends: Addresses,
        /// Who holds the socket (more than one after fork).
        processes: Vec<ProcessKey>,
    },
    /// Datagrams of one UDP flow, counted so far at this end. Repeated as the counts grow.
    Datagrams {
        /// This end.
        end: EndKey,
        /// Where.
        ends: Addresses,
        /// True when this end's first packet was outgoing.
        originator: bool,
        /// Who, if known.
        process: Option<ProcessKey>,
        /// Packets and payload bytes sent so far.
        sent: Count,
        /// Packets and payload bytes received so far.
        received: Count,
    },
    /// A Unix stream connection was made.
    UnixConnected {
        /// The originator's end.
        end: EndKey,
        /// The responder's end, if the kernel told.
        peer: Option<EndKey>,
        /// Who called.
        process: ProcessKey,
        /// Whom: the path (or `@name` in the abstract namespace).
        path: String,
        /// Network namespace of the caller (abstract names are scoped by it).
        netns: Netns,
        /// Who had called listen(2) on it, as the kernel keeps it in the peer credentials.
        listener_pid: Option<u32>,
        /// Owner and mode of the socket file, if read.
        file: Option<SocketFile>,
    },
    /// A Unix stream connection that was already open when observation began.
    UnixAlreadyOpen {
        /// The originator's end.
        end: EndKey,
        /// The responder's end.
        peer: EndKey,
        /// Who holds the originator's end (more than one after fork).
        callers: Vec<ProcessKey>,
        /// Who holds the responder's end.
        receivers: Vec<ProcessKey>,
        /// Whom: the path (or `@name` in the abstract namespace).
        path: String,
        /// Network namespace of the responder's end.
        netns: Netns,
        /// Owner and mode of the socket file as they are now, if read. The kernel checked them on connect.
        file: Option<SocketFile>,
    },
    /// A Unix connection was refused by the kernel.
    UnixRefused {
        /// Who called.
        process: ProcessKey,
        /// Whom.
        path: String,
        /// Network namespace of the caller.
        netns: Netns,
        /// errno(3): 13 EACCES (file mode), 111 ECONNREFUSED, ...
        errno: i32,
    },
    /// A receiver asked the kernel who is calling on this socket.
    PeerCredentialsRead {
        /// The receiver's end.
        end: EndKey,
        /// The process that asked.
        process: ProcessKey,
        /// By which call.
        by: PeerCredentialCall,
    },
    /// Address translation: a connection sent to one place arrived at another.
    Translated {
        /// Network namespace in which it was translated.
        netns: Netns,
        /// IP protocol (6 TCP, 17 UDP).
        protocol: u8,
        /// Source and destination as the originator sees them.
        original: (SocketAddr, SocketAddr),
        /// Source and destination of the reply direction, as the responder sends it.
        reply: (SocketAddr, SocketAddr),
    },

    /// Payload bytes. Never stored, never logged: the evidence stage turns it into `Observed` and wipes it.
    #[serde(skip)]
    Payload(Payload),
    /// What was inside TLS, as the responder's library took it out or put it in: offsets count the bytes inside. Never
    /// stored, never logged, as [`What::Payload`].
    #[serde(skip)]
    Inside(Payload),
    /// What the responder's TLS library holds about the caller. The evidence stage turns it into `Observed`.
    #[serde(skip)]
    TlsCaller(TlsCaller),
    /// Somebody spoke on a connection of a workload that is called and calls: the other side was the last to speak, or
    /// paused. This is what a recorded log keeps of the times of payload.
    Spoke {
        /// The end at which it was seen.
        end: EndKey,
        /// True when this end sent, false when it received.
        sent: bool,
        /// True when nothing further of this connection is captured.
        last: bool,
    },
    /// What the payload or the kernel showed about one flow: the form in which payload is recorded.
    Observed {
        /// The end at which it was seen.
        end: EndKey,
        /// What was shown, in order.
        observations: Vec<Observation>,
    },
}

/// The host that is observed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostDescription {
    /// Stable id.
    pub id: HostId,
    /// Host name.
    pub name: String,
    /// Kernel release, as `uname -r`.
    pub kernel: String,
    /// Boot id (/proc/sys/kernel/random/boot_id).
    pub boot_id: String,
}

/// A process at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Process {
    /// Which.
    pub key: ProcessKey,
    /// Its parent at fork, if known.
    pub parent: Option<ProcessKey>,
    /// Path of the program; `None` where it could not be read (a process that only forked has its parent's).
    pub exe: Option<String>,
    /// Command line, secrets redacted at the edge (see `subject::redact`).
    pub argv: Vec<String>,
    /// Thread name, at most 15 bytes.
    pub comm: String,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// cgroup2 id, 0 where unknown.
    pub cgroup: u64,
    /// What its cgroup says, where /proc/PID/cgroup was read.
    pub place: Option<CgroupPlace>,
    /// Network namespace.
    pub netns: Netns,
    /// Which of the environment variables that were looked for are set, by name; their values are never kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// What a cgroup path says about who runs in it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CgroupPlace {
    /// Path below the cgroup root.
    pub path: String,
    /// systemd service unit (`redis-server.service`); scopes and slices are no workload.
    pub unit: Option<String>,
    /// Container id, 64 hex digits.
    pub container: Option<String>,
    /// Kubernetes pod uid.
    pub pod: Option<String>,
}

/// A listener as the kernel shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listening {
    /// The listening socket.
    pub socket: EndKey,
    /// Where. Written under another name, because an event's own `at` is its time.
    #[serde(rename = "address")]
    pub at: ListenAddress,
    /// Network namespace.
    pub netns: Netns,
    /// Who: the process that called listen(2) or holds the socket. More than one after fork.
    pub processes: Vec<ProcessKey>,
    /// True when it was there before observation began.
    pub joined_late: bool,
}

/// The file of a program, as stat(2) numbers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ProgramFile {
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
}

/// Owner and mode of a Unix socket's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SocketFile {
    /// Permission bits, as stat(2), masked with 0o777. Linux checks write permission on connect (unix(7)).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Both addresses of one end. IPv4-mapped IPv6 addresses are given as IPv4: they are one address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Addresses {
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Network namespace of this end's socket.
    pub netns: Netns,
}

/// Which side opened the flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The side that opened it: the caller.
    Originator,
    /// The side that was called: the receiver.
    Responder,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Originator => Self::Responder,
            Self::Responder => Self::Originator,
        }
    }
}

/// Why a connection was never established.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectFailure {
    /// The other side refused (RST, ICMP port unreachable).
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// The caller gave up.
    Abandoned,
    /// Another errno(3).
    Other(i32),
}

/// Packets and payload bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
}

/// How a receiver asked the kernel for its peer's credentials (asm-generic/socket.h).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerCredentialCall {
    /// getsockopt SO_PEERCRED (17).
    PeerCred,
    /// getsockopt SO_PEERSEC (31).
    PeerSec,
    /// getsockopt SO_PEERGROUPS (59).
    PeerGroups,
    /// getsockopt SO_PEERPIDFD (77).
    PeerPidfd,
    /// setsockopt SO_PASSCRED (16): credentials arrive with each message.
    PassCred,
}
