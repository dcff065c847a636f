//! Network namespaces of this host, and how to look into one without moving there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use tierzero_core::id::Netns;

use crate::process;
use crate::socket::{Gap, Tables};
use crate::{diag, text};

/// Where `ip netns` keeps its names (ip-netns(8)).
const NAMES: &str = "/run/netns";

/// Doors kept of one namespace: processes end while others in it live on.
const DOORS: usize = 4;

/// A network namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Namespace {
    /// Its inode number.
    pub(crate) netns: Netns,
    /// Name from /run/netns, or `host`.
    pub(crate) name: Option<String>,
    /// Files that stand for it: its name first, then processes that live in it.
    pub(crate) doors: Vec<PathBuf>,
    /// A process that lives in it, if any.
    pub(crate) pid: Option<u32>,
}

/// What was read inside a network namespace.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Addresses assigned in it, in order.
    pub(crate) addresses: Vec<IpAddr>,
    /// Ports that the kernel gives to callers that ask for none (ip_local_port_range).
    pub(crate) ephemeral: (u16, u16),
    /// Its sockets.
    pub(crate) tables: Tables,
}

/// All namespaces in which a process lives or that have a name, in order of their number.
/// `homes` says which process lives where.
pub(crate) fn find(homes: impl Iterator<Item = (Netns, u32)>) -> Vec<Namespace> {
    let names = names();
    let host = host();
    let mut found: BTreeMap<Netns, Namespace> = BTreeMap::new();
    for (&netns, named) in &names {
        // The file in /run/netns outlives every process, so it is the better door.
        let doors = vec![PathBuf::from(NAMES).join(named)];
        found.insert(netns, Namespace { netns, name: name(netns, host, &names), doors, pid: None });
    }
    for (netns, pid) in homes.filter(|(netns, _)| *netns != Netns::default()) {
        let entry = found.entry(netns).or_insert_with(|| Namespace {
            netns,
            name: name(netns, host, &names),
            doors: Vec::new(),
            pid: None,
        });
        entry.pid.get_or_insert(pid);
        if entry.doors.len() < DOORS {
            entry.doors.push(door(pid));
        }
    }
    found.into_values().collect()
}

/// The file that stands for the namespace of a process.
pub(crate) fn door(pid: u32) -> PathBuf {
    format!("/proc/{pid}/ns/net").into()
}

/// The name of one namespace.
pub(crate) fn name(netns: Netns, host: Option<Netns>, names: &BTreeMap<Netns, String>) -> Option<String> {
    if host == Some(netns) { Some("host".to_owned()) } else { names.get(&netns).cloned() }
}

/// Names in /run/netns.
pub(crate) fn names() -> BTreeMap<Netns, String> {
    let Ok(entries) = fs::read_dir(NAMES) else { return BTreeMap::new() };
    // A name whose namespace is not mounted on it is an empty file of another file system: nsfs inodes are u32
    // from 0xf0000000 up (`PROC_DYNAMIC_FIRST`, linux/proc_ns.h) on every kernel this runs on.
    entries
        .flatten()
        .filter_map(|entry| {
            let number = u32::try_from(entry.path().metadata().ok()?.ino()).ok()?;
            let on_nsfs = entry.path().metadata().ok()?.dev() == nsfs_device()?;
            on_nsfs.then(|| (Netns(number), entry.file_name().to_string_lossy().into_owned()))
        })
        .collect()
}

/// The device of nsfs.
fn nsfs_device() -> Option<u64> {
    fs::metadata("/proc/self/ns/net").ok().map(|file| file.dev())
}

/// The namespace of pid 1. Where that link may not be read, that of kthreadd (pid 2, a kernel thread), which
/// lives in the first namespace of the boot.
pub(crate) fn host() -> Option<Netns> {
    process::netns(1).or_else(|| {
        let kthreadd = process::stat(2)?;
        kthreadd.is_kernel_thread().then(|| process::netns(2)).flatten()
    })
}

/// The namespace of this program.
pub(crate) fn own() -> Option<Netns> {
    process::netns(std::process::id())
}

impl Namespace {
    /// Runs `work` inside this namespace: on a thread of its own that ends afterwards, so that no other thread
    /// moves and nothing keeps the namespace alive. In this program's own namespace no thread is needed.
    ///
    /// # Errors
    /// The namespace ended (`ENOENT`, or another took its number), or may not be entered (`EPERM`).
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        if own() == Some(self.netns) {
            return Ok(work());
        }
        let door = self.open()?;
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("netns".to_owned()).stack_size(256 * 1024);
            let thread = thread.spawn_scoped(scope, || {
                setns(&door, CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            })?;
            thread.join().unwrap_or_else(|_| Err(io::Error::other("thread ended early")))
        })
    }

    /// Opens the first door that still leads to this namespace.
    fn open(&self) -> io::Result<File> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for door in &self.doors {
            match File::open(door).and_then(|file| Ok((file.metadata()?.ino(), file))) {
                Ok((number, file)) if number == u64::from(self.netns.0) => return Ok(file),
                // The process went elsewhere, or its number to another.
                Ok(_) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Reads addresses and sockets. Where the namespace can't be entered, its sockets come from /proc.
    ///
    /// # Errors
    /// The namespace could not be entered and no process in it could be asked either.
    pub(crate) fn view(&self) -> io::Result<View> {
        let pid = self.pid;
        match self.inside(move || View {
            addresses: addresses(),
            ephemeral: ephemeral(),
            tables: tables(pid),
        }) {
            Ok(view) => Ok(view),
            Err(error) => {
                let pid = pid.ok_or(error)?;
                Ok(View { tables: text_tables(pid, "namespace may not be entered"), ..View::default() })
            }
        }
    }
}

/// Addresses assigned in the namespace of the calling thread.
pub(crate) fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return Vec::new() };
    let found: BTreeSet<IpAddr> = interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        })
        .collect();
    found.into_iter().collect()
}

/// ip_local_port_range of the namespace of the calling thread; the kernel's default where it can't be read.
fn ephemeral() -> (u16, u16) {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(low)), Some(Ok(high))) => (low, high),
        _ => (32768, 60999),
    }
}

/// Sockets of the namespace of the calling thread, by sock_diag where it works; `pid` lives in that namespace.
fn tables(pid: Option<u32>) -> Tables {
    let socket = match diag::connect() {
        Ok(socket) => socket,
        Err(error) => return pid.map_or_else(Tables::default, |pid| text_tables(pid, &error.to_string())),
    };
    let mut tables = Tables::default();
    match (diag::tcp(&socket), diag::udp(&socket)) {
        (Ok(tcp), Ok(udp)) => (tables.tcp, tables.udp) = (tcp, udp),
        (Err(error), _) | (_, Err(error)) => {
            let because = error.to_string();
            if let Some(pid) = pid {
                let text = text_tables(pid, &because);
                (tables.tcp, tables.udp) = (text.tcp, text.udp);
            }
            tables.gaps.push(Gap::InetDiag(because));
        }
    }
    match diag::unix(&socket) {
        Ok(unix) => tables.unix = unix,
        Err(error) => {
            let because = error.to_string();
            if let Some(pid) = pid {
                tables.unix = text_tables(pid, &because).unix;
            }
            tables.gaps.push(Gap::UnixDiag(because));
        }
    }
    tables
}

/// Sockets of the namespace of process `pid` from /proc text.
pub(crate) fn text_tables(pid: u32, because: &str) -> Tables {
    let mut tables = Tables {
        gaps: vec![Gap::InetDiag(because.to_owned()), Gap::UnixDiag(because.to_owned())],
        ..Tables::default()
    };
    let mut read = |name: &'static str| match fs::read(format!("/proc/{pid}/net/{name}")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            // No IPv6 in the kernel is no gap.
            if error.kind() != io::ErrorKind::NotFound {
                tables.gaps.push(Gap::Table(name, error.to_string()));
            }
            String::new()
        }
    };
    let tcp = [read("tcp"), read("tcp6")];
    let udp = [read("udp"), read("udp6")];
    let unix = read("unix");
    tables.tcp = tcp.iter().flat_map(|text| text::inet(text)).collect();
    // Closing TCP sockets have state 7 too; only UDP sockets mean "bound" by it.
    tables.tcp.retain(|socket| socket.state != crate::socket::State::Unconnected);
    tables.udp = udp.iter().flat_map(|text| text::inet(text)).collect();
    tables.unix = text::unix(&unix);
    tables
}
