//! Building the object so that it is the same bytes from any directory.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use super::toolchain::{Toolchain, cargo_home};
use crate::process::{run, target, top};

/// Builds the object and strips what only a debugger needs.
pub(crate) fn object(tools: &Toolchain) -> Result<Vec<u8>, String> {
    let out = target().join("ebpf");
    let mut path = OsString::from(&tools.linker);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    // Paths of this machine would stand in the line information that the verifier's log quotes.
    let flags = [
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("--remap-path-prefix={}=tierzero", top().display()),
        format!("--remap-path-prefix={}=cargo", cargo_home().display()),
        format!("--remap-path-prefix={}=rust", tools.sources.display()),
        format!("--remap-path-prefix={}=target", out.display()),
    ];
    run(Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--target",
            "bpfel-unknown-none",
            "-Zbuild-std=core",
        ])
        .current_dir(top().join("ebpf"))
        .env("RUSTC", &tools.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", &out)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTUP_TOOLCHAIN"))?;
    let built = out.join("bpfel-unknown-none/release/tierzero");
    let stripped = out.join("tierzero.bpf.o");
    run(Command::new(&tools.objcopy).arg("--strip-debug").arg(&built).arg(&stripped))?;
    fs::read(&stripped).map_err(|error| format!("{}: {error}", stripped.display()))
}
