//! Every program: where it attaches, what is lost without it.

use std::fs::File;

use aya::Ebpf;
use aya::programs::{CgroupAttachMode, CgroupSkbAttachType, Program, ProgramError};
use tierzero_core::event::Degradation;

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
    /// To a tracepoint (category, name).
    Tracepoint(&'static str, &'static str),
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
    /// Loads and attaches the program; it stays attached as long as `ebpf` lives.
    pub(crate) fn attach(&self, ebpf: &mut Ebpf, cgroup: &File) -> Result<(), Refusal> {
        let program = ebpf.program_mut(self.name).ok_or(Refusal::Absent)?;
        load(program).map_err(|error| Refusal::Load(brief(&error)))?;
        self.attach_loaded(program, cgroup).map_err(|error| Refusal::Attach(brief(&error)))
    }

    fn attach_loaded(&self, program: &mut Program, cgroup: &File) -> Result<(), ProgramError> {
        // `AllowMultiple` answers EINVAL for links, which are multi-attach anyway (kernel/bpf/cgroup.c).
        let mode = CgroupAttachMode::Single;
        match (program, self.at) {
            (Program::SockOps(program), Hook::Cgroup) => program.attach(cgroup, mode).map(|_| ()),
            (Program::CgroupSock(program), Hook::Cgroup) => program.attach(cgroup, mode).map(|_| ()),
            (Program::CgroupSockAddr(program), Hook::Cgroup) => program.attach(cgroup, mode).map(|_| ()),
            (Program::CgroupSkb(program), Hook::Ingress) => {
                program.attach(cgroup, CgroupSkbAttachType::Ingress, mode).map(|_| ())
            }
            (Program::CgroupSkb(program), Hook::Egress) => {
                program.attach(cgroup, CgroupSkbAttachType::Egress, mode).map(|_| ())
            }
            (Program::RawTracePoint(program), Hook::RawTracepoint(name)) => program.attach(name).map(|_| ()),
            (Program::TracePoint(program), Hook::Tracepoint(category, name)) => {
                program.attach(category, name).map(|_| ())
            }
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
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// What the kernel said, with the end of the verifier's log, on one line.
fn brief(error: &ProgramError) -> String {
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
