//! A run's event log as a golden test: only what concerns the lab, nothing of the machine that it ran on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tierzero_core::event::{Event, HostDescription, What};
use tierzero_core::id::{EndKey, HostId, Netns, ProcessKey};
use tierzero_replay::{LogReader, LogWriter};

use super::scenario::Lab;

/// What a golden log may weigh: it is read by people in reviews, and by every test run.
const MOST_BYTES: usize = 512 << 10;

/// Keeps the event log of a run below `tests/golden/`; returns a sentence about it.
pub(crate) fn golden(lab: &Lab, scenario: &str, roles: &BTreeMap<String, String>) -> Result<String, String> {
    let (bytes, count) = of_lab(&lab.outputs(), roles)?;
    let leaks: Vec<_> = lab.markers().iter().flat_map(|marker| marker.leaks("the log", &bytes)).collect();
    if let Some(leak) = leaks.first() {
        return Err(format!("not recorded: {leak}"));
    }
    if bytes.len() > MOST_BYTES {
        return Ok(format!("not recorded: {} KiB are too many for a golden log", bytes.len() >> 10));
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(format!("lab-{scenario}"));
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let path = place.join("events.jsonl");
    std::fs::write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(format!("recorded {count} events, {} KiB", bytes.len() >> 10))
}

/// What a run recorded of the lab alone, and how many events that are.
pub(crate) fn of_lab(outputs: &Path, roles: &BTreeMap<String, String>) -> Result<(Vec<u8>, u64), String> {
    let log = outputs.join("events.jsonl");
    let reader = LogReader::open(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let header = reader.header().clone();
    let events = reader.collect::<Result<Vec<Event>, _>>().map_err(|error| error.to_string())?;
    let roles = roles
        .iter()
        .map(|(inode, role)| inode.parse().map(|inode| (Netns(inode), role.clone())))
        .collect::<Result<BTreeMap<_, _>, _>>()
        .map_err(|error| format!("a network namespace has no number: {error}"))?;
    let mut bytes = Vec::new();
    let mut writer = LogWriter::new(&mut bytes, &header).map_err(|error| error.to_string())?;
    for event in reduced(events, &roles) {
        writer.write(&event).map_err(|error| error.to_string())?;
    }
    let count = writer.events();
    writer.flush().map_err(|error| error.to_string())?;
    drop(writer);
    Ok((bytes, count))
}

/// The events of lab namespaces, in their order. Host and namespaces get neutral names.
fn reduced(events: Vec<Event>, roles: &BTreeMap<Netns, String>) -> Vec<Event> {
    let lab = Members::find(&events, roles);
    events.into_iter().filter_map(|event| lab.keep(event, roles)).collect()
}

/// Processes and sockets of the lab.
#[derive(Default)]
struct Members {
    processes: BTreeSet<ProcessKey>,
    ends: BTreeSet<EndKey>,
}

impl Members {
    fn find(events: &[Event], roles: &BTreeMap<Netns, String>) -> Self {
        let mut members = Self::default();
        let here = |netns: &Netns| roles.contains_key(netns);
        for event in events {
            match &event.what {
                What::Forked { process } | What::Executed { process, .. } | What::ProcessSeen { process } => {
                    members.processes.extend(here(&process.netns).then_some(process.key));
                }
                What::Listening(listening) => {
                    members.ends.extend(here(&listening.netns).then_some(listening.socket));
                }
                What::Connecting { end, ends, .. }
                | What::Established { end, ends, .. }
                | What::AlreadyOpen { end, ends, .. }
                | What::Datagrams { end, ends, .. }
                | What::Accepted { end, ends: Some(ends), .. } => {
                    members.ends.extend(here(&ends.netns).then_some(*end));
                }
                What::UnixAlreadyOpen { end, peer, netns, .. } if here(netns) => {
                    members.ends.extend([*end, *peer]);
                }
                What::UnixConnected { end, peer, netns, .. } if here(netns) => {
                    members.ends.extend([Some(*end), *peer].into_iter().flatten());
                }
                What::Host(_)
                | What::Started
                | What::Stopped
                | What::Coverage(_)
                | What::Exited { .. }
                | What::CgroupNamed { .. }
                | What::NetnsSeen { .. }
                | What::AgentSign { .. }
                | What::ListenerClosed { .. }
                | What::ConnectFailed { .. }
                | What::Accepted { ends: None, .. }
                | What::Released { .. }
                | What::UnixConnected { .. }
                | What::UnixAlreadyOpen { .. }
                | What::UnixRefused { .. }
                | What::PeerCredentialsRead { .. }
                | What::Translated { .. }
                | What::Payload(_)
                | What::Inside(_)
                | What::TlsCaller(_)
                | What::Spoke { .. }
                | What::Observed { .. } => {}
            }
        }
        members
    }

    fn keep(&self, mut event: Event, roles: &BTreeMap<Netns, String>) -> Option<Event> {
        let here = |netns: &Netns| roles.contains_key(netns);
        let keeps = match &mut event.what {
            What::Host(host) => {
                *host = HostDescription {
                    id: HostId::derive(&["lab"]),
                    name: "lab".to_owned(),
                    // The version; what follows it is the name of somebody's own build.
                    kernel: host.kernel.split('-').next().unwrap_or_default().to_owned(),
                    boot_id: "00000000-0000-0000-0000-000000000000".to_owned(),
                };
                true
            }
            What::NetnsSeen { netns, name, .. } => {
                *name = roles.get(netns).cloned();
                here(netns)
            }
            What::Forked { process } | What::Executed { process, .. } | What::ProcessSeen { process } => {
                // The lab's programs run in whatever cgroup the lab was started in.
                if process.place.as_ref().is_none_or(|place| {
                    place.unit.is_none() && place.container.is_none() && place.pod.is_none()
                }) {
                    (process.cgroup, process.place) = (0, None);
                }
                here(&process.netns)
            }
            What::Exited { process } | What::AgentSign { process, .. } => self.processes.contains(process),
            What::Listening(listening) => here(&listening.netns),
            What::Connecting { ends, .. }
            | What::Established { ends, .. }
            | What::AlreadyOpen { ends, .. }
            | What::Datagrams { ends, .. } => here(&ends.netns),
            What::UnixConnected { netns, .. }
            | What::UnixAlreadyOpen { netns, .. }
            | What::UnixRefused { netns, .. }
            | What::Translated { netns, .. } => here(netns),
            What::ListenerClosed { socket: end }
            | What::ConnectFailed { end, .. }
            | What::Accepted { end, .. }
            | What::Released { end, .. }
            | What::PeerCredentialsRead { end, .. }
            | What::Spoke { end, .. }
            | What::Observed { end, .. } => self.ends.contains(end),
            What::Started | What::Stopped | What::Coverage(_) => true,
            What::CgroupNamed { .. } | What::Payload(_) | What::Inside(_) | What::TlsCaller(_) => false,
        };
        keeps.then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::net::SocketAddr;
    use tierzero_core::event::{Addresses, Role};

    fn established(cookie: u64, netns: u32) -> What {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let ends = Addresses { local: address, remote: address, netns: Netns(netns) };
        What::Established { end: EndKey::Tcp { cookie }, role: Role::Originator, ends }
    }

    fn released(cookie: u64) -> What {
        What::Released { end: EndKey::Tcp { cookie }, process: None, bytes_sent: None, bytes_received: None }
    }

    #[test]
    fn only_the_lab_is_kept() {
        let roles = BTreeMap::from([(Netns(7), "app".to_owned())]);
        let all = [What::Started, established(1, 7), established(2, 8), released(2), released(1)];
        let events = all.into_iter().map(|what| Event { at: Timestamp::UNIX_EPOCH, what }).collect();
        let kept: Vec<What> = reduced(events, &roles).into_iter().map(|event| event.what).collect();
        assert_eq!(kept, [What::Started, established(1, 7), released(1)]);
    }

    #[test]
    fn names_of_the_machine_are_not_kept() {
        let roles = BTreeMap::from([(Netns(7), "app".to_owned())]);
        let host = HostDescription {
            id: HostId::derive(&["machine"]),
            name: "machine".to_owned(),
            kernel: "6.1".to_owned(),
            boot_id: "boot".to_owned(),
        };
        let netns =
            What::NetnsSeen { netns: Netns(7), name: Some("tz-1-0-app".to_owned()), addresses: Vec::new() };
        let events = [What::Host(host), netns].map(|what| Event { at: Timestamp::UNIX_EPOCH, what });
        let text = format!("{:?}", reduced(events.to_vec(), &roles));
        assert!(!text.contains("machine") && !text.contains("tz-1") && text.contains("\"app\""), "{text}");
    }
}
