//! `cargo xtask ebpf`: build the eBPF object, prove that the committed one is the same, watch what the verifier walks.

mod build;
mod counts;
mod toolchain;

use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::process::top;
use toolchain::Toolchain;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build again and compare with the committed object instead of writing it.
    #[arg(long)]
    check: bool,
    /// Load the committed object and compare the instructions that the verifier walked with the golden file.
    #[arg(long, conflicts_with = "check")]
    verify_counts: bool,
    /// With --verify-counts: write the golden file's lines for this kernel.
    #[arg(long, requires = "verify_counts")]
    bless: bool,
}

/// The committed object.
fn committed() -> PathBuf {
    top().join("ebpf/tierzero.bpf.o")
}

/// What the committed object was built with.
fn committed_toolchain() -> PathBuf {
    top().join("ebpf/tierzero.bpf.toolchain")
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { check, verify_counts, bless } = arguments;
    if verify_counts {
        return counts::run(bless);
    }
    let toolchain = Toolchain::find()?;
    let built = build::object(&toolchain)?;
    let read = |path: PathBuf| fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
    if !check {
        let write = |path: PathBuf, bytes: &[u8]| {
            fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
        };
        write(committed(), &built)?;
        write(committed_toolchain(), toolchain.versions().as_bytes())?;
        println!("ebpf/tierzero.bpf.o: {} bytes, built with {}", built.len(), toolchain.line());
        return Ok(());
    }
    if read(committed())? == built {
        println!(
            "ebpf/tierzero.bpf.o is what its sources give ({} bytes, {})",
            built.len(),
            toolchain.line()
        );
        return Ok(());
    }
    let then = String::from_utf8_lossy(&read(committed_toolchain())?).into_owned();
    if then == toolchain.versions() {
        return Err("ebpf/tierzero.bpf.o is not what its sources give: run `cargo xtask ebpf` and commit it"
            .to_owned());
    }
    Err(format!(
        "ebpf/tierzero.bpf.o was built with other tools, so that it can't be compared: then {}, now {}. \
         Run `cargo xtask ebpf` and commit both files",
        then.trim().replace('\n', ", "),
        toolchain.line()
    ))
}
