//! What a process belongs to: the id and the name under which it appears in the graph.

use std::net::IpAddr;

use jiff::Timestamp;

use super::namespaces::Namespaces;
use super::processes::Image;
use crate::event::CgroupPlace;
use crate::graph::{AgentStatus, Workload};
use crate::id::{HostId, Netns, WorkloadId};

/// Programs that run a script named on their command line. Versions after the name are cut off first.
const INTERPRETERS: &[&str] = &[
    "python", "pypy", "perl", "ruby", "node", "nodejs", "deno", "bun", "php", "lua", "luajit", "tclsh",
    "Rscript", "bash", "sh", "dash", "ash", "zsh", "ksh", "fish",
];

/// Options after which an interpreter takes its program from the command line or standard input: there is no script.
const INLINE: &[&str] = &["-c", "-e", "-", "--eval", "-p", "--print", "-s"];

/// Options of interpreters that take a value as the next word.
const WITH_VALUE: &[&str] = &["-W", "-X", "-r", "--require", "-o", "--import", "-C"];

/// The last component of a path.
fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The script that an interpreter runs, as given on its command line; `-m` modules count as scripts.
#[must_use]
pub fn script(image: &Image) -> Option<&str> {
    let program = basename(image.exe.as_deref()?).trim_end_matches(" (deleted)");
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if !INTERPRETERS.contains(&plain) {
        return None;
    }
    let mut words = image.argv.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        if word == "-m" {
            return words.next().filter(|it| !it.is_empty());
        }
        // A shell's -e stops at errors, and its -c may hide among other letters: -ec.
        let inline = if plain.ends_with("sh") {
            word == "-" || word.starts_with('-') && !word.starts_with("--") && word.contains(['c', 's'])
        } else {
            INLINE.contains(&word) || word.starts_with("-c")
        };
        if inline {
            return None;
        }
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            return Some(word).filter(|it| !it.is_empty());
        }
    }
    None
}

/// The name under which a program with several names was started (`redis-server` is a link to `redis-check-rdb` on
/// Debian, busybox is a hundred programs): the first word of argv, where the kernel's own short name agrees with it.
fn applet(image: &Image) -> Option<&str> {
    let word = image.argv.first()?.split_ascii_whitespace().next()?;
    let name = basename(word);
    // task_struct::comm holds 15 bytes of the name that was executed (TASK_COMM_LEN).
    let short = name.get(..15).unwrap_or(name);
    let other = image.exe.as_deref().is_some_and(|exe| basename(exe) != name);
    (other && !name.is_empty() && short == image.comm).then_some(name)
}

/// What a local workload is made from.
#[derive(Debug)]
pub struct Local<'a> {
    /// Host.
    pub host: &'a HostId,
    /// Program.
    pub image: &'a Image,
    /// What its cgroup says.
    pub place: Option<&'a CgroupPlace>,
    /// Real user id.
    pub uid: u32,
    /// Network namespace.
    pub netns: Netns,
}

/// The workload of a process on this host: its container, else its service unit, else its program (and script) with
/// its user in its network namespace.
#[must_use]
pub fn local(of: &Local<'_>, namespaces: &Namespaces, at: Timestamp) -> Workload {
    let Local { host, image, place, uid, netns } = of;
    let label = namespaces.label(*netns);
    let container = place.and_then(|it| it.container.as_deref());
    // user@UID.service holds whole sessions: it is no more a workload than a scope is.
    let unit = place.and_then(|it| it.unit.as_deref()).filter(|it| !it.starts_with("user@"));
    let script = script(image);
    let exe = image.exe.as_deref();
    let (id, name) = if let Some(container) = container {
        let short = container.get(..12).unwrap_or(container);
        (WorkloadId::derive(&[host.as_str(), "container", container]), short.to_owned())
    } else if let Some(unit) = unit {
        (WorkloadId::derive(&[host.as_str(), "unit", unit]), unit.to_owned())
    } else {
        let program = exe.unwrap_or(&image.comm);
        let kind = if exe.is_some() { "exe" } else { "comm" };
        let user = uid.to_string();
        let which = script.or_else(|| applet(image));
        let parts = [host.as_str(), kind, program, which.unwrap_or_default(), &label, &user];
        let name = basename(which.unwrap_or(program)).trim_end_matches(" (deleted)");
        (WorkloadId::derive(&parts), name.to_owned())
    };
    Workload {
        id,
        host: Some((*host).clone()),
        name,
        exe: exe.map(str::to_owned),
        argv: image.argv.clone(),
        unit: unit.map(str::to_owned),
        container: container.map(str::to_owned),
        pod: place.and_then(|it| it.pod.clone()),
        uid: Some(*uid),
        netns: Some(*netns),
        netns_name: namespaces.name(*netns).map(str::to_owned),
        agent: AgentStatus::No,
        agent_reasons: Vec::new(),
        agent_root: None,
        first: at,
        last: at,
    }
}

/// Who is at a local end whose process was not seen: one such workload a namespace.
#[must_use]
pub fn unattributed(host: &HostId, netns: Netns, namespaces: &Namespaces, at: Timestamp) -> Workload {
    Workload {
        id: WorkloadId::derive(&[host.as_str(), "unattributed", &namespaces.label(netns)]),
        host: Some(host.clone()),
        name: "unknown process".to_owned(),
        netns: Some(netns),
        netns_name: namespaces.name(netns).map(str::to_owned),
        ..nobody(at)
    }
}

/// A peer on another host: its address is all that is known of it.
#[must_use]
pub fn remote(address: IpAddr, at: Timestamp) -> Workload {
    let address = address.to_canonical().to_string();
    Workload { id: WorkloadId::derive(&["remote", &address]), name: address, ..nobody(at) }
}

fn nobody(at: Timestamp) -> Workload {
    Workload {
        id: WorkloadId::derive(&[]),
        host: None,
        name: String::new(),
        exe: None,
        argv: Vec::new(),
        unit: None,
        container: None,
        pod: None,
        uid: None,
        netns: None,
        netns_name: None,
        agent: AgentStatus::No,
        agent_reasons: Vec::new(),
        agent_root: None,
        first: at,
        last: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(exe: &str, argv: &[&str]) -> Image {
        Image {
            exe: Some(exe.to_owned()),
            argv: argv.iter().map(|it| (*it).to_owned()).collect(),
            comm: "c".to_owned(),
        }
    }

    fn of(image: &Image, place: Option<&CgroupPlace>, uid: u32, netns: u32) -> Workload {
        let mut namespaces = Namespaces::new(8);
        namespaces.seen(Netns(1), Some("host".into()), vec![]);
        let host = HostId::derive(&["a"]);
        let local_ = Local { host: &host, image, place, uid, netns: Netns(netns) };
        local(&local_, &namespaces, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn scripts_are_found_behind_their_interpreter() {
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            ("/usr/bin/python3.11", &["python3", "-u", "/lab/agent.py", "--fast"], Some("/lab/agent.py")),
            ("/usr/bin/python3.11", &["python3", "-W", "error", "x.py"], Some("x.py")),
            ("/usr/bin/python3", &["python3", "-m", "http.server", "80"], Some("http.server")),
            ("/usr/bin/python3", &["python3", "-c", "import x"], None),
            ("/usr/bin/dash", &["sh", "run.sh"], Some("run.sh")),
            ("/usr/bin/bash", &["bash", "-eu", "-o", "pipefail", "run.sh"], Some("run.sh")),
            ("/usr/bin/bash", &["bash", "-ec", "true"], None),
            ("/usr/bin/bash", &["bash"], None),
            ("/usr/bin/node", &["node", "--inspect", "srv.js"], Some("srv.js")),
            ("/usr/bin/redis-cli", &["redis-cli", "GET", "k"], None),
        ];
        for (exe, argv, expect) in cases {
            assert_eq!(script(&image(exe, argv)), *expect, "{argv:?}");
        }
    }

    #[test]
    fn a_program_of_several_names_goes_by_the_one_it_was_started_under() {
        let named = |exe: &str, argv: &str, comm: &str| {
            let image = Image { comm: comm.to_owned(), ..image(exe, &[argv]) };
            of(&image, None, 5, 1).name
        };
        assert_eq!(named("/usr/bin/redis-check-rdb", "redis-server *:6379", "redis-server"), "redis-server");
        assert_eq!(named("/bin/busybox", "/bin/nc", "nc"), "nc");
        assert_eq!(
            named("/usr/bin/x", "a-very-long-program-name", "a-very-long-pro"),
            "a-very-long-program-name"
        );
        assert_eq!(named("/usr/bin/bash", "-bash", "bash"), "bash");
        assert_eq!(named("/usr/bin/postgres", "postgres: writer", "postgres"), "postgres");
        assert_eq!(named("/usr/bin/x", "anything it likes", "x"), "x");
    }

    #[test]
    fn what_makes_workloads_different_and_what_does_not() {
        let a = image("/usr/bin/python3", &["python3", "a.py", "1"]);
        let base = of(&a, None, 5, 1);
        assert_eq!(base.name, "a.py");
        assert_eq!(base.id, of(&image("/usr/bin/python3", &["python3", "a.py", "2"]), None, 5, 1).id);
        assert_ne!(base.id, of(&image("/usr/bin/python3", &["python3", "b.py"]), None, 5, 1).id);
        assert_ne!(base.id, of(&a, None, 6, 1).id);
        assert_ne!(base.id, of(&a, None, 5, 2).id);
        let unit = CgroupPlace { unit: Some("redis-server.service".into()), ..CgroupPlace::default() };
        let redis = of(&a, Some(&unit), 5, 1);
        assert_eq!(
            (redis.name.as_str(), redis.id == of(&a, Some(&unit), 9, 2).id),
            ("redis-server.service", true)
        );
        let session = CgroupPlace { unit: Some("user@1000.service".into()), ..CgroupPlace::default() };
        assert_eq!(of(&a, Some(&session), 5, 1).id, base.id);
    }
}
