//! Real sockets, in a snapshot and by polling.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use tierzero_core::event::{Event, ListenAddress, Listening, Role, SocketFile, What};
use tierzero_core::id::EndKey;
use tierzero_host::{Host, Poller};

use super::{listening_at, now, open_from, process};

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
