//! One process as /proc shows it. A process may end between any two reads: then there is no process.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use nix::sys::stat;
use tierzero_core::event::{Process, ProgramFile};
use tierzero_core::id::{Netns, ProcessKey};
use tierzero_core::subject::redact;
use zeroize::Zeroizing;

use crate::cgroup;
use crate::mounts::Cgroup2;

/// Longest command line that is kept, in bytes, and in arguments.
const ARGV_BYTES: u64 = 4096;
const ARGV_COUNT: usize = 64;

/// Bytes of an environment that are looked at: `ARG_MAX` of a default stack is 2 MiB, few use a tenth of it.
const ENVIRON_BYTES: usize = 256 * 1024;

/// What /proc/PID/stat says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stat {
    /// Thread name.
    pub(crate) comm: String,
    /// Parent process id.
    pub(crate) parent: u32,
    /// Start after boot, clock ticks.
    pub(crate) start_ticks: u64,
    /// Task flags (`PF_*`).
    pub(crate) flags: u64,
}

impl Stat {
    /// `PF_KTHREAD` (linux/sched.h): a kernel thread, which owns no user-visible sockets.
    pub(crate) fn is_kernel_thread(&self) -> bool {
        self.flags & 0x0020_0000 != 0
    }
}

/// Reads one line of /proc/PID/stat (proc_pid_stat(5)). The name stands in parentheses and may itself hold blanks
/// and parentheses, so the fields are counted from the last `)`.
pub(crate) fn parse_stat(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let (_, comm) = head.split_once('(')?;
    // `tail` begins with field 3.
    let mut fields = tail.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let flags = fields.nth(4)?.parse().ok()?;
    let start_ticks = fields.nth(12)?.parse().ok()?;
    Some(Stat { comm: comm.to_owned(), parent, start_ticks, flags })
}

/// Real user and group id from /proc/PID/status.
pub(crate) fn parse_status(text: &str) -> Option<(u32, u32)> {
    let real = |name: &str| -> Option<u32> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    Some((real("Uid:")?, real("Gid:")?))
}

/// Command line of /proc/PID/cmdline, capped.
pub(crate) fn parse_cmdline(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes
        .split(|&byte| byte == 0)
        .take(ARGV_COUNT)
        .map(|one| String::from_utf8_lossy(one).into_owned())
        .collect()
}

/// The inode in the target of a namespace link (`net:[4026531833]`) or a socket link (`socket:[528]`).
pub(crate) fn bracketed(target: &str, kind: &str) -> Option<u64> {
    target.strip_prefix(kind)?.strip_prefix(":[")?.strip_suffix(']')?.parse().ok()
}

/// The key of a process, if it lives.
pub(crate) fn key(pid: u32) -> Option<ProcessKey> {
    let stat = stat(pid)?;
    Some(ProcessKey { pid, start_ticks: stat.start_ticks })
}

/// /proc/PID/stat.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/stat")).ok()?))
}

/// The network namespace of a process; `None` where the link may not be read.
pub(crate) fn netns(pid: u32) -> Option<Netns> {
    let target = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    u32::try_from(bracketed(target.to_str()?, "net")?).ok().map(Netns)
}

/// The program of a process, as it is named in its own file tree. The note that the file was deleted since is cut.
pub(crate) fn exe(pid: u32) -> Option<String> {
    let target = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let path = target.to_string_lossy();
    Some(path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned())
}

/// The path without links of the program that was run by `path`, if what stands there is still `file`. A process in
/// another file tree (a container) may mean another file by the same path.
pub(crate) fn named(path: &str, file: ProgramFile) -> Option<String> {
    let found = fs::metadata(path).ok().filter(|_| path.starts_with('/'))?;
    let device = (stat::major(found.dev()), stat::minor(found.dev()));
    if (device, found.ino()) != ((file.device.0.into(), file.device.1.into()), file.inode) {
        return None;
    }
    fs::canonicalize(path).ok()?.into_os_string().into_string().ok()
}

/// Command line, at most 64 arguments and 4 KiB, secrets redacted.
fn argv(pid: u32) -> Vec<String> {
    // What is redacted is wiped: room for all of it at once, so that no copy is left where it grew.
    let room = usize::try_from(ARGV_BYTES).unwrap_or(0).saturating_mul(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let Ok(file) = fs::File::open(format!("/proc/{pid}/cmdline")) else { return Vec::new() };
    if file.take(ARGV_BYTES).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let mut words = parse_cmdline(&bytes);
    redact::argv(&mut words);
    words
}

/// Which of `names` stand in the environment of a process (proc_pid_environ(5)), as it was when its program began.
pub(crate) fn env(pid: u32, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    // Values may be secrets: the memory is wiped when this returns.
    let mut bytes = Zeroizing::new(vec![0; ENVIRON_BYTES]);
    let Ok(mut file) = fs::File::open(format!("/proc/{pid}/environ")) else { return Vec::new() };
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) | Err(_) => break,
            Ok(more) => filled += more,
        }
    }
    names_set(bytes.get(..filled).unwrap_or_default(), names)
}

fn names_set(environ: &[u8], names: &[String]) -> Vec<String> {
    let set = |name: &&String| {
        environ
            .split(|byte| *byte == 0)
            .filter_map(|one| one.split(|byte| *byte == b'=').next())
            .any(|found| found == name.as_bytes())
    };
    names.iter().filter(set).cloned().collect()
}

/// A process, and what was read with it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The process.
    pub(crate) process: Process,
    /// Its /proc/PID/stat.
    pub(crate) stat: Stat,
    /// Its path in the cgroup2 hierarchy.
    pub(crate) unified: Option<String>,
}

/// Reads one process, all but its parent. `None` when it ended meanwhile. What may not be read stays unknown: no program, no arguments,
/// network namespace 0 (no namespace has that number).
pub(crate) fn read(pid: u32, cgroup2: Option<&Cgroup2>) -> Option<Found> {
    let found = stat(pid)?;
    let (uid, gid) = parse_status(&String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/status")).ok()?))?;
    let cgroups = fs::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let cgroups = String::from_utf8_lossy(&cgroups);
    let (place, unified) = cgroup::of_process(&cgroups);
    let cgroup = cgroup2.zip(unified).and_then(|(mount, path)| mount.id(path)).unwrap_or(0);
    let process = Process {
        key: ProcessKey { pid, start_ticks: found.start_ticks },
        parent: None,
        exe: exe(pid),
        argv: argv(pid),
        comm: found.comm.clone(),
        uid,
        gid,
        cgroup,
        place,
        netns: netns(pid).unwrap_or_default(),
        env: Vec::new(),
    };
    // Read again: the pid may have gone to another process between the reads.
    (key(pid)? == process.key).then(|| Found { process, stat: found, unified: unified.map(str::to_owned) })
}

/// Every process id there is now; empty where /proc can't be read.
pub(crate) fn all() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Inode number of a file, following links.
pub(crate) fn inode(path: &str) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_may_hold_blanks_and_parentheses() {
        let tail = "S 1 2 3 0 -1 2097152 7 8 9 10 11 12 13 14 20 0 1 0 4711 99 5";
        for name in ["redis-server", "a) S 9 (b", "tmux: server", "", ")("] {
            let stat = parse_stat(&format!("77 ({name}) {tail}")).unwrap();
            assert_eq!((stat.comm.as_str(), stat.parent, stat.start_ticks), (name, 1, 4711));
            assert!(stat.is_kernel_thread());
        }
        assert_eq!(parse_stat("77 (x) S 1 2 3"), None);
    }

    #[test]
    fn real_ids_stand_first() {
        assert_eq!(parse_status("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t100\t0\t0\t0\n"), Some((1000, 100)));
        assert_eq!(parse_status("Name:\tx\n"), None);
    }

    #[test]
    fn command_lines_are_cut() {
        assert_eq!(parse_cmdline(b"a\0\0b c\0"), ["a", "", "b c"]);
        assert_eq!(parse_cmdline(b""), Vec::<String>::new());
        assert_eq!(parse_cmdline(b"postgres: writer"), ["postgres: writer"]);
        assert_eq!(parse_cmdline(&b"x\0".repeat(1000)).len(), ARGV_COUNT);
    }

    #[test]
    fn of_an_environment_names_alone_are_kept() {
        let names = ["AGENT".to_owned(), "TOKEN".to_owned(), "X".to_owned()];
        assert_eq!(names_set(b"PATH=/x\0TOKEN=MARK=1\0AGENT=\0XY=1\0", &names), ["AGENT", "TOKEN"]);
        assert!(names_set(b"", &names).is_empty());
        assert!(env(std::process::id(), &["PATH".to_owned()]).len() <= 1);
    }

    #[test]
    fn this_process_is_read() {
        let found = read(std::process::id(), None).unwrap();
        assert!(!found.stat.is_kernel_thread());
        assert_eq!(found.process.exe.as_deref(), std::env::current_exe().unwrap().to_str());
        assert_eq!(read(u32::MAX, None).map(|found| found.process), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_stat(&text), parse_status(&text), parse_cmdline(&bytes), bracketed(&text, "net"));
        }
    }
}
