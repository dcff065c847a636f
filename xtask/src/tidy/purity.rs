//! What `core` and the kernel side must not even be able to do.

use super::Offence;
use super::manifests::{Dependency, dependencies};
use super::tokens::{Token, stands};
use super::tree::{File, Tree};

/// Modules of `std` that reach the world.
const MODULES: [&str; 6] = ["fs", "env", "thread", "process", "os", "backtrace"];

/// Types and macros that reach the world, wherever they are imported from.
const WORLDLY: [&str; 18] = [
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "stdin",
    "stdout",
    "stderr",
    "println",
    "print",
    "eprintln",
    "eprint",
    "RandomState",
    "thread_local",
    "tokio",
];

/// Libraries that would bring the world in.
const LIBRARIES: [&str; 16] = [
    "aya",
    "async-std",
    "getrandom",
    "libc",
    "log",
    "mio",
    "nix",
    "notify",
    "rand",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tracing",
];

/// What would change the kernel's or a process's course, or write where someone waits.
const MEDDLING: [&str; 22] = [
    "bpf_probe_write_user",
    "bpf_override_return",
    "bpf_send_signal",
    "bpf_send_signal_thread",
    "bpf_printk",
    "bpf_trace_printk",
    "bpf_trace_vprintk",
    "bpf_skb_store_bytes",
    "bpf_skb_change_proto",
    "bpf_skb_change_tail",
    "bpf_skb_adjust_room",
    "bpf_setsockopt",
    "bpf_redirect",
    "bpf_clone_redirect",
    "bpf_sk_assign",
    "bpf_sk_redirect_map",
    "bpf_msg_push_data",
    "bpf_msg_pop_data",
    "bpf_bind",
    "bpf_sysctl_set_new_value",
    "bpf_sys_bpf",
    "aya_log_ebpf",
];

/// No clock, file, socket, thread, environment or runtime in `core`. Its own tests may read recorded cases.
pub(super) fn core_is_pure(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("userspace/core/src/") && !file.is_test()) {
        for (at, token) in file.tokens.iter().enumerate() {
            if token.test || token.literal {
                continue;
            }
            let worldly = if token.text == "std" && stands(&file.tokens, at + 1, &["::"]) {
                modules_of(&file.tokens, at + 2)
                    .into_iter()
                    .find(|module| MODULES.contains(module))
                    .map(|module| format!("std::{module}"))
            } else if WORLDLY.contains(&token.text.as_str()) {
                Some(token.text.clone())
            } else if (token.text == "Timestamp" || token.text == "Zoned")
                && stands(&file.tokens, at + 1, &["::", "now"])
            {
                Some(format!("{}::now", token.text))
            } else {
                None
            };
            if let Some(worldly) = worldly {
                let says = format!(
                    "`{worldly}` in `core`; take what it would give as an argument, and let `cli`, `host` or `sensor` fetch it"
                );
                offences.push(Offence::new(&file.path, token.line, says));
            }
        }
    }
    if let Some(manifest) = tree.file("userspace/core/Cargo.toml") {
        for Dependency { name, line, .. } in dependencies(manifest) {
            if LIBRARIES.contains(&name.as_str()) {
                offences.push(Offence::new(
                    &manifest.path,
                    line,
                    format!("`core` may not depend on `{name}`: it reaches the world"),
                ));
            }
        }
    }
    offences
}

/// The first names behind `std::`, through a `{...}` if there is one.
fn modules_of(tokens: &[Token], at: usize) -> Vec<&str> {
    let Some(first) = tokens.get(at) else { return Vec::new() };
    if first.text != "{" {
        return vec![first.text.as_str()];
    }
    let mut depth = 0_usize;
    let mut fresh = false;
    let mut modules = Vec::new();
    for token in tokens.get(at..).unwrap_or_default() {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                fresh = depth == 1;
            }
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            "," => fresh = depth == 1,
            name => {
                if fresh {
                    modules.push(name);
                }
                fresh = false;
            }
        }
    }
    modules
}

/// `#![forbid(unsafe_code)]` at the root of `core`.
pub(super) fn core_forbids_unsafe(tree: &Tree) -> Vec<Offence> {
    let Some(root) = tree.file("userspace/core/src/lib.rs") else { return Vec::new() };
    let forbids = |at| stands(&root.tokens, at, &["#", "!", "[", "forbid", "(", "unsafe_code"]);
    if (0..root.tokens.len()).any(forbids) {
        return Vec::new();
    }
    vec![Offence::new(
        &root.path,
        1,
        "does not say `#![forbid(unsafe_code)]`; put it below the module's docs",
    )]
}

/// The kernel side knows `maps` and aya-ebpf, calls nothing that meddles, and has no loop without a bound.
pub(super) fn kernel_side_only_observes(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    if let Some(manifest) = tree.file("ebpf/Cargo.toml") {
        for Dependency { name, line, .. } in dependencies(manifest) {
            if name != "tierzero-maps" && name != "aya-ebpf" && name != "aya-build" {
                offences.push(Offence::new(
                    &manifest.path,
                    line,
                    format!(
                        "the kernel side depends on `{name}`; `tierzero-maps` and `aya-ebpf` are all it needs"
                    ),
                ));
            }
        }
    }
    for file in tree.rust().filter(|file: &&File| file.path.starts_with("ebpf/src/")) {
        for (at, token) in file.tokens.iter().enumerate().filter(|(_, token)| !token.literal) {
            if MEDDLING.contains(&token.text.as_str()) {
                offences.push(Offence::new(
                    &file.path,
                    token.line,
                    format!(
                        "`{}` does more than observe; report a record, and let user space decide",
                        token.text
                    ),
                ));
            }
            // A panic handler never returns; the verifier refuses whatever could reach it.
            if token.text == "loop" && !stands(&file.tokens, at + 1, &["{", "}"]) {
                offences.push(Offence::new(
                    &file.path,
                    token.line,
                    "`loop` has no bound to see; write `for _ in 0..LIMIT`",
                ));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(source: &str) -> Vec<Offence> {
        core_is_pure(&Tree::of(&[("userspace/core/src/a.rs", source)]))
    }

    #[test]
    fn the_world_is_found_however_it_is_imported() {
        assert_eq!(core("use std::fs;").len(), 1);
        assert_eq!(core("use std::{collections::BTreeMap, net::{IpAddr, TcpStream}, thread};").len(), 2);
        assert_eq!(core("fn a() { let b = std::env::var(\"C\"); }").len(), 1);
        assert_eq!(core("fn a() { let b = jiff::Timestamp::now(); }").len(), 1);
        assert_eq!(core("use std::time::{Duration, Instant};").len(), 1);
        assert_eq!(core("fn a() { println!(\"b\"); }").len(), 1);
    }

    #[test]
    fn values_and_tests_are_fine() {
        assert!(
            core(
                "use std::{collections::BTreeMap, net::IpAddr, time::Duration};\nuse crate::subject::process;"
            )
            .is_empty()
        );
        assert!(
            core("// std::fs\n#[cfg(test)]\nmod tests { fn a() { std::fs::read(\"case\"); } }").is_empty()
        );
    }

    #[test]
    fn a_worldly_library_is_found() {
        let tree = Tree::of(&[("userspace/core/Cargo.toml", "[dependencies]\ntokio.workspace = true\n")]);
        assert_eq!(core_is_pure(&tree)[0].line, 2);
    }

    #[test]
    fn core_without_forbid_is_found() {
        let root = |source| core_forbids_unsafe(&Tree::of(&[("userspace/core/src/lib.rs", source)])).len();
        assert_eq!(root("//! x\n// #![forbid(unsafe_code)]\n"), 1);
        assert_eq!(root("//! x\n#![forbid(unsafe_code)]\n"), 0);
    }

    #[test]
    fn a_meddling_kernel_side_is_found() {
        let tree = Tree::of(&[
            ("ebpf/Cargo.toml", "[dependencies]\naya-ebpf = \"=0.2.1\"\naya-log-ebpf = \"0.1\"\n"),
            ("ebpf/src/main.rs", "fn a() { loop { bpf_send_signal(9); } }\n"),
        ]);
        assert_eq!(kernel_side_only_observes(&tree).len(), 3);
    }
}
