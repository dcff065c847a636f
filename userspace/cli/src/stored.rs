//! The stored graph, opened the way each command needs it.

use tierzero_core::graph::Snapshot;
use tierzero_store::{Place, Store, StoreError};

use crate::arguments::Global;
use crate::error::{Failure, Outcome};
use crate::place::{self, Db};

/// The graph as it was stored.
pub(crate) fn snapshot(global: &Global) -> Outcome<Snapshot> {
    read_only(global)?.snapshot().map_err(|error| failure("the graph can't be read", &error))
}

/// The store, for reading: a running observer is not disturbed.
pub(crate) fn read_only(global: &Global) -> Outcome<Store> {
    let db = global.db();
    if db == Db::Memory {
        return Err(Failure::usage(":memory: holds nothing to read; it is for observe and replay")
            .next("name the file that `tierzero observe` wrote with --db"));
    }
    Store::open_read_only(place_of(&db)).map_err(|error| {
        let failure = failure("the graph can't be read", &error);
        if !matches!(error, StoreError::Absent { .. }) || global.db.is_some() || place::is_root() {
            return failure;
        }
        failure.next(format!(
            "run `tierzero observe` first; what root observed is in {} and needs sudo to be read",
            place::ROOT_DB
        ))
    })
}

/// The store, for writing.
pub(crate) fn writable(db: &Db) -> Outcome<Store> {
    Store::open(place_of(db))
        .map_err(|error| failure("the database can't be opened; nothing was started", &error))
}

/// What the store said, with its own hint.
pub(crate) fn failure(what: &str, error: &StoreError) -> Failure {
    Failure::new(what).because(error).next(error.hint())
}

fn place_of(db: &Db) -> Place {
    match db {
        Db::File(path) => Place::File(path.clone()),
        Db::Memory => Place::Memory,
    }
}
