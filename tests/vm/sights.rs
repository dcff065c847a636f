//! What the sensor must have said about an exchange, and whether it did.
#![allow(clippy::wildcard_enum_match_arm, reason = "each sight looks for the few events that it is about")]

use std::collections::{BTreeMap, BTreeSet};

use tierzero_core::event::{Addresses, Coverage, Event, ListenAddress, Role, What};
use tierzero_core::id::{EndKey, ProcessKey};

use super::{REQUEST, RESPONSE};

/// How two processes talk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One TCP connection.
    Tcp,
    /// A TCP connection to a port where nobody listens.
    Refused,
    /// One datagram each way.
    Udp,
    /// One Unix stream connection.
    Unix,
}

/// One exchange that took place, as those who took part know it.
pub(crate) struct Exchange {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Process id of the caller.
    pub(crate) caller: u32,
    /// Process id of the receiver.
    pub(crate) receiver: Option<u32>,
    /// Where the receiver listens; 0 for a Unix socket.
    pub(crate) port: u16,
    /// The same for a Unix socket.
    pub(crate) path: String,
}

/// Name of a sight, and what of it is missing: nothing, where it was seen.
type Sight = (&'static str, String);

/// Everything that is to be seen of an exchange.
pub(crate) fn of(exchange: &Exchange, events: &[Event], skipped: &mut Skipped) -> Vec<Sight> {
    match exchange.kind {
        Kind::Tcp => tcp(exchange, events, skipped),
        Kind::Refused => refused(exchange, events),
        Kind::Udp => udp(exchange, events),
        Kind::Unix => unix(exchange, events, skipped),
    }
}

/// Places that lost something, and how much: first what was handed over and had no room, then runs of programs that
/// the kernel skipped and counted, of which no program knows.
pub(crate) fn lost(events: &[Event]) -> (String, String) {
    let (skipped, lost): (Vec<_>, Vec<_>) = losses(events).partition(|(place, _)| place.starts_with(SKIPPED));
    let list = |losses: Vec<(&str, u64)>| -> String {
        let each: Vec<String> = losses.iter().map(|(place, count)| format!("{place} {count}")).collect();
        each.join(", ")
    };
    (list(lost), list(skipped))
}

/// What the places of skipped runs begin with.
const SKIPPED: &str = "missed-";

fn losses(events: &[Event]) -> impl Iterator<Item = (&str, u64)> {
    events.iter().filter_map(|event| match &event.what {
        What::Coverage(Coverage::Lost { place, count }) => Some((place.as_str(), *count)),
        _ => None,
    })
}

/// Runs of the process programs that the kernel said it skipped: each accounts for one event that is missing.
pub(crate) struct Skipped {
    left: BTreeMap<String, u64>,
    /// What was accounted for.
    pub(crate) told: Vec<String>,
}

impl Skipped {
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut left = BTreeMap::new();
        for (place, count) in losses(events).filter(|(place, _)| place.starts_with(SKIPPED)) {
            *left.entry(place.to_owned()).or_insert(0) += count;
        }
        Self { left, told: Vec::new() }
    }

    /// What is missing, unless a skipped run of this program accounts for it.
    fn missing(&mut self, program: &str, what: String) -> String {
        match self.left.get_mut(&format!("{SKIPPED}{program}")) {
            Some(left) if *left > 0 => {
                *left -= 1;
                self.told.push(what);
                String::new()
            }
            _ => format!("{what}; "),
        }
    }
}

fn tcp(exchange: &Exchange, events: &[Event], skipped: &mut Skipped) -> Vec<Sight> {
    let Exchange { caller, receiver, port, .. } = exchange;
    let receiver = receiver.unwrap_or_default();
    let (mut callers, mut receivers, mut listeners) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut calling, mut called) = (None, None);
    let mut counts = Vec::new();
    let mut established = BTreeSet::new();
    for event in events {
        match &event.what {
            What::Connecting { end, ends, process } if ends.remote.port() == *port => {
                calling = Some(*end);
                callers.extend(process.map(pid));
            }
            What::Established { end, role, ends } if touches(ends, *port) => {
                established.insert(*role as u8);
                if *role == Role::Responder {
                    called = Some(*end);
                }
            }
            What::Accepted { end, process, .. } if Some(*end) == called => {
                receivers.insert(pid(*process));
            }
            What::Released { end, process, bytes_sent, bytes_received } => {
                if Some(*end) == called {
                    receivers.extend(process.map(pid));
                }
                if Some(*end) == calling || Some(*end) == called {
                    counts.push((Some(*end) == calling, *bytes_sent, *bytes_received));
                }
            }
            What::Listening(listening) => {
                if matches!(listening.at, ListenAddress::Tcp { address } if address.port() == *port) {
                    listeners.extend(listening.processes.iter().copied().map(pid));
                }
            }
            _ => {}
        }
    }
    let expect = |what: &str, seen: &BTreeSet<u32>, pid: u32| -> String {
        if seen.len() == 1 && seen.contains(&pid) {
            String::new()
        } else {
            format!("{what} is {pid}, said {seen:?}; ")
        }
    };
    let (sent, received) = (u64::try_from(REQUEST.len()).ok(), u64::try_from(RESPONSE.len()).ok());
    let bytes = if counts.contains(&(true, sent, received)) && counts.contains(&(false, received, sent)) {
        String::new()
    } else {
        format!("expected {sent:?} and {received:?}, said {counts:?}")
    };
    let both = if established.len() == 2 { "" } else { "not established at both ends; " };
    let ends: Vec<EndKey> = calling.into_iter().chain(called).collect();
    vec![
        (
            "both processes",
            both.to_owned()
                + &expect("caller", &callers, *caller)
                + &expect("receiver", &receivers, receiver),
        ),
        ("listener", expect("listener", &listeners, receiver)),
        ("bytes", bytes),
        ("payload", payload(&ends, calling, events)),
        ("programs", programs(exchange, events, skipped)),
    ]
}

/// Both directions byte for byte, whichever end they were seen at.
fn payload(ends: &[EndKey], calling: Option<EndKey>, events: &[Event]) -> String {
    let mut request = vec![None; REQUEST.len()];
    let mut response = vec![None; RESPONSE.len()];
    let mut records = 0;
    for event in events {
        let What::Payload(payload) = &event.what else { continue };
        if !ends.contains(&payload.end) {
            continue;
        }
        records += 1;
        let from_caller = payload.sent == (Some(payload.end) == calling);
        let stream = if from_caller { &mut request } else { &mut response };
        let from = usize::try_from(payload.offset).unwrap_or(usize::MAX);
        for (place, byte) in stream.iter_mut().skip(from).zip(payload.bytes.iter()) {
            *place = Some(*byte);
        }
    }
    let whole = |stream: &[Option<u8>], truth: &[u8]| {
        stream.iter().zip(truth).all(|(seen, byte)| *seen == Some(*byte))
    };
    let missing = |whole: bool, name: &str| {
        if whole { String::new() } else { format!("{name} not seen whole in {records} records; ") }
    };
    missing(whole(&request, REQUEST), "request") + &missing(whole(&response, RESPONSE), "response")
}

/// The program of each process, from the moment it was executed.
fn programs(exchange: &Exchange, events: &[Event], skipped: &mut Skipped) -> String {
    let executed = |wanted: u32| {
        events.iter().any(|event| match &event.what {
            What::Executed { process, .. } => {
                process.key.pid == wanted
                    && process.exe.as_deref() == Some("/bin/guest")
                    && process.parent.is_some()
            }
            _ => false,
        })
    };
    let forked = |wanted: u32| {
        events.iter().any(|event| matches!(&event.what, What::Forked { process } if process.key.pid == wanted && process.parent.is_some()))
    };
    let mut missing = String::new();
    for wanted in std::iter::once(exchange.caller).chain(exchange.receiver) {
        if !forked(wanted) {
            missing += &skipped.missing("process-fork", format!("no fork of {wanted} with its parent"));
        }
        if !executed(wanted) {
            missing += &skipped.missing("process-exec", format!("no exec of {wanted} with its program"));
        }
        if !events.iter().any(|event| matches!(event.what, What::Exited { process } if process.pid == wanted))
        {
            missing += &skipped.missing("process-exit", format!("no exit of {wanted}"));
        }
    }
    missing
}

fn refused(exchange: &Exchange, events: &[Event]) -> Vec<Sight> {
    let mut calling = None;
    let mut missing = "no attempt of the caller; ".to_owned();
    for event in events {
        match &event.what {
            What::Connecting { end, ends, process }
                if ends.remote.port() == exchange.port && process.map(pid) == Some(exchange.caller) =>
            {
                calling = Some(*end);
                "attempt seen, its end not; ".clone_into(&mut missing);
            }
            What::ConnectFailed { end, why } if Some(*end) == calling => {
                missing = if *why == tierzero_core::event::ConnectFailure::Refused {
                    String::new()
                } else {
                    format!("said {why:?}")
                };
            }
            _ => {}
        }
    }
    vec![("attempt", missing)]
}

fn udp(exchange: &Exchange, events: &[Event]) -> Vec<Sight> {
    let (mut callers, mut receivers) = (BTreeSet::new(), BTreeSet::new());
    let mut counts = Vec::new();
    for event in events {
        let What::Datagrams { ends, originator, process, sent, received, .. } = &event.what else { continue };
        if !touches(ends, exchange.port) {
            continue;
        }
        let side = if ends.remote.port() == exchange.port { &mut callers } else { &mut receivers };
        side.extend(process.map(pid));
        counts.push((ends.remote.port() == exchange.port, *originator, sent.bytes, received.bytes));
    }
    let mut missing = String::new();
    if !callers.contains(&exchange.caller) || callers.len() != 1 {
        missing += &format!("caller is {}, said {callers:?}; ", exchange.caller);
    }
    if receivers.iter().copied().collect::<Vec<_>>() != exchange.receiver.into_iter().collect::<Vec<_>>() {
        missing += &format!("receiver is {:?}, said {receivers:?}; ", exchange.receiver);
    }
    let mut directions = String::new();
    if !counts.iter().any(|(caller, originator, _, _)| *caller && *originator)
        || counts.iter().any(|(caller, originator, _, _)| caller != originator)
    {
        directions = format!("said {counts:?}");
    }
    vec![("both processes", missing), ("direction", directions)]
}

fn unix(exchange: &Exchange, events: &[Event], skipped: &mut Skipped) -> Vec<Sight> {
    let mut missing = "no connection to its path; ".to_owned();
    let mut taken = BTreeSet::new();
    let (mut calling, mut called) = (None, None);
    let mut looked = BTreeSet::new();
    for event in events {
        match &event.what {
            What::UnixConnected { end, peer, process, path, .. } if *path == exchange.path => {
                (calling, called) = (Some(*end), *peer);
                missing = if pid(*process) == exchange.caller {
                    String::new()
                } else {
                    format!("caller is {}, said {}; ", exchange.caller, process.pid)
                };
            }
            What::PeerCredentialsRead { process, .. } => {
                looked.insert(pid(*process));
            }
            What::Accepted { end, process, .. }
                if Some(*end) == called || matches!(end, EndKey::Unix { .. }) =>
            {
                taken.insert(pid(*process));
            }
            _ => {}
        }
    }
    if !exchange.receiver.is_some_and(|receiver| taken.contains(&receiver)) {
        missing += &format!("receiver is {:?}, said {taken:?}; ", exchange.receiver);
    }
    let looked = if exchange.receiver.is_some_and(|receiver| looked.contains(&receiver)) {
        String::new()
    } else {
        format!("SO_PEERCRED was read by {:?}, said {looked:?}", exchange.receiver)
    };
    let ends: Vec<EndKey> = calling.into_iter().chain(called).collect();
    vec![
        ("both processes", missing),
        ("payload", payload(&ends, calling, events)),
        ("peer credentials", looked),
        ("programs", programs(exchange, events, skipped)),
    ]
}

fn touches(ends: &Addresses, port: u16) -> bool {
    ends.local.port() == port || ends.remote.port() == port
}

fn pid(process: ProcessKey) -> u32 {
    process.pid
}
