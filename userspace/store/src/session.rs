//! Runs, and the times between them.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use tierzero_core::graph::DegradedInterval;

use crate::apply::{nanoseconds, timestamp};
use crate::error::{Inner, StoreError};
use crate::place::Place;
use crate::{Session, Store};

impl Store {
    /// Begins a run at `at`, the time of its first event (for a replay: of the log's first event, not of now).
    ///
    /// The time since the last run ended, or since its last write where it did not end in order, is recorded as
    /// blind and returned. It is in the snapshot from then on, so begin before handing a snapshot to the pipeline.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has a run open on the same file, and the other kinds.
    pub fn begin_session(&mut self, at: Timestamp) -> Result<Option<DegradedInterval>, StoreError> {
        let lock = match &self.place {
            Place::Memory => None,
            // Taken over from a run of this store that was not ended.
            Place::File(_) if self.session.is_some() => self.session.take().and_then(|session| session._lock),
            Place::File(path) => Some(take_lock(&self.place, &Place::beside(path, ".lock"))?),
        };
        let (number, blind) =
            begin(&mut self.connection, at).map_err(|error| Inner::from(error).at(&self.place))?;
        self.session = Some(Session { number, _lock: lock });
        Ok(blind)
    }

    /// Says that observation went on until `at` though nothing changed: after a kill, less is blind.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn touch_session(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.close("UPDATE session SET last_ns = max(last_ns, ?2) WHERE number = ?1", at)
    }

    /// Ends the run in order at `at`, and brings everything from the log into the file and onto the disk.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn end_session(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.close(
            "UPDATE session SET last_ns = max(last_ns, ?2), ended_ns = max(last_ns, ?2) WHERE number = ?1",
            at,
        )?;
        self.session = None;
        // Row of (busy, pages in the log, pages moved). A reader that keeps pages back is no failure: they stay in the log.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| Inner::from(error).at(&self.place))
    }

    fn close(&mut self, sql: &str, at: Timestamp) -> Result<(), StoreError> {
        let Some(session) = &self.session else {
            return Err(StoreError::NoSession { place: self.place.clone() });
        };
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute((session.number, nanoseconds(at))))
            .map_err(|error| Inner::from(error).at(&self.place))?;
        Ok(())
    }
}

fn begin(connection: &mut Connection, at: Timestamp) -> rusqlite::Result<(i64, Option<DegradedInterval>)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before: Option<(i64, Option<i64>)> = transaction
        .query_row(
            "SELECT last_ns, ended_ns FROM session ORDER BY last_ns DESC, number DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let now = nanoseconds(at);
    let blind = before
        .map(|(last, ended)| (ended.unwrap_or(last), ended.is_some()))
        .filter(|(from, _)| *from < now)
        .map(|(from, in_order)| DegradedInterval {
            from: timestamp(from),
            to: timestamp(now),
            reason: if in_order { "not running" } else { "not running; the run before did not end in order" }
                .to_owned(),
        });
    if let Some(DegradedInterval { from, to, reason }) = &blind {
        transaction.execute(
            "INSERT OR IGNORE INTO blind (from_ns, to_ns, reason) VALUES (?1, ?2, ?3)",
            (nanoseconds(*from), nanoseconds(*to), reason),
        )?;
    }
    transaction.execute("INSERT INTO session (started_ns, last_ns) VALUES (?1, ?1)", [now])?;
    let number = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok((number, blind))
}

fn take_lock(place: &Place, path: &std::path::Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| StoreError::from_io(place, "making its lock", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { place: place.clone() }),
        Err(TryLockError::Error(error)) => Err(StoreError::from_io(place, "taking its lock", &error)),
    }
}
