//! systemd: addresses that a unit may exchange packets with (systemd.resource-control(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::quotable;
use super::reach::{Reach, passes};
use crate::visible::untrusted;

/// A drop-in for one agent's unit, or why there is none.
pub(super) fn rules(reach: &Reach<'_>) -> String {
    let Some(unit) = &reach.agent.unit else {
        return "# not stated: it was not seen to run in a unit of its own\n".to_owned();
    };
    let Some(unit) = quotable(unit).filter(|it| !it.contains('/')) else {
        return format!("# not stated: its unit is called {}\n", untrusted(unit));
    };
    let mut allowed: BTreeMap<IpAddr, BTreeSet<&str>> = BTreeMap::new();
    let mut text = format!("# /etc/systemd/system/{unit}.d/50-tierzero.conf\n[Service]\n");
    for (call, (_, name)) in reach.calls.iter().filter(|(_, (verdict, _))| passes(*verdict)) {
        let ip = call.at.ip().to_canonical();
        if ip.is_unspecified() {
            let _ = writeln!(
                text,
                "# not stated: {} listens on every address, which one was called is not kept: port {}",
                untrusted(name),
                call.at.port()
            );
        } else {
            allowed.entry(ip).or_default().insert(name);
        }
    }
    for (ip, names) in allowed {
        let names: Vec<_> = names.into_iter().map(|it| untrusted(it).into_owned()).collect();
        let _ = writeln!(text, "# names an address, whatever its port: {}", names.join(", "));
        for (call, (_, name)) in reach.calls.iter().filter(|(_, (verdict, _))| !passes(*verdict)) {
            if call.at.ip().to_canonical() == ip {
                let _ =
                    writeln!(text, "# lets through as well, as it sits there: {} at {call}", untrusted(name));
            }
        }
        let _ = writeln!(text, "IPAddressAllow={ip}");
    }
    text.push_str("IPAddressDeny=any\n");
    text
}
