//! Every program: where it attaches, what is lost without it.

use std::fs::File;

use aya::Ebpf;
use aya::programs::trace_point::TracePointLink;
use aya::programs::{CgroupAttachMode, CgroupSkbAttachType, Program, ProgramError, TracePoint};
use tierzero_core::event::Degradation;

use crate::tracefs;

/// Where a program attaches.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    /// To the cgroup root.
    Cgroup,
    /// To the cgroup root, for packets that arrive.
    Ingress,
    /// To the cgroup root, for packets that leave.
    Egress,
    /// To a raw tracepoint.
    RawTracepoint(&'static str),
    /// To the tracepoints of these syscalls' entry or exit, by name.
    Syscalls(&'static [&'static str]),
}

/// When a program is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Without it no connection is seen.
    Core,
    /// Always.
    Always,
    /// With `Options::udp`.
    Udp,
    /// With `Options::unix`; can be taken off and put on again.
    Unix,
}

/// One program.
pub(crate) struct Spec {
    /// Its name in the object.
    pub(crate) name: &'static str,
    /// The hook as reports name it.
    pub(crate) hook: &'static str,
    /// Where it attaches.
    pub(crate) at: Hook,
    /// When it is wanted.
    pub(crate) group: Group,
    /// What is not seen without it.
    pub(crate) loses: &'static str,
}

/// Every program, in the order in which they are attached: what ends things before what begins them, so that no
/// connection is seen to begin and never to end.
pub(crate) const PROGRAMS: &[Spec] = &[
    Spec {
        name: "process_exit",
        hook: "raw_tracepoint/sched_process_exit",
        at: Hook::RawTracepoint("sched_process_exit"),
        group: Group::Always,
        loses: "the end of processes",
    },
    Spec {
        name: "process_exec",
        hook: "raw_tracepoint/sched_process_exec",
        at: Hook::RawTracepoint("sched_process_exec"),
        group: Group::Always,
        loses: "the program and command line of processes that end before /proc is read",
    },
    Spec {
        name: "process_fork",
        hook: "raw_tracepoint/sched_process_fork",
        at: Hook::RawTracepoint("sched_process_fork"),
        group: Group::Always,
        loses: "the parents of processes that end before /proc is read",
    },
    Spec {
        name: "close",
        hook: "cgroup/sock_release",
        at: Hook::Cgroup,
        group: Group::Always,
        loses: "the end of connections, their byte counts, and acceptors that asked for no address",
    },
    Spec {
        name: "accept4",
        hook: "cgroup/getpeername4",
        at: Hook::Cgroup,
        group: Group::Always,
        loses: "which process accepted an IPv4 connection, until it closes it",
    },
    Spec {
        name: "accept6",
        hook: "cgroup/getpeername6",
        at: Hook::Cgroup,
        group: Group::Always,
        loses: "which process accepted an IPv6 connection, until it closes it",
    },
    Spec {
        name: "payload_in",
        hook: "cgroup_skb/ingress",
        at: Hook::Ingress,
        group: Group::Always,
        loses: "what was received on connections: every verdict becomes opaque",
    },
    Spec {
        name: "payload_out",
        hook: "cgroup_skb/egress",
        at: Hook::Egress,
        group: Group::Always,
        loses: "what was sent on connections: every verdict becomes opaque",
    },
    Spec {
        name: "bind4",
        hook: "cgroup/post_bind4",
        at: Hook::Cgroup,
        group: Group::Udp,
        loses: "which process bound an IPv4 UDP port",
    },
    Spec {
        name: "bind6",
        hook: "cgroup/post_bind6",
        at: Hook::Cgroup,
        group: Group::Udp,
        loses: "which process bound an IPv6 UDP port",
    },
    Spec {
        name: "unix_close_enter",
        hook: "tracepoint/sys_enter_close",
        at: Hook::Syscalls(&["sys_enter_close"]),
        group: Group::Unix,
        loses: "the end of Unix connections whose process lives on",
    },
    Spec {
        name: "unix_transfer_exit",
        hook: "tracepoint/sys_exit_{read,write,...}",
        at: Hook::Syscalls(&[
            "sys_exit_read",
            "sys_exit_write",
            "sys_exit_readv",
            "sys_exit_writev",
            "sys_exit_recvfrom",
            "sys_exit_sendto",
            "sys_exit_recvmsg",
            "sys_exit_sendmsg",
        ]),
        group: Group::Unix,
        loses: "payload of Unix connections",
    },
    Spec {
        name: "unix_read_enter",
        hook: "tracepoint/sys_enter_{read,recvfrom}",
        at: Hook::Syscalls(&["sys_enter_read", "sys_enter_recvfrom"]),
        group: Group::Unix,
        loses: "payload of Unix connections received by read(2) and recv(2)",
    },
    Spec {
        name: "unix_write_enter",
        hook: "tracepoint/sys_enter_{write,sendto}",
        at: Hook::Syscalls(&["sys_enter_write", "sys_enter_sendto"]),
        group: Group::Unix,
        loses: "payload of Unix connections sent by write(2) and send(2)",
    },
    Spec {
        name: "unix_readv_enter",
        hook: "tracepoint/sys_enter_readv",
        at: Hook::Syscalls(&["sys_enter_readv"]),
        group: Group::Unix,
        loses: "payload of Unix connections received by readv(2)",
    },
    Spec {
        name: "unix_writev_enter",
        hook: "tracepoint/sys_enter_writev",
        at: Hook::Syscalls(&["sys_enter_writev"]),
        group: Group::Unix,
        loses: "payload of Unix connections sent by writev(2)",
    },
    Spec {
        name: "unix_recvmsg_enter",
        hook: "tracepoint/sys_enter_recvmsg",
        at: Hook::Syscalls(&["sys_enter_recvmsg"]),
        group: Group::Unix,
        loses: "payload of Unix connections received by recvmsg(2)",
    },
    Spec {
        name: "unix_sendmsg_enter",
        hook: "tracepoint/sys_enter_sendmsg",
        at: Hook::Syscalls(&["sys_enter_sendmsg"]),
        group: Group::Unix,
        loses: "payload of Unix connections sent by sendmsg(2)",
    },
    Spec {
        name: "unix_getsockopt_enter",
        hook: "tracepoint/sys_enter_getsockopt",
        at: Hook::Syscalls(&["sys_enter_getsockopt"]),
        group: Group::Unix,
        loses: "whether a receiver asked the kernel who is calling",
    },
    Spec {
        name: "unix_setsockopt_enter",
        hook: "tracepoint/sys_enter_setsockopt",
        at: Hook::Syscalls(&["sys_enter_setsockopt"]),
        group: Group::Unix,
        loses: "whether a receiver asked the kernel for credentials with each message",
    },
    Spec {
        name: "unix_accept_exit",
        hook: "tracepoint/sys_exit_accept{,4}",
        at: Hook::Syscalls(&["sys_exit_accept", "sys_exit_accept4"]),
        group: Group::Unix,
        loses: "which process accepted a Unix connection",
    },
    Spec {
        name: "unix_connect_exit",
        hook: "tracepoint/sys_exit_connect",
        at: Hook::Syscalls(&["sys_exit_connect"]),
        group: Group::Unix,
        loses: "Unix connections",
    },
    Spec {
        name: "unix_connect_enter",
        hook: "tracepoint/sys_enter_connect",
        at: Hook::Syscalls(&["sys_enter_connect"]),
        group: Group::Unix,
        loses: "Unix connections",
    },
    Spec {
        name: "handshake",
        hook: "cgroup/sock_ops",
        at: Hook::Cgroup,
        group: Group::Core,
        loses: "TCP connections and listeners",
    },
];

/// Why a program is not attached.
pub(crate) enum Refusal {
    /// It is not in the object.
    Absent,
    /// The verifier or the kernel's configuration refused to load it.
    Load(String),
    /// It loaded, and the hook refused it.
    Attach(String),
}

impl Refusal {
    /// What was said.
    pub(crate) fn because(&self) -> String {
        match self {
            Self::Absent => "not in the object".to_owned(),
            Self::Load(because) => format!("load refused: {because}"),
            Self::Attach(because) => format!("attach refused: {because}"),
        }
    }
}

impl Spec {
    /// Loads (unless that was done) and attaches the program. Hooks of the cgroup and of processes stay as long as
    /// `ebpf` lives; those of syscalls as long as what is returned.
    pub(crate) fn attach(&self, ebpf: &mut Ebpf, cgroup: &File) -> Result<Vec<TracePointLink>, Refusal> {
        let program = ebpf.program_mut(self.name).ok_or(Refusal::Absent)?;
        match load(program) {
            Ok(()) | Err(ProgramError::AlreadyLoaded) => {}
            Err(error) => return Err(Refusal::Load(brief(&error))),
        }
        self.attach_loaded(program, cgroup).map_err(|error| Refusal::Attach(brief(&error)))
    }

    fn attach_loaded(
        &self,
        program: &mut Program,
        cgroup: &File,
    ) -> Result<Vec<TracePointLink>, ProgramError> {
        // `AllowMultiple` answers EINVAL for links, which are multi-attach anyway (kernel/bpf/cgroup.c).
        let mode = CgroupAttachMode::Single;
        match (program, self.at) {
            (Program::SockOps(program), Hook::Cgroup) => program.attach(cgroup, mode).map(|_| Vec::new()),
            (Program::CgroupSock(program), Hook::Cgroup) => program.attach(cgroup, mode).map(|_| Vec::new()),
            (Program::CgroupSockAddr(program), Hook::Cgroup) => {
                program.attach(cgroup, mode).map(|_| Vec::new())
            }
            (Program::CgroupSkb(program), Hook::Ingress) => {
                program.attach(cgroup, CgroupSkbAttachType::Ingress, mode).map(|_| Vec::new())
            }
            (Program::CgroupSkb(program), Hook::Egress) => {
                program.attach(cgroup, CgroupSkbAttachType::Egress, mode).map(|_| Vec::new())
            }
            (Program::RawTracePoint(program), Hook::RawTracepoint(name)) => {
                program.attach(name).map(|_| Vec::new())
            }
            (Program::TracePoint(program), Hook::Syscalls(names)) => attach_to_syscalls(program, names),
            _ => Err(ProgramError::UnexpectedProgramType),
        }
    }

    /// The degradation that its absence is.
    pub(crate) fn degradation(&self, refusal: &Refusal) -> Degradation {
        Degradation {
            name: format!("no-{}", self.name.replace('_', "-")),
            loses: format!("not seen: {}", self.loses),
            because: format!("{}: {}", self.hook, refusal.because()),
            remedy: "`tierzero doctor` shows what this kernel allows".to_owned(),
        }
    }
}

/// Attaches to the tracepoints of these syscalls' entry or exit.
pub(crate) fn attach_to_syscalls(
    program: &mut TracePoint,
    names: &[&str],
) -> Result<Vec<TracePointLink>, ProgramError> {
    let attach = |name: &&str| {
        let link = program.attach("syscalls", name)?;
        program.take_link(link)
    };
    tracefs::within(|| names.iter().map(attach).collect())
}

/// Loads a program of any type used here.
pub(crate) fn load(program: &mut Program) -> Result<(), ProgramError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the object holds only these types")]
    match program {
        Program::SockOps(program) => program.load(),
        Program::CgroupSock(program) => program.load(),
        Program::CgroupSockAddr(program) => program.load(),
        Program::CgroupSkb(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        Program::TracePoint(program) => program.load(),
        Program::UProbe(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// What the kernel said, with the end of the verifier's log, on one line.
pub(crate) fn brief(error: &ProgramError) -> String {
    if let ProgramError::LoadError { io_error, verifier_log } = error {
        let log = verifier_log.to_string();
        if std::env::var_os("TIERZERO_VERIFIER_LOG").is_some() {
            tracing::warn!("{log}");
        }
        let last: Vec<&str> = log
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("processed "))
            .collect();
        let last = last.iter().rev().take(2).rev().copied().collect::<Vec<_>>().join(" | ");
        return if last.is_empty() { io_error.to_string() } else { format!("{io_error} ({last})") };
    }
    crate::object::chain(error)
}
