//! nftables: what processes in one cgroup may call (nft(8), `socket cgroupv2`; kernel 5.13 and later).

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::quotable;
use super::reach::{Call, Reach, passes};
use crate::visible::untrusted;
use crate::words::Word as _;

/// A table for one agent, or why there is none.
pub(super) fn rules(reach: &Reach<'_>, cgroup: Option<String>, root: &str) -> String {
    let Some(cgroup) = cgroup else {
        return "# not stated: its cgroup is not known here; name it with --cgroup\n".to_owned();
    };
    let path = cgroup.trim_matches('/');
    // Counted from cgroup2's own root, wherever that is mounted.
    let level = path.split('/').count();
    let below = format!("{root}/{path}");
    let Some(path) = quotable(path).map(|_| below.trim_start_matches('/')) else {
        return format!("# not stated: nft has no way to write the cgroup {}\n", untrusted(path));
    };
    let table = format!("tierzero_{}", reach.agent.id.as_str().replace('-', "_"));
    let mut text = format!(
        "table inet {table} {{\n    chain calls {{\n        type filter hook output priority filter; policy accept;\n        \
         ct state established,related accept\n        socket cgroupv2 level {level} \"{path}\" jump allowed\n    }}\n    \
         chain allowed {{\n"
    );
    for (call, (verdict, name)) in reach.calls.iter().filter(|(_, (verdict, _))| passes(*verdict)) {
        let _ = writeln!(
            text,
            "        # names an address: {} was {} as {}\n        {} accept",
            call,
            verdict.word(),
            untrusted(name),
            place(call)
        );
    }
    text.push_str("        counter reject with icmpx admin-prohibited\n    }\n}\n");
    text
}

fn place(call: &Call) -> String {
    let kind = if call.udp { "udp" } else { "tcp" };
    let port = call.at.port();
    match call.at {
        SocketAddr::V4(at) if !at.ip().is_unspecified() => {
            format!("ip daddr {} {kind} dport {port}", at.ip())
        }
        SocketAddr::V6(at) if !at.ip().is_unspecified() => match at.ip().to_ipv4_mapped() {
            Some(ip) => format!("ip daddr {ip} {kind} dport {port}"),
            None => format!("ip6 daddr {} {kind} dport {port}", at.ip()),
        },
        // The listener is bound to every address it has: which one was called is not kept.
        SocketAddr::V4(_) | SocketAddr::V6(_) => format!("{kind} dport {port}"),
    }
}
