//! The tools that build the object: Debian's rustc with its library sources, LLVM, bpf-linker.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::output;

/// What is needed, by hand.
const SETUP: &str = "apt-get install rustc-web rust-web-src llvm-22-dev && \
                     LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --version 0.13.0 --no-default-features --features llvm-22";

/// The tools.
pub(crate) struct Toolchain {
    /// A rustc whose sysroot has the library sources.
    pub(crate) rustc: PathBuf,
    /// Where its library sources are.
    pub(crate) sources: PathBuf,
    /// Strips DWARF.
    pub(crate) objcopy: PathBuf,
    /// Lists symbols.
    pub(crate) nm: PathBuf,
    /// Directory of bpf-linker.
    pub(crate) linker: PathBuf,
    versions: String,
}

impl Toolchain {
    /// Finds them, or says which one is missing and how to get it.
    pub(crate) fn find() -> Result<Self, String> {
        let rustc = PathBuf::from("/usr/bin/rustc");
        let missing = |what: &str| format!("{what} is missing. What the build needs: {SETUP}");
        let version = output(Command::new(&rustc).arg("--version"))
            .map_err(|_| missing("Debian's rustc (/usr/bin/rustc)"))?;
        let sysroot = output(Command::new(&rustc).args(["--print", "sysroot"]))?;
        let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        if !sources.join("library/core").exists() {
            return Err(missing("the library sources of /usr/bin/rustc (rust-web-src)"));
        }
        let objcopy = PathBuf::from("/usr/lib/llvm-22/bin/llvm-objcopy");
        if !objcopy.exists() {
            return Err(missing("LLVM 22 (/usr/lib/llvm-22)"));
        }
        let nm = PathBuf::from("/usr/lib/llvm-22/bin/llvm-nm");
        let linker = cargo_home().join("bin");
        let linker_version = output(Command::new(linker.join("bpf-linker")).arg("--version"))
            .map_err(|_| missing("bpf-linker"))?;
        let versions = format!("{}\n{}\n", version.trim(), linker_version.trim());
        Ok(Self { rustc, sources, objcopy, nm, linker, versions })
    }

    /// One version a line, as the file beside the object has them.
    pub(crate) fn versions(&self) -> &str {
        &self.versions
    }

    /// The same in one line.
    pub(crate) fn line(&self) -> String {
        self.versions.trim().replace('\n', ", ")
    }
}

/// `$CARGO_HOME`, else `~/.cargo`.
pub(crate) fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_else(|| {
        std::env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from).join(".cargo")
    })
}
