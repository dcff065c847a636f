//! Opening: what the file is, whether it is sound, and how it is written.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Inner, StoreError};
use crate::place::Place;
use crate::{Limits, Store, migrate};

/// How long a statement waits for another program.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

impl Store {
    /// Opens for writing; makes the directory (0700) and the file (0600) where they are not there yet.
    ///
    /// # Errors
    /// Every kind but [`StoreError::Absent`] and [`StoreError::Older`].
    pub fn open(place: Place) -> Result<Self, StoreError> {
        let mut connection = match &place {
            Place::Memory => Connection::open_in_memory().map_err(|error| Inner::from(error).at(&place))?,
            Place::File(path) => {
                make_file(&place, path)?;
                Connection::open_with_flags(
                    path,
                    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                )
                .map_err(|error| Inner::from(error).at(&place))?
            }
        };
        harden(&connection).map_err(|error| Inner::from(error).at(&place))?;
        recognise(&connection, &place)?;
        let read_only = connection.is_readonly("main").map_err(|error| Inner::from(error).at(&place))?;
        if read_only {
            return Err(StoreError::ReadOnly { place, says: "it was opened for reading only".to_owned() });
        }
        sound(&connection, &place)?;
        prepare(&mut connection).map_err(|error| Inner::from(error).at(&place))?;
        Ok(Self { connection, place, limits: Limits::default(), session: None })
    }

    /// Opens for reading. Writers are not disturbed, and each call sees all that was committed before it.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where there is no database, and the other kinds as they come.
    pub fn open_read_only(place: Place) -> Result<Self, StoreError> {
        let Place::File(path) = &place else { return Err(StoreError::Absent { place }) };
        match std::fs::File::open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Absent { place });
            }
            Err(error) => return Err(StoreError::from_io(&place, "opening it", &error)),
        }
        let connection = match read_only(path, &place, false) {
            // On a read-only file system no -shm can be made; without a log nobody else can be writing either.
            Err(StoreError::ReadOnly { .. }) if !has_log(path) => read_only(path, &place, true)?,
            other => other?,
        };
        let found = migrate::version(&connection).map_err(|error| Inner::from(error).at(&place))?;
        match found {
            0 => Err(StoreError::Absent { place }),
            found if found < migrate::newest() => {
                Err(StoreError::Older { place, found, known: migrate::newest() })
            }
            _ => Ok(Self { connection, place, limits: Limits::default(), session: None }),
        }
    }
}

fn make_file(place: &Place, path: &Path) -> Result<(), StoreError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(|error| StoreError::from_io(place, "making its directory", &error))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::from_io(place, "making it", &error)),
    }
    let metadata =
        std::fs::metadata(path).map_err(|error| StoreError::from_io(place, "looking at it", &error))?;
    if !metadata.is_file() {
        return Err(StoreError::Other { place: place.clone(), says: "it is no regular file".to_owned() });
    }
    // SQLite would silently open a file that it may not write for reading alone.
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::from_io(place, "opening it for writing", &error)),
    }
}

fn read_only(path: &Path, place: &Place, immutable: bool) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = if immutable {
        Connection::open_with_flags(immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)
    } else {
        Connection::open_with_flags(path, flags)
    };
    let connection = opened.map_err(|error| Inner::from(error).at(place))?;
    harden(&connection).map_err(|error| Inner::from(error).at(place))?;
    recognise(&connection, place)?;
    Ok(connection)
}

/// `file:` URI by <https://www.sqlite.org/uri.html>: everything but unreserved characters is percent-encoded.
fn immutable_uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri + "?immutable=1"
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(Place::beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// The file may come from anywhere: no function or trigger in it is run, and cells are checked as they are read.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Is it a database, ours, and of a schema that is known?
fn recognise(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let at = |error: rusqlite::Error| Inner::from(error).at(place);
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(at)?;
    let application_id: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(at)?;
    let found = migrate::version(connection).map_err(at)?;
    let new = tables == 0 && application_id == 0 && found == 0;
    if !new && application_id != migrate::APPLICATION_ID {
        return Err(StoreError::NotOurs { place: place.clone(), application_id });
    }
    if found > migrate::newest() {
        return Err(StoreError::Newer { place: place.clone(), found, known: migrate::newest() });
    }
    Ok(())
}

/// Walks the whole file once. Its size is bounded by [`Limits`], so this takes well under a second.
fn sound(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let says: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| Inner::from(error).at(place))?;
    if says == "ok" { Ok(()) } else { Err(StoreError::Corrupt { place: place.clone(), says }) }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    // An in-memory database answers `memory` here, which is as it should be.
    let _mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // After a burst, the log file shrinks back to this.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);
    migrate::migrate(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_any_byte_is_one_path_in_a_uri() {
        assert_eq!(immutable_uri(Path::new("/a b/c?d#e%f")), "file:/a%20b/c%3fd%23e%25f?immutable=1");
    }
}
