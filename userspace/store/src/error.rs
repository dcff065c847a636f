//! What can go wrong with the memory, and what to do next.

use std::io;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::place::Place;

/// Why the store could not do it. Nothing that was stored before is lost by any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no database yet.
    #[error("there is no database at {place}")]
    Absent {
        /// Where one was looked for.
        place: Place,
    },
    /// The file is a database of another program.
    #[error("{place} is not a tierzero database (its application id is {application_id:#x})")]
    NotOurs {
        /// Which file.
        place: Place,
        /// What its header says.
        application_id: i32,
    },
    /// The file was written by a newer program.
    #[error("{place} has schema {found}; this program knows schemas up to {known}")]
    Newer {
        /// Which file.
        place: Place,
        /// Its schema number.
        found: u32,
        /// The newest schema number known here.
        known: u32,
    },
    /// The file is of an older schema and was opened for reading only.
    #[error("{place} has schema {found}, older than {known}, and reading alone can't raise it")]
    Older {
        /// Which file.
        place: Place,
        /// Its schema number.
        found: u32,
        /// The schema number that is needed.
        known: u32,
    },
    /// The file is damaged, or no database at all.
    #[error("{place} is damaged or no database: {says}")]
    Corrupt {
        /// Which file.
        place: Place,
        /// What was found.
        says: String,
    },
    /// The file or its directory can't be written.
    #[error("{place} can't be written: {says}")]
    ReadOnly {
        /// Which file.
        place: Place,
        /// What the system said.
        says: String,
    },
    /// The file may not be opened by this user.
    #[error("{place} may not be opened: {says}")]
    Denied {
        /// Which file.
        place: Place,
        /// What the system said.
        says: String,
    },
    /// No room is left.
    #[error("no room is left for {place}: {says}")]
    Full {
        /// Which file.
        place: Place,
        /// What the system said.
        says: String,
    },
    /// Another program held the database for longer than the busy timeout.
    #[error("{place} was busy for more than {} s", crate::open::BUSY.as_secs())]
    Busy {
        /// Which file.
        place: Place,
    },
    /// Another observer writes into this database.
    #[error("another tierzero writes into {place}")]
    InUse {
        /// Which file.
        place: Place,
    },
    /// Something was to be written before a session had begun.
    #[error("nothing can be written into {place} before a session has begun")]
    NoSession {
        /// Which file.
        place: Place,
    },
    /// The key for fingerprints can't be made or read.
    #[error("the fingerprint key {path} can't be used: {says}")]
    Key {
        /// Its path.
        path: String,
        /// Why.
        says: String,
    },
    /// Anything else that the file system or SQLite said.
    #[error("{place}: {says}")]
    Other {
        /// Which file.
        place: Place,
        /// What was said.
        says: String,
    },
}

impl StoreError {
    /// What to do next, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Absent { .. } => "run `tierzero observe` first, or name the file with --db".to_owned(),
            Self::NotOurs { .. } => "name another file with --db; this one was left as it is".to_owned(),
            Self::Newer { .. } => "use the tierzero that wrote it, or name another file with --db".to_owned(),
            Self::Older { .. } => "run `tierzero observe` once on this file: it raises the schema".to_owned(),
            Self::Corrupt { place, .. } => format!(
                "move {place} and the files {place}-wal and {place}-shm away (nothing was deleted); \
                 the next `tierzero observe` begins a new one"
            ),
            Self::ReadOnly { .. } => {
                "make the file and its directory writable, or name another place with --db".to_owned()
            }
            Self::Denied { .. } => "run as the user who owns it (mostly root), or name another file with --db".to_owned(),
            Self::Full { .. } => {
                "free some room on that file system; what was stored is intact, and writing goes on when there is room"
                    .to_owned()
            }
            Self::Busy { .. } => "find who holds it, for example with `fuser`, and try again".to_owned(),
            Self::InUse { .. } => "end the other `tierzero observe`, or name another file with --db".to_owned(),
            Self::NoSession { .. } => "this is a defect of tierzero: please report it".to_owned(),
            Self::Key { path, .. } => format!(
                "give {path} back to its owner with mode 0600; if it is lost, move it away: a new key is made, \
                 and fingerprints from before no longer compare"
            ),
            Self::Other { .. } => "see the message; nothing that was stored is lost".to_owned(),
        }
    }

    /// True when trying again later may succeed and nothing else needs to be done: no room, or busy.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Busy { .. })
    }

    /// Sorts an error of the file system.
    pub(crate) fn from_io(place: &Place, doing: &str, error: &io::Error) -> Self {
        let place = place.clone();
        let says = format!("{doing}: {error}");
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "io::ErrorKind is open and grows with the standard library"
        )]
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied { place, says },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { place, says },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { place, says },
            _ => Self::Other { place, says },
        }
    }
}

/// An error before the place is put to it.
#[derive(Debug)]
pub(crate) enum Inner {
    Sql(rusqlite::Error),
    /// A body that this program can't read or write: which, and why.
    Body(String, serde_json::Error),
}

impl From<rusqlite::Error> for Inner {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Inner {
    /// Sorts it, with the place that it happened at.
    pub(crate) fn at(self, place: &Place) -> StoreError {
        let place = place.clone();
        let error = match self {
            Self::Body(which, error) => {
                return StoreError::Corrupt { place, says: format!("{which} can't be read: {error}") };
            }
            Self::Sql(error) => error,
        };
        let says = error.to_string();
        let extended = error.sqlite_extended_error_code().unwrap_or_default();
        // The shared memory file could not grow: on a full file system SQLite says so by these two codes alone.
        if extended == ffi::SQLITE_IOERR_SHMSIZE || extended == ffi::SQLITE_IOERR_SHMMAP {
            return StoreError::Full { place, says };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt { place, says },
            Some(ErrorCode::DiskFull) => StoreError::Full { place, says },
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { place, says },
            Some(ErrorCode::CannotOpen) => StoreError::ReadOnly { place, says },
            Some(ErrorCode::PermissionDenied) => StoreError::Denied { place, says },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { place },
            _ => StoreError::Other { place, says },
        }
    }
}
