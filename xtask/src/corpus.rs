//! `cargo xtask corpus`: judges `tierzero replay` on real captures with known truth, where they are at hand.
//!
//! The captures carry their owners' licences and are no part of the repository: they are looked for beside it.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{run as run_program, target, top};
use crate::{Outcome, process};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folder with `score.py` and the sets of captures [default: ../shared/corpus beside the repository].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Set of captures: a folder in it with a truth.tsv.
    #[arg(long, default_value = "open")]
    set: String,
    /// Judge the flows of this protocol only.
    #[arg(long, value_name = "PROTOCOL")]
    only: Option<String>,
    /// Flows to list that got less than a full point.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    misses: usize,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let folder = arguments.folder.unwrap_or_else(|| top().join("../shared/corpus"));
    let (judge, set) = (folder.join("score.py"), folder.join(&arguments.set));
    for needed in [&judge, &set.join("truth.tsv")] {
        if !needed.exists() {
            println!("skipped: {} is not there; name the folder with --folder", needed.display());
            return Ok(());
        }
    }
    if !process::answers("python3", &["--version"]) {
        println!("skipped: the judge is a Python program (apt-get install python3)");
        return Ok(());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    run_program(build.current_dir(top()).args(["build", "--locked", "--release", "-p", "tierzero"]))?;
    let mut judging = Command::new("python3");
    judging.arg(judge).arg(set).arg("--tierzero").arg(target().join("release/tierzero"));
    judging.arg("--misses").arg(arguments.misses.to_string());
    if let Some(protocol) = arguments.only {
        judging.args(["--only", &protocol]);
    }
    run_program(&mut judging)
}
