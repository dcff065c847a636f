//! Numbered migrations: each raises `user_version` by one, all or nothing.

use rusqlite::{Connection, TransactionBehavior};

/// What each step does; step n makes schema n from schema n - 1.
const STEPS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
];

/// SQLite's `application_id`: the letters `t0gr`.
pub(crate) const APPLICATION_ID: i32 = 0x7430_6772;

/// The newest schema that this program knows.
pub(crate) fn newest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// The schema number of a file, 0 for a new one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Raises the schema to the newest. A step that fails leaves the file as it was before that step.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    raise(connection, STEPS)
}

fn raise(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    for (step, number) in steps.iter().zip(1_u32..) {
        // Immediate: of two programs that open a new file at once, the second waits and finds the step done.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? >= number {
            continue;
        }
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = Result<(), rusqlite::Error>;

    fn schema(connection: &Connection) -> rusqlite::Result<Vec<String>> {
        let mut statement =
            connection.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY type, name")?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    #[test]
    fn from_every_older_schema_the_newest_is_reached_and_is_the_same() -> Check {
        let mut fresh = Connection::open_in_memory()?;
        migrate(&mut fresh)?;
        for known in 0..=STEPS.len() {
            let mut old = Connection::open_in_memory()?;
            raise(&mut old, STEPS.get(..known).unwrap_or_default())?;
            migrate(&mut old)?;
            assert_eq!(schema(&old)?, schema(&fresh)?, "from schema {known}");
            assert_eq!(version(&old)?, newest());
        }
        Ok(())
    }

    #[test]
    fn a_step_that_fails_leaves_the_schema_before_it() -> Check {
        let mut connection = Connection::open_in_memory()?;
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"];
        assert!(raise(&mut connection, &steps).is_err());
        assert_eq!(version(&connection)?, 1);
        assert_eq!(schema(&connection)?, ["CREATE TABLE a (x)"]);
        Ok(())
    }
}
