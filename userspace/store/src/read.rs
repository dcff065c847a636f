//! Reading: the whole graph, or one thing of it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use serde::de::DeserializeOwned;
use tierzero_core::graph::{
    CoverageSummary, DegradedInterval, Edge, Flow, Host, Listener, Snapshot, Workload,
};
use tierzero_core::id::{EdgeId, ListenerId, WorkloadId};

use crate::Store;
use crate::apply::{nanoseconds, timestamp};
use crate::error::{Inner, StoreError};

impl Store {
    /// The whole graph as of one moment, everything in order of id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where something stored can't be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.read(|connection| {
            Ok(Snapshot {
                window: window(connection)?,
                hosts: hosts(connection)?,
                coverage: coverage(connection)?,
                workloads: all(connection, "workload", "SELECT id, body FROM workload ORDER BY id", [])?,
                listeners: all(connection, "listener", "SELECT id, body FROM listener ORDER BY id", [])?,
                edges: all(connection, "edge", "SELECT id, body FROM edge ORDER BY id", [])?,
                holders: all(connection, "holder", "SELECT id, body FROM holder ORDER BY id", [])?,
                agents: all(connection, "agent", "SELECT id, body FROM agent ORDER BY id", [])?,
                relays: all(connection, "relay", "SELECT id, body FROM relay ORDER BY id", [])?,
                wraps: all(connection, "wrap", "SELECT id, body FROM wrap ORDER BY id", [])?,
                findings: all(connection, "finding", "SELECT id, body FROM finding ORDER BY id", [])?,
                decisions: all(
                    connection,
                    "decision",
                    "SELECT CAST(number AS TEXT), body FROM decision ORDER BY at_ns, number",
                    [],
                )?,
                drills: all(connection, "drill", "SELECT id, body FROM drill ORDER BY prepared_ns, id", [])?,
            })
        })
    }

    /// One edge.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn edge(&self, id: &EdgeId) -> Result<Option<Edge>, StoreError> {
        self.read(|connection| one(connection, "edge", "SELECT body FROM edge WHERE id = ?1", id.as_str()))
    }

    /// One listener.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn listener(&self, id: &ListenerId) -> Result<Option<Listener>, StoreError> {
        self.read(|connection| {
            one(connection, "listener", "SELECT body FROM listener WHERE id = ?1", id.as_str())
        })
    }

    /// One workload.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn workload(&self, id: &WorkloadId) -> Result<Option<Workload>, StoreError> {
        self.read(|connection| {
            one(connection, "workload", "SELECT body FROM workload WHERE id = ?1", id.as_str())
        })
    }

    /// The latest `limit` flows of an edge, newest first.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn flows_of_edge(&self, id: &EdgeId, limit: u32) -> Result<Vec<Flow>, StoreError> {
        self.read(|connection| {
            all(
                connection,
                "flow",
                "SELECT CAST(number AS TEXT), body FROM flow WHERE edge = ?1 ORDER BY to_ns DESC, id DESC LIMIT ?2",
                params![id.as_str(), limit],
            )
        })
    }

    /// The latest `limit` flows that ended at `since` or later, newest first.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn flows_since(&self, since: Timestamp, limit: u32) -> Result<Vec<Flow>, StoreError> {
        self.read(|connection| {
            all(
                connection,
                "flow",
                "SELECT CAST(number AS TEXT), body FROM flow WHERE to_ns >= ?1 ORDER BY to_ns DESC, id DESC LIMIT ?2",
                params![nanoseconds(since), limit],
            )
        })
    }

    /// The latest `limit` flows of all, newest first.
    ///
    /// # Errors
    /// As [`Store::snapshot`].
    pub fn latest_flows(&self, limit: u32) -> Result<Vec<Flow>, StoreError> {
        self.read(|connection| {
            all(
                connection,
                "flow",
                "SELECT CAST(number AS TEXT), body FROM flow ORDER BY to_ns DESC, id DESC LIMIT ?1",
                params![limit],
            )
        })
    }

    /// Everything in one call sees the same committed state.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Inner>) -> Result<T, StoreError> {
        let within = || {
            let transaction = self.connection.unchecked_transaction()?;
            let value = read(&transaction)?;
            transaction.finish()?;
            Ok(value)
        };
        within().map_err(|error: Inner| error.at(&self.place))
    }
}

fn hosts(connection: &Connection) -> Result<Vec<Host>, Inner> {
    all(connection, "host", "SELECT id, body FROM host ORDER BY id", [])
}

fn window(connection: &Connection) -> Result<Option<(Timestamp, Timestamp)>, Inner> {
    let ends: (Option<i64>, Option<i64>) =
        connection.query_row("SELECT min(started_ns), max(last_ns) FROM session", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(match ends {
        (Some(from), Some(to)) => Some((timestamp(from), timestamp(to))),
        _ => None,
    })
}

/// What the pipeline summed up, with the times between runs put in.
fn coverage(connection: &Connection) -> Result<CoverageSummary, Inner> {
    let stored: Option<String> =
        connection.query_row("SELECT body FROM coverage", [], |row| row.get(0)).optional()?;
    let mut coverage: CoverageSummary = match stored {
        Some(body) => parse("coverage", "1", &body)?,
        None => CoverageSummary::default(),
    };
    let mut statement = connection.prepare_cached("SELECT from_ns, to_ns, reason FROM blind")?;
    let between = statement.query_map([], |row| {
        Ok(DegradedInterval { from: timestamp(row.get(0)?), to: timestamp(row.get(1)?), reason: row.get(2)? })
    })?;
    for interval in between {
        coverage.blind.push(interval?);
    }
    coverage.blind.sort_by(|a, b| (a.from, a.to, &a.reason).cmp(&(b.from, b.to, &b.reason)));
    coverage.blind.dedup();
    Ok(coverage)
}

/// Rows of `(id, body)`.
fn all<T: DeserializeOwned>(
    connection: &Connection,
    kind: &str,
    sql: &str,
    params: impl Params,
) -> Result<Vec<T>, Inner> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, body) = (row.get_ref(0)?, row.get_ref(1)?);
        let text = |value: rusqlite::types::ValueRef<'_>| -> rusqlite::Result<String> {
            Ok(value
                .as_str()
                .map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(1, value.data_type(), error.into())
                })?
                .to_owned())
        };
        values.push(parse(kind, &text(id)?, &text(body)?)?);
    }
    Ok(values)
}

fn one<T: DeserializeOwned>(
    connection: &Connection,
    kind: &str,
    sql: &str,
    id: &str,
) -> Result<Option<T>, Inner> {
    let body: Option<String> =
        connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    body.map(|body| parse(kind, id, &body)).transpose()
}

fn parse<T: DeserializeOwned>(kind: &str, id: &str, body: &str) -> Result<T, Inner> {
    serde_json::from_str(body).map_err(|error| Inner::Body(format!("{kind} {id}"), error))
}
