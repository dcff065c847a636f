//! The host crate against real sockets of this machine.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test's panic is its report, a skipped one says why, and each looks for one event of many"
)]

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tierzero_core::event::{Event, ListenAddress, Listening, Process, Role, SocketFile, What};
use tierzero_core::id::{EndKey, Netns, ProcessKey};
use tierzero_host::{Host, Poller};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn listening_at(events: &[Event], at: SocketAddr) -> &Listening {
    let mut found = events.iter().filter_map(|event| match &event.what {
        What::Listening(listening)
            if matches!(listening.at, ListenAddress::Tcp { address } | ListenAddress::Udp { address } if address == at) =>
        {
            Some(listening)
        }
        _ => None,
    });
    let one = found.next().unwrap_or_else(|| panic!("nothing listens at {at}"));
    assert!(found.next().is_none(), "told twice: {at}");
    one
}

fn open_from(
    events: &[Event],
    local: SocketAddr,
    remote: SocketAddr,
) -> (EndKey, Option<Role>, Vec<ProcessKey>) {
    let mut found = events.iter().filter_map(|event| match &event.what {
        What::AlreadyOpen { end, role, ends, processes } if (ends.local, ends.remote) == (local, remote) => {
            Some((*end, *role, processes.clone()))
        }
        _ => None,
    });
    let one = found.next().unwrap_or_else(|| panic!("no open connection {local} > {remote}"));
    assert!(found.next().is_none(), "told twice: {local} > {remote}");
    one
}

fn process(events: &[Event], pid: u32) -> &Process {
    events
        .iter()
        .find_map(|event| match &event.what {
            What::ProcessSeen { process } if process.key.pid == pid => Some(process),
            _ => None,
        })
        .unwrap()
}

#[test]
fn loopback_tcp_has_both_ends_their_roles_and_their_process() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(bind).unwrap();
        let at = listener.local_addr().unwrap();
        let caller = TcpStream::connect(at).unwrap();
        let (_receiver, from) = listener.accept().unwrap();
        let mut host = Host::new().unwrap();
        let (events, _) = host.snapshot(now());

        let me = process(&events, std::process::id());
        let listening = listening_at(&events, at);
        assert_eq!((&listening.processes, listening.joined_late), (&vec![me.key], true));
        assert_eq!(listening.netns, me.netns);
        let (near, role, held) = open_from(&events, from, at);
        assert_eq!((role, held), (Some(Role::Originator), vec![me.key]));
        let (far, role, held) = open_from(&events, at, from);
        assert_eq!((role, held), (Some(Role::Responder), vec![me.key]));

        let (EndKey::Tcp { cookie: near }, EndKey::Tcp { cookie: far }) = (near, far) else { panic!() };
        let held = host.holders(&[near, far, u64::MAX]);
        let mut expected = vec![(near, vec![me.key]), (far, vec![me.key])];
        expected.sort_unstable();
        assert_eq!(held, expected);
        drop(caller);
    }
}

#[test]
fn an_ipv4_caller_of_an_ipv6_wildcard_is_given_as_ipv4() {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    let _caller = TcpStream::connect(at).unwrap();
    let (_receiver, from) = listener.accept().unwrap();
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    let (events, _) = Host::new().unwrap().snapshot(now());
    assert_eq!(open_from(&events, from, at).1, Some(Role::Originator));
    assert_eq!(open_from(&events, at, from).1, Some(Role::Responder));
}

#[test]
fn a_connection_that_waits_for_accept_has_a_role_and_no_process() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let caller = TcpStream::connect(at).unwrap();
    let (events, _) = Host::new().unwrap().snapshot(now());
    let (_, role, held) = open_from(&events, at, caller.local_addr().unwrap());
    assert_eq!((role, held), (Some(Role::Responder), Vec::new()));
}

#[test]
fn udp_is_told_bound_and_connected() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.connect(at).unwrap();
    let (events, _) = Host::new().unwrap().snapshot(now());
    let key = process(&events, std::process::id()).key;
    assert_eq!(listening_at(&events, at).processes, [key]);
    let (end, role, held) = open_from(&events, caller.local_addr().unwrap(), at);
    assert!(matches!(end, EndKey::Udp { peer, .. } if peer == at));
    assert_eq!((role, held), (Some(Role::Originator), vec![key]));
}

#[test]
fn unix_streams_have_path_file_mode_and_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a socket");
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    let _caller = UnixStream::connect(&path).unwrap();
    let _receiver = listener.accept().unwrap();
    let _pair = UnixStream::pair().unwrap();
    let mut host = Host::new().unwrap();
    let (events, _) = host.snapshot(now());
    let me = process(&events, std::process::id()).clone();
    let name = path.to_str().unwrap();
    let expected = SocketFile { mode: 0o620, uid: me.uid, gid: me.gid };

    let found: Vec<&Listening> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Listening(listening) => Some(listening),
            _ => None,
        })
        .filter(|listening| matches!(&listening.at, ListenAddress::Unix { path, .. } if path == name))
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].processes, [me.key]);
    assert!(matches!(&found[0].at, ListenAddress::Unix { file, .. } if *file == Some(expected)));

    let open: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::UnixAlreadyOpen { end, peer, callers, receivers, path, file, .. } if path == name => {
                Some((*end, *peer, callers.clone(), receivers.clone(), *file))
            }
            _ => None,
        })
        .collect();
    assert_eq!(open.len(), 1);
    assert_ne!(open[0].0, open[0].1);
    assert_eq!((&open[0].2, &open[0].3, open[0].4), (&vec![me.key], &vec![me.key], Some(expected)));

    // The same file, for a live event.
    let end = EndKey::Unix { socket: 1 };
    let (process, netns) = (me.key, me.netns);
    let mut event = Event {
        at: now(),
        what: What::UnixConnected {
            end,
            peer: None,
            process,
            path: name.to_owned(),
            netns,
            listener_pid: None,
            file: None,
        },
    };
    let mut before = Vec::new();
    host.enrich(&mut event, &mut before);
    assert!(matches!(event.what, What::UnixConnected { file, .. } if file == Some(expected)));
    assert!(before.is_empty(), "{before:?}");
}

#[test]
fn a_process_that_was_not_told_is_told_before_its_first_event() {
    let mut host = Host::new().unwrap();
    let (events, _) = host.snapshot(now());
    let me = process(&events, std::process::id()).clone();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let (later, _) = Host::new().unwrap().snapshot(now());
    let key = process(&later, child.id()).key;

    let ended = |process| Event {
        at: now(),
        what: What::Released {
            end: EndKey::Tcp { cookie: 1 },
            process,
            bytes_sent: None,
            bytes_received: None,
        },
    };
    let mut before = Vec::new();
    host.enrich(&mut ended(Some(key)), &mut before);
    let told = process(&before, child.id());
    assert_eq!((told.parent, told.comm.as_str(), told.netns), (Some(me.key), "sleep", me.netns));
    assert!(told.exe.as_ref().unwrap().starts_with('/'));
    before.clear();
    host.enrich(&mut ended(Some(key)), &mut before);
    // A reused pid is not the same process.
    host.enrich(&mut ended(Some(ProcessKey { start_ticks: key.start_ticks + 1, ..key })), &mut before);
    assert!(before.is_empty());

    let mut executed = Event {
        at: now(),
        what: What::Executed {
            process: Process {
                exe: Some("./sleep".to_owned()),
                place: None,
                ..told_again(&later, child.id())
            },
        },
    };
    host.enrich(&mut executed, &mut before);
    assert!(
        matches!(&executed.what, What::Executed { process } if process.exe == process_exe(&later, child.id()))
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

fn told_again(events: &[Event], pid: u32) -> Process {
    process(events, pid).clone()
}

fn process_exe(events: &[Event], pid: u32) -> Option<String> {
    process(events, pid).exe.clone()
}

#[test]
fn polling_tells_what_came_and_what_went() {
    let mut poller = Poller::new(Host::new().unwrap());
    poller.poll(now(), &mut Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let caller = TcpStream::connect(at).unwrap();
    let accepted = listener.accept().unwrap();
    let from = caller.local_addr().unwrap();

    let mut out = Vec::new();
    poller.poll(now(), &mut out);
    let socket = listening_at(&out, at).socket;
    assert!(!listening_at(&out, at).joined_late);
    let near = out.iter().find_map(|event| match &event.what {
        What::Connecting { end, ends, process: Some(process) } if (ends.local, ends.remote) == (from, at) => {
            assert_eq!(process.pid, std::process::id());
            Some(*end)
        }
        _ => None,
    });
    let far = out.iter().find_map(|event| match &event.what {
        What::Accepted { end, process, ends: Some(ends) } if (ends.local, ends.remote) == (at, from) => {
            assert_eq!(process.pid, std::process::id());
            Some(*end)
        }
        _ => None,
    });
    let ends = [near.unwrap(), far.unwrap()];

    out.clear();
    poller.poll(now(), &mut out);
    assert!(!out.iter().any(|event| matches!(&event.what, What::Listening(one) if one.socket == socket)));

    drop((caller, accepted, listener));
    out.clear();
    poller.poll(now(), &mut out);
    for gone in ends {
        assert!(out.iter().any(|event| matches!(event.what, What::Released { end, .. } if end == gone)));
    }
    assert!(
        out.iter()
            .any(|event| matches!(event.what, What::ListenerClosed { socket: closed } if closed == socket))
    );
}

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
    let mut live =
        Event { at: now(), what: What::Executed { process: Process { place: None, ..told.clone() } } };
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
    let (events, _) = host.snapshot(now());
    assert!(
        !events.iter().any(|event| matches!(&event.what, What::NetnsSeen { netns, .. } if *netns == number))
    );
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
