//! The key for fingerprints: made once, kept beside the database, never in it.
//!
//! Whoever gets the database alone can't try passwords against its fingerprints.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::Store;
use crate::error::StoreError;
use crate::place::Place;

/// Name of the key's file, in the directory of the database.
const NAME: &str = "fingerprint.key";

impl Store {
    /// The key of this installation; made from the operating system's randomness when there is none. In memory:
    /// a fresh one each time.
    ///
    /// # Errors
    /// [`StoreError::Key`] when it can't be made, read, or others may read it.
    pub fn installation_key(&mut self) -> Result<[u8; 32], StoreError> {
        match &self.place {
            Place::Memory => fresh()
                .map_err(|error| StoreError::Key { path: ":memory:".to_owned(), says: error.to_string() }),
            Place::File(path) => {
                let path = path.with_file_name(NAME);
                read_or_make(&path).map_err(|error| StoreError::Key {
                    path: path.display().to_string(),
                    says: error.to_string(),
                })
            }
        }
    }
}

fn fresh() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(key)
}

fn read_or_make(path: &Path) -> io::Result<[u8; 32]> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    let unfinished = Path::new(&unfinished);
    let made = write(unfinished).and_then(|()| match fs::hard_link(unfinished, path) {
        // Another process was first: its key stands.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = fs::remove_file(unfinished);
    made?;
    removed?;
    read(path)
}

/// Written under another name first, so that a kill never leaves half a key under the right one.
fn write(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&fresh()?)?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "its mode is {:04o}: others may read it",
            metadata.mode() & 0o7777
        )));
    }
    if metadata.len() != 32 {
        return Err(io::Error::other(format!("it holds {} bytes, not 32", metadata.len())));
    }
    let mut key = [0; 32];
    file.read_exact(&mut key)?;
    Ok(key)
}
