//! One event of each kind.

use std::net::SocketAddr;

use bytes::Bytes;
use jiff::Timestamp;
use tierzero_core::event::{
    Addresses, AgentSign, CgroupPlace, ConnectFailure, Count, Coverage, Degradation, Event, HostDescription,
    ListenAddress, Listening, McpEra, Payload, PeerCredentialCall, Process, ProgramFile, Role, SocketFile,
    What,
};
use tierzero_core::evidence::observation::RuleRef;
use tierzero_core::evidence::{
    Credential, CredentialKind, Hidden, Observation, Operation, Principal, PrincipalKind, Proof, Protocol,
    Refusal, Scope, Shown,
};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::id::{EndKey, HostId, Netns, ProcessKey};

pub(crate) fn at(nanosecond: i32) -> Timestamp {
    Timestamp::new(1_790_000_000, nanosecond).unwrap()
}

const END: EndKey = EndKey::Tcp { cookie: u64::MAX };
const PROCESS: ProcessKey = ProcessKey { pid: 4711, start_ticks: u64::MAX };

fn v6() -> SocketAddr {
    "[2001:db8::1]:5432".parse().unwrap()
}

fn ends() -> Addresses {
    Addresses { local: v6(), remote: "192.0.2.1:4711".parse().unwrap(), netns: Netns(u32::MAX) }
}

fn process() -> Process {
    Process {
        key: PROCESS,
        parent: Some(ProcessKey { pid: 1, start_ticks: 3 }),
        exe: Some("/usr/bin/\u{1b}[31mred\n\u{fffd}".to_owned()),
        argv: vec![String::new(), "a b".to_owned()],
        comm: "sh".to_owned(),
        uid: 0,
        gid: u32::MAX,
        cgroup: u64::MAX,
        place: Some(CgroupPlace { path: "/system.slice".to_owned(), ..CgroupPlace::default() }),
        netns: Netns(1),
        env: vec!["AGENT".to_owned()],
    }
}

pub(crate) fn payload() -> What {
    What::Payload(Payload {
        end: END,
        ends: None,
        sent: true,
        offset: 0,
        length: 6,
        bytes: Bytes::from_static(b"marker"),
    })
}

/// Each shape of observation, under the first rule that is known.
fn observations() -> Vec<Observation> {
    let Some(rule) = tierzero_core::evidence::rules().next().map(RuleRef) else { return Vec::new() };
    let shown = [
        Shown::Speaks { protocol: Protocol::Postgresql },
        Shown::Demands { proof: Proof::Key },
        Shown::Offers {
            proof: Proof::Token,
            scope: Scope::Request,
            principal: Some(Principal { kind: PrincipalKind::JwtSubject, name: "iss|sub".to_owned() }),
            credential: Some(Credential {
                fingerprint: Some(Fingerprinter::new([1; 32]).of("jwt", b"x")),
                lifetime_s: Some(u64::MAX),
                cleartext: true,
                ..Credential::of(CredentialKind::Jwt)
            }),
        },
        Shown::Declines,
        Shown::Unverified,
        Shown::Accepts,
        Shown::Admits { expected: true },
        Shown::Keeps { session: Fingerprinter::new([1; 32]).of("tls-ticket", b"x"), lifetime_s: 300 },
        Shown::Resumes { sessions: vec![Fingerprinter::new([1; 32]).of("tls-ticket", b"x")] },
        Shown::Serves { operation: Operation::Public },
        Shown::Refuses { why: Refusal::ProofWrong },
        Shown::Ignores,
        Shown::Hidden { why: Hidden::Tls13 },
        Shown::KernelVouches { uid: 0, receiver_looked: true },
    ];
    shown.into_iter().map(|shown| Observation { rule, shown }).collect()
}

pub(crate) fn everything() -> Vec<Event> {
    let udp = EndKey::Udp { cookie: 7, peer: v6() };
    let unix = EndKey::Unix { socket: 9 };
    let file = Some(SocketFile { mode: 0o660, uid: 0, gid: 5 });
    let listening =
        |at| Listening { socket: END, at, netns: Netns(2), processes: vec![PROCESS], joined_late: true };
    let whats = [
        What::Host(HostDescription {
            id: HostId::derive(&["x"]),
            name: "h".to_owned(),
            kernel: "6.18".to_owned(),
            boot_id: "b".to_owned(),
        }),
        What::Started,
        What::Coverage(Coverage::Lost { place: "ring".to_owned(), count: u64::MAX }),
        What::Coverage(Coverage::Blind { from: at(1), to: at(2), reason: "r".to_owned() }),
        What::Coverage(Coverage::Degraded(Degradation {
            name: "no-ebpf".to_owned(),
            loses: "all".to_owned(),
            because: String::new(),
            remedy: String::new(),
        })),
        What::Forked { process: process() },
        What::Executed { process: process(), file: Some(ProgramFile { device: (254, 0), inode: 9 }) },
        What::ProcessSeen { process: process() },
        What::CgroupNamed { cgroup: u64::MAX, place: CgroupPlace::default() },
        What::NetnsSeen { netns: Netns(3), name: Some("host".to_owned()), addresses: vec![v6().ip()] },
        What::Listening(listening(ListenAddress::Tcp { address: v6() })),
        What::Listening(listening(ListenAddress::Udp { address: v6() })),
        What::Listening(listening(ListenAddress::Unix { path: "@\u{0}".to_owned(), file })),
        What::ListenerClosed { socket: END },
        What::Connecting { end: END, ends: ends(), process: None },
        What::Established { end: END, role: Role::Responder, ends: ends() },
        What::ConnectFailed { end: END, why: ConnectFailure::Other(-1) },
        What::ConnectFailed { end: END, why: ConnectFailure::TimedOut },
        What::Accepted { end: END, process: PROCESS, ends: Some(ends()) },
        What::Released { end: udp, process: None, bytes_sent: Some(u64::MAX), bytes_received: None },
        What::AlreadyOpen { end: END, role: None, ends: ends(), processes: vec![PROCESS, PROCESS] },
        What::Datagrams {
            end: udp,
            ends: ends(),
            originator: true,
            process: Some(PROCESS),
            sent: Count { packets: 1, bytes: u64::MAX },
            received: Count::default(),
        },
        What::UnixConnected {
            end: unix,
            peer: Some(EndKey::Capture { flow: 1, udp: false }),
            process: PROCESS,
            path: "/run/x".to_owned(),
            netns: Netns(4),
            listener_pid: Some(1),
            file,
        },
        What::UnixAlreadyOpen {
            end: unix,
            peer: unix,
            callers: vec![PROCESS],
            receivers: Vec::new(),
            path: "/run/x".to_owned(),
            netns: Netns(4),
            file,
        },
        What::UnixRefused { process: PROCESS, path: "/run/x".to_owned(), netns: Netns(4), errno: 13 },
        What::PeerCredentialsRead { end: unix, process: PROCESS, by: PeerCredentialCall::PeerPidfd },
        What::Translated { netns: Netns(5), protocol: 17, original: (v6(), v6()), reply: (v6(), v6()) },
        What::Observed { end: END, observations: observations() },
        What::Spoke { end: END, sent: true, last: false },
        What::AgentSign {
            process: PROCESS,
            sign: AgentSign::Declared { name: "helpdesk".to_owned(), by: vec!["uid 0".to_owned()] },
        },
        What::AgentSign { process: PROCESS, sign: AgentSign::ModelServer },
        What::AgentSign { process: PROCESS, sign: AgentSign::McpClient { era: Some(McpEra::Stateless) } },
        What::AgentSign { process: PROCESS, sign: AgentSign::Program { name: "claude".to_owned() } },
        What::Exited { process: PROCESS },
        What::Stopped,
    ];
    whats.into_iter().zip(0..).map(|(what, nanosecond)| Event { at: at(nanosecond), what }).collect()
}

/// A number for each kind of event that can be recorded, from 0 and without gaps: a new kind must be added to
/// [`everything`] as well.
pub(crate) fn kind(what: &What) -> usize {
    match what {
        What::Host(_) => 0,
        What::Started => 1,
        What::Stopped => 2,
        What::Coverage(_) => 3,
        What::Forked { .. } => 4,
        What::Executed { .. } => 5,
        What::Exited { .. } => 6,
        What::ProcessSeen { .. } => 7,
        What::CgroupNamed { .. } => 8,
        What::NetnsSeen { .. } => 9,
        What::Listening(_) => 10,
        What::ListenerClosed { .. } => 11,
        What::Connecting { .. } => 12,
        What::Established { .. } => 13,
        What::ConnectFailed { .. } => 14,
        What::Accepted { .. } => 15,
        What::Released { .. } => 16,
        What::AlreadyOpen { .. } => 17,
        What::Datagrams { .. } => 18,
        What::UnixConnected { .. } => 19,
        What::UnixAlreadyOpen { .. } => 20,
        What::UnixRefused { .. } => 21,
        What::PeerCredentialsRead { .. } => 22,
        What::Translated { .. } => 23,
        What::Observed { .. } => 24,
        What::AgentSign { .. } => 25,
        What::Spoke { .. } => 26,
        What::Payload(_) | What::Inside(_) | What::TlsCaller(_) => KINDS,
    }
}

/// Kinds of event that can be recorded.
pub(crate) const KINDS: usize = 27;
