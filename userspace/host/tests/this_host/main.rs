//! The host crate against this machine: its sockets, processes and places.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test's panic is its report, a skipped one says why, and each looks for one event of many"
)]

mod places;
mod processes;
mod sockets;

use std::net::SocketAddr;

use jiff::Timestamp;
use tierzero_core::event::{Event, ListenAddress, Listening, Process, Role, What};
use tierzero_core::id::{EndKey, ProcessKey};

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn listening_at(events: &[Event], at: SocketAddr) -> &Listening {
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

pub(crate) fn open_from(
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

pub(crate) fn process(events: &[Event], pid: u32) -> &Process {
    events
        .iter()
        .find_map(|event| match &event.what {
            What::ProcessSeen { process } if process.key.pid == pid => Some(process),
            _ => None,
        })
        .unwrap()
}
