//! Which of two ports looks more like a service's: a guess that only names the ends of a flow whose beginning was not
//! captured and whose bytes do not tell.
//!
//! Source: the IANA service name and transport protocol port number registry; RFC 6335 section 6 (ranges).

use std::net::SocketAddr;

/// Registered ports at 512 and above of services that are met with. Reserved ports from 512 on are clients' as well
/// (rresvport(3)), so that they count only where a service is known; no dynamic port is one.
const SERVICES: &[u16] = &[
    512, 513, 514, 515, 520, 521, 523, 524, 540, 543, 544, 546, 547, 548, 554, 563, 587, 593, 623, 631, 636,
    639, 646, 647, 749, 750, 853, 860, 873, 902, 989, 990, 992, 993, 994, 995, 1080, 1098, 1099, 1194, 1352,
    1414, 1433, 1434, 1494, 1521, 1645, 1646, 1701, 1720, 1723, 1812, 1813, 1883, 1900, 2049, 2055, 2152,
    2181, 2222, 2379, 2380, 2404, 2427, 2575, 2601, 2605, 2628, 3050, 3128, 3200, 3205, 3260, 3268, 3269,
    3283, 3300, 3306, 3389, 3478, 3483, 3632, 3690, 3702, 4222, 4369, 4500, 4569, 4592, 4712, 4713, 4730,
    4789, 4840, 5004, 5005, 5060, 5061, 5093, 5094, 5222, 5246, 5247, 5269, 5349, 5351, 5353, 5355, 5405,
    5432, 5450, 5631, 5632, 5666, 5671, 5672, 5683, 5684, 5900, 5938, 5984, 5985, 5986, 6000, 6081, 6343,
    6379, 6443, 6514, 6633, 6653, 6667, 6697, 7001, 7687, 8000, 8009, 8080, 8086, 8291, 8333, 8443, 8530,
    8883, 9042, 9092, 9100, 9160, 9200, 9300, 9418, 10000, 10050, 10051, 11211, 11434, 15672, 18245, 20000,
    20547, 26257, 27017, 28015, 34962, 34963, 34964, 44818, 47808,
];

/// Kinds of ports, those most likely a service's first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// A system port below 512, or one of a known service.
    Service,
    /// Another system port.
    Reserved,
    /// A user port.
    User,
    /// A dynamic port.
    Dynamic,
}

/// What kind of port this is.
pub(super) fn kind(port: u16) -> Kind {
    match port {
        0..=511 => Kind::Service,
        _ if SERVICES.binary_search(&port).is_ok() => Kind::Service,
        512..=1023 => Kind::Reserved,
        1024..=49_151 => Kind::User,
        49_152.. => Kind::Dynamic,
    }
}

/// True when a first packet from `source` to `destination` looks like a service's answer.
pub(super) fn answers(source: u16, destination: u16) -> bool {
    (kind(source), source) < (kind(destination), destination)
}

/// True when one of two ports alone is a service's.
pub(super) fn tell(one: u16, other: u16) -> bool {
    (kind(one) == Kind::Service) != (kind(other) == Kind::Service)
}

/// Who called, when the capture began later than the connection, by its ports; a guess that only names the ends, never
/// a verdict.
pub(super) fn late_roles(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    if answers(source.port(), destination.port()) { (destination, source) } else { (source, destination) }
}

#[cfg(test)]
mod tests {
    use super::{SERVICES, answers};

    #[test]
    fn the_more_likely_service_answers() {
        assert!(SERVICES.is_sorted());
        for (service, client) in [
            (80, 40_000),
            (44_818, 4309),
            (2404, 1075),
            (2049, 799),
            (514, 1022),
            (8081, 60_000),
            (50_000, 60_000),
        ] {
            assert!(answers(service, client), "{service} {client}");
            assert!(!answers(client, service), "{client} {service}");
        }
    }
}
