//! Which host this is.

use std::fs;

use tierzero_core::event::HostDescription;
use tierzero_core::id::HostId;

/// Purpose mixed into the derived id, so that no other program's id of this host is the same (machine-id(5)).
const PURPOSE: &str = "tierzero/host/1";

/// Describes this host. The id is derived from /etc/machine-id, or /var/lib/dbus/machine-id, never the machine id
/// itself. Where neither holds one it is derived from the product UUID of the board (root only), and where that
/// is absent too from the host name: then two hosts of one name have one id, and a new name is a new host.
#[must_use]
pub fn describe() -> HostDescription {
    let name = line("/proc/sys/kernel/hostname").unwrap_or_default();
    HostDescription {
        id: id(&name),
        kernel: line("/proc/sys/kernel/osrelease").unwrap_or_default(),
        boot_id: line("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
        name,
    }
}

fn id(name: &str) -> HostId {
    let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .into_iter()
        .filter_map(line)
        .find(|id| is_machine_id(id));
    let board = || line("/sys/class/dmi/id/product_uuid").filter(|id| id.len() == 36);
    match machine.or_else(board) {
        Some(source) => HostId::derive(&[PURPOSE, &source]),
        None => HostId::derive(&[PURPOSE, "name", name]),
    }
}

/// 32 hex digits, and not all zero. An image in its first boot says `uninitialized` (machine-id(5)).
fn is_machine_id(text: &str) -> bool {
    text.len() == 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}

/// First line of a small file, if it holds anything.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_this_host_and_never_its_machine_id() {
        let host = describe();
        assert_eq!(host, describe());
        assert!(host.id.as_str().starts_with("h-") && !host.name.is_empty() && !host.kernel.is_empty());
        assert_eq!(host.boot_id.len(), 36);
        if let Some(machine) = line("/etc/machine-id") {
            assert!(!host.id.as_str().contains(&machine) && !machine.contains(&host.id.as_str()[2..]));
        }
    }

    #[test]
    fn knows_a_machine_id() {
        assert!(is_machine_id("3d1219c7c4c5404aaa1f6d2a48adfda4"));
        assert!(!is_machine_id("uninitialized") && !is_machine_id("") && !is_machine_id(&"0".repeat(32)));
    }
}
