//! Cgroups, network namespaces and translated addresses.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tierzero_core::event::{Event, ListenAddress, Process, Role, What};
use tierzero_core::id::Netns;
use tierzero_host::Host;

use super::{now, open_from, process};

/// A cgroup of this test alone; it goes with the value.
struct Unit(std::path::PathBuf);

impl Unit {
    /// `None`, with the reason printed, where this machine does not allow one.
    fn make(name: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let line = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let made =
            line.and_then(|line| line.split(' ').nth(4)).map(|root| std::path::Path::new(root).join(name));
        let made = made.filter(|folder| fs::create_dir(folder).is_ok());
        if made.is_none() {
            println!("skipped: a cgroup can't be made here (needs root and cgroup2)");
        }
        made.map(Self)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cgroup_says_who_runs_in_it_by_the_id_that_the_kernel_uses() {
    let name = format!("tierzero-test-{}.service", std::process::id());
    let Some(unit) = Unit::make(&name) else { return };
    let mut host = Host::new().unwrap();
    host.snapshot(now());
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let moved = fs::write(unit.0.join("cgroup.procs"), child.id().to_string());
    let id = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&unit.0).unwrap());
    let (events, _) = Host::new().unwrap().snapshot(now());

    // As the kernel tells it live: the id, and nothing that says what it is.
    let told = process(&events, child.id()).clone();
    let mut live = Event {
        at: now(),
        what: What::Executed { process: Process { place: None, ..told.clone() }, file: None },
    };
    let mut before = Vec::new();
    host.enrich(&mut live, &mut before);
    child.kill().unwrap();
    child.wait().unwrap();
    moved.unwrap();

    assert_eq!(told.cgroup, id);
    assert_eq!(told.place.unwrap().unit.as_ref(), Some(&name));
    let named = |events: &[Event]| {
        events.iter().any(|event| {
            matches!(&event.what, What::CgroupNamed { cgroup, place } if *cgroup == id && place.unit.as_ref() == Some(&name))
        })
    };
    assert!(named(&events) && named(&before), "{before:?}");
}

/// A named network namespace of this test alone, and the programs in it. All of it ends with the value.
struct Room {
    name: String,
    inside: Vec<Child>,
}

impl Room {
    /// `None`, with the reason printed, where this machine does not allow one.
    fn open(tag: &str) -> Option<Self> {
        let name = format!("tierzero-test-{tag}-{}", std::process::id());
        if !Command::new("ip")
            .args(["netns", "add", &name])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
        {
            println!("skipped: a network namespace can't be made here (needs root and iproute2)");
            return None;
        }
        let room = Self { name, inside: Vec::new() };
        assert!(room.run("ip", &["link", "set", "lo", "up"]));
        Some(room)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).args(arguments);
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        self.command(program, arguments).status().is_ok_and(|status| status.success())
    }

    fn start(&mut self, program: &str, arguments: &[&str]) -> u32 {
        let child =
            self.command(program, arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        self.inside.push(child);
        pid
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for child in &mut self.inside {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// Asks until the answer is there; programs need a moment to start.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no answer in 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn another_network_namespace_is_read_by_its_name_and_left_alone() {
    if !has("socat") {
        return;
    }
    let Some(mut room) = Room::open("read") else { return };
    assert!(room.run("ip", &["address", "add", "10.99.7.1/32", "dev", "lo"]));
    let server = room.start("socat", &["TCP-LISTEN:4711,reuseaddr,fork", "PIPE"]);
    let mut host = Host::new().unwrap();
    let at: SocketAddr = "0.0.0.0:4711".parse().unwrap();
    let netns = until(|| {
        let (events, _) = host.snapshot(now());
        events.iter().find_map(|event| match &event.what {
            What::Listening(one) if one.at == (ListenAddress::Tcp { address: at }) => Some(one.netns),
            _ => None,
        })
    });
    let caller = room.start("socat", &["-", "TCP:10.99.7.1:4711,bind=10.99.7.1:5000"]);
    let (near, far): (SocketAddr, SocketAddr) =
        ("10.99.7.1:5000".parse().unwrap(), "10.99.7.1:4711".parse().unwrap());
    let events = until(|| {
        let (events, _) = host.snapshot(now());
        let open =
            |event: &Event| matches!(&event.what, What::AlreadyOpen { ends, .. } if ends.local == near);
        events.iter().any(open).then_some(events)
    });
    let (_, role, held) = open_from(&events, near, far);
    assert_eq!((role, held), (Some(Role::Originator), vec![process(&events, caller).key]));
    assert_eq!(open_from(&events, far, near).1, Some(Role::Responder));
    assert_eq!(process(&events, server).netns, netns);
    let name = Some(room.name.clone());
    let told = events.iter().find_map(|event| match &event.what {
        What::NetnsSeen { netns: number, name, addresses } if *number == netns => Some((name, addresses)),
        _ => None,
    });
    let (told_name, addresses) = told.unwrap();
    assert_eq!(told_name, &name);
    assert!(addresses.contains(&near.ip()));
    assert!(host.local_addresses().contains(&near.ip()));

    // This thread never moved, and nothing of ours keeps the namespace.
    let own: Netns = process(&events, std::process::id()).netns;
    assert_ne!(own, netns);
    host.translations(now(), &mut Vec::new());
    let number = netns;
    drop(room);
    // What it ran may take a moment to end.
    until(|| {
        let (events, _) = host.snapshot(now());
        let there = |event: &Event| matches!(&event.what, What::NetnsSeen { netns, .. } if *netns == number);
        (!events.iter().any(there)).then_some(())
    });
}

#[test]
fn a_redirected_connection_is_told_with_both_its_addresses() {
    if !has("socat") || !has("nft") {
        return;
    }
    let Some(mut room) = Room::open("nat") else { return };
    let mut nft = room.command("nft", &["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let rules =
        "table ip t { chain c { type nat hook output priority -100; tcp dport 80 redirect to :8080; }; }\n";
    nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    if !nft.wait().unwrap().success() {
        println!("skipped: this kernel has no nftables nat");
        return;
    }
    room.start("socat", &["TCP-LISTEN:8080,reuseaddr,fork", "PIPE"]);
    let mut host = Host::new().unwrap();
    host.snapshot(now());
    let asked: (SocketAddr, SocketAddr) =
        ("127.0.0.1:5001".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
    let find = |events: &[Event], asked: (SocketAddr, SocketAddr)| {
        events.iter().find_map(|event| match &event.what {
            What::Translated { protocol: 6, original, reply, .. } if *original == asked => Some(*reply),
            _ => None,
        })
    };
    let mut events = Vec::new();
    // Open before the first call: it comes from the table.
    until(|| room.run("sh", &["-c", "echo | socat -t0.1 - TCP:127.0.0.1:8080"]).then_some(()));
    room.start("socat", &["-", "TCP:127.0.0.1:80,bind=127.0.0.1:5001"]);
    let reply = until(|| {
        // A new Host each time: its first call reads the table.
        let mut host = Host::new().unwrap();
        host.translations(now(), &mut events);
        find(&events, asked)
    });
    assert_eq!(reply, ("127.0.0.1:8080".parse().unwrap(), asked.0));

    // Opened after the first call: the kernel tells it.
    events.clear();
    host.translations(now(), &mut events);
    let later = ("127.0.0.1:5002".parse().unwrap(), asked.1);
    assert_eq!(find(&events, later), None);
    room.start("socat", &["-", "TCP:127.0.0.1:80,bind=127.0.0.1:5002"]);
    let reply = until(|| {
        host.translations(now(), &mut events);
        find(&events, later)
    });
    assert_eq!(reply.0, "127.0.0.1:8080".parse().unwrap());
    // What was not translated is not told.
    let told =
        |event: &Event| matches!(&event.what, What::Translated { original, .. } if original.1.port() == 8080);
    assert!(!events.iter().any(told));
}
