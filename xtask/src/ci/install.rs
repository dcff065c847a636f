//! What `cargo xtask ci --install` puts on a fresh Debian 12: packages by apt, tools by cargo.

use std::path::Path;
use std::process::Command;

use crate::process::{self, answers};

/// To build the kernel side; it needs a rustc whose library sources are there, and LLVM at least as new.
const KERNEL_SIDE: [&str; 6] =
    ["rustc-web", "rust-web-src", "llvm-22-dev", "g++", "zlib1g-dev", "libzstd-dev"];
/// To boot other kernels.
const MACHINES: [&str; 6] = ["qemu-system-x86", "busybox-static", "cpio", "xz-utils", "zstd", "lz4"];
/// What the lab observes, and how it builds its networks.
const LAB: [&str; 21] = [
    "redis-server",
    "postgresql",
    "nginx",
    "mosquitto",
    "mosquitto-clients",
    "memcached",
    "nats-server",
    "openssh-server",
    "openssh-client",
    "socat",
    "curl",
    "openssl",
    "python3",
    "iproute2",
    "nftables",
    "conntrack",
    "procps",
    "python3-venv",
    "stunnel4",
    "slapd",
    "ldap-utils",
];

/// While packages are installed, their services are not started: the lab starts its own, elsewhere.
const NO_SERVICES: &str = "/usr/sbin/policy-rc.d";

const LINKER: &str = "0.13.0";
const DENY: &str = "0.20.2";

/// Installs whatever is missing; what is there stays as it is.
pub(super) fn install() -> Result<(), String> {
    if !process::is_root() {
        return Err(
            "installing packages needs root; without --install the steps say what they lack".to_owned()
        );
    }
    packages()?;
    if !answers("bpf-linker", &["--version"]) {
        let mut command = Command::new("cargo");
        command.args([
            "install",
            "--quiet",
            "bpf-linker",
            "--version",
            LINKER,
            "--locked",
            "--no-default-features",
        ]);
        command.args(["--features", "llvm-22"]).env("LLVM_PREFIX", "/usr/lib/llvm-22");
        tool(&mut command)?;
    }
    if !answers("cargo", &["deny", "--version"]) {
        let mut command = Command::new("cargo");
        // Without optimisation: it compiles in half the time, and checks this tree in a second all the same.
        command.args([
            "install",
            "cargo-deny",
            "--version",
            DENY,
            "--locked",
            "--no-default-features",
            "--debug",
        ]);
        tool(&mut command)?;
    }
    Ok(())
}

fn packages() -> Result<(), String> {
    let ours = !Path::new(NO_SERVICES).exists();
    if ours {
        let script = "#!/bin/sh\nexit 101\n";
        std::fs::write(NO_SERVICES, script)
            .map_err(|error| format!("cannot write {NO_SERVICES}: {error}"))?;
        process::run(Command::new("chmod").args(["755", NO_SERVICES]))?;
    }
    let installed = apt(&["update", "-qq"]).and_then(|()| {
        let mut words = vec!["install", "-qq", "-y", "--no-install-recommends"];
        words.extend(KERNEL_SIDE.iter().chain(&MACHINES).chain(&LAB));
        apt(&words)
    });
    if ours {
        std::fs::remove_file(NO_SERVICES).map_err(|error| format!("cannot remove {NO_SERVICES}: {error}"))?;
    }
    installed
}

fn apt(words: &[&str]) -> Result<(), String> {
    println!("$ apt-get {}", words.join(" "));
    let mut command = Command::new("apt-get");
    command.args(["-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confold"]).args(words);
    // RUNLEVEL: packages that do not ask the policy believe to be in single-user mode. The hundreds of lines that apt
    // writes matter only when it fails.
    process::output(command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1")).map(|_| ())
}

/// Builds a tool away from our own target directory, whose profile and flags it does not share.
fn tool(command: &mut Command) -> Result<(), String> {
    let place = process::target().join("tools");
    println!("$ {}", shown(command));
    let built = process::run(command.env("CARGO_TARGET_DIR", &place).current_dir("/"));
    // Only the installed program is needed.
    let _ = std::fs::remove_dir_all(&place);
    built
}

/// A command line as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(std::ffi::OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
