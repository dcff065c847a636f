//! Building the object so that it is the same bytes from any directory.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::toolchain::{Toolchain, cargo_home};
use crate::process::{output, run, target, top};

/// Builds the object and strips what only a debugger needs.
pub(crate) fn object(tools: &Toolchain) -> Result<Vec<u8>, String> {
    let out = target().join("ebpf");
    let mut path = OsString::from(&tools.linker);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
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
        .env("RUSTC", compiler(tools, &out)?)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", &out)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Cdebuginfo=2\u{1f}-Clink-arg=--btf")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTUP_TOOLCHAIN"))?;
    let built = out.join("bpfel-unknown-none/release/tierzero");
    let stripped = out.join("tierzero.bpf.o");
    let renamed = out.join("symbols");
    let names = output(Command::new(&tools.nm).arg("--just-symbol-name").arg(&built))?;
    fs::write(&renamed, plain_names(&names)).map_err(|error| format!("{}: {error}", renamed.display()))?;
    let mut redefine = OsString::from("--redefine-syms=");
    redefine.push(&renamed);
    run(Command::new(&tools.objcopy).arg("--strip-debug").arg(redefine).arg(&built).arg(&stripped))?;
    fs::read(&stripped).map_err(|error| format!("{}: {error}", stripped.display()))
}

/// A rustc that takes the paths of this machine out of the line information that the verifier's log quotes. It is a
/// script, because flags that cargo knows of go into the hashes in symbol names, and these would differ by directory.
fn compiler(tools: &Toolchain, out: &Path) -> Result<PathBuf, String> {
    let quote = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", quote(from));
    let script = format!(
        "#!/bin/sh\nexec {} {} {} {} {} \"$@\"\n",
        quote(&tools.rustc),
        remap(&top(), "tierzero"),
        remap(&cargo_home(), "cargo"),
        remap(&tools.sources, "rust"),
        remap(out, "target"),
    );
    let place = out.join("rustc");
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    fs::create_dir_all(out).map_err(failed)?;
    if fs::read_to_string(&place).ok().as_deref() != Some(&script) {
        fs::write(&place, script).map_err(failed)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    Ok(place)
}

/// New names for functions that were not inlined: their mangled names hold a hash of the crate (`Cs` and its
/// disambiguator, RFC 2603), and cargo mixes the directory of a path dependency into it.
fn plain_names(names: &str) -> String {
    let mut lines = String::new();
    for name in names.lines().filter(|name| name.starts_with("_R")) {
        let plain: Vec<&str> = name
            .split("Cs")
            .enumerate()
            .map(
                |(part, text)| {
                    if part == 0 { text } else { text.split_once('_').map_or(text, |(_, rest)| rest) }
                },
            )
            .collect();
        lines.push_str(&format!("{name} {}\n", plain.join("C")));
    }
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_crates_hash_goes() {
        let names = "close\n_RNCNvNtNtCs8fPySuajvmh_8tierzero5hooks4unix6report0B7_\n";
        assert_eq!(
            super::plain_names(names),
            "_RNCNvNtNtCs8fPySuajvmh_8tierzero5hooks4unix6report0B7_ _RNCNvNtNtC8tierzero5hooks4unix6report0B7_\n"
        );
    }
}
