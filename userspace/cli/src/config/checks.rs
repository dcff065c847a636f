//! What the types of the file can't say: ranges, patterns, overlaps.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use toml::Spanned;

use super::sections::{Agent, Limits, ModelEndpoint, NamedCaller, Owner, Place, Sections, WebhookSection};
use crate::outlets::WebhookAddress;

/// What is wrong, and at which byte of the file.
#[derive(Debug)]
pub(super) struct Problem {
    /// Byte offset in the file.
    pub(super) offset: usize,
    /// Section, as written.
    pub(super) section: &'static str,
    /// Key, as written.
    pub(super) key: String,
    /// What is wrong.
    pub(super) says: String,
}

type Check = Result<(), Problem>;

/// Checks everything; the first problem in the order of sections.
pub(super) fn all(sections: &Sections) -> Check {
    agents(&sections.agent)?;
    sections.legacy.iter().try_for_each(|place| place_given("[[legacy]]", place))?;
    sections.modern.iter().try_for_each(|place| place_given("[[modern]]", place))?;
    legacy_and_modern(sections)?;
    sections.owner.iter().try_for_each(owner)?;
    named_callers(&sections.named_caller)?;
    sections.model_endpoint.iter().try_for_each(model_endpoint)?;
    sections.webhook.iter().try_for_each(webhook)?;
    limits(&sections.limits)?;
    zones(sections)
}

fn problem<T>(at: &Spanned<T>, section: &'static str, key: &str, says: impl Into<String>) -> Problem {
    Problem { offset: at.span().start, section, key: key.to_owned(), says: says.into() }
}

fn not_empty(text: &Spanned<String>, section: &'static str, key: &str) -> Check {
    if text.get_ref().trim().is_empty() { Err(problem(text, section, key, "is empty")) } else { Ok(()) }
}

fn each_not_empty(section: &'static str, given: &[(&str, Option<&Spanned<String>>)]) -> Check {
    given
        .iter()
        .filter_map(|(key, text)| text.map(|text| (key, text)))
        .try_for_each(|(key, text)| not_empty(text, section, key))
}

fn agents(agents: &[Agent]) -> Check {
    const SECTION: &str = "[[agent]]";
    for (index, agent) in agents.iter().enumerate() {
        let Agent { name, exe, argv, unit, cgroup, uid, netns, env } = agent;
        not_empty(name, SECTION, "name")?;
        each_not_empty(
            SECTION,
            &[
                ("exe", exe.as_ref()),
                ("argv", argv.as_ref()),
                ("unit", unit.as_ref()),
                ("cgroup", cgroup.as_ref()),
                ("netns", netns.as_ref()),
            ],
        )?;
        if let Some(pattern) = argv {
            self::pattern(pattern.get_ref()).map_err(|error| {
                problem(pattern, SECTION, "argv", format!("not a regular expression: {error}"))
            })?;
        }
        for variable in env {
            not_empty(variable, SECTION, "env")?;
            if variable.get_ref().contains('=') {
                return Err(problem(
                    variable,
                    SECTION,
                    "env",
                    "names only: values of variables are never read",
                ));
            }
        }
        let signs =
            [exe.is_some(), argv.is_some(), unit.is_some(), cgroup.is_some(), uid.is_some(), netns.is_some()];
        if !signs.contains(&true) && env.is_empty() {
            let says = "needs at least one of exe, argv, unit, cgroup, uid, netns, env";
            return Err(problem(name, SECTION, "name", says));
        }
        for earlier in agents.iter().take(index) {
            if earlier.name.get_ref() == name.get_ref() {
                return Err(problem(name, SECTION, "name", "an agent of this name is on a line above"));
            }
            if signs_of(earlier) == signs_of(agent) {
                let says = format!("fits the same processes as agent `{}`", earlier.name.get_ref());
                return Err(problem(name, SECTION, "name", says));
            }
        }
    }
    Ok(())
}

/// Largest compiled pattern, in bytes: it is asked about every program that starts.
const PATTERN_BYTES: usize = 1 << 20;

/// A pattern for command lines: matched in time linear in their length (regex-lite's promise).
pub(super) fn pattern(text: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    regex_lite::RegexBuilder::new(text).size_limit(PATTERN_BYTES).build()
}

fn signs_of(agent: &Agent) -> (Vec<Option<&String>>, Option<u32>, Vec<&String>) {
    let Agent { name: _, exe, argv, unit, cgroup, uid, netns, env } = agent;
    let texts = [exe, argv, unit, cgroup, netns].map(|text| text.as_ref().map(Spanned::get_ref)).to_vec();
    let mut names: Vec<&String> = env.iter().map(Spanned::get_ref).collect();
    names.sort();
    (texts, uid.as_ref().map(|uid| *uid.get_ref()), names)
}

fn place_given(section: &'static str, place: &Place) -> Check {
    let Place { address, port, unit, exe } = place;
    each_not_empty(
        section,
        &[("address", address.as_ref()), ("unit", unit.as_ref()), ("exe", exe.as_ref())],
    )?;
    if let Some(address) = address {
        // A Unix socket is given by its path, or `@name` in the abstract namespace.
        let text = address.get_ref();
        if !text.starts_with(['/', '@']) && text.parse::<IpAddr>().is_err() {
            return Err(problem(address, section, "address", "not an IP address, a path or an @name"));
        }
    }
    if let Some(port) = port.as_ref().filter(|port| *port.get_ref() == 0) {
        return Err(problem(port, section, "port", "must be 1 to 65535"));
    }
    Ok(())
}

fn legacy_and_modern(sections: &Sections) -> Check {
    for modern in &sections.modern {
        for legacy in &sections.legacy {
            if named(legacy) != named(modern) {
                continue;
            }
            let Place { address, port, unit, exe } = modern;
            let says = "the same listener is also in [[legacy]]";
            let texts = [("address", address), ("unit", unit), ("exe", exe)];
            if let Some((key, text)) = texts.into_iter().find_map(|(key, text)| Some((key, text.as_ref()?))) {
                return Err(problem(text, "[[modern]]", key, says));
            }
            if let Some(port) = port {
                return Err(problem(port, "[[modern]]", "port", says));
            }
        }
    }
    Ok(())
}

fn named(place: &Place) -> (Option<&String>, Option<u16>, Option<&String>, Option<&String>) {
    let Place { address, port, unit, exe } = place;
    (
        address.as_ref().map(Spanned::get_ref),
        port.as_ref().map(|port| *port.get_ref()),
        unit.as_ref().map(Spanned::get_ref),
        exe.as_ref().map(Spanned::get_ref),
    )
}

fn owner(entry: &Owner) -> Check {
    const SECTION: &str = "[[owner]]";
    let Owner { principal, workload, owner, confirmed_on, gone_on } = entry;
    not_empty(owner, SECTION, "owner")?;
    each_not_empty(SECTION, &[("principal", principal.as_ref()), ("workload", workload.as_ref())])?;
    if principal.is_some() == workload.is_some() {
        return Err(problem(owner, SECTION, "owner", "needs either principal or workload, not both"));
    }
    for (key, day) in [("confirmed_on", confirmed_on), ("gone_on", gone_on)] {
        if let Some(day) = day
            && day.get_ref().parse::<jiff::civil::Date>().is_err()
        {
            return Err(problem(day, SECTION, key, "not a date; write it as \"2026-11-23\""));
        }
    }
    Ok(())
}

fn named_callers(entries: &[NamedCaller]) -> Check {
    const SECTION: &str = "[[named_caller]]";
    for (index, NamedCaller { listener, callers, workloads }) in entries.iter().enumerate() {
        not_empty(listener, SECTION, "listener")?;
        if callers.is_none() && workloads.is_none() {
            let says = "needs callers (names that were proved) or workloads (where callers sit)";
            return Err(problem(listener, SECTION, "listener", says));
        }
        for (key, names) in [("callers", callers), ("workloads", workloads)] {
            let Some(names) = names else { continue };
            if names.get_ref().is_empty() {
                return Err(problem(names, SECTION, key, "is empty"));
            }
            names.get_ref().iter().try_for_each(|name| not_empty(name, SECTION, key))?;
        }
        if entries.iter().take(index).any(|earlier| earlier.listener.get_ref() == listener.get_ref()) {
            return Err(problem(listener, SECTION, "listener", "this listener is on a line above"));
        }
    }
    Ok(())
}

fn model_endpoint(entry: &ModelEndpoint) -> Check {
    let ModelEndpoint { host, path } = entry;
    not_empty(host, "[[model_endpoint]]", "host")?;
    match path {
        Some(path) if !path.get_ref().starts_with('/') => {
            Err(problem(path, "[[model_endpoint]]", "path", "must begin with /"))
        }
        Some(_) | None => Ok(()),
    }
}

fn webhook(webhook: &WebhookSection) -> Check {
    const SECTION: &str = "[webhook]";
    let WebhookSection { url, token_file, timeout_s } = webhook;
    // What was written is not repeated: it may hold a secret.
    if let Err(says) = url.get_ref().parse::<WebhookAddress>() {
        return Err(problem(url, SECTION, "url", says));
    }
    if let Some(path) = token_file.as_ref().filter(|path| !path.get_ref().starts_with('/')) {
        return Err(problem(
            path,
            SECTION,
            "token_file",
            "must be a path that begins with /, never the token",
        ));
    }
    match timeout_s {
        Some(seconds) if !(1..=60).contains(seconds.get_ref()) => {
            Err(problem(seconds, SECTION, "timeout_s", "must be 1 to 60"))
        }
        Some(_) | None => Ok(()),
    }
}

fn limits(limits: &Limits) -> Check {
    let Limits {
        short_lived_s,
        ring_bytes,
        payload_bytes,
        memory_bytes,
        retention_days,
        dormant_s,
        stale_s,
        owner_stale_days,
    } = limits;
    within("short_lived_s", short_lived_s.as_ref(), 1..=86_400 * 365)?;
    within("ring_bytes", ring_bytes.as_ref(), 65_536..=1 << 30)?;
    within("payload_bytes", payload_bytes.as_ref(), 256..=65_536)?;
    within("memory_bytes", memory_bytes.as_ref(), 16 << 20..=1 << 40)?;
    within("retention_days", retention_days.as_ref(), 1..=36_500)?;
    within("stale_s", stale_s.as_ref(), 1..=86_400 * 36_500)?;
    within("dormant_s", dormant_s.as_ref(), 1..=86_400 * 36_500)?;
    within("owner_stale_days", owner_stale_days.as_ref(), 1..=36_500)?;
    match ring_bytes {
        // BPF_MAP_TYPE_RINGBUF: a power of two and a multiple of the page size (kernel/bpf/ringbuf.c).
        Some(bytes) if !bytes.get_ref().is_power_of_two() => {
            Err(problem(bytes, "[limits]", "ring_bytes", "must be a power of two, for example 1048576"))
        }
        Some(_) | None => Ok(()),
    }
}

fn within<T: Copy + Into<u64>>(key: &str, value: Option<&Spanned<T>>, range: RangeInclusive<u64>) -> Check {
    match value {
        Some(value) if !range.contains(&(*value.get_ref()).into()) => {
            let says = format!("must be {} to {}", range.start(), range.end());
            if key == "ring_bytes" {
                return Err(problem(value, "[limits]", key, format!("{says}, a power of two")));
            }
            Err(problem(value, "[limits]", key, says))
        }
        Some(_) | None => Ok(()),
    }
}

fn zones(sections: &Sections) -> Check {
    let mut seen: Vec<(&str, Range)> = Vec::new();
    for (zone, ranges) in &sections.zones {
        for written in ranges {
            let wrong = |says: String| problem(written, "[zones]", zone, says);
            let range = Range::parse(written.get_ref()).map_err(|says| wrong(says.to_owned()))?;
            if let Some((other, _)) =
                seen.iter().find(|(other, earlier)| other != zone && earlier.overlaps(range))
            {
                return Err(wrong(format!("{} overlaps zone `{other}`", written.get_ref())));
            }
            seen.push((zone, range));
        }
    }
    Ok(())
}

/// An address range: address and prefix length.
#[derive(Clone, Copy, Debug)]
struct Range {
    address: IpAddr,
    prefix: u8,
}

impl Range {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| "not an address range such as 10.77.40.0/24")?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse::<u8>()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or("the prefix length is too long or no number")?,
        };
        Ok(Self { address, prefix })
    }

    fn overlaps(self, other: Self) -> bool {
        let prefix = u32::from(self.prefix.min(other.prefix));
        match (self.address, other.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= prefix,
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= prefix,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        let overlap = |a: &str, b: &str| Range::parse(a).unwrap().overlaps(Range::parse(b).unwrap());
        assert!(overlap("10.0.0.0/8", "10.1.2.3"));
        assert!(overlap("::/0", "fe80::1"));
        assert!(!overlap("10.0.0.0/16", "10.1.0.0/16"));
        assert!(!overlap("0.0.0.0/0", "::/0"));
    }
}
