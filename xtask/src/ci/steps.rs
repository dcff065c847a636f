//! The steps of `cargo xtask ci`, in the order in which a mistake is cheapest to find.

use std::path::Path;

use crate::process::{self, answers};

/// One thing that must hold.
pub(super) struct Step {
    /// One word.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) says: &'static str,
    /// Ended after this many seconds.
    pub(super) limit_s: u32,
    /// What this machine lacks, and how to get it.
    pub(super) missing: fn() -> Option<String>,
    /// Run one after another from the top of the repository.
    pub(super) commands: fn() -> Vec<Vec<String>>,
}

/// Every step.
pub(super) const STEPS: [Step; 12] = [
    Step {
        name: "fmt",
        says: "the source is formatted, also outside the workspace",
        limit_s: 120,
        missing: || component("fmt"),
        commands: || {
            let mut all = vec![words("cargo fmt --all --check")];
            for manifest in ["ebpf/Cargo.toml", "tests/fuzz/Cargo.toml"] {
                if process::top().join(manifest).exists() {
                    all.push(words(&format!("cargo fmt --check --manifest-path {manifest}")));
                }
            }
            all
        },
    },
    Step {
        name: "tidy",
        says: "the rules of the house",
        limit_s: 60,
        missing: || None,
        commands: || vec![own("tidy")],
    },
    Step {
        name: "deny",
        says: "licences, bans and sources of the dependencies",
        limit_s: 120,
        missing: || {
            let there = answers("cargo", &["deny", "--version"]);
            (!there).then(|| "cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned())
        },
        commands: || vec![words("cargo deny --locked check --hide-inclusion-graph licenses bans sources")],
    },
    Step {
        name: "clippy",
        says: "the lint table, with warnings as errors",
        limit_s: 1200,
        missing: || component("clippy"),
        commands: || vec![words("cargo clippy --locked --workspace --all-targets -- -D warnings")],
    },
    Step {
        name: "build",
        says: "everything compiles with stable Rust and a C compiler",
        limit_s: 1200,
        missing: || None,
        commands: || vec![words("cargo build --locked --workspace --all-targets")],
    },
    Step {
        name: "test",
        says: "unit and integration tests, without root, network or clock",
        limit_s: 1200,
        missing: || None,
        commands: || {
            if answers("cargo", &["nextest", "--version"]) {
                let doc = words("cargo test --locked --workspace --doc");
                return vec![words("cargo nextest run --locked --workspace --profile ci"), doc];
            }
            vec![words("cargo test --locked --workspace --no-fail-fast")]
        },
    },
    Step {
        name: "golden",
        says: "recorded events still give the recorded verdicts, byte for byte",
        limit_s: 300,
        missing: || None,
        commands: || vec![own("golden")],
    },
    Step {
        name: "ebpf",
        says: "the committed object is what its source compiles to",
        limit_s: 600,
        missing: || {
            if !Path::new("/usr/bin/rustc").exists() {
                return Some(
                    "Debian's rustc is not installed (apt-get install rustc-web rust-web-src llvm-22-dev)"
                        .to_owned(),
                );
            }
            let there = answers("bpf-linker", &["--version"]);
            (!there).then(|| "bpf-linker is not installed (cargo xtask ci --install builds it)".to_owned())
        },
        commands: || vec![own("ebpf --check")],
    },
    Step {
        name: "counts",
        says: "the verifier walks as many instructions as when they were last looked at",
        limit_s: 300,
        missing: || (!process::is_root()).then(|| "loading eBPF programs needs root".to_owned()),
        commands: || vec![own("ebpf --verify-counts")],
    },
    Step {
        name: "lab",
        says: "real programs in network namespaces against the real observer",
        limit_s: 1500,
        missing: || (!process::is_root()).then(|| "network namespaces and eBPF need root".to_owned()),
        commands: || vec![own("lab")],
    },
    Step {
        name: "vm",
        says: "old and new kernels load the object and see both ends of a connection",
        limit_s: 600,
        missing: || {
            let there = answers("qemu-system-x86_64", &["--version"]);
            (!there).then(|| {
                "QEMU is not installed (apt-get install qemu-system-x86 busybox-static cpio)".to_owned()
            })
        },
        commands: || vec![own("vm")],
    },
    Step {
        name: "fuzz",
        says: "every decoder takes 20,000 hostile inputs, the same ones each time",
        limit_s: 1200,
        missing: || None,
        commands: || vec![own("fuzz --runs 20000")],
    },
];

/// A command line without quoting.
fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Another command of this program.
fn own(line: &str) -> Vec<String> {
    let program =
        process::own().map_or_else(|_| "xtask".to_owned(), |path| path.to_string_lossy().into_owned());
    std::iter::once(program).chain(words(line)).collect()
}

fn component(name: &str) -> Option<String> {
    let there = answers("cargo", &[name, "--version"]);
    (!there).then(|| format!("the toolchain has no {name} (rustup component add clippy rustfmt)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_own_name_a_limit_and_a_command() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
        // All limits together: what a run may take at the very worst, in an hour and a half of a CI machine.
        assert!(STEPS.iter().all(|step| step.limit_s > 0 && !(step.commands)().is_empty()));
    }
}
