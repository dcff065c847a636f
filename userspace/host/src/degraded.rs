//! What could not be read, named.

use std::collections::BTreeSet;

use tierzero_core::event::Degradation;
use tierzero_core::id::Netns;

use crate::process::{bracketed, inode};
use crate::snapshot::Picture;
use crate::socket::Gap;

/// `PROC_PID_INIT_INO` and `PROC_USER_INIT_INO` (linux/proc_ns.h): the namespaces that the kernel booted with.
const FIRST_PID: u64 = 0xEFFF_FFFC;
const FIRST_USER: u64 = 0xEFFF_FFFD;

fn one(name: &str, loses: &str, because: String, remedy: &str) -> Degradation {
    Degradation { name: name.to_owned(), loses: loses.to_owned(), because, remedy: remedy.to_owned() }
}

/// Degradations of one picture; `closed` namespaces could not be looked into at all.
pub(crate) fn of(picture: &Picture, closed: usize, cgroup2: bool) -> BTreeSet<Degradation> {
    let mut found = BTreeSet::new();
    let hidden = picture.holders.hidden;
    if hidden > 0 {
        found.insert(one(
            "processes-hidden",
            "sockets that these processes held before observation began have no process",
            format!("/proc/PID/fd of {hidden} of {} processes may not be read", picture.processes.len()),
            "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        ));
    }
    if hides_processes() {
        found.insert(one(
            "processes-invisible",
            "processes of other users are not in /proc: what they hold and who they are stays unknown",
            "/proc is mounted with hidepid".to_owned(),
            "run as root, or as a member of the group named by the mount option gid",
        ));
    }
    let unplaced = picture.processes.values().filter(|process| process.netns == Netns::default()).count();
    if unplaced > 0 {
        found.insert(one(
            "netns-unknown",
            "the network namespace of these processes is unknown, and so are sockets in namespaces of theirs alone",
            format!("/proc/PID/ns/net may not be read of so many processes: {unplaced}"),
            if as_root() { "" } else { "run as root, or with CAP_SYS_PTRACE" },
        ));
    }
    if closed > 0 {
        found.insert(one(
            "netns-closed",
            "listeners and open connections in these network namespaces are unknown until they are used again",
            format!("{closed} network namespaces may not be entered"),
            "run as root, or with CAP_SYS_ADMIN",
        ));
    }
    for gap in picture.namespaces.iter().flat_map(|(_, view)| &view.tables.gaps) {
        found.insert(gap_degradation(gap));
    }
    if !cgroup2 {
        found.insert(one(
            "no-cgroup2",
            "processes can't be joined to cgroups by id",
            "no cgroup2 mount in /proc/self/mountinfo".to_owned(),
            "mount cgroup2 (mount -t cgroup2 none /sys/fs/cgroup/unified)",
        ));
    }
    found.extend(nested());
    found
}

fn gap_degradation(gap: &Gap) -> Degradation {
    match gap {
        Gap::InetDiag(because) => one(
            "no-inet-diag",
            "connections already open can't be matched with what the kernel reports about them later",
            because.clone(),
            "load the modules tcp_diag and udp_diag",
        ),
        Gap::UnixDiag(because) => one(
            "no-unix-diag",
            "Unix connections already open are not seen: the other end of each is unknown",
            because.clone(),
            "load the module unix_diag",
        ),
        Gap::Table(table, because) => one(
            "no-socket-table",
            "listeners and open connections of this kind are not seen",
            format!("/proc/PID/net/{table}: {because}"),
            "run as root",
        ),
    }
}

/// Translated connections of a namespace are not told by the kernel.
pub(crate) fn no_translations(because: &std::io::Error) -> Degradation {
    one(
        "no-translations",
        "connections whose addresses this host translates are drawn to the address that was called, not to who answers",
        because.to_string(),
        "run with CAP_NET_ADMIN, load nf_conntrack_netlink, set net.netfilter.nf_conntrack_events to 2",
    )
}

/// Pids and user ids in kernel records are those of the first namespaces; in others /proc counts differently.
fn nested() -> Option<Degradation> {
    let number = |kind: &str| {
        let target = std::fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
        bracketed(target.to_str()?, kind)
    };
    let (pid, user) = (number("pid")?, number("user")?);
    (pid != FIRST_PID || user != FIRST_USER).then(|| {
        one(
            "own-pid-namespace",
            "process and user ids in /proc are not those that the kernel reports, so processes are told apart badly",
            format!("pid namespace {pid}, user namespace {user}"),
            "run in the host's pid and user namespaces (docker run --pid=host --userns=host)",
        )
    })
}

/// True when /proc hides other users' processes from this one: then pid 1 is not there.
fn hides_processes() -> bool {
    inode("/proc/1").is_none()
}

/// True as root: what /proc then still keeps closed, no privilege opens.
fn as_root() -> bool {
    // /proc/self belongs to the effective user (proc(5)).
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}
