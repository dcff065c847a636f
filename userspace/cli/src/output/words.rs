//! The words for verdicts, checks, times, counts and names, the same in every table and view.

use jiff::Timestamp;
use tierzero_core::evidence::PrincipalKind;
use tierzero_core::graph::routes::ContainmentState;
use tierzero_core::graph::{EdgeEnds, Listener, ListenerClass, Transport, Workload};
use tierzero_core::verdict::{Check, Served, Strength, Verdict};

/// One sentence a verdict stands for.
pub(crate) fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refused => "Every try was refused.",
        Verdict::LocationTrusted => {
            "The receiver served this caller; no proof of who is calling was observed to decide it. \
             Where the caller sits was enough."
        }
        Verdict::Opaque => {
            "The layer that would carry the caller's identity could not be read, so nothing is said."
        }
        Verdict::Unproven => {
            "The caller presented something; nothing observed shows that the receiver looks at it."
        }
        Verdict::SecretChecked => {
            "The receiver asked for a shared secret before it served. Whoever holds the secret can be this caller."
        }
        Verdict::IdentityChecked => {
            "The receiver asked for a key, a short-lived token or the kernel's word before it served."
        }
        Verdict::Public => "The operations seen are anonymous by design of their protocol.",
    }
}

/// As exported.
pub(crate) fn check(check: Check) -> &'static str {
    match check {
        Check::None => "none",
        Check::Address => "address",
        Check::Claimed => "claimed",
        Check::Secret => "secret",
        Check::Token => "token",
        Check::Key => "key",
        Check::Kernel => "kernel",
        Check::Opaque => "opaque",
        Check::Public => "public",
    }
}

/// As exported.
pub(crate) fn principal_kind(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::Role => "role",
        PrincipalKind::User => "user",
        PrincipalKind::Uid => "uid",
        PrincipalKind::Subject => "subject",
        PrincipalKind::SpiffeId => "spiffe-id",
        PrincipalKind::JwtSubject => "jwt-subject",
    }
}

/// As exported.
pub(crate) fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Declared => "declared",
        Strength::Presented => "presented",
        Strength::Demanded => "demanded",
        Strength::Enforced => "enforced",
    }
}

/// Check and strength in one cell: `secret, enforced`; `-` where nobody was served, so that nothing was checked.
pub(crate) fn check_and_strength(verdict: Verdict, of: Check, how: Option<Strength>) -> String {
    match how {
        _ if verdict == Verdict::Refused => "-".to_owned(),
        Some(how) => format!("{}, {}", check(of), strength(how)),
        None => check(of).to_owned(),
    }
}

/// Why a verdict is what it is, in few words.
pub(crate) fn why(verdict: Verdict, of: Check, how: Option<Strength>) -> String {
    match (verdict, of) {
        (Verdict::Refused, _) => "never served".to_owned(),
        (_, Check::None) => "served, no proof of identity observed".to_owned(),
        (_, Check::Address) => "served for its source address".to_owned(),
        (_, Check::Claimed) => "served, the caller only named itself".to_owned(),
        (_, Check::Opaque) => "the identity layer could not be read".to_owned(),
        (_, Check::Public) => "anonymous by design".to_owned(),
        (_, Check::Secret | Check::Token | Check::Key | Check::Kernel) => {
            check_and_strength(verdict, of, how)
        }
    }
}

/// With what it rests on.
pub(crate) fn containment(state: ContainmentState) -> &'static str {
    match state {
        ContainmentState::Contained => "contained (observed)",
        ContainmentState::Bridged => "bridged",
        ContainmentState::NotProven => "not proven",
    }
}

/// As exported.
pub(crate) fn class(class: ListenerClass) -> &'static str {
    match class {
        ListenerClass::Legacy => "legacy",
        ListenerClass::Transitional => "transitional",
        ListenerClass::Modern => "modern",
        ListenerClass::Unknown => "unknown",
    }
}

/// Position of a class, worst first.
pub(crate) fn class_worst_first(class: ListenerClass) -> u8 {
    match class {
        ListenerClass::Legacy => 0,
        ListenerClass::Unknown => 1,
        ListenerClass::Transitional => 2,
        ListenerClass::Modern => 3,
    }
}

/// As exported.
pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Unix => "unix",
    }
}

/// As exported.
pub(crate) fn ends(ends: EdgeEnds) -> &'static str {
    match ends {
        EdgeEnds::Both => "both",
        EdgeEnds::CallerOnly => "caller-only",
        EdgeEnds::ReceiverOnly => "receiver-only",
    }
}

/// As exported.
pub(crate) fn served(served: Served) -> &'static str {
    match served {
        Served::Yes => "served",
        Served::No => "refused",
        Served::Unknown => "not visible",
    }
}

/// A listener with the name of its workload: `redis-server 127.0.0.1:6379`.
pub(crate) fn listener(listener: &Listener, workload: Option<&Workload>) -> String {
    match workload {
        Some(workload) => format!("{} {}", workload.name, listener.at),
        None => listener.at.to_string(),
    }
}

/// `2026-11-23 13:05:33Z`: date and time in UTC, to the second.
pub(crate) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `11-23 13:05:33`: for tables, whose footer says UTC.
pub(crate) fn short_moment(at: Timestamp) -> String {
    at.strftime("%m-%d %H:%M:%S").to_string()
}

/// `13:05:33`: for the live view.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// `17 s`, `4 min 05 s`, `3 h 07 min`, `12 d 4 h`: how long, two units at most.
pub(crate) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} min {:02} s", seconds % 60),
        () if days == 0 => format!("{hours} h {:02} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

/// `812 B`, `4.1 KiB`, `2.0 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut unit = "B";
    let mut tenths = u128::from(count) * 10;
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `1 edge`, `3 edges`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `uid 0, redis-server.service, netns blue`, or where a remote peer is.
pub(crate) fn runs_as(workload: &Workload) -> String {
    let mut parts = Vec::new();
    if workload.host.is_none() {
        parts.push("another host".to_owned());
    }
    parts.extend(workload.uid.map(|uid| format!("uid {uid}")));
    parts.extend(workload.unit.clone());
    parts.extend(workload.container.as_ref().map(|id| format!("container {}", id.get(..12).unwrap_or(id))));
    parts.extend(workload.pod.as_ref().map(|pod| format!("pod {pod}")));
    match (&workload.netns_name, workload.netns) {
        (Some(name), _) if name == "host" => {}
        (Some(name), _) => parts.push(format!("netns {name}")),
        (None, Some(netns)) => parts.push(format!("netns {}", netns.0)),
        (None, None) => {}
    }
    if parts.is_empty() { "not known".to_owned() } else { parts.join(", ") }
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_well() {
        let shown: Vec<String> = [0, 1023, 1024, 1536, 1_048_576, u64::MAX].map(bytes).to_vec();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "16383.9 PiB"]);
        let shown: Vec<String> =
            [0, 59, 65, 3600 * 3 + 7 * 60, 86_400 * 12 + 4 * 3600].map(duration).to_vec();
        assert_eq!(shown, ["0 s", "59 s", "1 min 05 s", "3 h 07 min", "12 d 4 h"]);
    }

    #[test]
    fn times_are_utc() {
        let at: Timestamp = "2026-11-23T13:05:33.25Z".parse().unwrap();
        assert_eq!(moment(at), "2026-11-23 13:05:33Z");
        assert_eq!(short_moment(at), "11-23 13:05:33");
        assert_eq!(time_of_day(at), "13:05:33");
    }
}
