//! One flat network: five network namespaces on one bridge, the bridge in a namespace of its own.
//!
//! Names carry the run, addresses do not: two runs at once have two bridges with the same addresses on them, and
//! nothing of either reaches the host.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Roles and the third octet of their address: `10.77.N.2/16` and `fd77::N:2/64`.
pub(crate) const ROLES: [(&str, u8); 5] = [("agt", 10), ("leg", 20), ("mod", 30), ("app", 40), ("ops", 50)];

const NAMES: &str = "/run/netns";

/// The namespaces of one run; dropping it removes them.
#[derive(Debug)]
pub(crate) struct Network {
    run: String,
}

impl Network {
    /// Builds the network. `run` starts with the process id of the lab, so that a later lab knows what is left over.
    pub(crate) fn build(run: &str) -> Result<Self, String> {
        sweep();
        let network = Self { run: run.to_owned() };
        let bridge = network.name("lab");
        ip(&["netns", "add", &bridge])?;
        ip(&["-n", &bridge, "link", "add", "bridge", "type", "bridge", "stp_state", "0"])?;
        ip(&["-n", &bridge, "link", "set", "bridge", "up"])?;
        for (role, number) in ROLES {
            let name = network.name(role);
            let port = format!("port-{role}");
            ip(&["netns", "add", &name])?;
            ip(&[
                "-n", &bridge, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &name,
            ])?;
            ip(&["-n", &bridge, "link", "set", &port, "master", "bridge", "up"])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            ip(&["-n", &name, "address", "add", &format!("10.77.{number}.2/16"), "dev", "eth0"])?;
            ip(&[
                "-n",
                &name,
                "-6",
                "address",
                "add",
                &format!("fd77::{number}:2/64"),
                "dev",
                "eth0",
                "nodad",
            ])?;
            ip(&["-n", &name, "link", "set", "eth0", "up"])?;
        }
        Ok(network)
    }

    /// The file that holds a role's namespace open.
    pub(crate) fn path(&self, role: &str) -> PathBuf {
        Path::new(NAMES).join(self.name(role))
    }

    /// Inode number of each role's namespace: what the graph calls `netns`.
    pub(crate) fn inodes(&self) -> Result<BTreeMap<String, String>, String> {
        ROLES
            .iter()
            .map(|(role, _)| {
                let path = self.path(role);
                let metadata =
                    std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                Ok((metadata.ino().to_string(), (*role).to_owned()))
            })
            .collect()
    }

    fn name(&self, role: &str) -> String {
        format!("tz-{}-{role}", self.run)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for role in ROLES.iter().map(|(role, _)| *role).chain(["lab"]) {
            if self.path(role).exists() {
                let _ = ip(&["netns", "delete", &self.name(role)]);
            }
        }
    }
}

/// Removes what labs left behind whose process is gone (killed before they could clean up).
fn sweep() {
    let Ok(names) = std::fs::read_dir(NAMES) else {
        return;
    };
    for name in names.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        let owner = name.strip_prefix("tz-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

/// Runs ip(8). Not through the lab's own waiting: cleaning up must work after the signal to stop.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments)
        .process_group(0)
        .output()
        .map_err(|error| format!("ip could not be started (package iproute2): {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let says = String::from_utf8_lossy(&output.stderr);
        Err(format!("ip {} ended with {}: {}", arguments.join(" "), output.status, says.trim()))
    }
}
