//! What observing costs. Being built up.

use std::path::PathBuf;

/// The load program, which cargo puts beside this one.
pub(crate) fn load_program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let load = own.with_file_name("tierzero-load");
    if load.exists() { Ok(load) } else { Err(format!("{} was not built", load.display())) }
}
