//! Where a store is kept.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a store is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a file, with SQLite's own `-wal` and `-shm` beside it, the session lock (`.lock`) and `fingerprint.key`.
    File(PathBuf),
    /// In memory: gone when the program ends.
    Memory,
}

impl Place {
    /// From a command line: `:memory:` keeps nothing, everything else is a path.
    #[must_use]
    pub fn from_argument(argument: &Path) -> Self {
        if argument.as_os_str() == ":memory:" { Self::Memory } else { Self::File(argument.to_owned()) }
    }

    /// A file beside the database: its own path with `suffix` appended.
    pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory => f.write_str(":memory:"),
        }
    }
}
