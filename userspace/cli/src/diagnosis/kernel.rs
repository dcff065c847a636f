//! What the kernel is and what this process may do to it.

use std::path::Path;

use serde::Serialize;

/// The kernel.
#[derive(Debug, Serialize)]
pub(super) struct Kernel {
    pub(super) release: String,
    /// Type information that the programs' field offsets are read from.
    pub(super) btf: bool,
    /// Where cgroup2 is mounted.
    pub(super) cgroup2: Option<String>,
    /// `none`, `integrity` or `confidentiality`; `None` where the kernel does not say.
    pub(super) lockdown: Option<String>,
    /// kernel.unprivileged_bpf_disabled.
    pub(super) unprivileged_bpf_disabled: Option<String>,
}

impl Kernel {
    /// Looks.
    pub(super) fn look(release: &str) -> Self {
        Self {
            release: release.to_owned(),
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            cgroup2: cgroup2(),
            // The mode in force is the one in brackets (security/lockdown/lockdown.c).
            lockdown: line("/sys/kernel/security/lockdown").and_then(|line| {
                let inside = line.split_once('[')?.1;
                Some(inside.split_once(']')?.0.to_owned())
            }),
            unprivileged_bpf_disabled: line("/proc/sys/kernel/unprivileged_bpf_disabled"),
        }
    }
}

/// First cgroup2 mount of this process's mount namespace (proc_pid_mounts(5)).
fn cgroup2() -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|mount| {
        let mut fields = mount.split(' ').skip(1);
        let place = fields.next()?;
        (fields.next()? == "cgroup2").then(|| place.to_owned())
    })
}

/// What this process may do.
#[derive(Debug, Serialize)]
pub(super) struct Privileges {
    pub(super) root: bool,
    /// Capabilities that matter here, in force or not.
    pub(super) capabilities: Vec<Capability>,
}

/// One capability (capabilities(7)).
#[derive(Debug, Serialize)]
pub(super) struct Capability {
    pub(super) name: &'static str,
    pub(super) held: bool,
    /// What it is for.
    pub(super) gives: &'static str,
}

/// Number in linux/capability.h, name, what it gives.
const CAPABILITIES: [(u32, &str, &str); 6] = [
    (39, "CAP_BPF", "load programs and maps"),
    (38, "CAP_PERFMON", "read kernel structures in tracing programs"),
    (12, "CAP_NET_ADMIN", "attach to cgroups; read address translation"),
    (21, "CAP_SYS_ADMIN", "look into other network namespaces; load programs before Linux 5.8"),
    (19, "CAP_SYS_PTRACE", "read who other users' processes are"),
    (2, "CAP_DAC_READ_SEARCH", "read which sockets other users' processes hold"),
];

impl Privileges {
    /// Looks.
    pub(super) fn look(root: bool) -> Self {
        let effective = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
            let field = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(field.trim(), 16).ok()
        });
        let held = |number: u32| effective.is_some_and(|mask| mask.checked_shr(number).unwrap_or(0) & 1 == 1);
        let capabilities =
            CAPABILITIES.map(|(number, name, gives)| Capability { name, held: held(number), gives }).into();
        Self { root, capabilities }
    }
}

fn line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}
